//! A bit flipped anywhere before the last synced position is found and named; what is torn after it is cut.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use headwater::{Append, Engine, ErrorKind, ReadOptions, StreamConfig};

const RECORDS: u64 = 40;

/// A directory with `RECORDS` acknowledged records, closed cleanly or left as a kill leaves it, and its one segment.
fn made(name: &str, clean: bool) -> (PathBuf, PathBuf) {
    let dir = std::env::temp_dir().join(format!("headwater-damage-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    let engine = Engine::open(&dir).expect("open");
    let stream = engine.create_stream(StreamConfig::new("s", ["s.>"])).expect("create");
    for n in 0..RECORDS {
        stream.append(&Append::new("s.a", format!("record {n}").as_bytes())).wait().expect("append");
    }
    let segment = dir.join("streams/s/0000000000000000.seg");
    if clean {
        engine.close().expect("close");
    } else {
        // What is on disk now is what a kill would leave: the close comes after the copy.
        let bytes = fs::read(&segment).expect("read");
        engine.close().expect("close");
        fs::write(&segment, bytes).expect("write");
        fs::remove_file(dir.join("streams/s/index.snap")).expect("remove");
    }
    (dir, segment)
}

#[test]
fn every_flipped_bit_of_a_cleanly_closed_directory_is_found() {
    let (dir, segment) = made("clean", true);
    let whole = fs::read(&segment).expect("read");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&segment, &bytes).expect("write");
        let report = Engine::verify(&dir, &mut |_, _| ControlFlow::Continue(())).expect("verify");
        // The mark itself is the last frame: without it the directory is merely not closed cleanly, and the snapshot
        // still knows how far it was synced.
        assert!(!report.damage.is_empty(), "byte {at} of {} was flipped and nothing was found", whole.len());
        let opened = Engine::open(&dir).expect("open").stream("s").map(|s| s.last("s.a").map(|_| ()));
        assert!(opened.is_err(), "byte {at} was flipped and the stream opened");
    }
    fs::write(&segment, &whole).expect("write");
    let report = Engine::verify(&dir, &mut |_, _| ControlFlow::Continue(())).expect("verify");
    assert_eq!((report.damage.len(), report.torn.len(), report.records), (0, 0, RECORDS));
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn a_flipped_bit_after_a_kill_is_damage_before_the_last_record_and_a_torn_tail_in_it() {
    let (dir, segment) = made("kill", false);
    let whole = fs::read(&segment).expect("read");
    let last = 8 + 8 + 12 + 1 + "s.a".len() + format!("record {}", RECORDS - 1).len();
    for at in (300..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&segment, &bytes).expect("write");
        let engine = Engine::open(&dir).expect("open");
        match engine.stream("s") {
            Ok(stream) => {
                assert!(at >= whole.len() - last, "byte {at} of {} was flipped and the stream opened", whole.len());
                let read = stream.read(&ReadOptions::default()).expect("read");
                assert_eq!(read.len() as u64, RECORDS - 1, "only the torn record is cut");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                assert!(error.message().contains("missing") || error.message().contains("header"), "{error}");
            }
        }
        drop(engine);
        let _ = fs::remove_file(dir.join("streams/s/index.snap"));
    }
    fs::remove_dir_all(dir).expect("remove");
}

//! A bit flipped anywhere before the last synced position is found and named; what is torn after it is cut.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use headwater::{Append, ConsumerConfig, Engine, ErrorKind, ReadOptions, StreamConfig, VerifyReport};

const RECORDS: u64 = 40;

/// A directory with `RECORDS` acknowledged records, closed cleanly or left as a kill leaves it, and its one segment.
fn made(name: &str, clean: bool) -> (PathBuf, PathBuf) {
    let dir = std::env::temp_dir().join(format!("headwater-damage-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    let engine = Engine::open(&dir).expect("open");
    let stream = engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect("create");
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
        assert!(opened.wait().is_err(), "byte {at} was flipped and the stream opened");
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
        match engine.stream("s").wait() {
            Ok(stream) => {
                assert!(at >= whole.len() - last, "byte {at} of {} was flipped and the stream opened", whole.len());
                let read = stream.read(&ReadOptions::default()).wait().expect("read");
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

fn verify(dir: &Path) -> VerifyReport {
    Engine::verify(dir, &mut |_, _| ControlFlow::Continue(())).expect("verify")
}

#[test]
fn a_flipped_bit_in_a_batch_costs_the_records_that_it_hit() {
    let (dir, _) = made("batch", true);
    let engine = Engine::open(&dir).expect("open");
    let stream = engine.create_stream(StreamConfig::new("b", ["b.>"])).wait().expect("create");
    let payloads: Vec<String> = (0..1000).map(|n| format!("record {n} of a batch")).collect();
    let batch: Vec<Append<'_>> = payloads.iter().map(|p| Append::new("b.a", p.as_bytes())).collect();
    for _ in 0..3 {
        stream.append_batch(&batch).wait().expect("append");
    }
    engine.close().expect("close");
    let segment = dir.join("streams/b/0000000000000000.seg");
    let mut bytes = fs::read(&segment).expect("read");
    let needle = b"record 500 of a batch";
    let hits: Vec<usize> = (0..bytes.len() - needle.len()).filter(|&at| bytes[at..].starts_with(needle)).collect();
    assert_eq!(hits.len(), 3);
    bytes[hits[1] + 7] ^= 4;
    fs::write(&segment, bytes).expect("write");
    let report = verify(&dir);
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert!(report.damage[0].ends_with("sequences 1501 to 1501 are missing"), "{:?}", report.damage);
    assert_eq!(report.records, RECORDS + 3000 - 1);
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn the_first_record_of_a_segment_is_not_taken_a_second_time() {
    let (dir, segment) = made("twice", false);
    let mut bytes = fs::read(&segment).expect("read");
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
    let header = number(8);
    let len = |at: usize| 8 + (number(at + 4) & 0xff_ffff);
    let (mut frames, mut end) = (Vec::new(), header);
    while end + 8 <= bytes.len() && len(end) > 8 {
        frames.push(bytes[end + 4..end + len(end)].to_vec());
        end += len(end);
    }
    // The same frame again, with a check that holds at its new place.
    let frame = frames.into_iter().find(|f| f.ends_with(b"record 0")).expect("the first record");
    let check = crc32fast::hash(&frame) ^ (end - header) as u32;
    bytes.truncate(end);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes.extend_from_slice(&frame);
    fs::write(&segment, bytes).expect("write");
    assert!(verify(&dir).damage[0].ends_with("record 1 where 41 is due"), "{:?}", verify(&dir).damage);
    let engine = Engine::open(&dir).expect("open");
    let refused = engine.stream("s").wait().expect_err("damage");
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.to_string().ends_with("record 1 where 41 is due"), "{refused}");
    drop(engine);
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn a_newer_format_is_no_damage() {
    let (dir, segment) = made("newer", true);
    let bytes = fs::read(&segment).expect("read");
    let mut newer = bytes.clone();
    newer[7] += 1;
    fs::write(&segment, newer).expect("write");
    let refused = || Engine::verify(&dir, &mut |_, _| ControlFlow::Continue(())).expect_err("a newer format");
    assert_eq!(refused().kind(), ErrorKind::Unsupported, "{}", refused());
    let engine = Engine::open(&dir).expect("open");
    assert_eq!(engine.stream("s").wait().expect_err("a newer format").kind(), ErrorKind::Unsupported);
    assert_eq!(engine.delete_stream("s").wait().expect_err("a newer format").kind(), ErrorKind::Unsupported);
    drop(engine);
    fs::write(&segment, bytes).expect("write");
    let identity = dir.join("headwater.json");
    let text = fs::read_to_string(&identity).expect("read").replace("\"format\":1", "\"format\":2");
    fs::write(&identity, text).expect("write");
    assert_eq!(refused().kind(), ErrorKind::Unsupported, "{}", refused());
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn a_damaged_stream_is_in_nobodys_way_and_can_be_deleted() {
    let (dir, segment) = made("alone", true);
    let engine = Engine::open(&dir).expect("open");
    engine.create_stream(StreamConfig::new("whole", ["whole.>"])).wait().expect("create");
    engine.close().expect("close");
    let mut bytes = fs::read(&segment).expect("read");
    bytes[20] ^= 1;
    fs::write(&segment, bytes).expect("write");
    let engine = Engine::open(&dir).expect("open");
    let names = || engine.streams().wait().expect("streams").into_iter().map(|i| i.config.name).collect::<Vec<_>>();
    assert_eq!(names(), ["whole"]);
    assert!(engine.logs(10).iter().any(|l| l.level == "error" && l.message.contains("stream 's'")));
    engine.stream("whole").wait().expect("stream").append(&Append::new("whole.1", b"x")).wait().expect("append");
    engine.create_stream(StreamConfig::new("new", ["new.>"])).wait().expect("create");
    let again = engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect_err("damaged");
    assert_eq!(again.kind(), ErrorKind::Corrupt, "{again}");
    let backup = engine.backup(dir.with_extension("copy"), &mut |_, _| ControlFlow::Continue(()));
    assert_eq!(backup.expect_err("a backup leaves nothing out").kind(), ErrorKind::Corrupt);
    engine.delete_stream("s").wait().expect("delete");
    assert_eq!(engine.stream("s").wait().expect_err("deleted").kind(), ErrorKind::NotFound);
    engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect("create");
    assert_eq!(names(), ["new", "s", "whole"]);
    engine.close().expect("close");
    assert_eq!(verify(&dir).damage, Vec::<String>::new());
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn every_flipped_bit_in_a_consumer_is_found_and_the_consumer_can_be_deleted() {
    let (dir, _) = made("consumer", true);
    let engine = Engine::open(&dir).expect("open");
    let stream = engine.stream("s").wait().expect("stream");
    let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait().expect("create");
    stream.create_consumer(ConsumerConfig::new("other")).wait().expect("create");
    for _ in 0..4 {
        let seqs: Vec<u64> = consumer.try_next(5).expect("next").iter().map(|r| r.seq).collect();
        consumer.ack_sync(&seqs[1..]).wait().expect("ack");
    }
    let place = dir.join("streams/s/consumers/c");
    let file = || fs::read_dir(&place).expect("list").next().expect("a file").expect("entry").path();
    let killed = (file(), fs::read(file()).expect("read"));
    engine.close().expect("close");

    let closed = fs::read(file()).expect("read");
    for at in 0..closed.len() {
        let mut bytes = closed.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(file(), &bytes).expect("write");
        let found = Engine::verify(&dir, &mut |_, _| ControlFlow::Continue(()));
        assert!(found.is_err() || !found.expect("verify").damage.is_empty(), "byte {at} was flipped");
    }
    fs::write(file(), &closed).expect("write");
    assert_eq!(verify(&dir).damage, Vec::<String>::new());

    // As a kill leaves it: the entries before the last sync are proved by the mark behind them.
    fs::remove_file(file()).expect("remove");
    fs::write(&killed.0, &killed.1).expect("write");
    assert_eq!(verify(&dir).damage, Vec::<String>::new());
    let mut bytes = killed.1.clone();
    let entry = bytes.windows(6).position(|w| w.starts_with(b"{\"a\":[")).expect("an entry");
    bytes[entry] ^= 1;
    fs::write(&killed.0, &bytes).expect("write");
    let report = verify(&dir);
    assert!(report.damage.len() == 1 && report.damage[0].contains("entries from there on"), "{:?}", report.damage);

    let engine = Engine::open(&dir).expect("open");
    let stream = engine.stream("s").wait().expect("stream");
    let error = stream.consumer("c").map(drop).wait().expect_err("damaged");
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("consumer 'c'"), "{error}");
    let again = stream.create_consumer(ConsumerConfig::new("c")).map(drop);
    assert_eq!(again.wait().expect_err("damaged").kind(), ErrorKind::Corrupt);
    assert_eq!(stream.consumer("other").wait().expect("consumer").try_next(5).expect("next").len(), 5);
    let names: Vec<String> = stream.consumers().wait().expect("consumers").into_iter().map(|i| i.config.name).collect();
    assert_eq!(names, ["other"]);
    stream.delete_consumer("c").wait().expect("delete");
    stream.create_consumer(ConsumerConfig::new("c")).wait().expect("create");
    engine.close().expect("close");
    assert_eq!(verify(&dir).damage, Vec::<String>::new());
    fs::remove_dir_all(dir).expect("remove");
}

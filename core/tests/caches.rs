//! A cache whose check holds and whose content lies costs an error or a rebuild: no panic, and no record that was never
//! written under its sequence and subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater::disk::{Disk, MemDisk, OpenMode};
use headwater::{
    Append, Engine, EngineOptions, ErrorKind, ManualClock, PurgeOptions, ReadOptions, Result, SECOND, StreamConfig,
};

const ROOT: &str = "/lies";
const DIR: &str = "/lies/streams/s";
const RECORDS: u64 = 400;

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn options(disk: &MemDisk) -> EngineOptions {
    EngineOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_700_000_000 * SECOND, 1)),
        worker: false,
        cache_bytes: 256 << 10,
        ..EngineOptions::default()
    }
}

fn payload(seq: u64) -> Vec<u8> {
    [seq as u8; 400].to_vec()
}

fn subject(seq: u64) -> String {
    if seq <= RECORDS / 2 { "s.old".to_owned() } else { format!("s.{}", seq % 5) }
}

/// A stream of several segments, the first of which was removed, with a snapshot and index files.
fn sound() -> Files {
    let disk = MemDisk::default();
    let engine = Engine::open_with(ROOT, options(&disk)).expect("open");
    let config = StreamConfig { segment_bytes: 64 << 10, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(config).wait().expect("create");
    for seq in 1..=RECORDS {
        stream.append(&Append::new(&subject(seq), &payload(seq))).wait().expect("append");
    }
    let old = PurgeOptions { filter: Some("s.old".into()), keep: 3, ..PurgeOptions::default() };
    stream.purge(&old).wait().expect("purge");
    (0..20).for_each(|_| {
        engine.step();
    });
    engine.close().expect("close");
    let mut files = Files::new();
    collect(&disk, Path::new(ROOT), &mut files);
    files
}

fn collect(disk: &MemDisk, dir: &Path, files: &mut Files) {
    for name in disk.list(dir).unwrap_or_default() {
        let path = dir.join(name);
        let Ok(file) = disk.open(&path, OpenMode::Read) else {
            collect(disk, &path, files);
            continue;
        };
        let mut bytes = vec![0; file.len().expect("memory") as usize];
        file.read_at(&mut bytes, 0).expect("memory");
        files.insert(path, bytes);
    }
}

/// The directory with one file's bytes changed, and its check made to hold again.
fn with(files: &Files, path: &Path, change: impl Fn(&mut Vec<u8>)) -> MemDisk {
    let disk = MemDisk::default();
    for (of, bytes) in files {
        let mut bytes = bytes.clone();
        if of == path {
            bytes.truncate(bytes.len() - 4);
            change(&mut bytes);
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        }
        disk.create_dir(of.parent().expect("below the root")).expect("memory");
        disk.open(of, OpenMode::Create).and_then(|file| file.write_at(&bytes, 0)).expect("memory");
    }
    disk
}

/// Reads in every way; returns the sequences that a whole read gave.
fn read(disk: &MemDisk) -> Result<Vec<u64>> {
    let engine = Engine::open_with(ROOT, options(disk))?;
    let stream = engine.stream("s").wait()?;
    let all = stream.read(&ReadOptions::default()).wait()?;
    let check = |seq, subject: &str, payload: &[u8]| {
        assert!(subject == self::subject(seq) && payload == self::payload(seq), "{seq} of '{subject}' was not written");
    };
    all.iter().for_each(|r| check(r.seq, r.subject, r.payload));
    for filter in ["s.old", "s.1", "s.*"] {
        for backward in [false, true] {
            let options = ReadOptions { backward, ..ReadOptions::default().filter(filter) };
            stream.read(&options).wait()?.iter().for_each(|r| check(r.seq, r.subject, r.payload));
        }
        if let Some(last) = stream.last(filter).wait()? {
            check(last.seq, &last.subject, &last.payload);
            assert!(filter == "s.*" || last.subject == filter);
        }
    }
    stream.last_many(&[">"], 0, 100).wait()?.iter().for_each(|r| check(r.seq, r.subject, r.payload));
    stream.delete(RECORDS - 7).wait()?;
    stream.delete(RECORDS / 2).wait()?;
    Ok(all.iter().map(|r| r.seq).collect())
}

fn named(files: &Files, end: &str) -> PathBuf {
    files.keys().find(|p| p.to_string_lossy().ends_with(end)).expect("it is there").clone()
}

#[test]
fn an_index_that_lies_anywhere_costs_an_error_or_nothing() {
    let files = sound();
    let whole = read(&with(&files, Path::new(""), |_| {})).expect("it is sound");
    assert_eq!(whole.len() as u64, RECORDS / 2 + 3);
    let path = named(&files, ".idx");
    let len = files[&path].len() - 4;
    for at in 0..len {
        for add in [1, 0x7f, 0xff] {
            let disk = with(&files, &path, |bytes| bytes[at] = bytes[at].wrapping_add(add));
            match read(&disk) {
                Ok(seqs) => assert_eq!(seqs, whole, "byte {at} and {add}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at} and {add}: {error}"),
            }
        }
    }
}

#[test]
fn an_index_whose_block_begins_past_the_next_is_made_anew() {
    let files = sound();
    let whole = read(&with(&files, Path::new(""), |_| {})).expect("it is sound");
    let disk = with(&files, &named(&files, ".idx"), |bytes| bytes[36..40].copy_from_slice(&u32::MAX.to_le_bytes()));
    assert_eq!(read(&disk).expect("rebuilt"), whole);
}

#[test]
fn a_snapshot_that_lies_anywhere_shows_nothing_that_was_not_written() {
    let files = sound();
    let path = Path::new(DIR).join("index.snap");
    for at in 0..files[&path].len() - 4 {
        for add in [1, 0x7f, 0xff] {
            let disk = with(&files, &path, |bytes| bytes[at] = bytes[at].wrapping_add(add));
            if let Err(error) = read(&disk) {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at} and {add}: {error}");
            }
        }
        let disk = with(&files, &path, |bytes| {
            bytes.remove(at);
        });
        if let Err(error) = read(&disk) {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "without byte {at}: {error}");
        }
    }
}

#[test]
fn no_sequence_is_given_twice_whatever_a_snapshot_says_was_the_last() {
    let files = sound();
    let path = Path::new(DIR).join("index.snap");
    let bytes = &files[&path];
    let last = [0x80 | (RECORDS & 0x7f) as u8, (RECORDS >> 7) as u8];
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(&last)).collect();
    assert!(!places.is_empty(), "the last sequence is in the snapshot");
    for at in places {
        for low in [0x80, 0x81, 0x8f, 0x91, 0xff] {
            let disk = with(&files, &path, |bytes| bytes[at] = low);
            let Ok(engine) = Engine::open_with(ROOT, options(&disk)) else { continue };
            let Ok(stream) = engine.stream("s").wait() else { continue };
            let ack = stream.append(&Append::new("s.new", b"")).wait().expect("append");
            assert_eq!(ack.seq, RECORDS + 1, "byte {at} as {low:#x}");
        }
    }
}

#[test]
fn removed_stretches_that_cannot_be_are_damage() {
    let files = sound();
    let path = Path::new(DIR).join("removed");
    let magic = files[&path][..8].to_vec();
    for stretches in [&[5, 5][..], &[9, 3], &[0, 9, 3, 20], &[0, 9, 9, 20], &[1]] {
        let disk = with(&files, &path, |bytes| *bytes = [&magic[..], stretches].concat());
        let error = read(&disk).expect_err("it cannot be");
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("removed"), "{stretches:?}: {error}");
    }
}

#[test]
fn a_segment_that_was_emptied_before_a_close_is_removed_after_it() {
    let disk = MemDisk::default();
    let engine = Engine::open_with(ROOT, options(&disk)).expect("open");
    let config = StreamConfig { segment_bytes: 1 << 20, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(config).wait().expect("create");
    // Enough for a close to seal the segment.
    for _ in 0..11 {
        stream.append(&Append::new("s.a", &vec![7; 100 << 10])).wait().expect("append");
    }
    stream.purge(&PurgeOptions::default()).wait().expect("purge");
    engine.close().expect("close");
    let engine = Engine::open_with(ROOT, options(&disk)).expect("open");
    let stream = engine.stream("s").wait().expect("stream");
    for _ in 0..2 {
        stream.append(&Append::new("s.a", &vec![7; 100 << 10])).wait().expect("append");
        (0..20).for_each(|_| {
            engine.step();
        });
    }
    let info = stream.info().wait().expect("info");
    assert_eq!((info.records, info.first_seq, info.deleted), (2, 12, 0));
    assert!(!disk.exists(&Path::new(DIR).join("0000000000000000.seg")), "the emptied segment is removed");
}

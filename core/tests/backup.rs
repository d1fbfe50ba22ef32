//! A backup holds every record as of its moment, whatever the state of the directory that it was taken from.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater::{Append, Compression, Durability, Engine, ErrorKind, PurgeOptions, ReadOptions, Stream, StreamConfig};

/// What a close seals, and more than one segment of it.
const RECORDS: u64 = 6_000;
const SEGMENT_BYTES: u64 = 256 << 10;

type Records = Vec<(u64, String, Vec<u8>)>;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("headwater-backup-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Dir(dir)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn open(&self) -> Engine {
        Engine::open(self.data()).expect("open")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn config(name: &str) -> StreamConfig {
    let mut config = StreamConfig::new(name, [format!("{name}.>")]);
    config.durability = Durability::Os;
    config
}

fn fill(stream: &Stream, count: u64) {
    for n in 0..count {
        let payload = format!("{n} of {count} ").repeat(30);
        let subject = format!("{}.{}", stream.name(), n % 50);
        stream.append(&Append::new(&subject, payload.as_bytes())).wait().expect("append");
    }
}

/// Does whatever upkeep is due, packing included.
fn settle(engine: &Engine) {
    for _ in 0..40 {
        engine.step();
    }
}

fn all(stream: &Stream) -> Records {
    let options = ReadOptions { max_records: 100_000, max_bytes: usize::MAX, ..ReadOptions::default() };
    stream
        .read(&options)
        .wait()
        .expect("read")
        .iter()
        .map(|r| (r.seq, r.subject.to_owned(), r.payload.to_vec()))
        .collect()
}

/// Takes a backup, checks and restores it, and returns what the copy of `stream` holds.
fn round(dir: &Dir, engine: &Engine, stream: &str) -> Records {
    let (backup, fresh) = (dir.0.join("backup"), dir.0.join("fresh"));
    engine.backup(&backup, &mut go_on).expect("backup");
    let report = Engine::verify(&backup, &mut go_on).expect("verify");
    assert_eq!((report.damage, report.torn), (vec![], vec![]));
    Engine::restore(&backup, &fresh, &mut go_on).expect("restore");
    let copy = Engine::open(&fresh).expect("open the copy");
    let held = copy.stream(stream).wait().expect("the stream of the copy");
    let records = all(&held);
    for (seq, subject, payload) in records.iter().step_by(97) {
        assert_eq!(&held.get(*seq).wait().expect("get").expect("there").payload, payload);
        assert!(held.last_seq(subject).wait().expect("last") >= *seq);
    }
    let last = held.info().wait().expect("info").last_seq;
    fill(&held, 1);
    assert_eq!(held.info().wait().expect("info").last_seq, last + 1);
    copy.close().expect("close the copy");
    fs::remove_dir_all(backup).expect("remove");
    fs::remove_dir_all(fresh).expect("remove");
    records
}

#[test]
fn a_closed_directory_of_more_than_a_mebibyte_comes_back_whole() {
    let dir = Dir::new("closed");
    let engine = dir.open();
    fill(&engine.create_stream(config("s")).wait().expect("create"), RECORDS);
    let before = all(&engine.stream("s").wait().expect("stream"));
    assert_eq!(round(&dir, &engine, "s"), before, "live");
    engine.close().expect("close");
    let engine = dir.open();
    assert_eq!(round(&dir, &engine, "s"), before, "reopened");
    let reader = Engine::open_with(dir.data(), headwater::EngineOptions::read_only()).expect("open");
    assert_eq!(round(&dir, &reader, "s"), before, "beside the writer");
    fill(&engine.stream("s").wait().expect("stream"), 10);
    assert_eq!(round(&dir, &engine, "s").len() as u64, RECORDS + 10, "and written again");
}

#[test]
fn a_stream_whose_segments_were_dropped_or_packed_comes_back_whole() {
    for compression in [Compression::None, Compression::Zstd] {
        let dir = Dir::new(if compression == Compression::None { "dropped" } else { "packed" });
        let engine = dir.open();
        let stream = engine
            .create_stream(StreamConfig { segment_bytes: SEGMENT_BYTES, compression, ..config("s") })
            .wait()
            .expect("create");
        fill(&stream, RECORDS);
        stream.purge(&PurgeOptions { before_seq: Some(RECORDS / 2), ..PurgeOptions::default() }).wait().expect("purge");
        for subject in 0..40 {
            let one = PurgeOptions { filter: Some(format!("s.{subject}")), ..PurgeOptions::default() };
            stream.purge(&one).wait().expect("purge");
        }
        let before = all(&stream);
        assert_eq!(before.len() as u64, RECORDS / 2 / 5 + 1, "{compression:?}");
        assert_eq!(round(&dir, &engine, "s"), before, "{compression:?}, as the cleaning begins");
        settle(&engine);
        assert_eq!(round(&dir, &engine, "s"), before, "{compression:?}, live");
        engine.close().expect("close");
        let engine = dir.open();
        assert_eq!(round(&dir, &engine, "s"), before, "{compression:?}, reopened");
        settle(&engine);
        assert_eq!(round(&dir, &engine, "s"), before, "{compression:?}, cleaned after the reopen");
    }
}

#[test]
fn a_copy_into_what_is_copied_is_refused() {
    let dir = Dir::new("inside");
    let engine = dir.open();
    engine.create_stream(config("s")).wait().expect("create");
    let link = dir.0.join("link");
    std::os::unix::fs::symlink(dir.data(), &link).expect("link");
    let data = dir.data();
    let (up, deep) = (data.join("../data/up"), data.join("not/there"));
    for to in [data.join("inside"), data.join("streams/x"), link.join("inside"), up, deep] {
        let error = engine.backup(&to, &mut go_on).expect_err("inside");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(!to.exists());
    }
    engine.backup(dir.0.join("data2"), &mut go_on).expect("beside");
    let error = Engine::restore(dir.0.join("data2"), dir.0.join("data2/in"), &mut go_on).expect_err("inside");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(Engine::open("").expect_err("no directory").kind(), ErrorKind::Invalid);
}

#[test]
fn a_stream_that_was_emptied_stays_empty() {
    let dir = Dir::new("emptied");
    let engine = dir.open();
    let stream = engine.create_stream(config("s")).wait().expect("create");
    fill(&stream, RECORDS);
    assert_eq!(stream.purge(&PurgeOptions::default()).wait().expect("purge"), RECORDS);
    engine.close().expect("close");
    let engine = dir.open();
    let stream = engine.stream("s").wait().expect("stream");
    assert_eq!(all(&stream), vec![]);
    let info = stream.info().wait().expect("info");
    assert_eq!((info.records, info.last_seq), (0, RECORDS));
    assert_eq!(round(&dir, &engine, "s"), vec![]);
    engine.close().expect("close");
    assert_eq!(round(&dir, &dir.open(), "s"), vec![]);
}

#[test]
fn a_backup_beside_writers_and_the_cleaning_of_segments_is_one_moment() {
    let dir = Dir::new("live");
    let engine = dir.open();
    let stream = engine
        .create_stream(StreamConfig {
            segment_bytes: SEGMENT_BYTES,
            compression: Compression::Zstd,
            max_msgs_per_subject: 40,
            ..config("s")
        })
        .wait()
        .expect("create");
    fill(&stream, 2_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fill(&stream, 50);
            }
        });
        for _ in 0..10 {
            let records = round(&dir, &engine, "s");
            assert_eq!(records.len(), 50 * 40, "each subject has its newest");
            let last = records.last().expect("records").0;
            assert_eq!(records.first().expect("records").0, last + 1 - 50 * 40, "without a gap");
        }
        done.store(true, Ordering::Relaxed);
    });
}

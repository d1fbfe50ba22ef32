//! A stream's directory in memory, made once by the engine, and what is asked of every directory that came of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater::disk::{Disk, MemDisk, OpenMode};
use headwater::{
    Append, ConsumerConfig, Engine, EngineOptions, Error, ManualClock, PurgeOptions, ReadOptions, Result, Rollup,
    SECOND, StreamConfig,
};

const ROOT: &str = "/d";
const NOW: u64 = 1_700_000_000 * SECOND;

/// The files of a directory.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Subject and payload of each record, by sequence.
pub type Written = BTreeMap<u64, (String, Vec<u8>)>;

/// A directory whose stream has records of every kind, a snapshot and a consumer; and, with `filler`, several segments
/// with their indexes, the first of which was removed. Without, all records are in one small segment.
pub fn template(filler: bool) -> &'static Files {
    &made(filler).0
}

/// Every record that was ever written to the template with filler, those that were taken out among them.
#[allow(dead_code)]
pub fn written() -> &'static Written {
    &made(true).1
}

fn made(filler: bool) -> &'static (Files, Written) {
    static TEMPLATES: [OnceLock<(Files, Written)>; 2] = [OnceLock::new(), OnceLock::new()];
    TEMPLATES[usize::from(filler)].get_or_init(|| make(filler).expect("a sound disk takes everything"))
}

fn make(with_filler: bool) -> Result<(Files, Written)> {
    let disk = MemDisk::default();
    let engine = Engine::open_with(ROOT, options(&disk, false))?;
    let config =
        StreamConfig { segment_bytes: 64 << 10, allow_rollup: true, ..StreamConfig::new("s", ["s.>", "dead"]) };
    let stream = engine.create_stream(config).wait()?;
    let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait()?;
    let filler = [b'x'; 30 << 10];
    let mut written = Written::new();
    let mut put = |append: &Append<'_>| {
        let ack = stream.append(append).wait()?;
        written.insert(ack.seq, (append.subject.to_owned(), append.payload.to_vec()));
        Ok::<_, Error>(())
    };
    if with_filler {
        for _ in 0..3 {
            put(&Append::new("dead", &filler))?;
        }
    }
    for n in 0..12 {
        let subject = format!("s.{}", n % 3);
        put(&Append::new(&subject, b"plain").header("A", "b").event_time(n))?;
        let id = format!("id {n}");
        let ttl = Some(Duration::from_secs(3_600));
        put(&Append { msg_id: Some(&id), ttl, ..Append::new("s.special", b"special") })?;
        if with_filler && n % 2 == 0 {
            put(&Append::new("s.filler", &filler))?;
        }
        let _ = consumer.try_next(2)?;
        consumer.ack(&[n as u64 + 1])?;
    }
    let batch = [Append::new("s.0", b"one"), Append::new("s.1", b"two")];
    let last = stream.append_batch(&batch).wait()?.seq;
    for (seq, append) in (last - 1..).zip(&batch) {
        written.insert(seq, (append.subject.to_owned(), append.payload.to_vec()));
    }
    let last = stream.append(&Append { rollup: Rollup::Subject, ..Append::new("s.2", b"rolled") }).wait()?.seq;
    written.insert(last, ("s.2".to_owned(), b"rolled".to_vec()));
    stream.delete(2).wait()?;
    stream.purge(&PurgeOptions { filter: Some("s.0".into()), keep: 2, ..PurgeOptions::default() }).wait()?;
    stream.purge(&PurgeOptions { filter: Some("dead".into()), ..PurgeOptions::default() }).wait()?;
    engine.step();
    engine.close()?;
    let mut files = Files::new();
    collect(&disk, Path::new(ROOT), &mut files);
    Ok((files, written))
}

/// Little, because all of it is made anew for each engine: the default's huge pages took most of a run.
const CACHE_BYTES: u64 = 256 << 10;

fn options(disk: &MemDisk, read_only: bool) -> EngineOptions {
    EngineOptions {
        read_only,
        worker: false,
        cache_bytes: CACHE_BYTES,
        clock: Arc::new(ManualClock::new(NOW, 7)),
        disk: Arc::new(disk.clone()),
        ..EngineOptions::default()
    }
}

fn collect(disk: &MemDisk, dir: &Path, files: &mut Files) {
    for name in disk.list(dir).unwrap_or_default() {
        let path = dir.join(name);
        match disk.open(&path, OpenMode::Read) {
            Ok(file) => {
                let mut bytes = vec![0; file.len().expect("memory") as usize];
                file.read_at(&mut bytes, 0).expect("memory");
                files.insert(path, bytes);
            }
            Err(_) => collect(disk, &path, files),
        }
    }
}

/// The files of a template that end so, in order.
pub fn named(files: &Files, end: &str) -> Vec<PathBuf> {
    files.keys().filter(|p| p.to_string_lossy().ends_with(end)).cloned().collect()
}

/// Opens the directory in every way and uses what opens: nothing may panic or hang, and what could be opened and closed
/// opens again as it was. What is read was written, where `written` says what was.
pub fn exercise(files: &Files, written: Option<&Written>) {
    // Each file that it makes costs as much as all the rest.
    if files.values().fold(0, |sum, bytes| sum ^ crc32fast::hash(bytes)) % VERIFY_ONE_IN == 0 {
        verify(files);
    }
    let disk = disk_of(files);
    let read = |engine: &Engine| read(engine, written);
    let _ = Engine::open_with(ROOT, options(&disk, true)).and_then(|engine| read(&engine));
    let Ok(engine) = Engine::open_with(ROOT, options(&disk, false)) else { return };
    let used = read(&engine).and_then(|_| write(&engine)).and_then(|_| read(&engine));
    let closed = engine.close();
    let (Ok(count), Ok(())) = (used, closed) else { return };
    drop(engine);
    let engine = Engine::open_with(ROOT, options(&disk, false)).expect("it was opened before");
    let again = read(&engine).expect("what was opened, used and closed opens again");
    // What a snapshot lied about comes back when that is found out, and the log is read instead.
    assert!(again == count || written.is_some(), "{count} records, and {again} after the second open");
}

/// How many directories are checked on the real disk.
const VERIFY_ONE_IN: u32 = 16;

fn disk_of(files: &Files) -> MemDisk {
    let disk = MemDisk::default();
    for (path, bytes) in files {
        disk.create_dir(path.parent().expect("below the root")).expect("memory");
        let file = disk.open(path, OpenMode::Create).expect("memory");
        file.write_at(bytes, 0).expect("memory");
    }
    disk
}

/// Asserts that a record is one that was written.
fn check(written: Option<&Written>, seq: u64, subject: &str, payload: &[u8]) {
    let Some(written) = written else { return };
    let new = matches!((subject, payload), ("s.0", b"new") | ("s.1", b"newer"));
    let was = written.get(&seq).is_some_and(|w| w.0 == subject && w.1 == payload);
    let last = written.last_key_value().map_or(0, |w| *w.0);
    assert!(was || (new && seq > last), "record {seq} of '{subject}' was never written");
}

fn read(engine: &Engine, written: Option<&Written>) -> Result<u64> {
    let stream = engine.stream("s").wait()?;
    let info = stream.info().wait()?;
    let mut count = 0;
    let mut after = 0;
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(after + 1)).wait()?;
        let Some(last) = batch.iter().last().map(|r| r.seq) else { break };
        assert!(last > after, "a read goes on: from {after} to {last}");
        after = last;
        count += batch.len() as u64;
        for record in batch.iter() {
            check(written, record.seq, record.subject, record.payload);
            std::hint::black_box(record.headers().count());
        }
        if after == u64::MAX {
            break;
        }
    }
    for filter in ["s.0", "s.*", ">"] {
        let last = stream.last(filter).wait()?;
        if let Some(record) = &last {
            assert!(filter != "s.0" || record.subject == filter, "the last of '{filter}' is '{}'", record.subject);
            check(written, record.seq, &record.subject, &record.payload);
        }
        let batch = stream.read(&ReadOptions::default().filter(filter).backward()).wait()?;
        batch.iter().for_each(|r| check(written, r.seq, r.subject, r.payload));
        assert!(batch.iter().is_sorted_by(|a, b| a.seq > b.seq), "a backward read goes back");
        let _ = stream.last_seq(filter).wait()?;
    }
    let batch = stream.read(&ReadOptions::default().from_time(NOW)).wait()?;
    batch.iter().for_each(|r| check(written, r.seq, r.subject, r.payload));
    let _ = stream.subjects(">", "", 100).wait()?;
    let batch = stream.last_many(&[">"], 0, 100).wait()?;
    batch.iter().for_each(|r| check(written, r.seq, r.subject, r.payload));
    if let Some(record) = stream.get(info.first_seq).wait()? {
        check(written, record.seq, &record.subject, &record.payload);
    }
    let _ = stream.consumers().wait()?;
    Ok(count)
}

fn write(engine: &Engine) -> Result<()> {
    let stream = engine.stream("s").wait()?;
    let ack = stream.append(&Append { msg_id: Some("id 1"), ..Append::new("s.0", b"new") }).wait()?;
    stream.append(&Append::new("s.1", b"newer")).wait()?;
    stream.delete(ack.seq).wait()?;
    let consumer = stream.consumer("c").wait()?;
    let batch = consumer.try_next(10)?;
    let seqs: Vec<u64> = batch.iter().map(|r| r.seq).collect();
    consumer.ack(&seqs)?;
    engine.step();
    Ok(())
}

/// `Engine::verify` reads the real disk, so the files go there, into a directory of this process.
fn verify(files: &Files) {
    let root = std::env::temp_dir().join(format!("headwater-fuzz-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    for (path, bytes) in files {
        let path = root.join(path.strip_prefix(ROOT).expect("below the root"));
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("the temporary directory takes files");
        std::fs::write(path, bytes).expect("the temporary directory takes files");
    }
    let _ = Engine::verify(&root, &mut |_, _| ControlFlow::Continue(()));
    std::fs::remove_dir_all(&root).expect("it was made above");
}

//! A stream's directory in memory, made once by the engine, and what is asked of every directory that came of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater::disk::{Disk, MemDisk, OpenMode};
use headwater::{
    Append, ConsumerConfig, Engine, EngineOptions, ManualClock, PurgeOptions, ReadOptions, Result, Rollup, SECOND,
    StreamConfig,
};

const ROOT: &str = "/d";
const NOW: u64 = 1_700_000_000 * SECOND;

/// The files of a directory.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A directory whose stream has records of every kind, a snapshot and a consumer; and, with `filler`, several segments
/// with their indexes. Without, all records are in one small segment.
pub fn template(filler: bool) -> &'static Files {
    static TEMPLATES: [OnceLock<Files>; 2] = [OnceLock::new(), OnceLock::new()];
    TEMPLATES[usize::from(filler)].get_or_init(|| make(filler).expect("a sound disk takes everything"))
}

fn make(with_filler: bool) -> Result<Files> {
    let disk = MemDisk::default();
    let engine = Engine::open_with(ROOT, options(&disk, false))?;
    let config =
        StreamConfig { segment_bytes: 64 << 10, allow_rollup: true, ..StreamConfig::new("s", ["s.>", "dead"]) };
    let stream = engine.create_stream(config).wait()?;
    let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait()?;
    let filler = [b'x'; 30 << 10];
    for n in 0..12 {
        let subject = format!("s.{}", n % 3);
        stream.append(&Append::new(&subject, b"plain").header("A", "b").event_time(n)).wait()?;
        let id = format!("id {n}");
        let ttl = Some(Duration::from_secs(3_600));
        stream.append(&Append { msg_id: Some(&id), ttl, ..Append::new("s.special", b"special") }).wait()?;
        if with_filler && n % 2 == 0 {
            stream.append(&Append::new("s.filler", &filler)).wait()?;
        }
        let _ = consumer.try_next(2)?;
        consumer.ack(&[n as u64 + 1])?;
    }
    stream.append_batch(&[Append::new("s.0", b"one"), Append::new("s.1", b"two")]).wait()?;
    stream.append(&Append { rollup: Rollup::Subject, ..Append::new("s.2", b"rolled") }).wait()?;
    stream.delete(2).wait()?;
    stream.purge(&PurgeOptions { filter: Some("s.0".into()), keep: 2, ..PurgeOptions::default() }).wait()?;
    engine.step();
    engine.close()?;
    let mut files = Files::new();
    collect(&disk, Path::new(ROOT), &mut files);
    Ok(files)
}

fn options(disk: &MemDisk, read_only: bool) -> EngineOptions {
    EngineOptions {
        read_only,
        worker: false,
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
/// opens again as it was.
pub fn exercise(files: &Files) {
    verify(files);
    let disk = MemDisk::default();
    for (path, bytes) in files {
        disk.create_dir(path.parent().expect("below the root")).expect("memory");
        let file = disk.open(path, OpenMode::Create).expect("memory");
        file.write_at(bytes, 0).expect("memory");
    }
    let _ = Engine::open_with(ROOT, options(&disk, true)).and_then(|engine| read(&engine));
    let Ok(engine) = Engine::open_with(ROOT, options(&disk, false)) else { return };
    let used = read(&engine).and_then(|_| write(&engine)).and_then(|_| read(&engine));
    let closed = engine.close();
    let (Ok(count), Ok(())) = (used, closed) else { return };
    drop(engine);
    let engine = Engine::open_with(ROOT, options(&disk, false)).expect("it was opened before");
    let again = read(&engine).expect("what was opened, used and closed opens again");
    assert_eq!(again, count, "records after the second open");
}

fn read(engine: &Engine) -> Result<u64> {
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
            std::hint::black_box((record.subject.len(), record.payload.len(), record.headers().count()));
        }
        if after == u64::MAX {
            break;
        }
    }
    for filter in ["s.0", "s.*", ">"] {
        let _ = stream.last(filter).wait()?;
        let _ = stream.read(&ReadOptions::default().filter(filter).backward()).wait()?;
        let _ = stream.last_seq(filter).wait()?;
    }
    let _ = stream.read(&ReadOptions::default().from_time(NOW)).wait()?;
    let _ = stream.subjects(">", "", 100).wait()?;
    let _ = stream.last_many(&[">"], 0, 100).wait()?;
    let _ = stream.get(info.first_seq).wait()?;
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

//! A segment is packed while it is read, and packed again: what is live in it reads the same.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use headwater::disk::{Disk, File, MemDisk, OpenMode};
use headwater::{Append, Durability, Engine, EngineOptions, PurgeOptions, ReadOptions, Stream, StreamConfig};

const DIR: &str = "/packing/streams/s";
/// What a read of many records takes out of a file at once.
const READ_BYTES: usize = 256 << 10;
/// What a look through a whole segment takes.
const SCAN_BYTES: usize = 1 << 20;

/// Done once, after a read of so many bytes.
type Hooks = Arc<Mutex<VecDeque<(usize, Box<dyn FnOnce() + Send>)>>>;

/// A disk in memory that calls one hook after the other.
#[derive(Default, Clone)]
struct Hooked {
    disk: MemDisk,
    hooks: Hooks,
}

struct HookedFile {
    file: Arc<dyn File>,
    hooks: Hooks,
}

impl Hooked {
    fn after_read(&self, len: usize, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().expect("hooks").push_back((len, Box::new(hook)));
    }

    /// The length of the first segment's file.
    fn first_len(&self) -> u64 {
        let path = Path::new(DIR).join("0000000000000000.seg");
        self.disk.open(&path, OpenMode::Read).and_then(|file| file.len()).expect("memory")
    }

    fn lose(&self, endings: &[&str]) {
        for name in self.disk.list(Path::new(DIR)).expect("memory") {
            if endings.iter().any(|ending| name.ends_with(ending)) {
                self.disk.remove(&Path::new(DIR).join(name)).expect("memory");
            }
        }
    }
}

impl Disk for Hooked {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(HookedFile { file: self.disk.open(path, mode)?, hooks: Arc::clone(&self.hooks) }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        self.disk.exists(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.disk.lock(path)
    }
}

impl File for HookedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let outcome = self.file.read_at(buf, offset);
        let mut hooks = self.hooks.lock().expect("hooks");
        let next = if hooks.front().is_some_and(|next| next.0 == buf.len()) { hooks.pop_front() } else { None };
        drop(hooks);
        if let Some((_, hook)) = next {
            hook();
        }
        outcome
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
}

fn open(disk: &Hooked) -> Engine {
    let options = EngineOptions { disk: Arc::new(disk.clone()), worker: false, ..EngineOptions::default() };
    Engine::open_with("/packing", options).expect("open")
}

/// A stream of 2,000 records of 50 subjects.
fn fill(engine: &Engine, segment_bytes: u64, payload: usize) -> Stream {
    let config = StreamConfig { durability: Durability::Os, segment_bytes, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(config).wait().expect("create");
    for n in 0..2_000 {
        let payload = vec![n as u8; payload];
        stream.append(&Append::new(&format!("s.{}", n % 50), &payload)).wait().expect("append");
    }
    stream
}

fn purge(stream: &Stream, subjects: std::ops::Range<u32>) {
    for subject in subjects {
        let one = PurgeOptions { filter: Some(format!("s.{subject}")), ..PurgeOptions::default() };
        stream.purge(&one).wait().unwrap_or_else(|e| panic!("purge of subject {subject}: {e}"));
    }
}

fn settle(engine: &Engine) {
    for _ in 0..100 {
        engine.step();
    }
}

fn all(stream: &Stream) -> Vec<(u64, String, Vec<u8>)> {
    let options = ReadOptions { max_records: 100_000, max_bytes: usize::MAX, ..ReadOptions::default() };
    let batch = stream.read(&options).wait().expect("read");
    batch.iter().map(|r| (r.seq, r.subject.to_owned(), r.payload.to_vec())).collect()
}

/// Reads what a stream holds in each way that goes by an index.
fn holds(stream: &Stream, want: &[(u64, String, Vec<u8>)], what: &str) {
    assert_eq!(all(stream), want, "{what}");
    for (seq, subject, payload) in want {
        let found = stream.get(*seq).wait().unwrap_or_else(|e| panic!("{what}: record {seq}: {e}"));
        assert_eq!(found.map(|r| (r.subject, r.payload)).as_ref(), Some(&(subject.clone(), payload.clone())), "{what}");
    }
    let backward = ReadOptions { max_records: 100_000, max_bytes: usize::MAX, ..ReadOptions::default() }.backward();
    let seqs = stream.read(&backward).wait().unwrap_or_else(|e| panic!("{what}, backward: {e}"));
    let seqs: Vec<u64> = seqs.iter().map(|r| r.seq).collect();
    assert!(seqs.iter().rev().eq(want.iter().map(|w| &w.0)), "{what}, backward");
}

#[test]
fn an_index_made_of_a_packed_segment_holds_when_that_is_packed_again() {
    // The index files alone, as in a backup, or the snapshot too, so that what is made anew is stored.
    for lost in [&["idx"][..], &["idx", "snap"]] {
        let disk = Hooked::default();
        let mut engine = open(&disk);
        let mut stream = fill(&engine, 64 << 10, 200);
        settle(&engine);
        for subjects in [0..26, 26..40, 40..46, 46..49] {
            let what = format!("{lost:?} lost, {subjects:?} purged");
            purge(&stream, subjects);
            let want = all(&stream);
            settle(&engine);
            holds(&stream, &want, &what);
            engine.close().expect("close");
            disk.lose(lost);
            engine = open(&disk);
            stream = engine.stream("s").wait().expect("stream");
            holds(&stream, &want, &format!("{what}, reopened"));
        }
    }
}

#[test]
fn a_long_read_goes_on_in_the_file_that_it_began_in() {
    let disk = Hooked::default();
    let engine = open(&disk);
    let stream = fill(&engine, 768 << 10, 500);
    purge(&stream, 0..40);
    let before = disk.first_len();
    let packer = engine.clone();
    disk.after_read(READ_BYTES, move || settle(&packer));
    let seqs: Vec<u64> = all(&stream).into_iter().map(|r| r.0).collect();
    assert!(disk.first_len() < before / 2, "it was packed during the read");
    assert!(seqs.into_iter().eq((1..=2_000).filter(|seq| (seq - 1) % 50 >= 40)));
}

#[test]
fn an_index_is_made_of_the_file_that_it_began_with() {
    let disk = Hooked::default();
    let engine = open(&disk);
    let stream = fill(&engine, 2 << 20, 1_500);
    purge(&stream, 0..40);
    engine.close().expect("close");
    disk.lose(&["idx"]);
    let engine = open(&disk);
    let stream = engine.stream("s").wait().expect("stream");
    let before = disk.first_len();
    let (began, begins) = mpsc::channel();
    let (packed, packs) = mpsc::channel();
    let (got, gets) = mpsc::channel();
    // While the segment is read to be packed, somebody asks for a record, and goes on when the packed one is in place.
    disk.after_read(SCAN_BYTES, move || {
        std::thread::spawn(move || got.send(stream.get(850).wait().map(|r| r.expect("there").seq)));
        begins.recv().expect("its first read");
    });
    disk.after_read(SCAN_BYTES, move || {
        began.send(()).expect("the packer waits");
        packs.recv().expect("packing ends");
    });
    engine.step();
    assert!(disk.first_len() < before / 2, "it was packed meanwhile");
    packed.send(()).expect("the reader waits");
    assert_eq!(gets.recv().expect("an answer").expect("get"), 850);
}

#[test]
fn what_a_newer_record_outdoes_is_counted_as_if_it_had_been_read() {
    // Newest records alone, over segments that are packed meanwhile; some subjects are rolled up, and some removed.
    let disk = Hooked::default();
    let mut engine = open(&disk);
    let config = StreamConfig {
        durability: Durability::Os,
        segment_bytes: 64 << 10,
        max_msgs_per_subject: 1,
        allow_rollup: true,
        ..StreamConfig::new("s", ["s.>"])
    };
    let mut stream = engine.create_stream(config).wait().expect("create");
    let mut newest = std::collections::BTreeMap::new();
    for n in 0..3_000_usize {
        let (subject, payload) = (format!("s.{}", n * 7 % 300), vec![n as u8; n % 190]);
        let mut append = Append::new(&subject, &payload);
        if n % 11 == 0 {
            append = append.rollup(headwater::Rollup::Subject);
        }
        let ack = stream.append(&append).wait().unwrap_or_else(|e| panic!("append {n}: {e}"));
        newest.insert(subject.clone(), (ack.seq, payload));
        if n % 97 == 0 {
            stream.delete(ack.seq).wait().unwrap_or_else(|e| panic!("delete {n}: {e}"));
            newest.remove(&subject);
        }
        if n % 500 == 499 {
            settle(&engine);
        }
        if n == 1_700 {
            drop((stream, engine));
            engine = open(&disk);
            stream = engine.stream("s").wait().expect("it is there");
        }
    }
    let counted = |stream: &Stream| {
        let info = stream.info().wait().expect("info");
        (info.records, info.subjects, info.bytes)
    };
    let before = counted(&stream);
    let records = newest.len() as u64;
    assert_eq!((before.0, before.1), (records, records));
    let mut want: Vec<_> = newest.into_iter().map(|(subject, (seq, payload))| (seq, subject, payload)).collect();
    want.sort_unstable();
    holds(&stream, &want, "the newest of each subject");
    drop((stream, engine));
    // Without snapshot and indexes all is read, and counted anew.
    disk.lose(&["snap", "idx"]);
    let engine = open(&disk);
    let stream = engine.stream("s").wait().expect("it is there");
    assert_eq!(counted(&stream), before);
    holds(&stream, &want, "after all was read");
}

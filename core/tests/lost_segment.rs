//! A segment that is gone is told, also where the snapshot that listed it is gone too, and one that was removed is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headwater::disk::{Disk, MemDisk, OpenMode};
use headwater::{
    Append, Clock, Durability, Engine, EngineOptions, ErrorKind, ManualClock, PurgeOptions, ReadOptions, SECOND,
    StreamConfig,
};

const DIR: &str = "/lost/streams/s";

struct World {
    disk: Arc<MemDisk>,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        World { disk: Arc::default(), clock: ManualClock::new(1_700_000_000 * SECOND, 1) }
    }

    fn open(&self) -> Engine {
        let (disk, clock) = (Arc::clone(&self.disk), Arc::new(self.clock.clone()));
        let options = EngineOptions { disk, clock, worker: false, ..EngineOptions::default() };
        Engine::open_with("/lost", options).expect("open")
    }

    /// Ten thousand records in segments of 64 KiB.
    fn fill(&self, config: StreamConfig) -> Engine {
        let engine = self.open();
        let config = StreamConfig { durability: Durability::Os, segment_bytes: 64 << 10, ..config };
        let stream = engine.create_stream(config).wait().expect("create");
        for n in 0..10_000 {
            stream.append(&Append::new(&format!("s.{}", n % 10), &[n as u8; 50])).wait().expect("append");
        }
        engine
    }

    fn segments(&self) -> Vec<PathBuf> {
        let names = self.disk.list(Path::new(DIR)).expect("list");
        names.iter().map(|n| Path::new(DIR).join(n)).filter(|p| p.extension().is_some_and(|e| e == "seg")).collect()
    }

    fn lose(&self, path: &Path) {
        self.disk.remove(path).expect("remove");
    }

    fn count(&self) -> Result<usize, headwater::Error> {
        let engine = self.open();
        let count = engine.stream("s").wait()?.read(&ReadOptions::default().max_records(100_000)).wait()?.len();
        engine.close()?;
        Ok(count)
    }
}

fn settle(engine: &Engine) {
    for _ in 0..50 {
        engine.step();
    }
}

#[test]
fn each_lost_segment_is_told_with_what_was_in_it() {
    let world = World::new();
    world.fill(StreamConfig::new("s", ["s.>"])).close().expect("close");
    let segments = world.segments();
    assert!(segments.len() > 5, "{segments:?}");
    world.lose(&Path::new(DIR).join("index.snap"));
    for segment in &segments[..segments.len() - 1] {
        let file = world.disk.open(segment, OpenMode::Read).expect("open");
        let mut bytes = vec![0; file.len().expect("len") as usize];
        file.read_at(&mut bytes, 0).expect("read");
        world.lose(segment);
        let lost = world.count().expect_err("a segment is lost");
        assert_eq!(lost.kind(), ErrorKind::Corrupt, "{lost}");
        assert!(lost.message().contains("are missing"), "{lost}");
        let file = world.disk.open(segment, OpenMode::Create).expect("create");
        file.write_at(&bytes, 0).expect("write");
    }
    assert_eq!(world.count().expect("all segments are back"), 10_000);
}

#[test]
fn what_was_removed_is_not_missed_when_the_snapshot_is_lost() {
    let world = World::new();
    let engine = world.fill(StreamConfig::new("s", ["s.>"]));
    let before = world.segments();
    let stream = engine.stream("s").wait().expect("stream");
    // The beginning, and a stretch in the middle.
    stream.purge(&PurgeOptions { before_seq: Some(3000), ..PurgeOptions::default() }).wait().expect("purge");
    for seq in 4000..8500 {
        assert!(stream.delete(seq).wait().expect("delete"));
    }
    settle(&engine);
    let after = world.segments();
    assert!(after.len() + 3 <= before.len(), "{} segments of {}", after.len(), before.len());
    engine.close().expect("close");
    world.lose(&Path::new(DIR).join("index.snap"));
    assert_eq!(world.count().expect("nothing is lost"), 10_000 - 2999 - 4500);
    world.lose(&Path::new(DIR).join("index.snap"));
    world.lose(&Path::new(DIR).join("removed"));
    assert_eq!(world.count().expect_err("nobody says what was removed").kind(), ErrorKind::Corrupt);
}

#[test]
fn a_stream_whose_every_record_came_of_age_opens_again() {
    let world = World::new();
    let config = StreamConfig { max_age: Duration::from_secs(60), ..StreamConfig::new("s", ["s.>"]) };
    // Large enough that the close seals what there is, and the next segment is only planned.
    world.fill(StreamConfig { segment_bytes: 64 << 20, ..config }).close().expect("close");
    world.clock.set(world.clock.now() + 3600 * SECOND);
    let engine = world.open();
    settle(&engine);
    engine.close().expect("close");
    assert_eq!(world.count().expect("an empty stream"), 0);
    let engine = world.open();
    let ack = engine.stream("s").wait().expect("stream").append(&Append::new("s.1", b"on")).wait().expect("append");
    assert_eq!(ack.seq, 10_001);
}

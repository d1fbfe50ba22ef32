//! A stream that syncs at intervals says at once that the disk takes no more, and loses nothing that it took.

use std::sync::Arc;

use headwater::{
    Append, Clock, Durability, Engine, EngineOptions, ErrorKind, ManualClock, ReadOptions, SECOND, Stream, StreamConfig,
};
use headwater_sim::SimDisk;

fn open(disk: &SimDisk, clock: &ManualClock) -> Engine {
    let options = EngineOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(clock.clone()),
        worker: false,
        ..EngineOptions::default()
    };
    Engine::open_with("/full", options).expect("open")
}

fn count(stream: &Stream) -> usize {
    stream.read(&ReadOptions::default().max_records(100_000)).wait().expect("read").len()
}

#[test]
fn an_interval_stream_takes_nothing_more_while_nothing_can_be_written() {
    let disk = SimDisk::new(1, None);
    let clock = ManualClock::new(1_700_000_000 * SECOND, 1);
    let engine = open(&disk, &clock);
    let config = StreamConfig { durability: Durability::Interval, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(config).wait().expect("create");
    let append = |n: u32| stream.append(&Append::new(&format!("s.{n}"), &[7; 200])).wait();
    for n in 0..50 {
        append(n).expect("append");
    }
    disk.set_room(300);
    clock.set(clock.now() + SECOND);
    engine.step();
    for n in 0..3 {
        let refused = append(n).expect_err("no room");
        assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
        assert!(refused.message().contains("nothing more is taken"), "{refused}");
    }
    assert_eq!(count(&stream), 50, "what was acknowledged is still there to read");

    disk.set_room(u64::MAX);
    append(50).expect("there is room again");
    clock.set(clock.now() + SECOND);
    engine.step();
    drop((stream, engine));
    disk.restart();
    let engine = open(&disk, &clock);
    assert_eq!(count(&engine.stream("s").wait().expect("stream")), 51);
}

//! A full disk refuses work and never denies what was done: a close without room for the caches is a close.

use std::sync::Arc;

use headwater::{
    Append, ConsumerConfig, Engine, EngineOptions, ManualClock, PurgeOptions, ReadOptions, Stream, StreamConfig,
};
use headwater_sim::SimDisk;

fn open(disk: &SimDisk) -> Engine {
    let options = EngineOptions {
        clock: Arc::new(ManualClock::new(1_700_000_000_000_000_000, 7)),
        disk: Arc::new(disk.clone()),
        worker: false,
        ..EngineOptions::default()
    };
    Engine::open_with("/sim", options).expect("open")
}

#[test]
fn a_close_on_a_full_disk_is_a_close() {
    for room in (0..400).step_by(7) {
        let disk = SimDisk::new(1, None);
        let engine = open(&disk);
        let stream = engine.create_stream(StreamConfig::new("o", ["o.>"])).wait().expect("create");
        stream.append(&Append::new("o.1", b"x")).wait().expect("append");
        stream.append(&Append::new("o.2", b"y")).wait().expect("append");
        stream.delete(1).wait().expect("delete");
        let consumer = stream.create_consumer(ConsumerConfig::new("kept")).wait().expect("create");
        assert_eq!(consumer.ack(&[consumer.try_next(1).expect("next").seq(0).expect("one")]).expect("ack"), 1);
        disk.set_room(room);
        engine.close().unwrap_or_else(|e| panic!("{room} bytes: {e}"));
        let warned = engine.logs(100).iter().any(|l| l.level == "warn");
        assert!(warned || room > 200, "{room} bytes: what could not be stored is told");
        disk.set_room(u64::MAX);
        let engine = open(&disk);
        let stream = engine.stream("o").wait().expect("stream");
        let seqs: Vec<u64> = stream.read(&ReadOptions::default()).wait().expect("read").iter().map(|r| r.seq).collect();
        assert_eq!(seqs, [2], "{room} bytes");
        assert_eq!(
            stream.consumer("kept").wait().expect("consumer").info().wait().expect("info").ack_floor,
            2,
            "{room} bytes"
        );
    }
}

#[test]
fn a_purge_gives_space_back_where_no_byte_is_free() {
    let disk = SimDisk::new(1, None);
    let config = StreamConfig { segment_bytes: 1 << 20, ..StreamConfig::new("o", ["o.>"]) };
    let engine = open(&disk);
    let stream = engine.create_stream(config).wait().expect("create");
    let payload = vec![7; 100_000];
    let put = |stream: &Stream| stream.append(&Append::new("o.1", &payload)).wait();
    for _ in 0..60 {
        put(&stream).expect("append");
    }
    engine.close().expect("close");
    let engine = open(&disk);
    let stream = engine.stream("o").wait().expect("stream");
    disk.set_room(0);
    let refused = put(&stream).expect_err("no byte is free");
    assert!(refused.is_disk_full(), "{refused}");
    assert_eq!(stream.purge(&PurgeOptions { keep: 5, ..PurgeOptions::default() }).wait().expect("purge"), 55);
    engine.step();
    put(&stream).expect("there is room again");
    engine.close().expect("close");
    let engine = open(&disk);
    let stream = engine.stream("o").wait().expect("stream");
    let seqs: Vec<u64> = stream.read(&ReadOptions::default()).wait().expect("read").iter().map(|r| r.seq).collect();
    assert_eq!(seqs, [56, 57, 58, 59, 60, 61]);
    assert!(!engine.logs(100).iter().any(|l| l.level == "error"), "nothing is missing");
}

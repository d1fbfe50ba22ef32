//! What a killed process wrote and nobody synced is synced by the next one that promises it.

use std::sync::Arc;

use headwater::{Append, Durability, Engine, EngineOptions, ManualClock, ReadOptions, Stream, StreamConfig};
use headwater_sim::SimDisk;

const RECORDS: usize = 1000;

fn open(disk: &SimDisk) -> (Engine, Stream) {
    let options = EngineOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_700_000_000_000_000_000, 3)),
        worker: false,
        ..EngineOptions::default()
    };
    let engine = Engine::open_with("/killed", options).expect("open");
    let config =
        StreamConfig { durability: Durability::Os, segment_bytes: 64 << 10, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(config).wait().expect("create");
    (engine, stream)
}

#[test]
fn a_sync_after_a_kill_syncs_what_was_written_before_it() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed, None);
        let (engine, stream) = open(&disk);
        for n in 0..RECORDS {
            stream.append(&Append::new(&format!("s.{n}"), &[7; 200])).wait().expect("append");
        }
        drop(stream);
        disk.kill(engine);

        let (engine, stream) = open(&disk);
        stream.sync().wait().expect("sync");
        drop((stream, engine.clone()));
        disk.cut_after(0);
        drop(engine);
        disk.restart();

        let (_engine, stream) = open(&disk);
        let all = ReadOptions::default().max_records(10 * RECORDS);
        assert_eq!(stream.read(&all).wait().expect("read").len(), RECORDS, "seed {seed}");
    }
}

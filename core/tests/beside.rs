//! A directory is opened read-only beside the process that writes it, over and over, while it is written as fast as can
//! be: what is on its way is no damage.
#![allow(clippy::disallowed_methods, reason = "a test starts threads, and stops at the first surprise")]

mod common {
    pub(crate) mod dirs;
}

use std::thread;
use std::time::Duration;

use common::dirs::Dir;
use headwater::{Append, Durability, Engine, EngineOptions, StreamConfig};

/// Batches that each writer appends; each open reads all of them, so they are not many.
const BATCHES: usize = 1_500;

#[test]
fn what_is_being_written_is_no_damage_to_who_opens_it_read_only() {
    for (name, durability) in [("synced", Durability::Fsync), ("at-times", Durability::Interval)] {
        let dir = Dir::new();
        let engine = Engine::open(&dir.0).unwrap();
        // Small segments, so that some are sealed meanwhile.
        let config = StreamConfig { durability, segment_bytes: 1 << 20, ..StreamConfig::new(name, ["s.>"]) };
        let stream = engine.create_stream(config).wait().unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let stream = stream.clone();
                thread::spawn(move || {
                    let payload = [b'x'; 200];
                    let batch: Vec<_> = (0..=writer * 10).map(|_| Append::new("s.a", &payload)).collect();
                    for _ in 0..BATCHES {
                        stream.append_batch(&batch).wait().unwrap();
                        thread::sleep(Duration::from_micros(500));
                    }
                })
            })
            .collect();
        let mut last = 0;
        while !writers.iter().all(thread::JoinHandle::is_finished) {
            let reader = Engine::open_with(&dir.0, EngineOptions::read_only()).unwrap();
            let infos = reader.streams().wait().unwrap();
            let lines: Vec<_> = reader.logs(100).into_iter().map(|line| line.message).collect();
            assert_eq!(infos.len(), 1, "{lines:?}");
            assert!(infos[0].last_seq >= last, "it goes back from {last} to {}", infos[0].last_seq);
            last = infos[0].last_seq;
        }
        assert!(last > 0, "nothing was written meanwhile");
        for writer in writers {
            writer.join().unwrap();
        }
        engine.close().unwrap();
    }
}

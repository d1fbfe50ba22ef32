//! The last chapter: what this machine and its disk give, measured here and now.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headwater::{Append, Durability, Engine, Error, ErrorKind, ReadOptions, Stream, StreamConfig};
use serde::Serialize;

use super::stage::{Paint, Stage};
use super::{rate, show_rate};
use crate::failure::Done;

const PAYLOAD: [u8; 128] = [b'x'; 128];
const MEASURED: Duration = Duration::from_millis(800);
const WRITERS: usize = 64;
/// Enough to see the speed, and little enough for a small disk.
const RECORDS_MAX: u64 = 500_000;
/// Between two looks at the watch.
const STRIDE: u64 = 256;

/// Records a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Speed {
    append_fsync_1_writer: u64,
    append_fsync_64_writers: u64,
    append_interval_1_writer: u64,
    read: u64,
}

/// Measures in `dir`.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done<Speed> {
    stage.chapter(9, "How fast, here and now")?;
    let engine = Engine::open(dir)?;
    let make = |name: &str, durability| {
        engine.create_stream(StreamConfig { durability, ..StreamConfig::new(name, [format!("{name}.>")]) })
    };
    let (durable, quick) = (make("durable", Durability::Fsync).wait()?, make("quick", Durability::Interval).wait()?);
    let alone = append_alone(&durable, "durable.a", 1)?;
    report(stage, "one writer, each record synced before its ack", alone)?;
    let together = append_together(&durable)?;
    report(stage, "64 writers, the same promise, shared syncs", together)?;
    let interval = append_alone(&quick, "quick.a", STRIDE)?;
    report(stage, "one writer, synced every 100 ms", interval)?;
    let read = read_back(&quick)?;
    report(stage, "read back, every checksum verified", read)?;
    engine.close()?;
    if cfg!(debug_assertions) {
        let note = stage.paint(Paint::Dim, "this is a debug build: a release build is faster");
        stage.say(&note)?;
    }
    let [alone, together, interval, read] = [alone, together, interval, read].map(|(count, took)| rate(count, took));
    Ok(Speed {
        append_fsync_1_writer: alone,
        append_fsync_64_writers: together,
        append_interval_1_writer: interval,
        read,
    })
}

fn report(stage: &mut Stage, what: &str, (count, took): (u64, Duration)) -> Done {
    let number = format!("{:>12}", show_rate(count, took));
    let line = format!("{what:<46} {} {}", stage.paint(Paint::Strong, &number), stage.paint(Paint::Dim, "records/s"));
    stage.say(&line)
}

/// Appends one record after another, and looks at the watch every `stride` records.
fn append_alone(stream: &Stream, subject: &str, stride: u64) -> Done<(u64, Duration)> {
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < MEASURED && count < RECORDS_MAX {
        for _ in 0..stride {
            stream.append(&Append::new(subject, &PAYLOAD)).wait()?;
        }
        count += stride;
    }
    Ok((count, began.elapsed()))
}

fn append_together(stream: &Stream) -> Done<(u64, Duration)> {
    let count = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let count = &count;
                scope.spawn(move || -> headwater::Result<()> {
                    let subject = format!("durable.{writer}");
                    while began.elapsed() < MEASURED {
                        stream.append(&Append::new(&subject, &PAYLOAD)).wait()?;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().unwrap_or_else(|_| Err(panicked())))
    })?;
    Ok((count.load(Ordering::Relaxed), began.elapsed()))
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "a writer panicked")
}

fn read_back(stream: &Stream) -> Done<(u64, Duration)> {
    let began = Instant::now();
    let mut last = 0;
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(last + 1).max_records(10_000)).wait()?;
        let Some(seq) = batch.len().checked_sub(1).and_then(|i| batch.seq(i)) else { break };
        last = seq;
    }
    Ok((last, began.elapsed()))
}

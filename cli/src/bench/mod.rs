//! `headwater bench`: how fast a hub or a directory takes records and events from here, and gives them back.

mod events;
mod measure;
mod show;

use clap::{Args, Subcommand};

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::units::parse_small_size;
use measure::{Bench, Row};

/// The most records that one atomic batch may have.
const BATCH_MAX: u32 = 1000;
/// Room for the numbers that the read back is checked by.
const PAYLOAD_BYTES_MIN: u32 = 16;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Appends synthetic points to a stream of its own: one at a time, many at once, in batches; and reads them back.
    #[command(after_help = "Examples:
  headwater bench stream --hub nats://127.0.0.1:4222
  headwater bench stream --count 100000 --size 1KiB --dir data --json

What comes back is compared with what was appended. The stream is removed at the end, with all that is in it. Where no
place is named, it works in a directory of its own, in the working directory, which is removed too.")]
    Stream(Stream),
    /// Loads aggregates, saves one event each, many times, in an event store of its own; and replays all events.
    #[command(after_help = "Examples:
  headwater bench events --n 50000 --users 100
  headwater bench events --n 50000 --users 100 --hub nats://127.0.0.1:4222 --snapshot-every 0

One saves after the other. The store is removed at the end, with all that is in it. Where no place is named, it works in
a directory of its own, in the working directory, which is removed too.")]
    Events(events::Events),
}

#[derive(Args)]
pub(crate) struct Stream {
    /// How many records are appended with many on their way, and again in batches.
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    count: u32,
    /// How many are appended one at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    sync_count: u32,
    /// The size of each payload, such as 128 or 1KiB.
    #[arg(long, value_name = "SIZE", default_value = "128", value_parser = parse_small_size)]
    size: u32,
    /// Over how many subjects they are spread.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    subjects: u32,
    /// How many are on their way at once.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    window: u32,
    /// How many go in one batch, 2 to 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    batch: u32,
    /// On how many servers a hub keeps the stream.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    replicas: u32,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        let name = format!("headwater-bench-{:016x}", headwater::Clock::random(&headwater::SystemClock));
        let rows = match self {
            Verb::Events(events) => events.run(place, &name)?,
            Verb::Stream(stream) => stream.run(place, &name)?,
        };
        show::rows(place, &rows)
    }
}

impl Stream {
    /// Works in a stream of its own, which is removed at the end.
    fn run(&self, place: &Place, name: &str) -> Done<Vec<Row>> {
        self.check()?;
        place.make_apart(name, |engine| {
            let bench = Bench::new(engine, name, self, place.hub.is_some())?;
            let outcome = bench.run();
            let removed = engine.delete_stream(name).wait();
            let rows = outcome?;
            removed?;
            Ok(rows)
        })
    }

    fn check(&self) -> Done {
        let positive = [
            ("--count", self.count),
            ("--sync-count", self.sync_count),
            ("--subjects", self.subjects),
            ("--window", self.window),
        ];
        if let Some((flag, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(Failure::usage(format!("{flag} must be at least 1")));
        }
        if !(2..=BATCH_MAX).contains(&self.batch) {
            return Err(Failure::usage(format!("--batch is {}, must be 2 to {BATCH_MAX}", self.batch)));
        }
        if self.size < PAYLOAD_BYTES_MIN {
            return Err(Failure::usage(format!("--size is {}, must be at least {PAYLOAD_BYTES_MIN}", self.size)));
        }
        Ok(())
    }
}

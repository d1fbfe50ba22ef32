//! Sixty-four writers at once, each waiting for its record to be on disk, beside one bare loop of write and sync.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use headwater::Durability;

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::ours::Ours;
use crate::peers::raw::Raw;
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "append_fsync_64", about: "append with fsync, 64 writers at once: one raw sync loop", run };

const WRITERS: u64 = 64;
/// Turns of each side in what the command line calls a round.
const SLICES: usize = 5;
/// Records that the raw loop writes in one turn.
const RAW_RECORDS: u64 = 200;
/// Records that each of our writers appends in one turn.
const WRITER_RECORDS: u64 = 200;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (raw_each, writer_each) = (context.turns(RAW_RECORDS), context.turns(WRITER_RECORDS));
    let rounds = context.rounds * SLICES;
    let dirs = ["ours", "raw"].map(|name| context.fresh(name));
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let mut for_raw = source.clone();
    let mut for_writers = vec![source.clone(); WRITERS as usize];
    let ours = Ours::create(&dirs[0], Durability::Fsync)?;
    let mut raw = Raw::create(dirs[1].clone())?;

    let [ours_rates, raw_rates] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater", |round| append_at_once(&ours, round as u64, writer_each, &mut for_writers)),
            Side::new("raw", |round| {
                let from = round as u64 * raw_each;
                rate(raw_each, || raw.write_synced(from..from + raw_each, &mut for_raw))
            }),
        ],
    )?;

    ours.close()?;
    check(Kind::OursUnordered, &dirs[0], source.expected(rounds as u64 * WRITERS * writer_each))?;
    check(Kind::Raw, &dirs[1], source.expected(rounds as u64 * raw_each))?;
    let what = "append, `fsync`, 64 writers";
    Ok(vec![Line::ratio(ROW.name, what, "raw write + fdatasync, 1 writer", [&ours_rates, &raw_rates], 20.0)])
}

/// Lets all writers go at once, and returns how many records a second they came to together.
pub(super) fn append_at_once(ours: &Ours, round: u64, each: u64, sources: &mut [Source]) -> Outcome<f64> {
    let start = Barrier::new(sources.len() + 1);
    let total = each * sources.len() as u64;
    thread::scope(|scope| {
        let mut writers = Vec::new();
        let mut from = round * total;
        for source in sources {
            let (start, records) = (&start, from..from + each);
            from += each;
            writers.push(scope.spawn(move || {
                start.wait();
                ours.append_each(records, source)
            }));
        }
        start.wait();
        let began = Instant::now();
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")??;
        }
        Ok(total as f64 / began.elapsed().as_secs_f64())
    })
}

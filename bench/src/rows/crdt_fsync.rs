//! State that merges with `fsync`: sixty-four writers at once add to counters, each waiting for its increment to be on
//! disk, beside one bare loop of write and sync.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading};
use headwater::{Durability, Engine};

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::peers::raw::Raw;
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "crdt_fsync", about: "increments with fsync, 64 writers at once: one raw sync loop", run };

const WRITERS: u64 = 64;
/// Turns of each side in what the command line calls a round.
const SLICES: usize = 5;
/// Records that the raw loop writes in one turn, and increments of each writer.
const EACH: u64 = 200;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let each = context.turns(EACH);
    let rounds = context.rounds * SLICES;
    let dirs = ["ours", "raw"].map(|name| context.fresh(name));
    let (engine, store) = opened(&dirs[0])?;
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let mut raw = Raw::create(dirs[1].clone())?;
    let [ours, theirs] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater", |_| add_at_once(&store, each)),
            Side::new("raw", |round| {
                let from = round as u64 * each;
                rate(each, || raw.write_synced(from..from + each, &mut source))
            }),
        ],
    )?;
    store.close();
    engine.close()?;
    // What was acknowledged is there for whoever opens it.
    let (engine, store) = opened(&dirs[0])?;
    for writer in 0..WRITERS {
        let found = store.read(&*name(writer), Kind::Counter)?;
        let expected = Reading::Number((rounds as u64 * each).into());
        if found != expected {
            return Err(format!("{} is {found:?}, and {expected:?} was acknowledged", name(writer)).into());
        }
    }
    store.close();
    engine.close()?;
    let what = "counter increments, `fsync`, 64 writers";
    Ok(vec![Line::ratio(ROW.name, what, "raw write + fdatasync, 1 writer", [&ours, &theirs], 20.0)])
}

fn name(writer: u64) -> String {
    format!("counter{writer:02}")
}

fn opened(dir: &std::path::Path) -> Outcome<(Engine, CrdtStore)> {
    let engine = Engine::open(dir)?;
    let config = CrdtConfig { name: "bench".into(), durability: Durability::Fsync, ..CrdtConfig::default() };
    let store = engine.crdt(config)?;
    Ok((engine, store))
}

/// Lets all writers go at once, and returns how many increments a second they came to together.
fn add_at_once(store: &CrdtStore, each: u64) -> Outcome<f64> {
    let start = Barrier::new(WRITERS as usize + 1);
    thread::scope(|scope| {
        let add = |writer: u64| {
            let start = &start;
            move || -> Outcome<()> {
                let name = name(writer);
                start.wait();
                for _ in 0..each {
                    store.write(&*name, Kind::Counter, &Op::Add(1)).wait()?;
                }
                Ok(())
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(add(writer))).collect();
        start.wait();
        let began = Instant::now();
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")??;
        }
        Ok((WRITERS * each) as f64 / began.elapsed().as_secs_f64())
    })
}

//! Saves with `fsync`: sixty-four aggregates at once, each save waited for until it is on disk, beside one bare loop of
//! write and sync.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use headwater::Durability;
use headwater::events::{AggregateId, EventStore, Expected, NewEvent, Position, SaveOptions};

use super::events::{STORE, created};
use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::peers::raw::Raw;
use crate::report::Line;
use crate::source::{Digest, PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "events_fsync", about: "saves with fsync, 64 aggregates at once: one raw sync loop", run };

const AGGREGATES: u64 = 64;
/// Turns of each side in what the command line calls a round.
const SLICES: usize = 5;
/// Records that the raw loop writes in one turn, and saves of each aggregate.
const EACH: u64 = 200;
const NAME: &str = "account";

/// One aggregate, and whoever saves it.
struct Saver {
    key: String,
    position: Position,
    source: Source,
}

impl Saver {
    /// Saves so many events, each waited for.
    fn save_each(&mut self, store: &EventStore, count: u64) -> Outcome<()> {
        let id = AggregateId::new(NAME, &self.key);
        for _ in 0..count {
            let (_, data) = self.source.one(self.position.version);
            let event = [NewEvent::new("Changed", data)];
            let saving = store.save(id, Expected::At(self.position), &event, &SaveOptions::default());
            self.position = saving.wait()?.position;
        }
        Ok(())
    }
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let each = context.turns(EACH);
    let rounds = context.rounds * SLICES;
    let dirs = ["ours", "raw"].map(|name| context.fresh(name));
    let (engine, store) = created(&dirs[0], Durability::Fsync)?;
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let mut for_raw = source.clone();
    let saver = |number| Saver { key: key(number), position: Position::default(), source: source.clone() };
    let mut savers: Vec<Saver> = (0..AGGREGATES).map(saver).collect();
    let mut raw = Raw::create(dirs[1].clone())?;

    let [ours, theirs] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater", |_| save_at_once(&store, each, &mut savers)),
            Side::new("raw", |round| {
                let from = round as u64 * each;
                rate(each, || raw.write_synced(from..from + each, &mut for_raw))
            }),
        ],
    )?;
    engine.close()?;
    let saves = rounds as u64 * each;
    let mut expected = Digest::default();
    for number in 0..AGGREGATES {
        let subject = format!("$EVENTS.{STORE}.{NAME}.{}", key(number));
        (0..saves).for_each(|record| expected.add(subject.as_bytes(), source.one(record).1));
    }
    check(Kind::OursEvents, &dirs[0], expected)?;
    check(Kind::Raw, &dirs[1], source.expected(saves))?;
    let what = "save of one event, `fsync`, 64 aggregates";
    Ok(vec![Line::ratio(ROW.name, what, "raw write + fdatasync, 1 writer", [&ours, &theirs], 20.0)])
}

fn key(number: u64) -> String {
    format!("acc-{number:02}")
}

/// Lets all go at once, and returns how many saves a second they came to together.
fn save_at_once(store: &EventStore, each: u64, savers: &mut [Saver]) -> Outcome<f64> {
    let start = Barrier::new(savers.len() + 1);
    let total = each * savers.len() as u64;
    thread::scope(|scope| {
        let mut writers = Vec::new();
        for saver in savers {
            let start = &start;
            writers.push(scope.spawn(move || {
                start.wait();
                saver.save_each(store, each)
            }));
        }
        start.wait();
        let began = Instant::now();
        for writer in writers {
            writer.join().map_err(|_| "one that saves panicked")??;
        }
        Ok(total as f64 / began.elapsed().as_secs_f64())
    })
}

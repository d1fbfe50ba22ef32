//! Saves with `fsync`: sixty-four aggregates at once, each save waited for until it is on disk, beside one bare loop of
//! write and sync. Each aggregate has a thread of its own, or a task of one thread that is shared.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use futures_util::future::try_join_all;
use headwater::events::{AggregateId, EventStore, Expected, NewEvent, Position, SaveOptions, Saved};
use headwater::{Durability, Pending};
use tokio::runtime::Builder;

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
        for _ in 0..count {
            self.position = self.save(store).wait()?.position;
        }
        Ok(())
    }

    /// The same as a task.
    async fn save_each_as_task(&mut self, store: &EventStore, count: u64) -> headwater::Result<()> {
        for _ in 0..count {
            self.position = self.save(store).await?.position;
        }
        Ok(())
    }

    fn save(&mut self, store: &EventStore) -> Pending<Saved> {
        let (_, data) = self.source.one(self.position.version);
        let event = [NewEvent::new("Changed", data)];
        let id = AggregateId::new(NAME, &self.key);
        store.save(id, Expected::At(self.position), &event, &SaveOptions::default())
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
    let mut others: Vec<Saver> = (AGGREGATES..2 * AGGREGATES).map(saver).collect();
    let mut raw = Raw::create(dirs[1].clone())?;

    let [threads, tasks, theirs] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater, threads", |_| save_in_threads(&store, each, &mut savers)),
            Side::new("Headwater, tasks", |_| save_in_tasks(&store, each, &mut others)),
            Side::new("raw", |round| {
                let from = round as u64 * each;
                rate(each, || raw.write_synced(from..from + each, &mut for_raw))
            }),
        ],
    )?;
    engine.close()?;
    let saves = rounds as u64 * each;
    let mut expected = Digest::default();
    for number in 0..2 * AGGREGATES {
        let subject = format!("$EVENTS.{STORE}.{NAME}.{}", key(number));
        (0..saves).for_each(|record| expected.add(subject.as_bytes(), source.one(record).1));
    }
    check(Kind::OursEvents, &dirs[0], expected)?;
    check(Kind::Raw, &dirs[1], source.expected(saves))?;
    let line = |by: &str, ours| {
        let what = format!("save of one event, `fsync`, 64 aggregates by {by}");
        Line::ratio(ROW.name, &what, "raw write + fdatasync, 1 writer", [ours, &theirs], 20.0)
    };
    Ok(vec![line("64 threads", &threads), line("64 tasks of a thread", &tasks)])
}

fn key(number: u64) -> String {
    format!("acc-{number:03}")
}

/// Lets all go at once, and returns how many saves a second they came to together.
fn save_in_tasks(store: &EventStore, each: u64, savers: &mut [Saver]) -> Outcome<f64> {
    let runtime = Builder::new_current_thread().build()?;
    rate(each * savers.len() as u64, || {
        let tasks = savers.iter_mut().map(|saver| saver.save_each_as_task(store, each));
        runtime.block_on(try_join_all(tasks))?;
        Ok(())
    })
}

/// The same, each in a thread of its own.
fn save_in_threads(store: &EventStore, each: u64, savers: &mut [Saver]) -> Outcome<f64> {
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

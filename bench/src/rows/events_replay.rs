//! A million events through a projection: into memory, beside reading the records of the stream; and into a SQLite
//! file, beside inserting as many rows into one, in transactions as large.

use std::path::Path;
use std::sync::Arc;

use headwater::events::{
    AggregateId, EventStore, EventView, Expected, MemoryModel, NewEvent, Position, ProjectionConfig, SaveOptions,
    SqliteModel,
};
use headwater::{Durability, ReadOptions};
use rusqlite::{Connection, params};

use super::events::{STORE, created};
use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{BATCH_RECORDS, Digest, PAYLOAD_BYTES, Source, mix, number_in};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "events_replay", about: "1,000,000 events through projections: a read, SQLite inserts", run };

const EVENTS: u64 = 1_000_000;
/// Events of one save.
const SAVE: u64 = 10;
const NAME: &str = "account";

/// The table of both sides.
const SCHEMA: &str = "CREATE TABLE records (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, time INTEGER NOT NULL,
    payload BLOB NOT NULL)";
const INSERT: &str = "INSERT INTO records (seq, subject, time, payload) VALUES (?1, ?2, ?3, ?4)";

/// What is made of events in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    sum: u64,
}

impl Sum {
    fn add(&mut self, payload: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number_in(payload).unwrap_or_default());
    }
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let events = context.scaled(EVENTS);
    let dir = context.fresh("store");
    let subjects: Vec<String> = (0..SUBJECTS).map(|n| format!("$EVENTS.{STORE}.{NAME}.{}", key(n))).collect();
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let mut expected = Digest::default();
    (0..events).for_each(|event| {
        expected.add(subjects[aggregate_of(event)].as_bytes(), source.one(event).1);
    });
    context.progress(&format!("saving {events} events"));
    let (engine, store) = created(&dir, Durability::Os)?;
    fill(&store, events, &mut source)?;

    let all = Sum { count: events, sum: events * (events - 1) / 2 };
    let (ours_dir, peer_dir) = (context.fresh("ours"), context.fresh("peer"));
    let sqlite = |dir: &Path, work: &mut dyn FnMut(Connection) -> Outcome<()>| {
        let made = Sqlite::create_with(dir.to_owned(), Sync::Normal, SCHEMA)?;
        let mut connection = Some(made.connection);
        let figure = rate(events, || work(connection.take().ok_or("it was taken")?))?;
        check(Kind::Sqlite, dir, expected)?;
        std::fs::remove_dir_all(dir)?;
        Ok(figure)
    };
    let [memory, read, projected, inserted] = context.interleave([
        Side::new("into memory", |round| rate(events, || project_in_memory(&store, round, all))),
        Side::new("read", |_| rate(events, || read_all(&store, all))),
        Side::new("into SQLite", |round| sqlite(&ours_dir, &mut |connection| project_into(&store, round, connection))),
        Side::new("inserts", |_| {
            sqlite(&peer_dir, &mut |connection| insert(&connection, events, &subjects, &mut source))
        }),
    ])?;
    engine.close()?;
    check(Kind::OursEvents, &dir, expected)?;
    let many = "1,000,000 events through a projection";
    Ok(vec![
        Line::ratio(ROW.name, &format!("{many} into memory"), "reading the records", [&memory, &read], 0.7),
        Line::ratio(ROW.name, &format!("{many} into SQLite"), "SQLite inserts", [&projected, &inserted], 0.6),
    ])
}

fn key(number: u64) -> String {
    format!("acc-{number:06}")
}

/// Which aggregate an event is of: each save is for one.
fn aggregate_of(event: u64) -> usize {
    (mix(event / SAVE) % SUBJECTS) as usize
}

/// Saves the events, some at once.
fn fill(store: &EventStore, count: u64, source: &mut Source) -> Outcome<()> {
    let keys: Vec<String> = (0..SUBJECTS).map(key).collect();
    let mut positions = vec![Position::default(); keys.len()];
    for from in (0..count).step_by(SAVE as usize) {
        let aggregate = aggregate_of(from);
        source.stamp(from..from + SAVE);
        let events: Vec<NewEvent<'_>> =
            (from..from + SAVE).map(|event| NewEvent::new("Changed", source.get(event).1)).collect();
        let (id, at) = (AggregateId::new(NAME, &keys[aggregate]), Expected::At(positions[aggregate]));
        positions[aggregate] = store.save(id, at, &events, &SaveOptions::default()).wait()?.position;
    }
    Ok(())
}

/// Each round is a projection of its own, which begins with the first event.
fn name(into: &str, round: usize) -> ProjectionConfig {
    ProjectionConfig::new(format!("{into}-{round}"))
}

fn project_in_memory(store: &EventStore, round: usize, all: Sum) -> Outcome<()> {
    let projection = store.projection(name("memory", round)).wait()?;
    let model = Arc::new(MemoryModel::new(Sum::default(), |sum, event: &EventView<'_>| {
        sum.add(event.data());
        Ok(())
    }));
    projection.catch_up(&model).wait()?;
    projection.close().wait()?;
    same(model.read(|sum, _| *sum), all)
}

/// Reads the records, as many at once as a projection does, and looks at each.
fn read_all(store: &EventStore, all: Sum) -> Outcome<()> {
    let (mut sum, mut last) = (Sum::default(), 0);
    loop {
        let read = ReadOptions::default().from_seq(last + 1).max_records(BATCH_RECORDS as usize);
        let batch = store.stream().read(&read).wait()?;
        if batch.is_empty() {
            return same(sum, all);
        }
        for record in batch.iter() {
            sum.add(record.payload);
            last = record.seq;
        }
    }
}

fn same(found: Sum, expected: Sum) -> Outcome<()> {
    if found == expected { Ok(()) } else { Err(format!("came to {found:?}, expected {expected:?}").into()) }
}

fn project_into(store: &EventStore, round: usize, connection: Connection) -> Outcome<()> {
    let config = name("sqlite", round);
    let model = SqliteModel::new(config.name.clone(), connection, |connection, event| {
        let row = params![event.seq() as i64, event.subject(), event.time(), event.data()];
        Ok(connection.prepare_cached(INSERT)?.execute(row).map(drop)?)
    })?;
    let projection = store.projection(config).wait()?;
    projection.catch_up(&Arc::new(model)).wait()?;
    Ok(projection.close().wait()?)
}

/// Inserts the same rows, as many a transaction as a projection takes at once.
fn insert(connection: &Connection, count: u64, subjects: &[String], source: &mut Source) -> Outcome<()> {
    let mut insert = connection.prepare_cached(INSERT)?;
    source.batches(0..count, |batch, source| {
        let transaction = connection.unchecked_transaction()?;
        for event in batch {
            let subject = &subjects[aggregate_of(event)];
            insert.execute(params![event as i64 + 1, subject, 1_700_000_000_000_000_000_i64, source.get(event).1])?;
        }
        Ok(transaction.commit()?)
    })
}

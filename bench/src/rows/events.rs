//! Event sourcing in one process: the load test (get or create an aggregate, one event, save) by one thread, and what
//! a snapshot spares a load of 50,000 events.
//!
//! The store, its aggregate and its digest are what the other rows of events work with too.

use std::path::Path;

use headwater::events::{
    Aggregate, AggregateId, DomainEvent, EventStore, EventsConfig, Expected, NewEvent, NewSnapshot, Position,
    Repository, RepositoryOptions, SaveOptions,
};
use headwater::{Durability, Engine, Error, ErrorKind, ReadOptions, Stream};

use super::Row;
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::ours::READ_RECORDS;
use crate::report::{Goal, Line, Unit};
use crate::source::{BATCH_RECORDS, Digest, mix};

/// The row.
pub(crate) const ROW: Row = Row {
    name: "events",
    about: "get or create, one event, save, 100 aggregates; a load with and without a snapshot",
    run,
};

/// The name of the store of every comparison, and the stream behind it.
pub(super) const STORE: &str = "bench";
pub(super) const STREAM: &str = "EVENTS_bench";
/// Operations of the load test, and over how many aggregates they are spread.
pub(super) const OPERATIONS: u64 = 50_000;
const USERS: u64 = 100;
/// Events of the aggregate that is loaded, and behind its snapshot.
const LONG: u64 = 50_000;
const BEHIND: u64 = 100;
/// Loads in one turn.
const LOADS_WITH: u64 = 2_000;
const LOADS_WITHOUT: u64 = 10;
const MANY: &str = "many";

/// A user who was changed so many times.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    changes: u64,
}

/// One change, by its number.
pub(super) struct Changed(pub(super) u64);

impl DomainEvent for Changed {
    fn event_type(&self) -> &'static str {
        "Changed"
    }

    fn encode(&self) -> headwater::Result<Vec<u8>> {
        Ok(data(self.0))
    }

    fn decode(event_type: &str, _schema: u32, data: &[u8]) -> headwater::Result<Self> {
        let number = data.strip_prefix(b"{\"number\":").and_then(|rest| rest.strip_suffix(b"}"));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()).and_then(|n| n.parse().ok());
        number.map(Changed).ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("'{event_type}' is no change")))
    }
}

impl Aggregate for User {
    const NAME: &'static str = "user";
    type Event = Changed;

    fn apply(&mut self, _event: &Changed) {
        self.changes += 1;
    }

    fn encode_snapshot(&self) -> headwater::Result<Option<Vec<u8>>> {
        Ok(Some(self.changes.to_le_bytes().to_vec()))
    }

    fn decode_snapshot(data: &[u8]) -> Option<Self> {
        Some(User { changes: u64::from_le_bytes(data.try_into().ok()?) })
    }
}

/// What an event says.
pub(super) fn data(number: u64) -> Vec<u8> {
    format!("{{\"number\":{number}}}").into_bytes()
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let operations = context.scaled(OPERATIONS);
    let (keys, expected) = (keys(), expected(operations, &format!("$EVENTS.{STORE}.user.")));
    let dir = context.fresh("load-test");
    let [rates] = context.interleave([Side::new("the load test", |_| {
        let (engine, store) = created(&dir, Durability::Interval)?;
        let users = Repository::<User>::new(&store, RepositoryOptions::default());
        let figure = rate(operations, || {
            for number in 0..operations {
                let mut user = users.get_or_create(key_of(&keys, number)).wait()?;
                user.raise(Changed(number));
                users.save(user, &SaveOptions::default()).wait()?;
            }
            Ok(())
        })?;
        engine.close()?;
        check(Kind::OursEvents, &dir, expected)?;
        std::fs::remove_dir_all(&dir)?;
        Ok(figure)
    })])?;
    let what = "get or create, one event, save (100 aggregates, `interval`)";
    let load_test = Line::figure(ROW.name, what, rates, Unit::PerSecond, Goal::AtLeast(500_000.0));
    Ok(vec![load_test, loads(context)?])
}

/// An aggregate of many events, loaded from its snapshot and from its first event.
fn loads(context: &mut Context) -> Outcome<Line> {
    let events = context.scaled(LONG);
    let dir = context.fresh("long");
    let (engine, store) = created(&dir, Durability::Os)?;
    let id = AggregateId::new(User::NAME, MANY);
    let at = save_changes(&store, id, Position::default(), events - BEHIND)?;
    let state = at.version.to_le_bytes();
    let snapshot = NewSnapshot {
        position: at,
        schema: User::SNAPSHOT_SCHEMA,
        data: &state,
        ttl: std::time::Duration::ZERO,
        data_subjects: &[],
    };
    store.save_snapshot(id, &snapshot).wait()?;
    save_changes(&store, id, at, BEHIND)?;

    let users = |snapshot_every| {
        let options = RepositoryOptions { snapshot_every, cache: 0, ..RepositoryOptions::default() };
        Repository::<User>::new(&store, options)
    };
    let (with, without) = (users(BATCH_RECORDS), users(0));
    let load = |users: &Repository<User>, times: u64| {
        rate(times, || {
            for _ in 0..times {
                let user = users.load(MANY).wait()?.ok_or("the aggregate is gone")?;
                if (user.state().changes, user.position().version) != (events, events) {
                    return Err(format!("{} changes of {events} were loaded", user.state().changes).into());
                }
            }
            Ok(())
        })
    };
    let [ours, theirs] = context.interleave([
        Side::new("with a snapshot", |_| load(&with, context.turns(LOADS_WITH))),
        Side::new("without", |_| load(&without, context.turns(LOADS_WITHOUT))),
    ])?;
    engine.close()?;
    let what = format!("load of {events} events, snapshot at {}", events - BEHIND);
    Ok(Line::ratio(ROW.name, &what, "the same without a snapshot", [&ours, &theirs], 100.0))
}

/// Saves so many changes in saves as large as may be.
fn save_changes(store: &EventStore, id: AggregateId<'_>, mut at: Position, count: u64) -> Outcome<Position> {
    let last = at.version + count;
    while at.version < last {
        let numbers = at.version..(at.version + BATCH_RECORDS).min(last);
        let data: Vec<Vec<u8>> = numbers.map(data).collect();
        let events: Vec<NewEvent<'_>> = data.iter().map(|data| NewEvent::new("Changed", data)).collect();
        at = store.save(id, Expected::At(at), &events, &SaveOptions::default()).wait()?.position;
    }
    Ok(at)
}

/// A new directory with an empty store.
pub(super) fn created(dir: &Path, durability: Durability) -> Outcome<(Engine, EventStore)> {
    let engine = Engine::open(dir)?;
    let store = engine.create_event_store(config(durability)).wait()?;
    Ok((engine, store))
}

/// How the store is made.
pub(super) fn config(durability: Durability) -> EventsConfig {
    EventsConfig { name: STORE.to_owned(), durability, ..EventsConfig::default() }
}

/// The keys of the load test.
pub(super) fn keys() -> Vec<String> {
    (0..USERS).map(|user| format!("user-{user}")).collect()
}

/// Which aggregate an operation is for.
pub(super) fn key_of(keys: &[String], number: u64) -> &str {
    &keys[(mix(number) % keys.len() as u64) as usize]
}

/// What the load test must leave on subjects that begin so.
pub(super) fn expected(operations: u64, prefix: &str) -> Digest {
    let subjects: Vec<String> = keys().into_iter().map(|key| format!("{prefix}{key}")).collect();
    let mut digest = Digest::default();
    for number in 0..operations {
        digest.add(key_of(&subjects, number).as_bytes(), &data(number));
    }
    digest
}

/// Reads everything in a directory's store and says what it is.
pub(crate) fn digest(dir: &Path) -> Outcome<Digest> {
    let engine = Engine::open(dir)?;
    let digest = digest_of(engine.event_store(STORE).wait()?.stream())?;
    engine.close()?;
    Ok(digest)
}

/// The same of a stream on any engine; sequences must have no gap.
pub(super) fn digest_of(stream: &Stream) -> Outcome<Digest> {
    let mut digest = Digest::default();
    loop {
        let read = ReadOptions::default().from_seq(digest.count + 1).max_records(READ_RECORDS);
        let batch = stream.read(&read).wait()?;
        if batch.is_empty() {
            return Ok(digest);
        }
        for record in batch.iter() {
            if record.seq != digest.count + 1 {
                return Err(format!("sequence {} follows {}", record.seq, digest.count).into());
            }
            digest.add(record.subject.as_bytes(), record.payload);
        }
    }
}

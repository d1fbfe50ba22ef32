//! `headwater bench events`: get or create an aggregate, one event, save; and all events again through a fold.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::Args;
use headwater::events::{
    Aggregate, DomainEvent, EventStore, EventsConfig, FollowOptions, Repository, RepositoryOptions, SaveOptions,
};
use headwater::{Clock, Error, ErrorKind, SystemClock};

use super::measure::Row;
use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::progress::Progress;
use crate::stream::DurabilityName;

/// Events that the replay takes at once.
const REPLAY_EVENTS: usize = 1_000;

#[derive(Args)]
pub(crate) struct Events {
    /// How many times an aggregate is loaded, changed and saved.
    #[arg(long, value_name = "COUNT", default_value_t = 50_000)]
    n: u32,
    /// Over how many aggregates that is spread, at random.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    users: u32,
    /// Keeps a snapshot every so many events; 0 is never.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    snapshot_every: u64,
    /// How many states are kept in memory; 0 is none.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    cache: usize,
    /// What an acknowledgement promises.
    #[arg(long, default_value = "interval")]
    durability: DurabilityName,
}

/// A user who was changed so many times.
#[derive(Debug, Clone, Default)]
struct User {
    changes: u64,
}

/// One change, by its number.
struct Changed(u64);

impl DomainEvent for Changed {
    fn event_type(&self) -> &'static str {
        "Changed"
    }

    fn encode(&self) -> headwater::Result<Vec<u8>> {
        Ok(format!("{{\"number\":{}}}", self.0).into_bytes())
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

impl Events {
    /// Works in a store of its own, which is removed at the end.
    pub(super) fn run(&self, place: &Place, name: &str) -> Done<Vec<Row>> {
        if self.n == 0 || self.users == 0 {
            return Err(Failure::usage("--n and --users must be at least 1"));
        }
        place.make_apart(name, |engine| {
            let (name, durability) = (name.to_owned(), self.durability.level());
            let store =
                engine.create_event_store(EventsConfig { name, durability, ..EventsConfig::default() }).wait()?;
            let outcome = self.measure(&store);
            let removed = engine.delete_event_store(store.name()).wait();
            let rows = outcome?;
            removed?;
            Ok(rows)
        })
    }

    fn measure(&self, store: &EventStore) -> Done<Vec<Row>> {
        let options = RepositoryOptions {
            snapshot_every: self.snapshot_every,
            cache: self.cache,
            ..RepositoryOptions::default()
        };
        let users = Repository::<User>::new(store, options);
        let keys: Vec<String> = (0..self.users).map(|user| format!("user-{user}")).collect();
        let n = u64::from(self.n);
        let progress = Progress::count("saving").interruptible();
        let (begun, mut latencies) = (Instant::now(), Vec::with_capacity(self.n as usize));
        for number in 0..n {
            let key = &keys[(SystemClock.random() % u64::from(self.users)) as usize];
            let sent = Instant::now();
            let mut user = users.get_or_create(key).wait()?;
            user.raise(Changed(number));
            users.save(user, &SaveOptions::default()).wait()?;
            latencies.push(sent.elapsed());
            if number % 256 == 0 && progress.at_of(number, n) == ControlFlow::Break(()) {
                return Err(Failure::new(ErrorKind::Timeout, "it was stopped"));
            }
        }
        let took = begun.elapsed();
        drop(progress);
        let bytes = store.stream().info().wait()?.bytes;
        let saved = Row::new("load, one event, save", n, took, latencies, bytes);
        Ok(vec![saved, replay(store, n, bytes)?])
    }
}

/// Takes all events in again, and counts them by user.
fn replay(store: &EventStore, n: u64, bytes: u64) -> Done<Row> {
    let feed = store.follow(&FollowOptions::default()).wait()?;
    let mut counts = std::collections::HashMap::<String, u64>::new();
    let (begun, mut latencies, mut found) = (Instant::now(), Vec::new(), 0);
    while found < n {
        let asked = Instant::now();
        let events = feed.next(REPLAY_EVENTS).wait()?;
        for event in events.iter() {
            let event = event?;
            Changed::decode(event.event_type, event.schema, event.data())?;
            match counts.get_mut(event.subject()) {
                Some(count) => *count += 1,
                None => drop(counts.insert(event.subject().to_owned(), 1)),
            }
        }
        found += events.len() as u64;
        latencies.push(asked.elapsed());
    }
    let took: Duration = begun.elapsed();
    if counts.values().sum::<u64>() != n {
        return Err(Failure::new(ErrorKind::Corrupt, format!("{found} events of {n} came back")));
    }
    Ok(Row::new("replay of all events", n, took, latencies, bytes))
}

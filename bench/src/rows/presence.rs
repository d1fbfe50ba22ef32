//! Presence in one process: two threads look 100,000 users up and write one time in ten, beside maps that threads
//! share, which keep no log, count nobody and tell nobody; and the heap that sessions take.

use std::sync::Arc;
use std::thread;

use dashmap::DashMap;
use headwater::Engine;
use headwater::presence::{Presence, PresenceConfig, SessionSet, Status};
use moka::sync::Cache;

use super::Row;
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::heap::bytes_of;
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "presence", about: "users looked up, one write in ten, 2 threads: dashmap, moka; heap", run };

const USERS: u64 = 100_000;
const OPERATIONS: u64 = 2_000_000;
const THREADS: u64 = 2;
/// One operation of so many is a write.
const WRITE_EVERY: u64 = 10;
const SPACE: &str = "office";
/// Sessions whose heap is counted, and the megabytes that they may take.
const HEAPS: [(u64, f64); 2] = [(100_000, 60.0), (1_000_000, 500.0)];

/// What the peers keep of a user: what a user of ours says, with one session.
#[allow(dead_code, reason = "it is kept, and not all of it is looked at")]
struct Kept {
    space: Arc<str>,
    user: String,
    session: String,
    status: Status,
    message: Option<String>,
    device: Option<String>,
    since_ms: u64,
    last_seen_ms: u64,
    changed_ms: u64,
    ttl_ms: u64,
}

fn names() -> Vec<String> {
    (0..USERS).map(|n| format!("user{n:06}")).collect()
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (operations, names) = (context.scaled(OPERATIONS), names());
    let dir = context.fresh("store");
    let engine = Engine::open(&dir)?;
    let presence = engine.presence(PresenceConfig::default())?;
    let space: Arc<str> = SPACE.into();
    let kept = |name: &str, status| Kept::of(&space, name, status);
    let map: DashMap<String, Arc<Kept>> = DashMap::new();
    let cache: Cache<String, Arc<Kept>> = Cache::new(USERS * 2);
    for name in &names {
        presence.set(SPACE, name, session(Status::Online)).wait()?;
        map.insert(name.clone(), kept(name, Status::Online));
        cache.insert(name.clone(), kept(name, Status::Online));
    }
    let ours = |name: &str, write: Option<Status>| match write {
        Some(status) => presence.set(SPACE, name, session(status)).wait().is_ok(),
        None => presence.get(SPACE, name).wait().is_ok_and(|user| user.status != Status::Offline),
    };
    let theirs = |name: &str, write: Option<Status>| match write {
        Some(status) => map.insert(name.to_owned(), kept(name, status)).is_some(),
        None => map.get(name).map(|kept| Arc::clone(&kept)).is_some_and(|kept| is_there(&kept)),
    };
    let cached = |name: &str, write: Option<Status>| match write {
        Some(status) => {
            cache.insert(name.to_owned(), kept(name, status));
            true
        }
        None => cache.get(name).is_some_and(|kept| is_there(&kept)),
    };
    let [us, dashmap, moka] = context.interleave([
        Side::new("Headwater", |_| turn(operations, &names, &ours)),
        Side::new("dashmap", |_| turn(operations, &names, &theirs)),
        Side::new("moka", |_| turn(operations, &names, &cached)),
    ])?;
    let counted = presence.counts(SPACE).wait()?.users;
    if counted != USERS {
        return Err(format!("{counted} of {USERS} users are there").into());
    }
    drop(presence);
    engine.close()?;
    let what = "users looked up, one write in ten, 2 threads";
    let mut lines = vec![
        Line::ratio(ROW.name, what, "dashmap", [&us, &dashmap], 0.8),
        Line::ratio(ROW.name, what, "moka", [&us, &moka], 4.0),
    ];
    for (sessions, most) in HEAPS {
        let sessions = context.scaled(sessions);
        let dir = context.fresh("heap");
        let (held, bytes) = bytes_of(|| filled(&dir, sessions));
        drop(held?);
        let what = format!("heap of {sessions} sessions");
        lines.push(Line::figure(ROW.name, &what, vec![bytes as f64 / 1e6], Unit::Megabytes, Goal::AtMost(most)));
    }
    Ok(lines)
}

fn session(status: Status) -> SessionSet {
    SessionSet { session: "tab".to_owned(), status, ..SessionSet::default() }
}

impl Kept {
    fn of(space: &Arc<str>, name: &str, status: Status) -> Arc<Kept> {
        Arc::new(Kept {
            space: Arc::clone(space),
            user: name.to_owned(),
            session: "tab".to_owned(),
            status,
            message: None,
            device: None,
            since_ms: 1_790_000_000_000,
            last_seen_ms: 1_790_000_000_000,
            changed_ms: 1_790_000_000_000,
            ttl_ms: 75_000,
        })
    }
}

fn is_there(kept: &Kept) -> bool {
    kept.status != Status::Offline && kept.message.is_none()
}

/// All operations, spread over the threads; each must find what it asks for.
fn turn(operations: u64, names: &[String], act: &(impl Fn(&str, Option<Status>) -> bool + Sync)) -> Outcome<f64> {
    rate(operations, || {
        thread::scope(|scope| {
            let threads = (0..THREADS).map(|number| {
                scope.spawn(move || {
                    let mut chance = number + 1;
                    (0..operations / THREADS).all(|turn| {
                        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let name = &names[(chance >> 33) as usize % names.len()];
                        let status = if turn % 20 == 0 { Status::Busy } else { Status::Online };
                        act(name, (turn % WRITE_EVERY == 0).then_some(status))
                    })
                })
            });
            let threads: Vec<_> = threads.collect();
            let found = threads.into_iter().all(|thread| thread.join().unwrap_or(false));
            if found { Ok(()) } else { Err("an operation found nothing".into()) }
        })
    })
}

/// A store with so many users, each with a session.
fn filled(dir: &std::path::Path, sessions: u64) -> Outcome<(Engine, Presence)> {
    let engine = Engine::open(dir)?;
    let presence = engine.presence(PresenceConfig::default())?;
    for number in 0..sessions {
        presence.set(SPACE, &format!("user{number:07}"), session(Status::Online)).wait()?;
    }
    Ok((engine, presence))
}

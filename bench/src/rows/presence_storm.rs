//! Everybody comes back at once: 100,000 users end a session and begin another within five seconds, while a hundred
//! watchers follow them all and others look users up. There are as many changes as sessions that came and went, every
//! watcher has the right picture at the end, and those who look users up do not notice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use headwater::Engine;
use headwater::presence::{
    ChangeKind, Presence, PresenceConfig, PresenceWatcher, SessionSet, WatchEvent, WatchOptions,
};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples};
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "presence_storm", about: "100,000 users come back in 5 s, 100 watchers: changes; reads, p99", run };

const USERS: u64 = 100_000;
const STORM: Duration = Duration::from_secs(5);
const WATCHERS: usize = 100;
/// One in so many of them is checked event by event.
const CHECKED_EVERY: usize = 25;
/// Between a lookup and the next.
const LOOK_EVERY: Duration = Duration::from_micros(500);
const SPACE: &str = "office";
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One who follows: the sessions that there are, and up to which change.
struct Follower {
    watcher: PresenceWatcher,
    is_checked: bool,
    there: HashMap<String, Vec<String>>,
    position: u64,
}

impl Follower {
    /// Takes in what there is; whether there was something.
    fn follow(&mut self) -> Outcome<bool> {
        let events = self.watcher.try_next(256)?;
        for event in &events {
            match event {
                WatchEvent::Snapshot { position, users } => {
                    self.position = *position;
                    if self.is_checked {
                        let sessions = |user: &headwater::presence::UserView| {
                            user.sessions.iter().map(|view| view.session.id.to_string()).collect()
                        };
                        self.there = users.iter().map(|user| (user.user.to_string(), sessions(user))).collect();
                    }
                }
                WatchEvent::Change(change) => {
                    if change.position <= self.position {
                        return Err(format!("change {} came after {}", change.position, self.position).into());
                    }
                    self.position = change.position;
                    if self.is_checked {
                        let sessions = self.there.entry(change.user.user.to_string()).or_default();
                        match change.kind {
                            ChangeKind::Joined => sessions.push(change.session.to_string()),
                            ChangeKind::Left => sessions.retain(|session| **session != *change.session),
                            ChangeKind::Updated => {}
                        }
                    }
                }
                WatchEvent::Counts(_) | WatchEvent::View { .. } => {}
            }
        }
        Ok(!events.is_empty())
    }
}

fn name(number: u64) -> String {
    format!("user{number:06}")
}

fn session(round: usize) -> SessionSet {
    SessionSet { session: format!("connection{round}"), ..SessionSet::default() }
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let users = context.scaled(USERS);
    let engine = Engine::open(context.fresh("store"))?;
    let presence = engine.presence(PresenceConfig::default())?;
    for number in 0..users {
        presence.set(SPACE, &name(number), session(0)).wait()?;
    }
    let followers = (0..WATCHERS).map(|number| -> Outcome<Follower> {
        let watcher = presence.watch(WatchOptions { space: SPACE.to_owned(), ..WatchOptions::default() })?;
        Ok(Follower { watcher, is_checked: number % CHECKED_EVERY == 0, there: HashMap::new(), position: 0 })
    });
    let mut followers = followers.collect::<Outcome<Vec<_>>>()?;
    for follower in &mut followers {
        while follower.follow()? {}
    }
    let (mut changes, mut slow) = (Samples::new(), Samples::new());
    for round in 1..=context.rounds {
        context.progress(&format!("round {round}/{}: {users} users come back", context.rounds));
        let before = presence.status().wait()?.position;
        let is_over = AtomicBool::new(false);
        let reads = thread::scope(|scope| -> Outcome<Vec<f64>> {
            let reading = scope.spawn(|| reads(&presence, users, &is_over).map_err(|error| error.to_string()));
            let following = scope.spawn(|| follow_all(&mut followers, &is_over).map_err(|error| error.to_string()));
            let stormed = storm(&presence, users, round);
            is_over.store(true, Ordering::Release);
            let reads = reading.join().map_err(|_| "a reader panicked")??;
            following.join().map_err(|_| "a watcher panicked")??;
            stormed?;
            Ok(reads)
        })?;
        let after = presence.status().wait()?.position;
        for follower in &followers {
            let is_right =
                |number| follower.there.get(&name(number)).is_some_and(|all| *all == [session(round).session]);
            if follower.position != after || follower.is_checked && !(0..users).all(is_right) {
                return Err(format!("a watcher is at {} of {after}, or tells others", follower.position).into());
            }
        }
        changes.push((after - before) as f64 / users as f64);
        slow.push(reads[reads.len() * 99 / 100]);
    }
    engine.close()?;
    let what = format!("{users} users come back in {} s, {WATCHERS} watchers", STORM.as_secs());
    Ok(vec![
        Line::figure(ROW.name, &format!("{what}: changes a user"), changes, Unit::Times, Goal::AtMost(2.0)),
        Line::figure(ROW.name, &format!("{what}: a read, p99"), slow, Unit::Seconds, Goal::AtMost(0.01)),
    ])
}

/// All users begin another session and end the one before, at even times.
fn storm(presence: &Presence, users: u64, round: usize) -> Outcome<()> {
    let begun = Instant::now();
    for number in 0..users {
        let due = begun + STORM.mul_f64(number as f64 / users as f64);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        presence.set(SPACE, &name(number), session(round)).wait()?;
        presence.leave(SPACE, &name(number), &session(round - 1).session).wait()?;
    }
    let took = begun.elapsed();
    if took > STORM + Duration::from_secs(1) { Err(format!("it took {took:?}").into()) } else { Ok(()) }
}

/// Follows until the storm is over and nothing more comes.
fn follow_all(followers: &mut [Follower], is_over: &AtomicBool) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let was_over = is_over.load(Ordering::Acquire);
        let mut has_more = false;
        for follower in &mut *followers {
            has_more |= follower.follow()?;
        }
        if !has_more {
            if was_over {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        if begun.elapsed() > WAIT_MAX {
            return Err("the watchers never come to an end".into());
        }
    }
}

/// Looks users up at even times until the storm is over; how long each took from when it was due, in seconds, sorted.
fn reads(presence: &Presence, users: u64, is_over: &AtomicBool) -> Outcome<Vec<f64>> {
    let (begun, mut took, mut chance) = (Instant::now(), Vec::new(), 1_u64);
    while !is_over.load(Ordering::Acquire) {
        let due = begun + LOOK_EVERY * took.len() as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let user = presence.get(SPACE, &name((chance >> 33) % users)).wait()?;
        if user.sessions.is_empty() {
            return Err(format!("{} is not there", user.user).into());
        }
        took.push(due.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    if took.len() < 1_000 { Err(format!("only {} lookups", took.len()).into()) } else { Ok(took) }
}

//! Who is here: presence stores, sessions that are held, and watchers. `lib/presence.js` is the other side.
//!
//! What is told goes as the JSON that every door has, which JavaScript reads faster than it makes objects from here.

use std::sync::Arc;

use headwater::presence::{
    Counts, HeldSession, Presence, PresenceStatus, PresenceWatcher, Purge, Reading, UserView, WatchEvent, WatchOptions,
};
use headwater::{Engine, Pending};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{PresenceOptions, SessionOptions, status_of};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::jobs;
use crate::values::{millis, u64_of};

/// Opens a presence store.
#[napi(catch_unwind)]
pub fn engine_presence(env: Env, engine: u32, options: PresenceOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        let engine = engine.clone();
        jobs::run(env, hub, move || engine.presence(config).map(Answer::handle))
    })
}

/// All presence stores.
#[napi(catch_unwind)]
pub fn engine_presences(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.presences().map(Answer::value)))
}

/// Its name.
#[napi(catch_unwind)]
pub fn presence_name(presence: u32) -> Result<String> {
    Presence::with(presence, |presence, _| Ok(presence.name().to_owned()))
}

/// Begins what is asked of a store.
fn begin(env: Env, presence: u32, work: impl FnOnce(&Presence) -> Pending<Answer>) -> Result<Raw> {
    Presence::with(presence, |presence, hub| hub.settle(env, work(presence)))
}

fn user_of(view: Arc<UserView>) -> Answer {
    Answer::value(view.to_json().to_string())
}

fn reading_of(reading: Reading) -> Answer {
    Answer::value(reading.to_json().to_string())
}

/// Sets a leased session.
#[napi(catch_unwind)]
pub fn presence_set(env: Env, presence: u32, space: String, user: String, set: SessionOptions) -> Result<Raw> {
    let set = set.into_core()?;
    begin(env, presence, |presence| presence.set(&space, &user, set).map(user_of))
}

/// Begins a session that is held.
#[napi(catch_unwind)]
pub fn presence_hold(env: Env, presence: u32, space: String, user: String, set: SessionOptions) -> Result<Raw> {
    let set = set.into_core()?;
    begin(env, presence, |presence| presence.hold(&space, &user, set).map(Answer::handle))
}

/// Until when a session lives.
#[napi(object, object_from_js = false)]
pub struct LeaseDescription {
    pub expires_ms: f64,
    pub ttl_ms: f64,
}

/// A sign of life of a leased session.
#[napi(catch_unwind)]
pub fn presence_heartbeat(
    env: Env,
    presence: u32,
    space: String,
    user: String,
    session: String,
    active: bool,
) -> Result<Raw> {
    begin(env, presence, |presence| {
        presence.heartbeat(&space, &user, &session, active).map(|lease| {
            Answer::value(LeaseDescription { expires_ms: lease.expires_ms as f64, ttl_ms: lease.ttl_ms as f64 })
        })
    })
}

/// Ends a session.
#[napi(catch_unwind)]
pub fn presence_leave(env: Env, presence: u32, space: String, user: String, session: String) -> Result<Raw> {
    begin(env, presence, |presence| presence.leave(&space, &user, &session).map(user_of))
}

/// Chooses a status over all sessions.
#[napi(catch_unwind)]
pub fn presence_choose(
    env: Env,
    presence: u32,
    space: String,
    user: String,
    status: Option<String>,
    how_long_ms: Option<f64>,
) -> Result<Raw> {
    let status = status.as_deref().map(status_of).transpose()?;
    let how_long = how_long_ms.map(|ms| millis("howLongMs", ms)).transpose()?;
    begin(env, presence, |presence| presence.choose(&space, &user, status, how_long).map(user_of))
}

/// Hides a user, or shows it.
#[napi(catch_unwind)]
pub fn presence_hide(env: Env, presence: u32, space: String, user: String, on: bool) -> Result<Raw> {
    begin(env, presence, |presence| presence.hide(&space, &user, on).map(user_of))
}

/// A user.
#[napi(catch_unwind)]
pub fn presence_get(env: Env, presence: u32, space: String, user: String) -> Result<Raw> {
    begin(env, presence, |presence| presence.get(&space, &user).map(user_of))
}

/// Users by name.
#[napi(catch_unwind)]
pub fn presence_get_many(env: Env, presence: u32, space: String, users: Vec<String>) -> Result<Raw> {
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    begin(env, presence, |presence| presence.get_many(&space, &users).map(reading_of))
}

/// All who are there.
#[napi(catch_unwind)]
pub fn presence_list(env: Env, presence: u32, space: String) -> Result<Raw> {
    begin(env, presence, |presence| presence.list(&space).map(reading_of))
}

/// How many are in a space.
#[napi(object, object_from_js = false)]
pub struct CountsDescription {
    pub users: f64,
    pub sessions: f64,
    pub online: f64,
    pub away: f64,
    pub busy: f64,
    pub unknown: f64,
}

impl From<Counts> for CountsDescription {
    fn from(counts: Counts) -> Self {
        let Counts { users, sessions, online, away, busy, unknown } = counts;
        let [users, sessions, online, away, busy, unknown] =
            [users, sessions, online, away, busy, unknown].map(|count| count as f64);
        CountsDescription { users, sessions, online, away, busy, unknown }
    }
}

/// How many are in a space.
#[napi(catch_unwind)]
pub fn presence_counts(env: Env, presence: u32, space: String) -> Result<Raw> {
    begin(env, presence, |presence| {
        presence.counts(&space).map(|counts| Answer::value(CountsDescription::from(counts)))
    })
}

/// A space and how many are in it.
#[napi(object, object_from_js = false)]
pub struct SpaceDescription {
    pub name: String,
    pub counts: CountsDescription,
}

/// All spaces.
#[napi(catch_unwind)]
pub fn presence_spaces(env: Env, presence: u32) -> Result<Raw> {
    let all = |spaces: Vec<(String, Counts)>| {
        let one = |(name, counts): (String, Counts)| SpaceDescription { name, counts: counts.into() };
        Answer::value(spaces.into_iter().map(one).collect::<Vec<_>>())
    };
    begin(env, presence, |presence| presence.spaces().map(all))
}

/// Ends sessions.
#[napi(catch_unwind)]
pub fn presence_purge(
    env: Env,
    presence: u32,
    space: Option<String>,
    user: Option<String>,
    node: Option<String>,
) -> Result<Raw> {
    let count = |ended: u64| Answer::value(ended as f64);
    begin(env, presence, |presence| presence.purge(Purge { space, user, node }).map(count))
}

/// How it stands.
#[napi(catch_unwind)]
pub fn presence_status(env: Env, presence: u32) -> Result<Raw> {
    let told = |status: PresenceStatus| Answer::value(status.to_json().to_string());
    begin(env, presence, |presence| presence.status().map(told))
}

/// Ends it for all handles.
#[napi(catch_unwind)]
pub fn presence_close(env: Env, presence: u32) -> Result<Raw> {
    Presence::with(presence, |presence, hub| {
        let presence = presence.clone();
        jobs::run(env, hub, move || {
            presence.close();
            Ok(Answer::Done)
        })
    })
}

/// The name of a session.
#[napi(catch_unwind)]
pub fn held_session_id(held: u32) -> Result<String> {
    HeldSession::with(held, |held, _| Ok(held.id()))
}

/// Changes a session.
#[napi(catch_unwind)]
pub fn held_session_update(env: Env, held: u32, set: SessionOptions) -> Result<Raw> {
    let change = set.change()?;
    HeldSession::with(held, |held, hub| hub.settle(env, held.update(change).map(user_of)))
}

/// Somebody did something there.
#[napi(catch_unwind)]
pub fn held_session_active(env: Env, held: u32) -> Result<Raw> {
    HeldSession::with(held, |held, hub| hub.settle(env, held.active().map(|()| Answer::Done)))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn held_session_leave(env: Env, held: u32) -> Result<Raw> {
    HeldSession::with(held, |held, hub| hub.settle(env, held.leave().map(|()| Answer::Done)))
}

/// Follows users.
#[napi(catch_unwind)]
pub fn presence_watch(
    presence: u32,
    space: String,
    users: Vec<String>,
    after: Option<BigInt>,
    reveal: bool,
) -> Result<u32> {
    let after = after.map(|after| u64_of("after", &after)).transpose()?;
    Presence::with(presence, |presence, hub| {
        Ok(presence.watch(WatchOptions { space, users, after, reveal }).map_err(fault)?.hold(hub))
    })
}

fn events_of(events: Vec<WatchEvent>) -> Answer {
    let all: Vec<_> = events.iter().map(|event| event.to_json().to_string()).collect();
    Answer::value(format!("[{}]", all.join(",")))
}

/// Waits for events, then takes up to `max`.
#[napi(catch_unwind)]
pub fn presence_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    PresenceWatcher::with(watcher, |watcher, hub| hub.settle(env, watcher.next(max as usize).map(events_of)))
}

/// Takes up to `max` events that are there.
#[napi(catch_unwind)]
pub fn presence_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    PresenceWatcher::with(watcher, |watcher, hub| {
        events_of(watcher.try_next(max as usize).map_err(fault)?).into_js(env, hub)
    })
}

/// Ends it.
#[napi(catch_unwind)]
pub fn presence_watcher_close(watcher: u32) -> Result<()> {
    PresenceWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

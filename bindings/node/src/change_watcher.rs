//! Watchers of what is joined into a SQLite file. `lib/changes.js` is the other side.

use headwater::replica::{ChangeKind, ChangeWatcher, Database, RowChange};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::connection::put_value;
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::jobs;
use crate::pack::Writer;

/// Follows what is joined from now on.
#[napi(catch_unwind)]
pub fn database_watch(env: Env, database: u32) -> Result<Raw> {
    Database::with(database, |database, hub| {
        let database = database.clone();
        jobs::run(env, hub, move || database.watch().wait().map(Answer::handle))
    })
}

fn pack(changes: Vec<RowChange>) -> Answer {
    let mut out = Writer::default();
    out.u32(changes.len() as u32);
    for change in &changes {
        out.text(&change.table);
        out.u32(match change.kind {
            ChangeKind::Insert => 0,
            ChangeKind::Update => 1,
            ChangeKind::Delete => 2,
        });
        out.text(&change.node);
        out.u64(change.stamp);
        out.u64(change.time_ms());
        out.u32(change.key.len() as u32);
        change.key.iter().for_each(|value| put_value(&mut out, value));
    }
    Answer::Bytes(out.finish())
}

/// Waits for changes, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn change_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    ChangeWatcher::with(watcher, |watcher, hub| hub.settle(env, watcher.next(max as usize).map(pack)))
}

/// Takes up to `max` changes that are there, packed.
#[napi(catch_unwind)]
pub fn change_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    ChangeWatcher::with(watcher, |watcher, hub| pack(watcher.try_next(max as usize).map_err(fault)?).into_js(env, hub))
}

/// How many changes it was too slow for.
#[napi(catch_unwind)]
pub fn change_watcher_missed(watcher: u32) -> Result<u64> {
    ChangeWatcher::with(watcher, |watcher, _| Ok(watcher.missed()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn change_watcher_close(watcher: u32) -> Result<()> {
    ChangeWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

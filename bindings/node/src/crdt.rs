//! Stores of state that merges: writes, reads and watchers. `lib/crdt.js` is the other side, with the typed handles.

use headwater::crdt::{CrdtConfig, CrdtStatus, CrdtStore, CrdtWatcher, Dumped};
use headwater::{Durability, Engine};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::CrdtOptions;
use crate::crdt_pack::{self as pack, Place};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::jobs;
use crate::pack::Writer;

/// Opens a store, in the call where that touches no disk and no hub.
fn open(
    env: Env,
    engine: u32,
    open: impl FnOnce(&Engine) -> headwater::Result<CrdtStore> + Send + 'static,
) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        if engine.dir().is_none() && engine.hub_state().is_err() {
            return Answer::handle(open(engine).map_err(fault)?).into_js(env, hub);
        }
        let engine = engine.clone();
        jobs::run(env, hub, move || open(&engine).map(Answer::handle))
    })
}

/// Opens a store, and makes it if it is not there.
#[napi(catch_unwind)]
pub fn crdt_create(env: Env, engine: u32, options: CrdtOptions) -> Result<Raw> {
    let config: CrdtConfig = options.into_core()?;
    open(env, engine, move |engine| engine.crdt(config))
}

/// Opens a store that is there.
#[napi(catch_unwind)]
pub fn crdt_open(env: Env, engine: u32, name: String) -> Result<Raw> {
    open(env, engine, move |engine| engine.open_crdt(&name))
}

/// All stores.
#[napi(catch_unwind)]
pub fn engine_crdts(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.crdts().map(Answer::value)))
}

/// What does not change about a store.
#[napi(object, object_from_js = false)]
pub struct CrdtDescription {
    pub name: String,
    pub engine: u64,
    pub epoch: u64,
}

/// Its name, and whose operations it makes.
#[napi(catch_unwind)]
pub fn crdt_describe(store: u32) -> Result<CrdtDescription> {
    CrdtStore::with(store, |store, _| {
        let actor = store.actor();
        Ok(CrdtDescription { name: store.name().to_owned(), engine: actor.engine, epoch: actor.epoch })
    })
}

/// The log.
#[napi(catch_unwind)]
pub fn crdt_stream(store: u32) -> Result<u32> {
    CrdtStore::with(store, |store, hub| Ok(store.stream().clone().hold(hub)))
}

/// Does one packed operation. Null without `now` where a snapshot is due, which would block.
#[napi(catch_unwind)]
pub fn crdt_write(env: Env, store: u32, packed: &[u8], now: bool) -> Result<Raw> {
    CrdtStore::with(store, |store, hub| {
        if !now && store.is_snapshot_due() {
            return Answer::Done.into_js(env, hub);
        }
        pack::with_change(packed, |change| {
            let written = store.write(change.path, change.kind, &change.op);
            hub.settle(env, written.map(|written| Answer::Bytes(pack::written(written))))
        })
    })
}

/// Does all of so many packed operations or nothing. Null as of [`crdt_write`].
#[napi(catch_unwind)]
pub fn crdt_transaction(env: Env, store: u32, packed: &[u8], count: u32, now: bool) -> Result<Raw> {
    CrdtStore::with(store, |store, hub| {
        if !now && store.is_snapshot_due() {
            return Answer::Done.into_js(env, hub);
        }
        pack::with_changes(packed, count, |changes| {
            let written = store.transaction(changes);
            hub.settle(env, written.map(|written| Answer::Bytes(pack::written(written))))
        })
    })
}

/// Runs `work`, which blocks, beside the event loop.
fn beside(
    env: Env,
    store: u32,
    work: impl FnOnce(&CrdtStore) -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    CrdtStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run(env, hub, move || work(&store))
    })
}

/// Does `work` in the call where the records are local; else it may wait for a hub, and is a job.
fn ask(
    env: Env,
    store: u32,
    work: impl FnOnce(&CrdtStore) -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    CrdtStore::with(store, |store, hub| {
        // A local stream never says this of itself.
        if store.stream().config().durability != Durability::Unknown {
            return work(store).map_err(fault)?.into_js(env, hub);
        }
        let store = store.clone();
        jobs::run(env, hub, move || work(&store))
    })
}

/// Writes the snapshot that is due, if one is.
#[napi(catch_unwind)]
pub fn crdt_snapshot_if_due(env: Env, store: u32) -> Result<Raw> {
    beside(env, store, |store| store.snapshot_if_due().map(|()| Answer::Done))
}

/// Writes a snapshot now; answers the sequence that it covers.
#[napi(catch_unwind)]
pub fn crdt_snapshot(env: Env, store: u32) -> Result<Raw> {
    beside(env, store, |store| store.snapshot().map(Answer::Count))
}

/// Takes in all that another store has; answers how many keys it compared, how many changed, and bytes, packed.
#[napi(catch_unwind)]
pub fn crdt_merge(env: Env, store: u32, other: u32) -> Result<Raw> {
    let other = CrdtStore::with(other, |other, _| Ok(other.clone()))?;
    CrdtStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run_long(env, hub, move |progress| {
            let merged = store.merge_with(&other, &mut |done, total| progress.report(done, total))?;
            let mut out = Writer::default();
            for number in [merged.keys, merged.changed, merged.bytes] {
                out.u64(number);
            }
            Ok(Answer::Bytes(out.finish()))
        })
    })
}

/// Ends the handle, after a snapshot if that spares the next one much.
#[napi(catch_unwind)]
pub fn crdt_close(env: Env, store: u32) -> Result<Raw> {
    beside(env, store, |store| {
        store.close();
        Ok(Answer::Done)
    })
}

/// What is at a path as a kind, packed.
#[napi(catch_unwind)]
pub fn crdt_read(env: Env, store: u32, path: Vec<String>, kind: u32) -> Result<Raw> {
    let (place, kind) = (Place::new(path)?, pack::kind_of(kind)?);
    ask(env, store, move |store| Ok(Answer::Bytes(pack::reading(&place.with(|path| store.read(path, kind))?))))
}

/// Whether a packed value is in a set.
#[napi(catch_unwind)]
pub fn crdt_contains(env: Env, store: u32, path: Vec<String>, kind: u32, packed: &[u8]) -> Result<Raw> {
    let (place, kind, value) = (Place::new(path)?, pack::kind_of(kind)?, pack::value_of(packed)?);
    ask(env, store, move |store| place.with(|path| store.contains(path, kind, &value)).map(Answer::Flag))
}

/// How much this handle may take from a bounded counter, packed.
#[napi(catch_unwind)]
pub fn crdt_rights(env: Env, store: u32, key: String) -> Result<Raw> {
    ask(env, store, move |store| Ok(Answer::Bytes(pack::number(store.rights(&key)?))))
}

/// The keys in which something is alive, packed.
#[napi(catch_unwind)]
pub fn crdt_keys(env: Env, store: u32, prefix: String) -> Result<Raw> {
    ask(env, store, move |store| Ok(Answer::Bytes(pack::names(&store.keys(&prefix)?))))
}

/// The same with what they read as in JSON, packed.
#[napi(catch_unwind)]
pub fn crdt_dump(env: Env, store: u32, prefix: String) -> Result<Raw> {
    ask(env, store, move |store| {
        let mut out = Writer::default();
        let dumped = store.dump(&prefix)?;
        out.u32(dumped.len() as u32);
        for Dumped { key, kind, json } in &dumped {
            out.text(key);
            out.u32(*kind as u32);
            out.text(json);
        }
        Ok(Answer::Bytes(out.finish()))
    })
}

/// How the handle stands, packed.
#[napi(catch_unwind)]
pub fn crdt_status(env: Env, store: u32) -> Result<Raw> {
    ask(env, store, |store| {
        let CrdtStatus { seq, snapshot_seq, held, actors, behind } = store.status()?;
        let mut out = Writer::default();
        out.u64(seq);
        out.u64(snapshot_seq);
        out.u64(behind);
        out.u32(actors as u32);
        out.u32(held.len() as u32);
        for context in &held {
            out.u32(context.iter().count() as u32);
            for (actor, first, last) in context.iter() {
                for number in [actor.engine, actor.epoch, first, last] {
                    out.u64(number);
                }
            }
        }
        Ok(Answer::Bytes(out.finish()))
    })
}

/// Lets in what is held; answers how many records there were.
#[napi(catch_unwind)]
pub fn crdt_release_held(env: Env, store: u32) -> Result<Raw> {
    ask(env, store, |store| store.release_held().map(|held| Answer::Count(held as u64)))
}

/// Follows the keys whose names begin so.
#[napi(catch_unwind)]
pub fn crdt_watch(env: Env, store: u32, prefix: String) -> Result<Raw> {
    ask(env, store, move |store| store.watch(&prefix).map(Answer::handle))
}

fn changed(changes: Vec<headwater::crdt::Changed>) -> Answer {
    let keys: Vec<_> = changes.into_iter().map(|change| (change.key, change.kind)).collect();
    Answer::Bytes(pack::names(&keys))
}

/// Waits for changes, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn crdt_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    CrdtWatcher::with(watcher, |watcher, hub| hub.settle(env, watcher.next(max as usize).map(changed)))
}

/// Takes up to `max` changes that are there, packed.
#[napi(catch_unwind)]
pub fn crdt_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    CrdtWatcher::with(watcher, |watcher, hub| changed(watcher.try_next(max as usize).map_err(fault)?).into_js(env, hub))
}

/// How many records limits removed before this watcher came to read them.
#[napi(catch_unwind)]
pub fn crdt_watcher_missed(watcher: u32) -> Result<u64> {
    CrdtWatcher::with(watcher, |watcher, _| Ok(watcher.missed()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn crdt_watcher_close(watcher: u32) -> Result<()> {
    CrdtWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

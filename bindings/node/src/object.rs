//! Object stores: what is known of objects, and what changes them without their bytes. `lib/objects.js` is the other
//! side; bytes go through `object_io.rs`.

use headwater::{Engine, ObjectInfo, ObjectLink, ObjectStore, ObjectWatchOptions, ObjectWatcher};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{ObjectDescription, ObjectRequest, ObjectStoreDescription, ObjectStoreOptions};
use crate::engine::perform;
use crate::error::{Result, fault};
use crate::handles::Held;

/// What is known of an object, as an answer.
pub(crate) fn described(info: ObjectInfo) -> Answer {
    Answer::value(ObjectDescription::from(info))
}

fn list(infos: Vec<ObjectInfo>) -> Answer {
    Answer::value(infos.into_iter().map(ObjectDescription::from).collect::<Vec<_>>())
}

/// Makes an object store.
#[napi(catch_unwind)]
pub fn engine_create_object_store(env: Env, engine: u32, options: ObjectStoreOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.create_object_store(config).map(Answer::handle))
    })
}

/// The object store of this name.
#[napi(catch_unwind)]
pub fn engine_object_store(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.object_store(&name).map(Answer::handle)))
}

/// Removes an object store.
#[napi(catch_unwind)]
pub fn engine_delete_object_store(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.delete_object_store(&name).map(|()| Answer::Done))
    })
}

/// All object stores.
#[napi(catch_unwind)]
pub fn engine_object_stores(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.object_stores().map(Answer::value)))
}

/// Its name.
#[napi(catch_unwind)]
pub fn object_store_name(store: u32) -> Result<String> {
    ObjectStore::with(store, |store, _| Ok(store.name().to_owned()))
}

/// The stream that it is a view of.
#[napi(catch_unwind)]
pub fn object_store_stream(store: u32) -> Result<u32> {
    ObjectStore::with(store, |store, hub| Ok(store.stream().clone().hold(hub)))
}

/// What it holds.
#[napi(catch_unwind)]
pub fn object_store_status(env: Env, store: u32) -> Result<Raw> {
    let describe = |status| Answer::value(ObjectStoreDescription::from(status));
    ObjectStore::with(store, |store, hub| hub.settle(env, store.status().map(describe)))
}

/// What is known of an object; null when there is none.
#[napi(catch_unwind)]
pub fn object_info(env: Env, store: u32, name: String) -> Result<Raw> {
    ObjectStore::with(store, |store, hub| {
        hub.settle(env, store.info(&name).map(|info| info.map_or(Answer::Done, described)))
    })
}

/// The objects that are there.
#[napi(catch_unwind)]
pub fn object_list(env: Env, store: u32) -> Result<Raw> {
    ObjectStore::with(store, |store, hub| hub.settle(env, store.list().map(list)))
}

/// Changes what is said of an object, or its name.
#[napi(catch_unwind)]
pub fn object_update(env: Env, store: u32, name: String, request: ObjectRequest) -> Result<Raw> {
    let update = request.into_update();
    ObjectStore::with(store, |store, hub| hub.settle(env, store.update(&name, &update).map(described)))
}

/// Makes a name a link; without a target to the store as a whole.
#[napi(catch_unwind)]
pub fn object_add_link(env: Env, store: u32, name: String, bucket: String, target: Option<String>) -> Result<Raw> {
    let link = ObjectLink { bucket, name: target };
    ObjectStore::with(store, |store, hub| hub.settle(env, store.add_link(&name, &link).map(described)))
}

/// Deletes an object.
#[napi(catch_unwind)]
pub fn object_delete(env: Env, store: u32, name: String) -> Result<Raw> {
    ObjectStore::with(store, |store, hub| hub.settle(env, store.delete(&name).map(|()| Answer::Done)))
}

/// What is there, then what changes. Where the records are local the watcher is there at once.
#[napi(catch_unwind)]
pub fn object_watch(env: Env, store: u32, updates_only: bool, ignore_deletes: bool) -> Result<Raw> {
    let options = ObjectWatchOptions { updates_only, ignore_deletes };
    ObjectStore::with(store, |store, hub| hub.settle(env, store.watch(options).map(Answer::handle)))
}

/// Waits for changes, then takes up to `max`.
#[napi(catch_unwind)]
pub fn object_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    ObjectWatcher::with(watcher, |watcher, hub| hub.settle(env, watcher.next(max as usize).map(list)))
}

/// Takes up to `max` changes that are there.
#[napi(catch_unwind)]
pub fn object_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    ObjectWatcher::with(watcher, |watcher, hub| list(watcher.try_next(max as usize).map_err(fault)?).into_js(env, hub))
}

/// Whether everything that was there when the watch began has been taken.
#[napi(catch_unwind)]
pub fn object_watcher_caught_up(watcher: u32) -> Result<bool> {
    ObjectWatcher::with(watcher, |watcher, _| Ok(watcher.caught_up()))
}

/// How many records limits removed before this watcher came to read them.
#[napi(catch_unwind)]
pub fn object_watcher_missed(watcher: u32) -> Result<u64> {
    ObjectWatcher::with(watcher, |watcher, _| Ok(watcher.missed()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn object_watcher_close(watcher: u32) -> Result<()> {
    ObjectWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

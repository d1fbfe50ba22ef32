//! The bucket: keys, revisions and watchers. `lib/bucket.js` reads the packed entries.

use headwater::{Bucket, Entry, Operation, WatchOptions, Watcher};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::BucketDescription;
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::pack::Writer;
use crate::values::{millis, u64_of};

fn pack(entries: &[Entry]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(entries.len() as u32);
    for entry in entries {
        out.u64(entry.revision);
        out.u64(entry.time);
        out.u32(match entry.operation {
            Operation::Put => 0,
            Operation::Delete => 1,
            Operation::Purge => 2,
        });
        out.text(&entry.key);
        out.bytes(&entry.value);
    }
    out.finish()
}

fn revision_of(revision: Option<BigInt>) -> Result<Option<u64>> {
    revision.map(|n| u64_of("revision", &n)).transpose()
}

/// Its name.
#[napi(catch_unwind)]
pub fn bucket_name(bucket: u32) -> Result<String> {
    Bucket::with(bucket, |bucket, _| Ok(bucket.name().to_owned()))
}

/// The stream that it is a view of.
#[napi(catch_unwind)]
pub fn bucket_stream(bucket: u32) -> Result<u32> {
    Bucket::with(bucket, |bucket, hub| Ok(bucket.stream().clone().hold(hub)))
}

/// What it holds.
#[napi(catch_unwind)]
pub fn bucket_status(env: Env, bucket: u32) -> Result<Raw> {
    let describe = |status| Answer::value(BucketDescription::from(status));
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.status().map(describe)))
}

/// Sets a key; answers the revision.
#[napi(catch_unwind)]
pub fn bucket_put(env: Env, bucket: u32, key: String, value: &[u8]) -> Result<Raw> {
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.put(&key, value).map(Answer::Count)))
}

/// Sets a key that has no value.
#[napi(catch_unwind)]
pub fn bucket_create(env: Env, bucket: u32, key: String, value: &[u8], ttl_ms: Option<f64>) -> Result<Raw> {
    let ttl = ttl_ms.map(|ms| millis("ttlMs", ms)).transpose()?;
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.create(&key, value, ttl).map(Answer::Count)))
}

/// Sets a key whose last revision is this one.
#[napi(catch_unwind)]
pub fn bucket_update(env: Env, bucket: u32, key: String, value: &[u8], revision: BigInt) -> Result<Raw> {
    let revision = u64_of("revision", &revision)?;
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.update(&key, value, revision).map(Answer::Count)))
}

/// Deletes a key and keeps its history.
#[napi(catch_unwind)]
pub fn bucket_delete(env: Env, bucket: u32, key: String, revision: Option<BigInt>) -> Result<Raw> {
    let revision = revision_of(revision)?;
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.delete(&key, revision).map(Answer::Count)))
}

/// Deletes a key with its history.
#[napi(catch_unwind)]
pub fn bucket_purge(env: Env, bucket: u32, key: String, revision: Option<BigInt>) -> Result<Raw> {
    let revision = revision_of(revision)?;
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.purge(&key, revision).map(Answer::Count)))
}

/// The newest revision of a key that has a value, or that very revision, packed; an empty pack when there is none.
#[napi(catch_unwind)]
pub fn bucket_get(env: Env, bucket: u32, key: String, revision: Option<BigInt>) -> Result<Raw> {
    let revision = revision_of(revision)?;
    Bucket::with(bucket, |bucket, hub| {
        let entry = match revision {
            None => bucket.get(&key),
            Some(revision) => bucket.get_revision(&key, revision),
        };
        hub.settle(env, entry.map(|entry| Answer::Bytes(pack(entry.as_slice()))))
    })
}

/// The kept revisions of a key, packed.
#[napi(catch_unwind)]
pub fn bucket_history(env: Env, bucket: u32, key: String) -> Result<Raw> {
    Bucket::with(bucket, |bucket, hub| {
        hub.settle(env, bucket.history(&key).map(|entries| Answer::Bytes(pack(&entries))))
    })
}

/// The keys that have a value.
#[napi(catch_unwind)]
pub fn bucket_keys(env: Env, bucket: u32, filter: String) -> Result<Raw> {
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.keys(&filter).map(Answer::value)))
}

/// What a watcher sees.
#[napi(object, object_to_js = false)]
pub struct WatchRequest {
    pub filters: Option<Vec<String>>,
    pub include_history: Option<bool>,
    pub updates_only: Option<bool>,
    pub ignore_deletes: Option<bool>,
}

/// What is there, then what changes. Where the records are local the watcher is there at once.
#[napi(catch_unwind)]
pub fn bucket_watch(env: Env, bucket: u32, request: WatchRequest) -> Result<Raw> {
    let options = WatchOptions {
        filters: request.filters.unwrap_or_default(),
        include_history: request.include_history.unwrap_or_default(),
        updates_only: request.updates_only.unwrap_or_default(),
        ignore_deletes: request.ignore_deletes.unwrap_or_default(),
    };
    Bucket::with(bucket, |bucket, hub| hub.settle(env, bucket.watch(options).map(Answer::handle)))
}

/// Waits for entries, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    Watcher::with(watcher, |watcher, hub| {
        hub.settle(env, watcher.next(max as usize).map(|entries| Answer::Bytes(pack(&entries))))
    })
}

/// Takes up to `max` entries that are there, packed.
#[napi(catch_unwind)]
pub fn watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    Watcher::with(watcher, |watcher, hub| {
        Answer::Bytes(pack(&watcher.try_next(max as usize).map_err(fault)?)).into_js(env, hub)
    })
}

/// Whether everything that was there when the watch began has been taken.
#[napi(catch_unwind)]
pub fn watcher_caught_up(watcher: u32) -> Result<bool> {
    Watcher::with(watcher, |watcher, _| Ok(watcher.caught_up()))
}

/// How many revisions limits removed before this watcher came to read them.
#[napi(catch_unwind)]
pub fn watcher_missed(watcher: u32) -> Result<u64> {
    Watcher::with(watcher, |watcher, _| Ok(watcher.missed()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn watcher_close(watcher: u32) -> Result<()> {
    Watcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

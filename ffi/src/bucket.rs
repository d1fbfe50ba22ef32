//! A bucket: a key-value view of a stream, in JetStream's own layout.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::{Bucket, BucketConfig, Pending, Result};

use crate::append::hw_ack;
use crate::bytes::{hw_str, hw_strings};
use crate::engine::hw_engine;
use crate::entries::hw_entries;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};

use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::{durability, durability_number};
use crate::ticket::hw_ticket;

/// What a bucket keeps. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_bucket_config {
    /// sizeof(hw_bucket_config)
    pub struct_size: usize,
    /// Its name: letters, digits, `-` and `_`.
    pub bucket: hw_str,
    /// For people.
    pub description: hw_str,
    /// Values older than this go; 0 is never.
    pub ttl_ns: u64,
    /// The most bytes; 0 is no limit.
    pub max_bytes: u64,
    /// How many values of a key are kept, 1 to 64; 0 is 1.
    pub history: u32,
    /// The largest value, in bytes; 0 is 8 MiB.
    pub max_value_size: u32,
    /// An hw_durability.
    pub durability: i32,
}

versioned!(hw_bucket_config);

/// A bucket. `const`: safe from many threads at once.
pub struct hw_bucket {
    pub(crate) root: Arc<Root>,
    pub(crate) bucket: Bucket,
    durability: i32,
}

impl hw_bucket {
    fn new(root: &Arc<Root>, bucket: Bucket) -> Self {
        let durability = durability_number(bucket.stream().config().durability);
        hw_bucket { root: root.clone(), bucket, durability }
    }

    pub(crate) fn ticket(&self, pending: Pending<u64>) -> hw_ticket {
        let durability = self.durability;
        hw_ticket::new(&self.root, pending.map(move |revision| hw_ack::revision(revision, durability)))
    }
}

impl Handle for hw_bucket {
    const NOUN: &'static str = "bucket";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

fn config(from: &hw_bucket_config) -> Result<BucketConfig> {
    Ok(BucketConfig {
        bucket: from.bucket.owned("bucket")?,
        description: from.description.owned("description")?,
        history: from.history,
        ttl: Duration::from_nanos(from.ttl_ns),
        max_bytes: from.max_bytes,
        max_value_size: from.max_value_size,
        durability: durability(from.durability)?,
    })
}

/// Makes a bucket. The same configuration again opens the one there.
///
/// Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*bucket` is yours, free with hw_bucket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_create_bucket(
    engine: Option<&hw_engine>,
    config: *const hw_bucket_config,
    bucket: *mut *mut hw_bucket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = self::config(&raw::required("config", config)?)?;
        let out = Out::required("bucket", bucket)?;
        out.give(hw_bucket::new(&engine.root, engine.root.engine.create_bucket(config).wait()?));
        Ok(())
    })
}

/// Opens the bucket of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND.
/// Ownership: `*bucket` is yours, free with hw_bucket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_bucket(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    bucket: *mut *mut hw_bucket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("bucket", bucket)?;
        out.give(hw_bucket::new(&engine.root, engine.root.engine.bucket(name).wait()?));
        Ok(())
    })
}

/// The names of all buckets, in order.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_buckets(
    engine: Option<&hw_engine>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("names", names)?;
        out.give(hw_strings::plain(engine.root.engine.buckets().wait()?));
        Ok(())
    })
}

/// Removes a bucket and everything in it.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_delete_bucket(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| engine.root.engine.delete_bucket(raw::text("name", name, name_len)?).wait())
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_name(
    bucket: Option<&hw_bucket>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        Out::required("name", name)?.set(hw_str::of(bucket.bucket.name()));
        Ok(())
    })
}

/// The stream that it is a view of.
///
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_stream(
    bucket: Option<&hw_bucket>,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&bucket.root, bucket.bucket.stream().clone()));
        Ok(())
    })
}

/// Reads the newest revision of a key that has a value: a list of one, or an empty one when it has none.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*entries` is yours, free with hw_entries_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_get(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    entries: *mut *mut hw_entries,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let key = raw::text("key", key, key_len)?;
        let out = Out::required("entries", entries)?;
        out.give(hw_entries(bucket.bucket.get(key).wait()?.into_iter().collect()));
        Ok(())
    })
}

/// Reads that revision of a key: a list of one, or an empty one when it is not there.
///
/// Errors:    as hw_bucket_get.
/// Ownership: `*entries` is yours, free with hw_entries_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_get_revision(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    revision: u64,
    entries: *mut *mut hw_entries,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let key = raw::text("key", key, key_len)?;
        let out = Out::required("entries", entries)?;
        out.give(hw_entries(bucket.bucket.get_revision(key, revision).wait()?.into_iter().collect()));
        Ok(())
    })
}

/// Reads the kept revisions of a key, oldest first, deletes included.
///
/// Errors:    as hw_bucket_get.
/// Ownership: `*entries` is yours, free with hw_entries_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_history(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    entries: *mut *mut hw_entries,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let key = raw::text("key", key, key_len)?;
        let out = Out::required("entries", entries)?;
        out.give(hw_entries(bucket.bucket.history(key).wait()?));
        Ok(())
    })
}

/// The keys that have a value and that the filter takes, in order; an empty filter is `>`, all of them.
///
/// Errors:    as hw_bucket_get.
/// Ownership: `*keys` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_keys(
    bucket: Option<&hw_bucket>,
    filter: *const c_char,
    filter_len: usize,
    keys: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let filter = match raw::text("filter", filter, filter_len)? {
            "" => ">",
            some => some,
        };
        let out = Out::required("keys", keys)?;
        out.give(hw_strings::plain(bucket.bucket.keys(filter).wait()?));
        Ok(())
    })
}

/// Frees the handle; NULL is nothing. The bucket stays.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_free(bucket: Option<Box<hw_bucket>>) {
    release_handle(bucket);
}

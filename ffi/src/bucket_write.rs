//! Writing to a bucket: each operation waiting for its durability, and as a ticket.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use headwater::{Bucket, Pending, Result};

use crate::bucket::hw_bucket;
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{self, Out};
use crate::status::hw_status;
use crate::ticket::hw_ticket;

/// Sets a key, and returns when the bucket's durability is reached. `revision`, when not NULL, gets the new
/// revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_put(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Put(raw::bytes("value", value, value_len)?));
    write(bucket, (key, key_len), what, revision, error)
}

/// As hw_bucket_put, but returns at once: the ticket's `seq` is the new revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_put_submit(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Put(raw::bytes("value", value, value_len)?));
    submit(bucket, (key, key_len), what, ticket, error)
}

/// Sets a key that has no value, for `ttl_ns` nanoseconds (whole seconds; 0 is for good), and returns when the
/// bucket's durability is reached. `revision`, when not NULL, gets the new revision.
///
/// Errors:    HW_STATUS_CONFLICT (it has a value), and as hw_bucket_put.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_create(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl_ns: u64,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || {
        Ok(Write::Create(raw::bytes("value", value, value_len)?, (ttl_ns != 0).then(|| Duration::from_nanos(ttl_ns))))
    };
    write(bucket, (key, key_len), what, revision, error)
}

/// As hw_bucket_create, but returns at once: the ticket's `seq` is the new revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_create_submit(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    ttl_ns: u64,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || {
        Ok(Write::Create(raw::bytes("value", value, value_len)?, (ttl_ns != 0).then(|| Duration::from_nanos(ttl_ns))))
    };
    submit(bucket, (key, key_len), what, ticket, error)
}

/// Sets a key whose last revision is `last_revision`, and returns when the bucket's durability is reached.
/// `revision`, when not NULL, gets the new revision.
///
/// Errors:    HW_STATUS_CONFLICT (it is another; hw_error_sequences has both), and as hw_bucket_put.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_update(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    last_revision: u64,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Update(raw::bytes("value", value, value_len)?, last_revision));
    write(bucket, (key, key_len), what, revision, error)
}

/// As hw_bucket_update, but returns at once: the ticket's `seq` is the new revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_update_submit(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    last_revision: u64,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Update(raw::bytes("value", value, value_len)?, last_revision));
    submit(bucket, (key, key_len), what, ticket, error)
}

/// Deletes a key and keeps its history, if its last revision is `last_revision` (0: whatever it is), and returns
/// when the bucket's durability is reached. `revision`, when not NULL, gets the new revision.
///
/// Errors:    as hw_bucket_update.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_delete(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    last_revision: u64,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Delete((last_revision != 0).then_some(last_revision)));
    write(bucket, (key, key_len), what, revision, error)
}

/// As hw_bucket_delete, but returns at once: the ticket's `seq` is the new revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_delete_submit(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    last_revision: u64,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Delete((last_revision != 0).then_some(last_revision)));
    submit(bucket, (key, key_len), what, ticket, error)
}

/// Deletes a key with its history, if its last revision is `last_revision` (0: whatever it is), and returns when
/// the bucket's durability is reached. `revision`, when not NULL, gets the new revision.
///
/// Errors:    as hw_bucket_update.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_purge(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    last_revision: u64,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Purge((last_revision != 0).then_some(last_revision)));
    write(bucket, (key, key_len), what, revision, error)
}

/// As hw_bucket_purge, but returns at once: the ticket's `seq` is the new revision.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_purge_submit(
    bucket: Option<&hw_bucket>,
    key: *const c_char,
    key_len: usize,
    last_revision: u64,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    let what = || Ok(Write::Purge((last_revision != 0).then_some(last_revision)));
    submit(bucket, (key, key_len), what, ticket, error)
}

/// Which write a caller wants; the exports below differ in nothing else.
enum Write<'a> {
    Put(&'a [u8]),
    Create(&'a [u8], Option<Duration>),
    Update(&'a [u8], u64),
    Delete(Option<u64>),
    Purge(Option<u64>),
}

impl Write<'_> {
    fn start(self, bucket: &Bucket, key: &str) -> Pending<u64> {
        match self {
            Write::Put(value) => bucket.put(key, value),
            Write::Create(value, ttl) => bucket.create(key, value, ttl),
            Write::Update(value, revision) => bucket.update(key, value, revision),
            Write::Delete(revision) => bucket.delete(key, revision),
            Write::Purge(revision) => bucket.purge(key, revision),
        }
    }
}

/// Writes, and returns when the bucket's durability is reached.
fn write<'a>(
    bucket: Option<&hw_bucket>,
    key: (*const c_char, usize),
    write: impl FnOnce() -> Result<Write<'a>>,
    revision: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let key = raw::text("key", key.0, key.1)?;
        let written = write()?.start(&bucket.bucket, key).wait()?;
        if let Some(out) = Out::optional(revision) {
            out.set(written);
        }
        Ok(())
    })
}

/// Writes, and returns a ticket.
fn submit<'a>(
    bucket: Option<&hw_bucket>,
    key: (*const c_char, usize),
    write: impl FnOnce() -> Result<Write<'a>>,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let key = raw::text("key", key.0, key.1)?;
        let out = Out::required("ticket", ticket)?;
        out.give(bucket.ticket(write()?.start(&bucket.bucket, key)));
        Ok(())
    })
}

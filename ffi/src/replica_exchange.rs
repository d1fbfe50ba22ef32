//! What replicas send each other: fragments and contexts, as bytes that any carrier may lose, double and reorder.

use std::ffi::{c_char, c_void};

use headwater::Result;
use headwater::crdt::{Applied, Context, Fragment, Kind};

use crate::bytes::{hw_blob, hw_str, hw_strings};
use crate::crdt_change::kind;
use crate::error::hw_error;
use crate::raw::{self, Out};
use crate::reading::named;
use crate::replica::{hw_replica, on_replica};
use crate::status::hw_status;

/// Gives the bytes that `make` has of a replica.
fn give(
    replica: *mut hw_replica,
    out: Result<Out<*mut hw_blob>>,
    error: *mut *mut hw_error,
    make: impl FnOnce(&mut headwater::crdt::Replica) -> Result<Vec<u8>>,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let out = out?;
        out.give(hw_blob(make(replica)?));
        Ok(())
    })
}

pub(crate) fn context(data: *const c_void, len: usize) -> Result<Context> {
    Context::decode(raw::bytes("context", data, len)?)
}

/// What was done here since the last call, as one fragment for all others; no bytes if nothing was.
///
/// Ownership: `*fragment` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_take_delta(
    replica: *mut hw_replica,
    fragment: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let delta = |replica: &mut headwater::crdt::Replica| Ok(replica.take_delta().map_or_else(Vec::new, |d| d.encode()));
    give(replica, Out::required("fragment", fragment), error, delta)
}

/// All there is, as a fragment. What it does not have was removed, for those who apply it.
///
/// Ownership: `*fragment` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_whole(
    replica: *mut hw_replica,
    fragment: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    give(replica, Out::required("fragment", fragment), error, |replica| Ok(replica.whole().encode()))
}

/// Some keys in full, also those that are not here, as a fragment: `names` and `kinds` (each an hw_crdt_kind) are
/// equally long.
///
/// Errors:    HW_STATUS_INVALID.
/// Ownership: inputs are borrowed for the call; `*fragment` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_some(
    replica: *mut hw_replica,
    names: *const hw_str,
    kinds: *const i32,
    len: usize,
    fragment: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    give(replica, Out::required("fragment", fragment), error, |replica| {
        let names = raw::texts("names", names, len)?;
        let kinds: Vec<Kind> = raw::array("kinds", kinds, len)?.iter().map(|n| kind(*n)).collect::<Result<_>>()?;
        Ok(replica.some(names.into_iter().zip(kinds)).encode())
    })
}

/// Every key in full in which something is alive that a replica with this context has not applied, as a fragment. What
/// was only removed is not in it.
///
/// Errors:    HW_STATUS_CORRUPT (the bytes are no context), HW_STATUS_INVALID.
/// Ownership: `context` is borrowed for the call; `*fragment` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_since(
    replica: *mut hw_replica,
    context: *const c_void,
    context_len: usize,
    fragment: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    give(replica, Out::required("fragment", fragment), error, |replica| {
        Ok(replica.since(&self::context(context, context_len)?).encode())
    })
}

/// The operations whose whole effect is here, as the bytes of a context.
///
/// Ownership: `*context` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_context(
    replica: *mut hw_replica,
    context: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    give(replica, Out::required("context", context), error, |replica| Ok(replica.context().encode()))
}

/// Says that all keys that a replica had when its context was this one have been applied here, one by one.
///
/// Errors:    HW_STATUS_CORRUPT (the bytes are no context), HW_STATUS_INVALID.
/// Ownership: `context` is borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_caught_up(
    replica: *mut hw_replica,
    context: *const c_void,
    context_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        replica.caught_up(&self::context(context, context_len)?);
        Ok(())
    })
}

/// Joins a fragment of another replica. It may come late, twice and in any order. If its stamps are more than 5 s ahead
/// of `now_ms`, it is held instead until their time has come (hw_replica_release). `is_held` and `changed` may be NULL;
/// `*changed` gets the keys that changed, in no order, the number that goes with each being its kind.
///
/// Errors:    HW_STATUS_CORRUPT (the bytes are no fragment; the message says at which byte), HW_STATUS_LIMIT (too many
///            are held), HW_STATUS_CONFLICT (it has operations of this replica's own actor that were not made here).
///            Nothing was changed.
/// Ownership: `fragment` is borrowed for the call; `*changed` is yours, free with hw_strings_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_apply(
    replica: *mut hw_replica,
    fragment: *const c_void,
    fragment_len: usize,
    now_ms: u64,
    is_held: *mut bool,
    changed: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let fragment = Fragment::decode(raw::bytes("fragment", fragment, fragment_len)?)?;
        let (held, keys) = match replica.apply(fragment, now_ms)? {
            Applied::Changed(keys) => (false, keys),
            Applied::Held => (true, Vec::new()),
        };
        if let Some(out) = Out::optional(is_held) {
            out.set(held);
        }
        if let Some(out) = Out::optional(changed) {
            out.give(named(keys));
        }
        Ok(())
    })
}

/// The part of a delta that is new here, as a fragment to be sent on; no bytes if all of it is known. Asked before the
/// delta is applied. A delta of which an operation left nothing alive, such as a removal, stays whole.
///
/// Errors:    HW_STATUS_CORRUPT (the bytes are no fragment), HW_STATUS_INVALID (it is not a delta).
/// Ownership: `delta` is borrowed for the call; `*fragment` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_extract(
    replica: *mut hw_replica,
    delta: *const c_void,
    delta_len: usize,
    fragment: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    give(replica, Out::required("fragment", fragment), error, |replica| {
        let delta = Fragment::decode(raw::bytes("delta", delta, delta_len)?)?;
        Ok(replica.extract(&delta)?.map_or_else(Vec::new, |new| new.encode()))
    })
}

/// Joins a fragment that a replica of the same actor wrote down, whatever its stamps, the actor's own operations
/// included, and goes on behind the last of them. That replica must not go on too.
///
/// Errors:    HW_STATUS_CORRUPT (the bytes are no fragment). Nothing was changed.
/// Ownership: `fragment` is borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_restore(
    replica: *mut hw_replica,
    fragment: *const c_void,
    fragment_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        replica.restore(Fragment::decode(raw::bytes("fragment", fragment, fragment_len)?)?);
        Ok(())
    })
}

/// How many fragments are held, as their stamps are too far ahead; 1,024 at the most.
///
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_held(replica: *mut hw_replica, count: *mut usize, error: *mut *mut hw_error) -> hw_status {
    on_replica(replica, error, |replica| {
        Out::required("count", count)?.set(replica.held().len());
        Ok(())
    })
}

/// Joins the fragments that are held whose time has come at `now_ms`, or with `all` not 0 every one. `*changed` gets
/// the keys that changed, each with its kind as its number, and may be NULL.
///
/// Ownership: `*changed` is yours, free with hw_strings_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_release(
    replica: *mut hw_replica,
    all: i32,
    now_ms: u64,
    changed: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let keys = replica.release(all != 0, now_ms);
        if let Some(out) = Out::optional(changed) {
            out.give(named(keys));
        }
        Ok(())
    })
}

/// A digest of what lives in a key as a `kind` (an hw_crdt_kind) at the time `now_ms`, equal where replicas are; 0 for
/// nothing.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_digest(
    replica: *mut hw_replica,
    key: *const c_char,
    key_len: usize,
    kind: i32,
    now_ms: u64,
    digest: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let (key, kind) = (raw::text("key", key, key_len)?, self::kind(kind)?);
        Out::required("digest", digest)?.set(replica.digest(key, kind, now_ms));
        Ok(())
    })
}

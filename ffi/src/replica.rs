//! A replica of state that merges, for programs that carry its fragments themselves: it belongs to no engine, and is
//! told its actor and the time. What it does and reads is here; what it sends and takes in is in `replica_exchange`.

use std::ffi::c_char;
use std::sync::{Mutex, TryLockError};

use headwater::crdt::Replica;
use headwater::{Error, ErrorKind, Result, Writer};

use crate::bytes::{hw_str, hw_strings};
use crate::crdt::hw_actor;
use crate::crdt_change::{Place, Taken, hw_crdt_change, hw_crdt_value, kind, many, one, value_given};
use crate::crdt_write::hw_int128;
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, release};
use crate::raw::{self, Out};
use crate::reading::{hw_reading, named};
use crate::status::hw_status;

/// A replica of state that merges. For one thread at a time.
pub struct hw_replica(Mutex<Replica>);

/// Runs a call as the only user of a replica. A panic leaves it half-done, so it answers nothing after one.
pub(crate) fn on_replica(
    replica: *mut hw_replica,
    error: *mut *mut hw_error,
    body: impl FnOnce(&mut Replica) -> Result<()>,
) -> hw_status {
    free_standing(error, || {
        let replica = raw::exclusive(replica).ok_or_else(|| missing("replica"))?;
        match replica.0.try_lock() {
            Ok(mut replica) => body(&mut replica),
            Err(TryLockError::Poisoned(_)) => {
                Err(Error::new(ErrorKind::Internal, "an earlier panic left the replica half-done: free it"))
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the replica is in use on another thread"))
            }
        }
    })
}

/// Makes an empty replica whose operations are those of the actor `engine` and `epoch`. No two replicas may ever have
/// been given the same one: 64 random bits are a good epoch.
///
/// Ownership: `*replica` is yours, free with hw_replica_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_new(
    engine: u64,
    epoch: u64,
    replica: *mut *mut hw_replica,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let out = Out::required("replica", replica)?;
        out.give(hw_replica(Mutex::new(Replica::new(Writer { engine, epoch }))));
        Ok(())
    })
}

/// Whose operations are made here.
///
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_actor(
    replica: *mut hw_replica,
    actor: *mut hw_actor,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        Out::required("actor", actor)?.set(replica.actor().into());
        Ok(())
    })
}

/// Does one operation. `now_ms` is the time in milliseconds since the epoch. `is_done` says whether there was anything
/// to do, and may be NULL.
///
/// Errors:    HW_STATUS_CONFLICT (something is alive there as another kind, or rights are missing), HW_STATUS_LIMIT (a
///            value, a name, a path or a total is too large), HW_STATUS_UNSUPPORTED (a bounded counter is not removed,
///            and not in a map), HW_STATUS_INVALID. Nothing was changed.
/// Ownership: inputs are borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_write(
    replica: *mut hw_replica,
    change: *const hw_crdt_change,
    now_ms: u64,
    is_done: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let taken = one(change)?;
        let change = taken.change();
        let done = replica.write(change.path, change.kind, &change.op, now_ms)?;
        if let Some(out) = Out::optional(is_done) {
            out.set(done);
        }
        Ok(())
    })
}

/// Does all of several operations or, if one of them is refused, nothing.
///
/// Errors:    as hw_replica_write, with the place of the operation.
/// Ownership: inputs are borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_transaction(
    replica: *mut hw_replica,
    changes: *const hw_crdt_change,
    changes_len: usize,
    now_ms: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let taken = many(changes, changes_len)?;
        let changes: Vec<_> = taken.iter().map(Taken::change).collect();
        replica.transaction(&changes, now_ms)
    })
}

/// What is at a key, or in a field that `fields` lead to, as a `kind` (an hw_crdt_kind), at the time `now_ms`. What is
/// not there reads as 0, none, empty or off.
///
/// Errors:    HW_STATUS_INVALID.
/// Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_reading_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_read(
    replica: *mut hw_replica,
    key: *const c_char,
    key_len: usize,
    fields: *const hw_str,
    fields_len: usize,
    kind: i32,
    now_ms: u64,
    reading: *mut *mut hw_reading,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let place = Place::new(raw::text("key", key, key_len)?, fields, fields_len)?;
        let kind = self::kind(kind)?;
        let out = Out::required("reading", reading)?;
        out.give(hw_reading(replica.read(place.path(), kind, now_ms)));
        Ok(())
    })
}

/// Whether a value is in a set at the time `now_ms`. `kind` is as hw_crdt_contains has it.
///
/// Errors:    HW_STATUS_INVALID.
/// Ownership: inputs are borrowed for the call.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_contains(
    replica: *mut hw_replica,
    key: *const c_char,
    key_len: usize,
    fields: *const hw_str,
    fields_len: usize,
    kind: i32,
    value: *const hw_crdt_value,
    now_ms: u64,
    contains: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let place = Place::new(raw::text("key", key, key_len)?, fields, fields_len)?;
        let (kind, value) = (self::kind(kind)?, value_given(value)?);
        let out = Out::required("contains", contains)?;
        out.set(replica.contains(place.path(), kind, &value, now_ms));
        Ok(())
    })
}

/// How much this replica's actor may take from a bounded counter, or give of it.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_rights(
    replica: *mut hw_replica,
    key: *const c_char,
    key_len: usize,
    rights: *mut hw_int128,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let key = raw::text("key", key, key_len)?;
        let out = Out::required("rights", rights)?;
        out.set(replica.rights(key).into());
        Ok(())
    })
}

/// All keys, in no order. A key may hold nothing that is alive. The number that goes with each is its kind, an
/// hw_crdt_kind.
///
/// Ownership: `*keys` is yours, free with hw_strings_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_keys(
    replica: *mut hw_replica,
    keys: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on_replica(replica, error, |replica| {
        let out = Out::required("keys", keys)?;
        out.give(named(replica.keys()));
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_replica_free(replica: Option<Box<hw_replica>>) {
    release(replica);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_a_replica_and_two_threads_at_once_are_told() {
        let replica = Box::into_raw(Box::new(hw_replica(Mutex::new(Replica::new(Writer { engine: 1, epoch: 1 })))));
        let none = std::ptr::null_mut();
        let inner = on_replica(replica, none, |_| {
            assert_eq!(on_replica(replica, none, |_| Ok(())), hw_status::Misuse);
            Ok(())
        });
        assert_eq!(inner, hw_status::Ok);
        assert_eq!(on_replica(replica, none, |_| panic!("planted")), hw_status::Internal);
        assert_eq!(on_replica(replica, none, |_| Ok(())), hw_status::Internal);
        // SAFETY: it was made by `into_raw` above, and nothing uses it any more.
        drop(unsafe { Box::from_raw(replica) });
    }
}

//! Writing to a CRDT store: one operation, or several as a whole; waiting for it, or not.

use std::sync::{Arc, OnceLock};

use headwater::Pending;
use headwater::crdt::Written;

use crate::append::hw_ack;
use crate::crdt::hw_crdt;
use crate::crdt_change::{Taken, hw_crdt_change, many, one};
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::ticket::hw_ticket;

/// A whole number of 128 bits: `high` times 2^64, plus `low`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_int128 {
    /// The upper half, with the sign: 0 or -1 where the number fits 64 bits.
    pub high: i64,
    /// The lower half.
    pub low: u64,
}

impl From<i128> for hw_int128 {
    fn from(number: i128) -> Self {
        hw_int128 { high: (number >> 64) as i64, low: number as u64 }
    }
}

/// What a write to a CRDT store came to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_written {
    /// sizeof(hw_crdt_written), set by the caller.
    pub struct_size: usize,
    /// Its record in the log; 0 if there was nothing to do.
    pub seq: u64,
    /// With `has_total`: what one operation on a counter made of it.
    pub total: hw_int128,
    /// Not 0: `total` is set.
    pub has_total: u8,
}

versioned!(hw_crdt_written);

fn written(from: Written) -> hw_crdt_written {
    let total = from.total.unwrap_or(0).into();
    hw_crdt_written { struct_size: 0, seq: from.seq, total, has_total: from.total.is_some().into() }
}

fn changes<'a>(taken: &'a [Taken<'_>]) -> Vec<headwater::crdt::Change<'a>> {
    taken.iter().map(Taken::change).collect()
}

/// A write under way: its record is what is acknowledged, and its total goes with it.
fn ticket(crdt: &hw_crdt, pending: Pending<Written>) -> hw_ticket {
    let total = Arc::new(OnceLock::new());
    let (durability, place) = (crdt.durability, total.clone());
    let pending = pending.map(move |written| {
        if let Some(total) = written.total {
            place.get_or_init(|| total);
        }
        hw_ack { count: (written.seq != 0).into(), ..hw_ack::revision(written.seq, durability) }
    });
    hw_ticket::counting(&crdt.root, pending, total)
}

/// Does one operation, and returns when the store's durability is reached. It is read at once. When a snapshot is due,
/// it writes that first. `written` may be NULL.
///
/// Errors:    HW_STATUS_CONFLICT (something is alive there as another kind, or rights are missing), HW_STATUS_LIMIT (a
///            value, a name, a path or a total is too large), HW_STATUS_UNSUPPORTED (a bounded counter is not removed,
///            and not in a map), HW_STATUS_INVALID: nothing was changed then. HW_STATUS_IO and others of the log: the
///            handle answers that from then on, and one that is opened again has what the log has.
///            HW_STATUS_CORRUPT, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_write(
    crdt: Option<&hw_crdt>,
    change: *const hw_crdt_change,
    written: *mut hw_crdt_written,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let taken = one(change)?;
        let out = OutStruct::optional(written)?;
        let change = taken.change();
        let done = crdt.store.write(change.path, change.kind, &change.op).wait()?;
        if let Some(out) = out {
            out.set(self::written(done));
        }
        Ok(())
    })
}

/// Does all of several operations or, if one of them is refused, nothing, and returns when the store's durability is
/// reached. They are one record, which every replica takes in as a whole. `seq` gets it, 0 if there was nothing to do,
/// and may be NULL.
///
/// Errors:    as hw_crdt_write, with the place of the operation; HW_STATUS_LIMIT too if they are more than a record
///            holds.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_transaction(
    crdt: Option<&hw_crdt>,
    changes: *const hw_crdt_change,
    changes_len: usize,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let taken = many(changes, changes_len)?;
        let done = crdt.store.transaction(&self::changes(&taken)).wait()?;
        if let Some(out) = Out::optional(seq) {
            out.set(done.seq);
        }
        Ok(())
    })
}

/// As hw_crdt_write, without waiting: the ticket has the sequence, and hw_ticket_total the total.
///
/// Errors:    HW_STATUS_INVALID; what the write itself came to is in the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_write_submit(
    crdt: Option<&hw_crdt>,
    change: *const hw_crdt_change,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let taken = one(change)?;
        let out = Out::required("ticket", ticket)?;
        let change = taken.change();
        out.give(self::ticket(crdt, crdt.store.write(change.path, change.kind, &change.op)));
        Ok(())
    })
}

/// As hw_crdt_transaction, without waiting.
///
/// Errors:    HW_STATUS_INVALID; what the write itself came to is in the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_transaction_submit(
    crdt: Option<&hw_crdt>,
    changes: *const hw_crdt_change,
    changes_len: usize,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let taken = many(changes, changes_len)?;
        let out = Out::required("ticket", ticket)?;
        out.give(self::ticket(crdt, crdt.store.transaction(&self::changes(&taken))));
        Ok(())
    })
}

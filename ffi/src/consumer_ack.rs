//! What a caller says of the records that a consumer delivered to it.

use std::time::Duration;

use crate::append::hw_ack;
use crate::consumer::hw_consumer;
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{self, Out};

use crate::status::hw_status;
use crate::ticket::hw_ticket;

/// Done with these sequences. One that is not pending is passed over; `acked`, when not NULL, gets how many were
/// pending. After a crash of the machine an acknowledged record may come again; hw_consumer_ack_sync rules that
/// out.
///
/// Errors:    HW_STATUS_NOT_FOUND (the consumer was deleted), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_ack(
    consumer: Option<&hw_consumer>,
    seqs: *const u64,
    seqs_len: usize,
    acked: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| {
        let count = consumer.wait.queue.ack(raw::array("seqs", seqs, seqs_len)?)?;
        if let Some(out) = Out::optional(acked) {
            out.set(count);
        }
        Ok(())
    })
}

/// As hw_consumer_ack, and returns when the acknowledgement is on disk.
///
/// Errors:    as hw_consumer_ack.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_ack_sync(
    consumer: Option<&hw_consumer>,
    seqs: *const u64,
    seqs_len: usize,
    acked: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| {
        let count = consumer.wait.queue.ack_sync(raw::array("seqs", seqs, seqs_len)?).wait()?;
        if let Some(out) = Out::optional(acked) {
            out.set(count);
        }
        Ok(())
    })
}

/// As hw_consumer_ack_sync, but returns at once: the ticket's `count` is how many were pending.
///
/// Errors:    HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_ack_submit(
    consumer: Option<&hw_consumer>,
    seqs: *const u64,
    seqs_len: usize,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| {
        let seqs = raw::array("seqs", seqs, seqs_len)?;
        let out = Out::required("ticket", ticket)?;
        let pending = consumer.wait.queue.ack_sync(seqs).map(|count| hw_ack::counted(count as u64));
        out.give(hw_ticket::new(&consumer.root, pending));
        Ok(())
    })
}

/// Not done: deliver it again after `delay_ns` nanoseconds.
///
/// Errors:    HW_STATUS_NOT_FOUND (it is not pending), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_nak(
    consumer: Option<&hw_consumer>,
    seq: u64,
    delay_ns: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| consumer.wait.queue.nak(seq, Duration::from_nanos(delay_ns)))
}

/// Still at it: starts the ack wait anew.
///
/// Errors:    as hw_consumer_nak.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_in_progress(
    consumer: Option<&hw_consumer>,
    seq: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| consumer.wait.queue.in_progress(seq))
}

/// Never delivers it again; it does not go to the dead-letter stream.
///
/// Errors:    as hw_consumer_nak.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_term(consumer: Option<&hw_consumer>, seq: u64, error: *mut *mut hw_error) -> hw_status {
    on(consumer, error, |consumer| consumer.wait.queue.term(seq))
}

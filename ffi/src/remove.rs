//! Removing records, and waiting for what was appended to be on disk.

use crate::append::hw_ack;
use crate::bytes::hw_str;
use crate::error::hw_error;
use crate::guard::on;

use crate::raw::{self, Out, versioned};

use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::ticket::hw_ticket;

/// What to purge; zero is everything.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_purge_options {
    /// sizeof(hw_purge_options)
    pub struct_size: usize,
    /// Only subjects that this takes; all when empty.
    pub filter: hw_str,
    /// Only records before this sequence; 0 is no bound.
    pub before_seq: u64,
    /// Keep this many of the newest (of each subject when filtered).
    pub keep: u64,
}

versioned!(hw_purge_options);

/// Removes one record. `removed`, when not NULL, says whether it was there.
///
/// Errors:    HW_STATUS_INVALID (the stream denies it), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_delete(
    stream: Option<&hw_stream>,
    seq: u64,
    removed: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let there = stream.stream.delete(seq).wait()?;
        if let Some(out) = Out::optional(removed) {
            out.set(there);
        }
        Ok(())
    })
}

/// Removes records and gives back their space. `options` may be NULL. `removed`, when not NULL, gets how many.
///
/// Errors:    HW_STATUS_INVALID (the stream denies it), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_purge(
    stream: Option<&hw_stream>,
    options: *const hw_purge_options,
    removed: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let options = raw::options(options)?;
        let options = headwater::PurgeOptions {
            filter: options.filter.some("filter")?.map(str::to_owned),
            before_seq: (options.before_seq != 0).then_some(options.before_seq),
            keep: options.keep,
        };
        let count = stream.stream.purge(&options).wait()?;
        if let Some(out) = Out::optional(removed) {
            out.set(count);
        }
        Ok(())
    })
}

/// Returns when everything appended so far is on disk, whatever the stream's durability.
///
/// Errors:    HW_STATUS_IO (the stream is poisoned until it is reopened), HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_sync(stream: Option<&hw_stream>, error: *mut *mut hw_error) -> hw_status {
    on(stream, error, |stream| stream.stream.sync().wait())
}

/// As hw_stream_sync, but returns at once: the ticket is done when everything appended so far is on disk.
///
/// Errors:    HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_sync_submit(
    stream: Option<&hw_stream>,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let out = Out::required("ticket", ticket)?;
        let pending = stream.stream.sync().map(|()| hw_ack::counted(0));
        out.give(hw_ticket::new(&stream.root, pending));
        Ok(())
    })
}

//! A subscription: history, then live, as a queue that the caller pulls.

use std::sync::Arc;

use headwater::{Batch, DeliverPolicy, Result, SubscribeOptions, Subscription};

use crate::batch::hw_batch;
use crate::bytes::hw_str;
use crate::error::{hw_error, invalid};
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::waker::hw_waker;

/// Where a subscription or a consumer begins.
#[repr(i32)]
pub enum hw_deliver_policy {
    /// At the first record that is kept.
    All = 0,
    /// At the last record that the filters take.
    Last = 1,
    /// At the first record appended from now on.
    New = 2,
    /// At `start_seq`.
    ByStartSequence = 3,
    /// At the first record committed at or after `start_time`.
    ByStartTime = 4,
    /// With the newest record of each subject, then on from there.
    LastPerSubject = 5,
}

/// The policy that the three fields stand for.
pub(crate) fn deliver_policy(number: i32, start_seq: u64, start_time: u64) -> Result<DeliverPolicy> {
    let policy = match number {
        0 => DeliverPolicy::All,
        1 => DeliverPolicy::Last,
        2 => DeliverPolicy::New,
        3 => return Ok(DeliverPolicy::ByStartSequence(start_seq)),
        4 => return Ok(DeliverPolicy::ByStartTime(start_time)),
        5 => DeliverPolicy::LastPerSubject,
        n => return Err(invalid(format!("deliver_policy is {n}, which is no hw_deliver_policy"))),
    };
    if start_seq != 0 || start_time != 0 {
        return Err(invalid("start_seq or start_time is set, and the deliver_policy begins elsewhere"));
    }
    Ok(policy)
}

/// What to subscribe to. Zero is the default of every field: everything.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_subscribe_options {
    /// sizeof(hw_subscribe_options)
    pub struct_size: usize,
    /// Only records that one of these takes; all when there is none.
    pub filters: *const hw_str,
    /// How many.
    pub filters_len: usize,
    /// For HW_DELIVER_POLICY_BY_START_SEQUENCE.
    pub start_seq: u64,
    /// For HW_DELIVER_POLICY_BY_START_TIME, in nanoseconds since the epoch.
    pub start_time: u64,
    /// An hw_deliver_policy.
    pub deliver_policy: i32,
}

versioned!(hw_subscribe_options);

/// A place in a stream that moves as records are taken. `const`: safe from many threads at once; each record goes
/// to one.
pub struct hw_subscription {
    pub(crate) root: Arc<Root>,
    wait: Waitable<Subscription>,
}

queue_handle!(hw_subscription, "subscription", Subscription, Batch);

/// Subscribes: history, then live, with no gap and no duplicate at the seam. `options` may be NULL.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `*subscription` is yours, free with hw_subscription_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_subscribe(
    stream: Option<&hw_stream>,
    options: *const hw_subscribe_options,
    subscription: *mut *mut hw_subscription,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let options = raw::options(options)?;
        let out = Out::required("subscription", subscription)?;
        let options = SubscribeOptions {
            filters: raw::strings("filters", options.filters, options.filters_len)?,
            deliver_policy: deliver_policy(options.deliver_policy, options.start_seq, options.start_time)?,
        };
        let wait = Waitable::new(stream.stream.subscribe(options).wait()?);
        out.give(hw_subscription { root: stream.root.clone(), wait });
        Ok(())
    })
}

/// Takes up to `max` records (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
/// not wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (closed here
///            or on another thread), HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_next(
    subscription: Option<&hw_subscription>,
    max: usize,
    timeout_ms: i64,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(subscription, max, timeout_ms, Out::required("batch", batch), error, hw_batch::many)
}

/// Arms once: when there is a record to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_wake(
    subscription: Option<&hw_subscription>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(subscription, waker, token, error)
}

/// The sequence that comes next at the earliest.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_position(
    subscription: Option<&hw_subscription>,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(subscription, error, |subscription| {
        Out::required("seq", seq)?.set(subscription.wait.queue.position());
        Ok(())
    })
}

/// How many sequences the stream is ahead.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_lag(
    subscription: Option<&hw_subscription>,
    lag: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(subscription, error, |subscription| {
        Out::required("lag", lag)?.set(subscription.wait.queue.lag());
        Ok(())
    })
}

/// How many records limits removed before this subscription came to read them, in all: it fell that far behind. A
/// subscription to all that has read nothing yet begins at what is kept, and has missed nothing.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_missed(
    subscription: Option<&hw_subscription>,
    missed: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(subscription, error, |subscription| {
        Out::required("missed", missed)?.set(subscription.wait.queue.missed());
        Ok(())
    })
}

/// Cancels the waits of all threads that are in hw_subscription_next now: they return HW_STATUS_TIMEOUT. It stays
/// open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_cancel(
    subscription: Option<&hw_subscription>,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::cancel(subscription, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
/// freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_close(
    subscription: Option<&hw_subscription>,
    error: *mut *mut hw_error,
) -> hw_status {
    on(subscription, error, |subscription| {
        subscription.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_subscription_free(subscription: Option<Box<hw_subscription>>) {
    release_handle(subscription);
}

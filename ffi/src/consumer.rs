//! A consumer: a durable position in a stream, as a queue that the caller pulls.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::{Batch, Consumer};

use crate::batch::hw_batch;
use crate::bytes::hw_str;
use crate::consumer_config;
use crate::consumer_config::hw_consumer_config;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::waker::hw_waker;

/// A consumer. `const`: safe from many threads at once; each record goes to one.
pub struct hw_consumer {
    pub(crate) root: Arc<Root>,
    pub(crate) wait: Waitable<Consumer>,
}

impl hw_consumer {
    fn new(root: &Arc<Root>, consumer: Consumer) -> Self {
        hw_consumer { root: root.clone(), wait: Waitable::new(consumer) }
    }
}

queue_handle!(hw_consumer, "consumer", Consumer, Batch);

/// Makes a durable consumer. The same configuration again opens the one there.
///
/// Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*consumer` is yours, free with hw_consumer_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_create_consumer(
    stream: Option<&hw_stream>,
    config: *const hw_consumer_config,
    consumer: *mut *mut hw_consumer,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let config = consumer_config::from_c(&raw::required("config", config)?)?;
        let out = Out::required("consumer", consumer)?;
        out.give(hw_consumer::new(&stream.root, stream.stream.create_consumer(config).wait()?));
        Ok(())
    })
}

/// Opens the consumer of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND.
/// Ownership: `*consumer` is yours, free with hw_consumer_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_consumer(
    stream: Option<&hw_stream>,
    name: *const c_char,
    name_len: usize,
    consumer: *mut *mut hw_consumer,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("consumer", consumer)?;
        out.give(hw_consumer::new(&stream.root, stream.stream.consumer(name).wait()?));
        Ok(())
    })
}

/// Removes a consumer and its position.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_delete_consumer(
    stream: Option<&hw_stream>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| stream.stream.delete_consumer(raw::text("name", name, name_len)?).wait())
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_name(
    consumer: Option<&hw_consumer>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(consumer, error, |consumer| {
        Out::required("name", name)?.set(hw_str::of(consumer.wait.queue.name()));
        Ok(())
    })
}

/// Takes up to `max` records (0 is 1,000) to work on, and waits at most `timeout_ms` milliseconds for the first
/// one: 0 does not wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (the
///            consumer or the engine is gone), HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_next(
    consumer: Option<&hw_consumer>,
    max: usize,
    timeout_ms: i64,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(consumer, max, timeout_ms, Out::required("batch", batch), error, hw_batch::many)
}

/// Arms once: when there is a record to deliver, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_wake(
    consumer: Option<&hw_consumer>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(consumer, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_consumer_next on this handle now: they return HW_STATUS_TIMEOUT.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_cancel(consumer: Option<&hw_consumer>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(consumer, error)
}

/// Frees the handle; NULL is nothing. The consumer stays. No other thread may be using the handle.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_consumer_free(consumer: Option<Box<hw_consumer>>) {
    release_handle(consumer);
}

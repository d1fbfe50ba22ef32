//! Handles of queues: what subscriptions, consumers, watchers and the log have in common, once for all of them.
//!
//! Each export is one line over a function here; its name, its documentation and its types are its own, because the
//! header is made of them.

use headwater::Result;

use crate::error::{hw_error, missing};
use crate::gate::{Queue, Waitable};
use crate::guard::{Handle, on};
use crate::raw::Out;
use crate::status::hw_status;
use crate::waker::hw_waker;

/// A handle that holds a queue.
pub(crate) trait QueueHandle: Handle {
    /// The queue of core.
    type Queue: Queue;

    /// The queue and its gate.
    fn wait(&self) -> &Waitable<Self::Queue>;
}

/// What the queue of a handle gives at once.
type Items<H> = <<H as QueueHandle>::Queue as Queue>::Items;

/// Takes items, waiting for the first one, and gives them to the caller as the list that `list` makes of them.
pub(crate) fn next<H: QueueHandle, L>(
    handle: Option<&H>,
    max: usize,
    timeout_ms: i64,
    out: Result<Out<*mut L>>,
    error: *mut *mut hw_error,
    list: impl FnOnce(Items<H>) -> L,
) -> hw_status {
    on(handle, error, |handle| {
        let out = out?;
        out.give(list(handle.wait().next(max, timeout_ms)?));
        Ok(())
    })
}

/// Arms `token` once.
pub(crate) fn wake<H: QueueHandle>(
    handle: Option<&H>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(handle, error, |handle| {
        handle.wait().wake(waker.ok_or_else(|| missing("waker"))?.core(), token);
        Ok(())
    })
}

/// Ends the waits of those who block now.
pub(crate) fn cancel<H: QueueHandle>(handle: Option<&H>, error: *mut *mut hw_error) -> hw_status {
    on(handle, error, |handle| {
        handle.wait().cancel();
        Ok(())
    })
}

/// Says that a struct with the fields `root` and `wait` is the handle of a queue: what messages call it, the queue of
/// core, and what that gives at once.
macro_rules! queue_handle {
    ($handle:ident, $noun:literal, $queue:ty, $items:ty) => {
        impl crate::guard::Handle for $handle {
            const NOUN: &'static str = $noun;

            fn guard(&self) -> &std::sync::Arc<crate::guard::Guard> {
                &self.root.guard
            }
        }

        impl crate::queue::QueueHandle for $handle {
            type Queue = $queue;

            fn wait(&self) -> &crate::gate::Waitable<$queue> {
                &self.wait
            }
        }

        impl crate::gate::Queue for $queue {
            type Items = $items;

            fn try_next(&self, max: usize) -> headwater::Result<$items> {
                <$queue>::try_next(self, max)
            }

            fn is_nothing(items: &$items) -> bool {
                items.is_empty()
            }

            fn poll_ready(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
                <$queue>::poll_ready(self, cx)
            }
        }
    };
}
pub(crate) use queue_handle;

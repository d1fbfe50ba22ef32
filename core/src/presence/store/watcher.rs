//! Following a store as programs do: in this process, or at a node.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::remote::{Far, There};
use super::worker::Opened;
use crate::error::Result;
use crate::pending::Pending;
use crate::presence::watch::{Following, WatchEvent, WatchOptions};

/// Follows users. Safe to share; each event goes to one taker.
pub struct PresenceWatcher(Arc<Follows>);

enum Follows {
    /// The store goes when nobody has it any more, and who follows it has it.
    Near {
        following: Following,
        _worker: Arc<Opened>,
    },
    Far(Far),
}

impl PresenceWatcher {
    pub(crate) fn here(worker: &Arc<Opened>, options: WatchOptions) -> PresenceWatcher {
        let following = Following::new(&worker.core, options);
        PresenceWatcher(Arc::new(Follows::Near { following, _worker: Arc::clone(worker) }))
    }

    pub(crate) fn there(there: &Arc<There>, options: WatchOptions) -> PresenceWatcher {
        PresenceWatcher(Arc::new(Follows::Far(Far::new(there, options))))
    }

    /// Waits until there is at least one event, then takes up to `max`, one at the least.
    pub fn next(&self, max: usize) -> Pending<Vec<WatchEvent>> {
        let watcher = PresenceWatcher(Arc::clone(&self.0));
        Pending::of(std::future::poll_fn(move |cx| {
            loop {
                std::task::ready!(watcher.poll_ready(cx));
                match watcher.try_next(max) {
                    Ok(events) if events.is_empty() => {}
                    done => return Poll::Ready(done),
                }
            }
        }))
    }

    /// Takes up to `max` events that are there, one at the least; none is an empty list.
    pub fn try_next(&self, max: usize) -> Result<Vec<WatchEvent>> {
        match &*self.0 {
            Follows::Near { following, .. } => following.try_next(max),
            Follows::Far(far) => far.try_next(max),
        }
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &*self.0 {
            Follows::Near { following, .. } => following.poll_ready(cx),
            Follows::Far(far) => far.poll_ready(cx),
        }
    }

    /// Ends it: waits return `closed`.
    pub fn close(&self) {
        match &*self.0 {
            Follows::Near { following, .. } => following.close(),
            Follows::Far(far) => far.close(),
        }
    }
}

impl std::fmt::Debug for PresenceWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresenceWatcher").finish_non_exhaustive()
    }
}

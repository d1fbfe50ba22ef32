//! What the handles of one consumer share while a hub is open: how to acknowledge what was delivered, and the desk
//! where records lie until they are taken.
//!
//! A server is acknowledged at a subject that only the delivery says. So whatever handle took a record, the others find
//! the subject here, as they would find the record pending at a consumer in a directory.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use async_nats::Subscriber;
use hashbrown::HashMap;
use tokio::sync::Notify;

use crate::error::Error;
use crate::locks::lock;
use crate::record::Batch;

/// Subjects to acknowledge at, by sequence.
pub(super) type Replies = HashMap<u64, Reply, foldhash::fast::FixedState>;

/// Where one record is acknowledged.
pub(super) struct Reply {
    pub(super) subject: String,
}

/// What all handles of one consumer share, whenever they were opened, as long as the hub is: whoever took a record,
/// each of them may acknowledge it, and what came while nobody waited is there for the next.
pub(super) struct Seat {
    /// When the server made the consumer: one of the same name that was made later is another.
    created: String,
    replies: Mutex<Replies>,
    desk: Arc<Desk>,
}

impl Seat {
    pub(super) fn replies(&self) -> MutexGuard<'_, Replies> {
        lock(&self.replies)
    }

    /// The desk of those who opened the consumer by its name.
    pub(super) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }
}

/// The seats of a hub, by stream and consumer.
#[derive(Default)]
pub(super) struct Seats(Mutex<ByName>);

type ByName = HashMap<(String, String), Arc<Seat>, foldhash::fast::FixedState>;

impl Seats {
    fn lock(&self) -> MutexGuard<'_, ByName> {
        lock(&self.0)
    }

    /// The seat of a consumer that was made then.
    pub(super) fn seat(&self, stream: &str, consumer: &str, created: &str) -> Arc<Seat> {
        let mut seats = self.lock();
        let key = (stream.to_owned(), consumer.to_owned());
        if let Some(seat) = seats.get(&key).filter(|seat| seat.created == created) {
            return Arc::clone(seat);
        }
        let seat = Seat { created: created.to_owned(), replies: Mutex::default(), desk: Desk::new() };
        let seat = Arc::new(seat);
        seats.insert(key, Arc::clone(&seat));
        seat
    }

    /// Forgets a consumer that is gone, or all of a stream.
    pub(super) fn forget(&self, stream: &str, consumer: Option<&str>) {
        self.lock().retain(|(s, c), _| s != stream || consumer.is_some_and(|consumer| c != consumer));
    }
}

/// Where records lie until they are taken.
pub(super) struct Desk {
    inside: Mutex<Inside>,
    /// Told when nobody waits any more.
    pub(super) leave: Notify,
}

/// Where the answers to requests arrive, each at a subject of its own.
pub(super) struct Inbox {
    /// What those subjects begin with; the number of the request follows.
    pub(super) prefix: String,
    pub(super) arriving: Subscriber,
    pub(super) requests: u64,
}

/// What lies there, and who waits.
#[derive(Default)]
pub(super) struct Inside {
    pub(super) ready: Batch,
    /// How many were asked for last.
    pub(super) want: usize,
    /// Whether a task is asking.
    pub(super) asking: bool,
    pub(super) error: Option<Error>,
    /// Of the last request, for the next one.
    pub(super) inbox: Option<Inbox>,
    /// Whether a task sees to the inbox when nobody asks.
    pub(super) lingers: bool,
    pub(super) waiting: Vec<(u64, Waker)>,
    next_waiter: u64,
}

impl Desk {
    pub(super) fn new() -> Arc<Self> {
        let inside = Inside { want: 1, ..Inside::default() };
        Arc::new(Desk { inside: Mutex::new(inside), leave: Notify::new() })
    }

    /// A number for somebody who waits.
    pub(super) fn waiter(&self) -> u64 {
        let mut inside = self.lock();
        inside.next_waiter += 1;
        inside.next_waiter
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// Lets everybody who waits look again.
    pub(super) fn wake(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    pub(super) fn forget(&self, waiter: u64) {
        let mut inside = self.lock();
        inside.waiting.retain(|w| w.0 != waiter);
        if inside.waiting.is_empty() {
            self.leave.notify_one();
        }
    }
}

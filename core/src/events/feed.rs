//! Following a store: its events from a position on, history and then live, without a seam, and with what was archived
//! of them in its place.
//!
//! Events with data subjects are decrypted on their way, for which keys may have to be waited for. What was taken from
//! the stream meanwhile is kept here, so that a wait that is given up loses nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::Result;
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::subscription::{SubscribeOptions, Subscription};

use super::history::Front;
use super::names::EventFilter;
use super::read::Events;
use super::store::EventStore;

/// What to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowOptions {
    /// Only events of aggregates that one of these takes; all when empty. The stream looks at it, so what is not taken
    /// does not travel.
    pub filters: Vec<EventFilter>,
    /// Only events behind this sequence of the store.
    pub after: u64,
}

/// A place in a store that moves as events are taken. Safe to share; each event goes to one taker.
pub struct EventFeed {
    inner: Arc<Inner>,
    opening: Mutex<Opening>,
}

/// What decrypts events that somebody tries to take, which goes on where it was, and who is told when they are there:
/// whoever only looks does not take that place.
#[derive(Default)]
struct Opening {
    work: Option<Pending<()>>,
    waker: Option<Waker>,
}

struct Inner {
    store: EventStore,
    /// What comes before the subscription begins, where some of it was archived.
    front: Option<Front>,
    live: Subscription,
    is_closed: AtomicBool,
    shelf: Mutex<Shelf>,
}

/// What was taken from the stream and not given out yet.
#[derive(Default)]
struct Shelf {
    batch: Batch,
    /// The first of it, decrypted.
    opened: Option<Events>,
}

impl Inner {
    /// The front, while there is something to take of it.
    fn front(&self) -> Option<&Front> {
        self.front.as_ref().filter(|front| !front.is_over() && !self.is_closed.load(Ordering::Acquire))
    }

    /// Waits for records of the front, and then for those that are live.
    async fn take(&self, max: usize) -> Result<Batch> {
        while let Some(front) = self.front() {
            front.ready().await?;
            let batch = front.take(max);
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
        self.live.next(max).await
    }

    /// The same, without a wait; none where none is there.
    fn try_take(&self, max: usize) -> Result<Batch> {
        while let Some(front) = self.front() {
            match front.poll(None) {
                Poll::Pending => return Ok(Batch::default()),
                Poll::Ready(ready) => ready?,
            }
            let batch = front.take(max);
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
        self.live.try_next(max)
    }

    async fn next(&self, max: usize) -> Result<Events> {
        loop {
            if !self.has_shelved()
                && let Some(events) = self.plain_or_shelve(self.take(max).await?)
            {
                return Ok(events);
            }
            self.open_shelved(max).await?;
            if let Some(events) = self.take_opened(max) {
                return Ok(events);
            }
        }
    }

    fn has_shelved(&self) -> bool {
        !lock(&self.shelf).batch.is_empty()
    }

    /// The events of a batch, if nothing of it is encrypted; else they wait for their keys.
    fn plain_or_shelve(&self, batch: Batch) -> Option<Events> {
        let events = Events::of(batch);
        if !events.is_sealed() {
            return Some(events);
        }
        lock(&self.shelf).batch.absorb(events.into_batch());
        None
    }

    /// Decrypts the first events on the shelf.
    async fn open_shelved(&self, max: usize) -> Result<()> {
        let batch = {
            let shelf = lock(&self.shelf);
            if shelf.opened.is_some() {
                return Ok(());
            }
            let mut batch = shelf.batch.clone();
            batch.truncate(max);
            batch
        };
        if batch.is_empty() {
            return Ok(());
        }
        let mut events = Events::of(batch);
        self.store.open(&mut events).await?;
        let mut shelf = lock(&self.shelf);
        // Another taker may have been faster.
        if shelf.opened.is_none() && shelf.batch.seq(0) == events.seq(0) {
            shelf.opened = Some(events);
        }
        Ok(())
    }

    /// Gives out what is decrypted, up to `max` of it.
    fn take_opened(&self, max: usize) -> Option<Events> {
        let mut shelf = lock(&self.shelf);
        let mut first = shelf.opened.take()?;
        shelf.opened = first.split_off(max);
        shelf.batch.split_to(first.len());
        Some(first)
    }
}

impl EventFeed {
    /// Waits until there is at least one event, then takes up to `max`.
    pub fn next(&self, max: usize) -> Pending<Events> {
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.next(max).await })
    }

    /// Takes up to `max` events that are there; none when there is none, or when keys are waited for.
    pub fn try_next(&self, max: usize) -> Result<Events> {
        if !self.inner.has_shelved()
            && let Some(events) = self.inner.plain_or_shelve(self.inner.try_take(max)?)
        {
            return Ok(events);
        }
        match self.poll_opened(max) {
            Poll::Ready(opened) => opened.map(|()| self.inner.take_opened(max).unwrap_or_default()),
            Poll::Pending => Ok(Events::default()),
        }
    }

    /// Ready when `try_next` has something to say, or looks for keys first; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Also for what is taken and has to be decrypted before it is polled again.
        lock(&self.opening).waker = Some(cx.waker().clone());
        if self.inner.has_shelved() {
            return self.poll_opened(OPENED_AT_ONCE).map(|_| ());
        }
        if let Some(front) = self.inner.front() {
            match front.poll(Some(cx.waker())) {
                Poll::Ready(Ok(())) if front.is_over() => {}
                ready => return ready.map(|_| ()),
            }
        }
        self.inner.live.poll_ready(cx)
    }

    fn poll_opened(&self, max: usize) -> Poll<Result<()>> {
        let mut opening = lock(&self.opening);
        let waker = opening.waker.clone().unwrap_or_else(|| Waker::noop().clone());
        let work = opening.work.get_or_insert_with(|| {
            let inner = Arc::clone(&self.inner);
            Pending::of(async move { inner.open_shelved(max).await })
        });
        let polled = Pin::new(work).poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            *opening = Opening::default();
        }
        polled
    }

    /// How many events, of any aggregate, were saved behind what was taken: 0 is live. It is what the store has now,
    /// not what it had when the feed began.
    pub fn lag(&self) -> u64 {
        let shelved = lock(&self.inner.shelf).batch.len() as u64;
        self.inner.front().map_or(0, Front::left) + shelved + self.inner.live.lag()
    }

    /// Ends it: waits answer [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn close(&self) {
        self.inner.is_closed.store(true, Ordering::Release);
        self.inner.live.close();
    }
}

/// The most events that are decrypted at once by whoever names no number.
const OPENED_AT_ONCE: usize = 1_000;

impl EventStore {
    /// Follows the events of some aggregates. What was archived before comes in its place; what is archived while a
    /// feed has not taken it yet may be missed by it, and never by a projection.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for names that can't be; those of the stream.
    pub fn follow(&self, options: &FollowOptions) -> Pending<EventFeed> {
        let (store, after, takes_all) = (self.clone(), options.after, options.filters.is_empty());
        Pending::after(self.subjects_of(&options.filters), move |filters| {
            Pending::of(async move {
                let front = Front::behind(&store, &filters, after).await?;
                let from = front.as_ref().map_or(after, Front::until) + 1;
                let deliver_policy = DeliverPolicy::ByStartSequence(from);
                // The stream has nothing but events, so a filter that takes all of them need not be looked at.
                let filters = if takes_all { Vec::new() } else { filters };
                let live = store.stream().subscribe(SubscribeOptions { filters, deliver_policy }).await?;
                let (is_closed, shelf) = (AtomicBool::new(false), Mutex::default());
                let inner = Arc::new(Inner { store, front, live, is_closed, shelf });
                Ok(EventFeed { inner, opening: Mutex::default() })
            })
        })
    }
}

//! Projections: what follows a store and makes a read model of its events, from where it stood, whatever happened
//! meanwhile.
//!
//! A handle is pulled: events are taken, and when they are in effect, that is committed. Where the effect and the
//! position are kept together (a table of the read model's own database, the memory of a program, the value of the
//! store's bucket that holds both), each event is in effect once; where they are not, at least once.
//!
//! An event that fails is tried again after a pause that grows, and nothing behind it is given out meanwhile; after the
//! last try it is a dead letter, and the projection goes on behind it. So is one at which the program itself ends again
//! and again: whoever opens a projection that ended before it committed anything takes the next events one by one, and
//! each try is noted before it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::locks::lock;
use crate::pending::Pending;

use super::names::{EventFilter, check_name};
use super::pull::{EVENTS_AT_ONCE, Inner, TELL_EVERY};
use super::read::Events;
use super::store::EventStore;

/// What a projection is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionConfig {
    /// Its name, 1 to 64 letters, digits, `-` and `_`.
    pub name: String,
    /// Only events of aggregates that one of these takes; all when empty.
    pub filters: Vec<EventFilter>,
    /// Whether this is the one that is built anew, beside the live one of this name: [`Projection::switch`].
    pub is_rebuild: bool,
    /// How often an event is tried before it is a dead letter; without end, when 0.
    pub tries: u32,
    /// The pause after the first failure; it doubles with each one.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl ProjectionConfig {
    /// Of all events, with ten tries in about a minute.
    pub fn new(name: impl Into<String>) -> Self {
        ProjectionConfig {
            name: name.into(),
            filters: Vec::new(),
            is_rebuild: false,
            tries: 10,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(30),
        }
    }

    pub(super) fn pause_after(&self, tries: u32) -> Duration {
        self.pause.saturating_mul(1 << tries.saturating_sub(1).min(31)).min(self.pause_max)
    }
}

/// What comes of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// How often the event was tried.
    pub tries: u32,
    /// How long nothing is given out; zero when the event is a dead letter.
    pub pause: Duration,
    /// Whether the event is a dead letter: it is to be passed by, and that to be committed.
    pub is_dead: bool,
}

/// A projection that is open. Cheap to clone: clones share it, and one of them takes events at a time.
pub struct Projection {
    pub(super) inner: Arc<Inner>,
    /// What makes events ready that somebody tries to take: it goes on where it was.
    ready: Mutex<Preparing>,
}

/// Events on their way to be ready, and who is told when they are: whoever only looks does not take that place.
#[derive(Default)]
struct Preparing {
    work: Option<Pending<()>>,
    waker: Option<Waker>,
}

impl Clone for Projection {
    fn clone(&self) -> Self {
        Projection::of(Arc::clone(&self.inner))
    }
}

impl EventStore {
    /// Opens a projection; from then on, whoever had it open is refused.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for names that can't be; those of the stream.
    pub fn projection(&self, config: ProjectionConfig) -> Pending<Projection> {
        let checked = check_name("projection", &config.name).and_then(|()| self.subjects_of(&config.filters));
        let store = self.clone();
        Pending::after(checked, |subjects| {
            Pending::of(async move { Inner::open(store, config, &subjects).await.map(Projection::of) })
        })
    }
}

impl Projection {
    fn of(inner: Arc<Inner>) -> Self {
        Projection { inner, ready: Mutex::default() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }

    /// The sequence of the last event in effect; 0 is none.
    pub fn position(&self) -> u64 {
        self.inner.at().done
    }

    /// The state that was committed last; empty when none was.
    pub fn state(&self) -> Vec<u8> {
        self.inner.at().state.clone()
    }

    /// Says where the read model stands, which keeps its position itself: what comes next lies behind it. Commits then
    /// only tell the store, about once a second.
    pub fn seek(&self, position: u64) {
        let mut at = self.inner.at();
        at.is_kept_here = false;
        if position < at.standing.position {
            (at.is_sought, at.standing.opened_at) = (true, position);
        }
        (at.standing.position, at.done, at.taken) = (position, position, position);
        at.out.clear();
        (at.feed, at.stash, at.is_prepared, at.after) = (None, None, false, 0);
        at.is_dirty = true;
    }

    /// Waits until there is at least one event and no pause, then takes up to `max`. A record that is no event is never
    /// among them: it is a dead letter at once, and then there may be none.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] after [`Projection::close`]; [`ErrorKind::Conflict`] when somebody else opened it; those
    /// of the stream.
    pub fn next(&self, max: usize) -> Pending<Events> {
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.next(max).await })
    }

    /// Takes up to `max` events that are there and not withheld by a pause; none when there is none.
    ///
    /// # Errors
    /// As [`Projection::next`].
    pub fn try_next(&self, max: usize) -> Result<Events> {
        match self.poll_prepared(None) {
            Poll::Ready(prepared) => prepared.map(|()| self.inner.take(max)),
            Poll::Pending => Ok(Events::default()),
        }
    }

    /// Ready when [`Projection::try_next`] has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_prepared(Some(cx.waker())).map(|_| ())
    }

    fn poll_prepared(&self, waker: Option<&Waker>) -> Poll<Result<()>> {
        let mut ready = lock(&self.ready);
        if let Some(waker) = waker {
            ready.waker = Some(waker.clone());
        }
        let waker = ready.waker.clone().unwrap_or_else(|| Waker::noop().clone());
        let work = ready.work.get_or_insert_with(|| {
            let inner = Arc::clone(&self.inner);
            Pending::of(async move { inner.prepare(EVENTS_AT_ONCE).await })
        });
        let polled = Pin::new(work).poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            *ready = Preparing::default();
        }
        polled
    }

    /// Says that all events up to this sequence are in effect, in the memory of a program that commits later.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a sequence that was not given out.
    pub fn advance(&self, seq: u64) -> Result<()> {
        self.inner.open_at()?.advance(seq)
    }

    /// Says that all events up to this sequence are in effect. `state` goes with it where the store keeps the position;
    /// it takes the place of the one before, also when it is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a sequence that was not given out; [`ErrorKind::Conflict`] when somebody else opened
    /// it; those of the stream.
    pub fn commit(&self, seq: u64, state: &[u8]) -> Pending<()> {
        let mut at = match self.inner.open_at() {
            Ok(at) => at,
            Err(error) => return Pending::ready(Err(error)),
        };
        if let Err(error) = at.advance(seq) {
            return Pending::ready(Err(error));
        }
        at.standing.position = seq;
        at.is_dirty = true;
        if at.is_kept_here {
            at.state = state.to_vec();
        } else if self.inner.store.0.engine.clock().now() < at.told.saturating_add(TELL_EVERY) {
            return Pending::ready(Ok(()));
        }
        drop(at);
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.tell().await })
    }

    /// Tells the store now what it would be told within a second.
    ///
    /// # Errors
    /// As [`Projection::commit`].
    pub fn flush(&self) -> Pending<()> {
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.flush().await })
    }

    /// Says that an event, and with it what was given out behind it, is not in effect: it is given out again after a
    /// pause, or is a dead letter from now on.
    ///
    /// # Errors
    /// As [`Projection::commit`].
    pub fn fail(&self, seq: u64, error: &str) -> Pending<Failure> {
        let (inner, error) = (Arc::clone(&self.inner), error.to_owned());
        Pending::of(async move { inner.fail(seq, error).await })
    }

    /// The sequence of the last event for it that there is now.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when somebody else opened it; those of the stream.
    pub fn head(&self) -> Pending<u64> {
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.head().await })
    }

    /// How many events, of any aggregate, the store has behind what is in effect: 0 is live. On a hub, what comes after
    /// the opening counts from the first wait for events on.
    pub fn lag(&self) -> u64 {
        self.inner.lag()
    }

    /// Makes what was built anew the live one: its position and state take the place of those of the projection of this
    /// name, and whoever runs that is refused from then on. False, and nothing is done, where it is behind that one.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] for one that is not a rebuild; those of the stream.
    pub fn switch(&self) -> Pending<bool> {
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.switch().await })
    }

    /// Ends it, and tells the store where it stands: waits answer [`ErrorKind::Closed`].
    ///
    /// # Errors
    /// Those of the stream; it is closed all the same.
    pub fn close(&self) -> Pending<()> {
        if !self.inner.end() {
            return Pending::ready(Ok(()));
        }
        let inner = Arc::clone(&self.inner);
        Pending::of(async move { inner.tell().await })
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.at().is_closed
    }

    /// The store that it follows.
    pub fn store(&self) -> &EventStore {
        &self.inner.store
    }
}

//! Links: a local stream joined to another one, which is usually on a hub, in either direction or both.
//!
//! A record keeps its origin wherever it goes, and each side knows every origin that it ever took in: the local log
//! by a fold over itself (`local/origins.rs`), a shared hub stream by a position record for each writer, which an
//! atomic batch renews together with the records. So a link may carry anything any number of times, and nothing is
//! doubled or lost; what a link remembers of its own is only where to go on. Links never carry rollup, purge or
//! delete, and settle no condition and no message id: that was done where the record was appended.

mod carry;
mod config;
mod exclusive;
mod lost;
mod pull;
mod push;
mod standing;
mod store;
mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::local::Local;
use super::{Stream, StreamInfo};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Origin;
use crate::pending::Pending;
use crate::subject::Filters;
pub use config::{CatchUp, Direction, LinkConfig, OnReset, SubjectMap};
use lost::Theirs;
use push::position;
pub use standing::{LinkState, LinkStatus};
use store::{Place, Store};
use turns::Turns;

/// The subjects of position records, below which comes the name of the stream and then the writer.
pub(crate) const POSITIONS: &str = "$HW";

/// How long a link pauses after its first failure; it doubles with each until [`PAUSE_MAX`].
const PAUSE_MIN: Nanos = 100_000_000;
const PAUSE_MAX: Nanos = 15_000_000_000;

/// One link at work.
pub(crate) struct Link {
    pub(crate) config: LinkConfig,
    local: Arc<Local>,
    find: Find,
    filters: Filters,
    store: Store,
    standing: Mutex<LinkStatus>,
    stopped: AtomicBool,
    /// Whether the place is known to be no older than the log.
    was_compared: AtomicBool,
    turns: Turns,
}

/// How the other stream is found, each time that it is met.
pub(crate) type Find = Box<dyn Fn() -> Pending<Stream> + Send + Sync>;

/// The other stream as it was met.
struct Met {
    stream: Stream,
    theirs: Theirs,
    info: StreamInfo,
    turn: u64,
}

/// A link's work, to be polled until it is done.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Link {
    /// A link between an open local stream and another one, which need not be there yet.
    pub(crate) fn new(config: LinkConfig, local: Arc<Local>, find: Find, dir: std::path::PathBuf) -> Result<Self> {
        config.check()?;
        let store = Store::open(Arc::clone(local.disk()), file_of(&config, &dir))?;
        let standing = Mutex::new(LinkStatus::new(&config));
        let filters = Filters::new(&config.filters)?;
        let [stopped, was_compared] = [const { AtomicBool::new(false) }; 2];
        let turns = Turns::default();
        Ok(Link { config, local, find, filters, store, standing, stopped, was_compared, turns })
    }

    /// Where it stands.
    pub(crate) fn status(&self) -> LinkStatus {
        let mut status = self.standing().clone();
        self.place().show(&self.local, &mut status);
        status
    }

    /// Ends its work at its next step.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.standing().state = LinkState::Stopped;
        self.save();
    }

    /// Stores where it goes on, once the local stream is on disk up to there. When it cannot be stored, the next start
    /// looks at more.
    fn save(&self) {
        let place = self.store.place();
        if let Err(error) = self.local.sync_committed().and_then(|()| self.store.save(&place)) {
            self.local.shared.log("warn", format!("link '{}': {error}", self.config.name));
        }
    }

    fn change(&self, change: impl FnOnce(&mut Place)) {
        if self.store.change(change) {
            self.save();
        }
    }

    /// Moves on, unless the other stream was found to be another one: places in it are others then.
    fn advance(&self, met: &Met, change: impl FnOnce(&mut Place)) {
        if self.turns.count() == met.turn {
            self.change(change);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn standing(&self) -> MutexGuard<'_, LinkStatus> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Place {
        self.store.place()
    }

    /// Its work in each of its directions.
    pub(crate) fn work(self: &Arc<Self>) -> Vec<Work> {
        let mut work: Vec<Work> = Vec::new();
        if self.config.direction.pushes() {
            let link = Arc::clone(self);
            work.push(Box::pin(async move { link.keep_going(false).await }));
        }
        if self.config.direction.pulls() {
            let link = Arc::clone(self);
            work.push(Box::pin(async move { link.keep_going(true).await }));
        }
        work
    }

    /// Works until it is stopped; after a failure it pauses and begins anew from what is known then.
    async fn keep_going(&self, pulls: bool) {
        let mut pause = PAUSE_MIN;
        while !self.is_stopped() {
            let before = self.standing().moved();
            let outcome = match self.meet().await {
                Err(error) => Err(error),
                Ok(None) => continue,
                Ok(Some(met)) if pulls => self.pull(&met).await,
                Ok(Some(met)) if self.config.exclusive => self.push_alone(&met).await,
                Ok(Some(met)) => self.push(&met).await,
            };
            let Err(error) = outcome else { continue };
            if self.is_stopped() || self.local.shared.check_open().is_err() {
                break;
            }
            self.fail(&error);
            if self.standing().moved() > before {
                pause = PAUSE_MIN;
            }
            let now = self.local.shared.clock.now();
            // Many links that lost one hub do not come back at one instant.
            let jitter = self.local.shared.clock.random() % (pause / 2 + 1);
            self.local.shared.timers.sleep(now.saturating_add(pause / 2 + jitter), &self.local.shared).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Finds out what the other stream is, and what became of it since the last time; `None` when the other direction
    /// found that out meanwhile.
    async fn meet(&self) -> Result<Option<Met>> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the link was stopped"));
        }
        // As it was before the other stream was asked: the other direction moves on meanwhile.
        let (turn, place) = (self.turns.count(), self.place());
        let stream = (self.find)().await?;
        let info = stream.info().await?;
        self.config.check_remote(&info.config)?;
        if self.config.needs_positions() {
            stream.check_batches()?;
        }
        let anew = place.created != 0 && place.created != info.created;
        let kept = if anew { None } else { self.kept_of_it(&stream, &info, &place).await? };
        let gone = !anew && kept.is_none() && self.was_taken_back(&stream, &place).await?;
        if self.turns.count() != turn {
            return Ok(None);
        }
        if anew || kept.is_some() || gone {
            let what = match (anew, kept) {
                (true, _) => "was made anew",
                (_, Some(_)) => "has lost its end",
                _ => "no longer says what it took",
            };
            let what = format!("stream '{}' {what} since this link met it last", self.config.remote);
            if self.config.on_reset == OnReset::Stop {
                return Err(Error::new(ErrorKind::Conflict, format!("{what}; on_reset = stop")));
            }
            self.local.shared.log("warn", format!("link '{}': {what}", self.config.name));
            self.standing().resets += 1;
            self.turns.next();
        }
        let losses = self.losses(info.created);
        self.change(|place| {
            if anew || kept.is_some() || gone {
                let pushed = if self.config.on_reset == OnReset::Resend { 0 } else { place.pushed };
                let before = std::mem::take(place);
                *place = Place { pushed, known_pushed: pushed, ..Place::default() };
                if !anew {
                    (place.pulled, place.pulled_time) = kept.unwrap_or((before.pulled, before.pulled_time));
                    place.losses = losses + u64::from(kept.is_some());
                }
            }
            place.created = info.created;
        });
        self.standing().state = LinkState::Running;
        let theirs = Theirs::new(&self.config.remote, info.created, self.losses(info.created));
        Ok(Some(Met { stream, theirs, info, turn: self.turns.count() }))
    }

    /// Whether the other stream no longer knows the record that it acknowledged last.
    async fn was_taken_back(&self, stream: &Stream, place: &Place) -> Result<bool> {
        match place.last_pushed.as_deref().and_then(Origin::parse) {
            Some(origin) if !self.config.exclusive => {
                Ok(!position(stream, origin.writer).await?.taken.contains(origin.seq))
            }
            _ => Ok(false),
        }
    }

    fn fail(&self, error: &Error) {
        self.local.shared.log("warn", format!("link '{}': {error}", self.config.name));
        let mut standing = self.standing();
        standing.state = LinkState::Waiting;
        standing.last_error = Some(error.to_string());
        standing.failures += 1;
    }
}

/// Where a link stands that nobody works for: at what was stored of it.
pub(crate) fn at_rest(config: &LinkConfig, local: &Arc<Local>, dir: &std::path::Path) -> Result<LinkStatus> {
    config.check()?;
    let mut status = LinkStatus { state: LinkState::Stopped, ..LinkStatus::new(config) };
    Place::stored(&**local.disk(), &file_of(config, dir))?.show(local, &mut status);
    Ok(status)
}

fn file_of(config: &LinkConfig, dir: &std::path::Path) -> std::path::PathBuf {
    dir.join(format!("{}.json", config.name))
}

impl Place {
    fn show(&self, local: &Local, status: &mut LinkStatus) {
        let last_seq = local.lock().last_seq;
        (status.pushed_seq, status.pulled_seq) = (self.pushed, self.pulled);
        status.lag_push = if status.direction.pushes() { last_seq.saturating_sub(self.pushed) } else { 0 };
    }
}

/// FNV-1a (Fowler, Noll, Vo) of a name: the same on every machine.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Lets others work; ready at the second poll.
async fn pass() {
    let mut passed = false;
    std::future::poll_fn(move |cx: &mut Context<'_>| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

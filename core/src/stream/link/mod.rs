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
mod meet;
mod pull;
mod push;
mod standing;
mod store;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::Stream;
use super::hub_state::Lags;
use super::local::Local;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::subject::Filters;
use crate::timers::Sleep;
pub use config::{CatchUp, Direction, LinkConfig, OnReset, SubjectMap};
use meet::Met;
pub use standing::{LinkState, LinkStatus};
use store::{Place, Store};

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
    away: Away,
    filters: Filters,
    store: Store,
    standing: Mutex<LinkStatus>,
    /// The directions that wait, to be told when the other stream turns out to be another.
    apart: Mutex<Vec<Waker>>,
    stopped: AtomicBool,
    /// The last record, and its time, that both sides were seen to have of the other stream's own: the place may be
    /// older than the log.
    compared: Mutex<Option<(u64, Nanos)>>,
}

/// How the other stream is found, each time that it is met.
pub(crate) type Find = Box<dyn Fn() -> Pending<Stream> + Send + Sync>;

/// Why the other stream cannot be asked now; `None` while it can, as far as that is known.
pub(crate) type Away = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// A link's work, to be polled until it is done.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Link {
    /// A link between an open local stream and another one, which need not be there yet.
    pub(crate) fn new(
        config: LinkConfig,
        local: Arc<Local>,
        (find, away): (Find, Away),
        dir: std::path::PathBuf,
    ) -> Result<Self> {
        config.check()?;
        let store = Store::open(Arc::clone(local.disk()), file_of(&config, &dir))?;
        let standing = Mutex::new(LinkStatus::new(&config));
        let filters = Filters::new(&config.filters)?;
        let (apart, compared, stopped) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Ok(Link { config, local, find, away, filters, store, standing, apart, stopped, compared })
    }

    /// Where it stands. A link that waits for records hears of a connection that broke only when it asks for something,
    /// so what the connection says of itself counts.
    pub(crate) fn status(&self) -> LinkStatus {
        let mut status = self.standing().clone();
        if status.state == LinkState::Running
            && let Some(why) = (self.away)()
        {
            (status.state, status.last_error) = (LinkState::Waiting, Some(why));
        }
        self.place().show(&self.config, &self.local, &mut status);
        status
    }

    /// Whether it works.
    pub(crate) fn state(&self) -> LinkState {
        let state = self.standing().state;
        if state == LinkState::Running && (self.away)().is_some() { LinkState::Waiting } else { state }
    }

    /// Ends its work at its next step.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.standing().state = LinkState::Stopped;
        self.save();
    }

    /// Stores where it goes on, once the local stream is on disk up to there. When it cannot be stored, the next start
    /// looks at more.
    pub(crate) fn save(&self) {
        let place = self.store.place();
        if let Err(error) = self.local.sync_committed().and_then(|()| self.store.save(&place)) {
            self.local.shared.log("warn", format!("link '{}': {error}", self.config.name));
        }
    }

    /// Moves on.
    fn advance(&self, change: impl FnOnce(&mut Place)) {
        if self.store.change(change) {
            self.save();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn standing(&self) -> MutexGuard<'_, LinkStatus> {
        lock(&self.standing)
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
                Ok(met) if pulls => self.pull(&met).await,
                Ok(met) if self.config.exclusive => self.push_alone(&met).await,
                Ok(met) => self.push(&met).await,
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
            Sleep::until(now.saturating_add(pause / 2 + jitter), &self.local.shared).await;
            pause = (pause * 2).min(PAUSE_MAX);
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

impl Lags for Link {
    fn lag(&self) -> u64 {
        let mut status = self.standing().clone();
        self.place().show(&self.config, &self.local, &mut status);
        status.lag_push + status.lag_pull
    }
}

/// Where a link stands that nobody works for: at what was stored of it.
pub(crate) fn at_rest(config: &LinkConfig, local: &Arc<Local>, dir: &std::path::Path) -> Result<LinkStatus> {
    config.check()?;
    let mut status = LinkStatus { state: LinkState::Stopped, ..LinkStatus::new(config) };
    Place::stored(&**local.disk(), &file_of(config, dir))?.show(config, local, &mut status);
    Ok(status)
}

fn file_of(config: &LinkConfig, dir: &std::path::Path) -> std::path::PathBuf {
    dir.join(format!("{}.json", config.name))
}

impl Place {
    fn show(&self, config: &LinkConfig, local: &Local, status: &mut LinkStatus) {
        let last_seq = newest_for(config, local);
        (status.pushed_seq, status.pulled_seq) = (self.pushed, self.pulled);
        status.lag_push = if status.direction.pushes() { last_seq.saturating_sub(self.pushed) } else { 0 };
    }
}

/// The newest local record that is for this link; 0 when there is none.
fn newest_for(config: &LinkConfig, local: &Local) -> u64 {
    let mut state = local.lock();
    match &config.filters[..] {
        [] => state.last_seq,
        filters => filters.iter().map(|filter| state.newest_of(filter)).max().unwrap_or(0),
    }
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

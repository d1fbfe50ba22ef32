//! A store through the node that has the directory open: questions and answers go through its socket, and sessions that
//! are held here are leased there and kept alive from here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::call::{PresenceAnswer, PresenceCall, PresenceQuestion};
use super::unexpected;
use crate::bell::Bell;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::presence::config::PresenceConfig;
use crate::presence::watch::{WatchEvent, WatchOptions};
use crate::presence::write::SessionSet;
use crate::stream::contract::EngineOps;

/// How long a session that is held here lives at the node when this process is gone.
pub(super) const HELD_TTL: Duration = Duration::from_secs(15);

/// How often it gives a sign of life.
const HELD_BEAT: Duration = Duration::from_secs(5);

/// A store at a node.
pub(crate) struct There {
    ops: Arc<dyn EngineOps>,
    pub(super) config: PresenceConfig,
    keeper: Mutex<Keeper>,
}

/// Who keeps held sessions alive, and which.
#[derive(Default)]
struct Keeper {
    kept: Vec<Arc<Kept>>,
    bell: Option<Arc<Bell>>,
}

struct Kept {
    space: String,
    user: String,
    set: Mutex<SessionSet>,
}

impl There {
    pub(crate) fn new(ops: Arc<dyn EngineOps>, config: PresenceConfig) -> There {
        There { ops, config, keeper: Mutex::default() }
    }

    pub(crate) fn ask(&self, call: PresenceCall) -> Pending<PresenceAnswer> {
        let waits = matches!(call, PresenceCall::Watch { .. });
        let question = PresenceQuestion { config: self.config.clone(), call };
        match serde_json::to_string(&question) {
            Ok(question) => self
                .ops
                .presence(question, waits)
                .and_then(|answer| Pending::ready(serde_json::from_str(&answer).map_err(|error| unreadable(&error)))),
            Err(error) => Pending::ready(Err(unreadable(&error))),
        }
    }

    /// As [`There::ask`], for an answer of one kind; `of` gives another one back.
    pub(super) fn ask_for<T: Send + 'static>(
        &self,
        call: PresenceCall,
        of: impl FnOnce(PresenceAnswer) -> std::result::Result<T, PresenceAnswer> + Send + 'static,
    ) -> Pending<T> {
        self.ask(call).and_then(|answer| Pending::ready(of(answer).map_err(|other| unexpected(&other))))
    }
}

impl Drop for There {
    fn drop(&mut self) {
        // The thread finds nobody left.
        lock(&self.keeper).bell.iter().for_each(|bell| bell.ring());
    }
}

/// A session that is kept alive, until this goes or is stopped.
pub(super) struct KeptAlive {
    there: Arc<There>,
    kept: Arc<Kept>,
}

impl KeptAlive {
    /// Keeps alive what was set at the node.
    pub(super) fn begin(there: &Arc<There>, space: &str, user: &str, set: &SessionSet) -> Result<KeptAlive> {
        let kept = Arc::new(Kept { space: space.into(), user: user.into(), set: Mutex::new(set.clone()) });
        let mut keeper = lock(&there.keeper);
        keeper.kept.push(Arc::clone(&kept));
        if keeper.bell.is_none() {
            let bell = Arc::new(Bell::default());
            keeper.bell = Some(Arc::clone(&bell));
            keep(Arc::downgrade(there), bell)?;
        }
        Ok(KeptAlive { there: Arc::clone(there), kept })
    }

    /// What it is kept as from now on.
    pub(super) fn is_now(&self, set: &SessionSet) {
        *lock(&self.kept.set) = set.clone();
    }

    pub(super) fn stop(&self) {
        lock(&self.there.keeper).kept.retain(|kept| !Arc::ptr_eq(kept, &self.kept));
    }
}

impl Drop for KeptAlive {
    fn drop(&mut self) {
        self.stop();
    }
}

#[allow(clippy::disallowed_methods, reason = "one thread keeps all sessions of a handle alive")]
fn keep(there: Weak<There>, bell: Arc<Bell>) -> Result<()> {
    let work = move || {
        loop {
            bell.wait(Some(HELD_BEAT));
            let Some(there) = there.upgrade() else { return };
            let all = lock(&there.keeper).kept.clone();
            for kept in all {
                let set = lock(&kept.set).clone();
                let beat = PresenceCall::Heartbeat {
                    space: kept.space.clone(),
                    user: kept.user.clone(),
                    session: set.session.clone(),
                    active: false,
                };
                let lost = matches!(there.ask(beat).wait(), Err(error) if error.kind() == ErrorKind::NotFound);
                let is_kept = lock(&there.keeper).kept.iter().any(|other| Arc::ptr_eq(other, &kept));
                if lost && is_kept {
                    let (space, user) = (kept.space.clone(), kept.user.clone());
                    // A node that is away is asked again at the next beat.
                    let _ = there.ask(PresenceCall::Set { space, user, set }).wait();
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("headwater-held".to_owned()).spawn(work);
    thread.map(drop).map_err(|e| Error::io("start the thread that keeps sessions alive", &e))
}

/// A watcher of a store at a node: it asks again and again behind the position that it has.
pub(super) struct Far {
    there: Arc<There>,
    state: Mutex<State>,
}

struct State {
    options: WatchOptions,
    backlog: VecDeque<WatchEvent>,
    asked: Option<Pending<PresenceAnswer>>,
    fault: Option<Error>,
    is_closed: bool,
}

/// Events that are asked for at once.
const EVENTS_AT_ONCE: usize = 1_000;

impl Far {
    pub(super) fn new(there: &Arc<There>, options: WatchOptions) -> Far {
        let state = State { options, backlog: VecDeque::new(), asked: None, fault: None, is_closed: false };
        Far { there: Arc::clone(there), state: Mutex::new(state) }
    }

    /// Ready when there is something to take, or nothing more ever.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        loop {
            if !state.backlog.is_empty() || state.fault.is_some() || state.is_closed {
                return Poll::Ready(());
            }
            let options = state.options.clone();
            let asked =
                state.asked.get_or_insert_with(|| self.there.ask(PresenceCall::Watch { options, max: EVENTS_AT_ONCE }));
            let Poll::Ready(answer) = std::future::Future::poll(std::pin::Pin::new(asked), cx) else {
                return Poll::Pending;
            };
            state.asked = None;
            state.take_in(answer);
        }
    }

    pub(super) fn try_next(&self, max: usize) -> Result<Vec<WatchEvent>> {
        let _ = self.poll_ready(&mut Context::from_waker(Waker::noop()));
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err(Error::new(ErrorKind::Closed, "this watcher is closed"));
        }
        if state.backlog.is_empty()
            && let Some(fault) = state.fault.take()
        {
            return Err(fault);
        }
        let count = state.backlog.len().min(max.max(1));
        Ok(state.backlog.drain(..count).collect())
    }

    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        (state.is_closed, state.asked) = (true, None);
        state.backlog.clear();
    }
}

impl State {
    fn take_in(&mut self, answer: Result<PresenceAnswer>) {
        let events = match answer {
            Ok(PresenceAnswer::Events(events)) => events,
            Ok(other) => return self.fault = Some(unexpected(&other)),
            Err(error) => return self.fault = Some(error),
        };
        let last = events.iter().rev().find_map(|event| match event {
            WatchEvent::Snapshot { position, .. } => Some(*position),
            WatchEvent::Change(change) => Some(change.position),
            WatchEvent::Counts(_) | WatchEvent::View { .. } => None,
        });
        self.options.after = last.or(self.options.after);
        self.backlog.extend(events);
    }
}

pub(crate) fn unreadable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("what is asked of a presence store, or answered, can't be read: {error}"))
}

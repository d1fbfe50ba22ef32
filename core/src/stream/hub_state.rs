//! Where the connection to a hub stands, for everybody who wants to know: readable at any time, and watchable by
//! polling. It is told by the client's events and decides nothing. A build without the hub has it too, for the doors.

use std::sync::{Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Waker};

use crate::locks::lock;

/// What a connection to a hub is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HubPhase {
    /// On its way for the first time.
    #[default]
    Connecting,
    /// There.
    Connected,
    /// Lost, and on its way again.
    Reconnecting,
    /// Over.
    Closed,
}

impl HubPhase {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            HubPhase::Connecting => "connecting",
            HubPhase::Connected => "connected",
            HubPhase::Reconnecting => "reconnecting",
            HubPhase::Closed => "closed",
        }
    }
}

/// Where the connection to a hub stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HubState {
    /// What it is doing.
    pub phase: HubPhase,
    /// The name of the server that it was connected to last.
    pub server_name: String,
    /// The version of that server.
    pub server_version: String,
    /// The level of JetStream's API: 0 where the server says none, which is before 2.11.
    pub api_level: u32,
    /// Why it is not connected, or what the server complained of since it is; empty when nothing went wrong since.
    pub last_error: String,
    /// How often it came back after it was lost.
    pub reconnects: u64,
    /// Sequences of either side that the links of this process to it have still to look at, as of this answer; 0 when
    /// there are none. It changes with every record, so a watcher is not woken for it.
    pub lag_records: u64,
}

/// Something that lags behind a hub: a link.
pub(crate) trait Lags: Send + Sync {
    /// How many sequences it has still to look at.
    fn lag(&self) -> u64;
}

/// The state, and those who wait for it to change.
#[derive(Default)]
pub(crate) struct StateCell {
    inside: Mutex<Inside>,
    lagging: Mutex<Vec<Weak<dyn Lags>>>,
}

#[derive(Default)]
struct Inside {
    state: HubState,
    /// How often it changed.
    version: u64,
    /// Each with the number of who waits; those who have none are told apart by their wakers.
    waiting: Vec<(u64, Waker)>,
    /// The last number that was given to somebody who waits.
    waiters: u64,
}

#[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "told by the feature that reaches a server"))]
impl StateCell {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// The state now, as everybody may know it.
    pub(crate) fn get(&self) -> HubState {
        let state = self.lock().state.clone();
        HubState { lag_records: self.lag(), ..state }
    }

    /// The state of the connection alone, for those who may lag behind it.
    pub(crate) fn of_connection(&self) -> HubState {
        self.lock().state.clone()
    }

    /// Counts what this one lags behind, for as long as it is there.
    pub(crate) fn count(&self, link: Weak<dyn Lags>) {
        let mut lagging = lock(&self.lagging);
        lagging.retain(|other| other.strong_count() > 0);
        lagging.push(link);
    }

    /// Asked without a lock, because a link asks its stream.
    fn lag(&self) -> u64 {
        let lagging = lock(&self.lagging).clone();
        lagging.iter().filter_map(Weak::upgrade).map(|link| link.lag()).sum()
    }

    pub(crate) fn phase(&self) -> HubPhase {
        self.lock().state.phase
    }

    pub(crate) fn api_level(&self) -> u32 {
        self.lock().state.api_level
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.lock().state.reconnects
    }

    /// Changes it, and wakes those who wait when something did.
    pub(crate) fn change(&self, change: impl FnOnce(&mut HubState)) {
        let mut inside = self.lock();
        let before = inside.state.clone();
        change(&mut inside.state);
        if inside.state == before || before.phase == HubPhase::Closed {
            inside.state = before;
            return;
        }
        inside.version += 1;
        drop(inside);
        self.wake();
    }

    /// Lets everybody who waits look again.
    pub(crate) fn wake(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    /// Ready with the number of the change and the state when that is another than `seen`; else wakes `cx` then. Begin
    /// with 0, which is never the number of a change.
    pub(crate) fn poll_change(&self, cx: &Context<'_>, seen: u64) -> Poll<(u64, HubState)> {
        self.poll_change_as(0, cx, seen)
    }

    /// The same for somebody with a number, whose waker replaces the one before.
    pub(crate) fn poll_change_as(&self, waiter: u64, cx: &Context<'_>, seen: u64) -> Poll<(u64, HubState)> {
        let mut inside = self.lock();
        if inside.version + 1 != seen {
            return Poll::Ready((inside.version + 1, inside.state.clone()));
        }
        let same = |w: &&mut (u64, Waker)| w.0 == waiter && (waiter != 0 || w.1.will_wake(cx.waker()));
        match inside.waiting.iter_mut().find(same) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => inside.waiting.push((waiter, cx.waker().clone())),
        }
        Poll::Pending
    }

    /// The number of the change and the state, when that is another than `seen`.
    pub(crate) fn changed(&self, seen: u64) -> Option<(u64, HubState)> {
        let (version, state) = {
            let inside = self.lock();
            (inside.version + 1 != seen).then(|| (inside.version + 1, inside.state.clone()))?
        };
        Some((version, HubState { lag_records: self.lag(), ..state }))
    }

    /// A number for somebody who waits.
    pub(crate) fn waiter(&self) -> u64 {
        let mut inside = self.lock();
        inside.waiters += 1;
        inside.waiters
    }

    /// Who has this number waits no more.
    pub(crate) fn forget(&self, waiter: u64) {
        self.lock().waiting.retain(|w| w.0 != waiter);
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

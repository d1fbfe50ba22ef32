//! Where the connection to a hub stands, for everybody who wants to know: readable at any time, and watchable by
//! polling. It is told by the client's events and decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

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
    /// What went wrong last; empty when nothing did.
    pub last_error: String,
    /// How often it came back after it was lost.
    pub reconnects: u64,
}

/// The state, and those who wait for it to change.
#[derive(Default)]
pub(crate) struct StateCell(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    state: HubState,
    /// How often it changed.
    version: u64,
    waiting: Vec<Waker>,
}

impl StateCell {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state now.
    pub(crate) fn get(&self) -> HubState {
        self.lock().state.clone()
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
        let waiting = std::mem::take(&mut inside.waiting);
        drop(inside);
        for waker in waiting {
            waker.wake();
        }
    }

    /// Ready with the number of the change and the state when that is another than `seen`; else wakes `cx` then. Begin
    /// with 0, which is never the number of a change.
    pub(crate) fn poll_change(&self, cx: &Context<'_>, seen: u64) -> Poll<(u64, HubState)> {
        let mut inside = self.lock();
        if inside.version + 1 != seen {
            return Poll::Ready((inside.version + 1, inside.state.clone()));
        }
        if !inside.waiting.iter().any(|w| w.will_wake(cx.waker())) {
            inside.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

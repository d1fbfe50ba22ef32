//! Where the answer to a request goes.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

/// What a request comes to.
pub(super) type Answer = Result<Vec<u8>>;

/// What becomes of a request.
pub(super) enum Outcome {
    /// It was handled, or can't be.
    Answer(Answer),
    /// It was not begun, and is to be asked where the entity is now.
    Moved,
}

impl Outcome {
    /// For whoever knows of one place only.
    pub(super) fn into_answer(self) -> Answer {
        match self {
            Outcome::Answer(answer) => answer,
            Outcome::Moved => Err(Error::new(ErrorKind::Busy, "the entity is moving to another node: ask again")),
        }
    }
}

/// Where an answer goes.
pub(super) enum Reply {
    /// Nobody waits for it.
    Nobody,
    /// Somebody in this process.
    Slot(Arc<Slot>),
    /// Somebody elsewhere.
    Call(Box<dyn FnOnce(Outcome) + Send>),
}

impl Reply {
    /// Gives the answer out. Not under a lock: it wakes whoever waits.
    pub(super) fn give(self, outcome: Outcome) {
        match self {
            Reply::Nobody => {}
            Reply::Slot(slot) => slot.put(outcome),
            Reply::Call(call) => call(outcome),
        }
    }

    pub(super) fn is_nobody(&self) -> bool {
        matches!(self, Reply::Nobody)
    }

    /// Takes it, so that nobody answers a second time.
    pub(super) fn take(&mut self) -> Option<Reply> {
        Some(std::mem::replace(self, Reply::Nobody)).filter(|reply| !reply.is_nobody())
    }
}

/// A place for one answer.
#[derive(Default)]
pub(super) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Slot {
    fn put(&self, outcome: Outcome) {
        let mut state = lock(&self.0);
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.0);
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    state.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

//! Requests from one program to another through a node: what is asked goes to whoever listens on its subject, be it in
//! the node's own process or at the other end of another connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::session::{Held, Session};
use super::table::{AnswerCall, Listen, NextCall, RequestCall};
use super::wire::Bytes;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::pending::alone::Alone;
use crate::stream::contract::{Listener, WireCall, WireOps};

/// A node, for requests.
pub(super) struct NodeWire(pub(super) Arc<Session>);

/// One who listens, until it is dropped.
struct Ear {
    listening: Alone,
    _held: Arc<Held>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.listening.end();
    }
}

impl WireOps for NodeWire {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        self.0.ask::<RequestCall>(0, &(subject.to_owned(), Bytes(payload), timeout)).map(|answer| answer.0)
    }

    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        let session = Arc::clone(&self.0);
        let (id, made) = self.0.ask_new::<Listen>(0, &subject.to_owned());
        made.map(move |()| {
            let held = Arc::new(Held { session, id });
            let listening = Alone::begin(hear(Arc::clone(&held), take));
            Box::new(Ear { listening, _held: held }) as Box<dyn Send + Sync>
        })
    }
}

/// Takes one call after the other, until the node is gone.
async fn hear(held: Arc<Held>, take: Listener) {
    while let Ok((number, Bytes(payload))) = held.session.ask::<NextCall>(held.id, &()).await {
        let held = Arc::clone(&held);
        let reply = move |answer: Vec<u8>| {
            // Whoever asked may be gone.
            let answered = held.session.ask::<AnswerCall>(held.id, &(number, Bytes(answer)));
            Alone::begin(async move { drop(answered.await) });
        };
        take(WireCall { payload, reply: Box::new(reply) });
    }
}

/// A subject that a client listens on, in the node: calls that it has not taken, and those that it has not answered.
pub(crate) struct Calls {
    state: Arc<Mutex<State>>,
    _listening: Box<dyn Send + Sync>,
}

/// Takes the answer to a call.
type Answer = Box<dyn FnOnce(Vec<u8>) + Send>;

#[derive(Default)]
struct State {
    taken: u64,
    waiting: VecDeque<WireCall>,
    unanswered: BTreeMap<u64, Answer>,
    waker: Option<Waker>,
}

impl Calls {
    /// Listens for a client.
    pub(crate) fn listen(wire: Option<Arc<dyn WireOps>>, subject: &str) -> Pending<Arc<Calls>> {
        let unsupported = || Error::new(ErrorKind::Unsupported, "the node has no requests from node to node");
        let state = Arc::<Mutex<State>>::default();
        let told = Arc::clone(&state);
        let take = move |call| {
            let mut state = lock(&told);
            state.waiting.push_back(call);
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        let listening = wire.ok_or_else(unsupported).map(|wire| wire.listen(subject, Arc::new(take)));
        Pending::after(listening, |listening| {
            listening.map(|listening| Arc::new(Calls { state, _listening: listening }))
        })
    }

    /// The next call: its number, and what was sent.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<(u64, Vec<u8>)> {
        let mut state = lock(&self.state);
        match state.waiting.pop_front() {
            Some(WireCall { payload, reply }) => {
                state.taken += 1;
                let number = state.taken;
                state.unanswered.insert(number, reply);
                Poll::Ready((number, payload))
            }
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Answers a call.
    pub(crate) fn answer(&self, number: u64, answer: Vec<u8>) -> Result<()> {
        let reply = lock(&self.state).unanswered.remove(&number);
        let reply = reply.ok_or_else(|| Error::new(ErrorKind::Misuse, format!("call {number} is no more")))?;
        reply(answer);
        Ok(())
    }
}

//! Requests within this process: nodes of one engine, for tests and programs of one process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hashbrown::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::shared::Shared;
use crate::stream::contract::{Listener, WireCall, WireOps};
use crate::timers::Sleep;

type Listeners = Arc<Mutex<HashMap<String, Listener, foldhash::fast::FixedState>>>;

/// Who listens in an engine.
pub(crate) struct Bus {
    shared: Arc<Shared>,
    listeners: Listeners,
}

/// One who listens, until it is dropped.
struct Ear {
    listeners: Listeners,
    subject: String,
}

impl Drop for Ear {
    fn drop(&mut self) {
        lock(&self.listeners).remove(&self.subject);
    }
}

impl Bus {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Bus { shared: Arc::clone(shared), listeners: Arc::default() }
    }
}

impl WireOps for Bus {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        let Some(listener) = lock(&self.listeners).get(subject).map(Arc::clone) else {
            return Pending::ready(Err(Error::not_found(format!("nobody listens on '{subject}'"))));
        };
        let slot = Arc::new(Slot::default());
        let mut place = Place { slot: Arc::clone(&slot), subject: subject.to_owned(), is_told: false };
        let reply = move |answer| {
            place.is_told = true;
            place.slot.put(Ok(answer));
        };
        listener(WireCall { payload, reply: Box::new(reply) });
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let sleep = Sleep::until(self.shared.clock.now().saturating_add(timeout), &self.shared);
        Pending::waiting(Asked { slot, sleep, subject: subject.to_owned() })
    }

    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        let mut listeners = lock(&self.listeners);
        if listeners.contains_key(subject) {
            return Pending::ready(Err(Error::new(ErrorKind::Conflict, format!("'{subject}' has one who listens"))));
        }
        listeners.insert(subject.to_owned(), take);
        let ear = Ear { listeners: Arc::clone(&self.listeners), subject: subject.to_owned() };
        Pending::ready(Ok(Box::new(ear)))
    }
}

/// A place for the answer.
#[derive(Default)]
struct Slot(Mutex<(Option<Answer>, Option<std::task::Waker>)>);

type Answer = Result<Vec<u8>>;

/// Where the answer goes. Whoever goes without one says so.
struct Place {
    slot: Arc<Slot>,
    subject: String,
    is_told: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_told {
            let message = format!("whoever listened on '{}' went away: it may be done, or not", self.subject);
            self.slot.put(Err(Error::new(ErrorKind::Io, message)));
        }
    }
}

impl Slot {
    fn put(&self, answer: Answer) {
        let mut slot = lock(&self.0);
        slot.0 = Some(answer);
        let waker = slot.1.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Asked {
    slot: Arc<Slot>,
    sleep: Sleep,
    subject: String,
}

impl Wait<Vec<u8>> for Asked {
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<Vec<u8>>> {
        use std::future::Future;
        use std::task::Poll;
        let mut slot = lock(&self.slot.0);
        if let Some(answer) = slot.0.take() {
            return Poll::Ready(answer);
        }
        slot.1 = Some(cx.waker().clone());
        drop(slot);
        let late = || Error::new(ErrorKind::Timeout, format!("no answer came on '{}' in time", self.subject));
        std::pin::Pin::new(&mut self.sleep).poll(cx).map(|()| Err(late()))
    }
}

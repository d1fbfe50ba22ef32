//! A watcher of what is joined into a file: it asks for the changes behind the last one that it had, in this process or
//! the node that works on the file, and keeps what came until it is taken.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::call::{DatabaseAnswer, DatabaseCall};
use super::changes::{Page, RowChange};
use super::wakers::Wakers;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;

/// Changes that are asked for at once, at most.
const AT_ONCE: usize = 256;

/// Follows what is joined into a file. Safe to share; each change goes to one taker.
#[derive(Clone)]
pub struct ChangeWatcher(Arc<Watching>);

impl std::fmt::Debug for ChangeWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeWatcher").field("database", &self.0.name).finish_non_exhaustive()
    }
}

struct Watching {
    engine: Engine,
    name: String,
    state: Mutex<State>,
    waiting: Arc<Wakers>,
    waits: AtomicU64,
}

/// A wait, which is over when this is dropped.
struct Waiting {
    watching: Arc<Watching>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.watching.waiting.remove(self.id);
    }
}

#[derive(Default)]
struct State {
    /// The number of the change that is asked for.
    next: u64,
    missed: u64,
    ahead: VecDeque<RowChange>,
    asked: Option<Pending<DatabaseAnswer>>,
    /// What ended it.
    end: Option<Error>,
}

/// The number of who asks by [`ChangeWatcher::poll_ready`]; the last one is woken.
const POLLING: u64 = 0;

impl ChangeWatcher {
    /// What is joined from now on.
    pub(super) fn open(engine: &Engine, name: &str) -> Pending<ChangeWatcher> {
        let (engine, name) = (engine.clone(), name.to_owned());
        let call = DatabaseCall::Watch { name: name.clone(), from: None, max: 0 };
        engine.call_database(call).map(move |answer| {
            let state = Mutex::new(State { next: page_of(answer).next, ..State::default() });
            ChangeWatcher(Arc::new(Watching { engine, name, state, waiting: Arc::default(), waits: AtomicU64::new(0) }))
        })
    }

    /// Waits until there is at least one change, then takes up to `max`, one at the least, in their order.
    pub fn next(&self, max: usize) -> Pending<Vec<RowChange>> {
        let wait = Waiting { watching: Arc::clone(&self.0), id: self.0.waits.fetch_add(1, Ordering::Relaxed) + 1 };
        Pending::of(async move {
            poll_fn(|cx| wait.watching.poll(Some((wait.id, cx.waker()))).map(|ready| Ok(ready?.take(max)))).await
        })
    }

    /// Takes up to `max` changes that are there, one at the least; none is an empty list.
    pub fn try_next(&self, max: usize) -> Result<Vec<RowChange>> {
        match self.0.poll(None) {
            Poll::Ready(ready) => Ok(ready?.take(max)),
            Poll::Pending => Ok(Vec::new()),
        }
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(Some((POLLING, cx.waker()))).map(drop)
    }

    /// How many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept.
    pub fn missed(&self) -> u64 {
        lock(&self.0.state).missed
    }

    /// Ends it: waits return `closed`.
    pub fn close(&self) {
        let mut state = lock(&self.0.state);
        *state = State { missed: state.missed, ..State::default() };
        state.end = Some(Error::new(ErrorKind::Closed, "the watcher is closed"));
        drop(state);
        self.0.waiting.wake_all();
    }
}

impl Watching {
    /// Ready once a change is there to take, or it ended.
    fn poll(&self, who: Option<(u64, &Waker)>) -> Poll<Result<MutexGuard<'_, State>>> {
        let mut state = lock(&self.state);
        loop {
            if !state.ahead.is_empty() {
                return Poll::Ready(Ok(state));
            }
            if let Some(end) = &state.end {
                return Poll::Ready(Err(end.clone()));
            }
            if let Some((id, waker)) = who {
                self.waiting.add(id, waker);
            }
            let from = Some(state.next);
            let mut asked = state.asked.take().unwrap_or_else(|| {
                let call = DatabaseCall::Watch { name: self.name.clone(), from, max: AT_ONCE };
                self.engine.call_database(call)
            });
            let waker = Waker::from(Arc::clone(&self.waiting));
            match Pin::new(&mut asked).poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => {
                    state.asked = Some(asked);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(answer)) => {
                    let page = page_of(answer);
                    state.next = page.next;
                    state.missed += page.missed;
                    state.ahead.extend(page.changes);
                }
                Poll::Ready(Err(error)) => state.end = Some(error),
            }
        }
    }
}

impl State {
    fn take(&mut self, max: usize) -> Vec<RowChange> {
        let count = max.max(1).min(self.ahead.len());
        self.ahead.drain(..count).collect()
    }
}

fn page_of(answer: DatabaseAnswer) -> Page {
    match answer {
        DatabaseAnswer::Changes(page) => page,
        _ => Page::default(),
    }
}

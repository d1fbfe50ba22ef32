//! Where the answer to one request will be: the thread that reads fills it, whoever asked takes it.

use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

/// The place of one answer.
pub(super) struct Slot(Mutex<Answer>);

enum Answer {
    /// What came of it so far, and who waits.
    Due(Vec<u8>, Option<Waker>),
    There(Result<Vec<u8>>),
    Taken,
}

impl Slot {
    pub(super) fn new() -> Self {
        Slot(Mutex::new(Answer::Due(Vec::new(), None)))
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        lock(&self.0)
    }

    /// Adds a part of the answer.
    pub(super) fn add(&self, part: &[u8]) {
        if let Answer::Due(parts, _) = &mut *self.lock() {
            parts.extend_from_slice(part);
        }
    }

    /// It is the answer, behind its parts; returns who waits, to be woken.
    pub(super) fn fill(&self, result: Result<&[u8]>) -> Option<Waker> {
        let mut answer = self.lock();
        let Answer::Due(parts, waker) = &mut *answer else { return None };
        let (mut parts, waker) = (std::mem::take(parts), waker.take());
        *answer = Answer::There(result.map(|last| {
            parts.extend_from_slice(last);
            parts
        }));
        waker
    }

    /// The answer, once; else wakes `cx` when it is there.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<Vec<u8>>> {
        let mut answer = self.lock();
        match &mut *answer {
            Answer::Due(_, waker) => {
                match waker {
                    Some(known) if known.will_wake(cx.waker()) => {}
                    other => *other = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Answer::There(_) => match std::mem::replace(&mut *answer, Answer::Taken) {
                Answer::There(result) => Poll::Ready(result),
                _ => Poll::Pending,
            },
            Answer::Taken => Poll::Ready(Err(Error::new(ErrorKind::Misuse, "the result was taken already"))),
        }
    }
}

//! A write under way: what was submitted, and what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::task::Poll;
use std::time::Duration;

use headwater::{Error, ErrorKind, Pending, Result};

use crate::append::hw_ack;
use crate::crdt_write::hw_int128;
use crate::error::{hw_error, missing};
use crate::gate::Gate;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out, OutStruct};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// A write under way. For one thread at a time.
pub struct hw_ticket {
    pub(crate) root: Arc<Root>,
    state: Mutex<State>,
    gate: Arc<Gate>,
    /// What a write to a counter makes of it, there once the write is done.
    total: Option<Arc<OnceLock<i128>>>,
}

enum State {
    Waiting(Pending<hw_ack>),
    Done(Result<hw_ack>),
}

impl Handle for hw_ticket {
    const NOUN: &'static str = "ticket";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

impl hw_ticket {
    pub(crate) fn new(root: &Arc<Root>, pending: Pending<hw_ack>) -> Self {
        hw_ticket { root: root.clone(), state: Mutex::new(State::Waiting(pending)), gate: Arc::default(), total: None }
    }

    /// One whose write leaves a total too.
    pub(crate) fn counting(root: &Arc<Root>, pending: Pending<hw_ack>, total: Arc<OnceLock<i128>>) -> Self {
        hw_ticket { total: Some(total), ..Self::new(root, pending) }
    }

    /// Runs `body` as the only user of the ticket.
    fn exclusive<T>(&self, body: impl FnOnce(&mut State) -> T) -> Result<T> {
        match self.state.try_lock() {
            Ok(mut state) => Ok(body(&mut state)),
            Err(TryLockError::Poisoned(state)) => Ok(body(&mut state.into_inner())),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the ticket is in use on another thread"))
            }
        }
    }
}

impl State {
    /// Waits for the outcome and keeps it, so that it can be asked for again.
    fn wait(&mut self, timeout_ms: i64) -> Result<hw_ack> {
        let pending = match self {
            State::Done(outcome) => return outcome.clone(),
            State::Waiting(pending) => pending,
        };
        let outcome = match u64::try_from(timeout_ms) {
            Ok(ms) => pending.wait_timeout(Duration::from_millis(ms)),
            Err(_) => std::mem::replace(pending, Pending::ready(Err(taken()))).wait(),
        };
        if timeout_ms < 0 || pending.is_taken() {
            *self = State::Done(outcome.clone());
        }
        outcome
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::Internal, "a panic took the outcome")
}

/// Waits until the write is done, for at most `timeout_ms` milliseconds: 0 looks and does not wait, -1 waits for
/// ever. Once it is done, every call gives the same outcome. `ack` may be NULL.
///
/// Errors:    HW_STATUS_TIMEOUT (not done yet; wait again), HW_STATUS_MISUSE (in use on another thread), and what
///            the write itself came to.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_ticket_wait(
    ticket: *mut hw_ticket,
    timeout_ms: i64,
    ack: *mut hw_ack,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(ticket), error, |ticket| {
        let out = OutStruct::optional(ack)?;
        let ack = ticket.exclusive(|state| state.wait(timeout_ms))??;
        if let Some(out) = out {
            out.set(ack);
        }
        Ok(())
    })
}

/// Arms once: when the write is done, `token` goes to the waker's list. Then hw_ticket_wait with a timeout of 0 has
/// the outcome.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread).
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_ticket_wake(
    ticket: *mut hw_ticket,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(ticket), error, |ticket| {
        let waker = waker.ok_or_else(|| missing("waker"))?.core();
        ticket.exclusive(|state| {
            ticket.gate.arm(waker, token, |cx| {
                let State::Waiting(pending) = state else { return true };
                let Poll::Ready(outcome) = Pin::new(pending).poll(cx) else { return false };
                *state = State::Done(outcome);
                true
            });
        })
    })
}

/// What one operation on a counter made of it, once hw_ticket_wait had its outcome: `*has_total` is false for every
/// other write, and before.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_ticket_total(
    ticket: *mut hw_ticket,
    total: *mut hw_int128,
    has_total: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(ticket), error, |ticket| {
        let (out, has_out) = (Out::required("total", total)?, Out::required("has_total", has_total)?);
        let total = ticket.total.as_ref().and_then(|total| total.get()).copied();
        out.set(total.unwrap_or(0).into());
        has_out.set(total.is_some());
        Ok(())
    })
}

/// Frees it; NULL is nothing. That gives up the wait, not the work.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_ticket_free(ticket: Option<Box<hw_ticket>>) {
    release_handle(ticket);
}

#[cfg(test)]
mod tests {
    use headwater::Engine;

    use super::*;

    #[test]
    fn a_ticket_in_use_on_another_thread_answers_misuse() -> Result<()> {
        let root = Root::new(Engine::memory()?);
        let mut ticket = hw_ticket::new(&root, Pending::ready(Ok(hw_ack::counted(1))));
        let (none, no_ack) = (std::ptr::null_mut(), std::ptr::null_mut());
        let place = &raw mut ticket;
        {
            // What a thread that waits holds.
            let state = raw::exclusive(place).map(|t| t.state.try_lock());
            assert!(state.is_some_and(|s| s.is_ok() && hw_ticket_wait(place, 0, no_ack, none) == hw_status::Misuse));
        }
        assert_eq!(hw_ticket_wait(place, 0, no_ack, none), hw_status::Ok);
        Ok(())
    }
}

//! Asking entities, and the answers that are on their way.

use std::pin::Pin;
use std::sync::{Arc, Mutex, TryLockError};
use std::task::Poll;
use std::time::Duration;

use headwater::entities::{EntityId, RequestOptions};
use headwater::{Error, ErrorKind, Pending, Result};

use crate::bytes::{hw_blob, hw_bytes, hw_str};
use crate::entities::hw_entities;
use crate::error::{hw_error, missing};
use crate::gate::Gate;
use crate::guard::{Guard, Handle, on, release_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// A message to an entity.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_entity_message {
    /// sizeof(hw_entity_message)
    pub struct_size: usize,
    /// The kind of the entity, 1 to 128 bytes.
    pub kind: hw_str,
    /// Its key, 1 to 128 bytes.
    pub key: hw_str,
    /// What is asked or told.
    pub name: hw_str,
    /// In the encoding of whoever sends it.
    pub payload: hw_bytes,
    /// How long the answer to a request is waited for, in milliseconds; 0 is 30,000. What is not begun by then is not
    /// begun.
    pub timeout_ms: u64,
    /// The token of the turn for which a request is made, where `is_within` is not 0. One that would wait for that
    /// entity is refused.
    pub token: u64,
    /// The item of that turn.
    pub item: u32,
    /// Not 0: it is made for an item of a turn.
    pub is_within: u8,
}

versioned!(hw_entity_message);

/// An answer that is on its way. For one thread at a time.
pub struct hw_reply {
    guard: Arc<Guard>,
    state: Mutex<State>,
    gate: Arc<Gate>,
}

enum State {
    Waiting(Pending<Vec<u8>>),
    Done(Result<Vec<u8>>),
}

impl Handle for hw_reply {
    const NOUN: &'static str = "reply";

    fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }
}

impl hw_reply {
    pub(crate) fn new(guard: &Arc<Guard>, pending: Pending<Vec<u8>>) -> Self {
        hw_reply { guard: guard.clone(), state: Mutex::new(State::Waiting(pending)), gate: Arc::default() }
    }

    /// Runs `body` as the only user of the reply.
    fn exclusive<T>(&self, body: impl FnOnce(&mut State) -> T) -> Result<T> {
        match self.state.try_lock() {
            Ok(mut state) => Ok(body(&mut state)),
            Err(TryLockError::Poisoned(state)) => Ok(body(&mut state.into_inner())),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the reply is in use on another thread"))
            }
        }
    }
}

impl State {
    /// Waits for the outcome and keeps it, so that it can be asked for again.
    fn wait(&mut self, timeout_ms: i64) -> Result<Vec<u8>> {
        let pending = match self {
            State::Done(outcome) => return outcome.clone(),
            State::Waiting(pending) => pending,
        };
        let timeout = u64::try_from(timeout_ms).map_or(Duration::MAX, Duration::from_millis);
        let outcome = pending.wait_timeout(timeout);
        if pending.is_taken() {
            *self = State::Done(outcome.clone());
        }
        outcome
    }
}

impl hw_entity_message {
    pub(crate) fn id<'a>(&self) -> Result<EntityId<'a>> {
        Ok(EntityId::new(self.kind.text("kind")?, self.key.text("key")?))
    }
}

/// Asks an entity; the answer comes to `*reply`.
///
/// What it may come to: what its handler answers; HW_STATUS_TIMEOUT when it does not in time; HW_STATUS_LIMIT when too
/// many messages wait for it; HW_STATUS_INVALID for a request that would wait for itself, with the cycle;
/// HW_STATUS_BUSY when no node has it now; HW_STATUS_INTERNAL when its handler breaks.
///
/// Errors:    HW_STATUS_INVALID (a text is not UTF-8, or too long).
/// Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_request(
    entities: Option<&hw_entities>,
    message: *const hw_entity_message,
    reply: *mut *mut hw_reply,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let message = raw::required("message", message)?;
        let out = Out::required("reply", reply)?;
        let options = RequestOptions {
            timeout: Duration::from_millis(message.timeout_ms),
            within: (message.is_within != 0).then_some((message.token, message.item)),
        };
        let (name, payload) = (message.name.text("name")?, message.payload.bytes("payload")?);
        let asked = entities.core().request(message.id()?, name, payload, options);
        out.give(hw_reply::new(entities.guard(), asked));
        Ok(())
    })
}

/// Tells an entity something, and does not wait for it. An empty answer comes to `*reply` when the message is in its
/// mailbox, here or on the node that has it; with `reply` NULL the call waits for that.
///
/// Errors:    as hw_entities_request, as far as they are known then.
/// Ownership: `message` is borrowed for the call; `*reply` is yours, free with hw_reply_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_notify(
    entities: Option<&hw_entities>,
    message: *const hw_entity_message,
    reply: *mut *mut hw_reply,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let message = raw::required("message", message)?;
        let (name, payload) = (message.name.text("name")?, message.payload.bytes("payload")?);
        let told = entities.core().notify(message.id()?, name, payload);
        match Out::optional(reply) {
            Some(out) => out.give(hw_reply::new(entities.guard(), told.map(|()| Vec::new()))),
            None => told.wait()?,
        }
        Ok(())
    })
}

/// Waits for the answer, for at most `timeout_ms` milliseconds: 0 looks and does not wait, -1 waits until the request's
/// own deadline. Once it is there, every call gives the same one. `answer` may be NULL.
///
/// Errors:    HW_STATUS_TIMEOUT (it is not there yet, and may be waited for again; or the request's deadline passed),
///            HW_STATUS_MISUSE (in use on another thread), and what the request came to.
/// Ownership: `*answer` is yours, free with hw_blob_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reply_wait(
    reply: *mut hw_reply,
    timeout_ms: i64,
    answer: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(reply), error, |reply| {
        let answered = reply.exclusive(|state| state.wait(timeout_ms))??;
        if let Some(out) = Out::optional(answer) {
            out.give(hw_blob(answered));
        }
        Ok(())
    })
}

/// Arms once: when the answer is there, `token` goes to the waker's list. Then hw_reply_wait with a timeout of 0 has
/// it.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread).
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reply_wake(
    reply: *mut hw_reply,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(reply), error, |reply| {
        let waker = waker.ok_or_else(|| missing("waker"))?.core();
        reply.exclusive(|state| {
            reply.gate.arm(waker, token, |cx| {
                let State::Waiting(pending) = state else { return true };
                let Poll::Ready(outcome) = Pin::new(pending).poll(cx) else { return false };
                *state = State::Done(outcome);
                true
            });
        })
    })
}

/// Whether the answer is there, or what the request came to instead: then hw_reply_wait with a timeout of 0 has it, and
/// HW_STATUS_TIMEOUT is what it came to.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread).
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reply_is_done(reply: *mut hw_reply, is_done: *mut bool, error: *mut *mut hw_error) -> hw_status {
    on(raw::exclusive(reply), error, |reply| {
        let out = Out::required("is_done", is_done)?;
        let is_there = reply.exclusive(|state| {
            // Looking keeps what is there.
            let _ = state.wait(0);
            matches!(state, State::Done(_))
        })?;
        out.set(is_there);
        Ok(())
    })
}

/// Frees it; NULL is nothing. That gives up the wait, not the message.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reply_free(reply: Option<Box<hw_reply>>) {
    release_handle(reply);
}

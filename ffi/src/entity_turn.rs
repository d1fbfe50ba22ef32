//! Turns: what a program takes to handle, and says of it.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use headwater::entities::{Turn, What};
use headwater::{Error, ErrorKind, Result};

use crate::bytes::{hw_bytes, hw_str, past_end};
use crate::entities::hw_entities;
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, on, release};
use crate::queue;
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What an item of a turn is.
#[repr(i32)]
pub enum hw_turn_what {
    /// A message, in `name` and `payload`.
    Message = 0,
    /// The entity is wanted: make its handler. It is the first item of a turn.
    Start = 1,
    /// A time has come that was set, in `name`.
    Timer = 2,
    /// The handler is not wanted any more: let it go. It is the last item of a turn.
    Stop = 3,
}

/// A turn of one entity: nobody else has one of it until all items are completed, or the lease is over.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_turn {
    /// sizeof(hw_turn), set by the caller.
    pub struct_size: usize,
    /// The kind of the entity.
    pub kind: hw_str,
    /// Its key.
    pub key: hw_str,
    /// What completions name; good for this turn alone.
    pub token: u64,
    /// Which life of the handler this is: another number after each HW_TURN_WHAT_START.
    pub activation: u64,
    /// How many items it has; hw_turns_item has each, to be handled in order.
    pub items_len: usize,
}

/// An item of a turn.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_turn_item {
    /// sizeof(hw_turn_item), set by the caller.
    pub struct_size: usize,
    /// What is asked or told, or the name of the timer.
    pub name: hw_str,
    /// In the encoding of whoever sent it.
    pub payload: hw_bytes,
    /// An hw_turn_what.
    pub what: i32,
    /// How often it was handed out, from 1 on.
    pub attempt: u32,
    /// Not 0: somebody waits for the answer.
    pub wants_reply: u8,
}

/// What an item of a turn came to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_item_answer {
    /// sizeof(hw_item_answer)
    pub struct_size: usize,
    /// The answer, for HW_STATUS_OK.
    pub payload: hw_bytes,
    /// What went wrong, for any other status.
    pub message: hw_str,
    /// The place of the item in the turn.
    pub item: u32,
    /// An hw_status.
    pub status: i32,
}

versioned!(hw_turn, hw_turn_item, hw_item_answer);

/// Turns that were taken together. Immutable.
pub struct hw_turns(Vec<Turn>);

impl hw_turns {
    fn turn(&self, index: usize) -> Result<&Turn> {
        self.0.get(index).ok_or_else(|| past_end("turns", index, self.0.len()))
    }
}

/// The error that a status and a message stand for.
fn error_of(status: i32, message: &str) -> Result<Error> {
    let kind = ErrorKind::ALL.into_iter().find(|kind| *kind as i32 == status);
    let kind = kind.ok_or_else(|| invalid(format!("status is {status}, which is no hw_status of an error")))?;
    Ok(Error::new(kind, message))
}

/// Takes up to `max` turns (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
/// wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED.
/// Ownership: `*turns` is yours, free with hw_turns_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_next(
    entities: Option<&hw_entities>,
    max: usize,
    timeout_ms: i64,
    turns: *mut *mut hw_turns,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(entities, max, timeout_ms, Out::required("turns", turns), error, hw_turns)
}

/// Arms once: when there is a turn to take, or they are closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_wake(
    entities: Option<&hw_entities>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(entities, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_entities_next now: they return HW_STATUS_TIMEOUT.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_cancel(entities: Option<&hw_entities>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(entities, error)
}

/// How many turns it holds; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_turns_len(turns: Option<&hw_turns>) -> usize {
    turns.map_or(0, |turns| turns.0.len())
}

/// The turn at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `turn->struct_size` is not set).
/// Ownership: texts are borrowed until the turns are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_turns_get(
    turns: Option<&hw_turns>,
    index: usize,
    turn: *mut hw_turn,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let out = OutStruct::required("turn", turn)?;
        let turn = turns.ok_or_else(|| missing("turns"))?.turn(index)?;
        out.set(hw_turn {
            struct_size: 0,
            kind: hw_str::of(turn.id().kind),
            key: hw_str::of(turn.id().key),
            token: turn.token,
            activation: turn.activation,
            items_len: turn.items.len(),
        });
        Ok(())
    })
}

/// The item `place` of the turn at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `item->struct_size` is not set).
/// Ownership: texts and bytes are borrowed until the turns are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_turns_item(
    turns: Option<&hw_turns>,
    index: usize,
    place: usize,
    item: *mut hw_turn_item,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let out = OutStruct::required("item", item)?;
        let items = &turns.ok_or_else(|| missing("turns"))?.turn(index)?.items;
        let item = items.get(place).ok_or_else(|| past_end("items", place, items.len()))?;
        let (what, name, payload, wants_reply) = match &item.what {
            What::Start => (hw_turn_what::Start, "", &[][..], false),
            What::Message { name, payload, wants_reply } => (hw_turn_what::Message, &**name, &**payload, *wants_reply),
            What::Timer { name } => (hw_turn_what::Timer, &**name, &[][..], false),
            What::Stop => (hw_turn_what::Stop, "", &[][..], false),
        };
        out.set(hw_turn_item {
            struct_size: 0,
            name: hw_str::of(name),
            payload: hw_bytes::of(payload),
            what: what as i32,
            attempt: item.attempt,
            wants_reply: u8::from(wants_reply),
        });
        Ok(())
    })
}

/// Frees them; NULL is nothing. Their tokens stay good.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_turns_free(turns: Option<Box<hw_turns>>) {
    release(turns);
}

/// Says what items of a turn came to, each an answer or an error that goes to whoever asked. When all are told, the
/// turn is over. A start that failed ends its turn: what is behind it is settled.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over, or an item was told: those before it are taken), HW_STATUS_INVALID.
/// Ownership: `answers` is borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_complete(
    entities: Option<&hw_entities>,
    token: u64,
    answers: *const hw_item_answer,
    answers_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let answer = |answer: hw_item_answer| {
            let outcome = match answer.status {
                0 => Ok(answer.payload.bytes("payload")?.to_vec()),
                status => Err(error_of(status, answer.message.text("message")?)?),
            };
            Ok((answer.item, outcome))
        };
        let answers = raw::versioned_array("answers", answers, answers_len)?.into_iter().map(answer);
        entities.core().complete(token, answers.collect::<Result<Vec<_>>>()?)
    })
}

/// Says that the handler broke at an item: whoever asked gets HW_STATUS_INTERNAL with `why`, what is behind it waits,
/// and the handler is begun anew after a pause.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over).
/// Ownership: `why` is borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_crash(
    entities: Option<&hw_entities>,
    token: u64,
    item: u32,
    why: *const c_char,
    why_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let broken = Error::new(ErrorKind::Internal, raw::text("why", why, why_len)?);
        entities.core().crash(token, item, &broken)
    })
}

/// Gives a turn back that nobody goes on with, as whoever handles it ends: what is not told waits for whoever takes it
/// next, and the handler is begun anew.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_give_back(
    entities: Option<&hw_entities>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| entities.core().give_back(token))
}

/// Whether a turn is out still: not all of it is told, and its lease is not over.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_is_out(
    entities: Option<&hw_entities>,
    token: u64,
    is_out: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        Out::required("is_out", is_out)?.set(entities.core().is_out(token));
        Ok(())
    })
}

/// Sets a timer of the entity whose turn it is, in the place of one of the same name: it rings `after_ms` milliseconds
/// from now, and then every `every_ms`, or once when that is 0. It ends with its handler.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_set_timer(
    entities: Option<&hw_entities>,
    token: u64,
    name: *const c_char,
    name_len: usize,
    after_ms: u64,
    every_ms: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let (after, every) = (Duration::from_millis(after_ms), Duration::from_millis(every_ms));
        entities.core().set_timer(token, raw::text("name", name, name_len)?, after, every)
    })
}

/// Takes a timer back. `*was_set`, when not NULL, says whether there was one of this name.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_cancel_timer(
    entities: Option<&hw_entities>,
    token: u64,
    name: *const c_char,
    name_len: usize,
    was_set: *mut u8,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let was = entities.core().cancel_timer(token, raw::text("name", name, name_len)?)?;
        if let Some(out) = Out::optional(was_set) {
            out.set(u8::from(was));
        }
        Ok(())
    })
}

/// Says how many bytes the handler holds whose turn it is, from now on until it says otherwise or ends: what `memory`
/// of hw_entities_config limits.
///
/// Errors:    HW_STATUS_MISUSE (the turn is over).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_holds(
    entities: Option<&hw_entities>,
    token: u64,
    bytes: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| entities.core().holds(token, bytes))
}

/// Counts a background task of the entity whose turn it is, and names it. It keeps its handler alive, and is void when
/// that ends.
///
/// Errors:    HW_STATUS_LIMIT (as many are under way as may be), HW_STATUS_MISUSE (the turn is over).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_begin_task(
    entities: Option<&hw_entities>,
    token: u64,
    task: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let out = Out::required("task", task)?;
        out.set(entities.core().begin_task(token)?);
        Ok(())
    })
}

/// Says that a background task is done: what it leaves goes to its handler as a message that nobody waits for; none
/// where `name` is NULL.
///
/// Errors:    HW_STATUS_MISUSE (it is over: it was ended, or its handler was).
/// Ownership: `name` and `payload` are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_end_task(
    entities: Option<&hw_entities>,
    task: u64,
    name: *const c_char,
    name_len: usize,
    payload: *const c_void,
    payload_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        let payload = raw::bytes("payload", payload, payload_len)?;
        let message = if name.is_null() { None } else { Some((raw::text("name", name, name_len)?, payload)) };
        entities.core().end_task(task, message)
    })
}

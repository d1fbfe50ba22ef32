//! Turns of live entities: taken many at once and packed, and what their items came to. `lib/entity_server.js` is the
//! other side.
//!
//! Tokens cross as two halves of 32 bits, and activations and tasks, which are counted from 1 on, as floats.

use headwater::entities::{Entities, Turn, What};
use headwater::{Error, ErrorKind};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::entities::token_of;
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::pack::{Reader, Writer};
use crate::values::{Text, millis, u64_of};

const START: u32 = 0;
const MESSAGE: u32 = 1;
const TIMER: u32 = 2;
const STOP: u32 = 3;

const ANSWERED: u32 = 0;
const REFUSED: u32 = 1;
const BROKE: u32 = 2;

fn put(out: &mut Writer, turn: &Turn) {
    out.text(turn.id().kind);
    out.text(turn.id().key);
    out.u32(turn.token as u32);
    out.u32((turn.token >> 32) as u32);
    out.f64(turn.activation as f64);
    out.u32(turn.items.len() as u32);
    for item in &turn.items {
        match &item.what {
            What::Start => out.u32(START),
            What::Stop => out.u32(STOP),
            What::Timer { name } => {
                out.u32(TIMER);
                out.text(name);
            }
            What::Message { name, payload, wants_reply } => {
                out.u32(MESSAGE);
                out.text(name);
                out.bytes(payload);
                out.u32((*wants_reply).into());
                out.u32(item.attempt);
            }
        }
    }
}

/// Waits for a turn, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn entities_next(env: Env, entities: u32, max: u32) -> Result<Raw> {
    Entities::with(entities, |entities, hub| {
        let more = entities.clone();
        let taken = entities.next().map(move |first| {
            let mut turns = vec![first];
            while turns.len() < max as usize
                && let Ok(Some(turn)) = more.try_next()
            {
                turns.push(turn);
            }
            let mut out = Writer::default();
            out.u32(turns.len() as u32);
            for turn in &turns {
                put(&mut out, turn);
            }
            Answer::Bytes(out.finish())
        });
        hub.settle(env, taken)
    })
}

/// What an item came to, as it was packed.
struct Told {
    token: u64,
    item: u32,
    outcome: headwater::Result<Vec<u8>>,
    is_broken: bool,
}

fn told(reader: &mut Reader<'_>) -> Result<Told> {
    let token = token_of(reader.u32()?, reader.u32()?);
    let (item, how) = (reader.u32()?, reader.u32()?);
    let outcome = match how {
        ANSWERED => {
            let len = reader.u32()? as usize;
            Ok(reader.raw(len)?.to_vec())
        }
        REFUSED => {
            let name = reader.text()?;
            let kind = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(ErrorKind::Internal);
            Err(Error::new(kind, reader.text()?))
        }
        BROKE => Err(Error::new(ErrorKind::Internal, reader.text()?)),
        _ => return Err(invalid("an item came to nothing that is known")),
    };
    Ok(Told { token, item, outcome, is_broken: how == BROKE })
}

/// Says what `count` packed items came to; the places of those whose turns are over, if there are any.
#[napi(catch_unwind)]
pub fn entities_complete(entities: u32, packed: &[u8], count: u32) -> Result<Option<Vec<u32>>> {
    let mut reader = Reader::new(packed);
    let all = (0..count).map(|_| told(&mut reader)).collect::<Result<Vec<_>>>()?;
    Entities::with(entities, |entities, hub| {
        hub.hush();
        let mut over = Vec::new();
        let mut all = (0..).zip(all).peekable();
        while let Some((place, first)) = all.next() {
            let token = first.token;
            let is_over = if let (true, Err(error)) = (first.is_broken, &first.outcome) {
                entities.crash(token, first.item, error).is_err()
            } else {
                // Those of one turn that were answered together are told together.
                let mut answers = vec![(first.item, first.outcome)];
                while let Some((_, next)) = all.next_if(|(_, next)| next.token == token && !next.is_broken) {
                    answers.push((next.item, next.outcome));
                }
                entities.complete(token, answers).is_err()
            };
            over.extend(is_over.then_some(place));
        }
        Ok(Some(over).filter(|over| !over.is_empty()))
    })
}

/// Sets a timer of the entity whose turn it is.
#[napi(catch_unwind)]
pub fn entities_set_timer(entities: u32, low: u32, high: u32, name: Text, after_ms: f64, every_ms: f64) -> Result<()> {
    let (after, every) = (millis("afterMs", after_ms)?, millis("everyMs", every_ms)?);
    Entities::with(entities, |entities, _| {
        entities.set_timer(token_of(low, high), name.as_str(), after, every).map_err(fault)
    })
}

/// Takes a timer back.
#[napi(catch_unwind)]
pub fn entities_cancel_timer(entities: u32, low: u32, high: u32, name: Text) -> Result<bool> {
    Entities::with(entities, |entities, _| entities.cancel_timer(token_of(low, high), name.as_str()).map_err(fault))
}

/// Says how many bytes the handler holds whose turn it is.
#[napi(catch_unwind)]
pub fn entities_holds(entities: u32, low: u32, high: u32, bytes: BigInt) -> Result<()> {
    let bytes = u64_of("bytes", &bytes)?;
    Entities::with(entities, |entities, _| entities.holds(token_of(low, high), bytes).map_err(fault))
}

/// Counts a background task of the entity whose turn it is, and names it.
#[napi(catch_unwind)]
pub fn entities_begin_task(entities: u32, low: u32, high: u32) -> Result<f64> {
    Entities::with(entities, |entities, _| Ok(entities.begin_task(token_of(low, high)).map_err(fault)? as f64))
}

/// Says that a background task is done, and left a message where it has a name; false when it was over.
#[napi(catch_unwind)]
pub fn entities_end_task(entities: u32, task: f64, name: Option<String>, payload: &[u8]) -> Result<bool> {
    Entities::with(entities, |entities, hub| {
        hub.hush();
        let message = name.as_deref().map(|name| (name, payload));
        Ok(entities.end_task(task as u64, message).is_ok())
    })
}

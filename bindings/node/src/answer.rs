//! What a call came to, on its way to JavaScript.
//!
//! Acknowledgements and short packed bytes go into the shared slots, which cost no JavaScript value; everything else
//! becomes one.

use std::rc::Rc;

use headwater::{Ack, Durability};
use napi::bindgen_prelude::{Buffer, ToNapiValue};
use napi::{Env, sys};

use crate::error::Result;
use crate::handles::Held;
use crate::hub::{Hub, SLOT_COUNT, SLOT_DUPLICATE, SLOT_DURABILITY, SLOT_SEQ};

type Make = Box<dyn FnOnce(Env, &Rc<Hub>) -> Result<Raw> + Send>;

/// The outcome of an operation, before it is a JavaScript value.
pub(crate) enum Answer {
    /// Nothing but success: `null`.
    Done,
    /// In the slots, and `true`.
    Ack(Ack),
    /// A boolean.
    Flag(bool),
    /// A bigint.
    Count(u64),
    /// Packed bytes: in the room after the slots, and how many; a Buffer when they are too many.
    Bytes(Vec<u8>),
    /// Whatever the function makes on the thread of the environment.
    Make(Make),
}

impl Answer {
    /// A handle, by its number.
    pub(crate) fn handle<T: Held + Send>(value: T) -> Answer {
        Answer::Make(Box::new(move |env, hub| Raw::of(env, value.hold(hub))))
    }

    /// A value that converts by itself.
    pub(crate) fn value<T: ToNapiValue + Send + 'static>(value: T) -> Answer {
        Answer::Make(Box::new(move |env, _| Raw::of(env, value)))
    }

    pub(crate) fn into_js(self, env: Env, hub: &Rc<Hub>) -> Result<Raw> {
        match self {
            Answer::Done => Raw::of(env, napi::bindgen_prelude::Null),
            Answer::Ack(ack) => {
                hub.put_slot(SLOT_SEQ, ack.seq as u32);
                hub.put_slot(SLOT_SEQ + 1, (ack.seq >> 32) as u32);
                hub.put_slot(SLOT_COUNT, ack.count);
                hub.put_slot(SLOT_DUPLICATE, ack.duplicate.into());
                hub.put_slot(SLOT_DURABILITY, durability_number(ack.durability));
                Raw::of(env, true)
            }
            Answer::Flag(flag) => Raw::of(env, flag),
            Answer::Count(count) => Raw::of(env, count),
            Answer::Bytes(bytes) if hub.put_bytes(&bytes) => Raw::of(env, bytes.len() as u32),
            Answer::Bytes(bytes) => Raw::of(env, Buffer::from(bytes)),
            Answer::Make(make) => make(env, hub),
        }
    }
}

fn durability_number(durability: Durability) -> u32 {
    match durability {
        Durability::Fsync => 0,
        Durability::Interval => 1,
        Durability::Os => 2,
        Durability::Unknown => 3,
    }
}

/// A JavaScript value, made already.
pub struct Raw(sys::napi_value);

impl Raw {
    /// `value` as a JavaScript value.
    pub(crate) fn of<T: ToNapiValue>(env: Env, value: T) -> Result<Raw> {
        // SAFETY: `env` is the environment of the call that is being answered.
        unsafe { T::to_napi_value(env.raw(), value) }.map(Raw)
    }

    /// The answer of a call that has none yet.
    pub(crate) fn undefined(env: Env) -> Result<Raw> {
        Raw::of(env, ())
    }
}

impl ToNapiValue for Raw {
    unsafe fn to_napi_value(_: sys::napi_env, value: Self) -> napi::Result<sys::napi_value> {
        Ok(value.0)
    }
}

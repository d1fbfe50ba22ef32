//! The subscription: a place in a stream that moves as records are taken.

use headwater::Subscription;
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::records::pack;

/// Waits for records, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn subscription_next(env: Env, subscription: u32, max: u32) -> Result<Raw> {
    Subscription::with(subscription, |subscription, hub| {
        hub.settle(env, subscription.next(max as usize).map(|batch| Answer::Bytes(pack(&batch))))
    })
}

/// Takes up to `max` records that are there, packed.
#[napi(catch_unwind)]
pub fn subscription_try_next(env: Env, subscription: u32, max: u32) -> Result<Raw> {
    Subscription::with(subscription, |subscription, hub| {
        let batch = subscription.try_next(max as usize).map_err(fault)?;
        Answer::Bytes(pack(&batch)).into_js(env, hub)
    })
}

/// The sequence that comes next at the earliest.
#[napi(catch_unwind)]
pub fn subscription_position(subscription: u32) -> Result<u64> {
    Subscription::with(subscription, |subscription, _| Ok(subscription.position()))
}

/// How many records limits removed before this subscription came to read them.
#[napi(catch_unwind)]
pub fn subscription_missed(subscription: u32) -> Result<u64> {
    Subscription::with(subscription, |subscription, _| Ok(subscription.missed()))
}

/// How many sequences the stream is ahead.
#[napi(catch_unwind)]
pub fn subscription_lag(subscription: u32) -> Result<u64> {
    Subscription::with(subscription, |subscription, _| Ok(subscription.lag()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn subscription_close(subscription: u32) -> Result<()> {
    Subscription::with(subscription, |subscription, _| {
        subscription.close();
        Ok(())
    })
}

//! The consumer: durable deliveries, each to be acknowledged.

use headwater::Consumer;
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::ConsumerDescription;
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::records::pack;
use crate::values::{millis, u64_of};

/// Its name.
#[napi(catch_unwind)]
pub fn consumer_name(consumer: u32) -> Result<String> {
    Consumer::with(consumer, |consumer, _| Ok(consumer.name().to_owned()))
}

/// Where it stands.
#[napi(catch_unwind)]
pub fn consumer_info(env: Env, consumer: u32) -> Result<Raw> {
    let describe = |info| Answer::value(ConsumerDescription::from(info));
    Consumer::with(consumer, |consumer, hub| hub.settle(env, consumer.info().map(describe)))
}

/// Waits for records to deliver, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn consumer_next(env: Env, consumer: u32, max: u32) -> Result<Raw> {
    Consumer::with(consumer, |consumer, hub| {
        hub.settle(env, consumer.next(max as usize).map(|batch| Answer::Bytes(pack(&batch))))
    })
}

/// Takes up to `max` records that can be delivered now, packed.
#[napi(catch_unwind)]
pub fn consumer_try_next(env: Env, consumer: u32, max: u32) -> Result<Raw> {
    Consumer::with(consumer, |consumer, hub| {
        let batch = consumer.try_next(max as usize).map_err(fault)?;
        Answer::Bytes(pack(&batch)).into_js(env, hub)
    })
}

fn sequences(seqs: &[BigInt]) -> Result<Vec<u64>> {
    seqs.iter().map(|seq| u64_of("seq", seq)).collect()
}

/// Done with these sequences; returns how many were pending.
#[napi(catch_unwind)]
pub fn consumer_ack(consumer: u32, seqs: Vec<BigInt>) -> Result<u32> {
    let seqs = sequences(&seqs)?;
    Consumer::with(consumer, |consumer, _| Ok(consumer.ack(&seqs).map_err(fault)? as u32))
}

/// As [`consumer_ack`], and done when that is on disk.
#[napi(catch_unwind)]
pub fn consumer_ack_durable(env: Env, consumer: u32, seqs: Vec<BigInt>) -> Result<Raw> {
    let seqs = sequences(&seqs)?;
    Consumer::with(consumer, |consumer, hub| {
        hub.settle(env, consumer.ack_sync(&seqs).map(|count| Answer::Count(count as u64)))
    })
}

/// Not done: deliver it again after so many milliseconds.
#[napi(catch_unwind)]
pub fn consumer_nak(consumer: u32, seq: BigInt, delay_ms: f64) -> Result<()> {
    let (seq, delay) = (u64_of("seq", &seq)?, millis("delayMs", delay_ms)?);
    Consumer::with(consumer, |consumer, _| consumer.nak(seq, delay).map_err(fault))
}

/// Still at it.
#[napi(catch_unwind)]
pub fn consumer_in_progress(consumer: u32, seq: BigInt) -> Result<()> {
    let seq = u64_of("seq", &seq)?;
    Consumer::with(consumer, |consumer, _| consumer.in_progress(seq).map_err(fault))
}

/// Never deliver it again.
#[napi(catch_unwind)]
pub fn consumer_term(consumer: u32, seq: BigInt) -> Result<()> {
    let seq = u64_of("seq", &seq)?;
    Consumer::with(consumer, |consumer, _| consumer.term(seq).map_err(fault))
}

//! The stream: appending, reading, removing, and what hangs on it.
//!
//! [`stream_append`] is the hot call: a handle, a subject and the caller's own bytes go in, an acknowledgement comes
//! out in the slots.

use std::rc::Rc;
use std::time::Duration;

use headwater::{
    Ack, Append, Batch, ConsumerInfo, Pending, PurgeOptions, ReadOptions, Record, Start, Stream, SubscribeOptions,
};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{ConsumerDescription, ConsumerOptions, StreamDescription, StreamOptions, deliver_policy};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::hub::Hub;
use crate::pack::Writer;
use crate::records::{pack, pack_record, unpack};
use crate::values::{Text, i64_of, millis, u64_of};

/// Appends one record without options.
#[napi(catch_unwind)]
pub fn stream_append(env: Env, stream: u32, subject: Text, payload: &[u8]) -> Result<Raw> {
    Stream::with(stream, |stream, hub| {
        hub.settle(env, stream.append(&Append::new(subject.as_str(), payload)).map(Answer::Ack))
    })
}

/// Appends one record without options, and waits for the acknowledgement.
#[napi(catch_unwind)]
pub fn stream_append_sync(env: Env, stream: u32, subject: Text, payload: &[u8]) -> Result<Raw> {
    Stream::with(stream, |stream, hub| {
        let pending = stream.append(&Append::new(subject.as_str(), payload));
        finish(env, hub, pending.map(Answer::Ack), None)
    })
}

/// Appends the records that `packed` holds: all or nothing, or the one with its conditions.
#[napi(catch_unwind)]
pub fn stream_append_packed(env: Env, stream: u32, packed: &[u8], count: u32, batch: bool) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, append_packed(stream, packed, count, batch)?.map(Answer::Ack)))
}

/// As [`stream_append_packed`], and waits for the acknowledgement.
#[napi(catch_unwind)]
pub fn stream_append_packed_sync(
    env: Env,
    stream: u32,
    packed: &[u8],
    count: u32,
    batch: bool,
    timeout_ms: Option<f64>,
) -> Result<Raw> {
    let timeout = timeout_ms.map(|ms| millis("timeoutMs", ms)).transpose()?;
    Stream::with(stream, |stream, hub| {
        let pending = append_packed(stream, packed, count, batch)?;
        finish(env, hub, pending.map(Answer::Ack), timeout)
    })
}

fn append_packed(stream: &Stream, packed: &[u8], count: u32, batch: bool) -> Result<Pending<Ack>> {
    let appends = unpack(packed, count)?;
    Ok(match appends.as_slice() {
        [append] if !batch => stream.append(append),
        appends => stream.append_batch(appends),
    })
}

/// The answer of a call that blocks until it has one.
fn finish(env: Env, hub: &Rc<Hub>, mut pending: Pending<Answer>, timeout: Option<Duration>) -> Result<Raw> {
    let answer = match timeout {
        None => pending.wait(),
        Some(timeout) => pending.wait_timeout(timeout),
    };
    answer.map_err(fault)?.into_js(env, hub)
}

/// The name of a stream.
#[napi(catch_unwind)]
pub fn stream_name(stream: u32) -> Result<String> {
    Stream::with(stream, |stream, _| Ok(stream.name().to_owned()))
}

/// The configuration of a stream.
#[napi(catch_unwind)]
pub fn stream_config(stream: u32) -> Result<StreamOptions> {
    Stream::with(stream, |stream, _| Ok(StreamOptions::from_core(stream.config())))
}

/// What a stream is and holds.
#[napi(catch_unwind)]
pub fn stream_info(env: Env, stream: u32) -> Result<Raw> {
    let describe = |info| Answer::value(StreamDescription::from(info));
    Stream::with(stream, |stream, hub| hub.settle(env, stream.info().map(describe)))
}

fn one(record: Option<Record>) -> Answer {
    record.map_or(Answer::Done, |r| Answer::Bytes(pack_record(&r)))
}

fn many(batch: &Batch) -> Answer {
    Answer::Bytes(pack(batch))
}

/// The record with this sequence, packed; `null` when there is none.
#[napi(catch_unwind)]
pub fn stream_get(env: Env, stream: u32, seq: BigInt) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    Stream::with(stream, |stream, hub| hub.settle(env, stream.get(seq).map(one)))
}

/// As [`stream_get`], and waits for it.
#[napi(catch_unwind)]
pub fn stream_get_sync(env: Env, stream: u32, seq: BigInt) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    Stream::with(stream, |stream, hub| finish(env, hub, stream.get(seq).map(one), None))
}

/// The newest record that the filter takes, packed; `null` when there is none.
#[napi(catch_unwind)]
pub fn stream_last(env: Env, stream: u32, filter: Text) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, stream.last(filter.as_str()).map(one)))
}

/// As [`stream_last`], and waits for it.
#[napi(catch_unwind)]
pub fn stream_last_sync(env: Env, stream: u32, filter: Text) -> Result<Raw> {
    Stream::with(stream, |stream, hub| finish(env, hub, stream.last(filter.as_str()).map(one), None))
}

fn last_many(stream: &Stream, filters: &[String], after: &BigInt, max: u32) -> Result<Pending<Answer>> {
    let after = u64_of("after", after)?;
    let filters = filters.iter().map(String::as_str).collect::<Vec<_>>();
    Ok(stream.last_many(&filters, after, max as usize).map(|batch| many(&batch)))
}

/// The newest record of every subject, packed.
#[napi(catch_unwind)]
pub fn stream_last_many(env: Env, stream: u32, filters: Vec<String>, after: BigInt, max: u32) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, last_many(stream, &filters, &after, max)?))
}

/// As [`stream_last_many`], and waits for it.
#[napi(catch_unwind)]
pub fn stream_last_many_sync(env: Env, stream: u32, filters: Vec<String>, after: BigInt, max: u32) -> Result<Raw> {
    Stream::with(stream, |stream, hub| finish(env, hub, last_many(stream, &filters, &after, max)?, None))
}

/// The last sequence among all subjects that the filter takes.
#[napi(catch_unwind)]
pub fn stream_last_seq(env: Env, stream: u32, filter: Text) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, stream.last_seq(filter.as_str()).map(Answer::Count)))
}

fn pack_subjects(subjects: Vec<(String, u64)>) -> Answer {
    let mut out = Writer::default();
    out.u32(subjects.len() as u32);
    for (subject, count) in &subjects {
        out.text(subject);
        out.u64(*count);
    }
    Answer::Bytes(out.finish())
}

/// The subjects that have a record, with how many, packed.
#[napi(catch_unwind)]
pub fn stream_subjects(env: Env, stream: u32, filter: String, after: String, max: u32) -> Result<Raw> {
    Stream::with(stream, |stream, hub| {
        hub.settle(env, stream.subjects(&filter, &after, max as usize).map(pack_subjects))
    })
}

/// Which records to read.
#[napi(object, object_to_js = false)]
pub struct ReadRequest {
    pub filters: Option<Vec<String>>,
    pub from_seq: Option<BigInt>,
    pub from_time: Option<BigInt>,
    pub until: Option<BigInt>,
    pub event_from: Option<BigInt>,
    pub event_to: Option<BigInt>,
    pub backward: Option<bool>,
    pub max_records: Option<u32>,
    pub max_bytes: Option<u32>,
}

impl ReadRequest {
    fn into_core(self) -> Result<ReadOptions> {
        let seq = self.from_seq.map(|n| u64_of("fromSeq", &n)).transpose()?;
        let time = self.from_time.map(|n| u64_of("fromTime", &n)).transpose()?;
        let from = self.event_from.map(|n| i64_of("eventFrom", &n)).transpose()?;
        let to = self.event_to.map(|n| i64_of("eventTo", &n)).transpose()?;
        let bounded = from.is_some() || to.is_some();
        Ok(ReadOptions {
            filters: self.filters.unwrap_or_default(),
            start: seq.map(Start::Seq).or(time.map(Start::Time)),
            until: self.until.map(|n| u64_of("until", &n)).transpose()?,
            event_range: bounded.then_some((from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))),
            backward: self.backward.unwrap_or_default(),
            max_records: self.max_records.unwrap_or_default() as usize,
            max_bytes: self.max_bytes.unwrap_or_default() as usize,
        })
    }
}

/// Reads records, packed.
#[napi(catch_unwind)]
pub fn stream_read(env: Env, stream: u32, request: ReadRequest) -> Result<Raw> {
    let options = request.into_core()?;
    Stream::with(stream, |stream, hub| hub.settle(env, stream.read(&options).map(|batch| many(&batch))))
}

/// As [`stream_read`], and waits for it.
#[napi(catch_unwind)]
pub fn stream_read_sync(env: Env, stream: u32, request: ReadRequest) -> Result<Raw> {
    let options = request.into_core()?;
    Stream::with(stream, |stream, hub| finish(env, hub, stream.read(&options).map(|batch| many(&batch)), None))
}

/// What to subscribe to.
#[napi(object, object_to_js = false)]
pub struct SubscribeRequest {
    pub filters: Option<Vec<String>>,
    pub deliver_policy: Option<String>,
    pub start_seq: Option<BigInt>,
    pub start_time: Option<BigInt>,
}

/// History, then live. Where the records are local it is there at once.
#[napi(catch_unwind)]
pub fn stream_subscribe(env: Env, stream: u32, request: SubscribeRequest) -> Result<Raw> {
    let policy =
        deliver_policy(request.deliver_policy.as_deref(), request.start_seq.as_ref(), request.start_time.as_ref())?;
    let options = SubscribeOptions { filters: request.filters.unwrap_or_default(), deliver_policy: policy };
    Stream::with(stream, |stream, hub| hub.settle(env, stream.subscribe(options).map(Answer::handle)))
}

/// Makes a durable consumer.
#[napi(catch_unwind)]
pub fn stream_create_consumer(env: Env, stream: u32, options: ConsumerOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Stream::with(stream, |stream, hub| hub.settle(env, stream.create_consumer(config).map(Answer::handle)))
}

/// The consumer of this name.
#[napi(catch_unwind)]
pub fn stream_consumer(env: Env, stream: u32, name: String) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, stream.consumer(&name).map(Answer::handle)))
}

/// Removes a consumer.
#[napi(catch_unwind)]
pub fn stream_delete_consumer(env: Env, stream: u32, name: String) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, stream.delete_consumer(&name).map(|()| Answer::Done)))
}

/// All consumers.
#[napi(catch_unwind)]
pub fn stream_consumers(env: Env, stream: u32) -> Result<Raw> {
    let describe =
        |infos: Vec<ConsumerInfo>| Answer::value(infos.into_iter().map(ConsumerDescription::from).collect::<Vec<_>>());
    Stream::with(stream, |stream, hub| hub.settle(env, stream.consumers().map(describe)))
}

/// Removes one record.
#[napi(catch_unwind)]
pub fn stream_delete(env: Env, stream: u32, seq: BigInt) -> Result<Raw> {
    let seq = u64_of("seq", &seq)?;
    Stream::with(stream, |stream, hub| hub.settle(env, stream.delete(seq).map(Answer::Flag)))
}

/// Removes records.
#[napi(catch_unwind)]
pub fn stream_purge(
    env: Env,
    stream: u32,
    filter: Option<String>,
    before_seq: Option<BigInt>,
    keep: Option<BigInt>,
) -> Result<Raw> {
    let options = PurgeOptions {
        filter,
        before_seq: before_seq.map(|n| u64_of("beforeSeq", &n)).transpose()?,
        keep: keep.map(|n| u64_of("keep", &n)).transpose()?.unwrap_or_default(),
    };
    Stream::with(stream, |stream, hub| hub.settle(env, stream.purge(&options).map(Answer::Count)))
}

/// Done when everything appended so far is on disk.
#[napi(catch_unwind)]
pub fn stream_sync(env: Env, stream: u32) -> Result<Raw> {
    Stream::with(stream, |stream, hub| hub.settle(env, stream.sync().map(|()| Answer::Done)))
}

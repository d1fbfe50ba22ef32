//! What carries a store between peers asks this of it: what it has applied, what was written here, and keys in full
//! with their digests.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::stream::options::ReadOptions;

use super::super::collect::Collected;
use super::super::context::Context;
#[cfg(test)]
use super::super::kind::Kind;
use super::CrdtStore;
use super::take::{HEADER_FOLLOWS, Name, RECORDS_AT_ONCE};

/// Deltas that were written here.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Their bytes, in the order of the log.
    pub(crate) fragments: Vec<Vec<u8>>,
    /// The last record of the log that was looked at.
    pub(crate) upto: u64,
}

impl CrdtStore {
    /// Ready when the log has what this handle has not read; else wakes `cx` then.
    pub(crate) fn poll_grown(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        self.0.subscription.poll_ready(cx)
    }

    /// 64 random bits of the engine's.
    pub(crate) fn random(&self) -> u64 {
        self.0.log.engine.clock().random()
    }

    /// The record of the log before the last ones: so many at the most, and so many bytes, but one record.
    pub(crate) fn before_the_last(&self, records_max: usize, bytes_max: usize) -> Result<u64> {
        if records_max == 0 {
            return self.log_end();
        }
        let log = &self.0.log;
        let mut options = ReadOptions::default().filter(log.filter()).backward().max_records(records_max);
        options.max_bytes = bytes_max;
        let first = log.stream.read(&options).wait()?.iter().last().map(|record| record.seq - 1);
        first.map_or_else(|| self.log_end(), Ok)
    }

    /// Deltas that handles of this engine wrote behind a record of the log, up to about `bytes_max`.
    pub(crate) fn made_after(&self, after: u64, bytes_max: usize) -> Result<Made> {
        let log = &self.0.log;
        let mut options = ReadOptions::default().filter(log.filter()).from_seq(after + 1).max_records(RECORDS_AT_ONCE);
        options.max_bytes = bytes_max;
        let batch = log.stream.read(&options).wait()?;
        let mut made = Made { upto: after, ..Made::default() };
        for record in batch.iter() {
            made.upto = record.seq;
            let is_own = log.actor(record.subject).is_some_and(|actor| actor.engine == log.engine.id());
            // What is true of this log alone is nobody else's.
            if is_own && record.header(HEADER_FOLLOWS).is_none() {
                made.fragments.push(record.payload.to_vec());
            }
        }
        Ok(made)
    }

    /// Drops what is dead and stable, where every other replica has applied what `context` has, but for engines that
    /// are away; nothing while this one lacks some of what they had when they said so. Removals that win are done away
    /// with by an operation, which is in the log when it returns.
    pub(crate) fn collect(&self, context: &Context, heard: &Context, away: &BTreeSet<u64>) -> Result<Collected> {
        let mut collected = Collected::default();
        let appended = self.append(0, |replica, now_ms| {
            if replica.context().covers(heard) {
                collected = replica.stable_within(context, away, now_ms);
            }
            Ok((replica.take_delta().map(|delta| delta.encode()), None))
        });
        appended.wait()?;
        Ok(collected)
    }

    /// Whether anything is read of a key.
    pub(crate) fn is_alive(&self, (name, kind): &Name) -> bool {
        self.kinds(name).is_ok_and(|kinds| kinds.contains(kind))
    }

    /// The operations that a key has seen: more than what is applied while a repair is on its way.
    #[cfg(test)]
    pub(crate) fn seen(&self, name: &str, kind: Kind) -> Result<Context> {
        let live = self.0.live()?;
        let mut seen = live.replica.context();
        if let Some(ahead) = live.replica.ahead.get(&(name.into(), kind)) {
            seen.unite(&ahead.named(&live.replica.actors));
        }
        Ok(seen)
    }

    /// What lives in some keys, by digests.
    pub(crate) fn digests(&self, keys: &[Name]) -> Result<Vec<u64>> {
        let live = self.0.live()?;
        let now_ms = self.0.log.now_ms();
        Ok(keys.iter().map(|(name, kind)| live.replica.digest(name, *kind, now_ms)).collect())
    }

    /// The bytes of as many of some keys in full as fit, and how many they are: one at the least.
    pub(crate) fn some(&self, keys: &[Name], bytes_max: usize) -> Result<(Vec<u8>, usize)> {
        let live = self.0.live()?;
        let mut count = keys.len();
        loop {
            let some = keys[..count].iter().map(|(name, kind)| (&**name, *kind));
            let bytes = live.replica.some(some).encode();
            if bytes.len() <= bytes_max || count <= 1 {
                return Ok((bytes, count));
            }
            count /= 2;
        }
    }
}

//! What carries a store between peers asks this of it: what it has applied, what was written here, keys in full with
//! their digests, and a way into the log for what others sent.
//!
//! Whatever comes in is appended to the log, at a subject of the peer that sent it, and is joined from there as
//! everything else. So one log has all that its replica knows, and a crash loses nothing that was acknowledged.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;
use crate::record::Append;
use crate::stream::options::ReadOptions;

use super::super::collect::Collected;
use super::super::context::Context;
use super::super::fragment::{Fragment, Scope};
use super::super::kind::Kind;
use super::CrdtStore;

/// Records that one look into the log reads.
const RECORDS_AT_ONCE: usize = 1_000;

/// A key, by name and kind.
pub(crate) type Name = (Box<str>, Kind);

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

    /// The last record of the log that is known here.
    pub(crate) fn log_end(&self) -> Result<u64> {
        Ok(self.0.live()?.covered.seq)
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
            if log.actor(record.subject).is_some_and(|actor| actor.engine == log.engine.id()) {
                made.fragments.push(record.payload.to_vec());
            }
        }
        Ok(made)
    }

    /// Takes in deltas and keys that a peer sent, of a delta what is new alone. On disk, as the stream promises, when
    /// it returns.
    ///
    /// # Errors
    /// `corrupt` for bytes that are no fragment, `conflict` for operations of this handle that it did not make, and
    /// those of the stream. Nothing was taken in then.
    pub(crate) fn take_in(&self, from: Writer, fragments: &[impl AsRef<[u8]>]) -> Result<()> {
        let mut new = Vec::new();
        {
            let mut live = self.0.live()?;
            for bytes in fragments {
                let fragment = Fragment::decode(bytes.as_ref())?;
                live.replica.check_own(&fragment)?;
                match fragment.scope() {
                    Scope::Delta => new.extend(live.replica.extract(&fragment)?.map(|new| new.encode())),
                    Scope::Keys | Scope::Whole => new.push(bytes.as_ref().to_vec()),
                }
            }
        }
        self.append_from(from, &new)
    }

    /// The keys in which records behind `after` did something that a context has, and the last record of the log. Keys
    /// in full that `from` sent behind `but_after` are left out.
    ///
    /// # Errors
    /// `not_found` if some of these records were purged.
    pub(crate) fn touched(
        &self,
        after: u64,
        context: &Context,
        from: Writer,
        but_after: u64,
    ) -> Result<(Vec<Name>, u64)> {
        let log = &self.0.log;
        let (mut names, mut end, subject) = (BTreeSet::new(), after, log.subject(from));
        loop {
            let options = ReadOptions::default().filter(log.filter()).from_seq(end + 1).max_records(RECORDS_AT_ONCE);
            let batch = log.stream.read(&options).wait()?;
            if batch.is_empty() {
                return Ok((names.into_iter().collect(), end));
            }
            if batch.seq(0).is_some_and(|seq| seq > end + 1) && log.stream.info().wait()?.first_seq > end + 1 {
                return Err(Error::not_found(format!("records behind {end} of store '{}' were purged", log.name)));
            }
            for record in batch.iter() {
                end = record.seq;
                let fragment = Fragment::decode(record.payload)?;
                let is_answer = record.subject == subject && record.seq > but_after && fragment.scope() == Scope::Keys;
                let of_actor = fragment.context();
                if !is_answer && of_actor.without(&of_actor.without(context)).count() > 0 {
                    names.extend(fragment.keys().map(|(name, kind)| (name.into(), kind)));
                }
            }
        }
    }

    /// Says that all keys that a peer had when its context was this one have been taken in, one by one; false if the
    /// log has more than `end` by now, and nothing was said.
    pub(crate) fn caught_up(&self, from: Writer, context: &Context, end: u64) -> Result<bool> {
        let log = &self.0.log;
        let (subject, bytes, filter) = (log.subject(from), Fragment::applied(context).encode(), log.filter());
        let append = Append::new(&subject, &bytes).expect_filter_last_seq(&filter, end);
        match log.stream.append(&append).wait() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn append_from(&self, from: Writer, fragments: &[Vec<u8>]) -> Result<()> {
        if fragments.is_empty() {
            return Ok(());
        }
        let subject = self.0.log.subject(from);
        let appends: Vec<Append<'_>> = fragments.iter().map(|bytes| Append::new(&subject, bytes)).collect();
        for some in appends.chunks(RECORDS_AT_ONCE) {
            self.0.log.stream.append_batch(some).wait()?;
        }
        Ok(())
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

    /// All keys that there are, also those in which nothing is alive.
    pub(crate) fn names(&self) -> Result<Vec<Name>> {
        Ok(self.0.live()?.replica.keys().map(|(name, kind)| (name.into(), kind)).collect())
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

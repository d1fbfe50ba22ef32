//! A repair: one side learns which keys of the other differ from its own and takes those in full. What that costs
//! follows the number of keys that differ.
//!
//! The side that lacks something asks. It compares sums of ranges, then of the parts of those that differ, then keys,
//! and asks for the keys in bunches. At the end it has applied what the other had applied before it looked at any key.
//! The other side answers from one index, and knows nothing of how far it is.

use std::sync::Arc;

use crate::clock::{Nanos, SECOND};
use crate::crdt::{Context, Fragment, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;
use crate::record::PAYLOAD_BYTES_MAX;

use super::faults::{Fault, has};
use super::index::{Entry, Index, Range};
use super::local::Local;
use super::proto::packet::Body;
use super::proto::{self, Compare, Differ, Keys, Leaf, Split, Want};

/// Keys of a range that are told one by one.
const LEAF_KEYS: u64 = 24;
/// Ranges in one packet.
const RANGES_MAX: usize = 256;
/// Keys in one packet.
const WANTS_MAX: usize = 1_000;
/// Bytes of the keys in one packet, but for a key that alone has more.
const KEYS_BYTES: usize = 1 << 20;
/// Bytes of one key, as many as a record has: there are none that would keep it.
const KEY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX;
/// After so long without a word a repair is over; the next meeting begins another.
const SILENCE: Nanos = 20 * SECOND;

/// A repair of this side's.
pub(super) struct Repair {
    id: u64,
    index: Option<Arc<Index>>,
    /// Answers that are still to come.
    awaited: usize,
    ranges: Vec<Range>,
    wants: Vec<Wanted>,
    /// What was asked for and has not come: hashes, then names.
    asked: Vec<Wanted>,
    /// What the other side had seen before it looked at any key.
    standing: Option<Fragment>,
    /// Why a key could not be taken in: all others are, and then the repair fails.
    too_large: Option<Error>,
    /// The last record of the log that is looked through for what came from others meanwhile.
    looked: u64,
    /// The last record of the log before any key came.
    begun: u64,
    heard: Nanos,
}

enum Wanted {
    Hash(u64),
    /// A key that the other side does not have.
    Name(Box<str>, Kind),
}

impl Repair {
    pub(super) fn new(id: u64, now: Nanos) -> Self {
        Repair {
            id,
            index: None,
            awaited: 0,
            ranges: vec![Range::ALL],
            wants: Vec::new(),
            asked: Vec::new(),
            standing: None,
            too_large: None,
            looked: 0,
            begun: 0,
            heard: now,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn is_over(&self, now: Nanos) -> bool {
        now.saturating_sub(self.heard) > SILENCE
    }

    /// Asks what there is to ask next; true when all has come.
    pub(super) fn work(&mut self, local: &mut Local, from: Writer, now: Nanos, out: &mut Vec<Body>) -> Result<bool> {
        if self.index.is_none() {
            self.index = local.index(now)?;
            self.heard = now;
            if let Some(index) = &self.index {
                (self.looked, self.begun) = (index.log_end, local.store.log_end()?);
            }
        }
        let Some(index) = &self.index else { return Ok(false) };
        let store = local.store.name();
        while !self.ranges.is_empty() {
            let some = self.ranges.split_off(self.ranges.len().saturating_sub(RANGES_MAX));
            let ranges = some.into_iter().map(|range| told(index, range)).collect();
            out.push(Body::Compare(Compare { store: store.to_owned(), id: self.id, ranges }));
            self.awaited += 1;
        }
        let has_come = self.asked.is_empty() || has(Fault::DoneWhenAsked);
        let is_all = has_come && self.wants.is_empty() && self.awaited == 0;
        if is_all && let Some(error) = self.too_large.take() {
            return Err(error);
        }
        if is_all && let Some(standing) = &self.standing {
            // What came from others since may be what the other side had seen removed: those keys are asked for too.
            let (touched, end) = local.store.touched(self.looked, &standing.seen(), from, self.begun)?;
            self.looked = end;
            if touched.is_empty() || has(Fault::NothingMeanwhile) {
                return local.store.caught_up(from, standing, end);
            }
            self.wants.extend(touched.into_iter().map(|(name, kind)| Wanted::Name(name, kind)));
        }
        if !self.asked.is_empty() || self.wants.is_empty() {
            return Ok(false);
        }
        let mut want = Want { store: store.to_owned(), id: self.id, ..Want::default() };
        self.asked = self.wants.split_off(self.wants.len().saturating_sub(WANTS_MAX));
        self.asked.sort_by_key(|wanted| matches!(wanted, Wanted::Name(..)));
        for wanted in &self.asked {
            match wanted {
                Wanted::Hash(hash) => want.hashes.push(*hash),
                Wanted::Name(name, kind) => {
                    want.names.push(proto::Name { name: name.to_string(), kind: *kind as u32 });
                }
            }
        }
        out.push(Body::Want(want));
        Ok(false)
    }

    /// Takes the answer to a comparison.
    pub(super) fn differ(&mut self, differ: Differ, now: Nanos) -> Result<()> {
        let Some(index) = self.index.as_ref().filter(|_| differ.id == self.id && self.awaited > 0) else {
            return Ok(());
        };
        (self.heard, self.awaited) = (now, self.awaited - 1);
        if !differ.context.is_empty() {
            let removed = match &differ.removed[..] {
                [] => Context::default(),
                bytes => Context::decode(bytes)?,
            };
            self.standing = Some(Fragment::standing(&Context::decode(&differ.context)?, &removed));
        }
        for split in differ.splits {
            let parts: Vec<Range> = range(split.prefix, split.depth)?.parts().collect();
            let (counts, sums) = (split.counts.len(), split.sums.len());
            if (counts, sums) != (parts.len(), parts.len()) {
                let what = format!("{counts} counts and {sums} sums of a range that has {} parts", parts.len());
                return Err(Error::invalid(what));
            }
            let theirs = split.counts.into_iter().zip(split.sums);
            let differs = parts.into_iter().zip(theirs).filter(|(part, their)| index.sum(*part) != *their);
            self.ranges.extend(differs.map(|(part, _)| part));
        }
        for leaf in differ.leaves {
            let own = index.entries(range(leaf.prefix, leaf.depth)?);
            let theirs: Vec<(u64, u64)> = leaf.hashes.into_iter().zip(leaf.digests).collect();
            let same = |entry: &Entry| theirs.contains(&(entry.hash, entry.digest));
            let known = |hash: u64| theirs.iter().any(|their| their.0 == hash);
            for &(hash, digest) in &theirs {
                if !own.iter().any(|entry| (entry.hash, entry.digest) == (hash, digest)) {
                    self.wants.push(Wanted::Hash(hash));
                }
            }
            let absent = own.iter().filter(|entry| !same(entry) && !known(entry.hash));
            for entry in absent.filter(|_| !has(Fault::AbsentKeys)) {
                self.wants.push(Wanted::Name(entry.name.0.clone(), entry.name.1));
            }
        }
        Ok(())
    }

    /// Takes keys.
    pub(super) fn keys(&mut self, keys: &Keys, local: &Local, from: Writer, now: Nanos) -> Result<()> {
        if keys.id != self.id || self.asked.is_empty() {
            return Ok(());
        }
        let taken = keys.taken as usize;
        if taken == 0 || taken > self.asked.len() {
            return Err(Error::invalid(format!("{taken} keys where {} were asked for", self.asked.len())));
        }
        let taken_in = match &keys.too_large {
            Some(name) => Err(Error::new(
                ErrorKind::Limit,
                format!("key '{}' has more than {KEY_BYTES_MAX} bytes, so it can't be repaired", name.escape_debug()),
            )),
            None => local.store.take_in(from, &[&keys.fragment]),
        };
        match taken_in {
            Err(error) if error.kind() == ErrorKind::Limit && taken == 1 => self.too_large = Some(error),
            taken_in => taken_in?,
        }
        self.wants.extend(std::mem::take(&mut self.asked).split_off(taken));
        self.heard = now;
        Ok(())
    }
}

/// Answers a repair of the other side's.
pub(super) struct Answering {
    id: u64,
    index: Option<Arc<Index>>,
    waiting: Vec<Compare>,
    is_told: bool,
    heard: Nanos,
}

impl Answering {
    pub(super) fn new(id: u64, now: Nanos) -> Self {
        Answering { id, index: None, waiting: Vec::new(), is_told: false, heard: now }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn is_over(&self, now: Nanos) -> bool {
        now.saturating_sub(self.heard) > SILENCE
    }

    pub(super) fn compare(&mut self, compare: Compare, now: Nanos) -> Result<()> {
        if compare.ranges.len() > RANGES_MAX || self.waiting.len() > RANGES_MAX {
            return Err(Error::invalid(format!("more than {RANGES_MAX} ranges in one comparison")));
        }
        self.heard = now;
        self.waiting.push(compare);
        Ok(())
    }

    /// Answers what waits, once the index is there.
    pub(super) fn work(&mut self, local: &mut Local, now: Nanos, out: &mut Vec<Body>) -> Result<()> {
        if self.index.is_none() && !self.waiting.is_empty() {
            self.index = local.index(now)?;
            self.heard = now;
        }
        let Some(index) = &self.index else { return Ok(()) };
        for compare in std::mem::take(&mut self.waiting) {
            let mut differ = Differ { store: compare.store, id: self.id, ..Differ::default() };
            if !std::mem::replace(&mut self.is_told, true) {
                differ.context = index.standing.context().encode();
                let removed = index.standing.removed();
                if removed.count() > 0 && !has(Fault::RemovedUntold) {
                    differ.removed = removed.encode();
                }
            }
            for theirs in compare.ranges {
                let range = range(theirs.prefix, theirs.depth)?;
                let (count, sum) = index.sum(range);
                if (count, sum) == (theirs.count, theirs.sum) {
                    continue;
                }
                if count.max(theirs.count) <= LEAF_KEYS || range.parts().next().is_none() {
                    let entries = index.entries(range);
                    let hashes = entries.iter().map(|entry| entry.hash).collect();
                    let digests = entries.iter().map(|entry| entry.digest).collect();
                    differ.leaves.push(Leaf { prefix: range.prefix, depth: range.depth, hashes, digests });
                } else {
                    let (counts, sums) = range.parts().map(|part| index.sum(part)).unzip();
                    differ.splits.push(Split { prefix: range.prefix, depth: range.depth, sums, counts });
                }
            }
            out.push(Body::Differ(differ));
        }
        Ok(())
    }

    /// Answers with keys.
    pub(super) fn want(&mut self, want: &Want, local: &Local, now: Nanos, out: &mut Vec<Body>) -> Result<()> {
        let Some(index) = &self.index else { return Ok(()) };
        self.heard = now;
        if want.hashes.len() + want.names.len() > WANTS_MAX {
            return Err(Error::invalid(format!("more than {WANTS_MAX} keys are wanted at once")));
        }
        // Of each key that was asked for, how many there are up to it: two names may have one hash.
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for &hash in &want.hashes {
            names.extend(index.of_hash(hash).iter().map(|entry| entry.name.clone()));
            ends.push(names.len());
        }
        for name in &want.names {
            let kind = u8::try_from(name.kind).ok().and_then(Kind::from_number);
            let kind = kind.ok_or_else(|| Error::invalid(format!("{} is the number of no kind", name.kind)))?;
            names.push((name.name.as_str().into(), kind));
            ends.push(names.len());
        }
        let (mut fragment, mut count) = local.store.some(&names, KEYS_BYTES)?;
        let mut taken = ends.iter().take_while(|&&end| end <= count).count();
        if taken == 0 {
            // All that have the first one's hash go together.
            count = ends.first().copied().unwrap_or(0);
            fragment = local.store.some(&names[..count], usize::MAX)?.0;
            taken = 1;
        }
        let mut too_large = None;
        if taken == 1 && fragment.len() > KEY_BYTES_MAX {
            too_large = names.first().map(|(name, _)| name.to_string());
            fragment = Vec::new();
        }
        let (store, taken) = (want.store.clone(), taken as u32);
        out.push(Body::Keys(Keys { store, id: self.id, taken, fragment, too_large }));
        Ok(())
    }
}

fn told(index: &Index, range: Range) -> proto::Range {
    let (count, sum) = index.sum(range);
    proto::Range { prefix: range.prefix, depth: range.depth, sum, count }
}

fn range(prefix: u64, depth: u32) -> Result<Range> {
    Range::new(prefix, depth).ok_or_else(|| Error::invalid(format!("{prefix:016x} is no range of {depth} digits")))
}

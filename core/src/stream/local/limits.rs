//! Taking records out: limits, time to live, deletes and purges. Everything here follows from the log alone, so
//! replaying it takes out the same records again.

use std::sync::Arc;

use super::index_file::name_hash;
use super::part::Part;
use super::state::State;
use super::subjects::SubjectId;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::frame;
use crate::record::{TAG_CONTROL, decode, take_stamp};
use crate::subject::matches;

/// The records of one block of a sealed segment, read together because eviction goes from record to record.
#[derive(Default)]
pub(crate) struct BlockCache {
    part: Option<Pos>,
    block: usize,
    records: Vec<(u64, SubjectId, u32, Pos)>,
}

impl BlockCache {
    pub(crate) fn clear(&mut self) {
        self.part = None;
    }
}

/// What a record counts for in the stream's bytes, given the length of its body.
pub(crate) fn size_of_body(len: usize) -> u32 {
    (len + frame::FRAME_HEAD) as u32
}

impl State {
    /// Subject, size and position of a record that is kept.
    fn locate(&mut self, part: &Arc<Part>, seq: u64) -> Result<(SubjectId, u32, Pos)> {
        let ord = (seq - part.base.seq) as usize;
        if Arc::ptr_eq(part, &self.active_part) {
            let pos = part.segment.base + u64::from(self.active.offsets[ord]);
            return Ok((self.active.subjects[ord], self.active.sizes[ord], pos));
        }
        let block = ord / super::active::BLOCK_RECORDS;
        if self.block_cache.part != Some(part.segment.base) || self.block_cache.block != block {
            self.load_block(part, block)?;
        }
        let found = self.block_cache.records.iter().find(|r| r.0 == seq);
        found
            .map(|&(_, id, size, pos)| (id, size, pos))
            .ok_or_else(|| Error::corrupt(format!("record {seq} is missing in {}", part.segment.path.display())))
    }

    fn load_block(&mut self, part: &Arc<Part>, block: usize) -> Result<()> {
        let index = part.index(&*self.disk)?;
        let start = index.blocks.get(block).map_or(0, |b| u64::from(b.offset)) + part.segment.base;
        let end = index.blocks.get(block + 1).map_or(index.end, |b| part.segment.base + u64::from(b.offset));
        let bytes = part.segment.read(start, end.saturating_sub(start) as usize)?;
        let mut records = Vec::with_capacity(super::active::BLOCK_RECORDS);
        let mut at = 0;
        while at < bytes.len() {
            let pos = start + at as u64;
            let found = frame::parse(&bytes, at, pos).map_err(|_| {
                Error::corrupt(format!(
                    "{} is damaged at offset {}",
                    part.segment.path.display(),
                    part.segment.offset(pos)
                ))
            })?;
            if !found.note()
                && found.tag() & TAG_CONTROL == 0
                && let Some(view) = decode(found.tag(), part.base, found.body)
            {
                let id = self.subjects.intern(view.subject);
                records.push((view.seq, id, size_of_body(found.body.len()), pos));
            }
            at += found.len;
        }
        self.block_cache = BlockCache { part: Some(part.segment.base), block, records };
        Ok(())
    }

    /// Takes one record out; false when it is not there.
    pub(crate) fn remove(&mut self, seq: u64) -> Result<bool> {
        let Some(part) = self.part_of(seq).map(Arc::clone) else { return Ok(false) };
        let ord = (seq - part.base.seq) as u32;
        if seq < self.first_seq || part.dead().contains(ord) {
            return Ok(false);
        }
        let (id, size, _) = self.locate(&part, seq)?;
        self.take_out_of(&part, seq, id, size)?;
        Ok(true)
    }

    /// The one record of a subject that goes when another one comes, where a subject has one and what that counts for
    /// is known: it need not be read, which costs more than all else where its segment is packed.
    pub(super) fn outdone(&self, id: SubjectId) -> Option<(u64, u32)> {
        let subject = self.subjects.entry(id);
        let is_known = self.config.max_msgs_per_subject == 1 && subject.count == 1 && subject.last_size > 0;
        is_known.then_some((subject.last_seq, subject.last_size))
    }

    /// Takes out a record of a subject that has newer ones, unless something else did.
    pub(super) fn take_out(&mut self, seq: u64, id: SubjectId, size: u32) -> Result<()> {
        let Some(part) = self.part_of(seq).map(Arc::clone) else { return Ok(()) };
        if seq < self.first_seq || part.dead().contains((seq - part.base.seq) as u32) {
            return Ok(());
        }
        self.take_out_of(&part, seq, id, size)
    }

    fn take_out_of(&mut self, part: &Arc<Part>, seq: u64, id: SubjectId, size: u32) -> Result<()> {
        part.dead_mut().insert((seq - part.base.seq) as u32);
        self.records -= 1;
        // What a snapshot said of them cannot be checked.
        self.bytes = self.bytes.saturating_sub(size.into());
        self.tips.forget(seq);
        let left = self.subjects.remove_one(id);
        let subject = *self.subjects.entry(id);
        if subject.active_first == seq && seq >= self.active.base_seq {
            let next = self.active.next.get((seq - self.active.base_seq) as usize).copied();
            let next = next.filter(|&n| n != super::active::NONE).map_or(0, |n| self.active.base_seq + u64::from(n));
            if next > 0 {
                self.subjects.set_active_first(id, next);
            }
        }
        if left > 0 {
            if seq == subject.last_seq {
                let (last_seq, last_pos) = self.newest_before(id, seq)?;
                self.subjects.set_last(id, last_seq, last_pos);
            }
            if seq == subject.first_seq {
                self.subjects.set_first(id, seq + 1);
            }
        }
        if seq == self.first_seq {
            self.advance_first();
        }
        if part.live() == 0 && part.is_sealed() {
            self.drop_part(part);
        }
        Ok(())
    }

    /// Moves the first sequence to the first record that is kept.
    fn advance_first(&mut self) {
        let mut seq = self.first_seq;
        let old = seq;
        for part in self.parts.iter().filter(|p| p.end_seq() > old) {
            seq = seq.max(part.base.seq);
            seq = part.base.seq + u64::from(part.dead().next_live((seq - part.base.seq) as u32));
            if seq < part.end_seq() {
                break;
            }
        }
        self.first_seq = seq.min(self.last_seq + 1);
    }

    /// Sequence and position of each kept record of a subject within one part, in order.
    fn kept_in(&mut self, part: &Arc<Part>, id: SubjectId) -> Result<Vec<(u64, Pos)>> {
        let base = part.segment.base;
        if Arc::ptr_eq(part, &self.active_part) {
            let first = self.subjects.entry(id).active_first;
            let dead = part.dead();
            let of = |ord: u32| (part.base.seq + u64::from(ord), base + u64::from(self.active.offsets[ord as usize]));
            return Ok(self.active.chain(first).filter(|&ord| !dead.contains(ord)).map(of).collect());
        }
        let found = part.index(&*self.disk)?.find(name_hash(self.subjects.name(id)), 0..u32::MAX)?;
        let mut kept = Vec::with_capacity(found.len());
        for (ord, offset) in found {
            let seq = part.base.seq + u64::from(ord);
            if !part.dead().contains(ord) && self.locate(part, seq)?.0 == id {
                kept.push((seq, base + u64::from(offset)));
            }
        }
        Ok(kept)
    }

    fn newest_before(&mut self, id: SubjectId, seq: u64) -> Result<(u64, Pos)> {
        let parts = Arc::clone(&self.parts);
        for part in parts.iter().rev().filter(|p| p.base.seq < seq && p.live() > 0) {
            if let Some(&found) = self.kept_in(part, id)?.iter().rev().find(|k| k.0 < seq) {
                return Ok(found);
            }
        }
        Err(Error::corrupt(format!("no record of '{}' before {seq} was found", self.subjects.name(id))))
    }

    /// The oldest kept record of a subject.
    fn oldest(&mut self, id: SubjectId) -> Result<u64> {
        let subject = *self.subjects.entry(id);
        if subject.count == 1 {
            return Ok(subject.last_seq);
        }
        if subject.first_seq >= self.active.base_seq {
            let dead = self.active_part.dead();
            let live = self.active.chain(subject.active_first).find(|&ord| !dead.contains(ord));
            if let Some(ord) = live {
                return Ok(self.active.base_seq + u64::from(ord));
            }
        }
        let parts = Arc::clone(&self.parts);
        for part in parts.iter().filter(|p| p.end_seq() > subject.first_seq && p.live() > 0) {
            if let Some(&(seq, _)) = self.kept_in(part, id)?.first() {
                self.subjects.set_first(id, seq);
                return Ok(seq);
            }
        }
        Err(Error::corrupt(format!("no record of '{}' was found", self.subjects.name(id))))
    }

    /// After an append to a subject: drops what is over the limits.
    pub(crate) fn enforce_limits(&mut self, id: SubjectId) -> Result<()> {
        let most = self.config.max_msgs_per_subject;
        if most > 0 {
            while u64::from(self.subjects.entry(id).count) > most {
                let seq = self.oldest(id)?;
                self.remove(seq)?;
            }
        }
        let (msgs, bytes) = (self.config.max_msgs, self.config.max_bytes);
        while (msgs > 0 && self.records > msgs) || (bytes > 0 && self.bytes > bytes && self.records > 1) {
            let seq = self.first_seq;
            self.remove(seq)?;
        }
        Ok(())
    }

    /// After a change of configuration.
    pub(crate) fn enforce_all_limits(&mut self) -> Result<()> {
        let most = self.config.max_msgs_per_subject;
        if most > 0 {
            let over: Vec<SubjectId> =
                self.subjects.iter().filter(|(_, _, s)| u64::from(s.count) > most).map(|(id, _, _)| id).collect();
            for id in over {
                self.enforce_limits(id)?;
            }
        }
        if self.records > 0 {
            let (part, seq) = (self.part_of(self.first_seq).map(Arc::clone), self.first_seq);
            if let Some(part) = part {
                let (id, _, _) = self.locate(&part, seq)?;
                self.enforce_limits(id)?;
            }
        }
        Ok(())
    }

    /// Takes out what a filter takes before a sequence, but for the newest `keep`; returns how many.
    pub(crate) fn purge(&mut self, filter: Option<&str>, before: u64, keep: u64) -> Result<u64> {
        let was = self.records;
        let before = before.min(self.last_seq + 1);
        match filter {
            None => self.purge_head(before, keep)?,
            Some(filter) => {
                let ids: Vec<SubjectId> = match self.subjects.find(filter) {
                    Some(id) if !crate::subject::is_wildcard(filter) => vec![id],
                    _ => self.subjects.iter().filter(|(_, n, _)| matches(filter, n)).map(|(id, _, _)| id).collect(),
                };
                let mut seqs = Vec::new();
                let parts = Arc::clone(&self.parts);
                for id in ids.into_iter().filter(|&id| self.subjects.entry(id).count > 0).collect::<Vec<_>>() {
                    let s = *self.subjects.entry(id);
                    if s.count == 1 {
                        seqs.push(s.last_seq);
                        continue;
                    }
                    for part in parts.iter().filter(|p| p.end_seq() > s.first_seq && p.live() > 0) {
                        seqs.extend(self.kept_in(part, id)?.into_iter().map(|k| k.0));
                    }
                }
                seqs.sort_unstable();
                let most = seqs.len() - (keep as usize).min(seqs.len());
                for seq in seqs.into_iter().take(most).filter(|&s| s < before) {
                    self.remove(seq)?;
                }
            }
        }
        Ok(was - self.records)
    }

    fn purge_head(&mut self, before: u64, keep: u64) -> Result<()> {
        if keep == 0 && before > self.last_seq {
            self.clear();
            return Ok(());
        }
        while self.records > keep && self.first_seq < before {
            let seq = self.first_seq;
            self.remove(seq)?;
        }
        Ok(())
    }

    /// Takes everything out, without looking at any of it.
    fn clear(&mut self) {
        let active = Arc::clone(&self.active_part);
        for part in self.parts.iter() {
            if !Arc::ptr_eq(part, &active) {
                self.dropped.push(Arc::clone(part));
            }
        }
        self.parts = Arc::new(vec![Arc::clone(&active)]);
        {
            let mut dead = active.dead_mut();
            for ord in 0..self.active.len() {
                dead.insert(ord);
            }
        }
        let ids: Vec<SubjectId> = self.subjects.iter().map(|(id, _, _)| id).collect();
        for id in ids {
            while self.subjects.remove_one(id) > 0 {}
        }
        self.records = 0;
        self.bytes = 0;
        self.first_seq = self.last_seq + 1;
        self.tips.clear();
        self.expiries.clear();
        self.block_cache.clear();
    }

    /// Takes out what has come of age by `now`: times to live, the stream's `max_age`, message ids.
    pub(crate) fn expire(&mut self, now: Nanos) -> Result<()> {
        while let Some(&(at, seq)) = self.expiries.first()
            && at <= now
        {
            self.expiries.pop_first();
            self.remove(seq)?;
        }
        let age = self.config.max_age.as_nanos() as u64;
        if age > 0 {
            while self.records > 0 && self.first_time()?.saturating_add(age) <= now {
                let seq = self.first_seq;
                self.remove(seq)?;
            }
        }
        self.dedup.expire(now, self.config.duplicate_window.as_nanos() as u64);
        Ok(())
    }

    /// When something comes of age next.
    pub(crate) fn next_expiry(&mut self) -> Option<Nanos> {
        let ttl = self.expiries.first().map(|e| e.0);
        let age = self.config.max_age.as_nanos() as u64;
        let head =
            if age > 0 && self.records > 0 { self.first_time().ok().map(|t| t.saturating_add(age)) } else { None };
        ttl.into_iter().chain(head).min()
    }

    /// When the first kept record was committed.
    pub(crate) fn first_time(&mut self) -> Result<Nanos> {
        if self.records == 0 {
            return Ok(0);
        }
        if self.first_time_of.0 == self.first_seq {
            return Ok(self.first_time_of.1);
        }
        let Some(part) = self.part_of(self.first_seq).map(Arc::clone) else { return Ok(self.last_time) };
        let (_, _, pos) = self.locate(&part, self.first_seq)?;
        let bytes = if pos >= self.tail.memory_start() {
            self.tail.read(pos, TIME_BYTES)
        } else {
            part.segment.read(pos, TIME_BYTES)?
        };
        let body = frame::body_start(&bytes).and_then(|start| bytes.get(start..));
        let stamp = body.and_then(|mut body| take_stamp(part.base, &mut body));
        let time = stamp.map_or(self.last_time, |s| s.1);
        self.first_time_of = (self.first_seq, time);
        Ok(time)
    }
}

/// Enough of a frame to hold its record's time.
const TIME_BYTES: usize = frame::HEAD_BYTES_MAX + 10 + 10;

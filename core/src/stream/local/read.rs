//! Reading: plans under the lock, bytes without it. A read sees everything committed when it began.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::Local;
use super::active::BLOCK_RECORDS;
use super::frames::{Frames, Gather, PREFETCH_RECORDS};
use super::index_file::name_hash;
use super::part::Part;
use super::state::State;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::frame::{self, Fault, Frame};
use crate::journal::segment::Segment;
use crate::record::{Base, Batch, Record, TAG_CONTROL, decode};
use crate::subject::{Filters, is_wildcard};
use crate::varint::take_varint;

/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

/// What to read, checked.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) filters: Filters,
    /// Inclusive.
    pub(crate) min_seq: u64,
    /// Inclusive.
    pub(crate) max_seq: u64,
    /// Inclusive.
    pub(crate) min_time: Nanos,
    /// Exclusive.
    pub(crate) max_time: Nanos,
    /// From, to.
    pub(crate) event_range: Option<(i64, i64)>,
    pub(crate) backward: bool,
    pub(crate) max_records: usize,
    pub(crate) max_bytes: usize,
}

/// Records and where to go on.
pub(crate) struct ReadOutcome {
    pub(crate) batch: Batch,
    /// Everything before this sequence (backward: from it on) has been looked at.
    pub(crate) next_seq: u64,
    /// The first sequence that was kept when the read began.
    pub(crate) first_seq: u64,
}

/// A stretch of one part to look through.
struct Extent {
    start: Pos,
    end: Pos,
    /// Ordinals `[first, after)`.
    first: u32,
    after: u32,
}

/// Collects what a plan wants.
struct Collector<'a> {
    plan: &'a Plan,
    batch: Batch,
    bytes: usize,
}

impl Collector<'_> {
    fn is_full(&self) -> bool {
        self.batch.len() >= self.plan.max_records || self.bytes >= self.plan.max_bytes
    }

    fn wants(&self, part: &Part, seq: u64, found: &Frame<'_>) -> Result<bool> {
        let plan = self.plan;
        if seq < plan.min_seq || seq > plan.max_seq {
            return Ok(false);
        }
        let timed = plan.min_time > 0 || plan.max_time < Nanos::MAX || plan.event_range.is_some();
        if plan.filters.is_all() && !timed {
            return Ok(true);
        }
        let view = decode(found.tag(), part.base, found.body)
            .ok_or_else(|| Error::corrupt(format!("record {seq} in {} cannot be read", part.segment.path.display())))?;
        let event = view.event_time.unwrap_or(view.time as i64);
        Ok((plan.min_time..plan.max_time).contains(&view.time)
            && plan.event_range.is_none_or(|(from, to)| (from..to).contains(&event))
            && plan.filters.matches(view.subject))
    }
}

pub(crate) fn seq_of(part: &Part, found: &Frame<'_>) -> Option<u64> {
    part.base.seq.checked_add(take_varint(&mut &*found.body)?)
}

pub(crate) fn is_record(found: &Frame<'_>) -> bool {
    !found.note() && found.tag() & TAG_CONTROL == 0
}

/// An index file whose check holds, and which points somewhere else.
fn misplaced(part: &Part, seq: u64) -> Error {
    let path = part.index_path();
    Error::corrupt(format!("{} points beside record {seq}: delete it, it is made anew", path.display()))
}

impl Local {
    /// Up to `len` bytes at a position, from memory or from the file; `file` holds on to that from its first bytes on.
    fn bytes(&self, part: &Part, file: &mut Option<Segment>, pos: Pos, len: usize) -> Result<Vec<u8>> {
        let state = self.lock();
        let memory = state.tail.memory_start();
        if pos >= memory {
            return Ok(state.tail.read(pos, len));
        }
        drop(state);
        file.get_or_insert_with(|| part.segment.as_it_is()).read(pos, len.min((memory - pos) as usize))
    }

    pub(crate) fn damaged(&self, part: &Part, pos: Pos, seq: u64) -> Error {
        Error::corrupt(format!(
            "{} is damaged at offset {}: record {seq} of stream '{}' cannot be read",
            part.segment.path.display(),
            part.segment.offset(pos),
            self.name
        ))
    }

    /// The newest record that a filter takes.
    pub(crate) fn last(&self, filter: &str) -> Result<Option<Record>> {
        let mut before = 0;
        loop {
            let (seq, found) = if is_wildcard(filter) { self.last_of_all(filter)? } else { self.last_on(filter)? };
            // What was taken out after it was looked up has a newer one in its place, or none.
            if found.is_some() || seq == before {
                return Ok(found);
            }
            before = seq;
        }
    }

    /// The sequence of the newest record among all subjects that a wildcard filter takes, 0 for none, and the record.
    fn last_of_all(&self, filter: &str) -> Result<(u64, Option<Record>)> {
        let seq = self.ready()?.tip(filter);
        Ok((seq, if seq == 0 { None } else { self.get(seq)? }))
    }

    /// The same of one subject.
    fn last_on(&self, subject: &str) -> Result<(u64, Option<Record>)> {
        let state = self.ready()?;
        let Some((seq, pos)) = state.subjects.get(subject).map(|s| (s.last_seq, s.last_pos)) else {
            return Ok((0, None));
        };
        let Some(part) = state.part_at(pos).map(Arc::clone) else { return Ok((0, None)) };
        match self.record_at(state, &part, pos, seq)? {
            // A snapshot that lies may name a record of another subject.
            Some(other) if other.subject != subject => Err(self.damaged(&part, pos, seq)),
            found => Ok((seq, found)),
        }
    }

    fn record_at(&self, state: MutexGuard<'_, State>, part: &Part, pos: Pos, seq: u64) -> Result<Option<Record>> {
        let mut frames = Frames::new(self, &state);
        drop(state);
        let found = frames.record(part, pos, seq, |f| Ok(decode(f.tag(), part.base, f.body).map(|v| v.to_record())))?;
        Ok(found.flatten())
    }

    /// The lock, with what came of age taken out; refuses when the stream is closed.
    pub(crate) fn ready(&self) -> Result<MutexGuard<'_, State>> {
        if self.read_only {
            self.follow()?;
        }
        let mut state = self.lock();
        self.shared.check_open()?;
        if state.closed {
            state.check(&self.name)?;
        }
        self.shared.counters.reads.fetch_add(1, Ordering::Relaxed);
        if state.expiries.first().is_some() || !state.config.max_age.is_zero() {
            let now = self.shared.clock.now();
            state.expire(now)?;
        }
        Ok(state)
    }

    /// The record with this sequence.
    pub(crate) fn get(&self, seq: u64) -> Result<Option<Record>> {
        let state = self.ready()?;
        let Some(part) = state.part_of(seq).map(Arc::clone) else { return Ok(None) };
        let ord = (seq - part.base.seq) as u32;
        if seq < state.first_seq || part.dead().contains(ord) {
            return Ok(None);
        }
        let active = Arc::ptr_eq(&part, &state.active_part)
            .then(|| part.segment.base + u64::from(state.active.offsets[ord as usize]));
        if let Some(pos) = active {
            return self.record_at(state, &part, pos, seq);
        }
        drop(state);
        let plan = Plan {
            filters: Filters::default(),
            min_seq: seq,
            max_seq: seq,
            min_time: 0,
            max_time: Nanos::MAX,
            event_range: None,
            backward: false,
            max_records: 1,
            max_bytes: usize::MAX,
        };
        Ok(self.read(&plan)?.batch.get(0).map(|v| v.to_record()))
    }

    /// Sequence and position of the newest record of each subject that the filters take, by sequence.
    pub(crate) fn newest(&self, filters: &Filters, after: u64) -> Result<Vec<(u64, Pos)>> {
        let state = self.ready()?;
        let mut found: Vec<(u64, Pos)> = match filters.single_subject() {
            Some(one) => state.subjects.get(one).map(|s| (s.last_seq, s.last_pos)).into_iter().collect(),
            None => {
                let taken = state.subjects.iter().filter(|(_, name, s)| s.last_seq > after && filters.matches(name));
                taken.map(|(_, _, s)| (s.last_seq, s.last_pos)).collect()
            }
        };
        found.retain(|f| f.0 > after);
        found.sort_unstable();
        Ok(found)
    }

    /// The records at these places, but for those that are gone by now.
    pub(crate) fn read_places(&self, places: &[(u64, Pos)]) -> Result<Batch> {
        let (parts, mut frames) = {
            let state = self.lock();
            (Arc::clone(&state.parts), Frames::new(self, &state))
        };
        let mut gather = Gather::default();
        for &(seq, pos) in places {
            let after = parts.partition_point(|p| p.base.seq <= seq);
            let Some(part) = parts[..after].iter().rev().find(|p| p.contains(seq)) else { continue };
            if !part.dead().contains((seq - part.base.seq) as u32) {
                frames.record(part, pos, seq, |found| {
                    gather.add(part.base, seq, found);
                    Ok(())
                })?;
            }
        }
        Ok(gather.finish())
    }

    /// Reads as planned.
    pub(crate) fn read(&self, plan: &Plan) -> Result<ReadOutcome> {
        let (parts, first_seq, last_seq) = {
            let state = self.ready()?;
            (Arc::clone(&state.parts), state.first_seq, state.last_seq)
        };
        let plan = &Plan { min_seq: plan.min_seq.max(first_seq), max_seq: plan.max_seq.min(last_seq), ..plan.clone() };
        let mut collector = Collector { plan, batch: Batch::default(), bytes: 0 };
        let hit = |p: &&Arc<Part>| p.end_seq() > plan.min_seq && p.base.seq <= plan.max_seq && p.live() > 0;
        if plan.min_seq <= plan.max_seq {
            // What the next part counts from is no earlier than anything in this one.
            let late = |i: usize| parts.get(i + 1).is_none_or(|next| next.base.time >= plan.min_time);
            let wanted = parts.iter().enumerate().filter(|(i, p)| late(*i) && hit(p)).map(|(_, p)| p);
            let wanted: Vec<&Arc<Part>> = wanted.collect();
            let count = wanted.len();
            for i in 0..count {
                let part = wanted[if plan.backward { count - 1 - i } else { i }];
                if !self.overlaps(part, plan)? {
                    continue;
                }
                self.read_part(part, &mut collector)?;
                if collector.is_full() {
                    break;
                }
            }
        }
        let full = collector.is_full();
        let batch = collector.batch;
        let last_read = batch.last_seq();
        let next_seq = match (full, last_read) {
            (true, Some(seq)) => {
                if plan.backward {
                    seq
                } else {
                    seq + 1
                }
            }
            _ if plan.backward => plan.min_seq,
            _ => plan.max_seq.saturating_add(1).max(plan.min_seq),
        };
        Ok(ReadOutcome { batch, next_seq, first_seq })
    }

    /// Whether a part can hold anything in the plan's time range.
    fn overlaps(&self, part: &Arc<Part>, plan: &Plan) -> Result<bool> {
        if plan.min_time == 0 && plan.max_time == Nanos::MAX && plan.event_range.is_none() {
            return Ok(true);
        }
        let (first_time, hull) = if part.is_sealed() {
            let index = part.index(self.disk().as_ref())?;
            (index.blocks.first().map_or(0, |b| b.first_time), index.events)
        } else {
            let state = self.lock();
            (state.active.blocks.first().map_or(0, |b| b.first_time), state.active.events)
        };
        Ok(first_time < plan.max_time && plan.event_range.is_none_or(|(from, to)| hull.0 < to && hull.1 >= from))
    }

    fn read_part(&self, part: &Arc<Part>, collector: &mut Collector<'_>) -> Result<()> {
        let plan = collector.plan;
        let literal = !plan.filters.is_all() && plan.filters.as_slice().iter().all(|f| !is_wildcard(f));
        if literal {
            let mut found = self.postings(part, plan)?;
            if plan.backward {
                found.reverse();
            }
            return self.read_postings(part, &found, collector);
        }
        let first = plan.min_seq.saturating_sub(part.base.seq) as u32;
        let after = (plan.max_seq.min(part.end_seq() - 1) - part.base.seq) as u32 + 1;
        if plan.backward {
            let mut end = after;
            while end > first && !collector.is_full() {
                let block = (end - 1) / BLOCK_RECORDS as u32 * BLOCK_RECORDS as u32;
                if let Some(extent) = self.extent(part, block.max(first), end, plan, 1)? {
                    self.read_extent_backward(part, &extent, collector)?;
                }
                end = block;
            }
            return Ok(());
        }
        let mut ord = first;
        while ord < after && !collector.is_full() {
            match self.extent(part, ord, after, plan, usize::MAX)? {
                Some(extent) => {
                    ord = extent.after;
                    self.read_extent(part, &extent, collector)?;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// The next stretch from `ord` on that can hold something in the plan's time range, of at most `most` blocks.
    fn extent(&self, part: &Arc<Part>, ord: u32, after: u32, plan: &Plan, most: usize) -> Result<Option<Extent>> {
        let base = part.segment.base;
        let build = |blocks: &[super::active::Block], end: Pos| {
            let useful = |i: usize| {
                let next = blocks.get(i + 1).map_or(Nanos::MAX, |b| b.first_time);
                blocks[i].first_time < plan.max_time
                    && next >= plan.min_time
                    && plan.event_range.is_none_or(|(from, to)| blocks[i].min_event < to && blocks[i].max_event >= from)
            };
            let last = (after as usize).div_ceil(BLOCK_RECORDS).min(blocks.len());
            let begin = (ord as usize / BLOCK_RECORDS..last).find(|&i| useful(i))?;
            let stop = (begin + 1..last).take(most.saturating_sub(1)).find(|&i| !useful(i));
            let stop = stop.unwrap_or(last.min(begin.saturating_add(most)));
            Some(Extent {
                start: base + u64::from(blocks[begin].offset),
                end: blocks.get(stop).map_or(end, |b| base + u64::from(b.offset)),
                first: begin as u32 * BLOCK_RECORDS as u32,
                after: (stop as u32).saturating_mul(BLOCK_RECORDS as u32),
            })
        };
        if part.is_sealed() {
            let index = part.index(self.disk().as_ref())?;
            return Ok(build(&index.blocks, index.end));
        }
        let state = self.lock();
        if part.is_sealed() {
            drop(state);
            return self.extent(part, ord, after, plan, most);
        }
        Ok(build(&state.active.blocks, state.committed))
    }

    fn read_extent(&self, part: &Part, extent: &Extent, collector: &mut Collector<'_>) -> Result<()> {
        let (mut pos, mut seq) = (extent.start, part.base.seq + u64::from(extent.first));
        let (mut want, mut file) = (READ_BYTES, None);
        let contiguous = |file: &Option<Segment>| !file.as_ref().is_some_and(Segment::is_packed);
        while pos < extent.end && !collector.is_full() && seq <= collector.plan.max_seq {
            let bytes = self.bytes(part, &mut file, pos, want.min((extent.end - pos) as usize))?;
            let used = self.read_chunk(part, bytes, pos, &mut seq, contiguous(&file), collector)?;
            want = if used == 0 { want * 2 } else { READ_BYTES };
            if used == 0 && want > 4 * (frame::BODY_BYTES_MAX + 1) {
                return Err(self.damaged(part, pos, seq));
            }
            pos += used as u64;
        }
        let due =
            (part.base.seq + u64::from(extent.after)).min(part.end_seq()).min(collector.plan.max_seq.saturating_add(1));
        if seq < due && part.is_sealed() && contiguous(&file) && !collector.is_full() {
            return Err(misplaced(part, seq));
        }
        Ok(())
    }

    /// Takes what the plan wants out of bytes; returns how many bytes of whole frames there were. No record is missing
    /// among them if they are `contiguous`.
    fn read_chunk(
        &self,
        part: &Part,
        bytes: Vec<u8>,
        pos: Pos,
        seq: &mut u64,
        contiguous: bool,
        collector: &mut Collector<'_>,
    ) -> Result<usize> {
        let mut taken: Vec<(usize, usize, u8, u64)> = Vec::new();
        let mut taken_bytes = 0;
        let mut at = 0;
        let dead = part.dead();
        while at < bytes.len() {
            let found = match frame::parse(&bytes, at, pos + at as u64) {
                Ok(found) => found,
                Err(Fault::Short(_)) => break,
                Err(Fault::Bad) => return Err(self.damaged(part, pos + at as u64, *seq)),
            };
            at += found.len;
            if !is_record(&found) {
                continue;
            }
            let here = seq_of(part, &found).ok_or_else(|| self.damaged(part, pos, *seq))?;
            if here != *seq && contiguous {
                return Err(misplaced(part, *seq));
            }
            *seq = here + 1;
            if !dead.contains((here - part.base.seq) as u32) && collector.wants(part, here, &found)? {
                taken.push((found.body_start, found.body.len(), found.tag(), here));
                taken_bytes += found.body.len();
                collector.bytes += found.body.len();
                let full = collector.bytes >= collector.plan.max_bytes;
                if full || collector.batch.len() + taken.len() >= collector.plan.max_records {
                    break;
                }
            }
        }
        drop(dead);
        collector.take(part.base, bytes, &taken, taken_bytes);
        Ok(at)
    }

    fn read_extent_backward(&self, part: &Part, extent: &Extent, collector: &mut Collector<'_>) -> Result<()> {
        let plan = Plan { max_records: usize::MAX, max_bytes: usize::MAX, ..collector.plan.clone() };
        let mut block = Collector { plan: &plan, batch: Batch::default(), bytes: 0 };
        self.read_extent(part, extent, &mut block)?;
        let mut batch = block.batch;
        batch.reverse();
        batch.truncate(collector.plan.max_records - collector.batch.len());
        batch.truncate(batch.upto_bytes(collector.plan.max_bytes - collector.bytes));
        collector.bytes += batch.stored_bytes();
        collector.batch.absorb(batch);
        Ok(())
    }

    /// Ordinal and offset of each record of the plan's subjects within one part, in order.
    fn postings(&self, part: &Arc<Part>, plan: &Plan) -> Result<Vec<(u32, u32)>> {
        let first = plan.min_seq.saturating_sub(part.base.seq) as u32;
        let after = (plan.max_seq.min(part.end_seq() - 1) - part.base.seq) as u32 + 1;
        let mut found = Vec::new();
        if !part.is_sealed() {
            let state = self.lock();
            if !part.is_sealed() {
                for name in plan.filters.as_slice() {
                    state.active_postings(name, first, &mut found);
                }
                found.retain(|f| f.0 >= first && f.0 < after);
                found.sort_unstable();
                found.dedup();
                return Ok(found);
            }
        }
        let index = part.index(self.disk().as_ref())?;
        let time_block = |time: Nanos| index.blocks.partition_point(|b| b.first_time < time);
        let low = first.max((time_block(plan.min_time).saturating_sub(1) * BLOCK_RECORDS) as u32);
        let high = after.min((time_block(plan.max_time) * BLOCK_RECORDS).min(u32::MAX as usize) as u32);
        for name in plan.filters.as_slice() {
            found.extend(index.find(name_hash(name), low..high)?);
        }
        if let Some((from, to)) = plan.event_range {
            found.retain(|f| {
                let block = &index.blocks[f.0 as usize / BLOCK_RECORDS];
                block.min_event < to && block.max_event >= from
            });
        }
        if plan.filters.as_slice().len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    fn read_postings(&self, part: &Part, found: &[(u32, u32)], collector: &mut Collector<'_>) -> Result<()> {
        let (mut frames, mut gather) = (Frames::new(self, &self.lock()), Gather::default());
        let mut room = collector.plan.max_records - collector.batch.len();
        for (i, &(ord, offset)) in found.iter().enumerate() {
            if i % PREFETCH_RECORDS == 0 {
                frames.prefetch(part, &found[i..found.len().min(i + PREFETCH_RECORDS)]);
            }
            if room == 0 || collector.bytes >= collector.plan.max_bytes {
                break;
            }
            let (seq, pos) = (part.base.seq + u64::from(ord), part.segment.base + u64::from(offset));
            if !part.dead().contains(ord) {
                frames.record(part, pos, seq, |frame| {
                    if collector.wants(part, seq, frame)? {
                        gather.add(part.base, seq, frame);
                        collector.bytes += frame.body.len();
                        room -= 1;
                    }
                    Ok(())
                })?;
            }
        }
        collector.batch.absorb(gather.finish());
        Ok(())
    }
}

impl Collector<'_> {
    /// Adds records that lie in `bytes`: as they lie, or copied out when they are few among much.
    fn take(&mut self, base: Base, bytes: Vec<u8>, taken: &[(usize, usize, u8, u64)], taken_bytes: usize) {
        if taken.is_empty() {
            return;
        }
        if taken_bytes * 4 >= bytes.len() {
            let buffer = self.batch.add_buffer(bytes, base);
            for &(start, len, tag, seq) in taken {
                self.batch.push(buffer, start, len, tag, seq);
            }
            return;
        }
        let mut copied = Vec::with_capacity(taken_bytes);
        let mut starts = Vec::with_capacity(taken.len());
        for &(start, len, _, _) in taken {
            starts.push(copied.len());
            copied.extend_from_slice(&bytes[start..start + len]);
        }
        let buffer = self.batch.add_buffer(copied, base);
        for (&(_, len, tag, seq), start) in taken.iter().zip(starts) {
            self.batch.push(buffer, start, len, tag, seq);
        }
    }
}

impl State {
    /// Ordinal and offset of each record of a subject in the active part, from `first` on.
    fn active_postings(&self, name: &str, first: u32, found: &mut Vec<(u32, u32)>) {
        let Some(id) = self.subjects.find(name) else { return };
        let active = &self.active;
        let subject = self.subjects.entry(id);
        let behind = active.len().saturating_sub(first);
        if u64::from(behind) < 8 * u64::from(subject.count) {
            // Looking through a few records one after another beats following a long chain from its start.
            let tail = active.subjects.iter().enumerate().skip(first as usize);
            found.extend(tail.filter(|(_, s)| **s == id).map(|(ord, _)| (ord as u32, active.offsets[ord])));
        } else {
            found.extend(active.chain(subject.active_first).map(|ord| (ord, active.offsets[ord as usize])));
        }
    }
}

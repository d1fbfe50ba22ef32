//! What a stream holds now: the index of everything committed, and the tail of what is on its way.
//!
//! [`State::apply_record`] and [`State::apply_control`] are the only ways in, used alike by appends and by replay.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use super::active::Active;
use super::control::{Control, SegmentHead};
use super::dedup::Dedup;
use super::limits::BlockCache;
use super::origins::Origins;
use super::part::{Index, Part};
use super::subjects::Subjects;
use super::tips::Tips;
use super::turns::Turn;
use super::waiters::Waiters;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::segment::Segment;
use crate::journal::tail::Tail;
use crate::origin::{HEADER_ORIGIN, Origin};
use crate::record::{Base, HEADER_MSG_ID, HEADER_ROLLUP, HEADER_TTL, RecordView, Rollup, parse_ttl};
use crate::stream::config::{Discard, StreamConfig};

/// One frame that is staged: encoded, and not committed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Staged {
    pub(crate) pos: Pos,
    /// 0 for what is not a record.
    pub(crate) seq: u64,
}

/// A flush that failed, so that those who wait for it hear of it.
pub(crate) struct Failure {
    pub(crate) generation: u64,
    /// What was committed all the same.
    pub(crate) committed: Pos,
    pub(crate) error: Error,
}

/// Everything under a stream's lock.
pub(crate) struct State {
    pub(crate) config: Arc<StreamConfig>,
    pub(crate) created: Nanos,
    pub(crate) tail: Tail,
    /// All parts, oldest first; the last is the active one.
    pub(crate) parts: Arc<Vec<Arc<Part>>>,
    pub(crate) active_part: Arc<Part>,
    pub(crate) active: Active,
    /// Where the tail goes on, as soon as something is committed there.
    pub(crate) next_part: Option<Arc<Part>>,
    pub(crate) subjects: Subjects,
    pub(crate) dedup: Dedup,
    /// When which record's time to live ends.
    pub(crate) expiries: BTreeSet<(Nanos, u64)>,
    pub(crate) tips: Tips,
    pub(crate) origins: Origins,
    /// Whether the log says in which epoch this open appends.
    pub(crate) epoch: EpochNote,
    pub(crate) waiters: Waiters,
    pub(crate) woken: Vec<Waker>,
    pub(crate) next_waiter: u64,
    /// When which waiter's time comes.
    pub(crate) timers: BTreeSet<(Nanos, u64)>,

    pub(crate) staged: VecDeque<Staged>,
    /// The sequence that the next append gets.
    pub(crate) next_seq: u64,
    /// Everything before this position is in the index.
    pub(crate) committed: Pos,
    pub(crate) last_seq: u64,
    pub(crate) last_time: Nanos,
    /// The newest time given to a staged record.
    pub(crate) staged_time: Nanos,
    pub(crate) first_seq: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,

    pub(crate) flushing: bool,
    pub(crate) turn: Turn,
    pub(crate) generation: u64,
    pub(crate) failures: VecDeque<Failure>,
    /// What controls came to, for those who wait.
    pub(crate) outcomes: VecDeque<(Pos, u64)>,
    pub(crate) poison: Option<Error>,
    /// Why the last write of an interval stream failed; its bytes wait, and nothing more is taken.
    pub(crate) stalled: Option<Error>,
    pub(crate) closed: bool,
    /// The last interval sync, or when the oldest unsynced append came.
    pub(crate) dirty_since: Option<Nanos>,
    pub(crate) block_cache: BlockCache,
    /// The first kept sequence whose time is known, and that time.
    pub(crate) first_time_of: (u64, Nanos),
    /// Parts with nothing live, and files with nothing in them, for upkeep to remove.
    pub(crate) dropped: Vec<Arc<Part>>,
    /// Sealed parts whose index is not in a file yet.
    pub(crate) unsaved: Vec<Arc<Part>>,
    /// A snapshot that is due to be written.
    pub(crate) snapshot: Option<Vec<u8>>,
    pub(crate) snapshot_pos: Pos,
    pub(crate) snapshot_len: u64,
    /// While opening: the parts that the snapshot lists.
    pub(crate) sealed: Vec<(Pos, u64, super::dead::Dead)>,
    pub(crate) disk: Arc<dyn crate::disk::Disk>,
}

/// Whether the log says in which epoch this open appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum EpochNote {
    #[default]
    Unsaid,
    Staged(u64),
    Said,
}

/// What of a record means more than keeping it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Special<'a> {
    pub(crate) msg_id: Option<&'a str>,
    pub(crate) ttl_nanos: Option<u64>,
    pub(crate) rollup: Rollup,
    /// Where it was first appended, when that was elsewhere.
    pub(crate) origin: Option<Origin>,
}

impl<'a> Special<'a> {
    pub(crate) fn of(view: &RecordView<'a>) -> Self {
        let mut special = Special::default();
        for (name, value) in view.headers() {
            match name {
                HEADER_MSG_ID => special.msg_id = Some(value),
                HEADER_ORIGIN => special.origin = Origin::parse(value),
                HEADER_TTL => special.ttl_nanos = parse_ttl(value).map(|d| d.as_nanos() as u64),
                HEADER_ROLLUP if value == "sub" => special.rollup = Rollup::Subject,
                HEADER_ROLLUP if value == "all" => special.rollup = Rollup::All,
                _ => {}
            }
        }
        special
    }
}

/// The log must grow this much before another snapshot is made.
const SNAPSHOT_LOG_BYTES: u64 = 64 << 20;

impl State {
    /// Puts a committed record into the index. `size` is what it counts for in the stream's bytes.
    pub(crate) fn apply_record(
        &mut self,
        pos: Pos,
        size: u32,
        record: &RecordView<'_>,
        special: Option<Special<'_>>,
    ) -> Result<()> {
        self.enter_part_at(pos);
        let id = self.subjects.intern(record.subject);
        let previous = {
            let s = self.subjects.entry(id);
            if s.active_first >= self.active.base_seq { self.chain_end(s.last_seq, s.active_first) } else { 0 }
        };
        let offset = (pos - self.active_part.segment.base) as u32;
        let event = record.event_time.unwrap_or(record.time as i64);
        self.active.push((id, record.subject), (offset, size), previous, record.time, event);
        self.active_part.set_end_seq(record.seq + 1);
        let outdone = self.outdone(id);
        self.subjects.add(id, record.seq, (pos, size), self.active.base_seq);
        if self.records == 0 {
            self.first_seq = record.seq;
        }
        self.records += 1;
        self.bytes += u64::from(size);
        self.last_seq = record.seq;
        self.last_time = record.time;
        self.staged_time = self.staged_time.max(record.time);
        self.next_seq = self.next_seq.max(record.seq + 1);
        if self.waiters.has_readers() {
            self.waiters.take_readers(record.subject, &mut self.woken);
        }
        match special.and_then(|s| s.origin) {
            Some(origin) => drop(self.origins.take(origin)),
            None => self.origins.appended(record.seq),
        }
        if let Some(special) = special {
            self.apply_special(record, special)?;
        }
        if let Some((seq, size)) = outdone {
            self.take_out(seq, id, size)?;
        }
        self.enforce_limits(id)
    }

    /// The newest record of a subject that is linked in the active segment: its newest one, unless that was removed and
    /// an older one took its place.
    fn chain_end(&self, last_seq: u64, active_first: u64) -> u64 {
        let linked = |seq: u64| {
            seq.checked_sub(self.active.base_seq)
                .and_then(|ord| self.active.next.get(ord as usize))
                .is_some_and(|&n| n == super::active::NONE)
        };
        if linked(last_seq) && last_seq >= active_first {
            return last_seq;
        }
        self.active.chain(active_first).last().map_or(0, |ord| self.active.base_seq + u64::from(ord))
    }

    fn apply_special(&mut self, record: &RecordView<'_>, special: Special<'_>) -> Result<()> {
        if let Some(id) = special.msg_id {
            self.dedup.insert(id, record.seq, record.time);
        }
        if let Some(ttl) = special.ttl_nanos {
            self.expiries.insert((record.time.saturating_add(ttl), record.seq));
        }
        match special.rollup {
            Rollup::None => {}
            Rollup::Subject => {
                self.purge(Some(record.subject), record.seq, 0)?;
            }
            Rollup::All => {
                self.purge(None, record.seq, 0)?;
            }
        }
        Ok(())
    }

    /// Does what a control entry says; returns how many records went.
    pub(crate) fn apply_control(&mut self, pos: Pos, control: &Control) -> Result<u64> {
        self.enter_part_at(pos);
        match control {
            Control::Config(config) => {
                self.config = Arc::new(config.clone());
                let before = self.records;
                self.enforce_all_limits()?;
                Ok(before - self.records)
            }
            Control::Delete(seq) => self.remove(*seq).map(u64::from),
            Control::Purge { filter, before, keep } => self.purge(filter.as_deref(), *before, *keep),
            Control::Head(seq) => self.purge(None, *seq, 0),
            Control::Epoch(epoch) => {
                self.origins.begin_epoch(*epoch, self.last_seq + 1);
                if self.epoch == EpochNote::Staged(*epoch) {
                    self.epoch = EpochNote::Said;
                }
                Ok(0)
            }
        }
    }

    /// What a record at a position counts from, which is not in a sealed segment.
    pub(crate) fn base_at(&self, pos: Pos) -> Base {
        match &self.next_part {
            Some(next) if pos >= next.segment.base => next.base,
            _ => self.active_part.base,
        }
    }

    /// What a new segment's header says.
    pub(crate) fn segment_head(&self) -> SegmentHead {
        SegmentHead {
            base_seq: self.next_seq,
            last_time: self.staged_time,
            first_seq: self.first_seq,
            created: self.created,
            config: (*self.config).clone(),
            origins: self.staged_origins(),
        }
    }

    /// What the log will have held once everything staged is committed.
    fn staged_origins(&self) -> Origins {
        let mut origins = self.origins.clone();
        if let EpochNote::Staged(epoch) = self.epoch {
            origins.begin_epoch(epoch, self.staged.iter().find(|s| s.seq > 0).map_or(self.next_seq, |s| s.seq));
        }
        for view in self.staged_views() {
            match Special::of(&view).origin {
                Some(origin) => drop(origins.take(origin)),
                None => origins.appended(view.seq),
            }
        }
        origins
    }

    /// Starts a new segment with the next frame, if the one that is written is full. Only when nothing waits in the
    /// tail.
    pub(crate) fn roll_if_full(&mut self) {
        let base = self.next_part.as_ref().map_or(self.active_part.segment.base, |p| p.segment.base);
        if self.tail.end() - base >= self.config.segment_bytes {
            self.roll();
        }
    }

    /// Starts a new segment with the next frame; false, and nothing is done, while something waits in the tail, or the
    /// one before has not been committed to yet: a segment may be larger than asked for.
    pub(crate) fn roll(&mut self) -> bool {
        if self.tail.waiting() > 0 || self.next_part.is_some() {
            return false;
        }
        let head = self.segment_head();
        let header = Segment::header(self.tail.end(), &super::control::to_bytes(&head));
        let dir = self.active_part.segment.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let segment = Arc::new(Segment::planned(&dir, self.tail.end(), header.len() as u64));
        self.tail.roll(Arc::clone(&segment), header);
        self.next_part = Some(Arc::new(Part::new(segment, head.base())));
        true
    }

    /// Makes the next part the active one, when something at `pos` is committed that lies in it.
    fn enter_part_at(&mut self, pos: Pos) {
        if self.next_part.as_ref().is_none_or(|p| pos < p.segment.base) {
            return;
        }
        if let Some(next) = self.next_part.take() {
            self.seal_active(next.segment.base);
            let base = next.segment.base;
            if base - self.snapshot_pos > SNAPSHOT_LOG_BYTES.max(4 * self.snapshot_len) {
                self.snapshot = Some(super::snapshot::encode(self, base));
                self.snapshot_pos = base;
            }
            self.activate(next);
        }
    }

    /// Whether something waits for upkeep that would otherwise pile up.
    pub(crate) fn wants_upkeep(&self) -> bool {
        self.snapshot.is_some() || !self.unsaved.is_empty() || !self.dropped.is_empty()
    }

    /// Ends the active part; its index is made by whoever asks for it first, which is upkeep when nobody does.
    pub(crate) fn seal_active(&mut self, end: Pos) {
        let mut active = std::mem::replace(&mut self.active, Active::new(self.next_seq));
        (active.subjects, active.sizes) = (Vec::new(), Vec::new());
        self.active_part.seal(Index::Due(Box::new(active)), end);
        self.unsaved.push(Arc::clone(&self.active_part));
        if self.active_part.live() == 0 {
            self.drop_part(&Arc::clone(&self.active_part));
        }
    }

    pub(crate) fn activate(&mut self, part: Arc<Part>) {
        self.active = Active::new(part.base.seq);
        let mut parts = (*self.parts).clone();
        parts.push(Arc::clone(&part));
        self.parts = Arc::new(parts);
        self.active_part = part;
        if self.subjects.wants_compaction() {
            // The active segment is empty, so nothing else holds a subject's id.
            self.subjects.compact();
            self.block_cache.clear();
        }
    }

    /// Takes a part with nothing live out of the list; upkeep removes its files.
    pub(crate) fn drop_part(&mut self, part: &Arc<Part>) {
        let mut parts = (*self.parts).clone();
        parts.retain(|p| !Arc::ptr_eq(p, part));
        self.parts = Arc::new(parts);
        self.dropped.push(Arc::clone(part));
        self.block_cache.clear();
    }

    /// The part that holds a sequence.
    pub(crate) fn part_of(&self, seq: u64) -> Option<&Arc<Part>> {
        let after = self.parts.partition_point(|p| p.base.seq <= seq);
        self.parts[..after].iter().rev().find(|p| p.contains(seq))
    }

    /// The part that holds a position.
    pub(crate) fn part_at(&self, pos: Pos) -> Option<&Arc<Part>> {
        let after = self.parts.partition_point(|p| p.segment.base <= pos);
        self.parts[..after].last()
    }

    /// Refuses when the stream is closed or poisoned.
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        if self.closed {
            return Err(Error::new(crate::error::ErrorKind::Closed, format!("stream '{name}' is closed")));
        }
        match &self.poison {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    pub(crate) fn discards_old(&self) -> bool {
        self.config.discard == Discard::Old
    }
}

//! Making and opening a stream's directory: the snapshot, then the log after it, then the verdict on its end.

use std::path::Path;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Local;
use super::active::{Active, NONE};
use super::control::{self, Control, SegmentHead};
use super::gaps::Gaps;
use super::index_file::{SegmentIndex, name_hash};
use super::limits::size_of_body;
use super::origins::Origins;
use super::part::{Index, Part};
use super::snapshot::{self, Snapshot, Stands};
use super::state::{EpochNote, Special, State};
use super::subjects::Subjects;
use super::verdict::{check_gaps, check_snapshot, cut, judge};
use crate::disk::make_dir;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::journal::frame::Frame;
use crate::journal::recover::{Scanned, scan};
use crate::journal::segment::{self, Segment};
use crate::journal::tail::Tail;
use crate::journal::writer::Writer;
use crate::record::{Base, RecordView, TAG_CONTROL, TAG_SPECIAL, decode};
use crate::shared::Shared;
use crate::stream::config::StreamConfig;

/// A segment in the directory and what its header says.
pub(super) struct Found {
    pub(super) segment: Arc<Segment>,
    pub(super) head: SegmentHead,
    pub(super) end: Pos,
}

impl Found {
    fn stands(&self) -> Stands {
        Stands { base: self.segment.base, base_seq: self.head.base_seq }
    }
}

impl Local {
    /// Makes a stream's directory with its first segment, all of it on disk.
    pub(crate) fn create(shared: &Arc<Shared>, dir: &Path, config: StreamConfig) -> Result<Arc<Local>> {
        let created = shared.clock.now();
        let head =
            SegmentHead { base_seq: 1, last_time: 0, first_seq: 1, created, config, origins: Origins::default() };
        let header = Segment::header(0, &control::to_bytes(&head));
        let segment = Segment::planned(dir, 0, header.len() as u64);
        let file = make_dir(&*shared.disk, dir, |dir| segment::begin(&*shared.disk, dir, 0, &header))
            .map_err(|e| Error::io(format_args!("create {}", dir.display()), &e))?;
        segment.set_file(file);
        let found = Found { segment: Arc::new(segment), head, end: 0 };
        let state = State::new(shared, &found, None, 0);
        Ok(Arc::new(Local::with(shared, dir, state, false, Vec::new())))
    }

    fn with(shared: &Arc<Shared>, dir: &Path, state: State, read_only: bool, unsynced: Vec<Arc<Segment>>) -> Local {
        Local {
            name: state.config.name.clone(),
            dir: dir.to_owned(),
            shared: Arc::clone(shared),
            log: shared.pages.new_log(),
            read_only,
            writer: Mutex::new(Writer::new(Arc::clone(&shared.disk), unsynced, snapshot::path(dir))),
            state: Mutex::new(state),
            turns: super::turns::Turns::default(),
            syncing: Mutex::new(()),
            upkeep: Mutex::new(()),
        }
    }

    /// Opens a stream's directory. Beside its writer, files and snapshot can change between two looks at them: damage
    /// is what the next look finds as well.
    pub(crate) fn open(shared: &Arc<Shared>, dir: &Path, read_only: bool) -> Result<Arc<Local>> {
        let mut opened = Local::look(shared, dir, read_only);
        for _ in 0..LOOKS_BESIDE_WRITER {
            let Err(before) = &opened else { break };
            if !read_only {
                break;
            }
            let again = Local::look(shared, dir, read_only);
            let same = matches!(&again, Err(e) if e.to_string() == before.to_string());
            opened = again;
            if same {
                break;
            }
        }
        opened
    }

    fn look(shared: &Arc<Shared>, dir: &Path, read_only: bool) -> Result<Arc<Local>> {
        let mut found = list(shared, dir, read_only)?;
        let Some(last) = found.last() else {
            return Err(Error::corrupt(format!("{} holds no segment", dir.display())));
        };
        let log_end = last.end;
        let gaps = Gaps::load(&*shared.disk, dir)?;
        // One that contradicts the segments is no snapshot of them.
        let stands: Vec<Stands> = found.iter().map(Found::stands).collect();
        if let Some(snapshot) =
            snapshot::load(&*shared.disk, dir).filter(|s| s.is_sound(&last.head.config.name, &stands))
        {
            check_snapshot(&snapshot, &found, log_end, dir)?;
            if let Some(local) = Local::open_found(shared, dir, &mut found, &gaps, Some(snapshot), read_only)? {
                return Ok(local);
            }
            shared.log("warn", format!("{} contradicts the log: left out", snapshot::path(dir).display()));
        }
        let opened = Local::open_found(shared, dir, &mut found, &gaps, None, read_only)?;
        opened.ok_or_else(|| Error::new(ErrorKind::Internal, format!("{} was not read", dir.display())))
    }

    /// Opens what the directory holds; `None`, with nothing changed, when the log's own sequences are not the
    /// snapshot's.
    fn open_found(
        shared: &Arc<Shared>,
        dir: &Path,
        found: &mut Vec<Found>,
        gaps: &Gaps,
        snapshot: Option<Snapshot>,
        read_only: bool,
    ) -> Result<Option<Arc<Local>>> {
        let covered = snapshot.as_ref().map_or(0, |s| s.pos);
        let first = found.iter().position(|f| f.end > covered).unwrap_or(found.len() - 1);
        check_gaps(&found[..=first], gaps, dir)?;
        let mut state = State::new(shared, &found[first], snapshot, covered);
        state.adopt_sealed(&found[..first]);
        let mut at = first;
        let mut clean = false;
        while at < found.len() {
            if at > first {
                // Parts in between may be gone, so it ends where its own frames do.
                state.seal_active(found[at - 1].end);
                let part = Part::new(Arc::clone(&found[at].segment), found[at].head.base());
                state.activate(Arc::new(part));
            } else if state.is_sealed_at_close(&found[at], at + 1 == found.len(), shared) {
                clean = true;
                break;
            }
            let Some(scanned) = state.replay(&found[at].segment, found[at].segment.base, covered)? else {
                return Ok(None);
            };
            clean = scanned.clean;
            let lost = found
                .get(at + 1)
                .is_some_and(|next| scanned.end < next.segment.base && !gaps.covers(scanned.end, next.segment.base));
            if scanned.torn || scanned.end < covered || lost {
                let verdict = judge(&found[at..], &scanned, state.active.end_seq() - 1, covered);
                // What proved it damaged may have been written after it was read; following takes in the rest.
                if !(verdict.is_err() && read_only && is_whole_by_now(&found[at].segment, scanned.end)?) {
                    verdict?;
                }
                cut(shared, found, at, &scanned, read_only)?;
                break;
            }
            if scanned.reserved && !read_only {
                let segment = &found[at].segment;
                segment.file()?.truncate(segment.offset(scanned.end)).map_err(|e| segment.io("cut", &e))?;
            }
            at += 1;
        }
        let end = state.committed;
        if state.active_part.segment.is_packed() && !state.active_part.is_sealed() {
            // Its index was lost; nothing is ever appended to a packed segment.
            state.seal_active(end);
        }
        state.tail = if state.active_part.is_sealed() {
            state.continue_after_close(end)
        } else {
            Tail::new(Arc::clone(&state.active_part.segment), None, end, if clean { end } else { 0 })
        };
        let now = shared.clock.now();
        state.expire(now)?;
        // A process that was killed leaves what it wrote with the system: the next sync owes it to the disk.
        let left = if clean { &[] } else { &found[first..] };
        let unsynced = left.iter().map(|f| Arc::clone(&f.segment)).collect();
        Ok(Some(Arc::new(Local::with(shared, dir, state, read_only, unsynced))))
    }

    /// Takes in what the writing process has committed since, when this stream was opened read-only.
    pub(crate) fn follow(&self) -> Result<()> {
        let mut state = self.lock();
        loop {
            if !state.active_part.segment.is_made() && !self.find_successor(&mut state)? {
                break;
            }
            let segment = Arc::clone(&state.active_part.segment);
            let from = state.committed;
            let Some(scanned) = state.replay(&segment, from, 0)? else { break };
            let end = state.committed.max(scanned.end);
            state.tail.reset(Arc::clone(&segment), None, end);
            if scanned.torn || end == segment.base {
                break;
            }
            let Some(part) = successor(self, end)? else { break };
            state.seal_active(end);
            state.activate(Arc::new(part));
        }
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        super::waiters::wake(woken);
        Ok(())
    }

    /// Puts the segment that the writer made in the place of the one that was only planned; false while there is none.
    fn find_successor(&self, state: &mut State) -> Result<bool> {
        let planned = Arc::clone(&state.active_part);
        let Some(part) = successor(self, planned.segment.base)? else { return Ok(false) };
        let kept = state.parts.iter().filter(|p| !Arc::ptr_eq(p, &planned)).map(Arc::clone).collect();
        state.parts = Arc::new(kept);
        state.activate(Arc::new(part));
        Ok(true)
    }
}

/// Whether whole frames stand at a position where none stood when it was read before.
fn is_whole_by_now(segment: &Segment, at: Pos) -> Result<bool> {
    Ok(scan(segment, at, &mut |_, _| Ok(()))?.end > at)
}

/// Opens the next segment of a stream that is followed, if the writer has made it: after a close that sealed the last
/// one only its place is known.
fn successor(local: &Local, at: Pos) -> Result<Option<Part>> {
    let next = local.dir.join(segment::file_name(at));
    if !local.disk().exists(&next) {
        return Ok(None);
    }
    let Some((segment, blob)) = Segment::open(local.disk().as_ref(), &next, false)? else { return Ok(None) };
    let head = SegmentHead::from_bytes(&blob)?;
    Ok(Some(Part::new(Arc::new(segment), head.base())))
}

fn list(shared: &Arc<Shared>, dir: &Path, read_only: bool) -> Result<Vec<Found>> {
    let disk = &*shared.disk;
    let paths = segment::list(disk, dir)?;
    let mut found: Vec<Found> = Vec::with_capacity(paths.len());
    for (i, path) in paths.iter().enumerate() {
        match Segment::open(disk, path, !read_only)? {
            Some((segment, blob)) => {
                let head = SegmentHead::from_bytes(&blob).map_err(|e| e.context(path.display()))?;
                if let Some(before) = found.last_mut()
                    && (before.segment.base..before.end).contains(&segment.base)
                    && before.segment.is_zero(segment.base, before.end)?
                {
                    before.end = segment.base;
                }
                if let Some(before) = found.last()
                    && before.end > segment.base
                {
                    return Err(Error::corrupt(format!(
                        "{} ends at position {}, but the next segment begins at {}",
                        before.segment.path.display(),
                        before.end,
                        segment.base
                    )));
                }
                let end = segment.end()?;
                found.push(Found { segment: Arc::new(segment), head, end });
            }
            None if i + 1 == paths.len() && i > 0 => {
                // Made, and not whole when the machine stopped: nothing in it was ever acknowledged.
                shared.log("warn", format!("{} has no whole header: left out", path.display()));
                if !read_only {
                    disk.remove(path).map_err(|e| Error::io(format_args!("remove {}", path.display()), &e))?;
                }
            }
            None => return Err(Error::corrupt(format!("{} has a damaged header at offset 0", path.display()))),
        }
    }
    Ok(found)
}

/// Reads a sealed segment and makes its index anew.
pub(crate) fn rebuild_index(segment: &Segment, base: Base) -> Result<SegmentIndex> {
    let mut active = Active::new(base.seq);
    let mut last = Newest::default();
    // It may be packed at any time.
    let segment = &segment.as_it_is();
    let packed = segment.is_packed();
    let mut behind = 0;
    let scanned = scan(segment, segment.base, &mut |pos, found| {
        if let Some(view) = record_of(found, base) {
            let offset = (pos - segment.base) as u32;
            if packed {
                active.push_gaps(view.seq, behind, view.time);
            }
            behind = (pos + found.len as u64 - segment.base) as u32;
            // An index file knows subjects by these hashes, so those of one hash may share a list.
            push(&mut active, name_hash(view.subject), &mut last, offset, found, &view);
        }
        Ok(())
    })?;
    if scanned.torn {
        return Err(Error::corrupt(format!(
            "{} is damaged at offset {}: records after {} are missing",
            segment.path.display(),
            segment.offset(scanned.end),
            active.end_seq() - 1
        )));
    }
    Ok(SegmentIndex::build(active, scanned.end))
}

fn record_of<'a>(found: &Frame<'a>, base: Base) -> Option<RecordView<'a>> {
    if found.note() || found.tag() & TAG_CONTROL != 0 {
        return None;
    }
    decode(found.tag(), base, found.body)
}

/// The ordinal of the last record of each subject that was seen, by a number of the subject's.
type Newest = HashMap<u32, u32, FixedState>;

/// Adds a record behind the one before it that has the same id; `last` remembers the last of each.
fn push(active: &mut Active, id: u32, last: &mut Newest, offset: u32, found: &Frame<'_>, view: &RecordView<'_>) {
    let previous = last.insert(id, active.len()).map_or(0, |ord| active.base_seq + u64::from(ord));
    let event = view.event_time.unwrap_or(view.time as i64);
    active.push((id, view.subject), (offset, size_of_body(found.body.len())), previous, view.time, event);
}

impl State {
    /// The state before anything is replayed: a snapshot's, or an empty stream as `first` says it was.
    fn new(shared: &Arc<Shared>, first: &Found, snapshot: Option<Snapshot>, committed: Pos) -> State {
        let head = &first.head;
        let part = Arc::new(Part::new(Arc::clone(&first.segment), head.base()));
        let mut state = State {
            config: Arc::new(head.config.clone()),
            created: head.created,
            tail: Tail::new(Arc::clone(&first.segment), None, first.segment.base, first.segment.base),
            parts: Arc::new(vec![Arc::clone(&part)]),
            active: Active::new(head.base_seq),
            active_part: part,
            next_part: None,
            subjects: Subjects::new(shared.clock.random()),
            dedup: super::dedup::Dedup::default(),
            expiries: std::collections::BTreeSet::new(),
            tips: super::tips::Tips::default(),
            origins: head.origins.clone().indexed(),
            epoch: EpochNote::default(),
            waiters: super::waiters::Waiters::default(),
            woken: Vec::new(),
            next_waiter: 0,
            timers: std::collections::BTreeSet::new(),
            staged: std::collections::VecDeque::new(),
            next_seq: head.base_seq,
            committed: committed.max(first.segment.base),
            last_seq: head.base_seq - 1,
            last_time: head.last_time,
            staged_time: head.last_time,
            first_seq: head.first_seq.max(head.base_seq),
            records: 0,
            bytes: 0,
            flushing: false,
            turn: super::turns::Turn::default(),
            generation: 0,
            failures: std::collections::VecDeque::new(),
            outcomes: std::collections::VecDeque::new(),
            poison: None,
            stalled: None,
            closed: false,
            dirty_since: None,
            block_cache: super::limits::BlockCache::default(),
            first_time_of: (0, 0),
            dropped: Vec::new(),
            unsaved: Vec::new(),
            snapshot: None,
            snapshot_pos: 0,
            snapshot_len: 0,
            sealed: Vec::new(),
            disk: Arc::clone(&shared.disk),
        };
        if let Some(snapshot) = snapshot {
            state.restore(snapshot);
        }
        state
    }

    fn restore(&mut self, snapshot: Snapshot) {
        snapshot.each_subject(&mut |name, subject| self.subjects.restore(name, subject));
        self.config = Arc::new(snapshot.config);
        self.created = snapshot.created;
        self.last_seq = snapshot.last_seq;
        self.next_seq = snapshot.last_seq + 1;
        self.last_time = snapshot.last_time;
        self.staged_time = snapshot.last_time;
        self.first_seq = snapshot.first_seq;
        self.origins = snapshot.origins.indexed();
        self.records = snapshot.records;
        self.bytes = snapshot.bytes;
        self.expiries = snapshot.expiries.into_iter().collect();
        for (id, seq, time) in snapshot.ids {
            self.dedup.insert(&id, seq, time);
        }
        self.snapshot_pos = snapshot.pos;
        self.snapshot_len = snapshot.len;
        let active = Arc::clone(&self.active_part);
        if let Some((_, end_seq, dead)) = snapshot.parts.iter().find(|p| p.0 == active.segment.base) {
            active.set_end_seq(*end_seq);
            *active.dead_mut() = dead.clone();
        }
        self.sealed = snapshot.parts;
    }

    /// Puts the sealed parts that a snapshot covers before the active one.
    fn adopt_sealed(&mut self, found: &[Found]) {
        let mut parts = Vec::with_capacity(found.len() + 1);
        let listed = std::mem::take(&mut self.sealed);
        for found in found {
            let known = listed.iter().find(|p| p.0 == found.segment.base);
            let Some((_, end_seq, dead)) = known else {
                // Nothing in it was live when the snapshot was made: its removal was cut short.
                self.dropped.push(Arc::new(Part::new(Arc::clone(&found.segment), found.head.base())));
                continue;
            };
            let part = Part::new(Arc::clone(&found.segment), found.head.base());
            part.set_end_seq(*end_seq);
            *part.dead_mut() = dead.clone();
            part.seal(Index::Stored, found.end);
            parts.push(Arc::new(part));
        }
        parts.push(Arc::clone(&self.active_part));
        self.parts = Arc::new(parts);
    }

    /// Whether the last close sealed this segment, so that its index file says all of it.
    fn is_sealed_at_close(&mut self, found: &Found, last: bool, shared: &Arc<Shared>) -> bool {
        if !last || self.committed < found.end || found.end - found.segment.base < SEAL_AT_CLOSE_BYTES {
            return false;
        }
        let part = Arc::clone(&self.active_part);
        let index = SegmentIndex::load(&*shared.disk, &part.index_path());
        match index {
            Some(index) if index.end == found.end && index.is_of(&part) && self.next_seq == part.end_seq() => {
                part.seal(Index::Made(Arc::new(index)), found.end);
                true
            }
            _ => false,
        }
    }

    /// Goes on in a segment of its own, which is made with the first frame.
    fn continue_after_close(&mut self, end: Pos) -> Tail {
        let sealed = Arc::clone(&self.active_part.segment);
        let head = self.segment_head();
        let header = Segment::header(end, &control::to_bytes(&head));
        let dir = sealed.path.parent().map(Path::to_owned).unwrap_or_default();
        let segment = Arc::new(Segment::planned(&dir, end, header.len() as u64));
        self.activate(Arc::new(Part::new(Arc::clone(&segment), head.base())));
        Tail::new(segment, Some(header), end, end)
    }

    /// Notes the places before a record of a packed segment whose records are gone.
    fn pass_over(&mut self, behind: u32, seq: u64, time: crate::clock::Nanos) {
        let part = Arc::clone(&self.active_part);
        let first = self.active.len();
        self.active.push_gaps(seq, behind, time);
        for ord in first..self.active.len() {
            part.dead_mut().insert(ord);
        }
        part.set_end_seq(part.end_seq().max(seq));
        self.next_seq = self.next_seq.max(seq);
    }

    /// Puts a record into the active index that the rest of the index knows from the snapshot.
    fn list_covered(&mut self, last: &mut Newest, offset: u32, found: &Frame<'_>, view: &RecordView<'_>) {
        let base = self.active_part.base.seq;
        let ord = (view.seq - base) as u32;
        let id = self.subjects.intern(view.subject);
        push(&mut self.active, id, last, offset, found, view);
        let first = self.subjects.entry(id).active_first;
        if first < base && !self.active_part.dead().contains(ord) {
            self.subjects.set_active_first(id, view.seq);
        }
        self.active_part.set_end_seq(view.seq + 1);
        if view.seq < self.first_seq {
            // The snapshot does not list a part that has nothing live.
            self.active_part.dead_mut().insert(ord);
        }
    }

    /// Takes in the frames of a segment from `from` on. Before `covered` only the active index needs them; `None` when
    /// they end at another sequence than the snapshot which covers them says.
    fn replay(&mut self, segment: &Arc<Segment>, from: Pos, covered: Pos) -> Result<Option<Scanned>> {
        let (base, packed) = (self.active_part.base, segment.is_packed());
        let mut last = Newest::default();
        let covers = covered > 0 && covered >= segment.base;
        let contradicts = |state: &State| covers && state.active.end_seq() != state.next_seq;
        let (mut checked, mut contradicted) = (false, false);
        let mut behind = (from - segment.base) as u32;
        let scanned = scan(segment, from, &mut |pos, found| {
            if !checked && pos >= covered {
                (checked, contradicted) = (true, contradicts(self));
            }
            if contradicted {
                return Err(Error::new(ErrorKind::Internal, "the snapshot contradicts the log"));
            }
            if found.note() {
                return Ok(());
            }
            let whole = || {
                Error::new(
                    ErrorKind::Corrupt,
                    format!("{}: the frame at offset {} cannot be read", segment.path.display(), segment.offset(pos)),
                )
            };
            if found.tag() & TAG_CONTROL != 0 {
                if pos >= covered {
                    let control: Control = control::from_bytes(found.body, "a control entry")?;
                    self.apply_control(pos, &control)?;
                }
                return Ok(());
            }
            let view = decode(found.tag(), base, found.body).ok_or_else(whole)?;
            let before = std::mem::replace(&mut behind, (pos + found.len as u64 - segment.base) as u32);
            if pos < covered {
                let offset = (pos - segment.base) as u32;
                if packed {
                    self.active.push_gaps(view.seq, before, view.time);
                }
                self.list_covered(&mut last, offset, found, &view);
                return Ok(());
            }
            let due = self.next_seq.max(base.seq);
            if packed && view.seq >= due {
                self.pass_over(before, view.seq, view.time);
            } else if view.seq != due {
                return Err(Error::corrupt(format!(
                    "{} at offset {}: record {} where {due} is due",
                    segment.path.display(),
                    segment.offset(pos),
                    view.seq
                )));
            }
            let special = (found.tag() & TAG_SPECIAL != 0).then(|| Special::of(&view));
            self.apply_record(pos, size_of_body(found.body.len()), &view, special)
        });
        // Where the log ends before, that is told as damage.
        contradicted |= scanned.as_ref().is_ok_and(|s| s.end == covered) && contradicts(self);
        if contradicted {
            return Ok(None);
        }
        let scanned = scanned?;
        self.committed = self.committed.max(scanned.end);
        debug_assert!(self.active.next.iter().all(|&n| n == NONE || n < self.active.len()));
        Ok(Some(scanned))
    }
}

/// How often a directory is looked at again beside its writer while each look finds something else wrong.
const LOOKS_BESIDE_WRITER: usize = 8;

/// A close seals a segment of at least this many bytes, so that the next open need not read it.
pub(crate) const SEAL_AT_CLOSE_BYTES: u64 = 1 << 20;

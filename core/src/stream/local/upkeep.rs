//! What is done for a stream besides the calls of its users: flushes that nobody waits for, interval sync, expiry,
//! index files, snapshots, and giving back the space of what is gone. The engine's worker does it, or whoever steps
//! the engine.

use std::sync::Arc;

use super::Local;
use super::active::BLOCK_RECORDS;
use super::dead::Dead;
use super::gaps::Gaps;
use super::open::SEAL_AT_CLOSE_BYTES;
use super::part::Part;
use super::snapshot;
use super::waiters::wake;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::journal::frame::{FLAG_NOTE, Frame};
use crate::journal::pack::{self, Keep};
use crate::journal::segment::Segment;
use crate::journal::writer::WriteFault;
use crate::record::{Base, Durability, TAG_CONTROL, decode, take_stamp};
use crate::stream::config::Compression;

/// Index files that may stay loaded.
const LOADED_MAX: usize = 16;

impl Local {
    /// Does what is due; returns when the next thing is.
    pub(crate) fn step(&self, now: Nanos) -> Option<Nanos> {
        match self.try_step(now) {
            Ok(next) => next,
            Err(error) => {
                self.shared.log("error", format!("stream '{}': {error}", self.name));
                Some(now + RETRY_NANOS)
            }
        }
    }

    fn try_step(&self, now: Nanos) -> Result<Option<Nanos>> {
        if self.read_only {
            if self.lock().waiters.has_readers() {
                self.follow()?;
            }
            self.wake_due(now);
            return Ok(Some(now + FOLLOW_NANOS));
        }
        self.flush_due(now)?;
        {
            let mut state = self.lock();
            if state.closed || state.poison.is_some() {
                return Ok(None);
            }
            state.expire(now)?;
        }
        if let Ok(_only) = self.upkeep.try_lock() {
            self.save_indexes()?;
            self.save_snapshot()?;
            self.remove_dropped()?;
            self.pack_one()?;
        }
        let timer = self.wake_due(now);
        let mut state = self.lock();
        let interval = state.config.sync_interval.as_nanos() as u64;
        let sync = state.dirty_since.map(|d| d + interval);
        let expiry = state.next_expiry();
        Ok([sync, expiry, timer].into_iter().flatten().min())
    }

    fn flush_due(&self, now: Nanos) -> Result<()> {
        let (write, sync) = {
            let mut state = self.lock();
            if state.closed || state.poison.is_some() || state.flushing {
                return Ok(());
            }
            let interval = state.config.sync_interval.as_nanos() as u64;
            let is_interval = state.config.durability == Durability::Interval;
            let due = state.dirty_since.is_some_and(|d| d + interval <= now);
            if due {
                state.dirty_since = None;
            }
            (!state.tail.is_written(), if is_interval { due } else { true })
        };
        if write || sync {
            self.flush(sync)?;
        }
        Ok(())
    }

    /// Wakes those whose time has come; returns when the next one's does.
    fn wake_due(&self, now: Nanos) -> Option<Nanos> {
        let mut state = self.lock();
        let mut woken = std::mem::take(&mut state.woken);
        while let Some(&(at, id)) = state.timers.first()
            && at <= now
        {
            state.timers.pop_first();
            state.waiters.take_id(id, &mut woken);
        }
        let next = state.timers.first().map(|t| t.0);
        drop(state);
        wake(woken);
        next
    }

    pub(super) fn save_indexes(&self) -> Result<()> {
        let unsaved = std::mem::take(&mut self.lock().unsaved);
        for part in unsaved {
            if let Some(bytes) = part.unsaved_index().and_then(|i| i.to_bytes()) {
                let path = part.index_path();
                let at = |e| Error::io(format_args!("write {}", path.display()), &e);
                let file = self.disk().open(&path, crate::disk::OpenMode::Create).map_err(at)?;
                if let Err(error) = file.write_at(&bytes, 0) {
                    let _ = self.disk().remove(&path);
                    return Err(at(error));
                }
                part.unload();
            }
        }
        let parts = Arc::clone(&self.lock().parts);
        let loaded: Vec<_> = parts.iter().filter(|p| p.is_loaded()).collect();
        if loaded.len() > LOADED_MAX {
            for part in loaded {
                part.unload();
            }
        }
        Ok(())
    }

    fn save_snapshot(&self) -> Result<()> {
        let due = self.lock().snapshot.take();
        if let Some(bytes) = due {
            // What a snapshot covers must be on disk before it, or a lost end of the log could not be told from damage.
            self.sync_now()?;
            snapshot::write(self.disk().as_ref(), &self.dir, &bytes)?;
            self.lock().snapshot_len = bytes.len() as u64;
        }
        Ok(())
    }

    pub(super) fn remove_dropped(&self) -> Result<()> {
        let (dropped, gaps, bytes) = {
            let mut state = self.lock();
            let dropped: Vec<_> = state.dropped.extract_if(.., |p| p.segment.is_made()).collect();
            if dropped.is_empty() {
                return Ok(());
            }
            if !state.active_part.segment.is_made() {
                // A directory without a segment would not say what stream it is.
                state.tail.push(FLAG_NOTE, |_| 0);
            }
            let pos = state.committed;
            state.snapshot_pos = pos;
            state.snapshot = None;
            let gaps = Gaps::between(&state.parts);
            (dropped, gaps, snapshot::encode(&state, pos))
        };
        if let Err(error) = self.note_dropped(&dropped, &bytes, &gaps) {
            // Nothing of them is gone yet: the next step tries again.
            let mut state = self.lock();
            state.dropped.extend(dropped);
            state.snapshot_pos = 0;
            return Err(error);
        }
        for part in dropped {
            let _ = self.disk().remove(&part.index_path());
            let path = &part.segment.path;
            self.disk().remove(path).map_err(|e| Error::io(format_args!("remove {}", path.display()), &e))?;
        }
        Ok(())
    }

    /// Puts on disk what has to be there before segments go. Where there is no room, their index files go first.
    fn note_dropped(&self, dropped: &[Arc<Part>], bytes: &[u8], gaps: &Gaps) -> Result<()> {
        let disk = self.disk().as_ref();
        self.sync_now()?;
        let write = || snapshot::write(disk, &self.dir, bytes).and_then(|()| gaps.write(disk, &self.dir));
        let outcome = write();
        if outcome.as_ref().is_err_and(Error::is_disk_full) {
            for part in dropped {
                let _ = disk.remove(&part.index_path());
            }
            return write();
        }
        outcome
    }

    /// Stores one sealed segment anew that holds more than it needs to; the next step looks for another.
    fn pack_one(&self) -> Result<()> {
        let part = {
            let state = self.lock();
            let compress = state.config.compression == Compression::Zstd;
            let unsaved = |p: &Arc<Part>| state.unsaved.iter().any(|u| Arc::ptr_eq(u, p));
            state.parts.iter().find(|p| p.wants_pack(compress) && !unsaved(p)).map(Arc::clone)
        };
        let Some(part) = part else { return Ok(()) };
        self.pack(&part)?;
        self.shared.ring(None);
        Ok(())
    }

    /// Stores a sealed segment anew, without what is gone. Its index must be in its file.
    pub(super) fn pack(&self, part: &Arc<Part>) -> Result<()> {
        let (compress, dead, snapshot) = {
            let mut state = self.lock();
            let compress = state.config.compression == Compression::Zstd;
            let dead = part.dead().clone();
            let pos = state.committed;
            let bytes = snapshot::encode(&state, pos);
            state.snapshot_pos = pos;
            // One that is due is older than this one, and must not take its place.
            state.snapshot = None;
            (compress, dead, bytes)
        };
        let last = part.end_seq() - 1;
        let kept = (part.end_seq() - part.base.seq) - dead.len();
        let mut keep = |found: &Frame<'_>| fate(found, &dead, part.base, last);
        let level = if compress { COMPRESS_LEVEL } else { COMPACT_LEVEL };
        let disk = self.disk().as_ref();
        let Some((_, head)) = Segment::open(disk, &part.segment.path, false)? else {
            return Err(Error::corrupt(format!("{} has a damaged header", part.segment.path.display())));
        };
        let written = pack::write(disk, &part.segment, &head, level, kept, &mut keep)?;
        // What is left out must be known to be gone before it is: replay could not take it out a second time.
        self.sync_now()?;
        snapshot::write(disk, &self.dir, &snapshot)?;
        part.segment.set_packed(written.place(disk)?);
        Ok(())
    }

    /// Writes everything, leaves the mark of a clean close, and refuses what comes after. Caches that cannot be written
    /// are left out: what was acknowledged is in the log, and the next open reads that.
    pub(crate) fn close(&self) -> Result<()> {
        {
            let mut state = self.lock();
            if state.closed {
                return Ok(());
            }
            state.closed = true;
            let mut woken = std::mem::take(&mut state.woken);
            state.waiters.take_all(&mut woken);
            drop(state);
            self.turns.wake_all();
            wake(woken);
        }
        if self.read_only || self.lock().poison.is_some() {
            return Ok(());
        }
        self.finish_tail()?;
        let _only = self.upkeep.lock();
        if let Err(error) = self.store_index() {
            self.shared.log("warn", format!("stream '{}': its index was not stored: {error}", self.name));
        }
        Ok(())
    }

    /// Stores the index of a closed stream, one part after the other: each takes memory.
    fn store_index(&self) -> Result<()> {
        let changed = {
            let mut state = self.lock();
            let end = state.committed;
            let changed = state.snapshot_pos != end;
            if changed && end - state.active_part.segment.base >= SEAL_AT_CLOSE_BYTES {
                state.seal_active(end);
            }
            changed
        };
        self.save_indexes()?;
        if changed {
            let bytes = {
                let state = self.lock();
                snapshot::encode(&state, state.committed)
            };
            snapshot::write(self.disk().as_ref(), &self.dir, &bytes)?;
        }
        Ok(())
    }

    fn finish_tail(&self) -> Result<()> {
        self.flush(true)?;
        let mut writer = self.writer();
        writer.trim();
        writer.begin_sync().run()?;
        let mut state = self.lock();
        let end = state.tail.end();
        if state.snapshot_pos == end {
            return Ok(());
        }
        state.tail.synced = end;
        state.tail.push(FLAG_NOTE, |_| 0);
        let Some(chunk) = state.tail.take() else { return Ok(()) };
        drop(state);
        match writer.write(&chunk, false) {
            // No room for the mark: the next open looks for the end of the log itself.
            Err(WriteFault::Undone(_)) => return Ok(()),
            Err(WriteFault::Poisoned(error)) => return Err(error),
            Ok(()) => writer.begin_sync().run()?,
        }
        let mut state = self.lock();
        state.committed = chunk.end();
        state.tail.synced = chunk.end();
        state.tail.written(chunk);
        Ok(())
    }
}

/// What packing makes of a frame, given what is gone and which record is the segment's last.
fn fate(found: &Frame<'_>, dead: &Dead, base: Base, last: u64) -> Keep {
    if found.note() {
        // It may be what an earlier packing left where an index points.
        return Keep::GoneAt;
    }
    if found.tag() & TAG_CONTROL != 0 {
        return Keep::Frame;
    }
    let Some((seq, _)) = take_stamp(base, &mut &*found.body) else { return Keep::Frame };
    let ord = (seq - base.seq) as u32;
    if !dead.contains(ord) {
        Keep::Frame
    } else if seq == last {
        // It stays without its payload, so that the segment still says how far it goes.
        let payload = decode(found.tag(), base, found.body).map_or(0, |record| record.payload.len());
        Keep::Until(found.body.len() - payload)
    } else if ord.is_multiple_of(BLOCK_RECORDS as u32) {
        Keep::GoneAt
    } else {
        Keep::Gone
    }
}

/// zstd's level for a stream that asks for compression, and for one that only gives space back.
const COMPRESS_LEVEL: i32 = 3;
const COMPACT_LEVEL: i32 = 1;
/// How long a step that failed waits before it is tried again.
const RETRY_NANOS: Nanos = crate::clock::SECOND;
/// How often a read-only stream looks for what was appended.
const FOLLOW_NANOS: Nanos = crate::clock::SECOND / 50;

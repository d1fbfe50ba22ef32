//! One segment as the stream sees it: which sequences it holds, which of them are gone, and its index.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::active::Active;
use super::dead::Dead;
use super::index_file::SegmentIndex;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::segment::Segment;
use crate::locks::{lock, read, write};
use crate::record::Base;

/// Where the index of a sealed part is.
#[derive(Default)]
pub(crate) enum Index {
    /// In its file.
    #[default]
    Stored,
    /// To be made of this.
    Due(Box<Active>),
    Made(Arc<SegmentIndex>),
}

/// A segment and what is known of its records.
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    pub(crate) base: Base,
    /// One past its last sequence; grows while it is the active one.
    end_seq: AtomicU64,
    dead: RwLock<Dead>,
    index: Mutex<Index>,
    sealed: AtomicBool,
    /// One past its last position, once it is sealed.
    end: AtomicU64,
}

impl Part {
    pub(crate) fn new(segment: Arc<Segment>, base: Base) -> Self {
        Part {
            segment,
            base,
            end_seq: AtomicU64::new(base.seq),
            dead: RwLock::default(),
            index: Mutex::default(),
            sealed: AtomicBool::new(false),
            end: AtomicU64::new(0),
        }
    }

    pub(crate) fn end_seq(&self) -> u64 {
        self.end_seq.load(Ordering::Acquire)
    }

    pub(crate) fn set_end_seq(&self, seq: u64) {
        self.end_seq.store(seq, Ordering::Release);
    }

    pub(crate) fn contains(&self, seq: u64) -> bool {
        (self.base.seq..self.end_seq()).contains(&seq)
    }

    pub(crate) fn dead(&self) -> RwLockReadGuard<'_, Dead> {
        read(&self.dead)
    }

    pub(crate) fn dead_mut(&self) -> RwLockWriteGuard<'_, Dead> {
        write(&self.dead)
    }

    pub(crate) fn live(&self) -> u64 {
        (self.end_seq() - self.base.seq) - self.dead().len()
    }

    /// Whether packing it is worth it: it shall be compressed and is not, or less than half of what it holds is live.
    pub(crate) fn wants_pack(&self, compress: bool) -> bool {
        let kept = self.segment.packed_kept();
        let live = self.live();
        let held = kept.unwrap_or(self.end_seq() - self.base.seq);
        self.is_sealed() && live > 0 && ((compress && kept.is_none()) || live * 2 < held)
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// One past its last position; 0 while it is written.
    pub(crate) fn end(&self) -> Pos {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn seal(&self, index: Index, end: Pos) {
        self.end.store(end, Ordering::Release);
        *self.lock_index() = index;
        self.sealed.store(true, Ordering::Release);
    }

    fn lock_index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    /// The index, if it is in memory.
    fn made_index(&self) -> (MutexGuard<'_, Index>, Option<Arc<SegmentIndex>>) {
        let mut index = self.lock_index();
        if let Index::Due(_) = *index
            && let Index::Due(active) = std::mem::take(&mut *index)
        {
            *index = Index::Made(Arc::new(SegmentIndex::build(*active, self.end())));
        }
        let made = if let Index::Made(made) = &*index { Some(Arc::clone(made)) } else { None };
        (index, made)
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.segment.path.with_extension("idx")
    }

    /// The index of a sealed part.
    pub(crate) fn index(&self, disk: &dyn Disk) -> Result<Arc<SegmentIndex>> {
        let (mut index, made) = self.made_index();
        if let Some(made) = made {
            return Ok(made);
        }
        let path = self.index_path();
        let end = self.segment.end()?;
        let loaded = SegmentIndex::load(disk, &path).filter(|i| i.end <= end && i.is_of(self));
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => super::open::rebuild_index(&self.segment, self.base)?,
        };
        if loaded.end_seq() != self.end_seq() {
            return Err(Error::corrupt(format!(
                "{} holds sequences {} to {}, but {} to {} were committed to it",
                self.segment.path.display(),
                loaded.base_seq,
                loaded.end_seq() - 1,
                self.base.seq,
                self.end_seq() - 1
            )));
        }
        let loaded = Arc::new(loaded);
        *index = Index::Made(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// The index, if it is in memory only.
    pub(crate) fn unsaved_index(&self) -> Option<Arc<SegmentIndex>> {
        self.made_index().1.filter(|i| i.is_unsaved())
    }

    pub(crate) fn is_loaded(&self) -> bool {
        matches!(&*self.lock_index(), Index::Made(made) if !made.is_unsaved())
    }

    /// Lets go of the index; it is loaded again when it is asked for.
    pub(crate) fn unload(&self) {
        *self.lock_index() = Index::Stored;
    }
}

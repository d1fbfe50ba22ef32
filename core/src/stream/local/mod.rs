//! The local engine of the stream contract: an index in memory over a journal on disk.
//!
//! Everything that readers can see is committed: an append is staged, written (and synced, where the stream promises
//! it), and only then put into the index. One lock guards index and tail; no input or output of a writer happens
//! under it.

pub(crate) mod active;
pub(crate) mod append;
pub(crate) mod commit;
pub(crate) mod consumer;
pub(crate) mod control;
pub(crate) mod dead;
pub(crate) mod dedup;
mod erase;
pub(crate) mod frames;
pub(crate) mod gaps;
pub(crate) mod index_file;
pub(crate) mod limits;
pub(crate) mod open;
pub(crate) mod origins;
pub(crate) mod part;
pub(crate) mod read;
pub(crate) mod slots;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod stream;
pub(crate) mod subjects;
pub(crate) mod subscription;
pub(crate) mod tips;
pub(crate) mod turns;
pub(crate) mod upkeep;
mod verdict;
pub(crate) mod waiters;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::writer::Writer;
use crate::locks::lock;
use crate::shared::Shared;
use state::State;
use turns::Turns;

/// One stream of a local engine.
pub(crate) struct Local {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    /// Its pages' name among all pages of the engine.
    pub(crate) log: u32,
    pub(crate) read_only: bool,
    state: Mutex<State>,
    pub(crate) turns: Turns,
    /// Held while writing; taken before `state`, never after it.
    writer: Mutex<Writer>,
    /// Held by whoever changes files other than the one that is written; taken before all others.
    upkeep: Mutex<()>,
    /// Held by whoever syncs, from before the write that it covers; taken before `writer`.
    syncing: Mutex<()>,
}

impl Local {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }

    /// A number for one who waits.
    pub(crate) fn new_waiter(&self) -> u64 {
        let mut state = self.lock();
        state.next_waiter += 1;
        state.next_waiter
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.shared.disk
    }

    fn syncing(&self) -> MutexGuard<'_, ()> {
        lock(&self.syncing)
    }

    pub(crate) fn refuse_if_read_only(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::new(ErrorKind::Unsupported, format!("stream '{}' was opened read-only", self.name)));
        }
        Ok(())
    }
}

//! The CRDT store: a replica that is kept in a stream. Store `name` is stream `CRDT_<name>`, the log: a write or a
//! transaction is one record, at `$CRDT.<name>.<actor>`, whose payload is the delta that it made. What others append
//! there, from another handle or process or by a link, is joined before each read and write.
//!
//! A handle's replica never says more than the log does: one whose write failed answers that error from then on, and
//! the next handle has what the log has. Snapshots of the replica stand in for the beginning of the log. It stands on
//! handles of streams and objects, and knows nothing of who keeps the records.

mod dump;
#[cfg(feature = "mesh")]
pub(crate) mod exchange;
mod follow;
mod log;
mod merge;
pub(crate) mod open;
mod read;
mod registers;
mod snapshot;
pub(crate) mod take;
mod watch;
mod write;

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks;
use crate::origin::Writer;
use crate::record::Durability;
use crate::stream::Stream;
use crate::stream::subscription::Subscription;

use super::replica::Replica;
use log::Log;
pub(crate) use log::of_stream;
use snapshot::Snapshots;

pub use dump::Dumped;
pub use merge::Merged;
pub use read::CrdtStatus;
pub use snapshot::SNAPSHOTS_KEPT;
pub use watch::{Changed, CrdtWatcher};
pub use write::Written;

/// Records of the log between two snapshots unless a store is told otherwise; as many as it has keys if that is more.
pub const SNAPSHOT_RECORDS: u64 = 100_000;

/// Records of its own that a handle leaves unread while it writes.
const UNREAD_MAX: u64 = 500;

/// What a CRDT store is told.
#[derive(Debug, Clone, Default)]
pub struct CrdtConfig {
    /// Its name: letters, digits, `-` and `_`. The log is stream `CRDT_<name>`, and snapshots are in the object store
    /// `CRDT_<name>_SNAPSHOTS`.
    pub name: String,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// This handle writes a snapshot every so many records of the log, or as many as there are keys if that is more, so
    /// that what snapshots cost does not grow with the store; 0 is [`SNAPSHOT_RECORDS`].
    pub snapshot_records: u64,
}

/// State that merges, kept in a stream. Cheap to clone: clones share it. Handles that are opened apart see each
/// other's writes through the stream.
///
/// ```
/// use headwater::Engine;
/// use headwater::crdt::{CrdtConfig, Kind, Op, Reading};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let store = engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() })?;
/// assert_eq!(store.write("likes", Kind::Counter, &Op::Add(5)).wait()?.total, Some(5));
/// let other = engine.open_crdt("app")?;
/// assert_eq!(other.read("likes", Kind::Counter)?, Reading::Number(5));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CrdtStore(Arc<Inner>);

struct Inner {
    log: Log,
    snapshots: Snapshots,
    subscription: Subscription,
    actor: Writer,
    /// The sequence of its next operation, for whoever goes on as it.
    next_seq: Arc<AtomicU64>,
    /// The subject of the records of this handle.
    own_subject: String,
    /// Appends that were not acknowledged yet. It grows under the lock; who hears of the end of one takes none.
    unanswered: AtomicU64,
    live: Mutex<Live>,
}

/// The replica, and how it stands to the log.
struct Live {
    replica: Replica,
    covered: Covered,
    /// The last sequence that the newest snapshot known covers.
    snapshot_seq: u64,
    /// The sequence of the log at which the next snapshot is due.
    snapshot_due: u64,
    /// The payload of the last record that this handle sent, until it comes back from the log with all before it.
    last_sent: Option<Vec<u8>>,
    /// The same of when a snapshot was begun.
    awaited: Option<Vec<u8>>,
    /// Records whose fragments would be held, had there been room: they are read again when there is.
    left: VecDeque<u64>,
    has_written: bool,
    /// Records that this handle sent since it last read the log.
    unread: u64,
    /// Why the handle can't go on.
    failed: Option<Error>,
}

/// The last record of the log that is in a replica with all before it; sequence 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Covered {
    seq: u64,
    time: Nanos,
}

impl CrdtStore {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.log.name
    }

    /// The log.
    pub fn stream(&self) -> &Stream {
        &self.0.log.stream
    }

    /// Whose operations are made here, by this handle and its clones alone: what others give rights to. A handle goes
    /// on as an actor of the directory whose handle is gone, if there is one.
    pub fn actor(&self) -> Writer {
        self.0.actor
    }

    /// Ends the handle and its clones: later calls answer [`ErrorKind::Closed`]. What was acknowledged is kept without
    /// it too. If it wrote, and the log grew by 1,000 records or a tenth of those between two snapshots, it writes one
    /// first; that it could not is logged.
    pub fn close(&self) {
        self.0.snapshot_at_close();
        self.0.end();
        self.0.subscription.close();
    }
}

impl Inner {
    /// The replica as this handle knew it last, if it can go on.
    fn known(&self) -> Result<MutexGuard<'_, Live>> {
        let panicked =
            |_| Error::new(ErrorKind::Internal, format!("a call of CRDT store '{}' panicked", self.log.name));
        let live = locks::lock_in_turn(&self.live).map_err(panicked)?;
        match &live.failed {
            Some(error) => Err(error.clone()),
            None => Ok(live),
        }
    }

    /// The replica to write to. Where the log has nothing, or nothing but what this handle sent, that is not yet read,
    /// nothing is.
    fn live_to_write(&self) -> Result<MutexGuard<'_, Live>> {
        let mut live = self.known()?;
        let lag = self.subscription.lag();
        let is_known = lag == 0 || lag == live.unread;
        if !is_known || live.unread >= UNREAD_MAX && !self.pass_own(&mut live)? {
            self.follow(&mut live)?;
        }
        Ok(live)
    }

    /// The replica with all that is in the log.
    fn live(&self) -> Result<MutexGuard<'_, Live>> {
        let mut live = self.known()?;
        self.follow(&mut live)?;
        Ok(live)
    }
}

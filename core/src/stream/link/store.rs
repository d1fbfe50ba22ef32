//! Where a link goes on, in one small file. An old one costs time and no record: both sides know what they have.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::disk::{Disk, OpenMode, read_all, replace};
use crate::error::{Error, Result};
use crate::locks::lock;

/// Changes that may be lost to a crash, and are then looked at again.
const CHANGES_MAX: u64 = 10_000;

/// Where a link goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Place {
    /// When the other stream was made; 0 before it was met.
    pub(crate) created: Nanos,
    /// Everything up to this sequence of the local stream is there.
    pub(crate) pushed: u64,
    /// Everything up to this sequence of the other stream is here.
    pub(crate) pulled: u64,
    /// The time of the record with that sequence: one with another time is another record.
    pub(crate) pulled_time: Nanos,
    /// The highest sequence that the other stream acknowledged to this link.
    pub(crate) remote_seq: u64,
    /// Of a stream that nobody else appends to: everything there up to `known_seq` stands here up to `known_pushed`.
    /// They stand still while something is there that is not here, as after a restored backup.
    pub(crate) known_seq: u64,
    pub(crate) known_pushed: u64,
    /// The origin of the record that it acknowledged last.
    pub(crate) last_pushed: Option<String>,
    /// How often the other stream lost its end and gives sequences out a second time.
    pub(crate) losses: u64,
    /// Grows whenever the other stream turns out to be another: what either direction knew of it is void then.
    #[serde(skip)]
    pub(crate) round: u64,
}

impl Place {
    /// What was stored, or a beginning. One that cannot be read is a beginning too.
    pub(crate) fn stored(disk: &dyn Disk, path: &Path) -> Result<Self> {
        if !disk.exists(path) {
            return Ok(Place::default());
        }
        let bytes = disk.open(path, OpenMode::Read).and_then(|f| read_all(&*f));
        let bytes = bytes.map_err(|e| Error::io(format_args!("open {}", path.display()), &e))?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// The file, and what it will say.
pub(crate) struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    place: Place,
    changes: u64,
}

impl Store {
    /// Goes on from what was stored.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Self> {
        let place = Place::stored(&*disk, &path)?;
        if let Some(dir) = path.parent() {
            disk.create_dir(dir).map_err(|e| Error::io(format_args!("make {}", dir.display()), &e))?;
        }
        Ok(Store { disk, path, inside: Mutex::new(Inside { place, changes: 0 }) })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    pub(crate) fn place(&self) -> Place {
        self.lock().place.clone()
    }

    /// The round that it is in, as its place says.
    pub(crate) fn round(&self) -> u64 {
        self.lock().place.round
    }

    /// Moves on; true when it is time to store it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Place)) -> bool {
        let mut inside = self.lock();
        let (pushed, pulled) = (inside.place.pushed, inside.place.pulled);
        change(&mut inside.place);
        inside.changes += inside.place.pushed.abs_diff(pushed) + inside.place.pulled.abs_diff(pulled);
        inside.changes >= CHANGES_MAX
    }

    /// Stores a place, up to which the local stream must be on disk.
    pub(crate) fn save(&self, place: &Place) -> Result<()> {
        self.lock().changes = 0;
        let bytes = serde_json::to_vec(place).unwrap_or_default();
        replace(&*self.disk, &self.path, &bytes)
            .map_err(|e| Error::io(format_args!("write {}", self.path.display()), &e))
    }
}

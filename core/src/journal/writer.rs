//! The one place that writes: a chunk goes to its segment, and a sync covers every file that was written since the
//! last.

use std::path::PathBuf;
use std::sync::Arc;

use super::segment::Segment;
use super::tail::Chunk;
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};

/// What has been written and not synced.
pub(crate) struct Writer {
    disk: Arc<dyn Disk>,
    unsynced: Vec<Arc<Segment>>,
    /// A file was made, so the directory needs a sync too.
    dir_unsynced: bool,
    /// The segment that is written, where its frames end in the file, and where the zeros behind them do.
    reserve: Option<(Arc<Segment>, u64, u64)>,
    /// A cache that goes where there is no room for what gives space back.
    cache: PathBuf,
}

/// A segment smaller than this gets no room ahead; a larger one as much as it has.
const RESERVE_FROM_BYTES: u64 = 64 << 10;
/// The most room that is made ahead.
const RESERVE_BYTES_MAX: u64 = 4 << 20;

/// Why a chunk did not get to the disk.
pub(crate) enum WriteFault {
    /// Nothing of it is in the file: it may be tried again.
    Undone(Error),
    /// What is in the file is not known: the journal must be reopened.
    Poisoned(Error),
}

impl Writer {
    /// A writer behind these segments, of which it is not known that they, and their names, are on disk.
    pub(crate) fn new(disk: Arc<dyn Disk>, unsynced: Vec<Arc<Segment>>, cache: PathBuf) -> Self {
        Writer { disk, dir_unsynced: !unsynced.is_empty(), unsynced, reserve: None, cache }
    }

    /// Writes a chunk, whole or not at all. With `ahead`, room is made for what follows: a file that each sync finds
    /// longer costs a journaling file system a second write.
    pub(crate) fn write(&mut self, chunk: &Chunk, ahead: bool) -> Result<(), WriteFault> {
        match self.write_once(chunk, ahead) {
            Err(WriteFault::Undone(error))
                if chunk.frees && error.is_disk_full() && self.disk.remove(&self.cache).is_ok() =>
            {
                self.write_once(chunk, ahead)
            }
            outcome => outcome,
        }
    }

    fn write_once(&mut self, chunk: &Chunk, ahead: bool) -> Result<(), WriteFault> {
        let segment = &chunk.segment;
        if self.reserve.as_ref().is_none_or(|r| !Arc::ptr_eq(&r.0, segment)) {
            self.trim();
        }
        if let Some(header) = &chunk.header {
            self.create(segment, header, &chunk.bytes)?;
        } else {
            let offset = segment.offset(chunk.start);
            let file = segment.file().map_err(WriteFault::Poisoned)?;
            if let Err(e) = file.write_at(&chunk.bytes, offset) {
                let error = segment.io("write", &e);
                self.reserve = None;
                return match file.truncate(offset) {
                    Ok(()) => Err(WriteFault::Undone(error)),
                    Err(_) => Err(WriteFault::Poisoned(error)),
                };
            }
        }
        self.note_unsynced(segment);
        if ahead && self.disk.rewards_reserve() {
            self.reserve(segment, segment.offset(chunk.end()));
        } else if let Some((_, written, _)) = &mut self.reserve {
            *written = segment.offset(chunk.end());
        }
        Ok(())
    }

    fn note_unsynced(&mut self, segment: &Arc<Segment>) {
        if !self.unsynced.iter().any(|s| Arc::ptr_eq(s, segment)) {
            self.unsynced.push(Arc::clone(segment));
        }
    }

    /// Makes room behind frames that end at `written`, when what was there is used up. There may be none: that is no
    /// fault.
    fn reserve(&mut self, segment: &Arc<Segment>, written: u64) {
        let until = self.reserve.as_ref().map_or(0, |r| r.2);
        if until > written || written < RESERVE_FROM_BYTES {
            self.reserve = Some((Arc::clone(segment), written, until));
            return;
        }
        let zeros = vec![0; written.min(RESERVE_BYTES_MAX) as usize];
        let made = segment
            .file()
            .is_ok_and(|file| file.write_at(&zeros, written).or_else(|e| file.truncate(written).and(Err(e))).is_ok());
        let until = if made { written + zeros.len() as u64 } else { u64::MAX };
        self.reserve = Some((Arc::clone(segment), written, until));
    }

    /// Gives back the room behind the frames. What stays of it is no damage: zeros are no frame.
    pub(crate) fn trim(&mut self) {
        if let Some((segment, written, until)) = self.reserve.take()
            && until > written
            && segment.file().is_ok_and(|file| file.truncate(written).is_ok())
        {
            self.note_unsynced(&segment);
        }
    }

    fn create(&mut self, segment: &Arc<Segment>, header: &[u8], bytes: &[u8]) -> Result<(), WriteFault> {
        let make = || {
            let file = self.disk.open(&segment.path, OpenMode::Create)?;
            file.write_at(header, 0)?;
            file.write_at(bytes, header.len() as u64)?;
            Ok(file)
        };
        match make() {
            Ok(file) => {
                segment.set_file(file);
                self.dir_unsynced = true;
                Ok(())
            }
            Err(e) => {
                let error = segment.io("create", &e);
                let gone = self.disk.remove(&segment.path).is_ok() || !self.disk.exists(&segment.path);
                Err(if gone { WriteFault::Undone(error) } else { WriteFault::Poisoned(error) })
            }
        }
    }

    /// Takes over what has been written and not synced. After a failure of the sync nothing is known any more: the
    /// caller poisons itself.
    pub(crate) fn begin_sync(&mut self) -> Sync {
        Sync {
            disk: Arc::clone(&self.disk),
            segments: std::mem::take(&mut self.unsynced),
            dir: std::mem::take(&mut self.dir_unsynced),
        }
    }
}

/// A sync that is due. It needs no lock, so writes may go on while it runs.
pub(crate) struct Sync {
    disk: Arc<dyn Disk>,
    segments: Vec<Arc<Segment>>,
    dir: bool,
}

impl Sync {
    /// Returns when everything that was written before is on disk.
    pub(crate) fn run(self) -> Result<()> {
        for segment in &self.segments {
            segment.file()?.sync().map_err(|e| segment.io("sync", &e))?;
        }
        if self.dir
            && let Some(dir) = self.segments.first().and_then(|s| s.path.parent())
        {
            self.disk.sync_dir(dir).map_err(|e| Error::io(format_args!("sync {}", dir.display()), &e))?;
        }
        Ok(())
    }
}

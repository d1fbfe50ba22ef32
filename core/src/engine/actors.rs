//! The actors of CRDT stores that nobody is at work as: who opens a store next goes on as one of them, so that a
//! thousand runs leave one actor and not a thousand.
//!
//! An actor must never be two. Within one open of the engine that is easy. From a clean close to the next open it is
//! kept in a file, which whoever opens the directory makes void before anything else, and which counts only where the
//! disk tells that this is the very file that was written, no copy of it, on a machine that has run all the time
//! ([`Disk::mark`]): it lasts no longer than a process that held them could have. ADR 0016 has the proof.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Engine, Kind};
use crate::disk::{Disk, OpenMode, read_all};
use crate::origin::Writer;

/// The file in a directory that nobody has open.
const FILE: &str = "actors.json";

/// The actors of this directory, by the stream of their store.
#[derive(Debug, Default)]
pub(crate) struct Actors(Mutex<BTreeMap<String, BTreeMap<Writer, Standing>>>);

#[derive(Debug)]
struct Standing {
    /// The sequence of its next operation: who goes on as it has to have found all before it.
    next_seq: Arc<AtomicU64>,
    is_free: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// What [`Disk::mark`] says of the file.
    mark: String,
    /// With the sequence of its next operation.
    actors: BTreeMap<String, Vec<(Writer, u64)>>,
}

impl Actors {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<Writer, Standing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An actor to go on as, which is then nobody else's, and where the sequence of its next operation is to be said.
    fn take(&self, stream: &str) -> Option<(Writer, Arc<AtomicU64>)> {
        let mut all = self.all();
        let (&actor, standing) = all.get_mut(stream)?.iter_mut().find(|(_, standing)| standing.is_free)?;
        standing.is_free = false;
        Some((actor, Arc::clone(&standing.next_seq)))
    }

    /// An actor of which the stream has all before this sequence.
    fn add(&self, stream: &str, actor: Writer, next_seq: u64, is_free: bool) -> Arc<AtomicU64> {
        let next_seq = Arc::new(AtomicU64::new(next_seq));
        let standing = Standing { next_seq: Arc::clone(&next_seq), is_free };
        self.all().entry(stream.to_owned()).or_default().insert(actor, standing);
        next_seq
    }

    /// Nobody shall go on as this actor.
    fn forget(&self, stream: &str, actor: Writer) {
        if let Some(actors) = self.all().get_mut(stream) {
            actors.remove(&actor);
        }
    }

    /// Takes over what the last close of this directory left, if it counts.
    pub(super) fn take_over(&self, disk: &dyn Disk, root: &Path) {
        let path = root.join(FILE);
        if !disk.exists(&path) {
            return;
        }
        let (mark, kept) = (disk.mark(&path), disk.open(&path, OpenMode::Read).and_then(|file| read_all(&*file)));
        // Whoever comes later must not find it, nor under another name, so what can't be made void is nobody's.
        if disk.open(&path, OpenMode::Create).and_then(|_| disk.remove(&path)).is_err() {
            return;
        }
        let Some(kept) = kept.ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok()) else { return };
        if mark == Some(kept.mark) {
            for (stream, actors) in kept.actors {
                for (actor, next_seq) in actors {
                    self.add(&stream, actor, next_seq, true);
                }
            }
        }
    }

    /// Leaves them to the next open, all streams being closed and whole. It need not outlast the machine's memory, so
    /// nothing is synced; what could not be written is an actor less.
    pub(super) fn leave(&self, disk: &dyn Disk, root: &Path, linked: &[String]) {
        let mut kept = BTreeMap::new();
        for (stream, actors) in std::mem::take(&mut *self.all()) {
            let actors = actors.into_iter().map(|(actor, at)| (actor, at.next_seq.load(Ordering::Relaxed)));
            let actors: Vec<(Writer, u64)> = actors.filter(|&(_, next_seq)| next_seq > 1).collect();
            if !actors.is_empty() && !linked.contains(&stream) {
                kept.insert(stream, actors);
            }
        }
        let (path, is_empty) = (root.join(FILE), kept.is_empty());
        let write = || -> io::Result<()> {
            let file = disk.open(&path, OpenMode::Create)?;
            let mark = disk.mark(&path).ok_or(io::ErrorKind::Unsupported)?;
            file.write_at(&serde_json::to_vec(&Kept { mark, actors: kept })?, 0)
        };
        if !is_empty && write().is_err() {
            drop(disk.remove(&path));
        }
    }
}

impl Engine {
    /// An actor to go on as in a CRDT store, which is then nobody else's, and where the sequence of its next operation
    /// is to be said; none where nobody is known to have gone.
    pub(crate) fn take_actor(&self, stream: &str) -> Option<(Writer, Arc<AtomicU64>)> {
        match &self.0 {
            Kind::Local(inner) => inner.actors.take(stream),
            Kind::Other(other) => {
                // It goes without if the node does not answer: what is asked next says why.
                let (actor, next_seq) = other.ops.take_actor(stream).wait().ok().flatten()?;
                Some((actor, Arc::new(AtomicU64::new(next_seq))))
            }
        }
    }

    /// A new actor is at work; where the sequence of its next operation is to be said.
    pub(crate) fn begin_actor(&self, stream: &str, actor: Writer) -> Arc<AtomicU64> {
        match &self.0 {
            Kind::Local(inner) => inner.actors.add(stream, actor, 1, false),
            Kind::Other(_) => Arc::new(AtomicU64::new(1)),
        }
    }

    /// Nobody is at work as this actor any more, and the stream has all that it did before this sequence.
    pub(crate) fn free_actor(&self, stream: &str, actor: Writer, next_seq: u64) {
        match &self.0 {
            Kind::Local(inner) => drop(inner.actors.add(stream, actor, next_seq, true)),
            // Nobody waits for a node that may be gone: then it is an actor less.
            Kind::Other(other) => drop(other.ops.free_actor(stream, actor, next_seq)),
        }
    }

    /// Nobody shall go on as this actor.
    pub(crate) fn forget_actor(&self, stream: &str, actor: Writer) {
        if let Kind::Local(inner) = &self.0 {
            inner.actors.forget(stream, actor);
        }
    }

    /// As a node: an actor for a client, as its numbers and the sequence of its next operation.
    pub(crate) fn lend_actor(&self, stream: &str) -> Option<(u64, u64, u64)> {
        let (actor, next_seq) = self.take_actor(stream)?;
        Some((actor.engine, actor.epoch, next_seq.load(Ordering::Relaxed)))
    }

    /// As a node: an actor that a client is done with.
    pub(crate) fn take_back_actor(&self, stream: &str, (engine, epoch, next_seq): (u64, u64, u64)) {
        if engine == self.id() && next_seq > 1 {
            self.free_actor(stream, Writer { engine, epoch }, next_seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{File, MemDisk};

    /// A disk that says a mark.
    struct Marked(MemDisk, &'static str);

    impl Disk for Marked {
        fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
            self.0.open(path, mode)
        }

        fn create_dir(&self, path: &Path) -> io::Result<()> {
            self.0.create_dir(path)
        }

        fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
            self.0.list(dir)
        }

        fn exists(&self, path: &Path) -> bool {
            self.0.exists(path)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.0.rename(from, to)
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.0.remove(path)
        }

        fn remove_dir(&self, path: &Path) -> io::Result<()> {
            self.0.remove_dir(path)
        }

        fn sync_dir(&self, dir: &Path) -> io::Result<()> {
            self.0.sync_dir(dir)
        }

        fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
            self.0.lock(path)
        }

        fn mark(&self, _file: &Path) -> Option<String> {
            (!self.1.is_empty()).then(|| self.1.to_owned())
        }
    }

    const ACTOR: Writer = Writer { engine: 7, epoch: 9 };

    /// What the next open finds, where the mark is then another.
    fn left(before: &'static str, after: &'static str, linked: &[String]) -> Vec<Option<(Writer, u64)>> {
        let (root, mut disk) = (Path::new("/"), Marked(MemDisk::default(), before));
        let actors = Actors::default();
        actors.add("CRDT_app", Writer { epoch: 1, ..ACTOR }, 1, false);
        actors.add("CRDT_app", ACTOR, 1, false).store(5, Ordering::Relaxed);
        actors.leave(&disk, root, linked);
        disk.1 = after;
        let takes = |_| {
            let next = Actors::default();
            next.take_over(&disk, root);
            next.take("CRDT_app").map(|(actor, next_seq)| (actor, next_seq.load(Ordering::Relaxed)))
        };
        (0..2).map(takes).collect()
    }

    #[test]
    fn an_actor_is_taken_once_and_only_where_the_mark_is_the_same() {
        assert_eq!(left("boot/1", "boot/1", &[]), [Some((ACTOR, 5)), None]);
        assert_eq!(left("boot/1", "boot/2", &[]), [None, None], "another file, or another boot");
        assert_eq!(left("", "", &[]), [None, None], "nobody can tell");
        assert_eq!(left("boot/1", "boot/1", &["CRDT_app".to_owned()]), [None, None], "a link carried what it did");
    }

    #[test]
    fn an_actor_is_free_once_it_is_given_back_and_not_before() {
        let actors = Actors::default();
        let take = |stream| actors.take(stream).map(|(actor, _)| actor);
        assert_eq!(take("s"), None);
        actors.add("s", ACTOR, 1, false);
        assert_eq!(take("s"), None);
        actors.add("s", ACTOR, 2, true);
        assert_eq!((take("s"), take("s"), take("t")), (Some(ACTOR), None, None));
        actors.add("s", ACTOR, 2, true);
        actors.forget("s", ACTOR);
        assert_eq!(take("s"), None);
    }
}

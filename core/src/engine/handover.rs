//! What a clean close of a directory leaves to the next open: the actors of its CRDT stores and the epochs of its
//! streams, so that a thousand runs leave one of each and not a thousand.
//!
//! None of them may ever be two. They are kept in a file, which whoever opens the directory makes void before anything
//! else, and which counts only where the disk tells that this is the very file that was written, no copy of it, on a
//! machine that has run all the time ([`Disk::mark`]): it lasts no longer than a process that held them could have.
//! What a link carried is not left. ADR 0016 has the proof.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::actors;
use crate::disk::{Disk, OpenMode, read_all};

/// The file in a directory that nobody has open.
const FILE: &str = "actors.json";

/// What goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handover {
    pub(super) actors: actors::Left,
    /// The epoch of each stream, and its last sequence.
    #[serde(default)]
    pub(super) epochs: Epochs,
}

/// The epoch in which a stream was appended to last, and its last sequence, by its name.
pub(super) type Epochs = BTreeMap<String, (u64, u64)>;

#[derive(Serialize, Deserialize)]
struct Kept {
    /// What [`Disk::mark`] says of the file.
    mark: String,
    #[serde(flatten)]
    left: Handover,
}

impl Handover {
    /// Takes over what the last close of a directory left, if it counts.
    pub(super) fn take(disk: &dyn Disk, root: &Path) -> Handover {
        let path = root.join(FILE);
        if !disk.exists(&path) {
            return Handover::default();
        }
        let (mark, kept) = (disk.mark(&path), disk.open(&path, OpenMode::Read).and_then(|file| read_all(&*file)));
        // Whoever comes later must not find it, nor under another name, so what can't be made void is nobody's.
        if disk.open(&path, OpenMode::Create).and_then(|_| disk.remove(&path)).is_err() {
            return Handover::default();
        }
        let kept = kept.ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        kept.filter(|kept| mark.as_ref() == Some(&kept.mark)).map(|kept| kept.left).unwrap_or_default()
    }

    /// Leaves all but what is of streams with links to the next open, all streams being closed and whole. It need not
    /// outlast the machine's memory, so nothing is synced; what could not be written is not left.
    pub(super) fn leave(mut self, disk: &dyn Disk, root: &Path, linked: &[String]) {
        self.actors.retain(|stream, _| !linked.contains(stream));
        self.epochs.retain(|stream, _| !linked.contains(stream));
        if self == Handover::default() {
            return;
        }
        let path = root.join(FILE);
        let write = || -> io::Result<()> {
            let file = disk.open(&path, OpenMode::Create)?;
            let mark = disk.mark(&path).ok_or(io::ErrorKind::Unsupported)?;
            file.write_at(&serde_json::to_vec(&Kept { mark, left: self })?, 0)
        };
        if write().is_err() {
            drop(disk.remove(&path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::{File, MemDisk};
    use crate::origin::Writer;

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

    fn handover() -> Handover {
        let actor = Writer { engine: 7, epoch: 9 };
        let actors = [("CRDT_app".to_owned(), vec![(actor, 5)])].into();
        Handover { actors, epochs: [("CRDT_app".to_owned(), (u64::MAX, 6)), ("orders".to_owned(), (3, 0))].into() }
    }

    /// What the next opens find, where the mark is then another.
    fn left(before: &'static str, after: &'static str, linked: &[String]) -> [Handover; 2] {
        let (root, mut disk) = (Path::new("/"), Marked(MemDisk::default(), before));
        handover().leave(&disk, root, linked);
        disk.1 = after;
        [Handover::take(&disk, root), Handover::take(&disk, root)]
    }

    #[test]
    fn what_is_left_is_taken_once_and_only_where_the_mark_is_the_same() {
        let none = Handover::default();
        assert_eq!(left("boot/1", "boot/1", &[]), [handover(), none.clone()]);
        assert_eq!(left("boot/1", "boot/2", &[]), [none.clone(), none.clone()], "another file, or another boot");
        assert_eq!(left("", "", &[]), [none.clone(), none.clone()], "nobody can tell");
        let [mut unlinked, _] = left("boot/1", "boot/1", &["CRDT_app".to_owned()]);
        assert_eq!(unlinked.epochs.remove("orders"), Some((3, 0)));
        assert_eq!(unlinked, none, "a link carried the rest");
    }

    #[test]
    fn what_an_older_build_left_counts() {
        let (root, disk) = (Path::new("/"), Marked(MemDisk::default(), "boot/1"));
        let text = br#"{"mark":"boot/1","actors":{"CRDT_app":[[{"engine":7,"epoch":9},5]]}}"#;
        disk.open(&root.join(FILE), OpenMode::Create).expect("a file").write_at(text, 0).expect("it is written");
        assert_eq!(Handover::take(&disk, root), Handover { epochs: Epochs::new(), ..handover() });
    }
}

//! Files in memory, for engines that are gone at close.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use super::{Disk, File, OpenMode};

use crate::locks::{lock, read, write};

/// A directory tree in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemDisk(Arc<Mutex<Tree>>);

#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<MemFile>>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct MemFile(RwLock<Vec<u8>>);

struct MemLock(MemDisk, PathBuf);

impl Drop for MemLock {
    fn drop(&mut self) {
        self.0.tree().locks.remove(&self.1);
    }
}

impl MemDisk {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        lock(&self.0)
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} is not there", path.display()))
}

impl Disk for MemDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut tree = self.tree();
        if mode == OpenMode::Create {
            let file = Arc::new(MemFile::default());
            tree.files.insert(path.to_owned(), Arc::clone(&file));
            return Ok(file);
        }
        let file = tree.files.get(path).ok_or_else(|| missing(path))?;
        Ok(Arc::clone(file) as Arc<dyn File>)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        for ancestor in path.ancestors() {
            tree.dirs.insert(ancestor.to_owned());
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let tree = self.tree();
        if !tree.dirs.contains(dir) {
            return Err(missing(dir));
        }
        let inside = |p: &&PathBuf| p.parent() == Some(dir);
        let mut names: Vec<String> = tree
            .files
            .keys()
            .filter(inside)
            .chain(tree.dirs.iter().filter(inside))
            .filter_map(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        let tree = self.tree();
        tree.files.contains_key(path) || tree.dirs.contains(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        if let Some(file) = tree.files.remove(from) {
            tree.files.insert(to.to_owned(), file);
            return Ok(());
        }
        if !tree.dirs.contains(from) {
            return Err(missing(from));
        }
        let moved = |path: PathBuf| path.strip_prefix(from).map(|rest| to.join(rest)).unwrap_or(path);
        tree.files = std::mem::take(&mut tree.files).into_iter().map(|(path, file)| (moved(path), file)).collect();
        tree.dirs = std::mem::take(&mut tree.dirs).into_iter().map(moved).collect();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.tree().files.remove(path).map(|_| ()).ok_or_else(|| missing(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.tree();
        tree.files.retain(|p, _| !p.starts_with(path));
        tree.dirs.retain(|p| !p.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rewards_reserve(&self) -> bool {
        false
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        if self.tree().locks.insert(path.to_owned()) {
            Ok(Some(Box::new(MemLock(self.clone(), path.to_owned()))))
        } else {
            Ok(None)
        }
    }
}

impl File for MemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = read(&self.0);
        let rest = bytes.get(offset as usize..).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, new: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = write(&self.0);
        let (start, end) = (offset as usize, offset as usize + new.len());
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(new);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(read(&self.0).len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        write(&self.0).truncate(len as usize);
        Ok(())
    }
}

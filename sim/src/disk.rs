//! A disk in memory that may lose power at any operation.
//!
//! What is synced stays. Of what is not, each 512-byte sector of each write is there or not by itself, the last one
//! torn at any byte; of unsynced directory changes a prefix is there. That is less than file systems promise, on
//! purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater::disk::{Disk, File, OpenMode};

use crate::random::Random;
use crate::sabotage::{Sabotage, Step};

const SECTOR: usize = 512;

/// One simulated disk. Clones share it.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<Platter>>);

struct Platter {
    random: Random,
    /// Counts power cuts: handles from before one are dead.
    life: u64,
    /// Operations until the power goes.
    fuse: Option<u64>,
    off: bool,
    /// Bytes that fit; the rest is refused as a full disk refuses it.
    room: u64,
    files: Vec<Content>,
    /// What a running system sees.
    names: BTreeMap<PathBuf, usize>,
    /// A directory is kept as soon as it is made, and comes back when its removal was not synced: with nothing in it.
    dirs: BTreeSet<PathBuf>,
    /// What is certain to be there after a power cut, and what was done since.
    kept: BTreeMap<PathBuf, usize>,
    kept_dirs: BTreeSet<PathBuf>,
    changes: Vec<Change>,
    locks: BTreeSet<PathBuf>,
    sabotage: Option<Sabotage>,
}

/// A copy of a disk, as a backup has it.
pub struct Image {
    files: Vec<(PathBuf, Vec<u8>)>,
    dirs: BTreeSet<PathBuf>,
}

impl Image {
    /// Whether a file has these bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.files.iter().any(|(_, file)| file.windows(bytes.len()).any(|found| found == bytes))
    }
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    kept: Vec<u8>,
    writes: Vec<Write>,
}

enum Write {
    Bytes(u64, Vec<u8>),
    Cut(u64),
}

#[derive(Clone)]
enum Change {
    Put(PathBuf, usize),
    Remove(PathBuf),
    /// A directory gets another name.
    Move(PathBuf, PathBuf),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>, dirs: &mut BTreeSet<PathBuf>) {
        match self {
            Change::Put(path, file) => drop(names.insert(path.clone(), *file)),
            Change::Remove(path) => drop(names.remove(path)),
            Change::Move(from, to) => {
                let moved = |path: PathBuf| path.strip_prefix(from).map(|rest| to.join(rest)).unwrap_or(path);
                *names = std::mem::take(names).into_iter().map(|(path, file)| (moved(path), file)).collect();
                *dirs = std::mem::take(dirs).into_iter().map(moved).collect();
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Change::Put(path, _) | Change::Remove(path) | Change::Move(_, path) => path,
        }
    }
}

struct Handle {
    disk: SimDisk,
    path: PathBuf,
    file: usize,
    life: u64,
}

struct Lock(SimDisk, PathBuf, u64);

impl Drop for Lock {
    fn drop(&mut self) {
        let mut platter = self.0.platter();
        if platter.life == self.2 {
            platter.locks.remove(&self.1);
        }
    }
}

fn power_off() -> io::Error {
    io::Error::other("the power is off")
}

impl SimDisk {
    /// An empty disk with all the room in the world.
    pub fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        SimDisk(Arc::new(Mutex::new(Platter {
            random: Random::new(seed ^ 0x00d1_5c00),
            life: 0,
            fuse: None,
            off: false,
            room: u64::MAX,
            files: Vec::new(),
            names: BTreeMap::new(),
            dirs: BTreeSet::new(),
            kept: BTreeMap::new(),
            kept_dirs: BTreeSet::new(),
            changes: Vec::new(),
            locks: BTreeSet::new(),
            sabotage,
        })))
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes after this many more operations.
    pub fn cut_after(&self, operations: u64) {
        self.platter().fuse = Some(operations);
    }

    /// Whether the power went.
    pub fn is_off(&self) -> bool {
        self.platter().off
    }

    /// Bytes that still fit.
    pub fn set_room(&self, bytes: u64) {
        self.platter().room = bytes;
    }

    /// A copy of what is certain to be there.
    pub fn image(&self) -> Image {
        let platter = self.platter();
        let files = platter.kept.iter().map(|(path, &file)| (path.clone(), platter.files[file].kept.clone()));
        Image { files: files.collect(), dirs: platter.kept_dirs.clone() }
    }

    /// Puts a copy in the place of everything, with the power off before.
    pub fn put_back(&self, image: &Image) {
        self.restart();
        let mut platter = self.platter();
        let platter = &mut *platter;
        platter.kept.clear();
        for (path, bytes) in &image.files {
            platter.files.push(Content { now: bytes.clone(), kept: bytes.clone(), writes: Vec::new() });
            platter.kept.insert(path.clone(), platter.files.len() - 1);
        }
        platter.kept_dirs.clone_from(&image.dirs);
        platter.names.clone_from(&platter.kept);
        platter.dirs.clone_from(&platter.kept_dirs);
    }

    /// Ends a process at once. What it wrote stays with the system, synced or not.
    pub fn kill<P>(&self, process: P) {
        self.platter().off = true;
        drop(process);
        let mut platter = self.platter();
        platter.life += 1;
        platter.off = false;
        platter.fuse = None;
        platter.locks.clear();
    }

    /// Cuts the power, if it is not off yet, and starts again with what is left.
    pub fn restart(&self) {
        let mut platter = self.platter();
        let platter = &mut *platter;
        platter.life += 1;
        platter.off = false;
        platter.fuse = None;
        platter.locks.clear();
        let count = platter.random.below(platter.changes.len() as u64 + 1) as usize;
        for change in platter.changes.drain(..).take(count) {
            change.apply(&mut platter.kept, &mut platter.kept_dirs);
        }
        for content in &mut platter.files {
            content.lose(&mut platter.random);
        }
        let files = &mut platter.files;
        if let Some(sabotage) = &mut platter.sabotage {
            sabotage.after_cut(&mut platter.kept, &mut |file, change| change(&mut files[file].kept));
        }
        for content in &mut platter.files {
            content.now.clone_from(&content.kept);
        }
        platter.names.clone_from(&platter.kept);
        platter.dirs.clone_from(&platter.kept_dirs);
    }
}

impl Content {
    /// Decides what of the unsynced writes is there.
    fn lose(&mut self, random: &mut Random) {
        for write in self.writes.drain(..) {
            match write {
                Write::Cut(len) => {
                    if random.once_in(2) {
                        self.kept.truncate(len as usize);
                    }
                }
                Write::Bytes(offset, bytes) => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let here = offset as usize + at;
                        let len = (SECTOR - here % SECTOR).min(bytes.len() - at);
                        let torn = if at + len == bytes.len() { random.below(len as u64 + 1) as usize } else { len };
                        if torn > 0 && random.once_in(2) {
                            put(&mut self.kept, here, &bytes[at..at + torn]);
                        }
                        at += len;
                    }
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if bytes.len() < at + new.len() {
        bytes.resize(at + new.len(), 0);
    }
    bytes[at..at + new.len()].copy_from_slice(new);
}

impl Platter {
    /// One operation: refused when the power is off, and maybe the one at which it goes.
    fn tick(&mut self) -> io::Result<()> {
        if self.off {
            return Err(power_off());
        }
        if let Some(fuse) = &mut self.fuse {
            if *fuse == 0 {
                self.off = true;
                return Err(power_off());
            }
            *fuse -= 1;
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names, &mut self.dirs);
        self.changes.push(change);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("{} is not there", path.display()));
        self.names.get(path).copied().ok_or_else(missing)
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut platter = self.platter();
        platter.tick()?;
        let file = if mode == OpenMode::Create {
            let file = platter.files.len();
            platter.files.push(Content::default());
            platter.change(Change::Put(path.to_owned(), file));
            file
        } else {
            platter.find(path)?
        };
        Ok(Arc::new(Handle { disk: self.clone(), path: path.to_owned(), file, life: platter.life }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut platter = self.platter();
        platter.tick()?;
        platter.dirs.extend(path.ancestors().map(Path::to_owned));
        platter.kept_dirs.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut platter = self.platter();
        platter.tick()?;
        let inside = |p: &&PathBuf| p.parent() == Some(dir);
        let all = platter.names.keys().filter(inside).chain(platter.dirs.iter().filter(inside));
        let mut names: Vec<String> =
            all.filter_map(|p| p.file_name().map(|n| n.to_string_lossy().into_owned())).collect();
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        let platter = self.platter();
        platter.names.contains_key(path) || platter.dirs.contains(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut platter = self.platter();
        platter.tick()?;
        if platter.dirs.contains(from) {
            platter.change(Change::Move(from.to_owned(), to.to_owned()));
            return Ok(());
        }
        let file = platter.find(from)?;
        platter.change(Change::Remove(from.to_owned()));
        // One step for whoever looks: the prefix that survives a cut never ends between the two.
        platter.changes.pop();
        platter.change(Change::Put(to.to_owned(), file));
        platter.changes.push(Change::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut platter = self.platter();
        platter.tick()?;
        let file = platter.find(path)?;
        let freed = platter.files[file].now.len() as u64;
        platter.room = platter.room.saturating_add(freed);
        platter.change(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut platter = self.platter();
        platter.tick()?;
        let inside: Vec<PathBuf> = platter.names.keys().filter(|p| p.starts_with(path)).cloned().collect();
        for path in inside {
            platter.change(Change::Remove(path));
        }
        platter.dirs.retain(|p| !p.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut platter = self.platter();
        platter.tick()?;
        let platter = &mut *platter;
        if platter.sabotage.as_mut().is_some_and(Sabotage::skips_dir_sync) {
            return Ok(());
        }
        let (here, rest): (Vec<Change>, Vec<Change>) =
            platter.changes.drain(..).partition(|c| c.path().parent() == Some(dir));
        for change in &here {
            change.apply(&mut platter.kept, &mut platter.kept_dirs);
        }
        platter.changes = rest;
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut platter = self.platter();
        platter.tick()?;
        let free = platter.locks.insert(path.to_owned());
        let ignored = platter.sabotage.as_ref().is_some_and(Sabotage::ignores_locks);
        let life = platter.life;
        Ok((free || ignored).then(|| Box::new(Lock(self.clone(), path.to_owned(), life)) as Box<dyn Send + Sync>))
    }
}

impl Handle {
    fn live(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let mut platter = self.disk.platter();
        if platter.life != self.life {
            return Err(power_off());
        }
        platter.tick()?;
        Ok(platter)
    }
}

impl File for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut platter = self.live()?;
        let platter = &mut *platter;
        let rest = platter.files[self.file].now.get(offset as usize..).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        if let Some(sabotage) = &mut platter.sabotage {
            sabotage.on_read(&self.path, &mut buf[..n]);
        }
        Ok(n)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut platter = self.live()?;
        let platter = &mut *platter;
        if bytes.len() as u64 > platter.room {
            // As real disks do: a part of it went through before there was no room.
            let part = &bytes[..platter.room as usize];
            let content = &mut platter.files[self.file];
            put(&mut content.now, offset as usize, part);
            content.writes.push(Write::Bytes(offset, part.to_vec()));
            platter.room = 0;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"));
        }
        platter.room = platter.room.saturating_sub(bytes.len() as u64);
        let steps = match &mut platter.sabotage {
            Some(sabotage) => sabotage.on_write(&self.path, offset, bytes),
            None => vec![Step { offset, bytes: bytes.to_vec() }],
        };
        let content = &mut platter.files[self.file];
        for step in steps {
            put(&mut content.now, step.offset as usize, &step.bytes);
            content.writes.push(Write::Bytes(step.offset, step.bytes));
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut platter = self.live()?;
        let platter = &mut *platter;
        if platter.sabotage.as_mut().is_some_and(|s| s.skips_sync(&self.path)) {
            return Ok(());
        }
        let content = &mut platter.files[self.file];
        content.kept.clone_from(&content.now);
        content.writes.clear();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let platter = self.live()?;
        Ok(platter.files[self.file].now.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut platter = self.live()?;
        let platter = &mut *platter;
        let len = platter.sabotage.as_mut().map_or(len, |s| s.on_cut(len));
        let content = &mut platter.files[self.file];
        content.now.truncate(len as usize);
        content.writes.push(Write::Cut(len));
        Ok(())
    }
}

//! Copying a live directory, and putting a copy in place. Each stream is copied as of one moment; writers go on
//! meanwhile.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::links::LINKS;
use super::local::IDENTITY;
use super::{Engine, Inner};
use crate::disk::{Disk, File, OpenMode, OsDisk, is_inside, read_all, read_full};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::stream::contract::StreamOps;
use crate::stream::local::gaps::{self, Gaps};
use crate::stream::local::part::Part;
use crate::stream::local::snapshot;

/// How much is copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// One file to copy.
struct Copy {
    from: Arc<dyn File>,
    to: PathBuf,
    len: u64,
}

impl Engine {
    /// Copies the live directory to `to`, which must not be there or be empty; returns the bytes copied. `progress`
    /// hears bytes done and bytes in all, at every mebibyte, and stops the copy when it breaks.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when `to` is not empty; [`ErrorKind::Invalid`] when it lies in the directory itself;
    /// [`ErrorKind::Corrupt`] when a stream is damaged; [`ErrorKind::Timeout`] when `progress` stopped it. Whatever
    /// else ends it: nothing is left at `to`, so it can be made again.
    pub fn backup(&self, to: impl AsRef<Path>, progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Result<u64> {
        let engine = self.local("a backup")?;
        let (to, disk) = (to.as_ref(), OsDisk);
        make_empty(&disk, to, self.dir().as_deref())?;
        engine.copy_to(to, progress).inspect_err(|_| clear(&disk, to))
    }

    /// Copies a backup to `to`, which must not be there or be empty, after checking every byte of it; returns the bytes
    /// copied. `progress` hears bytes done and bytes in all, those checked and those copied, and stops it when it
    /// breaks.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the backup is damaged; [`ErrorKind::Conflict`] when `to` is not empty;
    /// [`ErrorKind::Invalid`] when it lies in the backup; [`ErrorKind::Timeout`] when `progress` stopped it. Whatever
    /// else ends it: nothing is left at `to`.
    pub fn restore(
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let (from, to, disk) = (from.as_ref(), to.as_ref(), OsDisk);
        let report = Engine::verify(from, &mut |done, total| progress(done, total * 2))?;
        if let Some(damage) = report.damage.first() {
            return Err(Error::corrupt(format!("the backup is damaged: {damage}")));
        }
        let checked = report.bytes;
        make_empty(&disk, to, Some(from))?;
        let mut copy = || {
            let mut copies = Vec::new();
            walk(disk, from, to, &mut copies)?;
            copies.sort_by_key(|c| c.to.ends_with(IDENTITY));
            copy_all(&disk, &copies, &mut |done, total| progress(checked + done, checked + total))
        };
        copy().inspect_err(|_| clear(&disk, to))
    }
}

impl Inner {
    fn copy_to(self: &Arc<Self>, to: &Path, progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Result<u64> {
        let disk = OsDisk;
        let mut copies = Vec::new();
        // Before the streams: what a link has brought up to its place is in a copy that is made later.
        let mut written = self.places_of_links(to)?;
        let names = self.names()?;
        for name in &names {
            let stream = self.open_stream(name)?;
            if !self.read_only {
                stream.sync().wait()?;
            }
            let dir = to.join("streams").join(name);
            disk.create_dir(&dir).map_err(|e| Error::io(format_args!("create {}", dir.display()), &e))?;
            let (parts, gaps, bytes) = {
                let state = stream.local.lock();
                // The files as of this moment: one that is packed later may lack what the snapshot still lists.
                // What was dropped and not removed yet may hold the last header that there is.
                let made = state.parts.iter().chain(&state.dropped).filter(|p| p.segment.is_made());
                let parts = made.map(|p| Ok((p.segment.file()?, source_end(p, state.committed), Arc::clone(p))));
                let gaps = Gaps::between(&state.parts);
                (parts.collect::<Result<Vec<_>>>()?, gaps, snapshot::encode(&state, state.committed))
            };
            if !self.read_only {
                stream.sync().wait()?;
            }
            for (from, end, part) in parts {
                let segment = &part.segment;
                let len = from.len().map_err(|e| segment.io("stat", &e))?.min(end);
                let file_name = segment.path.file_name().unwrap_or_default();
                copies.push(Copy { from, to: dir.join(file_name), len });
            }
            written.push((snapshot::path(&dir), bytes));
            written.push((gaps::path(&dir), gaps.encode()));
            self.add_consumers(&stream.local.dir, &dir, &mut copies)?;
        }
        let identity = self.root.join(IDENTITY);
        let from = self.shared.disk.open(&identity, OpenMode::Read).map_err(|e| Error::io("read the identity", &e))?;
        let len = from.len().map_err(|e| Error::io("read the identity", &e))?;
        let done = copy_all(&disk, &copies, progress)?;
        for (path, bytes) in written {
            crate::disk::replace(&disk, &path, &bytes)
                .map_err(|e| Error::io(format_args!("write {}", path.display()), &e))?;
        }
        // Last, so that a copy that was cut short is not taken for a whole one.
        copy_all(&disk, &[Copy { from, to: to.join(IDENTITY), len }], &mut |_, _| ControlFlow::Continue(()))?;
        Ok(done)
    }

    /// Where links go on, each with its file in the copy.
    fn places_of_links(&self, to: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        self.links.save();
        let (disk, from, to) = (&self.shared.disk, self.root.join(LINKS), to.join(LINKS));
        if !disk.exists(&from) {
            return Ok(Vec::new());
        }
        let at = |e| Error::io(format_args!("copy {}", from.display()), &e);
        OsDisk.create_dir(&to).map_err(at)?;
        let names = disk
            .list(&from)
            .map_err(at)?
            .into_iter()
            .filter(|name| Path::new(name).extension() == Some("json".as_ref()));
        let read = |name: String| Ok((to.join(&name), read_all(&*disk.open(&from.join(&name), OpenMode::Read)?)?));
        names.map(|name| read(name).map_err(at)).collect()
    }

    fn add_consumers(&self, from: &Path, to: &Path, copies: &mut Vec<Copy>) -> Result<()> {
        let source = &self.shared.disk;
        let dir = from.join("consumers");
        if !source.exists(&dir) {
            return Ok(());
        }
        let at = |e| Error::io(format_args!("copy {}", dir.display()), &e);
        for name in source.list(&dir).map_err(at)?.into_iter().filter(|n| !n.contains('.')) {
            let target = to.join("consumers").join(&name);
            OsDisk.create_dir(&target).map_err(at)?;
            for file in source.list(&dir.join(&name)).map_err(at)? {
                let open = source.open(&dir.join(&name).join(&file), OpenMode::Read).map_err(at)?;
                let len = open.len().map_err(at)?;
                copies.push(Copy { from: open, to: target.join(&file), len });
            }
        }
        Ok(())
    }
}

/// How much of a part's file belongs to a copy as of `committed`: all of it, or what the active one held by then.
fn source_end(part: &Part, committed: Pos) -> u64 {
    if part.is_sealed() { u64::MAX } else { part.segment.offset(committed) }
}

/// Takes away a copy that did not become whole. What cannot be removed has no identity, so nobody takes it for one.
fn clear(disk: &dyn Disk, dir: &Path) {
    let _ = disk.remove(&dir.join(IDENTITY));
    let _ = disk.remove_dir(dir);
}

/// Makes the target of a copy of `from`, which must not lie in it.
fn make_empty(disk: &dyn Disk, to: &Path, from: Option<&Path>) -> Result<()> {
    let at = |e| Error::io(format_args!("create {}", to.display()), &e);
    if disk.exists(to) && !disk.list(to).map_err(at)?.is_empty() {
        return Err(Error::new(ErrorKind::Conflict, format!("{} is not empty", to.display())));
    }
    if let Some(from) = from
        && is_inside(to, from).map_err(at)?
    {
        let message = format!("{} lies in {}, which is copied: name a place outside", to.display(), from.display());
        return Err(Error::invalid(message));
    }
    disk.create_dir(to).map_err(at)
}

fn walk(disk: OsDisk, from: &Path, to: &Path, copies: &mut Vec<Copy>) -> Result<()> {
    let at = |e| Error::io(format_args!("read {}", from.display()), &e);
    disk.create_dir(to).map_err(at)?;
    for name in disk.list(from).map_err(at)?.into_iter().filter(|n| n != "lock") {
        let path = from.join(&name);
        if path.is_dir() {
            walk(disk, &path, &to.join(&name), copies)?;
        } else {
            let file = disk.open(&path, OpenMode::Read).map_err(at)?;
            let len = file.len().map_err(at)?;
            copies.push(Copy { from: file, to: to.join(&name), len });
        }
    }
    Ok(())
}

fn copy_all(disk: &dyn Disk, copies: &[Copy], progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Result<u64> {
    let total = copies.iter().map(|c| c.len).sum();
    let mut done = 0;
    let mut buf = vec![0; COPY_BYTES];
    for copy in copies {
        let at = |e| Error::io(format_args!("write {}", copy.to.display()), &e);
        let file = disk.open(&copy.to, OpenMode::Create).map_err(at)?;
        let mut offset = 0;
        while offset < copy.len {
            let want = COPY_BYTES.min((copy.len - offset) as usize);
            let got = read_full(&*copy.from, &mut buf[..want], offset).map_err(at)?;
            if got == 0 {
                return Err(Error::corrupt(format!("the source of {} became shorter", copy.to.display())));
            }
            file.write_at(&buf[..got], offset).map_err(at)?;
            offset += got as u64;
            done += got as u64;
            if progress(done, total).is_break() {
                return Err(Error::stopped("the copy was stopped, and nothing of it is left"));
            }
        }
        file.sync().map_err(at)?;
        if let Some(dir) = copy.to.parent() {
            disk.sync_dir(dir).map_err(at)?;
        }
    }
    Ok(done)
}

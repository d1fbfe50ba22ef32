//! Checking every byte of a directory without changing it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Engine;
use super::local::{IDENTITY, identity};
use crate::disk::{Disk, OsDisk};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::frame::{self, Frame};
use crate::journal::recover::{proof_after, scan};
use crate::journal::segment::{self, Segment};
use crate::record::{Base, RecordView, TAG_CONTROL, decode};
use crate::stream::local::consumer::registry;
use crate::stream::local::control::SegmentHead;
use crate::stream::local::gaps::Gaps;
use crate::stream::local::snapshot;

/// How many bytes are checked between two calls of `progress`.
const PROGRESS_BYTES: u64 = 1 << 20;

/// What [`Engine::verify`] found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerifyReport {
    /// Streams checked.
    pub streams: u64,
    /// Segments checked.
    pub segments: u64,
    /// Records checked.
    pub records: u64,
    /// Bytes checked.
    pub bytes: u64,
    /// Torn tails that an open would cut: a sentence each.
    pub torn: Vec<String>,
    /// Damage: a sentence each, naming file, offset and missing sequences.
    pub damage: Vec<String>,
}

impl Engine {
    /// Checks every byte of a directory without changing it, also beside a process that writes. Damage is in the
    /// report, not an error. `progress` hears bytes done and bytes in all, at every mebibyte, and stops the check when
    /// it breaks.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is no Headwater directory; [`ErrorKind::Unsupported`] when a newer version wrote
    /// it; [`ErrorKind::Timeout`] when `progress` stopped it: then there is no report.
    pub fn verify(
        dir: impl AsRef<Path>,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<VerifyReport> {
        let dir = dir.as_ref();
        let disk = OsDisk;
        if !disk.exists(&dir.join(IDENTITY)) {
            return Err(Error::not_found(format!("{} is not a Headwater directory", dir.display())));
        }
        let mut report = VerifyReport::default();
        if let Err(error) = identity(&disk, dir, true, 0) {
            report.damage.push(sentence(error)?);
        }
        let streams = dir.join("streams");
        let at = |e| Error::io(format_args!("list {}", streams.display()), &e);
        let names = disk.list(&streams).map_err(at)?;
        let dirs: Vec<PathBuf> = names.iter().filter(|n| !n.contains('.')).map(|n| streams.join(n)).collect();
        let mut total = 0;
        for dir in &dirs {
            let consumers = consumers(disk, dir)?;
            for dir in consumers.iter().chain([dir]) {
                let segments = segment::list(&disk, dir)?;
                total += segments.iter().filter_map(|p| p.metadata().ok()).map(|m| m.len()).sum::<u64>();
            }
        }
        for dir in &dirs {
            report.streams += 1;
            Check { disk: &disk, report: &mut report, total, progress, last_seq: 0 }.stream(dir)?;
        }
        Ok(report)
    }
}

struct Check<'a> {
    disk: &'a OsDisk,
    report: &'a mut VerifyReport,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    last_seq: u64,
}

impl Check<'_> {
    fn stream(&mut self, dir: &Path) -> Result<()> {
        let paths = segment::list(self.disk, dir)?;
        let mut segments = Vec::new();
        for (i, path) in paths.iter().enumerate() {
            match Segment::open(self.disk, path, false) {
                Ok(Some((segment, blob))) => match SegmentHead::from_bytes(&blob) {
                    Ok(head) => segments.push((segment, head)),
                    Err(error) => self.report.damage.push(format!("{}: {error}", path.display())),
                },
                Ok(None) if i + 1 == paths.len() && i > 0 => {
                    self.report.torn.push(format!("{} has no whole header", path.display()));
                }
                Ok(None) => self.report.damage.push(format!("{} has a damaged header at offset 0", path.display())),
                Err(error) => self.report.damage.push(sentence(error)?),
            }
        }
        if paths.is_empty() {
            self.report.damage.push(format!("{} holds no segment", dir.display()));
        }
        let gaps = Gaps::load(self.disk, dir).or_else(|e| {
            self.report.damage.push(sentence(e)?);
            Ok::<_, Error>(Gaps::default())
        })?;
        let mut end = 0;
        for i in 0..segments.len() {
            let (segment, head) = &segments[i];
            if end < segment.base && !gaps.covers(end, segment.base) {
                self.report.damage.push(format!(
                    "{}: nothing stands from position {end} to {}: sequences {} to {} are missing",
                    dir.display(),
                    segment.base,
                    self.last_seq + 1,
                    head.base_seq - 1
                ));
            }
            end = self.segment(&segments[i..])?;
        }
        self.snapshot(dir, &segments, end);
        for dir in consumers(*self.disk, dir)? {
            self.consumer(&dir)?;
        }
        Ok(())
    }

    fn consumer(&mut self, dir: &Path) -> Result<()> {
        let disk: Arc<dyn Disk> = Arc::new(*self.disk);
        match registry::read(&disk, dir, false) {
            Ok((ledger, _)) => {
                let (path, bytes, torn) = ledger.place();
                if torn > 0 {
                    let tail = format!("{}: {torn} bytes of a torn tail at offset {bytes}", path.display());
                    self.report.torn.push(tail);
                }
                self.report.bytes += bytes + torn;
                self.tell(self.report.bytes)
            }
            Err(error) => {
                let error = error.context(format_args!("consumer {}", dir.display()));
                self.report.damage.push(sentence(error)?);
                Ok(())
            }
        }
    }

    /// Checks the first of `rest`; returns where its frames end.
    fn segment(&mut self, rest: &[(Segment, SegmentHead)]) -> Result<u64> {
        let Some((segment, head)) = rest.first() else { return Ok(0) };
        self.report.segments += 1;
        let base = head.base();
        let mut next = base.seq;
        let mut records = 0;
        let mut odd = None;
        let mut from = segment.base;
        let file_end = segment.end()?;
        let mut end;
        let (before, mut told) = (self.report.bytes, segment.base);
        loop {
            let scanned = scan(segment, from, &mut |pos, found| {
                if pos - told >= PROGRESS_BYTES {
                    told = pos;
                    // Positions in a packed segment are no places in its file.
                    self.tell(before + if segment.is_packed() { 0 } else { segment.offset(pos) })?;
                }
                if let Some(view) = record_of(found, base) {
                    // What is gone from a packed segment leaves a gap; from a plain one nothing is taken out.
                    let gap = view.seq > next && segment.is_packed();
                    if view.seq != next && !gap && odd.is_none() {
                        odd = Some((pos, next, view.seq));
                    }
                    next = view.seq + 1;
                    records += 1;
                }
                Ok(())
            })?;
            end = scanned.end;
            if !scanned.torn {
                break;
            }
            let segments: Vec<&Segment> = rest.iter().map(|r| &r.0).collect();
            let Some((pos, _)) = proof_after(&segments, scanned.end)? else {
                self.report.torn.push(format!(
                    "{}: {} bytes of a torn tail at offset {}",
                    segment.path.display(),
                    file_end - scanned.end,
                    segment.offset(scanned.end)
                ));
                break;
            };
            let (after, whole) = self.damage(rest, scanned.end, pos, &mut next)?;
            records += whole;
            end = file_end;
            let Some(after) = after else { break };
            from = after;
        }
        if let Some((pos, due, seq)) = odd {
            self.report.damage.push(format!(
                "{} at offset {}: record {seq} where {due} is due",
                segment.path.display(),
                segment.offset(pos)
            ));
        }
        self.last_seq = next - 1;
        self.report.records += records;
        self.report.bytes += segment.bytes_before(file_end)?;
        self.tell(self.report.bytes)?;
        Ok(end)
    }

    /// Names what is missing behind `start`, where no whole frame or batch stands in the first of `rest`, though
    /// `proof` says that it did; `next` is the sequence that is due. Returns where whole frames go on, and how many
    /// records were passed before the damage.
    fn damage(
        &mut self,
        rest: &[(Segment, SegmentHead)],
        start: u64,
        proof: u64,
        next: &mut u64,
    ) -> Result<(Option<u64>, u64)> {
        let (segment, base, file_end) = (&rest[0].0, rest[0].1.base(), rest[0].0.end()?);
        let (mut at, mut whole) = (start, 0);
        // Within a batch that is not whole, what stands before the damage is there.
        while let Some((frame_end, seq)) = frame_at(segment, base, at)? {
            if let Some(seq) = seq {
                *next = seq + 1;
                whole += 1;
            }
            at = frame_end;
        }
        let after = whole_frame_after(segment, at, file_end)?.unwrap_or(proof);
        let resumed = seq_after(segment, base, after.min(file_end))?;
        let until = resumed.or(rest.get(1).map(|r| r.1.base_seq)).map_or("on".to_owned(), |s| format!("to {}", s - 1));
        self.report.damage.push(format!(
            "{} is damaged at offset {}: sequences {next} {until} are missing",
            segment.path.display(),
            segment.offset(at)
        ));
        *next = resumed.unwrap_or(*next);
        Ok((resumed.map(|_| after), whole))
    }

    fn tell(&mut self, done: u64) -> Result<()> {
        match (self.progress)(done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::stopped("the check was stopped before its end")),
        }
    }

    /// What the snapshot covers was synced before it was written, so the log must hold it.
    fn snapshot(&mut self, dir: &Path, segments: &[(Segment, SegmentHead)], end: u64) {
        let Some(snapshot) = snapshot::load(self.disk, dir) else { return };
        if snapshot.pos > end {
            self.report.damage.push(format!(
                "{}: the log ends at position {end}, but was synced up to {}: records {} to {} are missing",
                dir.display(),
                snapshot.pos,
                self.last_seq + 1,
                snapshot.last_seq
            ));
        }
        for (base, end_seq, dead) in &snapshot.parts {
            if !segments.iter().any(|(s, _)| s.base == *base) {
                let name = segment::file_name(*base);
                self.report.damage.push(format!(
                    "{} is missing: it held records up to {} ({} of them deleted)",
                    dir.join(name).display(),
                    end_seq - 1,
                    dead.len()
                ));
            }
        }
    }
}

fn record_of<'a>(found: &Frame<'a>, base: Base) -> Option<RecordView<'a>> {
    if found.note() || found.tag() & TAG_CONTROL != 0 {
        return None;
    }
    decode(found.tag(), base, found.body)
}

/// How far behind damage the next whole frame is looked for, byte by byte.
const RESYNC_BYTES: usize = 1 << 20;

/// The next whole frame behind damage, if it is near.
fn whole_frame_after(segment: &Segment, damage: u64, end: u64) -> Result<Option<u64>> {
    let bytes = segment.read(damage, RESYNC_BYTES.min((end - damage) as usize))?;
    // The damaged frame's own length is often intact.
    let skip = frame::frame_len(&bytes).filter(|&len| len < bytes.len());
    if let Some(skip) = skip
        && frame::parse(&bytes, skip, damage + skip as u64).is_ok()
    {
        return Ok(Some(damage + skip as u64));
    }
    Ok((1..bytes.len()).find(|&at| frame::parse(&bytes, at, damage + at as u64).is_ok()).map(|at| damage + at as u64))
}

/// The sequence of the first record from a position on, if every frame before it is whole.
fn seq_after(segment: &Segment, base: Base, mut pos: u64) -> Result<Option<u64>> {
    while let Some((end, seq)) = frame_at(segment, base, pos)? {
        if seq.is_some() {
            return Ok(seq);
        }
        pos = end;
    }
    Ok(None)
}

/// Where the whole frame at a position ends, and the sequence of the record in it.
fn frame_at(segment: &Segment, base: Base, pos: u64) -> Result<Option<(u64, Option<u64>)>> {
    let head = segment.read(pos, frame::FRAME_HEAD)?;
    let Some(len) = frame::frame_len(&head) else { return Ok(None) };
    let bytes = segment.read(pos, len)?;
    let Ok(found) = frame::parse(&bytes, 0, pos) else { return Ok(None) };
    Ok(Some((pos + found.len as u64, record_of(&found, base).map(|view| view.seq))))
}

/// The directories of a stream's consumers.
fn consumers(disk: OsDisk, stream: &Path) -> Result<Vec<PathBuf>> {
    let dir = stream.join("consumers");
    if !disk.exists(&dir) {
        return Ok(Vec::new());
    }
    let names = disk.list(&dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
    Ok(names.iter().filter(|n| !n.contains('.')).map(|n| dir.join(n)).collect())
}

/// What a report says of damage; any other error ends the check.
fn sentence(error: Error) -> Result<String> {
    if error.kind() == ErrorKind::Corrupt { Ok(error.to_string()) } else { Err(error) }
}

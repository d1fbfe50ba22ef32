//! A sealed segment stored again, smaller: the same positions, in compressed blocks, with what is gone blanked out.
//!
//! Behind the header come the blocks, each [`BLOCK_BYTES`] of frames, then the table and a trailer. A frame that is
//! gone becomes part of a note full of zeros, so every position still means what it meant and no index changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::Pos;
use super::frame::{self, BODY_BYTES_MAX, FLAG_MORE, FLAG_NOTE, FRAME_HEAD, Frame};
use super::recover::scan;
use super::segment::Segment;
use crate::disk::{Disk, File, OpenMode, read_full};
use crate::error::{Error, Result};
use crate::locks::lock;

/// Bytes of frames to a block.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Position of the end, how many records were kept, number of blocks, check of table and trailer.
const TRAILER: usize = 8 + 8 + 4 + 4;
/// Where a block lies in the file, its stored length, its check.
const ENTRY: usize = 8 + 4 + 4;

/// An open packed segment.
pub(crate) struct Packed {
    pub(crate) file: Arc<dyn File>,
    base: Pos,
    pub(crate) end: Pos,
    /// How many records were kept when it was packed.
    pub(crate) kept: u64,
    blocks: Vec<(u64, u32, u32)>,
    /// The block that was read last.
    last: Mutex<Option<(usize, Arc<Vec<u8>>)>>,
}

impl Packed {
    /// Opens what [`write`] wrote; `None` when it is not whole.
    pub(crate) fn open(file: Arc<dyn File>, base: Pos, header_len: u64) -> std::io::Result<Option<Self>> {
        let len = file.len()?;
        let mut trailer = [0; TRAILER];
        if len < header_len + TRAILER as u64 || read_full(&*file, &mut trailer, len - TRAILER as u64)? < TRAILER {
            return Ok(None);
        }
        let count = u32::from_le_bytes([trailer[16], trailer[17], trailer[18], trailer[19]]) as usize;
        let table_len = (count as u64) * ENTRY as u64 + TRAILER as u64;
        if len < header_len + table_len {
            return Ok(None);
        }
        let mut table = vec![0; table_len as usize];
        read_full(&*file, &mut table, len - table_len)?;
        let (covered, check) = table.split_at(table.len() - 4);
        if crc32fast::hash(covered).to_le_bytes() != check {
            return Ok(None);
        }
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let blocks = covered
            .chunks_exact(ENTRY)
            .take(count)
            .map(|e| (word(&e[..8]), word(&e[8..12]) as u32, word(&e[12..16]) as u32))
            .collect();
        Ok(Some(Packed {
            file,
            base,
            end: word(&trailer[..8]),
            kept: word(&trailer[8..16]),
            blocks,
            last: Mutex::default(),
        }))
    }

    /// Up to `len` bytes at a position.
    pub(crate) fn read(&self, segment: &Segment, pos: Pos, len: usize) -> Result<Vec<u8>> {
        let until = (pos + len as u64).min(self.end);
        let mut out = Vec::with_capacity((until.saturating_sub(pos)) as usize);
        let mut at = pos;
        while at < until {
            let index = ((at - self.base) / BLOCK_BYTES as u64) as usize;
            let block = self.block(segment, index)?;
            let start = (at - self.base) as usize % BLOCK_BYTES;
            let stop = block.len().min(start + (until - at) as usize);
            if start >= stop {
                return Err(self.damaged(segment, index));
            }
            out.extend_from_slice(&block[start..stop]);
            at += (stop - start) as u64;
        }
        Ok(out)
    }

    fn block(&self, segment: &Segment, index: usize) -> Result<Arc<Vec<u8>>> {
        let mut last = lock(&self.last);
        if let Some((known, block)) = &*last
            && *known == index
        {
            return Ok(Arc::clone(block));
        }
        let &(offset, len, check) = self.blocks.get(index).ok_or_else(|| self.damaged(segment, index))?;
        let mut stored = vec![0; len as usize];
        let got = read_full(&*self.file, &mut stored, offset).map_err(|e| segment.io("read", &e))?;
        if got < stored.len() || crc32fast::hash(&stored) != check {
            return Err(self.damaged(segment, index));
        }
        let block = zstd::bulk::decompress(&stored, BLOCK_BYTES).map_err(|_| self.damaged(segment, index))?;
        let block = Arc::new(block);
        *last = Some((index, Arc::clone(&block)));
        Ok(block)
    }

    fn damaged(&self, segment: &Segment, index: usize) -> Error {
        let offset = self.blocks.get(index).map_or(0, |b| b.0);
        Error::corrupt(format!("{} is damaged at offset {offset}, in block {index}", segment.path.display()))
    }
}

/// Collects frames into blocks on their way to the file.
struct Packer<'a> {
    file: &'a dyn File,
    offset: u64,
    level: i32,
    buf: Vec<u8>,
    blocks: Vec<u8>,
    count: u32,
    /// The position of the next byte.
    pos: Pos,
    /// Where what is gone began, and whether its last frame's batch goes on.
    gone: Option<(Pos, bool)>,
}

impl Packer<'_> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.buf.extend_from_slice(bytes);
        self.pos += bytes.len() as u64;
        while self.buf.len() >= BLOCK_BYTES {
            let rest = self.buf.split_off(BLOCK_BYTES);
            self.flush()?;
            self.buf = rest;
        }
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let stored = zstd::bulk::compress(&self.buf, self.level)?;
        self.file.write_at(&stored, self.offset)?;
        self.blocks.extend_from_slice(&self.offset.to_le_bytes());
        self.blocks.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        self.blocks.extend_from_slice(&crc32fast::hash(&stored).to_le_bytes());
        self.offset += stored.len() as u64;
        self.count += 1;
        self.buf.clear();
        Ok(())
    }

    /// Writes notes over everything that is gone up to `end`.
    fn blank(&mut self, end: Pos) -> std::io::Result<()> {
        let Some((start, more)) = self.gone.take() else { return Ok(()) };
        let mut left = (end - start) as usize;
        while left > 0 {
            let longest = BODY_BYTES_MAX + FRAME_HEAD;
            let len = if left <= longest { left } else { longest.min(left - FRAME_HEAD) };
            let mut note = Vec::with_capacity(len);
            frame::begin(&mut note, None, self.pos);
            note.resize(len, 0);
            let pos = self.pos;
            frame::finish(&mut note, 0, FLAG_NOTE | if more { FLAG_MORE } else { 0 }, pos);
            self.put(&note)?;
            left -= len;
        }
        Ok(())
    }
}

/// What becomes of a frame.
pub(crate) enum Keep {
    /// It stays as it is.
    Frame,
    /// It stays, with zeros in its body from there on.
    Until(usize),
    /// It is gone; it may share a note with what is gone before it.
    Gone,
    /// It is gone, but an index points at it: a note begins here.
    GoneAt,
}

/// A packed segment beside the one whose place it shall take.
pub(crate) struct Written {
    packed: Packed,
    temporary: PathBuf,
    path: PathBuf,
}

impl Written {
    /// Puts it in its place, at once or not at all.
    pub(crate) fn place(self, disk: &dyn Disk) -> Result<Packed> {
        let at = |e: std::io::Error| Error::io(format_args!("replace {}", self.path.display()), &e);
        disk.rename(&self.temporary, &self.path).map_err(at)?;
        if let Some(dir) = self.path.parent() {
            disk.sync_dir(dir).map_err(at)?;
        }
        Ok(self.packed)
    }
}

/// Writes `segment` packed to a file beside it, all of it on disk; what it holds is read and checked on the way. `kept`
/// is noted for whoever asks later whether packing it again is worth it.
pub(crate) fn write(
    disk: &dyn Disk,
    segment: &Segment,
    blob: &[u8],
    level: i32,
    kept: u64,
    keep: &mut dyn FnMut(&Frame<'_>) -> Keep,
) -> Result<Written> {
    let temporary = segment.path.with_extension("tmp");
    let at = |e: std::io::Error| Error::io(format_args!("write {}", temporary.display()), &e);
    let file = disk.open(&temporary, OpenMode::Create).map_err(at)?;
    let header = Segment::packed_header(segment.base, blob);
    file.write_at(&header, 0).map_err(at)?;
    let mut packer = Packer {
        file: &*file,
        offset: header.len() as u64,
        level,
        buf: Vec::with_capacity(2 * BLOCK_BYTES),
        blocks: Vec::new(),
        count: 0,
        pos: segment.base,
        gone: None,
    };
    let scanned = scan(segment, segment.base, &mut |pos, found| {
        match keep(found) {
            Keep::Frame => {
                packer.blank(pos).map_err(at)?;
                packer.put(found.raw).map_err(at)?;
            }
            Keep::Until(end) => {
                let mut raw = found.raw.to_vec();
                let start = raw.len() - found.body.len() + end;
                raw[start..].fill(0);
                frame::finish(&mut raw, 0, found.flags, pos);
                packer.blank(pos).map_err(at)?;
                packer.put(&raw).map_err(at)?;
            }
            Keep::GoneAt => {
                packer.blank(pos).map_err(at)?;
                packer.gone = Some((pos, found.more()));
            }
            Keep::Gone => packer.gone = Some((packer.gone.map_or(pos, |g| g.0), found.more())),
        }
        Ok(())
    })?;
    if scanned.torn {
        return Err(Error::corrupt(format!(
            "{} is damaged at offset {}",
            segment.path.display(),
            segment.offset(scanned.end)
        )));
    }
    packer.blank(scanned.end).map_err(at)?;
    if !packer.buf.is_empty() {
        packer.flush().map_err(at)?;
    }
    let mut table = std::mem::take(&mut packer.blocks);
    table.extend_from_slice(&scanned.end.to_le_bytes());
    table.extend_from_slice(&kept.to_le_bytes());
    table.extend_from_slice(&packer.count.to_le_bytes());
    let check = crc32fast::hash(&table);
    table.extend_from_slice(&check.to_le_bytes());
    file.write_at(&table, packer.offset).map_err(at)?;
    file.sync().map_err(at)?;
    let packed = Packed::open(Arc::clone(&file), segment.base, header.len() as u64).map_err(at)?;
    let packed = packed.ok_or_else(|| Error::corrupt(format!("{} was not written whole", temporary.display())))?;
    Ok(Written { packed, temporary, path: segment.path.clone() })
}

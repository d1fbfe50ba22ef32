//! The end of the journal that is not on disk yet: frames collect here, one writer takes them all, and readers find
//! them here until they are written.

use std::sync::Arc;

use super::Pos;
use super::frame;
use super::frame::{FLAG_MARK, FLAG_NOTE};
use super::segment::Segment;

/// Frames on their way to one segment.
pub(crate) struct Chunk {
    pub(crate) segment: Arc<Segment>,
    /// The header to write first, when the segment begins with this chunk.
    pub(crate) header: Option<Vec<u8>>,
    pub(crate) start: Pos,
    pub(crate) bytes: Vec<u8>,
    /// Whether something in it gives space back, so that a cache may go for it where there is no room.
    pub(crate) frees: bool,
}

impl Chunk {
    pub(crate) fn end(&self) -> Pos {
        self.start + self.bytes.len() as u64
    }
}

/// What is not written yet. Lives under the owner's lock; does no input or output.
pub(crate) struct Tail {
    segment: Arc<Segment>,
    header: Option<Vec<u8>>,
    buf: Vec<u8>,
    /// The position of `buf[0]`.
    start: Pos,
    taken: Option<Arc<Chunk>>,
    spare: Vec<u8>,
    /// Everything before this is on disk.
    pub(crate) synced: Pos,
    /// Where the last mark stands and what it says.
    marked: Option<(Pos, Pos)>,
    /// Whether something that waits gives space back.
    pub(crate) frees: bool,
}

impl Tail {
    /// A journal that ends at `end`, in `segment`; `header` when that is not made yet.
    pub(crate) fn new(segment: Arc<Segment>, header: Option<Vec<u8>>, end: Pos, synced: Pos) -> Self {
        Tail {
            segment,
            header,
            buf: Vec::new(),
            start: end,
            taken: None,
            spare: Vec::new(),
            synced,
            marked: None,
            frees: false,
        }
    }

    /// Where the next frame will stand.
    pub(crate) fn end(&self) -> Pos {
        self.start + self.buf.len() as u64
    }

    /// Where the frames in memory begin; everything before it is in the files.
    pub(crate) fn memory_start(&self) -> Pos {
        self.taken.as_ref().map_or(self.start, |c| c.start)
    }

    /// Bytes waiting to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.buf.len()
    }

    pub(crate) fn is_written(&self) -> bool {
        self.buf.is_empty() && self.taken.is_none()
    }

    /// Goes on in a new segment; only when nothing is waiting.
    pub(crate) fn roll(&mut self, segment: Arc<Segment>, header: Vec<u8>) {
        debug_assert!(self.buf.is_empty());
        self.segment = segment;
        self.header = Some(header);
    }

    /// Appends one frame, whose body `fill` writes; `fill` returns the frame's tag. Returns where it stands.
    pub(crate) fn push(&mut self, flags: u8, fill: impl FnOnce(&mut Vec<u8>) -> u8) -> Pos {
        let pos = self.end();
        let said = self.marked.is_some_and(|(at, synced)| synced == self.synced && pos - at < MARK_AGAIN_BYTES);
        let mark = (self.buf.is_empty() && (!said || flags & FLAG_NOTE != 0)).then_some(self.synced);
        if let Some(synced) = mark {
            self.marked = Some((pos, synced));
        }
        let start = frame::begin(&mut self.buf, mark, pos);
        let tag = fill(&mut self.buf);
        let flags = flags | tag | if mark.is_some() { FLAG_MARK } else { 0 };
        frame::finish(&mut self.buf, start, flags, pos);
        pos
    }

    /// Takes everything that waits, to be written; what was taken before and not written comes first. `None` when there
    /// is nothing.
    pub(crate) fn take(&mut self) -> Option<Arc<Chunk>> {
        if self.taken.is_some() {
            return self.taken.clone();
        }
        if self.buf.is_empty() {
            return None;
        }
        let spare = std::mem::take(&mut self.spare);
        let chunk = Arc::new(Chunk {
            segment: Arc::clone(&self.segment),
            header: self.header.take(),
            start: self.start,
            bytes: std::mem::replace(&mut self.buf, spare),
            frees: std::mem::take(&mut self.frees),
        });
        self.start = chunk.end();
        self.taken = Some(Arc::clone(&chunk));
        Some(chunk)
    }

    /// The taken chunk is in the file now.
    pub(crate) fn written(&mut self, chunk: Arc<Chunk>) {
        self.taken = None;
        if let Ok(chunk) = Arc::try_unwrap(chunk)
            && chunk.bytes.capacity() <= SPARE_BYTES_MAX
        {
            self.spare = chunk.bytes;
            self.spare.clear();
        }
    }

    /// Forgets everything that is not written: the journal ends at `end` again.
    pub(crate) fn reset(&mut self, segment: Arc<Segment>, header: Option<Vec<u8>>, end: Pos) {
        self.segment = segment;
        self.header = header;
        self.taken = None;
        self.buf.clear();
        self.start = end;
        (self.marked, self.frees) = (None, false);
    }

    /// Up to `len` bytes at a position that is in memory.
    pub(crate) fn read(&self, pos: Pos, len: usize) -> Vec<u8> {
        let part = |start: Pos, bytes: &[u8]| {
            let at = (pos - start) as usize;
            bytes[at..(at + len).min(bytes.len())].to_vec()
        };
        match &self.taken {
            Some(chunk) if pos < chunk.end() => part(chunk.start, &chunk.bytes),
            _ => part(self.start, &self.buf),
        }
    }

    /// As [`Tail::read`], without copying.
    pub(crate) fn peek(&self, pos: Pos) -> &[u8] {
        match &self.taken {
            Some(chunk) if pos < chunk.end() => &chunk.bytes[(pos - chunk.start) as usize..],
            _ => &self.buf[(pos - self.start) as usize..],
        }
    }
}

/// A mark that says nothing new is repeated after this many bytes, so that one damaged frame cannot hide it.
const MARK_AGAIN_BYTES: u64 = 64 << 10;
/// A written buffer larger than this is given back instead of used again.
const SPARE_BYTES_MAX: usize = 8 << 20;

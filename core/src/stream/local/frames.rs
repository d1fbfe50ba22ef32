//! Single records by position: out of the tail's memory, out of a page, or out of the file, each checked as it is read.

use super::Local;
use super::part::Part;
use super::read::{is_record, seq_of};
use super::state::State;
use crate::error::Result;
use crate::journal::Pos;
use crate::journal::frame::{self, FRAME_HEAD, Frame};
use crate::journal::pages::PAGE_BYTES;
use crate::record::{Base, Batch};

/// What is read of a record that no page holds, before its length is known.
const GUESS_BYTES: usize = 512;
/// Records apart from each other that are fetched from memory together.
pub(crate) const PREFETCH_RECORDS: usize = 16;
/// Longer frames are read by themselves and take no room among the pages.
const PAGED_BYTES_MAX: usize = 4 * PAGE_BYTES;

/// Reads frames of one stream.
pub(crate) struct Frames<'a> {
    local: &'a Local,
    /// Everything before this is in the files.
    memory: Pos,
    /// What was read last, and where it lies.
    own: (Pos, Vec<u8>),
}

impl<'a> Frames<'a> {
    pub(crate) fn new(local: &'a Local, state: &State) -> Self {
        Frames { local, memory: state.tail.memory_start(), own: (0, Vec::new()) }
    }

    /// What `take` makes of the record at a position; `None` when it was taken out, and its segment packed, since its
    /// place was looked up.
    pub(crate) fn record<T>(
        &mut self,
        part: &Part,
        pos: Pos,
        seq: u64,
        take: impl FnOnce(&Frame<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let right = |found: &Frame<'_>| is_record(found) && seq_of(part, found) == Some(seq);
        let beside = pos < part.segment.base || (part.is_sealed() && pos >= part.end());
        if beside || !part.contains(seq) {
            // Only a cache that lies says so.
            return Err(self.local.damaged(part, pos.max(part.segment.base), seq));
        }
        if pos < self.memory && !self.holds(pos, FRAME_HEAD) {
            // Most frames lie within one page, and are used where they lie.
            let at = (pos - part.segment.base) as usize % PAGE_BYTES;
            let kept = self.local.shared.pages.kept();
            if let Some(rest) = kept.get(self.local.log, pos - at as u64).and_then(|page| page.get(at..))
                && let Ok(found) = frame::parse(rest, 0, pos)
                && right(&found)
            {
                return take(&found).map(Some);
            }
        }
        let local = self.local;
        let len = frame::frame_len(self.bytes(part, pos, FRAME_HEAD)?).unwrap_or(FRAME_HEAD);
        match frame::parse(self.bytes(part, pos, len)?, 0, pos) {
            Ok(found) if right(&found) => take(&found).map(Some),
            _ if part.dead().contains((seq - part.base.seq) as u32) => Ok(None),
            _ => Err(local.damaged(part, pos, seq)),
        }
    }

    /// Whether what was read last has this.
    fn holds(&self, pos: Pos, len: usize) -> bool {
        pos >= self.own.0 && pos + len as u64 <= self.own.0 + self.own.1.len() as u64
    }

    /// Fetches what pages hold of several records from memory at once, which one after another would each wait for.
    pub(crate) fn prefetch(&self, part: &Part, places: &[(u32, u32)]) {
        let (kept, base) = (self.local.shared.pages.kept(), part.segment.base);
        let mut pages: [&[u8]; PREFETCH_RECORDS] = [&[]; PREFETCH_RECORDS];
        for (page, &(_, offset)) in pages.iter_mut().zip(places) {
            let at = offset as usize % PAGE_BYTES;
            let found = kept.get(self.local.log, base + (offset as usize - at) as u64);
            *page = found.and_then(|page| page.get(at..)).unwrap_or_default();
        }
        // Nothing here waits for what stands before it, so the processor fetches many lines at a time.
        let lines = |page: &[u8]| [0, 64, 128].map(|at| page.get(at).copied().unwrap_or_default());
        let touched = pages.iter().map(|page| lines(page)).fold(0u8, |sum, [a, b, c]| sum ^ a ^ b ^ c);
        std::hint::black_box(touched);
    }

    /// At least `len` bytes at a position, or as many as there are.
    fn bytes(&mut self, part: &Part, pos: Pos, len: usize) -> Result<&[u8]> {
        if pos + len as u64 > self.memory {
            let state = self.local.lock();
            self.memory = state.tail.memory_start();
            if pos >= self.memory {
                self.own = (pos, state.tail.read(pos, len));
                return Ok(&self.own.1);
            }
        }
        let len = len.min((self.memory - pos) as usize);
        if self.holds(pos, len) {
            return Ok(&self.own.1[(pos - self.own.0) as usize..]);
        }
        let segment = &part.segment;
        let page_of = |at: Pos| at - (at - segment.base) % PAGE_BYTES as u64;
        let end = page_of(pos + len as u64 - 1) + PAGE_BYTES as u64;
        self.own.0 = pos;
        self.own.1.clear();
        if end > self.memory || len > PAGED_BYTES_MAX {
            // A page that is still being written would be kept as it is now.
            let len = len.max(GUESS_BYTES).min((self.memory - pos) as usize);
            self.own.1 = segment.read(pos, len)?;
            return Ok(&self.own.1);
        }
        let (pages, log, own) = (&self.local.shared.pages, self.local.log, &mut self.own.1);
        for at in (page_of(pos)..end).step_by(PAGE_BYTES) {
            pages.with(log, segment, at, |page| {
                let rest = page.get((pos.max(at) - at) as usize..).unwrap_or_default();
                // The whole of a frame that has its length here.
                let most = if own.is_empty() { frame::frame_len(rest).unwrap_or(len) } else { len - own.len() };
                own.extend_from_slice(&rest[..most.min(rest.len())]);
            })?;
        }
        Ok(own)
    }
}

/// Copies records together that lie apart.
#[derive(Default)]
pub(crate) struct Gather {
    batch: Batch,
    base: Option<Base>,
    bytes: Vec<u8>,
    /// Start, length, tag and sequence of each.
    taken: Vec<(usize, usize, u8, u64)>,
}

impl Gather {
    pub(crate) fn add(&mut self, base: Base, seq: u64, found: &Frame<'_>) {
        if self.base.is_some_and(|b| b != base) {
            self.flush();
        }
        self.base = Some(base);
        self.taken.push((self.bytes.len(), found.body.len(), found.tag(), seq));
        self.bytes.extend_from_slice(found.body);
    }

    fn flush(&mut self) {
        if let Some(base) = self.base.take() {
            let buffer = self.batch.add_buffer(std::mem::take(&mut self.bytes), base);
            for (start, len, tag, seq) in self.taken.drain(..) {
                self.batch.push(buffer, start, len, tag, seq);
            }
        }
    }

    pub(crate) fn finish(mut self) -> Batch {
        self.flush();
        self.batch
    }
}

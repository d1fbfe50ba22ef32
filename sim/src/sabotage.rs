//! Faults planted below the shipped code: what a missing line in it, or a lying disk, would do. Each has a name, and
//! the tests say within how many seeds the oracle finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::random::Random;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No segment is ever synced.
    SkippedSync,
    /// Every second sync of a segment does nothing.
    EverySecondSync,
    /// One sync in ten of a segment does nothing.
    RareSkippedSync,
    /// No directory is ever synced, so new files may be gone.
    SkippedDirSync,
    /// Two frames that are written together change places.
    SwappedFrames,
    /// A write to a segment goes nowhere.
    LostWrite,
    /// The last bytes of a write are missing.
    ShortWrite,
    /// A write lands eight bytes behind its place.
    MisdirectedWrite,
    /// A write lands twice, the second time right before the first.
    EchoedWrite,
    /// The second half of a write repeats the first.
    RepeatedHalf,
    /// One bit of a write is flipped.
    FlippedBit,
    /// A sector of a write is zeros.
    ZeroedSector,
    /// A write of frames loses the batch mark: each stands alone.
    UnframedBatch,
    /// A segment is gone after a power cut.
    LostSegment,
    /// A segment is shorter after a power cut than what was synced.
    ShortenedSegment,
    /// A bit of a synced segment flips during a power cut.
    RottenSegment,
    /// A sector of a synced segment is zeros after a power cut.
    RottenSector,
    /// Two segments have each other's content after a power cut.
    SwappedSegments,
    /// A cut takes some more of the file than it should.
    OvercutTail,
    /// The lock lets everyone in.
    IgnoredLock,
    /// A read now and then returns a flipped bit.
    FlippedRead,
    /// The file that says where a consumer stands is lost after a power cut.
    LostPosition,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 22] = [
        Fault::SkippedSync,
        Fault::EverySecondSync,
        Fault::RareSkippedSync,
        Fault::SkippedDirSync,
        Fault::SwappedFrames,
        Fault::LostWrite,
        Fault::ShortWrite,
        Fault::MisdirectedWrite,
        Fault::EchoedWrite,
        Fault::RepeatedHalf,
        Fault::FlippedBit,
        Fault::ZeroedSector,
        Fault::UnframedBatch,
        Fault::LostSegment,
        Fault::ShortenedSegment,
        Fault::RottenSegment,
        Fault::RottenSector,
        Fault::SwappedSegments,
        Fault::OvercutTail,
        Fault::IgnoredLock,
        Fault::FlippedRead,
        Fault::LostPosition,
    ];
}

/// One planted fault and when it strikes.
#[derive(Debug, Clone)]
pub struct Sabotage {
    fault: Fault,
    random: Random,
    syncs: u64,
}

/// A write as it reaches the platter.
pub(crate) struct Step {
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "seg") && !is_position(path)
}

fn is_position(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "consumers")
}

/// Where the frames in `bytes` begin, if they are frames.
fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        starts.push(at);
        let word = u32::from_le_bytes([bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]]);
        at += 8 + (word & 0x00ff_ffff) as usize;
    }
    if at == bytes.len() { starts } else { Vec::new() }
}

impl Sabotage {
    /// Plants `fault`.
    pub fn new(fault: Fault, seed: u64) -> Self {
        Sabotage { fault, random: Random::new(seed ^ 0x5ab0), syncs: 0 }
    }

    pub(crate) fn skips_sync(&mut self, path: &Path) -> bool {
        if !is_segment(path) {
            return false;
        }
        self.syncs += 1;
        match self.fault {
            Fault::SkippedSync => true,
            Fault::EverySecondSync => self.syncs.is_multiple_of(2),
            Fault::RareSkippedSync => self.random.once_in(10),
            _ => false,
        }
    }

    pub(crate) fn skips_dir_sync(&mut self) -> bool {
        self.fault == Fault::SkippedDirSync
    }

    pub(crate) fn ignores_locks(&self) -> bool {
        self.fault == Fault::IgnoredLock
    }

    /// What a cut to `len` bytes leaves.
    pub(crate) fn on_cut(&mut self, len: u64) -> u64 {
        if self.fault == Fault::OvercutTail { len.saturating_sub(1 + self.random.below(64)) } else { len }
    }

    pub(crate) fn on_read(&mut self, path: &Path, bytes: &mut [u8]) {
        if self.fault == Fault::FlippedRead && is_segment(path) && bytes.len() > 64 && self.random.once_in(40) {
            let at = self.random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << self.random.below(8);
        }
    }

    pub(crate) fn on_write(&mut self, path: &Path, offset: u64, bytes: &[u8]) -> Vec<Step> {
        let mut bytes = bytes.to_vec();
        let mut offset = offset;
        if is_segment(path) && offset > 0 && bytes.len() > 16 {
            let strikes = self.random.once_in(20);
            match self.fault {
                Fault::LostWrite if strikes => return Vec::new(),
                Fault::ShortWrite if strikes => bytes.truncate(bytes.len() - 1 - self.random.below(8) as usize),
                Fault::MisdirectedWrite if strikes => offset += 8,
                Fault::EchoedWrite if strikes && offset > bytes.len() as u64 => {
                    offset -= bytes.len() as u64;
                    bytes.extend_from_within(..);
                }
                Fault::RepeatedHalf if strikes => {
                    let half = bytes.len() / 2;
                    bytes.copy_within(..half, half);
                }
                Fault::FlippedBit if strikes => {
                    let at = self.random.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << self.random.below(8);
                }
                Fault::ZeroedSector if strikes => {
                    let at = self.random.below(bytes.len() as u64) as usize;
                    let end = (at + 512).min(bytes.len());
                    bytes[at..end].fill(0);
                }
                Fault::SwappedFrames => swap_frames(&mut bytes),
                Fault::UnframedBatch => unframe(&mut bytes),
                _ => {}
            }
        }
        vec![Step { offset, bytes }]
    }

    /// What else goes wrong while the power is off. `edit` lets a file's content be changed.
    pub(crate) fn after_cut(&mut self, names: &mut BTreeMap<PathBuf, usize>, edit: &mut Edit<'_>) {
        let segments: Vec<PathBuf> = names.keys().filter(|p| is_segment(p)).cloned().collect();
        let position = names.keys().find(|p| is_position(p)).cloned();
        let Some(first) = segments.first() else { return };
        let bit = 1 << self.random.below(8);
        match self.fault {
            Fault::LostSegment if segments.len() > 1 => drop(names.remove(first)),
            Fault::SwappedSegments if segments.len() > 1 => {
                let (a, b) = (names[&segments[0]], names[&segments[1]]);
                names.insert(segments[0].clone(), b);
                names.insert(segments[1].clone(), a);
            }
            Fault::ShortenedSegment => edit(names[first], &mut |bytes| bytes.truncate(bytes.len() - bytes.len() / 4)),
            Fault::RottenSegment => edit(names[first], &mut |bytes| {
                let at = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }),
            Fault::RottenSector => edit(names[first], &mut |bytes| {
                let at = bytes.len() / 2;
                let end = (at + 512).min(bytes.len());
                bytes[at..end].fill(0);
            }),
            Fault::LostPosition => {
                if let Some(path) = position {
                    names.remove(&path);
                }
            }
            _ => {}
        }
    }
}

/// Hands the content of a file to a change.
pub(crate) type Edit<'a> = dyn FnMut(usize, &mut dyn FnMut(&mut Vec<u8>)) + 'a;

fn swap_frames(bytes: &mut [u8]) {
    let starts = frame_starts(bytes);
    for pair in starts.windows(3) {
        let (a, b, end) = (pair[0], pair[1], pair[2]);
        if b - a == end - b {
            let (left, right) = bytes[a..end].split_at_mut(b - a);
            left.swap_with_slice(right);
            return;
        }
    }
}

/// Clears the flag that says that a frame's batch goes on.
fn unframe(bytes: &mut [u8]) {
    for at in frame_starts(bytes) {
        bytes[at + 7] &= !0x40;
    }
}

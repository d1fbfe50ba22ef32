//! The index of committed state in one file, so that opening does not read the history. A cache: when it is not there
//! or does not hold, the segments are replayed from the first.

use std::path::{Path, PathBuf};

use super::control;
use super::dead::Dead;
use super::origins::Origins;
use super::state::State;
use crate::clock::Nanos;
use crate::disk::{Disk, OpenMode, read_all, replace};
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::stream::config::StreamConfig;
use crate::subject::check_subject;
use crate::varint::{self, put_bytes, put_varint, take_bytes, take_varint, unzigzag, zigzag};

const MAGIC: &[u8; 8] = b"HWSNAPS\x01";
/// The CRC32 at the end.
const CHECK_BYTES: usize = 4;

/// Last sequence, last position, first sequence and count of a subject.
pub(crate) type Numbers = (u64, Pos, u64, u32);

/// What a snapshot says, decoded but for the subjects: there may be millions.
pub(crate) struct Snapshot {
    /// It covers everything before this position.
    pub(crate) pos: Pos,
    pub(crate) config: StreamConfig,
    pub(crate) created: Nanos,
    pub(crate) last_seq: u64,
    pub(crate) last_time: Nanos,
    pub(crate) first_seq: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Base position, one past the last sequence, and what is gone, of each part.
    pub(crate) parts: Vec<(Pos, u64, Dead)>,
    pub(crate) expiries: Vec<(Nanos, u64)>,
    pub(crate) ids: Vec<(String, u64, Nanos)>,
    pub(crate) origins: Origins,
    bytes_of: Vec<u8>,
    /// Where the list of subjects begins in them.
    subjects: usize,
    pub(crate) len: u64,
}

impl Snapshot {
    /// Hands out each subject's name and numbers.
    pub(crate) fn each_subject(&self, take: &mut dyn FnMut(&str, Numbers)) {
        // It was read to its end when it was decoded.
        let _ = each_subject(&mut &self.bytes_of[self.subjects..self.bytes_of.len() - CHECK_BYTES], take);
    }
}

/// What a segment's header says.
pub(crate) struct Stands {
    pub(crate) base: Pos,
    pub(crate) base_seq: u64,
}

impl Snapshot {
    /// Whether all of it can be true at once of these segments, in order, of the stream with this name. A check that
    /// holds says only that the bytes are those that were written.
    pub(crate) fn is_sound(&self, name: &str, segments: &[Stands]) -> bool {
        let (mut live, mut first_live, mut before) = (0u64, None, None);
        for (base, end_seq, dead) in &self.parts {
            if before.is_some_and(|b| b >= *base) || *base > self.pos {
                return false;
            }
            before = Some(*base);
            let at = segments.partition_point(|s| s.base < *base);
            // One that is missing is the log's damage, and told as such.
            let Some(stands) = segments.get(at).filter(|s| s.base == *base) else { return *end_seq > 0 };
            let most = segments.get(at + 1).map_or(u64::MAX, |s| s.base_seq).min(self.last_seq.saturating_add(1));
            let Some(count) = end_seq.checked_sub(stands.base_seq) else { return false };
            if *end_seq > most || count > u64::from(u32::MAX) || !dead.is_within(count) {
                return false;
            }
            // What was before the first sequence is gone, marked or not.
            let from = self.first_seq.saturating_sub(stands.base_seq).min(count);
            let here = dead.live_within(from, count);
            live += here;
            if here > 0 {
                first_live = first_live.or(Some(stands.base_seq + u64::from(dead.next_live(from as u32))));
            }
        }
        self.config.name == name
            && self.last_seq < u64::MAX
            && (self.pos > 0 || self.last_seq == 0)
            && live == self.records
            && self.bytes <= self.pos
            && first_live.is_none_or(|first| first == self.first_seq)
            && (1..=self.last_seq + 1).contains(&self.first_seq)
            && self.ids.iter().all(|id| id.1 <= self.last_seq)
    }

    /// Whether what it says of subjects adds up.
    fn is_sound_of_subjects(&self) -> bool {
        let (mut count, mut sound) = (0u64, true);
        let mut take = |name: &str, (last_seq, last_pos, first_seq, records): Numbers| {
            count += u64::from(records);
            let span = last_seq.saturating_add(1).saturating_sub(first_seq);
            let there = (1..=span).contains(&u64::from(records)) && first_seq > 0;
            sound &= there && last_seq <= self.last_seq && last_pos < self.pos && check_subject(name).is_ok();
        };
        let whole = each_subject(&mut &self.bytes_of[self.subjects..self.bytes_of.len() - CHECK_BYTES], &mut take);
        whole.is_some() && sound && count == self.records
    }
}

/// Reads the list of subjects, each told by what differs from the one before.
fn each_subject(rest: &mut &[u8], take: &mut dyn FnMut(&str, Numbers)) -> Option<()> {
    let mut name = Vec::new();
    let (mut last_seq, mut last_pos) = (0u64, 0u64);
    for _ in 0..take_varint(rest)? {
        let (shared, len) = (take_varint(rest)? as usize, take_varint(rest)? as usize);
        let (new, after) = rest.split_at_checked(len)?;
        *rest = after;
        name.truncate(shared);
        name.extend_from_slice(new);
        last_seq = last_seq.wrapping_add_signed(unzigzag(take_varint(rest)?));
        last_pos = last_pos.wrapping_add_signed(unzigzag(take_varint(rest)?));
        let count = u32::try_from(take_varint(rest)?).ok()?;
        let first_seq = last_seq.checked_sub(if count == 1 { 0 } else { take_varint(rest)? })?;
        take(std::str::from_utf8(&name).ok()?, (last_seq, last_pos, first_seq, count));
    }
    Some(())
}

fn put_subjects(out: &mut Vec<u8>, state: &State) {
    put_varint(out, state.subjects.live() as u64);
    let mut before = "";
    let (mut last_seq, mut last_pos) = (0u64, 0u64);
    for (_, name, subject) in state.subjects.iter() {
        let shared = name.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
        put_varint(out, shared as u64);
        put_varint(out, (name.len() - shared) as u64);
        out.extend_from_slice(&name.as_bytes()[shared..]);
        put_varint(out, zigzag(subject.last_seq.wrapping_sub(last_seq) as i64));
        put_varint(out, zigzag(subject.last_pos.wrapping_sub(last_pos) as i64));
        put_varint(out, u64::from(subject.count));
        if subject.count != 1 {
            put_varint(out, subject.last_seq - subject.first_seq);
        }
        (before, last_seq, last_pos) = (name, subject.last_seq, subject.last_pos);
    }
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("index.snap")
}

/// The state as of `pos`, which is where it stands.
pub(crate) fn encode(state: &State, pos: Pos) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    put_bytes(&mut out, &control::to_bytes(&*state.config));
    let numbers = [pos, state.created, state.last_seq, state.last_time, state.first_seq, state.records, state.bytes];
    for number in numbers {
        put_varint(&mut out, number);
    }
    // A segment that is only planned holds nothing, and a crash may leave it unmade.
    let made: Vec<_> = state.parts.iter().filter(|p| p.segment.is_made()).collect();
    put_varint(&mut out, made.len() as u64);
    for part in made {
        put_varint(&mut out, part.segment.base);
        put_varint(&mut out, part.end_seq());
        let dead = part.dead();
        put_varint(&mut out, dead.words().len() as u64);
        for word in dead.words() {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
    put_varint(&mut out, state.expiries.len() as u64);
    for &(at, seq) in &state.expiries {
        put_varint(&mut out, at);
        put_varint(&mut out, seq);
    }
    put_varint(&mut out, state.dedup.len() as u64);
    for (id, seq, time) in state.dedup.iter() {
        put_bytes(&mut out, id.as_bytes());
        put_varint(&mut out, seq);
        put_varint(&mut out, time);
    }
    put_bytes(&mut out, &control::to_bytes(&state.origins));
    put_subjects(&mut out, state);
    let check = crc32fast::hash(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

/// Puts a snapshot in the place of the one before.
pub(crate) fn write(disk: &dyn Disk, dir: &Path, bytes: &[u8]) -> Result<()> {
    let path = path(dir);
    replace(disk, &path, bytes).map_err(|e| Error::io(format_args!("write {}", path.display()), &e))
}

/// The snapshot in a directory; `None` when it is not there or does not hold.
pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Option<Snapshot> {
    let file = disk.open(&path(dir), OpenMode::Read).ok()?;
    decode(read_all(&*file).ok()?)
}

fn decode(bytes: Vec<u8>) -> Option<Snapshot> {
    let (covered, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
    if crc32fast::hash(covered).to_le_bytes() != check {
        return None;
    }
    let mut rest = covered.strip_prefix(MAGIC)?;
    let rest = &mut rest;
    let config = control::from_bytes(take_bytes(rest)?, "snapshot").ok()?;
    let mut numbers = [0; 7];
    for number in &mut numbers {
        *number = take_varint(rest)?;
    }
    let [pos, created, last_seq, last_time, first_seq, records, size] = numbers;
    let parts = take_list(rest, |rest| {
        let (base, end_seq, words) = (take_varint(rest)?, take_varint(rest)?, take_varint(rest)? as usize);
        let (bits, after) = rest.split_at_checked(words.checked_mul(8)?)?;
        *rest = after;
        let words = bits.chunks_exact(8).filter_map(|c| c.try_into().ok().map(u64::from_le_bytes)).collect();
        Some((base, end_seq, Dead::from_words(words)))
    })?;
    let expiries = take_list(rest, |rest| Some((take_varint(rest)?, take_varint(rest)?)))?;
    let ids = take_list(rest, |rest| Some((take_text(rest)?, take_varint(rest)?, take_varint(rest)?)))?;
    let origins = control::from_bytes(take_bytes(rest)?, "snapshot").ok()?;
    let subjects = covered.len() - rest.len();
    let snapshot = Snapshot {
        pos,
        config,
        created,
        last_seq,
        last_time,
        first_seq,
        records,
        bytes: size,
        parts,
        expiries,
        ids,
        origins,
        subjects,
        len: bytes.len() as u64,
        bytes_of: bytes,
    };
    snapshot.is_sound_of_subjects().then_some(snapshot)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    varint::take_text(rest).map(str::to_owned)
}

fn take_list<T>(rest: &mut &[u8], mut take: impl FnMut(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = take_varint(rest)? as usize;
    (0..count).map(|_| take(rest)).collect()
}

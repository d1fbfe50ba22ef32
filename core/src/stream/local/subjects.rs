//! Every subject that has a record: a compact table from name to newest record. About 75 bytes a subject, and its name
//! where that is long.

use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::ops::{Index, IndexMut};

use super::slots::{SLOTS_MIN, Slots};
use crate::journal::Pos;
use crate::memory::Memory;

/// An index into the table; stable until [`Subjects::compact`].
pub(crate) type SubjectId = u32;

/// The longest name that lies in its entry; what looks a subject up then fetches one line of memory for it.
const INLINE_BYTES: usize = 22;

/// What is known of one subject: one line of memory.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Subject {
    /// The newest record.
    pub(crate) last_seq: u64,
    pub(crate) last_pos: Pos,
    /// No live record of the subject is older.
    pub(crate) first_seq: u64,
    /// The subject's first record in the active segment; older than that segment when it has none there.
    pub(crate) active_first: u64,
    /// How many live records it has; 0 keeps only its name.
    pub(crate) count: u32,
    /// What the newest record counts for; 0 is not known, as after an opening.
    pub(crate) last_size: u32,
    name_len: u16,
    /// The name, or where in the arena it starts when it is longer.
    name: [u8; INLINE_BYTES],
}

const SUBJECT_BYTES: usize = size_of::<Subject>();
const _: () = assert!(SUBJECT_BYTES == 64, "a subject is one line of memory");

/// Subjects by id, in chunks each as large as all before it: a table of a million grows without being copied, and the
/// system gives memory only for what it holds.
#[derive(Default)]
struct Entries {
    chunks: Vec<Memory>,
    len: usize,
}

/// Subjects in the first chunk; a power of two.
const CHUNK_MIN: usize = 64;

impl Entries {
    /// The chunk of an id, and where in it its bytes begin.
    fn place(id: SubjectId) -> (usize, usize) {
        let chunk = (id as usize / CHUNK_MIN).checked_ilog2().map_or(0, |log| log as usize + 1);
        let before = if chunk == 0 { 0 } else { CHUNK_MIN << (chunk - 1) };
        (chunk, (id as usize - before) * SUBJECT_BYTES)
    }

    fn push(&mut self, subject: Subject) {
        let id = self.len as SubjectId;
        if Self::place(id).0 == self.chunks.len() {
            self.chunks.push(Memory::zeroed(self.len.max(CHUNK_MIN) * SUBJECT_BYTES));
        }
        self.len += 1;
        self[id] = subject;
    }

    fn ids(&self) -> std::ops::Range<SubjectId> {
        0..self.len as SubjectId
    }
}

impl Index<SubjectId> for Entries {
    type Output = Subject;

    fn index(&self, id: SubjectId) -> &Subject {
        let (chunk, at) = Self::place(id);
        bytemuck::from_bytes(&self.chunks[chunk][at..at + SUBJECT_BYTES])
    }
}

impl IndexMut<SubjectId> for Entries {
    fn index_mut(&mut self, id: SubjectId) -> &mut Subject {
        let (chunk, at) = Self::place(id);
        bytemuck::from_bytes_mut(&mut self.chunks[chunk][at..at + SUBJECT_BYTES])
    }
}

/// The table. Names too long for an entry lie end to end in one arena.
pub(crate) struct Subjects {
    names: Vec<u8>,
    entries: Entries,
    slots: Slots,
    hasher: FixedState,
    live: usize,
}

/// The most bytes that all names may take together.
const NAMES_BYTES_MAX: usize = u32::MAX as usize;

impl Subjects {
    pub(crate) fn new(seed: u64) -> Self {
        Subjects {
            names: Vec::new(),
            entries: Entries::default(),
            slots: Slots::new(SLOTS_MIN),
            hasher: FixedState::with_seed(seed),
            live: 0,
        }
    }

    /// How many subjects have a record.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    pub(crate) fn is_full(&self, name: &str) -> bool {
        self.names.len() + name.len() > NAMES_BYTES_MAX
    }

    pub(crate) fn find(&self, name: &str) -> Option<SubjectId> {
        let hash = self.hasher.hash_one(name.as_bytes());
        self.slots.find(hash, |id| self.name_bytes(id) == name.as_bytes())
    }

    /// The live subject of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Subject> {
        self.find(name).map(|id| &self.entries[id]).filter(|s| s.count > 0)
    }

    pub(crate) fn entry(&self, id: SubjectId) -> &Subject {
        &self.entries[id]
    }

    pub(crate) fn name(&self, id: SubjectId) -> &str {
        std::str::from_utf8(self.name_bytes(id)).unwrap_or("")
    }

    fn name_bytes(&self, id: SubjectId) -> &[u8] {
        let Subject { name, name_len, .. } = &self.entries[id];
        let len = *name_len as usize;
        name.get(..len).unwrap_or_else(|| {
            let start = u32::from_le_bytes([name[0], name[1], name[2], name[3]]) as usize;
            &self.names[start..start + len]
        })
    }

    /// The id of a name, which gets one if it has none.
    pub(crate) fn intern(&mut self, name: &str) -> SubjectId {
        let hash = self.hasher.hash_one(name.as_bytes());
        if let Some(id) = self.slots.find(hash, |id| self.name_bytes(id) == name.as_bytes()) {
            return id;
        }
        let id = self.entries.len as SubjectId;
        let mut subject = Subject { name_len: name.len() as u16, ..bytemuck::Zeroable::zeroed() };
        if let Some(inline) = subject.name.get_mut(..name.len()) {
            inline.copy_from_slice(name.as_bytes());
        } else {
            subject.name[..4].copy_from_slice(&(self.names.len() as u32).to_le_bytes());
            self.names.extend_from_slice(name.as_bytes());
        }
        self.entries.push(subject);
        if self.slots.is_full(self.entries.len) {
            self.slots = self.slots.larger();
            for id in 0..id {
                self.slots.insert(self.hasher.hash_one(self.name_bytes(id)), id);
            }
        }
        self.slots.insert(hash, id);
        id
    }

    /// Notes a new newest record.
    pub(crate) fn add(&mut self, id: SubjectId, seq: u64, (pos, size): (Pos, u32), active_base: u64) {
        let s = &mut self.entries[id];
        if s.count == 0 {
            s.first_seq = seq;
            self.live += 1;
        }
        if s.active_first < active_base {
            s.active_first = seq;
        }
        s.count += 1;
        (s.last_seq, s.last_pos, s.last_size) = (seq, pos, size);
    }

    /// Notes that one record is gone; returns how many are left.
    pub(crate) fn remove_one(&mut self, id: SubjectId) -> u32 {
        let s = &mut self.entries[id];
        if s.count == 0 {
            // Its records were counted by a snapshot that lies.
            return 0;
        }
        s.count -= 1;
        self.live -= usize::from(s.count == 0);
        s.count
    }

    pub(crate) fn set_first(&mut self, id: SubjectId, seq: u64) {
        self.entries[id].first_seq = seq;
    }

    pub(crate) fn set_active_first(&mut self, id: SubjectId, seq: u64) {
        self.entries[id].active_first = seq;
    }

    pub(crate) fn set_last(&mut self, id: SubjectId, seq: u64, pos: Pos) {
        let s = &mut self.entries[id];
        (s.last_seq, s.last_pos, s.last_size) = (seq, pos, 0);
    }

    /// Puts in a subject as a snapshot has it.
    pub(crate) fn restore(&mut self, name: &str, subject: (u64, Pos, u64, u32)) {
        let id = self.intern(name);
        let (last_seq, last_pos, first_seq, count) = subject;
        let s = &mut self.entries[id];
        // A snapshot that lies may name one twice.
        self.live += usize::from(count > 0 && s.count == 0);
        (s.last_seq, s.last_pos, s.last_size) = (last_seq, last_pos, 0);
        (s.first_seq, s.count) = (first_seq, count);
    }

    /// All live subjects, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SubjectId, &str, &Subject)> {
        let all = self.entries.ids().map(|id| (id, &self.entries[id]));
        all.filter(|(_, s)| s.count > 0).map(|(id, s)| (id, self.name(id), s))
    }

    /// Whether more than half of the table is names without a record.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.entries.len > 4096 && self.live * 2 < self.entries.len
    }

    /// Drops the names without a record; every id changes.
    pub(crate) fn compact(&mut self) {
        let fresh = Subjects { hasher: self.hasher.clone(), ..Subjects::new(0) };
        let old = std::mem::replace(self, fresh);
        for (_, name, subject) in old.iter() {
            let id = self.intern(name);
            let s = &mut self.entries[id];
            *s = Subject { name: s.name, name_len: s.name_len, ..*subject };
            self.live += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::FixedState;
    use hashbrown::HashMap;

    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::subject::SUBJECT_BYTES_MAX;

    /// A name of so many bytes that no other number gives.
    fn name(number: u64, len: usize) -> String {
        let number = format!("{number:08x}");
        number + &"n".repeat(len.saturating_sub(8))
    }

    fn holds(subjects: &Subjects, model: &HashMap<String, Vec<u64>, FixedState>, note: &str) {
        assert_eq!(subjects.live(), model.len(), "{note}: live");
        for (name, seqs) in model {
            let subject = subjects.get(name).unwrap_or_else(|| panic!("{note}: '{name}' is not there"));
            assert_eq!(
                (subject.count as usize, Some(&subject.last_seq)),
                (seqs.len(), seqs.last()),
                "{note}: '{name}'"
            );
        }
        let mut all: Vec<&str> = subjects.iter().map(|(_, name, _)| name).collect();
        all.sort_unstable();
        let mut want: Vec<&str> = model.keys().map(String::as_str).collect();
        want.sort_unstable();
        assert_eq!(all, want, "{note}: names");
    }

    #[test]
    fn it_holds_what_a_map_holds_through_growth_and_compaction() {
        for seed in 0..5 {
            let random = ManualClock::new(0, seed);
            let mut subjects = Subjects::new(random.random());
            let mut model: HashMap<String, Vec<u64>, FixedState> = HashMap::default();
            let lens = [8, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 200, SUBJECT_BYTES_MAX];
            let (mut seq, mut compactions) = (0, 0);
            for step in 0..30_000u64 {
                // First mostly new names, then mostly removals, then new ones again.
                let grows = !(12_000..=24_000).contains(&step);
                if random.random() % 8 < if grows { 7 } else { 1 } {
                    seq += 1;
                    let number = random.random() % 20_000;
                    let name = name(number, lens[number as usize % lens.len()]);
                    let id = subjects.intern(&name);
                    subjects.add(id, seq, (seq * 100, 90), 0);
                    assert_eq!(subjects.name(id), name, "seed {seed} step {step}");
                    model.entry(name).or_default().push(seq);
                } else if let Some(name) = model.keys().next().cloned() {
                    let seqs = model.remove(&name).unwrap_or_default();
                    let id = subjects.find(&name).unwrap_or_else(|| panic!("seed {seed} step {step}: '{name}'"));
                    let left = seqs.iter().map(|_| subjects.remove_one(id)).last();
                    assert_eq!(left, Some(0), "seed {seed} step {step}: '{name}'");
                    assert!(subjects.get(&name).is_none(), "seed {seed} step {step}: '{name}' has no record");
                }
                if subjects.wants_compaction() {
                    subjects.compact();
                    compactions += 1;
                    holds(&subjects, &model, &format!("seed {seed} step {step}, compacted"));
                }
            }
            holds(&subjects, &model, &format!("seed {seed}, at the end"));
            assert!(compactions > 0, "seed {seed} never compacted");
        }
    }

    #[test]
    fn a_name_that_just_fits_its_entry_takes_no_room_elsewhere() {
        let mut subjects = Subjects::new(7);
        for len in 8..=INLINE_BYTES {
            subjects.intern(&name(len as u64, len));
        }
        assert_eq!(subjects.names.len(), 0);
        let id = subjects.intern(&name(0, INLINE_BYTES + 1));
        assert_eq!((subjects.names.len(), subjects.name(id).len()), (INLINE_BYTES + 1, INLINE_BYTES + 1));
        // One is the beginning of the other.
        assert_ne!(subjects.find(&name(0, INLINE_BYTES)), Some(id));
    }

    #[test]
    fn a_subject_that_a_snapshot_names_twice_is_one() {
        let mut subjects = Subjects::new(7);
        subjects.restore("s", (5, 50, 5, 1));
        subjects.restore("s", (9, 90, 9, 1));
        assert_eq!((subjects.live(), subjects.iter().count()), (1, 1));
    }

    #[test]
    fn a_record_that_a_snapshot_did_not_count_is_taken_out_without_one() {
        let mut subjects = Subjects::new(7);
        let id = subjects.intern("s");
        assert_eq!((subjects.remove_one(id), subjects.live()), (0, 0));
    }

    #[test]
    fn entries_lie_where_their_ids_say_across_chunks() {
        let mut entries = Entries::default();
        for id in 0..5 * CHUNK_MIN as u64 {
            entries.push(Subject { last_seq: id, ..bytemuck::Zeroable::zeroed() });
        }
        assert!(entries.ids().all(|id| entries[id].last_seq == u64::from(id)));
        assert_eq!(Entries::place(CHUNK_MIN as u32 - 1), (0, (CHUNK_MIN - 1) * SUBJECT_BYTES));
        assert_eq!(Entries::place(CHUNK_MIN as u32), (1, 0));
        assert_eq!(Entries::place(2 * CHUNK_MIN as u32), (2, 0));
    }
}

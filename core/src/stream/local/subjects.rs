//! Every subject that has a record: a compact table from name to newest record. About 75 bytes a subject, and its name
//! where that is long.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::{Index, IndexMut};

use crate::journal::Pos;

/// An index into the table; stable until [`Subjects::compact`].
pub(crate) type SubjectId = u32;

/// The longest name that lies in its entry; what looks a subject up then fetches one line of memory for it.
const INLINE_BYTES: usize = 26;

/// What is known of one subject.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
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
    name: Name,
}

const _: () = assert!(size_of::<Subject>() == 64, "a subject is one line of memory");

/// A subject's name.
#[derive(Debug, Clone, Copy)]
enum Name {
    Inline([u8; INLINE_BYTES], u8),
    /// Where it starts in the arena, and its length.
    Arena(u32, u16),
}

/// Subjects by id, in chunks: a table of a million grows without being copied, and takes no more than it holds.
#[derive(Default)]
struct Entries(Vec<Vec<Subject>>);

/// Subjects to a chunk.
const CHUNK: usize = 4096;

impl Entries {
    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    fn push(&mut self, subject: Subject) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(subject),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(subject);
                self.0.push(chunk);
            }
        }
    }
}

impl Index<SubjectId> for Entries {
    type Output = Subject;

    fn index(&self, id: SubjectId) -> &Subject {
        &self.0[id as usize / CHUNK][id as usize % CHUNK]
    }
}

impl IndexMut<SubjectId> for Entries {
    fn index_mut(&mut self, id: SubjectId) -> &mut Subject {
        &mut self.0[id as usize / CHUNK][id as usize % CHUNK]
    }
}

/// The table. Names too long for an entry lie end to end in one arena.
pub(crate) struct Subjects {
    names: Vec<u8>,
    entries: Entries,
    table: HashTable<SubjectId>,
    hasher: FixedState,
    live: usize,
}

fn bytes_of<'a>(entries: &'a Entries, names: &'a [u8], id: SubjectId) -> &'a [u8] {
    match &entries[id].name {
        Name::Inline(name, len) => &name[..*len as usize],
        &Name::Arena(start, len) => &names[start as usize..start as usize + len as usize],
    }
}

/// The most bytes that all names may take together.
const NAMES_BYTES_MAX: usize = u32::MAX as usize;

impl Subjects {
    pub(crate) fn new(seed: u64) -> Self {
        Subjects {
            names: Vec::new(),
            entries: Entries::default(),
            table: HashTable::new(),
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
        self.table.find(hash, |&id| self.name_bytes(id) == name.as_bytes()).copied()
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
        bytes_of(&self.entries, &self.names, id)
    }

    /// The id of a name, which gets one if it has none.
    pub(crate) fn intern(&mut self, name: &str) -> SubjectId {
        let hash = self.hasher.hash_one(name.as_bytes());
        let (names, entries, hasher) = (&self.names, &self.entries, &self.hasher);
        let bytes_of = |id: SubjectId| bytes_of(entries, names, id);
        match self.table.entry(hash, |&id| bytes_of(id) == name.as_bytes(), |&id| hasher.hash_one(bytes_of(id))) {
            hashbrown::hash_table::Entry::Occupied(found) => *found.get(),
            hashbrown::hash_table::Entry::Vacant(slot) => {
                let id = self.entries.len() as SubjectId;
                slot.insert(id);
                self.entries.push(Subject {
                    last_seq: 0,
                    last_pos: 0,
                    first_seq: 0,
                    active_first: 0,
                    count: 0,
                    name: Name::Arena(self.names.len() as u32, name.len() as u16),
                });
                let mut inline = [0; INLINE_BYTES];
                if let Some(room) = inline.get_mut(..name.len()) {
                    room.copy_from_slice(name.as_bytes());
                    self.entries[id].name = Name::Inline(inline, name.len() as u8);
                } else {
                    self.names.extend_from_slice(name.as_bytes());
                }
                id
            }
        }
    }

    /// Notes a new newest record.
    pub(crate) fn add(&mut self, id: SubjectId, seq: u64, pos: Pos, active_base: u64) {
        let s = &mut self.entries[id];
        if s.count == 0 {
            s.first_seq = seq;
            self.live += 1;
        }
        if s.active_first < active_base {
            s.active_first = seq;
        }
        s.count += 1;
        s.last_seq = seq;
        s.last_pos = pos;
    }

    /// Notes that one record is gone; returns how many are left.
    pub(crate) fn remove_one(&mut self, id: SubjectId) -> u32 {
        let s = &mut self.entries[id];
        s.count = s.count.saturating_sub(1);
        if s.count == 0 {
            self.live -= 1;
        }
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
        s.last_seq = seq;
        s.last_pos = pos;
    }

    /// Puts in a subject as a snapshot has it.
    pub(crate) fn restore(&mut self, name: &str, subject: (u64, Pos, u64, u32)) {
        let id = self.intern(name);
        let (last_seq, last_pos, first_seq, count) = subject;
        let s = &mut self.entries[id];
        (s.last_seq, s.last_pos, s.first_seq, s.count) = (last_seq, last_pos, first_seq, count);
        self.live += usize::from(count > 0);
    }

    /// All live subjects, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SubjectId, &str, &Subject)> {
        self.entries
            .0
            .iter()
            .flatten()
            .enumerate()
            .filter(|(_, s)| s.count > 0)
            .map(|(id, s)| (id as SubjectId, self.name(id as SubjectId), s))
    }

    /// Whether more than half of the table is names without a record.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.entries.len() > 4096 && self.live * 2 < self.entries.len()
    }

    /// Drops the names without a record; every id changes.
    pub(crate) fn compact(&mut self) {
        let fresh = Subjects { hasher: self.hasher.clone(), ..Subjects::new(0) };
        let old = std::mem::replace(self, fresh);
        for (_, name, subject) in old.iter() {
            let id = self.intern(name);
            let s = &mut self.entries[id];
            *s = Subject { name: s.name, ..*subject };
            self.live += 1;
        }
    }
}

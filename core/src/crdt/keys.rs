//! The keys of a replica as they rest: a name with one small state is a run of bytes, everything else lies as it is
//! worked on.
//!
//! Counters of few actors, short values and flags are what there are millions of. As bytes each is one allocation,
//! found by a table entry of 16 bytes. A state is taken apart to be joined; to count and to write again, its bytes are
//! changed where they are (`packed.rs`).

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::kind::Kind;
use super::packed::{self, Packed, PackedMut};
use super::slot::Slot;
use super::state::State;

/// States by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    table: HashTable<Cell>,
    hash: foldhash::fast::FixedState,
    scratch: Vec<u8>,
}

/// What lies under one name.
#[derive(Debug, Clone)]
enum Cell {
    Packed(Box<[u8]>),
    Loose(Box<(Box<str>, Slot)>),
}

/// The one state of a key, as it lies.
#[derive(Debug)]
pub(crate) enum Only<'a> {
    Packed(PackedMut<'a>),
    Loose(&'a mut State),
}

impl Cell {
    fn name(&self) -> &[u8] {
        match self {
            Cell::Packed(bytes) => Packed::of(bytes).name(),
            Cell::Loose(loose) => loose.0.as_bytes(),
        }
    }

    fn text(&self) -> &str {
        match self {
            Cell::Packed(bytes) => std::str::from_utf8(Packed::of(bytes).name()).expect("it was packed from text"),
            Cell::Loose(loose) => &loose.0,
        }
    }

    fn slot(&self) -> Cow<'_, Slot> {
        match self {
            Cell::Packed(bytes) => Cow::Owned(unpacked(bytes)),
            Cell::Loose(loose) => Cow::Borrowed(&loose.1),
        }
    }

    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let (one, slot) = match self {
            Cell::Packed(bytes) => (Some(Packed::of(bytes).kind()), None),
            Cell::Loose(loose) => (None, Some(&loose.1)),
        };
        one.into_iter().chain(slot.into_iter().flat_map(|slot| slot.iter().map(|(kind, _)| kind)))
    }

    /// Changes what lies there; whether anything is left.
    fn change<T>(&mut self, scratch: &mut Vec<u8>, change: impl FnOnce(&str, &mut Slot) -> T) -> (T, bool) {
        match self {
            Cell::Packed(bytes) => {
                let mut slot = unpacked(bytes);
                let name = std::str::from_utf8(Packed::of(bytes).name()).expect("it was packed from text");
                let made = change(name, &mut slot);
                if slot.prune() {
                    return (made, false);
                }
                if !packed::pack(name, &slot, scratch) {
                    *self = Cell::Loose(Box::new((name.into(), slot)));
                } else if **bytes != scratch[..] {
                    *bytes = scratch[..].into();
                }
                (made, true)
            }
            Cell::Loose(loose) => {
                let (name, slot) = &mut **loose;
                let made = change(name, slot);
                let is_left = !slot.prune();
                if is_left && packed::pack(name, slot, scratch) {
                    *self = Cell::Packed(scratch[..].into());
                }
                (made, is_left)
            }
        }
    }
}

/// The slot that was packed.
fn unpacked(bytes: &[u8]) -> Slot {
    let packed = Packed::of(bytes);
    Slot::of(packed.kind(), packed.unpacked())
}

impl Keys {
    fn hash(&self, name: &[u8]) -> u64 {
        self.hash.hash_one(name)
    }

    fn find(&self, name: &str) -> Option<&Cell> {
        self.table.find(self.hash(name.as_bytes()), |cell| cell.name() == name.as_bytes())
    }

    /// All states under a name.
    pub(super) fn slot(&self, name: &str) -> Option<Cow<'_, Slot>> {
        self.find(name).map(Cell::slot)
    }

    /// The state of a name and kind.
    pub(super) fn state(&self, name: &str, kind: Kind) -> Option<Cow<'_, State>> {
        match self.find(name)? {
            Cell::Packed(bytes) => {
                let packed = Packed::of(bytes);
                (packed.kind() == kind).then(|| Cow::Owned(packed.unpacked()))
            }
            Cell::Loose(loose) => loose.1.get(kind).map(Cow::Borrowed),
        }
    }

    /// Whether there is a state of a name and kind.
    pub(super) fn has(&self, name: &str, kind: Kind) -> bool {
        self.find(name).is_some_and(|cell| cell.kinds().any(|there| there == kind))
    }

    /// The same where it lies as it is worked on, as all maps do.
    pub(super) fn loose(&self, name: &str, kind: Kind) -> Option<&State> {
        match self.find(name)? {
            Cell::Packed(_) => None,
            Cell::Loose(loose) => loose.1.get(kind),
        }
    }

    /// What a counter is that lies packed.
    pub(super) fn number(&self, name: &str, kind: Kind) -> Option<i128> {
        match self.find(name)? {
            Cell::Packed(bytes) => Packed::of(bytes).number(kind),
            Cell::Loose(_) => None,
        }
    }

    /// The state of a name and kind as it lies, if there is no other.
    pub(super) fn only_mut(&mut self, name: &str, kind: Kind) -> Option<Only<'_>> {
        let hash = self.hash(name.as_bytes());
        match self.table.find_mut(hash, |cell| cell.name() == name.as_bytes())? {
            Cell::Packed(bytes) if Packed::of(bytes).kind() != kind => None,
            Cell::Packed(bytes) => Some(Only::Packed(PackedMut::of(bytes, &mut self.scratch))),
            Cell::Loose(loose) => loose.1.only_mut(kind).map(Only::Loose),
        }
    }

    /// Changes the slot of a name, new if there is none, gone if it then holds nothing.
    pub(super) fn change<T>(&mut self, name: &str, change: impl FnOnce(&mut Slot) -> T) -> T {
        let Keys { table, hash, scratch } = self;
        let place = table.entry(
            hash.hash_one(name.as_bytes()),
            |cell| cell.name() == name.as_bytes(),
            |cell| hash.hash_one(cell.name()),
        );
        match place {
            Entry::Occupied(mut cell) => {
                let (made, is_left) = cell.get_mut().change(scratch, |_, slot| change(slot));
                if !is_left {
                    cell.remove();
                }
                made
            }
            Entry::Vacant(place) => {
                let mut slot = Slot::default();
                let made = change(&mut slot);
                if !slot.prune() {
                    place.insert(if packed::pack(name, &slot, scratch) {
                        Cell::Packed(scratch[..].into())
                    } else {
                        Cell::Loose(Box::new((name.into(), slot)))
                    });
                }
                made
            }
        }
    }

    /// Changes every slot; those that then hold nothing are gone.
    pub(super) fn change_all(&mut self, mut change: impl FnMut(&str, &mut Slot)) {
        let Keys { table, scratch, .. } = self;
        table.retain(|cell| cell.change(scratch, &mut change).1);
    }

    /// Names and slots, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, Slot>)> {
        self.table.iter().map(|cell| (cell.text(), cell.slot()))
    }

    /// Names and kinds, in no order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.table.iter().flat_map(|cell| cell.kinds().map(|kind| (cell.text(), kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_cell_takes_no_more_than_a_box() {
        assert_eq!(size_of::<Cell>(), 16);
    }
}

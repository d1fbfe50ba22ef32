//! Who made an operation, and its name: a dot, the actor and a sequence of its own (Almeida et al. 2014, dotted version
//! vectors).
//!
//! Inside states an actor is its place in the table of the replica or fragment, 4 bytes instead of 16; places mean
//! nothing outside of it, so whatever leaves is renumbered, and order between actors is always that of the writers
//! themselves.

use hashbrown::HashMap;

use crate::origin::Writer;

/// One operation of one actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dot {
    /// Place in the table of actors.
    pub(super) actor: u32,
    /// From 1, one for each operation of the actor.
    pub(super) seq: u64,
}

/// The actors that states speak of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Actors {
    list: Vec<Writer>,
    places: HashMap<Writer, u32, foldhash::fast::FixedState>,
}

impl Actors {
    /// The place of an actor, new if it has none.
    pub(super) fn place(&mut self, writer: Writer) -> u32 {
        *self.places.entry(writer).or_insert_with(|| {
            self.list.push(writer);
            (self.list.len() - 1) as u32
        })
    }

    pub(super) fn find(&self, writer: Writer) -> Option<u32> {
        self.places.get(&writer).copied()
    }

    pub(super) fn writer(&self, place: u32) -> Writer {
        self.list[place as usize]
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Writer> + '_ {
        self.list.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

/// The actors that something speaks of: each has a rank, its place where only these are listed, in the order of their
/// writers.
#[derive(Debug)]
pub(crate) struct Ranks {
    /// Places in the table, by rank.
    places: Vec<u32>,
    /// Place and rank, by place.
    ranks: Vec<(u32, u32)>,
}

impl Ranks {
    /// Of places in a table, in any order, any number of times.
    pub(super) fn of(mut places: Vec<u32>, actors: &Actors) -> Ranks {
        places.sort_unstable();
        places.dedup();
        places.sort_unstable_by_key(|&place| actors.writer(place));
        let mut ranks: Vec<(u32, u32)> = places.iter().zip(0..).map(|(&place, rank)| (place, rank)).collect();
        ranks.sort_unstable();
        Ranks { places, ranks }
    }

    /// The rank of a place that is among them.
    pub(super) fn rank(&self, place: u32) -> u32 {
        let at = self.ranks.binary_search_by_key(&place, |r| r.0).expect("whatever is spoken of was listed");
        self.ranks[at].1
    }

    /// Their places, by rank.
    pub(super) fn places(&self) -> &[u32] {
        &self.places
    }
}

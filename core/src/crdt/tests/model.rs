//! The naive model: every operation ever made has an id, and what is known somewhere is two growing sets of ids, those
//! made and those undone. It forgets nothing, so it has nothing to get wrong: knowing more is a union.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// One thing that operations change: a counter, a register, a flag, or one element of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) key: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) kind: Kind,
    /// The element, of a set.
    pub(super) element: i64,
}

const fn cell(key: &'static str, fields: &'static [&'static str], kind: Kind, element: i64) -> Cell {
    Cell { key, fields, kind, element }
}

pub(super) const CELLS: [Cell; 20] = [
    cell("counter", &[], Kind::Counter, 0),
    cell("grow", &[], Kind::GrowCounter, 0),
    cell("bounded", &[], Kind::BoundedCounter, 0),
    cell("register", &[], Kind::Register, 0),
    cell("multi", &[], Kind::MultiRegister, 0),
    cell("set", &[], Kind::Set, 0),
    cell("set", &[], Kind::Set, 1),
    cell("wins", &[], Kind::RemoveWinsSet, 0),
    cell("wins", &[], Kind::RemoveWinsSet, 1),
    cell("flag", &[], Kind::Flag, 0),
    cell("off", &[], Kind::DisableWinsFlag, 0),
    cell("map", &["counter"], Kind::Counter, 0),
    cell("map", &["register"], Kind::Register, 0),
    cell("map", &["set"], Kind::Set, 0),
    cell("map", &["set"], Kind::Set, 1),
    cell("map", &["wins"], Kind::RemoveWinsSet, 0),
    cell("map", &["in", "counter"], Kind::Counter, 0),
    cell("map", &["in", "grow"], Kind::GrowCounter, 0),
    cell("map", &["in", "flag"], Kind::Flag, 0),
    cell("map", &["in", "off"], Kind::DisableWinsFlag, 0),
];

/// The keys of the cells.
pub(super) const KEYS: [(&str, Kind); 10] = [
    ("counter", Kind::Counter),
    ("grow", Kind::GrowCounter),
    ("bounded", Kind::BoundedCounter),
    ("register", Kind::Register),
    ("multi", Kind::MultiRegister),
    ("set", Kind::Set),
    ("wins", Kind::RemoveWinsSet),
    ("flag", Kind::Flag),
    ("off", Kind::DisableWinsFlag),
    ("map", Kind::Map),
];

/// An operation, as it was made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) cell: usize,
    pub(super) by: Writer,
    pub(super) what: What,
    /// All that was known of its key where it was made.
    pub(super) sees: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Add(i64),
    Give(Writer, u64),
    Write {
        value: i64,
        stamp: u64,
        expiry_ms: u64,
    },
    Insert {
        expiry_ms: u64,
    },
    Remove,
    /// Of the cells below a path of so many fields of the cell.
    Clear(usize),
}

/// What is known of one cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) made: BTreeSet<usize>,
    pub(super) undone: BTreeSet<usize>,
}

impl Known {
    pub(super) fn unite(&mut self, other: &Known) {
        self.made.extend(&other.made);
        self.undone.extend(&other.undone);
    }

    pub(super) fn alive(&self) -> BTreeSet<usize> {
        &self.made - &self.undone
    }
}

/// What is known somewhere, by cell.
pub(super) type Knowledge = BTreeMap<usize, Known>;

pub(super) fn unite(to: &mut Knowledge, from: &Knowledge) {
    for (cell, known) in from {
        to.entry(*cell).or_default().unite(known);
    }
}

/// Whether a clear at a depth of one cell covers another.
pub(super) fn covers(cell: &Cell, depth: usize, other: &Cell) -> bool {
    cell.key == other.key && other.fields.get(..depth) == Some(&cell.fields[..depth])
}

/// Everything that was ever made.
#[derive(Debug, Clone, Default)]
pub(super) struct History(pub(super) Vec<Made>);

impl History {
    /// Makes an operation where so much is known; what it tells the others.
    pub(super) fn make(&mut self, cell: usize, by: Writer, what: What, here: &Knowledge) -> Knowledge {
        let id = self.0.len();
        let at = &CELLS[cell];
        let same_key = here.iter().filter(|(other, _)| CELLS[**other].key == at.key);
        let sees = same_key.flat_map(|(_, known)| known.made.iter().copied()).collect();
        let known = here.get(&cell).cloned().unwrap_or_default();
        let mut told = Knowledge::new();
        match what {
            What::Add(_) | What::Give(..) if at.kind == Kind::BoundedCounter => {
                told.insert(cell, known);
                told.entry(cell).or_default().made.insert(id);
            }
            // A row tells all that its actor had added before, and what was undone of that.
            What::Add(_) => {
                let mut own = known;
                own.made.retain(|&add| self.0[add].by == by);
                own.undone.retain(|undone| own.made.contains(undone));
                own.made.insert(id);
                told.insert(cell, own);
            }
            What::Write { .. } | What::Insert { .. } | What::Remove => {
                told.insert(cell, Known { made: BTreeSet::from([id]), undone: known.alive() });
            }
            What::Clear(depth) => {
                let below = here.iter().filter(|(other, _)| covers(at, depth, &CELLS[**other]));
                for (other, known) in below {
                    told.insert(*other, self.undoing(*other, known));
                }
            }
            What::Give(..) => unreachable!("only a bounded counter gives"),
        }
        self.0.push(Made { cell, by, what, sees });
        told
    }

    /// What a clear tells of a cell: of a counter, whole rows.
    fn undoing(&self, cell: usize, known: &Known) -> Known {
        if !matches!(CELLS[cell].kind, Kind::Counter | Kind::GrowCounter) {
            let removals = |id: &usize| matches!(self.0[*id].what, What::Remove);
            return Known {
                made: BTreeSet::new(),
                undone: known.alive().into_iter().filter(|id| !removals(id)).collect(),
            };
        }
        let actors: Vec<Writer> = known.alive().into_iter().map(|id| self.0[id].by).collect();
        let rows: BTreeSet<usize> = known.made.iter().copied().filter(|&id| actors.contains(&self.0[id].by)).collect();
        Known { made: rows.clone(), undone: rows }
    }

    /// What is known when all of some operations are, worked out from what each of them saw and nothing else.
    pub(super) fn by_sight(&self, made: &BTreeSet<usize>) -> Knowledge {
        let mut all = Knowledge::new();
        for &id in made {
            let it = &self.0[id];
            if matches!(it.what, What::Clear(_)) {
                continue;
            }
            let undoes = |other: usize| {
                let by = &self.0[other];
                let reaches = match by.what {
                    What::Clear(depth) => {
                        covers(&CELLS[by.cell], depth, &CELLS[it.cell]) && !matches!(it.what, What::Remove)
                    }
                    What::Add(_) | What::Give(..) => false,
                    _ => by.cell == it.cell,
                };
                reaches && by.sees.contains(&id)
            };
            let known = all.entry(it.cell).or_default();
            known.made.insert(id);
            if made.iter().any(|&other| undoes(other)) {
                known.undone.insert(id);
            }
        }
        all
    }

    /// What an actor may take from the bounded counter.
    pub(super) fn rights(&self, known: &Known, actor: Writer) -> i128 {
        let right = |id: &usize| match self.0[*id].what {
            What::Add(amount) if self.0[*id].by == actor => i128::from(amount),
            What::Give(to, amount) => {
                i128::from(amount) * (i128::from(to == actor) - i128::from(self.0[*id].by == actor))
            }
            _ => 0,
        };
        known.made.iter().map(right).sum()
    }

    fn is_live(&self, id: usize, now_ms: u64) -> bool {
        match self.0[id].what {
            What::Write { expiry_ms, .. } | What::Insert { expiry_ms } => expiry_ms == 0 || expiry_ms > now_ms,
            _ => true,
        }
    }

    /// Whether a flag is on, or an element in its set.
    fn is_there(&self, known: &Known, now_ms: u64) -> bool {
        let alive = known.alive();
        let removed = alive.iter().any(|&id| matches!(self.0[id].what, What::Remove));
        let wins = |kind| matches!(kind, Kind::RemoveWinsSet | Kind::DisableWinsFlag);
        let added = |id: &usize| matches!(self.0[*id].what, What::Insert { .. }) && self.is_live(*id, now_ms);
        let counts = alive.iter().next().is_some_and(|&id| wins(CELLS[self.0[id].cell].kind));
        alive.iter().any(added) && !(removed && counts)
    }

    /// The writes that stand, the winner's first.
    fn writes(&self, known: &Known) -> Vec<usize> {
        let mut writes: Vec<usize> = known.alive().into_iter().collect();
        let order = |id: &usize| match self.0[*id].what {
            What::Write { stamp, .. } => (stamp, self.0[*id].by),
            _ => panic!("a register is written"),
        };
        writes.sort_by_key(|id| std::cmp::Reverse(order(id)));
        writes
    }

    fn written(&self, id: usize) -> Value {
        match self.0[id].what {
            What::Write { value, .. } => Value::Int(value),
            _ => panic!("a register is written"),
        }
    }

    /// What a path reads as where so much is known.
    pub(super) fn read(&self, here: &Knowledge, path: &Path<'_>, kind: Kind, now_ms: u64) -> Reading {
        let cells = CELLS.iter().enumerate().filter(|(_, c)| c.key == path.key && c.fields == path.fields);
        let none = Known::default();
        let known: Vec<(&Cell, &Known)> = cells.map(|(i, c)| (c, here.get(&i).unwrap_or(&none))).collect();
        match kind {
            Kind::Counter | Kind::GrowCounter | Kind::BoundedCounter => {
                let added = |id: &usize| match self.0[*id].what {
                    What::Add(amount) => i128::from(amount),
                    _ => 0,
                };
                Reading::Number(known[0].1.alive().iter().map(added).sum())
            }
            Kind::Register => {
                let winner = self.writes(known[0].1).first().copied();
                Reading::Value(winner.filter(|&id| self.is_live(id, now_ms)).map(|id| self.written(id)))
            }
            Kind::MultiRegister => {
                let live = self.writes(known[0].1).into_iter().filter(|&id| self.is_live(id, now_ms));
                Reading::Values(live.map(|id| self.written(id)).collect())
            }
            Kind::Flag | Kind::DisableWinsFlag => Reading::Flag(self.is_there(known[0].1, now_ms)),
            Kind::Set | Kind::RemoveWinsSet => {
                let there = known.iter().filter(|(_, known)| self.is_there(known, now_ms));
                Reading::Values(there.map(|(cell, _)| Value::Int(cell.element)).collect())
            }
            Kind::Map => Reading::Fields(self.fields(here, path, now_ms)),
        }
    }

    fn fields(&self, here: &Knowledge, path: &Path<'_>, now_ms: u64) -> Vec<(Box<str>, Kind)> {
        let mut fields = BTreeSet::new();
        for (place, cell) in CELLS.iter().enumerate().filter(|(_, c)| c.key == path.key) {
            let Some(below) = cell.fields.strip_prefix(path.fields).filter(|below| !below.is_empty()) else { continue };
            let Some(known) = here.get(&place) else { continue };
            let alive = match cell.kind {
                Kind::Counter | Kind::GrowCounter => !known.alive().is_empty(),
                Kind::Register => self.writes(known).first().is_some_and(|&id| self.is_live(id, now_ms)),
                _ => self.is_there(known, now_ms),
            };
            if alive {
                fields.insert((below[0].into(), if below.len() == 1 { cell.kind } else { Kind::Map }));
            }
        }
        fields.into_iter().collect()
    }
}

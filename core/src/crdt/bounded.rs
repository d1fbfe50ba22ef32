//! A bounded counter: it never falls below 0, whatever is concurrent (Balegas et al., "Extending eventually consistent
//! cloud databases for enforcing numeric invariants", 2015).
//!
//! Each actor has one row that it alone writes: what it added, what it took, and the rights that it gave to others. The
//! rights to take are what was added, less what was taken, plus what was given. A delta is all the rows that its writer
//! knew, so what a row rests on comes with it and no replica ever sees less than the bound. It is never removed.

use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;

use super::actor::{Actors, Dot};
use super::faults::{Fault, has};
use super::op::{Delta, Writing};
use super::state::State;

/// Most actors that an error names.
const NAMED_MAX: usize = 3;

#[derive(Debug, Clone, Default)]
pub(crate) struct Bounded(pub(super) Vec<Rights>);

#[derive(Debug, Clone)]
pub(crate) struct Rights {
    pub(super) actor: u32,
    pub(super) seq: u64,
    pub(super) added: u64,
    pub(super) taken: u64,
    /// To whom and how much in all, by actor.
    pub(super) given: Vec<(u32, u64)>,
}

impl Bounded {
    fn find(&self, actor: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&actor, |r| r.actor)
    }

    pub(super) fn join(&mut self, theirs: Bounded) -> bool {
        let mut changed = false;
        for row in theirs.0 {
            match self.find(row.actor) {
                Ok(place) if self.0[place].seq >= row.seq => continue,
                Ok(place) => self.0[place] = row,
                Err(place) => self.0.insert(place, row),
            }
            changed = true;
        }
        changed
    }

    /// All of it, if any row is new: rows rest on each other.
    pub(super) fn news(&self, theirs: &Bounded) -> Option<Bounded> {
        let is_new = |row: &Rights| self.find(row.actor).map_or(true, |place| self.0[place].seq < row.seq);
        theirs.0.iter().any(is_new).then(|| theirs.clone())
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        for row in &mut self.0 {
            row.actor = place(row.actor);
            row.given.iter_mut().for_each(|(to, _)| *to = place(*to));
            row.given.sort_unstable();
        }
        self.0.sort_unstable_by_key(|row| row.actor);
    }

    pub(super) fn value(&self) -> i128 {
        self.0.iter().map(|row| i128::from(row.added) - i128::from(row.taken)).sum()
    }

    /// How much an actor may take or give.
    pub(super) fn rights(&self, actor: u32) -> i128 {
        let given = |row: &Rights| -> i128 { row.given.iter().map(|&(_, amount)| i128::from(amount)).sum() };
        let own = self.find(actor).map_or(0, |place| {
            let row = &self.0[place];
            i128::from(row.added) - i128::from(row.taken) - given(row)
        });
        let to = |row: &Rights| row.given.iter().find(|g| g.0 == actor).map_or(0, |g| i128::from(g.1));
        own + self.0.iter().map(to).sum::<i128>()
    }

    pub(super) fn add(now: Option<&Bounded>, amount: u64, by: &Writing<'_>) -> Result<Delta> {
        Bounded::changed(now, by, |row| {
            row.added = sum(row.added, amount)?;
            Ok(())
        })
    }

    pub(super) fn take(now: Option<&Bounded>, amount: u64, by: &Writing<'_>) -> Result<Delta> {
        Bounded::check_rights(now, amount, by)?;
        Bounded::changed(now, by, |row| {
            row.taken = sum(row.taken, amount)?;
            Ok(())
        })
    }

    /// Gives rights to another actor.
    pub(super) fn give(now: Option<&Bounded>, to: u32, amount: u64, by: &Writing<'_>) -> Result<Delta> {
        if to == by.dot.actor {
            return Err(Error::invalid("rights are given to another actor, not to oneself"));
        }
        Bounded::check_rights(now, amount, by)?;
        Bounded::changed(now, by, |row| {
            match row.given.binary_search_by_key(&to, |g| g.0) {
                Ok(place) => row.given[place].1 = sum(row.given[place].1, amount)?,
                Err(place) => row.given.insert(place, (to, amount)),
            }
            Ok(())
        })
    }

    fn changed(
        now: Option<&Bounded>,
        by: &Writing<'_>,
        change: impl FnOnce(&mut Rights) -> Result<()>,
    ) -> Result<Delta> {
        let Dot { actor, seq } = by.dot;
        let mut bounded = now.cloned().unwrap_or_default();
        let place = bounded.find(actor).unwrap_or_else(|place| {
            bounded.0.insert(place, Rights { actor, seq, added: 0, taken: 0, given: Vec::new() });
            place
        });
        bounded.0[place].seq = seq;
        change(&mut bounded.0[place])?;
        if has(Fault::BareRow) {
            bounded.0.retain(|row| row.actor == actor);
        }
        Ok(Delta { state: State::Bounded(bounded), removed: Vec::new() })
    }

    fn check_rights(now: Option<&Bounded>, amount: u64, by: &Writing<'_>) -> Result<()> {
        let rights = now.map_or(0, |bounded| bounded.rights(by.dot.actor));
        if i128::from(amount) <= rights {
            return Ok(());
        }
        let holders = now.map_or_else(Vec::new, |bounded| bounded.holders(by.actors));
        let others = holders.iter().filter(|(writer, _)| *writer != by.actors.writer(by.dot.actor));
        let named: Vec<String> = others.take(NAMED_MAX).map(|(writer, rights)| format!("{writer} {rights}")).collect();
        let others =
            if named.is_empty() { "nobody else has any".into() } else { format!("others: {}", named.join(", ")) };
        let message = format!("{amount} is more than the {rights} that this actor has the rights to; {others}");
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Who has rights, those with most first.
    pub(super) fn holders(&self, actors: &Actors) -> Vec<(Writer, i128)> {
        let mut known: Vec<u32> = self.0.iter().flat_map(|r| r.given.iter().map(|g| g.0).chain([r.actor])).collect();
        known.sort_unstable();
        known.dedup();
        let mut holders: Vec<(Writer, i128)> =
            known.into_iter().map(|a| (actors.writer(a), self.rights(a))).filter(|h| h.1 > 0).collect();
        holders.sort_unstable_by_key(|&(writer, rights)| (std::cmp::Reverse(rights), writer));
        holders
    }
}

fn sum(total: u64, amount: u64) -> Result<u64> {
    total.checked_add(amount).ok_or_else(|| {
        let message = format!("{amount} more than {total} is beyond what one actor counts, 64 bits");
        Error::new(ErrorKind::Limit, message)
    })
}

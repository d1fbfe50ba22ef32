//! The newest sequence under each wildcard filter that was asked for lately.
//!
//! A tip is brought up to date by looking only at what was appended since it was asked for last, so a condition over a
//! filter that matches a million subjects costs what an append to one costs.

use super::active::Active;
use super::state::State;
use super::subjects::Subjects;
use crate::subject::{is_wildcard, matches};

/// How many filters are remembered.
const TIPS_MAX: usize = 64;

struct Tip {
    filter: Box<str>,
    seq: u64,
    /// Everything up to this sequence has been looked at.
    as_of: u64,
}

/// The filters remembered, the one used last at the end.
#[derive(Default)]
pub(crate) struct Tips(Vec<Tip>);

impl Tips {
    /// Forgets the tips that rest on a record which is gone.
    pub(crate) fn forget(&mut self, seq: u64) {
        if !self.0.is_empty() {
            self.0.retain(|t| t.seq != seq);
        }
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn get(
        &mut self,
        filter: &str,
        last_seq: u64,
        subjects: &Subjects,
        active: &Active,
        gone: impl Fn(u32) -> bool,
    ) -> u64 {
        let mut tip = match self.0.iter().position(|t| *t.filter == *filter) {
            Some(at) => self.0.remove(at),
            None => Tip { filter: filter.into(), seq: 0, as_of: 0 },
        };
        if tip.as_of + 1 >= active.base_seq && tip.as_of > 0 {
            for seq in (tip.as_of + 1..=last_seq).rev() {
                let ord = (seq - active.base_seq) as u32;
                if !gone(ord) && matches(filter, subjects.name(active.subjects[ord as usize])) {
                    tip.seq = seq;
                    break;
                }
            }
        } else {
            tip.seq = subjects
                .iter()
                .filter(|(_, name, _)| matches(filter, name))
                .map(|(_, _, s)| s.last_seq)
                .max()
                .unwrap_or(0);
        }
        tip.as_of = last_seq;
        let seq = tip.seq;
        if self.0.len() == TIPS_MAX {
            self.0.remove(0);
        }
        self.0.push(tip);
        seq
    }
}

impl State {
    /// The newest committed sequence of a subject, or among those that a filter takes; 0 when there is none.
    pub(crate) fn newest_of(&mut self, filter: &str) -> u64 {
        if is_wildcard(filter) { self.tip(filter) } else { self.subjects.get(filter).map_or(0, |s| s.last_seq) }
    }

    /// The newest committed sequence among the subjects that a wildcard filter takes; 0 when there is none.
    pub(crate) fn tip(&mut self, filter: &str) -> u64 {
        let mut tips = std::mem::take(&mut self.tips);
        let dead = self.active_part.dead();
        let seq = tips.get(filter, self.last_seq, &self.subjects, &self.active, |ord| dead.contains(ord));
        drop(dead);
        self.tips = tips;
        seq
    }
}

//! Where a consumer stands, as a value: what was delivered, what is pending and when it is due again. It takes the time
//! from outside and does no input or output, and each change is an entry that can be replayed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::stream::config::ConsumerConfig;

/// One record that was delivered and is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// How often it was delivered.
    pub(crate) count: u32,
    /// When it is delivered again.
    pub(crate) due: Nanos,
}

/// Where a consumer stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) config: ConsumerConfig,
    /// Everything before this sequence was delivered or does not match.
    pub(crate) next_seq: u64,
    pub(crate) min_time: Nanos,
    /// Newest records of their subjects, to deliver before the rest.
    pub(crate) newest: VecDeque<(u64, u64)>,
    pub(crate) delivered_seq: u64,
    pub(crate) pending: BTreeMap<u64, Pending>,
    #[serde(skip)]
    due: BTreeSet<(Nanos, u64)>,
    pub(crate) dead: u64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// These were delivered, and are due again then; everything before `next_seq` was looked at.
    #[serde(rename = "d")]
    Deliver { seqs: Vec<u64>, due: Nanos, next_seq: u64 },
    /// These are done.
    #[serde(rename = "a")]
    Done(Vec<u64>),
    /// This one is due then.
    #[serde(rename = "n")]
    Due(u64, Nanos),
    /// This one went to the dead-letter stream.
    #[serde(rename = "x")]
    Dead(u64),
}

impl Progress {
    pub(crate) fn new(config: ConsumerConfig, next_seq: u64, min_time: Nanos, newest: VecDeque<(u64, u64)>) -> Self {
        Progress {
            config,
            next_seq,
            min_time,
            newest,
            delivered_seq: next_seq - 1,
            pending: BTreeMap::new(),
            due: BTreeSet::new(),
            dead: 0,
        }
    }

    /// After loading: the order of what is due follows from what is pending.
    pub(crate) fn rebuild(&mut self) {
        self.due = self.pending.iter().map(|(seq, p)| (p.due, *seq)).collect();
    }

    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Deliver { seqs, due, next_seq } => {
                for &seq in seqs {
                    while self.newest.front().is_some_and(|n| n.0 <= seq) {
                        self.newest.pop_front();
                    }
                    let count = self.pending.get(&seq).map_or(0, |p| p.count) + 1;
                    self.set(seq, Pending { count, due: *due });
                    self.delivered_seq = self.delivered_seq.max(seq);
                }
                if *next_seq > self.next_seq {
                    self.next_seq = *next_seq;
                    self.min_time = 0;
                }
            }
            Change::Done(seqs) => {
                for seq in seqs {
                    self.forget(*seq);
                }
            }
            Change::Due(seq, due) => {
                if let Some(pending) = self.pending.get(seq).copied() {
                    self.set(*seq, Pending { due: *due, ..pending });
                }
            }
            Change::Dead(seq) => {
                self.forget(*seq);
                self.dead += 1;
            }
        }
    }

    fn set(&mut self, seq: u64, pending: Pending) {
        self.forget(seq);
        self.due.insert((pending.due, seq));
        self.pending.insert(seq, pending);
    }

    fn forget(&mut self, seq: u64) {
        if let Some(old) = self.pending.remove(&seq) {
            self.due.remove(&(old.due, seq));
        }
    }

    /// Up to `max` sequences that are due by `now`, and how often each was delivered.
    pub(crate) fn due_by(&self, now: Nanos, max: usize) -> Vec<(u64, u32)> {
        let due = self.due.iter().take_while(|d| d.0 <= now).take(max);
        due.map(|d| (d.1, self.pending.get(&d.1).map_or(0, |p| p.count))).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Nanos> {
        self.due.first().map(|d| d.0)
    }

    /// How many more may be delivered for the first time.
    pub(crate) fn room(&self) -> usize {
        match self.config.max_ack_pending {
            0 => usize::MAX,
            most => (most as usize).saturating_sub(self.pending.len()),
        }
    }

    /// How long after its `count`th delivery a record is due again.
    pub(crate) fn wait_after(&self, count: u32) -> Nanos {
        let backoff = &self.config.backoff;
        let wait = backoff.get(count as usize - 1).or(backoff.last()).copied().unwrap_or(self.config.ack_wait);
        wait.as_nanos() as u64
    }

    /// Everything up to this sequence is done.
    pub(crate) fn ack_floor(&self) -> u64 {
        match self.pending.first_key_value() {
            Some((seq, _)) => seq - 1,
            None => self.delivered_seq,
        }
    }
}

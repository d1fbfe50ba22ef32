//! Mailboxes and turns, as a state that is told what happens and when: it waits for nothing and wakes nobody. What it
//! has to say to others (answers, dead letters) it leaves for whoever holds its lock, to be said without it. `due.rs`
//! has what comes by time, `broken.rs` and `handover.rs` what ends turns and lives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};

use super::chain::Chain;
use super::entity::{Doing, EntityId, Entry, Leaving, Letter, Name, Open};
use super::idle::Idle;
use super::reply::{Answer, Outcome, Reply};
use super::turn::{Item, Turn, What};

/// The most items of one turn.
const TURN_ITEMS_MAX: usize = 64;
/// The most buffers of mailboxes that are kept for others.
const SPARE_MAX: usize = 256;
/// The most letters that such a buffer has room for.
const SPARE_LETTERS_MAX: usize = 64;

/// How much there may be of anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) mailbox: usize,
    pub(super) active: usize,
    pub(super) memory: u64,
    pub(super) idle: Nanos,
    pub(super) lease: Nanos,
    pub(super) attempts: u32,
    pub(super) tasks: u32,
}

/// A message that was given up.
pub(super) struct Dead {
    pub(super) name: Arc<Name>,
    pub(super) letter: Letter,
    pub(super) error: Error,
}

/// Answers and whom they go to; most often one, which takes no room of its own.
#[derive(Default)]
pub(super) struct Answers {
    first: Option<(Reply, Outcome)>,
    rest: Vec<(Reply, Outcome)>,
}

impl Answers {
    pub(super) fn push(&mut self, answer: (Reply, Outcome)) {
        match &self.first {
            None => self.first = Some(answer),
            Some(_) => self.rest.push(answer),
        }
    }
}

impl IntoIterator for Answers {
    type Item = (Reply, Outcome);
    type IntoIter = std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}

/// What is to be said when the lock is let go.
#[derive(Default)]
pub(super) struct Said {
    pub(super) answers: Answers,
    pub(super) dead: Vec<Dead>,
    /// Messages that nobody waits for, to entities that are on another node now.
    pub(super) moved: Vec<(Arc<Name>, What)>,
}

/// What happened since it began.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) turns: u64,
    pub(super) starts: u64,
    pub(super) failures: u64,
    pub(super) crashes: u64,
    pub(super) refused: u64,
    pub(super) late: u64,
    pub(super) dead: u64,
    /// How long turns were out.
    pub(super) busy: Nanos,
}

/// A time that an entity set; `every` is 0 for one that comes once.
#[derive(Clone, Copy)]
pub(super) struct Timer {
    pub(super) at: u32,
    pub(super) every: Nanos,
}

pub(super) struct Dispatch {
    pub(super) limits: Limits,
    pub(super) entries: Vec<Option<Entry>>,
    /// How many turns each place has had: a token of another one is a stranger's.
    pub(super) turns: Vec<u32>,
    free: Vec<u32>,
    index: HashTable<u32>,
    pub(super) ready: VecDeque<u32>,
    pub(super) idle: Idle,
    pub(super) started: usize,
    /// How many of those are told to stop, as they are idle or too many.
    pub(super) stopping: usize,
    /// What the others say that they hold, in bytes.
    pub(super) bytes: u128,
    activations: u64,
    /// When leases end and rests are over.
    pub(super) due: BTreeSet<(Nanos, u32)>,
    pub(super) timers: BTreeMap<(Nanos, u64), Timer>,
    pub(super) timers_set: u64,
    /// Background tasks that are under way: of which life of which place.
    pub(super) tasks: BTreeMap<u64, (u32, u64)>,
    pub(super) tasks_begun: u64,
    /// Buffers of mailboxes that are empty, for the next that are not.
    spare: Vec<(VecDeque<Letter>, VecDeque<Open>)>,
    /// Those that are held, for tests.
    pub(super) held: Vec<u32>,
    /// When deadlines were looked at last.
    pub(super) looked: Nanos,
    pub(super) counts: Counts,
    pub(super) said: Said,
}

fn hash(id: EntityId<'_>) -> u64 {
    use std::hash::BuildHasher;
    FixedState::default().hash_one(id)
}

impl Dispatch {
    pub(super) fn new(limits: Limits) -> Self {
        Dispatch {
            limits,
            entries: Vec::new(),
            turns: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            ready: VecDeque::new(),
            idle: Idle::default(),
            started: 0,
            stopping: 0,
            bytes: 0,
            activations: 0,
            due: BTreeSet::new(),
            timers: BTreeMap::new(),
            timers_set: 0,
            tasks: BTreeMap::new(),
            tasks_begun: 0,
            spare: Vec::new(),
            held: Vec::new(),
            looked: 0,
            counts: Counts::default(),
            said: Said::default(),
        }
    }

    /// How many entities have a handler.
    pub(super) fn started(&self) -> usize {
        self.started
    }

    /// Whether more handlers are alive than may be, or hold more, and one of them is idle.
    pub(super) fn is_over(&self) -> bool {
        let Limits { active, memory, .. } = self.limits;
        let is_over = self.started - self.stopping > active || (memory > 0 && self.bytes > u128::from(memory));
        is_over && self.idle.first().is_some()
    }

    /// Has an idle one stop.
    pub(super) fn passivate(&mut self, at: u32, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        entry.leaving = Leaving::Idle;
        self.stopping += 1;
        self.bytes -= u128::from(entry.bytes);
        self.idle.remove(&mut self.entries, at);
        self.look_at(at, now);
    }

    /// One that was to stop as it was idle stays.
    pub(super) fn keep(&mut self, at: u32) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        if entry.leaving == Leaving::Idle {
            entry.leaving = Leaving::No;
            self.stopping -= 1;
            self.bytes += u128::from(entry.bytes);
        }
    }

    /// What the handler whose turn it is holds from now on.
    pub(super) fn holds(&mut self, token: u64, bytes: u64) -> Result<()> {
        let at = self.turn_of(token)?;
        let Some(entry) = &mut self.entries[at as usize] else { return Err(stranger(token)) };
        let before = std::mem::replace(&mut entry.bytes, bytes);
        if entry.leaving != Leaving::Idle {
            self.bytes = self.bytes - u128::from(before) + u128::from(bytes);
        }
        Ok(())
    }

    /// Whether somebody who takes turns has something to take.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn find(&self, id: EntityId<'_>) -> Option<u32> {
        let is_it = |&at: &u32| self.entries[at as usize].as_ref().is_some_and(|entry| entry.name.id() == id);
        self.index.find(hash(id), is_it).copied()
    }

    /// The place of an entity, which is made if it is not there.
    pub(super) fn place(&mut self, id: EntityId<'_>, shard: u32) -> u32 {
        if let Some(at) = self.find(id) {
            return at;
        }
        let entry = Entry::new(Arc::new(Name::of(id)), shard);
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                self.turns.push(0);
                self.entries.len() as u32 - 1
            }
        };
        self.entries[at as usize] = Some(entry);
        let entries = &self.entries;
        let rehash = |&at: &u32| entries[at as usize].as_ref().map_or(0, |entry| hash(entry.name.id()));
        self.index.insert_unique(hash(id), at, rehash);
        at
    }

    fn forget(&mut self, at: u32) {
        self.idle.remove(&mut self.entries, at);
        let Some(entry) = self.entries[at as usize].take() else { return };
        let (key, slot) = (hash(entry.name.id()), at);
        if let Ok(found) = self.index.find_entry(key, |&at| at == slot) {
            found.remove();
        }
        self.turns[at as usize] = self.turns[at as usize].wrapping_add(1);
        self.free.push(at);
    }

    /// Puts a letter into the mailbox of an entity.
    pub(super) fn send(&mut self, id: EntityId<'_>, shard: u32, letter: Letter, now: Nanos) -> Result<()> {
        let at = self.place(id, shard);
        self.keep(at);
        let Some(entry) = &mut self.entries[at as usize] else { return Ok(()) };
        if entry.leaving == Leaving::Moving {
            return Err(Error::new(ErrorKind::Busy, format!("{id} is moving to another node: ask again")));
        }
        if entry.mailbox.len() >= self.limits.mailbox {
            self.counts.refused += 1;
            let message = format!("{} messages wait for {id}, and that is the limit", entry.mailbox.len());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.put(at, letter, now);
        Ok(())
    }

    /// Puts a letter into the mailbox of a place, whatever its limit.
    pub(super) fn put(&mut self, at: u32, letter: Letter, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        if entry.mailbox.capacity() == 0
            && entry.open.capacity() == 0
            && let Some((mailbox, open)) = self.spare.pop()
        {
            (entry.mailbox, entry.open) = (mailbox, open);
        }
        entry.mailbox.push_back(letter);
        self.look_at(at, now);
    }

    /// Puts an entity into the queue if it has something to hand out, and among the idle ones if not.
    pub(super) fn look_at(&mut self, at: u32, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        if entry.wants_turn(now) {
            entry.doing = Doing::Ready;
            self.idle.remove(&mut self.entries, at);
            self.ready.push_back(at);
        } else if entry.doing == Doing::Nothing && entry.mailbox.is_empty() && entry.steps.is_none() {
            if entry.is_started {
                let (mailbox, open) = (std::mem::take(&mut entry.mailbox), std::mem::take(&mut entry.open));
                if self.spare.len() < SPARE_MAX && mailbox.capacity() <= SPARE_LETTERS_MAX {
                    self.spare.push((mailbox, open));
                }
                if entry.tasks > 0 {
                    return;
                }
                entry.idle_since = now;
                self.idle.remove(&mut self.entries, at);
                self.idle.push(&mut self.entries, at);
            } else if entry.failures == 0 || entry.leaving == Leaving::Moving {
                self.forget(at);
            }
        }
    }

    /// The next turn, if an entity wants one.
    pub(super) fn next(&mut self, now: Nanos) -> Option<Turn> {
        while let Some(at) = self.ready.pop_front() {
            if self.entries[at as usize].as_ref().is_some_and(|entry| entry.doing == Doing::Ready)
                && let Some(turn) = self.hand_out(at, now)
            {
                return Some(turn);
            }
        }
        None
    }

    fn hand_out(&mut self, at: u32, now: Nanos) -> Option<Turn> {
        let until = now.saturating_add(self.limits.lease);
        let entry = self.entries[at as usize].as_mut()?;
        let mut most = TURN_ITEMS_MAX;
        if let Some(steps) = &mut entry.steps {
            most = 1;
            *steps -= 1;
        }
        // What is not begun by its deadline is not begun.
        while entry.mailbox.front().is_some_and(|letter| letter.deadline < now)
            && let Some(letter) = entry.mailbox.pop_front()
        {
            self.counts.late += 1;
            self.said.answers.push((letter.reply, Outcome::Answer(Err(late(entry.name.id())))));
        }
        let stops = |entry: &Entry| entry.mailbox.is_empty() && entry.leaving != Leaving::No;
        if entry.mailbox.is_empty() && !(stops(entry) && entry.is_started) {
            entry.doing = Doing::Nothing;
            self.look_at(at, now);
            return None;
        }
        let mut items = Vec::with_capacity(entry.mailbox.len().min(most) + 1);
        let mut hand_out = |mut letter: Letter, open: &mut VecDeque<Open>| {
            letter.attempt += 1;
            let item = items.len() as u32;
            items.push(Item { what: letter.what.clone(), attempt: letter.attempt });
            open.push_back(Open { item, letter });
        };
        if !entry.is_started {
            hand_out(Letter::of_ours(What::Start), &mut entry.open);
            entry.is_started = true;
            self.started += 1;
            self.activations += 1;
            self.counts.starts += 1;
            entry.activation = self.activations;
        }
        let mut messages = 0;
        while messages < most
            && let Some(letter) = entry.mailbox.pop_front()
        {
            if letter.deadline < now {
                self.counts.late += 1;
                self.said.answers.push((letter.reply, Outcome::Answer(Err(late(entry.name.id())))));
            } else {
                hand_out(letter, &mut entry.open);
                messages += 1;
            }
        }
        if stops(entry) && messages < most {
            hand_out(Letter::of_ours(What::Stop), &mut entry.open);
        }
        let turn = &mut self.turns[at as usize];
        *turn = turn.wrapping_add(1);
        self.counts.turns += 1;
        entry.doing = Doing::Running { until };
        entry.begun = now;
        let (name, activation) = (Arc::clone(&entry.name), entry.activation);
        let token = u64::from(*turn) << 32 | u64::from(at);
        self.look_later(at, until);
        Some(Turn { name, token, activation, items })
    }

    /// The entity whose turn a token is of.
    pub(super) fn turn_of(&mut self, token: u64) -> Result<u32> {
        let (at, turn) = (token as u32, (token >> 32) as u32);
        let is_running = |entry: &Entry| matches!(entry.doing, Doing::Running { .. });
        let is_it =
            self.turns.get(at as usize) == Some(&turn) && self.entries[at as usize].as_ref().is_some_and(is_running);
        if is_it { Ok(at) } else { Err(stranger(token)) }
    }

    /// What an item of a turn came to.
    pub(super) fn complete(&mut self, token: u64, item: u32, answer: Answer, now: Nanos) -> Result<()> {
        let at = self.turn_of(token)?;
        let Some(entry) = &mut self.entries[at as usize] else { return Err(stranger(token)) };
        let Some(place) = entry.open.iter().position(|open| open.item == item) else {
            return Err(told(item, entry));
        };
        if answer.is_err() && entry.open[place].letter.what == What::Start {
            let error = answer.err().unwrap_or_else(|| stranger(token));
            self.fail_start(at, &error, now);
            return Ok(());
        }
        let Some(Open { letter, .. }) = entry.open.remove(place) else { return Ok(()) };
        // One that can be made, and then breaks at the same message each time, is not well.
        if letter.what != What::Start {
            entry.failures = 0;
            self.counts.messages += u64::from(letter.what != What::Stop);
        }
        self.counts.failures += u64::from(answer.is_err());
        entry.doing = Doing::Running { until: now.saturating_add(self.limits.lease) };
        if letter.what == What::Stop {
            self.end_life(at);
        } else if !letter.reply.is_nobody() {
            self.said.answers.push((letter.reply, Outcome::Answer(answer)));
        }
        self.end_turn(at, now);
        Ok(())
    }

    fn end_turn(&mut self, at: u32, now: Nanos) {
        if let Some(entry) = self.entries[at as usize].as_mut().filter(|entry| entry.open.is_empty()) {
            self.counts.busy += now.saturating_sub(entry.begun);
            entry.doing = Doing::Nothing;
            self.look_at(at, now);
        }
    }

    /// The program has no handler for it any more, and what it set is void.
    pub(super) fn end_life(&mut self, at: u32) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        if std::mem::take(&mut entry.is_started) {
            self.started -= 1;
        }
        let bytes = u128::from(std::mem::take(&mut entry.bytes));
        if entry.leaving == Leaving::Idle {
            entry.leaving = Leaving::No;
            self.stopping -= 1;
        } else {
            self.bytes -= bytes;
        }
        for (_, key) in entry.timers.drain(..) {
            self.timers.remove(&key);
        }
        if std::mem::take(&mut entry.tasks) > 0 {
            let life = (at, entry.activation);
            self.tasks.retain(|_, of| *of != life);
        }
    }

    /// For tests: hands out only so many more items of an entity; all again when `None`.
    pub(super) fn hold(&mut self, id: EntityId<'_>, shard: u32, steps: Option<u64>, now: Nanos) {
        let at = self.place(id, shard);
        let Some(entry) = &mut self.entries[at as usize] else { return };
        entry.steps = match (entry.steps, steps) {
            (Some(left), Some(more)) if more > 0 => Some(left + more),
            (_, steps) => steps,
        };
        let is_held = entry.steps.is_some();
        self.held.retain(|&held| held != at);
        self.held.extend(is_held.then_some(at));
        self.idle.remove(&mut self.entries, at);
        self.look_at(at, now);
    }

    /// The requests that one made for an item of a turn is part of.
    pub(super) fn chain_of(&mut self, token: u64, item: u32) -> Result<Arc<Chain>> {
        let at = self.turn_of(token)?;
        let entry = self.entries[at as usize].as_ref().ok_or_else(|| stranger(token))?;
        let open = entry.open.iter().find(|open| open.item == item).ok_or_else(|| stranger(token))?;
        Ok(Arc::new(Chain { name: Arc::clone(&entry.name), asked_by: open.letter.chain.clone() }))
    }

    /// Answers all who wait, as nobody will.
    pub(super) fn close(&mut self) {
        for entry in self.entries.iter_mut().flatten() {
            let open = entry.open.drain(..).map(|open| open.letter);
            for letter in open.chain(entry.mailbox.drain(..)) {
                let error = Error::new(ErrorKind::Closed, format!("{} is closed", entry.name.id()));
                self.said.answers.push((letter.reply, Outcome::Answer(Err(error))));
            }
        }
        let limits = self.limits;
        let said = std::mem::take(&mut self.said);
        *self = Dispatch {
            said,
            turns: self.turns.iter().map(|turn| turn.wrapping_add(1)).collect(),
            ..Dispatch::new(limits)
        };
        self.entries.resize_with(self.turns.len(), || None);
        self.free = (0..self.turns.len() as u32).rev().collect();
    }
}

impl Letter {
    pub(super) fn of_ours(what: What) -> Self {
        Letter { what, reply: Reply::Nobody, attempt: 0, deadline: Nanos::MAX, chain: None }
    }
}

pub(super) fn late(id: EntityId<'_>) -> Error {
    Error::new(ErrorKind::Timeout, format!("the deadline passed while the request waited for {id}"))
}

pub(super) fn told(item: u32, entry: &Entry) -> Error {
    let message = format!("item {item} of this turn of {} was completed, or there is none", entry.name.id());
    Error::new(ErrorKind::Misuse, message)
}

pub(super) fn stranger(token: u64) -> Error {
    let message = format!("token {token:#x} is of no turn that is out: it was completed, or its lease is over");
    Error::new(ErrorKind::Misuse, message)
}

//! How one peer and this node keep one store in step.
//!
//! What is written here is sent as it is found in the log, and acknowledged by the last record that it came from; so
//! the log is the buffer, no peer holds memory, and a peer that was away goes on where it was. Everything else is
//! found by contexts: now and then each says by a digest what it has applied. One that lacks something, and does so
//! still when it has asked again, repairs itself.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::crdt::{Context, digest_word};
use crate::error::Result;
use crate::origin::Writer;

use super::local::Local;
use super::proto::packet::Body;
use super::proto::{Ack, Ask, Deltas, Meet, Told};
use super::repair::{Answering, Repair};

/// Bytes of deltas that may be on their way to a peer.
const IN_FLIGHT_BYTES: usize = 1 << 20;
/// So many of the last records are sent to a peer of whom it is not known how far it is. It takes in what is new of
/// them, so a store that is new and one whose node was started again need no repair.
pub(super) const RECORDS_AGAIN: usize = 256;
/// And so many bytes of them: what costs more than a repair of a few keys is left to one.
pub(super) const BYTES_AGAIN: usize = 32 << 10;
/// What is missing still after so long is not on its way.
const PATIENCE: Nanos = SECOND;
/// Between a packet that was refused and the next try.
const AFTER_FAULT: Nanos = 500 * MILLISECOND;

/// One store with one peer.
pub(super) struct Session {
    /// Whose records these are in our log.
    from: Writer,
    /// The last record of our log that was sent or need not be.
    cursor: u64,
    /// The last one that the peer has.
    acked: u64,
    /// Last record and bytes of each packet that is not acknowledged.
    in_flight: VecDeque<(u64, usize)>,
    /// When to say what is applied.
    meet_at: Nanos,
    ask_at: Option<Nanos>,
    /// Since when it is known that the peer has something that is missing here.
    missing: Option<(Nanos, Context)>,
    repair: Option<Repair>,
    answering: Option<Answering>,
    /// Whether this side had all that the peer had when it said so, since they are connected.
    pub(super) is_in_step: bool,
    pub(super) repairs: u64,
}

impl Session {
    /// One that begins to send behind this record of the log.
    pub(super) fn new(from: Writer, begin: u64, now: Nanos) -> Self {
        Session {
            from,
            cursor: begin,
            acked: begin,
            in_flight: VecDeque::new(),
            meet_at: now,
            ask_at: None,
            missing: None,
            repair: None,
            answering: None,
            is_in_step: false,
            repairs: 0,
        }
    }

    /// Begins again with a new connection.
    pub(super) fn connected(&mut self, from: Writer, now: Nanos) {
        self.from = from;
        self.cursor = self.acked;
        self.in_flight.clear();
        (self.meet_at, self.ask_at, self.missing) = (now, None, None);
        (self.repair, self.answering) = (None, None);
        self.is_in_step = false;
    }

    /// How many operations the peer is known to have that are missing here.
    pub(super) fn behind(&self) -> u64 {
        self.missing.as_ref().map_or(0, |(_, missing)| missing.count())
    }

    /// Records that the peer has not acknowledged.
    pub(super) fn unacked(&self, log_end: u64) -> u64 {
        log_end.saturating_sub(self.acked)
    }

    /// Says what is applied at this time, if not before.
    pub(super) fn meet_by(&mut self, at: Nanos) {
        self.meet_at = self.meet_at.min(at);
    }

    /// When there is something to do by itself.
    pub(super) fn due(&self) -> Nanos {
        self.meet_at.min(self.ask_at.unwrap_or(Nanos::MAX))
    }

    /// Does what is due.
    pub(super) fn work(&mut self, local: &mut Local, now: Nanos, out: &mut Vec<Body>) -> Result<()> {
        let name = local.store.name().to_owned();
        if self.meet_at <= now {
            self.meet_at = Nanos::MAX;
            out.push(Body::Meet(Meet { store: name.clone(), digest: digest(&local.store.context()?) }));
        }
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            out.push(Body::Ask(Ask { store: name }));
        }
        self.send(local, out)?;
        self.repair.take_if(|repair| repair.is_over(now));
        self.answering.take_if(|answering| answering.is_over(now));
        if let Some(answering) = &mut self.answering {
            answering.work(local, now, out)?;
        }
        if let Some(repair) = &mut self.repair
            && local.take_turn(repair.id(), now)
            && repair.work(local, self.from, now, out)?
        {
            local.end_turn(repair.id());
            self.repairs += 1;
            (self.repair, self.missing) = (None, None);
        }
        Ok(())
    }

    /// Sends what was written here since.
    fn send(&mut self, local: &Local, out: &mut Vec<Body>) -> Result<()> {
        let end = local.store.log_end()?;
        while self.cursor < end {
            let on_its_way: usize = self.in_flight.iter().map(|(_, bytes)| bytes).sum();
            if on_its_way >= IN_FLIGHT_BYTES {
                break;
            }
            let made = local.store.made_after(self.cursor, IN_FLIGHT_BYTES - on_its_way)?;
            if made.upto == self.cursor {
                // What is left was purged or is not the store's.
                self.cursor = end;
            } else {
                self.cursor = made.upto;
            }
            if made.fragments.is_empty() {
                if self.in_flight.is_empty() {
                    self.acked = self.cursor;
                }
                continue;
            }
            self.in_flight.push_back((made.upto, made.fragments.iter().map(Vec::len).sum()));
            let store = local.store.name().to_owned();
            out.push(Body::Deltas(Deltas { store, upto: made.upto, fragments: made.fragments }));
        }
        Ok(())
    }

    /// Takes a packet about this store.
    pub(super) fn hear(&mut self, body: Body, local: &mut Local, now: Nanos, out: &mut Vec<Body>) -> Result<()> {
        let store = || local.store.name().to_owned();
        match body {
            Body::Meet(meet) => {
                let own = local.store.context()?;
                if digest(&own) == meet.digest {
                    local.stability.hear(self.from.engine, &own);
                    (self.missing, self.is_in_step) = (None, true);
                } else {
                    out.push(Body::Ask(Ask { store: store() }));
                }
            }
            Body::Ask(_) => {
                out.push(Body::Told(Told { store: store(), context: local.store.context()?.encode() }));
            }
            Body::Told(told) => self.told(Context::decode(&told.context)?, local, now)?,
            Body::Deltas(deltas) => {
                local.store.take_in(self.from, &deltas.fragments)?;
                out.push(Body::Ack(Ack { store: store(), upto: deltas.upto }));
            }
            Body::Ack(ack) => {
                while let Some((upto, _)) = self.in_flight.front().filter(|(upto, _)| *upto <= ack.upto) {
                    self.acked = *upto;
                    self.in_flight.pop_front();
                }
                if self.in_flight.is_empty() {
                    self.acked = self.cursor;
                }
            }
            Body::Compare(compare) => {
                if self.answering.as_ref().is_none_or(|answering| answering.id() != compare.id) {
                    self.answering = Some(Answering::new(compare.id, now));
                }
                if let Some(answering) = &mut self.answering {
                    answering.compare(compare, now)?;
                }
            }
            Body::Want(want) => {
                if let Some(answering) = self.answering.as_mut().filter(|answering| answering.id() == want.id) {
                    answering.want(&want, local, now, out)?;
                }
            }
            Body::Differ(differ) => {
                if let Some(repair) = &mut self.repair {
                    repair.differ(differ, now)?;
                }
            }
            Body::Keys(keys) => {
                if let Some(repair) = &mut self.repair {
                    repair.keys(&keys, local, self.from, now)?;
                }
            }
            Body::Hello(_) | Body::Swim(_) | Body::Bye(_) => {}
        }
        Ok(())
    }

    /// Learns what the peer has applied.
    fn told(&mut self, context: Context, local: &mut Local, now: Nanos) -> Result<()> {
        local.stability.hear(self.from.engine, &context);
        let own = local.store.context()?;
        let missing = context.without(&own);
        if missing.count() == 0 {
            (self.missing, self.is_in_step) = (None, true);
            return Ok(());
        }
        let still = self.missing.as_ref().filter(|(_, before)| before.without(&own).count() > 0);
        match still {
            Some((since, _)) if now.saturating_sub(*since) >= PATIENCE => {
                let id = local.store.random();
                if self.repair.is_none() && local.take_turn(id, now) {
                    self.repair = Some(Repair::new(id, now));
                } else {
                    self.ask_at = Some(now + PATIENCE);
                }
            }
            Some(_) => self.ask_at = Some(now + PATIENCE),
            None => {
                self.missing = Some((now, missing));
                self.ask_at = Some(now + PATIENCE);
            }
        }
        Ok(())
    }

    /// Something could not be taken in or read: it is tried again from where both agree.
    pub(super) fn failed(&mut self, now: Nanos) {
        self.connected(self.from, now + AFTER_FAULT);
    }
}

/// The first 8 bytes of SHA-256 over a context.
fn digest(context: &Context) -> u64 {
    digest_word(Sha256::new_with_prefix(context.encode()))
}

//! Meeting the other stream: what it is, and whether it is the one that was met the last time.
//!
//! Each time that it turns out to be another one a round begins, and what either direction knew in the round before
//! moves nothing any more. Whichever direction finds out tells the other one.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use super::Link;
use super::config::OnReset;
use super::push::position;
use super::standing::LinkState;
use super::store::Place;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::origin::{Origin, Writer};
use crate::stream::{Stream, StreamInfo};
use crate::timers::Sleep;

/// How long a push that has nothing to do takes the other stream for the one that it met.
const LOOK_AGAIN: Nanos = 30_000_000_000;

/// The other stream as it was met.
pub(super) struct Met {
    pub(super) stream: Stream,
    /// What its own records are known by.
    pub(super) theirs: Writer,
    pub(super) info: StreamInfo,
    /// The round in which it was met.
    round: u64,
}

impl Link {
    /// Finds out what the other stream is, and what became of it since the last time.
    pub(super) async fn meet(&self) -> Result<Met> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the link was stopped"));
        }
        // As it was before the other stream was asked: the other direction moves on meanwhile.
        let place = self.place();
        let stream = (self.find)().await?;
        let info = stream.info().await?;
        self.config.check_remote(&info.config)?;
        if self.config.needs_positions() {
            stream.check_batches()?;
        }
        let anew = place.created != 0 && place.created != info.created;
        let shorter = !anew
            && (info.last_seq < place.pulled.max(place.remote_seq) || self.is_another_record(&stream, &place).await?);
        let gone = !anew && !shorter && self.was_taken_back(&stream, &place).await?;
        let other = [(anew, "was made anew"), (shorter, "has lost its end"), (gone, "no longer says what it took")];
        let other = other.into_iter().find(|(is_so, _)| *is_so);
        if let Some((_, what)) = other {
            self.part(&place, what, |now| {
                now.generation += u64::from(shorter);
                if !gone {
                    (now.pulled, now.pulled_time) = (0, 0);
                }
            })?;
        }
        let round = place.round + u64::from(other.is_some());
        let met = Met { stream, theirs: self.remote_writer(info.created), info, round };
        self.advance_in(&met, |place| place.created = met.info.created);
        self.standing().state = LinkState::Running;
        Ok(met)
    }

    /// Begins the next round, as the other stream is another, and tells both directions. The other direction may have
    /// found out first: then nothing more is done, and what was met here is out of date.
    fn part(&self, before: &Place, what: &str, change: impl FnOnce(&mut Place)) -> Result<()> {
        let what = format!("stream '{}' {what} since this link met it last", self.config.remote);
        let stops = self.config.on_reset == OnReset::Stop;
        let mut is_first = false;
        self.advance(|now| {
            is_first = now.round == before.round;
            now.round += u64::from(is_first);
            if is_first && !stops {
                let pushed = if self.config.on_reset == OnReset::Resend { 0 } else { now.pushed };
                (now.pushed, now.known_pushed, now.known_seq, now.remote_seq) = (pushed, pushed, 0, 0);
                now.last_pushed = None;
                change(now);
            }
        });
        if is_first {
            let apart = std::mem::take(&mut *self.apart.lock().unwrap_or_else(PoisonError::into_inner));
            apart.into_iter().for_each(Waker::wake);
        }
        if stops {
            return Err(Error::new(ErrorKind::Conflict, format!("{what}; on_reset = stop")));
        }
        if is_first {
            self.local.shared.log("warn", format!("link '{}': {what}", self.config.name));
            self.standing().resets += 1;
        }
        Ok(())
    }

    /// Waits as long as the other stream is what was met; `None` when it turned out not to be.
    pub(super) async fn unless_apart<T>(
        &self,
        met: &Met,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        std::future::poll_fn(|cx| if self.is_met(met, cx) { poll(cx).map(Some) } else { Poll::Ready(None) }).await
    }

    /// Whether the other stream, looked at again, is what was met.
    pub(super) async fn is_still(&self, met: &Met) -> Result<bool> {
        Ok(self.meet().await?.round == met.round)
    }

    /// When the other stream is looked at again, though nothing is to be pushed to it.
    pub(super) fn look_again(&self) -> Sleep<'_> {
        let shared = &self.local.shared;
        shared.timers.sleep(shared.clock.now().saturating_add(LOOK_AGAIN), shared)
    }

    /// Whether the other stream has another record where the last one was that came from there: it lost its end and has
    /// grown again since.
    async fn is_another_record(&self, stream: &Stream, place: &Place) -> Result<bool> {
        if place.pulled_time == 0 || !self.config.direction.pulls() {
            return Ok(false);
        }
        Ok(stream.get(place.pulled).await?.is_some_and(|record| record.time != place.pulled_time))
    }

    /// Whether the other stream no longer knows the record that it acknowledged last.
    async fn was_taken_back(&self, stream: &Stream, place: &Place) -> Result<bool> {
        match place.last_pushed.as_deref().and_then(Origin::parse) {
            Some(origin) if !self.config.exclusive => {
                Ok(!position(stream, origin.writer).await?.taken.contains(origin.seq))
            }
            _ => Ok(false),
        }
    }

    /// Moves on in what was met; false, and nothing moves, when that is no longer what is there.
    pub(super) fn advance_in(&self, met: &Met, change: impl FnOnce(&mut Place)) -> bool {
        let mut is_met = false;
        self.advance(|place| {
            is_met = place.round == met.round;
            if is_met {
                change(place);
            }
        });
        is_met
    }

    /// Whether the other stream is still what was met; wakes when it turns out not to be.
    fn is_met(&self, met: &Met, cx: &Context<'_>) -> bool {
        let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        if !apart.iter().any(|waker| waker.will_wake(cx.waker())) {
            apart.push(cx.waker().clone());
        }
        drop(apart);
        self.store.round() == met.round
    }

    /// What records that the other stream's own clients appended are known by. One that lost its end gives their
    /// sequences out a second time, to others.
    fn remote_writer(&self, created: Nanos) -> Writer {
        Writer { engine: name_hash(&self.config.remote), epoch: created.wrapping_add(self.place().generation) }
    }
}

/// FNV-1a (Fowler, Noll, Vo) of a name: the same on every machine.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

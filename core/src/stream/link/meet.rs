//! Meeting the other stream: what it is, and whether it is the one that was met the last time.
//!
//! Each time that it turns out to be another one a round begins, and what either direction knew in the round before
//! moves nothing any more. Whichever direction finds out tells the other one.

use std::task::{Context, Poll, Waker};

use super::Link;
use super::config::OnReset;
use super::lost::Theirs;
use super::push::position;
use super::standing::LinkState;
use super::store::Place;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::origin::Origin;
use crate::stream::{Stream, StreamInfo};
use crate::timers::Sleep;

/// How long a push that has nothing to do takes the other stream for the one that it met.
const LOOK_AGAIN: Nanos = 30_000_000_000;

/// The other stream as it was met.
pub(super) struct Met {
    pub(super) stream: Stream,
    pub(super) theirs: Theirs,
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
        if anew {
            *self.compared() = None;
        }
        let kept = if anew { None } else { self.kept_of_it(&stream, &info, &place).await? };
        let gone = !anew && kept.is_none() && self.was_taken_back(&stream, &place).await?;
        let other =
            [(anew, "was made anew"), (kept.is_some(), "has lost its end"), (gone, "no longer says what it took")];
        let other = other.into_iter().find(|(is_so, _)| *is_so);
        if let Some((_, what)) = other {
            let losses = if anew { 0 } else { self.losses(info.created) };
            self.part(&place, what, |now| {
                now.losses = losses + u64::from(kept.is_some());
                if let Some(at) = kept.or(anew.then_some((0, 0))) {
                    (now.pulled, now.pulled_time) = at;
                }
            })?;
        }
        let round = place.round + u64::from(other.is_some());
        let theirs = Theirs::new(&self.config.remote, info.created, self.losses(info.created));
        let met = Met { stream, theirs, info, round };
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
            let apart = std::mem::take(&mut *lock(&self.apart));
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
    pub(super) fn look_again(&self) -> Sleep {
        let shared = &self.local.shared;
        Sleep::until(shared.clock.now().saturating_add(LOOK_AGAIN), shared)
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
        let mut apart = lock(&self.apart);
        if !apart.iter().any(|waker| waker.will_wake(cx.waker())) {
            apart.push(cx.waker().clone());
        }
        drop(apart);
        self.store.round() == met.round
    }
}

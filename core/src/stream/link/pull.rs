//! From the other stream to the local one: its records in order, each taken in unless the local log ever held it.

use std::future::Future;
use std::pin::Pin;

use super::carry::Carried;
use super::config::CatchUp;
use super::{Link, Met, pass};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::DeliverPolicy;
use crate::stream::local::append::take_in;
use crate::stream::subscription::SubscribeOptions;

/// Records that are taken in at a time.
const RECORDS_AT_ONCE: usize = 1000;

impl Link {
    /// Pulls until something fails, or the other stream is another.
    pub(super) async fn pull(&self, met: &Met) -> Result<()> {
        let (from, behind) = (self.place().pulled, &met.info);
        let state_alone = self.config.catch_up == CatchUp::Latest && behind.last_seq > from;
        let deliver_policy =
            if state_alone { DeliverPolicy::LastPerSubject } else { DeliverPolicy::ByStartSequence(from + 1) };
        let subscription = met.stream.subscribe(SubscribeOptions { filters: Vec::new(), deliver_policy }).await?;
        // It may have lost its end since it was met; from here on whoever follows it is told.
        let info = met.stream.info().await?;
        let is_another = info.created != met.info.created;
        if is_another || self.kept_of_it(&met.stream, &info, &self.place()).await?.is_some() {
            return Ok(());
        }
        {
            let mut standing = self.standing();
            if state_alone {
                standing.skipped += (behind.last_seq - from).saturating_sub(behind.subjects);
            } else if from > 0 && behind.first_seq > from + 1 {
                standing.missed += behind.first_seq - from - 1;
            }
        }
        let mut told = subscription.missed();
        while !self.is_stopped() {
            let mut next = subscription.next(RECORDS_AT_ONCE);
            let Some(batch) = self.unless_apart(met, |cx| Pin::new(&mut next).poll(cx)).await.transpose()? else {
                break;
            };
            if self.is_stopped() {
                break;
            }
            let carried: Vec<Carried> = batch.iter().filter_map(|r| self.inward(&r, met.theirs)).collect();
            self.take_in(&carried).await?;
            let last = batch.iter().next_back().map_or((0, 0), |r| (r.seq, r.time));
            self.advance_in(met, |place| {
                if last.0 > place.pulled {
                    (place.pulled, place.pulled_time) = last;
                }
            });
            {
                let missed = subscription.missed();
                let mut standing = self.standing();
                standing.missed += missed - std::mem::replace(&mut told, missed);
                standing.lag_pull = subscription.lag();
            }
            pass().await;
        }
        Ok(())
    }

    async fn take_in(&self, carried: &[Carried]) -> Result<()> {
        if carried.is_empty() {
            return Ok(());
        }
        let appends: Vec<_> = carried.iter().map(Carried::append).collect();
        let ack = take_in(&self.local, &appends).await.map_err(|error| self.refused(error))?;
        let mut standing = self.standing();
        standing.pulled += u64::from(ack.count);
        standing.known += carried.len() as u64 - u64::from(ack.count);
        Ok(())
    }

    fn refused(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Invalid => error.context(format_args!("stream '{}' cannot take a record", self.local.name)),
            _ => error,
        }
    }
}

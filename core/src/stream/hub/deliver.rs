//! A handle of a durable consumer: it has the server asked when somebody waits (`ask.rs`), keeps what comes until it is
//! taken, and acknowledges by the subjects that came along.

use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::ask::ask;
use super::consumer;
use super::seat::{Desk, Replies, Seat};
use super::stream::Remote;
use super::task::run;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::stream::config::{AckPolicy, ConsumerConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::ConsumerOps;

/// The most records of one request.
const TAKE_RECORDS_MAX: usize = 10_000;
/// What a handle and its clones share.
pub(super) struct Shared {
    pub(super) remote: Arc<Remote>,
    pub(super) config: ConsumerConfig,
    seat: Arc<Seat>,
}

/// One handle. Those that are opened by name take from one desk; a clone has its own, so that several of them ask at
/// once.
pub(crate) struct HubConsumer {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    waiter: u64,
}

impl HubConsumer {
    pub(super) fn new(remote: Arc<Remote>, answer: &Value) -> Self {
        let config = consumer::from_json(&answer["config"]);
        let created = answer["created"].as_str().unwrap_or_default();
        let seat = remote.hub.seats.seat(&remote.name, &config.name, created);
        let desk = Arc::clone(seat.desk());
        Self::over(Arc::new(Shared { remote, config, seat }), desk)
    }

    fn over(shared: Arc<Shared>, desk: Arc<Desk>) -> Self {
        let waiter = desk.waiter();
        HubConsumer { shared, desk, waiter }
    }

    fn take(&self, max: usize) -> Result<Batch> {
        take(&self.shared, &self.desk, max)
    }

    /// Begins to ask, if nobody does.
    fn ask(&self, patient: bool) {
        ask(&self.shared, &self.desk, patient);
    }
}

fn take(shared: &Shared, desk: &Desk, max: usize) -> Result<Batch> {
    shared.remote.session().check_open()?;
    let mut inside = desk.lock();
    if max > 0 {
        inside.want = max.min(TAKE_RECORDS_MAX);
    }
    let batch = inside.ready.split_to(max);
    if batch.is_empty()
        && max > 0
        && let Some(error) = inside.error.take()
    {
        return Err(error);
    }
    Ok(batch)
}

impl Shared {
    pub(super) fn replies(&self) -> MutexGuard<'_, Replies> {
        self.seat.replies()
    }

    pub(super) fn missing(&self) -> Error {
        let message = format!("consumer '{}' of stream '{}' was deleted", self.config.name, self.remote.name);
        Error::new(ErrorKind::Closed, message)
    }

    /// Sends an acknowledgement of any kind, at the call as far as there is room.
    fn answer(&self, subject: String, payload: Bytes) {
        let session = Arc::clone(self.remote.session());
        let mut sending = Box::pin(async move { session.tell(subject, payload).await });
        let mut once = tokio::task::coop::unconstrained(&mut sending);
        let polled = std::pin::Pin::new(&mut once).poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_pending() {
            self.remote.session().handle.spawn(sending);
        }
    }

    /// The subject of a record that is pending, and stays so.
    fn pending(&self, seq: u64) -> Result<String> {
        self.remote.session().check_open()?;
        self.replies().get(&seq).map(|r| r.subject.clone()).ok_or_else(|| self.not_pending(seq))
    }

    fn not_pending(&self, seq: u64) -> Error {
        Error::not_found(format!("record {seq} is not pending at consumer '{}'", self.config.name))
    }

    /// The subjects that acknowledge these, and how many records that is.
    fn settle(&self, seqs: &[u64]) -> Result<(Vec<String>, usize)> {
        self.remote.session().check_open()?;
        let mut replies = self.replies();
        if self.config.ack_policy == AckPolicy::All {
            let upto = seqs.iter().copied().max().unwrap_or(0);
            let mut done: Vec<u64> = replies.keys().copied().filter(|s| *s <= upto).collect();
            done.sort_unstable();
            let count = done.len();
            let mut last = None;
            for seq in done {
                last = replies.remove(&seq);
            }
            return Ok((last.map(|r| r.subject).into_iter().collect(), count));
        }
        let subjects: Vec<String> = seqs.iter().filter_map(|s| replies.remove(s)).map(|r| r.subject).collect();
        let count = subjects.len();
        Ok((subjects, count))
    }
}

impl ConsumerOps for HubConsumer {
    fn name(&self) -> &str {
        &self.shared.config.name
    }

    fn info(&self) -> Pending<ConsumerInfo> {
        let shared = Arc::clone(&self.shared);
        run(&self.shared.remote.session().handle, async move {
            let answer = consumer::look(&shared.remote, &shared.config.name).await.map_err(|e| match e.kind() {
                ErrorKind::NotFound => shared.missing(),
                _ => e,
            })?;
            consumer::info(&shared.remote, &answer).await
        })
    }

    fn next(&self, max: usize) -> Pending<Batch> {
        match self.take(max) {
            Ok(batch) if batch.is_empty() && max > 0 => {
                let waiter = self.desk.waiter();
                let (shared, desk) = (Arc::clone(&self.shared), Arc::clone(&self.desk));
                Pending::waiting(NextDelivery { shared, desk, max, waiter })
            }
            other => Pending::ready(other),
        }
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        let batch = self.take(max)?;
        if batch.is_empty() && max > 0 {
            self.ask(false);
        }
        Ok(batch)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        poll_ready(&self.shared, &self.desk, cx, self.waiter)
    }

    fn ack(&self, seqs: &[u64]) -> Result<usize> {
        let (subjects, count) = self.shared.settle(seqs)?;
        for subject in subjects {
            self.shared.answer(subject, Bytes::from_static(b"+ACK"));
        }
        Ok(count)
    }

    fn ack_sync(&self, seqs: &[u64]) -> Pending<usize> {
        let (subjects, count) = match self.shared.settle(seqs) {
            Ok(settled) => settled,
            Err(error) => return Pending::ready(Err(error)),
        };
        let session = Arc::clone(self.shared.remote.session());
        run(&self.shared.remote.session().handle, async move {
            let asked = subjects.into_iter().map(|s| session.ask(s, None, Bytes::from_static(b"+ACK")));
            futures_util::future::try_join_all(asked).await?;
            Ok(count)
        })
    }

    fn nak(&self, seq: u64, delay: Duration) -> Result<()> {
        // It stays pending until it comes again, so it may still be acknowledged.
        let subject = self.shared.pending(seq)?;
        let payload = if delay.is_zero() {
            Bytes::from_static(b"-NAK")
        } else {
            Bytes::from(format!("-NAK {}", json!({ "delay": u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX) })))
        };
        self.shared.answer(subject, payload);
        Ok(())
    }

    fn in_progress(&self, seq: u64) -> Result<()> {
        self.shared.answer(self.shared.pending(seq)?, Bytes::from_static(b"+WPI"));
        Ok(())
    }

    fn term(&self, seq: u64) -> Result<()> {
        let subject = self.shared.pending(seq)?;
        self.shared.replies().remove(&seq);
        self.shared.answer(subject, Bytes::from_static(b"+TERM"));
        Ok(())
    }

    fn another(&self) -> Box<dyn ConsumerOps> {
        Box::new(HubConsumer::over(Arc::clone(&self.shared), Desk::new()))
    }
}

impl Drop for HubConsumer {
    fn drop(&mut self) {
        self.desk.forget(self.waiter);
    }
}

fn poll_ready(shared: &Arc<Shared>, desk: &Arc<Desk>, cx: &Context<'_>, waiter: u64) -> Poll<()> {
    if shared.remote.session().check_open().is_err() {
        return Poll::Ready(());
    }
    {
        let mut inside = desk.lock();
        if !inside.ready.is_empty() || inside.error.is_some() {
            return Poll::Ready(());
        }
        inside.waiting.retain(|w| w.0 != waiter);
        inside.waiting.push((waiter, cx.waker().clone()));
    }
    ask(shared, desk, true);
    Poll::Pending
}

struct NextDelivery {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    max: usize,
    waiter: u64,
}

impl Wait<Batch> for NextDelivery {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Batch>> {
        loop {
            match take(&self.shared, &self.desk, self.max) {
                Ok(batch) if batch.is_empty() => {}
                other => return Poll::Ready(other),
            }
            if poll_ready(&self.shared, &self.desk, cx, self.waiter).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for NextDelivery {
    fn drop(&mut self) {
        self.desk.forget(self.waiter);
    }
}

//! A handle of a durable consumer: it asks the server when somebody waits, keeps what comes until it is taken, and
//! acknowledges by the subjects that came along.
//!
//! Nothing is asked for ahead: a record that sits here is one that no other handle gets, and its wait for an
//! acknowledgement runs. So a request takes what is there once there is something, and is over then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use hashbrown::HashMap;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::bury::bury;
use super::consumer;
use super::fault;
use super::pull::{Delivery, Pull, Status};
use super::records::{Gather, Raw};
use super::session::Session;
use super::state::HubPhase;
use super::stream::Remote;
use super::task::run;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::stream::config::{AckPolicy, ConsumerConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::ConsumerOps;

/// How long one request for a single record stands, and how often the server says that it is there.
const WAIT_EXPIRES: Duration = Duration::from_secs(30);
const WAIT_HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a request without patience stands.
const SOON: Duration = Duration::from_millis(50);
/// How long nothing arrives until a burst is over, where the server says nothing.
const QUIET: Duration = Duration::from_millis(20);
/// The most records of one request.
const TAKE_RECORDS_MAX: usize = 10_000;
/// The wait after a request that failed.
const RETRY: Duration = Duration::from_millis(200);

/// Subjects to acknowledge at, by sequence.
type Replies = HashMap<u64, Reply, foldhash::fast::FixedState>;

struct Reply {
    subject: String,
}

/// What the handles of one consumer in this process share.
pub(super) struct Shared {
    remote: Arc<Remote>,
    config: ConsumerConfig,
    replies: Mutex<Replies>,
}

/// One handle.
pub(crate) struct HubConsumer {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    waiter: u64,
}

/// Where records lie until they are taken.
struct Desk {
    inside: Mutex<Inside>,
    /// Told when nobody waits any more.
    leave: Notify,
}

#[derive(Default)]
struct Inside {
    ready: Batch,
    /// How many were asked for last.
    want: usize,
    /// Whether a task is asking.
    asking: bool,
    error: Option<Error>,
    waiting: Vec<(u64, Waker)>,
    next_waiter: u64,
    gone: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, waiter: u64) {
        let mut inside = self.lock();
        inside.waiting.retain(|w| w.0 != waiter);
        if inside.waiting.is_empty() {
            self.leave.notify_one();
        }
    }
}

impl HubConsumer {
    pub(super) fn new(remote: Arc<Remote>, answer: &Value) -> Self {
        let config = consumer::from_json(&answer["config"]);
        Self::over(Arc::new(Shared { remote, config, replies: Mutex::default() }))
    }

    fn over(shared: Arc<Shared>) -> Self {
        let inside = Inside { want: 1, next_waiter: 1, ..Inside::default() };
        HubConsumer { shared, desk: Arc::new(Desk { inside: Mutex::new(inside), leave: Notify::new() }), waiter: 0 }
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

/// Begins a task that asks; a patient one waits until there is something, as long as somebody waits for it.
fn ask(shared: &Arc<Shared>, desk: &Arc<Desk>, patient: bool) {
    let mut inside = desk.lock();
    if inside.asking || inside.gone {
        return;
    }
    inside.asking = true;
    drop(inside);
    let (shared, desk) = (Arc::clone(shared), Arc::clone(desk));
    let handle = shared.remote.session().handle.clone();
    handle.spawn(async move {
        let asking = Asking(desk);
        let outcome = shared.fill(&asking.0, patient).await;
        if let Err(error) = outcome {
            asking.0.lock().error = Some(error);
        }
    });
}

/// Ends the asking and wakes those who wait, however the task ends.
struct Asking(Arc<Desk>);

impl Drop for Asking {
    fn drop(&mut self) {
        let mut inside = self.0.lock();
        inside.asking = false;
        let waiting = std::mem::take(&mut inside.waiting);
        drop(inside);
        for (_, waker) in waiting {
            waker.wake();
        }
    }
}

impl Shared {
    fn replies(&self) -> MutexGuard<'_, Replies> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self) -> Error {
        let message = format!("consumer '{}' of stream '{}' was deleted", self.config.name, self.remote.name);
        Error::new(ErrorKind::Closed, message)
    }

    async fn pull(&self, inbox: &str, pull: Pull) -> Result<()> {
        let session = self.remote.session();
        let subject = format!("{}.CONSUMER.MSG.NEXT.{}.{}", session.prefix, self.remote.name, self.config.name);
        session.tell_with_reply(subject, inbox.to_owned(), Bytes::from(pull.to_json().to_string())).await
    }

    /// Asks until there is something, or nobody waits.
    async fn fill(&self, desk: &Desk, patient: bool) -> Result<()> {
        loop {
            match self.fill_once(desk, patient).await {
                Ok(found) if found || !patient || desk.lock().waiting.is_empty() => return Ok(()),
                Ok(_) => {}
                Err(error) if patient && matches!(error.kind(), ErrorKind::Io | ErrorKind::Timeout) => {
                    // The hub is away; whoever waits goes on waiting, and the consumer may be gone when it is back.
                    match consumer::look(&self.remote, &self.config.name).await {
                        Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.missing()),
                        _ => tokio::time::sleep(RETRY).await,
                    }
                    if desk.lock().waiting.is_empty() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One request: for what is there once there is something, or (without patience) for what is there soon.
    async fn fill_once(&self, desk: &Desk, patient: bool) -> Result<bool> {
        let session = Arc::clone(self.remote.session());
        session.check_open()?;
        let (inbox, mut arriving) = session.inbox().await?;
        let want = desk.lock().want;
        let pull = Pull { batch: want, no_wait: true, expires: SOON, ..Pull::default() };
        let pull = if patient { Pull { expires: WAIT_EXPIRES, heartbeat: WAIT_HEARTBEAT, ..pull } } else { pull };
        self.pull(&inbox, pull).await?;
        let reconnects = session.state.reconnects();
        let silence = if patient { WAIT_HEARTBEAT * 2 } else { SOON + session.timeout() };
        let mut messages = Vec::new();
        while messages.len() < want {
            let limit = if messages.is_empty() { silence } else { QUIET };
            let Ok(next) = timeout(limit, next_or_leave(&session, desk, &mut arriving, reconnects)).await else {
                if messages.is_empty() {
                    return Err(fault::late(&format!("consumer '{}'", self.config.name), limit));
                }
                // The consumer has no room for more deliveries, of which a server says nothing.
                break;
            };
            let Some(message) = next else { break };
            match Status::of(&message) {
                Some(Status::Heartbeat) => {}
                Some(Status::Gone) if messages.is_empty() => return Err(self.gone().await),
                Some(_) => break,
                None => messages.push(message),
            }
        }
        // What came while nobody was looking any more is kept for the next who asks.
        while let Some(Some(message)) = arriving.next().now_or_never() {
            if Status::of(&message).is_none() {
                messages.push(message);
            }
        }
        Ok(self.put(desk, messages).await? > 0)
    }

    /// The consumer was lost, or only its leader: what to say.
    async fn gone(&self) -> Error {
        match consumer::look(&self.remote, &self.config.name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => self.missing(),
            Err(error) => error,
            Ok(_) => fault::nobody(&format!("consumer '{}'", self.config.name)),
        }
    }

    /// Puts delivered records where they are taken from, but for those that were delivered too often.
    async fn put(&self, desk: &Desk, messages: Vec<Message>) -> Result<usize> {
        let mut gather = Gather::default();
        let most = self.config.max_deliver;
        for message in &messages {
            let Some(delivery) = Delivery::of(message) else { continue };
            let raw =
                Raw::new(delivery.seq, delivery.time, &message.subject, message.headers.as_ref(), &message.payload);
            let reply = message.reply.as_ref().map(ToString::to_string).unwrap_or_default();
            if most > 0 && delivery.delivered > most {
                let mut one = Gather::default();
                one.push(&raw, delivery.delivered);
                let one = one.finish();
                if let Some(record) = one.get(0) {
                    // When it fails the record stays unacknowledged, and is delivered and tried again.
                    bury(&self.remote, &self.config, record, most).await?;
                    self.remote.session().ask(reply, None, Bytes::from_static(b"+TERM")).await?;
                }
                continue;
            }
            gather.push(&raw, delivery.delivered);
            if self.config.ack_policy != AckPolicy::None {
                self.replies().insert(delivery.seq, Reply { subject: reply });
            }
        }
        let count = gather.len();
        desk.lock().ready.absorb_delivered(gather.finish());
        Ok(count)
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

    fn one(&self, seq: u64) -> Result<String> {
        self.remote.session().check_open()?;
        self.replies()
            .remove(&seq)
            .map(|r| r.subject)
            .ok_or_else(|| Error::not_found(format!("record {seq} is not pending at consumer '{}'", self.config.name)))
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

/// The next message; `None` when nobody waits any more, or the connection is another one.
async fn next_or_leave(session: &Session, desk: &Desk, arriving: &mut Subscriber, reconnects: u64) -> Option<Message> {
    let mut leave = std::pin::pin!(desk.leave.notified());
    let mut seen = 0;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(message) = arriving.poll_next_unpin(cx) {
            return Poll::Ready(message);
        }
        while let Poll::Ready((version, state)) = session.state.poll_change(cx, seen) {
            seen = version;
            if state.reconnects != reconnects || state.phase == HubPhase::Closed {
                return Poll::Ready(None);
            }
        }
        leave.as_mut().poll(cx).map(|()| None)
    })
    .await
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
                let waiter = {
                    let mut inside = self.desk.lock();
                    inside.next_waiter += 1;
                    inside.next_waiter
                };
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
        let subject = self.shared.one(seq)?;
        let payload = if delay.is_zero() {
            Bytes::from_static(b"-NAK")
        } else {
            Bytes::from(format!("-NAK {}", json!({ "delay": u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX) })))
        };
        self.shared.answer(subject, payload);
        Ok(())
    }

    fn in_progress(&self, seq: u64) -> Result<()> {
        let subject = self.shared.one(seq)?;
        self.shared.answer(subject.clone(), Bytes::from_static(b"+WPI"));
        self.shared.replies().insert(seq, Reply { subject });
        Ok(())
    }

    fn term(&self, seq: u64) -> Result<()> {
        let subject = self.shared.one(seq)?;
        self.shared.answer(subject, Bytes::from_static(b"+TERM"));
        Ok(())
    }

    fn another(&self) -> Box<dyn ConsumerOps> {
        Box::new(HubConsumer::over(Arc::clone(&self.shared)))
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

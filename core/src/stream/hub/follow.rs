//! The task behind a subscription: a consumer of its own that it makes anew from the next sequence whenever something
//! is amiss: a gap among deliveries, silence, a lost consumer, a connection that came back.
//!
//! The client has ordered consumers too. Ours also counts what limits removed, goes on at once after a reconnect
//! instead of after a missed heartbeat, and bounds its buffer by bytes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::pull::{Delivery, Ephemeral, Pull, Start, Status};
use super::read;
use super::records::{Gather, Raw};
use super::session::Session;
use super::state::HubPhase;
use super::stream::Remote;
use super::subscription::{BUFFER_BYTES, BUFFER_RECORDS, Feed};
use super::task::closed;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::subject::Filters;

/// Records that are asked for at a time: half of the buffer, so that one half is read while the other is filled.
const PULL_RECORDS: usize = BUFFER_RECORDS / 2;
const PULL_BYTES: usize = BUFFER_BYTES / 2;
/// How long a request stands.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// How often a server says that it is there; twice as long without a word is silence.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Records that are gathered before the holder sees them.
const CHUNK_RECORDS: usize = 1024;
/// The wait between attempts to make a consumer: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Follows a stream into a feed.
pub(super) struct Follow {
    /// Not [`Remote`], which keeps the hub open: the holder does that.
    session: Arc<Session>,
    remote: std::sync::Weak<Remote>,
    feed: Arc<Feed>,
    server_filters: Vec<String>,
    own_filters: Filters,
    start: Start,
    /// The sequence that is due next; `None` before the first, where nothing can be missed.
    place: Option<u64>,
    /// The last sequence that was handed on, and the time of its record.
    handed: u64,
    handed_time: Nanos,
    /// With newest records per subject: they end here, and everything follows.
    newest_until: u64,
    /// Whether the consumer was not asked for a while, so that limits may have overtaken it.
    overtaken: bool,
}

/// Says that nothing more comes when the task ends, however it does.
struct Ending(Arc<Feed>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(closed());
    }
}

impl Follow {
    pub(super) async fn begin(
        remote: &Arc<Remote>,
        feed: &Arc<Feed>,
        server_filters: Vec<String>,
        own_filters: Filters,
        start: Start,
        place: Option<u64>,
        last: u64,
    ) -> Result<()> {
        let newest_until = if matches!(start, Start::LastPerSubject) { last } else { 0 };
        let follow = Follow {
            session: Arc::clone(remote.session()),
            remote: Arc::downgrade(remote),
            feed: Arc::clone(feed),
            server_filters,
            own_filters,
            start,
            place,
            handed: 0,
            handed_time: 0,
            newest_until,
            overtaken: false,
        };
        let consumer = Ephemeral::create(remote, &follow.server_filters, start).await?;
        feed.set_pending(consumer.pending);
        remote.session().handle.spawn(follow.run(consumer));
        Ok(())
    }

    async fn run(mut self, consumer: Ephemeral) {
        let _ending = Ending(Arc::clone(&self.feed));
        let (mut consumer, mut wait) = (Some(consumer), RETRY.0);
        while !self.feed.is_closed() {
            let made = match consumer.take() {
                Some(consumer) => Ok(consumer),
                None => self.make().await,
            };
            match made {
                Ok(made) => {
                    wait = RETRY.0;
                    // It ends when something is amiss, and another consumer goes on from there.
                    if self.session(made).await.is_err() {
                        return;
                    }
                    self.overtaken = true;
                }
                Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Timeout) => {
                    sleep(wait.mul_f64(0.5 + (self.session.options.clock.random() % 512) as f64 / 1024.0)).await;
                    wait = (wait * 2).min(RETRY.1);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.feed.end(Error::new(ErrorKind::Closed, format!("{error}: the stream was deleted")));
                    return;
                }
                Err(error) => return self.feed.end(error),
            }
        }
    }

    async fn make(&self) -> Result<Ephemeral> {
        let remote = self.remote.upgrade().ok_or_else(closed)?;
        self.check_handed(&remote).await?;
        let start = match self.start {
            // The newest records that are left, and those that are newer by now.
            Start::LastPerSubject if self.handed < self.newest_until => Start::LastPerSubject,
            _ if self.handed > 0 => Start::Seq(self.handed + 1),
            start => start,
        };
        Ephemeral::create(&remote, &self.server_filters, start).await
    }

    /// Ends it when the stream is not the one that was followed: a server that was put back to a backup, or lost what
    /// it had not synced, gives sequences out a second time, and nobody would hear of the first of them.
    async fn check_handed(&self, remote: &Arc<Remote>) -> Result<()> {
        if self.handed == 0 {
            return Ok(());
        }
        // In this order, because it may grow meanwhile.
        let is_short = remote.look(&Value::Null).await?["state"]["last_seq"].as_u64() < Some(self.handed);
        let now = read::leader_get(remote, &json!({ "seq": self.handed })).await?;
        // What is not there and was, limits removed.
        let is_there = !is_short && now.is_none_or(|record| record.time == self.handed_time);
        if is_there {
            return Ok(());
        }
        let handed = self.handed;
        Err(Error::new(
            ErrorKind::Closed,
            format!("{}: it lost its end, record {handed} that was followed is gone: subscribe anew", remote.place()),
        ))
    }

    /// Takes what one consumer delivers until something is amiss; an error when it is over for good.
    async fn session(&mut self, mut consumer: Ephemeral) -> Result<()> {
        let (inboxes, mut arriving) = self.session.inboxes().await?;
        let reconnects = self.session.state.reconnects();
        let (mut due, mut asked, mut one_by_one) = (1, 0usize, false);
        while !self.feed.is_closed() {
            if asked <= PULL_RECORDS / 2 {
                if self.feed.has_room() {
                    let batch = if one_by_one { 1 } else { PULL_RECORDS - asked };
                    let max_bytes = if one_by_one { 0 } else { PULL_BYTES };
                    one_by_one = false;
                    let pull = Pull { batch, max_bytes, no_wait: false, expires: PULL_EXPIRES, heartbeat: HEARTBEAT };
                    consumer.pull(&inboxes, pull).await?;
                    asked += batch;
                } else if asked == 0 {
                    self.feed.room.notified().await;
                    self.overtaken = true;
                    continue;
                }
            }
            let Some(first) = self.wait(&mut arriving, reconnects).await else { return Ok(()) };
            let Some(mut next) = first else { continue };
            let mut gather = Gather::default();
            let (mut pending, mut gaps) = (None, Vec::new());
            let mut amiss = false;
            loop {
                match Status::of(&next) {
                    None => {
                        let Some(delivery) = Delivery::of(&next).filter(|d| d.consumer_seq == due) else {
                            amiss = true;
                            break;
                        };
                        due += 1;
                        asked = asked.saturating_sub(1);
                        pending = Some(delivery.pending);
                        self.take(&next, &delivery, &mut gather, &mut gaps);
                    }
                    Some(Status::Heartbeat) => {
                        let last = next.headers.as_ref().and_then(|h| h.get("Nats-Last-Consumer"));
                        if last.and_then(|l| l.as_str().parse::<u64>().ok()).is_some_and(|l| l >= due) {
                            amiss = true;
                            break;
                        }
                    }
                    Some(Status::Over(left)) => asked = asked.saturating_sub(left.max(1)),
                    Some(Status::TooLarge(left)) => {
                        asked = asked.saturating_sub(left.max(1));
                        one_by_one = true;
                    }
                    Some(Status::Gone) => {
                        amiss = true;
                        break;
                    }
                }
                if gather.len() >= CHUNK_RECORDS {
                    break;
                }
                match arriving.next().now_or_never() {
                    Some(Some(message)) => next = message,
                    _ => break,
                }
            }
            self.hand_on(gather, pending, &gaps).await;
            if amiss {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next message. Inside, `None` is a reason to look again; outside, that something is amiss.
    async fn wait(&self, arriving: &mut Subscriber, reconnects: u64) -> Option<Option<Message>> {
        let mut seen = 0;
        let mut room = std::pin::pin!(self.feed.room.notified());
        let next = poll_fn(|cx| {
            if let Poll::Ready(message) = arriving.poll_next_unpin(cx) {
                return Poll::Ready(message.map(Some));
            }
            while let Poll::Ready((version, state)) = self.session.state.poll_change(cx, seen) {
                seen = version;
                if state.reconnects != reconnects || state.phase == HubPhase::Closed {
                    return Poll::Ready(None);
                }
            }
            room.as_mut().poll(cx).map(|()| Some(None))
        });
        timeout(HEARTBEAT * 2, next).await.ok().flatten()
    }

    /// Gathers one delivered record, unless it was handed on before.
    fn take(&mut self, message: &Message, delivery: &Delivery, gather: &mut Gather, gaps: &mut Vec<(u64, u64)>) {
        if delivery.seq <= self.handed {
            return;
        }
        (self.handed, self.handed_time) = (delivery.seq, delivery.time);
        if let Some(place) = self.place
            && delivery.seq > self.newest_until
        {
            let filtered = !self.server_filters.is_empty();
            if delivery.seq > place && (self.overtaken || !filtered) {
                gaps.push((place, delivery.seq));
            }
            self.overtaken = false;
        }
        self.place = Some((delivery.seq + 1).max(self.place.unwrap_or(0)));
        let raw = Raw::new(delivery.seq, delivery.time, &message.subject, message.headers.as_ref(), &message.payload);
        if self.own_filters.matches(raw.subject) {
            gather.push(&raw, 0);
        }
    }

    /// Shows the holder what was gathered, with how much limits had removed before it.
    async fn hand_on(&self, gather: Gather, pending: Option<u64>, gaps: &[(u64, u64)]) {
        let Some(pending) = pending else { return };
        let mut missed = 0;
        if !gaps.is_empty()
            && let Some(remote) = self.remote.upgrade()
            && let Ok(answer) = remote.look(&Value::Null).await
        {
            let first = answer["state"]["first_seq"].as_u64().unwrap_or(0);
            missed = gaps.iter().map(|&(from, to)| to.min(first).saturating_sub(from)).sum();
        }
        let bytes = gather.bytes();
        self.feed.push(gather.finish(), bytes, missed, pending);
    }
}

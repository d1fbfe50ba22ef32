//! Asking the server for what a consumer has to deliver, when somebody waits, and putting it on the desk.
//!
//! Nothing is asked for ahead: a record that sits here is one that no other handle gets, and its wait for an
//! acknowledgement runs. So a request takes what is there once there is something. What the server sends to one that
//! nobody waits for any more is not lost: the inbox stays for a while.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::bury::bury;
use super::consumer;
use super::deliver::Shared;
use super::fault;
use super::pull::{Delivery, Pull, Status};
use super::records::{Gather, Raw};
use super::seat::{Desk, Inbox, Reply};
use super::session::Session;
use super::state::HubPhase;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::AckPolicy;

/// How long one request for a single record stands, and how often the server says that it is there.
const WAIT_EXPIRES: Duration = Duration::from_secs(30);
const WAIT_HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a request without patience stands.
const SOON: Duration = Duration::from_millis(50);
/// How long nothing arrives until a burst is over, where the server says nothing.
const QUIET: Duration = Duration::from_millis(20);
/// How long a request that the server may still answer is listened to, when nobody asks again.
const LINGER: Duration = Duration::from_secs(1);
/// The wait after a request that failed.
const RETRY: Duration = Duration::from_millis(200);

/// Begins a task that asks; a patient one waits until there is something, as long as somebody waits for it.
pub(super) fn ask(shared: &Arc<Shared>, desk: &Arc<Desk>, patient: bool) {
    let mut inside = desk.lock();
    if inside.asking {
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
        self.0.lock().asking = false;
        self.0.wake();
    }
}

impl Shared {
    async fn pull(&self, inbox: &str, pull: Pull) -> Result<()> {
        let session = self.remote.session();
        let subject = format!("{}.CONSUMER.MSG.NEXT.{}.{}", session.prefix, self.remote.name, self.config.name);
        session.tell_with_reply(subject, inbox.to_owned(), Bytes::from(pull.to_json().to_string())).await
    }

    /// Asks until there is something, or nobody waits.
    async fn fill(self: &Arc<Self>, desk: &Arc<Desk>, patient: bool) -> Result<()> {
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
    async fn fill_once(self: &Arc<Self>, desk: &Arc<Desk>, patient: bool) -> Result<bool> {
        let session = Arc::clone(self.remote.session());
        session.check_open()?;
        let (inbox, want) = {
            let mut inside = desk.lock();
            (inside.inbox.take(), inside.want)
        };
        let mut inbox = match inbox {
            Some(inbox) => inbox,
            None => {
                let (prefix, arriving) = session.inboxes().await?;
                Inbox { prefix, arriving, requests: 0 }
            }
        };
        inbox.requests += 1;
        let reply = format!("{}.{}", inbox.prefix, inbox.requests);
        let pull = Pull { batch: want, no_wait: true, expires: SOON, ..Pull::default() };
        let pull = if patient { Pull { expires: WAIT_EXPIRES, heartbeat: WAIT_HEARTBEAT, ..pull } } else { pull };
        self.pull(&reply, pull).await?;
        let reconnects = session.state.reconnects();
        let silence = if patient { WAIT_HEARTBEAT * 2 } else { SOON + session.timeout() };
        let mut messages = Vec::new();
        while messages.len() < want {
            let limit = if messages.is_empty() { silence } else { QUIET };
            let next = next_or_leave(&session, desk, &mut inbox.arriving, reconnects, patient);
            let Ok(next) = timeout(limit, next).await else {
                if messages.is_empty() {
                    return Err(fault::late(&format!("consumer '{}'", self.config.name), limit));
                }
                // The consumer has no room for more deliveries, of which a server says nothing.
                break;
            };
            let Some(message) = next else { break };
            match Status::of(&message) {
                Some(Status::Heartbeat) => {}
                // The end of a request before this one.
                Some(_) if *message.subject != *reply => {}
                Some(Status::Gone) if messages.is_empty() => return Err(self.gone().await),
                Some(_) => break,
                None => messages.push(message),
            }
        }
        let found = self.put(desk, messages).await? > 0;
        self.linger(desk, inbox);
        Ok(found)
    }

    /// Keeps an inbox for whoever asks next: requests may stand that nobody waits for any more, and what the server
    /// sends to them is delivered, and its acknowledgement waited for. When nobody asks for a while it is given up.
    fn linger(self: &Arc<Self>, desk: &Arc<Desk>, inbox: Inbox) {
        let mut inside = desk.lock();
        inside.inbox = Some(inbox);
        if std::mem::replace(&mut inside.lingers, true) {
            return;
        }
        let mut requests = 0;
        // Not to keep the hub open by itself.
        let (shared, desk) = (Arc::downgrade(self), Arc::clone(desk));
        self.remote.session().handle.spawn(async move {
            let mut inbox = loop {
                tokio::time::sleep(LINGER).await;
                let mut inside = desk.lock();
                match inside.inbox.take_if(|inbox| inbox.requests == requests) {
                    None if inside.inbox.is_none() && !inside.asking => {
                        inside.lingers = false;
                        return;
                    }
                    None => requests = inside.inbox.as_ref().map_or(0, |inbox| inbox.requests),
                    Some(inbox) => {
                        inside.lingers = false;
                        break inbox;
                    }
                }
            };
            let mut messages = Vec::new();
            while let Some(Some(message)) = inbox.arriving.next().now_or_never() {
                messages.extend(Status::of(&message).is_none().then_some(message));
            }
            // What cannot be put anywhere is delivered again after its wait.
            if let Some(shared) = shared.upgrade()
                && matches!(shared.put(&desk, messages).await, Ok(1..))
            {
                desk.wake();
            }
        });
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
}

/// The next message; `None` when nobody waits any more for a patient request, or the connection is another one.
async fn next_or_leave(
    session: &Session,
    desk: &Desk,
    arriving: &mut Subscriber,
    reconnects: u64,
    patient: bool,
) -> Option<Message> {
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
        while leave.as_mut().poll(cx).is_ready() {
            // It may have been told before this request began, or of one of several who waited.
            if patient && desk.lock().waiting.is_empty() {
                return Poll::Ready(None);
            }
            leave.set(desk.leave.notified());
        }
        Poll::Pending
    })
    .await
}

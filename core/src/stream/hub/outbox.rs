//! Appends on their way: each begins at the call, in the order of the calls, and at most a window of them at once.
//!
//! async-nats' own publish waits for a permit, a place in the client's queue and a timer of its own for each append;
//! all of that would begin only when somebody polls it. Here a message goes into the client's queue under one lock at
//! the call. What finds no room waits behind what came before it, and one task sends it on.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt, Sink, StreamExt};
use tokio::time::Instant;

use super::fast::is_midway;
use super::fault;
use super::task::closed;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

/// Bytes that may wait for room.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// What a message costs besides its payload, about.
const MESSAGE_BYTES: usize = 256;

/// Where the answer to one message will be.
pub(super) struct Slot(Mutex<Answer>);

enum Answer {
    Due(Option<Waker>),
    There(Result<Message>),
    Taken,
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Slot(Mutex::new(Answer::Due(None))))
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        lock(&self.0)
    }

    fn fill(&self, result: Result<Message>) -> Option<Waker> {
        match std::mem::replace(&mut *self.lock(), Answer::There(result)) {
            Answer::Due(waker) => waker,
            _ => None,
        }
    }

    /// The answer, once; else wakes `cx` when it is there.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<Message>> {
        let mut answer = self.lock();
        match &mut *answer {
            Answer::Due(waker) => {
                match waker {
                    Some(known) if known.will_wake(cx.waker()) => {}
                    other => *other = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Answer::There(_) => match std::mem::replace(&mut *answer, Answer::Taken) {
                Answer::There(result) => Poll::Ready(result),
                _ => Poll::Pending,
            },
            Answer::Taken => Poll::Ready(Err(Error::new(ErrorKind::Misuse, "the result was taken already"))),
        }
    }
}

/// One message to send, and who waits for its answer.
struct Item {
    message: OutboundMessage,
    slot: Option<Arc<Slot>>,
    due: Instant,
}

struct Awaited {
    slot: Arc<Slot>,
    due: Instant,
}

struct Inside {
    client: Client,
    /// Answers that are due, by their number; the front one's is `first`.
    awaited: VecDeque<Option<Awaited>>,
    first: u64,
    on_the_way: usize,
    /// What found no room, in order.
    queue: VecDeque<Item>,
    queued_bytes: usize,
    sender: Option<Waker>,
    closed: bool,
}

/// All appends of one hub that are on their way.
pub(super) struct Outbox {
    inside: Mutex<Inside>,
    window: usize,
    timeout: Duration,
    reply_prefix: String,
}

/// Polls once without a task's budget, which is about fairness between tasks and would make room look like none.
fn once<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Unpin, cx: &mut Context<'_>) -> Poll<T> {
    Pin::new(&mut tokio::task::coop::unconstrained(poll_fn(|cx| poll(cx)))).poll(cx)
}

impl Outbox {
    pub(super) fn new(client: Client, window: usize, timeout: Duration, reply_prefix: String) -> Self {
        let inside = Inside {
            client,
            awaited: VecDeque::new(),
            first: 0,
            on_the_way: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
            sender: None,
            closed: false,
        };
        Outbox { inside: Mutex::new(inside), window, timeout, reply_prefix }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// Sends messages one after another, none of another call between them. The answer is to the last, or to all of
    /// them when they have a reply subject: that is what theirs ends in then.
    pub(super) fn submit(&self, messages: Vec<OutboundMessage>) -> Result<Arc<Slot>> {
        let slot = Slot::new();
        let due = Instant::now() + self.timeout;
        let mut inside = self.lock();
        if inside.closed {
            return Err(closed());
        }
        let bytes: usize = messages.iter().map(|m| m.payload.len() + MESSAGE_BYTES).sum();
        if inside.queued_bytes + bytes > QUEUE_BYTES_MAX && !inside.queue.is_empty() {
            let waiting = inside.queued_bytes;
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{waiting} bytes of appends wait for the hub: slow down"),
            ));
        }
        let first_is_answered = messages.first().is_some_and(|m| m.reply.is_some());
        let answered = if first_is_answered { 0 } else { messages.len().saturating_sub(1) };
        for (i, message) in messages.into_iter().enumerate() {
            let item = Item { message, slot: (i == answered).then(|| Arc::clone(&slot)), due };
            if let Some(back) = self.offer(&mut inside, item, &mut Context::from_waker(Waker::noop())) {
                inside.queued_bytes += back.message.payload.len() + MESSAGE_BYTES;
                inside.queue.push_back(back);
            }
        }
        if !inside.queue.is_empty()
            && let Some(sender) = inside.sender.take()
        {
            drop(inside);
            sender.wake();
        }
        Ok(slot)
    }

    /// Sends it if nothing waits before it and there is room; else gives it back.
    fn offer(&self, inside: &mut Inside, item: Item, cx: &mut Context<'_>) -> Option<Item> {
        if inside.queue.is_empty() { self.send(inside, item, cx) } else { Some(item) }
    }

    fn send(&self, inside: &mut Inside, mut item: Item, cx: &mut Context<'_>) -> Option<Item> {
        if item.slot.is_some() && inside.on_the_way >= self.window {
            return Some(item);
        }
        let client = &mut inside.client;
        match once(|cx| Pin::new(&mut *client).poll_ready(cx), cx) {
            Poll::Pending => return Some(item),
            Poll::Ready(Err(_)) => {
                if let Some(waker) = item.slot.and_then(|s| s.fill(Err(closed()))) {
                    waker.wake();
                }
                return None;
            }
            Poll::Ready(Ok(())) => {}
        }
        let is_answered = item.slot.is_some() || item.message.reply.is_some();
        if let Some(slot) = item.slot.take() {
            inside.awaited.push_back(Some(Awaited { slot, due: item.due }));
            inside.on_the_way += 1;
        }
        if is_answered {
            // One number for all of a call, which nothing comes between.
            let number = inside.first + inside.awaited.len() as u64 - 1;
            let end = item.message.reply.take();
            let reply = format!("{}{number}{}", self.reply_prefix, end.as_ref().map_or("", |end| end.as_str()));
            item.message.reply = Some(reply.into());
        }
        // It fails when the message is too large, which was checked, or when the client is gone, which the sweep says.
        let _ = Pin::new(&mut inside.client).start_send(item.message);
        None
    }

    /// Sends on what found no room, as long as the hub is open.
    pub(super) async fn send_on(self: Arc<Self>) {
        poll_fn(|cx| {
            let mut inside = self.lock();
            inside.sender = Some(cx.waker().clone());
            while let Some(item) = inside.queue.pop_front() {
                let bytes = item.message.payload.len() + MESSAGE_BYTES;
                match self.send(&mut inside, item, cx) {
                    None => inside.queued_bytes -= bytes,
                    Some(back) => {
                        inside.queue.push_front(back);
                        break;
                    }
                }
            }
            if inside.closed { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Hands out the answers that arrive.
    pub(super) async fn take_answers(self: Arc<Self>, mut arriving: Subscriber) {
        let mut woken = Vec::new();
        while let Some(message) = arriving.next().await {
            {
                let mut inside = self.lock();
                self.answer(&mut inside, message, &mut woken);
                while let Some(Some(message)) = arriving.next().now_or_never() {
                    self.answer(&mut inside, message, &mut woken);
                }
                if !inside.queue.is_empty() {
                    woken.extend(inside.sender.take());
                }
            }
            for waker in woken.drain(..) {
                waker.wake();
            }
        }
    }

    fn answer(&self, inside: &mut Inside, message: Message, woken: &mut Vec<Waker>) {
        let Some(place) = message.subject.as_str().strip_prefix(self.reply_prefix.as_str()) else { return };
        let (number, is_run) = place.split_once('-').map_or((place, false), |(number, _)| (number, true));
        let Some(index) = number.parse::<u64>().ok().and_then(|n| n.checked_sub(inside.first)) else { return };
        if is_run && is_midway(&message.payload) {
            return;
        }
        if let Some(awaited) = inside.awaited.get_mut(index as usize).and_then(Option::take) {
            inside.on_the_way -= 1;
            woken.extend(awaited.slot.fill(Ok(message)));
        }
        inside.trim();
    }

    /// Ends the wait for answers that are overdue; several times in each timeout, as long as the hub is open.
    pub(super) async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval((self.timeout / 10).min(Duration::from_millis(250)));
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let mut woken = Vec::new();
            {
                let mut inside = self.lock();
                if inside.closed {
                    return;
                }
                let mut overdue: Vec<Arc<Slot>> = Vec::new();
                for place in &mut inside.awaited {
                    if place.as_ref().is_some_and(|a| a.due > now) {
                        break;
                    }
                    overdue.extend(place.take().map(|a| a.slot));
                }
                inside.on_the_way -= overdue.len();
                inside.trim();
                for slot in overdue {
                    woken.extend(slot.fill(Err(fault::late("append", self.timeout))));
                }
                if !inside.queue.is_empty() {
                    woken.extend(inside.sender.take());
                }
            }
            for waker in woken {
                waker.wake();
            }
        }
    }

    /// Ends everything: what waits answers `Closed`.
    pub(super) fn close(&self) {
        let mut inside = self.lock();
        inside.closed = true;
        let mut slots: Vec<Arc<Slot>> = inside.awaited.drain(..).flatten().map(|a| a.slot).collect();
        slots.extend(inside.queue.drain(..).filter_map(|i| i.slot));
        let sender = inside.sender.take();
        drop(inside);
        for waker in slots.iter().filter_map(|s| s.fill(Err(closed()))).chain(sender) {
            waker.wake();
        }
    }
}

impl Inside {
    /// Forgets the places at the front whose answers are there.
    fn trim(&mut self) {
        while self.awaited.front().is_some_and(Option::is_none) {
            self.awaited.pop_front();
            self.first += 1;
        }
    }
}

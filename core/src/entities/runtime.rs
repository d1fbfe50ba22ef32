//! The handle of entities: who asks, who takes turns, and what is due by time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::bell::Bell;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::alone::Alone;
use crate::pending::{Pending, Wait};
use crate::timers::Sleep;

use super::chain::{self, Chain};
use super::cluster::Part;
use super::config::EntitiesConfig;
use super::dispatch::{Dispatch, Limits, Said};
use super::entity::{EntityId, Letter, Name};
use super::membership::drive_by_thread;
use super::placement::Placement;
use super::reply::{Answer, Reply, Slot};
use super::request::{Asking, RequestOptions, TIMEOUT};
use super::shards::shard_of;
use super::turn::{Turn, What};
use super::wire::Envelope;

/// Live entities on this node: asked by anyone, handled by whoever takes turns. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Entities(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) config: EntitiesConfig,
    pub(super) state: Mutex<State>,
    pub(super) part: Option<Mutex<Part>>,
    /// Requests to other nodes, and those that reached none.
    pub(super) sent: AtomicU64,
    pub(super) unreached: AtomicU64,
    /// Rung when there is something to see in the cluster.
    pub(super) bell: Arc<Bell>,
    /// When the engine's clock is to wake this; `u64::MAX` when never.
    armed: AtomicU64,
    sleep: Mutex<Option<Pin<Box<Sleep>>>>,
}

pub(super) struct State {
    pub(super) dispatch: Dispatch,
    pub(super) placement: Option<Placement>,
    takers: Vec<(u64, Waker)>,
    next_taker: u64,
    pub(super) is_closed: bool,
}

impl Engine {
    /// Begins to keep live entities, alone or as a node of a cluster, whose bucket is made if it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what can't be; [`ErrorKind::Unsupported`] for a cluster on an engine without requests
    /// from node to node; [`ErrorKind::Misuse`] for one over a mesh on an engine that has joined none;
    /// [`ErrorKind::Conflict`] for a cluster that has another number of shards;
    /// [`ErrorKind::NotFound`] for a client of a cluster that is not there; those of the bucket.
    pub fn entities(&self, config: EntitiesConfig) -> Pending<Entities> {
        if let Err(error) = config.check() {
            return Pending::ready(Err(error));
        }
        let engine = self.clone();
        Pending::of(async move { Entities::begin(engine, config).await })
    }
}

impl Entities {
    async fn begin(engine: Engine, mut config: EntitiesConfig) -> Result<Self> {
        let mut part = None;
        if let Some(cluster) = config.cluster.clone() {
            let joined = Part::join(&engine, cluster).await?;
            config.shards = joined.shards(config.shards).await?;
            part = Some(Mutex::new(joined));
        }
        let limits = Limits {
            mailbox: config.mailbox,
            active: config.active,
            memory: config.memory,
            idle: nanos(config.idle),
            lease: nanos(config.lease),
            attempts: config.attempts,
            tasks: config.tasks,
        };
        let incarnation = engine.clock().random() >> 1;
        let placement = config.cluster.as_ref().map(|cluster| {
            let (node, weight) = (cluster.node.clone(), cluster.weight);
            let placement = Placement::new(node, incarnation, weight, config.shards, nanos(cluster.ttl));
            let now = engine.clock().now();
            if cluster.mesh { placement.in_mesh(engine.id(), now) } else { placement }
        });
        let dispatch = Dispatch::new(limits);
        let state = State { dispatch, placement, takers: Vec::new(), next_taker: 0, is_closed: false };
        let inner = Arc::new(Inner {
            engine,
            config,
            state: Mutex::new(state),
            part,
            sent: AtomicU64::new(0),
            unreached: AtomicU64::new(0),
            bell: Arc::default(),
            armed: AtomicU64::new(u64::MAX),
            sleep: Mutex::default(),
        });
        let meter: Weak<Inner> = Arc::downgrade(&inner);
        inner.engine.add_meter(meter);
        if let Some(cluster) = &inner.config.cluster {
            // One that handles nothing is no node for the others.
            if !cluster.is_client() {
                inner.listen().await?;
            }
            inner.round().await?;
            if inner.engine.keeps_time() {
                drive_by_thread(&inner)?;
            }
        }
        Ok(Entities(inner))
    }
}

impl Entities {
    /// Asks an entity, and waits for its answer.
    ///
    /// # Errors
    /// What its handler answers; [`ErrorKind::Timeout`] when it does not in time; [`ErrorKind::Limit`] when too many
    /// messages wait for it; [`ErrorKind::Invalid`] for a request that would wait for itself, with the cycle;
    /// [`ErrorKind::Internal`] when its handler breaks.
    pub fn request(&self, to: EntityId<'_>, name: &str, payload: &[u8], options: RequestOptions) -> Pending<Vec<u8>> {
        if let Err(error) = to.check() {
            return Pending::ready(Err(error));
        }
        let shard = self.0.shard(to);
        let timeout = if options.timeout.is_zero() { TIMEOUT } else { options.timeout };
        if self.0.part.is_some() {
            let chain = self.0.chain(options.within);
            return Pending::after(chain, |chain| {
                let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                let (name, payload) = (name.into(), payload.into());
                let to = Name::of(to);
                let envelope = Envelope { to, name, payload, wants_reply: true, timeout_ms, chain };
                let inner = Arc::clone(&self.0);
                Pending::of(async move { inner.ask(envelope, shard).await })
            });
        }
        let slot = Arc::new(Slot::default());
        let reply = Reply::Slot(Arc::clone(&slot));
        let what = What::Message { name: name.into(), payload: payload.into(), wants_reply: true };
        let sent = self.0.act(|dispatch, now| {
            let chain = options.within.map(|(token, item)| dispatch.chain_of(token, item)).transpose()?;
            chain::check(chain.as_ref(), to)?;
            let deadline = now.saturating_add(nanos(timeout));
            dispatch.send(to, shard, Letter { what, reply, attempt: 0, deadline, chain }, now)
        });
        match sent.and_then(|sent| sent) {
            Ok(()) => Pending::waiting(Asking(slot)),
            Err(error) => Pending::ready(Err(error)),
        }
    }

    /// Tells an entity something, and does not wait for it: ready when the message is in its mailbox, here or on the
    /// node that has it.
    ///
    /// # Errors
    /// As [`Entities::request`], as far as they are known then.
    pub fn notify(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Pending<()> {
        if let Err(error) = to.check() {
            return Pending::ready(Err(error));
        }
        let shard = self.0.shard(to);
        if self.0.part.is_some() {
            let (timeout_ms, chain) = (TIMEOUT.as_millis() as u64, None);
            let (name, payload) = (name.into(), payload.into());
            let envelope = Envelope { to: Name::of(to), name, payload, wants_reply: false, timeout_ms, chain };
            let inner = Arc::clone(&self.0);
            return Pending::of(async move { inner.ask(envelope, shard).await.map(|_| ()) });
        }
        let what = What::Message { name: name.into(), payload: payload.into(), wants_reply: false };
        let letter = Letter { what, reply: Reply::Nobody, attempt: 0, deadline: Nanos::MAX, chain: None };
        Pending::ready(self.0.act(|dispatch, now| dispatch.send(to, shard, letter, now)).and_then(|sent| sent))
    }

    /// Waits for a turn of an entity that wants one.
    pub fn next(&self) -> Pending<Turn> {
        match self.0.take() {
            Ok(Some(turn)) => Pending::ready(Ok(turn)),
            Ok(None) => Pending::waiting(self.taking()),
            Err(error) => Pending::ready(Err(error)),
        }
    }

    /// A wait for one turn after the other.
    pub(super) fn taking(&self) -> Taking {
        let mut state = lock(&self.0.state);
        state.next_taker += 1;
        Taking { inner: Arc::clone(&self.0), id: state.next_taker }
    }

    /// Ready when what is begun now has no lease any more.
    pub(super) fn lease_end(&self) -> Sleep {
        let engine = &self.0.engine;
        engine.sleep(engine.clock().now().saturating_add(nanos(self.0.config.lease)))
    }

    /// A turn of an entity that wants one now.
    pub fn try_next(&self) -> Result<Option<Turn>> {
        self.0.take()
    }

    /// Ready when [`Entities::try_next`] has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.0.engine.clock().now();
        let mut state = lock(&self.0.state);
        if state.is_closed || state.has_work(now) {
            return Poll::Ready(());
        }
        if !state.takers.iter().any(|taker| taker.1.will_wake(cx.waker())) {
            state.takers.push((0, cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Says what items of a turn came to: the answer, or an error that goes to whoever asked. When all are told, the
    /// turn is over.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] for a turn that is over, or an item that was told: those before it are taken.
    pub fn complete(&self, token: u64, answers: impl IntoIterator<Item = (u32, Answer)>) -> Result<()> {
        self.0.act(|dispatch, now| {
            answers.into_iter().try_for_each(|(item, answer)| dispatch.complete(token, item, answer, now))
        })?
    }

    /// Says that the handler broke at an item: whoever asked gets the error, what is behind it waits, and the handler
    /// is begun anew after a pause.
    ///
    /// # Errors
    /// As [`Entities::complete`].
    pub fn crash(&self, token: u64, item: u32, error: &Error) -> Result<()> {
        self.0.act(|dispatch, now| dispatch.crash(token, item, error, now))?
    }

    /// Gives a turn back that nobody goes on with, as whoever handles it ends: what is not told waits for whoever takes
    /// it next, and the handler is begun anew.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] for a turn that is over.
    pub fn give_back(&self, token: u64) -> Result<()> {
        self.0.act(|dispatch, now| dispatch.give_back(token, now))?
    }

    /// Whether a turn is out still: not all of it is told, and its lease is not over.
    pub fn is_out(&self, token: u64) -> bool {
        self.0.act(|dispatch, _| dispatch.turn_of(token)).is_ok_and(|at| at.is_ok())
    }

    /// Sets a timer of the entity whose turn it is, in the place of one of the same name: [`What::Timer`] comes `after`
    /// that time, and then `every` so long, or once when that is zero. It ends with its handler.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] for a turn that is over.
    pub fn set_timer(&self, token: u64, name: &str, after: Duration, every: Duration) -> Result<()> {
        self.0.act(|dispatch, now| dispatch.set_timer(token, name, now.saturating_add(nanos(after)), nanos(every)))?
    }

    /// Takes a timer back; false if there is none of this name.
    ///
    /// # Errors
    /// As [`Entities::set_timer`].
    pub fn cancel_timer(&self, token: u64, name: &str) -> Result<bool> {
        self.0.act(|dispatch, _| dispatch.cancel_timer(token, name))?
    }

    /// Says how many bytes the handler holds whose turn it is, from now on until it says otherwise or ends: what
    /// [`EntitiesConfig::memory`] limits.
    ///
    /// # Errors
    /// As [`Entities::set_timer`].
    pub fn holds(&self, token: u64, bytes: u64) -> Result<()> {
        self.0.act(|dispatch, _| dispatch.holds(token, bytes))?
    }

    /// Counts a background task of the entity whose turn it is, and names it. It keeps its handler alive, and is void
    /// when that ends.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when as many are under way as may be; [`ErrorKind::Misuse`] for a turn that is over.
    pub fn begin_task(&self, token: u64) -> Result<u64> {
        self.0.act(|dispatch, _| dispatch.begin_task(token))?
    }

    /// Says that a background task is done: what it leaves, a name and a payload, goes to its handler as a message that
    /// nobody waits for.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] for one that is over: it was ended, or its handler was.
    pub fn end_task(&self, task: u64, message: Option<(&str, &[u8])>) -> Result<()> {
        let message = message.map(|(name, payload)| What::Message {
            name: name.into(),
            payload: payload.into(),
            wants_reply: false,
        });
        self.0.act(|dispatch, now| dispatch.end_task(task, message, now))?
    }

    /// For tests: hands out nothing of an entity until [`Entities::step`] or [`Entities::resume`].
    pub fn pause(&self, id: EntityId<'_>) -> Result<()> {
        self.hold(id, Some(0))
    }

    /// For tests: hands out one item of an entity that is paused.
    pub fn step(&self, id: EntityId<'_>) -> Result<()> {
        self.hold(id, Some(1))
    }

    /// For tests: ends a pause.
    pub fn resume(&self, id: EntityId<'_>) -> Result<()> {
        self.hold(id, None)
    }

    fn hold(&self, id: EntityId<'_>, steps: Option<u64>) -> Result<()> {
        id.check()?;
        let shard = self.0.shard(id);
        self.0.act(|dispatch, now| dispatch.hold(id, shard, steps, now))
    }

    /// How many handlers are alive on this node.
    pub fn active(&self) -> usize {
        lock(&self.0.state).dispatch.started()
    }

    /// The engine that they are on.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Ends it: whoever waits gets [`ErrorKind::Closed`], and turns that are out are void.
    pub fn close(&self) {
        self.0.close();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "these entities are closed")
}

pub(super) fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Inner {
    /// The shard of an entity.
    pub(super) fn shard(&self, id: EntityId<'_>) -> u32 {
        shard_of(id.kind, id.key, self.config.shards)
    }

    pub(super) fn part(&self) -> Result<MutexGuard<'_, Part>> {
        let alone = || Error::new(ErrorKind::Misuse, "these entities are of no cluster");
        self.part.as_ref().map(lock).ok_or_else(alone)
    }

    pub(super) fn cluster_name(&self) -> &str {
        self.config.cluster.as_ref().map_or("", |cluster| &cluster.name)
    }

    /// The requests that an item of a turn is part of.
    fn chain(self: &Arc<Self>, within: Option<(u64, u32)>) -> Result<Option<Arc<Chain>>> {
        within.map(|(token, item)| self.act(|dispatch, _| dispatch.chain_of(token, item))?).transpose()
    }

    /// As [`Inner::act`], for what looks at the cluster too.
    pub(super) fn act_placed<T>(self: &Arc<Self>, work: impl FnOnce(&mut Placement, &mut Dispatch) -> T) -> Result<T> {
        let mut state = lock(&self.state);
        let State { dispatch, placement, .. } = &mut *state;
        let alone = || Error::new(ErrorKind::Misuse, "these entities are of no cluster");
        let done = work(placement.as_mut().ok_or_else(alone)?, dispatch);
        drop(state);
        // What became free is handed out.
        self.act(|_, _| done)
    }

    /// Does what nobody waits for. An error is logged.
    pub(super) fn unawaited(&self, work: impl Future<Output = Result<()>> + Send + 'static) {
        let engine = self.engine.clone();
        let _ = Alone::begin(async move {
            if let Err(error) = work.await {
                engine.log("error", error.to_string());
            }
        });
    }

    /// Does a thing under the lock, and says without it what came of that.
    pub(super) fn act<T>(self: &Arc<Self>, work: impl FnOnce(&mut Dispatch, Nanos) -> T) -> Result<T> {
        self.act_on(|state, now| work(&mut state.dispatch, now))
    }

    /// As [`Inner::act`], for what looks at more.
    fn act_on<T>(self: &Arc<Self>, work: impl FnOnce(&mut State, Nanos) -> T) -> Result<T> {
        let now = self.engine.clock().now();
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err(closed());
        }
        let done = work(&mut state, now);
        if state.dispatch.is_over() {
            state.dispatch.tick(now);
        }
        let said = std::mem::take(&mut state.dispatch.said);
        let taker = if state.has_work(now) { state.takers.pop() } else { None };
        let due = state.dispatch.next_due();
        drop(state);
        self.say(said);
        if let Some((_, waker)) = taker {
            waker.wake();
        }
        if let Some(due) = due {
            self.arm(due);
        }
        Ok(done)
    }

    fn say(self: &Arc<Self>, said: Said) {
        for (reply, answer) in said.answers {
            reply.give(answer);
        }
        for (name, what) in said.moved {
            self.send_on(name.id(), what);
        }
        for dead in said.dead {
            self.bury(&dead);
        }
    }

    /// A turn, if this node may hand out any.
    fn take(self: &Arc<Self>) -> Result<Option<Turn>> {
        self.act_on(State::next)
    }

    /// Has the engine's clock wake this then, or sooner.
    fn arm(self: &Arc<Self>, due: Nanos) {
        if due >= self.armed.load(Ordering::Acquire) {
            return;
        }
        let mut slot = lock(&self.sleep);
        if due >= self.armed.load(Ordering::Acquire) {
            return;
        }
        self.armed.store(due, Ordering::Release);
        let mut sleep = Box::pin(self.engine.sleep(due));
        let waker = Waker::from(Arc::new(Alarm(Arc::downgrade(self))));
        let is_over = sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        *slot = Some(sleep);
        drop(slot);
        if is_over {
            waker.wake();
        }
    }

    /// Does what is due by time.
    fn tick(self: &Arc<Self>) {
        self.armed.store(u64::MAX, Ordering::Release);
        // Closed meanwhile is no matter.
        let _ = self.act(Dispatch::tick);
    }

    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.dispatch.close();
        let (said, takers) = (std::mem::take(&mut state.dispatch.said), std::mem::take(&mut state.takers));
        drop(state);
        for (reply, outcome) in said.answers {
            reply.give(outcome);
        }
        for (_, waker) in takers {
            waker.wake();
        }
        if let Some(part) = &self.part {
            lock(part).listening.clear();
        }
        self.bell.ring();
    }
}

impl State {
    /// Has somebody who takes turns woken when there is one.
    fn wait_for(&mut self, id: u64, waker: &Waker) {
        self.takers.retain(|taker| taker.0 != id);
        self.takers.push((id, waker.clone()));
    }

    /// Whether there is something to take.
    fn has_work(&self, now: Nanos) -> bool {
        self.dispatch.has_ready() && self.may_hand_out(now)
    }

    fn next(&mut self, now: Nanos) -> Option<Turn> {
        if self.may_hand_out(now) { self.dispatch.next(now) } else { None }
    }

    fn may_hand_out(&self, now: Nanos) -> bool {
        self.placement.as_ref().is_none_or(|placement| placement.has_lease(now))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the engine's clock wakes.
struct Alarm(Weak<Inner>);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let Some(inner) = self.0.upgrade() {
            inner.tick();
        }
    }
}

/// A wait for a turn.
pub(super) struct Taking {
    inner: Arc<Inner>,
    id: u64,
}

impl Wait<Turn> for Taking {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn>> {
        let mut state = lock(&self.inner.state);
        // Nothing waits, as after most turns: there is no need to know the time.
        if !state.is_closed && !state.dispatch.has_ready() {
            state.wait_for(self.id, cx.waker());
            return Poll::Pending;
        }
        drop(state);
        let taken = self.inner.act_on(|state, now| {
            let turn = state.next(now);
            if turn.is_none() {
                state.wait_for(self.id, cx.waker());
            }
            turn
        });
        match taken {
            Ok(Some(turn)) => Poll::Ready(Ok(turn)),
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let mut state = lock(&self.inner.state);
        let count = state.takers.len();
        state.takers.retain(|taker| taker.0 != self.id);
        // One that was woken and goes hands the wake-up on.
        let next = if state.takers.len() == count && state.dispatch.has_ready() { state.takers.pop() } else { None };
        drop(state);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }
}

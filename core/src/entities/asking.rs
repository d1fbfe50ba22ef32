//! Requests from one node to another: where an entity is now, and where it is then if it moves meanwhile.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::stream::contract::{Listener, WireCall};

use super::cluster::subject;
use super::entity::{EntityId, Letter};
use super::reply::{Outcome, Reply};
use super::runtime::Inner;
use super::turn::What;
use super::wire::{self, Envelope};

/// How long a request waits before it looks again where its entity is.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Where an entity is.
enum Where {
    Here,
    /// Here still, and about to be elsewhere.
    Moving,
    There(String),
    Nowhere,
}

impl Inner {
    /// Where an entity of a shard is, as this node knows.
    fn place_of(&self, shard: u32) -> Where {
        let now = self.engine.clock().now();
        let state = lock(&self.state);
        let Some(placement) = &state.placement else { return Where::Here };
        if placement.takes(shard, now) {
            return Where::Here;
        }
        if placement.holds(shard, now).is_some() {
            return Where::Moving;
        }
        match placement.node_of(shard) {
            Some(node) if node != placement.node() => Where::There(node.to_owned()),
            _ => Where::Nowhere,
        }
    }

    /// Asks an entity where it is now, and where it is then if it moves meanwhile.
    pub(super) async fn ask(self: Arc<Self>, envelope: Envelope, shard: u32) -> Result<Vec<u8>> {
        let deadline = self.engine.clock().now().saturating_add(envelope.timeout_ms.saturating_mul(1_000_000));
        // A closed one answers nothing, wherever the entity is.
        self.act(|_, _| ())?;
        loop {
            let outcome = match self.place_of(shard) {
                Where::Here => self.ask_here(&envelope, shard, deadline).await?,
                Where::Moving => Outcome::Moved,
                Where::There(node) => match self.ask_there(&envelope, &node).await {
                    // It may have left, and said so.
                    Err(error) if error.kind() == ErrorKind::Busy && self.has_moved(shard, &node).await? => continue,
                    answer => answer?,
                },
                // It was given back, and another one is about to take it.
                Where::Nowhere if self.has_nodes() => Outcome::Moved,
                Where::Nowhere => {
                    let (id, name) = (envelope.to.id(), self.cluster_name());
                    let message = format!("no node of cluster '{name}' is there for {id}: ask again");
                    return Err(Error::new(ErrorKind::Busy, message));
                }
            };
            if let Outcome::Answer(answer) = outcome {
                return answer;
            }
            self.bell.ring();
            let now = self.engine.clock().now();
            if now >= deadline {
                let message = format!("{} was moving from node to node all the time", envelope.to.id());
                return Err(Error::new(ErrorKind::Timeout, message));
            }
            self.engine.sleep(now.saturating_add(LOOK_AGAIN.as_nanos() as u64)).await;
        }
    }

    /// Whether a node that may take shards is alive, as this one knows.
    fn has_nodes(&self) -> bool {
        let now = self.engine.clock().now();
        lock(&self.state).placement.as_ref().is_some_and(|placement| !placement.alive(now).is_empty())
    }

    /// Looks anew whether a shard is still a node's.
    async fn has_moved(self: &Arc<Self>, shard: u32, node: &str) -> Result<bool> {
        self.look().await?;
        Ok(!matches!(self.place_of(shard), Where::There(now) if now == node))
    }

    async fn ask_here(self: &Arc<Self>, envelope: &Envelope, shard: u32, deadline: Nanos) -> Result<Outcome> {
        let slot = Arc::new(super::reply::Slot::default());
        let reply = if envelope.wants_reply { Reply::Slot(Arc::clone(&slot)) } else { Reply::Nobody };
        match self.put(envelope, shard, reply, deadline) {
            Err(error) if error.kind() == ErrorKind::Busy => return Ok(Outcome::Moved),
            put => put?,
        }
        if !envelope.wants_reply {
            return Ok(Outcome::Answer(Ok(Vec::new())));
        }
        Ok(std::future::poll_fn(|cx| slot.poll(cx)).await)
    }

    async fn ask_there(&self, envelope: &Envelope, node: &str) -> Result<Outcome> {
        let timeout = Duration::from_millis(envelope.timeout_ms);
        self.sent.fetch_add(1, Ordering::Relaxed);
        let answer = self.request_of(node, envelope.encode(), timeout)?.await;
        self.unreached.fetch_add(u64::from(answer.is_err()), Ordering::Relaxed);
        let of_node = |error: Error| match error.kind() {
            ErrorKind::NotFound => {
                Error::new(ErrorKind::Busy, format!("node '{node}', which has {}, does not answer", envelope.to.id()))
            }
            _ => error.context(format!("node '{node}'")),
        };
        answer.map_err(of_node).and_then(|answer| wire::decode(&answer))
    }

    /// A request to another node, begun.
    pub(super) fn request_of(&self, node: &str, payload: Vec<u8>, timeout: Duration) -> Result<Pending<Vec<u8>>> {
        let engine = lock(&self.state).placement.as_ref().map_or(0, |placement| placement.engine_of(node));
        let part = self.part()?;
        let (wire, subject) = (Arc::clone(&part.wire), subject(&part.config.name, node));
        drop(part);
        Ok(wire.request_at(engine, &subject, payload, timeout))
    }

    /// Puts a request into the mailbox of an entity of this node.
    fn put(self: &Arc<Self>, envelope: &Envelope, shard: u32, reply: Reply, deadline: Nanos) -> Result<()> {
        let to = envelope.to.id();
        let (name, payload) = (envelope.name.clone(), envelope.payload.clone());
        let what = What::Message { name, payload, wants_reply: envelope.wants_reply };
        let chain = envelope.chain.clone();
        self.act(|dispatch, now| {
            super::chain::check(chain.as_ref(), to)?;
            dispatch.send(to, shard, Letter { what, reply, attempt: 0, deadline, chain }, now)
        })?
    }

    /// Takes a call of another node.
    fn answer(self: &Arc<Self>, call: WireCall) {
        let WireCall { payload, reply } = call;
        if let Some(kind) = wire::asks_list(&payload) {
            return reply(wire::encode(&self.listed(kind)));
        }
        let envelope = match Envelope::decode(&payload) {
            Ok(envelope) => envelope,
            Err(error) => return reply(wire::encode(&Outcome::Answer(Err(error)))),
        };
        let (id, now) = (envelope.to.id(), self.engine.clock().now());
        let shard = self.shard(id);
        if !matches!(self.place_of(shard), Where::Here) {
            return reply(wire::encode(&Outcome::Moved));
        }
        if !envelope.wants_reply {
            let outcome = self.put(&envelope, shard, Reply::Nobody, Nanos::MAX);
            return reply(wire::encode(&moved_or(outcome)));
        }
        let reply = Arc::new(std::sync::Mutex::new(Some(reply)));
        let told = Arc::clone(&reply);
        let call = Reply::Call(Box::new(move |outcome| {
            if let Some(reply) = lock(&told).take() {
                reply(wire::encode(&outcome));
            }
        }));
        let deadline = now.saturating_add(envelope.timeout_ms.saturating_mul(1_000_000));
        if let Err(error) = self.put(&envelope, shard, call, deadline)
            && let Some(reply) = lock(&reply).take()
        {
            reply(wire::encode(&moved_or(Err(error))));
        }
    }

    /// Begins to take calls.
    pub(super) async fn listen(self: &Arc<Self>) -> Result<()> {
        let subject = {
            let part = self.part()?;
            subject(&part.config.name, &part.config.node)
        };
        self.listen_on(&subject, Inner::answer).await?;
        if self.part()?.mesh.is_some() { self.listen_to_strangers().await } else { Ok(()) }
    }

    /// Takes the calls on a subject, for as long as this is open.
    pub(super) async fn listen_on(self: &Arc<Self>, subject: &str, take: fn(&Arc<Self>, WireCall)) -> Result<()> {
        let wire = Arc::clone(&self.part()?.wire);
        let inner: Weak<Inner> = Arc::downgrade(self);
        let take: Listener = Arc::new(move |call: WireCall| {
            if let Some(inner) = inner.upgrade() {
                take(&inner, call);
            }
        });
        let listening = wire.listen(subject, take).await?;
        self.part()?.listening.push(listening);
        Ok(())
    }

    /// Sends a message on that nobody waits for, to the node that has its entity now.
    pub(super) fn send_on(self: &Arc<Self>, to: EntityId<'_>, what: What) {
        let What::Message { name, payload, .. } = what else { return };
        let to_name = super::entity::Name::of(to);
        let timeout_ms = super::request::TIMEOUT.as_millis() as u64;
        let envelope = Envelope { to: to_name, name, payload, wants_reply: false, timeout_ms, chain: None };
        let (inner, shard) = (Arc::clone(self), self.shard(to));
        self.unawaited(async move { inner.ask(envelope, shard).await.map(|_| ()) });
    }
}

fn moved_or(outcome: Result<()>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Answer(Ok(Vec::new())),
        Err(error) if error.kind() == ErrorKind::Busy => Outcome::Moved,
        Err(error) => Outcome::Answer(Err(error)),
    }
}

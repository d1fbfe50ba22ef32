//! What drives a node: one thread with the core, to which connections hand what they hear, and stores ring when
//! something was written. Only this thread touches the core, so it needs no lock; a store that syncs its disk holds up
//! nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::clock::{Nanos, SECOND};
use crate::error::{Error, ErrorKind, Result};
use crate::tls::Tls;

use super::calls::server_name;
use super::core::{Core, Out};
use super::lane::{Met, call};
use super::proto::packet::Body;
use super::proto::{Hello, Node, Packet};
use super::roster::Roster;
use crate::member::MeshStatus;

/// Inputs that are taken before the core works.
const INPUTS_AT_ONCE: usize = 256;
/// Packets of the membership protocol that wait for a node that is being called.
const STASHED_MAX: usize = 16;
/// Of two connections that two nodes make at the same time both keep the same one: that of the lower id. After so long
/// they were not made at the same time, and the newer one is kept.
const SAME_TIME: Nanos = 5 * SECOND;

/// What happens to a node.
pub(super) enum Input {
    /// Somebody at the other end of a connection said who he is.
    Met(Met),
    /// A packet of a node, over a connection.
    Packet(u64, u64, Packet),
    /// A connection with a node ended.
    Gone(u64, u64),
    /// What came over a connection was no packet, or nobody who may speak.
    Fault(Error),
    /// A call came about, or did not.
    Called(String, Option<Error>),
    /// Something was written to a store.
    Written,
    /// Somebody wants to know how the mesh stands.
    Status(oneshot::Sender<MeshStatus>),
    /// The node shall say good-bye.
    Leave(oneshot::Sender<()>),
}

/// A connection.
struct Lane {
    number: u64,
    sender: mpsc::Sender<Packet>,
    /// The id of the node that called.
    caller: u64,
    run: u64,
    since: Nanos,
}

/// A node at work.
pub(super) struct Driver {
    parts: Parts,
    begun: Instant,
    lanes: BTreeMap<u64, Lane>,
    lanes_made: u64,
    calling: BTreeSet<String>,
    stashed: BTreeMap<String, Vec<Packet>>,
    /// When what was written has lingered.
    written: Option<Nanos>,
    bell: Arc<Bell>,
}

/// What the driver needs to begin.
pub(super) struct Parts {
    pub(super) core: Core,
    pub(super) own: u64,
    pub(super) handle: Handle,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) tell: mpsc::Sender<Input>,
    pub(super) tls: Tls,
    /// The name on certificates; that of the host that is called when empty.
    pub(super) server_name: String,
    pub(super) roster: Arc<Roster>,
    pub(super) linger: Nanos,
    pub(super) refused: Box<dyn Fn() -> u64 + Send>,
    /// When it begins.
    pub(super) now: Nanos,
}

/// Rings when something was written to a store.
struct Bell {
    tell: mpsc::Sender<Input>,
    is_rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            // Where there is no room, the driver works soon, and looks at all stores then.
            let _ = self.tell.try_send(Input::Written);
        }
    }
}

impl Driver {
    pub(super) fn new(parts: Parts) -> Self {
        let bell = Arc::new(Bell { tell: parts.tell.clone(), is_rung: AtomicBool::new(false) });
        Driver {
            parts,
            begun: Instant::now(),
            lanes: BTreeMap::new(),
            lanes_made: 0,
            calling: BTreeSet::new(),
            stashed: BTreeMap::new(),
            written: None,
            bell,
        }
    }

    /// The time, which goes on evenly whatever the machine's clock does.
    fn now(&self) -> Nanos {
        self.parts.now + self.begun.elapsed().as_nanos() as Nanos
    }

    /// Drives the node until it shall leave, or the engine is closed.
    pub(super) async fn run(mut self) {
        loop {
            let now = self.now();
            if self.written.is_none_or(|at| at <= now) {
                self.written = None;
                self.bell.is_rung.store(false, Ordering::Release);
                self.parts.core.work(now);
            }
            self.settle();
            self.parts.core.show(&self.parts.roster, now);
            if self.parts.core.is_over() {
                return;
            }
            if self.written.is_none() && self.listen_to_stores() {
                self.written = Some(now + self.parts.linger);
            }
            let due = self.written.unwrap_or(Nanos::MAX).min(self.parts.core.due());
            let wait = Duration::from_nanos(due.saturating_sub(self.now()).min(SECOND));
            let mut input = timeout(wait, self.parts.inputs.recv()).await.ok().flatten();
            let mut count = 0;
            while let Some(some) = input {
                if self.take(some) {
                    return;
                }
                count += 1;
                input = if count < INPUTS_AT_ONCE { self.parts.inputs.try_recv().ok() } else { None };
            }
        }
    }

    /// Asks all stores to ring; whether one has something to say now.
    fn listen_to_stores(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut cx = Context::from_waker(&waker);
        self.parts.core.stores().filter(|local| local.store.poll_grown(&mut cx).is_ready()).count() > 0
    }

    /// Takes what happened; true when that was the end.
    fn take(&mut self, input: Input) -> bool {
        let now = self.now();
        match input {
            Input::Met(met) => self.meet(met, now),
            Input::Packet(engine, number, packet) => {
                if self.lanes.get(&engine).is_some_and(|lane| lane.number == number) {
                    self.parts.core.hear(engine, packet, now);
                }
            }
            Input::Gone(engine, number) => {
                if self.lanes.get(&engine).is_some_and(|lane| lane.number == number) {
                    self.lanes.remove(&engine);
                    self.parts.core.disconnected(engine, now);
                }
            }
            Input::Fault(error) => self.parts.core.fault(&error),
            Input::Called(address, error) => {
                self.calling.remove(&address);
                if let Some(error) = error {
                    self.stashed.remove(&address);
                    self.parts.core.not_reached(&error);
                }
            }
            Input::Written => self.written = self.written.or(Some(now + self.parts.linger)),
            Input::Status(answer) => {
                let mut status = self.parts.core.status();
                status.refused = (self.parts.refused)();
                // Who asked may have given up.
                let _ = answer.send(status);
            }
            Input::Leave(done) => {
                self.parts.core.leave(now);
                self.settle();
                let _ = done.send(());
                return true;
            }
        }
        false
    }

    /// Takes a connection in, or not.
    fn meet(&mut self, met: Met, now: Nanos) {
        let Met { hello, sender, called, answer } = met;
        let taken = self.try_meet(&hello, sender, called.as_deref(), now);
        let _ = answer.send(taken);
    }

    fn try_meet(
        &mut self,
        hello: &Hello,
        sender: mpsc::Sender<Packet>,
        called: Option<&str>,
        now: Nanos,
    ) -> Result<(u64, u64)> {
        let engine = hello.node.as_ref().map_or(0, |node| node.engine);
        let run = hello.node.as_ref().map_or(0, |node| node.run);
        let caller = if called.is_some() { self.parts.own } else { engine };
        if let Some(lane) = self.lanes.get(&engine)
            && (lane.run, lane.caller) == (run, self.parts.own.min(engine))
            && caller != lane.caller
            && now.saturating_sub(lane.since) < SAME_TIME
        {
            return Err(Error::new(ErrorKind::Busy, "both nodes called, and the other connection is kept"));
        }
        let first = self.parts.core.hello(Some(engine));
        let node = self.parts.core.connected(hello, called, now)?;
        if called.is_none() {
            // There is room for the first one.
            let _ = sender.try_send(first);
        }
        for packet in self.stashed.remove(&node.address).unwrap_or_default() {
            let _ = sender.try_send(packet);
        }
        self.lanes_made += 1;
        self.lanes.insert(engine, Lane { number: self.lanes_made, sender, caller, run, since: now });
        Ok((engine, self.lanes_made))
    }

    /// Does what the core wants done.
    fn settle(&mut self) {
        for out in self.parts.core.take_out() {
            match out {
                Out::Send(node, packet) => self.send(&node, packet),
                Out::Call(address) => self.call(address, None),
                Out::HangUp(engine) => {
                    if self.lanes.remove(&engine).is_some() {
                        let now = self.now();
                        self.parts.core.disconnected(engine, now);
                    }
                }
            }
        }
    }

    fn send(&mut self, node: &Node, packet: Packet) {
        if let Some(lane) = self.lanes.get(&node.engine) {
            if lane.sender.try_send(packet).is_err() {
                self.lanes.remove(&node.engine);
                let now = self.now();
                self.parts.core.disconnected(node.engine, now);
            }
            return;
        }
        // What is about stores is said again once there is a connection.
        if matches!(packet.body, Some(Body::Swim(_))) {
            let stash = self.stashed.entry(node.address.clone()).or_default();
            if stash.len() < STASHED_MAX {
                stash.push(packet);
            }
            self.call(node.address.clone(), Some(node.engine));
        }
    }

    fn call(&mut self, address: String, who: Option<u64>) {
        if !self.calling.insert(address.clone()) {
            return;
        }
        let name = server_name(&address, &self.parts.server_name).to_owned();
        let hello = self.parts.core.hello(who);
        self.parts.handle.spawn(call(address, name, self.parts.tls.clone(), hello, self.parts.tell.clone()));
    }
}

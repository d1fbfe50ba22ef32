//! The loop of the local door: one thread that waits for sockets and for answers, and does what there is to do.
//!
//! Whatever is asked is done on this thread, one request after the other, as a caller of the engine would do it; only
//! waits (for a sync, for a record) leave it, and come back by the bell.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mio::net::UnixListener;
use mio::{Events, Interest, Poll, Token, Waker};

use super::connection::{Connection, Turn};
use super::socket::Bound;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::locks::lock;
use crate::pending::Deadline;

/// The most clients at once.
const CONNECTIONS_MAX: usize = 1024;
/// How long clients may take to accept what was still answered at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it waits with clients that cannot be taken, before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// Events that are taken at once.
const EVENTS: usize = 256;

const BELL: Token = Token(0);
const LISTENER: Token = Token(1);
/// The first number of a connection; none is given twice.
const CONNECTIONS: usize = 2;

/// Tells the reactor from any thread that an answer is there, or that it shall stop.
pub(super) struct Bell {
    waker: Waker,
    rung: Mutex<Vec<(usize, u64)>>,
    stop: AtomicBool,
}

impl Bell {
    /// A request of a connection may have its answer.
    pub(super) fn ring(&self, connection: usize, request: u64) {
        let mut rung = lock(&self.rung);
        rung.push((connection, request));
        let is_first = rung.len() == 1;
        drop(rung);
        if is_first {
            // It fails only when the reactor is gone, and then nobody waits.
            let _ = self.waker.wake();
        }
    }

    /// Shall stop.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }

    fn take(&self) -> Vec<(usize, u64)> {
        std::mem::take(&mut *lock(&self.rung))
    }
}

/// Everything that the thread of the door owns.
pub(super) struct Reactor {
    engine: Engine,
    bound: Bound,
    listener: UnixListener,
    /// Clients wait that could not be taken. Their readiness was told once and is not told again.
    are_waiting: bool,
    poll: Poll,
    bell: Arc<Bell>,
    connections: BTreeMap<usize, Connection>,
    last: usize,
    chunk: Vec<u8>,
}

impl Reactor {
    pub(super) fn new(engine: Engine, mut bound: Bound) -> Result<(Self, Arc<Bell>)> {
        let at = |e: io::Error| Error::io("wait for the local socket", &e);
        let poll = Poll::new().map_err(at)?;
        let waker = Waker::new(poll.registry(), BELL).map_err(at)?;
        let taken = bound.listener.take().ok_or_else(|| Error::invalid("the socket was taken already"))?;
        let mut listener = UnixListener::from_std(taken);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).map_err(at)?;
        let bell = Arc::new(Bell { waker, rung: Mutex::default(), stop: AtomicBool::new(false) });
        let reactor = Reactor {
            engine,
            bound,
            listener,
            are_waiting: false,
            poll,
            bell: Arc::clone(&bell),
            connections: BTreeMap::new(),
            last: CONNECTIONS - 1,
            chunk: vec![0; READ_BYTES],
        };
        Ok((reactor, bell))
    }

    /// Serves until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut due = BTreeSet::new();
        while !self.bell.stop.load(Ordering::Acquire) {
            let rest = self.are_waiting.then_some(ACCEPT_PAUSE);
            let timeout = if due.is_empty() { rest } else { Some(Duration::ZERO) };
            if !self.wait(&mut events, timeout, &mut due) {
                break;
            }
            if self.are_waiting {
                self.accept(&mut due);
            }
            self.advance(&mut due);
        }
        self.finish(&mut events);
    }

    /// Waits for something to happen, and notes to which connections it did; false when it cannot.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>, due: &mut BTreeSet<usize>) -> bool {
        match self.poll.poll(events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return true,
            Err(e) => {
                self.log("error", format!("the local socket ends: {e}"));
                return false;
            }
            Ok(()) => {}
        }
        for event in events.iter() {
            match event.token() {
                BELL => {}
                LISTENER => self.accept(due),
                Token(number) => {
                    if let Some(connection) = self.connections.get_mut(&number) {
                        connection.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                        connection.writable |= event.is_writable() || event.is_write_closed();
                        due.insert(number);
                    }
                }
            }
        }
        for (number, request) in self.bell.take() {
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.poll(request);
                due.insert(number);
            }
        }
        true
    }

    /// Lets each of these connections do what it can; those that have more to do stay.
    fn advance(&mut self, due: &mut BTreeSet<usize>) {
        for number in std::mem::take(due) {
            let Some(connection) = self.connections.get_mut(&number) else { continue };
            match connection.advance(&self.engine, &mut self.chunk) {
                Ok(Turn::Rests) => {}
                Ok(Turn::GoesOn) => drop(due.insert(number)),
                Ok(Turn::Over) => self.end(number),
                Err(fault) => {
                    self.log("warn", format!("a client of the local socket was cut off: {}", fault.0));
                    self.end(number);
                }
            }
        }
    }

    fn accept(&mut self, due: &mut BTreeSet<usize>) {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.are_waiting = false;
                    return;
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => continue,
                Err(e) => {
                    if !std::mem::replace(&mut self.are_waiting, true) {
                        self.log("warn", format!("the local socket cannot take a client yet: {e}"));
                    }
                    return;
                }
            };
            if self.connections.len() >= CONNECTIONS_MAX {
                self.log("warn", format!("the local socket has {CONNECTIONS_MAX} clients and takes no more"));
                continue;
            }
            self.last += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            if let Err(e) = self.poll.registry().register(&mut socket, Token(self.last), interest) {
                self.log("warn", format!("the local socket cannot take a client: {e}"));
                continue;
            }
            self.connections.insert(self.last, Connection::new(socket, self.last, Arc::clone(&self.bell)));
            due.insert(self.last);
        }
    }

    fn end(&mut self, number: usize) {
        if let Some(mut connection) = self.connections.remove(&number) {
            let _ = self.poll.registry().deregister(&mut connection.socket);
        }
    }

    /// Answers what was asked and is not answered yet, as long as that may take.
    fn finish(&mut self, events: &mut Events) {
        self.bound.remove();
        let _ = self.poll.registry().deregister(&mut self.listener);
        let mut due: BTreeSet<usize> = self.connections.keys().copied().collect();
        self.connections.values_mut().for_each(Connection::stop);
        let deadline = Deadline::after(Some(STOP_TIMEOUT));
        loop {
            self.advance(&mut due);
            due.clear();
            self.connections.retain(|_, connection| !connection.is_done());
            if self.connections.is_empty() || deadline.has_passed() || !self.wait(events, deadline.left(), &mut due) {
                return;
            }
        }
    }

    fn log(&self, level: &'static str, message: String) {
        self.engine.log(level, message);
    }
}

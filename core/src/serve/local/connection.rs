//! One client: its bytes in and out, what it holds, and what it waits for.
//!
//! What it can make the node keep is bounded: one frame that is not whole, so many appends on their way, and answers up
//! to a bound, beyond which nothing more of it is read until it has taken them.

use std::future::Future;
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use mio::net::UnixStream;

use super::answer::{Answer, Fault, THINGS_MAX, Things, answer};
use super::reactor::Bell;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::stream::node::frame::{self, FAILED, FORGET, Frame};
use crate::stream::node::hello::Hello;
use crate::stream::node::table::{NextCall, Operation, Ready, RequestCall, WatchDatabase, WatchPresence};
use crate::stream::node::wire::Wire;

/// Bytes of answers that nobody has taken yet before nothing more is read.
const OUT_BYTES_MAX: usize = 1 << 20;
/// Room for requests that is kept while there are none.
const IN_BYTES_KEPT: usize = 1 << 20;
/// Requests on their way, waits for records not counted, before nothing more is read.
const BUSY_MAX: usize = 4096;
/// How often one client is read from before it is the next one's turn.
const READS_PER_TURN: u32 = 16;

/// One client.
pub(super) struct Connection {
    pub(super) socket: UnixStream,
    number: usize,
    bell: Arc<Bell>,
    /// Whether there may be something to read, and room to write.
    pub(super) readable: bool,
    pub(super) writable: bool,
    greeted: bool,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of the output that were written.
    sent: usize,
    things: Things,
    waiting: HashMap<u64, Waiting, FixedState>,
    /// Of those that wait, how many are no waits for records.
    busy: usize,
    stopping: bool,
}

/// A request that is not answered yet.
struct Waiting {
    answer: Pending<Answer>,
    /// Whether it may take for ever.
    idle: bool,
    waker: Waker,
}

/// Rings the reactor's bell for one request.
struct Ring {
    bell: Arc<Bell>,
    connection: usize,
    request: u64,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.bell.ring(self.connection, self.request);
    }
}

/// Whether a connection goes on.
#[derive(PartialEq, Eq)]
pub(super) enum Turn {
    /// Until something happens.
    Rests,
    /// At once: it has more to do.
    GoesOn,
    /// No more: the client hung up.
    Over,
}

impl Connection {
    pub(super) fn new(socket: UnixStream, number: usize, bell: Arc<Bell>) -> Self {
        Connection {
            socket,
            number,
            bell,
            readable: true,
            writable: true,
            greeted: false,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            things: Things::default(),
            waiting: HashMap::default(),
            busy: 0,
            stopping: false,
        }
    }

    /// Reads, answers and writes what can be now.
    pub(super) fn advance(&mut self, engine: &Engine, chunk: &mut [u8]) -> std::result::Result<Turn, Fault> {
        for _ in 0..READS_PER_TURN {
            let all = self.take_requests(engine)?;
            if self.write().is_err() {
                return Ok(Turn::Over);
            }
            if !self.has_room() {
                // The socket says when there is room in it, the bell when a request has its answer.
                return Ok(Turn::Rests);
            }
            if !all {
                continue;
            }
            if !self.readable {
                return Ok(Turn::Rests);
            }
            match self.socket.read(chunk) {
                Ok(0) => return Ok(Turn::Over),
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                Err(e) if e.kind() == IoErrorKind::WouldBlock => self.readable = false,
                Err(e) if e.kind() == IoErrorKind::Interrupted => {}
                Err(_) => return Ok(Turn::Over),
            }
        }
        Ok(Turn::GoesOn)
    }

    fn unsent(&self) -> usize {
        self.output.len() - self.sent
    }

    fn has_room(&self) -> bool {
        !self.stopping && self.unsent() < OUT_BYTES_MAX && self.busy < BUSY_MAX
    }

    /// Does what the frames at the front of the input ask, as long as there is room for answers; false when it ended
    /// for that.
    fn take_requests(&mut self, engine: &Engine) -> std::result::Result<bool, Fault> {
        let input = std::mem::take(&mut self.input);
        let (mut taken, mut all) = (0, false);
        while self.has_room() {
            let frame = frame::take(&input[taken..]).map_err(|e| Fault(e.to_string()))?;
            let Some((frame, count)) = frame else {
                all = true;
                break;
            };
            taken += count;
            if self.greeted {
                self.request(engine, frame)?;
            } else {
                self.greet(engine, frame)?;
            }
        }
        self.input = input;
        self.input.drain(..taken);
        if taken > 0 && self.input.len() < IN_BYTES_KEPT {
            // One large request does not keep its room for ever.
            self.input.shrink_to(IN_BYTES_KEPT);
        }
        Ok(all)
    }

    /// Says who we are, also to whom we then refuse: so it can tell why.
    fn greet(&mut self, engine: &Engine, frame: Frame<'_>) -> std::result::Result<(), Fault> {
        self.output.extend_from_slice(&Hello::new(engine.id()).frame());
        if let Err(error) = Hello::read(frame) {
            let _ = self.write();
            return Err(Fault(error.to_string()));
        }
        self.greeted = true;
        Ok(())
    }

    fn request(&mut self, engine: &Engine, frame: Frame<'_>) -> std::result::Result<(), Fault> {
        let id = frame.id;
        if frame.kind == FORGET {
            self.forget(id);
            return Ok(());
        }
        if id == 0 || self.waiting.contains_key(&id) || self.things.contains_key(&id) {
            return Err(Fault(format!("the number {id} of a request is in use")));
        }
        if self.things.len() + self.waiting.len() >= THINGS_MAX {
            let message = format!("a client holds {THINGS_MAX} streams, subscriptions and waits, which is the most");
            self.put(id, Err(Error::new(ErrorKind::Limit, message)));
            return Ok(());
        }
        match answer(engine, &self.things, frame)?.into_ready() {
            Ok(result) => self.put(id, result),
            Err(answer) => {
                let ring = Ring { bell: Arc::clone(&self.bell), connection: self.number, request: id };
                let idle = matches!(
                    frame.kind,
                    Ready::KIND | WatchDatabase::KIND | WatchPresence::KIND | RequestCall::KIND | NextCall::KIND
                );
                self.busy += usize::from(!idle);
                self.waiting.insert(id, Waiting { answer, idle, waker: Waker::from(Arc::new(ring)) });
                // It knows whom to wake from now on.
                self.poll(id);
            }
        }
        Ok(())
    }

    /// Looks whether a request that waits has its answer.
    pub(super) fn poll(&mut self, id: u64) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        let mut cx = Context::from_waker(&waiting.waker);
        if let Poll::Ready(result) = Pin::new(&mut waiting.answer).poll(&mut cx) {
            self.stop_waiting(id);
            self.put(id, result);
        }
    }

    fn stop_waiting(&mut self, id: u64) {
        if let Some(waiting) = self.waiting.remove(&id) {
            self.busy -= usize::from(!waiting.idle);
        }
    }

    fn forget(&mut self, id: u64) {
        self.stop_waiting(id);
        self.things.remove(&id);
    }

    /// Answers a request.
    fn put(&mut self, id: u64, result: Result<Answer>) {
        match result {
            Ok(answer) => {
                if let Some(thing) = answer.made {
                    self.things.insert(id, thing);
                }
                frame::put_answer(&mut self.output, id, &answer.body);
            }
            Err(error) => {
                // A sentence is never as large as a frame may be.
                let _ = frame::put(&mut self.output, FAILED, id, |out| error.put(out));
            }
        }
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> std::io::Result<()> {
        while self.writable && self.unsent() > 0 {
            match self.socket.write(&self.output[self.sent..]) {
                Ok(0) => return Err(IoErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(e) if e.kind() == IoErrorKind::WouldBlock => self.writable = false,
                Err(e) if e.kind() == IoErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if self.unsent() == 0 {
            self.output.clear();
            self.sent = 0;
            // Nor does one large answer.
            self.output.shrink_to(OUT_BYTES_MAX);
        }
        Ok(())
    }

    /// Reads no more, and ends what may wait for ever.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        let idle: Vec<u64> = self.waiting.iter().filter(|(_, w)| w.idle).map(|(id, _)| *id).collect();
        for id in idle {
            self.stop_waiting(id);
            self.put(id, Err(Error::new(ErrorKind::Closed, "the node is being closed")));
        }
    }

    /// Whether everything that was asked is answered, and the answers are on their way.
    pub(super) fn is_done(&self) -> bool {
        self.busy == 0 && self.unsent() == 0
    }
}

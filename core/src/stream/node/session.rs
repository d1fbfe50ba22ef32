//! A connection to a node: requests on their way, their answers by number, and the end of both.
//!
//! A request that is given up is forgotten by the node too. A node that goes away leaves those who wait with `Io`,
//! because what they asked may have been done, and everything later with `Closed`: a client never becomes the owner by
//! itself. `line.rs` is what lies beneath.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use super::frame;
use super::hello::{self, Hello};
use super::line::{Line, start_reader, unreadable};
use super::slot::Slot;
use super::table::Operation;
use super::wire::{Wire, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::shared::Shared;

/// How long a node may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection. Everything opened over it keeps it open; the last one to go closes it.
pub(crate) struct Session {
    line: Arc<Line>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

impl Session {
    /// Says hello to the node of a directory, and checks that it is this directory's; `None` when there is no node.
    pub(crate) fn connect(dir: &Path, engine: u64, shared: &Arc<Shared>) -> Result<Option<Arc<Session>>> {
        let Some(mut socket) = hello::connect(dir)? else { return Ok(None) };
        let place = format!("the node of {}", dir.display());
        let (theirs, left) = greet(&mut socket).map_err(|e| e.context(&place))?;
        if theirs.engine != engine {
            let message = format!("{place} serves engine {:016x}, and this is {engine:016x}", theirs.engine);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let line = Arc::new(Line::new(socket, dir, shared));
        let session = Session { reader: Mutex::new(Some(start_reader(&line, left)?)), line };
        Ok(Some(Arc::new(session)))
    }

    /// Asks, and the answer comes.
    pub(super) fn ask<O: Operation>(self: &Arc<Self>, on: u64, question: &O::Question) -> Pending<O::Answer> {
        self.ask_new::<O>(on, question).1
    }

    /// As [`Session::ask`], with the number that whatever it makes is known by.
    pub(super) fn ask_new<O: Operation>(
        self: &Arc<Self>,
        on: u64,
        question: &O::Question,
    ) -> (u64, Pending<O::Answer>) {
        self.send(O::KIND, on, |out| question.put(out))
    }

    /// As [`Session::ask_new`], with a question that `fill` writes.
    pub(super) fn send<T: Wire + Send + 'static>(
        self: &Arc<Self>,
        kind: u8,
        on: u64,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> (u64, Pending<T>) {
        match self.begin(kind, on, fill) {
            Ok(call) => {
                let id = call.id;
                self.line.flush();
                (id, Pending::waiting(call))
            }
            Err(error) => (0, Pending::ready(Err(error))),
        }
    }

    /// Puts a question among those to be written; [`Session::flush`] sends it.
    pub(super) fn begin<T>(self: &Arc<Self>, kind: u8, on: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Result<Call<T>> {
        let (id, slot) = self.line.begin(kind, on, fill)?;
        Ok(Call { session: Arc::clone(self), id, slot, done: false, answer: PhantomData })
    }

    /// Sends what waits to be sent.
    pub(super) fn flush(&self) {
        self.line.flush();
    }

    /// Gives up a request or what it made, in the node too.
    pub(super) fn forget(&self, id: u64) {
        self.line.forget(id);
    }

    /// Why nothing can be asked any more, once that is so.
    pub(super) fn end(&self) -> Option<Error> {
        self.line.ended()
    }

    /// Ends it; those who wait get `Closed`. Twice is nothing.
    pub(super) fn close(&self) {
        self.line.close();
        if !self.line.is_ours() {
            return;
        }
        // A waker that the reader called may have held the last handle: then this is the reader.
        if let Some(reader) = lock(&self.reader).take()
            && reader.thread().id() != std::thread::current().id()
        {
            let _ = reader.join();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

/// Says who we are and hears who they are; returns what was read beyond that, too.
fn greet(socket: &mut UnixStream) -> Result<(Hello, Vec<u8>)> {
    let at = |e: std::io::Error| Error::io("say hello", &e);
    socket.set_read_timeout(Some(HELLO_TIMEOUT)).map_err(at)?;
    socket.write_all(&Hello::new(0).frame()).map_err(at)?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        if let Some((frame, taken)) = frame::take(&bytes)? {
            let hello = Hello::read(frame)?;
            socket.set_read_timeout(None).map_err(at)?;
            bytes.drain(..taken);
            return Ok((hello, bytes));
        }
        match socket.read(&mut chunk).map_err(at)? {
            0 => return Err(Error::new(ErrorKind::Io, "it hung up before it said hello")),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A request on its way. Dropping it gives it up, in the node too.
pub(super) struct Call<T> {
    session: Arc<Session>,
    id: u64,
    slot: Arc<Slot>,
    done: bool,
    answer: PhantomData<fn() -> T>,
}

impl<T: Wire> Wait<T> for Call<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.slot.poll(cx).map(|answer| {
            self.done = true;
            whole(&answer?).ok_or_else(|| unreadable("answer"))
        })
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        if !self.done {
            self.session.forget(self.id);
        }
    }
}

/// What a request made in the node, for as long as this is kept.
pub(super) struct Held {
    pub(super) session: Arc<Session>,
    pub(super) id: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.session.forget(self.id);
    }
}

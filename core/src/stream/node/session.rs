//! A connection to a node: requests on their way, their answers by number, and the end of both.
//!
//! Whoever asks writes, and writes for all who ask meanwhile; one thread reads. A request that is given up is
//! forgotten by the node too. A node that goes away leaves those who wait with `Io`, because what they asked may have
//! been done, and everything later with `Closed`: a client never becomes the owner by itself.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::frame::{self, DONE, FAILED, FORGET, Frame, PART};
use super::hello::{self, Hello};
use super::slot::Slot;
use super::table::Operation;
use super::wire::{Wire, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::shared::Shared;
use crate::varint::put_varint;

/// Bytes that wait to be written before whoever asks waits too.
const OUT_BYTES_MAX: usize = 1 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;
/// How long a node may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection. Everything opened over it keeps it open; the last one to go closes it.
pub(crate) struct Session {
    line: Arc<Line>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread that reads shares with those who ask.
struct Line {
    socket: UnixStream,
    dir: PathBuf,
    shared: Arc<Shared>,
    /// A process that was forked off must not write to it.
    process: u32,
    reader: OnceLock<ThreadId>,
    last_id: AtomicU64,
    calls: Mutex<Calls>,
    out: Mutex<Out>,
    room: Condvar,
}

#[derive(Default)]
struct Calls {
    slots: HashMap<u64, Arc<Slot>, FixedState>,
    /// Why nothing can be asked any more.
    end: Option<Error>,
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    writing: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let line = Arc::new(Line {
            socket,
            dir: dir.to_owned(),
            shared: Arc::clone(shared),
            process: std::process::id(),
            reader: OnceLock::new(),
            last_id: AtomicU64::new(0),
            calls: Mutex::default(),
            out: Mutex::default(),
            room: Condvar::new(),
        });
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
        let id = self.line.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = Vec::with_capacity(128);
        frame::put(&mut bytes, kind, id, |out| {
            put_varint(out, on);
            fill(out);
        })?;
        let slot = Arc::new(Slot::new());
        let mut calls = lock(&self.line.calls);
        if let Some(end) = &calls.end {
            return Err(end.clone());
        }
        calls.slots.insert(id, Arc::clone(&slot));
        drop(calls);
        lock(&self.line.out).bytes.append(&mut bytes);
        Ok(Call { session: Arc::clone(self), id, slot, done: false, answer: PhantomData })
    }

    /// Sends what waits to be sent.
    pub(super) fn flush(&self) {
        self.line.flush();
    }

    /// Gives up a request or what it made, in the node too.
    pub(super) fn forget(&self, id: u64) {
        let mut calls = lock(&self.line.calls);
        calls.slots.remove(&id);
        if calls.end.is_some() {
            return;
        }
        drop(calls);
        // An empty frame is never too large.
        let _ = frame::put(&mut lock(&self.line.out).bytes, FORGET, id, |_| {});
        self.line.flush();
    }

    /// Why nothing can be asked any more, once that is so.
    pub(super) fn end(&self) -> Option<Error> {
        lock(&self.line.calls).end.clone()
    }

    /// Ends it; those who wait get `Closed`. Twice is nothing.
    pub(super) fn close(&self) {
        let closed = Error::new(ErrorKind::Closed, "the engine is closed");
        self.line.end(&closed, &closed);
        self.line.shared.set_closed();
        if self.line.process != std::process::id() {
            return;
        }
        let _ = self.line.socket.shutdown(Shutdown::Both);
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

#[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: this one reads what its node answers")]
fn start_reader(line: &Arc<Line>, left: Vec<u8>) -> Result<JoinHandle<()>> {
    let reading = Arc::clone(line);
    let thread = std::thread::Builder::new().name("headwater-node".to_owned()).spawn(move || reading.read(left));
    let thread = thread.map_err(|e| Error::io("start the thread that reads from the node", &e))?;
    let _ = line.reader.set(thread.thread().id());
    Ok(thread)
}

impl Line {
    /// Writes what waits, for all who asked; the first one to come does it. Who comes while too much waits, waits.
    fn flush(&self) {
        let is_reader = self.reader.get() == Some(&std::thread::current().id());
        // The reader must go on reading, or the node could not go on either: the next one to ask sends it.
        if is_reader || self.process != std::process::id() {
            return;
        }
        let mut out = lock(&self.out);
        while out.writing && out.bytes.len() > OUT_BYTES_MAX {
            out = self.room.wait(out).unwrap_or_else(PoisonError::into_inner);
        }
        if out.writing {
            return;
        }
        out.writing = true;
        let mut bytes = Vec::new();
        while !out.bytes.is_empty() {
            bytes.clear();
            std::mem::swap(&mut bytes, &mut out.bytes);
            self.room.notify_all();
            drop(out);
            if (&self.socket).write_all(&bytes).is_err() {
                // The reader finds out, and says so to all who wait.
                let _ = self.socket.shutdown(Shutdown::Both);
            }
            out = lock(&self.out);
        }
        out.writing = false;
    }

    /// Reads answers until the connection ends.
    fn read(&self, mut bytes: Vec<u8>) {
        let mut chunk = vec![0; READ_BYTES];
        let why = loop {
            match self.take_answers(&bytes) {
                Ok(taken) => drop(bytes.drain(..taken)),
                Err(error) => break error.to_string(),
            }
            match (&self.socket).read(&mut chunk) {
                Ok(0) => break "it hung up".to_owned(),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => break e.to_string(),
            }
        };
        let _ = self.socket.shutdown(Shutdown::Both);
        let dir = self.dir.display();
        let unsure = format!("the node of {dir} went away before it answered ({why}): it may be done, or not");
        let later = format!("the node of {dir} went away ({why}): open the directory again");
        if self.end(&Error::new(ErrorKind::Io, unsure), &Error::new(ErrorKind::Closed, later.clone())) {
            self.shared.log("warn", later);
            self.shared.lines.wake();
        }
    }

    /// Hands out the answers at the front of `bytes`; returns how many bytes they took.
    fn take_answers(&self, bytes: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while let Some((frame, count)) = frame::take(&bytes[taken..])? {
            self.hand_out(frame)?;
            taken += count;
        }
        Ok(taken)
    }

    fn hand_out(&self, frame: Frame<'_>) -> Result<()> {
        let mut calls = lock(&self.calls);
        let slot = if frame.kind == PART { calls.slots.get(&frame.id).cloned() } else { calls.slots.remove(&frame.id) };
        drop(calls);
        // Who asked gave up.
        let Some(slot) = slot else { return Ok(()) };
        let result = match frame.kind {
            PART => {
                slot.add(frame.body);
                return Ok(());
            }
            DONE => Ok(frame.body),
            FAILED => Err(whole(frame.body).unwrap_or_else(|| unreadable("error"))),
            kind => return Err(Error::new(ErrorKind::Internal, format!("it sent a frame of kind {kind}"))),
        };
        if let Some(waker) = slot.fill(result) {
            waker.wake();
        }
        Ok(())
    }

    /// Ends all who wait with one error and all who come with another; false when it was over already.
    fn end(&self, waiting: &Error, later: &Error) -> bool {
        let mut calls = lock(&self.calls);
        if calls.end.is_some() {
            return false;
        }
        calls.end = Some(later.clone());
        let slots = std::mem::take(&mut calls.slots);
        drop(calls);
        for waker in slots.into_values().filter_map(|slot| slot.fill(Err(waiting.clone()))) {
            waker.wake();
        }
        true
    }
}

fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the {what} of the node cannot be read"))
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

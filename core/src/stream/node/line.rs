//! The line to a node: what waits to be written, who waits for which answer, and the thread that reads.
//!
//! Whoever asks writes, and writes for all who ask meanwhile. The thread that reads never writes: if it waited for the
//! node, and the node for it, neither could go on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::frame::{self, DONE, FAILED, FORGET, Frame, PART};
use super::slot::Slot;
use super::wire::whole;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::shared::Shared;
use crate::varint::put_varint;

/// Bytes that wait to be written before whoever asks waits too.
const OUT_BYTES_MAX: usize = 1 << 20;
/// Room for a small request, in bytes.
const REQUEST_BYTES: usize = 128;
/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// What the thread that reads shares with those who ask.
pub(super) struct Line {
    socket: UnixStream,
    dir: PathBuf,
    pub(super) shared: Arc<Shared>,
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

/// Starts the thread that reads; `left` is what was read already.
#[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: this one reads what its node answers")]
pub(super) fn start_reader(line: &Arc<Line>, left: Vec<u8>) -> Result<JoinHandle<()>> {
    let reading = Arc::clone(line);
    let thread = std::thread::Builder::new().name("headwater-node".to_owned()).spawn(move || reading.read(left));
    let thread = thread.map_err(|e| Error::io("start the thread that reads from the node", &e))?;
    let _ = line.reader.set(thread.thread().id());
    Ok(thread)
}

impl Line {
    /// Over a connection on which both sides said hello.
    pub(super) fn new(socket: UnixStream, dir: &Path, shared: &Arc<Shared>) -> Self {
        Line {
            socket,
            dir: dir.to_owned(),
            shared: Arc::clone(shared),
            process: std::process::id(),
            reader: OnceLock::new(),
            last_id: AtomicU64::new(0),
            calls: Mutex::default(),
            out: Mutex::default(),
            room: Condvar::new(),
        }
    }

    /// Puts a request among those to be written, about what `on` is the number of; returns its number, and where its
    /// answer will be.
    pub(super) fn begin(&self, kind: u8, on: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(u64, Arc<Slot>)> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = Vec::with_capacity(REQUEST_BYTES);
        frame::put(&mut bytes, kind, id, |out| {
            put_varint(out, on);
            fill(out);
        })?;
        let slot = Arc::new(Slot::new());
        let mut calls = lock(&self.calls);
        if let Some(end) = &calls.end {
            return Err(end.clone());
        }
        calls.slots.insert(id, Arc::clone(&slot));
        drop(calls);
        lock(&self.out).bytes.append(&mut bytes);
        Ok((id, slot))
    }

    /// Gives up a request or what it made, in the node too.
    pub(super) fn forget(&self, id: u64) {
        let mut calls = lock(&self.calls);
        calls.slots.remove(&id);
        if calls.end.is_some() {
            return;
        }
        drop(calls);
        // An empty frame is never too large.
        let _ = frame::put(&mut lock(&self.out).bytes, FORGET, id, |_| {});
        self.flush();
    }

    /// Why nothing can be asked any more, once that is so.
    pub(super) fn ended(&self) -> Option<Error> {
        lock(&self.calls).end.clone()
    }

    /// Hangs up; those who wait get `Closed`. Twice is nothing.
    pub(super) fn close(&self) {
        let closed = Error::new(ErrorKind::Closed, "the engine is closed");
        self.end(&closed, &closed);
        self.shared.set_closed();
        if self.is_ours() {
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether this is the process that connected, and not one that was forked off it.
    pub(super) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Writes what waits, for all who asked; the first one to come does it. Who comes while too much waits, waits.
    pub(super) fn flush(&self) {
        let is_reader = self.reader.get() == Some(&std::thread::current().id());
        // The reader must go on reading, or the node could not go on either: the next one to ask sends it.
        if is_reader || !self.is_ours() {
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

pub(super) fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the {what} of the node cannot be read"))
}

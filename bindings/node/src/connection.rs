//! Connections to SQLite files that replicate: packed values in, packed rows out, for `lib/connection.js`.
//!
//! A connection has a thread of its own, which ends with it: statements run there in their order, and one that waits
//! for a lock keeps no other connection from giving it back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use headwater::replica::{Answer as Found, Connection, InterruptHandle, Value};
use headwater::{Error, ErrorKind};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::error::{Result, invalid};
use crate::handles::Held;
use crate::jobs::{self, Work};
use crate::pack::{Reader, Writer};
use crate::signal::lock;

// What a packed value is, as in `lib/connection.js`.
const NULL: u32 = 0;
const INTEGER: u32 = 1;
const REAL: u32 = 2;
const TEXT: u32 = 3;
const BLOB: u32 = 4;
/// Text that is not UTF-8.
const RAW_TEXT: u32 = 5;

/// A connection and its thread.
pub(crate) struct Session {
    opened: Arc<Opened>,
    thread: Sender<Work>,
}

struct Opened {
    /// Only the thread of the connection takes the lock; `None` once it is closed.
    connection: Mutex<Option<Connection>>,
    is_in_transaction: AtomicBool,
    interrupt: InterruptHandle,
    turn: Mutex<Turn>,
}

/// Which statement runs, by the number that JavaScript gave it.
#[derive(Default)]
struct Turn {
    /// The last that began.
    begun: u64,
    is_running: bool,
    /// Those that shall not begin.
    stopped: Vec<u64>,
}

impl Opened {
    /// Runs a statement, unless it was stopped before it began.
    fn run(&self, number: u64, statement: impl FnOnce() -> headwater::Result<Found>) -> headwater::Result<Found> {
        let mut turn = lock(&self.turn);
        turn.begun = number;
        let is_stopped = turn.stopped.contains(&number);
        turn.stopped.retain(|stopped| *stopped > number);
        if is_stopped {
            return Err(Error::new(ErrorKind::Timeout, "the statement was stopped before it began"));
        }
        turn.is_running = true;
        drop(turn);
        let found = statement();
        lock(&self.turn).is_running = false;
        found
    }

    /// Stops a statement; whether it runs still.
    fn stop(&self, number: u64) -> bool {
        let mut turn = lock(&self.turn);
        if number > turn.begun {
            turn.stopped.push(number);
        }
        // Under the lock, so that none but this statement is hit.
        let is_it = turn.is_running && number == turn.begun;
        if is_it {
            self.interrupt.interrupt();
        }
        is_it
    }
}

impl Session {
    #[allow(clippy::disallowed_methods, reason = "a call that blocks must not block the event loop")]
    pub(crate) fn new(connection: Connection) -> headwater::Result<Session> {
        let opened = Arc::new(Opened {
            interrupt: connection.interrupt_handle(),
            connection: Mutex::new(Some(connection)),
            is_in_transaction: AtomicBool::new(false),
            turn: Mutex::default(),
        });
        let (sender, works) = channel::<Work>();
        let work_off = move || works.into_iter().for_each(|work| work());
        thread::Builder::new()
            .name("headwater-sqlite".to_owned())
            .spawn(work_off)
            .map_err(|error| Error::new(ErrorKind::Io, format!("start the thread of a connection: {error}")))?;
        Ok(Session { opened, thread: sender })
    }

    /// Has the thread do what is asked of the connection after all that was asked before.
    fn ask(
        env: Env,
        number: u32,
        work: impl FnOnce(&Opened, &mut Option<Connection>) -> headwater::Result<Answer> + Send + 'static,
    ) -> Result<Raw> {
        Session::with(number, |session, hub| {
            let opened = session.opened.clone();
            let work = move || {
                let mut connection = lock(&opened.connection);
                let done = work(&opened, &mut connection);
                let is_in = connection.as_ref().is_some_and(Connection::is_in_transaction);
                opened.is_in_transaction.store(is_in, Ordering::Relaxed);
                done
            };
            // The thread is there as long as the session is.
            jobs::run_by(env, hub, |work| drop(session.thread.send(work)), work)
        })
    }
}

impl Drop for Session {
    /// The file is closed by the thread too.
    fn drop(&mut self) {
        let opened = self.opened.clone();
        let close = move || drop(lock(&opened.connection).take());
        drop(self.thread.send(Box::new(close)));
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection is closed")
}

/// Runs one statement with packed values; answers its columns, rows and what it changed, packed. `number` is larger
/// than that of the statement before.
#[napi(catch_unwind)]
pub fn connection_execute(env: Env, connection: u32, number: f64, sql: String, values: &[u8]) -> Result<Raw> {
    let values = unpack(values)?;
    Session::ask(env, connection, move |opened, connection| {
        let connection = connection.as_ref().ok_or_else(closed)?;
        let found = opened.run(number as u64, || connection.execute(&sql, &values))?;
        Ok(Answer::Bytes(pack(&found)))
    })
}

/// Stops a statement; whether it runs still, as one that begins may not hear it.
#[napi(catch_unwind)]
pub fn connection_stop(connection: u32, number: f64) -> Result<bool> {
    Session::with(connection, |session, _| Ok(session.opened.stop(number as u64)))
}

/// Whether a transaction is open after what was done last.
#[napi(catch_unwind)]
pub fn connection_is_in_transaction(connection: u32) -> Result<bool> {
    Session::with(connection, |session, _| Ok(session.opened.is_in_transaction.load(Ordering::Relaxed)))
}

/// Ends it after all that was asked before.
#[napi(catch_unwind)]
pub fn connection_close(env: Env, connection: u32) -> Result<Raw> {
    Session::ask(env, connection, |_, connection| {
        drop(connection.take());
        Ok(Answer::Done)
    })
}

fn unpack(packed: &[u8]) -> Result<Vec<Value>> {
    let mut reader = Reader::new(packed);
    let count = reader.u32()?;
    let bytes = |reader: &mut Reader<'_>| {
        let len = reader.u32()? as usize;
        Ok::<_, napi::Error>(reader.raw(len)?.to_vec())
    };
    let mut one = || {
        Ok(match reader.u32()? {
            NULL => Value::Null,
            INTEGER => Value::Integer(reader.i64()?),
            REAL => Value::Real(reader.f64()?),
            TEXT | RAW_TEXT => Value::Text(bytes(&mut reader)?),
            BLOB => Value::Blob(bytes(&mut reader)?),
            kind => return Err(invalid(format!("{kind} is no kind of a packed value"))),
        })
    };
    (0..count).map(|_| one()).collect()
}

fn pack(found: &Found) -> Vec<u8> {
    let mut out = Writer::default();
    out.u64(found.changes);
    out.i64(found.last_insert_rowid);
    out.u32(found.columns.len() as u32);
    found.columns.iter().for_each(|column| out.text(column));
    out.u32(found.rows.len() as u32);
    found.rows.iter().flatten().for_each(|value| put_value(&mut out, value));
    out.finish()
}

/// Packs a value.
pub(crate) fn put_value(out: &mut Writer, value: &Value) {
    match value {
        Value::Null => out.u32(NULL),
        Value::Integer(number) => {
            out.u32(INTEGER);
            out.i64(*number);
        }
        Value::Real(number) => {
            out.u32(REAL);
            out.f64(*number);
        }
        Value::Text(bytes) => {
            out.u32(if str::from_utf8(bytes).is_ok() { TEXT } else { RAW_TEXT });
            out.bytes(bytes);
        }
        Value::Blob(bytes) => {
            out.u32(BLOB);
            out.bytes(bytes);
        }
    }
}

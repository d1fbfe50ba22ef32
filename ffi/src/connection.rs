//! A connection to a replicated SQLite file, with this library's copy of SQLite.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, TryLockError};

use headwater::{Error, ErrorKind, Result};

use crate::answer::{hw_answer, hw_sql_value};
use crate::database::hw_database;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out};
use crate::replicated::{Connection, InterruptHandle};
use crate::status::hw_status;

/// A connection to a replicated SQLite file. For one thread at a time.
pub struct hw_connection {
    pub(crate) root: Arc<Root>,
    connection: Mutex<Connection>,
    interrupt: InterruptHandle,
}

impl hw_connection {
    #[cfg_attr(not(feature = "replica"), allow(unused_variables, reason = "there nobody has a connection"))]
    fn over(root: Arc<Root>, connection: Connection) -> Self {
        let interrupt = connection.interrupt_handle();
        hw_connection { root, connection: Mutex::new(connection), interrupt }
    }
}

impl Handle for hw_connection {
    const NOUN: &'static str = "connection";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

impl hw_connection {
    /// Runs `body` as the only user of the connection.
    fn exclusive<T>(&self, body: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self.connection.try_lock() {
            Ok(connection) => body(&connection),
            Err(TryLockError::Poisoned(connection)) => body(&connection.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "the connection is in use on another thread"))
            }
        }
    }
}

/// A connection to the file. Two copies of SQLite in one process must never have one file open, so a program with this
/// library in it works through these, on as many as it likes.
///
/// Errors:    HW_STATUS_NOT_FOUND (the file is gone), HW_STATUS_BUSY (somebody has it locked for more than 5 s),
///            HW_STATUS_IO.
/// Ownership: `*connection` is yours, free with hw_connection_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_connect(
    database: Option<&hw_database>,
    connection: *mut *mut hw_connection,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        let out = Out::required("connection", connection)?;
        out.give(hw_connection::over(database.root.clone(), database.database.connect()?));
        Ok(())
    })
}

/// Runs one statement. `values` are for its `?` in their order. `answer` may be NULL. `BEGIN`, `COMMIT` and `ROLLBACK`
/// are statements as any other.
///
/// Errors:    HW_STATUS_INVALID (it is no statement, more than one, or has not as many `?` as there are values),
///            HW_STATUS_CONFLICT (a constraint refuses it), HW_STATUS_BUSY (another connection writes for more than
///            5 s), HW_STATUS_LIMIT (an answer of more than 256 MiB, or the disk is full), HW_STATUS_UNSUPPORTED (the
///            file cannot be written to), HW_STATUS_TIMEOUT (it was interrupted), HW_STATUS_MISUSE (in use on another
///            thread), HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: inputs are borrowed for the call; `*answer` is yours, free with hw_answer_free.
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_connection_execute(
    connection: *mut hw_connection,
    sql: *const c_char,
    sql_len: usize,
    values: *const hw_sql_value,
    values_len: usize,
    answer: *mut *mut hw_answer,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(connection), error, |connection| {
        let sql = raw::text("sql", sql, sql_len)?;
        let values = raw::array("values", values, values_len)?;
        let values = values.iter().map(hw_sql_value::value).collect::<Result<Vec<_>>>()?;
        let found = connection.exclusive(|connection| connection.execute(sql, &values))?;
        if let Some(out) = Out::optional(answer) {
            out.give(hw_answer(found));
        }
        Ok(())
    })
}

/// Ends the statement that another thread runs here, with HW_STATUS_TIMEOUT: it changes nothing, and where it was to
/// change something the transaction that it was in is taken back too. It does nothing where none runs, or one is about
/// to begin or to end, or waits for another writer; call it again until hw_connection_execute has returned.
///
/// Threads:   any, until hw_connection_free is called.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_connection_interrupt(connection: Option<&hw_connection>, error: *mut *mut hw_error) -> hw_status {
    on(connection, error, |connection| {
        connection.interrupt.interrupt();
        Ok(())
    })
}

/// Whether a transaction is open.
///
/// Errors:    HW_STATUS_MISUSE (in use on another thread).
/// Threads:   one at a time.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_connection_in_transaction(
    connection: *mut hw_connection,
    in_transaction: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(raw::exclusive(connection), error, |connection| {
        let out = Out::required("in_transaction", in_transaction)?;
        out.set(connection.exclusive(|connection| Ok(connection.is_in_transaction()))?);
        Ok(())
    })
}

/// Closes and frees it; NULL is nothing. A transaction that is open is taken back.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_connection_free(connection: Option<Box<hw_connection>>) {
    release_handle(connection);
}

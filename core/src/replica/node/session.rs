//! Connections of the application's: statements on a replicated file through this process's copy of SQLite. Two copies
//! of SQLite in one process must never open one file, so a program that has this library works through this.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{ErrorCode, params_from_iter};

use super::core::connect;
use super::opened::Opened;
use super::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::replica::store::Fault;
use crate::replica::value::Value;

/// Bytes of values that one statement may answer with.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// What a statement did and found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The names of the columns; none for a statement that finds no rows.
    pub columns: Vec<String>,
    /// The rows, each with a value for each column.
    pub rows: Vec<Vec<Value>>,
    /// Rows that it inserted, updated or deleted.
    pub changes: u64,
    /// The rowid of the last row that this connection inserted.
    pub last_insert_rowid: i64,
}

/// A connection to a replicated file, for one thread at a time. `BEGIN`, `COMMIT` and `ROLLBACK` are statements.
pub struct Connection {
    conn: rusqlite::Connection,
    worker: Option<Arc<Worker>>,
    /// How many rows it had changed when the worker was rung last.
    told: Cell<u64>,
    #[expect(dead_code, reason = "it is noted as open for as long as this is")]
    opened: Opened,
}

/// Ends what a connection runs, from any thread; it may outlive the connection.
pub struct InterruptHandle(rusqlite::InterruptHandle);

impl std::fmt::Debug for InterruptHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterruptHandle").finish_non_exhaustive()
    }
}

impl InterruptHandle {
    /// Ends the statement that runs now, with [`ErrorKind::Timeout`]: it changes nothing, and where it was to change
    /// something the transaction that it was in is taken back too. It does nothing where none runs, or one is about to
    /// begin or to end, or waits for another writer.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl Connection {
    /// `worker` looks at once where it is in this process.
    pub(super) fn open(path: &Path, worker: Option<Arc<Worker>>) -> Result<Connection> {
        let opened = Opened::note(path)?;
        let conn = connect(path)?;
        // A row that REPLACE takes away is captured by this alone.
        conn.execute_batch("PRAGMA recursive_triggers = ON").map_err(fault)?;
        Ok(Connection { conn, worker, told: Cell::new(0), opened })
    }

    /// What ends a statement that runs here from another thread.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.conn.get_interrupt_handle())
    }

    /// Runs one statement. `values` are for its `?` in their order.
    ///
    /// # Errors [`ErrorKind::Invalid`] for what is no statement, more than one, or another number of values than it has
    /// `?`; [`ErrorKind::Conflict`] when a constraint refuses it; [`ErrorKind::Busy`] when another connection writes
    /// for more than 5 s; [`ErrorKind::Limit`] for an answer of more than 256 MiB; [`ErrorKind::Timeout`] when it was
    /// interrupted.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<Answer> {
        let answer = self.run(sql, values).map_err(|error| error.context(format_args!("{sql:.200}")));
        self.ring_if_committed();
        answer
    }

    /// Has the worker look, where something was written and no transaction keeps it from being seen.
    fn ring_if_committed(&self) {
        if self.is_in_transaction() {
            return;
        }
        let changes = self.conn.total_changes();
        if let Some(worker) = self.worker.as_ref().filter(|_| self.told.get() != changes) {
            worker.ring();
        }
        self.told.set(changes);
    }

    fn run(&self, sql: &str, values: &[Value]) -> Result<Answer> {
        let before = self.conn.total_changes();
        let mut statement = self.conn.prepare_cached(sql).map_err(fault)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let wanted = statement.parameter_count();
        if wanted != values.len() {
            let message = format!("the statement has {wanted} parameters, and {} values were given", values.len());
            return Err(Error::invalid(message));
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let mut found = statement.query(params_from_iter(values)).map_err(fault)?;
        while let Some(row) = found.next().map_err(fault)? {
            let read = |n| row.get_ref(n).map(Value::from).map_err(fault);
            let row: Vec<Value> = (0..columns.len()).map(read).collect::<Result<_>>()?;
            bytes += row.iter().map(|value| 16 + value.len()).sum::<usize>();
            if bytes > ANSWER_BYTES_MAX {
                let message = format!("an answer of more than {ANSWER_BYTES_MAX} bytes: ask for part of it with LIMIT");
                return Err(Error::new(ErrorKind::Limit, message));
            }
            rows.push(row);
        }
        drop(found);
        // Without what triggers did.
        let changes = if self.conn.total_changes() > before { self.conn.changes() } else { 0 };
        Ok(Answer { columns, rows, changes, last_insert_rowid: self.conn.last_insert_rowid() })
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }
}

/// What SQLite says to the application: its own mistakes are no fault of the file.
fn fault(error: rusqlite::Error) -> Error {
    let kind = match (&error, error.sqlite_error_code()) {
        (rusqlite::Error::SqlInputError { .. } | rusqlite::Error::MultipleStatement, _) => ErrorKind::Invalid,
        (_, Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)) => ErrorKind::Conflict,
        (_, Some(ErrorCode::Unknown | ErrorCode::ApiMisuse)) => ErrorKind::Invalid,
        (_, Some(ErrorCode::ReadOnly)) => ErrorKind::Unsupported,
        (_, Some(ErrorCode::OperationInterrupted)) => ErrorKind::Timeout,
        _ => return Fault::from(error).into_error(),
    };
    Error::new(kind, error.to_string())
}

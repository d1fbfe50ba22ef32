//! A read model in a SQLite file: what events make of it, the position, the dead letters and the messages for others
//! are one transaction, so each event is in effect once, whenever the program ends.
//!
//! The tables of ours are the same in every language, so that a program in one goes on where one in another ended:
//! `headwater_projection`, `headwater_dead_letter` and `headwater_outbox` (`docs/events.md`).

mod outbox;
mod switch;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;

use super::event::EventView;
use super::model::{FoldError, Folded, ReadModel, Taken};
use super::read::Events;
use super::store::EventStore;

/// How long a transaction waits for another writer of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS headwater_projection (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  generation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_dead_letter (name TEXT, seq INTEGER, PRIMARY KEY (name, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
  seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload BLOB NOT NULL DEFAULT x'',
  tried INTEGER
);
";

type Project = dyn Fn(&Connection, &EventView<'_>) -> Folded + Send + Sync;

/// A read model in a SQLite file, which several projections may share.
pub struct SqliteModel {
    name: String,
    connection: Mutex<Connection>,
    /// Where its run left it: nobody else may have moved it.
    place: Mutex<Place>,
    project: Arc<Project>,
    /// Whether it is built anew beside the live one: then it sends nothing.
    is_rebuild: bool,
}

/// Where a read model stands, and how often it was built anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    position: u64,
    generation: u64,
}

impl SqliteModel {
    /// The read model of the projection of this name, on a connection of its own: `project` gets it in a transaction,
    /// which it must not end, and what it did is undone where it answers an error.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the tables of ours can't be made.
    pub fn new(
        name: impl Into<String>,
        connection: Connection,
        project: impl Fn(&Connection, &EventView<'_>) -> Folded + Send + Sync + 'static,
    ) -> Result<Self> {
        SqliteModel::over(name.into(), connection, Arc::new(project))
    }

    fn over(name: String, connection: Connection, project: Arc<Project>) -> Result<Self> {
        let made = connection.busy_timeout(BUSY_TIMEOUT).and_then(|()| connection.execute_batch(TABLES));
        made.map_err(|error| fault(&name, &error))?;
        let connection = Mutex::new(connection);
        Ok(SqliteModel { name, connection, place: Mutex::default(), project, is_rebuild: false })
    }

    /// As [`SqliteModel::new`], in a file, which is made if it is not there and written ahead (`journal_mode` WAL).
    ///
    /// # Errors
    /// As [`SqliteModel::new`], and when the file can't be opened.
    pub fn open(
        name: impl Into<String>,
        path: impl AsRef<Path>,
        project: impl Fn(&Connection, &EventView<'_>) -> Folded + Send + Sync + 'static,
    ) -> Result<Self> {
        let (name, path) = (name.into(), path.as_ref());
        let opened = Connection::open(path).and_then(|connection| {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            Ok(connection)
        });
        let connection = opened.map_err(|error| fault(&name, &error).context(path.display().to_string()))?;
        SqliteModel::new(name, connection, project)
    }

    /// Looks at the read model: what it sees is the effect of all events up to its position.
    ///
    /// # Errors
    /// What `look` answers.
    pub fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        look(&self.connection()).map_err(|error| self.fault(&error))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        lock(&self.connection)
    }

    fn fault(&self, error: &rusqlite::Error) -> Error {
        fault(&self.name, error)
    }

    /// Does a thing in a transaction of a writer; undone where it fails.
    fn transact<T, E: From<rusqlite::Error>>(
        connection: &Connection,
        work: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let done = work().and_then(|value| {
            connection.execute_batch("COMMIT")?;
            Ok(value)
        });
        if done.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    fn place(&self, connection: &Connection) -> rusqlite::Result<Place> {
        let sql = "SELECT position, generation FROM headwater_projection WHERE name = ?1";
        let place = |row: &rusqlite::Row<'_>| {
            let (position, generation): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(Place { position: position.cast_unsigned(), generation: generation.cast_unsigned() })
        };
        Ok(connection.prepare_cached(sql)?.query_row([&self.name], place).optional()?.unwrap_or_default())
    }

    fn set_place(&self, connection: &Connection, place: Place) -> rusqlite::Result<()> {
        let sql = "INSERT INTO headwater_projection (name, position, generation) VALUES (?1, ?2, ?3)
                   ON CONFLICT (name) DO UPDATE SET position = excluded.position, generation = excluded.generation";
        let row = params![self.name, place.position.cast_signed(), place.generation.cast_signed()];
        connection.prepare_cached(sql)?.execute(row).map(|_| ())
    }

    /// Does a thing in a transaction that moves the position, if it is where the run left it.
    fn advance(&self, connection: &Connection, to: u64, work: impl FnOnce() -> Done) -> Done {
        let mut here = lock(&self.place);
        let next = Place { position: to, ..*here };
        Self::transact(connection, || {
            if self.place(connection)? != *here {
                let why = "was moved by another program that runs it, or by a rebuild";
                let message = format!("the position of projection '{}' {why}", self.name);
                return Err(Stop::Whole(Error::new(ErrorKind::Conflict, message)));
            }
            work()?;
            Ok(self.set_place(connection, next)?)
        })?;
        *here = next;
        Ok(())
    }

    /// Takes in the first `count` events, or tells which one failed.
    fn take_first(&self, connection: &Connection, events: &Events, count: usize) -> Done {
        let Some(last) = count.checked_sub(1).and_then(|last| events.seq(last)) else { return Ok(()) };
        self.advance(connection, last, || {
            for (index, event) in events.iter().take(count).enumerate() {
                let folded = event.map_err(FoldError::from).and_then(|event| (self.project)(connection, &event));
                folded.map_err(|error| self.stop(index, &error))?;
            }
            Ok(())
        })
    }

    /// Whether an event fails, or the file does.
    fn stop(&self, index: usize, error: &FoldError) -> Stop {
        match error.downcast_ref::<rusqlite::Error>() {
            Some(error) if is_of_the_file(error) => Stop::Whole(self.fault(error)),
            _ => Stop::At(index, error.to_string()),
        }
    }
}

type Done = std::result::Result<(), Stop>;

/// Why events are not taken in.
enum Stop {
    /// The event at this index fails.
    At(usize, String),
    /// It is no event's fault.
    Whole(Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Stop::Whole(Error::new(ErrorKind::Io, error.to_string()))
    }
}

impl ReadModel for SqliteModel {
    fn begin(&self, _: u64, _: Vec<u8>) -> Result<u64> {
        let place = self.place(&self.connection()).map_err(|error| self.fault(&error))?;
        *lock(&self.place) = place;
        Ok(place.position)
    }

    fn take(&self, events: &Events) -> Result<Taken> {
        let connection = self.connection();
        let (mut count, mut failed) = (events.len(), None);
        // What comes before a failure is undone with it, and taken in again without it.
        loop {
            match self.take_first(&connection, events, count) {
                Ok(()) => break,
                Err(Stop::Whole(error)) => return Err(error.context(format!("read model '{}'", self.name))),
                Err(Stop::At(index, error)) => {
                    failed = events.seq(index).map(|seq| (seq, error));
                    count = index;
                }
            }
        }
        Ok(Taken { position: count.checked_sub(1).and_then(|last| events.seq(last)), failed })
    }

    fn skip(&self, seq: u64) -> Result<()> {
        let connection = self.connection();
        let skipped = self.advance(&connection, seq, || {
            let sql = "INSERT OR IGNORE INTO headwater_dead_letter (name, seq) VALUES (?1, ?2)";
            Ok(connection.execute(sql, params![self.name, seq.cast_signed()]).map(|_| ())?)
        });
        self.whole(skipped)
    }

    fn retake(&self, event: &EventView<'_>) -> Result<()> {
        let connection = self.connection();
        let position = lock(&self.place).position;
        let taken = self.advance(&connection, position, || {
            let sql = "DELETE FROM headwater_dead_letter WHERE name = ?1 AND seq = ?2";
            if connection.execute(sql, params![self.name, event.seq().cast_signed()])? > 0 {
                (self.project)(&connection, event).map_err(|error| self.stop(0, &error))?;
            }
            Ok(())
        });
        self.whole(taken)
    }

    fn settle(&self, store: &EventStore) -> Pending<()> {
        if self.is_rebuild { Pending::ready(Ok(())) } else { self.send(store) }
    }

    fn keeps_position(&self) -> bool {
        true
    }
}

impl SqliteModel {
    fn whole(&self, done: Done) -> Result<()> {
        done.map_err(|stop| match stop {
            Stop::At(_, error) => Error::invalid(error),
            Stop::Whole(error) => error.context(format!("read model '{}'", self.name)),
        })
    }
}

fn fault(name: &str, error: &rusqlite::Error) -> Error {
    Error::new(ErrorKind::Io, format!("read model '{name}': {error}"))
}

/// Whether an error is that of the file or of the machine, which no event can help.
fn is_of_the_file(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(code, _) = error else { return false };
    matches!(
        code.code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::ReadOnly
            | ErrorCode::OperationInterrupted
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::NotADatabase
    )
}

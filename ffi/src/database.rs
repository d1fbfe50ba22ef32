//! A SQLite file that replicates: attached, found, worked with, and ended.
//!
//! A build without the feature `replica` has all of this too, and answers `HW_STATUS_UNSUPPORTED` to who attaches one.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::{Pending, Result};

use crate::bytes::{hw_blob, hw_str, hw_strings};
use crate::database_config::hw_database_config;
use crate::database_status::json;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out};
use crate::replicated::{self, Database};
use crate::status::hw_status;

/// A SQLite file that replicates (docs/replica.md). `const`: safe from many threads at once.
pub struct hw_database {
    pub(crate) root: Arc<Root>,
    pub(crate) database: Database,
    path: String,
}

impl hw_database {
    fn new(root: &Arc<Root>, database: Database) -> Self {
        let path = database.path().to_string_lossy().into_owned();
        hw_database { root: root.clone(), path, database }
    }
}

impl Handle for hw_database {
    const NOUN: &'static str = "database";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// Waits at most `timeout_ms` milliseconds; below 0 for ever.
pub(crate) fn within<T>(timeout_ms: i64, mut pending: Pending<T>) -> Result<T> {
    match u64::try_from(timeout_ms) {
        Ok(ms) => pending.wait_timeout(Duration::from_millis(ms)),
        Err(_) => pending.wait(),
    }
}

/// Makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
/// detached. What any program writes to it is captured in the file itself from now on.
///
/// The log is stream `REPLICA_<name>`: a link of it to a hub, or of the streams of two engines to one, joins nodes. The
/// file is in WAL mode from then on. It does not replicate what has no primary key and what is no ordinary table;
/// hw_database_status names those. An engine with such a file stays open until hw_engine_close.
///
/// Errors:    HW_STATUS_INVALID (a configuration that cannot be), HW_STATUS_NOT_FOUND (no such file),
///            HW_STATUS_CORRUPT (it is no SQLite file), HW_STATUS_CONFLICT (another file is attached under the name, or
///            this one is worked on with another one; or this process has the file open otherwise, which is seen on
///            Linux), HW_STATUS_UNSUPPORTED (`engine` cannot be written to, or the library was built without it),
///            HW_STATUS_BUSY, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*database` is yours, free with hw_database_free.
/// Threads:   any. The engine has a thread of its own for each file.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_attach(
    engine: Option<&hw_engine>,
    config: *const hw_database_config,
    database: *mut *mut hw_database,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = raw::required("config", config)?;
        let out = Out::required("database", database)?;
        out.give(hw_database::new(&engine.root, replicated::attach(&engine.root.engine, &config)?));
        Ok(())
    })
}

/// The attached file of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_UNSUPPORTED.
/// Ownership: `*database` is yours, free with hw_database_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_database(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    database: *mut *mut hw_database,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("database", database)?;
        out.give(hw_database::new(&engine.root, replicated::database(&engine.root.engine, name).wait()?));
        Ok(())
    })
}

/// How each attached file stands, by name: `*statuses` gets a list in JSON of what hw_database_status gives of one.
/// Waits at most `timeout_ms` milliseconds; -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_UNSUPPORTED, HW_STATUS_CLOSED.
/// Ownership: `*statuses` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_databases(
    engine: Option<&hw_engine>,
    timeout_ms: i64,
    statuses: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("statuses", statuses)?;
        out.give(json(&within(timeout_ms, replicated::databases(&engine.root.engine))?)?);
        Ok(())
    })
}

/// What the nodes call it.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_name(
    database: Option<&hw_database>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        Out::required("name", name)?.set(hw_str::of(database.database.name()));
        Ok(())
    })
}

/// The file, by its whole path.
///
/// Ownership: `*path` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_path(
    database: Option<&hw_database>,
    path: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        Out::required("path", path)?.set(hw_str::of(&database.path));
        Ok(())
    })
}

/// The streams that are its log: one for each shard, so one unless `log_shards` said more.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_stream_names(
    database: Option<&hw_database>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        Out::required("names", names)?.give(hw_strings::plain(database.database.stream_names()));
        Ok(())
    })
}

/// Takes in all that was written here before the call and puts it into the log, and joins all that the log has of
/// others. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CONFLICT (it is paused), HW_STATUS_NOT_FOUND (it was detached),
///            HW_STATUS_CLOSED; what its work ran into.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_sync(
    database: Option<&hw_database>,
    timeout_ms: i64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| within(timeout_ms, database.database.sync()))
}

/// Leaves the file alone until hw_database_resume, across restarts too. What is written is captured, and waits.
///
/// Errors:    HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_pause(database: Option<&hw_database>, error: *mut *mut hw_error) -> hw_status {
    on(database, error, |database| database.database.pause().wait())
}

/// Goes on.
///
/// Errors:    as hw_database_pause.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_resume(database: Option<&hw_database>, error: *mut *mut hw_error) -> hw_status {
    on(database, error, |database| database.database.resume().wait())
}

/// Lets in what is held, as the clock of the node that wrote it is too far ahead. `count`, when not NULL, gets how many
/// units that was.
///
/// Errors:    as hw_database_pause.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_release(
    database: Option<&hw_database>,
    count: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        let released = database.database.release().wait()?;
        if let Some(count) = Out::optional(count) {
            count.set(released);
        }
        Ok(())
    })
}

/// Ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
/// others, which hw_database_sync before prevents. The handle must still be freed.
///
/// Errors:    as hw_database_pause; HW_STATUS_BUSY (a connection has a transaction open).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_detach(database: Option<&hw_database>, error: *mut *mut hw_error) -> hw_status {
    on(database, error, |database| database.database.detach().wait())
}

/// Frees the handle; NULL is nothing. The file goes on replicating.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_free(database: Option<Box<hw_database>>) {
    release_handle(database);
}

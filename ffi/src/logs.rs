//! The engine's log, as lines that the caller takes.

use headwater::LogLine;

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::read::or_default;
use crate::status::hw_status;

/// One line of the log.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_log_line {
    /// sizeof(hw_log_line), set by the caller.
    pub struct_size: usize,
    /// When, in nanoseconds since the epoch.
    pub time: u64,
    /// `error`, `warn`, `info` or `debug`.
    pub level: hw_str,
    /// A sentence.
    pub message: hw_str,
}

versioned!(hw_log_line);

/// Lines of the log. Immutable.
pub struct hw_logs(Vec<LogLine>);

/// Takes up to `max` lines (0 is 1,000), oldest first; it never waits. The engine keeps the newest 1,024 that were
/// not taken.
///
/// Ownership: `*logs` is yours, free with hw_logs_free.
/// Threads:   any; each line goes to one taker.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_logs(
    engine: Option<&hw_engine>,
    max: usize,
    logs: *mut *mut hw_logs,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("logs", logs)?;
        out.give(hw_logs(engine.root.engine.logs(or_default(max))));
        Ok(())
    })
}

/// How many lines there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_logs_len(logs: Option<&hw_logs>) -> usize {
    logs.map_or(0, |l| l.0.len())
}

/// The line at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `line->struct_size` is not set).
/// Ownership: its texts are borrowed until the lines are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_logs_get(
    logs: Option<&hw_logs>,
    index: usize,
    line: *mut hw_log_line,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let logs = &logs.ok_or_else(|| missing("logs"))?.0;
        let out = OutStruct::required("line", line)?;
        let line = logs.get(index).ok_or_else(|| past_end("logs", index, logs.len()))?;
        out.set(hw_log_line {
            struct_size: 0,
            time: line.time,
            level: hw_str::of(line.level),
            message: hw_str::of(&line.message),
        });
        Ok(())
    })
}

/// Frees the lines; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_logs_free(logs: Option<Box<hw_logs>>) {
    release(logs);
}

//! The engine's log, as a queue of lines that the caller takes, or waits for.

use std::task::{Context, Poll};
use std::time::Duration;

use headwater::{Engine, ErrorKind, LogLine, Result};

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::gate::{Queue, Waitable};
use crate::guard::{free_standing, on, release};
use crate::queue::{self, QueueHandle};
use crate::raw::{Out, OutStruct, versioned};
use crate::read::or_default;
use crate::status::hw_status;
use crate::waker::hw_waker;

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

impl QueueHandle for hw_engine {
    type Queue = Engine;

    fn wait(&self) -> &Waitable<Engine> {
        &self.logs
    }
}

impl Queue for Engine {
    type Items = Vec<LogLine>;

    /// As a wait that ends at once, because that one knows the end of the log.
    fn try_next(&self, max: usize) -> Result<Vec<LogLine>> {
        match self.next_logs(max).wait_timeout(Duration::ZERO) {
            Err(error) if error.kind() == ErrorKind::Timeout => Ok(Vec::new()),
            outcome => outcome,
        }
    }

    fn is_nothing(items: &Vec<LogLine>) -> bool {
        items.is_empty()
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_logs(cx)
    }
}

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

/// As hw_engine_logs, and waits at most `timeout_ms` milliseconds for the first line: 0 does not wait, -1 waits for
/// ever. What is left after hw_engine_close can still be taken. An engine that was opened with `no_worker` ends waits
/// in hw_engine_step.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (the engine is
///            closed, and its last line was taken).
/// Ownership: `*logs` is yours, free with hw_logs_free.
/// Threads:   any; each line goes to one taker.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_next_logs(
    engine: Option<&hw_engine>,
    max: usize,
    timeout_ms: i64,
    logs: *mut *mut hw_logs,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(engine, max, timeout_ms, Out::required("logs", logs), error, hw_logs)
}

/// Arms once: when there is a line to take, or the engine is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_wake_logs(
    engine: Option<&hw_engine>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(engine, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_engine_next_logs now: they return HW_STATUS_TIMEOUT.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_cancel_logs(engine: Option<&hw_engine>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(engine, error)
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

//! How this door calls the core: interpreter released, panics caught, waits in slices so that signals are heard.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use headwater::{Error, ErrorKind, Pending, Result};
use pyo3::prelude::*;

use crate::error::raise;

/// How long a blocking wait leaves Ctrl-C unheard at the most.
const SLICE: Duration = Duration::from_millis(50);

/// Runs `work`; a panic in it becomes an internal error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(Error::new(ErrorKind::Internal, format!("a bug in headwater, please report it: {text}")))
    })
}

/// Calls the core with the interpreter released.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|error| raise(py, &error))
}

/// Calls the core and waits for what it began, for `timeout` at the most.
pub(crate) fn block<T: Send>(
    py: Python<'_>,
    timeout: Option<Duration>,
    begin: impl FnOnce() -> Result<Pending<T>> + Send,
) -> PyResult<T> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut begin = Some(begin);
    let mut pending = None;
    loop {
        let slice = deadline.map_or(SLICE, |at| at.saturating_duration_since(Instant::now()).min(SLICE));
        let outcome = py.detach(|| {
            caught(|| {
                if let Some(begin) = begin.take() {
                    pending = Some(begin()?);
                }
                pending.as_mut().map_or_else(|| Err(lost()), |pending| pending.wait_timeout(slice))
            })
        });
        match outcome {
            Ok(value) => return Ok(value),
            // The end of a slice, and not of what is waited for.
            Err(error) if error.kind() == ErrorKind::Timeout && pending.as_ref().is_some_and(|p| !p.is_taken()) => {
                py.check_signals()?;
                if deadline.is_some_and(|at| Instant::now() >= at) {
                    return Err(raise(py, &error));
                }
            }
            Err(error) => return Err(raise(py, &error)),
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a wait began twice")
}

//! The wait for the log queue of an engine, to await.

use std::task::{Context, Poll};

use headwater::{Engine, LogLine, Pending};
use pyo3::prelude::*;

use crate::error::raise;
use crate::model::logs;
use crate::wait::{Poller, poll_pending};

/// A wait for log lines. It takes nothing before it is first polled.
pub(crate) struct NextLogs {
    engine: Engine,
    max: usize,
    pending: Option<Pending<Vec<LogLine>>>,
}

impl NextLogs {
    pub(crate) fn new(engine: Engine, max: usize) -> Self {
        NextLogs { engine, max, pending: None }
    }
}

impl Poller for NextLogs {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let pending = self.pending.get_or_insert_with(|| self.engine.next_logs(self.max));
        poll_pending(py, pending, context).map(|result| match result {
            Ok(lines) => Ok(logs(py, &lines)?.into_any().unbind()),
            Err(error) => Err(raise(py, &error)),
        })
    }
}

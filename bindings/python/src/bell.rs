//! One wake-up for each event loop, however many waits are pending: a socket pair that the loop watches.
//!
//! A pending wait leaves a token with the core as its waker. Waking pushes the token to a list and, if the list was
//! empty, writes one byte; it takes no lock of the interpreter. The loop then resolves the futures of all tokens
//! listed. A token knows its future only after the poll that made it: both happen on the loop's own thread.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// What wakers and the loop share.
struct Line {
    ready: Mutex<Ready>,
    writer: UnixStream,
}

#[derive(Default)]
struct Ready {
    tokens: Vec<Arc<Token>>,
    /// The loop is gone: nobody will come for the tokens.
    closed: bool,
}

impl Line {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One poll of one wait: the waker for the core, and the future that the event loop waits for.
pub(crate) struct Token {
    line: Arc<Line>,
    future: OnceLock<Py<PyAny>>,
}

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        let line = self.line.clone();
        let mut ready = line.ready();
        if ready.closed {
            return;
        }
        ready.tokens.push(self);
        if ready.tokens.len() == 1 {
            // The socket never fills up: a byte is written only after the loop took the list, which reads them all.
            let _ = (&line.writer).write(&[1]);
        }
    }
}

/// The reader side, called by the event loop.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Bell {
    line: Arc<Line>,
    reader: UnixStream,
    event_loop: Py<PyAny>,
}

impl Bell {
    /// The bell of the running event loop.
    pub(crate) fn current(py: Python<'_>) -> PyResult<Bound<'_, Self>> {
        static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static BELLS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let running = RUNNING_LOOP.get_or_try_init(py, || -> PyResult<_> {
            Ok(py.import("asyncio")?.getattr("get_running_loop")?.unbind())
        })?;
        let event_loop = running.bind(py).call0()?;
        let bells = BELLS.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
        if let Some(bell) = bells.get_item(&event_loop)? {
            return Ok(bell.cast_into()?);
        }
        for (old, _) in bells.copy()?.iter() {
            if old.call_method0("is_closed")?.is_truthy()? {
                bells.del_item(old)?;
            }
        }
        let bell = Bound::new(py, Bell::new(&event_loop)?)?;
        event_loop.call_method1("add_reader", (bell.get().reader.as_raw_fd(), &bell))?;
        bells.set_item(event_loop, &bell)?;
        Ok(bell)
    }

    fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let line = Arc::new(Line { ready: Mutex::default(), writer });
        Ok(Bell { line, reader, event_loop: event_loop.clone().unbind() })
    }

    /// A waker for one poll.
    pub(crate) fn token(&self) -> Arc<Token> {
        Arc::new(Token { line: self.line.clone(), future: OnceLock::new() })
    }

    /// The future to yield to the loop until `token` is woken.
    pub(crate) fn future<'py>(&self, py: Python<'py>, token: &Token) -> PyResult<Bound<'py, PyAny>> {
        let future = self.event_loop.bind(py).call_method0(intern!(py, "create_future"))?;
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        let _ = token.future.set(future.clone().unbind());
        Ok(future)
    }
}

#[pymethods]
impl Bell {
    /// Takes the list and resolves its futures.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let mut sink = [0; 64];
        loop {
            match (&self.reader).read(&mut sink) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let tokens = std::mem::take(&mut self.line.ready().tokens);
        for token in tokens {
            if let Some(future) = token.future.get() {
                let future = future.bind(py);
                if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
                    future.call_method1(intern!(py, "set_result"), (py.None(),))?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut ready = self.line.ready();
        ready.closed = true;
        ready.tokens.clear();
    }
}

//! What `await` gets: a coroutine object over a wait of the core.
//!
//! What is ready at once never touches the event loop. A result is taken in the very step that hands it to the awaiting
//! task, so cancelling a task drops the wait and loses nothing.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use headwater as hw;
use headwater::{Engine, Error, ErrorKind, Pending, Result};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::bell::Bell;
use crate::call::{caught, run};
use crate::error::raise;
use crate::fork::{self, Held};
use crate::record::Ack;

/// Asks whether a wait is over.
pub(crate) trait Poller: Send {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>>;
}

/// An awaitable operation: await it once.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Wait {
    poller: Mutex<Option<Box<dyn Poller>>>,
    born: u64,
}

impl Wait {
    pub(crate) fn new(poller: impl Poller + 'static) -> Self {
        Wait { poller: Mutex::new(Some(Box::new(poller))), born: fork::here() }
    }

    /// Begins something on `held` and gives the wait for it, whose value `convert` turns into a Python object.
    pub(crate) fn begin<H, T, C>(
        py: Python<'_>,
        held: &Held<H>,
        begin: impl FnOnce(&H) -> Pending<T> + Send,
        convert: C,
    ) -> PyResult<Self>
    where
        H: Sync,
        T: Send + 'static,
        C: FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let (pending, engine) = run(py, || Ok((begin(held.get()?), held.keep())))?;
        Ok(Wait::new(OfPending { pending, convert, _engine: engine }))
    }

    /// A wait for what needs no engine.
    pub(crate) fn alone<T, C>(pending: Pending<T>, convert: C) -> Self
    where
        T: Send + 'static,
        C: FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        Wait::new(OfPending { pending, convert, _engine: None })
    }

    /// A wait that is over.
    pub(crate) fn ready(value: Py<PyAny>) -> Self {
        Wait::new(OfValue(Some(value)))
    }

    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        fork::check(self.born).map_err(|error| raise(py, &error))?;
        let bell = Bell::current(py)?;
        let token = bell.get().token();
        let waker = Waker::from(token.clone());
        let mut slot = self.lock(py);
        let Some(poller) = slot.as_mut() else {
            return Err(raise(py, &Error::new(ErrorKind::Misuse, "it was awaited already")));
        };
        match poller.poll(py, &mut Context::from_waker(&waker)) {
            Poll::Pending => Ok(bell.get().future(py, &token)?.unbind()),
            Poll::Ready(outcome) => {
                *slot = None;
                Err(outcome.map_or_else(|error| error, |value| PyStopIteration::new_err((value,))))
            }
        }
    }

    fn lock(&self, py: Python<'_>) -> std::sync::MutexGuard<'_, Option<Box<dyn Poller>>> {
        self.poller.lock_py_attached(py).unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[pymethods]
impl Wait {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.step(py)
    }

    /// Goes on, as the event loop does.
    #[pyo3(signature = (value, /))]
    fn send(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let _ = value;
        self.step(py)
    }

    /// Drops the wait and raises the exception given.
    #[pyo3(signature = (typ, val=None, tb=None, /))]
    fn throw(
        &self,
        py: Python<'_>,
        typ: Bound<'_, PyAny>,
        val: Option<Bound<'_, PyAny>>,
        tb: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = tb;
        self.close(py);
        let raised = match val {
            Some(val) if val.is_instance_of::<pyo3::exceptions::PyBaseException>() => val,
            Some(val) => typ.call1((val,))?,
            None => typ,
        };
        Err(PyErr::from_value(raised))
    }

    /// Drops the wait; what was begun goes on.
    fn close(&self, py: Python<'_>) {
        if fork::check(self.born).is_ok() {
            drop(self.lock(py).take());
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if fork::check(self.born).is_err() {
            let slot = self.poller.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::forget(slot.take());
        }
    }
}

struct OfPending<T, C> {
    pending: Pending<T>,
    convert: C,
    /// Stays open while it is waited for.
    _engine: Option<Engine>,
}

impl<T, C> Poller for OfPending<T, C>
where
    T: Send + 'static,
    C: FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send,
{
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let polled = poll_pending(py, &mut self.pending, context);
        polled.map(|result| match result {
            Ok(value) => (self.convert)(py, value),
            Err(error) => Err(raise(py, &error)),
        })
    }
}

struct OfValue(Option<Py<PyAny>>);

impl Poller for OfValue {
    fn poll(&mut self, py: Python<'_>, _: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        Poll::Ready(Ok(self.0.take().unwrap_or_else(|| py.None())))
    }
}

/// A number or a truth value.
pub(crate) fn plain<T: for<'any> IntoPyObject<'any>>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>> {
    value.into_py_any(py)
}

/// Nothing: that it is done.
#[allow(clippy::unnecessary_wraps, reason = "what a wait ends with may fail to be made")]
pub(crate) fn nothing(py: Python<'_>, (): ()) -> PyResult<Py<PyAny>> {
    Ok(py.None())
}

/// An acknowledgement.
pub(crate) fn ack(py: Python<'_>, ack: hw::Ack) -> PyResult<Py<PyAny>> {
    Ack::from(ack).into_py_any(py)
}

/// Polls with the interpreter released and panics caught.
pub(crate) fn poll_pending<T: Send>(
    py: Python<'_>,
    pending: &mut Pending<T>,
    context: &mut Context<'_>,
) -> Poll<Result<T>> {
    let waker = context.waker();
    let polled = py.detach(|| caught(|| Ok(std::pin::Pin::new(pending).poll(&mut Context::from_waker(waker)))));
    polled.unwrap_or_else(|error| Poll::Ready(Err(error)))
}

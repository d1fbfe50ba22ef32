//! Turns of entities, for what drives handlers in an event loop: taken many at once, completed by their tokens.
//! `headwater/_serving.py` does that.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use headwater::entities::{self, EntityId, Turn, What};
use headwater::{Engine, Error, ErrorKind, Pending, Result};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::call::{caught, run};
use crate::convert::Whole;
use crate::entities::{Entities, answer, request_options};
use crate::error::{raise, wrong_type};
use crate::model::model_class;
use crate::payload::Payload;
use crate::time::Seconds;
use crate::wait::{Poller, Wait};

/// The turns of entities that one event loop serves.
#[pyclass(frozen, module = "headwater._native")]
pub(crate) struct Turns(Py<Entities>);

#[pymethods]
impl Turns {
    /// Begins to serve entities; `MisuseError` while another does, as handlers are alive in one loop.
    #[new]
    fn new(py: Python<'_>, entities: Py<Entities>) -> PyResult<Self> {
        if entities.get().is_served.swap(true, Ordering::AcqRel) {
            return Err(raise(py, &Error::new(ErrorKind::Misuse, "these entities are served already")));
        }
        Ok(Turns(entities))
    }

    /// Ends that; others may serve them.
    fn close(&self) {
        self.0.get().is_served.store(false, Ordering::Release);
    }

    /// The entities.
    #[getter]
    fn entities(&self, py: Python<'_>) -> Py<Entities> {
        self.0.clone_ref(py)
    }

    /// Up to `max_turns` turns, waiting for the first: each with kind, key, token, activation, and items.
    fn next_async(&self, py: Python<'_>, max_turns: Whole) -> PyResult<Wait> {
        let held = &self.0.get().held;
        let begun = run(py, || Ok((held.get()?.clone(), held.engine()?.clone())))?;
        let (entities, engine) = begun;
        let pending = run(py, || Ok(entities.next()))?;
        Ok(Wait::new(NextTurns { pending, entities, max: max_turns.count(), _engine: engine }))
    }

    /// Says what items of a turn came to: bytes, or an error that goes to whoever asked.
    fn complete(&self, py: Python<'_>, token: u64, answers: &Bound<'_, PyList>) -> PyResult<()> {
        let told: Vec<(u32, Result<Vec<u8>>)> = answers.iter().map(|answer| told(&answer)).collect::<PyResult<_>>()?;
        run(py, || self.0.get().held.get()?.complete(token, told))
    }

    /// Says that the handler broke at an item.
    fn crash(&self, py: Python<'_>, token: u64, item: u32, why: &str) -> PyResult<()> {
        let error = Error::new(ErrorKind::Internal, why);
        run(py, || self.0.get().held.get()?.crash(token, item, &error))
    }

    /// Asks an entity for an item of a turn.
    #[pyo3(signature = (token, item, kind, key, name, payload, timeout))]
    #[expect(clippy::too_many_arguments, reason = "one caller, which has them all")]
    fn request_async(
        &self,
        py: Python<'_>,
        token: u64,
        item: u32,
        kind: &str,
        key: &str,
        name: &str,
        payload: Payload<'_>,
        timeout: Option<Seconds>,
    ) -> PyResult<Wait> {
        let (payload, options) = (payload.as_slice(), request_options(timeout, Some((token, item))));
        let held = &self.0.get().held;
        Wait::begin(py, held, |it| it.request(EntityId::new(kind, key), name, payload, options), answer)
    }

    /// Sets a timer of the entity whose turn it is.
    fn set_timer(&self, py: Python<'_>, token: u64, name: &str, after: Seconds, every: Seconds) -> PyResult<()> {
        run(py, || self.0.get().held.get()?.set_timer(token, name, after.0, every.0))
    }

    /// Takes a timer back; false if there is none of this name.
    fn cancel_timer(&self, py: Python<'_>, token: u64, name: &str) -> PyResult<bool> {
        run(py, || self.0.get().held.get()?.cancel_timer(token, name))
    }

    /// Says how many bytes the handler holds whose turn it is.
    fn holds(&self, py: Python<'_>, token: u64, bytes: Whole) -> PyResult<()> {
        run(py, || self.0.get().held.get()?.holds(token, bytes.0))
    }

    /// Counts a background task of the entity whose turn it is, and names it.
    fn begin_task(&self, py: Python<'_>, token: u64) -> PyResult<u64> {
        run(py, || self.0.get().held.get()?.begin_task(token))
    }

    /// Says that a background task is done, and what message it leaves.
    #[pyo3(signature = (task, name=None, payload=None))]
    fn end_task(&self, py: Python<'_>, task: u64, name: Option<&str>, payload: Option<Payload<'_>>) -> PyResult<()> {
        let payload = payload.as_ref().map_or(&[][..], |payload| payload.as_slice());
        run(py, || self.0.get().held.get()?.end_task(task, name.map(|name| (name, payload))))
    }
}

/// An item of a turn and what it came to.
fn told(answer: &Bound<'_, PyAny>) -> PyResult<(u32, Result<Vec<u8>>)> {
    let (item, answer): (u32, Bound<'_, PyAny>) = answer.extract()?;
    if let Ok(bytes) = answer.cast::<PyBytes>() {
        return Ok((item, Ok(bytes.as_bytes().to_vec())));
    }
    let py = answer.py();
    if !answer.hasattr(intern!(py, "kind"))? {
        return Err(wrong_type("an answer", "bytes or a headwater.Error", &answer));
    }
    let name: String = answer.getattr(intern!(py, "kind"))?.extract()?;
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(ErrorKind::Internal);
    Ok((item, Err(Error::new(kind, answer.str()?.to_str()?))))
}

/// A wait for turns.
struct NextTurns {
    pending: Pending<Turn>,
    entities: entities::Entities,
    max: usize,
    /// Stays open while it is waited for.
    _engine: Engine,
}

impl NextTurns {
    fn take(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<Turn>>> {
        let first = match Pin::new(&mut self.pending).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(first) => first?,
        };
        let mut turns = vec![first];
        while turns.len() < self.max
            // What ends it is told to whoever asks next: the turns in hand are to be handled.
            && let Ok(Some(turn)) = self.entities.try_next()
        {
            turns.push(turn);
        }
        Poll::Ready(Ok(turns))
    }
}

impl Poller for NextTurns {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let waker = context.waker();
        let taken = py.detach(|| caught(|| Ok(self.take(&mut Context::from_waker(waker)))));
        taken.unwrap_or_else(|error| Poll::Ready(Err(error))).map(|taken| match taken {
            Ok(turns) => turns_of(py, turns),
            Err(error) => Err(raise(py, &error)),
        })
    }
}

fn turns_of(py: Python<'_>, turns: Vec<Turn>) -> PyResult<Py<PyAny>> {
    let message = model_class(py, "Message")?;
    let one = |turn: Turn| {
        let items = turn.items.iter().map(|item| {
            Ok(match &item.what {
                What::Message { name, payload, wants_reply } => {
                    let fields = (&**name, PyBytes::new(py, payload), wants_reply, item.attempt);
                    (intern!(py, "message"), message.call1(fields)?)
                }
                What::Timer { name } => (intern!(py, "timer"), name.into_pyobject(py)?.into_any()),
                What::Start => (intern!(py, "start"), py.None().into_bound(py)),
                What::Stop => (intern!(py, "stop"), py.None().into_bound(py)),
            })
        });
        let items = PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?;
        let id = turn.id();
        (id.kind, id.key, turn.token, turn.activation, items).into_pyobject(py)
    };
    let turns: Vec<Bound<'_, PyTuple>> = turns.into_iter().map(one).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, turns)?.into_any().unbind())
}

//! Events: those to save, which a program makes, and those that were saved.

use headwater::events as hw;
use headwater::{Pending, Result};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::append::HeaderList;
use crate::convert::Whole;
use crate::error::{invalid, raise, wrong_type};
use crate::model::model_class;
use crate::payload::copied;
use crate::queue::Source;
use crate::time::{Moment, datetime};

/// An event to save.
#[pyclass(frozen, eq, module = "headwater")]
#[derive(PartialEq)]
pub(crate) struct NewEvent {
    /// What happened: a name that stays, whatever becomes of the program.
    #[pyo3(get)]
    event_type: String,
    data: Vec<u8>,
    /// The version of the shape of its data, from 1.
    #[pyo3(get)]
    schema: u32,
    metadata: Vec<(String, String)>,
    /// When it happened, in nanoseconds since the epoch; when it is saved, if it is not said.
    #[pyo3(get)]
    time: Option<i64>,
    /// The person or thing that its data is about, with a key of which that is encrypted.
    #[pyo3(get)]
    data_subject: Option<String>,
}

#[pymethods]
impl NewEvent {
    #[new]
    #[pyo3(signature = (event_type, data=None, *, schema=Whole(1), metadata=None, time=None, data_subject=None),
        text_signature = "(event_type, data=b'', *, schema=1, metadata=None, time=None, data_subject=None)")]
    fn new(
        py: Python<'_>,
        event_type: String,
        data: Option<&Bound<'_, PyAny>>,
        schema: Whole,
        metadata: Option<HeaderList>,
        time: Option<Moment>,
        data_subject: Option<String>,
    ) -> PyResult<Self> {
        let data = data.map(copied).transpose()?.unwrap_or_default();
        let (metadata, schema) = (metadata.unwrap_or_default().0, schema_of(py, schema)?);
        Ok(NewEvent { event_type, data, schema, metadata, time: time.map(|time| time.0), data_subject })
    }

    /// Its data.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    /// Names and values that go with it, in order.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.metadata)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let data = self.data(py).repr()?;
        Ok(format!("NewEvent('{}', {data}, schema={})", self.event_type.escape_debug(), self.schema))
    }
}

impl NewEvent {
    fn lent(&self) -> hw::NewEvent<'_> {
        hw::NewEvent {
            event_type: &self.event_type,
            data: &self.data,
            schema: self.schema,
            time: self.time,
            metadata: self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            data_subject: self.data_subject.as_deref(),
        }
    }
}

/// A schema as the core has it.
pub(crate) fn schema_of(py: Python<'_>, schema: Whole) -> PyResult<u32> {
    u32::try_from(schema.0).map_err(|_| invalid(py, format!("a schema must be up to {}, not {}", u32::MAX, schema.0)))
}

/// The events of one save.
pub(crate) struct NewEvents(Vec<Py<NewEvent>>);

impl FromPyObject<'_, '_> for NewEvents {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let wanted = "a NewEvent or an iterable of NewEvent";
        if let Ok(one) = object.cast::<NewEvent>() {
            return Ok(NewEvents(vec![one.to_owned().unbind()]));
        }
        let items = object.try_iter().map_err(|_| wrong_type("events", wanted, &object))?;
        let one = |item: PyResult<Bound<'_, PyAny>>| {
            let item = item?;
            item.cast::<NewEvent>().map(|event| event.clone().unbind()).map_err(|_| wrong_type("events", wanted, &item))
        };
        items.map(one).collect::<PyResult<_>>().map(NewEvents)
    }
}

impl NewEvents {
    /// What they are, lent to the core.
    pub(crate) fn lent(&self) -> Vec<hw::NewEvent<'_>> {
        self.0.iter().map(|event| event.get().lent()).collect()
    }
}

/// An event that was saved.
#[pyclass(frozen, eq, module = "headwater")]
#[derive(PartialEq)]
#[expect(clippy::struct_field_names, reason = "the type of an event is called so everywhere")]
pub(crate) struct Event {
    /// The kind of its aggregate.
    #[pyo3(get)]
    aggregate: String,
    /// Which aggregate of that kind.
    #[pyo3(get)]
    key: String,
    /// What happened.
    #[pyo3(get)]
    event_type: String,
    /// Its place among the events of its aggregate, from 1.
    #[pyo3(get)]
    version: u64,
    /// Its place in the store.
    #[pyo3(get)]
    seq: u64,
    /// The version of the shape of its data, from 1.
    #[pyo3(get)]
    schema: u32,
    /// When it was saved, in nanoseconds since the epoch.
    #[pyo3(get)]
    saved: u64,
    /// When it happened, in nanoseconds since the epoch.
    #[pyo3(get)]
    time: i64,
    /// The id of the command that it was saved for.
    #[pyo3(get)]
    command: Option<String>,
    /// What it belongs together with.
    #[pyo3(get)]
    correlation: Option<String>,
    /// What it is a consequence of.
    #[pyo3(get)]
    causation: Option<String>,
    metadata: Vec<(String, String)>,
    data: Vec<u8>,
    /// The person or thing that its data is about.
    #[pyo3(get)]
    data_subject: Option<String>,
    /// Whether its data is gone, as its data subject was forgotten.
    #[pyo3(get)]
    is_erased: bool,
}

impl Event {
    pub(crate) fn of(view: &hw::EventView<'_>) -> headwater::Result<Self> {
        let (aggregate, key) = view.id()?;
        let text = |text: Option<&str>| text.map(str::to_owned);
        Ok(Event {
            aggregate,
            key,
            event_type: view.event_type.to_owned(),
            version: view.version,
            seq: view.seq(),
            schema: view.schema,
            saved: view.saved(),
            time: view.time(),
            command: text(view.command()),
            correlation: text(view.correlation()),
            causation: text(view.causation()),
            metadata: view.metadata().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            data: view.data().to_vec(),
            data_subject: text(view.data_subject),
            is_erased: view.is_erased,
        })
    }
}

#[pymethods]
impl Event {
    /// Its data.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    /// Names and values that went with it, in order.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.metadata)
    }

    /// Where its aggregate stands by it.
    #[getter]
    fn position<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        model_class(py, "Position")?.call1((self.version, self.seq))
    }

    /// `time` in UTC, to the microsecond.
    #[getter]
    fn datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time)
    }

    fn __hash__(&self) -> u64 {
        self.seq
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let [aggregate, key, event_type] =
            [&self.aggregate, &self.key, &self.event_type].map(|text| text.escape_debug());
        let (version, seq, data) = (self.version, self.seq, self.data(py).repr()?);
        Ok(format!("Event('{aggregate}' '{key}', version={version}, seq={seq}, '{event_type}', data={data})"))
    }
}

/// The events of a list; one that can't be read is its exception, in its place.
pub(crate) fn events(py: Python<'_>, list: &hw::Events) -> PyResult<Vec<Py<PyAny>>> {
    let one = |view: headwater::Result<hw::EventView<'_>>| match view.and_then(|view| Event::of(&view)) {
        Ok(event) => Ok(Py::new(py, event)?.into_any()),
        Err(error) => Ok(raise(py, &error).into_value(py).into_any()),
    };
    list.iter().map(one).collect()
}

impl Source for hw::EventFeed {
    type Batch = hw::Events;
    /// Nothing lies here, so that the lag is that of the caller.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<hw::Events> {
        hw::EventFeed::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<hw::Events> {
        hw::EventFeed::try_next(self, max)
    }

    fn close(&self) {
        hw::EventFeed::close(self);
    }

    fn convert(py: Python<'_>, batch: hw::Events) -> PyResult<Vec<Py<PyAny>>> {
        events(py, &batch)
    }
}

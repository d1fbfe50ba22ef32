//! What is told and asked of an event store beside events: the values of `headwater/_model.py`, and arguments.

use headwater::events::{
    AggregateInfo, Archived, AsOf, Condition, EventFilter, Expected, LoadOptions, Loaded, Page, Position, Saved,
    Snapshot,
};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyTuple};

use crate::convert::Whole;
use crate::error::{invalid, wrong_type};
use crate::event::{events, schema_of};
use crate::model::{model, model_class};
use crate::settings::choice;
use crate::time::Moment;

fn position_of(py: Python<'_>, position: Position) -> PyResult<Bound<'_, PyAny>> {
    model_class(py, "Position")?.call1((position.version, position.seq))
}

/// What a save came to.
pub(crate) fn saved(py: Python<'_>, saved: Saved) -> PyResult<Py<PyAny>> {
    let fields = (position_of(py, saved.position)?, saved.is_repeat, saved.durability.name());
    Ok(model_class(py, "Saved")?.call1(fields)?.unbind())
}

/// What a command came to, if it is known.
pub(crate) fn found(py: Python<'_>, found: Option<Saved>) -> PyResult<Py<PyAny>> {
    found.map_or_else(|| Ok(py.None()), |found| saved(py, found))
}

/// What archiving came to.
pub(crate) fn archived(py: Python<'_>, archived: Archived) -> PyResult<Py<PyAny>> {
    let fields = (archived.events, archived.up_to, archived.held_back_by);
    Ok(model_class(py, "Archived")?.call1(fields)?.unbind())
}

/// A snapshot, if there is one.
pub(crate) fn snapshot(py: Python<'_>, snapshot: Option<Snapshot>) -> PyResult<Py<PyAny>> {
    let Some(snapshot) = snapshot else { return Ok(py.None()) };
    let fields = PyDict::new(py);
    fields.set_item("position", position_of(py, snapshot.position)?)?;
    fields.set_item("schema", snapshot.schema)?;
    fields.set_item("saved", snapshot.saved)?;
    fields.set_item("data", PyBytes::new(py, &snapshot.data))?;
    fields.set_item("data_subjects", PyTuple::new(py, &snapshot.data_subjects)?)?;
    Ok(model(py, "Snapshot", &fields)?.unbind())
}

/// What was loaded.
pub(crate) fn loaded(py: Python<'_>, mut loaded: Loaded) -> PyResult<Py<PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("position", position_of(py, loaded.position)?)?;
    fields.set_item("snapshot", snapshot(py, loaded.snapshot.take())?)?;
    fields.set_item("events", PyTuple::new(py, events(py, &loaded.into_events())?)?)?;
    Ok(model(py, "Loaded", &fields)?.unbind())
}

/// A page of aggregates, and what to go on behind.
pub(crate) fn page(py: Python<'_>, page: Page) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "AggregateInfo")?;
    let one = |info: AggregateInfo| {
        class.call1((info.aggregate, info.key, position_of(py, info.position)?, info.event_type, info.saved))
    };
    let list = PyList::new(py, page.aggregates.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)?;
    Ok((list, page.next).into_pyobject(py)?.into_any().unbind())
}

/// What a save expects to find.
pub(crate) struct Expecting(pub(crate) Expected);

impl FromPyObject<'_, '_> for Expecting {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            let choices = [("any", Expected::Any), ("none", Expected::None), ("exists", Expected::Exists)];
            return choice(object.py(), "expected", &choices, text.to_str()?).map(Expecting);
        }
        if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
            return Ok(Expecting(Expected::Version(object.extract::<Whole>()?.0)));
        }
        match object.extract::<Place>() {
            Ok(place) => Ok(Expecting(Expected::At(place.0))),
            Err(_) => Err(wrong_type("expected", "'any', 'none', 'exists', a version or a Position", &object)),
        }
    }
}

/// A position.
pub(crate) struct Place(pub(crate) Position);

impl FromPyObject<'_, '_> for Place {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let wrong = |_| wrong_type("a position", "a Position", &object);
        let (version, seq) = object.extract::<(u64, u64)>().map_err(wrong)?;
        Ok(Place(Position { version, seq }))
    }
}

/// Names of data subjects.
#[derive(Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// What they are, lent to the core.
    pub(crate) fn lent(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

impl FromPyObject<'_, '_> for Names {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let wanted = "an iterable of str, and no str";
        if object.is_instance_of::<PyString>() {
            return Err(wrong_type("data_subjects", wanted, &object));
        }
        let names = object.try_iter().map_err(|_| wrong_type("data_subjects", wanted, &object))?;
        names.map(|name| name?.extract()).collect::<PyResult<_>>().map(Names)
    }
}

/// Which aggregates.
pub(crate) struct Filter(pub(crate) EventFilter);

impl FromPyObject<'_, '_> for Filter {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if !object.is_instance(&model_class(object.py(), "EventFilter")?)? {
            return Err(wrong_type("a filter", "an EventFilter", &object));
        }
        let (aggregate, key) = (object.getattr("aggregate")?.extract()?, object.getattr("key")?.extract()?);
        Ok(Filter(EventFilter { aggregate, key }))
    }
}

/// None, one or several filters.
pub(crate) fn filters(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<EventFilter>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let Ok(items) = given.try_iter() else { return Ok(vec![given.extract::<Filter>()?.0]) };
    items.map(|item| Ok(item?.extract::<Filter>()?.0)).collect()
}

/// That nothing was saved in some aggregates since.
pub(crate) struct Unchanged(pub(crate) Condition);

impl FromPyObject<'_, '_> for Unchanged {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if !object.is_instance(&model_class(object.py(), "Condition")?)? {
            return Err(wrong_type("condition", "a Condition", &object));
        }
        let filter = object.getattr("filter")?.extract::<Filter>()?.0;
        Ok(Unchanged(Condition { filter, last_seq: object.getattr("last_seq")?.extract::<Whole>()?.0 }))
    }
}

/// The options of a load.
pub(crate) fn load_options(
    py: Python<'_>,
    version: Option<Whole>,
    seq: Option<Whole>,
    time: Option<Moment>,
    snapshot_schema: Whole,
    behind: Option<Place>,
) -> PyResult<LoadOptions> {
    let as_of = match (version, seq, time) {
        (None, None, None) => AsOf::Now,
        (Some(version), None, None) => AsOf::Version(version.0),
        (None, Some(seq), None) => AsOf::Seq(seq.0),
        (None, None, Some(time)) => AsOf::Time(time.commit(py)?),
        _ => return Err(invalid(py, "as_of_version, as_of_seq and as_of_time exclude each other")),
    };
    let behind = behind.map(|place| place.0).unwrap_or_default();
    Ok(LoadOptions { as_of, snapshot_schema: schema_of(py, snapshot_schema)?, behind })
}

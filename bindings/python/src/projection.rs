//! Projections: events taken, brought into effect by the program, and committed. `headwater/_projection.py` drives read
//! models with them.

use headwater::Pending;
use headwater::events::{self, DeadLetter, Failing, Failure, ProjectionConfig, ProjectionStatus};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::call::{block, run};
use crate::convert::Whole;
use crate::error::raise;
use crate::event::{self, Event};
use crate::event_model::filters;
use crate::event_store::EventStore;
use crate::fork::Held;
use crate::model::{model, model_class};
use crate::payload::Payload;
use crate::settings::Settings;
use crate::time::{Seconds, seconds};
use crate::wait::{self, Wait};

/// The module that drives read models.
const DRIVER: &str = "headwater._projection";

fn config(
    py: Python<'_>,
    name: String,
    given: Option<&Bound<'_, PyAny>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<ProjectionConfig> {
    let settings = Settings::new(py, "projection", settings)?;
    let mut config = ProjectionConfig { filters: filters(given)?, ..ProjectionConfig::new(name) };
    settings.set("is_rebuild", &mut config.is_rebuild)?;
    settings.set("tries", &mut config.tries)?;
    settings.set_duration("pause", &mut config.pause)?;
    settings.set_duration("pause_max", &mut config.pause_max)?;
    settings.finish()?;
    Ok(config)
}

fn failing<'py>(py: Python<'py>, failing: &Failing) -> PyResult<Bound<'py, PyAny>> {
    model_class(py, "Failing")?.call1((failing.seq, failing.tries, &failing.error))
}

fn failure(py: Python<'_>, failure: Failure) -> PyResult<Py<PyAny>> {
    let fields = (failure.tries, seconds(failure.pause), failure.is_dead);
    Ok(model_class(py, "Failure")?.call1(fields)?.unbind())
}

fn statuses(py: Python<'_>, all: Vec<ProjectionStatus>) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "EventFilter")?;
    let one = |status: ProjectionStatus| {
        let filters = status.filters.iter().map(|filter| class.call1((&filter.aggregate, &filter.key)));
        let fields = PyDict::new(py);
        fields.set_item("name", status.name)?;
        fields.set_item("is_rebuild", status.is_rebuild)?;
        fields.set_item("position", status.position)?;
        fields.set_item("lag", status.lag)?;
        fields.set_item("is_running", status.is_running)?;
        fields.set_item("failing", status.failing.as_ref().map(|it| failing(py, it)).transpose()?)?;
        fields.set_item("dead", status.dead)?;
        fields.set_item("updated", status.updated)?;
        fields.set_item("filters", PyTuple::new(py, filters.collect::<PyResult<Vec<_>>>()?)?)?;
        model(py, "ProjectionStatus", &fields)
    };
    Ok(PyList::new(py, all.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)?.into_any().unbind())
}

fn letters(py: Python<'_>, all: Vec<DeadLetter>) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "DeadLetter")?;
    let one = |it: DeadLetter| class.call1((it.failing.seq, it.failing.tries, it.failing.error, it.time));
    Ok(PyList::new(py, all.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)?.into_any().unbind())
}

fn events_of(py: Python<'_>, batch: events::Events) -> PyResult<Py<PyAny>> {
    Ok(PyList::new(py, event::events(py, &batch)?)?.into_any().unbind())
}

fn first(py: Python<'_>, batch: events::Events) -> PyResult<Py<PyAny>> {
    match batch.get(0).map(|view| Event::of(&view?)) {
        Some(found) => Ok(Py::new(py, found.map_err(|error| raise(py, &error))?)?.into_any()),
        None => Ok(py.None()),
    }
}

#[pymethods]
impl EventStore {
    /// Opens a projection, which goes on behind what was committed; from then on, whoever had it open is refused.
    #[pyo3(signature = (name, filters=None, **settings))]
    fn projection(
        &self,
        py: Python<'_>,
        name: String,
        filters: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Projection> {
        let config = config(py, name, filters, settings)?;
        self.0.child(py, |store, _| store.projection(config)).map(Projection)
    }

    /// All projections that were opened, by name.
    fn projections(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let all = block(py, None, || Ok(self.0.get()?.projections()))?;
        statuses(py, all)
    }

    /// As `projections`, to await.
    fn projections_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, events::EventStore::projections, statuses)
    }

    /// Forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on.
    fn delete_projection(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.0.get()?.delete_projection(name)))
    }

    /// As `delete_projection`, to await.
    fn delete_projection_async(&self, py: Python<'_>, name: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.delete_projection(name), wait::nothing)
    }

    /// Dead letters of a projection whose events lie behind `after`.
    #[pyo3(signature = (projection, *, after=Whole(0), max_letters=Whole(1000)),
        text_signature = "($self, projection, *, after=0, max_letters=1000)")]
    fn dead_letters(&self, py: Python<'_>, projection: &str, after: Whole, max_letters: Whole) -> PyResult<Py<PyAny>> {
        let all = block(py, None, || Ok(self.0.get()?.dead_letters(projection, after.0, max_letters.count())))?;
        letters(py, all)
    }

    /// As `dead_letters`, to await.
    #[pyo3(signature = (projection, *, after=Whole(0), max_letters=Whole(1000)),
        text_signature = "($self, projection, *, after=0, max_letters=1000)")]
    fn dead_letters_async(&self, py: Python<'_>, projection: &str, after: Whole, max_letters: Whole) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.dead_letters(projection, after.0, max_letters.count()), letters)
    }

    /// Removes the dead letter of the event at `seq`; false when there is none.
    fn delete_dead_letter(&self, py: Python<'_>, projection: &str, seq: Whole) -> PyResult<bool> {
        block(py, None, || Ok(self.0.get()?.delete_dead_letter(projection, seq.0)))
    }

    /// As `delete_dead_letter`, to await.
    fn delete_dead_letter_async(&self, py: Python<'_>, projection: &str, seq: Whole) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.delete_dead_letter(projection, seq.0), wait::plain)
    }

    /// The event at a sequence of the store, or `None`.
    fn event_at(&self, py: Python<'_>, seq: Whole) -> PyResult<Py<PyAny>> {
        let found = block(py, None, || Ok(self.0.get()?.event_at(seq.0)))?;
        first(py, found)
    }

    /// As `event_at`, to await.
    fn event_at_async(&self, py: Python<'_>, seq: Whole) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.event_at(seq.0), first)
    }
}

/// A projection that is open: it follows a store from where it stood. Safe to share; each event goes to one taker.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Projection(Held<events::Projection>);

impl Projection {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&events::Projection) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.0.get()?)))
    }
}

#[pymethods]
impl Projection {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// The store that it follows.
    #[getter]
    fn store(&self, py: Python<'_>) -> PyResult<EventStore> {
        self.0.child(py, |it, _| Pending::ready(Ok(it.store().clone()))).map(EventStore)
    }

    /// The sequence of the last event in effect; 0 is none.
    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.0.get()?.position()))
    }

    /// The state that was committed last; empty when none was.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &run(py, || Ok(self.0.get()?.state()))?))
    }

    /// How many events, of any aggregate, the store has behind what is in effect: 0 is live.
    #[getter]
    fn lag(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.0.get()?.lag()))
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        run(py, || Ok(self.0.get()?.is_closed()))
    }

    /// Says where the read model stands, which keeps its position itself: commits then only tell the store, about once
    /// a second.
    fn seek(&self, py: Python<'_>, position: Whole) -> PyResult<()> {
        run(py, || {
            self.0.get()?.seek(position.0);
            Ok(())
        })
    }

    /// Up to `max_events` events, waiting for the first and for the end of a pause; none where a record that is no
    /// event was passed by.
    #[pyo3(signature = (max_events, timeout=None))]
    fn next_batch(&self, py: Python<'_>, max_events: Whole, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        let batch = self.wait(py, timeout, |it| it.next(max_events.count()))?;
        events_of(py, batch)
    }

    /// As `next_batch`, to await.
    fn next_batch_async(&self, py: Python<'_>, max_events: Whole) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |it| it.next(max_events.count()), events_of)
    }

    /// Says that all events up to `seq` are in effect, in the memory of a program that commits later.
    fn advance(&self, py: Python<'_>, seq: Whole) -> PyResult<()> {
        run(py, || self.0.get()?.advance(seq.0))
    }

    /// Says that all events up to `seq` are in effect. `state` is kept with it where the store keeps the position.
    #[pyo3(signature = (seq, state=None), text_signature = "($self, seq, state=b'')")]
    fn commit(&self, py: Python<'_>, seq: Whole, state: Option<Payload<'_>>) -> PyResult<()> {
        let state = state.as_ref().map_or(&[][..], |state| state.as_slice());
        self.wait(py, None, |it| it.commit(seq.0, state))
    }

    /// As `commit`, to await.
    #[pyo3(signature = (seq, state=None), text_signature = "($self, seq, state=b'')")]
    fn commit_async(&self, py: Python<'_>, seq: Whole, state: Option<Payload<'_>>) -> PyResult<Wait> {
        let state = state.as_ref().map_or(&[][..], |state| state.as_slice());
        Wait::begin(py, &self.0, |it| it.commit(seq.0, state), wait::nothing)
    }

    /// Tells the store now what it would be told within a second.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.wait(py, None, events::Projection::flush)
    }

    /// As `flush`, to await.
    fn flush_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, events::Projection::flush, wait::nothing)
    }

    /// Says that an event, and with it what was given out behind it, is not in effect, and why: it is given out again
    /// after a pause, or is a dead letter from now on.
    fn fail(&self, py: Python<'_>, seq: Whole, why: &str) -> PyResult<Py<PyAny>> {
        let failed = self.wait(py, None, |it| it.fail(seq.0, why))?;
        failure(py, failed)
    }

    /// As `fail`, to await.
    fn fail_async(&self, py: Python<'_>, seq: Whole, why: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |it| it.fail(seq.0, why), failure)
    }

    /// The sequence of the last event for it that there is now; 0 when there is none.
    fn head(&self, py: Python<'_>) -> PyResult<u64> {
        self.wait(py, None, events::Projection::head)
    }

    /// As `head`, to await.
    fn head_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, events::Projection::head, wait::plain)
    }

    /// Makes what was built anew the live projection of this name; false, and nothing is done, where it is behind that.
    fn switch(&self, py: Python<'_>) -> PyResult<bool> {
        self.wait(py, None, events::Projection::switch)
    }

    /// As `switch`, to await.
    fn switch_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, events::Projection::switch, wait::plain)
    }

    /// Drives a read model until the projection is closed.
    fn run<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("run", (slf, model))
    }

    /// As `run`, to await. The read model is called in the event loop's thread.
    fn run_async<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("run_async", (slf, model))
    }

    /// Drives a read model up to the last event that there is now.
    fn catch_up<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("catch_up", (slf, model))
    }

    /// As `catch_up`, to await.
    fn catch_up_async<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("catch_up_async", (slf, model))
    }

    /// Takes the dead letters in that there are; answers how many.
    fn replay<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("replay", (slf, model))
    }

    /// As `replay`, to await.
    fn replay_async<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("replay_async", (slf, model))
    }

    /// Ends it, and tells the store where it stands: waits raise `ClosedError`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.wait(py, None, events::Projection::close)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

//! The point store and time series.

use std::time::Duration;

use headwater as hw;
use headwater::Pending;
use headwater::points::{self, Aggregate, PointsConfig, Query};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::call::{block, run};
use crate::convert::{Filters, Whole};
use crate::error::{raise, wrong_type};
use crate::fork::Held;
use crate::point::{Point, Row};
use crate::record::Ack;
use crate::settings::{Settings, texts};
use crate::stream::Stream;
use crate::time::{Moment, Seconds};
use crate::transfer::{Format, ImportArguments, export, import};
use crate::wait::{self, Wait};
use crate::watcher::PointWatcher;

/// The configuration that keyword settings say.
pub(crate) fn points_config(py: Python<'_>, name: String, given: Option<&Bound<'_, PyDict>>) -> PyResult<PointsConfig> {
    let settings = Settings::new(py, "create_points", given)?;
    let mut config = PointsConfig { name, ..PointsConfig::default() };
    settings.set_durability(&mut config.durability)?;
    settings.set_duration("max_age", &mut config.max_age)?;
    settings.set("max_points_per_series", &mut config.max_points_per_series)?;
    settings.finish()?;
    Ok(config)
}

/// A point store and time series over one stream. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Points(Held<points::Points>);

impl Points {
    pub(crate) fn new(held: Held<points::Points>) -> Self {
        Points(held)
    }
}

/// One point or an iterable of them.
fn collect(given: &Bound<'_, PyAny>) -> PyResult<Vec<points::Point>> {
    if let Ok(point) = given.cast::<Point>() {
        return Ok(vec![point.get().0.clone()]);
    }
    let wanted = "a Point or an iterable of Point";
    let items = given.try_iter().map_err(|_| wrong_type("points", wanted, given))?;
    items
        .map(|item| {
            let item = item?;
            let point = item.cast::<Point>().map_err(|_| wrong_type("points", wanted, &item))?;
            Ok(point.get().0.clone())
        })
        .collect()
}

fn list(py: Python<'_>, points: Vec<points::Point>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for point in points {
        list.append(Point::from(point))?;
    }
    Ok(list)
}

fn nanos(time: Option<Moment>) -> Option<i64> {
    time.map(|time| time.0)
}

#[pymethods]
impl Points {
    /// The stream below.
    #[getter]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        self.0.child(py, |points, _| Pending::ready(Ok(points.stream().clone()))).map(Stream::new)
    }

    /// Writes a point, or up to 1,000 points, all or nothing. Of two with the same time, tombstone and origin the first
    /// stays the winning one: to correct a value, write it with a greater tombstone or another origin.
    #[pyo3(signature = (points, *, timeout=None))]
    fn write(&self, py: Python<'_>, points: &Bound<'_, PyAny>, timeout: Option<Seconds>) -> PyResult<Ack> {
        let points = collect(points)?;
        let ack = block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.get()?.write(&points)))?;
        Ok(Ack::from(ack))
    }

    /// As `write`: begins now, and is awaited for its acknowledgement.
    #[pyo3(signature = (points))]
    fn write_async(&self, py: Python<'_>, points: &Bound<'_, PyAny>) -> PyResult<Wait> {
        let points = collect(points)?;
        Wait::begin(py, &self.0, |store| store.write(&points), wait::ack)
    }

    /// The winning point of each series that the filter takes; deleted ones only when asked for.
    #[pyo3(signature = (filter=">", *, deleted=false))]
    fn latest<'py>(&self, py: Python<'py>, filter: &str, deleted: bool) -> PyResult<Bound<'py, PyList>> {
        let points = run(py, || self.0.get()?.latest(filter, deleted))?;
        list(py, points)
    }

    /// A page of the points in a span of event time, in commit order, and the sequence to give as `after` for the next.
    #[pyo3(signature = (filter=">", *, start=None, end=None, after=Whole(0), max_points=Whole(1000)),
        text_signature = "($self, filter='>', *, start=None, end=None, after=0, max_points=1000)")]
    fn range<'py>(
        &self,
        py: Python<'py>,
        filter: &str,
        start: Option<Moment>,
        end: Option<Moment>,
        after: Whole,
        max_points: Whole,
    ) -> PyResult<(Bound<'py, PyList>, u64)> {
        let (start, end) = (nanos(start), nanos(end));
        let (points, next) = run(py, || self.0.get()?.range(filter, start, end, after.0, max_points.count()))?;
        Ok((list(py, points)?, next))
    }

    /// Aggregates in buckets of `every`, aligned to the epoch in UTC; one bucket when that is not given. A percentile
    /// such as `p99.9` is exact for up to 1,024 numbers in a bucket, and beyond that within 0.4 % as long as they span
    /// no more than 32 powers of two; the error doubles each time that this span does.
    #[pyo3(signature = (filters=None, aggregates=None, *, start=None, end=None, every=None),
        text_signature = "($self, filters=None, aggregates='mean', *, start=None, end=None, every=None)")]
    fn query<'py>(
        &self,
        py: Python<'py>,
        filters: Option<Filters>,
        aggregates: Option<Bound<'_, PyAny>>,
        start: Option<Moment>,
        end: Option<Moment>,
        every: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        let names = aggregates.map_or_else(|| Ok(vec!["mean".to_owned()]), |names| texts(&names, "aggregates"))?;
        let aggregates: hw::Result<Vec<_>> = names.iter().map(|name| Aggregate::parse(name)).collect();
        let query = Query {
            filters: filters.unwrap_or_default().0,
            from: nanos(start),
            to: nanos(end),
            every: every.map_or(Duration::ZERO, |every| every.0),
            aggregates: aggregates.map_err(|error| raise(py, &error))?,
        };
        let rows = run(py, || self.0.get()?.query(&query))?;
        let list = PyList::empty(py);
        for row in rows {
            list.append(Row::from(row))?;
        }
        Ok(list)
    }

    /// Imports CSV with a header line, from a path or a binary file; `progress` hears bytes read.
    ///
    /// What it raises stops the import; the same import goes on from there.
    #[pyo3(signature = (source, **arguments))]
    fn import_csv<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        arguments: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let arguments = ImportArguments::new(py, "import_csv", arguments)?;
        import(py, source, arguments, |from, options, progress| self.0.get()?.import_csv(from, options, progress))
    }

    /// Imports JSON lines, from a path or a binary file; `progress` hears bytes read.
    #[pyo3(signature = (source, **arguments))]
    fn import_jsonl<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        arguments: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let arguments = ImportArguments::new(py, "import_jsonl", arguments)?;
        import(py, source, arguments, |from, options, progress| self.0.get()?.import_jsonl(from, options, progress))
    }

    /// Exports the points of a filter as CSV, to a path or a binary file; returns how many.
    ///
    /// `progress` hears bytes written; what it raises stops the export, and what was written stays.
    #[pyo3(signature = (target, filter=">", *, start=None, end=None, progress=None))]
    fn export_csv(
        &self,
        py: Python<'_>,
        target: &Bound<'_, PyAny>,
        filter: &str,
        start: Option<Moment>,
        end: Option<Moment>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        let (start, end) = (nanos(start), nanos(end));
        export(py, target, progress, Format::Csv, |to, format, progress| {
            format.export(self.0.get()?, to, filter, start, end, progress)
        })
    }

    /// Exports the points of a filter as JSON lines, to a path or a binary file; returns how many.
    #[pyo3(signature = (target, filter=">", *, start=None, end=None, progress=None))]
    fn export_jsonl(
        &self,
        py: Python<'_>,
        target: &Bound<'_, PyAny>,
        filter: &str,
        start: Option<Moment>,
        end: Option<Moment>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        let (start, end) = (nanos(start), nanos(end));
        export(py, target, progress, Format::JsonLines, |to, format, progress| {
            format.export(self.0.get()?, to, filter, start, end, progress)
        })
    }

    /// Follows points as they come: the winning point of each series first, then every new one.
    #[pyo3(signature = (filter=">"))]
    fn watch(&self, py: Python<'_>, filter: &str) -> PyResult<PointWatcher> {
        self.0.child(py, |points, _| Pending::ready(points.watch(filter))).map(PointWatcher::new)
    }
}

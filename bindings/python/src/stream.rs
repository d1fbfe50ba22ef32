//! Streams: what they are and hold, reads, subscriptions and consumers. What changes them is in `change.rs`.

use std::sync::Arc;

use headwater as hw;
use headwater::{ReadOptions, Start, SubscribeOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::call::{block, run};
use crate::consumer::{Consumer, consumer_config, consumer_info};
use crate::convert::{Filters, Whole};
use crate::error::invalid;
use crate::fork::Held;
use crate::model::{stream_config, stream_info};
use crate::reader::Reader;
use crate::record::{Record, list};
use crate::subscription::{Subscription, deliver_policy};
use crate::time::Moment;

/// How many records or subjects one step of a longer answer brings.
const PAGE_ITEMS: usize = 1000;

/// A durable, subject-addressed, sequenced log. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Stream(Arc<Held<hw::Stream>>);

impl Stream {
    pub(crate) fn new(held: Held<hw::Stream>) -> Self {
        Stream(Arc::new(held))
    }

    pub(crate) fn held(&self) -> &Held<hw::Stream> {
        &self.0
    }

    pub(crate) fn inner(&self) -> hw::Result<&hw::Stream> {
        self.0.get()
    }
}

/// What is left of a limit: all of it when there is none.
fn limit(max: Option<Whole>) -> usize {
    max.map_or(usize::MAX, Whole::count)
}

#[pymethods]
impl Stream {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.inner()?.name().to_owned()))
    }

    /// Its configuration now.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let config = run(py, || Ok(self.inner()?.config()))?;
        stream_config(py, &config)
    }

    /// What it is and holds.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = block(py, None, || Ok(self.inner()?.info()))?;
        stream_info(py, &info)
    }

    /// The record with this sequence.
    fn get(&self, py: Python<'_>, seq: Whole) -> PyResult<Option<Record>> {
        let record = block(py, None, || Ok(self.inner()?.get(seq.0)))?;
        record.map(|record| Record::from_record(py, &record)).transpose()
    }

    /// The newest record of a subject, or of all that a wildcard filter takes.
    fn last(&self, py: Python<'_>, filter: &str) -> PyResult<Option<Record>> {
        let record = block(py, None, || Ok(self.inner()?.last(filter)))?;
        record.map(|record| Record::from_record(py, &record)).transpose()
    }

    /// The newest record of every subject that the filters take, by sequence, of those after sequence `after`.
    #[pyo3(signature = (filters=None, *, after=Whole(0), max_records=None),
        text_signature = "($self, filters=None, *, after=0, max_records=None)")]
    fn last_many<'py>(
        &self,
        py: Python<'py>,
        filters: Option<Filters>,
        after: Whole,
        max_records: Option<Whole>,
    ) -> PyResult<Bound<'py, PyList>> {
        let filters = filters.unwrap_or_default();
        let filters = filters.as_strs();
        let records = PyList::empty(py);
        let (mut after, mut left) = (after.0, limit(max_records));
        while left > 0 {
            let batch = block(py, None, || Ok(self.inner()?.last_many(&filters, after, left.min(PAGE_ITEMS))))?;
            let Some(last) = batch.len().checked_sub(1).and_then(|last| batch.seq(last)) else { break };
            after = last;
            left -= batch.len().min(left);
            records.call_method1("extend", (list(py, &batch)?,))?;
        }
        Ok(records)
    }

    /// The last sequence among all subjects that the filter takes; 0 when there is none.
    #[pyo3(signature = (filter=">"))]
    fn last_seq(&self, py: Python<'_>, filter: &str) -> PyResult<u64> {
        block(py, None, || Ok(self.inner()?.last_seq(filter)))
    }

    /// The subjects that have a record, with how many, in order, of those after `after`.
    #[pyo3(signature = (filter=">", *, after="", max_subjects=None))]
    fn subjects<'py>(
        &self,
        py: Python<'py>,
        filter: &str,
        after: &str,
        max_subjects: Option<Whole>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let subjects = PyDict::new(py);
        let (mut after, mut left) = (after.to_owned(), limit(max_subjects));
        while left > 0 {
            let page = block(py, None, || Ok(self.inner()?.subjects(filter, &after, left.min(PAGE_ITEMS))))?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            left -= page.len().min(left);
            for (subject, count) in page {
                subjects.set_item(subject, count)?;
            }
        }
        Ok(subjects)
    }

    /// The records that are there now, in order, read as they are asked for.
    ///
    /// `event_range` is `(from, to)`: only records whose event time, or commit time where there is none, is in it.
    #[pyo3(signature = (filters=None, *, from_seq=None, from_time=None, until=None, event_range=None,
        backward=false, max_records=None, max_bytes=None))]
    #[expect(clippy::too_many_arguments, reason = "all but one are keywords")]
    fn read(
        &self,
        py: Python<'_>,
        filters: Option<Filters>,
        from_seq: Option<Whole>,
        from_time: Option<Moment>,
        until: Option<Moment>,
        event_range: Option<(Moment, Moment)>,
        backward: bool,
        max_records: Option<Whole>,
        max_bytes: Option<Whole>,
    ) -> PyResult<Reader> {
        let start = match (from_seq, from_time) {
            (Some(_), Some(_)) => return Err(invalid(py, "from_seq and from_time exclude each other")),
            (Some(seq), None) => Some(Start::Seq(seq.0)),
            (None, Some(time)) => Some(Start::Time(time.commit(py)?)),
            (None, None) => None,
        };
        let options = ReadOptions {
            filters: filters.unwrap_or_default().0,
            start,
            until: until.map(|time| time.commit(py)).transpose()?,
            event_range: event_range.map(|(from, to)| (from.0, to.0)),
            backward,
            max_records: limit(max_records),
            max_bytes: max_bytes.map_or(0, Whole::count),
        };
        Reader::new(py, self.0.clone(), options)
    }

    /// History, then live, with no gap and no duplicate at the seam.
    #[pyo3(signature = (filters=None, *, deliver_policy=None, start_seq=None, start_time=None))]
    fn subscribe(
        &self,
        py: Python<'_>,
        filters: Option<Filters>,
        deliver_policy: Option<&str>,
        start_seq: Option<Whole>,
        start_time: Option<Moment>,
    ) -> PyResult<Subscription> {
        let deliver_policy = self::deliver_policy(py, deliver_policy, start_seq, start_time)?;
        let options = SubscribeOptions { filters: filters.unwrap_or_default().0, deliver_policy };
        self.0.child(py, |stream, _| stream.subscribe(options)).map(Subscription::new)
    }

    /// Makes a durable consumer; the same settings again return the one there, others are a conflict.
    #[pyo3(signature = (name, **settings))]
    fn create_consumer(
        &self,
        py: Python<'_>,
        name: String,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Consumer> {
        let config = consumer_config(py, name, settings)?;
        self.0.child(py, |stream, _| stream.create_consumer(config)).map(Consumer::new)
    }

    /// The consumer of this name.
    fn consumer(&self, py: Python<'_>, name: &str) -> PyResult<Consumer> {
        self.0.child(py, |stream, _| stream.consumer(name)).map(Consumer::new)
    }

    /// Removes a consumer.
    fn delete_consumer(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.inner()?.delete_consumer(name)))
    }

    /// All consumers, by name.
    fn consumers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let infos = block(py, None, || Ok(self.inner()?.consumers()))?;
        let infos: Vec<_> = infos.iter().map(|info| consumer_info(py, info)).collect::<PyResult<_>>()?;
        PyList::new(py, infos)
    }
}

//! Durable consumers: records that come again until they are acknowledged.

use std::sync::Arc;
use std::time::Duration;

use headwater as hw;
use headwater::{AckPolicy, ConsumerConfig, Pending, Result};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList};

use crate::call::{block, run};
use crate::convert::Whole;
use crate::error::wrong_type;
use crate::fork::Held;
use crate::model::{self, model};
use crate::queue::{NextItems, Queue, Source, Want};
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::{deliver_policy, records};
use crate::time::{Moment, Seconds};
use crate::wait::{self, Wait};

impl Source for hw::Consumer {
    type Batch = hw::Batch;
    /// A delivered record has `ack_wait` to be acknowledged, so none is taken before it is asked for.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<hw::Batch> {
        hw::Consumer::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<hw::Batch> {
        hw::Consumer::try_next(self, max)
    }

    fn close(&self) {}

    fn convert(py: Python<'_>, batch: hw::Batch) -> PyResult<Vec<Py<PyAny>>> {
        records(py, &batch)
    }
}

/// A sequence, or the record that has it.
pub(crate) struct Delivered(u64);

impl FromPyObject<'_, '_> for Delivered {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if let Ok(record) = object.cast::<Record>() {
            return Ok(Delivered(record.get().seq));
        }
        if !object.is_instance_of::<PyInt>() {
            return Err(wrong_type("what was delivered", "a Record or its sequence", &object));
        }
        object.extract().map(|seq: Whole| Delivered(seq.0))
    }
}

fn seqs(delivered: &[Delivered]) -> Vec<u64> {
    delivered.iter().map(|one| one.0).collect()
}

/// The configuration that keyword settings say.
pub(crate) fn consumer_config(
    py: Python<'_>,
    name: String,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<ConsumerConfig> {
    let settings = Settings::new(py, "create_consumer", given)?;
    let mut config = ConsumerConfig::new(name);
    settings.set("description", &mut config.description)?;
    settings.set_texts("filter_subjects", &mut config.filter_subjects)?;
    let (mut policy, mut start_seq, mut start_time) = (None::<String>, None::<Whole>, None::<Moment>);
    settings.set("deliver_policy", &mut policy)?;
    settings.set("start_seq", &mut start_seq)?;
    settings.set("start_time", &mut start_time)?;
    config.deliver_policy = deliver_policy(py, policy.as_deref(), start_seq, start_time)?;
    let policies = [("explicit", AckPolicy::Explicit), ("all", AckPolicy::All), ("none", AckPolicy::None)];
    settings.set_choice("ack_policy", &policies, &mut config.ack_policy)?;
    settings.set_duration("ack_wait", &mut config.ack_wait)?;
    settings.set("max_deliver", &mut config.max_deliver)?;
    let mut backoff: Vec<Seconds> = Vec::new();
    settings.set("backoff", &mut backoff)?;
    config.backoff = backoff.into_iter().map(|wait| wait.0).collect();
    settings.set("max_ack_pending", &mut config.max_ack_pending)?;
    settings.set("dead_letter", &mut config.dead_letter)?;
    settings.finish()?;
    Ok(config)
}

/// Where a consumer stands, as Python sees it.
pub(crate) fn consumer_info<'py>(py: Python<'py>, info: &hw::ConsumerInfo) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("config", model::consumer_config(py, &info.config)?)?;
    fields.set_item("delivered_seq", info.delivered_seq)?;
    fields.set_item("ack_floor", info.ack_floor)?;
    fields.set_item("num_ack_pending", info.num_ack_pending)?;
    fields.set_item("num_redelivered", info.num_redelivered)?;
    fields.set_item("num_pending", info.num_pending)?;
    fields.set_item("num_dead", info.num_dead)?;
    model(py, "ConsumerInfo", &fields)
}

/// A durable position in a stream. Safe to share; each record goes to one taker.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Consumer(Arc<Queue<hw::Consumer>>);

impl Consumer {
    pub(crate) fn new(held: Held<hw::Consumer>) -> Self {
        Consumer(Queue::new(held))
    }
}

#[pymethods]
impl Consumer {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.source()?.name().to_owned()))
    }

    /// Where it stands.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = block(py, None, || Ok(self.0.source()?.info()))?;
        consumer_info(py, &info)
    }

    /// The next record to work on, waiting for it.
    #[pyo3(signature = (timeout=None))]
    fn next(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        self.0.next(py, timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_records` records, waiting for the first.
    #[pyo3(signature = (max_records, timeout=None))]
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        max_records: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.0.next_batch(py, max_records.count(), timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_records` records that can be delivered now, perhaps none.
    #[pyo3(signature = (max_records))]
    fn try_next<'py>(&self, py: Python<'py>, max_records: Whole) -> PyResult<Bound<'py, PyList>> {
        self.0.try_next(py, max_records.count())
    }

    /// As `next`, to await.
    fn next_async(&self) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::One))
    }

    /// As `next_batch`, to await.
    #[pyo3(signature = (max_records))]
    fn next_batch_async(&self, max_records: Whole) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::Many(max_records.count())))
    }

    /// Done with these records or sequences; returns how many of them were pending.
    #[pyo3(signature = (*delivered))]
    fn ack(&self, py: Python<'_>, delivered: Vec<Delivered>) -> PyResult<usize> {
        let seqs = seqs(&delivered);
        run(py, || self.0.source()?.ack(&seqs))
    }

    /// As `ack`, and done when the acknowledgement is on disk.
    #[pyo3(signature = (*delivered, timeout=None))]
    fn ack_sync(&self, py: Python<'_>, delivered: Vec<Delivered>, timeout: Option<Seconds>) -> PyResult<usize> {
        let seqs = seqs(&delivered);
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.source()?.ack_sync(&seqs)))
    }

    /// As `ack_sync`, to await.
    #[pyo3(signature = (*delivered))]
    fn ack_sync_async(&self, py: Python<'_>, delivered: Vec<Delivered>) -> PyResult<Wait> {
        let seqs = seqs(&delivered);
        Wait::begin(py, self.0.held(), |consumer| consumer.ack_sync(&seqs), wait::plain)
    }

    /// Not done: deliver it again after `delay`.
    #[pyo3(signature = (delivered, delay=None))]
    fn nak(&self, py: Python<'_>, delivered: Delivered, delay: Option<Seconds>) -> PyResult<()> {
        let (seq, delay) = (delivered.0, delay.map_or(Duration::ZERO, |delay| delay.0));
        run(py, || self.0.source()?.nak(seq, delay))
    }

    /// Still at it: start the ack wait anew.
    #[pyo3(signature = (delivered))]
    fn in_progress(&self, py: Python<'_>, delivered: Delivered) -> PyResult<()> {
        let seq = delivered.0;
        run(py, || self.0.source()?.in_progress(seq))
    }

    /// Never deliver it again; it does not go to the dead-letter stream.
    #[pyo3(signature = (delivered))]
    fn term(&self, py: Python<'_>, delivered: Delivered) -> PyResult<()> {
        let seq = delivered.0;
        run(py, || self.0.source()?.term(seq))
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.0.next(py, None)
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::OneOfLoop))
    }
}

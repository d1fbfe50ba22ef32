//! Configurations and reports cross over as the dataclasses of `headwater/_model.py`.

use headwater as hw;
use headwater::{AckPolicy, Compression, ConsumerConfig, DeliverPolicy, Discard, StreamConfig};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyModule, PyTuple};

use crate::hub_config;
use crate::settings::Settings;
use crate::time::seconds;

/// An instance of the dataclass `class` with these fields.
pub(crate) fn model<'py>(py: Python<'py>, class: &str, fields: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    model_class(py, class)?.call((), Some(fields))
}

/// The dataclass of this name.
pub(crate) fn model_class<'py>(py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("headwater._model").map(Bound::unbind))?;
    module.bind(py).getattr(class)
}

const DISCARDS: [(&str, Discard); 2] = [("old", Discard::Old), ("new", Discard::New)];
pub(crate) const COMPRESSIONS: [(&str, Compression); 2] = [("none", Compression::None), ("zstd", Compression::Zstd)];

/// Changes `config` as keyword settings say.
pub(crate) fn set_stream_config(
    py: Python<'_>,
    call: &'static str,
    config: &mut StreamConfig,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let settings = Settings::new(py, call, given)?;
    settings.set_texts("subjects", &mut config.subjects)?;
    settings.set("description", &mut config.description)?;
    settings.set_durability(&mut config.durability)?;
    settings.set_duration("sync_interval", &mut config.sync_interval)?;
    settings.set_duration("max_age", &mut config.max_age)?;
    settings.set("max_msgs", &mut config.max_msgs)?;
    settings.set("max_bytes", &mut config.max_bytes)?;
    settings.set("max_msgs_per_subject", &mut config.max_msgs_per_subject)?;
    settings.set("max_msg_size", &mut config.max_msg_size)?;
    settings.set_choice("discard", &DISCARDS, &mut config.discard)?;
    settings.set("discard_new_per_subject", &mut config.discard_new_per_subject)?;
    settings.set_duration("duplicate_window", &mut config.duplicate_window)?;
    settings.set("allow_rollup", &mut config.allow_rollup)?;
    settings.set("deny_delete", &mut config.deny_delete)?;
    settings.set("deny_purge", &mut config.deny_purge)?;
    settings.set_choice("compression", &COMPRESSIONS, &mut config.compression)?;
    settings.set("segment_bytes", &mut config.segment_bytes)?;
    if let Some(hub) = settings.take_any("hub")? {
        config.hub = Some(Box::new(hub_config::from_python(&hub)?));
    }
    settings.finish()
}

/// A stream's configuration as Python sees it.
pub(crate) fn stream_config<'py>(py: Python<'py>, config: &StreamConfig) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("name", &config.name)?;
    fields.set_item("subjects", PyTuple::new(py, &config.subjects)?)?;
    fields.set_item("description", &config.description)?;
    fields.set_item("durability", config.durability.name())?;
    fields.set_item("sync_interval", seconds(config.sync_interval))?;
    fields.set_item("max_age", seconds(config.max_age))?;
    fields.set_item("max_msgs", config.max_msgs)?;
    fields.set_item("max_bytes", config.max_bytes)?;
    fields.set_item("max_msgs_per_subject", config.max_msgs_per_subject)?;
    fields.set_item("max_msg_size", config.max_msg_size)?;
    fields.set_item("discard", name_of(&DISCARDS, config.discard))?;
    fields.set_item("discard_new_per_subject", config.discard_new_per_subject)?;
    fields.set_item("duplicate_window", seconds(config.duplicate_window))?;
    fields.set_item("allow_rollup", config.allow_rollup)?;
    fields.set_item("deny_delete", config.deny_delete)?;
    fields.set_item("deny_purge", config.deny_purge)?;
    fields.set_item("compression", name_of(&COMPRESSIONS, config.compression))?;
    fields.set_item("segment_bytes", config.segment_bytes)?;
    fields.set_item("hub", config.hub.as_ref().map(|hub| hub_config::to_python(py, hub)).transpose()?)?;
    model(py, "StreamConfig", &fields)
}

/// What a stream is and holds, as Python sees it.
pub(crate) fn stream_info<'py>(py: Python<'py>, info: &hw::StreamInfo) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("config", stream_config(py, &info.config)?)?;
    fields.set_item("created", info.created)?;
    fields.set_item("records", info.records)?;
    fields.set_item("bytes", info.bytes)?;
    fields.set_item("disk_bytes", info.disk_bytes)?;
    fields.set_item("subjects", info.subjects)?;
    fields.set_item("first_seq", info.first_seq)?;
    fields.set_item("first_time", info.first_time)?;
    fields.set_item("last_seq", info.last_seq)?;
    fields.set_item("last_time", info.last_time)?;
    fields.set_item("deleted", info.deleted)?;
    fields.set_item("consumers", info.consumers)?;
    fields.set_item("segments", info.segments)?;
    model(py, "StreamInfo", &fields)
}

/// A consumer's configuration as Python sees it.
pub(crate) fn consumer_config<'py>(py: Python<'py>, config: &ConsumerConfig) -> PyResult<Bound<'py, PyAny>> {
    let (policy, start_seq, start_time) = match config.deliver_policy {
        DeliverPolicy::All => ("all", None, None),
        DeliverPolicy::Last => ("last", None, None),
        DeliverPolicy::New => ("new", None, None),
        DeliverPolicy::ByStartSequence(seq) => ("by_start_sequence", Some(seq), None),
        DeliverPolicy::ByStartTime(time) => ("by_start_time", None, Some(time)),
        DeliverPolicy::LastPerSubject => ("last_per_subject", None, None),
    };
    let ack_policy = match config.ack_policy {
        AckPolicy::Explicit => "explicit",
        AckPolicy::All => "all",
        AckPolicy::None => "none",
    };
    let fields = PyDict::new(py);
    fields.set_item("name", &config.name)?;
    fields.set_item("description", &config.description)?;
    fields.set_item("filter_subjects", PyTuple::new(py, &config.filter_subjects)?)?;
    fields.set_item("deliver_policy", policy)?;
    fields.set_item("start_seq", start_seq)?;
    fields.set_item("start_time", start_time)?;
    fields.set_item("ack_policy", ack_policy)?;
    fields.set_item("ack_wait", seconds(config.ack_wait))?;
    fields.set_item("max_deliver", config.max_deliver)?;
    fields.set_item("backoff", PyTuple::new(py, config.backoff.iter().map(|wait| seconds(*wait)))?)?;
    fields.set_item("max_ack_pending", config.max_ack_pending)?;
    fields.set_item("dead_letter", &config.dead_letter)?;
    model(py, "ConsumerConfig", &fields)
}

/// What a check of a directory found, as Python sees it.
pub(crate) fn verify_report<'py>(py: Python<'py>, report: &hw::VerifyReport) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("streams", report.streams)?;
    fields.set_item("segments", report.segments)?;
    fields.set_item("records", report.records)?;
    fields.set_item("bytes", report.bytes)?;
    fields.set_item("torn", PyTuple::new(py, &report.torn)?)?;
    fields.set_item("damage", PyTuple::new(py, &report.damage)?)?;
    model(py, "VerifyReport", &fields)
}

/// Measured values, as Python sees them.
pub(crate) fn metrics<'py>(py: Python<'py>, metrics: &[hw::Metric]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for metric in metrics {
        let labels = PyDict::new(py);
        for (name, value) in &metric.labels {
            labels.set_item(name, value)?;
        }
        let fields = PyDict::new(py);
        fields.set_item("name", metric.name)?;
        fields.set_item("labels", labels)?;
        fields.set_item("value", metric.value)?;
        fields.set_item("counter", metric.counter)?;
        list.append(model(py, "Metric", &fields)?)?;
    }
    Ok(list)
}

/// Log lines, as Python sees them.
pub(crate) fn logs<'py>(py: Python<'py>, lines: &[hw::LogLine]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for line in lines {
        let fields = PyDict::new(py);
        fields.set_item("time", line.time)?;
        fields.set_item("level", line.level)?;
        fields.set_item("message", &line.message)?;
        list.append(model(py, "LogLine", &fields)?)?;
    }
    Ok(list)
}

pub(crate) fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, named)| *named == value).map_or("", |(name, _)| name)
}

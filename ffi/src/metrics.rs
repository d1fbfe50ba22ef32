//! A snapshot of what an engine measures, in Prometheus's terms.

use headwater::Metric;

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, on, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// One measured value.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_metric {
    /// sizeof(hw_metric), set by the caller.
    pub struct_size: usize,
    /// Such as `headwater_stream_records`.
    pub name: hw_str,
    /// The value when the snapshot was taken.
    pub value: f64,
    /// How many labels it has; hw_metrics_label has each.
    pub labels_len: usize,
    /// Not 0: it only grows.
    pub counter: u8,
}

versioned!(hw_metric);

/// Values measured at one moment. Immutable.
pub struct hw_metrics(Vec<Metric>);

/// Takes a snapshot of what the engine has done and holds.
///
/// Ownership: `*metrics` is yours, free with hw_metrics_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_metrics(
    engine: Option<&hw_engine>,
    metrics: *mut *mut hw_metrics,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("metrics", metrics)?;
        out.give(hw_metrics(engine.root.engine.metrics()?));
        Ok(())
    })
}

/// How many values there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_metrics_len(metrics: Option<&hw_metrics>) -> usize {
    metrics.map_or(0, |m| m.0.len())
}

/// The value at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `metric->struct_size` is not set).
/// Ownership: its name is borrowed until the snapshot is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_metrics_get(
    metrics: Option<&hw_metrics>,
    index: usize,
    metric: *mut hw_metric,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let metrics = &metrics.ok_or_else(|| missing("metrics"))?.0;
        let out = OutStruct::required("metric", metric)?;
        let metric = metrics.get(index).ok_or_else(|| past_end("metrics", index, metrics.len()))?;
        out.set(hw_metric {
            struct_size: 0,
            name: hw_str::of(metric.name),
            value: metric.value,
            labels_len: metric.labels.len(),
            counter: metric.counter.into(),
        });
        Ok(())
    })
}

/// Label `label` of the value at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end).
/// Ownership: `*name` and `*value` are borrowed until the snapshot is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_metrics_label(
    metrics: Option<&hw_metrics>,
    index: usize,
    label: usize,
    name: *mut hw_str,
    value: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let metrics = &metrics.ok_or_else(|| missing("metrics"))?.0;
        let (name, value) = (Out::required("name", name)?, Out::required("value", value)?);
        let (n, v) = metrics
            .get(index)
            .and_then(|m| m.labels.get(label))
            .ok_or_else(|| invalid(format!("metric {index} or its label {label} is not there")))?;
        name.set(hw_str::of(n));
        value.set(hw_str::of(v));
        Ok(())
    })
}

/// Frees a snapshot; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_metrics_free(metrics: Option<Box<hw_metrics>>) {
    release(metrics);
}

//! What is told of a SQLite file that replicates, as the dataclasses of `headwater/_model.py`.

use headwater::replica::{CheckReport, Compared, DatabaseStatus, JobStatus, SchemaOf, SnapshotInfo};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::model::{model, model_class, name_of};

const COMPARED: [(&str, Compared); 4] = [
    ("equal", Compared::Equal),
    ("differs", Compared::Differs),
    ("apart", Compared::Apart),
    ("silent", Compared::Silent),
];

/// A list, each item as `one` makes it.
fn list<T>(py: Python<'_>, items: Vec<T>, one: impl Fn(Python<'_>, T) -> PyResult<Py<PyAny>>) -> PyResult<Py<PyAny>> {
    let items: Vec<_> = items.into_iter().map(|item| one(py, item)).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, items)?.into_any().unbind())
}

/// How a file stands.
pub(crate) fn database_status(py: Python<'_>, status: DatabaseStatus) -> PyResult<Py<PyAny>> {
    let refused = model_class(py, "RefusedTable")?;
    let refused = status.refused.into_iter().map(|table| refused.call1((table.table, table.reason)));
    let fields = PyDict::new(py);
    fields.set_item("name", status.name)?;
    fields.set_item("path", status.path)?;
    fields.set_item("node_id", status.node_id)?;
    fields.set_item("node", status.node)?;
    fields.set_item("state", status.state.name())?;
    fields.set_item("tables", PyTuple::new(py, status.tables)?)?;
    fields.set_item("refused", PyTuple::new(py, refused.collect::<PyResult<Vec<_>>>()?)?)?;
    fields.set_item("left_out", PyTuple::new(py, status.left_out)?)?;
    fields.set_item("pending", status.pending)?;
    fields.set_item("unsent", status.unsent)?;
    fields.set_item("published", status.published)?;
    fields.set_item("applied", status.applied)?;
    fields.set_item("changes", status.changes)?;
    fields.set_item("conflicts", status.conflicts)?;
    fields.set_item("parked", status.parked)?;
    fields.set_item("held", status.held)?;
    fields.set_item("missing", status.missing)?;
    fields.set_item("lag_records", status.lag_records)?;
    fields.set_item("lag_ms", status.lag_ms)?;
    fields.set_item("idle_ms", status.idle_ms)?;
    fields.set_item("job", status.job.map(|job| job_status(py, job)).transpose()?)?;
    fields.set_item("faults", status.faults)?;
    fields.set_item("last_error", status.last_error)?;
    Ok(model(py, "DatabaseStatus", &fields)?.unbind())
}

fn job_status(py: Python<'_>, job: JobStatus) -> PyResult<Bound<'_, PyAny>> {
    model_class(py, "JobStatus")?.call1((job.what, job.done, job.total))
}

/// How all files stand.
pub(crate) fn statuses(py: Python<'_>, statuses: Vec<DatabaseStatus>) -> PyResult<Py<PyAny>> {
    list(py, statuses, database_status)
}

/// What a comparison of nodes found.
pub(crate) fn check_report(py: Python<'_>, report: CheckReport) -> PyResult<Py<PyAny>> {
    let nodes = report.nodes.into_iter().map(|node| {
        let fields = PyDict::new(py);
        fields.set_item("node_id", node.node_id)?;
        fields.set_item("compared", name_of(&COMPARED, node.compared))?;
        fields.set_item("differing", node.differing)?;
        fields.set_item("schema", PyTuple::new(py, node.schema)?)?;
        model(py, "ComparedNode", &fields)
    });
    let fields = PyDict::new(py);
    fields.set_item("nodes", PyTuple::new(py, nodes.collect::<PyResult<Vec<_>>>()?)?)?;
    fields.set_item("dangling", report.dangling)?;
    fields.set_item("repaired", report.repaired)?;
    Ok(model(py, "CheckReport", &fields)?.unbind())
}

/// Who has which schema.
pub(crate) fn schemas(py: Python<'_>, schemas: Vec<SchemaOf>) -> PyResult<Py<PyAny>> {
    list(py, schemas, |py, schema| {
        let forms = PyDict::new(py);
        for (form, nodes) in schema.forms {
            forms.set_item(form, PyTuple::new(py, nodes)?)?;
        }
        Ok(model_class(py, "SchemaOf")?.call1((schema.table, forms))?.unbind())
    })
}

/// A snapshot.
pub(crate) fn snapshot(py: Python<'_>, info: SnapshotInfo) -> PyResult<Py<PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("id", info.id)?;
    fields.set_item("node_id", info.node_id)?;
    fields.set_item("created_ms", info.created_ms)?;
    fields.set_item("bytes", info.bytes)?;
    fields.set_item("stored_bytes", info.stored_bytes)?;
    Ok(model(py, "SnapshotInfo", &fields)?.unbind())
}

/// Snapshots.
pub(crate) fn snapshots(py: Python<'_>, infos: Vec<SnapshotInfo>) -> PyResult<Py<PyAny>> {
    list(py, infos, snapshot)
}

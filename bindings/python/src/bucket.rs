//! Key-value buckets.

use std::time::Duration;

use headwater as hw;
use headwater::{BucketConfig, Pending, WatchOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::call::{block, run};
use crate::convert::{Filters, Whole};
use crate::fork::Held;
use crate::model::model;
use crate::payload::Payload;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::time::{Seconds, seconds};
use crate::wait::{self, Wait};
use crate::watcher::{Entry, Watcher};

/// Sets a bucket's configuration as keyword settings say.
pub(crate) fn set_bucket_config(
    py: Python<'_>,
    config: &mut BucketConfig,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let settings = Settings::new(py, "create_bucket", given)?;
    settings.set("description", &mut config.description)?;
    settings.set("history", &mut config.history)?;
    settings.set_duration("ttl", &mut config.ttl)?;
    settings.set("max_bytes", &mut config.max_bytes)?;
    settings.set("max_value_size", &mut config.max_value_size)?;
    settings.set_durability(&mut config.durability)?;
    settings.finish()
}

/// A key-value view of a stream, in JetStream's own layout. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Bucket(Held<hw::Bucket>);

impl Bucket {
    pub(crate) fn new(held: Held<hw::Bucket>) -> Self {
        Bucket(held)
    }

    fn begin(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&hw::Bucket) -> Pending<u64> + Send,
    ) -> PyResult<u64> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.0.get()?)))
    }

    fn begin_async(&self, py: Python<'_>, begin: impl FnOnce(&hw::Bucket) -> Pending<u64> + Send) -> PyResult<Wait> {
        Wait::begin(py, &self.0, begin, wait::plain)
    }
}

fn ttl_of(ttl: Option<Seconds>) -> Option<Duration> {
    ttl.map(|ttl| ttl.0)
}

#[pymethods]
impl Bucket {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// The stream that it is a view of.
    #[getter]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        self.0.child(py, |bucket, _| Pending::ready(Ok(bucket.stream().clone()))).map(Stream::new)
    }

    /// What it holds.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let status = block(py, None, || Ok(self.0.get()?.status()))?;
        let config = PyDict::new(py);
        config.set_item("name", &status.config.bucket)?;
        config.set_item("description", &status.config.description)?;
        config.set_item("history", status.config.history)?;
        config.set_item("ttl", seconds(status.config.ttl))?;
        config.set_item("max_bytes", status.config.max_bytes)?;
        config.set_item("max_value_size", status.config.max_value_size)?;
        config.set_item("durability", status.config.durability.name())?;
        let fields = PyDict::new(py);
        fields.set_item("config", model(py, "BucketConfig", &config)?)?;
        fields.set_item("values", status.values)?;
        fields.set_item("bytes", status.bytes)?;
        model(py, "BucketStatus", &fields)
    }

    /// Sets a key; returns the revision.
    #[pyo3(signature = (key, value, *, timeout=None))]
    fn put(&self, py: Python<'_>, key: &str, value: Payload<'_>, timeout: Option<Seconds>) -> PyResult<u64> {
        self.begin(py, timeout, |bucket| bucket.put(key, value.as_slice()))
    }

    /// As `put`: begins now, and is awaited for the revision.
    #[pyo3(signature = (key, value))]
    fn put_async(&self, py: Python<'_>, key: &str, value: Payload<'_>) -> PyResult<Wait> {
        self.begin_async(py, |bucket| bucket.put(key, value.as_slice()))
    }

    /// Sets a key that has no value, for `ttl` when given; `ConflictError` when it has one.
    #[pyo3(signature = (key, value, *, ttl=None, timeout=None))]
    fn create(
        &self,
        py: Python<'_>,
        key: &str,
        value: Payload<'_>,
        ttl: Option<Seconds>,
        timeout: Option<Seconds>,
    ) -> PyResult<u64> {
        let ttl = ttl_of(ttl);
        self.begin(py, timeout, |bucket| bucket.create(key, value.as_slice(), ttl))
    }

    /// As `create`: begins now, and is awaited for the revision.
    #[pyo3(signature = (key, value, *, ttl=None))]
    fn create_async(&self, py: Python<'_>, key: &str, value: Payload<'_>, ttl: Option<Seconds>) -> PyResult<Wait> {
        let ttl = ttl_of(ttl);
        self.begin_async(py, |bucket| bucket.create(key, value.as_slice(), ttl))
    }

    /// Sets a key whose last revision is `revision`; `ConflictError` when it is not.
    #[pyo3(signature = (key, value, revision, *, timeout=None))]
    fn update(
        &self,
        py: Python<'_>,
        key: &str,
        value: Payload<'_>,
        revision: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<u64> {
        self.begin(py, timeout, |bucket| bucket.update(key, value.as_slice(), revision.0))
    }

    /// As `update`: begins now, and is awaited for the revision.
    #[pyo3(signature = (key, value, revision))]
    fn update_async(&self, py: Python<'_>, key: &str, value: Payload<'_>, revision: Whole) -> PyResult<Wait> {
        self.begin_async(py, |bucket| bucket.update(key, value.as_slice(), revision.0))
    }

    /// Deletes a key and keeps its history, if its last revision is `revision` (when given).
    #[pyo3(signature = (key, *, revision=None, timeout=None))]
    fn delete(&self, py: Python<'_>, key: &str, revision: Option<Whole>, timeout: Option<Seconds>) -> PyResult<u64> {
        self.begin(py, timeout, |bucket| bucket.delete(key, revision.map(|revision| revision.0)))
    }

    /// As `delete`: begins now, and is awaited for the revision of the marker.
    #[pyo3(signature = (key, *, revision=None))]
    fn delete_async(&self, py: Python<'_>, key: &str, revision: Option<Whole>) -> PyResult<Wait> {
        self.begin_async(py, |bucket| bucket.delete(key, revision.map(|revision| revision.0)))
    }

    /// Deletes a key with its history.
    #[pyo3(signature = (key, *, revision=None, timeout=None))]
    fn purge(&self, py: Python<'_>, key: &str, revision: Option<Whole>, timeout: Option<Seconds>) -> PyResult<u64> {
        self.begin(py, timeout, |bucket| bucket.purge(key, revision.map(|revision| revision.0)))
    }

    /// As `purge`: begins now, and is awaited for the revision of the marker.
    #[pyo3(signature = (key, *, revision=None))]
    fn purge_async(&self, py: Python<'_>, key: &str, revision: Option<Whole>) -> PyResult<Wait> {
        self.begin_async(py, |bucket| bucket.purge(key, revision.map(|revision| revision.0)))
    }

    /// The newest revision of a key that has a value; or that revision of it.
    #[pyo3(signature = (key, *, revision=None))]
    fn get(&self, py: Python<'_>, key: &str, revision: Option<Whole>) -> PyResult<Option<Entry>> {
        let entry = block(py, None, || {
            let bucket = self.0.get()?;
            Ok(match revision {
                None => bucket.get(key),
                Some(revision) => bucket.get_revision(key, revision.0),
            })
        })?;
        Ok(entry.map(|entry| Entry::new(py, &entry)))
    }

    /// The kept revisions of a key, oldest first, deletes included.
    fn history<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyList>> {
        let entries = block(py, None, || Ok(self.0.get()?.history(key)))?;
        let list = PyList::empty(py);
        for entry in &entries {
            list.append(Entry::new(py, entry))?;
        }
        Ok(list)
    }

    /// The keys that have a value, in order, that `filter` takes.
    #[pyo3(signature = (filter=">"))]
    fn keys(&self, py: Python<'_>, filter: &str) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.0.get()?.keys(filter)))
    }

    /// What is there, then what changes.
    #[pyo3(signature = (filters=None, *, include_history=false, updates_only=false, ignore_deletes=false))]
    fn watch(
        &self,
        py: Python<'_>,
        filters: Option<Filters>,
        include_history: bool,
        updates_only: bool,
        ignore_deletes: bool,
    ) -> PyResult<Watcher> {
        let filters = filters.unwrap_or_default().0;
        let options = WatchOptions { filters, include_history, updates_only, ignore_deletes };
        self.0.child(py, |bucket, _| bucket.watch(options)).map(Watcher::new)
    }
}

//! Object stores: files of any size, put and read as bytes, paths or files of Python.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;

use headwater as hw;
use headwater::{ObjectConfig, ObjectLink, ObjectOptions, ObjectUpdate, ObjectWatchOptions, Pending};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::append::HeaderList;
use crate::call::{block, run};
use crate::fork::Held;
use crate::model::{COMPRESSIONS, model, name_of};
use crate::object_io::{ObjectReader, ObjectWriter, object_info};
use crate::payload::Payload;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::time::{Seconds, seconds};
use crate::transfer;
use crate::wait::Wait;
use crate::watcher::ObjectWatcher;

/// The configuration that keyword settings say.
pub(crate) fn object_config(py: Python<'_>, name: String, given: Option<&Bound<'_, PyDict>>) -> PyResult<ObjectConfig> {
    let settings = Settings::new(py, "create_object_store", given)?;
    let mut config = ObjectConfig::new(name);
    settings.set("description", &mut config.description)?;
    settings.set_duration("ttl", &mut config.ttl)?;
    settings.set("max_bytes", &mut config.max_bytes)?;
    settings.set_durability(&mut config.durability)?;
    settings.set_choice("compression", &COMPRESSIONS, &mut config.compression)?;
    settings.finish()?;
    Ok(config)
}

/// The keyword arguments of a put: what is said of the object, and who hears how far it is.
fn put_settings(
    py: Python<'_>,
    call: &'static str,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<(ObjectOptions, Option<Py<PyAny>>)> {
    let settings = Settings::new(py, call, given)?;
    let mut options = ObjectOptions::default();
    let (mut headers, mut metadata) = (HeaderList::default(), HeaderList::default());
    settings.set("description", &mut options.description)?;
    settings.set("headers", &mut headers)?;
    settings.set("metadata", &mut metadata)?;
    settings.set("max_chunk_size", &mut options.max_chunk_size)?;
    let progress = if call == "put" { settings.take_any("progress")?.map(Bound::unbind) } else { None };
    settings.finish()?;
    options.headers = headers.0;
    options.metadata = metadata.0.into_iter().collect();
    Ok((options, progress))
}

/// Files of any size on a stream, in NATS's own layout. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct ObjectStore(Held<hw::ObjectStore>);

impl ObjectStore {
    pub(crate) fn new(held: Held<hw::ObjectStore>) -> Self {
        ObjectStore(held)
    }
}

#[pymethods]
impl ObjectStore {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// The stream that it is a view of.
    #[getter]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        self.0.child(py, |store, _| Pending::ready(Ok(store.stream().clone()))).map(Stream::new)
    }

    /// What it holds.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let status = block(py, None, || Ok(self.0.get()?.status()))?;
        let config = PyDict::new(py);
        config.set_item("name", &status.config.bucket)?;
        config.set_item("description", &status.config.description)?;
        config.set_item("ttl", seconds(status.config.ttl))?;
        config.set_item("max_bytes", status.config.max_bytes)?;
        config.set_item("durability", status.config.durability.name())?;
        config.set_item("compression", name_of(&COMPRESSIONS, status.config.compression))?;
        let fields = PyDict::new(py);
        fields.set_item("config", model(py, "ObjectConfig", &config)?)?;
        fields.set_item("bytes", status.bytes)?;
        model(py, "ObjectStatus", &fields)
    }

    /// Puts bytes, a binary file or the file at a path as an object, in place of the one that had the name.
    ///
    /// `progress` hears bytes read; what it raises stops the put, and nothing of it is left.
    #[pyo3(signature = (name, source, **settings))]
    fn put<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        source: &Bound<'py, PyAny>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (options, progress) = put_settings(py, "put", settings)?;
        let info = match source.extract::<Payload<'_>>() {
            Ok(bytes) => transfer::tell_while(py, progress, |progress| {
                self.0.get()?.put(name, &mut bytes.as_slice(), &options, progress)
            }),
            Err(_) => transfer::read_while(py, source, progress, |from: &mut dyn Read, progress| {
                self.0.get()?.put(name, from, &options, progress)
            }),
        }?;
        object_info(py, &info)
    }

    /// Begins to put an object whose bytes come in pieces; it is there when the writer has finished.
    #[pyo3(signature = (name, **settings))]
    fn writer(&self, py: Python<'_>, name: &str, settings: Option<&Bound<'_, PyDict>>) -> PyResult<ObjectWriter> {
        let (options, _) = put_settings(py, "writer", settings)?;
        let made = |store: &hw::ObjectStore| store.writer(name, &options).map(|writer| Mutex::new(Some(writer)));
        self.0.child(py, |store, _| Pending::ready(made(store))).map(ObjectWriter::new)
    }

    /// Opens an object to read it, as a binary file. A link is followed, to other stores too.
    fn get(&self, py: Python<'_>, name: &str) -> PyResult<ObjectReader> {
        let made = |store: &hw::ObjectStore| store.get(name).map(|reader| Mutex::new(Some(reader)));
        self.0.child(py, |store, _| Pending::ready(made(store))).map(ObjectReader::new)
    }

    /// The bytes of an object, checked.
    fn get_bytes<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = transfer::tell_while(py, None, |progress| {
            let mut bytes = Vec::new();
            self.0.get()?.get(name)?.write_to(&mut bytes, &mut |done, _| progress(done))?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Writes an object to a path or a binary file; returns what is known of it.
    ///
    /// `progress` hears bytes written and in all; what it raises stops it, and what was written stays.
    #[pyo3(signature = (name, target, *, progress=None))]
    fn get_to<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        target: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let opened = run(py, || self.0.get()?.get(name))?;
        let info = opened.info().clone();
        let opened = Mutex::new(opened);
        transfer::write_while(py, target, progress, |to, progress| {
            let mut reader = opened.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            reader.write_to(to, progress)
        })?;
        object_info(py, &info)
    }

    /// What is known of an object; `None` when there is none of this name. A link is not followed.
    fn info<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let info = block(py, None, || Ok(self.0.get()?.info(name)))?;
        info.map(|info| object_info(py, &info)).transpose()
    }

    /// The objects that are there, links too, by name.
    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let infos = block(py, None, || Ok(self.0.get()?.list()))?;
        PyList::new(py, infos.iter().map(|info| object_info(py, info)).collect::<PyResult<Vec<_>>>()?)
    }

    /// Changes what is said of an object, or its name; its bytes stay.
    #[pyo3(signature = (name, *, new_name=None, description=None, headers=None, metadata=None, timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "all but one are keywords")]
    fn update<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        new_name: Option<String>,
        description: Option<String>,
        headers: Option<HeaderList>,
        metadata: Option<HeaderList>,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let update = update_of(new_name, description, headers, metadata);
        let info = block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.get()?.update(name, &update)))?;
        object_info(py, &info)
    }

    /// As `update`, to await.
    #[pyo3(signature = (name, *, new_name=None, description=None, headers=None, metadata=None))]
    fn update_async(
        &self,
        py: Python<'_>,
        name: &str,
        new_name: Option<String>,
        description: Option<String>,
        headers: Option<HeaderList>,
        metadata: Option<HeaderList>,
    ) -> PyResult<Wait> {
        let update = update_of(new_name, description, headers, metadata);
        let told = |py: Python<'_>, info: hw::ObjectInfo| Ok(object_info(py, &info)?.unbind());
        Wait::begin(py, &self.0, |store| store.update(name, &update), told)
    }

    /// Makes `name` a link to the object `target` of the store `bucket`, or without a target to the store as a whole.
    #[pyo3(signature = (name, bucket, target=None, *, timeout=None))]
    fn add_link<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        bucket: String,
        target: Option<String>,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let link = ObjectLink { bucket, name: target };
        let info = block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.get()?.add_link(name, &link)))?;
        object_info(py, &info)
    }

    /// Deletes an object, or a link and not what it leads to.
    #[pyo3(signature = (name, *, timeout=None))]
    fn delete(&self, py: Python<'_>, name: &str, timeout: Option<Seconds>) -> PyResult<()> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.get()?.delete(name)))
    }

    /// As `delete`, to await.
    fn delete_async(&self, py: Python<'_>, name: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.delete(name), |py, ()| Ok(py.None()))
    }

    /// What is there, then what changes.
    #[pyo3(signature = (*, updates_only=false, ignore_deletes=false))]
    fn watch(&self, py: Python<'_>, updates_only: bool, ignore_deletes: bool) -> PyResult<ObjectWatcher> {
        let options = ObjectWatchOptions { updates_only, ignore_deletes };
        self.0.child(py, |store, _| store.watch(options)).map(ObjectWatcher::new)
    }
}

fn update_of(
    name: Option<String>,
    description: Option<String>,
    headers: Option<HeaderList>,
    metadata: Option<HeaderList>,
) -> ObjectUpdate {
    let metadata = metadata.map(|metadata| metadata.0.into_iter().collect::<BTreeMap<_, _>>());
    ObjectUpdate { name, description, headers: headers.map(|headers| headers.0), metadata }
}

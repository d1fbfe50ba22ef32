//! An object that is read or written in pieces, as a binary file; and what is known of one.

use std::sync::{Mutex, PoisonError};

use headwater as hw;
use headwater::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::call::run;
use crate::fork::Held;
use crate::model::model;
use crate::payload::Payload;

/// How much is read between two looks at signals.
const PIECE_BYTES: usize = 1 << 20;

/// What is known of an object, as Python sees it.
pub(crate) fn object_info<'py>(py: Python<'py>, info: &hw::ObjectInfo) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("name", &info.name)?;
    fields.set_item("description", &info.description)?;
    fields.set_item("headers", PyTuple::new(py, &info.headers)?)?;
    let metadata = PyDict::new(py);
    for (name, value) in &info.metadata {
        metadata.set_item(name, value)?;
    }
    fields.set_item("metadata", metadata)?;
    fields.set_item("bucket", &info.bucket)?;
    fields.set_item("nuid", &info.nuid)?;
    fields.set_item("size", info.size)?;
    fields.set_item("chunks", info.chunks)?;
    fields.set_item("max_chunk_size", info.max_chunk_size)?;
    fields.set_item("modified", info.modified)?;
    fields.set_item("digest", &info.digest)?;
    fields.set_item("deleted", info.deleted)?;
    let link = info.link.as_ref().map(|link| {
        let fields = PyDict::new(py);
        fields.set_item("bucket", &link.bucket)?;
        fields.set_item("name", link.name.as_deref())?;
        model(py, "ObjectLink", &fields)
    });
    fields.set_item("link", link.transpose()?)?;
    model(py, "ObjectInfo", &fields)
}

fn over() -> Error {
    Error::new(ErrorKind::Closed, "the object is closed")
}

/// An object that is read, as a binary file. The last bytes come only when size, chunks and digest hold.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct ObjectReader(Held<Mutex<Option<hw::ObjectReader>>>);

impl ObjectReader {
    pub(crate) fn new(held: Held<Mutex<Option<hw::ObjectReader>>>) -> Self {
        ObjectReader(held)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&mut hw::ObjectReader) -> Result<T> + Send,
    ) -> PyResult<T> {
        run(py, || {
            let mut reader = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
            body(reader.as_mut().ok_or_else(over)?)
        })
    }

    /// The next bytes, up to `most`; fewer only at the end.
    fn bytes(&self, py: Python<'_>, most: usize) -> PyResult<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let begun = bytes.len();
            let room = PIECE_BYTES.min(most - begun);
            bytes = self.with(py, move |reader| {
                bytes.resize(begun + room, 0);
                let len = reader.read_into(&mut bytes[begun..])?;
                bytes.truncate(begun + len);
                Ok(bytes)
            })?;
            if bytes.len() == begun {
                break;
            }
            py.check_signals()?;
        }
        Ok(bytes)
    }
}

#[pymethods]
impl ObjectReader {
    /// What is known of the object: of the one that a link leads to.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = self.with(py, |reader| Ok(reader.info().clone()))?;
        object_info(py, &info)
    }

    /// The next bytes, up to `size`, or all that are left; no bytes at the end.
    #[pyo3(signature = (size=-1, /), text_signature = "($self, size=-1, /)")]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        let most = usize::try_from(size.unwrap_or(-1)).unwrap_or(usize::MAX);
        Ok(PyBytes::new(py, &self.bytes(py, most)?))
    }

    /// Ends the reading.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            drop(self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let chunk = self.with(py, |reader| Ok(reader.next_chunk()?.map(<[u8]>::to_vec)))?;
        Ok(chunk.map(|chunk| PyBytes::new(py, &chunk)))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

/// An object that is put in pieces. In a `with` block it is finished at the end, and given up by an exception.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct ObjectWriter(Held<Mutex<Option<hw::ObjectWriter>>>);

impl ObjectWriter {
    pub(crate) fn new(held: Held<Mutex<Option<hw::ObjectWriter>>>) -> Self {
        ObjectWriter(held)
    }

    fn take(&self) -> Result<Option<hw::ObjectWriter>> {
        Ok(self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

#[pymethods]
impl ObjectWriter {
    /// Takes the next bytes, all of them; returns how many. A bounded number is kept in memory, so it may wait.
    #[pyo3(signature = (data, /))]
    fn write(&self, py: Python<'_>, data: Payload<'_>) -> PyResult<usize> {
        run(py, || {
            let mut writer = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
            writer.as_mut().ok_or_else(over)?.write_bytes(data.as_slice())?;
            Ok(data.as_slice().len())
        })
    }

    /// Commits the object, in place of the one that had its name; returns what is known of it.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let info = run(py, || self.take()?.ok_or_else(over)?.finish())?;
        object_info(py, &info)
    }

    /// Gives up a put that was not finished, and leaves nothing of it. After `finish` it is nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.take()?.map_or(Ok(()), hw::ObjectWriter::abort))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exc))]
    fn __exit__(&self, py: Python<'_>, exc: &Bound<'_, PyTuple>) -> PyResult<()> {
        if exc.get_item(0).is_ok_and(|kind| !kind.is_none()) {
            return self.close(py);
        }
        run(py, || self.take()?.map_or(Ok(()), |writer| writer.finish().map(drop)))
    }
}

//! Imports, exports and copies: files of Python or of the system, progress told to a callable, Ctrl-C heard
//! between chunks.
//!
//! What a callback or a file of Python raises stops the transfer and is raised again as it was.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use headwater as hw;
use headwater::points::{ImportOptions, ImportReport, Points};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::call::run;
use crate::model::model;
use crate::settings::Settings;

/// How much is read or written between two looks at signals.
const CHUNK_BYTES: usize = 256 << 10;

/// The first exception that Python raised during a transfer.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<PyErr>>>);

impl Failure {
    fn set(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Runs a piece of Python unless an earlier one failed.
    fn attempt<T>(&self, work: impl FnOnce(Python<'_>) -> PyResult<T>) -> io::Result<T> {
        if self.is_set() {
            return Err(io::Error::other("stopped"));
        }
        Python::attach(|py| py.check_signals().and_then(|()| work(py))).map_err(|error| {
            self.set(error);
            io::Error::other("stopped")
        })
    }
}

/// Tells a callable of Python how far a transfer is.
pub(crate) struct Progress {
    callable: Option<Py<PyAny>>,
    failure: Failure,
}

impl Progress {
    pub(crate) fn new(callable: Option<Py<PyAny>>) -> Self {
        Progress { callable, failure: Failure::default() }
    }

    /// Calls it, unless it failed before; breaks when it fails, or Ctrl-C was hit.
    pub(crate) fn tell(&mut self, numbers: &[u64]) -> ControlFlow<()> {
        let told = self.failure.attempt(|py| {
            let Some(callable) = &self.callable else { return Ok(()) };
            callable.bind(py).call1(PyTuple::new(py, numbers)?).map(|_| ())
        });
        // The failure stays where `finish` finds it.
        if told.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// The outcome, or what Python raised meanwhile.
    pub(crate) fn finish<T>(self, outcome: PyResult<T>) -> PyResult<T> {
        self.failure.take().map_or(outcome, Err)
    }
}

/// What core tells how many bytes are done.
pub(crate) type Heard<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Reads from a path or a file of Python.
struct Source {
    from: Input,
    failure: Failure,
}

enum Input {
    System(File),
    Python(Py<PyAny>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.from {
            Input::System(file) => {
                self.failure.attempt(|_| Ok(()))?;
                file.read(buffer)
            }
            Input::Python(file) => self.failure.attempt(|py| {
                let chunk = file.bind(py).call_method1("read", (buffer.len(),))?;
                let Ok(chunk) = chunk.cast::<PyBytes>() else {
                    return Err(PyTypeError::new_err("the file must be opened in binary mode"));
                };
                let bytes = chunk.as_bytes();
                let target = buffer.get_mut(..bytes.len());
                let target =
                    target.ok_or_else(|| PyTypeError::new_err("read() returned more than it was asked for"))?;
                target.copy_from_slice(bytes);
                Ok(bytes.len())
            }),
        }
    }
}

/// Writes to a path or a file of Python.
struct Sink {
    to: Input,
    failure: Failure,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Input::System(file) => {
                self.failure.attempt(|_| Ok(()))?;
                file.write(bytes)
            }
            Input::Python(file) => self.failure.attempt(|py| {
                let written = file.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?;
                // A raw file may take less than it was given; a buffered one takes all.
                if written.is_none() { Ok(bytes.len()) } else { written.extract() }
            }),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Input::System(file) => file.flush(),
            Input::Python(_) => Ok(()),
        }
    }
}

fn open(object: &Bound<'_, PyAny>, method: &str, file: impl FnOnce(PathBuf) -> io::Result<File>) -> PyResult<Input> {
    if object.hasattr(method)? {
        return Ok(Input::Python(object.clone().unbind()));
    }
    Ok(Input::System(file(object.extract()?)?))
}

/// The keyword arguments of an import.
pub(crate) struct ImportArguments {
    options: ImportOptions,
    progress: Option<Py<PyAny>>,
}

impl ImportArguments {
    pub(crate) fn new(py: Python<'_>, call: &'static str, given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let settings = Settings::new(py, call, given)?;
        let mut options = ImportOptions::default();
        settings.set("time", &mut options.time)?;
        settings.set("node", &mut options.node)?;
        settings.set("node_column", &mut options.node_column)?;
        settings.set_texts("columns", &mut options.columns)?;
        let progress = settings.take_any("progress")?.map(Bound::unbind);
        settings.finish()?;
        Ok(ImportArguments { options, progress })
    }
}

/// Runs an import and reports it.
pub(crate) fn import<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    arguments: ImportArguments,
    work: impl FnOnce(&mut dyn BufRead, &ImportOptions, &mut Heard<'_>) -> hw::Result<ImportReport> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let mut progress = Progress::new(arguments.progress);
    let from = open(source, "read", File::open)?;
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, Source { from, failure: progress.failure.clone() });
    let outcome = run(py, || work(&mut reader, &arguments.options, &mut |bytes| progress.tell(&[bytes])));
    let report = progress.finish(outcome)?;
    let fields = PyDict::new(py);
    fields.set_item("lines", report.lines)?;
    fields.set_item("points", report.points)?;
    fields.set_item("resumed", report.resumed)?;
    fields.set_item("rejected", PyTuple::new(py, &report.rejected)?)?;
    fields.set_item("rejected_count", report.rejected_count)?;
    model(py, "ImportReport", &fields)
}

/// What an export writes.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Csv,
    JsonLines,
}

impl Format {
    pub(crate) fn export(
        self,
        points: &Points,
        to: &mut dyn Write,
        filter: &str,
        start: Option<i64>,
        end: Option<i64>,
        progress: &mut Heard<'_>,
    ) -> hw::Result<u64> {
        match self {
            Format::Csv => points.export_csv(to, filter, start, end, progress),
            Format::JsonLines => points.export_jsonl(to, filter, start, end, progress),
        }
    }
}

/// Runs an export; returns how many points.
pub(crate) fn export(
    py: Python<'_>,
    target: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
    format: Format,
    work: impl FnOnce(&mut dyn Write, Format, &mut Heard<'_>) -> hw::Result<u64> + Send,
) -> PyResult<u64> {
    let mut progress = Progress::new(progress);
    let to = open(target, "write", File::create)?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, Sink { to, failure: progress.failure.clone() });
    let outcome = run(py, || {
        let count = work(&mut writer, format, &mut |bytes| progress.tell(&[bytes]))?;
        writer.flush().map_err(|error| hw::Error::new(hw::ErrorKind::Io, format!("write the export: {error}")))?;
        Ok(count)
    });
    progress.finish(outcome)
}

/// Runs work on what is in memory, which says how far it is.
pub(crate) fn tell_while<T: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut Heard<'_>) -> hw::Result<T> + Send,
) -> PyResult<T> {
    let mut progress = Progress::new(progress);
    let outcome = run(py, || work(&mut |bytes| progress.tell(&[bytes])));
    progress.finish(outcome)
}

/// Runs work that reads a path or a file of Python.
pub(crate) fn read_while<T: Send>(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut dyn Read, &mut Heard<'_>) -> hw::Result<T> + Send,
) -> PyResult<T> {
    let mut progress = Progress::new(progress);
    let mut from = Source { from: open(source, "read", File::open)?, failure: progress.failure.clone() };
    let outcome = run(py, || work(&mut from, &mut |bytes| progress.tell(&[bytes])));
    progress.finish(outcome)
}

/// Runs work that writes to a path or a file of Python, and says how far it is of how much.
pub(crate) fn write_while<T: Send>(
    py: Python<'_>,
    target: &Bound<'_, PyAny>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut dyn Write, &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> hw::Result<T> + Send,
) -> PyResult<T> {
    let mut progress = Progress::new(progress);
    let to = open(target, "write", File::create)?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, Sink { to, failure: progress.failure.clone() });
    let outcome = run(py, || {
        let value = work(&mut writer, &mut |done, all| progress.tell(&[done, all]))?;
        writer.flush().map_err(|error| hw::Error::new(hw::ErrorKind::Io, format!("write the object: {error}")))?;
        Ok(value)
    });
    progress.finish(outcome)
}

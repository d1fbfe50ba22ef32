//! A read as an iterator: pages of records are fetched as they are asked for, so a long history costs little memory.
//!
//! A forward read ends at the last record that was there when it began, however fast appends go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater as hw;
use headwater::{ReadOptions, Start};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::call::block;
use crate::error::raise;
use crate::fork::Held;
use crate::record::Record;

/// How many records a page holds.
const PAGE_RECORDS: usize = 1000;

/// Iterates over records.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Reader {
    stream: Arc<Held<hw::Stream>>,
    state: Mutex<State>,
}

struct State {
    options: ReadOptions,
    /// The last sequence to read, forward.
    end_seq: u64,
    /// How many more records may be read.
    left: usize,
    /// The caller bounded the bytes: there is one page only.
    one_page: bool,
    page: hw::Batch,
    at: usize,
    done: bool,
}

impl Reader {
    pub(crate) fn new(py: Python<'_>, stream: Arc<Held<hw::Stream>>, options: ReadOptions) -> PyResult<Self> {
        let left = options.max_records;
        let one_page = options.max_bytes > 0;
        let end_seq = block(py, None, || Ok(stream.get()?.last_seq(">")))?;
        let state = State { options, end_seq, left, one_page, page: hw::Batch::default(), at: 0, done: left == 0 };
        let reader = Reader { stream, state: Mutex::new(state) };
        {
            // Wrong arguments are told by the call and not by the first step of the loop.
            let mut state = reader.lock(py)?;
            reader.fetch(py, &mut state)?;
        }
        Ok(reader)
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        self.stream.get().map_err(|error| raise(py, &error))?;
        Ok(self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    fn fetch(&self, py: Python<'_>, state: &mut State) -> PyResult<()> {
        if state.done {
            return Ok(());
        }
        state.options.max_records = if state.one_page { state.left } else { state.left.min(PAGE_RECORDS) };
        state.page = block(py, None, || Ok(self.stream.get()?.read(&state.options)))?;
        state.at = 0;
        state.left = state.left.saturating_sub(state.page.len());
        let last = state.page.len().checked_sub(1).and_then(|last| state.page.seq(last));
        let next = match last {
            Some(seq) if state.options.backward => seq.checked_sub(1).filter(|seq| *seq > 0),
            Some(seq) => seq.checked_add(1).filter(|seq| *seq <= state.end_seq),
            None => None,
        };
        state.options.start = next.map(Start::Seq);
        state.done = next.is_none() || state.left == 0 || state.one_page;
        Ok(())
    }
}

#[pymethods]
impl Reader {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Record>> {
        let mut state = self.lock(py)?;
        if state.at == state.page.len() {
            state.page = hw::Batch::default();
            state.at = 0;
            self.fetch(py, &mut state)?;
        }
        let Some(view) = state.page.get(state.at) else { return Ok(None) };
        if !state.options.backward && view.seq > state.end_seq {
            return Ok(None);
        }
        let record = Record::from_view(py, &view)?;
        state.at += 1;
        Ok(Some(record))
    }
}

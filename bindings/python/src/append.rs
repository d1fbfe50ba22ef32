//! What goes in: one append with its conditions, and batches of them.
//!
//! Subjects and payloads are lent to the core straight from the Python objects, which are kept alive meanwhile.

use std::time::Duration;

use headwater as hw;
use headwater::Rollup;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::convert::Whole;
use crate::error::{invalid, wrong_type};
use crate::payload::{Payload, copied};
use crate::settings::choice;
use crate::time::{Moment, Seconds};

/// Headers of an argument: a mapping, or pairs in order.
#[derive(Default)]
pub(crate) struct HeaderList(pub(crate) Vec<(String, String)>);

impl FromPyObject<'_, '_> for HeaderList {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let wrong = |got: &Bound<'_, PyAny>| wrong_type("headers", "a mapping or pairs of str to str", got);
        let pairs = match object.cast::<PyDict>() {
            Ok(dict) => dict.items().into_any(),
            Err(_) => object.to_owned(),
        };
        let pairs = pairs.try_iter().map_err(|_| wrong(&object))?;
        let list: PyResult<Vec<_>> = pairs
            .map(|pair| {
                let pair = pair?;
                let both = pair.extract::<(String, String)>().or_else(|_| {
                    let [name, value] = pair.extract::<[String; 2]>()?;
                    Ok::<_, PyErr>((name, value))
                });
                both.map_err(|_| wrong(&pair))
            })
            .collect();
        list.map(HeaderList)
    }
}

impl HeaderList {
    /// What they are, lent to the core.
    pub(crate) fn lent(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// Everything of an append beside its subject and payload.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) event_time: Option<i64>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) msg_id: Option<String>,
    pub(crate) expect_last_seq: Option<u64>,
    pub(crate) expect_subject_last_seq: Option<u64>,
    pub(crate) expect_filter: Option<String>,
    pub(crate) rollup: Rollup,
}

impl Extras {
    #[expect(clippy::too_many_arguments, reason = "these are the keyword arguments of append, in order")]
    pub(crate) fn new(
        py: Python<'_>,
        headers: Option<HeaderList>,
        event_time: Option<Moment>,
        ttl: Option<Seconds>,
        msg_id: Option<String>,
        expect_last_seq: Option<Whole>,
        expect_subject_last_seq: Option<Whole>,
        expect_filter: Option<String>,
        rollup: Option<&str>,
    ) -> PyResult<Self> {
        let rollup = match rollup {
            None => Rollup::None,
            Some(text) => choice(py, "rollup", &[("subject", Rollup::Subject), ("all", Rollup::All)], text)?,
        };
        Ok(Extras {
            headers: headers.map(|headers| headers.0).unwrap_or_default(),
            event_time: event_time.map(|time| time.0),
            ttl: ttl.map(|ttl| ttl.0),
            msg_id,
            expect_last_seq: expect_last_seq.map(|seq| seq.0),
            expect_subject_last_seq: expect_subject_last_seq.map(|seq| seq.0),
            expect_filter,
            rollup,
        })
    }

    pub(crate) fn append<'a>(&'a self, subject: &'a str, payload: &'a [u8]) -> hw::Append<'a> {
        hw::Append {
            subject,
            payload,
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            event_time: self.event_time,
            ttl: self.ttl,
            msg_id: self.msg_id.as_deref(),
            expect_last_seq: self.expect_last_seq,
            expect_subject_last_seq: self.expect_subject_last_seq,
            expect_filter: self.expect_filter.as_deref(),
            rollup: self.rollup,
        }
    }
}

/// One record for `append_batch`, where a `(subject, payload)` pair does not say enough.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Append {
    subject: String,
    payload: Vec<u8>,
    extras: Extras,
}

#[pymethods]
impl Append {
    #[new]
    #[pyo3(signature = (subject, payload, *, headers=None, event_time=None, ttl=None, msg_id=None,
        expect_last_seq=None, expect_subject_last_seq=None, expect_filter=None, rollup=None))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of append")]
    fn new(
        py: Python<'_>,
        subject: String,
        payload: Payload<'_>,
        headers: Option<HeaderList>,
        event_time: Option<Moment>,
        ttl: Option<Seconds>,
        msg_id: Option<String>,
        expect_last_seq: Option<Whole>,
        expect_subject_last_seq: Option<Whole>,
        expect_filter: Option<String>,
        rollup: Option<&str>,
    ) -> PyResult<Self> {
        let extras = Extras::new(
            py,
            headers,
            event_time,
            ttl,
            msg_id,
            expect_last_seq,
            expect_subject_last_seq,
            expect_filter,
            rollup,
        )?;
        Ok(Append { subject, payload: payload.as_slice().to_vec(), extras })
    }

    /// The literal subject.
    #[getter]
    fn subject(&self) -> &str {
        &self.subject
    }

    /// The bytes.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.payload)
    }

    fn __repr__(&self) -> String {
        format!("Append(subject='{}', payload of {} bytes)", self.subject, self.payload.len())
    }
}

/// The items of a batch, kept alive while the core reads them.
pub(crate) struct Batch<'py>(Vec<Item<'py>>);

enum Item<'py> {
    /// A tuple of `str` and `bytes`, which nobody can change.
    Pair(Bound<'py, PyTuple>),
    /// The same with bytes that were copied.
    Copied(Bound<'py, PyString>, Vec<u8>),
    Append(Bound<'py, Append>),
}

impl<'py> Batch<'py> {
    pub(crate) fn new(items: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(list) = items.cast::<PyList>() {
            return list
                .iter()
                .enumerate()
                .map(|(index, item)| Item::new(index, item))
                .collect::<PyResult<_>>()
                .map(Batch);
        }
        let Ok(iterator) = items.try_iter() else {
            return Err(wrong_type("a batch", "an iterable of (subject, payload) or Append", items));
        };
        iterator.enumerate().map(|(index, item)| Item::new(index, item?)).collect::<PyResult<_>>().map(Batch)
    }

    /// The appends, lent.
    pub(crate) fn appends(&self) -> PyResult<Vec<hw::Append<'_>>> {
        self.0.iter().map(Item::append).collect()
    }
}

impl<'py> Item<'py> {
    fn new(index: usize, item: Bound<'py, PyAny>) -> PyResult<Self> {
        let item = match item.cast_into::<PyTuple>() {
            Ok(pair) => {
                if pair.len() != 2 {
                    let message =
                        format!("item {index} of the batch has {} parts, not subject and payload", pair.len());
                    return Err(invalid(pair.py(), message));
                }
                if pair.get_borrowed_item(1)?.is_instance_of::<PyBytes>() {
                    return Ok(Item::Pair(pair));
                }
                let subject = pair.get_item(0)?.cast_into::<PyString>()?;
                return Ok(Item::Copied(subject, copied(&pair.get_item(1)?)?));
            }
            Err(other) => other.into_inner(),
        };
        let what = format!("item {index} of the batch");
        item.cast_into()
            .map(Item::Append)
            .map_err(|other| wrong_type(&what, "a tuple of subject and payload, or an Append", &other.into_inner()))
    }

    fn append(&self) -> PyResult<hw::Append<'_>> {
        match self {
            Item::Pair(pair) => {
                let subject = pair.get_borrowed_item(0)?.extract()?;
                let payload = pair.get_borrowed_item(1)?.extract()?;
                Ok(hw::Append::new(subject, payload))
            }
            Item::Copied(subject, payload) => Ok(hw::Append::new(subject.to_str()?, payload)),
            Item::Append(append) => {
                let append = append.get();
                Ok(append.extras.append(&append.subject, &append.payload))
            }
        }
    }
}

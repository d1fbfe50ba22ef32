//! Times and durations: instants are nanoseconds or aware datetimes, durations are seconds or timedeltas.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyFloat, PyInt};

use crate::error::{invalid, wrong_type};

const SECOND_NS: i128 = 1_000_000_000;
/// The whole seconds of the longest duration that 64 bits of nanoseconds hold.
const SECONDS_MAX: u64 = u64::MAX / 1_000_000_000;

/// A duration argument: seconds as int or float, or a `timedelta`.
pub(crate) struct Seconds(pub(crate) Duration);

impl FromPyObject<'_, '_> for Seconds {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let out_of_range =
            || invalid(py, format!("a duration must be from 0 to {SECONDS_MAX} seconds (584 years), not {}", &*object));
        if object.is_instance_of::<PyDelta>() {
            let nanos = delta_nanos(&object)?;
            let nanos = u64::try_from(nanos).map_err(|_| out_of_range())?;
            return Ok(Seconds(Duration::from_nanos(nanos)));
        }
        if object.is_instance_of::<PyInt>() {
            let seconds = object.extract().ok().filter(|&seconds| seconds <= SECONDS_MAX);
            return seconds.map(|seconds| Seconds(Duration::from_secs(seconds))).ok_or_else(out_of_range);
        }
        if object.is_instance_of::<PyFloat>() {
            let seconds = Duration::try_from_secs_f64(object.extract()?).ok();
            let seconds = seconds.filter(|&seconds| seconds <= Duration::from_secs(SECONDS_MAX));
            return seconds.map(Seconds).ok_or_else(out_of_range);
        }
        Err(wrong_type("a duration", "seconds or a timedelta", &object))
    }
}

/// A duration as Python sees it: seconds.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// A time argument: nanoseconds since the epoch, or an aware `datetime`.
pub(crate) struct Moment(pub(crate) i64);

impl FromPyObject<'_, '_> for Moment {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let out_of_range = || invalid(py, format!("a time is out of range: {}", &*object));
        if object.is_instance_of::<PyInt>() {
            return object.extract().map(Moment).map_err(|_| out_of_range());
        }
        if object.is_instance_of::<PyDateTime>() {
            if object.call_method0("utcoffset")?.is_none() {
                return Err(invalid(py, format!("a datetime needs a time zone: {}", &*object)));
            }
            let nanos = delta_nanos(&object.sub(epoch(py)?)?)?;
            return i64::try_from(nanos).map(Moment).map_err(|_| out_of_range());
        }
        Err(wrong_type("a time", "nanoseconds since the epoch or a datetime", &object))
    }
}

impl Moment {
    /// As a commit time, which is never before the epoch.
    pub(crate) fn commit(&self, py: Python<'_>) -> PyResult<u64> {
        u64::try_from(self.0).map_err(|_| invalid(py, format!("a commit time is before 1970: {}", self.0)))
    }
}

/// The `datetime` in UTC of a time; what is finer than a microsecond is cut.
pub(crate) fn datetime(py: Python<'_>, nanos: i64) -> PyResult<Bound<'_, PyAny>> {
    let micros = nanos.div_euclid(1000);
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let delta = PyDelta::new(py, days as i32, seconds as i32, micros as i32, false)?;
    epoch(py)?.add(delta)
}

fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || -> PyResult<_> {
        let module = py.import("datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        Ok(module.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?.unbind())
    })?;
    Ok(epoch.bind(py))
}

fn delta_nanos(delta: &Bound<'_, PyAny>) -> PyResult<i128> {
    let part = |name: &str| -> PyResult<i128> { Ok(i128::from(delta.getattr(name)?.extract::<i64>()?)) };
    Ok((part("days")? * 86_400 + part("seconds")?) * SECOND_NS + part("microseconds")? * 1000)
}

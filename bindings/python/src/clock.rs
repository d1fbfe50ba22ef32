//! A clock that tests move by hand.

use std::sync::Arc;

use headwater as hw;
use headwater::Clock;
use pyo3::prelude::*;

use crate::time::{Moment, Seconds};

/// A clock that moves only when told.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct ManualClock(hw::ManualClock);

impl ManualClock {
    pub(crate) fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.0.clone())
    }
}

#[pymethods]
impl ManualClock {
    /// A clock that stands at `now`; random bits follow from `seed`.
    #[new]
    #[pyo3(signature = (now, seed=0))]
    fn new(py: Python<'_>, now: Moment, seed: u64) -> PyResult<Self> {
        Ok(ManualClock(hw::ManualClock::new(now.commit(py)?, seed)))
    }

    /// The time, in nanoseconds since the epoch.
    #[getter]
    fn now(&self) -> u64 {
        self.0.now()
    }

    /// Moves the time forward.
    #[pyo3(signature = (by))]
    fn advance(&self, by: Seconds) {
        self.0.advance(by.0);
    }

    /// Sets the time, also backwards.
    #[pyo3(signature = (now))]
    fn set(&self, py: Python<'_>, now: Moment) -> PyResult<()> {
        self.0.set(now.commit(py)?);
        Ok(())
    }
}

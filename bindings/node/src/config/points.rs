//! What a point store is told to be.

use headwater::points::PointsConfig;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_durability, set_millis, set_u64};
use crate::error::Result;

/// A point store's configuration.
#[napi(object, object_to_js = false)]
pub struct PointsOptions {
    pub name: Option<String>,
    pub durability: Option<String>,
    pub max_age_ms: Option<f64>,
    pub max_points_per_series: Option<BigInt>,
}

impl PointsOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<PointsConfig> {
        let mut c = PointsConfig::default();
        set(&mut c.name, self.name);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set_millis(&mut c.max_age, "maxAgeMs", self.max_age_ms)?;
        set_u64(&mut c.max_points_per_series, "maxPointsPerSeries", self.max_points_per_series.as_ref())?;
        Ok(c)
    }
}

//! What a bucket is told to be, and what it holds.

use headwater::{BucketConfig, BucketStatus};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_durability, set_millis, set_u64};
use crate::error::Result;
use crate::values::to_millis;

/// A bucket's configuration.
#[napi(object)]
pub struct BucketOptions {
    pub bucket: Option<String>,
    pub description: Option<String>,
    pub history: Option<u32>,
    pub ttl_ms: Option<f64>,
    pub max_bytes: Option<BigInt>,
    pub max_value_size: Option<u32>,
    pub durability: Option<String>,
}

impl BucketOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<BucketConfig> {
        let mut c = BucketConfig::default();
        set(&mut c.bucket, self.bucket);
        set(&mut c.description, self.description);
        set(&mut c.history, self.history);
        set_millis(&mut c.ttl, "ttlMs", self.ttl_ms)?;
        set_u64(&mut c.max_bytes, "maxBytes", self.max_bytes.as_ref())?;
        set(&mut c.max_value_size, self.max_value_size);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        Ok(c)
    }
}

/// What a bucket holds.
#[napi(object, object_from_js = false)]
pub struct BucketDescription {
    pub config: BucketOptions,
    pub values: u64,
    pub bytes: u64,
}

impl From<BucketStatus> for BucketDescription {
    fn from(status: BucketStatus) -> Self {
        let c = status.config;
        BucketDescription {
            config: BucketOptions {
                bucket: Some(c.bucket),
                description: Some(c.description),
                history: Some(c.history),
                ttl_ms: Some(to_millis(c.ttl)),
                max_bytes: Some(c.max_bytes.into()),
                max_value_size: Some(c.max_value_size),
                durability: Some(c.durability.name().to_owned()),
            },
            values: status.values,
            bytes: status.bytes,
        }
    }
}

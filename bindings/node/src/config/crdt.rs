//! What a store of state that merges is told.

use headwater::crdt::CrdtConfig;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_durability, set_u64};
use crate::error::Result;

/// A store's configuration.
#[napi(object, object_to_js = false)]
pub struct CrdtOptions {
    pub name: Option<String>,
    pub durability: Option<String>,
    pub snapshot_records: Option<BigInt>,
}

impl CrdtOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<CrdtConfig> {
        let mut c = CrdtConfig::default();
        set(&mut c.name, self.name);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set_u64(&mut c.snapshot_records, "snapshotRecords", self.snapshot_records.as_ref())?;
        Ok(c)
    }
}

//! `[mesh]`: peers whose stores are kept in step with those of this node.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::file::Section;
use crate::certs::CertFiles;
use crate::error::Result;
use crate::mesh::{MeshConfig, Preset};

/// The keys of `[mesh]`: the fields of [`MeshConfig`].
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MeshTable {
    name: String,
    bind: String,
    advertise: String,
    seeds: Vec<String>,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    server_name: String,
    stores: Vec<String>,
    preset: Option<String>,
    /// Nanoseconds.
    horizon: u64,
}

impl MeshTable {
    fn config(&self) -> Result<MeshConfig> {
        let preset = self.preset.as_deref().map(Preset::parse).transpose()?;
        Ok(MeshConfig {
            name: self.name.clone(),
            bind: self.bind.clone(),
            advertise: self.advertise.clone(),
            seeds: self.seeds.clone(),
            certs: CertFiles { ca: self.ca.clone(), cert: self.cert.clone(), key: self.key.clone() },
            server_name: self.server_name.clone(),
            stores: self.stores.clone(),
            preset: preset.unwrap_or_default(),
            horizon: Duration::from_nanos(self.horizon),
        })
    }
}

/// Reads the section.
pub(super) fn read(section: Section<'_>) -> Result<MeshConfig> {
    // Which key is missing is for the section as a whole.
    let whole = section.place_of("");
    let config = section.fill(|table: &MeshTable| table.config().map(|_| ()))?.config()?;
    config.check().map_err(|e| whole.error(e.message()))?;
    Ok(config)
}

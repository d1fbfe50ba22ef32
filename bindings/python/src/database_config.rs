//! What a SQLite file that replicates is told, from keyword settings.

use std::path::PathBuf;

use headwater::Durability;
use headwater::replica::DatabaseConfig;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raise;
use crate::settings::Settings;

/// The configuration that the keyword arguments of `attach` say.
pub(crate) fn database_config(
    py: Python<'_>,
    path: PathBuf,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<DatabaseConfig> {
    let mut config = DatabaseConfig::new(path);
    let settings = Settings::new(py, "attach", given)?;
    settings.set("name", &mut config.name)?;
    settings.set("node_id", &mut config.node_id)?;
    settings.set("publish", &mut config.publish)?;
    settings.set("replicate", &mut config.replicate)?;
    settings.set_texts("include", &mut config.include)?;
    settings.set_texts("exclude", &mut config.exclude)?;
    settings.set_texts("per_row", &mut config.per_row)?;
    settings.set_texts("exclude_columns", &mut config.exclude_columns)?;
    settings.set("scan_max_changes", &mut config.scan_max_changes)?;
    settings.set_duration("polling_interval", &mut config.polling_interval)?;
    settings.set_duration("cleanup_interval", &mut config.cleanup_interval)?;
    settings.set("log_max_entries", &mut config.log.max_entries)?;
    settings.set("log_shards", &mut config.log.shards)?;
    settings.set("log_compress", &mut config.log.compress)?;
    let mut durability = config.log.durability.name().to_owned();
    settings.set("log_durability", &mut durability)?;
    config.log.durability = Durability::parse(&durability).map_err(|error| raise(py, &error))?;
    let mut store = PathBuf::new();
    settings.set("snapshot_store", &mut store)?;
    config.snapshot.store = store.to_string_lossy().into_owned();
    settings.set_duration("snapshot_interval", &mut config.snapshot.interval)?;
    settings.set("snapshot_log_entries", &mut config.snapshot.log_entries)?;
    settings.set("snapshot_keep", &mut config.snapshot.keep)?;
    settings.finish()?;
    Ok(config)
}

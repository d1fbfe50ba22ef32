//! `[replica]`: a SQLite file that replicates. With a hub, its log is linked to the stream of the same name there.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::file::Section;
use crate::error::Result;
use crate::replica::{DatabaseConfig, LogConfig, S3Config, SftpConfig, SnapshotConfig, WebDavConfig};
use crate::stream::config::StreamConfig;
use crate::stream::link::LinkConfig;

/// The keys of `[replica]`: the fields of [`DatabaseConfig`], some under the names that people know them by.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReplicaTable {
    db_path: PathBuf,
    name: String,
    node_id: NodeId,
    publish: bool,
    replicate: bool,
    include: Vec<String>,
    exclude: Vec<String>,
    per_row: Vec<String>,
    exclude_columns: Vec<String>,
    scan_max_changes: usize,
    /// Nanoseconds.
    polling_interval: u64,
    /// Nanoseconds.
    cleanup_interval: u64,
    /// Nanoseconds.
    sleep_timeout: u64,
}

impl Default for ReplicaTable {
    fn default() -> Self {
        let config = DatabaseConfig::default();
        ReplicaTable {
            db_path: config.path,
            name: config.name,
            node_id: NodeId::Name(config.node_id),
            publish: config.publish,
            replicate: config.replicate,
            include: config.include,
            exclude: config.exclude,
            per_row: config.per_row,
            exclude_columns: config.exclude_columns,
            scan_max_changes: config.scan_max_changes,
            polling_interval: 0,
            cleanup_interval: 0,
            sleep_timeout: 0,
        }
    }
}

/// A name, or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum NodeId {
    Name(String),
    Number(u64),
}

impl ReplicaTable {
    fn config(self, log: LogConfig) -> DatabaseConfig {
        DatabaseConfig {
            path: self.db_path,
            name: self.name,
            node_id: match self.node_id {
                NodeId::Name(name) => name,
                NodeId::Number(number) => number.to_string(),
            },
            publish: self.publish,
            replicate: self.replicate,
            include: self.include,
            exclude: self.exclude,
            per_row: self.per_row,
            exclude_columns: self.exclude_columns,
            scan_max_changes: self.scan_max_changes,
            polling_interval: Duration::from_nanos(self.polling_interval),
            cleanup_interval: Duration::from_nanos(self.cleanup_interval),
            sleep_timeout: Duration::from_nanos(self.sleep_timeout),
            log,
            ..DatabaseConfig::default()
        }
    }
}

/// Reads the section.
pub(super) fn read(mut section: Section<'_>) -> Result<DatabaseConfig> {
    let whole = section.place_of("");
    let snapshot = section.table("snapshot")?.map(read_snapshot).transpose()?;
    let log = section.table("log")?.map(|log| log.fill(|_: &LogConfig| Ok(()))).transpose()?;
    let config = section.fill(|_: &ReplicaTable| Ok(()))?.config(log.unwrap_or_default());
    let config = DatabaseConfig { snapshot: snapshot.unwrap_or_default(), ..config };
    config.check().map_err(|e| whole.error(e.message()))?;
    Ok(config)
}

/// The keys of its snapshots, with a table for each place that is outside.
fn read_snapshot(mut section: Section<'_>) -> Result<SnapshotConfig> {
    let s3 = section.table("s3")?.map(|it| it.fill(|_: &S3Config| Ok(()))).transpose()?;
    let webdav = section.table("webdav")?.map(|it| it.fill(|_: &WebDavConfig| Ok(()))).transpose()?;
    let sftp = section.table("sftp")?.map(|it| it.fill(|_: &SftpConfig| Ok(()))).transpose()?;
    let config: SnapshotConfig = section.fill(|_| Ok(()))?;
    Ok(SnapshotConfig {
        s3: s3.unwrap_or_default(),
        webdav: webdav.unwrap_or_default(),
        sftp: sftp.unwrap_or_default(),
        ..config
    })
}

/// What joins its log to a hub, where the file does not say that itself.
pub(super) fn links(config: &DatabaseConfig, said: &[LinkConfig]) -> Result<Vec<LinkConfig>> {
    let mut streams = config.stream_names()?;
    streams.retain(|stream| !said.iter().any(|link| link.stream == *stream));
    let link = |stream: String| {
        let create = Some(Box::new(StreamConfig::default()));
        LinkConfig { create, ..LinkConfig::new(stream.clone(), stream.clone(), stream) }
    };
    Ok(streams.into_iter().map(link).collect())
}

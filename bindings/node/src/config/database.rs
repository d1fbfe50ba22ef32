//! What a SQLite file that replicates is told, and what is told of it.

use headwater::replica::{
    CheckReport, Compared, ComparedNode, DatabaseConfig, DatabaseStatus, JobStatus, RefusedTable, SchemaOf,
    SnapshotInfo,
};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use std::collections::HashMap;

use super::{name_of, set, set_durability, set_millis, set_u64};
use crate::error::Result;

/// A file's configuration.
#[napi(object, object_to_js = false)]
pub struct DatabaseOptions {
    pub path: Option<String>,
    pub name: Option<String>,
    pub node_id: Option<String>,
    pub publish: Option<bool>,
    pub replicate: Option<bool>,
    pub include: Option<Vec<String>>,
    pub exclude: Option<Vec<String>>,
    pub per_row: Option<Vec<String>>,
    pub exclude_columns: Option<Vec<String>>,
    pub scan_max_changes: Option<u32>,
    pub polling_interval_ms: Option<f64>,
    pub cleanup_interval_ms: Option<f64>,
    pub log_max_entries: Option<BigInt>,
    pub log_durability: Option<String>,
    pub log_shards: Option<u32>,
    pub log_compress: Option<bool>,
    pub snapshot_store: Option<String>,
    pub snapshot_interval_ms: Option<f64>,
    pub snapshot_log_entries: Option<BigInt>,
    pub snapshot_keep: Option<u32>,
}

impl DatabaseOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<DatabaseConfig> {
        let mut c = DatabaseConfig::new(self.path.unwrap_or_default());
        set(&mut c.name, self.name);
        set(&mut c.node_id, self.node_id);
        set(&mut c.publish, self.publish);
        set(&mut c.replicate, self.replicate);
        set(&mut c.include, self.include);
        set(&mut c.exclude, self.exclude);
        set(&mut c.per_row, self.per_row);
        set(&mut c.exclude_columns, self.exclude_columns);
        set(&mut c.scan_max_changes, self.scan_max_changes.map(|n| n as usize));
        set_millis(&mut c.polling_interval, "pollingIntervalMs", self.polling_interval_ms)?;
        set_millis(&mut c.cleanup_interval, "cleanupIntervalMs", self.cleanup_interval_ms)?;
        set_u64(&mut c.log.max_entries, "logMaxEntries", self.log_max_entries.as_ref())?;
        set_durability(&mut c.log.durability, self.log_durability.as_deref())?;
        set(&mut c.log.shards, self.log_shards.map(|n| n as usize));
        set(&mut c.log.compress, self.log_compress);
        set(&mut c.snapshot.store, self.snapshot_store);
        set_millis(&mut c.snapshot.interval, "snapshotIntervalMs", self.snapshot_interval_ms)?;
        set_u64(&mut c.snapshot.log_entries, "snapshotLogEntries", self.snapshot_log_entries.as_ref())?;
        set(&mut c.snapshot.keep, self.snapshot_keep.map(|n| n as usize));
        Ok(c)
    }
}

/// How a file stands.
#[napi(object, object_from_js = false)]
pub struct DatabaseDescription {
    pub name: String,
    pub path: String,
    pub node_id: String,
    pub node: String,
    pub state: String,
    pub tables: Vec<String>,
    pub refused: Vec<RefusedDescription>,
    pub left_out: Vec<String>,
    pub pending: u64,
    pub unsent: u64,
    pub published: u64,
    pub applied: u64,
    pub changes: u64,
    pub conflicts: u64,
    pub parked: u64,
    pub held: u64,
    pub missing: u64,
    pub lag_records: u64,
    pub lag_ms: f64,
    pub idle_ms: f64,
    pub job: Option<JobDescription>,
    pub faults: u64,
    pub last_error: String,
}

/// A table that does not replicate.
#[napi(object, object_from_js = false)]
pub struct RefusedDescription {
    pub table: String,
    pub reason: String,
}

/// Work that takes a while.
#[napi(object, object_from_js = false)]
pub struct JobDescription {
    pub what: String,
    pub done: u64,
    pub total: u64,
}

impl From<DatabaseStatus> for DatabaseDescription {
    fn from(status: DatabaseStatus) -> Self {
        let refused = |RefusedTable { table, reason }| RefusedDescription { table, reason };
        let job = |JobStatus { what, done, total }| JobDescription { what, done, total };
        DatabaseDescription {
            name: status.name,
            path: status.path.to_string_lossy().into_owned(),
            node_id: status.node_id,
            node: status.node,
            state: status.state.name().to_owned(),
            tables: status.tables,
            refused: status.refused.into_iter().map(refused).collect(),
            left_out: status.left_out,
            pending: status.pending,
            unsent: status.unsent,
            published: status.published,
            applied: status.applied,
            changes: status.changes,
            conflicts: status.conflicts,
            parked: status.parked,
            held: status.held,
            missing: status.missing,
            lag_records: status.lag_records,
            lag_ms: status.lag_ms as f64,
            idle_ms: status.idle_ms as f64,
            job: status.job.map(job),
            faults: status.faults,
            last_error: status.last_error,
        }
    }
}

const COMPARED: [(&str, Compared); 4] = [
    ("equal", Compared::Equal),
    ("differs", Compared::Differs),
    ("apart", Compared::Apart),
    ("silent", Compared::Silent),
];

/// What a comparison of nodes found.
#[napi(object, object_from_js = false)]
pub struct CheckDescription {
    pub nodes: Vec<ComparedDescription>,
    pub dangling: HashMap<String, u64>,
    pub repaired: bool,
    pub is_equal: bool,
}

/// Another node, compared.
#[napi(object, object_from_js = false)]
pub struct ComparedDescription {
    pub node_id: String,
    pub compared: String,
    pub differing: HashMap<String, u32>,
    pub schema: Vec<String>,
}

impl From<CheckReport> for CheckDescription {
    fn from(report: CheckReport) -> Self {
        let is_equal = report.is_equal();
        let node = |node: ComparedNode| ComparedDescription {
            node_id: node.node_id,
            compared: name_of(&COMPARED, &node.compared),
            differing: node.differing.into_iter().map(|(table, ranges)| (table, ranges as u32)).collect(),
            schema: node.schema,
        };
        CheckDescription {
            nodes: report.nodes.into_iter().map(node).collect(),
            dangling: report.dangling.into_iter().collect(),
            repaired: report.repaired,
            is_equal,
        }
    }
}

/// A table, and who has which form of it.
#[napi(object, object_from_js = false)]
pub struct SchemaDescription {
    pub table: String,
    pub forms: HashMap<String, Vec<String>>,
    pub is_same: bool,
}

impl From<SchemaOf> for SchemaDescription {
    fn from(schema: SchemaOf) -> Self {
        let is_same = schema.is_same();
        SchemaDescription { table: schema.table, forms: schema.forms.into_iter().collect(), is_same }
    }
}

/// A snapshot.
#[napi(object, object_from_js = false)]
pub struct SnapshotDescription {
    pub id: String,
    pub node_id: String,
    pub created_ms: f64,
    pub bytes: u64,
    pub stored_bytes: u64,
}

impl From<SnapshotInfo> for SnapshotDescription {
    fn from(info: SnapshotInfo) -> Self {
        SnapshotDescription {
            id: info.id,
            node_id: info.node_id,
            created_ms: info.created_ms as f64,
            bytes: info.bytes,
            stored_bytes: info.stored_bytes,
        }
    }
}

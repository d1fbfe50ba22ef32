//! What a replicated SQLite file is told.

use crate::bytes::hw_str;
use crate::raw::versioned;

/// A SQLite file that replicates. Zero is the default of every field but `path`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_database_config {
    /// sizeof(hw_database_config)
    pub struct_size: usize,
    /// The SQLite file, which is there, or in a snapshot of `snapshot_store`.
    pub path: hw_str,
    /// What the nodes call it, the same at all of them: letters, digits, `-` and `_`. The file's name up to its first
    /// dot when empty.
    pub name: hw_str,
    /// What people call this node; the id of its engine when empty.
    pub node_id: hw_str,
    /// Tables to replicate, without regard to case; all when there is none.
    pub include: *const hw_str,
    /// How many.
    pub include_len: usize,
    /// Tables to leave out, without regard to case.
    pub exclude: *const hw_str,
    /// How many.
    pub exclude_len: usize,
    /// Tables whose rows are written whole: of two writes of one row that had not seen each other, one wins in all its
    /// columns.
    pub per_row: *const hw_str,
    /// How many.
    pub per_row_len: usize,
    /// The most rows that one unit takes in of what was written; what was committed between two looks is not split
    /// otherwise. 4,096 when 0.
    pub scan_max_changes: usize,
    /// How often the file is looked at for what other programs committed, in nanoseconds; 5 ms when 0.
    pub polling_interval_ns: u64,
    /// How often a sweep over the clocks of all rows begins, in nanoseconds; a minute when 0.
    pub cleanup_interval_ns: u64,
    /// The most records that the log keeps; all when 0. A node that was away for longer than the log reaches back needs
    /// a snapshot.
    pub log_max_entries: u64,
    /// Where snapshots are kept: a directory that all nodes have, or `nats` for an object store of the hub; without a
    /// hub, of the engine. None are made by themselves, nor fetched, when it is empty.
    pub snapshot_store: hw_str,
    /// How often a snapshot is made, by one node of all, in nanoseconds; none by time when 0.
    pub snapshot_interval_ns: u64,
    /// A snapshot is made when the log grew by so many records since the last; none by growth when 0.
    pub snapshot_log_entries: u64,
    /// How many snapshots are kept; 3 when 0.
    pub snapshot_keep: usize,
    /// An hw_durability: what an acknowledgement of the log promises.
    pub log_durability: i32,
    /// Not 0: what is written here does not go to others.
    pub no_publish: u8,
    /// Not 0: what others write does not come here.
    pub no_replicate: u8,
    /// Not 0: units are not compressed.
    pub log_no_compress: u8,
    /// Columns to leave out, as `table.column` without regard to case, where `*` stands for any characters: what is in
    /// them stays here and is never written by others, and a row made elsewhere has the column's default.
    pub exclude_columns: *const hw_str,
    /// How many.
    pub exclude_columns_len: usize,
    /// How many streams the log is, at most 64, the same at all nodes; 1 when 0. With more than one, what was written
    /// together comes apart. The first is `REPLICA_<name>`, the others `REPLICA_<name>:2` and so on.
    pub log_shards: usize,
}

versioned!(hw_database_config);

#[cfg(feature = "replica")]
impl hw_database_config {
    pub(crate) fn config(&self) -> headwater::Result<headwater::replica::DatabaseConfig> {
        use std::time::Duration;

        use headwater::replica::{DatabaseConfig, LogConfig, SnapshotConfig};

        use crate::raw::strings;

        Ok(DatabaseConfig {
            name: self.name.owned("name")?,
            node_id: self.node_id.owned("node_id")?,
            publish: self.no_publish == 0,
            replicate: self.no_replicate == 0,
            include: strings("include", self.include, self.include_len)?,
            exclude: strings("exclude", self.exclude, self.exclude_len)?,
            per_row: strings("per_row", self.per_row, self.per_row_len)?,
            exclude_columns: strings("exclude_columns", self.exclude_columns, self.exclude_columns_len)?,
            scan_max_changes: self.scan_max_changes,
            polling_interval: Duration::from_nanos(self.polling_interval_ns),
            cleanup_interval: Duration::from_nanos(self.cleanup_interval_ns),
            log: LogConfig {
                max_entries: self.log_max_entries,
                durability: crate::stream_config::durability(self.log_durability)?,
                shards: self.log_shards,
                compress: self.log_no_compress == 0,
            },
            snapshot: SnapshotConfig {
                store: self.snapshot_store.owned("snapshot_store")?,
                interval: Duration::from_nanos(self.snapshot_interval_ns),
                log_entries: self.snapshot_log_entries,
                keep: self.snapshot_keep,
                ..SnapshotConfig::default()
            },
            ..DatabaseConfig::new(self.path.text("path")?)
        })
    }
}

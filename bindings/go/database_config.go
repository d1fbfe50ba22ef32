package headwater

// #include "shim.h"
import "C"

import "time"

// DatabaseConfig is a SQLite file that replicates. Every field but Path that is left zero takes its default.
type DatabaseConfig struct {
	// Path is the SQLite file, which is there, or in a snapshot of SnapshotStore.
	Path string
	// Name is what the nodes call it, the same at all of them: letters, digits, - and _. The file's name up to its
	// first dot when empty.
	Name string
	// NodeID is what people call this node; the id of its engine when empty.
	NodeID string
	// Include are the tables to replicate, without regard to case; all when empty.
	Include []string
	// Exclude are tables to leave out, without regard to case.
	Exclude []string
	// PerRow are tables whose rows are written whole: of two writes of one row that had not seen each other, one wins in
	// all its columns.
	PerRow []string
	// ExcludeColumns are columns to leave out, as "table.column" without regard to case, where * stands for any
	// characters: what is in them stays here and is never written by others, and a row made elsewhere has the column's
	// default.
	ExcludeColumns []string
	// ScanMaxChanges is the most rows that one unit takes in of what was written; what was committed between two looks
	// is not split otherwise. 4,096 when 0.
	ScanMaxChanges int
	// PollingInterval is how often the file is looked at for what other programs committed; 5 ms when 0.
	PollingInterval time.Duration
	// CleanupInterval is how often a sweep over the clocks of all rows begins; a minute when 0.
	CleanupInterval time.Duration
	// LogMaxEntries is the most records that the log keeps; all when 0. A node that was away for longer than the log
	// reaches back needs a snapshot.
	LogMaxEntries uint64
	// LogShards is how many streams the log is, at most 64, the same at all nodes; 1 when 0. With more than one, what was
	// written together comes apart. The first is REPLICA_<name>, the others REPLICA_<name>:2 and so on.
	LogShards int
	// LogNoCompress keeps units from being compressed.
	LogNoCompress bool
	// LogDurability is what an acknowledgement of the log promises.
	LogDurability Durability
	// SnapshotStore is where snapshots are kept: a directory that all nodes have, or "nats" for an object store of the
	// hub; without a hub, of the engine. None are made by themselves, nor fetched, when it is empty.
	SnapshotStore string
	// SnapshotInterval is how often a snapshot is made, by one node of all; none by time when 0.
	SnapshotInterval time.Duration
	// SnapshotLogEntries: a snapshot is made when the log grew by so many records since the last; none by growth when 0.
	SnapshotLogEntries uint64
	// SnapshotKeep is how many snapshots are kept; 3 when 0.
	SnapshotKeep int
	// NoPublish keeps what is written here from going to others.
	NoPublish bool
	// NoReplicate keeps what others write from coming here.
	NoReplicate bool
}

func (l *lender) databaseConfig(config *DatabaseConfig) (c C.hw_database_config, err error) {
	c = C.hw_database_config{
		struct_size:          C.sizeof_hw_database_config,
		path:                 l.str(config.Path),
		name:                 l.str(config.Name),
		node_id:              l.str(config.NodeID),
		log_max_entries:      C.uint64_t(config.LogMaxEntries),
		snapshot_store:       l.str(config.SnapshotStore),
		snapshot_log_entries: C.uint64_t(config.SnapshotLogEntries),
		log_durability:       C.int32_t(config.LogDurability),
		no_publish:           flag(config.NoPublish),
		no_replicate:         flag(config.NoReplicate),
		log_no_compress:      flag(config.LogNoCompress),
	}
	c.include, c.include_len = l.strs(config.Include)
	c.exclude, c.exclude_len = l.strs(config.Exclude)
	c.per_row, c.per_row_len = l.strs(config.PerRow)
	c.exclude_columns, c.exclude_columns_len = l.strs(config.ExcludeColumns)
	if c.scan_max_changes, err = count("ScanMaxChanges", config.ScanMaxChanges); err != nil {
		return c, err
	}
	if c.log_shards, err = count("LogShards", config.LogShards); err != nil {
		return c, err
	}
	if c.snapshot_keep, err = count("SnapshotKeep", config.SnapshotKeep); err != nil {
		return c, err
	}
	if c.cleanup_interval_ns, err = duration("CleanupInterval", config.CleanupInterval); err != nil {
		return c, err
	}
	if c.polling_interval_ns, err = duration("PollingInterval", config.PollingInterval); err != nil {
		return c, err
	}
	c.snapshot_interval_ns, err = duration("SnapshotInterval", config.SnapshotInterval)
	return c, err
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// DatabaseState is what a replicated file is doing.
type DatabaseState string

const (
	// DatabaseStopped: nobody works on it; what is written is captured, and waits.
	DatabaseStopped DatabaseState = "stopped"
	// DatabaseRunning: what is written here goes out, and what others write comes in.
	DatabaseRunning DatabaseState = "running"
	// DatabasePaused: it was told to wait. What is written is captured.
	DatabasePaused DatabaseState = "paused"
	// DatabaseFailed: something is wrong, which LastError says; it is tried again.
	DatabaseFailed DatabaseState = "failed"
)

// RefusedTable is a table that does not replicate.
type RefusedTable struct {
	// Table is its name, and Reason is why.
	Table  string `json:"table"`
	Reason string `json:"reason"`
}

// JobStatus is work that takes a while.
type JobStatus struct {
	// What is "copy", "upload", "fetch" or "join".
	What string `json:"what"`
	// Done is how much is done, in bytes, or in rows of a join, and Total is of how much.
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
}

// DatabaseStatus is how a replicated file stands.
type DatabaseStatus struct {
	// Name is what the nodes call it.
	Name string `json:"name"`
	// Path is the file.
	Path string `json:"path"`
	// NodeID is what people call this node.
	NodeID string `json:"node_id"`
	// Node is in whose name its units are now, 16 hex digits. It is another one after a crash, and for a copy.
	Node string `json:"node"`
	// State is what it is doing.
	State DatabaseState `json:"state"`
	// Tables are those that replicate, and Refused those that do not.
	Tables  []string       `json:"tables"`
	Refused []RefusedTable `json:"refused"`
	// LeftOut are the columns that are left out of tables that replicate, as "table.column".
	LeftOut []string `json:"left_out"`
	// Pending is how many writes were captured and are in no unit yet.
	Pending uint64 `json:"pending"`
	// Unsent is how many units are not in the log yet.
	Unsent uint64 `json:"unsent"`
	// Published and Applied are how many units were sent, and joined of others, since it was opened, and Changes how
	// many rows the latter changed.
	Published uint64 `json:"published"`
	Applied   uint64 `json:"applied"`
	Changes   uint64 `json:"changes"`
	// Conflicts is how many rows are not shown, as another one that won has their UNIQUE value or they break a
	// constraint.
	Conflicts uint64 `json:"conflicts"`
	// Parked is how many bundles of changes wait for a table or column.
	Parked uint64 `json:"parked"`
	// Held is how many units wait, as their clock is too far ahead; see [Database.Release].
	Held uint64 `json:"held"`
	// Missing is how many units of others were made and did not come: a snapshot, or whoever has them, is needed.
	Missing uint64 `json:"missing"`
	// LagRecords is how many records of the log were not read yet.
	LagRecords uint64 `json:"lag_records"`
	// Lag is how old the newest write of another node is that is in the file; 0 when nothing waits to be read.
	Lag time.Duration `json:"-"`
	// Idle is how long nothing was sent and nothing joined.
	Idle time.Duration `json:"-"`
	// Job is a snapshot that is being made or joined; nil when none is.
	Job *JobStatus `json:"job"`
	// Faults is how many records of the log could not be understood.
	Faults uint64 `json:"faults"`
	// LastError is what went wrong last; empty when nothing did.
	LastError string `json:"last_error"`
}

// UnmarshalJSON reads it as the library writes it.
func (s *DatabaseStatus) UnmarshalJSON(text []byte) error {
	type plain DatabaseStatus
	from := struct {
		*plain
		LagMS  int64 `json:"lag_ms"`
		IdleMS int64 `json:"idle_ms"`
	}{plain: (*plain)(s)}
	err := json.Unmarshal(text, &from)
	s.Lag = time.Duration(from.LagMS) * time.Millisecond
	s.Idle = time.Duration(from.IdleMS) * time.Millisecond
	return err
}

// Compared is how another node compares with this one.
type Compared string

const (
	// ComparedEqual: it has the same rows.
	ComparedEqual Compared = "equal"
	// ComparedDiffers: it has the same units, and other rows.
	ComparedDiffers Compared = "differs"
	// ComparedApart: one of the two has units that the other has not yet.
	ComparedApart Compared = "apart"
	// ComparedSilent: it did not answer.
	ComparedSilent Compared = "silent"
)

// ComparedNode is another node, compared with this one.
type ComparedNode struct {
	// NodeID is what people call it.
	NodeID string `json:"node_id"`
	// Compared is how it compares.
	Compared Compared `json:"compared"`
	// Differing are the tables that differ, and of each how many of its 64 ranges of keys.
	Differing map[string]int `json:"differing"`
	// Schema are the tables whose schema is another one there, or is not known there or here.
	Schema []string `json:"schema"`
}

// CheckReport is what a check found.
type CheckReport struct {
	// Nodes are the other nodes.
	Nodes []ComparedNode `json:"nodes"`
	// Dangling are the rows here whose foreign keys name nothing, by table.
	Dangling map[string]uint64 `json:"dangling"`
	// Repaired tells whether rows were given to repair what differed.
	Repaired bool `json:"repaired"`
}

// IsEqual tells whether every node answered and has the same rows.
func (r *CheckReport) IsEqual() bool {
	for i := range r.Nodes {
		if r.Nodes[i].Compared != ComparedEqual {
			return false
		}
	}
	return true
}

// SchemaOf is one table, and who has which form of it.
type SchemaOf struct {
	// Table is its name, in lower case.
	Table string `json:"table"`
	// Forms are the nodes, by SHA-256 of the schema that they have; those that have no such table are under "".
	Forms map[string][]string `json:"forms"`
}

// SnapshotInfo is a snapshot.
type SnapshotInfo struct {
	// ID is its name: when it was made and by which node, so that names are in the order of time.
	ID string `json:"id"`
	// NodeID is what people call the node that made it.
	NodeID string `json:"node_id"`
	// Created is when.
	Created time.Time `json:"-"`
	// Bytes is how many the file has, and StoredBytes how many it takes where it is kept.
	Bytes       uint64 `json:"bytes"`
	StoredBytes uint64 `json:"stored_bytes"`
}

// UnmarshalJSON reads it as the library writes it.
func (s *SnapshotInfo) UnmarshalJSON(text []byte) error {
	type plain SnapshotInfo
	from := struct {
		*plain
		CreatedMS int64 `json:"created_ms"`
	}{plain: (*plain)(s)}
	err := json.Unmarshal(text, &from)
	s.Created = time.UnixMilli(from.CreatedMS).UTC()
	return err
}

// Status is how it stands.
func (d *Database) Status(ctx context.Context) (DatabaseStatus, error) {
	return askDatabase[DatabaseStatus](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_database_status(p, -1, out, err)
	})
}

// Check compares this node with all others, which work on: those that have the same units must have the same rows. With
// repair, all nodes give the rows of what differs, join them, and are compared again.
func (d *Database) Check(ctx context.Context, repair bool) (CheckReport, error) {
	return askDatabase[CheckReport](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_database_check(p, flag(repair), -1, out, err)
	})
}

// Schema is who has which schema, table by table.
func (d *Database) Schema(ctx context.Context) ([]SchemaOf, error) {
	return askDatabase[[]SchemaOf](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_database_schema(p, -1, out, err)
	})
}

// Snapshot makes a snapshot where SnapshotStore says, as "nats" does when it is empty; it is consistent, and writers go
// on meanwhile. It is [ErrBusy] while another one is at work.
func (d *Database) Snapshot(ctx context.Context) (SnapshotInfo, error) {
	return askDatabase[SnapshotInfo](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_database_snapshot(p, -1, out, err)
	})
}

// Snapshots are those that there are, the newest first.
func (d *Database) Snapshots(ctx context.Context) ([]SnapshotInfo, error) {
	return askDatabase[[]SnapshotInfo](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_database_snapshots(p, -1, out, err)
	})
}

// Restore joins the snapshot of this id with the file, or the newest when it is empty; which one it was. What was
// written here is kept, as far as nothing newer is in it, and the application goes on meanwhile.
func (d *Database) Restore(ctx context.Context, id string) (SnapshotInfo, error) {
	return askDatabase[SnapshotInfo](ctx, d, func(p *C.hw_database, out **C.hw_blob, err **C.hw_error) C.hw_status {
		data, size := text(id)
		return C.hw_database_restore(p, data, size, -1, out, err)
	})
}

// askDatabase runs a call that may take a while and answers in JSON.
func askDatabase[T any](
	ctx context.Context, d *Database, ask func(*C.hw_database, **C.hw_blob, **C.hw_error) C.hw_status,
) (T, error) {
	return slow(ctx, d.room(), func() (T, error) {
		var answer T
		var blob *C.hw_blob
		err := d.call(func(p *C.hw_database, err **C.hw_error) C.hw_status { return ask(p, &blob, err) })
		if err == nil {
			err = takeJSON(blob, &answer)
		}
		return answer, err
	})
}

// takeJSON reads what the library wrote in JSON, and frees it.
func takeJSON(blob *C.hw_blob, to any) error {
	text, err := takeBlob(blob)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return &Error{Code: ErrInternal, Message: "the answer of the library was not understood: " + err.Error()}
	}
	return nil
}

package headwater_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// fileNode is one name of a vector: an engine in memory and a SQLite file.
type fileNode struct {
	engine     *headwater.Engine
	path       string
	database   *headwater.Database
	connection *headwater.Connection
}

// fileNodes are those of a vector, and the hub that they meet at.
type fileNodes struct {
	dir   string
	hub   *headwater.Engine
	named map[string]*fileNode
}

type attachArgs struct {
	As     string `json:"as"`
	Config struct {
		Name           string   `json:"name"`
		NodeID         string   `json:"node_id"`
		Include        []string `json:"include"`
		Exclude        []string `json:"exclude"`
		PerRow         []string `json:"per_row"`
		Publish        *bool    `json:"publish"`
		Replicate      *bool    `json:"replicate"`
		ScanMaxChanges int      `json:"scan_max_changes"`
		LogShards      int      `json:"log_shards"`
		Snapshots      bool     `json:"snapshots"`
	} `json:"config"`
}

type databaseArgs struct {
	Database string            `json:"database"`
	Name     string            `json:"name"`
	As       string            `json:"as"`
	SQL      string            `json:"sql"`
	Values   []json.RawMessage `json:"values"`
	Repair   bool              `json:"repair"`
	ID       string            `json:"id"`
}

func (r *runner) attach(a attachArgs) (any, error) {
	if r.files == nil {
		r.files = &fileNodes{r.t.TempDir(), headwatertest.Engine(r.t), map[string]*fileNode{}}
	}
	node := r.files.named[a.As]
	if node == nil {
		path := filepath.Join(r.files.dir, a.As+".db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return nil, &usageError{err}
		}
		node = &fileNode{engine: headwatertest.Engine(r.t), path: path}
		r.files.named[a.As] = node
	}
	config := headwater.DatabaseConfig{
		Path:           node.path,
		Name:           a.Config.Name,
		NodeID:         a.Config.NodeID,
		Include:        a.Config.Include,
		Exclude:        a.Config.Exclude,
		PerRow:         a.Config.PerRow,
		NoPublish:      !orElse(a.Config.Publish, true),
		NoReplicate:    !orElse(a.Config.Replicate, true),
		ScanMaxChanges: a.Config.ScanMaxChanges,
		LogShards:      a.Config.LogShards,
	}
	if a.Config.Snapshots {
		config.SnapshotStore = filepath.Join(r.files.dir, "snapshots")
	}
	database, err := node.engine.Attach(r.ctx, config)
	if err != nil {
		return nil, err
	}
	node.database = database
	names := list(database.StreamNames(), func(name string) any { return name })
	return map[string]any{"name": database.Name(), "stream_names": names}, nil
}

// onFile is op for operations that name a file.
func onFile(do func(r *runner, n *fileNode, a databaseArgs) (any, error)) operation {
	return op(func(r *runner, a databaseArgs) (any, error) {
		if r.files == nil || r.files.named[a.Database] == nil {
			return nil, &usageError{fmt.Errorf("no database is called %q", a.Database)}
		}
		return do(r, r.files.named[a.Database], a)
	})
}

func (n *fileNode) connect(r *runner) (_ *headwater.Connection, err error) {
	if n.connection == nil {
		n.connection, err = n.database.Connect(r.ctx)
	}
	return n.connection, err
}

func cell(raw json.RawMessage) (any, error) {
	var from *struct {
		Int        *string  `json:"int"`
		Float      *float64 `json:"float"`
		Text       *string  `json:"text"`
		TextBase64 *string  `json:"text_base64"`
		Blob       *string  `json:"blob"`
	}
	if err := json.Unmarshal(raw, &from); err != nil || from == nil {
		return nil, err
	}
	switch {
	case from.Int != nil:
		return strconv.ParseInt(*from.Int, 10, 64)
	case from.Float != nil:
		return *from.Float, nil
	case from.Text != nil:
		return *from.Text, nil
	case from.TextBase64 != nil:
		text, err := base64.StdEncoding.DecodeString(*from.TextBase64)
		return string(text), err
	case from.Blob != nil:
		return base64.StdEncoding.DecodeString(*from.Blob)
	}
	return nil, fmt.Errorf("no cell: %s", raw)
}

func cellJSON(value any) any {
	switch value := value.(type) {
	case int64:
		return map[string]any{"int": strconv.FormatInt(value, 10)}
	case float64:
		if math.IsInf(value, 0) || math.IsNaN(value) {
			return fmt.Sprint(value)
		}
		return map[string]any{"float": value}
	case string:
		if utf8.ValidString(value) {
			return map[string]any{"text": value}
		}
		return map[string]any{"text_base64": base64.StdEncoding.EncodeToString([]byte(value))}
	case []byte:
		return map[string]any{"blob": base64.StdEncoding.EncodeToString(value)}
	default:
		return value
	}
}

func snapshotJSON(info headwater.SnapshotInfo) any { return map[string]any{"node_id": info.NodeID} }

func rowChangeJSON(c headwater.RowChange) any {
	return map[string]any{"table": c.Table, "key": list(c.Key, cellJSON), "kind": c.Kind}
}

var databaseOps = map[string]operation{
	"database_attach": op(func(r *runner, a attachArgs) (any, error) { return r.attach(a) }),
	"database_find": onFile(func(r *runner, n *fileNode, a databaseArgs) (any, error) {
		found, err := n.engine.Database(r.ctx, a.Name)
		if err != nil {
			return nil, err
		}
		return found.Name(), found.Close()
	}),
	"databases": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		statuses, err := n.engine.Databases(r.ctx)
		return list(statuses, func(s headwater.DatabaseStatus) any { return s.Name }), err
	}),
	"database_link": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		stream := n.database.StreamNames()[0]
		link := headwater.LinkConfig{Name: "hub", Stream: stream, Remote: stream, Create: &headwater.StreamConfig{}}
		return nil, n.engine.AddLink(r.ctx, link, r.files.hub)
	}),
	"database_unlink": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return nil, n.engine.RemoveLink(r.ctx, "hub")
	}),
	"database_execute": onFile(func(r *runner, n *fileNode, a databaseArgs) (any, error) {
		values := make([]any, len(a.Values))
		for i, raw := range a.Values {
			value, err := cell(raw)
			if err != nil {
				return nil, &usageError{err}
			}
			values[i] = value
		}
		connection, err := n.connect(r)
		if err != nil {
			return nil, err
		}
		answer, err := connection.Execute(r.ctx, a.SQL, values...)
		if err != nil {
			return nil, err
		}
		return map[string]any{
			"columns":           list(answer.Columns, func(name string) any { return name }),
			"rows":              list(answer.Rows, func(row []any) any { return list(row, cellJSON) }),
			"changes":           answer.Changes,
			"last_insert_rowid": answer.LastInsertRowID,
		}, nil
	}),
	"database_in_transaction": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		connection, err := n.connect(r)
		if err != nil {
			return nil, err
		}
		return connection.IsInTransaction(r.ctx)
	}),
	"database_sync": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return nil, n.database.Sync(r.ctx)
	}),
	"database_pause": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return nil, n.database.Pause(r.ctx)
	}),
	"database_resume": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return nil, n.database.Resume(r.ctx)
	}),
	"database_detach": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return nil, n.database.Detach(r.ctx)
	}),
	"database_release": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		return n.database.Release(r.ctx)
	}),
	"database_watch": onFile(func(r *runner, n *fileNode, a databaseArgs) (any, error) {
		w, err := n.database.Watch(r.ctx)
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, rowChangeJSON, w.Missed, w.Close)
		return nil, nil
	}),
	"database_status": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		s, err := n.database.Status(r.ctx)
		return map[string]any{
			"name": s.Name, "node_id": s.NodeID, "state": s.State, "tables": s.Tables, "refused": s.Refused,
			"pending": s.Pending, "unsent": s.Unsent, "conflicts": s.Conflicts, "parked": s.Parked, "held": s.Held,
			"missing": s.Missing,
		}, err
	}),
	"database_check": onFile(func(r *runner, n *fileNode, a databaseArgs) (any, error) {
		return n.database.Check(r.ctx, a.Repair)
	}),
	"database_schema": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		schemas, err := n.database.Schema(r.ctx)
		return list(schemas, func(s headwater.SchemaOf) any {
			return map[string]any{"table": s.Table, "forms": len(s.Forms)}
		}), err
	}),
	"database_snapshot": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		info, err := n.database.Snapshot(r.ctx)
		return snapshotJSON(info), err
	}),
	"database_snapshots": onFile(func(r *runner, n *fileNode, _ databaseArgs) (any, error) {
		infos, err := n.database.Snapshots(r.ctx)
		return list(infos, snapshotJSON), err
	}),
	"database_restore": onFile(func(r *runner, n *fileNode, a databaseArgs) (any, error) {
		info, err := n.database.Restore(r.ctx, a.ID)
		return snapshotJSON(info), err
	}),
}

package headwater_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// emptyFile is a database that has nothing in it yet.
func emptyFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	ok(t, os.WriteFile(path, nil, 0o600))
	return path
}

// attached is a database of an engine of its own.
func attached(t *testing.T, config headwater.DatabaseConfig) (*headwater.Engine, *headwater.Database) {
	t.Helper()
	config.Name = "app"
	if config.Path == "" {
		config.Path = emptyFile(t, "app.db")
	}
	engine := headwatertest.Engine(t)
	return engine, must(engine.Attach(within(t), config))(t)
}

// joined is a database of an engine of its own, whose log a hub joins with those of others.
func joined(t *testing.T, hub *headwater.Engine, node string) *headwater.Database {
	t.Helper()
	engine, database := attached(t, headwater.DatabaseConfig{NodeID: node})
	link := headwater.LinkConfig{Name: "hub", Stream: "REPLICA_app", Remote: "REPLICA_app"}
	link.Create = &headwater.StreamConfig{}
	ok(t, engine.AddLink(within(t), link, hub))
	return database
}

// pool is a pool that ends before its engine does.
func pool(t *testing.T, database *headwater.Database) *sql.DB {
	t.Helper()
	db := database.SQL()
	t.Cleanup(func() { ok(t, db.Close()) })
	return db
}

func TestWhatIsWrittenToOneFileIsReadInTheOther(t *testing.T) {
	ctx := within(t)
	hub := headwatertest.Engine(t)
	nodes := map[string]*sql.DB{}
	databases := map[string]*headwater.Database{}
	for _, name := range []string{"a", "b"} {
		database := joined(t, hub, name)
		nodes[name], databases[name] = pool(t, database), database
		must(nodes[name].ExecContext(ctx, "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT)"))(t)
	}
	a, b := databases["a"], databases["b"]
	streams := a.StreamNames()
	if a.Name() != "app" || filepath.Base(a.Path()) != "app.db" || !slices.Equal(streams, []string{"REPLICA_app"}) {
		t.Fatal(a.Name(), streams, a.Path())
	}
	title := func(node string) func() bool {
		return func() bool {
			var title string
			err := nodes[node].QueryRowContext(ctx, "SELECT title FROM books WHERE id = ?", 7).Scan(&title)
			return err == nil && title == "Emma"
		}
	}
	result := must(nodes["a"].ExecContext(ctx, "INSERT INTO books VALUES (?, ?)", 7, "Emma"))(t)
	if id, rows := must(result.LastInsertId())(t), must(result.RowsAffected())(t); id != 7 || rows != 1 {
		t.Fatal(id, rows)
	}
	until(t, "the row", title("b"))
	ok(t, a.Sync(ctx))
	status := must(a.Status(ctx))(t)
	if status.NodeID != "a" || status.State != headwater.DatabaseRunning || status.Unsent != 0 || status.Job != nil ||
		!reflect.DeepEqual(status.Tables, []string{"books"}) || status.Published == 0 {
		t.Fatalf("%+v", status)
	}
	until(t, "a check that finds both equal", func() bool {
		report := must(a.Check(ctx, false))(t)
		return len(report.Nodes) == 1 && report.Nodes[0].NodeID == "b" && report.IsEqual()
	})
	schemas := must(b.Schema(ctx))(t)
	if len(schemas) != 1 || schemas[0].Table != "books" || len(schemas[0].Forms) != 1 {
		t.Fatalf("%+v", schemas)
	}
	ok(t, b.Pause(ctx))
	wantCode(t, b.Sync(ctx), headwater.ErrConflict)
	ok(t, b.Resume(ctx))
	if released := must(b.Release(ctx))(t); released != 0 {
		t.Fatal(released)
	}
	ok(t, b.Detach(ctx))
	_, err := b.Status(ctx)
	wantCode(t, err, headwater.ErrNotFound)
	var left int
	query := "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'"
	if ok(t, nodes["b"].QueryRowContext(ctx, query).Scan(&left)); left != 0 {
		t.Fatal(left)
	}
}

func TestWhatIsJoinedIsWatched(t *testing.T) {
	ctx := within(t)
	hub := headwatertest.Engine(t)
	databases := map[string]*headwater.Database{}
	for _, name := range []string{"a", "b"} {
		database := joined(t, hub, name)
		must(pool(t, database).ExecContext(ctx, "CREATE TABLE words(a TEXT, b INTEGER, c, PRIMARY KEY (a, b))"))(t)
		// A row that is there before its table was looked at has no time of its own.
		ok(t, database.Sync(ctx))
		databases[name] = database
	}
	a := pool(t, databases["a"])
	watcher := must(databases["b"].Watch(ctx))(t)
	if changes := must(watcher.TryNext(ctx, 0))(t); len(changes) > 0 {
		t.Fatal(changes)
	}
	must(a.ExecContext(ctx, "INSERT INTO words VALUES ('x', 7, NULL)"))(t)
	changes := must(watcher.Next(ctx, 1))(t)
	change := changes[0]
	node := must(databases["a"].Status(ctx))(t).Node
	want := headwater.RowChange{
		Table: "words", Key: []any{"x", int64(7)}, Kind: headwater.RowInserted, Node: node,
		Stamp: change.Stamp, Time: change.Time,
	}
	if !reflect.DeepEqual(change, want) || time.Since(change.Time).Abs() > time.Minute {
		t.Fatal(change)
	}
	must(a.ExecContext(ctx, "UPDATE words SET c = 1"))(t)
	for change, err := range watcher.Changes(ctx) {
		ok(t, err)
		if change.Kind != headwater.RowUpdated {
			t.Fatal(change)
		}
		break
	}
	if watcher.Missed() != 0 {
		t.Fatal(watcher.Missed())
	}
	ok(t, watcher.Close())
	_, err := watcher.Next(ctx, 1)
	wantCode(t, err, headwater.ErrClosed)
}

func TestAFileIsFoundAgainAndRefusedOtherwise(t *testing.T) {
	ctx := within(t)
	path := emptyFile(t, "app.db")
	engine, database := attached(t, headwater.DatabaseConfig{Path: path})
	db := pool(t, database)
	ok(t, db.PingContext(ctx))
	again := must(engine.Attach(ctx, headwater.DatabaseConfig{Path: path, Name: "app"}))(t)
	ok(t, again.Close())
	ok(t, again.Close())
	_, err := again.Status(ctx)
	wantCode(t, err, headwater.ErrClosed)
	found := must(engine.Database(ctx, "app"))(t)
	if statuses := must(engine.Databases(ctx))(t); len(statuses) != 1 || statuses[0].Path != found.Path() {
		t.Fatalf("%+v", statuses)
	}
	_, err = engine.Attach(ctx, headwater.DatabaseConfig{Path: path, Name: "app", Exclude: []string{"t"}})
	wantCode(t, err, headwater.ErrConflict)
	_, err = engine.Attach(ctx, headwater.DatabaseConfig{Path: filepath.Join(t.TempDir(), "none.db")})
	wantCode(t, err, headwater.ErrNotFound)
	_, err = engine.Attach(ctx, headwater.DatabaseConfig{Path: path, Name: "a b"})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = engine.Attach(ctx, headwater.DatabaseConfig{Path: path, SnapshotKeep: -1})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = engine.Database(ctx, "none")
	wantCode(t, err, headwater.ErrNotFound)
	_, err = (*headwater.Database)(nil).Status(ctx)
	wantCode(t, err, headwater.ErrClosed)
	_, err = database.Status(nil) //nolint:staticcheck // It is what is tried.
	wantCode(t, err, headwater.ErrInvalid)
}

func TestAFileThatIsOpenElsewhereInTheProcessIsRefused(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("it is seen on Linux")
	}
	ctx := within(t)
	path := emptyFile(t, "app.db")
	file := must(os.Open(path))(t)
	engine := headwatertest.Engine(t)
	_, err := engine.Attach(ctx, headwater.DatabaseConfig{Path: path})
	wantCode(t, err, headwater.ErrConflict)
	if !strings.Contains(err.Error(), "open already") {
		t.Fatal(err)
	}
	ok(t, file.Close())
	must(engine.Attach(ctx, headwater.DatabaseConfig{Path: path}))(t)
}

func TestAConfigurationWithAFileThatIsOpenElsewhereIsRefused(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("nothing tells which files are open")
	}
	path := emptyFile(t, "app.db")
	config := filepath.Join(filepath.Dir(path), "a.toml")
	ok(t, os.WriteFile(config, []byte("dir = \"data\"\n[replica]\ndb_path = \"app.db\"\n"), 0o600))
	other := must(os.Open(path))(t)
	_, err := headwater.OpenConfig(within(t), config)
	wantCode(t, err, headwater.ErrConflict)
	ok(t, other.Close())
	engine := must(headwater.OpenConfig(within(t), config))(t)
	ok(t, engine.Close())
}

func TestASnapshotIsMadeAndJoined(t *testing.T) {
	ctx := within(t)
	store := filepath.Join(t.TempDir(), "snapshots")
	_, database := attached(t, headwater.DatabaseConfig{NodeID: "a", SnapshotStore: store, SnapshotKeep: 2})
	db := pool(t, database)
	must(db.ExecContext(ctx, "CREATE TABLE books(id INTEGER PRIMARY KEY)"))(t)
	must(db.ExecContext(ctx, "INSERT INTO books VALUES (1)"))(t)
	made := must(database.Snapshot(ctx))(t)
	if made.NodeID != "a" || made.Bytes == 0 || made.StoredBytes == 0 || time.Since(made.Created).Abs() > time.Hour {
		t.Fatalf("%+v", made)
	}
	if all := must(database.Snapshots(ctx))(t); len(all) != 1 || all[0] != made {
		t.Fatalf("%+v", all)
	}
	for _, id := range []string{"", made.ID} {
		if joined := must(database.Restore(ctx, id))(t); joined != made {
			t.Fatalf("%+v", joined)
		}
	}
	_, err := database.Restore(ctx, "none")
	wantCode(t, err, headwater.ErrNotFound)

	// A node that has no file begins with it.
	path := filepath.Join(t.TempDir(), "new.db")
	_, database = attached(t, headwater.DatabaseConfig{Path: path, SnapshotStore: store})
	var count int
	if ok(t, pool(t, database).QueryRowContext(ctx, "SELECT count(*) FROM books").Scan(&count)); count != 1 {
		t.Fatal(count)
	}
}

func TestAConnectionGivesValuesAsTheyAre(t *testing.T) {
	ctx := within(t)
	_, database := attached(t, headwater.DatabaseConfig{})
	connection := must(database.Connect(ctx))(t)
	moment := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
	given := []any{nil, true, int64(-1 << 63), uint8(7), 0.1, "a\x00\xff", []byte{}, []byte(nil), []byte{0, 255}, moment}
	wanted := []any{
		nil, int64(1), int64(-1 << 63), int64(7), 0.1, "a\x00\xff", []byte{}, nil, []byte{0, 255},
		"2026-02-03T04:05:06.000007+01:00",
	}
	answer := must(connection.Execute(ctx, "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? AS moment", given...))(t)
	if len(answer.Rows) != 1 || !reflect.DeepEqual(answer.Rows[0], wanted) || answer.Columns[9] != "moment" {
		t.Fatalf("%#v", answer)
	}
	_, err := connection.Execute(ctx, "SELECT ?")
	wantCode(t, err, headwater.ErrInvalid)
	_, err = connection.Execute(ctx, "SELECT ?", struct{}{})
	wantCode(t, err, headwater.ErrInvalid)
	must(connection.Execute(ctx, "BEGIN"))(t)
	if !must(connection.IsInTransaction(ctx))(t) {
		t.Fatal("there is no transaction")
	}
	ok(t, connection.Close())
	ok(t, connection.Close())
	_, err = connection.Execute(ctx, "SELECT 1")
	wantCode(t, err, headwater.ErrClosed)
}

func TestClosingTheEngineClosesItsConnections(t *testing.T) {
	ctx := within(t)
	engine, database := attached(t, headwater.DatabaseConfig{})
	connection := must(database.Connect(ctx))(t)
	ok(t, engine.Close())
	_, err := connection.Execute(ctx, "SELECT 1")
	wantCode(t, err, headwater.ErrClosed)
	_, err = database.Connect(ctx)
	wantCode(t, err, headwater.ErrClosed)
}

func TestAWriterThatWaitsKeepsNobodyFromCommitting(t *testing.T) {
	ctx := within(t)
	_, database := attached(t, headwater.DatabaseConfig{})
	db := pool(t, database)
	must(db.ExecContext(ctx, "CREATE TABLE books(id INTEGER PRIMARY KEY)"))(t)
	tx := must(db.BeginTx(ctx, nil))(t)
	must(tx.ExecContext(ctx, "INSERT INTO books VALUES (0)"))(t)
	var waiting sync.WaitGroup
	for id := 1; id <= 8; id++ {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			if _, err := db.ExecContext(ctx, "INSERT INTO books VALUES (?)", id); err != nil {
				t.Error(err)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	ok(t, tx.Commit())
	waiting.Wait()
	var count int
	if ok(t, db.QueryRowContext(ctx, "SELECT count(*) FROM books").Scan(&count)); count != 9 {
		t.Fatal(count)
	}
}

func TestABeginThatNobodyWaitsForKeepsNobodyFromWriting(t *testing.T) {
	ctx := within(t)
	_, database := attached(t, headwater.DatabaseConfig{})
	db := pool(t, database)
	must(db.ExecContext(ctx, "CREATE TABLE books(id INTEGER PRIMARY KEY)"))(t)
	tx := must(db.BeginTx(ctx, nil))(t)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := db.BeginTx(short, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, headwater.ErrTimeout) {
		t.Fatal(err)
	}
	ok(t, tx.Commit())
	other := must(database.Connect(ctx))(t)
	defer other.Close()
	must(other.Execute(ctx, "INSERT INTO books VALUES (1)"))(t)
}

func TestADeadlineInterruptsAStatement(t *testing.T) {
	_, database := attached(t, headwater.DatabaseConfig{})
	db := pool(t, database)
	forEver := "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
	ctx, cancel := context.WithTimeout(within(t), 20*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, forEver); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	// A connection has no room for another statement before the one that nobody waits for has ended.
	connection := must(database.Connect(within(t)))(t)
	defer connection.Close()
	for range 3 {
		ctx, cancel := context.WithTimeout(within(t), 20*time.Millisecond)
		defer cancel()
		if _, err := connection.Execute(ctx, forEver); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		must(connection.Execute(within(t), "SELECT 1"))(t)
	}
}

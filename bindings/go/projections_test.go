package headwater_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

var errBad = errors.New("it is bad")

func foldNames(names *[]string, event headwater.Event) error {
	if event.EventType == "bad" {
		return errBad
	}
	*names = append(*names, event.EventType)
	return nil
}

func namesOf(model *headwater.MemoryModel[[]string]) (names []string) {
	model.Read(func(state *[]string, _ uint64) { names = append(names, *state...) })
	return names
}

func add(t testing.TB, store *headwater.EventStore, types ...string) {
	t.Helper()
	must(store.Save(within(t), "order", "7", opened(types...), headwater.SaveOptions{}))(t)
}

func quick(t testing.TB, store *headwater.EventStore) *headwater.Projection {
	t.Helper()
	config := headwater.ProjectionConfig{Name: "totals", Tries: 2, Pause: time.Millisecond}
	return must(store.Projection(within(t), config))(t)
}

func TestAProjectionGoesOnBehindWhatWasCommitted(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A", "B")
	projection := must(store.Projection(ctx, headwater.ProjectionConfig{Name: "totals"}))(t)
	if head := must(projection.Head(ctx))(t); head != 2 || projection.Lag() != 2 || projection.Name() != "totals" {
		t.Fatal(head, projection.Lag())
	}
	if events := must(projection.Next(ctx, 9))(t); len(events) != 2 || events[1].Seq != 2 {
		t.Fatal(events)
	}
	if err := projection.Commit(ctx, 3, nil); !errors.Is(err, headwater.ErrInvalid) {
		t.Fatal(err)
	}
	ok(t, projection.Advance(1))
	ok(t, projection.Commit(ctx, 1, []byte("one")))
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	if _, err := projection.Next(short, 1); !errors.Is(err, headwater.ErrTimeout) {
		t.Fatal(err)
	}
	after := must(store.Projection(ctx, headwater.ProjectionConfig{Name: "totals"}))(t)
	if state := must(after.State())(t); after.Position() != 1 || string(state) != "one" {
		t.Fatal(after.Position(), state)
	}
	if events := must(after.TryNext(ctx, 0))(t); len(events) != 1 || events[0].Seq != 2 {
		t.Fatal(events)
	}
	if err := projection.Commit(ctx, 2, nil); !errors.Is(err, headwater.ErrConflict) {
		t.Fatal(err)
	}
	ok(t, after.Close())
	ok(t, after.Close())
	if _, err := after.Next(ctx, 1); !errors.Is(err, headwater.ErrClosed) {
		t.Fatal(err)
	}
}

func TestWhatFailsIsTriedAgainAndThenADeadLetter(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A", "bad", "C")
	projection, model := quick(t, store), headwater.NewMemoryModel([]string{}, foldNames)
	ok(t, projection.CatchUp(ctx, model))
	if names := namesOf(model); !reflect.DeepEqual(names, []string{"A", "C"}) || projection.Lag() != 0 {
		t.Fatal(names)
	}
	letters := must(store.DeadLetters(ctx, "totals", 0, 0))(t)
	want := headwater.Failing{Seq: 2, Tries: 2, Error: "it is bad"}
	if len(letters) != 1 || letters[0].Failing != want || time.Since(letters[0].Time) > time.Minute {
		t.Fatal(letters)
	}
	status := must(store.Projections(ctx))(t)[0]
	if status.Name != "totals" || status.Position != 3 || status.Lag != 0 || status.Dead != 1 || status.Failing != nil ||
		!status.IsRunning || time.Since(status.Updated) > time.Minute {
		t.Fatalf("%+v", status)
	}
	if _, err := projection.Replay(ctx, model); !errors.Is(err, errBad) {
		t.Fatal(err)
	}
	model.Fold = func(names *[]string, event headwater.Event) error {
		*names = append(*names, event.EventType)
		return nil
	}
	if count := must(projection.Replay(ctx, model))(t); count != 1 || len(namesOf(model)) != 3 {
		t.Fatal(count)
	}
	if event := must(store.EventAt(ctx, 2))(t); event == nil || event.EventType != "bad" {
		t.Fatal(event)
	}
	if event := must(store.EventAt(ctx, 9))(t); event != nil {
		t.Fatal(event)
	}
	filters := []headwater.EventFilter{{Aggregate: "order"}}
	other := must(store.Projection(ctx, headwater.ProjectionConfig{Name: "other", Filters: filters}))(t)
	must(other.Next(ctx, 0))(t)
	if failure := must(other.Fail(ctx, 1, "why not"))(t); failure.IsDead || failure.Pause != 100*time.Millisecond {
		t.Fatal(failure)
	}
	status = must(store.Projections(ctx))(t)[0]
	if status.Failing == nil || status.Failing.Error != "why not" || !reflect.DeepEqual(status.Filters, filters) {
		t.Fatalf("%+v", status)
	}
	if must(store.DeleteDeadLetter(ctx, "totals", 2))(t) {
		t.Fatal("it is gone")
	}
	ok(t, store.DeleteProjection(ctx, "totals"))
	if err := store.DeleteProjection(ctx, "totals"); !errors.Is(err, headwater.ErrNotFound) {
		t.Fatal(err)
	}
}

func counting() *headwater.MemoryModel[uint64] {
	model := headwater.NewMemoryModel(uint64(0), func(n *uint64, event headwater.Event) error {
		if event.EventType == "bad" {
			return errBad
		}
		*n++
		return nil
	})
	model.SnapshotEvery = 2
	model.Dump = func(n *uint64) ([]byte, error) { return binary.BigEndian.AppendUint64(nil, *n), nil }
	model.Load = func(data []byte) (uint64, error) { return binary.BigEndian.Uint64(data), nil }
	return model
}

func TestAStateThatTheStoreKeepsGoesOnWhereItWas(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A", "bad", "C", "D")
	ok(t, quick(t, store).CatchUp(ctx, counting()))
	add(t, store, "E")
	projection, count := quick(t, store), counting()
	if projection.Position() != 4 {
		t.Fatal(projection.Position())
	}
	ok(t, projection.CatchUp(ctx, count))
	count.Read(func(n *uint64, position uint64) {
		if *n != 4 || position != 5 {
			t.Fatal(*n, position)
		}
	})
	count.Fold = func(n *uint64, _ headwater.Event) error { *n++; return nil }
	if must(projection.Replay(ctx, count))(t) != 1 {
		t.Fatal("a dead letter that a kept state knows")
	}
}

func TestARebuildTakesThePlaceOfTheLiveOneAndARunEndsWhenClosed(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A")
	live := quick(t, store)
	ok(t, live.CatchUp(ctx, headwater.NewMemoryModel([]string{}, foldNames)))
	ok(t, live.Close())
	rebuild := must(store.Projection(ctx, headwater.ProjectionConfig{Name: "totals", IsRebuild: true}))(t)
	if must(rebuild.Switch(ctx))(t) {
		t.Fatal("it is behind")
	}
	model := headwater.NewMemoryModel([]string{}, foldNames)
	ok(t, rebuild.CatchUp(ctx, model))
	if !must(rebuild.Switch(ctx))(t) {
		t.Fatal("it is as far")
	}
	ended := make(chan error)
	go func() { ended <- rebuild.Run(ctx, model) }()
	add(t, store, "B")
	for rebuild.Position() < 2 {
		time.Sleep(time.Millisecond)
	}
	ok(t, rebuild.Close())
	ok(t, <-ended)
	if _, err := quick(t, store).Switch(ctx); !errors.Is(err, headwater.ErrMisuse) {
		t.Fatal(err)
	}
}

// openWith opens SQLite files through an engine of their own.
func openWith(t *testing.T) func(path string) (*sql.DB, error) {
	t.Helper()
	engine, _ := attached(t, headwater.DatabaseConfig{})
	known := make(map[string]*headwater.Database)
	return func(path string) (*sql.DB, error) {
		if known[path] != nil && !strings.HasSuffix(path, "-rebuild") {
			return known[path].SQL(), nil
		}
		if file, err := os.OpenFile(path, os.O_CREATE, 0o600); err != nil || file.Close() != nil {
			return nil, err
		}
		name := fmt.Sprintf("model%d", len(known))
		config := headwater.DatabaseConfig{Path: path, Name: name, Include: []string{"none"}}
		database, err := engine.Attach(context.Background(), config)
		if err != nil {
			return nil, err
		}
		known[path] = database
		return database.SQL(), nil
	}
}

func sqlModel(t *testing.T, config headwater.SQLiteConfig) *headwater.SQLiteModel {
	t.Helper()
	config.Name = "totals"
	model := must(headwater.OpenSQLiteModel(within(t), config))(t)
	t.Cleanup(func() { _ = model.Close() })
	return model
}

func readModelPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "read.db")
}

func foldRows(ctx context.Context, connection *sql.Conn, event headwater.Event) error {
	table := "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)"
	if _, err := connection.ExecContext(ctx, table); err != nil {
		return err
	}
	insert := "INSERT INTO events VALUES (?, ?)"
	if _, err := connection.ExecContext(ctx, insert, int64(event.Seq), event.EventType); err != nil {
		return err
	}
	if event.EventType == "bad" {
		return errBad
	}
	return nil
}

func rowsOf(t *testing.T, model *headwater.SQLiteModel) (found []string) {
	t.Helper()
	rows := must(model.DB().QueryContext(within(t), "SELECT seq, type FROM events ORDER BY seq"))(t)
	defer rows.Close()
	for rows.Next() {
		var seq int
		var eventType string
		ok(t, rows.Scan(&seq, &eventType))
		found = append(found, fmt.Sprint(seq, eventType))
	}
	ok(t, rows.Err())
	return found
}

func expectRows(t *testing.T, model *headwater.SQLiteModel, want ...string) {
	t.Helper()
	if found := rowsOf(t, model); !reflect.DeepEqual(found, want) {
		t.Fatal(found, want)
	}
}

func TestAnEventThatFailsLeavesNothingInAFileAndIsTakenInOnceWhenItCan(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A", "B", "bad", "D")
	config := headwater.SQLiteConfig{Path: readModelPath(t), Open: openWith(t), Fold: foldRows}
	model := sqlModel(t, config)
	ok(t, quick(t, store).CatchUp(ctx, model))
	expectRows(t, model, "1A", "2B", "4D")
	config.Fold = func(ctx context.Context, connection *sql.Conn, event headwater.Event) error {
		_, err := connection.ExecContext(ctx, "INSERT INTO events VALUES (?, 'mended')", int64(event.Seq))
		return err
	}
	mended, projection := sqlModel(t, config), quick(t, store)
	ok(t, projection.CatchUp(ctx, mended))
	ok(t, mended.Retake(ctx, *must(store.EventAt(ctx, 3))(t)))
	if must(projection.Replay(ctx, mended))(t) != 1 {
		t.Fatal("it was a dead letter")
	}
	expectRows(t, mended, "1A", "2B", "3mended", "4D")
}

func TestARebuildTakesThePlaceOfTheTables(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A", "bad", "C")
	config := headwater.SQLiteConfig{Path: readModelPath(t), Open: openWith(t), Fold: foldRows}
	old, before := sqlModel(t, config), quick(t, store)
	ok(t, before.CatchUp(ctx, old))
	config.Fold = func(ctx context.Context, connection *sql.Conn, event headwater.Event) error {
		for _, table := range []string{
			"CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)",
			"CREATE INDEX IF NOT EXISTS by_type ON events (type)",
		} {
			if _, err := connection.ExecContext(ctx, table); err != nil {
				return err
			}
		}
		insert := "INSERT INTO events VALUES (?, lower(?))"
		_, err := connection.ExecContext(ctx, insert, int64(event.Seq), event.EventType)
		return err
	}
	model := sqlModel(t, config)
	live := must(model.Rebuild(ctx, store, headwater.ProjectionConfig{}))(t)
	expectRows(t, model, "1a", "2bad", "3c")
	if err := before.CatchUp(ctx, old); !errors.Is(err, headwater.ErrConflict) {
		t.Fatal(err)
	}
	add(t, store, "D")
	ok(t, live.CatchUp(ctx, model))
	expectRows(t, model, "1a", "2bad", "3c", "4d")
	late := must(store.Follow(ctx, headwater.FollowOptions{After: 3}))(t)
	if _, err := old.Take(ctx, must(late.Next(ctx, 1))(t)); !errors.Is(err, headwater.ErrConflict) {
		t.Fatal(err)
	}
}

func TestAMessageOfTheOutboxIsSentOnce(t *testing.T) {
	ctx, engine := within(t), headwatertest.Engine(t)
	store := must(engine.CreateEventStore(ctx, headwater.EventsConfig{}))(t)
	mail := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "mail", Subjects: []string{"mail.>"}}))(t)
	config := headwater.SQLiteConfig{Path: readModelPath(t), Open: openWith(t), Outbox: engine}
	config.Fold = func(ctx context.Context, connection *sql.Conn, event headwater.Event) error {
		insert := "INSERT INTO headwater_outbox (seq, stream, subject, payload) VALUES (?, 'mail', 'mail.out', ?)"
		_, err := connection.ExecContext(ctx, insert, int64(event.Seq), event.EventType)
		return err
	}
	model := sqlModel(t, config)
	add(t, store, "A", "B")
	ok(t, quick(t, store).CatchUp(ctx, model))
	left := `INSERT INTO headwater_outbox (id, seq, stream, subject, payload, tried)
		VALUES ('c', 3, 'mail', 'mail.out', 'C', 2), ('d', 4, 'mail', 'mail.out', 'D', 2)`
	must(model.DB().ExecContext(ctx, left))(t)
	must(mail.Append(ctx, "mail.out", []byte("C"), headwater.WithHeader("Headwater-Outbox", "c")))(t)
	ok(t, quick(t, store).CatchUp(ctx, model))
	var sent []string
	for record, err := range mail.Records(ctx, headwater.ReadOptions{}) {
		ok(t, err)
		sent = append(sent, string(record.Payload))
	}
	if !reflect.DeepEqual(sent, []string{"A", "B", "C", "D"}) {
		t.Fatal(sent)
	}
	must(model.Rebuild(ctx, store, headwater.ProjectionConfig{}))(t)
	if info := must(mail.Info(ctx))(t); info.Records != 4 {
		t.Fatal(info.Records)
	}
}

func TestADiskThatIsFullIsNoEventsFault(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	add(t, store, "A")
	config := headwater.SQLiteConfig{Path: readModelPath(t), Open: openWith(t)}
	config.Fold = func(context.Context, *sql.Conn, headwater.Event) error {
		return errors.New("database or disk is full")
	}
	if err := quick(t, store).CatchUp(ctx, sqlModel(t, config)); err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatal(err)
	}
	if letters := must(store.DeadLetters(ctx, "totals", 0, 0))(t); len(letters) != 0 {
		t.Fatal(letters)
	}
}

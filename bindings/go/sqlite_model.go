package headwater

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// outboxHeader says which message of an outbox a record was.
const outboxHeader = "Headwater-Outbox"

const messagesAtOnce = 1000

const modelTables = `
CREATE TABLE IF NOT EXISTS headwater_projection (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  generation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_dead_letter (name TEXT, seq INTEGER, PRIMARY KEY (name, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
  seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload BLOB NOT NULL DEFAULT x'',
  tried INTEGER
);`

// SQLiteConfig is what a read model in a SQLite file is made with.
type SQLiteConfig struct {
	// Name is the projection's name.
	Name string
	// Path is the file.
	Path string
	// Open opens a file with the driver of SQLite that the program has.
	Open func(path string) (*sql.DB, error)
	// Fold takes an event in, in a transaction of the connection, which it must not end; what it did is undone where it
	// answers an error. Rows that it puts into headwater_outbox (seq of the event, stream, subject, payload) are sent to
	// streams, each once, when the transaction is committed.
	Fold func(ctx context.Context, connection *sql.Conn, event Event) error
	// IsOfTheFile tells whether an error of Fold is that of the file or of the machine, such as a full disk, which no
	// event can help; nil takes the texts that SQLite has for them.
	IsOfTheFile func(error) bool
	// Outbox is whose streams the outbox is sent to; nil sends nothing.
	Outbox *Engine
}

// SQLiteModel is a read model in a SQLite file: what events make of it, its position, its dead letters and its outbox
// are one transaction, so each event is in effect once, whenever the program ends. Several projections may share a
// file. Close it when done with it.
type SQLiteModel struct {
	config     SQLiteConfig
	db         *sql.DB
	mutex      sync.Mutex
	connection *sql.Conn
	place      modelPlace
}

// modelPlace is where a read model stands, and how often it was built anew.
type modelPlace struct{ position, generation uint64 }

// eventFails says that the event at an index fails, and why.
type eventFails struct {
	index int
	why   error
}

func (e *eventFails) Error() string { return e.why.Error() }

// OpenSQLiteModel opens a read model, and makes the tables of ours that are not there.
func OpenSQLiteModel(ctx context.Context, config SQLiteConfig) (*SQLiteModel, error) {
	if config.Open == nil || config.Fold == nil {
		return nil, invalid("a read model in SQLite wants Open and Fold")
	}
	db, err := config.Open(config.Path)
	if err != nil {
		return nil, err
	}
	connection, err := db.Conn(ctx)
	if err == nil {
		_, err = connection.ExecContext(ctx, "PRAGMA busy_timeout = 10000")
	}
	for _, table := range strings.SplitAfter(modelTables, ";") {
		if strings.TrimSpace(table) != "" && err == nil {
			_, err = connection.ExecContext(ctx, table)
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &SQLiteModel{config: config, db: db, connection: connection}, nil
}

// DB is the pool of connections to the file, to read from.
func (m *SQLiteModel) DB() *sql.DB { return m.db }

// Close closes the file.
func (m *SQLiteModel) Close() error { return errors.Join(m.connection.Close(), m.db.Close()) }

// KeepsPosition is true: it is in the file.
func (m *SQLiteModel) KeepsPosition() bool { return true }

// Begin tells where the file says that it stands.
func (m *SQLiteModel) Begin(ctx context.Context, _ uint64, _ []byte) (uint64, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var err error
	m.place, err = m.placed(ctx)
	return m.place.position, err
}

// Take takes events in, up to the first that fails, in one transaction.
func (m *SQLiteModel) Take(ctx context.Context, events []Event) (Taken, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var taken Taken
	// What comes before a failure is undone with it, and taken in again without it.
	for count := len(events); count > 0; {
		last := events[count-1].Seq
		err := m.moving(ctx, last, func() error { return m.takeAll(ctx, events[:count]) })
		if err == nil {
			taken.Position = last
			break
		}
		var fails *eventFails
		if !errors.As(err, &fails) {
			return Taken{}, err
		}
		count = fails.index
		taken.FailedAt, taken.Why = events[count].Seq, fails.Error()
	}
	return taken, nil
}

func (m *SQLiteModel) takeAll(ctx context.Context, events []Event) error {
	for index, event := range events {
		err := m.config.Fold(ctx, m.connection, event)
		if err == nil {
			continue
		}
		isOfTheFile := m.config.IsOfTheFile
		if isOfTheFile == nil {
			isOfTheFile = saysOfTheFile
		}
		if isOfTheFile(err) || ctx.Err() != nil {
			return fmt.Errorf("read model '%s': %w", m.config.Name, err)
		}
		return &eventFails{index, err}
	}
	return nil
}

// saysOfTheFile knows the texts that SQLite has for errors of the file or of the machine.
func saysOfTheFile(err error) bool {
	for _, text := range []string{
		"database is locked", "database table is locked", "out of memory", "attempt to write a readonly database",
		"interrupted", "disk I/O error", "database disk image is malformed", "database or disk is full",
		"unable to open database file", "file is not a database",
	} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// Skip passes by an event.
func (m *SQLiteModel) Skip(ctx context.Context, seq uint64) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.moving(ctx, seq, func() error {
		return m.run(ctx, "INSERT OR IGNORE INTO headwater_dead_letter VALUES (?, ?)", m.config.Name, int64(seq))
	})
}

// Retake takes in an event that it passed by.
func (m *SQLiteModel) Retake(ctx context.Context, event Event) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.moving(ctx, m.place.position, func() error {
		query := "DELETE FROM headwater_dead_letter WHERE name = ? AND seq = ?"
		result, err := m.connection.ExecContext(ctx, query, m.config.Name, int64(event.Seq))
		if err != nil {
			return err
		}
		if count, err := result.RowsAffected(); count == 0 || err != nil {
			return err
		}
		return m.config.Fold(ctx, m.connection, event)
	})
}

// Keep is nothing: the position is in the file.
func (m *SQLiteModel) Keep() (*Kept, error) { return nil, nil }

func (m *SQLiteModel) run(ctx context.Context, query string, args ...any) error {
	_, err := m.connection.ExecContext(ctx, query, args...)
	return err
}

func (m *SQLiteModel) placed(ctx context.Context) (modelPlace, error) {
	query := "SELECT position, generation FROM headwater_projection WHERE name = ?"
	var position, generation int64
	err := m.connection.QueryRowContext(ctx, query, m.config.Name).Scan(&position, &generation)
	if errors.Is(err, sql.ErrNoRows) {
		return modelPlace{}, nil
	}
	return modelPlace{uint64(position), uint64(generation)}, err
}

func (m *SQLiteModel) setPlace(ctx context.Context, to modelPlace) error {
	return m.run(ctx, `INSERT INTO headwater_projection (name, position, generation) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position, generation = excluded.generation`,
		m.config.Name, int64(to.position), int64(to.generation))
}

// transaction does a thing in a transaction of a writer; it is undone where it fails.
func (m *SQLiteModel) transaction(ctx context.Context, work func() error) error {
	if err := m.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := work()
	if err == nil {
		err = m.run(ctx, "COMMIT")
	}
	if err != nil {
		// SQLite may have undone it by itself.
		_ = m.run(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// moving is a transaction that moves the position, if it is where the run left it.
func (m *SQLiteModel) moving(ctx context.Context, position uint64, work func() error) error {
	after := modelPlace{position, m.place.generation}
	err := m.transaction(ctx, func() error {
		found, err := m.placed(ctx)
		if err != nil {
			return err
		}
		if found != m.place {
			why := "was moved by another program that runs it, or by a rebuild"
			return &Error{Code: ErrConflict, Message: fmt.Sprintf("the position of projection '%s' %s", m.config.Name, why)}
		}
		if err := work(); err != nil {
			return err
		}
		return m.setPlace(ctx, after)
	})
	if err == nil {
		m.place = after
	}
	return err
}

func removeModel(path string) {
	for _, end := range []string{"", "-journal", "-wal", "-shm"} {
		_ = os.Remove(path + end)
	}
}

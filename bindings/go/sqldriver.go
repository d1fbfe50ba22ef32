package headwater

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

// SQL is a pool of connections to the file, for [database/sql] and what is built on it. Close it when done with it.
//
// Arguments go by position, for each ?, and are as [Connection.Execute] takes them. Columns come as nil, int64,
// float64, string or []byte, as SQLite stores them; a date that was written as text comes as that text. A transaction
// is serializable and takes the right to write when it begins, so that it never has to be begun again, unless it is
// read-only. Errors are those of this package, for [errors.Is].
func (d *Database) SQL() *sql.DB { return sql.OpenDB(d.Connector()) }

// Connector is what [sql.OpenDB] takes, for programs that wrap it.
func (d *Database) Connector() driver.Connector { return sqlConnector{d} }

type sqlConnector struct{ database *Database }

func (c sqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := c.database.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &sqlConn{Connection: connection}, nil
}

func (c sqlConnector) Driver() driver.Driver { return sqlDriver{} }

// sqlDriver stands for what names no file: a database is attached first, and its own pool is what works on it.
type sqlDriver struct{}

func (sqlDriver) Open(string) (driver.Conn, error) {
	return nil, &Error{Code: ErrUnsupported, Message: "there is no driver by name: attach the file, and use Database.SQL"}
}

// sqlConn is a connection of a pool.
type sqlConn struct {
	*Connection
	// readOnly tells that the transaction that is open must not write.
	readOnly bool
	// abandoned tells that a context ended while a statement ran, which may still complete: a BEGIN would then hold the
	// right to write in a connection that lies idle. Such a one is closed instead of used again.
	abandoned bool
}

var (
	_ driver.ConnBeginTx        = (*sqlConn)(nil)
	_ driver.ConnPrepareContext = (*sqlConn)(nil)
	_ driver.ExecerContext      = (*sqlConn)(nil)
	_ driver.QueryerContext     = (*sqlConn)(nil)
	_ driver.NamedValueChecker  = (*sqlConn)(nil)
	_ driver.Pinger             = (*sqlConn)(nil)
	_ driver.SessionResetter    = (*sqlConn)(nil)
	_ driver.Validator          = (*sqlConn)(nil)
	_ driver.StmtExecContext    = (*sqlStmt)(nil)
	_ driver.StmtQueryContext   = (*sqlStmt)(nil)
)

func (c *sqlConn) CheckNamedValue(value *driver.NamedValue) (err error) {
	if value.Name != "" {
		return invalid("argument '%s' has a name: arguments go by position, for each ?", value.Name)
	}
	value.Value, err = argument(value.Ordinal, value.Value)
	return err
}

func (c *sqlConn) run(ctx context.Context, query string, args []driver.NamedValue) (*found, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	found, err := c.execute(ctx, query, values)
	c.abandoned = c.abandoned || errors.Is(err, ErrTimeout)
	return found, err
}

func (c *sqlConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	found, err := c.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	found.handle.close()
	return sqlResult{rowID: found.rowID, changes: int64(found.changes)}, nil
}

func (c *sqlConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	found, err := c.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &sqlRows{found}, nil
}

// statement runs one without values that gives nothing.
func (c *sqlConn) statement(ctx context.Context, query string) error {
	_, err := c.ExecContext(ctx, query, nil)
	return err
}

func (c *sqlConn) Ping(ctx context.Context) error { return c.statement(ctx, "SELECT 1") }

// IsValid tells whether it can be used again.
func (c *sqlConn) IsValid() bool { return !c.abandoned && !c.isClosed() }

// ResetSession makes it as new for its next user: a transaction that a statement began is taken back.
func (c *sqlConn) ResetSession(ctx context.Context) error {
	if is, err := c.IsInTransaction(ctx); err != nil || is && c.statement(ctx, "ROLLBACK") != nil {
		return driver.ErrBadConn
	}
	return nil
}

func (c *sqlConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *sqlConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	switch level := sql.IsolationLevel(options.Isolation); level {
	case sql.LevelDefault, sql.LevelSerializable:
	default:
		return nil, &Error{Code: ErrUnsupported, Message: "isolation level " + level.String() + ": SQLite is serializable"}
	}
	begin := "BEGIN IMMEDIATE"
	if options.ReadOnly {
		begin = "BEGIN"
		if err := c.statement(ctx, "PRAGMA query_only = ON"); err != nil {
			return nil, err
		}
		c.readOnly = true
	}
	if err := c.statement(ctx, begin); err != nil {
		return nil, errors.Join(err, c.mayWrite())
	}
	return sqlTx{c}, nil
}

// mayWrite ends what a read-only transaction had put on the connection.
func (c *sqlConn) mayWrite() error {
	if !c.readOnly {
		return nil
	}
	c.readOnly = false
	return c.statement(context.Background(), "PRAGMA query_only = OFF")
}

func (c *sqlConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext names a statement. SQLite prepares it when it runs first, and the connection keeps it so.
func (c *sqlConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	return &sqlStmt{c, query}, nil
}

type sqlTx struct{ *sqlConn }

// Commit commits, or takes back: database/sql takes a transaction as over whatever comes of it.
func (t sqlTx) Commit() error {
	err := t.statement(context.Background(), "COMMIT")
	if err != nil {
		if is, _ := t.IsInTransaction(context.Background()); is {
			err = errors.Join(err, t.statement(context.Background(), "ROLLBACK"))
		}
	}
	return errors.Join(err, t.mayWrite())
}

func (t sqlTx) Rollback() error {
	is, err := t.IsInTransaction(context.Background())
	if is {
		err = t.statement(context.Background(), "ROLLBACK")
	}
	return errors.Join(err, t.mayWrite())
}

type sqlStmt struct {
	*sqlConn
	query string
}

// Close is nothing: the connection keeps what SQLite prepared.
func (s *sqlStmt) Close() error { return nil }

// NumInput leaves the count to SQLite, which is asked when the statement runs.
func (s *sqlStmt) NumInput() int { return -1 }

func (s *sqlStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

func (s *sqlStmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func (s *sqlStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.sqlConn.ExecContext(ctx, s.query, args)
}

func (s *sqlStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.sqlConn.QueryContext(ctx, s.query, args)
}

func named(args []driver.Value) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return values
}

type sqlResult struct{ rowID, changes int64 }

func (r sqlResult) LastInsertId() (int64, error) { return r.rowID, nil }
func (r sqlResult) RowsAffected() (int64, error) { return r.changes, nil }

type sqlRows struct{ *found }

func (r *sqlRows) Columns() []string { return r.columns }

func (r *sqlRows) Next(row []driver.Value) error {
	if r.read == r.rows {
		return io.EOF
	}
	return r.next(func(column int, value driver.Value) { row[column] = value })
}

func (r *sqlRows) Close() error {
	r.handle.close()
	return nil
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"database/sql/driver"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Connection is a connection to a replicated file, with this library's copy of SQLite. One call after another uses it,
// from any goroutine; most programs take [Database.SQL] instead, which has many of them. Close it when done with it.
type Connection struct {
	*handle
	engine *Engine
	// room is this connection's own: a statement may wait for another one's transaction, whose end must find room.
	room chan struct{}
}

// interruptAgain is how long after a statement was interrupted it is again, in case it was about to begin.
const interruptAgain = 20 * time.Millisecond

// Answer is what a statement did and found.
type Answer struct {
	// Columns are the names of the columns; empty for a statement that finds no rows.
	Columns []string
	// Rows have a value for each column: nil, int64, float64, string or []byte, as SQLite stores it. A string has the
	// bytes of the text, which somebody may have written otherwise than as UTF-8.
	Rows [][]any
	// Changes is how many rows it inserted, updated or deleted, without what triggers did.
	Changes uint64
	// LastInsertRowID is the rowid of the last row that this connection inserted.
	LastInsertRowID int64
}

// Connect opens a connection. Two copies of SQLite in one process must never have one file open, so a program with this
// library in it works through these, on as many as it likes.
func (d *Database) Connect(ctx context.Context) (*Connection, error) {
	return slow(ctx, d.room(), func() (*Connection, error) {
		var ptr *C.hw_connection
		err := d.call(func(p *C.hw_database, err **C.hw_error) C.hw_status {
			return C.hw_database_connect(p, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		h := newHandle("connection", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
			C.hw_connection_free((*C.hw_connection)(p))
		})
		c := &Connection{handle: h, engine: d.engine, room: make(chan struct{}, 1)}
		runtime.AddCleanup(c, (*handle).close, h)
		return c, nil
	})
}

// Execute runs one statement. Values are for its ? in their order: nil, booleans, numbers, strings, []byte (a nil one
// is NULL), [time.Time], which becomes text as in RFC 3339, and what [driver.Valuer] makes one of these. BEGIN, COMMIT
// and ROLLBACK are statements as any other. When ctx ends first, the statement is interrupted: what it was to change is
// taken back with its transaction, unless it was about to complete.
//
// [ErrInvalid] says that it is no statement, more than one, or has another number of ?, [ErrConflict] that a constraint
// refuses it, [ErrBusy] that another connection writes for more than 5 s, and [ErrLimit] that it finds more than
// 256 MiB.
func (c *Connection) Execute(ctx context.Context, sql string, values ...any) (*Answer, error) {
	args := make([]driver.Value, len(values))
	for i, value := range values {
		var err error
		if args[i], err = argument(i+1, value); err != nil {
			return nil, err
		}
	}
	found, err := c.execute(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	defer found.handle.close()
	answer := &Answer{Columns: found.columns, Changes: found.changes, LastInsertRowID: found.rowID}
	for range found.rows {
		row := make([]any, len(found.columns))
		if err := found.next(func(column int, value driver.Value) { row[column] = value }); err != nil {
			return nil, err
		}
		answer.Rows = append(answer.Rows, row)
	}
	return answer, nil
}

// IsInTransaction tells whether a transaction is open.
func (c *Connection) IsInTransaction(ctx context.Context) (bool, error) {
	return slow(ctx, c.ownRoom(), func() (bool, error) {
		var is C.bool
		err := c.call(func(p *C.hw_connection, err **C.hw_error) C.hw_status {
			return C.hw_connection_in_transaction(p, &is, err)
		})
		return bool(is), err
	})
}

// Close closes it; a transaction that is open is taken back. Closing twice is nothing.
func (c *Connection) Close() error {
	if c != nil {
		c.handle.close()
	}
	return nil
}

func (c *Connection) ownRoom() chan struct{} {
	if c == nil {
		return nil
	}
	return c.room
}

// call runs a call on it, unless its engine is closed.
func (c *Connection) call(body func(*C.hw_connection, **C.hw_error) C.hw_status) error {
	if _, err := c.engine.acquire(); err != nil {
		return err
	}
	defer c.engine.release()
	return call(context.Background(), c.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_connection)(p), err)
	})
}

// execute runs a statement; args are what [argument] makes.
func (c *Connection) execute(ctx context.Context, sql string, args []driver.Value) (*found, error) {
	return slow(ctx, c.ownRoom(), func() (*found, error) {
		var l lender
		defer l.Unpin()
		values := make([]C.hw_sql_value, len(args)+1)
		for i, arg := range args {
			values[i] = l.sqlValue(arg)
		}
		l.Pin(&values[0])
		var ptr *C.hw_answer
		defer c.interruptWith(ctx)()
		err := c.call(func(p *C.hw_connection, err **C.hw_error) C.hw_status {
			data, size := text(sql)
			return C.hw_connection_execute(p, data, size, &values[0], C.size_t(len(args)), &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		return newFound(ptr)
	})
}

// interruptWith interrupts what runs when ctx ends, until the function that it gives is called.
func (c *Connection) interruptWith(ctx context.Context) (end func()) {
	var running sync.Mutex
	ended := make(chan struct{})
	// Under the lock, so that no statement but this one is hit.
	interrupt := func() {
		running.Lock()
		defer running.Unlock()
		select {
		case <-ended:
		default:
			_ = c.call(func(p *C.hw_connection, err **C.hw_error) C.hw_status { return C.hw_connection_interrupt(p, err) })
		}
	}
	stop := context.AfterFunc(ctx, func() {
		for {
			interrupt()
			select {
			case <-ended:
				return
			case <-time.After(interruptAgain):
			}
		}
	})
	return func() {
		stop()
		running.Lock()
		defer running.Unlock()
		close(ended)
	}
}

// argument makes of a value of Go's what SQLite has: nil, int64, float64, string or []byte, which is a copy.
func argument(number int, value any) (driver.Value, error) {
	plain, err := driver.DefaultParameterConverter.ConvertValue(value)
	if err != nil {
		return nil, &Error{Code: ErrInvalid, Message: fmt.Sprintf("value %d: %v", number, err), cause: err}
	}
	switch plain := plain.(type) {
	case bool:
		if plain {
			return int64(1), nil
		}
		return int64(0), nil
	case time.Time:
		return plain.Format(time.RFC3339Nano), nil
	case []byte:
		if plain == nil {
			return nil, nil
		}
		return append([]byte{}, plain...), nil
	default:
		return plain, nil
	}
}

func (l *lender) sqlValue(value driver.Value) C.hw_sql_value {
	switch value := value.(type) {
	case int64:
		return C.hw_sql_value{sql_type: C.HW_SQL_TYPE_INTEGER, integer: C.int64_t(value)}
	case float64:
		return C.hw_sql_value{sql_type: C.HW_SQL_TYPE_REAL, real: C.double(value)}
	case string:
		lent := l.str(value)
		bytes := C.hw_bytes{data: unsafe.Pointer(lent.data), len: lent.len}
		return C.hw_sql_value{sql_type: C.HW_SQL_TYPE_TEXT, bytes: bytes}
	case []byte:
		return C.hw_sql_value{sql_type: C.HW_SQL_TYPE_BLOB, bytes: l.bytes(value)}
	default:
		return C.hw_sql_value{sql_type: C.HW_SQL_TYPE_NULL}
	}
}

// found is an answer that the library keeps, whose rows are copied one at a time.
type found struct {
	*handle
	columns    []string
	rows, read int
	changes    uint64
	rowID      int64
}

func newFound(ptr *C.hw_answer) (*found, error) {
	h := newHandle("answer", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_answer_free((*C.hw_answer)(p)) })
	f := &found{
		handle:  h,
		rows:    int(C.hw_answer_rows_len(ptr)),
		changes: uint64(C.hw_answer_changes(ptr)),
		rowID:   int64(C.hw_answer_last_insert_rowid(ptr)),
	}
	runtime.AddCleanup(f, (*handle).close, h)
	for i := range C.hw_answer_columns_len(ptr) {
		var name C.hw_str
		var failed *C.hw_error
		if status := C.hw_answer_column(ptr, i, &name, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		f.columns = append(f.columns, goString(name))
	}
	return f, nil
}

// next gives the values of the next row.
func (f *found) next(give func(column int, value driver.Value)) error {
	p, err := f.acquire()
	if err != nil {
		return err
	}
	defer f.release()
	for column := range f.columns {
		var value C.hw_sql_value
		var failed *C.hw_error
		status := C.hw_answer_value((*C.hw_answer)(p), C.size_t(f.read), C.size_t(column), &value, &failed)
		if status != C.HW_STATUS_OK {
			return failure(status, failed)
		}
		give(column, goValue(value))
	}
	f.read++
	return nil
}

// goValue copies a value that the library lends.
func goValue(value C.hw_sql_value) driver.Value {
	switch value.sql_type {
	case C.HW_SQL_TYPE_INTEGER:
		return int64(value.integer)
	case C.HW_SQL_TYPE_REAL:
		return float64(value.real)
	case C.HW_SQL_TYPE_TEXT:
		return string(unsafe.Slice((*byte)(value.bytes.data), int(value.bytes.len)))
	case C.HW_SQL_TYPE_BLOB:
		return append([]byte{}, unsafe.Slice((*byte)(value.bytes.data), int(value.bytes.len))...)
	default:
		return nil
	}
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"database/sql/driver"
	"iter"
	"runtime"
	"time"
	"unsafe"
)

// ChangeKind is what was done to a row.
type ChangeKind string

// What can be done to a row.
const (
	// RowInserted says that the row is there now.
	RowInserted ChangeKind = "insert"
	// RowUpdated says that it has other values.
	RowUpdated ChangeKind = "update"
	// RowDeleted says that it is no longer there.
	RowDeleted ChangeKind = "delete"
)

// RowChange is a row that a write of another node changed here, or that a constraint showed or hid.
type RowChange struct {
	// Table is its table.
	Table string
	// Key are the values of its key, as [Answer] has them; what the row is now is in the file.
	Key []any
	// Kind is what was done to it.
	Kind ChangeKind
	// Node is in whose name the write is, 16 hex digits; this node's own where what was written here shows a row or hides
	// it.
	Node string
	// Stamp is the hybrid time of the write, and Time when that was by the clock of its node.
	Stamp uint64
	Time  time.Time
}

// ChangeWatcher follows what is joined into a file. It is safe for use by many goroutines; each change goes to one of
// them. Close it when done with it.
type ChangeWatcher struct {
	queue[RowChange]
}

// Watch follows what is joined from now on.
func (d *Database) Watch(ctx context.Context) (*ChangeWatcher, error) {
	return slow(ctx, d.room(), func() (*ChangeWatcher, error) {
		var ptr *C.hw_change_watcher
		err := d.call(func(p *C.hw_database, err **C.hw_error) C.hw_status {
			return C.hw_database_watch(p, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		return newChangeWatcher(d.engine, ptr), nil
	})
}

func newChangeWatcher(engine *Engine, ptr *C.hw_change_watcher) *ChangeWatcher {
	w := new(ChangeWatcher)
	w.init(engine, "change watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_change_watcher_free((*C.hw_change_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]RowChange, error) {
		var answer *C.hw_answer
		var failed *C.hw_error
		status := C.hw_change_watcher_next((*C.hw_change_watcher)(p), max, 0, &answer, &failed)
		return takeNext(status, failed, func() ([]RowChange, error) { return takeChanges(answer) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_change_watcher_wake((*C.hw_change_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w
}

// changeColumns is how many columns of an answer say what a change is; those behind them are the row's key.
const changeColumns = 5

func takeChanges(answer *C.hw_answer) ([]RowChange, error) {
	rows, err := newFound(answer)
	if err != nil {
		return nil, err
	}
	defer rows.handle.close()
	changes := make([]RowChange, rows.rows)
	for i := range changes {
		row := make([]any, len(rows.columns))
		if err := rows.next(func(column int, value driver.Value) { row[column] = value }); err != nil {
			return nil, err
		}
		text := func(column int) string { s, _ := row[column].(string); return s }
		number := func(column int) int64 { n, _ := row[column].(int64); return n }
		key := row[changeColumns:]
		for len(key) > 0 && key[len(key)-1] == nil {
			key = key[:len(key)-1]
		}
		changes[i] = RowChange{
			text(0), key, ChangeKind(text(1)), text(2), uint64(number(3)), time.UnixMilli(number(4)),
		}
	}
	return changes, nil
}

// Next waits until there is a change, then takes up to limit (0 is 1,000), in their order.
func (w *ChangeWatcher) Next(ctx context.Context, limit int) ([]RowChange, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit changes (0 is 1,000) that are there, perhaps none.
func (w *ChangeWatcher) TryNext(ctx context.Context, limit int) ([]RowChange, error) {
	return w.tryNext(ctx, limit, limit)
}

// Changes gives changes as they come, until ctx ends, the loop is left, or an error, which it gives last.
func (w *ChangeWatcher) Changes(ctx context.Context) iter.Seq2[RowChange, error] {
	return w.all(ctx, itemsAtOnce)
}

// Missed is how many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept. It is 0 after
// Close.
func (w *ChangeWatcher) Missed() uint64 {
	var missed C.uint64_t
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_change_watcher_missed((*C.hw_change_watcher)(p), &missed, err)
	})
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *ChangeWatcher) Close() error {
	w.handle.close()
	return nil
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"unsafe"
)

// Query computes aggregates in buckets, without loading the range into memory: rows by series, then start.
func (p *Points) Query(ctx context.Context, query Query) ([]Row, error) {
	return slow(ctx, p.engine.room(), func() ([]Row, error) { return p.query(ctx, &query) })
}

func (p *Points) query(ctx context.Context, query *Query) ([]Row, error) {
	every, err := duration("Every", query.Every)
	if err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	names := make([]string, len(query.Aggregates))
	for i, aggregate := range query.Aggregates {
		names[i] = string(aggregate)
	}
	q := C.hw_query{struct_size: C.sizeof_hw_query, every_ns: every}
	q.filters, q.filters_len = l.strs(query.Filters)
	q.aggregates, q.aggregates_len = l.strs(names)
	if q.from, q.has_from, err = bound("From", query.From, 0); err != nil {
		return nil, err
	}
	if q.to, q.has_to, err = bound("To", query.To, 0); err != nil {
		return nil, err
	}
	var rows *C.hw_rows
	err = p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status { return C.hw_points_query(p, &q, &rows, err) })
	if err != nil {
		return nil, err
	}
	return takeRows(rows)
}

func takeRows(list *C.hw_rows) ([]Row, error) {
	defer C.hw_rows_free(list)
	var rows []Row
	for i := range C.hw_rows_len(list) {
		row := C.hw_row{struct_size: C.sizeof_hw_row}
		var failed *C.hw_error
		if status := C.hw_rows_get(list, i, &row, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		taken := Row{Series: goString(row.series), Start: fromNanos(int64(row.start))}
		for _, value := range unsafe.Slice(row.values, int(row.values_len)) {
			taken.Values = append(taken.Values, float64(value))
		}
		rows = append(rows, taken)
	}
	return rows, nil
}

// PointWatcher follows points. It is safe for use by many goroutines; each point goes to one of them. Close it
// when done with it.
type PointWatcher struct {
	queue[Point]
}

// Watch gives the winning point of each series that the filter takes first, then every new one. An empty filter is
// all.
func (p *Points) Watch(ctx context.Context, filter string) (*PointWatcher, error) {
	var ptr *C.hw_point_watcher
	err := p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
		data, size := text(filter)
		return C.hw_points_watch(p, data, size, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	w := new(PointWatcher)
	w.init(p.engine, "point watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_point_watcher_free((*C.hw_point_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]Point, error) {
		var list *C.hw_point_list
		var failed *C.hw_error
		status := C.hw_point_watcher_next((*C.hw_point_watcher)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]Point, error) { return takePoints(list) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_point_watcher_wake((*C.hw_point_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w, nil
}

// Next waits until there is a point, then takes up to limit (0 is 1,000).
func (w *PointWatcher) Next(ctx context.Context, limit int) ([]Point, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit points (0 is 1,000) that are there now, perhaps none.
func (w *PointWatcher) TryNext(ctx context.Context, limit int) ([]Point, error) {
	return w.tryNext(ctx, limit, limit)
}

// Points gives points as they come, until ctx ends, the loop is left, or an error, which it gives last.
func (w *PointWatcher) Points(ctx context.Context) iter.Seq2[Point, error] {
	return w.all(ctx, itemsAtOnce)
}

// Missed is how many records limits removed before this watcher came to read them: when it grows, the watcher fell
// behind. It is 0 after Close.
func (w *PointWatcher) Missed() uint64 {
	var missed C.uint64_t
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_point_watcher_missed((*C.hw_point_watcher)(p), &missed, err)
	})
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *PointWatcher) Close() error {
	w.handle.close()
	return nil
}

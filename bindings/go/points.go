package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Points is a point store and time series over one stream. It is safe for use by many goroutines.
type Points struct {
	*handle
	engine *Engine
	name   string
}

// RangeOptions says which points to read; the zero value is the first 1,000.
type RangeOptions struct {
	// Filter is the series, such as "seattle.temperature" or "seattle.*"; all when empty.
	Filter string
	// From is the first event time that counts; the zero time is the beginning.
	From time.Time
	// To is the first event time that does not count any more; the zero time is the end.
	To time.Time
	// After is the sequence to go on after, as the last call gave it.
	After uint64
	// Limit is the most points; 0 is 1,000.
	Limit int
}

// CreatePoints opens a point store, and makes its stream if it is not there.
func (e *Engine) CreatePoints(ctx context.Context, config PointsConfig) (*Points, error) {
	maxAge, err := duration("MaxAge", config.MaxAge)
	if err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	c := C.hw_points_config{
		struct_size:           C.sizeof_hw_points_config,
		name:                  l.str(config.Name),
		max_age_ns:            maxAge,
		max_points_per_series: C.uint64_t(config.MaxPointsPerSeries),
		durability:            C.int32_t(config.Durability),
	}
	return e.openPoints(ctx, config.Name, func(p *C.hw_engine, out **C.hw_points, err **C.hw_error) C.hw_status {
		return C.hw_points_create(p, &c, out, err)
	})
}

// Points opens the point store of this name; [ErrNotFound] when there is none.
func (e *Engine) Points(ctx context.Context, name string) (*Points, error) {
	return e.openPoints(ctx, name, func(p *C.hw_engine, out **C.hw_points, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_points_open(p, data, size, out, err)
	})
}

func (e *Engine) openPoints(
	ctx context.Context, name string, open func(*C.hw_engine, **C.hw_points, **C.hw_error) C.hw_status,
) (*Points, error) {
	var ptr *C.hw_points
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	h := newHandle("point store", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_points_free((*C.hw_points)(p)) })
	p := &Points{handle: h, engine: e, name: name}
	runtime.AddCleanup(p, (*handle).close, h)
	return p, nil
}

// Name is its name.
func (p *Points) Name() string { return p.name }

// Stream is the stream below.
func (p *Points) Stream(ctx context.Context) (*Stream, error) {
	var stream *C.hw_stream
	err := p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status { return C.hw_points_stream(p, &stream, err) })
	if err != nil {
		return nil, err
	}
	return newStream(ctx, p.engine, stream)
}

// Write writes 1 to 1,000 points, all or nothing, and returns when the store's durability is reached.
//
// Of two with the same time, tombstone and origin the first stays the winning one: to correct a value, write it with a
// greater tombstone or another origin.
func (p *Points) Write(ctx context.Context, points ...Point) (Ack, error) {
	var l lender
	defer l.Unpin()
	array, err := l.points(points)
	if err != nil {
		return Ack{}, err
	}
	var ticket *C.hw_ticket
	err = p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
		return C.hw_points_write_submit(p, unsafe.SliceData(array), C.size_t(len(array)), &ticket, err)
	})
	if err != nil {
		return Ack{}, err
	}
	return newPendingAck(p.engine, ticket).wait(ctx)
}

// Latest is the winning point of each series that the filter takes (an empty filter: all): the newest time, then the
// largest origin; the largest tombstone first. Deleted ones are left out unless deleted is true.
func (p *Points) Latest(ctx context.Context, filter string, deleted bool) ([]Point, error) {
	var list *C.hw_point_list
	err := p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
		data, size := text(filter)
		return C.hw_points_latest(p, data, size, C.int32_t(flag(deleted)), &list, err)
	})
	if err != nil {
		return nil, err
	}
	return takePoints(list)
}

// Range reads points by event time, in the order of their commit, and also returns the sequence to go on after.
func (p *Points) Range(ctx context.Context, options RangeOptions) ([]Point, uint64, error) {
	limit, err := count("Limit", options.Limit)
	if err != nil {
		return nil, 0, err
	}
	var l lender
	defer l.Unpin()
	o := C.hw_range_options{
		struct_size: C.sizeof_hw_range_options,
		filter:      l.str(options.Filter),
		after:       C.uint64_t(options.After),
		max:         limit,
	}
	if o.from, o.has_from, err = bound("From", options.From, 0); err != nil {
		return nil, 0, err
	}
	if o.to, o.has_to, err = bound("To", options.To, 0); err != nil {
		return nil, 0, err
	}
	var list *C.hw_point_list
	var next C.uint64_t
	err = p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
		return C.hw_points_range(p, &o, &list, &next, err)
	})
	if err != nil {
		return nil, 0, err
	}
	points, err := takePoints(list)
	return points, uint64(next), err
}

// Close gives the handle up; the point store stays. It is optional, as [Stream.Close].
func (p *Points) Close() error {
	p.handle.close()
	return nil
}

func (p *Points) call(ctx context.Context, body func(*C.hw_points, **C.hw_error) C.hw_status) error {
	return call(ctx, p.handle, func(ptr unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_points)(ptr), err)
	})
}

func (l *lender) points(points []Point) ([]C.hw_point, error) {
	array := make([]C.hw_point, len(points))
	for i := range points {
		p := &points[i]
		ns, err := nanos("time", p.Time)
		if err != nil {
			return nil, err
		}
		array[i] = C.hw_point{
			struct_size: C.sizeof_hw_point,
			node:        l.str(p.Node),
			kind:        l.str(p.Kind),
			key:         l.str(p.Key),
			time:        C.int64_t(ns),
			number:      C.double(p.Value.float),
			integer:     C.int64_t(p.Value.int),
			text:        l.str(p.Value.text),
			origin:      l.str(p.Origin),
			tombstone:   C.uint32_t(p.Tombstone),
			value_type:  C.int32_t(p.Value.kind),
		}
	}
	return array, nil
}

func takePoints(list *C.hw_point_list) ([]Point, error) {
	defer C.hw_point_list_free(list)
	var points []Point
	for i := range C.hw_point_list_len(list) {
		point := C.hw_point{struct_size: C.sizeof_hw_point}
		var failed *C.hw_error
		if status := C.hw_point_list_get(list, i, &point, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		points = append(points, Point{
			Node: goString(point.node),
			Kind: goString(point.kind),
			Key:  goString(point.key),
			Time: fromNanos(int64(point.time)),
			Value: Value{
				kind:  ValueKind(point.value_type),
				float: float64(point.number),
				int:   int64(point.integer),
				text:  goString(point.text),
			},
			Tombstone: uint32(point.tombstone),
			Origin:    goString(point.origin),
		})
	}
	return points, nil
}

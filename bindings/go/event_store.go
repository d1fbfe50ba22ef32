package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// EventStore keeps aggregates and their events, over one stream. It is safe for use by many goroutines.
type EventStore struct {
	*handle
	engine *Engine
	name   string
}

// CreateEventStore opens an event store, and makes its stream and its bucket of snapshots if they are not there;
// another configuration than it has is [ErrConflict].
func (e *Engine) CreateEventStore(ctx context.Context, config EventsConfig) (*EventStore, error) {
	return e.openEventStore(ctx, func(p *C.hw_engine, out **C.hw_event_store, err **C.hw_error) C.hw_status {
		var l lender
		defer l.Unpin()
		c := C.hw_events_config{
			struct_size: C.sizeof_hw_events_config,
			name:        l.str(config.Name),
			max_bytes:   C.uint64_t(config.MaxBytes),
			durability:  C.int32_t(config.Durability),
		}
		return C.hw_engine_create_event_store(p, &c, out, err)
	})
}

// EventStore opens the event store of this name; [ErrNotFound] when there is none.
func (e *Engine) EventStore(ctx context.Context, name string) (*EventStore, error) {
	return e.openEventStore(ctx, func(p *C.hw_engine, out **C.hw_event_store, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_event_store(p, data, size, out, err)
	})
}

func (e *Engine) openEventStore(
	ctx context.Context, open func(*C.hw_engine, **C.hw_event_store, **C.hw_error) C.hw_status,
) (*EventStore, error) {
	return slow(ctx, e.room(), func() (*EventStore, error) {
		var ptr *C.hw_event_store
		err := e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
		if err != nil {
			return nil, err
		}
		h := newHandle("event store", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
			C.hw_event_store_free((*C.hw_event_store)(p))
		})
		s := &EventStore{handle: h, engine: e}
		runtime.AddCleanup(s, (*handle).close, h)
		var name C.hw_str
		err = s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_name(p, &name, err)
		})
		if err != nil {
			return nil, err
		}
		s.name = goString(name)
		return s, nil
	})
}

// EventStores are the names of all event stores, in order.
func (e *Engine) EventStores(ctx context.Context) ([]string, error) {
	var list *C.hw_strings
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_event_stores(p, &list, err)
	})
	if err != nil {
		return nil, err
	}
	names, _, err := takeStrings(list)
	return names, err
}

// DeleteEventStore removes an event store with everything in it; [ErrNotFound] when there is none.
func (e *Engine) DeleteEventStore(ctx context.Context, name string) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		return struct{}{}, e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			data, size := text(name)
			return C.hw_engine_delete_event_store(p, data, size, err)
		})
	})
	return err
}

// Name is its name.
func (s *EventStore) Name() string { return s.name }

// Stream is the stream of its events.
func (s *EventStore) Stream(ctx context.Context) (*Stream, error) {
	var ptr *C.hw_stream
	err := s.call(ctx, func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
		return C.hw_event_store_stream(p, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	return newStream(ctx, s.engine, ptr)
}

// LastSeq is the sequence of the last event of an aggregate; 0 when it has none.
func (s *EventStore) LastSeq(ctx context.Context, aggregate, key string) (uint64, error) {
	return slow(ctx, s.room(), func() (uint64, error) {
		var seq C.uint64_t
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			return C.hw_event_store_last_seq(p, aggregateData, aggregateLen, keyData, keyLen, &seq, err)
		})
		return uint64(seq), err
	})
}

// Forget forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it
// read as erased from then on, and snapshots that have some of its data are passed over. It says whether there was a
// key. Copies that were made before, such as backups, are not reached.
func (s *EventStore) Forget(ctx context.Context, dataSubject string) (bool, error) {
	return slow(ctx, s.room(), func() (bool, error) {
		var hadKey C.bool
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			data, size := text(dataSubject)
			return C.hw_event_store_forget(p, data, size, &hadKey, err)
		})
		return bool(hadKey), err
	})
}

// List gives aggregates whose last event lies behind sequence after, the one first that was saved longest ago, at most
// limit of them (0 is 1,000), and what to go on behind; 0 at the end.
func (s *EventStore) List(
	ctx context.Context, filter EventFilter, after uint64, limit int,
) ([]AggregateInfo, uint64, error) {
	most, err := count("limit", limit)
	if err != nil {
		return nil, 0, err
	}
	type page struct {
		found []AggregateInfo
		next  uint64
	}
	got, err := slow(ctx, s.room(), func() (page, error) {
		var l lender
		defer l.Unpin()
		c := l.eventFilter(filter)
		var list *C.hw_aggregates
		var next C.uint64_t
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_list(p, &c, C.uint64_t(after), most, &list, &next, err)
		})
		if err != nil {
			return page{}, err
		}
		found, err := takeAggregates(list)
		return page{found, uint64(next)}, err
	})
	return got.found, got.next, err
}

func takeAggregates(list *C.hw_aggregates) ([]AggregateInfo, error) {
	defer C.hw_aggregates_free(list)
	infos := make([]AggregateInfo, C.hw_aggregates_len(list))
	for i := range infos {
		view := C.hw_aggregate_info{struct_size: C.sizeof_hw_aggregate_info}
		var failed *C.hw_error
		if status := C.hw_aggregates_get(list, C.size_t(i), &view, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		infos[i] = AggregateInfo{
			Aggregate: goString(view.aggregate),
			Key:       goString(view.key),
			Position:  Position{uint64(view.version), uint64(view.seq)},
			EventType: goString(view.event_type),
			Saved:     fromNanos(int64(view.saved)),
		}
	}
	return infos, nil
}

// Close gives the handle up; the store stays. It is optional, as [Stream.Close].
func (s *EventStore) Close() error {
	if s != nil {
		s.handle.close()
	}
	return nil
}

func (l *lender) eventFilter(filter EventFilter) C.hw_event_filter {
	return C.hw_event_filter{aggregate: l.str(filter.Aggregate), key: l.str(filter.Key)}
}

// eventFilters lends filters; none is NULL.
func (l *lender) eventFilters(filters []EventFilter) (*C.hw_event_filter, C.size_t) {
	if len(filters) == 0 {
		return nil, 0
	}
	lent := make([]C.hw_event_filter, len(filters))
	for i, filter := range filters {
		lent[i] = l.eventFilter(filter)
	}
	l.Pin(&lent[0])
	return &lent[0], C.size_t(len(lent))
}

func (s *EventStore) call(ctx context.Context, body func(*C.hw_event_store, **C.hw_error) C.hw_status) error {
	return call(ctx, s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_event_store)(p), err)
	})
}

func (s *EventStore) room() chan struct{} {
	if s == nil {
		return nil
	}
	return s.engine.room()
}

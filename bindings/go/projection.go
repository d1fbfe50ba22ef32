package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Projection follows a store from where it stood, whatever happened meanwhile: events are taken, brought into effect,
// and committed. It is safe for use by many goroutines; each event goes to one of them. Close it when done with it.
type Projection struct {
	queue[Event]
	store *EventStore
	name  string
}

// Projection opens a projection, which goes on behind what was committed; from then on, whoever had it open is refused.
func (s *EventStore) Projection(ctx context.Context, config ProjectionConfig) (*Projection, error) {
	return slow(ctx, s.room(), func() (*Projection, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_projection_config{
			struct_size:  C.sizeof_hw_projection_config,
			name:         l.str(config.Name),
			tries:        C.uint32_t(config.Tries),
			pause_ms:     C.uint64_t(config.Pause.Milliseconds()),
			pause_max_ms: C.uint64_t(config.PauseMax.Milliseconds()),
			is_rebuild:   flag(config.IsRebuild),
		}
		c.filters, c.filters_len = l.eventFilters(config.Filters)
		var ptr *C.hw_projection
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_projection(p, &c, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		return newProjection(s, config.Name, ptr), nil
	})
}

func newProjection(store *EventStore, name string, ptr *C.hw_projection) *Projection {
	p := &Projection{store: store, name: name}
	p.init(store.engine, "projection", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_projection_free((*C.hw_projection)(p))
	})
	p.try = func(p unsafe.Pointer, limit C.size_t) ([]Event, error) {
		var list *C.hw_events
		var failed *C.hw_error
		status := C.hw_projection_next((*C.hw_projection)(p), limit, 0, &list, &failed)
		return takeNext(status, failed, func() ([]Event, error) { return takeEvents(list) })
	}
	p.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_projection_wake((*C.hw_projection)(p), waker, token, err)
	}
	runtime.AddCleanup(p, (*handle).close, p.handle)
	return p
}

func takeEvents(list *C.hw_events) ([]Event, error) {
	defer C.hw_events_free(list)
	events := make([]Event, C.hw_events_len(list))
	for i := range events {
		var err error
		if events[i], err = eventAt(list, C.size_t(i)); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Name is its name.
func (p *Projection) Name() string { return p.name }

// Store is the store that it follows.
func (p *Projection) Store() *EventStore { return p.store }

// Position is the sequence of the last event in effect; 0 is none, and after Close.
func (p *Projection) Position() uint64 {
	var seq C.uint64_t
	_ = p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_position(p, &seq, err)
	})
	return uint64(seq)
}

// State is the state that was committed last; empty when none was.
func (p *Projection) State() ([]byte, error) {
	var blob *C.hw_blob
	err := p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_state(p, &blob, err)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob)
}

// Lag is how many events, of any aggregate, the store has behind what is in effect: 0 is live. It is 0 after Close.
func (p *Projection) Lag() uint64 {
	var lag C.uint64_t
	_ = p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_lag(p, &lag, err)
	})
	return uint64(lag)
}

// Seek says where the read model stands, which keeps its position itself: what comes next lies behind it. Commits then
// only tell the store, about once a second.
func (p *Projection) Seek(position uint64) error {
	return p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_seek(p, C.uint64_t(position), err)
	})
}

// Next waits until there is an event and no pause, then takes up to limit (0 is 1,000). A record that is no event is
// never among them: it is a dead letter at once.
func (p *Projection) Next(ctx context.Context, limit int) ([]Event, error) {
	return p.next(ctx, limit, limit)
}

// TryNext takes up to limit events (0 is 1,000) that are there now and not withheld by a pause, perhaps none.
func (p *Projection) TryNext(ctx context.Context, limit int) ([]Event, error) {
	return p.tryNext(ctx, limit, limit)
}

// Advance says that all events up to seq are in effect, in the memory of a program that commits later.
func (p *Projection) Advance(seq uint64) error {
	return p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_advance(p, C.uint64_t(seq), err)
	})
}

// Commit says that all events up to seq are in effect. State, 8 MiB at the most, is kept with it where the store keeps
// the position; it takes the place of the one before, also when it is empty. [ErrConflict] when another one opened the
// projection.
func (p *Projection) Commit(ctx context.Context, seq uint64, state []byte) error {
	return p.slowly(ctx, func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		data, size := bytes(state)
		return C.hw_projection_commit(p, C.uint64_t(seq), data, size, err)
	})
}

// Flush tells the store now what it would be told within a second.
func (p *Projection) Flush(ctx context.Context) error {
	return p.slowly(ctx, func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_flush(p, err)
	})
}

// Fail says that the event at seq, and with it what was given out behind it, is not in effect, and why: it is given out
// again after a pause, or is a dead letter from now on, to be passed by, and that to be committed.
func (p *Projection) Fail(ctx context.Context, seq uint64, why string) (Failure, error) {
	f := C.hw_failure{struct_size: C.sizeof_hw_failure}
	err := p.slowly(ctx, func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		data, size := text(why)
		return C.hw_projection_fail(p, C.uint64_t(seq), data, size, &f, err)
	})
	pause := time.Duration(f.pause_ms) * time.Millisecond
	return Failure{Tries: uint32(f.tries), Pause: pause, IsDead: f.is_dead != 0}, err
}

// Head is the sequence of the last event for it that there is now; 0 when there is none. [ErrConflict] when another one
// opened it.
func (p *Projection) Head(ctx context.Context) (uint64, error) {
	var seq C.uint64_t
	err := p.slowly(ctx, func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_head(p, &seq, err)
	})
	return uint64(seq), err
}

// Switch makes what was built anew the live projection of this name: whoever runs that one is refused from then on. It
// is false, and nothing is done, where it is behind that one; [ErrMisuse] for one that is not a rebuild.
func (p *Projection) Switch(ctx context.Context) (bool, error) {
	var switched C.uint8_t
	err := p.slowly(ctx, func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_switch(p, &switched, err)
	})
	return switched != 0, err
}

// Close ends it, and tells the store where it stands: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (p *Projection) Close() error {
	err := p.call(context.Background(), func(p *C.hw_projection, err **C.hw_error) C.hw_status {
		return C.hw_projection_close(p, err)
	})
	p.handle.close()
	if isClosed(err) {
		return nil
	}
	return err
}

func (p *Projection) call(ctx context.Context, body func(*C.hw_projection, **C.hw_error) C.hw_status) error {
	return call(ctx, p.handle, func(ptr unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_projection)(ptr), err)
	})
}

func (p *Projection) slowly(ctx context.Context, body func(*C.hw_projection, **C.hw_error) C.hw_status) error {
	_, err := slow(ctx, p.engine.room(), func() (struct{}, error) {
		return struct{}{}, p.call(context.Background(), body)
	})
	return err
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"unsafe"
)

// EventFeed is a place in a store that moves as events are taken: those that are there, then those that come, each once
// and in the order of the store. It is safe for use by many goroutines; each event goes to one of them. Close it when
// done with it.
type EventFeed struct {
	queue[Event]
}

// fed is an event of a feed, or what is wrong with the record in its place.
type fed struct {
	event Event
	err   error
}

// Follow follows the events of some aggregates.
func (s *EventStore) Follow(ctx context.Context, options FollowOptions) (*EventFeed, error) {
	return slow(ctx, s.room(), func() (*EventFeed, error) {
		var l lender
		defer l.Unpin()
		o := C.hw_follow_options{struct_size: C.sizeof_hw_follow_options, after: C.uint64_t(options.After)}
		o.filters, o.filters_len = l.eventFilters(options.Filters)
		var ptr *C.hw_event_feed
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_follow(p, &o, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		return newEventFeed(s.engine, ptr), nil
	})
}

func newEventFeed(engine *Engine, ptr *C.hw_event_feed) *EventFeed {
	f := new(EventFeed)
	f.init(engine, "event feed", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_event_feed_free((*C.hw_event_feed)(p))
	})
	// What came with or behind a record that is no event; the next call goes on there.
	var left []fed
	f.try = func(p unsafe.Pointer, limit C.size_t) ([]Event, error) {
		if len(left) == 0 {
			var list *C.hw_events
			var failed *C.hw_error
			status := C.hw_event_feed_next((*C.hw_event_feed)(p), limit, 0, &list, &failed)
			var err error
			left, err = takeNext(status, failed, func() ([]fed, error) { return takeFed(list), nil })
			if err != nil {
				return nil, err
			}
		}
		var events []Event
		for len(left) > 0 && left[0].err == nil && (limit == 0 || len(events) < int(limit)) {
			events, left = append(events, left[0].event), left[1:]
		}
		if len(events) == 0 && len(left) > 0 {
			err := left[0].err
			left = left[1:]
			return nil, err
		}
		return events, nil
	}
	f.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_event_feed_wake((*C.hw_event_feed)(p), waker, token, err)
	}
	runtime.AddCleanup(f, (*handle).close, f.handle)
	return f
}

func takeFed(list *C.hw_events) []fed {
	defer C.hw_events_free(list)
	taken := make([]fed, C.hw_events_len(list))
	for i := range taken {
		taken[i].event, taken[i].err = eventAt(list, C.size_t(i))
	}
	return taken
}

// Next waits until there is an event, then takes up to limit (0 is 1,000). A record that is no event is [ErrCorrupt]; a
// later call goes on behind it.
func (f *EventFeed) Next(ctx context.Context, limit int) ([]Event, error) {
	return f.next(ctx, limit, limit)
}

// TryNext takes up to limit events (0 is 1,000) that are there now, perhaps none.
func (f *EventFeed) TryNext(ctx context.Context, limit int) ([]Event, error) {
	return f.tryNext(ctx, limit, limit)
}

// Events gives events as they come, until ctx ends, the loop is left, or an error, which it gives last. A later loop
// goes on where an earlier one was left.
func (f *EventFeed) Events(ctx context.Context) iter.Seq2[Event, error] {
	return f.all(ctx, itemsAtOnce)
}

// Lag is how many events, of any aggregate, the store has behind what was taken: 0 is live. It is 0 after Close.
func (f *EventFeed) Lag() uint64 {
	var lag C.uint64_t
	_ = call(context.Background(), f.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_event_feed_lag((*C.hw_event_feed)(p), &lag, err)
	})
	return uint64(lag)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (f *EventFeed) Close() error {
	f.handle.close()
	return nil
}

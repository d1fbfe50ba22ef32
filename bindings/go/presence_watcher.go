package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"unsafe"
)

// PresenceWatchOptions says whom to follow.
type PresenceWatchOptions struct {
	// Space is the space.
	Space string
	// Users are the users, 1,000 at the most; all of the space when there is none.
	Users []string
	// After: go on behind this position, which an event of the same opening of the store had; from who is there when
	// nil, and where that is too long ago.
	After *uint64
	// Reveal tells of those who are invisible as they are, for who may know.
	Reveal bool
}

// PresenceWatcher follows users of a store. It is safe for use by many goroutines; each event goes to one of them.
// Close it when done with it.
type PresenceWatcher struct {
	queue[PresenceEvent]
}

// Watch follows users: who is there, then what changes.
func (s *Presence) Watch(ctx context.Context, options PresenceWatchOptions) (*PresenceWatcher, error) {
	return slow(ctx, s.room(), func() (*PresenceWatcher, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_presence_watch_options{
			struct_size: C.sizeof_hw_presence_watch_options,
			space:       l.str(options.Space),
			reveal:      flag(options.Reveal),
		}
		c.users, c.users_len = l.strs(options.Users)
		if options.After != nil {
			c.after, c.has_after = C.uint64_t(*options.After), 1
		}
		var ptr *C.hw_presence_watcher
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			return C.hw_presence_watch(p, &c, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		return newPresenceWatcher(s.engine, ptr), nil
	})
}

func newPresenceWatcher(engine *Engine, ptr *C.hw_presence_watcher) *PresenceWatcher {
	w := new(PresenceWatcher)
	w.init(engine, "presence watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_presence_watcher_free((*C.hw_presence_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]PresenceEvent, error) {
		var blob *C.hw_blob
		var failed *C.hw_error
		status := C.hw_presence_watcher_next((*C.hw_presence_watcher)(p), max, 0, &blob, &failed)
		return takeNext(status, failed, func() ([]PresenceEvent, error) {
			var events []PresenceEvent
			err := takeJSON(blob, &events)
			return events, err
		})
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_presence_watcher_wake((*C.hw_presence_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w
}

// Next waits until there is an event, then takes up to limit (0 is 1,000), in their order.
func (w *PresenceWatcher) Next(ctx context.Context, limit int) ([]PresenceEvent, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit events (0 is 1,000) that are there, perhaps none.
func (w *PresenceWatcher) TryNext(ctx context.Context, limit int) ([]PresenceEvent, error) {
	return w.tryNext(ctx, limit, limit)
}

// Events gives events as they come, until ctx ends, the loop is left, or an error, which it gives last.
func (w *PresenceWatcher) Events(ctx context.Context) iter.Seq2[PresenceEvent, error] {
	return w.all(ctx, itemsAtOnce)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *PresenceWatcher) Close() error {
	w.handle.close()
	return nil
}

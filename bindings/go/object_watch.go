package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"unsafe"
)

// ObjectWatcher follows the objects of a store. It is safe for use by many goroutines; each change goes to one of them.
// Close it when done with it.
type ObjectWatcher struct {
	queue[ObjectInfo]
}

// Watch gives what is in the store, by the time of its last change, then what changes.
func (s *ObjectStore) Watch(ctx context.Context, options ObjectWatchOptions) (*ObjectWatcher, error) {
	o := C.hw_object_watch_options{
		struct_size:    C.sizeof_hw_object_watch_options,
		updates_only:   flag(options.UpdatesOnly),
		ignore_deletes: flag(options.IgnoreDeletes),
	}
	var ptr *C.hw_object_watcher
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		return C.hw_object_store_watch(p, &o, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	w := new(ObjectWatcher)
	w.init(s.engine, "object watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_object_watcher_free((*C.hw_object_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]ObjectInfo, error) {
		var list *C.hw_object_infos
		var failed *C.hw_error
		status := C.hw_object_watcher_next((*C.hw_object_watcher)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]ObjectInfo, error) { return takeObjects(list) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_object_watcher_wake((*C.hw_object_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w, nil
}

// Next waits until there is a change, then takes up to limit (0 is 1,000).
func (w *ObjectWatcher) Next(ctx context.Context, limit int) ([]ObjectInfo, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit changes (0 is 1,000) that are there now, perhaps none.
func (w *ObjectWatcher) TryNext(ctx context.Context, limit int) ([]ObjectInfo, error) {
	return w.tryNext(ctx, limit, limit)
}

// Objects gives changes as they come, until ctx ends, the loop is left, or an error, which it gives last.
func (w *ObjectWatcher) Objects(ctx context.Context) iter.Seq2[ObjectInfo, error] {
	return w.all(ctx, itemsAtOnce)
}

// CaughtUp tells whether everything that was there when the watch began has been taken; false after Close.
func (w *ObjectWatcher) CaughtUp() bool {
	if _, ok := w.firstLeft(); ok {
		return false
	}
	var caughtUp C.bool
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_object_watcher_caught_up((*C.hw_object_watcher)(p), &caughtUp, err)
	})
	return bool(caughtUp)
}

// Missed is how many records the store's limits removed before this watcher came to read them: when it grows, the
// watcher fell behind. It is 0 after Close.
func (w *ObjectWatcher) Missed() uint64 {
	var missed C.uint64_t
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_object_watcher_missed((*C.hw_object_watcher)(p), &missed, err)
	})
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *ObjectWatcher) Close() error {
	w.handle.close()
	return nil
}

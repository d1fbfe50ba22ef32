package headwater

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// closedBias moves the user count of a closed handle below zero, where no further user is let in.
const closedBias = 1 << 62

// handle owns one pointer of the C library and lets Close run beside calls that still use it: the pointer is released
// when it is closed and its last user has left. A use after Close is refused, a second Close is nothing.
type handle struct {
	what  string
	ptr   unsafe.Pointer
	free  func(unsafe.Pointer)
	users atomic.Int64
	shut  sync.Once
	freed atomic.Bool
	done  chan struct{}
}

func newHandle(what string, ptr unsafe.Pointer, free func(unsafe.Pointer)) *handle {
	return &handle{what: what, ptr: ptr, free: free, done: make(chan struct{})}
}

// acquire keeps the pointer alive until release; after close, and in a value that nobody opened, it fails with
// ErrClosed.
func (h *handle) acquire() (unsafe.Pointer, error) {
	if h == nil {
		return nil, neverOpened()
	}
	if h.users.Add(1) < 0 {
		h.release()
		return nil, closed(h.what)
	}
	return h.ptr, nil
}

func (h *handle) release() {
	// Refused users pass through the same count, so the first to see it empty frees, and only that one.
	if h.users.Add(-1) == -closedBias && h.freed.CompareAndSwap(false, true) {
		h.free(h.ptr)
	}
}

// close refuses new users, ends waits, and frees the pointer once the last user is gone.
func (h *handle) close() {
	if h == nil {
		return
	}
	h.shut.Do(func() {
		close(h.done)
		if h.users.Add(-closedBias) == -closedBias && h.freed.CompareAndSwap(false, true) {
			h.free(h.ptr)
		}
	})
}

func (h *handle) isClosed() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

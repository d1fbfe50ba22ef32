package headwater

// #include "shim.h"
import "C"

import "unsafe"

const (
	// blockingCallsMax is how many calls of one base may sit in the library at once because a disk or a node is slow:
	// each holds an OS thread. Waits hold none.
	blockingCallsMax = 3
	// shortCallsMax is how many calls of one base may append, ask, or look for items at once. They are short, but when
	// thousands begin together they queue for one lock, and each in that queue would hold an OS thread.
	shortCallsMax = 2
)

// base is a handle that belongs to no other, of an engine or a client, with what waits on it need.
type base struct {
	*handle
	waker *waker
	// blocking has room for the calls that may hold an OS thread.
	blocking chan struct{}
	// short has room for the calls that append, ask, or look for items.
	short chan struct{}
}

// newBase makes a base of what open gives.
func newBase(
	what string, open func(**C.hw_error) (unsafe.Pointer, C.hw_status), free func(unsafe.Pointer),
) (base, error) {
	waker, err := newWaker()
	if err != nil {
		return base{}, err
	}
	var failed *C.hw_error
	ptr, status := open(&failed)
	if status != C.HW_STATUS_OK {
		waker.close()
		return base{}, failure(status, failed)
	}
	h := newHandle(what, ptr, func(p unsafe.Pointer) {
		free(p)
		waker.close()
	})
	return base{
		handle:   h,
		waker:    waker,
		blocking: make(chan struct{}, blockingCallsMax),
		short:    make(chan struct{}, shortCallsMax),
	}, nil
}

// arm runs a call that arms a token, and keeps the base from closing meanwhile, because its waker goes with it.
func (b *base) arm(body func(*C.hw_waker, **C.hw_error) C.hw_status) error {
	if _, err := b.acquire(); err != nil {
		return err
	}
	defer b.release()
	b.enter()
	defer b.leave()
	var failed *C.hw_error
	return failure(body(b.waker.ptr, &failed), failed)
}

func (b *base) enter() { b.short <- struct{}{} }
func (b *base) leave() { <-b.short }

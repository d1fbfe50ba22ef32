package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"sync"
	"unsafe"
)

// itemsAtOnce is how many items an iterator takes from the library in one call.
const itemsAtOnce = 256

// queue is the waiting half of everything that gives items as they come. Waiting costs a goroutine and no thread.
//
// One waiter at a time, who has the turn, watches the library; the others wait for the turn. So an item wakes one
// goroutine, however many wait, and the library holds one token of each queue.
type queue[T any] struct {
	*handle
	engine *Engine
	// try takes up to max items that are there.
	try func(p unsafe.Pointer, max C.size_t) ([]T, error)
	// arm puts token on the waker's list once try has something to say.
	arm func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status

	// left is what an iterator took from the library and did not give yet. It belongs to who holds taking, as does the
	// next call of try, so that nothing overtakes it.
	left   []T
	taking sync.Mutex

	turn chan struct{}
	// What follows belongs to who has the turn.
	token uint64
	woken chan struct{}
	armed bool
}

func (q *queue[T]) init(engine *Engine, what string, ptr unsafe.Pointer, free func(unsafe.Pointer)) {
	q.engine = engine
	q.turn = make(chan struct{}, 1)
	q.handle, q.token, q.woken = newWaitingHandle(engine.waker, what, ptr, free)
}

// newWaitingHandle makes a handle and a token that goes with it.
func newWaitingHandle(
	waker *waker, what string, ptr unsafe.Pointer, free func(unsafe.Pointer),
) (*handle, uint64, chan struct{}) {
	token, woken := waker.register()
	h := newHandle(what, ptr, func(p unsafe.Pointer) {
		waker.forget(token)
		free(p)
	})
	return h, token, woken
}

// next waits until there is an item, then takes up to limit. It asks the library for up to atOnce and keeps the rest.
func (q *queue[T]) next(ctx context.Context, limit, atOnce int) ([]T, error) {
	items, err := q.tryNext(ctx, limit, atOnce)
	if len(items) > 0 || err != nil {
		return items, err
	}
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, contextError(ctx)
	case <-q.done:
		return nil, closed(q.what)
	}
	defer func() { <-q.turn }()
	for {
		// Armed first and looked after: what comes in between sets off the token.
		if err := q.watch(); err != nil {
			return nil, err
		}
		items, err := q.tryNext(ctx, limit, atOnce)
		if len(items) > 0 || err != nil {
			return items, err
		}
		select {
		case <-q.woken:
			q.armed = false
		case <-ctx.Done():
			return nil, contextError(ctx)
		case <-q.done:
			return nil, closed(q.what)
		case <-q.engine.done:
		}
	}
}

// watch arms the token, unless it is armed from a wait that was given up.
func (q *queue[T]) watch() error {
	if q.armed {
		return nil
	}
	p, err := q.acquire()
	if err != nil {
		return err
	}
	defer q.release()
	err = q.engine.arm(func(waker *C.hw_waker, failed **C.hw_error) C.hw_status {
		return q.arm(p, waker, C.uint64_t(q.token), failed)
	})
	q.armed = err == nil
	return err
}

// tryNext takes up to limit items that are there, perhaps none.
func (q *queue[T]) tryNext(ctx context.Context, limit, atOnce int) ([]T, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	limitC, err := count("limit", limit)
	if err != nil {
		return nil, err
	}
	p, err := q.acquire()
	if err != nil {
		return nil, err
	}
	defer q.release()
	if q.engine.isClosed() {
		return nil, closed(q.engine.what)
	}
	q.taking.Lock()
	defer q.taking.Unlock()
	if len(q.left) == 0 && atOnce == limit {
		return q.poll(p, limitC)
	}
	if len(q.left) == 0 {
		if q.left, err = q.poll(p, C.size_t(atOnce)); err != nil {
			return nil, err
		}
	}
	size := len(q.left)
	if limit > 0 {
		size = min(size, limit)
	}
	items := q.left[:size:size]
	q.left = q.left[size:]
	return items, nil
}

func (q *queue[T]) poll(p unsafe.Pointer, limit C.size_t) ([]T, error) {
	q.engine.enter()
	defer q.engine.leave()
	return q.try(p, limit)
}

// firstLeft is what an iterator took and gives next, and whether there is such a thing.
func (q *queue[T]) firstLeft() (first T, ok bool) {
	q.taking.Lock()
	defer q.taking.Unlock()
	if len(q.left) > 0 {
		return q.left[0], true
	}
	return first, false
}

// all gives items until ctx ends, the loop is left, or an error, which it gives last. It asks the library for atOnce at
// a time, and a later call goes on where the loop was left.
func (q *queue[T]) all(ctx context.Context, atOnce int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			items, err := q.next(ctx, 1, atOnce)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if !yield(items[0], nil) {
				return
			}
		}
	}
}

// takeNext takes the items of a next call that did not wait; that nothing was there is no failure.
func takeNext[T any](status C.hw_status, failed *C.hw_error, take func() ([]T, error)) ([]T, error) {
	switch status {
	case C.HW_STATUS_OK:
		return take()
	case C.HW_STATUS_TIMEOUT:
		C.hw_error_free(failed)
		return nil, nil
	default:
		return nil, failure(status, failed)
	}
}

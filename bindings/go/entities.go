package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// EntityID says which entity: its kind, such as "account", and which one it is of that kind, each of 1 to 128 bytes.
type EntityID struct {
	Kind, Key string
}

// String is kind and key, for people.
func (id EntityID) String() string { return id.Kind + " '" + id.Key + "'" }

// Entities are live entities: one handler for each kind and key, alive while it is wanted. [Entities.Serve] handles
// them, [Entities.Request] asks them, wherever they are handled. It is safe for use by many goroutines. Close it when
// done with it.
type Entities struct {
	queue[*entityTurn]
	lease time.Duration
	// serving has room for the one who serves.
	serving chan struct{}
	// handover is touched before something is given to the library and after something came out of it, so that what
	// whoever asks did is seen by the handler, and what that did by the next turn and by whoever asked: Go does not know
	// of the locks in the library.
	handover atomic.Uint64
}

// Entities begins to keep live entities, alone or as a node of a cluster, whose bucket is made if it is not there. It
// is [ErrUnsupported] for a cluster on an engine without requests from node to node.
func (e *Engine) Entities(ctx context.Context, config EntitiesConfig) (*Entities, error) {
	return slow(ctx, e.room(), func() (*Entities, error) {
		var l lender
		defer l.Unpin()
		c, err := l.entitiesConfig(&config)
		if err != nil {
			return nil, err
		}
		var ptr *C.hw_entities
		err = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_entities(p, &c, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		lease := config.Lease
		if lease == 0 {
			lease = leaseDefault
		}
		return newEntities(e, ptr, lease), nil
	})
}

func newEntities(engine *Engine, ptr *C.hw_entities, lease time.Duration) *Entities {
	e := &Entities{lease: lease, serving: make(chan struct{}, 1)}
	e.init(engine, "entities", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_entities_free((*C.hw_entities)(p))
	})
	e.try = func(p unsafe.Pointer, limit C.size_t) ([]*entityTurn, error) {
		var list *C.hw_turns
		var failed *C.hw_error
		status := C.hw_entities_next((*C.hw_entities)(p), limit, 0, &list, &failed)
		return takeNext(status, failed, func() ([]*entityTurn, error) { return takeTurns(list) })
	}
	e.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_entities_wake((*C.hw_entities)(p), waker, token, err)
	}
	runtime.AddCleanup(e, (*handle).close, e.handle)
	return e
}

// Active is how many handlers are alive on this node. It is 0 after Close.
func (e *Entities) Active() int {
	var active C.size_t
	_ = e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_active(p, &active, err)
	})
	return int(active)
}

// Pause, for tests, hands out nothing of an entity until [Entities.Step] or [Entities.Resume].
func (e *Entities) Pause(id EntityID) error {
	return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		kind, kindLen := text(id.Kind)
		key, keyLen := text(id.Key)
		return C.hw_entities_pause(p, kind, kindLen, key, keyLen, err)
	})
}

// Step, for tests, hands out one item of an entity that is paused.
func (e *Entities) Step(id EntityID) error {
	return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		kind, kindLen := text(id.Kind)
		key, keyLen := text(id.Key)
		return C.hw_entities_step(p, kind, kindLen, key, keyLen, err)
	})
}

// Resume, for tests, ends a pause.
func (e *Entities) Resume(id EntityID) error {
	return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		kind, kindLen := text(id.Kind)
		key, keyLen := text(id.Key)
		return C.hw_entities_resume(p, kind, kindLen, key, keyLen, err)
	})
}

// Leave leaves the cluster in good order: what waits is done, so [Entities.Serve] must go on meanwhile, handlers stop,
// and the shards go to the other nodes. Then it is closed. Without a cluster it only closes. After an error it is not
// closed, and may be left again.
func (e *Entities) Leave(ctx context.Context) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		err := e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
			return C.hw_entities_leave(p, err)
		})
		if err == nil {
			e.handle.close()
		}
		return struct{}{}, err
	})
	return err
}

// Close ends it: whoever waits gets [ErrClosed], and turns that are out are void. Closing twice is nothing.
func (e *Entities) Close() error {
	if e == nil {
		return nil
	}
	err := e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_close(p, err)
	})
	e.handle.close()
	if isClosed(err) {
		return nil
	}
	return err
}

// room is where calls find room that may hold an OS thread; nil for what was never opened.
func (e *Entities) room() chan struct{} {
	if e == nil {
		return nil
	}
	return e.engine.room()
}

// call runs a call of the library.
func (e *Entities) call(ctx context.Context, body func(*C.hw_entities, **C.hw_error) C.hw_status) error {
	if e == nil {
		return neverOpened()
	}
	return call(ctx, e.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_entities)(p), err)
	})
}

// brief runs a call of the library that is done at once and that thousands may make together.
func (e *Entities) brief(ctx context.Context, body func(*C.hw_entities, **C.hw_error) C.hw_status) error {
	if e != nil && e.engine.isClosed() {
		return closed(e.engine.what)
	}
	return e.call(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		e.engine.enter()
		defer e.engine.leave()
		e.handover.Add(1)
		return body(p, err)
	})
}

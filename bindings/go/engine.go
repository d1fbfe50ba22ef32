package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Engine is a directory of streams, or one in memory. It is safe for use by many goroutines.
type Engine struct {
	base
	// logs waits for the lines of the log. Its handle is the engine's own.
	logs     queue[LogLine]
	shutOnce sync.Once
	shutErr  error
}

// Option says how an engine is opened.
type Option func(*C.hw_engine_options)

// ReadOnly opens without a lock, follows the files of the process that writes, and refuses every change.
func ReadOnly() Option { return func(o *C.hw_engine_options) { o.read_only = 1 } }

// MustExist makes opening a directory that is not there [ErrNotFound], instead of making it.
func MustExist() Option { return func(o *C.hw_engine_options) { o.must_exist = 1 } }

// CacheBytes sets the most bytes of segment files that are kept in memory to read single records from, over all
// streams: 16 MiB unless it is set, and 0 for none. It is taken as it fills.
func CacheBytes(bytes uint64) Option {
	return func(o *C.hw_engine_options) { o.cache_bytes = C.uint64_t(max(bytes, 1)) }
}

// NodeUse says whether a directory may be reached through the node that has it open: headwater serve, or a program
// that serves it.
type NodeUse int32

const (
	// NodeAuto reaches a node where one has the directory open, and the files themselves where nobody has.
	NodeAuto NodeUse = C.HW_NODE_USE_AUTO
	// NodeNever opens the files, or is [ErrBusy].
	NodeNever NodeUse = C.HW_NODE_USE_NEVER
	// NodeOnly reaches a node, or is [ErrNotFound].
	NodeOnly NodeUse = C.HW_NODE_USE_ONLY
)

// Node sets whether the directory may be reached through a node: [NodeAuto] unless it is set.
func Node(use NodeUse) Option {
	return func(o *C.hw_engine_options) { o.node = C.int32_t(use) }
}

// Open opens a directory, and makes it if it is not there. Close the engine when done with it.
//
// [ErrBusy] says that another process writes to it, [ErrCorrupt] that bytes in it are damaged, and
// [ErrUnsupported] that a newer release wrote it.
func Open(ctx context.Context, dir string, options ...Option) (*Engine, error) {
	o := C.hw_engine_options{struct_size: C.sizeof_hw_engine_options}
	for _, option := range options {
		option(&o)
	}
	return openEngine(ctx, func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		data, size := text(dir)
		return C.hw_engine_open(data, size, &o, engine, err)
	})
}

// Memory makes an engine in memory, gone when it is closed.
func Memory(ctx context.Context) (*Engine, error) {
	return openEngine(ctx, func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_memory(engine, err)
	})
}

// MemoryAt makes an engine in memory whose time stands at now and moves with [Engine.Advance] only, for tests.
func MemoryAt(ctx context.Context, now time.Time) (*Engine, error) {
	return openEngine(ctx, func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_memory_at(C.uint64_t(now.UnixNano()), engine, err)
	})
}

// Advance moves the time of an engine that [MemoryAt] made forward, and does what is due by then. It is
// [ErrUnsupported] for one that goes by the machine's clock.
func (e *Engine) Advance(ctx context.Context, by time.Duration) error {
	return e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_advance(p, C.uint64_t(max(by, 0)), err)
	})
}

// Temporary makes an engine in a temporary directory, removed when it is closed.
func Temporary(ctx context.Context) (*Engine, error) {
	return openEngine(ctx, func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_temporary(engine, err)
	})
}

func openEngine(ctx context.Context, open func(**C.hw_engine, **C.hw_error) C.hw_status) (*Engine, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	b, err := newBase("engine", func(err **C.hw_error) (unsafe.Pointer, C.hw_status) {
		var ptr *C.hw_engine
		status := open(&ptr, err)
		return unsafe.Pointer(ptr), status
	}, func(p unsafe.Pointer) { C.hw_engine_free((*C.hw_engine)(p)) })
	if err != nil {
		return nil, err
	}
	e := &Engine{base: b}
	e.initLogs()
	runtime.AddCleanup(e, (*handle).close, b.handle)
	return e, nil
}

// Close syncs and closes everything: later calls on the engine and what was opened from it are [ErrClosed], and waits
// end with it. Closing again is nothing and answers as the first time.
func (e *Engine) Close() error {
	e.shutOnce.Do(func() {
		p, err := e.acquire()
		if err != nil {
			return
		}
		var failed *C.hw_error
		e.shutErr = failure(C.hw_engine_close((*C.hw_engine)(p), &failed), failed)
		e.release()
		e.handle.close()
	})
	return e.shutErr
}

// Dir is its directory; empty in memory and after Close.
func (e *Engine) Dir() string {
	var dir string
	_ = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		var lent C.hw_str
		status := C.hw_engine_dir(p, &lent, err)
		dir = goString(lent)
		return status
	})
	return dir
}

// ID is 64 random bits drawn when the directory was made; 0 after Close.
func (e *Engine) ID() uint64 {
	var id C.uint64_t
	_ = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_id(p, &id, err)
	})
	return uint64(id)
}

// Epoch is 64 random bits drawn at this open for writing; 0 when it is read-only and after Close.
func (e *Engine) Epoch() uint64 {
	var epoch C.uint64_t
	_ = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_epoch(p, &epoch, err)
	})
	return uint64(epoch)
}

// IsThroughNode tells whether it works through the node that has its directory open; when that goes away, every call is
// [ErrClosed]. It is false after Close.
func (e *Engine) IsThroughNode() bool {
	var through C.bool
	_ = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_is_through_node(p, &through, err)
	})
	return bool(through)
}

// call runs a call of the library that is done at once.
func (e *Engine) call(ctx context.Context, body func(*C.hw_engine, **C.hw_error) C.hw_status) error {
	return call(ctx, e.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_engine)(p), err)
	})
}

// room is where the calls find room that may hold an OS thread; nil for what was never opened.
func (e *Engine) room() chan struct{} {
	if e == nil {
		return nil
	}
	return e.blocking
}

func canBegin(ctx context.Context, room chan struct{}) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if room == nil {
		return neverOpened()
	}
	return nil
}

// slow runs a call that may hold an OS thread for long, when there is room for one more. When ctx ends first, the
// call goes on by itself and its result is dropped.
func slow[T any](ctx context.Context, room chan struct{}, body func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	if err := canBegin(ctx, room); err != nil {
		var none T
		return none, err
	}
	done := make(chan outcome, 1)
	select {
	case room <- struct{}{}:
		go func() {
			defer func() { <-room }()
			value, err := body()
			done <- outcome{value, err}
		}()
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, contextError(ctx)
	}
}

// call runs a call of the library on a handle, unless ctx has ended or the handle is closed.
func call(ctx context.Context, h *handle, body func(unsafe.Pointer, **C.hw_error) C.hw_status) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	p, err := h.acquire()
	if err != nil {
		return err
	}
	defer h.release()
	var failed *C.hw_error
	return failure(body(p, &failed), failed)
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"math/big"
	"runtime"
	"unsafe"
)

// CRDT is a store of state that merges, kept in a stream: what handles, processes and engines do apart becomes equal.
// It is safe for use by many goroutines.
type CRDT struct {
	*handle
	engine *Engine
	name   string
	actor  Actor
}

// CreateCRDT opens a CRDT store, and makes its stream if it is not there; another durability than it has is
// [ErrConflict]. It reads the newest snapshot and the log behind it.
func (e *Engine) CreateCRDT(ctx context.Context, config CRDTConfig) (*CRDT, error) {
	var l lender
	defer l.Unpin()
	c := C.hw_crdt_config{
		struct_size:      C.sizeof_hw_crdt_config,
		name:             l.str(config.Name),
		snapshot_records: C.uint64_t(config.SnapshotRecords),
		durability:       C.int32_t(config.Durability),
	}
	return e.openCRDT(ctx, config.Name, func(p *C.hw_engine, out **C.hw_crdt, err **C.hw_error) C.hw_status {
		return C.hw_engine_create_crdt(p, &c, out, err)
	})
}

// CRDT opens the CRDT store of this name; [ErrNotFound] when there is none. Each handle makes operations as an actor of
// its own.
func (e *Engine) CRDT(ctx context.Context, name string) (*CRDT, error) {
	return e.openCRDT(ctx, name, func(p *C.hw_engine, out **C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_crdt(p, data, size, out, err)
	})
}

func (e *Engine) openCRDT(
	ctx context.Context, name string, open func(*C.hw_engine, **C.hw_crdt, **C.hw_error) C.hw_status,
) (*CRDT, error) {
	var ptr *C.hw_crdt
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	h := newHandle("CRDT store", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_crdt_free((*C.hw_crdt)(p)) })
	s := &CRDT{handle: h, engine: e, name: name}
	runtime.AddCleanup(s, (*handle).close, h)
	var actor C.hw_actor
	err = s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status { return C.hw_crdt_actor(p, &actor, err) })
	s.actor = Actor{uint64(actor.engine), uint64(actor.epoch)}
	return s, err
}

// CRDTs are the names of all CRDT stores, in order.
func (e *Engine) CRDTs(ctx context.Context) ([]string, error) {
	var list *C.hw_strings
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return C.hw_engine_crdts(p, &list, err) })
	if err != nil {
		return nil, err
	}
	names, _, err := takeStrings(list)
	return names, err
}

// Name is its name.
func (s *CRDT) Name() string { return s.name }

// Actor is whose operations are made here, by this handle alone: what others give rights of bounded counters to.
func (s *CRDT) Actor() Actor { return s.actor }

// Stream is the log: the stream that it is kept in.
func (s *CRDT) Stream(ctx context.Context) (*Stream, error) {
	var ptr *C.hw_stream
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status { return C.hw_crdt_stream(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	return newStream(ctx, s.engine, ptr)
}

// Write does one operation, and returns when the store's durability is reached; the methods of [CRDT.Counter] and its
// like are shorter. Reads see it at once.
//
// [ErrConflict] says that something is alive there as another kind or that rights are missing, [ErrLimit] that a value,
// a name, a path or a total is too large: nothing was changed then. After an error of the log itself the handle answers
// that for good, and a store that is opened again has what the log has.
func (s *CRDT) Write(ctx context.Context, change Change) (Written, error) {
	return s.write(ctx, []Change{change},
		func(p *C.hw_crdt, first *C.hw_crdt_change, _ C.size_t, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
			return C.hw_crdt_write_submit(p, first, ticket, err)
		})
}

// Transaction does all of several operations or, if one of them is refused, nothing. They are one record, which every
// replica takes in as a whole. It returns the record, 0 if there was nothing to do. Errors are as of [CRDT.Write].
func (s *CRDT) Transaction(ctx context.Context, changes ...Change) (uint64, error) {
	written, err := s.write(ctx, changes,
		func(p *C.hw_crdt, first *C.hw_crdt_change, n C.size_t, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
			return C.hw_crdt_transaction_submit(p, first, n, ticket, err)
		})
	return written.Seq, err
}

func (s *CRDT) write(
	ctx context.Context, changes []Change,
	submit func(*C.hw_crdt, *C.hw_crdt_change, C.size_t, **C.hw_ticket, **C.hw_error) C.hw_status,
) (Written, error) {
	var l lender
	defer l.Unpin()
	array, err := l.changes(changes)
	if err != nil {
		return Written{}, err
	}
	var ticket *C.hw_ticket
	err = s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		return submit(p, unsafe.SliceData(array), C.size_t(len(array)), &ticket, err)
	})
	if err != nil {
		return Written{}, err
	}
	pending := newPendingAck(s.engine, ticket)
	pending.total = new(big.Int)
	ack, err := pending.wait(ctx)
	if err != nil {
		return Written{}, err
	}
	return Written{Seq: ack.Seq, Total: pending.total}, nil
}

// Watch follows the keys whose names begin with prefix: which change from now on, here and by others.
func (s *CRDT) Watch(ctx context.Context, prefix string) (*CRDTWatcher, error) {
	var ptr *C.hw_crdt_watcher
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(prefix)
		return C.hw_crdt_watch(p, data, size, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	return newCRDTWatcher(s.engine, ptr), nil
}

// Close ends the handle; what was acknowledged is kept. If it wrote, and the log grew by a tenth of the records between
// two snapshots, it writes one first. Without it a store that is opened again reads more of the log.
func (s *CRDT) Close() error {
	_ = s.call(context.Background(), func(p *C.hw_crdt, err **C.hw_error) C.hw_status { return C.hw_crdt_close(p, err) })
	s.handle.close()
	return nil
}

func (s *CRDT) call(ctx context.Context, body func(*C.hw_crdt, **C.hw_error) C.hw_status) error {
	return call(ctx, s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_crdt)(p), err)
	})
}

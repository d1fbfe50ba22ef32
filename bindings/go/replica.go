package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"math/big"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Replica is state that merges without an engine, for programs that carry its fragments themselves: it is told its
// actor and the time, and what it sends and takes are bytes. It is safe for use by many goroutines, one after the
// other.
type Replica struct {
	*handle
	actor Actor
	turn  sync.Mutex
}

// NewReplica makes an empty replica whose operations are those of an actor. No two may ever have been given the same
// one: 64 random bits are a good epoch.
func NewReplica(actor Actor) (*Replica, error) {
	var ptr *C.hw_replica
	var failed *C.hw_error
	status := C.hw_replica_new(C.uint64_t(actor.Engine), C.uint64_t(actor.Epoch), &ptr, &failed)
	if status != C.HW_STATUS_OK {
		return nil, failure(status, failed)
	}
	h := newHandle("replica", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_replica_free((*C.hw_replica)(p)) })
	r := &Replica{handle: h, actor: actor}
	runtime.AddCleanup(r, (*handle).close, h)
	return r, nil
}

// Actor is whose operations are made here.
func (r *Replica) Actor() Actor { return r.actor }

// Write does one operation, and tells whether there was anything to do. Errors are as of [CRDT.Write]; nothing was
// changed then.
func (r *Replica) Write(now time.Time, change Change) (bool, error) {
	var isDone C.bool
	err := r.change(now, []Change{change},
		func(p *C.hw_replica, first *C.hw_crdt_change, _ C.size_t, ms C.uint64_t, err **C.hw_error) C.hw_status {
			return C.hw_replica_write(p, first, ms, &isDone, err)
		})
	return bool(isDone), err
}

// Transaction does all of several operations or, if one of them is refused, nothing. One delta carries them.
func (r *Replica) Transaction(now time.Time, changes ...Change) error {
	return r.change(now, changes,
		func(p *C.hw_replica, first *C.hw_crdt_change, n C.size_t, ms C.uint64_t, err **C.hw_error) C.hw_status {
			return C.hw_replica_transaction(p, first, n, ms, err)
		})
}

func (r *Replica) change(
	now time.Time, changes []Change,
	do func(*C.hw_replica, *C.hw_crdt_change, C.size_t, C.uint64_t, **C.hw_error) C.hw_status,
) error {
	ms, err := millis(now)
	if err != nil {
		return err
	}
	var l lender
	defer l.Unpin()
	array, err := l.changes(changes)
	if err != nil {
		return err
	}
	return r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		return do(p, unsafe.SliceData(array), C.size_t(len(array)), ms, err)
	})
}

// Read is what is at a key as a kind at a time, or in the field that fields lead to. What is not there reads as 0,
// none, empty or off.
func (r *Replica) Read(now time.Time, kind CRDTKind, key string, fields ...string) (Reading, error) {
	ms, err := millis(now)
	if err != nil {
		return Reading{}, err
	}
	var l lender
	defer l.Unpin()
	first, count := l.strs(fields)
	var reading *C.hw_reading
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_replica_read(p, data, size, first, count, C.int32_t(kind), ms, &reading, err)
	})
	if err != nil {
		return Reading{}, err
	}
	return takeReading(reading)
}

// Contains tells whether a value is in a set at a time.
func (r *Replica) Contains(now time.Time, value Value, kind CRDTKind, key string, fields ...string) (bool, error) {
	ms, err := millis(now)
	if err != nil {
		return false, err
	}
	var l lender
	defer l.Unpin()
	first, count := l.strs(fields)
	v := l.crdtValue(value)
	var contains C.bool
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_replica_contains(p, data, size, first, count, C.int32_t(kind), &v, ms, &contains, err)
	})
	return bool(contains), err
}

// Rights are how much this replica's actor may take from a bounded counter, or give of it.
func (r *Replica) Rights(key string) (*big.Int, error) {
	var rights C.hw_int128
	err := r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_replica_rights(p, data, size, &rights, err)
	})
	return goInt128(rights), err
}

// Keys are all keys, in no order. A key may hold nothing that is alive.
func (r *Replica) Keys() ([]CRDTKey, error) {
	var list *C.hw_strings
	err := r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status { return C.hw_replica_keys(p, &list, err) })
	if err != nil {
		return nil, err
	}
	return takeKeys(list)
}

// Digest is equal where replicas agree on what lives in a key; 0 for nothing.
func (r *Replica) Digest(now time.Time, kind CRDTKind, key string) (uint64, error) {
	ms, err := millis(now)
	if err != nil {
		return 0, err
	}
	var digest C.uint64_t
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_replica_digest(p, data, size, C.int32_t(kind), ms, &digest, err)
	})
	return uint64(digest), err
}

// Close gives the replica up. It is optional, as [Stream.Close].
func (r *Replica) Close() error {
	r.handle.close()
	return nil
}

// call runs a call of the library, which lets in one at a time.
func (r *Replica) call(body func(*C.hw_replica, **C.hw_error) C.hw_status) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	return call(context.Background(), r.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_replica)(p), err)
	})
}

// millis is a time in milliseconds since the epoch.
func millis(now time.Time) (C.uint64_t, error) {
	ms := now.UnixMilli()
	if ms < 0 {
		return 0, invalid("now is %s, must not be before 1970", now)
	}
	return C.uint64_t(ms), nil
}

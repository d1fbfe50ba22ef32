package headwater

// #include "shim.h"
import "C"

import (
	"time"
	"unsafe"
)

// TakeDelta is what was done here since the last call, as one fragment for all others; nil if nothing was.
func (r *Replica) TakeDelta() ([]byte, error) {
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_replica_take_delta(p, out, err)
	})
}

// Whole is all there is, as a fragment. What it does not have was removed, for those who apply it.
func (r *Replica) Whole() ([]byte, error) {
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_replica_whole(p, out, err)
	})
}

// Some is some keys in full, also those that are not here, as a fragment.
func (r *Replica) Some(keys ...CRDTKey) ([]byte, error) {
	var l lender
	defer l.Unpin()
	names, kinds := make([]string, len(keys)), make([]C.int32_t, len(keys))
	for i, key := range keys {
		names[i], kinds[i] = key.Name, C.int32_t(key.Kind)
	}
	first, count := l.strs(names)
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_replica_some(p, first, unsafe.SliceData(kinds), count, out, err)
	})
}

// Since is every key in full in which something is alive that a replica with this context, as [Replica.Context] has it,
// has not applied. What was only removed is not in it.
func (r *Replica) Since(context []byte) ([]byte, error) {
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		data, size := bytes(context)
		return C.hw_replica_since(p, data, size, out, err)
	})
}

// Context is the operations whose whole effect is here, as bytes.
func (r *Replica) Context() ([]byte, error) {
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_replica_context(p, out, err)
	})
}

// CaughtUp says that all keys that a replica had when its context was this one have been applied here, one by one.
func (r *Replica) CaughtUp(context []byte) error {
	return r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := bytes(context)
		return C.hw_replica_caught_up(p, data, size, err)
	})
}

// Apply joins a fragment of another replica, which may come late, twice and in any order; it returns the keys that
// changed, in no order. If its stamps are more than 5 s ahead of now it is held instead, until [Replica.Release] lets
// it in.
//
// [ErrCorrupt] says that the bytes are no fragment, [ErrLimit] that too many are held, [ErrConflict] that it has
// operations of this replica's own actor that were not made here. Nothing was changed.
func (r *Replica) Apply(now time.Time, fragment []byte) (changed []CRDTKey, isHeld bool, err error) {
	ms, err := millis(now)
	if err != nil {
		return nil, false, err
	}
	var held C.bool
	var list *C.hw_strings
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := bytes(fragment)
		return C.hw_replica_apply(p, data, size, ms, &held, &list, err)
	})
	if err != nil {
		return nil, false, err
	}
	changed, err = takeKeys(list)
	return changed, bool(held), err
}

// Extract is the part of a delta that is new here, to be sent on; nil if all of it is known. It is asked before the
// delta is applied. A delta of which an operation left nothing alive, such as a removal, stays whole. [ErrInvalid] says
// that it is not a delta, [ErrCorrupt] that the bytes are no fragment.
func (r *Replica) Extract(delta []byte) ([]byte, error) {
	return r.blob(func(p *C.hw_replica, out **C.hw_blob, err **C.hw_error) C.hw_status {
		data, size := bytes(delta)
		return C.hw_replica_extract(p, data, size, out, err)
	})
}

// Restore joins a fragment that a replica of the same actor wrote down, whatever its stamps, the actor's own operations
// included, and goes on behind the last of them. That replica must not go on too.
func (r *Replica) Restore(fragment []byte) error {
	return r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		data, size := bytes(fragment)
		return C.hw_replica_restore(p, data, size, err)
	})
}

// Held is how many fragments are held; 1,024 at the most.
func (r *Replica) Held() (int, error) {
	var count C.size_t
	err := r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status { return C.hw_replica_held(p, &count, err) })
	return int(count), err
}

// Release joins the fragments that are held whose time has come, or all; it returns the keys that changed.
func (r *Replica) Release(now time.Time, all bool) ([]CRDTKey, error) {
	ms, err := millis(now)
	if err != nil {
		return nil, err
	}
	var list *C.hw_strings
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		return C.hw_replica_release(p, C.int32_t(flag(all)), ms, &list, err)
	})
	if err != nil {
		return nil, err
	}
	return takeKeys(list)
}

// blob copies bytes that the library makes.
func (r *Replica) blob(take func(*C.hw_replica, **C.hw_blob, **C.hw_error) C.hw_status) ([]byte, error) {
	var ptr *C.hw_blob
	err := r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status { return take(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	return takeBlob(ptr)
}

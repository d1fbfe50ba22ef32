package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"math/big"
	"runtime"
	"unsafe"
)

// Read is what is at a key as a kind, or in the field that fields lead to. What is not there reads as 0, none, empty or
// off. The methods of [CRDT.Counter] and its like are shorter.
func (s *CRDT) Read(ctx context.Context, kind CRDTKind, key string, fields ...string) (Reading, error) {
	var l lender
	defer l.Unpin()
	first, count := l.strs(fields)
	var reading *C.hw_reading
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_crdt_read(p, data, size, first, count, C.int32_t(kind), &reading, err)
	})
	if err != nil {
		return Reading{}, err
	}
	return takeReading(reading)
}

// Contains tells whether a value is in a set: kind is [SetKind] or [RemoveWinsSetKind], no other has any.
func (s *CRDT) Contains(ctx context.Context, value Value, kind CRDTKind, key string, fields ...string) (bool, error) {
	var l lender
	defer l.Unpin()
	first, count := l.strs(fields)
	v := l.crdtValue(value)
	var contains C.bool
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_crdt_contains(p, data, size, first, count, C.int32_t(kind), &v, &contains, err)
	})
	return bool(contains), err
}

func (s *CRDT) rights(ctx context.Context, key string) (*big.Int, error) {
	var rights C.hw_int128
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_crdt_rights(p, data, size, &rights, err)
	})
	return goInt128(rights), err
}

// Keys are the keys in which something is alive whose names begin with prefix, in order. A name that replicas made as
// two kinds is there twice.
func (s *CRDT) Keys(ctx context.Context, prefix string) ([]CRDTKey, error) {
	var list *C.hw_strings
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(prefix)
		return C.hw_crdt_keys(p, data, size, &list, err)
	})
	if err != nil {
		return nil, err
	}
	return takeKeys(list)
}

// Dump is the same keys with what they read as in JSON, at one moment.
func (s *CRDT) Dump(ctx context.Context, prefix string) ([]CRDTEntry, error) {
	var list *C.hw_crdt_entries
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		data, size := text(prefix)
		return C.hw_crdt_dump(p, data, size, &list, err)
	})
	if err != nil {
		return nil, err
	}
	defer C.hw_crdt_entries_free(list)
	var entries []CRDTEntry
	for i := range C.hw_crdt_entries_len(list) {
		entry := C.hw_crdt_entry{struct_size: C.sizeof_hw_crdt_entry}
		var failed *C.hw_error
		if status := C.hw_crdt_entries_get(list, i, &entry, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		key := CRDTKey{goString(entry.key), CRDTKind(entry.kind)}
		entries = append(entries, CRDTEntry{key, goString(entry.json)})
	}
	return entries, nil
}

// Status is how this handle stands.
func (s *CRDT) Status(ctx context.Context) (CRDTStatus, error) {
	state := C.hw_crdt_state{struct_size: C.sizeof_hw_crdt_state}
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status { return C.hw_crdt_status(p, &state, err) })
	return CRDTStatus{
		Seq:         uint64(state.seq),
		SnapshotSeq: uint64(state.snapshot_seq),
		Held:        uint64(state.held),
		Actors:      uint64(state.actors),
		Behind:      uint64(state.behind),
	}, err
}

// ReleaseHeld lets in what is held because its clock is too far ahead, in this handle; how many fragments there were.
func (s *CRDT) ReleaseHeld(ctx context.Context) (int, error) {
	var count C.size_t
	err := s.call(ctx, func(p *C.hw_crdt, err **C.hw_error) C.hw_status {
		return C.hw_crdt_release_held(p, &count, err)
	})
	return int(count), err
}

// Merge takes in all that another store has and this one has not: a backup's, a hub's, another node's. Both may be
// written meanwhile; it returns when that is on disk as the stream promises. Progress may be nil; it counts keys. When
// ctx ends first, or the merge fails, no harm is done, and another one goes on.
//
// [ErrConflict] says that other has operations of this handle that it did not make, or that some of what it has is held
// here: [CRDT.ReleaseHeld], then merge again. [ErrLimit] says that a key is larger than a record; all others are here
// then.
func (s *CRDT) Merge(ctx context.Context, other *CRDT, progress Progress) (Merged, error) {
	return long(ctx, s.engine.room(), progress, func(p *C.hw_progress) (Merged, error) {
		if other == nil || other.handle == nil {
			return Merged{}, invalid("the other store is nil")
		}
		there, err := other.acquire()
		if err != nil {
			return Merged{}, err
		}
		defer other.release()
		merged := C.hw_crdt_merged{struct_size: C.sizeof_hw_crdt_merged}
		err = s.call(ctx, func(here *C.hw_crdt, err **C.hw_error) C.hw_status {
			return C.hw_crdt_merge(here, (*C.hw_crdt)(there), p, &merged, err)
		})
		return Merged{uint64(merged.keys), uint64(merged.changed), uint64(merged.bytes)}, err
	})
}

// CRDTWatcher follows the keys of a CRDT store. It is safe for use by many goroutines; each change goes to one of them.
// Close it when done with it.
type CRDTWatcher struct {
	queue[CRDTKey]
}

func newCRDTWatcher(engine *Engine, ptr *C.hw_crdt_watcher) *CRDTWatcher {
	w := new(CRDTWatcher)
	w.init(engine, "CRDT watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_crdt_watcher_free((*C.hw_crdt_watcher)(p))
	})
	w.try = func(p unsafe.Pointer, max C.size_t) ([]CRDTKey, error) {
		var list *C.hw_strings
		var failed *C.hw_error
		status := C.hw_crdt_watcher_next((*C.hw_crdt_watcher)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]CRDTKey, error) { return takeKeys(list) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_crdt_watcher_wake((*C.hw_crdt_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w
}

// Next waits until a key changed, then takes up to limit (0 is 1,000), each once for all that came of it.
func (w *CRDTWatcher) Next(ctx context.Context, limit int) ([]CRDTKey, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit keys (0 is 1,000) that changed until now, perhaps none.
func (w *CRDTWatcher) TryNext(ctx context.Context, limit int) ([]CRDTKey, error) {
	return w.tryNext(ctx, limit, limit)
}

// Changes gives keys as they change, until ctx ends, the loop is left, or an error, which it gives last.
func (w *CRDTWatcher) Changes(ctx context.Context) iter.Seq2[CRDTKey, error] {
	return w.all(ctx, itemsAtOnce)
}

// Missed is how many records were purged before this watcher came to read them: any key may have changed in those. It
// is 0 after Close.
func (w *CRDTWatcher) Missed() uint64 {
	var missed C.uint64_t
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_crdt_watcher_missed((*C.hw_crdt_watcher)(p), &missed, err)
	})
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *CRDTWatcher) Close() error {
	w.handle.close()
	return nil
}

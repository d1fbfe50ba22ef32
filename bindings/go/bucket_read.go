package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"unsafe"
)

// Get is the newest revision of a key; [ErrNotFound] when the key has no value.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	return b.one(ctx, key, func(p *C.hw_bucket, out **C.hw_entries, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_bucket_get(p, data, size, out, err)
	})
}

// GetRevision is that revision of a key; [ErrNotFound] when it is not there.
func (b *Bucket) GetRevision(ctx context.Context, key string, revision uint64) (Entry, error) {
	return b.one(ctx, key, func(p *C.hw_bucket, out **C.hw_entries, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_bucket_get_revision(p, data, size, C.uint64_t(revision), out, err)
	})
}

// History is the kept revisions of a key, oldest first, deletes included.
func (b *Bucket) History(ctx context.Context, key string) ([]Entry, error) {
	return b.many(ctx, func(p *C.hw_bucket, out **C.hw_entries, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_bucket_history(p, data, size, out, err)
	})
}

// Keys are the keys that have a value and that the filter takes, in order; an empty filter is all of them.
func (b *Bucket) Keys(ctx context.Context, filter string) ([]string, error) {
	var list *C.hw_strings
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status {
		data, size := text(filter)
		return C.hw_bucket_keys(p, data, size, &list, err)
	})
	if err != nil {
		return nil, err
	}
	keys, _, err := takeStrings(list)
	return keys, err
}

func (b *Bucket) many(
	ctx context.Context, read func(*C.hw_bucket, **C.hw_entries, **C.hw_error) C.hw_status,
) ([]Entry, error) {
	var list *C.hw_entries
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status { return read(p, &list, err) })
	if err != nil {
		return nil, err
	}
	return takeEntries(list)
}

func (b *Bucket) one(
	ctx context.Context, key string, read func(*C.hw_bucket, **C.hw_entries, **C.hw_error) C.hw_status,
) (Entry, error) {
	entries, err := b.many(ctx, read)
	if err != nil {
		return Entry{}, err
	}
	if len(entries) == 0 {
		return Entry{}, &Error{Code: ErrNotFound, Message: "key '" + key + "' is not there"}
	}
	return entries[0], nil
}

func takeEntries(list *C.hw_entries) ([]Entry, error) {
	defer C.hw_entries_free(list)
	var entries []Entry
	for i := range C.hw_entries_len(list) {
		entry := C.hw_entry{struct_size: C.sizeof_hw_entry}
		var failed *C.hw_error
		if status := C.hw_entries_get(list, i, &entry, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		entries = append(entries, Entry{
			Key:       goString(entry.key),
			Value:     goBytes(entry.value),
			Revision:  uint64(entry.revision),
			Time:      fromNanos(int64(entry.time)),
			Operation: Operation(entry.operation),
		})
	}
	return entries, nil
}

func goBytes(b C.hw_bytes) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(b.data), int(b.len))...)
}

// Watcher follows the changes of a bucket. It is safe for use by many goroutines; each entry goes to one of them.
// Close it when done with it.
type Watcher struct {
	queue[Entry]
}

// Watch gives what is in the bucket, then what changes.
func (b *Bucket) Watch(ctx context.Context, options WatchOptions) (*Watcher, error) {
	var l lender
	defer l.Unpin()
	o := C.hw_watch_options{
		struct_size:     C.sizeof_hw_watch_options,
		include_history: flag(options.IncludeHistory),
		updates_only:    flag(options.UpdatesOnly),
		ignore_deletes:  flag(options.IgnoreDeletes),
	}
	o.filters, o.filters_len = l.strs(options.Filters)
	var ptr *C.hw_watcher
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status {
		return C.hw_bucket_watch(p, &o, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	w := new(Watcher)
	w.init(b.engine, "watcher", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_watcher_free((*C.hw_watcher)(p)) })
	w.try = func(p unsafe.Pointer, max C.size_t) ([]Entry, error) {
		var list *C.hw_entries
		var failed *C.hw_error
		status := C.hw_watcher_next((*C.hw_watcher)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]Entry, error) { return takeEntries(list) })
	}
	w.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_watcher_wake((*C.hw_watcher)(p), waker, token, err)
	}
	runtime.AddCleanup(w, (*handle).close, w.handle)
	return w, nil
}

// Next waits until there is an entry, then takes up to limit (0 is 1,000).
func (w *Watcher) Next(ctx context.Context, limit int) ([]Entry, error) {
	return w.next(ctx, limit, limit)
}

// TryNext takes up to limit entries (0 is 1,000) that are there now, perhaps none.
func (w *Watcher) TryNext(ctx context.Context, limit int) ([]Entry, error) {
	return w.tryNext(ctx, limit, limit)
}

// Entries gives entries as they come, until ctx ends, the loop is left, or an error, which it gives last.
func (w *Watcher) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return w.all(ctx, itemsAtOnce)
}

// CaughtUp tells whether everything that was there when the watch began has been taken; false after Close.
func (w *Watcher) CaughtUp() bool {
	if _, ok := w.firstLeft(); ok {
		return false
	}
	var caughtUp C.bool
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_watcher_caught_up((*C.hw_watcher)(p), &caughtUp, err)
	})
	return bool(caughtUp)
}

// Missed is how many revisions the bucket's limits removed before this watcher came to read them: when it grows, the
// watcher fell behind. One with IncludeHistory that has read nothing yet begins at what is kept, and has missed
// nothing. It is 0 after Close.
func (w *Watcher) Missed() uint64 {
	var missed C.uint64_t
	_ = call(context.Background(), w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_watcher_missed((*C.hw_watcher)(p), &missed, err)
	})
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (w *Watcher) Close() error {
	w.handle.close()
	return nil
}

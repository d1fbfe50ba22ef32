package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// SubscribeOptions says what to subscribe to; the zero value is everything.
type SubscribeOptions struct {
	// Filters: only records that one of these takes; all when empty.
	Filters []string
	// DeliverPolicy is where it begins.
	DeliverPolicy DeliverPolicy
}

// Subscription is a place in a stream that moves as records are taken: history, then live, with no gap and no
// duplicate at the seam. It is safe for use by many goroutines; each record goes to one of them. Close it when
// done with it.
type Subscription struct {
	queue[Record]
	missed *atomic.Uint64
}

// Subscribe begins to follow the stream.
func (s *Stream) Subscribe(ctx context.Context, options SubscribeOptions) (*Subscription, error) {
	if err := options.DeliverPolicy.err; err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	o := C.hw_subscribe_options{
		struct_size:    C.sizeof_hw_subscribe_options,
		deliver_policy: C.int32_t(options.DeliverPolicy.kind),
		start_seq:      options.DeliverPolicy.startSeq(),
		start_time:     options.DeliverPolicy.startTime(),
	}
	o.filters, o.filters_len = l.strs(options.Filters)
	var ptr *C.hw_subscription
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		return C.hw_stream_subscribe(p, &o, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	missed := new(atomic.Uint64)
	sub := &Subscription{missed: missed}
	sub.init(s.engine, "subscription", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_subscription_free((*C.hw_subscription)(p))
	})
	sub.try = func(p unsafe.Pointer, max C.size_t) ([]Record, error) {
		var batch *C.hw_batch
		var failed *C.hw_error
		status := C.hw_subscription_next((*C.hw_subscription)(p), max, 0, &batch, &failed)
		return takeNext(status, failed, func() ([]Record, error) {
			records, passed, err := takeBatch(batch)
			missed.Add(passed)
			return records, err
		})
	}
	sub.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_subscription_wake((*C.hw_subscription)(p), waker, token, err)
	}
	runtime.AddCleanup(sub, (*handle).close, sub.handle)
	return sub, nil
}

// Next waits until there is a record, then takes up to limit (0 is 1,000).
func (s *Subscription) Next(ctx context.Context, limit int) ([]Record, error) {
	return s.next(ctx, limit, limit)
}

// TryNext takes up to limit records (0 is 1,000) that are there now, perhaps none.
func (s *Subscription) TryNext(ctx context.Context, limit int) ([]Record, error) {
	return s.tryNext(ctx, limit, limit)
}

// Records gives records as they come, until ctx ends, the loop is left, or an error, which it gives last. A later
// loop goes on where an earlier one was left.
func (s *Subscription) Records(ctx context.Context) iter.Seq2[Record, error] {
	return s.all(ctx, itemsAtOnce)
}

// Position is the sequence that comes next at the earliest; 0 after Close.
func (s *Subscription) Position() uint64 {
	if left, ok := s.firstLeft(); ok {
		return left.Seq
	}
	var seq C.uint64_t
	_ = call(context.Background(), s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_subscription_position((*C.hw_subscription)(p), &seq, err)
	})
	return uint64(seq)
}

// Lag is how many sequences the stream is ahead; 0 after Close.
func (s *Subscription) Lag() uint64 {
	var lag C.uint64_t
	_ = call(context.Background(), s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_subscription_lag((*C.hw_subscription)(p), &lag, err)
	})
	return uint64(lag)
}

// Missed is how many records the stream's limits removed before this subscription came to read them: when it
// grows, the subscription fell behind. A subscription to all that has read nothing yet begins at what is kept, and has
// missed nothing.
func (s *Subscription) Missed() uint64 {
	var missed C.uint64_t
	err := call(context.Background(), s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return C.hw_subscription_missed((*C.hw_subscription)(p), &missed, err)
	})
	if err != nil {
		// Closed: what the records that came told.
		return s.missed.Load()
	}
	return uint64(missed)
}

// Close ends it: waits and later calls are [ErrClosed]. Closing twice is nothing.
func (s *Subscription) Close() error {
	s.handle.close()
	return nil
}

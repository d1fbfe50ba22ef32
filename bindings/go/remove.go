package headwater

// #include "shim.h"
import "C"

import "context"

// PurgeOptions says what to purge; the zero value is everything.
type PurgeOptions struct {
	// Filter: only subjects that this takes; all when empty.
	Filter string
	// BeforeSeq: only records before this sequence; 0 is no bound.
	BeforeSeq uint64
	// Keep this many of the newest (of each subject when filtered).
	Keep uint64
}

// Delete removes one record, and says whether it was there.
func (s *Stream) Delete(ctx context.Context, seq uint64) (bool, error) {
	return slow(ctx, s.engine.room(), func() (bool, error) {
		var removed C.bool
		err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
			return C.hw_stream_delete(p, C.uint64_t(seq), &removed, err)
		})
		return bool(removed), err
	})
}

// Purge removes records, gives back their space, and says how many went.
func (s *Stream) Purge(ctx context.Context, options PurgeOptions) (uint64, error) {
	return slow(ctx, s.engine.room(), func() (uint64, error) {
		var l lender
		defer l.Unpin()
		o := C.hw_purge_options{
			struct_size: C.sizeof_hw_purge_options,
			filter:      l.str(options.Filter),
			before_seq:  C.uint64_t(options.BeforeSeq),
			keep:        C.uint64_t(options.Keep),
		}
		var removed C.uint64_t
		err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
			return C.hw_stream_purge(p, &o, &removed, err)
		})
		return uint64(removed), err
	})
}

package headwater

// #include "shim.h"
import "C"

import "context"

// Archive moves the events of an aggregate that lie before its snapshot into the archive of the store: those up to
// version upTo, or all of them when 0. The event that the snapshot ends with stays, and so do those that a projection
// has not taken in yet. Loads, projections and feeds that begin before them read them from there. Without a snapshot it
// is [ErrNotFound]. A call that was cut short is made again.
func (s *EventStore) Archive(ctx context.Context, aggregate, key string, upTo uint64) (Archived, error) {
	return slow(ctx, s.room(), func() (Archived, error) {
		c := C.hw_archived{struct_size: C.sizeof_hw_archived}
		var held *C.hw_strings
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			return C.hw_event_store_archive(
				p, aggregateData, aggregateLen, keyData, keyLen, C.uint64_t(upTo), &c, &held, err)
		})
		if err != nil {
			return Archived{}, err
		}
		names, _, err := takeStrings(held)
		archived := Archived{Events: uint64(c.events), UpTo: uint64(c.up_to)}
		if len(names) > 0 {
			archived.HeldBackBy = names[0]
		}
		return archived, err
	})
}

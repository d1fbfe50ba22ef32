package headwater

// #include "shim.h"
import "C"

import "unsafe"

const (
	// viewsAtOnce is how many records are looked at in one call.
	viewsAtOnce = 256
	// slabBytes is how much memory the small payloads of a batch share, so that one kept record keeps no more than that.
	slabBytes = 64 << 10
	// ownBytes is the size from which a payload has memory of its own.
	ownBytes = 4 << 10
)

// takeBatch copies the records of a batch, says how many were missed before them, and frees it.
func takeBatch(batch *C.hw_batch) ([]Record, uint64, error) {
	defer C.hw_batch_free(batch)
	missed := uint64(C.hw_batch_missed(batch))
	total := int(C.hw_batch_len(batch))
	if total == 0 {
		return nil, missed, nil
	}
	records := make([]Record, 0, total)
	views := make([]C.hw_record, min(total, viewsAtOnce))
	for len(records) < total {
		views[0].struct_size = C.sizeof_hw_record
		var got C.size_t
		var failed *C.hw_error
		first, room := C.size_t(len(records)), C.size_t(len(views))
		if status := C.hw_batch_records(batch, first, &views[0], room, &got, &failed); status != C.HW_STATUS_OK {
			return nil, missed, failure(status, failed)
		}
		var err error
		if records, err = appendViews(records, views[:got], batch); err != nil {
			return nil, missed, err
		}
	}
	return records, missed, nil
}

// takeOne copies the record of a batch of at most one.
func takeOne(batch *C.hw_batch, what string) (Record, error) {
	records, _, err := takeBatch(batch)
	if err != nil {
		return Record{}, err
	}
	if len(records) == 0 {
		return Record{}, &Error{Code: ErrNotFound, Message: what + " is not there"}
	}
	return records[0], nil
}

func appendViews(records []Record, views []C.hw_record, batch *C.hw_batch) ([]Record, error) {
	var slab slab
	for i := range views {
		slab.left += int(views[i].payload.len) + int(views[i].subject.len)
	}
	for i := range views {
		view := &views[i]
		record := Record{
			Seq:       uint64(view.seq),
			Time:      fromNanos(int64(view.time)),
			Subject:   slab.text(view.subject),
			Payload:   slab.bytes(view.payload.data, int(view.payload.len)),
			Delivered: uint32(view.delivered),
		}
		if view.has_event_time != 0 {
			record.EventTime = fromNanos(int64(view.event_time))
		}
		for h := range view.headers_len {
			var name, value C.hw_str
			var failed *C.hw_error
			status := C.hw_batch_header(batch, C.size_t(len(records)), h, &name, &value, &failed)
			if status != C.HW_STATUS_OK {
				return nil, failure(status, failed)
			}
			record.Headers = append(record.Headers, Header{goString(name), goString(value)})
		}
		records = append(records, record)
	}
	return records, nil
}

// slab copies bytes of the library into memory that many small pieces share.
type slab struct {
	free []byte
	// left is how many bytes are still to come at the most.
	left int
	last string
}

func (s *slab) bytes(data unsafe.Pointer, size int) []byte {
	from := unsafe.Slice((*byte)(data), size)
	if size >= ownBytes {
		s.left -= size
		return append([]byte(nil), from...)
	}
	if size > len(s.free) {
		s.free = make([]byte, min(max(s.left, size), slabBytes))
	}
	s.left -= size
	piece := s.free[:size:size]
	copy(piece, from)
	s.free = s.free[size:]
	return piece
}

// text is for subjects, where one often comes many times in a row.
func (s *slab) text(t C.hw_str) string {
	if size := int(t.len); size != len(s.last) || unsafe.String((*byte)(unsafe.Pointer(t.data)), size) != s.last {
		piece := s.bytes(unsafe.Pointer(t.data), size)
		// The piece is written here and never again.
		s.last = unsafe.String(unsafe.SliceData(piece), size)
	}
	return s.last
}

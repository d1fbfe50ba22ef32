package headwater

/*
#cgo noescape hwgo_append
#cgo nocallback hwgo_append
#cgo noescape hwgo_append_all
#cgo nocallback hwgo_append_all
#include "shim.h"
*/
import "C"

import (
	"context"
	"math"
	"unsafe"
)

// textBytesMax is the longest text that shim.h can state; the library's own bounds are far below.
const textBytesMax = math.MaxInt32

// Append appends one record, and returns when the stream's durability is reached.
//
// [ErrConflict] says that a condition did not hold, [ErrLimit] that the stream is full or the payload too large.
// When ctx ends first, the record may still be appended.
func (s *Stream) Append(ctx context.Context, subject string, payload []byte, options ...AppendOption) (Ack, error) {
	if len(options) > 0 || s.isFsync() {
		return s.appendAll(ctx, []Append{NewAppend(subject, payload, options...)}, C.HWGO_ONE)
	}
	if err := contextError(ctx); err != nil {
		return Ack{}, err
	}
	p, err := s.acquire()
	if err != nil {
		return Ack{}, err
	}
	defer s.release()
	s.engine.enter()
	defer s.engine.leave()
	subjectData, subjectLen := text(subject)
	payloadData, payloadLen := bytes(payload)
	return s.acked(C.hwgo_append((*C.hw_stream)(p), subjectData, subjectLen, payloadData, payloadLen))
}

// AppendBatch appends 1 to 1,000 records, all or nothing, across a crash too. Only the first may carry
// ExpectLastSeq, and none a condition on a subject that the batch itself writes. Otherwise as [Stream.Append].
func (s *Stream) AppendBatch(ctx context.Context, records []Append) (Ack, error) {
	return s.appendAll(ctx, records, C.HWGO_BATCH)
}

// AppendAsync submits one record and returns at once; what comes of it is told by [PendingAck.Wait]. Records are
// appended in the order in which they were submitted.
func (s *Stream) AppendAsync(
	ctx context.Context, subject string, payload []byte, options ...AppendOption,
) (*PendingAck, error) {
	return s.submit(ctx, []Append{NewAppend(subject, payload, options...)})
}

// AppendBatchAsync is AppendBatch for who does not want to wait yet, as [Stream.AppendAsync].
func (s *Stream) AppendBatchAsync(ctx context.Context, records []Append) (*PendingAck, error) {
	return s.submit(ctx, records)
}

// appendAll waits on a ticket where the library would wait for the disk, because there a call would hold an OS
// thread.
func (s *Stream) appendAll(ctx context.Context, records []Append, how C.int) (Ack, error) {
	if s.isFsync() {
		pending, err := s.submit(ctx, records)
		if err != nil {
			return Ack{}, err
		}
		return pending.wait(ctx)
	}
	written, err := s.write(ctx, records, how)
	if err != nil {
		return Ack{}, err
	}
	return s.acked(written)
}

func (s *Stream) submit(ctx context.Context, records []Append) (*PendingAck, error) {
	written, err := s.write(ctx, records, C.HWGO_SUBMIT)
	if err != nil {
		return nil, err
	}
	if err := failure(written.status, written.error); err != nil {
		return nil, err
	}
	return newPendingAck(s.engine, written.ticket), nil
}

func (s *Stream) acked(written C.hwgo_written) (Ack, error) {
	if err := failure(written.status, written.error); err != nil {
		return Ack{}, err
	}
	ack := goAck(&written.ack)
	s.durability.Store(int32(ack.Durability))
	return ack, nil
}

func goAck(ack *C.hw_ack) Ack {
	return Ack{
		Seq:        uint64(ack.seq),
		Count:      uint32(ack.count),
		Duplicate:  ack.duplicate != 0,
		Durability: Durability(ack.durability),
	}
}

func (s *Stream) write(ctx context.Context, records []Append, how C.int) (C.hwgo_written, error) {
	var none C.hwgo_written
	if err := contextError(ctx); err != nil {
		return none, err
	}
	var flat flatAppends
	flat.grow(records)
	for i := range records {
		if err := flat.add(&records[i]); err != nil {
			return none, err
		}
	}
	p, err := s.acquire()
	if err != nil {
		return none, err
	}
	defer s.release()
	s.engine.enter()
	defer s.engine.leave()
	return C.hwgo_append_all((*C.hw_stream)(p),
		unsafe.SliceData(flat.records), C.size_t(len(flat.records)),
		unsafe.SliceData(flat.headerLens), C.size_t(len(flat.headerLens)/2),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(flat.texts))), how), nil
}

// flatAppends is appends without a pointer in them, as shim.h takes them.
type flatAppends struct {
	records    []C.hwgo_record
	headerLens []C.uint32_t
	texts      []byte
}

// grow makes room for all records at once.
func (f *flatAppends) grow(records []Append) {
	size := 0
	for i := range records {
		a := &records[i]
		size += len(a.Subject) + len(a.Payload) + len(a.MsgID) + len(a.ExpectFilter)
		for _, h := range a.Headers {
			size += len(h.Name) + len(h.Value)
		}
	}
	f.records = make([]C.hwgo_record, 0, len(records))
	f.texts = make([]byte, 0, size)
}

func (f *flatAppends) add(a *Append) error {
	for _, text := range [...]string{a.Subject, a.MsgID, a.ExpectFilter} {
		if len(text) > textBytesMax {
			return invalid("a subject, message id or filter is %d bytes, the most is %d", len(text), textBytesMax)
		}
	}
	r := C.hwgo_record{
		payload_len: C.uint64_t(len(a.Payload)),
		subject_len: C.uint32_t(len(a.Subject)),
		msg_id_len:  C.uint32_t(len(a.MsgID)),
		filter_len:  C.uint32_t(len(a.ExpectFilter)),
		headers_len: C.uint32_t(len(a.Headers)),
		rollup:      C.int32_t(a.Rollup),
	}
	if err := setOptions(&r, a); err != nil {
		return err
	}
	f.texts = append(append(f.texts, a.Subject...), a.Payload...)
	f.texts = append(append(f.texts, a.MsgID...), a.ExpectFilter...)
	for _, h := range a.Headers {
		if len(h.Name) > textBytesMax || len(h.Value) > textBytesMax {
			return invalid("a header is %d bytes, the most is %d", max(len(h.Name), len(h.Value)), textBytesMax)
		}
		f.texts = append(append(f.texts, h.Name...), h.Value...)
		f.headerLens = append(f.headerLens, C.uint32_t(len(h.Name)), C.uint32_t(len(h.Value)))
	}
	f.records = append(f.records, r)
	return nil
}

func setOptions(r *C.hwgo_record, a *Append) error {
	if a.hasMsgID && a.MsgID == "" {
		return invalid("message id is empty")
	}
	if a.TTL < 0 || a.hasTTL && a.TTL == 0 {
		return invalid("ttl is %s, must be at least a second", a.TTL)
	}
	r.ttl_ns = C.uint64_t(a.TTL)
	if !a.EventTime.IsZero() {
		ns, err := nanos("event time", a.EventTime)
		if err != nil {
			return err
		}
		r.event_time, r.has_event_time = C.int64_t(ns), 1
	}
	if a.ExpectLastSeq != nil {
		r.expect_last_seq, r.has_expect_last_seq = C.uint64_t(*a.ExpectLastSeq), 1
	}
	if a.ExpectSubjectLastSeq != nil {
		r.expect_subject_last_seq, r.has_expect_subject_last_seq = C.uint64_t(*a.ExpectSubjectLastSeq), 1
	}
	return nil
}

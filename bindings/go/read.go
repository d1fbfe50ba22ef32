package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"math"
	"time"
)

// ReadOptions says which records to read; the zero value is the first 1,000.
type ReadOptions struct {
	// Filters: only records that one of these takes; all when empty.
	Filters []string
	// FromSeq is the sequence to begin at; 0 is the first record (backward: the last one).
	FromSeq uint64
	// FromTime, instead of FromSeq: begin at the first record committed at or after this (backward: the last one at or
	// before it).
	FromTime time.Time
	// Until: no record committed at or after this (backward: before it).
	Until time.Time
	// EventFrom and EventTo: only records whose event time (commit time where it has none) is at or after the one and
	// before the other. The zero time is no bound.
	EventFrom, EventTo time.Time
	// Backward is newest first.
	Backward bool
	// MaxRecords is the most records; 0 is 1,000.
	MaxRecords int
	// MaxBytes is the bytes of records at which it ends, with the record that reaches them; 0 is 8 MiB.
	MaxBytes int
}

// SubjectCount is a subject that has a record, and how many it has.
type SubjectCount struct {
	Subject string
	Records uint64
}

// Read reads records; go on from the last one's sequence for more, or use [Stream.Records].
func (s *Stream) Read(ctx context.Context, options ReadOptions) ([]Record, error) {
	var l lender
	defer l.Unpin()
	o, err := l.readOptions(&options)
	if err != nil {
		return nil, err
	}
	var batch *C.hw_batch
	err = s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status { return C.hw_stream_read(p, &o, &batch, err) })
	if err != nil {
		return nil, err
	}
	records, _, err := takeBatch(batch)
	return records, err
}

// Records gives all records that options ask for, MaxRecords at a time, and an error last if there is one. It ends
// at the last record that is there; [Stream.Subscribe] goes on.
func (s *Stream) Records(ctx context.Context, options ReadOptions) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			records, err := s.Read(ctx, options)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, record := range records {
				if !yield(record, nil) {
					return
				}
			}
			if len(records) == 0 {
				return
			}
			last := records[len(records)-1].Seq
			if options.Backward && last == 1 {
				return
			}
			options.FromTime = time.Time{}
			options.FromSeq = last + 1
			if options.Backward {
				options.FromSeq = last - 1
			}
		}
	}
}

// Get is the record with this sequence; [ErrNotFound] when it is not there.
func (s *Stream) Get(ctx context.Context, seq uint64) (Record, error) {
	var batch *C.hw_batch
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		return C.hw_stream_get(p, C.uint64_t(seq), &batch, err)
	})
	if err != nil {
		return Record{}, err
	}
	return takeOne(batch, "the record")
}

// Last is the newest record of a subject, or of all that a wildcard filter takes; [ErrNotFound] when there is none.
func (s *Stream) Last(ctx context.Context, filter string) (Record, error) {
	var batch *C.hw_batch
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		data, size := text(filter)
		return C.hw_stream_last(p, data, size, &batch, err)
	})
	if err != nil {
		return Record{}, err
	}
	return takeOne(batch, "a record of the subject")
}

// LastMany is the newest record of every subject that the filters take, by sequence: at most limit of them (0 is
// 1,000) with a sequence above after.
func (s *Stream) LastMany(ctx context.Context, filters []string, after uint64, limit int) ([]Record, error) {
	most, err := count("limit", limit)
	if err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	first, n := l.strs(filters)
	var batch *C.hw_batch
	err = s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		return C.hw_stream_last_many(p, first, n, C.uint64_t(after), most, &batch, err)
	})
	if err != nil {
		return nil, err
	}
	records, _, err := takeBatch(batch)
	return records, err
}

// LastSeq is the last sequence among all subjects that the filter takes; 0 when there is none. This is what a
// conditional append expects.
func (s *Stream) LastSeq(ctx context.Context, filter string) (uint64, error) {
	var seq C.uint64_t
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		data, size := text(filter)
		return C.hw_stream_last_seq(p, data, size, &seq, err)
	})
	return uint64(seq), err
}

// Subjects are the subjects that have a record and that the filter takes, in order: at most limit of them (0 is
// 1,000) after the subject after, which may be empty.
func (s *Stream) Subjects(ctx context.Context, filter, after string, limit int) ([]SubjectCount, error) {
	most, err := count("limit", limit)
	if err != nil {
		return nil, err
	}
	var list *C.hw_strings
	err = s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		filterData, filterLen := text(filter)
		afterData, afterLen := text(after)
		return C.hw_stream_subjects(p, filterData, filterLen, afterData, afterLen, most, &list, err)
	})
	if err != nil {
		return nil, err
	}
	names, numbers, err := takeStrings(list)
	subjects := make([]SubjectCount, len(names))
	for i, name := range names {
		subjects[i] = SubjectCount{name, numbers[i]}
	}
	return subjects, err
}

func (l *lender) readOptions(options *ReadOptions) (C.hw_read_options, error) {
	o := C.hw_read_options{
		struct_size: C.sizeof_hw_read_options,
		from_seq:    C.uint64_t(options.FromSeq),
		backward:    flag(options.Backward),
	}
	o.filters, o.filters_len = l.strs(options.Filters)
	records, err := count("MaxRecords", options.MaxRecords)
	if err != nil {
		return o, err
	}
	size, err := count("MaxBytes", options.MaxBytes)
	if err != nil {
		return o, err
	}
	o.max_records, o.max_bytes = C.uint64_t(records), C.uint64_t(size)
	if o.from_time, err = commitBound("FromTime", options.FromTime); err != nil {
		return o, err
	}
	if o.until, err = commitBound("Until", options.Until); err != nil {
		return o, err
	}
	from, hasFrom, err := bound("EventFrom", options.EventFrom, math.MinInt64)
	if err != nil {
		return o, err
	}
	to, hasTo, err := bound("EventTo", options.EventTo, math.MaxInt64)
	o.event_from, o.event_to, o.has_event_range = from, to, hasFrom|hasTo
	return o, err
}

// commitBound is a commit time as C takes it, where 0 is no bound and the epoch itself is the same as a nanosecond
// later.
func commitBound(what string, t time.Time) (C.uint64_t, error) {
	if t.IsZero() {
		return 0, nil
	}
	ns, err := commitNanos(what, t)
	return C.uint64_t(max(ns, 1)), err
}

// bound is a time as C takes it, and whether it is one; the zero time is not, and gives otherwise.
func bound(what string, t time.Time, otherwise int64) (C.int64_t, C.uint8_t, error) {
	if t.IsZero() {
		return C.int64_t(otherwise), 0, nil
	}
	ns, err := nanos(what, t)
	return C.int64_t(ns), 1, err
}

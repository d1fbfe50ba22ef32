package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"
)

// Save saves 1 to 1,000 events of one aggregate, all or nothing, and returns when the store's durability is reached. An
// aggregate that is not as expected, and a condition that does not hold, are [ErrConflict] with both numbers. With a
// command, a save that is repeated is recognised among the aggregate's last 1,000 events, saves nothing, and answers as
// then.
func (s *EventStore) Save(
	ctx context.Context, aggregate, key string, events []NewEvent, options SaveOptions,
) (Saved, error) {
	return slow(ctx, s.room(), func() (Saved, error) {
		var l lender
		defer l.Unpin()
		lent, err := l.newEvents(events)
		if err != nil {
			return Saved{}, err
		}
		o := l.saveOptions(&options)
		c := C.hw_saved{struct_size: C.sizeof_hw_saved}
		err = s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			first, size := unsafe.SliceData(lent), C.size_t(len(lent))
			return C.hw_event_store_save(p, aggregateData, aggregateLen, keyData, keyLen, first, size, &o, &c, err)
		})
		return saved(&c), err
	})
}

func saved(c *C.hw_saved) Saved {
	return Saved{
		Position:   Position{uint64(c.version), uint64(c.seq)},
		IsRepeat:   c.is_repeat != 0,
		Durability: Durability(c.durability),
	}
}

// FindCommand says what a save of this command came to, and whether it is known at all: whether it is among the
// aggregate's last 1,000 events. It is for whoever is to carry a command out that may be carried out already, and has
// loaded what it left.
func (s *EventStore) FindCommand(ctx context.Context, aggregate, key, command string) (Saved, bool, error) {
	type answer struct {
		saved Saved
		known bool
	}
	found, err := slow(ctx, s.room(), func() (answer, error) {
		c := C.hw_saved{struct_size: C.sizeof_hw_saved}
		var known C.bool
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			commandData, commandLen := text(command)
			return C.hw_event_store_find_command(
				p, aggregateData, aggregateLen, keyData, keyLen, commandData, commandLen, &known, &c, err)
		})
		return answer{saved(&c), bool(known)}, err
	})
	return found.saved, found.known, err
}

// SaveSnapshot keeps a snapshot of an aggregate; false when there is one of the same version or a newer one, and
// when one of its data subjects was forgotten.
func (s *EventStore) SaveSnapshot(ctx context.Context, aggregate, key string, snapshot NewSnapshot) (bool, error) {
	ttl, err := duration("TTL", snapshot.TTL)
	if err != nil {
		return false, err
	}
	return slow(ctx, s.room(), func() (bool, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_new_snapshot{
			struct_size: C.sizeof_hw_new_snapshot,
			data:        l.bytes(snapshot.Data),
			version:     C.uint64_t(snapshot.Position.Version),
			seq:         C.uint64_t(snapshot.Position.Seq),
			ttl_ns:      ttl,
			schema:      C.uint32_t(snapshot.Schema),
		}
		c.data_subjects, c.data_subjects_len = l.strs(snapshot.DataSubjects)
		var kept C.bool
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			return C.hw_event_store_save_snapshot(p, aggregateData, aggregateLen, keyData, keyLen, &c, &kept, err)
		})
		return bool(kept), err
	})
}

func (l *lender) newEvents(events []NewEvent) ([]C.hw_new_event, error) {
	lent := make([]C.hw_new_event, len(events))
	for i, event := range events {
		lent[i] = C.hw_new_event{
			struct_size: C.sizeof_hw_new_event,
			event_type:  l.str(event.EventType),
			data:        l.bytes(event.Data),
			schema:      C.uint32_t(event.Schema),
		}
		lent[i].data_subject = l.str(event.DataSubject)
		lent[i].metadata, lent[i].metadata_len = l.pairs(event.Metadata)
		if !event.Time.IsZero() {
			ns, err := nanos("Time", event.Time)
			if err != nil {
				return nil, err
			}
			lent[i].time, lent[i].has_time = C.int64_t(ns), 1
		}
	}
	return lent, nil
}

func (l *lender) saveOptions(options *SaveOptions) C.hw_save_options {
	o := C.hw_save_options{
		struct_size:      C.sizeof_hw_save_options,
		command:          l.str(options.Command),
		correlation:      l.str(options.Correlation),
		causation:        l.str(options.Causation),
		expected:         C.int32_t(options.Expected.kind),
		expected_version: C.uint64_t(options.Expected.position.Version),
		expected_seq:     C.uint64_t(options.Expected.position.Seq),
	}
	o.metadata, o.metadata_len = l.pairs(options.Metadata)
	if options.Condition != nil {
		o.condition_filter = l.eventFilter(options.Condition.Filter)
		o.condition_last_seq, o.has_condition = C.uint64_t(options.Condition.LastSeq), 1
	}
	return o
}

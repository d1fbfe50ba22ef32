package headwater

// #include "shim.h"
import "C"

import "context"

// Load gives what there is of an aggregate: a snapshot of the schema that was asked for, if there is one, and the
// events behind it. One that has no event is loaded as version 0. A version that it has not reached, and what was
// archived, is [ErrNotFound]; events that are missing are [ErrCorrupt].
func (s *EventStore) Load(ctx context.Context, aggregate, key string, options LoadOptions) (Loaded, error) {
	return slow(ctx, s.room(), func() (Loaded, error) {
		c := C.hw_load_options{
			struct_size:     C.sizeof_hw_load_options,
			behind_version:  C.uint64_t(options.Behind.Version),
			behind_seq:      C.uint64_t(options.Behind.Seq),
			snapshot_schema: C.uint32_t(options.SnapshotSchema),
		}
		var err error
		if c.as_of, c.as_of_value, err = asOf(&options); err != nil {
			return Loaded{}, err
		}
		var list *C.hw_events
		err = s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			return C.hw_event_store_load(p, aggregateData, aggregateLen, keyData, keyLen, &c, &list, err)
		})
		if err != nil {
			return Loaded{}, err
		}
		defer C.hw_events_free(list)
		return loaded(list)
	})
}

// Snapshot is the snapshot of an aggregate; nil when there is none that can be read.
func (s *EventStore) Snapshot(ctx context.Context, aggregate, key string) (*Snapshot, error) {
	return slow(ctx, s.room(), func() (*Snapshot, error) {
		var list *C.hw_events
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			aggregateData, aggregateLen := text(aggregate)
			keyData, keyLen := text(key)
			return C.hw_event_store_snapshot(p, aggregateData, aggregateLen, keyData, keyLen, &list, err)
		})
		if err != nil {
			return nil, err
		}
		defer C.hw_events_free(list)
		return snapshotOf(list)
	})
}

func asOf(options *LoadOptions) (C.int32_t, C.uint64_t, error) {
	kind, value, set := C.int32_t(C.HW_AS_OF_NOW), C.uint64_t(0), 0
	if options.AsOfVersion != nil {
		kind, value, set = C.HW_AS_OF_VERSION, C.uint64_t(*options.AsOfVersion), set+1
	}
	if options.AsOfSeq != nil {
		kind, value, set = C.HW_AS_OF_SEQ, C.uint64_t(*options.AsOfSeq), set+1
	}
	if !options.AsOfTime.IsZero() {
		ns, err := commitNanos("AsOfTime", options.AsOfTime)
		if err != nil {
			return 0, 0, err
		}
		kind, value, set = C.HW_AS_OF_TIME, C.uint64_t(ns), set+1
	}
	if set > 1 {
		return 0, 0, invalid("at most one of AsOfVersion, AsOfSeq and AsOfTime may be set")
	}
	return kind, value, nil
}

// loaded copies what was loaded.
func loaded(list *C.hw_events) (Loaded, error) {
	var version, seq C.uint64_t
	var failed *C.hw_error
	if status := C.hw_events_position(list, &version, &seq, &failed); status != C.HW_STATUS_OK {
		return Loaded{}, failure(status, failed)
	}
	snapshot, err := snapshotOf(list)
	if err != nil {
		return Loaded{}, err
	}
	events := make([]Event, C.hw_events_len(list))
	for i := range events {
		if events[i], err = eventAt(list, C.size_t(i)); err != nil {
			return Loaded{}, err
		}
	}
	return Loaded{Position{uint64(version), uint64(seq)}, snapshot, events}, nil
}

func snapshotOf(list *C.hw_events) (*Snapshot, error) {
	view := C.hw_snapshot{struct_size: C.sizeof_hw_snapshot}
	var failed *C.hw_error
	switch status := C.hw_events_snapshot(list, &view, &failed); status {
	case C.HW_STATUS_OK:
		snapshot := &Snapshot{
			Position: Position{uint64(view.version), uint64(view.seq)},
			Schema:   uint32(view.schema),
			Saved:    fromNanos(int64(view.saved)),
			Data:     goBytes(view.data),
		}
		for place := range view.data_subjects_len {
			var name C.hw_str
			if status := C.hw_events_snapshot_data_subject(list, place, &name, &failed); status != C.HW_STATUS_OK {
				return nil, failure(status, failed)
			}
			snapshot.DataSubjects = append(snapshot.DataSubjects, goString(name))
		}
		return snapshot, nil
	case C.HW_STATUS_NOT_FOUND:
		C.hw_error_free(failed)
		return nil, nil
	default:
		return nil, failure(status, failed)
	}
}

// eventAt copies one event of a list.
func eventAt(list *C.hw_events, index C.size_t) (Event, error) {
	view := C.hw_event{struct_size: C.sizeof_hw_event}
	var failed *C.hw_error
	if status := C.hw_events_get(list, index, &view, &failed); status != C.HW_STATUS_OK {
		return Event{}, failure(status, failed)
	}
	event := Event{
		Aggregate:   goString(view.aggregate),
		Key:         goString(view.key),
		EventType:   goString(view.event_type),
		Version:     uint64(view.version),
		Seq:         uint64(view.seq),
		Schema:      uint32(view.schema),
		Saved:       fromNanos(int64(view.saved)),
		Time:        fromNanos(int64(view.time)),
		Command:     goString(view.command),
		Correlation: goString(view.correlation),
		Causation:   goString(view.causation),
		Data:        goBytes(view.data),
		DataSubject: goString(view.data_subject),
		IsErased:    view.is_erased != 0,
	}
	for place := range view.metadata_len {
		var name, value C.hw_str
		if status := C.hw_events_metadata(list, index, place, &name, &value, &failed); status != C.HW_STATUS_OK {
			return Event{}, failure(status, failed)
		}
		event.Metadata = append(event.Metadata, Header{goString(name), goString(value)})
	}
	return event, nil
}

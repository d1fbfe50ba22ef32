package headwater_test

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type eventStoreConfigArgs struct {
	Config struct {
		Name       string `json:"name"`
		Durability string `json:"durability"`
		MaxBytes   uint64 `json:"max_bytes"`
	} `json:"config"`
}

type eventFilterArgs struct {
	Aggregate string `json:"aggregate"`
	Key       string `json:"key"`
}

// dataArgs are the two ways to state the data of an event or a snapshot.
type dataArgs struct {
	Data   string `json:"data"`
	Base64 []byte `json:"data_base64"`
}

func (a dataArgs) bytes() []byte {
	if a.Base64 != nil {
		return a.Base64
	}
	return []byte(a.Data)
}

type newEventArgs struct {
	dataArgs
	EventType string      `json:"event_type"`
	Schema    uint32      `json:"schema"`
	Metadata  [][2]string `json:"metadata"`
	Time      *int64      `json:"time"`

	DataSubject string `json:"data_subject"`
}

type placeArgs struct {
	Version uint64 `json:"version"`
	Seq     uint64 `json:"seq"`
}

func (a *placeArgs) position() headwater.Position {
	if a == nil {
		return headwater.Position{}
	}
	return headwater.Position{Version: a.Version, Seq: a.Seq}
}

// eventArgs are the arguments of every operation on an event store.
type eventArgs struct {
	eventFilterArgs
	placeArgs
	dataArgs
	Store       string          `json:"store"`
	Events      []newEventArgs  `json:"events"`
	Expected    json.RawMessage `json:"expected"`
	Command     string          `json:"command"`
	Correlation string          `json:"correlation"`
	Causation   string          `json:"causation"`
	Condition   *struct {
		eventFilterArgs
		LastSeq uint64 `json:"last_seq"`
	} `json:"condition"`
	AsOfVersion    *uint64           `json:"as_of_version"`
	AsOfSeq        *uint64           `json:"as_of_seq"`
	SnapshotSchema uint32            `json:"snapshot_schema"`
	Behind         *placeArgs        `json:"behind"`
	Schema         uint32            `json:"schema"`
	TTL            int64             `json:"ttl"`
	UpTo           uint64            `json:"up_to"`
	After          uint64            `json:"after"`
	Max            int               `json:"max"`
	As             string            `json:"as"`
	Filters        []eventFilterArgs `json:"filters"`
	DataSubject    string            `json:"data_subject"`
	DataSubjects   []string          `json:"data_subjects"`
}

func (a eventFilterArgs) filter() headwater.EventFilter {
	return headwater.EventFilter{Aggregate: a.Aggregate, Key: a.Key}
}

func filtersOf(given []eventFilterArgs) (filters []headwater.EventFilter) {
	for _, filter := range given {
		filters = append(filters, filter.filter())
	}
	return filters
}

func (a *eventArgs) expected() (headwater.Expected, error) {
	var name string
	var version uint64
	var place placeArgs
	switch first := bytes.TrimLeft(a.Expected, " "); {
	case len(first) == 0:
		return headwater.ExpectAny(), nil
	case first[0] == '"':
		if err := json.Unmarshal(a.Expected, &name); err != nil {
			return headwater.Expected{}, &usageError{err}
		}
		return pick("expectation", name, map[string]headwater.Expected{
			"none": headwater.ExpectNone(), "exists": headwater.ExpectExists(),
		})
	case first[0] == '{':
		if err := json.Unmarshal(a.Expected, &place); err != nil {
			return headwater.Expected{}, &usageError{err}
		}
		return headwater.ExpectAt(place.position()), nil
	}
	if err := json.Unmarshal(a.Expected, &version); err != nil {
		return headwater.Expected{}, &usageError{err}
	}
	return headwater.ExpectVersion(version), nil
}

func storedJSON(e headwater.Event) any {
	metadata := [][2]string{}
	for _, h := range e.Metadata {
		metadata = append(metadata, [2]string{h.Name, h.Value})
	}
	event := map[string]any{
		"aggregate": e.Aggregate, "key": e.Key, "event_type": e.EventType, "version": e.Version, "seq": e.Seq,
		"schema": e.Schema, "time": e.Time.UnixNano(), "metadata": metadata,
		"command": textOrNull(e.Command), "correlation": textOrNull(e.Correlation), "causation": textOrNull(e.Causation),
		"data_subject": textOrNull(e.DataSubject), "is_erased": e.IsErased,
	}
	return withBytes(event, "data", e.Data)
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func stateJSON(s *headwater.Snapshot) any {
	if s == nil {
		return nil
	}
	names := list(s.DataSubjects, func(name string) any { return name })
	snapshot := map[string]any{
		"version": s.Position.Version, "seq": s.Position.Seq, "schema": s.Schema, "data_subjects": names,
	}
	return withBytes(snapshot, "data", s.Data)
}

// onEvents is op for operations that name an event store.
func onEvents(do func(r *runner, s *headwater.EventStore, a eventArgs) (any, error)) operation {
	return op(func(r *runner, a eventArgs) (any, error) {
		s, err := r.engine.EventStore(r.ctx, a.Store)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return do(r, s, a)
	})
}

var eventOps = map[string]operation{
	"create_event_store": op(func(r *runner, a eventStoreConfigArgs) (any, error) {
		durability, err := pick("durability", a.Config.Durability, durabilities)
		if err != nil {
			return nil, err
		}
		_, err = r.engine.CreateEventStore(r.ctx, headwater.EventsConfig{
			Name: a.Config.Name, Durability: durability, MaxBytes: a.Config.MaxBytes,
		})
		return nil, err
	}),
	"delete_event_store": op(func(r *runner, a eventArgs) (any, error) {
		return nil, r.engine.DeleteEventStore(r.ctx, a.Store)
	}),
	"event_stores": op(func(r *runner, _ struct{}) (any, error) { return r.engine.EventStores(r.ctx) }),
	"events_save": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		var events []headwater.NewEvent
		for _, given := range a.Events {
			event := headwater.NewEvent{
				EventType: given.EventType, Data: given.bytes(), Schema: given.Schema, Time: at(given.Time),
				DataSubject: given.DataSubject,
			}
			for _, pair := range given.Metadata {
				event.Metadata = append(event.Metadata, headwater.Header{Name: pair[0], Value: pair[1]})
			}
			events = append(events, event)
		}
		expected, err := a.expected()
		if err != nil {
			return nil, err
		}
		options := headwater.SaveOptions{
			Expected: expected, Command: a.Command, Correlation: a.Correlation, Causation: a.Causation,
		}
		if a.Condition != nil {
			options.Condition = &headwater.Condition{Filter: a.Condition.filter(), LastSeq: a.Condition.LastSeq}
		}
		saved, err := s.Save(r.ctx, a.Aggregate, a.Key, events, options)
		return map[string]any{
			"version": saved.Position.Version, "seq": saved.Position.Seq, "is_repeat": saved.IsRepeat,
		}, err
	}),
	"events_load": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		loaded, err := s.Load(r.ctx, a.Aggregate, a.Key, headwater.LoadOptions{
			AsOfVersion: a.AsOfVersion, AsOfSeq: a.AsOfSeq, SnapshotSchema: a.SnapshotSchema,
			Behind: a.Behind.position(),
		})
		return map[string]any{
			"version": loaded.Position.Version, "seq": loaded.Position.Seq,
			"snapshot": stateJSON(loaded.Snapshot), "events": list(loaded.Events, storedJSON),
		}, err
	}),
	"events_find_command": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		saved, known, err := s.FindCommand(r.ctx, a.Aggregate, a.Key, a.Command)
		if err != nil || !known {
			return nil, err
		}
		return map[string]any{
			"version": saved.Position.Version, "seq": saved.Position.Seq, "is_repeat": saved.IsRepeat,
		}, nil
	}),
	"events_archive": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		archived, err := s.Archive(r.ctx, a.Aggregate, a.Key, a.UpTo)
		var held any
		if archived.HeldBackBy != "" {
			held = archived.HeldBackBy
		}
		return map[string]any{"events": archived.Events, "up_to": archived.UpTo, "held_back_by": held}, err
	}),
	"events_last_seq": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		return s.LastSeq(r.ctx, a.Aggregate, a.Key)
	}),
	"events_snapshot": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		snapshot, err := s.Snapshot(r.ctx, a.Aggregate, a.Key)
		return stateJSON(snapshot), err
	}),
	"events_save_snapshot": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		return s.SaveSnapshot(r.ctx, a.Aggregate, a.Key, headwater.NewSnapshot{
			Position: a.position(), Schema: a.Schema, Data: a.bytes(), TTL: time.Duration(a.TTL),
			DataSubjects: a.DataSubjects,
		})
	}),
	"events_forget": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		return s.Forget(r.ctx, a.DataSubject)
	}),
	"events_list": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		found, next, err := s.List(r.ctx, a.filter(), a.After, a.Max)
		aggregates := list(found, func(info headwater.AggregateInfo) any {
			return map[string]any{
				"aggregate": info.Aggregate, "key": info.Key, "event_type": info.EventType,
				"version": info.Position.Version, "seq": info.Position.Seq,
			}
		})
		page := map[string]any{"aggregates": aggregates, "next": nil}
		if next > 0 {
			page["next"] = next
		}
		return page, err
	}),
	"events_follow": onEvents(func(r *runner, s *headwater.EventStore, a eventArgs) (any, error) {
		feed, err := s.Follow(r.ctx, headwater.FollowOptions{Filters: filtersOf(a.Filters), After: a.After})
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(feed.Next, feed.TryNext, storedJSON, nil, feed.Close)
		return nil, nil
	}),
}

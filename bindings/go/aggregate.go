package headwater

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// EventCodec turns events of type E into names and bytes, and back.
type EventCodec[E any] interface {
	// Encode gives the type, the schema (from 1) and the data of an event.
	Encode(event E) (eventType string, schema uint32, data []byte, err error)
	// Decode gives the event that was saved so.
	Decode(eventType string, schema uint32, data []byte) (E, error)
}

// WithDataSubject is what an event implements whose data is about a person or a thing that shall be forgotten on
// request: [EventStore.Forget].
type WithDataSubject interface {
	// DataSubject names it, 1 to 128 bytes; empty when this one is about none.
	DataSubject() string
}

// JSONEvents encodes events as JSON, each Go type under the name and schema that it was registered with by
// [RegisterEvent]. E is usually an interface that all of them implement.
type JSONEvents[E any] struct {
	byName map[eventName]func([]byte) (E, error)
	byType map[reflect.Type]eventName
}

type eventName struct {
	eventType string
	schema    uint32
}

// NewJSONEvents knows no event.
func NewJSONEvents[E any]() *JSONEvents[E] {
	return &JSONEvents[E]{map[eventName]func([]byte) (E, error){}, map[reflect.Type]eventName{}}
}

// RegisterEvent says that events of Go type T are saved as this type and schema. It panics when one of the three is
// registered or T is no E: that is a mistake of the program.
func RegisterEvent[T, E any](events *JSONEvents[E], eventType string, schema uint32) {
	name, goType := eventName{eventType, schema}, reflect.TypeFor[T]()
	if _, ok := any(*new(T)).(E); !ok {
		panic(fmt.Sprintf("headwater: %s is no %s", goType, reflect.TypeFor[E]()))
	}
	if _, taken := events.byName[name]; taken {
		panic(fmt.Sprintf("headwater: event %q of schema %d is registered", eventType, schema))
	}
	if _, taken := events.byType[goType]; taken {
		panic(fmt.Sprintf("headwater: %s is registered", goType))
	}
	events.byType[goType] = name
	events.byName[name] = func(data []byte) (E, error) {
		var event T
		if err := json.Unmarshal(data, &event); err != nil {
			return *new(E), err
		}
		return any(event).(E), nil
	}
}

// Encode implements [EventCodec].
func (j *JSONEvents[E]) Encode(event E) (string, uint32, []byte, error) {
	name, ok := j.byType[reflect.TypeOf(event)]
	if !ok {
		return "", 0, nil, invalid("%T is not registered as an event", event)
	}
	data, err := json.Marshal(event)
	return name.eventType, name.schema, data, err
}

// Decode implements [EventCodec].
func (j *JSONEvents[E]) Decode(eventType string, schema uint32, data []byte) (E, error) {
	decode, ok := j.byName[eventName{eventType, schema}]
	if !ok {
		message := fmt.Sprintf("event %q of schema %d is not known", eventType, schema)
		return *new(E), &Error{Code: ErrUnsupported, Message: message}
	}
	return decode(data)
}

// AggregateType says what aggregates of one kind are: their state S is what their events E made of it.
type AggregateType[S, E any] struct {
	// Name is the name of the kind, which stays whatever becomes of the program: 1 to 128 bytes.
	Name string
	// Codec encodes events.
	Codec EventCodec[E]
	// Start makes the state of one that has no event, each time another; nil is the zero value.
	Start func() S
	// Apply changes a state by an event that happened; it cannot refuse.
	Apply func(state *S, event E)
	// ApplyErased takes in, in place of Apply, that an event of this type happened whose data is gone, as its data
	// subject was forgotten; nil is nothing.
	ApplyErased func(state *S, eventType string)
	// SnapshotSchema is the version of the shape of S in snapshots; 0 is no snapshots.
	SnapshotSchema uint32
	// Dump makes bytes of a state, for a snapshot; they are JSON when it and Load are nil.
	Dump func(state S) ([]byte, error)
	// Load makes a state of the bytes of Dump; a snapshot that it refuses is passed over. JSON is read into the zero
	// value, so what JSON does not see of a state needs Dump and Load.
	Load func(data []byte) (S, error)
	// IsSnapshotDue says, after each save, whether a snapshot is due, behind events after the last one; without it, when
	// behind has reached every, the SnapshotEvery of the repository. It is not asked when snapshots are off.
	IsSnapshotDue func(state S, behind, every uint64) bool
	// Clone copies a state, so that one can be kept in memory; nil is no cache. One that has data of a data subject is
	// not kept there.
	Clone func(state S) S
	// Upcasters turn old shapes of events into new ones as they are read.
	Upcasters Upcasters
}

func (k *AggregateType[S, E]) start() S {
	if k.Start == nil {
		return *new(S)
	}
	return k.Start()
}

func (k *AggregateType[S, E]) dump(state S) ([]byte, error) {
	if k.Dump == nil {
		return json.Marshal(state)
	}
	return k.Dump(state)
}

func (k *AggregateType[S, E]) load(data []byte) (S, error) {
	if k.Load == nil {
		var state S
		err := json.Unmarshal(data, &state)
		return state, err
	}
	return k.Load(data)
}

func (k *AggregateType[S, E]) isSnapshotDue(state S, behind, every uint64) bool {
	if k.IsSnapshotDue == nil {
		return behind >= every
	}
	return k.IsSnapshotDue(state, behind, every)
}

// Root is one aggregate as it was loaded, and what was raised on it since. It is its owner's alone.
type Root[S, E any] struct {
	// State is what its events made of it.
	State S
	// Key is which one it is.
	Key string
	// Position is where it stands by the last event that was loaded or saved.
	Position Position

	kind            *AggregateType[S, E]
	raised          []E
	snapshotVersion uint64
	// Those that the state has data of.
	dataSubjects map[string]struct{}
}

// NewRoot is an aggregate that has no event yet.
func NewRoot[S, E any](kind *AggregateType[S, E], key string) *Root[S, E] {
	return &Root[S, E]{State: kind.start(), Key: key, kind: kind}
}

// Exists says whether it has an event that was saved.
func (r *Root[S, E]) Exists() bool { return r.Position.Version > 0 }

// Raise applies an event, to be saved by the next save.
func (r *Root[S, E]) Raise(event E) {
	r.kind.Apply(&r.State, event)
	r.hasDataOf(dataSubject(event))
	r.raised = append(r.raised, event)
}

func (r *Root[S, E]) hasDataOf(dataSubject string) {
	if dataSubject == "" {
		return
	}
	if r.dataSubjects == nil {
		r.dataSubjects = map[string]struct{}{}
	}
	r.dataSubjects[dataSubject] = struct{}{}
}

func dataSubject(event any) string {
	if event, ok := event.(WithDataSubject); ok {
		return event.DataSubject()
	}
	return ""
}

// Raised are the events that are to be saved, in order.
func (r *Root[S, E]) Raised() []E { return r.raised }

// Upcasted is an event by type, schema and data, as an upcaster makes it.
type Upcasted struct {
	EventType string
	Schema    uint32
	Data      []byte
}

// Upcasters are steps from one schema of an event to a later one, or to another type; what is saved stays as it is.
type Upcasters map[EventShape]func(Upcasted) (Upcasted, error)

// EventShape is a type of events and the version of the shape of its data.
type EventShape struct {
	EventType string
	Schema    uint32
}

// Upcast is the newest shape of an event; [ErrInvalid] when the steps lead back.
func (u Upcasters) Upcast(event Upcasted) (Upcasted, error) {
	first := event.EventType
	for range len(u) + 1 {
		step, ok := u[EventShape{event.EventType, event.Schema}]
		if !ok {
			return event, nil
		}
		next, err := step(event)
		if err != nil {
			return Upcasted{}, fmt.Errorf("upcaster of event %q from schema %d: %w", event.EventType, event.Schema, err)
		}
		event = next
	}
	return Upcasted{}, invalid("the upcasters of event %q lead back to where they began", first)
}

package headwater

import "time"

// EventsConfig is what an event store is made with. Every field left zero takes its default. Events have no limit of
// age or number.
type EventsConfig struct {
	// Name is its name: 1 to 64 letters, digits, - and _; "events" when empty.
	Name string
	// Durability is what an acknowledgement promises.
	Durability Durability
	// MaxBytes is the most bytes of events, after which saves are refused; 0 is no limit.
	MaxBytes uint64
}

// Position is where an aggregate stands: the version and the sequence of its last event, both 0 when it has none.
type Position struct {
	// Version is how many events it has had.
	Version uint64
	// Seq is the place of the last one in the store.
	Seq uint64
}

// EventFilter takes some aggregates of a store: those of a kind, of a key, both, or all when both are empty.
type EventFilter struct {
	Aggregate, Key string
}

// NewEvent is an event to be saved.
type NewEvent struct {
	// EventType is its type, which stays whatever becomes of the program: 1 to 128 bytes, no control characters.
	EventType string
	// Data is what happened, in your encoding, at most 8 MiB; JSON where it shall be read by tools.
	Data []byte
	// Schema is the version of the shape of Data; 0 is 1.
	Schema uint32
	// Time is when it happened; the zero time is when it was saved.
	Time time.Time
	// Metadata is further names and values; those that begin with "Headwater-" or "Nats-" are refused.
	Metadata []Header
	// DataSubject is the person or thing that Data is about, 1 to 128 bytes: Data is encrypted with a key of it, and
	// reads as erased once [EventStore.Forget] was told so. None when empty.
	DataSubject string
}

// Event is an event that was read. It owns its bytes.
type Event struct {
	// Aggregate and Key say of which aggregate it is.
	Aggregate, Key string
	// EventType is its type.
	EventType string
	// Version is its place among the events of its aggregate, from 1.
	Version uint64
	// Seq is its place in the store, from 1.
	Seq uint64
	// Schema is the version of the shape of Data, from 1.
	Schema uint32
	// Saved is when it was saved; it never decreases along a store.
	Saved time.Time
	// Time is when it happened: what its saver said, or when it was saved.
	Time time.Time
	// Command is the command that it came of; empty when that has no id.
	Command string
	// Correlation is what belongs together with it, and Causation what it is a consequence of, as its saver said.
	Correlation, Causation string
	// Metadata is further names and values.
	Metadata []Header
	// Data is what happened; empty when it is erased.
	Data []byte
	// DataSubject is the person or thing that Data is about; empty when nobody said.
	DataSubject string
	// IsErased: Data is gone, as DataSubject was forgotten.
	IsErased bool
}

// Position is where its aggregate stands by it.
func (e *Event) Position() Position { return Position{e.Version, e.Seq} }

// Expected is what a save expects to find of the aggregate; the zero value is whatever there is.
type Expected struct {
	kind     int32
	position Position
}

// ExpectAny expects whatever there is.
func ExpectAny() Expected { return Expected{} }

// ExpectNone expects that the aggregate has no event.
func ExpectNone() Expected { return Expected{kind: 1} }

// ExpectExists expects that it has at least one.
func ExpectExists() Expected { return Expected{kind: 2} }

// ExpectVersion expects that it has had so many; 0 is as ExpectNone.
func ExpectVersion(version uint64) Expected {
	return Expected{kind: 3, position: Position{Version: version}}
}

// ExpectAt expects that it stands where a load or a save said. It takes no look into the stream.
func ExpectAt(position Position) Expected { return Expected{kind: 4, position: position} }

// Condition is that nothing was saved in some aggregates since a decision was made of them.
type Condition struct {
	// Filter takes the aggregates; the one that is saved has to be among them.
	Filter EventFilter
	// LastSeq is the last sequence among their events when they were read; 0 when there was none.
	LastSeq uint64
}

// SaveOptions is what goes with a save; the zero value expects nothing and says nothing.
type SaveOptions struct {
	// Expected is what the aggregate must be.
	Expected Expected
	// Command is the id of the command that is carried out, by which a repeated save is recognised: at most 128 bytes;
	// none when empty.
	Command string
	// Correlation is what the events belong together with, and Causation what they are a consequence of.
	Correlation, Causation string
	// Metadata is further names and values of every event of the save, behind its own; those that begin with
	// "Headwater-" or "Nats-" are refused.
	Metadata []Header
	// Condition is what must not have changed besides the aggregate itself; nil is nothing.
	Condition *Condition
}

// Saved is what a save came to.
type Saved struct {
	// Position is where the aggregate stands by its last event that was saved.
	Position Position
	// IsRepeat: the same command saved them before, and nothing was saved now.
	IsRepeat bool
	// Durability is what this acknowledgement promises.
	Durability Durability
}

// Archived is what archiving came to.
type Archived struct {
	// Events is how many events left the store now.
	Events uint64
	// UpTo is the version of the last event that was moved, now or before; 0 when none was.
	UpTo uint64
	// HeldBackBy is the projection that has not taken in yet what else was to go; empty when there is none.
	HeldBackBy string
}

// LoadOptions is what a load is told; the zero value is all events. At most one of AsOfVersion, AsOfSeq and AsOfTime is
// set.
type LoadOptions struct {
	// AsOfVersion ends at this version, which has to be there; 0 is before the first event.
	AsOfVersion *uint64
	// AsOfSeq ends with the last event at or before this sequence of the store.
	AsOfSeq *uint64
	// AsOfTime ends with the last event that was saved at or before this time; the zero time is no bound.
	AsOfTime time.Time
	// SnapshotSchema begins with a snapshot of this schema, if there is one; with the first event, when 0.
	SnapshotSchema uint32
	// Behind begins behind this position, whose state you have; no snapshot is looked for then.
	Behind Position
}

// Loaded is what was loaded of an aggregate.
type Loaded struct {
	// Position is where it stands by the last event that was loaded; version 0 when it has none up to there.
	Position Position
	// Snapshot is where the events begin; nil when with the first one, or where LoadOptions said.
	Snapshot *Snapshot
	// Events are those behind the snapshot, in order.
	Events []Event
}

// NewSnapshot is a snapshot to be kept.
type NewSnapshot struct {
	// Position is where the aggregate stood.
	Position Position
	// Schema is the version of the shape of Data; 0 is 1. A load takes only those of the one that it names.
	Schema uint32
	// Data is the state, in your encoding, at most 8 MiB.
	Data []byte
	// TTL is how long it stays, in whole seconds; 0 is for good.
	TTL time.Duration
	// DataSubjects are those that the state has data of, 1,000 at the most: those of the events that it was made of, but
	// for erased ones.
	DataSubjects []string
}

// Snapshot is a snapshot that was read.
type Snapshot struct {
	// Position is where the aggregate stood.
	Position Position
	// Schema is the version of the shape of Data.
	Schema uint32
	// Saved is when the snapshot was saved.
	Saved time.Time
	// Data is the state.
	Data []byte
	// DataSubjects are those that the state has data of, in order.
	DataSubjects []string
}

// AggregateInfo is an aggregate as a list shows it.
type AggregateInfo struct {
	// Aggregate is the name of its kind, and Key which one it is.
	Aggregate, Key string
	// Position is where it stands.
	Position Position
	// EventType is the type of its last event.
	EventType string
	// Saved is when that was saved.
	Saved time.Time
}

// FollowOptions says what to follow; the zero value is everything.
type FollowOptions struct {
	// Filters: only events of aggregates that one of these takes; all when empty.
	Filters []EventFilter
	// After: only events behind this sequence of the store.
	After uint64
}

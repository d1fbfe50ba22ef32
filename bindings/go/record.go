package headwater

import "time"

// Header is one name and value that travels with a record.
type Header struct {
	Name, Value string
}

// Record is one record of a stream. It owns its bytes.
type Record struct {
	// Seq is its place in the stream, from 1.
	Seq uint64
	// Subject is its literal subject.
	Subject string
	// Time is when it was committed; it never decreases along a stream.
	Time time.Time
	// EventTime is when it happened, as its source says; the zero time when the source did not say.
	EventTime time.Time
	// Headers are in order; a name may repeat.
	Headers []Header
	// Payload is the bytes.
	Payload []byte
	// Delivered is how often a consumer has delivered it, this time included; 0 when it was read without one.
	Delivered uint32
}

// Header is the first value of the header called name, letter case included, and whether there is one.
func (r *Record) Header(name string) (string, bool) {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value, true
		}
	}
	return "", false
}

// Durability is what an acknowledgement promises.
type Durability int32

const (
	// Fsync, the default: on disk, it survives a power cut. Concurrent writers share one sync.
	Fsync Durability = 0
	// Interval: written and synced every SyncInterval; a crash of the process or the machine may lose that much.
	Interval Durability = 1
	// OS: with the operating system, it survives a crash of the process but not of the machine.
	OS Durability = 2
	// Unknown: with as many servers of a hub as the stream has replicas; when they sync, a client cannot see.
	Unknown Durability = 3
)

// String is the stable lower-case name.
func (d Durability) String() string { return nameOf(d, "fsync", "interval", "os", "unknown") }

// Ack is what an append came to.
type Ack struct {
	// Seq is the record's sequence; the last one's for a batch; the first one's for a duplicate.
	Seq uint64
	// Count is how many records were appended; 0 for a duplicate.
	Count uint32
	// Duplicate tells that the message id was seen before, so that nothing was appended.
	Duplicate bool
	// Durability is what this acknowledgement promises.
	Durability Durability
}

// FirstSeq is the sequence of the first record of the batch.
func (a Ack) FirstSeq() uint64 {
	if a.Count == 0 {
		return a.Seq
	}
	return a.Seq - uint64(a.Count-1)
}

// nanos is t in nanoseconds since the epoch.
func nanos(what string, t time.Time) (int64, error) {
	if y := t.Year(); y < 1678 || y > 2261 {
		return 0, invalid("%s %s is outside the years 1678 to 2261", what, t)
	}
	return t.UnixNano(), nil
}

func fromNanos(ns int64) time.Time { return time.Unix(0, ns).UTC() }

func nameOf[T ~int32](value T, names ...string) string {
	if value < 0 || int(value) >= len(names) {
		return "unknown"
	}
	return names[value]
}

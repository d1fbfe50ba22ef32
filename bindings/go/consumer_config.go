package headwater

import "time"

// DeliverPolicy says where a consumer or a subscription begins; the zero value is [DeliverAll].
type DeliverPolicy struct {
	kind  int32
	value uint64
	err   error
}

const (
	deliverAll int32 = iota
	deliverLast
	deliverNew
	deliverBySeq
	deliverByTime
	deliverLastPerSubject
)

// DeliverAll begins at the first record that is kept.
func DeliverAll() DeliverPolicy { return DeliverPolicy{} }

// DeliverLast begins at the last record that the filters take.
func DeliverLast() DeliverPolicy { return DeliverPolicy{kind: deliverLast} }

// DeliverNew begins at the first record appended from now on.
func DeliverNew() DeliverPolicy { return DeliverPolicy{kind: deliverNew} }

// DeliverFromSeq begins at this sequence.
func DeliverFromSeq(seq uint64) DeliverPolicy { return DeliverPolicy{kind: deliverBySeq, value: seq} }

// DeliverFromTime begins at the first record committed at or after t.
func DeliverFromTime(t time.Time) DeliverPolicy {
	ns, err := commitNanos("start time", t)
	return DeliverPolicy{kind: deliverByTime, value: ns, err: err}
}

// DeliverLastPerSubject begins with the newest record of each subject, then goes on from there.
func DeliverLastPerSubject() DeliverPolicy { return DeliverPolicy{kind: deliverLastPerSubject} }

// String is JetStream's name of the policy.
func (p DeliverPolicy) String() string {
	return nameOf(p.kind, "all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject")
}

// Seq is the sequence of [DeliverFromSeq], else 0.
func (p DeliverPolicy) Seq() uint64 {
	if p.kind == deliverBySeq {
		return p.value
	}
	return 0
}

// Time is the time of [DeliverFromTime], else the zero time.
func (p DeliverPolicy) Time() time.Time {
	if p.kind == deliverByTime {
		return fromNanos(int64(p.value))
	}
	return time.Time{}
}

// AckPolicy says which records need an acknowledgement.
type AckPolicy int32

const (
	// AckExplicit, the default: each one by itself.
	AckExplicit AckPolicy = 0
	// AckAll: an acknowledgement covers all that were delivered before it.
	AckAll AckPolicy = 1
	// AckNone: delivered is done.
	AckNone AckPolicy = 2
)

// String is the stable lower-case name.
func (p AckPolicy) String() string { return nameOf(p, "explicit", "all", "none") }

// NoAckPendingLimit, as a MaxAckPending, is without end.
const NoAckPendingLimit = -1

// ConsumerConfig is a durable position in a stream, with JetStream's names and defaults. Every field left zero takes
// its default.
type ConsumerConfig struct {
	// Name has no white space and none of . * > / \.
	Name string
	// Description is for people.
	Description string
	// FilterSubjects: only records that one of these takes; all when empty.
	FilterSubjects []string
	// DeliverPolicy is where it begins.
	DeliverPolicy DeliverPolicy
	// AckPolicy says which records need an acknowledgement.
	AckPolicy AckPolicy
	// AckWait is how long a delivered record may stay unacknowledged before it is delivered again; 0 is 30 s.
	AckWait time.Duration
	// MaxDeliver is how often a record is delivered at the most; 0 is without end.
	MaxDeliver uint32
	// Backoff, instead of AckWait: the wait after the first, second, … delivery; the last one repeats.
	Backoff []time.Duration
	// MaxAckPending is the most records that may be delivered and unacknowledged; 0 is 1,000;
	// [NoAckPendingLimit] is without end.
	MaxAckPending int64
	// DeadLetter is the stream that takes records past MaxDeliver, made if it is not there; "<stream>_DLQ" when empty.
	DeadLetter string
}

// ConsumerInfo is where a consumer stands.
type ConsumerInfo struct {
	// Config is its configuration, defaults filled in.
	Config ConsumerConfig
	// DeliveredSeq is the last sequence that was delivered for the first time.
	DeliveredSeq uint64
	// AckFloor: everything up to this sequence is done.
	AckFloor uint64
	// NumAckPending is how many are delivered and not acknowledged.
	NumAckPending uint64
	// NumRedelivered is how many of those were delivered more than once.
	NumRedelivered uint64
	// NumPending is how many are not delivered yet.
	NumPending uint64
	// NumDead is how many were moved to the dead-letter stream.
	NumDead uint64
}

// commitNanos is a commit time in nanoseconds since the epoch; a time before 1970 comes before every record.
func commitNanos(what string, t time.Time) (uint64, error) {
	ns, err := nanos(what, t)
	return uint64(max(ns, 0)), err
}

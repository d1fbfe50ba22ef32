package headwater

import "time"

// Rollup says which earlier records an append replaces.
type Rollup int32

const (
	// RollupNone, the default, replaces none.
	RollupNone Rollup = 0
	// RollupSubject replaces all earlier records of its own subject.
	RollupSubject Rollup = 1
	// RollupAll replaces all earlier records of the stream.
	RollupAll Rollup = 2
)

// Append is one record to append, and the conditions under which it may be. [NewAppend] makes one with options.
type Append struct {
	// Subject is literal; the stream must take it.
	Subject string
	// Payload is at most 8 MiB, or the stream's MaxMsgSize.
	Payload []byte
	// Headers are in order, a name may repeat. Names that begin with "Nats-" are refused: use the fields below.
	Headers []Header
	// EventTime is when it happened, as its source says; the zero time when it does not say.
	EventTime time.Time
	// TTL is how long it stays, in whole seconds; zero is for as long as the stream's limits allow.
	TTL time.Duration
	// MsgID makes the append idempotent: a second one with this id within the stream's duplicate window is
	// acknowledged as a duplicate.
	MsgID string
	// Rollup says which earlier records it replaces; the stream must AllowRollup.
	Rollup Rollup
	// ExpectLastSeq: the stream's last sequence must be this one.
	ExpectLastSeq *uint64
	// ExpectSubjectLastSeq: the last sequence of ExpectFilter must be this one; 0 means that there is none.
	ExpectSubjectLastSeq *uint64
	// ExpectFilter is the subject or wildcard filter that ExpectSubjectLastSeq speaks of; the own subject when empty.
	ExpectFilter string

	// What an option set to its zero value is told from what was left out by these.
	hasMsgID, hasTTL bool
}

// AppendOption sets what an append carries beside subject and payload, or a condition.
type AppendOption func(*Append)

// NewAppend is an append for [Stream.AppendBatch].
func NewAppend(subject string, payload []byte, options ...AppendOption) Append {
	a := Append{Subject: subject, Payload: payload}
	for _, option := range options {
		option(&a)
	}
	return a
}

// WithHeader adds a header.
func WithHeader(name, value string) AppendOption {
	return func(a *Append) { a.Headers = append(a.Headers, Header{name, value}) }
}

// WithEventTime says when it happened.
func WithEventTime(t time.Time) AppendOption { return func(a *Append) { a.EventTime = t } }

// WithTTL says how long it stays, in whole seconds.
func WithTTL(ttl time.Duration) AppendOption { return func(a *Append) { a.TTL, a.hasTTL = ttl, true } }

// WithMsgID makes the append idempotent within the stream's duplicate window.
func WithMsgID(id string) AppendOption { return func(a *Append) { a.MsgID, a.hasMsgID = id, true } }

// WithRollup replaces earlier records.
func WithRollup(rollup Rollup) AppendOption { return func(a *Append) { a.Rollup = rollup } }

// ExpectLastSeq refuses the append with [ErrConflict] unless the stream's last sequence is seq.
func ExpectLastSeq(seq uint64) AppendOption { return func(a *Append) { a.ExpectLastSeq = &seq } }

// ExpectSubjectLastSeq refuses the append with [ErrConflict] unless the last sequence of its own subject is seq;
// 0 means that the subject has no record.
func ExpectSubjectLastSeq(seq uint64) AppendOption {
	return func(a *Append) { a.ExpectSubjectLastSeq = &seq }
}

// ExpectFilterLastSeq refuses the append with [ErrConflict] unless the last sequence among all subjects that filter
// takes is seq; 0 means that there is none. This is the dynamic consistency boundary.
func ExpectFilterLastSeq(filter string, seq uint64) AppendOption {
	return func(a *Append) { a.ExpectFilter, a.ExpectSubjectLastSeq = filter, &seq }
}

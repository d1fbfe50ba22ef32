package headwater

import "time"

// Discard says what happens to an append when the stream is at a limit.
type Discard int32

const (
	// DiscardOld, the default: the oldest records make room.
	DiscardOld Discard = 0
	// DiscardNew: the append is refused with [ErrLimit].
	DiscardNew Discard = 1
)

// String is the stable lower-case name.
func (d Discard) String() string { return nameOf(d, "old", "new") }

// Compression says how sealed segments are stored.
type Compression int32

const (
	// CompressionNone, the default: as written.
	CompressionNone Compression = 0
	// CompressionZstd: in blocks, each compressed with zstd.
	CompressionZstd Compression = 1
)

// String is the stable lower-case name.
func (c Compression) String() string { return nameOf(c, "none", "zstd") }

// NoDuplicateWindow, as a DuplicateWindow, remembers no message id.
const NoDuplicateWindow time.Duration = -1

// StreamConfig says what a stream takes, how long it keeps it, and what its acknowledgements mean. Every field left
// zero takes its default; a limit of 0 is no limit.
type StreamConfig struct {
	// Name has no white space and none of . * > / \.
	Name string
	// Subjects are the filters of the subjects that it takes; its own name when empty.
	Subjects []string
	// Description is for people.
	Description string
	// Durability is what an acknowledgement promises.
	Durability Durability
	// SyncInterval bounds the loss with [Interval], 1 ms to 1 hour; 0 is 100 ms.
	SyncInterval time.Duration
	// MaxAge: records older than this go.
	MaxAge time.Duration
	// MaxMsgs is the most records.
	MaxMsgs uint64
	// MaxBytes is the most bytes of subjects, headers and payloads.
	MaxBytes uint64
	// MaxMsgsPerSubject is the most records of one subject; older ones of it go.
	MaxMsgsPerSubject uint64
	// MaxMsgSize is the largest payload, in bytes; 0 is the engine's own bound of 8 MiB.
	MaxMsgSize uint32
	// Discard is what gives at MaxMsgs and MaxBytes.
	Discard Discard
	// DiscardNewPerSubject, with [DiscardNew]: refuse at MaxMsgsPerSubject too, instead of dropping the oldest.
	DiscardNewPerSubject bool
	// DuplicateWindow is how long message ids are remembered; 0 is 2 minutes, [NoDuplicateWindow] not at all.
	DuplicateWindow time.Duration
	// AllowRollup: whether an append may carry a rollup.
	AllowRollup bool
	// DenyDelete: whether deleting single records is refused.
	DenyDelete bool
	// DenyPurge: whether purging is refused.
	DenyPurge bool
	// Compression is how sealed segments are stored.
	Compression Compression
	// SegmentBytes is the size at which a segment is sealed, 64 KiB to 1 GiB; 0 is 64 MiB.
	SegmentBytes uint64
	// Hub is what only a hub has; a local engine refuses it with [ErrUnsupported]. Nil says nothing: a stream that is
	// made has the defaults, and one that is changed what it had.
	Hub *HubConfig
}

// StreamInfo is what a stream is and holds.
type StreamInfo struct {
	// Config is its configuration, defaults filled in.
	Config StreamConfig
	// Created is when it was made.
	Created time.Time
	// Records is how many records are kept.
	Records uint64
	// Bytes is the bytes of subjects, headers and payloads kept.
	Bytes uint64
	// DiskBytes is the bytes on disk.
	DiskBytes uint64
	// Subjects is how many subjects have a record.
	Subjects uint64
	// FirstSeq is the first sequence that is kept; one past the last when none is.
	FirstSeq uint64
	// FirstTime is when the first record was committed; the zero time when there is none.
	FirstTime time.Time
	// LastSeq is the last sequence given out; 0 when none was.
	LastSeq uint64
	// LastTime is when the last record was committed; the zero time when none was.
	LastTime time.Time
	// Deleted is how many records between the first and the last are gone.
	Deleted uint64
	// Consumers is how many consumers it has.
	Consumers uint64
	// Segments is how many segments it is kept in.
	Segments uint64
}

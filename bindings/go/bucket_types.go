package headwater

import "time"

// BucketConfig is what a bucket keeps. Every field left zero takes its default.
type BucketConfig struct {
	// Bucket is its name: letters, digits, - and _.
	Bucket string
	// Description is for people.
	Description string
	// History is how many values of a key are kept, 1 to 64; 0 is 1.
	History uint32
	// TTL: values older than this go; zero is never.
	TTL time.Duration
	// MaxBytes is the most bytes; 0 is no limit.
	MaxBytes uint64
	// MaxValueSize is the largest value, in bytes; 0 is 8 MiB.
	MaxValueSize uint32
	// Durability is what an acknowledgement promises.
	Durability Durability
}

// BucketStatus is what a bucket holds.
type BucketStatus struct {
	// Config is its configuration.
	Config BucketConfig
	// Values is the revisions kept, delete markers included.
	Values uint64
	// Bytes is the bytes kept.
	Bytes uint64
}

// Operation is what happened to a key.
type Operation int32

const (
	// OpPut: it got a value.
	OpPut Operation = 0
	// OpDelete: it was deleted; its history stays.
	OpDelete Operation = 1
	// OpPurge: it was deleted with its history.
	OpPurge Operation = 2
)

// String is the stable lower-case name.
func (o Operation) String() string { return nameOf(o, "put", "delete", "purge") }

// Entry is one revision of a key.
type Entry struct {
	// Key is the key.
	Key string
	// Value is empty when deleted.
	Value []byte
	// Revision is the stream's sequence.
	Revision uint64
	// Time is when.
	Time time.Time
	// Operation is what happened.
	Operation Operation
}

// WatchOptions is what a watcher sees.
type WatchOptions struct {
	// Filters are key filters with * and >; all keys when empty.
	Filters []string
	// IncludeHistory: every kept revision first, not only the newest.
	IncludeHistory bool
	// UpdatesOnly: only what changes from now on.
	UpdatesOnly bool
	// IgnoreDeletes leaves deletes out.
	IgnoreDeletes bool
}

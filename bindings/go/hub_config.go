package headwater

import (
	"encoding/json"
	"time"
)

// Storage says where a hub keeps a stream; empty is [StorageFile].
type Storage string

const (
	// StorageFile: in files.
	StorageFile Storage = "file"
	// StorageMemory: in memory, gone when its servers are.
	StorageMemory Storage = "memory"
)

// HubConfig is what only a hub has of a stream. Every field left zero takes its default.
type HubConfig struct {
	// Replicas is on how many servers, 1 to 5; 0 is 1.
	Replicas uint32 `json:"replicas,omitempty"`
	// Storage is where they keep it.
	Storage Storage `json:"storage,omitempty"`
	// PlacementCluster is the cluster that it has to be in; any when empty.
	PlacementCluster string `json:"placement_cluster,omitempty"`
	// PlacementTags are what its servers have to have.
	PlacementTags []string `json:"placement_tags,omitempty"`
	// Sources are streams that it takes records from, beside its own subjects.
	Sources []StreamSource `json:"sources,omitempty"`
	// Mirror is the stream that it is a copy of; it takes no subjects of its own then.
	Mirror *StreamSource `json:"mirror,omitempty"`
	// SubjectTransform is how subjects change as records come in.
	SubjectTransform *SubjectTransform `json:"subject_transform,omitempty"`
	// AllowDirect: whether any replica answers single reads of other tools; nil is true.
	AllowDirect *bool `json:"allow_direct,omitempty"`
}

// StreamSource is a stream that another one takes records from.
type StreamSource struct {
	// Name is its name.
	Name string `json:"name"`
	// StartSeq is the sequence to take from; 0 is from the first.
	StartSeq uint64 `json:"start_seq,omitempty"`
	// StartTime is the commit time to take from; the zero time is from the first.
	StartTime time.Time `json:"-"`
	// Filter: only the subjects that this takes; all when empty. Not together with Transforms.
	Filter string `json:"filter,omitempty"`
	// Transforms are how subjects change on the way.
	Transforms []SubjectTransform `json:"transforms,omitempty"`
	// Domain is the JetStream domain that it is in; this one when empty.
	Domain string `json:"domain,omitempty"`
}

// SubjectTransform is how a subject becomes another.
type SubjectTransform struct {
	// Source is the filter of the subjects that change.
	Source string `json:"source"`
	// Destination is what they become, with {{wildcard(1)}} and the like.
	Destination string `json:"destination"`
}

// numbered is a [StreamSource] with its time as the library writes it: nanoseconds since the epoch, 0 for none.
type numbered struct {
	plainSource
	StartTime uint64 `json:"start_time,omitempty"`
}

// plainSource has no methods, so that encoding it does not come back here.
type plainSource StreamSource

// MarshalJSON writes what the library reads.
func (s StreamSource) MarshalJSON() ([]byte, error) {
	var start uint64
	if !s.StartTime.IsZero() {
		ns, err := commitNanos("StartTime", s.StartTime)
		if err != nil {
			return nil, err
		}
		start = ns
	}
	return json.Marshal(numbered{plainSource(s), start})
}

// UnmarshalJSON reads what the library writes.
func (s *StreamSource) UnmarshalJSON(text []byte) error {
	var read numbered
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = StreamSource(read.plainSource)
	if read.StartTime != 0 {
		s.StartTime = fromNanos(int64(read.StartTime))
	}
	return nil
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
)

// ProjectionConfig is what a projection is opened with. Every field left zero takes its default, but for the name.
type ProjectionConfig struct {
	// Name is its name: 1 to 64 letters, digits, - and _.
	Name string
	// Filters takes only events of aggregates that one of them takes; all when there is none.
	Filters []EventFilter
	// IsRebuild is whether it is built anew, beside the live one of this name.
	IsRebuild bool
	// Tries is how often an event is tried before it is a dead letter; 0 is 10, and [TriesWithoutEnd] is that.
	Tries uint32
	// Pause is the pause after the first failure of an event, which doubles with each one; 0 is 100 ms.
	Pause time.Duration
	// PauseMax is the longest pause; 0 is 30 s.
	PauseMax time.Duration
}

// TriesWithoutEnd never makes an event a dead letter.
const TriesWithoutEnd = ^uint32(0)

// Failure is what comes of a failure: nothing is given out for a pause, or the event is a dead letter.
type Failure struct {
	// Tries is how often the event was tried.
	Tries uint32
	// Pause is how long nothing is given out.
	Pause time.Duration
	// IsDead is whether the event is a dead letter.
	IsDead bool
}

// Failing is an event that a projection could not take in.
type Failing struct {
	// Seq is its place in the store.
	Seq uint64 `json:"seq"`
	// Tries is how often it was tried.
	Tries uint32 `json:"tries"`
	// Error is why it failed the last time.
	Error string `json:"error"`
}

// DeadLetter is an event that a projection gave up.
type DeadLetter struct {
	Failing
	// Time is when it was given up.
	Time time.Time `json:"time"`
}

// ProjectionStatus is where a projection stands.
type ProjectionStatus struct {
	Name string `json:"name"`
	// IsRebuild is whether it is the one that is built anew, beside the live one.
	IsRebuild bool `json:"is_rebuild"`
	// Position is the sequence of the last event in effect. Where the read model keeps its position itself, it may be a
	// second old.
	Position uint64 `json:"position"`
	// Lag is how many events, of any aggregate, the store has behind that; 0 if none of them is for it.
	Lag uint64 `json:"lag"`
	// IsRunning is whether a program has it open, or ended without closing it.
	IsRunning bool `json:"is_running"`
	// Failing is what it fails at; nil when it does not.
	Failing *Failing `json:"failing"`
	// Dead is how many of its events are dead letters.
	Dead uint64 `json:"dead"`
	// Updated is when it said so.
	Updated time.Time `json:"updated"`
	// Filters says of which aggregates it takes events; of all when there is none.
	Filters []EventFilter `json:"filters"`
}

// Projections are all projections that were opened, by name.
func (s *EventStore) Projections(ctx context.Context) ([]ProjectionStatus, error) {
	return slow(ctx, s.room(), func() (all []ProjectionStatus, err error) {
		var blob *C.hw_blob
		err = s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_projections(p, &blob, err)
		})
		if err != nil {
			return nil, err
		}
		return all, takeJSON(blob, &all)
	})
}

// DeleteProjection forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on.
// [ErrNotFound] when there is none.
func (s *EventStore) DeleteProjection(ctx context.Context, name string) error {
	_, err := slow(ctx, s.room(), func() (struct{}, error) {
		return struct{}{}, s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			data, size := text(name)
			return C.hw_event_store_delete_projection(p, data, size, err)
		})
	})
	return err
}

// DeadLetters are dead letters of a projection whose events lie behind sequence after, at most limit of them (0 is
// 1,000).
func (s *EventStore) DeadLetters(
	ctx context.Context, projection string, after uint64, limit int,
) ([]DeadLetter, error) {
	most, err := count("limit", limit)
	if err != nil {
		return nil, err
	}
	return slow(ctx, s.room(), func() (letters []DeadLetter, err error) {
		var blob *C.hw_blob
		err = s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			data, size := text(projection)
			return C.hw_event_store_dead_letters(p, data, size, C.uint64_t(after), most, &blob, err)
		})
		if err != nil {
			return nil, err
		}
		return letters, takeJSON(blob, &letters)
	})
}

// DeleteDeadLetter removes the dead letter of the event at seq, say as it was taken in after all; false when there is
// none.
func (s *EventStore) DeleteDeadLetter(ctx context.Context, projection string, seq uint64) (bool, error) {
	return slow(ctx, s.room(), func() (bool, error) {
		var wasThere C.uint8_t
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			data, size := text(projection)
			return C.hw_event_store_delete_dead_letter(p, data, size, C.uint64_t(seq), &wasThere, err)
		})
		return wasThere != 0, err
	})
}

// EventAt is the event at a sequence of the store; nil when there is none.
func (s *EventStore) EventAt(ctx context.Context, seq uint64) (*Event, error) {
	return slow(ctx, s.room(), func() (*Event, error) {
		var list *C.hw_events
		err := s.call(context.Background(), func(p *C.hw_event_store, err **C.hw_error) C.hw_status {
			return C.hw_event_store_event_at(p, C.uint64_t(seq), &list, err)
		})
		if err != nil {
			return nil, err
		}
		events, err := takeEvents(list)
		if len(events) == 0 || err != nil {
			return nil, err
		}
		return &events[0], nil
	})
}

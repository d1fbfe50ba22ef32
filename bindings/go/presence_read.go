package headwater

// #include "shim.h"
import "C"

import "context"

// Get is a user as it is; one of whom nothing is known is offline. Whoever may not know of one who is Invisible is to
// be told that it is offline.
func (s *Presence) Get(ctx context.Context, space, user string) (*PresenceUser, error) {
	return ask[PresenceUser](ctx, s, func(p *C.hw_presence, out **C.hw_blob, err **C.hw_error) C.hw_status {
		spaceData, spaceLen := text(space)
		data, size := text(user)
		return C.hw_presence_get(p, spaceData, spaceLen, data, size, -1, out, err)
	})
}

// GetMany is users by name, 1,000 at the most.
func (s *Presence) GetMany(ctx context.Context, space string, users ...string) (*PresenceReading, error) {
	return ask[PresenceReading](ctx, s, func(p *C.hw_presence, out **C.hw_blob, err **C.hw_error) C.hw_status {
		var l lender
		defer l.Unpin()
		spaceData, spaceLen := text(space)
		first, n := l.strs(users)
		return C.hw_presence_get_many(p, spaceData, spaceLen, first, n, -1, out, err)
	})
}

// List is all of a space who are not offline for others, by name.
func (s *Presence) List(ctx context.Context, space string) (*PresenceReading, error) {
	return ask[PresenceReading](ctx, s, func(p *C.hw_presence, out **C.hw_blob, err **C.hw_error) C.hw_status {
		data, size := text(space)
		return C.hw_presence_list(p, data, size, -1, out, err)
	})
}

// Counts is how many are in a space: kept, and not counted.
func (s *Presence) Counts(ctx context.Context, space string) (PresenceCounts, error) {
	return slow(ctx, s.room(), func() (PresenceCounts, error) {
		c := C.hw_space_counts{struct_size: C.sizeof_hw_space_counts}
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			data, size := text(space)
			return C.hw_presence_counts(p, data, size, -1, &c, err)
		})
		return PresenceCounts{
			uint64(c.users), uint64(c.sessions), uint64(c.online), uint64(c.away), uint64(c.busy), uint64(c.unknown),
		}, err
	})
}

// Spaces are all that were heard of, by name, with how many are in them.
func (s *Presence) Spaces(ctx context.Context) (map[string]PresenceCounts, error) {
	spaces, err := ask[map[string]PresenceCounts](ctx, s,
		func(p *C.hw_presence, out **C.hw_blob, err **C.hw_error) C.hw_status {
			return C.hw_presence_spaces(p, -1, out, err)
		})
	if err != nil {
		return nil, err
	}
	return *spaces, nil
}

// Status is how it stands.
func (s *Presence) Status(ctx context.Context) (*PresenceStatus, error) {
	return ask[PresenceStatus](ctx, s, func(p *C.hw_presence, out **C.hw_blob, err **C.hw_error) C.hw_status {
		return C.hw_presence_status(p, -1, out, err)
	})
}

// ask asks what is answered in JSON.
func ask[T any](
	ctx context.Context, s *Presence, question func(*C.hw_presence, **C.hw_blob, **C.hw_error) C.hw_status,
) (*T, error) {
	return slow(ctx, s.room(), func() (*T, error) {
		var blob *C.hw_blob
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			return question(p, &blob, err)
		})
		if err != nil {
			return nil, err
		}
		answer := new(T)
		return answer, takeJSON(blob, answer)
	})
}

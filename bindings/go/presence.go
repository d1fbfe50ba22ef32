package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Presence is who is here: sessions of users in spaces. It is safe for use by many goroutines; the last handle to go,
// of the store, of its sessions and of its watchers, ends it.
type Presence struct {
	*handle
	engine *Engine
	name   string
}

// Presence opens a presence store, and makes its stream if it is not there; all handles of a process share one. It
// reads the newest record of each user. It is [ErrConflict] when the store is open with another configuration.
func (e *Engine) Presence(ctx context.Context, config PresenceConfig) (*Presence, error) {
	return slow(ctx, e.room(), func() (*Presence, error) {
		var l lender
		defer l.Unpin()
		c, err := l.presenceConfig(&config)
		if err != nil {
			return nil, err
		}
		var ptr *C.hw_presence
		err = e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_presence(p, &c, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		h := newHandle("presence", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_presence_free((*C.hw_presence)(p)) })
		s := &Presence{handle: h, engine: e}
		runtime.AddCleanup(s, (*handle).close, h)
		var name C.hw_str
		err = s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			return C.hw_presence_name(p, &name, err)
		})
		if err == nil {
			s.name = goString(name)
		}
		return s, err
	})
}

// Presences are the names of all presence stores, in order.
func (e *Engine) Presences(ctx context.Context) ([]string, error) {
	var list *C.hw_strings
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_presences(p, &list, err)
	})
	if err != nil {
		return nil, err
	}
	names, _, err := takeStrings(list)
	return names, err
}

// Name is its name.
func (s *Presence) Name() string { return s.name }

// Set sets a leased session: it lives until its time to live has passed without a sign of life. Setting it is one, also
// to what it is already. It is [ErrLimit] for the 65th session of a user.
func (s *Presence) Set(ctx context.Context, space, user string, set SessionSet) (*PresenceUser, error) {
	return s.change(ctx, func(l *lender, p *C.hw_presence, out **C.hw_blob, err **C.hw_error) (C.hw_status, error) {
		c, refused := l.sessionSet(&set)
		if refused != nil {
			return C.HW_STATUS_OK, refused
		}
		spaceData, spaceLen := text(space)
		userData, userLen := text(user)
		return C.hw_presence_set(p, spaceData, spaceLen, userData, userLen, &c, -1, out, err), nil
	})
}

// Heartbeat is a sign of life of a leased session, which says until when it lives then; active says that somebody did
// something there. It is [ErrNotFound] when this node does not answer for it (any more): set it.
func (s *Presence) Heartbeat(ctx context.Context, space, user, session string, active bool) (PresenceLease, error) {
	return slow(ctx, s.room(), func() (PresenceLease, error) {
		lease := C.hw_presence_lease{struct_size: C.sizeof_hw_presence_lease}
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			spaceData, spaceLen := text(space)
			userData, userLen := text(user)
			data, size := text(session)
			return C.hw_presence_heartbeat(p, spaceData, spaceLen, userData, userLen, data, size, flag(active), -1, &lease, err)
		})
		ttl := time.Duration(lease.ttl_ms) * time.Millisecond
		return PresenceLease{time.UnixMilli(int64(lease.expires_ms)), ttl}, err
	})
}

// Leave ends a session, whichever node answers for it; one that is not there is nothing.
func (s *Presence) Leave(ctx context.Context, space, user, session string) (*PresenceUser, error) {
	return s.change(ctx, func(_ *lender, p *C.hw_presence, out **C.hw_blob, err **C.hw_error) (C.hw_status, error) {
		spaceData, spaceLen := text(space)
		userData, userLen := text(user)
		data, size := text(session)
		return C.hw_presence_leave(p, spaceData, spaceLen, userData, userLen, data, size, -1, out, err), nil
	})
}

// Choose chooses a status for a user who is there, whatever the sessions say, for howLong or, when that is 0, until
// it is changed; the empty status is what the sessions say.
func (s *Presence) Choose(
	ctx context.Context, space, user string, status PresenceName, howLong time.Duration,
) (*PresenceUser, error) {
	return s.change(ctx, func(_ *lender, p *C.hw_presence, out **C.hw_blob, err **C.hw_error) (C.hw_status, error) {
		nanos, refused := duration("howLong", howLong)
		if refused != nil {
			return C.HW_STATUS_OK, refused
		}
		spaceData, spaceLen := text(space)
		userData, userLen := text(user)
		data, size := text(string(status))
		return C.hw_presence_choose(p, spaceData, spaceLen, userData, userLen, data, size, nanos, -1, out, err), nil
	})
}

// Hide hides a user, who is offline for others then, or shows it again.
func (s *Presence) Hide(ctx context.Context, space, user string, hidden bool) (*PresenceUser, error) {
	return s.change(ctx, func(_ *lender, p *C.hw_presence, out **C.hw_blob, err **C.hw_error) (C.hw_status, error) {
		spaceData, spaceLen := text(space)
		userData, userLen := text(user)
		return C.hw_presence_hide(p, spaceData, spaceLen, userData, userLen, flag(hidden), -1, out, err), nil
	})
}

// Purge ends the sessions that are told of, whichever node answers for them; how many. For those of a node that is gone
// for good, and for people who look after others.
func (s *Presence) Purge(ctx context.Context, purge PresencePurge) (uint64, error) {
	return slow(ctx, s.room(), func() (uint64, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_purge{
			struct_size: C.sizeof_hw_purge,
			space:       l.str(purge.Space),
			user:        l.str(purge.User),
			node:        l.str(purge.Node),
		}
		var count C.uint64_t
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			return C.hw_presence_purge(p, &c, -1, &count, err)
		})
		return uint64(count), err
	})
}

// End ends the store in good order, for all handles of this process: what it holds is over, and leased sessions have
// their deadlines in the log. Later calls are [ErrClosed]. Through a node it is nothing, as the store is the node's.
func (s *Presence) End(ctx context.Context) error {
	_, err := slow(ctx, s.room(), func() (struct{}, error) {
		return struct{}{}, s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			return C.hw_presence_close(p, err)
		})
	})
	return err
}

// Close gives up the handle. Closing twice is nothing.
func (s *Presence) Close() error {
	if s != nil {
		s.handle.close()
	}
	return nil
}

// change changes something of a user, and gives what it is then.
func (s *Presence) change(
	ctx context.Context, act func(*lender, *C.hw_presence, **C.hw_blob, **C.hw_error) (C.hw_status, error),
) (*PresenceUser, error) {
	return slow(ctx, s.room(), func() (*PresenceUser, error) {
		var l lender
		defer l.Unpin()
		var blob *C.hw_blob
		var refused error
		err := s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) (status C.hw_status) {
			status, refused = act(&l, p, &blob, err)
			return status
		})
		if refused != nil {
			return nil, refused
		}
		return takeUser(blob, err)
	})
}

func takeUser(blob *C.hw_blob, err error) (*PresenceUser, error) {
	if err != nil {
		return nil, err
	}
	user := new(PresenceUser)
	return user, takeJSON(blob, user)
}

// room is where calls find room that may hold an OS thread; nil for what was never opened.
func (s *Presence) room() chan struct{} {
	if s == nil {
		return nil
	}
	return s.engine.room()
}

// call runs a call on it, unless its engine is closed.
func (s *Presence) call(ctx context.Context, body func(*C.hw_presence, **C.hw_error) C.hw_status) error {
	return call(ctx, s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_presence)(p), err)
	})
}

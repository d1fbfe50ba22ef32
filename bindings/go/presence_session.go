package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// HeldSession is a session that a program holds: it is there until it is left, and no process that dies leaves it
// behind. It is safe for use by many goroutines.
type HeldSession struct {
	*handle
	presence    *Presence
	space, user string
}

// Hold begins a session that lives until [HeldSession.Leave], and dies with the process at the latest. The TTL of set
// is not looked at.
func (s *Presence) Hold(ctx context.Context, space, user string, set SessionSet) (*HeldSession, error) {
	return slow(ctx, s.room(), func() (*HeldSession, error) {
		var l lender
		defer l.Unpin()
		c, err := l.sessionSet(&set)
		if err != nil {
			return nil, err
		}
		var ptr *C.hw_held_session
		err = s.call(context.Background(), func(p *C.hw_presence, err **C.hw_error) C.hw_status {
			spaceData, spaceLen := text(space)
			userData, userLen := text(user)
			return C.hw_presence_hold(p, spaceData, spaceLen, userData, userLen, &c, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		h := newHandle("held session", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
			C.hw_held_session_free((*C.hw_held_session)(p))
		})
		held := &HeldSession{handle: h, presence: s, space: space, user: user}
		runtime.AddCleanup(held, (*handle).close, h)
		return held, nil
	})
}

// Space is the space.
func (h *HeldSession) Space() string { return h.space }

// User is the user.
func (h *HeldSession) User() string { return h.user }

// Update changes it to what set says, but for its name.
func (h *HeldSession) Update(ctx context.Context, set SessionSet) (*PresenceUser, error) {
	return slow(ctx, h.room(), func() (*PresenceUser, error) {
		var l lender
		defer l.Unpin()
		c, err := l.sessionSet(&set)
		if err != nil {
			return nil, err
		}
		var blob *C.hw_blob
		err = h.call(func(p *C.hw_held_session, err **C.hw_error) C.hw_status {
			return C.hw_held_session_update(p, &c, -1, &blob, err)
		})
		return takeUser(blob, err)
	})
}

// Active says that somebody did something there.
func (h *HeldSession) Active(ctx context.Context) error {
	return h.run(ctx, func(p *C.hw_held_session, err **C.hw_error) C.hw_status {
		return C.hw_held_session_active(p, err)
	})
}

// Leave ends it, and says what went wrong. Twice is nothing.
func (h *HeldSession) Leave(ctx context.Context) error {
	return h.run(ctx, func(p *C.hw_held_session, err **C.hw_error) C.hw_status {
		return C.hw_held_session_leave(p, err)
	})
}

// Close ends it as [HeldSession.Leave] does, if it is not over, and gives up the handle. Closing twice is nothing.
func (h *HeldSession) Close() error {
	if h != nil {
		h.handle.close()
	}
	return nil
}

func (h *HeldSession) room() chan struct{} {
	if h == nil {
		return nil
	}
	return h.presence.room()
}

// run runs a call that may take a while and gives nothing.
func (h *HeldSession) run(ctx context.Context, body func(*C.hw_held_session, **C.hw_error) C.hw_status) error {
	_, err := slow(ctx, h.room(), func() (struct{}, error) { return struct{}{}, h.call(body) })
	return err
}

func (h *HeldSession) call(body func(*C.hw_held_session, **C.hw_error) C.hw_status) error {
	return call(context.Background(), h.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_held_session)(p), err)
	})
}

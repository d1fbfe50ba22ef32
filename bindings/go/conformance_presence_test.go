package headwater_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// presenceBegin is when the time of each store begins, and presenceStep the most that it moves on between two looks.
var presenceBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const presenceStep = 10 * time.Second

// presenceNode is one name of a vector: an engine whose time the vector moves, and a store.
type presenceNode struct {
	engine   *headwater.Engine
	presence *headwater.Presence
}

type presenceArgs struct {
	As     string `json:"as"`
	Config struct {
		Name        string `json:"name"`
		Node        string `json:"node"`
		TTL         int64  `json:"ttl"`
		Heartbeat   int64  `json:"heartbeat"`
		Grace       *int64 `json:"grace"`
		Idle        *int64 `json:"idle"`
		Keep        *int64 `json:"keep"`
		Beat        int64  `json:"beat"`
		Silence     int64  `json:"silence"`
		ColdUsers   int    `json:"cold_users"`
		History     int    `json:"history"`
		AnnounceMax uint64 `json:"announce_max"`
		CountsEvery int64  `json:"counts_every"`
	} `json:"config"`
}

type sessionArgs struct {
	Presence string          `json:"presence"`
	Held     string          `json:"held"`
	As       string          `json:"as"`
	Space    string          `json:"space"`
	User     string          `json:"user"`
	Users    []string        `json:"users"`
	Node     string          `json:"node"`
	Session  string          `json:"session"`
	Status   string          `json:"status"`
	Message  string          `json:"message"`
	Device   string          `json:"device"`
	Meta     json.RawMessage `json:"meta"`
	TTL      int64           `json:"ttl"`
	Idle     *int64          `json:"idle"`
	HowLong  int64           `json:"how_long"`
	Active   bool            `json:"active"`
	On       *bool           `json:"on"`
	After    *uint64         `json:"after"`
	Reveal   bool            `json:"reveal"`
	Ms       int64           `json:"ms"`
	AtOnce   bool            `json:"at_once"`
}

// orNever is a duration whose 0 says that there is none.
func orNever(nanos *int64) time.Duration {
	if nanos != nil && *nanos == 0 {
		return headwater.Never
	}
	return time.Duration(orElse(nanos, 0))
}

func (a *sessionArgs) set() headwater.SessionSet {
	return headwater.SessionSet{
		Session: a.Session, Status: headwater.PresenceName(a.Status), Message: a.Message, Device: a.Device,
		Metadata: string(a.Meta), TTL: time.Duration(a.TTL), Idle: orNever(a.Idle),
	}
}

// session is its name, which may be left out.
func (a *sessionArgs) session() string {
	if a.Session == "" {
		return "default"
	}
	return a.Session
}

func (r *runner) openPresence(a presenceArgs) (any, error) {
	node := r.presences[a.As]
	if node == nil {
		node = &presenceNode{engine: headwatertest.EngineAt(r.t, presenceBegin)}
		r.presences[a.As] = node
	}
	presence, err := node.engine.Presence(r.ctx, headwater.PresenceConfig{
		Name:        a.Config.Name,
		Node:        a.Config.Node,
		TTL:         time.Duration(a.Config.TTL),
		Heartbeat:   time.Duration(a.Config.Heartbeat),
		Grace:       orNever(a.Config.Grace),
		Idle:        orNever(a.Config.Idle),
		Keep:        orNever(a.Config.Keep),
		Beat:        time.Duration(a.Config.Beat),
		Silence:     time.Duration(a.Config.Silence),
		ColdUsers:   a.Config.ColdUsers,
		History:     a.Config.History,
		AnnounceMax: a.Config.AnnounceMax,
		CountsEvery: time.Duration(a.Config.CountsEvery),
	})
	if err == nil {
		node.presence = presence
	}
	return nil, err
}

// timeJSON is a time as the vectors have it.
func timeJSON(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func unlessZero[T comparable](value T) any {
	var none T
	if value == none {
		return nil
	}
	return value
}

func userJSON(user headwater.PresenceUser) any {
	return map[string]any{
		"user_id": user.User, "space": user.Space, "status": user.Status, "message": unlessZero(user.Message),
		"last_seen": timeJSON(user.LastSeen), "updated_at": timeJSON(user.Changed),
		"chosen": unlessZero(user.Chosen), "invisible": unlessZero(user.Invisible),
		"sessions": list(user.Sessions, func(s headwater.PresenceSession) any {
			return map[string]any{
				"session": s.ID, "status": s.Status, "message": unlessZero(s.Message), "device": unlessZero(s.Device),
				"metadata": s.Metadata, "since": timeJSON(s.Since), "ttl": unlessZero(s.TTL.Seconds()), "held": unlessZero(s.Held),
			}
		}),
	}
}

func presentJSON(reading *headwater.PresenceReading, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	users := list(reading.Users, userJSON)
	return map[string]any{"users": users, "as_of": timeJSON(reading.AsOf), "stale": reading.Stale}, nil
}

func eventJSON(event headwater.PresenceEvent) any {
	made := map[string]any{
		"type": event.Type, "position": event.Position, "session": unlessZero(event.Session), "was": event.Was,
		"users": list(event.Users, userJSON), "counts": event.Counts, "stale": event.Stale, "as_of": timeJSON(event.AsOf),
	}
	if event.User != nil {
		made["user"] = userJSON(*event.User)
	}
	return made
}

// onPresence is op for operations that name a store.
func onPresence(do func(r *runner, n *presenceNode, a sessionArgs) (any, error)) operation {
	return op(func(r *runner, a sessionArgs) (any, error) {
		node := r.presences[a.Presence]
		if node == nil || node.presence == nil {
			return nil, &usageError{fmt.Errorf("no presence store is called %q", a.Presence)}
		}
		return do(r, node, a)
	})
}

// onHeld is op for operations that name a held session.
func onHeld(do func(r *runner, h *headwater.HeldSession, a sessionArgs) (any, error)) operation {
	return op(func(r *runner, a sessionArgs) (any, error) {
		held := r.held[a.Held]
		if held == nil {
			return nil, &usageError{fmt.Errorf("no held session is called %q", a.Held)}
		}
		return do(r, held, a)
	})
}

// changed is op for operations that give a user.
func changed(do func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error)) operation {
	return onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		user, err := do(r, n.presence, a)
		if err != nil {
			return nil, err
		}
		return userJSON(*user), nil
	})
}

var presenceOps = map[string]operation{
	"presence_open": op(func(r *runner, a presenceArgs) (any, error) { return r.openPresence(a) }),
	"presence_advance": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		for left := time.Duration(a.Ms) * time.Millisecond; left > 0; {
			step := left
			if !a.AtOnce {
				step = min(left, presenceStep)
			}
			if err := n.engine.Advance(r.ctx, step); err != nil {
				return nil, err
			}
			left -= step
		}
		return nil, nil
	}),
	"presence_set": changed(func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error) {
		return p.Set(r.ctx, a.Space, a.User, a.set())
	}),
	"presence_hold": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		held, err := n.presence.Hold(r.ctx, a.Space, a.User, a.set())
		if err == nil {
			r.held[a.As] = held
		}
		return nil, err
	}),
	"presence_update": onHeld(func(r *runner, h *headwater.HeldSession, a sessionArgs) (any, error) {
		user, err := h.Update(r.ctx, a.set())
		if err != nil {
			return nil, err
		}
		return userJSON(*user), nil
	}),
	"presence_active": onHeld(func(r *runner, h *headwater.HeldSession, _ sessionArgs) (any, error) {
		return nil, h.Active(r.ctx)
	}),
	"presence_release": onHeld(func(r *runner, h *headwater.HeldSession, _ sessionArgs) (any, error) {
		return nil, h.Leave(r.ctx)
	}),
	"presence_heartbeat": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		lease, err := n.presence.Heartbeat(r.ctx, a.Space, a.User, a.session(), a.Active)
		return map[string]any{"expires_ms": lease.Expires.UnixMilli(), "ttl_ms": lease.TTL.Milliseconds()}, err
	}),
	"presence_leave": changed(func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error) {
		return p.Leave(r.ctx, a.Space, a.User, a.session())
	}),
	"presence_choose": changed(func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error) {
		return p.Choose(r.ctx, a.Space, a.User, headwater.PresenceName(a.Status), time.Duration(a.HowLong))
	}),
	"presence_hide": changed(func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error) {
		return p.Hide(r.ctx, a.Space, a.User, orElse(a.On, true))
	}),
	"presence_get": changed(func(r *runner, p *headwater.Presence, a sessionArgs) (*headwater.PresenceUser, error) {
		return p.Get(r.ctx, a.Space, a.User)
	}),
	"presence_get_many": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		return presentJSON(n.presence.GetMany(r.ctx, a.Space, a.Users...))
	}),
	"presence_list": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		return presentJSON(n.presence.List(r.ctx, a.Space))
	}),
	"presence_counts": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		return n.presence.Counts(r.ctx, a.Space)
	}),
	"presence_spaces": onPresence(func(r *runner, n *presenceNode, _ sessionArgs) (any, error) {
		return n.presence.Spaces(r.ctx)
	}),
	"presence_purge": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		return n.presence.Purge(r.ctx, headwater.PresencePurge{Space: a.Space, User: a.User, Node: a.Node})
	}),
	"presence_status": onPresence(func(r *runner, n *presenceNode, _ sessionArgs) (any, error) {
		return n.presence.Status(r.ctx)
	}),
	"presence_close": onPresence(func(r *runner, n *presenceNode, _ sessionArgs) (any, error) {
		return nil, n.presence.End(r.ctx)
	}),
	"presence_watch": onPresence(func(r *runner, n *presenceNode, a sessionArgs) (any, error) {
		options := headwater.PresenceWatchOptions{Space: a.Space, Users: a.Users, After: a.After, Reveal: a.Reveal}
		w, err := n.presence.Watch(r.ctx, options)
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, eventJSON, nil, w.Close)
		return nil, nil
	}),
}

package headwater

import (
	"encoding/json"
	"time"
)

// PresenceName is whether somebody is there.
type PresenceName string

const (
	// StatusOnline is there.
	StatusOnline PresenceName = "online"
	// StatusAway is there, and doing something else.
	StatusAway PresenceName = "away"
	// StatusBusy is there, and not to be disturbed.
	StatusBusy PresenceName = "busy"
	// StatusUnknown was there when the node that answers was last heard of. It is told, and never set.
	StatusUnknown PresenceName = "unknown"
	// StatusOffline is not there.
	StatusOffline PresenceName = "offline"
)

// PresenceSession is one session of a user: a tab, a telephone, a program.
type PresenceSession struct {
	// ID is its name.
	ID string `json:"session"`
	// Status is what it counts as.
	Status PresenceName `json:"status"`
	// Message is what it says besides, Device the kind of device that it is on.
	Message string `json:"message"`
	Device  string `json:"device"`
	// Metadata is a JSON value; nil when there is none.
	Metadata json.RawMessage `json:"metadata"`
	// Since is when it began.
	Since time.Time `json:"since"`
	// TTL is how long each sign of life lets a leased one live; 0 for a held one.
	TTL time.Duration `json:"-"`
	// Held tells whether it lives as long as its handle.
	Held bool `json:"held"`
}

// UnmarshalJSON reads it as the library writes it.
func (s *PresenceSession) UnmarshalJSON(text []byte) error {
	type plain PresenceSession
	from := struct {
		*plain
		TTL float64 `json:"ttl"`
	}{plain: (*plain)(s)}
	err := json.Unmarshal(text, &from)
	s.TTL = time.Duration(from.TTL * float64(time.Second)).Round(time.Millisecond)
	return err
}

// PresenceUser is a user as all nodes together say.
type PresenceUser struct {
	// Space and User are their names.
	Space string `json:"space"`
	User  string `json:"user_id"`
	// Status is what the user chose, or the highest of the live sessions.
	Status PresenceName `json:"status"`
	// Message is of the session that counts most.
	Message string `json:"message"`
	// LastSeen is when the user was last there, and Changed when the status changed; the zero time is never.
	LastSeen time.Time `json:"last_seen"`
	Changed  time.Time `json:"updated_at"`
	// Chosen tells whether the status was chosen, and not merged.
	Chosen bool `json:"chosen"`
	// Invisible tells whether others are to be told that the user is offline.
	Invisible bool `json:"invisible"`
	// Sessions are those that are live or unknown, by name.
	Sessions []PresenceSession `json:"sessions"`
}

// PresenceReading is users, and as of when they are.
type PresenceReading struct {
	// Users are those that were asked for, in the order of the question, or all by name.
	Users []PresenceUser `json:"users"`
	// AsOf is now, or since when other nodes can't be heard where it is Stale.
	AsOf  time.Time `json:"as_of"`
	Stale bool      `json:"stale"`
}

// PresenceCounts is how many are in a space, as others are told.
type PresenceCounts struct {
	// Users are not offline, and Sessions are theirs.
	Users    uint64 `json:"users"`
	Sessions uint64 `json:"sessions"`
	// Users by status.
	Online  uint64 `json:"online"`
	Away    uint64 `json:"away"`
	Busy    uint64 `json:"busy"`
	Unknown uint64 `json:"unknown"`
}

// PresenceLease is how long a leased session lives unless it is heard of.
type PresenceLease struct {
	// Expires is when it ends.
	Expires time.Time
	// TTL is how long each sign of life lets it live.
	TTL time.Duration
}

// PresencePurge says whose sessions are to be over: those that all fields that are set say.
type PresencePurge struct {
	// Space, User and Node: only in this space, of this user, of those that this node answers for.
	Space, User, Node string
}

// PresenceNode is a node that shares a store.
type PresenceNode struct {
	// Name is its name, and State "up", "silent" or "closed".
	Name  string `json:"name"`
	State string `json:"state"`
	// Heard is when it said something last, by its own clock.
	Heard time.Time `json:"heard"`
}

// PresenceStatus is how a store stands.
type PresenceStatus struct {
	// Name is its name, and Node who this node is in it.
	Name string `json:"name"`
	Node string `json:"node"`
	// Answered is how many sessions this node answers for.
	Answered uint64 `json:"answered"`
	// AsOf is as of [PresenceReading], and so is Stale.
	AsOf  time.Time `json:"as_of"`
	Stale bool      `json:"stale"`
	// Position is of the last change.
	Position uint64 `json:"position"`
	// Refused is how many records of others could not be read.
	Refused uint64 `json:"refused"`
	// LastError is why the last of them could not, or the log did not take the last record; empty is well.
	LastError string `json:"last_error"`
	// Nodes are all that were heard of, this one first.
	Nodes []PresenceNode `json:"nodes"`
}

// PresenceEventType is what a watcher is told.
type PresenceEventType string

const (
	// PresenceSnapshot: Users are there now; of users by name also who is not. It comes first, and again where nobody
	// took what changed.
	PresenceSnapshot PresenceEventType = "snapshot"
	// PresenceJoined, PresenceUpdated and PresenceLeft: Session of User is there now, is another one, or is over. Without
	// a session it is about the user as a whole.
	PresenceJoined  PresenceEventType = "joined"
	PresenceUpdated PresenceEventType = "updated"
	PresenceLeft    PresenceEventType = "left"
	// PresenceCounted: Counts are there, in the place of changes while the space is too large for those.
	PresenceCounted PresenceEventType = "counts"
	// PresenceViewed: other nodes can't be heard any more, or can again: Stale and AsOf.
	PresenceViewed PresenceEventType = "view"
)

// PresenceEvent is what a watcher is told; which fields it has follows from Type.
type PresenceEvent struct {
	Type PresenceEventType `json:"type"`
	// Position is where a watcher goes on behind.
	Position uint64 `json:"position"`
	// Users are those of a snapshot.
	Users []PresenceUser `json:"users"`
	// Session is the one that changed, User the user after it, and Was the status of the user before.
	Session string        `json:"session"`
	User    *PresenceUser `json:"user"`
	Was     PresenceName  `json:"was"`
	// Counts are how many are there.
	Counts *PresenceCounts `json:"counts"`
	// Stale and AsOf are as of [PresenceReading].
	Stale bool      `json:"stale"`
	AsOf  time.Time `json:"as_of"`
}

package headwater

// #include "shim.h"
import "C"

import "time"

// PresenceConfig is what a presence store is told. Every field that is left zero takes its default.
type PresenceConfig struct {
	// Name is its name: letters, digits, - and _; "presence" when empty. Its stream is PRESENCE_<name>.
	Name string
	// Node is who this node is among those that share the store; the id of the engine when empty. On a hub it must be
	// set.
	Node string
	// TTL is how long a leased session lives after a sign of life, unless it says otherwise: 1 s to 24 h; 75 s when 0.
	TTL time.Duration
	// Heartbeat is how often clients are told to give a sign of life; 25 s when 0.
	Heartbeat time.Duration
	// Grace is how long a session whose deadline passed, or whose node is gone, may come back before it is over; 15 s
	// when 0, [Never] not at all.
	Grace time.Duration
	// Idle is after how long without activity who is online is away, unless the session says otherwise; 5 min when 0,
	// [Never] never.
	Idle time.Duration
	// Keep is how long it is known when a user was last there; 90 days when 0, [Never] for ever.
	Keep time.Duration
	// Beat is how often this node says that it is at work while it answers for sessions; 10 s when 0.
	Beat time.Duration
	// Silence is after how long without a word another node's sessions are unknown, longer than Beat; 30 s when 0.
	Silence time.Duration
	// ColdUsers is how many users who are not there are kept in memory, others are read from the log; 100,000 when 0.
	ColdUsers int
	// History is how many changes are kept for watchers that come back; 8,192 when 0.
	History int
	// AnnounceMax is above how many users those who follow a whole space are told counts and not changes; never when 0.
	AnnounceMax uint64
	// CountsEvery is how often they are told counts; 10 s when 0.
	CountsEvery time.Duration
	// Durability is what an acknowledgement promises; [Interval] when nil, as who is there says so again.
	Durability *Durability
}

// Never is a duration that ends nothing: no grace, no time to idle, nothing forgotten.
const Never time.Duration = -1

// durationOrNever is a duration whose -1 says that there is none.
func durationOrNever(what string, d time.Duration) (C.uint64_t, error) {
	if d == Never {
		return C.HW_DURATION_NONE, nil
	}
	return duration(what, d)
}

func (l *lender) presenceConfig(config *PresenceConfig) (c C.hw_presence_config, err error) {
	c = C.hw_presence_config{
		struct_size:  C.sizeof_hw_presence_config,
		name:         l.str(config.Name),
		node:         l.str(config.Node),
		announce_max: C.uint64_t(config.AnnounceMax),
	}
	if config.Durability != nil {
		c.durability, c.has_durability = C.int32_t(*config.Durability), 1
	}
	if c.cold_users, err = count("ColdUsers", config.ColdUsers); err != nil {
		return c, err
	}
	if c.history, err = count("History", config.History); err != nil {
		return c, err
	}
	for _, d := range []struct {
		to   *C.uint64_t
		what string
		from time.Duration
		give func(string, time.Duration) (C.uint64_t, error)
	}{
		{&c.ttl_ns, "TTL", config.TTL, duration},
		{&c.heartbeat_ns, "Heartbeat", config.Heartbeat, duration},
		{&c.grace_ns, "Grace", config.Grace, durationOrNever},
		{&c.idle_ns, "Idle", config.Idle, durationOrNever},
		{&c.keep_ns, "Keep", config.Keep, durationOrNever},
		{&c.beat_ns, "Beat", config.Beat, duration},
		{&c.silence_ns, "Silence", config.Silence, duration},
		{&c.counts_every_ns, "CountsEvery", config.CountsEvery, duration},
	} {
		if *d.to, err = d.give(d.what, d.from); err != nil {
			return c, err
		}
	}
	return c, nil
}

// SessionSet is what a session is to be. It is set as a whole: what is left out is not there.
type SessionSet struct {
	// Session is its name, up to 128 bytes; "default" when empty. The name of a held one does not change.
	Session string
	// Status is what it is; [StatusOnline] when empty, and [StatusOffline] ends it.
	Status PresenceName
	// Message is what it says besides, up to 1,024 bytes.
	Message string
	// Device is the kind of device, up to 64 bytes.
	Device string
	// Metadata is a JSON value of up to 4,096 bytes; none when empty.
	Metadata string
	// TTL is how long a leased one lives after a sign of life, 1 s to 24 h; the store's own when 0.
	TTL time.Duration
	// Idle is after how long without activity online is away; the store's own when 0, [Never] never.
	Idle time.Duration
}

func (l *lender) sessionSet(set *SessionSet) (c C.hw_session_set, err error) {
	c = C.hw_session_set{
		struct_size: C.sizeof_hw_session_set,
		session:     l.str(set.Session),
		status:      l.str(string(set.Status)),
		message:     l.str(set.Message),
		device:      l.str(set.Device),
		metadata:    l.str(set.Metadata),
	}
	if c.ttl_ns, err = duration("TTL", set.TTL); err != nil {
		return c, err
	}
	c.idle_ns, err = durationOrNever("Idle", set.Idle)
	return c, err
}

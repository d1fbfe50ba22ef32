package headwater

// #include "shim.h"
import "C"

import "context"

// LinkDirection says which way records go.
type LinkDirection int32

const (
	// LinkBoth, the default: both ways.
	LinkBoth LinkDirection = 0
	// LinkPush: from the local stream to the other one.
	LinkPush LinkDirection = 1
	// LinkPull: from the other stream to the local one.
	LinkPull LinkDirection = 2
)

// String is the stable lower-case name.
func (d LinkDirection) String() string { return nameOf(d, "both", "push", "pull") }

// LinkCatchUp says what is carried first after a time apart.
type LinkCatchUp int32

const (
	// CatchUpHistory, the default: every record, in order.
	CatchUpHistory LinkCatchUp = 0
	// CatchUpLatest: the newest record of each subject alone, then what comes. What is passed over counts as skipped.
	CatchUpLatest LinkCatchUp = 1
)

// String is the stable lower-case name.
func (c LinkCatchUp) String() string { return nameOf(c, "history", "latest") }

// LinkOnReset says what is done when the other stream was made anew or lost its end.
type LinkOnReset int32

const (
	// OnResetResend, the default: push everything that is kept here and is not there; pull from its beginning.
	OnResetResend LinkOnReset = 0
	// OnResetContinue: push only what is new from here on; pull from its beginning.
	OnResetContinue LinkOnReset = 1
	// OnResetStop: carry nothing until somebody decides.
	OnResetStop LinkOnReset = 2
)

// String is the stable lower-case name.
func (r LinkOnReset) String() string { return nameOf(r, "resend", "continue", "stop") }

// LinkConfig joins a local stream to another one. Every field but the three names that is left zero takes its default.
type LinkConfig struct {
	// Name is as a stream's; positions are kept under it.
	Name string
	// Stream is the local stream.
	Stream string
	// Remote is the stream on the other side.
	Remote string
	// Direction is which way records go.
	Direction LinkDirection
	// Filters: only records whose local subject one of these takes; all when empty.
	Filters []string
	// Map: subjects under a local prefix are subjects under another one there. Both are whole tokens.
	Map map[string]string
	// CatchUp is what is carried first after a time apart.
	CatchUp LinkCatchUp
	// OnReset is what is done when the other stream was made anew.
	OnReset LinkOnReset
	// Exclusive: nobody else appends to the other stream, so records are pushed one by one. Without it many may push to
	// it, in atomic batches, which takes a server from 2.12 on.
	Exclusive bool
	// Create is what the stream on the other side is made as when it is not there; nil makes none. Its name may be left
	// empty, and its subjects: those of the local stream then, as they are there, and what positions of many pushers
	// need.
	Create *StreamConfig
}

// LinkState is what a link is doing.
type LinkState int32

const (
	// LinkStarting: it has not met the other stream yet.
	LinkStarting LinkState = 0
	// LinkRunning: it carries what there is.
	LinkRunning LinkState = 1
	// LinkWaiting: it failed, and tries again after a pause.
	LinkWaiting LinkState = 2
	// LinkStopped: it was stopped.
	LinkStopped LinkState = 3
)

// String is the stable lower-case name.
func (s LinkState) String() string { return nameOf(s, "starting", "running", "waiting", "stopped") }

// LinkStatus is where a link stands; counts are since the engine was opened.
type LinkStatus struct {
	// Name, Stream and Remote are those of its configuration.
	Name, Stream, Remote string
	// Direction is which way records go.
	Direction LinkDirection
	// State is what it is doing.
	State LinkState
	// Pushed is how many records the other stream took, and Pulled how many the local one.
	Pushed, Pulled uint64
	// Known is how many records came or went and were there already.
	Known uint64
	// Missed is how many records limits removed before they were carried: a gap.
	Missed uint64
	// Skipped is how many records were passed over for newer ones of their subjects.
	Skipped uint64
	// LagPush and LagPull are the sequences of the local and of the other stream that are still to be looked at.
	LagPush, LagPull uint64
	// Resets is how often the other stream was another one than before.
	Resets uint64
	// Failures is how often it failed and began anew, and LastError why it did last.
	Failures  uint64
	LastError string
}

// AddLink joins a stream of the engine to one of other, which is usually on a hub, and works on it until the engine is
// closed or the link removed. Both streams must be there, unless Create makes the other one. What it carried so far
// is remembered under its name.
//
// [ErrNotFound] says that a stream is not there, [ErrConflict] that a link has the name, and [ErrUnsupported] that the
// engine is on a hub itself.
func (e *Engine) AddLink(ctx context.Context, config LinkConfig, other *Engine) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		if other == nil || other.handle == nil {
			return struct{}{}, invalid("the other engine is nil")
		}
		there, err := other.acquire()
		if err != nil {
			return struct{}{}, err
		}
		defer other.release()
		var l lender
		defer l.Unpin()
		c, err := l.linkConfig(&config)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_add_link(p, &c, (*C.hw_engine)(there), err)
		})
	})
	return err
}

func (l *lender) linkConfig(config *LinkConfig) (C.hw_link_config, error) {
	c := C.hw_link_config{
		struct_size: C.sizeof_hw_link_config,
		name:        l.str(config.Name),
		stream:      l.str(config.Stream),
		remote:      l.str(config.Remote),
		direction:   C.int32_t(config.Direction),
		catch_up:    C.int32_t(config.CatchUp),
		on_reset:    C.int32_t(config.OnReset),
		exclusive:   flag(config.Exclusive),
	}
	c.filters, c.filters_len = l.strs(config.Filters)
	if len(config.Map) > 0 {
		maps := make([]C.hw_subject_map, 0, len(config.Map))
		for local, remote := range config.Map {
			maps = append(maps, C.hw_subject_map{local: l.str(local), remote: l.str(remote)})
		}
		l.Pin(&maps[0])
		c.maps, c.maps_len = &maps[0], C.size_t(len(maps))
	}
	if config.Create != nil {
		create, err := l.streamConfig(config.Create)
		if err != nil {
			return c, err
		}
		lent := &create
		l.Pin(lent)
		c.create = lent
	}
	return c, nil
}

// RemoveLink ends a link; what was carried stays, and where it stood is kept for the next one of its name.
func (e *Engine) RemoveLink(ctx context.Context, name string) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		return struct{}{}, e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			data, size := text(name)
			return C.hw_engine_remove_link(p, data, size, err)
		})
	})
	return err
}

// Links is where each link stands, by name.
func (e *Engine) Links(ctx context.Context) ([]LinkStatus, error) {
	var list *C.hw_links
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return C.hw_engine_links(p, &list, err) })
	if err != nil {
		return nil, err
	}
	defer C.hw_links_free(list)
	var links []LinkStatus
	for i := range C.hw_links_len(list) {
		link := C.hw_link_status{struct_size: C.sizeof_hw_link_status}
		var failed *C.hw_error
		if status := C.hw_links_get(list, i, &link, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		links = append(links, goLink(&link))
	}
	return links, nil
}

func goLink(link *C.hw_link_status) LinkStatus {
	return LinkStatus{
		Name:      goString(link.name),
		Stream:    goString(link.stream),
		Remote:    goString(link.remote),
		Direction: LinkDirection(link.direction),
		State:     LinkState(link.state),
		Pushed:    uint64(link.pushed),
		Pulled:    uint64(link.pulled),
		Known:     uint64(link.known),
		Missed:    uint64(link.missed),
		Skipped:   uint64(link.skipped),
		LagPush:   uint64(link.lag_push),
		LagPull:   uint64(link.lag_pull),
		Resets:    uint64(link.resets),
		Failures:  uint64(link.failures),
		LastError: goString(link.last_error),
	}
}

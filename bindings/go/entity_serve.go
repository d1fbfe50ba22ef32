package headwater

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// turnsMax is how many turns one who serves has at once, each in a goroutine of its own.
	turnsMax = 10_000
	// turnsAtOnce is how many turns are taken from the library in one call.
	turnsAtOnce = 256
	// answerHeldMax is how long an answer waits for those of the items behind it, to be told with them in one call.
	answerHeldMax = time.Millisecond
	// probeEveryMax is how often it is looked at the latest whether a turn is out still.
	probeEveryMax = time.Second
)

// entityServer is one who serves: the kinds, and the handlers that are alive.
type entityServer struct {
	entities *Entities
	types    EntityTypes
	ctx      context.Context
	// busy is how many turns have a goroutine; freed is told when that was turnsMax, and is so no more.
	busy  atomic.Int64
	freed chan struct{}
	// open counts the turns that are not over.
	open sync.WaitGroup
	// probeEvery is how often it is looked at whether a turn is out still.
	probeEvery time.Duration

	mutex sync.Mutex
	lives map[uint64]*entityLife
}

// entityLife is a handler that is alive.
type entityLife struct {
	context *EntityContext
	entity  Entity
	end     context.CancelFunc
}

// Serve handles entities of these kinds until ctx ends, which is an [ErrTimeout], or they are closed, which is none. An
// entity of another kind can't be made: [ErrUnsupported]. Up to 10,000 turns of different entities are handled at once,
// each in a goroutine of its own. It is [ErrMisuse] while another one serves.
//
// When ctx ends, no turn is taken any more, the contexts of handlers end, and it returns when the turns that are out
// are over, by the end of their leases at the latest. What they did not do waits for whoever serves next, who makes the
// handlers anew.
func (e *Entities) Serve(ctx context.Context, types EntityTypes) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if e == nil {
		return neverOpened()
	}
	select {
	case e.serving <- struct{}{}:
		defer func() { <-e.serving }()
	default:
		return &Error{Code: ErrMisuse, Message: "these entities are served already"}
	}
	base, end := context.WithCancel(ctx)
	defer end()
	server := &entityServer{
		entities:   e,
		types:      types,
		ctx:        base,
		freed:      make(chan struct{}, 1),
		probeEvery: min(e.lease, probeEveryMax),
		lives:      map[uint64]*entityLife{},
	}
	err := server.run()
	if isClosed(err) {
		return nil
	}
	end()
	server.settle()
	return err
}

// run takes turns, and begins a goroutine for each.
func (s *entityServer) run() error {
	for {
		// Only as many are taken as have a place, so that no lease runs while a turn waits for one.
		room, err := s.room()
		if err != nil {
			return err
		}
		turns, err := s.entities.next(s.ctx, room, room)
		if err != nil {
			return err
		}
		s.entities.handover.Load()
		s.busy.Add(int64(len(turns)))
		s.open.Add(len(turns))
		for _, turn := range turns {
			turn.server = s
			go turn.run()
		}
	}
}

// room waits for a place, and says how many turns may be taken.
func (s *entityServer) room() (int, error) {
	for {
		if room := turnsMax - s.busy.Load(); room > 0 {
			return int(min(room, turnsAtOnce)), nil
		}
		select {
		case <-s.freed:
		case <-s.ctx.Done():
			return 0, contextError(s.ctx)
		case <-s.entities.done:
			return 0, closed(s.entities.what)
		}
	}
}

// free gives a place back.
func (s *entityServer) free() {
	if s.busy.Add(-1) == turnsMax-1 {
		select {
		case s.freed <- struct{}{}:
		default:
		}
	}
}

// settle waits until all turns are over. Those of entities that are closed are.
func (s *entityServer) settle() {
	settled := make(chan struct{})
	go func() {
		s.open.Wait()
		close(settled)
	}()
	select {
	case <-settled:
	case <-s.entities.done:
	case <-s.entities.engine.done:
	}
}

func (s *entityServer) life(activation uint64) *entityLife {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.lives[activation]
}

func (s *entityServer) keep(activation uint64, life *entityLife) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lives[activation] = life
}

// drop lets go of a handler, and of what it has begun in the background.
func (s *entityServer) drop(activation uint64) {
	s.mutex.Lock()
	life := s.lives[activation]
	delete(s.lives, activation)
	s.mutex.Unlock()
	if life != nil {
		life.end()
	}
}

package headwater_test

import (
	"fmt"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type projectionArgs struct {
	Store      string            `json:"store"`
	Name       string            `json:"name"`
	As         string            `json:"as"`
	Filters    []eventFilterArgs `json:"filters"`
	IsRebuild  bool              `json:"is_rebuild"`
	Tries      *uint32           `json:"tries"`
	PauseMs    int64             `json:"pause_ms"`
	PauseMaxMs int64             `json:"pause_max_ms"`
}

func (a projectionArgs) config() headwater.ProjectionConfig {
	config := headwater.ProjectionConfig{
		Name: a.Name, Filters: filtersOf(a.Filters), IsRebuild: a.IsRebuild, Tries: orElse(a.Tries, 0),
		Pause:    time.Duration(a.PauseMs) * time.Millisecond,
		PauseMax: time.Duration(a.PauseMaxMs) * time.Millisecond,
	}
	if a.Tries != nil && *a.Tries == 0 {
		config.Tries = headwater.TriesWithoutEnd
	}
	return config
}

// openProjectionArgs are the arguments of every operation on a projection that is open.
type openProjectionArgs struct {
	Projection  string `json:"projection"`
	Seq         uint64 `json:"seq"`
	Why         string `json:"why"`
	State       string `json:"state"`
	StateBase64 []byte `json:"state_base64"`
}

func (a openProjectionArgs) state() []byte {
	if a.StateBase64 != nil {
		return a.StateBase64
	}
	return []byte(a.State)
}

// keptArgs are the arguments of every operation on what a store keeps of projections.
type keptArgs struct {
	Store string `json:"store"`
	Name  string `json:"name"`
	Seq   uint64 `json:"seq"`
	After uint64 `json:"after"`
	Max   int    `json:"max"`
}

// onProjection is op for operations that name a projection that is open.
func onProjection(do func(r *runner, p *headwater.Projection, a openProjectionArgs) (any, error)) operation {
	return op(func(r *runner, a openProjectionArgs) (any, error) {
		p, ok := r.projections[a.Projection]
		if !ok {
			return nil, &usageError{fmt.Errorf("no projection is called %q", a.Projection)}
		}
		return do(r, p, a)
	})
}

// onKept is op for operations on what a store keeps of projections.
func onKept(do func(r *runner, s *headwater.EventStore, a keptArgs) (any, error)) operation {
	return op(func(r *runner, a keptArgs) (any, error) {
		s, err := r.engine.EventStore(r.ctx, a.Store)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return do(r, s, a)
	})
}

func failingJSON(f headwater.Failing) any {
	return map[string]any{"seq": f.Seq, "tries": f.Tries, "error": f.Error}
}

func projectionJSON(s headwater.ProjectionStatus) any {
	status := map[string]any{
		"name": s.Name, "is_rebuild": s.IsRebuild, "position": s.Position, "lag": s.Lag, "is_running": s.IsRunning,
		"failing": nil, "dead": s.Dead,
		"filters": list(s.Filters, func(f headwater.EventFilter) any {
			return map[string]any{"aggregate": textOrNull(f.Aggregate), "key": textOrNull(f.Key)}
		}),
	}
	if s.Failing != nil {
		status["failing"] = failingJSON(*s.Failing)
	}
	return status
}

var projectionOps = map[string]operation{
	"projection": op(func(r *runner, a projectionArgs) (any, error) {
		s, err := r.engine.EventStore(r.ctx, a.Store)
		if err != nil {
			return nil, err
		}
		p, err := s.Projection(r.ctx, a.config())
		if err != nil {
			return nil, err
		}
		r.projections[a.As] = p
		r.sources[a.As] = sourceOf(p.Next, p.TryNext, storedJSON, nil, p.Close)
		state, err := p.State()
		return withBytes(map[string]any{"position": p.Position()}, "state", state), err
	}),
	"projection_seek": onProjection(func(_ *runner, p *headwater.Projection, a openProjectionArgs) (any, error) {
		return nil, p.Seek(a.Seq)
	}),
	"projection_advance": onProjection(func(_ *runner, p *headwater.Projection, a openProjectionArgs) (any, error) {
		return nil, p.Advance(a.Seq)
	}),
	"projection_commit": onProjection(func(r *runner, p *headwater.Projection, a openProjectionArgs) (any, error) {
		return nil, p.Commit(r.ctx, a.Seq, a.state())
	}),
	"projection_flush": onProjection(func(r *runner, p *headwater.Projection, _ openProjectionArgs) (any, error) {
		return nil, p.Flush(r.ctx)
	}),
	"projection_fail": onProjection(func(r *runner, p *headwater.Projection, a openProjectionArgs) (any, error) {
		f, err := p.Fail(r.ctx, a.Seq, a.Why)
		return map[string]any{"tries": f.Tries, "pause_ms": f.Pause.Milliseconds(), "is_dead": f.IsDead}, err
	}),
	"projection_position": onProjection(func(_ *runner, p *headwater.Projection, _ openProjectionArgs) (any, error) {
		return p.Position(), nil
	}),
	"projection_lag": onProjection(func(_ *runner, p *headwater.Projection, _ openProjectionArgs) (any, error) {
		return p.Lag(), nil
	}),
	"projection_head": onProjection(func(r *runner, p *headwater.Projection, _ openProjectionArgs) (any, error) {
		return p.Head(r.ctx)
	}),
	"projection_switch": onProjection(func(r *runner, p *headwater.Projection, _ openProjectionArgs) (any, error) {
		return p.Switch(r.ctx)
	}),
	"projections": onKept(func(r *runner, s *headwater.EventStore, _ keptArgs) (any, error) {
		all, err := s.Projections(r.ctx)
		return list(all, projectionJSON), err
	}),
	"delete_projection": onKept(func(r *runner, s *headwater.EventStore, a keptArgs) (any, error) {
		return nil, s.DeleteProjection(r.ctx, a.Name)
	}),
	"dead_letters": onKept(func(r *runner, s *headwater.EventStore, a keptArgs) (any, error) {
		letters, err := s.DeadLetters(r.ctx, a.Name, a.After, a.Max)
		return list(letters, func(l headwater.DeadLetter) any { return failingJSON(l.Failing) }), err
	}),
	"delete_dead_letter": onKept(func(r *runner, s *headwater.EventStore, a keptArgs) (any, error) {
		return s.DeleteDeadLetter(r.ctx, a.Name, a.Seq)
	}),
	"event_at": onKept(func(r *runner, s *headwater.EventStore, a keptArgs) (any, error) {
		event, err := s.EventAt(r.ctx, a.Seq)
		if event == nil || err != nil {
			return nil, err
		}
		return storedJSON(*event), nil
	}),
}

package headwater

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
)

// Taken is what came of taking events in.
type Taken struct {
	// Position is the sequence of the last one in effect; 0 when the first one failed.
	Position uint64
	// FailedAt is the sequence of the first one that failed, and Why; 0 when none did. It and those behind it have no
	// effect.
	FailedAt uint64
	Why      string
}

// Kept is the state of a read model that the store is to keep, and the position that it had then.
type Kept struct {
	Position uint64
	State    []byte
}

// ReadModel is what a projection makes of events: a [MemoryModel], a [SQLiteModel], or what a program makes itself.
type ReadModel interface {
	// KeepsPosition tells whether it keeps its position itself, and the store is only told of it.
	KeepsPosition() bool
	// Begin tells where it stands, given what the store keeps of it.
	Begin(ctx context.Context, position uint64, state []byte) (uint64, error)
	// Take takes events in, and its position with them: all of them, or those before the one that fails. An error is
	// what is no event's fault; nothing is in effect then.
	Take(ctx context.Context, events []Event) (Taken, error)
	// Skip passes by an event that is a dead letter.
	Skip(ctx context.Context, seq uint64) error
	// Retake takes in an event that was a dead letter, without going back; nothing when it is none of the model's.
	Retake(ctx context.Context, event Event) error
	// Keep is what the store is to keep now, or nil; never asked of one that keeps its position.
	Keep() (*Kept, error)
	// Settle does what is to be done outside once events are in effect, such as sending what is in an outbox.
	Settle(ctx context.Context) error
}

// Run drives a read model until ctx ends, which is an [ErrTimeout], or the projection is closed, which is none.
func (p *Projection) Run(ctx context.Context, model ReadModel) error {
	return p.drive(ctx, model, true)
}

// CatchUp drives a read model up to the last event that there is now.
func (p *Projection) CatchUp(ctx context.Context, model ReadModel) error {
	return p.drive(ctx, model, false)
}

// Replay takes the dead letters in that there are; it tells how many.
func (p *Projection) Replay(ctx context.Context, model ReadModel) (uint64, error) {
	var taken uint64
	letters, err := p.store.DeadLetters(ctx, p.name, 0, 0)
	if err != nil {
		return 0, err
	}
	for _, letter := range letters {
		event, err := p.store.EventAt(ctx, letter.Seq)
		if err == nil && event != nil {
			err = model.Retake(ctx, *event)
		}
		if err != nil {
			return taken, err
		}
		removed, err := p.store.DeleteDeadLetter(ctx, p.name, letter.Seq)
		if err != nil {
			return taken, err
		}
		if removed {
			taken++
		}
	}
	return taken, p.keep(ctx, model, p.Position())
}

func (p *Projection) drive(ctx context.Context, model ReadModel, isEndless bool) error {
	head, err := p.begin(ctx, model)
	if err != nil {
		return err
	}
	for isEndless || p.Position() < head {
		events, err := p.Next(ctx, 0)
		if isClosed(err) && isEndless {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.take(ctx, model, events); err != nil {
			return err
		}
	}
	return p.Flush(ctx)
}

// begin has a read model say where it stands, and tells the last event that there is.
func (p *Projection) begin(ctx context.Context, model ReadModel) (uint64, error) {
	head, err := p.Head(ctx)
	if err != nil {
		return 0, err
	}
	state, err := p.State()
	if err != nil {
		return 0, err
	}
	kept := p.Position()
	position, err := model.Begin(ctx, kept, state)
	if err != nil {
		return 0, err
	}
	if position != kept || model.KeepsPosition() {
		if err := p.Seek(position); err != nil {
			return 0, err
		}
	}
	return head, model.Settle(ctx)
}

func (p *Projection) take(ctx context.Context, model ReadModel, events []Event) error {
	taken, err := model.Take(ctx, events)
	if err != nil {
		return err
	}
	if err := model.Settle(ctx); err != nil {
		return err
	}
	if taken.Position > 0 {
		if err := p.keep(ctx, model, taken.Position); err != nil {
			return err
		}
	}
	if taken.FailedAt == 0 {
		return nil
	}
	failure, err := p.Fail(ctx, taken.FailedAt, taken.Why)
	if err != nil || !failure.IsDead {
		return err
	}
	if err := model.Skip(ctx, taken.FailedAt); err != nil {
		return err
	}
	return p.keep(ctx, model, taken.FailedAt)
}

func (p *Projection) keep(ctx context.Context, model ReadModel, seq uint64) error {
	if model.KeepsPosition() {
		return p.Commit(ctx, seq, nil)
	}
	kept, err := model.Keep()
	if err != nil {
		return err
	}
	if kept == nil {
		return p.Advance(seq)
	}
	return p.Commit(ctx, kept.Position, kept.State)
}

func isClosed(err error) bool { return errors.Is(err, ErrClosed) }

// MemoryModel is a read model in memory. It is safe for use by many goroutines, through Read.
type MemoryModel[S any] struct {
	// Fold takes an event in. Where it answers an error, it must have left the state as it was.
	Fold func(state *S, event Event) error
	// SnapshotEvery has the store keep the state every so many events, 8 MiB at the most, as Dump makes bytes of it and
	// Load reads them; at 0, the model begins with the first event each time.
	SnapshotEvery uint64
	Dump          func(state *S) ([]byte, error)
	Load          func(data []byte) (S, error)

	mutex     sync.RWMutex
	state     S
	position  uint64
	dead      map[uint64]struct{}
	sinceKept uint64
}

// NewMemoryModel makes a model that begins with a state.
func NewMemoryModel[S any](state S, fold func(*S, Event) error) *MemoryModel[S] {
	return &MemoryModel[S]{Fold: fold, state: state}
}

// Read looks at the state, and at the sequence of the last event in it, while no event changes them.
func (m *MemoryModel[S]) Read(look func(state *S, position uint64)) {
	m.mutex.RLock()
	defer m.mutex.RUnlock()
	look(&m.state, m.position)
}

// KeepsPosition is true without snapshots.
func (m *MemoryModel[S]) KeepsPosition() bool { return m.SnapshotEvery == 0 }

// Begin takes what the store keeps, where that is ahead of what is in memory.
func (m *MemoryModel[S]) Begin(_ context.Context, position uint64, state []byte) (uint64, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.SnapshotEvery == 0 || position <= m.position {
		return m.position, nil
	}
	if m.Load == nil || m.Dump == nil {
		return 0, invalid("a memory model with snapshots wants Dump and Load")
	}
	dead := make(map[uint64]struct{})
	count, state, err := takeUvarint(state)
	for ; count > 0 && err == nil; count-- {
		var seq uint64
		seq, state, err = takeUvarint(state)
		dead[seq] = struct{}{}
	}
	if err != nil {
		return 0, err
	}
	loaded, err := m.Load(state)
	if err != nil {
		return 0, err
	}
	m.state, m.position, m.dead = loaded, position, dead
	return position, nil
}

// Take takes events in, up to the first that fails.
func (m *MemoryModel[S]) Take(_ context.Context, events []Event) (Taken, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var taken Taken
	for _, event := range events {
		if err := m.Fold(&m.state, event); err != nil {
			taken.FailedAt, taken.Why = event.Seq, err.Error()
			break
		}
		m.position, taken.Position = event.Seq, event.Seq
		m.sinceKept++
	}
	return taken, nil
}

// Skip passes by an event.
func (m *MemoryModel[S]) Skip(_ context.Context, seq uint64) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.dead == nil {
		m.dead = make(map[uint64]struct{})
	}
	m.position, m.dead[seq] = seq, struct{}{}
	return nil
}

// Retake takes in an event that it passed by.
func (m *MemoryModel[S]) Retake(_ context.Context, event Event) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if _, isDead := m.dead[event.Seq]; !isDead {
		return nil
	}
	if err := m.Fold(&m.state, event); err != nil {
		return err
	}
	delete(m.dead, event.Seq)
	m.sinceKept = m.SnapshotEvery
	return nil
}

// Keep is the state, when a snapshot is due.
func (m *MemoryModel[S]) Keep() (*Kept, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.sinceKept < m.SnapshotEvery {
		return nil, nil
	}
	if m.Dump == nil {
		return nil, invalid("a memory model with snapshots wants Dump and Load")
	}
	kept := binary.AppendUvarint(nil, uint64(len(m.dead)))
	for seq := range m.dead {
		kept = binary.AppendUvarint(kept, seq)
	}
	state, err := m.Dump(&m.state)
	if err != nil {
		return nil, err
	}
	m.sinceKept = 0
	return &Kept{Position: m.position, State: append(kept, state...)}, nil
}

// Settle does nothing.
func (m *MemoryModel[S]) Settle(context.Context) error { return nil }

// takeUvarint takes the number that data begins with.
func takeUvarint(data []byte) (uint64, []byte, error) {
	number, size := binary.Uvarint(data)
	if size <= 0 {
		return 0, nil, &Error{Code: ErrCorrupt, Message: "the state that is kept can't be read"}
	}
	return number, data[size:], nil
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// run handles the items of a turn in order.
func (t *entityTurn) run() {
	defer t.server.free()
	t.begin()
	defer t.end()
	life := t.server.life(t.activation)
	if life != nil {
		t.context = life.context
	}
	for place := range t.items {
		what := t.items[place].what
		if life == nil && what == C.HW_TURN_WHAT_STOP {
			// Whoever served before had the handler.
			t.tell(itemAnswer{item: uint32(place)})
			return
		}
		if t.server.ctx.Err() != nil || life == nil && what != C.HW_TURN_WHAT_START {
			t.giveBack()
			return
		}
		answer, isDone := t.handle(uint32(place), &life)
		if !isDone {
			return
		}
		if !t.tell(answer) || what == C.HW_TURN_WHAT_START && answer.code != 0 {
			return
		}
	}
}

// handle has the handler do an item. It is false when the turn ended with that.
func (t *entityTurn) handle(place uint32, life **entityLife) (answer itemAnswer, isDone bool) {
	isReturned := false
	defer func() {
		thrown := recover()
		switch {
		case thrown != nil:
			t.giveUp(place, fmt.Sprintf("the handler of %s panicked: %v", t.id, thrown))
		case !isReturned:
			t.giveUp(place, fmt.Sprintf("the handler of %s ended its goroutine", t.id))
		}
	}()
	answer.item = place
	var err error
	answer.payload, err = t.do(place, life)
	isDone = true
	if ended := t.server.ctx.Err(); ended != nil && errors.Is(err, ended) {
		t.giveBack()
		isDone = false
	} else if err != nil {
		answer.payload = nil
		answer.code, answer.message = refusal(err)
	}
	isReturned = true
	return answer, isDone
}

func (t *entityTurn) do(place uint32, life **entityLife) ([]byte, error) {
	item := &t.items[place]
	ctx := &itemContext{t.ctx, t, place}
	switch item.what {
	case C.HW_TURN_WHAT_START:
		begun, err := t.start(ctx)
		*life = begun
		return nil, err
	case C.HW_TURN_WHAT_TIMER:
		if entity, is := (*life).entity.(EntityTimer); is {
			return nil, entity.Timer(ctx, item.Name)
		}
		return nil, nil
	case C.HW_TURN_WHAT_STOP:
		t.server.drop(t.activation)
		if entity, is := (*life).entity.(EntityStopper); is {
			entity.Stop(ctx)
		}
		return nil, nil
	default:
		return (*life).entity.Handle(ctx, item.Message)
	}
}

// start makes the handler.
func (t *entityTurn) start(ctx context.Context) (*entityLife, error) {
	start := t.server.types[t.id.Kind]
	if start == nil {
		return nil, &Error{Code: ErrUnsupported, Message: "no entity of kind '" + t.id.Kind + "' is handled here"}
	}
	life, end := context.WithCancel(t.server.ctx)
	t.context = &EntityContext{entities: t.server.entities, id: t.id, life: life}
	begun := &entityLife{context: t.context, end: end}
	// Kept first, so that what it begins in the background ends with it when it can't be made.
	t.server.keep(t.activation, begun)
	entity, err := start(ctx, t.context)
	if err == nil && entity == nil {
		err = &Error{Code: ErrInternal, Message: "no handler of " + t.id.String() + " was made"}
	}
	if err != nil {
		t.server.drop(t.activation)
		return nil, err
	}
	begun.entity = entity
	return begun, nil
}

// begin has the turn looked after.
func (t *entityTurn) begin() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.ctx, t.cancel = context.WithCancelCause(t.server.ctx)
	t.watch = time.AfterFunc(t.server.probeEvery, t.look)
}

// look tells what was done meanwhile, or looks whether the turn is out still, as the handler takes its time.
func (t *entityTurn) look() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.isOver {
		return
	}
	if len(t.answers) > 0 {
		t.pass()
	} else if !t.server.entities.isOut(t.token) {
		t.lose(&Error{Code: ErrMisuse, Message: "the turn of " + t.id.String() + " is over, as its lease is"})
	}
	if !t.isOver {
		t.watch.Reset(t.server.probeEvery)
	}
}

// flush tells what was done already.
func (t *entityTurn) flush() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.isOver && len(t.answers) > 0 {
		t.pass()
	}
}

// tell keeps what an item came to for a moment, as what is behind it may be done as soon. It is false when the lease is
// over.
func (t *entityTurn) tell(answer itemAnswer) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.isOver {
		return false
	}
	t.answers = append(t.answers, answer)
	if len(t.answers) == 1 && int(answer.item)+1 < len(t.items) {
		t.watch.Reset(answerHeldMax)
	}
	return true
}

// giveUp ends the turn, as its handler broke at an item.
func (t *entityTurn) giveUp(item uint32, why string) {
	t.leave(func(e *Entities) error { return e.crash(t.token, item, why) })
}

// giveBack ends the turn, as its handler may not go on: what was not done waits for whoever serves next.
func (t *entityTurn) giveBack() {
	t.leave(func(e *Entities) error { return e.giveBack(t.token) })
}

func (t *entityTurn) leave(end func(*Entities) error) {
	t.server.drop(t.activation)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !t.isOver && len(t.answers) > 0 {
		t.pass()
	}
	if !t.isOver {
		// A turn whose lease was over is another's.
		_ = end(t.server.entities)
		t.close()
	}
}

// end tells the rest.
func (t *entityTurn) end() {
	t.mutex.Lock()
	if !t.isOver && len(t.answers) > 0 {
		t.pass()
	}
	t.close()
	t.mutex.Unlock()
	t.cancel(nil)
}

// pass tells the library what was done.
func (t *entityTurn) pass() {
	err := t.server.entities.complete(t.token, t.answers)
	t.answers = nil
	if err != nil {
		t.lose(err)
	}
}

// lose ends what the handler does: the lease is over, or entities are closed.
func (t *entityTurn) lose(why error) {
	t.close()
	t.server.drop(t.activation)
	t.cancel(why)
}

// close says once that the turn is over.
func (t *entityTurn) close() {
	if !t.isOver {
		t.isOver = true
		t.watch.Stop()
		t.server.open.Done()
	}
}

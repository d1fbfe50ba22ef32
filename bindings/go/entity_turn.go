package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"strings"
	"sync"
	"time"
)

// entityTurn is a turn of one entity: nobody else has one of it until all items are told of, or the lease is over.
type entityTurn struct {
	id         EntityID
	token      uint64
	activation uint64
	items      []turnItem

	server *entityServer
	// context is that of its handler, once that is known.
	context *EntityContext
	ctx     context.Context
	cancel  context.CancelCauseFunc

	// mutex is held while the library is told what items came to, and never while a handler is called.
	mutex   sync.Mutex
	answers []itemAnswer
	watch   *time.Timer
	isOver  bool
}

// turnItem is a part of a turn.
type turnItem struct {
	what C.int32_t
	Message
}

// itemAnswer is what an item came to, and nobody was told yet.
type itemAnswer struct {
	item    uint32
	payload []byte
	// code and message are what went wrong; the code is 0 when nothing did.
	code    Code
	message string
}

func takeTurns(list *C.hw_turns) ([]*entityTurn, error) {
	defer C.hw_turns_free(list)
	turns := make([]*entityTurn, C.hw_turns_len(list))
	for i := range turns {
		var failed *C.hw_error
		turn := C.hw_turn{struct_size: C.sizeof_hw_turn}
		if status := C.hw_turns_get(list, C.size_t(i), &turn, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		items := make([]turnItem, turn.items_len)
		for place := range items {
			item := C.hw_turn_item{struct_size: C.sizeof_hw_turn_item}
			status := C.hw_turns_item(list, C.size_t(i), C.size_t(place), &item, &failed)
			if status != C.HW_STATUS_OK {
				return nil, failure(status, failed)
			}
			items[place] = turnItem{item.what, Message{
				Name:       goString(item.name),
				Payload:    goBytes(item.payload),
				WantsReply: item.wants_reply != 0,
				Attempt:    uint32(item.attempt),
			}}
		}
		turns[i] = &entityTurn{
			id:    EntityID{goString(turn.kind), goString(turn.key)},
			token: uint64(turn.token), activation: uint64(turn.activation), items: items,
		}
	}
	return turns, nil
}

// complete tells what items of a turn came to.
func (e *Entities) complete(token uint64, answers []itemAnswer) error {
	var l lender
	defer l.Unpin()
	told := make([]C.hw_item_answer, len(answers))
	for i, answer := range answers {
		told[i] = C.hw_item_answer{
			struct_size: C.sizeof_hw_item_answer,
			payload:     l.bytes(answer.payload),
			message:     l.str(answer.message),
			item:        C.uint32_t(answer.item),
			status:      C.int32_t(answer.code),
		}
	}
	return e.brief(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_complete(p, C.uint64_t(token), &told[0], C.size_t(len(told)), err)
	})
}

// refusal is what an error of a handler is for whoever asked.
func refusal(err error) (Code, string) {
	code, message := CodeOf(err), err.Error()
	if ours, is := err.(*Error); is {
		message = ours.Message
	}
	if code < ErrInvalid || code > ErrInternal {
		code = ErrInternal
	}
	return code, strings.ToValidUTF8(message, "\uFFFD")
}

// giveBack ends a turn that nobody goes on with: what was not done waits for a handler that is begun anew.
func (e *Entities) giveBack(token uint64) error {
	return e.brief(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_give_back(p, C.uint64_t(token), err)
	})
}

// isOut tells whether a turn is out still.
func (e *Entities) isOut(token uint64) bool {
	var out C.bool
	_ = e.brief(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_is_out(p, C.uint64_t(token), &out, err)
	})
	return bool(out)
}

// crash tells that a handler broke at an item.
func (e *Entities) crash(token uint64, item uint32, why string) error {
	why = strings.ToValidUTF8(why, "\uFFFD")
	return e.brief(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		data, size := text(why)
		return C.hw_entities_crash(p, C.uint64_t(token), C.uint32_t(item), data, size, err)
	})
}

func (e *Entities) cancelTimer(ctx context.Context, token uint64, name string) (bool, error) {
	var wasSet C.uint8_t
	err := e.brief(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_entities_cancel_timer(p, C.uint64_t(token), data, size, &wasSet, err)
	})
	return wasSet != 0, err
}

func (c *itemContext) cancelTimer(ctx context.Context, name string) (bool, error) {
	return c.turn.server.entities.cancelTimer(ctx, c.turn.token, name)
}

func (c *itemContext) setTimer(ctx context.Context, name string, after, every time.Duration) error {
	afterMs, err := milliseconds("after", after)
	if err != nil {
		return err
	}
	everyMs, err := milliseconds("every", every)
	if err != nil {
		return err
	}
	return c.turn.server.entities.brief(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_entities_set_timer(p, C.uint64_t(c.turn.token), data, size, afterMs, everyMs, err)
	})
}

func (c *itemContext) holds(ctx context.Context, bytes uint64) error {
	return c.turn.server.entities.brief(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_holds(p, C.uint64_t(c.turn.token), C.uint64_t(bytes), err)
	})
}

func (c *itemContext) beginTask(ctx context.Context) (uint64, error) {
	var task C.uint64_t
	err := c.turn.server.entities.brief(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		return C.hw_entities_begin_task(p, C.uint64_t(c.turn.token), &task, err)
	})
	return uint64(task), err
}

// endTask tells that a background task is done, and what it leaves.
func (e *Entities) endTask(task uint64, hasMessage bool, name string, payload []byte) error {
	return e.brief(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
		if !hasMessage {
			return C.hw_entities_end_task(p, C.uint64_t(task), nil, 0, nil, 0, err)
		}
		// The name of no bytes is one too, and no pointer would be none.
		named, _ := text(name + "\x00")
		data, size := bytes(payload)
		return C.hw_entities_end_task(p, C.uint64_t(task), named, C.size_t(len(name)), data, size, err)
	})
}

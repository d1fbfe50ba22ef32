package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Request asks an entity, and waits for its answer until ctx ends, for 30 s when that has no deadline. What is not
// begun by its deadline is not begun. Within a handler, pass on the context of its call: a request that would come back
// to an entity that waits for it is refused.
//
// It comes to what the handler answers; [ErrTimeout] when that is not in time; [ErrLimit] when too many messages wait
// for the entity; [ErrInvalid] for a request that would wait for itself, with the cycle; [ErrBusy] when no node has it
// now; [ErrInternal] when its handler breaks.
func (e *Entities) Request(ctx context.Context, to EntityID, name string, payload []byte) ([]byte, error) {
	return e.ask(ctx, to, name, payload, func(
		p *C.hw_entities, message *C.hw_entity_message, reply **C.hw_reply, err **C.hw_error,
	) C.hw_status {
		return C.hw_entities_request(p, message, reply, err)
	})
}

// Notify tells an entity something, and does not wait until it is handled: it returns when the message is in its
// mailbox, here or on the node that has it. Errors are those of [Entities.Request], as far as they are known then.
func (e *Entities) Notify(ctx context.Context, to EntityID, name string, payload []byte) error {
	_, err := e.ask(ctx, to, name, payload, func(
		p *C.hw_entities, message *C.hw_entity_message, reply **C.hw_reply, err **C.hw_error,
	) C.hw_status {
		return C.hw_entities_notify(p, message, reply, err)
	})
	return err
}

// asking is a call that sends a message and gives what comes of it.
type asking func(*C.hw_entities, *C.hw_entity_message, **C.hw_reply, **C.hw_error) C.hw_status

func (e *Entities) ask(ctx context.Context, to EntityID, name string, payload []byte, send asking) ([]byte, error) {
	reply, err := sendMessage(ctx, to, name, payload, func(message *C.hw_entity_message, reply **C.hw_reply) error {
		if item := itemOf(ctx); item != nil && item.turn.server.entities == e {
			// Whoever waits for what this turn has done already does not wait for the other entity.
			item.turn.flush()
			message.token, message.item, message.is_within = C.uint64_t(item.turn.token), C.uint32_t(item.item), 1
		}
		return e.brief(ctx, func(p *C.hw_entities, err **C.hw_error) C.hw_status { return send(p, message, reply, err) })
	})
	if err != nil {
		return nil, err
	}
	answer, err := takeReply(ctx, &e.engine.base, reply)
	e.handover.Load()
	return answer, err
}

// sendMessage lends a message to a call that sends it, and gives the reply that this makes.
func sendMessage(
	ctx context.Context, to EntityID, name string, payload []byte,
	send func(*C.hw_entity_message, **C.hw_reply) error,
) (*C.hw_reply, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	message := C.hw_entity_message{
		struct_size: C.sizeof_hw_entity_message,
		kind:        l.str(to.Kind),
		key:         l.str(to.Key),
		name:        l.str(name),
		payload:     l.bytes(payload),
	}
	if deadline, has := ctx.Deadline(); has {
		// What is left may be nothing, and 0 would be the default.
		message.timeout_ms, _ = milliseconds("the deadline", max(time.Until(deadline), 1))
	}
	var reply *C.hw_reply
	err := send(&message, &reply)
	return reply, err
}

// takeReply waits for the answer of a reply, and frees it.
func takeReply(ctx context.Context, base *base, ptr *C.hw_reply) ([]byte, error) {
	reply := newPendingReply(base, ptr)
	defer reply.close()
	return reply.wait(ctx)
}

// pendingReply is an answer that is on its way, for one goroutine. Dropping it gives up the wait, not the message.
type pendingReply struct {
	*handle
	base  *base
	token uint64
	woken chan struct{}
}

func newPendingReply(base *base, reply *C.hw_reply) *pendingReply {
	r := &pendingReply{base: base}
	free := func(p unsafe.Pointer) { C.hw_reply_free((*C.hw_reply)(p)) }
	r.handle, r.token, r.woken = newWaitingHandle(base.waker, "request", unsafe.Pointer(reply), free)
	return r
}

func (r *pendingReply) wait(ctx context.Context) ([]byte, error) {
	for isWoken := false; ; isWoken = true {
		answer, isThere, err := r.look(isWoken)
		if isThere || err != nil {
			return answer, err
		}
		// Looking took the place of a token that was armed before.
		err = r.base.arm(func(waker *C.hw_waker, failed **C.hw_error) C.hw_status {
			return C.hw_reply_wake((*C.hw_reply)(r.ptr), waker, C.uint64_t(r.token), failed)
		})
		if err != nil {
			return nil, err
		}
		select {
		case <-r.woken:
		case <-ctx.Done():
			return nil, contextError(ctx)
		case <-r.base.done:
			return nil, closed(r.base.what)
		}
	}
}

// look asks for the answer. That it is not there yet, and that the request came to nothing in time, have one status:
// which it is matters once something woke us.
func (r *pendingReply) look(isWoken bool) (answer []byte, isThere bool, err error) {
	r.base.enter()
	defer r.base.leave()
	answer, status, err := r.ask()
	if status == C.HW_STATUS_TIMEOUT && isWoken && r.isDone() {
		answer, _, err = r.ask()
		return answer, true, err
	}
	if status == C.HW_STATUS_TIMEOUT {
		return nil, false, nil
	}
	return answer, true, err
}

func (r *pendingReply) ask() ([]byte, C.hw_status, error) {
	var blob *C.hw_blob
	var failed *C.hw_error
	status := C.hw_reply_wait((*C.hw_reply)(r.ptr), 0, &blob, &failed)
	if status != C.HW_STATUS_OK {
		return nil, status, failure(status, failed)
	}
	answer, err := takeBlob(blob)
	return answer, status, err
}

// isDone tells whether the outcome is there.
func (r *pendingReply) isDone() bool {
	var done C.bool
	return C.hw_reply_is_done((*C.hw_reply)(r.ptr), &done, nil) == C.HW_STATUS_OK && bool(done)
}

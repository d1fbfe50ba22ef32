package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"math/big"
	"runtime"
	"unsafe"
)

// PendingAck is a write under way. Dropping it gives up the wait, not the work. It is safe for use by many
// goroutines.
type PendingAck struct {
	*handle
	engine *Engine

	token uint64
	woken chan struct{}

	// turn is held by the one goroutine that looks at the ticket, which the library asks for.
	turn chan struct{}
	// What follows belongs to who has the turn.
	armed bool
	known bool
	ack   Ack
	err   error
	// total, where it is asked for by a number, is what a write made of a counter; nil when it was none.
	total *big.Int
}

func newPendingAck(engine *Engine, ticket *C.hw_ticket) *PendingAck {
	p := &PendingAck{engine: engine, turn: make(chan struct{}, 1)}
	p.handle, p.token, p.woken = newWaitingHandle(engine.waker, "write", unsafe.Pointer(ticket), func(ptr unsafe.Pointer) {
		C.hw_ticket_free((*C.hw_ticket)(ptr))
	})
	runtime.AddCleanup(p, (*handle).close, p.handle)
	return p
}

// wait is Wait for a write that nobody else knows of: when ctx ends, the wait is given up for good, so that the library
// counts on nobody who does not come back.
func (p *PendingAck) wait(ctx context.Context) (Ack, error) {
	ack, err := p.Wait(ctx)
	p.handle.close()
	return ack, err
}

// Wait waits until the write is done, and says what came of it, every time in the same way. When ctx ends first, the
// write goes on, and waiting again is safe.
func (p *PendingAck) Wait(ctx context.Context) (Ack, error) {
	if err := canBegin(ctx, p.turn); err != nil {
		return Ack{}, err
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return Ack{}, contextError(ctx)
	}
	defer func() { <-p.turn }()
	for !p.known {
		// Whoever looks may find himself writing and syncing for all who wait, which holds an OS thread. When enough
		// are held, the library's own worker does it instead.
		select {
		case p.engine.blocking <- struct{}{}:
			p.look()
			<-p.engine.blocking
		default:
		}
		if p.known {
			break
		}
		if err := p.watch(); err != nil {
			return Ack{}, err
		}
		select {
		case <-p.woken:
			p.armed = false
		case <-ctx.Done():
			return Ack{}, contextError(ctx)
		case <-p.engine.done:
			// Closing synced what was submitted, so that most outcomes are known now.
			if p.look(); !p.known {
				p.settle(Ack{}, closed(p.engine.what))
			}
		}
	}
	return p.ack, p.err
}

// look asks for the outcome, and keeps it when it is known.
func (p *PendingAck) look() {
	ptr, err := p.acquire()
	if err != nil {
		p.settle(Ack{}, err)
		return
	}
	defer p.release()
	ack := C.hw_ack{struct_size: C.sizeof_hw_ack}
	var failed *C.hw_error
	status := C.hw_ticket_wait((*C.hw_ticket)(ptr), 0, &ack, &failed)
	err = failure(status, failed)
	switch {
	case status == C.HW_STATUS_TIMEOUT:
	case err != nil:
		p.settle(Ack{}, err)
	default:
		if p.total != nil {
			p.total = ticketTotal((*C.hw_ticket)(ptr))
		}
		p.settle(goAck(&ack), nil)
	}
}

// ticketTotal is what the write of a ticket that is done made of a counter, or nil.
func ticketTotal(ticket *C.hw_ticket) *big.Int {
	var total C.hw_int128
	var has C.bool
	if C.hw_ticket_total(ticket, &total, &has, nil) != C.HW_STATUS_OK || !has {
		return nil
	}
	return goInt128(total)
}

func (p *PendingAck) settle(ack Ack, err error) {
	p.known, p.ack, p.err = true, ack, err
	p.handle.close()
}

func (p *PendingAck) watch() error {
	if p.armed {
		return nil
	}
	ptr, err := p.acquire()
	if err != nil {
		return err
	}
	defer p.release()
	err = p.engine.arm(func(waker *C.hw_waker, failed **C.hw_error) C.hw_status {
		return C.hw_ticket_wake((*C.hw_ticket)(ptr), waker, C.uint64_t(p.token), failed)
	})
	p.armed = err == nil
	return err
}

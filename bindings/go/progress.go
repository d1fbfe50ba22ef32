package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
)

// progressEvery is how often a long call reports how far it has come.
const progressEvery = 100 * time.Millisecond

// Progress hears how many bytes of a long call are done, and of how many; 0 in all means that it is not known. It is
// called about ten times a second, on the goroutine that waits for the call, and never after the call returned.
type Progress func(done, total uint64)

// long runs a call of the library that may hold an OS thread for long and that can be stopped, when there is room for
// one more. The end of ctx stops the work; long returns once it has stopped, so that nothing goes on behind it.
func long[T any](
	ctx context.Context, room chan struct{}, report Progress, body func(*C.hw_progress) (T, error),
) (T, error) {
	var none T
	if err := canBegin(ctx, room); err != nil {
		return none, err
	}
	select {
	case room <- struct{}{}:
	case <-ctx.Done():
		return none, contextError(ctx)
	}
	var p *C.hw_progress
	var failed *C.hw_error
	if status := C.hw_progress_new(&p, &failed); status != C.HW_STATUS_OK {
		<-room
		return none, failure(status, failed)
	}
	var value T
	var err error
	finished := make(chan struct{})
	go func() {
		defer func() { <-room }()
		defer close(finished)
		value, err = body(p)
	}()
	// Also when report panics: the work uses p until it is finished.
	defer func() {
		C.hw_progress_cancel(p, nil)
		<-finished
		C.hw_progress_free(p)
	}()
	report.until(finished, ctx.Done(), p)
	if CodeOf(err) == ErrTimeout && ctx.Err() != nil {
		return none, contextError(ctx)
	}
	return value, err
}

// until reports how far the work of p is until it is finished, and stops it when cancelled is closed.
func (report Progress) until(finished, cancelled <-chan struct{}, p *C.hw_progress) {
	var tick <-chan time.Time
	tell := func() {}
	if report != nil {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		tick = ticker.C
		tell = func() {
			var done, total C.uint64_t
			C.hw_progress_get(p, &done, &total, nil)
			report(uint64(done), uint64(total))
		}
	}
	for {
		select {
		case <-tick:
			tell()
		case <-cancelled:
			C.hw_progress_cancel(p, nil)
			cancelled = nil
		case <-finished:
			tell()
			return
		}
	}
}

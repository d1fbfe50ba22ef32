package headwater

// #include "shim.h"
import "C"

import "time"

// progressEvery is how often a long call reports how far it has come.
const progressEvery = 100 * time.Millisecond

// Progress hears how many bytes of a long call are done, and of how many; 0 in all means that it is not known. It is
// called about ten times a second, from one goroutine at a time, and never after the call returned.
type Progress func(done, total uint64)

// during runs body and reports how far it has come, if report is not nil.
func (report Progress) during(body func(*C.hw_progress) error) error {
	if report == nil {
		return body(nil)
	}
	var p *C.hw_progress
	var failed *C.hw_error
	if status := C.hw_progress_new(&p, &failed); status != C.HW_STATUS_OK {
		return failure(status, failed)
	}
	defer C.hw_progress_free(p)
	tell := func() {
		var done, total C.uint64_t
		C.hw_progress_get(p, &done, &total, nil)
		report(uint64(done), uint64(total))
	}
	finished, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-finished:
				tell()
				return
			}
		}
	}()
	err := body(p)
	close(finished)
	<-told
	return err
}

package headwater

// #include "shim.h"
import "C"

import (
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// tokensAtOnce is how many ready waits are taken from the library in one call.
const tokensAtOnce = 256

// waker lets any number of goroutines wait without a thread: the library puts the tokens of waits that came true on a
// list and makes a file descriptor readable, Go's poller watches that, and one goroutine wakes who waits.
type waker struct {
	wakeups
	ptr  *C.hw_waker
	file *os.File
	// gone is closed when the goroutine has left.
	gone chan struct{}
	shut sync.Once
}

func newWaker() (*waker, error) {
	w := &waker{gone: make(chan struct{})}
	var failed *C.hw_error
	if status := C.hw_waker_new(&w.ptr, &failed); status != C.HW_STATUS_OK {
		return nil, failure(status, failed)
	}
	var fd C.int32_t
	if status := C.hw_waker_fd(w.ptr, &fd, &failed); status != C.HW_STATUS_OK {
		C.hw_waker_free(w.ptr)
		return nil, failure(status, failed)
	}
	// The library closes its own descriptor, os.File closes the copy; both are the same socket, which does not block.
	copied, err := duplicate(int(fd))
	if err == nil {
		w.file = os.NewFile(uintptr(copied), "headwater-waker")
		var raw syscall.RawConn
		if raw, err = w.file.SyscallConn(); err == nil {
			go w.run(raw)
			return w, nil
		}
		w.file.Close()
	}
	C.hw_waker_free(w.ptr)
	return nil, &Error{Code: ErrIO, Message: "watching the waker's file descriptor: " + err.Error(), cause: err}
}

func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(copied)
	}
	return copied, err
}

// run takes tokens until the file is closed. When none is left, the poller watches for the next signal.
func (w *waker) run(raw syscall.RawConn) {
	defer close(w.gone)
	tokens := make([]uint64, tokensAtOnce)
	for {
		var taken C.size_t
		err := raw.Read(func(uintptr) bool {
			C.hw_waker_take(w.ptr, (*C.uint64_t)(unsafe.SliceData(tokens)), tokensAtOnce, &taken, nil)
			return taken > 0
		})
		if err != nil {
			return
		}
		w.wake(tokens[:taken])
	}
}

func (w *waker) close() {
	w.shut.Do(func() {
		w.file.Close()
		<-w.gone
		C.hw_waker_free(w.ptr)
	})
}

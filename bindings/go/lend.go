package headwater

// #include "shim.h"
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// lender lends Go memory to one C call: what it hands out stays in place until Unpin.
type lender struct {
	runtime.Pinner
}

func (l *lender) str(s string) C.hw_str {
	if s == "" {
		return C.hw_str{}
	}
	data := unsafe.StringData(s)
	l.Pin(data)
	return C.hw_str{data: (*C.char)(unsafe.Pointer(data)), len: C.size_t(len(s))}
}

func (l *lender) bytes(b []byte) C.hw_bytes {
	if len(b) == 0 {
		return C.hw_bytes{}
	}
	data := unsafe.SliceData(b)
	l.Pin(data)
	return C.hw_bytes{data: unsafe.Pointer(data), len: C.size_t(len(b))}
}

func (l *lender) strs(texts []string) (*C.hw_str, C.size_t) {
	if len(texts) == 0 {
		return nil, 0
	}
	lent := make([]C.hw_str, len(texts))
	for i, text := range texts {
		lent[i] = l.str(text)
	}
	l.Pin(&lent[0])
	return &lent[0], C.size_t(len(lent))
}

// text passes a string as the two arguments that most C functions take.
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// bytes passes bytes as two arguments.
func bytes(b []byte) (unsafe.Pointer, C.size_t) {
	return unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))
}

// goString copies text that the library lends.
func goString(s C.hw_str) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), int(s.len)))
}

// goStrings copies a list of texts that the library lends.
func goStrings(first *C.hw_str, count C.size_t) []string {
	var texts []string
	for _, s := range unsafe.Slice(first, int(count)) {
		texts = append(texts, goString(s))
	}
	return texts
}

func flag(set bool) C.uint8_t {
	if set {
		return 1
	}
	return 0
}

// duration gives a duration to C, where none is negative.
func duration(what string, d time.Duration) (C.uint64_t, error) {
	if d < 0 {
		return 0, invalid("%s is %s, must not be negative", what, d)
	}
	return C.uint64_t(d), nil
}

// count gives a bound on how much to take to C, where none is negative.
func count(what string, n int) (C.size_t, error) {
	if n < 0 {
		return 0, invalid("%s is %d, must not be negative", what, n)
	}
	return C.size_t(n), nil
}

// maybeTime is a commit time of the library, where 0 stands for none.
func maybeTime(ns C.uint64_t) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return fromNanos(int64(ns))
}

// failure turns what a C call returned into a Go error, and frees the C one.
func failure(status C.hw_status, err *C.hw_error) error {
	if status == C.HW_STATUS_OK {
		return nil
	}
	e := &Error{Code: Code(status)}
	if err == nil {
		e.Message = C.GoString(C.hw_status_name(C.int32_t(status)))
		return e
	}
	defer C.hw_error_free(err)
	var size C.size_t
	message := C.hw_error_message(err, &size)
	e.Message = C.GoStringN(message, C.int(size))
	var expected, actual C.uint64_t
	if C.hw_error_sequences(err, &expected, &actual) {
		e.HasSequences, e.Expected, e.Actual = true, uint64(expected), uint64(actual)
	}
	return e
}

// takeStrings copies a list of texts, with the numbers that go with them, and frees it.
func takeStrings(list *C.hw_strings) ([]string, []uint64, error) {
	defer C.hw_strings_free(list)
	var texts []string
	var numbers []uint64
	for i := range C.hw_strings_len(list) {
		var text C.hw_str
		var number C.uint64_t
		var err *C.hw_error
		if status := C.hw_strings_get(list, i, &text, &number, &err); status != C.HW_STATUS_OK {
			return nil, nil, failure(status, err)
		}
		texts, numbers = append(texts, goString(text)), append(numbers, uint64(number))
	}
	return texts, numbers, nil
}

// takeBlob copies bytes that the library made, and frees them; nil where there are none.
func takeBlob(blob *C.hw_blob) ([]byte, error) {
	defer C.hw_blob_free(blob)
	var lent C.hw_bytes
	var err *C.hw_error
	if status := C.hw_blob_bytes(blob, &lent, &err); status != C.HW_STATUS_OK {
		return nil, failure(status, err)
	}
	return goBytes(lent), nil
}

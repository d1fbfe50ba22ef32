package headwater

import (
	"context"
	"errors"
	"fmt"
)

// Code says what a caller can do about an error. Every code is an error itself, so it is what [errors.Is] takes:
//
//	if errors.Is(err, headwater.ErrConflict) { /* reload, decide again, retry */ }
//
// The numbers are those of the C status and never change.
type Code int32

const (
	// ErrInvalid: the call itself is wrong, fix the argument that the message names. Nothing was changed.
	ErrInvalid Code = 1
	// ErrNotFound: the named stream, record, consumer, key or directory is not there.
	ErrNotFound Code = 2
	// ErrConflict: a condition did not hold, or a name is taken: reload, decide again, retry. Nothing was changed.
	ErrConflict Code = 3
	// ErrLimit: a configured limit refused it, or the disk is full: make room or raise the limit, then retry.
	ErrLimit Code = 4
	// ErrTimeout: the deadline passed or the wait was cancelled. The work may still complete; waiting again is safe.
	ErrTimeout Code = 5
	// ErrClosed: the handle, stream or engine is closed: open a new one.
	ErrClosed Code = 6
	// ErrBusy: another process owns the directory: close it there, or open read-only.
	ErrBusy Code = 7
	// ErrIO: the operating system refused, see the message. A stream whose sync failed stays poisoned until reopened.
	ErrIO Code = 8
	// ErrCorrupt: bytes on disk are damaged; the message names file, offset and what is missing. Restore from a backup.
	ErrCorrupt Code = 9
	// ErrUnsupported: this engine, build or format version cannot do it, and never does something weaker instead.
	ErrUnsupported Code = 10
	// ErrMisuse: a handle for one caller at a time was used by two: give each goroutine its own.
	ErrMisuse Code = 11
	// ErrInternal: a bug in Headwater. Report it, and reopen the engine.
	ErrInternal Code = 12
)

var codeNames = [...]string{
	"ok", "invalid", "not_found", "conflict", "limit", "timeout", "closed",
	"busy", "io", "corrupt", "unsupported", "misuse", "internal",
}

// Name is the stable lower-case name of the code, the same in every language.
func (c Code) Name() string {
	if c < 1 || int(c) >= len(codeNames) {
		return fmt.Sprintf("status_%d", int32(c))
	}
	return codeNames[c]
}

// Error makes a code usable as the target of [errors.Is].
func (c Code) Error() string { return "headwater: " + c.Name() }

// Error is what every failing call of this package returns, reachable with [errors.As].
type Error struct {
	// Code says what to do about it.
	Code Code
	// Message is a sentence for a person; do not match on it.
	Message string
	// Expected and Actual are the two sequences of a conflict over a sequence; see HasSequences.
	Expected, Actual uint64
	// HasSequences tells whether Expected and Actual mean anything.
	HasSequences bool

	cause error
}

// Error gives the code's name and the message.
func (e *Error) Error() string { return "headwater: " + e.Code.Name() + ": " + e.Message }

// Unwrap leads to the [Code], and to the context's error where a context ended the wait.
func (e *Error) Unwrap() []error {
	if e.cause != nil {
		return []error{e.Code, e.cause}
	}
	return []error{e.Code}
}

// CodeOf is the code of the first headwater error in err's chain, or 0 when there is none.
func CodeOf(err error) Code {
	var code Code
	if errors.As(err, &code) {
		return code
	}
	return 0
}

func invalid(format string, args ...any) error {
	return &Error{Code: ErrInvalid, Message: fmt.Sprintf(format, args...)}
}

func closed(what string) error {
	return &Error{Code: ErrClosed, Message: "the " + what + " is closed"}
}

func neverOpened() error {
	return &Error{Code: ErrClosed, Message: "it was never opened: an engine or a stream gives what can be used"}
}

// contextError turns the end of ctx into an error that is both ErrTimeout and the context's own error. It is where a
// ctx that is nil is found, so every call that takes one comes by here first.
func contextError(ctx context.Context) error {
	if ctx == nil {
		return invalid("ctx is nil: pass context.Background() where nothing ends the call")
	}
	cause := ctx.Err()
	if cause == nil {
		return nil
	}
	return &Error{Code: ErrTimeout, Message: cause.Error(), cause: cause}
}

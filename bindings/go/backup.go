package headwater

// #include "shim.h"
import "C"

import "context"

// VerifyReport is what [Verify] found. The directory is sound when Damage is empty.
type VerifyReport struct {
	// Streams, Segments, Records and Bytes are how many were checked.
	Streams, Segments, Records, Bytes uint64
	// Torn are the torn tails that an open would cut, a sentence each.
	Torn []string
	// Damage is a sentence each, naming file, offset and missing sequences.
	Damage []string
}

// offlineRoom has room for the calls that belong to no engine and may hold an OS thread.
var offlineRoom = make(chan struct{}, blockingCallsMax)

// Backup copies the live directory to another one, consistent by stream, while writers go on, and says how many
// bytes it copied. Progress may be nil. When ctx ends first, or the copy fails, nothing is left at to.
func (e *Engine) Backup(ctx context.Context, to string, progress Progress) (uint64, error) {
	return long(ctx, e.room(), progress, func(p *C.hw_progress) (uint64, error) {
		var copied C.uint64_t
		err := e.call(ctx, func(engine *C.hw_engine, err **C.hw_error) C.hw_status {
			data, size := text(to)
			return C.hw_engine_backup(engine, data, size, p, &copied, err)
		})
		return uint64(copied), err
	})
}

// Restore copies a backup to a new directory, after checking every byte, and says how many it copied. Progress may be
// nil; it counts the bytes checked and those copied. When ctx ends first, or the copy fails, nothing is left at to.
func Restore(ctx context.Context, from, to string, progress Progress) (uint64, error) {
	return long(ctx, offlineRoom, progress, func(p *C.hw_progress) (uint64, error) {
		var copied C.uint64_t
		var failed *C.hw_error
		fromData, fromLen := text(from)
		toData, toLen := text(to)
		err := failure(C.hw_restore(fromData, fromLen, toData, toLen, p, &copied, &failed), failed)
		return uint64(copied), err
	})
}

// Verify checks every byte of a directory without changing it. Damage is in the report, not an error. Progress may be
// nil. When ctx ends first, the check stops and there is no report.
func Verify(ctx context.Context, dir string, progress Progress) (VerifyReport, error) {
	return long(ctx, offlineRoom, progress, func(p *C.hw_progress) (VerifyReport, error) {
		report := C.hw_verify_report{struct_size: C.sizeof_hw_verify_report}
		var torn, damage *C.hw_strings
		var failed *C.hw_error
		data, size := text(dir)
		err := failure(C.hw_verify(data, size, p, &report, &torn, &damage, &failed), failed)
		if err != nil {
			return VerifyReport{}, err
		}
		found := VerifyReport{
			Streams:  uint64(report.streams),
			Segments: uint64(report.segments),
			Records:  uint64(report.records),
			Bytes:    uint64(report.bytes),
		}
		var tornErr, damageErr error
		found.Torn, _, tornErr = takeStrings(torn)
		found.Damage, _, damageErr = takeStrings(damage)
		if tornErr != nil {
			return found, tornErr
		}
		return found, damageErr
	})
}

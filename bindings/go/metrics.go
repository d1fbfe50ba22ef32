package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Metric is a measured value, in Prometheus's terms.
type Metric struct {
	// Name is such as "headwater_stream_records".
	Name string
	// Labels are names and values.
	Labels map[string]string
	// Value is the value when the snapshot was taken.
	Value float64
	// Counter tells that it only grows.
	Counter bool
}

// LogLine is one line of the engine's log.
type LogLine struct {
	// Time is when.
	Time time.Time
	// Level is "error", "warn", "info" or "debug".
	Level string
	// Message is a sentence.
	Message string
}

// Metrics is a snapshot of what the engine has done and holds.
func (e *Engine) Metrics(ctx context.Context) ([]Metric, error) {
	var list *C.hw_metrics
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return C.hw_engine_metrics(p, &list, err) })
	if err != nil {
		return nil, err
	}
	defer C.hw_metrics_free(list)
	var metrics []Metric
	for i := range C.hw_metrics_len(list) {
		metric := C.hw_metric{struct_size: C.sizeof_hw_metric}
		var failed *C.hw_error
		if status := C.hw_metrics_get(list, i, &metric, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		labels := make(map[string]string, int(metric.labels_len))
		for l := range metric.labels_len {
			var name, value C.hw_str
			if status := C.hw_metrics_label(list, i, l, &name, &value, &failed); status != C.HW_STATUS_OK {
				return nil, failure(status, failed)
			}
			labels[goString(name)] = goString(value)
		}
		metrics = append(metrics, Metric{goString(metric.name), labels, float64(metric.value), metric.counter != 0})
	}
	return metrics, nil
}

// Logs takes up to limit lines of the engine's log (0 is 1,000), oldest first; it never waits. The engine keeps
// the newest 1,024 that were not taken.
func (e *Engine) Logs(ctx context.Context, limit int) ([]LogLine, error) {
	most, err := count("limit", limit)
	if err != nil {
		return nil, err
	}
	var list *C.hw_logs
	err = e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_logs(p, most, &list, err)
	})
	if err != nil {
		return nil, err
	}
	return takeLogs(list)
}

// NextLogs waits until there is a line in the engine's log, then takes up to limit (0 is 1,000), oldest first; each
// line goes to one taker.
func (e *Engine) NextLogs(ctx context.Context, limit int) ([]LogLine, error) {
	return e.logs.next(ctx, limit, limit)
}

func (e *Engine) initLogs() {
	e.logs.handle, e.logs.engine, e.logs.turn = e.handle, e, make(chan struct{}, 1)
	e.logs.token, e.logs.woken = e.waker.register()
	e.logs.try = func(p unsafe.Pointer, max C.size_t) ([]LogLine, error) {
		var list *C.hw_logs
		var failed *C.hw_error
		status := C.hw_engine_next_logs((*C.hw_engine)(p), max, 0, &list, &failed)
		return takeNext(status, failed, func() ([]LogLine, error) { return takeLogs(list) })
	}
	e.logs.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_engine_wake_logs((*C.hw_engine)(p), waker, token, err)
	}
}

// takeLogs copies lines of the log and frees them.
func takeLogs(list *C.hw_logs) ([]LogLine, error) {
	defer C.hw_logs_free(list)
	var lines []LogLine
	for i := range C.hw_logs_len(list) {
		line := C.hw_log_line{struct_size: C.sizeof_hw_log_line}
		var failed *C.hw_error
		if status := C.hw_logs_get(list, i, &line, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		lines = append(lines, LogLine{fromNanos(int64(line.time)), goString(line.level), goString(line.message)})
	}
	return lines, nil
}

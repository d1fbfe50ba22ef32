package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// Stream is a durable, subject-addressed, sequenced log. It is safe for use by many goroutines.
type Stream struct {
	*handle
	engine *Engine
	name   string
	// durability is what the stream promised last; it may change under an open handle.
	durability atomic.Int32
}

// CreateStream makes a stream. The same configuration again opens the one there, another one is [ErrConflict].
func (e *Engine) CreateStream(ctx context.Context, config StreamConfig) (*Stream, error) {
	return e.openStream(ctx, func(p *C.hw_engine, s **C.hw_stream, err **C.hw_error) (C.hw_status, error) {
		return withStreamConfig(&config, func(c *C.hw_stream_config) C.hw_status {
			return C.hw_engine_create_stream(p, c, s, err)
		})
	})
}

// UpdateStream changes a stream's limits and subjects after the fact: config is the whole new configuration, so begin
// with the one that [Stream.Info] gives. Handles that are open follow.
func (e *Engine) UpdateStream(ctx context.Context, config StreamConfig) (*Stream, error) {
	return e.openStream(ctx, func(p *C.hw_engine, s **C.hw_stream, err **C.hw_error) (C.hw_status, error) {
		return withStreamConfig(&config, func(c *C.hw_stream_config) C.hw_status {
			return C.hw_engine_update_stream(p, c, s, err)
		})
	})
}

// Stream opens the stream of this name; [ErrNotFound] when there is none.
func (e *Engine) Stream(ctx context.Context, name string) (*Stream, error) {
	return e.openStream(ctx, func(p *C.hw_engine, s **C.hw_stream, err **C.hw_error) (C.hw_status, error) {
		data, size := text(name)
		return C.hw_engine_stream(p, data, size, s, err), nil
	})
}

func (e *Engine) openStream(
	ctx context.Context, open func(*C.hw_engine, **C.hw_stream, **C.hw_error) (C.hw_status, error),
) (*Stream, error) {
	var ptr *C.hw_stream
	var fault error
	err := e.call(ctx, func(p *C.hw_engine, failed **C.hw_error) (status C.hw_status) {
		status, fault = open(p, &ptr, failed)
		return status
	})
	if fault != nil {
		return nil, fault
	}
	if err != nil {
		return nil, err
	}
	return newStream(ctx, e, ptr)
}

func newStream(ctx context.Context, e *Engine, ptr *C.hw_stream) (*Stream, error) {
	h := newHandle("stream", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_stream_free((*C.hw_stream)(p)) })
	s := &Stream{handle: h, engine: e}
	runtime.AddCleanup(s, (*handle).close, h)
	info, err := s.Info(ctx)
	if err != nil {
		h.close()
		return nil, err
	}
	s.name = info.Config.Name
	return s, nil
}

// DeleteStream removes a stream and everything in it. Handles to it are [ErrClosed] from then on.
func (e *Engine) DeleteStream(ctx context.Context, name string) error {
	return e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_delete_stream(p, data, size, err)
	})
}

// Streams describes all streams, by name.
func (e *Engine) Streams(ctx context.Context) ([]StreamInfo, error) {
	var infos *C.hw_stream_infos
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_streams(p, &infos, err)
	})
	if err != nil {
		return nil, err
	}
	return takeStreamInfos(infos)
}

// Name is its name.
func (s *Stream) Name() string { return s.name }

// Info is what it is and holds.
func (s *Stream) Info(ctx context.Context) (StreamInfo, error) {
	var infos *C.hw_stream_infos
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status { return C.hw_stream_info(p, &infos, err) })
	if err != nil {
		return StreamInfo{}, err
	}
	taken, err := takeStreamInfos(infos)
	if err != nil {
		return StreamInfo{}, err
	}
	s.durability.Store(int32(taken[0].Config.Durability))
	return taken[0], nil
}

// Sync returns when everything appended so far is on disk, whatever the stream's durability.
func (s *Stream) Sync(ctx context.Context) error {
	_, err := slow(ctx, s.engine.room(), func() (struct{}, error) {
		return struct{}{}, s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status { return C.hw_stream_sync(p, err) })
	})
	return err
}

// Close gives the handle up; the stream and its records stay. It is optional: an unreachable handle is given up
// too, and closing the engine closes everything.
func (s *Stream) Close() error {
	s.handle.close()
	return nil
}

func (s *Stream) isFsync() bool { return Durability(s.durability.Load()) == Fsync }

func (s *Stream) call(ctx context.Context, body func(*C.hw_stream, **C.hw_error) C.hw_status) error {
	return call(ctx, s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_stream)(p), err)
	})
}

// withStreamConfig lends a configuration to one call.
func withStreamConfig(
	config *StreamConfig, body func(*C.hw_stream_config) C.hw_status,
) (C.hw_status, error) {
	var l lender
	defer l.Unpin()
	c, err := l.streamConfig(config)
	if err != nil {
		return 0, err
	}
	return body(&c), nil
}

func (l *lender) streamConfig(config *StreamConfig) (C.hw_stream_config, error) {
	c := C.hw_stream_config{
		struct_size:             C.sizeof_hw_stream_config,
		name:                    l.str(config.Name),
		description:             l.str(config.Description),
		max_msgs:                C.uint64_t(config.MaxMsgs),
		max_bytes:               C.uint64_t(config.MaxBytes),
		max_msgs_per_subject:    C.uint64_t(config.MaxMsgsPerSubject),
		segment_bytes:           C.uint64_t(config.SegmentBytes),
		max_msg_size:            C.uint32_t(config.MaxMsgSize),
		durability:              C.int32_t(config.Durability),
		discard:                 C.int32_t(config.Discard),
		compression:             C.int32_t(config.Compression),
		discard_new_per_subject: flag(config.DiscardNewPerSubject),
		allow_rollup:            flag(config.AllowRollup),
		deny_delete:             flag(config.DenyDelete),
		deny_purge:              flag(config.DenyPurge),
	}
	c.subjects, c.subjects_len = l.strs(config.Subjects)
	var err error
	if c.sync_interval_ns, err = duration("SyncInterval", config.SyncInterval); err != nil {
		return c, err
	}
	if c.max_age_ns, err = duration("MaxAge", config.MaxAge); err != nil {
		return c, err
	}
	if config.DuplicateWindow == NoDuplicateWindow {
		c.duplicate_window_ns = C.HW_DURATION_NONE
	} else if c.duplicate_window_ns, err = duration("DuplicateWindow", config.DuplicateWindow); err != nil {
		return c, err
	}
	if config.Hub != nil {
		settings, err := json.Marshal(config.Hub)
		if err != nil {
			return c, err
		}
		c.hub = l.str(string(settings))
	}
	return c, nil
}

func takeStreamInfos(infos *C.hw_stream_infos) ([]StreamInfo, error) {
	defer C.hw_stream_infos_free(infos)
	var taken []StreamInfo
	for i := range C.hw_stream_infos_len(infos) {
		state := C.hw_stream_state{struct_size: C.sizeof_hw_stream_state}
		var err *C.hw_error
		if status := C.hw_stream_infos_get(infos, i, &state, &err); status != C.HW_STATUS_OK {
			return nil, failure(status, err)
		}
		config, fault := goStreamConfig(state.config)
		if fault != nil {
			return nil, fault
		}
		taken = append(taken, StreamInfo{
			Config:    config,
			Created:   fromNanos(int64(state.created)),
			Records:   uint64(state.records),
			Bytes:     uint64(state.bytes),
			DiskBytes: uint64(state.disk_bytes),
			Subjects:  uint64(state.subjects),
			FirstSeq:  uint64(state.first_seq),
			FirstTime: maybeTime(state.first_time),
			LastSeq:   uint64(state.last_seq),
			LastTime:  maybeTime(state.last_time),
			Deleted:   uint64(state.deleted),
			Consumers: uint64(state.consumers),
			Segments:  uint64(state.segments),
		})
	}
	return taken, nil
}

func goStreamConfig(c *C.hw_stream_config) (StreamConfig, error) {
	config := StreamConfig{
		Name:                 goString(c.name),
		Subjects:             goStrings(c.subjects, c.subjects_len),
		Description:          goString(c.description),
		Durability:           Durability(c.durability),
		SyncInterval:         goDuration(c.sync_interval_ns),
		MaxAge:               goDuration(c.max_age_ns),
		MaxMsgs:              uint64(c.max_msgs),
		MaxBytes:             uint64(c.max_bytes),
		MaxMsgsPerSubject:    uint64(c.max_msgs_per_subject),
		MaxMsgSize:           uint32(c.max_msg_size),
		Discard:              Discard(c.discard),
		DiscardNewPerSubject: c.discard_new_per_subject != 0,
		DuplicateWindow:      goDuration(c.duplicate_window_ns),
		AllowRollup:          c.allow_rollup != 0,
		DenyDelete:           c.deny_delete != 0,
		DenyPurge:            c.deny_purge != 0,
		Compression:          Compression(c.compression),
		SegmentBytes:         uint64(c.segment_bytes),
	}
	if c.hub.len == 0 {
		return config, nil
	}
	return config, json.Unmarshal([]byte(goString(c.hub)), &config.Hub)
}

// goDuration is a duration of the library; what is longer than Go can hold, and "none at all", is -1.
func goDuration(ns C.uint64_t) time.Duration {
	if ns > math.MaxInt64 {
		return -1
	}
	return time.Duration(ns)
}

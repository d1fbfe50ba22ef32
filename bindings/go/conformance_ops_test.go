package headwater_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

// usageError is a fault of the vector, not an outcome of the operation.
type usageError struct{ error }

// source is what a vector takes items from.
type source struct {
	next, try func(context.Context, int) ([]any, error)
	missed    func() uint64
	close     func() error
}

type runner struct {
	t       *testing.T
	ctx     context.Context
	engine  *headwater.Engine
	sources map[string]source
	// What steps have named.
	crdts       map[string]*headwater.CRDT
	replicas    map[string]*headwater.Replica
	fragments   map[string][]byte
	files       *fileNodes
	presences   map[string]*presenceNode
	held        map[string]*headwater.HeldSession
	projections map[string]*headwater.Projection
	entities    map[string]*headwater.Entities
}

type operation func(r *runner, arguments json.RawMessage) (any, error)

// op makes an operation of a function that takes its arguments as a struct; an unknown argument is a fault.
func op[A any](do func(r *runner, a A) (any, error)) operation {
	return func(r *runner, arguments json.RawMessage) (any, error) {
		var a A
		decoder := json.NewDecoder(bytes.NewReader(arguments))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&a); err != nil {
			return nil, &usageError{err}
		}
		return do(r, a)
	}
}

// onStream is op for operations that name a stream.
func onStream[A interface{ streamName() string }](
	do func(ctx context.Context, s *headwater.Stream, a A) (any, error),
) operation {
	return op(func(r *runner, a A) (any, error) {
		s, err := r.engine.Stream(r.ctx, a.streamName())
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return do(r.ctx, s, a)
	})
}

type inStream struct {
	Stream string `json:"stream"`
}

func (a inStream) streamName() string { return a.Stream }

var operations = map[string]operation{}

func init() {
	for _, table := range []map[string]operation{
		streamOps, consumerOps, bucketOps, objectOps, pointsOps, crdtOps, replicaOps, databaseOps, presenceOps,
		eventOps, projectionOps, entityOps, otherOps,
	} {
		for name, operation := range table {
			operations[name] = operation
		}
	}
}

var otherOps = map[string]operation{
	"take": op(func(r *runner, a takeArgs) (any, error) {
		source, err := r.source(a.sourceArgs)
		if err != nil {
			return nil, err
		}
		timeout := 5 * time.Second
		if a.TimeoutMs != nil {
			timeout = time.Duration(*a.TimeoutMs) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(r.ctx, timeout)
		defer cancel()
		items := []any{}
		for len(items) < a.Count {
			more, err := source.next(ctx, a.Count-len(items))
			if err != nil {
				return nil, err
			}
			items = append(items, more...)
		}
		return items, nil
	}),
	"try_next": op(func(r *runner, a tryArgs) (any, error) {
		source, err := r.source(a.sourceArgs)
		if err != nil {
			return nil, err
		}
		return source.try(r.ctx, orElse(a.Max, 100))
	}),
	"missed": op(func(r *runner, a sourceArgs) (any, error) {
		source, err := r.source(a)
		if err != nil {
			return nil, err
		}
		return source.missed(), nil
	}),
	"next_logs": op(func(r *runner, a logArgs) (any, error) {
		ctx, cancel := context.WithTimeout(r.ctx, time.Duration(orElse(a.TimeoutMs, 5000))*time.Millisecond)
		defer cancel()
		lines, err := r.engine.NextLogs(ctx, orElse(a.Max, 100))
		return list(lines, func(l headwater.LogLine) any {
			return map[string]any{"level": l.Level, "message": l.Message}
		}), err
	}),
	"close_engine": op(func(r *runner, _ struct{}) (any, error) {
		return nil, r.engine.Close()
	}),
	"close": op(func(r *runner, a sourceArgs) (any, error) {
		source, err := r.source(a)
		if err != nil {
			return nil, err
		}
		return nil, source.close()
	}),
	"encode_token": op(func(_ *runner, a struct {
		Text string `json:"text"`
	}) (any, error) {
		return headwater.EncodeToken(a.Text)
	}),
	"decode_token": op(func(_ *runner, a struct {
		Token string `json:"token"`
	}) (any, error) {
		return headwater.DecodeToken(a.Token)
	}),
	"sleep": op(func(_ *runner, a struct {
		Ms int `json:"ms"`
	}) (any, error) {
		time.Sleep(time.Duration(a.Ms) * time.Millisecond)
		return nil, nil
	}),
}

type sourceArgs struct {
	Subscription string `json:"subscription"`
	Watcher      string `json:"watcher"`
	Projection   string `json:"projection"`
	Entities     string `json:"entities"`
	Stream       string `json:"stream"`
	Consumer     string `json:"consumer"`
}

type takeArgs struct {
	sourceArgs
	Count     int  `json:"count"`
	TimeoutMs *int `json:"timeout_ms"`
}

type tryArgs struct {
	sourceArgs
	Max *int `json:"max"`
}

type logArgs struct {
	Max       *int `json:"max"`
	TimeoutMs *int `json:"timeout_ms"`
}

func (r *runner) source(a sourceArgs) (source, error) {
	if a.Consumer != "" {
		s, err := r.engine.Stream(r.ctx, a.Stream)
		if err != nil {
			return source{}, err
		}
		c, err := s.Consumer(r.ctx, a.Consumer)
		if err != nil {
			return source{}, err
		}
		return sourceOf(c.Next, c.TryNext, deliveryJSON, nil, c.Close), nil
	}
	name := a.Subscription + a.Watcher + a.Projection + a.Entities
	found, ok := r.sources[name]
	if !ok {
		return source{}, &usageError{fmt.Errorf("no source is called %q", name)}
	}
	return found, nil
}

// sourceOf makes a source of anything that has Next and TryNext.
func sourceOf[T any](
	next, try func(context.Context, int) ([]T, error), form func(T) any, missed func() uint64,
	close func() error,
) source {
	formed := func(take func(context.Context, int) ([]T, error)) func(context.Context, int) ([]any, error) {
		return func(ctx context.Context, max int) ([]any, error) {
			items, err := take(ctx, max)
			return list(items, form), err
		}
	}
	return source{formed(next), formed(try), missed, close}
}

// list is items in their JSON form; never null.
func list[T any](items []T, form func(T) any) []any {
	formed := []any{}
	for _, item := range items {
		formed = append(formed, form(item))
	}
	return formed
}

// orNull is the JSON form of an item, or null when it is not there.
func orNull[T any](item T, err error, form func(T) any) (any, error) {
	if errors.Is(err, headwater.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return form(item), nil
}

func orElse[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// payloadArgs are the three ways to state bytes.
type payloadArgs struct {
	Payload *string `json:"payload"`
	Base64  []byte  `json:"payload_base64"`
	Size    int     `json:"payload_size"`
}

func (a payloadArgs) bytes() []byte {
	switch {
	case a.Payload != nil:
		return []byte(*a.Payload)
	case a.Base64 != nil:
		return a.Base64
	default:
		return []byte(strings.Repeat("x", a.Size))
	}
}

// pick is the value that goes by name, or a fault of the vector.
func pick[T any](what, name string, values map[string]T) (T, error) {
	value, ok := values[name]
	if !ok && name != "" {
		return value, &usageError{fmt.Errorf("no %s is called %q", what, name)}
	}
	return value, nil
}

func at(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns)
}

package headwater_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

const vectorsDir = "../../tests/conformance"

type vector struct {
	Name  string            `json:"name"`
	Doc   string            `json:"doc"`
	Local string            `json:"local"`
	Steps []json.RawMessage `json:"steps"`
}

// step is what every operation has beside its arguments.
type step struct {
	Op     string          `json:"op"`
	Expect json.RawMessage `json:"expect"`
	Error  *struct {
		Kind     string  `json:"kind"`
		Expected *uint64 `json:"expected"`
		Actual   *uint64 `json:"actual"`
	} `json:"error"`
	Within float64 `json:"within"`
	// Eventually: it is asked again when it does not hold.
	Eventually bool `json:"eventually"`
}

// TestConformance runs the vectors that every language runs, with equal results.
func TestConformance(t *testing.T) {
	for file, v := range vectors(t) {
		t.Run(file, func(t *testing.T) {
			runVector(t, v, headwatertest.Engine(t), (*runner).run)
		})
	}
}

// TestConformanceThroughANode runs them through the node that has a directory open.
func TestConformanceThroughANode(t *testing.T) {
	for file, v := range vectors(t) {
		t.Run(file, func(t *testing.T) {
			runVector(t, v, throughNode(t), (*runner).run)
		})
	}
}

// TestConformanceOnAHub runs them on a hub, as the README of the vectors says.
func TestConformanceOnAHub(t *testing.T) {
	server := startServer(t)
	for file, v := range vectors(t) {
		if v.Local != "" {
			continue
		}
		t.Run(file, func(t *testing.T) {
			runVector(t, v, server.connect(), (*runner).runOnHub)
			engine, ctx := server.connect(), context.Background()
			for _, info := range must(engine.Streams(ctx))(t) {
				if err := engine.DeleteStream(ctx, info.Config.Name); err != nil {
					t.Fatal(err)
				}
			}
			// A server removes files after it has answered, and may find them again for a stream that comes at once.
			time.Sleep(50 * time.Millisecond)
		})
	}
}

func vectors(t *testing.T) map[string]*vector {
	files, err := filepath.Glob(filepath.Join(vectorsDir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorsDir, err)
	}
	all := map[string]*vector{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := new(vector)
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(v); err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = v
	}
	return all
}

func runVector(
	t *testing.T, v *vector, engine *headwater.Engine, run func(*runner, json.RawMessage) (string, string),
) {
	r := &runner{
		t:       t,
		ctx:     context.Background(),
		engine:  engine,
		sources: map[string]source{}, crdts: map[string]*headwater.CRDT{},
		replicas: map[string]*headwater.Replica{}, fragments: map[string][]byte{},
		presences: map[string]*presenceNode{}, held: map[string]*headwater.HeldSession{},
		projections: map[string]*headwater.Projection{}, entities: map[string]*headwater.Entities{},
	}
	for i, raw := range v.Steps {
		if op, fault := run(r, raw); fault != "" {
			t.Fatalf("step %d (%s): %s\n  step: %s", i, op, fault, raw)
		}
	}
}

// run does one step, and says what it was and what was wrong with its outcome.
func (r *runner) run(raw json.RawMessage) (op, fault string) {
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", err.Error()
	}
	fault = r.check(&s, raw)
	for end := time.Now().Add(eventuallyMax); fault != "" && s.Eventually && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		fault = r.check(&s, raw)
	}
	return s.Op, fault
}

// eventuallyMax is how long a step is asked again that holds eventually.
const eventuallyMax = 10 * time.Second

// lagMax is how long a step is asked again on a hub that may lag behind.
const lagMax = 5 * time.Second

// runOnHub is run with the fields of the step's "hub" in place of its own.
func (r *runner) runOnHub(raw json.RawMessage) (op, fault string) {
	var fields, other map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", err.Error()
	}
	if hub, ok := fields["hub"]; ok {
		if err := json.Unmarshal(hub, &other); err != nil {
			return "", err.Error()
		}
	}
	if other["expect"] != nil || other["error"] != nil {
		delete(fields, "expect")
		delete(fields, "error")
	}
	for name, value := range other {
		fields[name] = value
		if string(value) == "null" && name != "expect" {
			delete(fields, name)
		}
	}
	merged, err := json.Marshal(fields)
	if err != nil {
		return "", err.Error()
	}
	for end := time.Now().Add(lagMax); ; time.Sleep(20 * time.Millisecond) {
		op, fault = r.run(merged)
		lags := op == "consumer_info" || op == "stream_info"
		if fault == "" || !lags || time.Now().After(end) {
			return op, fault
		}
	}
}

// check does one step and says what was wrong with its outcome; "" when nothing was.
func (r *runner) check(s *step, raw json.RawMessage) string {
	operation, ok := operations[s.Op]
	if !ok {
		return "unknown operation"
	}
	arguments, err := argumentsOf(raw)
	if err != nil {
		return err.Error()
	}
	got, err := operation(r, arguments)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return usage.Error()
	case s.Error != nil:
		return s.errorFault(err)
	case err != nil:
		return fmt.Sprintf("failed: %v", err)
	case s.Expect == nil:
		return ""
	}
	return s.resultFault(got)
}

func (s *step) errorFault(err error) string {
	if err == nil {
		return fmt.Sprintf("succeeded where error %q was wanted", s.Error.Kind)
	}
	if name := headwater.CodeOf(err).Name(); name != s.Error.Kind {
		return fmt.Sprintf("error %q was wanted, not %v", s.Error.Kind, err)
	}
	var failure *headwater.Error
	if !errors.As(err, &failure) {
		return fmt.Sprintf("not a *headwater.Error: %v", err)
	}
	for _, pair := range []struct {
		want *uint64
		got  uint64
	}{{s.Error.Expected, failure.Expected}, {s.Error.Actual, failure.Actual}} {
		if pair.want != nil && (!failure.HasSequences || *pair.want != pair.got) {
			return fmt.Sprintf("sequence %d was wanted in %+v", *pair.want, failure)
		}
	}
	return ""
}

func (s *step) resultFault(result any) string {
	text, err := json.Marshal(result)
	if err != nil {
		return err.Error()
	}
	want, got := plain(s.Expect), plain(text)
	if matches(want, got, s.Within) {
		return ""
	}
	return fmt.Sprintf("wanted %s, got %s", s.Expect, text)
}

func plain(text []byte) any {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	return value
}

func matches(want, got any, within float64) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, value := range want {
			ok = ok && matches(value, object[name], within)
		}
		return ok
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !matches(want[i], list[i], within) {
				return false
			}
		}
		return true
	case float64:
		number, ok := got.(float64)
		return ok && math.Abs(number-want) <= within*math.Abs(want)
	default:
		return reflect.DeepEqual(want, got)
	}
}

// argumentsOf is the step without the fields that are not arguments.
func argumentsOf(raw json.RawMessage) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	for _, name := range []string{"op", "expect", "error", "within", "hub", "eventually"} {
		delete(fields, name)
	}
	return json.Marshal(fields)
}

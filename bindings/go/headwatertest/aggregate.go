package headwatertest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/headwater/headwater/bindings/go"
)

// Decision is a test of a decision of an aggregate: given what happened, when something is decided, then that happens.
// It needs no engine.
type Decision[S, E any] struct {
	t    testing.TB
	root *headwater.Root[S, E]
	err  error
}

// Given is an aggregate of a kind to which these events happened.
func Given[S, E any](t testing.TB, kind headwater.AggregateType[S, E], events ...E) *Decision[S, E] {
	t.Helper()
	root := headwater.NewRoot(&kind, "test")
	for _, event := range events {
		kind.Apply(&root.State, event)
	}
	root.Position = headwater.Position{Version: uint64(len(events)), Seq: uint64(len(events))}
	return &Decision[S, E]{t: t, root: root}
}

// When decides.
func (d *Decision[S, E]) When(decide func(*headwater.Root[S, E]) error) *Decision[S, E] {
	d.t.Helper()
	d.err = decide(d.root)
	return d
}

// Then expects that these events, and no others, were raised in this order, and no error.
func (d *Decision[S, E]) Then(events ...E) *Decision[S, E] {
	d.t.Helper()
	if d.err != nil {
		d.t.Fatalf("the decision was refused: %v", d.err)
	}
	raised := d.root.Raised()
	if len(raised) == 0 && len(events) == 0 {
		return d
	}
	if !reflect.DeepEqual(raised, events) {
		d.t.Fatalf("the decision raised\n%sand not\n%s", listed(raised), listed(events))
	}
	return d
}

// ThenError expects that the decision was refused with an error that is target; any error when target is nil.
func (d *Decision[S, E]) ThenError(target error) *Decision[S, E] {
	d.t.Helper()
	switch {
	case d.err == nil:
		d.t.Fatalf("the decision was not refused, and raised\n%s", listed(d.root.Raised()))
	case target != nil && !errors.Is(d.err, target):
		d.t.Fatalf("the decision was refused with %q, and not with %q", d.err, target)
	}
	return d
}

// ThenState looks at the state that came of it.
func (d *Decision[S, E]) ThenState(look func(testing.TB, S)) *Decision[S, E] {
	d.t.Helper()
	look(d.t, d.root.State)
	return d
}

func listed[E any](events []E) string {
	if len(events) == 0 {
		return "  nothing\n"
	}
	var text strings.Builder
	for i, event := range events {
		fmt.Fprintf(&text, "  %d. %T%+v\n", i+1, event, event)
	}
	return text.String()
}

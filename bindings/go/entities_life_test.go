package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// exitGoroutine ends the goroutine that it is called in, as a test does that fails in the wrong one.
func exitGoroutine() { runtime.Goexit() }

func TestEntityThatCannotBeMade(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	serve(t, e, headwater.EntityTypes{
		"refused": func(context.Context, *headwater.EntityContext) (headwater.Entity, error) {
			return nil, headwater.ErrNotFound
		},
		"broken": func(context.Context, *headwater.EntityContext) (headwater.Entity, error) { panic("no") },
		"none":   func(context.Context, *headwater.EntityContext) (headwater.Entity, error) { return nil, nil },
	})
	for kind, code := range map[string]headwater.Code{
		"refused": headwater.ErrNotFound, "broken": headwater.ErrInternal, "none": headwater.ErrInternal,
		"stranger": headwater.ErrUnsupported,
	} {
		_, err := e.Request(ctx, headwater.EntityID{Kind: kind, Key: "a"}, "get", nil)
		wantCode(t, err, code)
	}
	_, err := e.Request(ctx, headwater.EntityID{Kind: "stranger", Key: "a"}, "get", nil)
	if !strings.Contains(err.Error(), "no entity of kind 'stranger' is handled here") {
		t.Fatal(err)
	}
}

// stoppable is a handler that tells of its end, with its key.
type stoppable struct {
	handling
	key     string
	stopped chan<- string
}

func (s stoppable) Stop(ctx context.Context) {
	if ctx.Err() != nil {
		s.stopped <- "its context had ended"
	}
	s.stopped <- s.key
}

func TestEntityTasksEndWithTheirHandler(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{Tasks: 2}))(t)
	ended := make(chan error, 3)
	serve(t, e, handle(func(
		ctx context.Context, entity *headwater.EntityContext, message headwater.Message,
	) ([]byte, error) {
		switch message.Name {
		case "begin":
			return nil, entity.Spawn(ctx, "done", func(ctx context.Context) []byte {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil
			})
		case "done":
			t.Error("a task that was let go has a message")
		case "break":
			panic("it broke")
		}
		return nil, nil
	}))
	must(e.Request(ctx, thing("a"), "begin", nil))(t)
	must(e.Request(ctx, thing("a"), "begin", nil))(t)
	_, err := e.Request(ctx, thing("a"), "begin", nil)
	wantCode(t, err, headwater.ErrLimit)
	_, err = e.Request(ctx, thing("a"), "break", nil)
	wantCode(t, err, headwater.ErrInternal)
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	must(e.Request(ctx, thing("a"), "begin", nil))(t)
	ok(t, e.Close())
	<-ended
}

func TestEntityTasksThatPanicLeaveNoMessage(t *testing.T) {
	ctx := within(t)
	logged := make(lines, 100)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{Tasks: 1}))(t)
	serve(t, e, handle(func(
		ctx context.Context, entity *headwater.EntityContext, message headwater.Message,
	) ([]byte, error) {
		switch message.Name {
		case "begin":
			return nil, entity.Spawn(ctx, "done", func(context.Context) []byte { panic("a task of a test broke") })
		case "done":
			t.Error("it has a message")
		}
		return nil, nil
	}))
	must(e.Request(ctx, thing("a"), "begin", nil))(t)
	if line := <-logged; !strings.Contains(line, "a task of a test broke") || !strings.Contains(line, "thing 'a'") {
		t.Fatal(line)
	}
	eventually(t, "its place is free again", func() bool {
		_, err := e.Request(ctx, thing("a"), "begin", nil)
		return err == nil
	})
	<-logged
}

// lines are lines of a log.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestEntityThatNobodyAsksStops(t *testing.T) {
	ctx := within(t)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	engine := headwatertest.EngineAt(t, begin)
	e := must(engine.Entities(ctx, headwater.EntitiesConfig{Idle: time.Minute}))(t)
	stopped := make(chan string, 2)
	serve(t, e, headwater.EntityTypes{"thing": func(
		_ context.Context, entity *headwater.EntityContext,
	) (headwater.Entity, error) {
		nothing := func(context.Context, headwater.Message) ([]byte, error) { return nil, nil }
		return stoppable{nothing, entity.Key(), stopped}, nil
	}})
	must(e.Request(ctx, thing("a"), "get", nil))(t)
	if e.Active() != 1 {
		t.Fatal(e.Active())
	}
	eventually(t, "it is idle", func() bool { return must(e.List(ctx, ""))(t)[0].State == headwater.EntityIdle })
	eventually(t, "it is gone", func() bool {
		ok(t, engine.Advance(ctx, time.Minute))
		return e.Active() == 0
	})
	if who := <-stopped; who != "a" {
		t.Fatal(who)
	}
}

func TestEntitiesThatHoldTooMuchStop(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{Memory: 100}))(t)
	stopped := make(chan string, 10)
	serve(t, e, headwater.EntityTypes{"thing": func(
		_ context.Context, entity *headwater.EntityContext,
	) (headwater.Entity, error) {
		hold := func(ctx context.Context, message headwater.Message) ([]byte, error) {
			bytes, err := strconv.ParseUint(string(message.Payload), 10, 64)
			if err == nil {
				err = entity.Holds(ctx, bytes)
			}
			return nil, err
		}
		return stoppable{hold, entity.Key(), stopped}, nil
	}})
	ends := func(count int) string {
		var keys []string
		for range count {
			select {
			case key := <-stopped:
				keys = append(keys, key)
			case <-ctx.Done():
				t.Fatal(keys, ctx.Err())
			}
		}
		slices.Sort(keys)
		return strings.Join(keys, " ")
	}
	for _, held := range []struct{ key, bytes string }{{"a", "40"}, {"b", "60"}, {"a", "30"}, {"b", "70"}} {
		asked(t, e, thing(held.key), "hold", held.bytes)
	}
	if e.Active() != 2 || len(stopped) != 0 {
		t.Fatal(e.Active(), len(stopped))
	}
	// The one that was asked longest ago goes, and without it the rest fits.
	asked(t, e, thing("c"), "hold", "1")
	if who := ends(1); who != "a" {
		t.Fatal(who)
	}
	eventually(t, "the others stay", func() bool { return e.Active() == 2 })
	// One that alone is too much goes too, and a new life of it holds nothing.
	asked(t, e, thing("d"), "hold", "101")
	if who := ends(3); who != "b c d" {
		t.Fatal(who)
	}
	eventually(t, "nobody is there", func() bool { return e.Active() == 0 })
	asked(t, e, thing("d"), "hold", "1")
	asked(t, e, thing("e"), "hold", "99")
	if e.Active() != 2 || len(stopped) != 0 {
		t.Fatal(e.Active(), len(stopped))
	}
}

func TestEntityContextIsOfACall(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	kept := make(chan context.Context, 1)
	of := make(chan *headwater.EntityContext, 1)
	serve(t, e, handle(func(
		ctx context.Context, entity *headwater.EntityContext, message headwater.Message,
	) ([]byte, error) {
		if message.Name == "keep" {
			kept <- ctx
			of <- entity
		}
		return nil, entity.SetTimer(ctx, "", time.Hour, time.Nanosecond)
	}))
	must(e.Request(ctx, thing("a"), "keep", nil))(t)
	entity, old := <-of, <-kept
	if entity.ID() != thing("a") || entity.Kind() != "thing" || entity.Key() != "a" || entity.Entities() != e {
		t.Fatal(entity.ID())
	}
	<-old.Done()
	wantCode(t, entity.SetTimer(old, "tick", 0, 0), headwater.ErrTimeout)
	wantCode(t, entity.SetTimer(ctx, "tick", 0, 0), headwater.ErrMisuse)
	wantCode(t, entity.Holds(ctx, 1), headwater.ErrMisuse)
	wantCode(t, entity.SetTimer(context.WithoutCancel(old), "tick", 0, 0), headwater.ErrMisuse)
	_, err := entity.CancelTimer(ctx, "tick")
	wantCode(t, err, headwater.ErrMisuse)
	wantCode(t, entity.Spawn(ctx, "done", func(context.Context) []byte { return nil }), headwater.ErrMisuse)
	_, err = entity.Request(context.WithoutCancel(old), thing("b"), "get", nil)
	wantCode(t, err, headwater.ErrMisuse)
	must(entity.Request(ctx, thing("b"), "get", nil))(t)
	ok(t, entity.Notify(ctx, thing("a"), "get", nil))
}

func TestEntitiesAreUsedAfterClose(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	waiting := make(chan error, 1)
	go func() {
		_, err := e.Request(ctx, thing("a"), "get", nil)
		waiting <- err
	}()
	eventually(t, "it waits", func() bool { return len(must(e.List(ctx, ""))(t)) == 1 })
	ok(t, e.Close())
	ok(t, e.Close())
	wantCode(t, <-waiting, headwater.ErrClosed)
	var never *headwater.Entities
	for _, e := range []*headwater.Entities{e, never} {
		_, err := e.Request(ctx, thing("a"), "get", nil)
		wantCode(t, err, headwater.ErrClosed)
		wantCode(t, e.Notify(ctx, thing("a"), "get", nil), headwater.ErrClosed)
		wantCode(t, e.Pause(thing("a")), headwater.ErrClosed)
		wantCode(t, e.Leave(ctx), headwater.ErrClosed)
		_, err = e.List(ctx, "")
		wantCode(t, err, headwater.ErrClosed)
		_, err = e.Nodes()
		wantCode(t, err, headwater.ErrClosed)
		_, err = e.Where(thing("a"))
		wantCode(t, err, headwater.ErrClosed)
		if e.Active() != 0 {
			t.Fatal(e.Active())
		}
	}
	ok(t, e.Serve(ctx, nil))
	wantCode(t, never.Serve(ctx, nil), headwater.ErrClosed)
	ok(t, never.Close())

	engine := must(headwater.Memory(ctx))(t)
	e = must(engine.Entities(ctx, headwater.EntitiesConfig{}))(t)
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx, nil) }()
	time.Sleep(10 * time.Millisecond)
	ok(t, engine.Close())
	ok(t, <-served)
	_, err := e.Request(ctx, thing("a"), "get", nil)
	wantCode(t, err, headwater.ErrClosed)
	ok(t, e.Close())
}

// Whoever serves may be followed by another, who makes the handlers anew and does what was not done.
func TestEntitiesAreServedByOneAfterTheOther(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	types := func(name string, stuck chan<- struct{}) headwater.EntityTypes {
		return handle(func(ctx context.Context, _ *headwater.EntityContext, m headwater.Message) ([]byte, error) {
			if stuck != nil && m.Name == "slow" {
				close(stuck)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []byte(name), nil
		})
	}
	stuck := make(chan struct{})
	first, end := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- e.Serve(first, types("first", stuck)) }()
	if who := asked(t, e, thing("a"), "who", ""); who != "first" {
		t.Fatal(who)
	}
	wantCode(t, e.Serve(ctx, nil), headwater.ErrMisuse)
	slow := make(chan string, 1)
	go func() {
		answer, err := e.Request(ctx, thing("b"), "slow", nil)
		slow <- fmt.Sprint(string(answer), err)
	}()
	<-stuck
	end()
	err := <-served
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	serve(t, e, types("second", nil))
	if who := asked(t, e, thing("a"), "who", ""); who != "second" {
		t.Fatal(who)
	}
	if answer := <-slow; answer != "second<nil>" {
		t.Fatal(answer)
	}
}

func TestEntitiesCloseBesideUse(t *testing.T) {
	ctx := within(t)
	for range 10 {
		engine := headwatertest.Engine(t)
		e := must(engine.Entities(ctx, headwater.EntitiesConfig{}))(t)
		served := make(chan error, 1)
		go func() { served <- e.Serve(ctx, headwater.EntityTypes{"counter": startCounter}) }()
		var group sync.WaitGroup
		for i := range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					if _, err := e.Request(ctx, counterID(fmt.Sprint(i%3)), "add", nil); err != nil {
						wantClosed(t, err)
						return
					}
				}
			}()
		}
		time.Sleep(5 * time.Millisecond)
		ok(t, e.Close())
		group.Wait()
		ok(t, <-served)
	}
}

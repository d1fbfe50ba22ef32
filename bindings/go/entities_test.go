package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// serve handles entities until the test ends, and closes them then.
func serve(t testing.TB, e *headwater.Entities, types headwater.EntityTypes) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- e.Serve(context.Background(), types) }()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// handling is a handler of one function.
type handling func(ctx context.Context, message headwater.Message) ([]byte, error)

func (h handling) Handle(ctx context.Context, message headwater.Message) ([]byte, error) {
	return h(ctx, message)
}

// handle is a kind whose handlers are a function, which gets what each knows of itself.
func handle(
	do func(ctx context.Context, entity *headwater.EntityContext, message headwater.Message) ([]byte, error),
) headwater.EntityTypes {
	return headwater.EntityTypes{"thing": func(
		_ context.Context, entity *headwater.EntityContext,
	) (headwater.Entity, error) {
		return handling(func(ctx context.Context, message headwater.Message) ([]byte, error) {
			return do(ctx, entity, message)
		}), nil
	}}
}

// counters are entities of an engine of their own, with the counter of the vectors.
func counters(t testing.TB, config headwater.EntitiesConfig) *headwater.Entities {
	t.Helper()
	e := must(headwatertest.Engine(t).Entities(within(t), config))(t)
	serve(t, e, headwater.EntityTypes{"counter": startCounter})
	return e
}

func counterID(key string) headwater.EntityID { return headwater.EntityID{Kind: "counter", Key: key} }
func thing(key string) headwater.EntityID     { return headwater.EntityID{Kind: "thing", Key: key} }

func asked(t testing.TB, e *headwater.Entities, id headwater.EntityID, name, payload string) string {
	t.Helper()
	return string(must(e.Request(within(t), id, name, []byte(payload)))(t))
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(waitMax); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestEntityManyWhoAskMeetOneHandler(t *testing.T) {
	const callers, requests = 50, 40
	e := must(headwatertest.Engine(t).Entities(within(t), headwater.EntitiesConfig{Mailbox: callers}))(t)
	var made, sum int // No lock: one handler is told one thing at a time.
	serve(t, e, headwater.EntityTypes{"thing": func(context.Context, *headwater.EntityContext) (headwater.Entity, error) {
		made++
		return handling(func(context.Context, headwater.Message) ([]byte, error) {
			sum++
			return nil, nil
		}), nil
	}})
	ctx := within(t)
	var group sync.WaitGroup
	for range callers {
		group.Add(1)
		go func() {
			defer group.Done()
			for range requests {
				if _, err := e.Request(ctx, thing("one"), "add", nil); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	must(e.Request(ctx, thing("one"), "add", nil))(t)
	if made != 1 || sum != callers*requests+1 {
		t.Fatal(made, sum)
	}
}

func TestEntityErrorsAreRefusalsAndAPanicBreaks(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	lives := 0
	serve(t, e, headwater.EntityTypes{"thing": func(context.Context, *headwater.EntityContext) (headwater.Entity, error) {
		lives++
		return handling(func(_ context.Context, message headwater.Message) ([]byte, error) {
			switch message.Name {
			case "ours":
				return nil, &headwater.Error{Code: headwater.ErrConflict, Message: "it is taken"}
			case "wrapped":
				return nil, fmt.Errorf("looking: %w", headwater.ErrNotFound)
			case "other":
				return nil, errors.New("no \xff luck")
			case "panic":
				panic("it \xff broke")
			case "exit":
				exitGoroutine()
			}
			return fmt.Appendf(nil, "%d", lives), nil
		}), nil
	}})
	for name, want := range map[string]struct {
		code headwater.Code
		text string
	}{
		"ours":    {headwater.ErrConflict, "it is taken"},
		"wrapped": {headwater.ErrNotFound, "looking: headwater: not_found"},
		"other":   {headwater.ErrInternal, "no \uFFFD luck"},
	} {
		_, err := e.Request(ctx, thing("a"), name, nil)
		wantCode(t, err, want.code)
		if failure := new(headwater.Error); !errors.As(err, &failure) || failure.Message != want.text {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if life := asked(t, e, thing("a"), "get", ""); life != "1" {
		t.Fatal(life)
	}
	_, err := e.Request(ctx, thing("a"), "panic", nil)
	wantCode(t, err, headwater.ErrInternal)
	if !strings.Contains(err.Error(), "the handler of thing 'a' panicked: it \uFFFD broke") {
		t.Fatal(err)
	}
	if life := asked(t, e, thing("a"), "get", ""); life != "2" {
		t.Fatal(life)
	}
	_, err = e.Request(ctx, thing("a"), "exit", nil)
	wantCode(t, err, headwater.ErrInternal)
	if life := asked(t, e, thing("a"), "get", ""); life != "3" {
		t.Fatal(life)
	}
}

func TestEntityThatNeverReturnsLosesItsLease(t *testing.T) {
	ctx := within(t)
	config := headwater.EntitiesConfig{Lease: 50 * time.Millisecond}
	e := must(headwatertest.Engine(t).Entities(ctx, config))(t)
	ended := make(chan error, 1)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	serve(t, e, handle(func(
		ctx context.Context, _ *headwater.EntityContext, message headwater.Message,
	) ([]byte, error) {
		if message.Name == "hang" {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			<-release
		}
		return []byte("here"), nil
	}))
	_, err := e.Request(ctx, thing("a"), "hang", nil)
	wantCode(t, err, headwater.ErrTimeout)
	if ctx.Err() != nil {
		t.Fatal("the request waited for its own deadline")
	}
	wantCode(t, <-ended, headwater.ErrMisuse)
	if answer := asked(t, e, thing("a"), "get", ""); answer != "here" {
		t.Fatal(answer)
	}
}

// What was answered is told before something slow behind it is waited for.
func TestEntityAnswersBeforeItWaits(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	release := make(chan struct{})
	serve(t, e, handle(func(_ context.Context, _ *headwater.EntityContext, message headwater.Message) ([]byte, error) {
		if message.Name == "slow" {
			<-release
		}
		return nil, nil
	}))
	ok(t, e.Pause(thing("a")))
	quick, slow := make(chan error, 1), make(chan error, 1)
	ask := func(name string, done chan error, waiting int) {
		go func() {
			_, err := e.Request(ctx, thing("a"), name, nil)
			done <- err
		}()
		eventually(t, "the request waits", func() bool { return must(e.List(ctx, ""))(t)[0].Waiting == waiting })
	}
	ask("quick", quick, 1)
	ask("slow", slow, 2)
	ok(t, e.Resume(thing("a")))
	ok(t, <-quick)
	select {
	case err := <-slow:
		t.Fatal("it did not wait", err)
	default:
	}
	close(release)
	ok(t, <-slow)
}

func TestEntityWhoseMailboxIsFullRefuses(t *testing.T) {
	ctx := within(t)
	e := counters(t, headwater.EntitiesConfig{Mailbox: 2})
	ok(t, e.Pause(counterID("a")))
	ok(t, e.Notify(ctx, counterID("a"), "add", nil))
	ok(t, e.Notify(ctx, counterID("a"), "add", nil))
	wantCode(t, e.Notify(ctx, counterID("a"), "add", nil), headwater.ErrLimit)
	_, err := e.Request(ctx, counterID("a"), "get", nil)
	wantCode(t, err, headwater.ErrLimit)
	ok(t, e.Step(counterID("a")))
	eventually(t, "one was handled", func() bool { return must(e.List(ctx, "counter"))(t)[0].Waiting == 1 })
	ok(t, e.Resume(counterID("a")))
	if sum := asked(t, e, counterID("a"), "get", ""); sum != "2" {
		t.Fatal(sum)
	}
}

func TestEntityRequestsThatWouldWaitForThemselves(t *testing.T) {
	ctx := within(t)
	e := counters(t, headwater.EntitiesConfig{})
	_, err := e.Request(ctx, counterID("a"), "ask_back", []byte("b"))
	wantCode(t, err, headwater.ErrInvalid)
	if !strings.Contains(err.Error(), "counter 'a' -> counter 'b' -> counter 'a'") {
		t.Fatal(err)
	}
}

func TestEntityRequestThatIsNotBegunInTime(t *testing.T) {
	e := counters(t, headwater.EntitiesConfig{})
	ok(t, e.Pause(counterID("a")))
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := e.Request(short, counterID("a"), "add", nil)
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	eventually(t, "it is given up", func() bool { return must(e.List(within(t), ""))(t)[0].Waiting == 0 })
	ok(t, e.Resume(counterID("a")))
	if sum := asked(t, e, counterID("a"), "get", ""); sum != "0" {
		t.Fatal(sum)
	}
}

// A handler may refuse with a timeout, which is an answer like another.
func TestEntityMayAnswerATimeout(t *testing.T) {
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	serve(t, e, handle(func(context.Context, *headwater.EntityContext, headwater.Message) ([]byte, error) {
		return nil, &headwater.Error{Code: headwater.ErrTimeout, Message: "the bank did not answer"}
	}))
	_, err := e.Request(ctx, thing("a"), "get", nil)
	wantCode(t, err, headwater.ErrTimeout)
	if !strings.Contains(err.Error(), "the bank did not answer") {
		t.Fatal(err)
	}
}

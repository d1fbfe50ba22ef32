package headwater_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// accountEvent is what happens to an account.
type accountEvent interface{ isAccountEvent() }

type deposited struct{ Amount int }

type withdrawn struct{ Amount int }

func (deposited) isAccountEvent() {}
func (withdrawn) isAccountEvent() {}

type accountState struct{ Balance int }

var errShort = errors.New("there is too little")

func account() headwater.AggregateType[accountState, accountEvent] {
	events := headwater.NewJSONEvents[accountEvent]()
	headwater.RegisterEvent[deposited](events, "Deposited", 2)
	headwater.RegisterEvent[withdrawn](events, "Withdrawn", 1)
	return headwater.AggregateType[accountState, accountEvent]{
		Name:  "account",
		Codec: events,
		Apply: func(state *accountState, event accountEvent) {
			switch event := event.(type) {
			case deposited:
				state.Balance += event.Amount
			case withdrawn:
				state.Balance -= event.Amount
			}
		},
		SnapshotSchema: 1,
		Clone:          func(state accountState) accountState { return state },
		Upcasters: headwater.Upcasters{
			{EventType: "Deposited", Schema: 1}: func(old headwater.Upcasted) (headwater.Upcasted, error) {
				var amount int
				if err := json.Unmarshal(old.Data, &amount); err != nil {
					return headwater.Upcasted{}, err
				}
				return headwater.Upcasted{EventType: "Deposited", Schema: 2, Data: fmt.Appendf(nil, `{"Amount":%d}`, amount)}, nil
			},
		},
	}
}

type accountRoot = headwater.Root[accountState, accountEvent]

func deposit(amount int) func(*accountRoot) error {
	return func(root *accountRoot) error {
		root.Raise(deposited{amount})
		return nil
	}
}

func withdraw(amount int) func(*accountRoot) error {
	return func(root *accountRoot) error {
		if amount > root.State.Balance {
			return errShort
		}
		root.Raise(withdrawn{amount})
		return nil
	}
}

func TestARepositoryFoldsEventsOfAllShapes(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	old := headwater.NewEvent{EventType: "Deposited", Data: []byte("7")}
	must(store.Save(ctx, "account", "a", []headwater.NewEvent{old}, headwater.SaveOptions{}))(t)
	options := headwater.RepositoryOptions{SnapshotEvery: 3, Cache: -1}
	accounts := must(headwater.NewRepository(store, account(), options))(t)
	for range 4 {
		must(accounts.Transact(ctx, "a", headwater.SaveOptions{}, withdraw(1)))(t)
	}
	if _, err := accounts.Transact(ctx, "a", headwater.SaveOptions{}, withdraw(9)); !errors.Is(err, errShort) {
		t.Fatal(err)
	}
	root := must(accounts.Load(ctx, "a"))(t)
	if root.State.Balance != 3 || root.Position.Version != 5 || root.Key != "a" || !root.Exists() {
		t.Fatalf("%+v", root)
	}
	// The third event made a snapshot; the old shape is not read any more.
	if snapshot := must(store.Snapshot(ctx, "account", "a"))(t); snapshot.Position.Version != 3 {
		t.Fatalf("%+v", snapshot)
	}
	_, err := accounts.Load(ctx, "none")
	wantCode(t, err, headwater.ErrNotFound)
	created := accounts.Start("a")
	created.Raise(deposited{1})
	wantCode(t, accounts.Save(ctx, created, headwater.SaveOptions{}), headwater.ErrConflict)
	unknown := headwater.NewEvent{EventType: "Frozen"}
	must(store.Save(ctx, "account", "a", []headwater.NewEvent{unknown}, headwater.SaveOptions{}))(t)
	_, err = accounts.Load(ctx, "a")
	if !errors.Is(err, headwater.ErrUnsupported) || !strings.Contains(err.Error(), "event 6") {
		t.Fatal(err)
	}
}

func TestACacheIsAskedOfTheLog(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	here := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{Cache: 2}))(t)
	there := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{}))(t)
	for _, key := range []string{"a", "b", "c"} {
		must(here.Transact(ctx, key, headwater.SaveOptions{}, deposit(1)))(t)
	}
	must(there.Transact(ctx, "a", headwater.SaveOptions{}, deposit(5)))(t)
	must(there.Transact(ctx, "c", headwater.SaveOptions{}, deposit(5)))(t)
	for key, want := range map[string]int{"a": 6, "b": 1, "c": 6} {
		if root := must(here.Load(ctx, key))(t); root.State.Balance != want {
			t.Fatalf("%+v", root)
		}
	}
	// A command that was carried out before changes nothing.
	command := headwater.SaveOptions{Command: "pay"}
	must(here.Transact(ctx, "b", command, deposit(1)))(t)
	root := must(here.GetOrCreate(ctx, "b"))(t)
	root.Raise(deposited{1})
	root.Position = headwater.Position{Version: 1, Seq: 2}
	ok(t, here.Save(ctx, root, command))
	if root.State.Balance != 2 || root.Position.Version != 2 {
		t.Fatalf("%+v", root)
	}
}

// aboutSomebody is an event whose data can be forgotten.
type aboutSomebody struct{ Amount int }

func (aboutSomebody) DataSubject() string { return "somebody" }

// loadsAtOnce loads an aggregate of one event so many times, all before the first read of it is done, and answers how
// many of the others then had to read it too, all of them at once.
func loadsAtOnce(t *testing.T, loads int, event any) int {
	t.Helper()
	ctx, store := within(t), eventStore(t)
	codec := headwater.NewJSONEvents[any]()
	headwater.RegisterEvent[deposited](codec, "Deposited", 1)
	headwater.RegisterEvent[aboutSomebody](codec, "About", 1)
	reading, goOn := make(chan struct{}, loads), make(chan struct{})
	kind := headwater.AggregateType[int, any]{
		Name: "account", Codec: codec, Clone: func(state int) int { return state },
		Apply: func(*int, any) {
			reading <- struct{}{}
			<-goOn
		},
	}
	saved := headwater.NewEvent{EventType: "Deposited", Data: []byte(`{"Amount":1}`)}
	if about, ok := event.(headwater.WithDataSubject); ok {
		saved.EventType, saved.DataSubject = "About", about.DataSubject()
	}
	must(store.Save(ctx, "account", "a", []headwater.NewEvent{saved}, headwater.SaveOptions{}))(t)
	accounts := must(headwater.NewRepository(store, kind, headwater.RepositoryOptions{}))(t)
	answers := make(chan error, loads)
	load := func() {
		_, err := accounts.Load(ctx, "a")
		answers <- err
	}
	allGoOn := sync.OnceFunc(func() { close(goOn) })
	defer allGoOn()
	go load()
	<-reading
	for range loads - 1 {
		go load()
	}
	// All get to where they wait for the read that is under way.
	time.Sleep(50 * time.Millisecond)
	goOn <- struct{}{}
	// None of the others may go on: each has an answer, or is in a read of its own.
	reads := 0
	for answered := 0; answered+reads < loads; {
		select {
		case err := <-answers:
			ok(t, err)
			answered++
		case <-reading:
			reads++
		case <-time.After(waitMax / 4):
			t.Fatal("a load waits for one that is not the first")
		}
	}
	allGoOn()
	for range reads {
		ok(t, <-answers)
	}
	return reads
}

func TestLoadsAtOnceShareOneRead(t *testing.T) {
	if reads := loadsAtOnce(t, 8, deposited{1}); reads != 0 {
		t.Errorf("%d more reads", reads)
	}
}

// Nobody is given what can be forgotten, and nobody waits for another one's read of it.
func TestLoadsOfWhatCanBeForgottenAreNotOneAfterAnother(t *testing.T) {
	if reads := loadsAtOnce(t, 8, aboutSomebody{1}); reads != 7 {
		t.Errorf("%d more reads at once", reads)
	}
}

func TestACommandThatWasCarriedOutIsNotDecidedAgain(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	accounts := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{}))(t)
	once := headwater.SaveOptions{Command: "pay"}
	first := must(accounts.Transact(ctx, "a", once, deposit(5)))(t)
	if first.IsRepeat || first.Root.State.Balance != 5 {
		t.Fatalf("%+v", first)
	}
	must(accounts.Transact(ctx, "a", headwater.SaveOptions{}, deposit(1)))(t)
	never := func(*accountRoot) error {
		t.Error("it was decided again")
		return nil
	}
	again := must(accounts.Transact(ctx, "a", once, never))(t)
	if !again.IsRepeat || again.Root.State.Balance != 6 || again.Root.Position.Version != 2 {
		t.Fatalf("%+v", again)
	}
	if other := must(accounts.Transact(ctx, "b", once, deposit(5)))(t); other.IsRepeat {
		t.Fatalf("%+v", other)
	}
}

func TestUpcastersThatLeadBackAreRefused(t *testing.T) {
	same := func(event headwater.Upcasted) (headwater.Upcasted, error) { return event, nil }
	steps := headwater.Upcasters{{EventType: "A", Schema: 1}: same}
	_, err := steps.Upcast(headwater.Upcasted{EventType: "A", Schema: 1})
	wantCode(t, err, headwater.ErrInvalid)
}

func TestADecisionIsTestedWithoutAnEngine(t *testing.T) {
	headwatertest.Given(t, account(), accountEvent(deposited{5})).When(withdraw(3)).Then(withdrawn{3}).
		ThenState(func(t testing.TB, state accountState) {
			if state.Balance != 2 {
				t.Fatalf("%+v", state)
			}
		})
	headwatertest.Given(t, account(), accountEvent(deposited{5})).When(withdraw(6)).ThenError(errShort)
	probe := new(recorder)
	func() {
		defer func() { _ = recover() }()
		headwatertest.Given(testing.TB(probe), account(), accountEvent(deposited{5})).When(withdraw(3)).Then(withdrawn{4})
	}()
	for _, part := range []string{"withdrawn{Amount:3}", "withdrawn{Amount:4}"} {
		if !strings.Contains(strings.ReplaceAll(probe.said, "headwater_test.", ""), part) {
			t.Fatalf("%q does not say %s", probe.said, part)
		}
	}
}

// recorder is a test that is to fail.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(r.said)
}

package headwater_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func eventStore(t testing.TB) *headwater.EventStore {
	t.Helper()
	return must(headwatertest.Engine(t).CreateEventStore(within(t), headwater.EventsConfig{}))(t)
}

func opened(types ...string) []headwater.NewEvent {
	events := make([]headwater.NewEvent, len(types))
	for i, eventType := range types {
		events[i] = headwater.NewEvent{EventType: eventType, Data: []byte(eventType)}
	}
	return events
}

func number(n uint64) *uint64 { return &n }

func TestWhatIsSavedIsLoaded(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	when := time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC)
	event := headwater.NewEvent{
		EventType: "Deposited", Data: []byte(`{"amount":5}`), Schema: 3, Time: when,
		Metadata: []headwater.Header{{Name: "who", Value: "ada"}},
	}
	options := headwater.SaveOptions{
		Expected: headwater.ExpectNone(), Command: "c-1", Correlation: "request", Causation: "click",
	}
	saved := must(store.Save(ctx, "account", "=a.b/ü c", []headwater.NewEvent{event}, options))(t)
	first := headwater.Position{Version: 1, Seq: 1}
	if saved.Position != first || saved.IsRepeat || saved.Durability != headwater.Fsync {
		t.Fatalf("%+v", saved)
	}
	loaded := must(store.Load(ctx, "account", "=a.b/ü c", headwater.LoadOptions{}))(t)
	got := loaded.Events[0]
	if loaded.Position != got.Position() || loaded.Snapshot != nil ||
		got.Aggregate != "account" || got.Key != "=a.b/ü c" || got.EventType != "Deposited" ||
		string(got.Data) != `{"amount":5}` || got.Schema != 3 || !got.Time.Equal(when) ||
		got.Command != "c-1" || got.Correlation != "request" || got.Causation != "click" ||
		len(got.Metadata) != 1 || got.Metadata[0] != event.Metadata[0] || time.Since(got.Saved) > time.Minute {
		t.Fatalf("%+v", got)
	}
	if none := must(store.Load(ctx, "account", "none", headwater.LoadOptions{}))(t); none.Position.Version != 0 {
		t.Fatalf("%+v", none)
	}
	// The same command again is known.
	if again := must(store.Save(ctx, "account", "=a.b/ü c", []headwater.NewEvent{event}, options))(t); !again.IsRepeat ||
		again.Position != saved.Position {
		t.Fatalf("%+v", again)
	}
	if seq := must(store.LastSeq(ctx, "account", "=a.b/ü c"))(t); seq != 1 {
		t.Fatal(seq)
	}
	_, err := store.Save(ctx, "account", "", opened("Opened"), headwater.SaveOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = store.Save(ctx, "account", "a", nil, headwater.SaveOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = store.Save(ctx, "account", "a", []headwater.NewEvent{{EventType: "a\nb"}}, headwater.SaveOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	ok(t, store.Close())
	_, err = store.Load(ctx, "account", "a", headwater.LoadOptions{})
	wantCode(t, err, headwater.ErrClosed)
	_, err = store.Stream(ctx)
	wantCode(t, err, headwater.ErrClosed)
}

func TestASaveLooksAtWhatItExpects(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	for _, test := range []struct {
		expected headwater.Expected
		fits     bool
	}{
		{headwater.ExpectExists(), false},
		{headwater.ExpectVersion(1), false},
		{headwater.ExpectNone(), true},
		{headwater.ExpectNone(), false},
		{headwater.ExpectVersion(0), false},
		{headwater.ExpectAny(), true},
		{headwater.ExpectExists(), true},
		{headwater.ExpectVersion(3), true},
		{headwater.ExpectAt(headwater.Position{Version: 3, Seq: 3}), false},
		{headwater.ExpectAt(headwater.Position{Version: 4, Seq: 4}), true},
	} {
		_, err := store.Save(ctx, "account", "a", opened("Opened"), headwater.SaveOptions{Expected: test.expected})
		if test.fits {
			ok(t, err)
		} else {
			wantCode(t, err, headwater.ErrConflict)
		}
	}
	must(store.Save(ctx, "account", "b", opened("Opened"), headwater.SaveOptions{}))(t)
	accounts := headwater.EventFilter{Aggregate: "account"}
	condition := headwater.SaveOptions{Condition: &headwater.Condition{Filter: accounts, LastSeq: 5}}
	_, err := store.Save(ctx, "account", "a", opened("Moved"), condition)
	wantCode(t, err, headwater.ErrConflict)
	condition.Condition.LastSeq = 6
	must(store.Save(ctx, "account", "a", opened("Moved"), condition))(t)
}

func TestAnAggregateIsSeenAsItWas(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	must(store.Save(ctx, "account", "a", opened("1", "2"), headwater.SaveOptions{}))(t)
	must(store.Save(ctx, "account", "b", opened("1"), headwater.SaveOptions{}))(t)
	must(store.Save(ctx, "account", "a", opened("3"), headwater.SaveOptions{}))(t)
	first := must(store.Load(ctx, "account", "a", headwater.LoadOptions{}))(t).Events[0]
	versions := func(options headwater.LoadOptions) string {
		text := ""
		for _, event := range must(store.Load(ctx, "account", "a", options))(t).Events {
			text += event.EventType
		}
		return text
	}
	for want, options := range map[string]headwater.LoadOptions{
		"123": {},
		"1":   {AsOfVersion: number(1)},
		"12":  {AsOfSeq: number(3)},
		"":    {AsOfTime: first.Saved.Add(-time.Nanosecond)},
		"3":   {Behind: headwater.Position{Version: 2, Seq: 2}},
	} {
		if got := versions(options); got != want {
			t.Errorf("%q and not %q for %+v", got, want, options)
		}
	}
	_, err := store.Load(ctx, "account", "a", headwater.LoadOptions{AsOfVersion: number(9)})
	wantCode(t, err, headwater.ErrNotFound)
	_, err = store.Load(ctx, "account", "a", headwater.LoadOptions{AsOfVersion: number(1), AsOfSeq: number(1)})
	wantCode(t, err, headwater.ErrInvalid)

	snapshot := headwater.NewSnapshot{Position: headwater.Position{Version: 2, Seq: 2}, Schema: 4, Data: []byte("state")}
	if kept := must(store.SaveSnapshot(ctx, "account", "a", snapshot))(t); !kept {
		t.Fatal("it was not kept")
	}
	if kept := must(store.SaveSnapshot(ctx, "account", "a", snapshot))(t); kept {
		t.Fatal("it was kept twice")
	}
	loaded := must(store.Load(ctx, "account", "a", headwater.LoadOptions{SnapshotSchema: 4}))(t)
	if loaded.Snapshot == nil || string(loaded.Snapshot.Data) != "state" || len(loaded.Events) != 1 {
		t.Fatalf("%+v", loaded)
	}
	if found := must(store.Snapshot(ctx, "account", "a"))(t); found.Position != snapshot.Position || found.Schema != 4 {
		t.Fatalf("%+v", found)
	}
	if found := must(store.Snapshot(ctx, "account", "b"))(t); found != nil {
		t.Fatalf("%+v", found)
	}
	page, next, err := store.List(ctx, headwater.EventFilter{}, 0, 1)
	ok(t, err)
	if len(page) != 1 || page[0].Key != "b" || next != 3 {
		t.Fatalf("%+v %d", page, next)
	}
	page, next, err = store.List(ctx, headwater.EventFilter{Aggregate: "account"}, next, 0)
	ok(t, err)
	if len(page) != 1 || page[0].Key != "a" || page[0].Position.Version != 3 || page[0].EventType != "3" || next != 0 {
		t.Fatalf("%+v %d", page, next)
	}
}

func TestAFeedHasNoSeam(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	must(store.Save(ctx, "account", "a", opened("1", "2"), headwater.SaveOptions{}))(t)
	must(store.Save(ctx, "order", "a", opened("x"), headwater.SaveOptions{}))(t)
	options := headwater.FollowOptions{Filters: []headwater.EventFilter{{Aggregate: "account"}}, After: 1}
	feed := must(store.Follow(ctx, options))(t)
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		defer group.Done()
		time.Sleep(20 * time.Millisecond)
		if _, err := store.Save(ctx, "account", "b", opened("3"), headwater.SaveOptions{}); err != nil {
			t.Error(err)
		}
	}()
	text := ""
	for event, err := range feed.Events(ctx) {
		ok(t, err)
		text += event.Key + event.EventType + " "
		if event.EventType == "3" {
			break
		}
	}
	group.Wait()
	if text != "a2 b3 " || feed.Lag() != 0 {
		t.Fatal(text, feed.Lag())
	}
	if rest := must(feed.TryNext(ctx, 0))(t); len(rest) != 0 {
		t.Fatalf("%+v", rest)
	}
	ok(t, feed.Close())
	_, err := feed.Next(ctx, 1)
	wantCode(t, err, headwater.ErrClosed)
}

func TestARecordThatIsNoEventHarmsNoOther(t *testing.T) {
	ctx, engine := within(t), headwatertest.Engine(t)
	store := must(engine.CreateEventStore(ctx, headwater.EventsConfig{}))(t)
	stream := must(store.Stream(ctx))(t)
	must(store.Save(ctx, "order", "a", opened("1"), headwater.SaveOptions{}))(t)
	must(stream.Append(ctx, "$EVENTS.events.order.x", nil))(t)
	must(store.Save(ctx, "order", "b", opened("2"), headwater.SaveOptions{}))(t)
	feed := must(store.Follow(ctx, headwater.FollowOptions{}))(t)
	if events := must(feed.Next(ctx, 0))(t); len(events) != 1 || events[0].EventType != "1" {
		t.Fatalf("%+v", events)
	}
	_, err := feed.Next(ctx, 0)
	wantCode(t, err, headwater.ErrCorrupt)
	if events := must(feed.Next(ctx, 0))(t); len(events) != 1 || events[0].EventType != "2" {
		t.Fatalf("%+v", events)
	}
}

func TestEventStoresAreMadeListedAndRemoved(t *testing.T) {
	ctx, engine := within(t), headwatertest.Engine(t)
	store := must(engine.CreateEventStore(ctx, headwater.EventsConfig{Name: "bank", MaxBytes: 1000}))(t)
	if store.Name() != "bank" {
		t.Fatal(store.Name())
	}
	if stream := must(store.Stream(ctx))(t); stream.Name() != "EVENTS_bank" {
		t.Fatal(stream.Name())
	}
	_, err := engine.CreateEventStore(ctx, headwater.EventsConfig{Name: "bank"})
	wantCode(t, err, headwater.ErrConflict)
	_, err = engine.CreateEventStore(ctx, headwater.EventsConfig{Name: "a.b"})
	wantCode(t, err, headwater.ErrInvalid)
	must(engine.EventStore(ctx, "bank"))(t)
	_, err = engine.EventStore(ctx, "none")
	wantCode(t, err, headwater.ErrNotFound)
	if names := must(engine.EventStores(ctx))(t); fmt.Sprint(names) != "[bank]" {
		t.Fatal(names)
	}
	ok(t, engine.DeleteEventStore(ctx, "bank"))
	wantCode(t, engine.DeleteEventStore(ctx, "bank"), headwater.ErrNotFound)
}

func TestSaversAtOnceDoNotOverwrite(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	accounts := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{}))(t)
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 10 {
				_, err := accounts.Transact(ctx, "a", headwater.SaveOptions{}, deposit(1))
				for errors.Is(err, headwater.ErrConflict) {
					_, err = accounts.Transact(ctx, "a", headwater.SaveOptions{}, deposit(1))
				}
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	if root := must(accounts.Load(ctx, "a"))(t); root.State.Balance != 80 || root.Position.Version != 80 {
		t.Fatalf("%+v", root)
	}
}

package headwater_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// tally counts what was deposited, and its snapshots are numbers. It says what it applied: what a load had to read.
func tally(applied *[]int) headwater.AggregateType[int, deposited] {
	events := headwater.NewJSONEvents[deposited]()
	headwater.RegisterEvent[deposited](events, "Deposited", 1)
	return headwater.AggregateType[int, deposited]{
		Name:  "tally",
		Codec: events,
		Apply: func(state *int, event deposited) {
			*state += event.Amount
			*applied = append(*applied, event.Amount)
		},
		SnapshotSchema: 1,
		Dump:           func(state int) ([]byte, error) { return strconv.AppendInt(nil, int64(state), 10), nil },
		Load:           func(data []byte) (int, error) { return strconv.Atoi(string(data)) },
		Clone:          func(state int) int { return state },
	}
}

type tallyRoot = headwater.Root[int, deposited]

func tallies(
	t testing.TB, store *headwater.EventStore, kind headwater.AggregateType[int, deposited], every int,
) *headwater.Repository[int, deposited] {
	t.Helper()
	return must(headwater.NewRepository(store, kind, headwater.RepositoryOptions{SnapshotEvery: every}))(t)
}

// deposits saves an event of each amount by itself.
func deposits(t testing.TB, repository *headwater.Repository[int, deposited], amounts ...int) {
	t.Helper()
	for _, amount := range amounts {
		must(repository.Transact(within(t), "a", headwater.SaveOptions{}, func(root *tallyRoot) error {
			root.Raise(deposited{amount})
			return nil
		}))(t)
	}
}

// logged are the lines that are logged from now on.
func logged(t testing.TB) lines {
	t.Helper()
	said, before := make(lines, 100), slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(said, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return said
}

func TestAKindSaysItselfWhenASnapshotIsDue(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	var asked []string
	kind := tally(new([]int))
	kind.IsSnapshotDue = func(state int, behind, every uint64) bool {
		asked = append(asked, fmt.Sprint(state, behind, every))
		return state%10 == 0
	}
	repository := tallies(t, store, kind, 2)
	deposits(t, repository, 1, 2, 3)
	if snapshot := must(store.Snapshot(ctx, "tally", "a"))(t); snapshot != nil {
		t.Fatalf("%+v", snapshot)
	}
	deposits(t, repository, 4, 5)
	if snapshot := must(store.Snapshot(ctx, "tally", "a"))(t); snapshot.Position.Version != 4 {
		t.Fatalf("%+v", snapshot)
	}
	// Several events of one save are asked about once, and a save of nothing is none.
	root := must(repository.Load(ctx, "a"))(t)
	root.Raise(deposited{1})
	root.Raise(deposited{1})
	ok(t, repository.Save(ctx, root, headwater.SaveOptions{}))
	ok(t, repository.Save(ctx, root, headwater.SaveOptions{}))
	if want := []string{"1 1 2", "3 2 2", "6 3 2", "10 4 2", "15 1 2", "17 3 2"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q, expected %q", asked, want)
	}
}

func TestAKindIsNotAskedWhenSnapshotsAreOff(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	kind := tally(new([]int))
	kind.IsSnapshotDue = func(int, uint64, uint64) bool {
		t.Error("it was asked")
		return true
	}
	deposits(t, tallies(t, store, kind, -1), 1)
	kind.SnapshotSchema = 0
	deposits(t, tallies(t, store, kind, 1), 1)
	if snapshot := must(store.Snapshot(ctx, "tally", "a"))(t); snapshot != nil {
		t.Fatalf("%+v", snapshot)
	}
}

func TestAnAggregateIsLoadedAsItWas(t *testing.T) {
	ctx, begin := within(t), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	engine := headwatertest.EngineAt(t, begin)
	store := must(engine.CreateEventStore(ctx, headwater.EventsConfig{}))(t)
	repository := tallies(t, store, tally(new([]int)), -1)
	must(store.Save(ctx, "other", "a", opened("x"), headwater.SaveOptions{}))(t)
	for _, amount := range []int{1, 2, 4} {
		ok(t, engine.Advance(ctx, 10*time.Second))
		deposits(t, repository, amount)
		must(store.Save(ctx, "other", "a", opened("x"), headwater.SaveOptions{}))(t)
	}
	second := headwater.Position{Version: 2, Seq: 4}
	for _, asOf := range []headwater.LoadOptions{
		{AsOfVersion: number(2)}, {AsOfSeq: number(4)}, {AsOfSeq: number(5)},
		{AsOfTime: begin.Add(20 * time.Second)}, {AsOfTime: begin.Add(29 * time.Second)},
		// What is no as-of is not looked at.
		{AsOfVersion: number(2), Behind: headwater.Position{Version: 1, Seq: 2}},
	} {
		root := must(repository.LoadAsOf(ctx, "a", asOf))(t)
		if root.State != 3 || root.Position != second || root.Key != "a" || len(root.Raised()) > 0 {
			t.Errorf("%+v as of %+v", root, asOf)
		}
	}
	for _, asOf := range []headwater.LoadOptions{
		{AsOfVersion: number(0)}, {AsOfSeq: number(1)}, {AsOfTime: begin.Add(9 * time.Second)},
	} {
		_, err := repository.LoadAsOf(ctx, "a", asOf)
		wantCode(t, err, headwater.ErrNotFound)
		if !strings.Contains(err.Error(), `tally "a" had no event by then`) {
			t.Error(err)
		}
	}
	_, err := repository.LoadAsOf(ctx, "a", headwater.LoadOptions{AsOfVersion: number(4)})
	wantCode(t, err, headwater.ErrNotFound)
	_, err = repository.LoadAsOf(ctx, "b", headwater.LoadOptions{AsOfSeq: number(9)})
	wantCode(t, err, headwater.ErrNotFound)
	_, err = repository.LoadAsOf(ctx, "a", headwater.LoadOptions{AsOfVersion: number(1), AsOfSeq: number(1)})
	wantCode(t, err, headwater.ErrInvalid)
}

func TestALoadAsOfBeginsWithASnapshotThatFits(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	var applied []int
	repository := tallies(t, store, tally(&applied), 3)
	deposits(t, repository, 1, 2, 3, 4, 5)
	expect := func(repository *headwater.Repository[int, deposited], version uint64, state int, read ...int) {
		t.Helper()
		applied = nil
		root := must(repository.LoadAsOf(ctx, "a", headwater.LoadOptions{AsOfVersion: &version}))(t)
		if root.State != state || fmt.Sprint(applied) != fmt.Sprint(read) {
			t.Errorf("version %d is %d of %v, expected %d of %v", version, root.State, applied, state, read)
		}
	}
	expect(repository, 4, 10, 4)
	expect(repository, 3, 6)
	expect(repository, 2, 3, 1, 2)
	expect(tallies(t, store, tally(&applied), -1), 4, 10, 1, 2, 3, 4)
	// One that can't be read is passed over, and what lies behind the version stays out.
	torn := headwater.NewSnapshot{Position: headwater.Position{Version: 4, Seq: 4}, Data: []byte("torn")}
	must(store.SaveSnapshot(ctx, "tally", "a", torn))(t)
	expect(repository, 4, 10, 1, 2, 3, 4)
}

func TestALoadAsOfHasNothingToDoWithTheCache(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	var applied []int
	deposits(t, tallies(t, store, tally(new([]int)), -1), 1, 2, 3)
	repository := tallies(t, store, tally(&applied), -1)
	asOf := func(version uint64) func() (*tallyRoot, error) {
		return func() (*tallyRoot, error) {
			return repository.LoadAsOf(ctx, "a", headwater.LoadOptions{AsOfVersion: &version})
		}
	}
	now := func() (*tallyRoot, error) { return repository.Load(ctx, "a") }
	for i, step := range []struct {
		load func() (*tallyRoot, error)
		read []int
	}{
		// Nothing is kept: a load reads all that there is.
		{asOf(3), []int{1, 2, 3}}, {now, []int{1, 2, 3}},
		// Nothing is taken, nor is what is kept put back.
		{asOf(3), []int{1, 2, 3}}, {asOf(1), []int{1}}, {now, nil},
	} {
		applied = nil
		must(step.load())(t)
		if !reflect.DeepEqual(applied, step.read) {
			t.Errorf("load %d read %v, expected %v", i, applied, step.read)
		}
	}
}

func TestAnAggregateAsItWasIsSavedOnlyWhenNothingIsBehindIt(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	repository := tallies(t, store, tally(new([]int)), 100)
	deposits(t, repository, 1, 2)
	save := func(version uint64) error {
		root := must(repository.LoadAsOf(ctx, "a", headwater.LoadOptions{AsOfVersion: &version}))(t)
		root.Raise(deposited{4})
		return repository.Save(ctx, root, headwater.SaveOptions{})
	}
	wantCode(t, save(1), headwater.ErrConflict)
	ok(t, save(2))
	if root := must(repository.Load(ctx, "a"))(t); root.State != 7 || root.Position.Version != 3 {
		t.Errorf("%+v", root)
	}
}

func TestASnapshotThatCouldNotBeKeptIsSaid(t *testing.T) {
	ctx, engine := within(t), headwatertest.Engine(t)
	store := must(engine.CreateEventStore(ctx, headwater.EventsConfig{}))(t)
	said := logged(t)
	expect := func(why string) {
		t.Helper()
		select {
		case line := <-said:
			for _, part := range []string{"level=WARN", "got no snapshot", "aggregate=tally", "key=a", why} {
				if !strings.Contains(line, part) {
					t.Errorf("%q does not say %q", line, part)
				}
			}
		default:
			t.Error("nothing was said")
		}
		if len(said) > 0 {
			t.Error("more was said:", <-said)
		}
	}
	var data []byte
	var refused error
	kind := tally(new([]int))
	kind.Dump = func(int) ([]byte, error) { return data, refused }
	repository := tallies(t, store, kind, 2)
	refused = errors.New("it has no bytes")
	deposits(t, repository, 1, 2)
	expect("it has no bytes")
	// The next save tries again.
	data, refused = make([]byte, 8<<20+1), nil
	deposits(t, repository, 4)
	expect("the most is 8388608")
	data = []byte("15")
	deposits(t, repository, 8)
	if snapshot := must(store.Snapshot(ctx, "tally", "a"))(t); snapshot.Position.Version != 4 || len(said) > 0 {
		t.Fatalf("%+v", snapshot)
	}
	buckets := must(engine.Buckets(ctx))(t)
	if len(buckets) != 1 {
		t.Fatal(buckets)
	}
	ok(t, engine.DeleteBucket(ctx, buckets[0]))
	deposits(t, repository, 16, 32)
	expect("is closed")
	// All events are there.
	if root := must(tallies(t, store, kind, -1).Load(ctx, "a"))(t); root.State != 63 || root.Position.Version != 6 {
		t.Errorf("%+v", root)
	}
}

func TestAStateWithoutJSONIsSavedAllTheSame(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	said := logged(t)
	events := headwater.NewJSONEvents[deposited]()
	headwater.RegisterEvent[deposited](events, "Deposited", 1)
	kind := headwater.AggregateType[float64, deposited]{
		Name: "tally", Codec: events, SnapshotSchema: 1,
		Apply: func(state *float64, event deposited) { *state = math.Inf(event.Amount) },
	}
	repository := must(headwater.NewRepository(store, kind, headwater.RepositoryOptions{SnapshotEvery: 1}))(t)
	root := repository.Start("a")
	root.Raise(deposited{1})
	ok(t, repository.Save(ctx, root, headwater.SaveOptions{}))
	if !must(repository.Load(ctx, "a"))(t).Exists() || len(said) != 1 {
		t.Fatal("it is not there, or nothing was said")
	}
}

// limitState is no zero value when it begins.
type limitState struct {
	Sum   int
	Limit int `json:",omitempty"`
	Seen  map[int]bool
}

func limited() headwater.AggregateType[*limitState, deposited] {
	events := headwater.NewJSONEvents[deposited]()
	headwater.RegisterEvent[deposited](events, "Deposited", 1)
	return headwater.AggregateType[*limitState, deposited]{
		Name: "limited", Codec: events, SnapshotSchema: 1,
		Start: func() *limitState { return &limitState{Limit: 100, Seen: map[int]bool{0: true}} },
		Apply: func(state **limitState, event deposited) {
			(*state).Sum += event.Amount
			delete((*state).Seen, 0)
			(*state).Seen[event.Amount] = true
		},
	}
}

func TestAnAggregateBeginsWithTheStateOfStart(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	repository := must(headwater.NewRepository(store, limited(), headwater.RepositoryOptions{}))(t)
	expect := func(root *headwater.Root[*limitState, deposited], want limitState) {
		t.Helper()
		if !reflect.DeepEqual(*root.State, want) {
			t.Errorf("%+v, expected %+v", *root.State, want)
		}
	}
	root := repository.Start("a")
	expect(root, limitState{Limit: 100, Seen: map[int]bool{0: true}})
	root.Raise(deposited{1})
	root.Raise(deposited{2})
	ok(t, repository.Save(ctx, root, headwater.SaveOptions{}))
	// Each has a state of its own.
	expect(must(repository.GetOrCreate(ctx, "b"))(t), limitState{Limit: 100, Seen: map[int]bool{0: true}})
	expect(must(repository.Load(ctx, "a"))(t), limitState{3, 100, map[int]bool{1: true, 2: true}})
	first := headwater.LoadOptions{AsOfVersion: number(1)}
	expect(must(repository.LoadAsOf(ctx, "a", first))(t), limitState{1, 100, map[int]bool{1: true}})
	// A snapshot has nothing of it, and one that can't be read leaves nothing.
	for version, data := range []string{`{"Sum":50,"Seen":{"7":true}}`, `{"Sum":50,"Limit":"many"}`} {
		snapshot := headwater.NewSnapshot{Data: []byte(data)}
		snapshot.Position = headwater.Position{Version: uint64(version) + 1, Seq: uint64(version) + 1}
		must(store.SaveSnapshot(ctx, "limited", "a", snapshot))(t)
		want := limitState{52, 0, map[int]bool{2: true, 7: true}}
		if version == 1 {
			want = limitState{3, 100, map[int]bool{1: true, 2: true}}
		}
		expect(must(repository.Load(ctx, "a"))(t), want)
	}
}

func TestAKindDumpsAndLoadsItsSnapshots(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	var applied []int
	kind := tally(&applied)
	kind.Dump = func(state int) ([]byte, error) { return fmt.Appendf(nil, "sum %d", state), nil }
	kind.Load = func(data []byte) (state int, err error) {
		_, err = fmt.Sscanf(string(data), "sum %d", &state)
		return state, err
	}
	deposits(t, tallies(t, store, kind, 2), 1, 2, 4)
	if snapshot := must(store.Snapshot(ctx, "tally", "a"))(t); string(snapshot.Data) != "sum 3" {
		t.Fatalf("%+v", snapshot)
	}
	applied = nil
	if root := must(tallies(t, store, kind, 2).Load(ctx, "a"))(t); root.State != 7 || len(applied) != 1 {
		t.Errorf("%+v of %v", root, applied)
	}
	// What it refuses is passed over, with what it made of it.
	kind.Load = func([]byte) (int, error) { return 1000, errors.New("it is torn") }
	applied = nil
	if root := must(tallies(t, store, kind, 2).Load(ctx, "a"))(t); root.State != 7 || len(applied) != 3 {
		t.Errorf("%+v of %v", root, applied)
	}
	kind.Load = nil
	_, err := headwater.NewRepository(store, kind, headwater.RepositoryOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	kind = tally(&applied)
	kind.Dump = nil
	_, err = headwater.NewRepository(store, kind, headwater.RepositoryOptions{})
	wantCode(t, err, headwater.ErrInvalid)
}

func TestADecisionBeginsWithTheStateOfStart(t *testing.T) {
	fill := func(root *headwater.Root[*limitState, deposited]) error {
		root.Raise(deposited{root.State.Limit - root.State.Sum})
		return nil
	}
	headwatertest.Given(t, limited(), deposited{40}).When(fill).Then(deposited{60})
}

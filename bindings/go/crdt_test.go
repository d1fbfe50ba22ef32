package headwater_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func app(t *testing.T) (*headwater.Engine, *headwater.CRDT) {
	t.Helper()
	engine := headwatertest.Engine(t)
	return engine, must(engine.CreateCRDT(within(t), headwater.CRDTConfig{Name: "app"}))(t)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCRDTCounters(t *testing.T) {
	ctx := within(t)
	engine, here := app(t)
	there := must(engine.CRDT(ctx, "app"))(t)
	if here.Actor() == there.Actor() || here.Actor().Engine != there.Actor().Engine || there.Name() != "app" {
		t.Fatal(here.Actor(), there.Actor())
	}
	must(here.Counter("likes").Incr(ctx, 5))(t)
	if total := must(there.Counter("likes").Decr(ctx, 7))(t); total != -2 {
		t.Fatal(total)
	}
	if n := must(here.Counter("likes").Value(ctx))(t); n != -2 {
		t.Fatal(n)
	}
	_, err := here.Counter("likes").Decr(ctx, math.MinInt64)
	wantCode(t, err, headwater.ErrInvalid)
	must(here.Counter("big").Incr(ctx, math.MaxInt64))(t)
	_, err = there.Counter("big").Incr(ctx, 1)
	wantCode(t, err, headwater.ErrLimit)
	_, err = here.Counter("big").Value(ctx)
	wantCode(t, err, headwater.ErrLimit)
	if n := must(here.Counter("big").BigValue(ctx))(t); n.String() != "9223372036854775808" {
		t.Fatal(n)
	}
	_, err = here.GrowCounter("grown").Incr(ctx, -1)
	wantCode(t, err, headwater.ErrInvalid)
	ok(t, here.Counter("likes").Clear(ctx))

	stock := here.BoundedCounter("stock")
	must(stock.Incr(ctx, 5))(t)
	ok(t, stock.Give(ctx, there.Actor(), 2))
	if left := must(stock.Rights(ctx))(t); left != 3 {
		t.Fatal(left)
	}
	_, err = there.BoundedCounter("stock").Decr(ctx, 3)
	wantCode(t, err, headwater.ErrConflict)
	if total := must(there.BoundedCounter("stock").Decr(ctx, 2))(t); total != 3 {
		t.Fatal(total)
	}
	wantCode(t, stock.Clear(ctx), headwater.ErrUnsupported)
}

func TestCRDTKinds(t *testing.T) {
	ctx := within(t)
	_, store := app(t)
	theme := store.Register("theme")
	if _, is, err := theme.Value(ctx); is || err != nil {
		t.Fatal(is, err)
	}
	ok(t, theme.Set(ctx, headwater.Text("dark")))
	if v, is, err := theme.Value(ctx); !is || err != nil || v != headwater.Text("dark") {
		t.Fatal(v, is, err)
	}
	ok(t, theme.SetFor(ctx, headwater.Int(1), time.Millisecond))
	time.Sleep(20 * time.Millisecond)
	if _, is, err := theme.Value(ctx); is || err != nil {
		t.Fatal("it has expired", is, err)
	}
	wantCode(t, theme.SetFor(ctx, headwater.Int(1), time.Microsecond), headwater.ErrInvalid)
	wantCode(t, theme.SetFor(ctx, headwater.Int(1), -time.Second), headwater.ErrInvalid)
	ok(t, store.MultiRegister("draft").Set(ctx, headwater.JSON(`{"a":1}`)))
	if v := must(store.MultiRegister("draft").Values(ctx))(t); len(v) != 1 || v[0] != headwater.JSON(`{"a":1}`) {
		t.Fatal(v)
	}

	tags := store.Set("tags")
	for _, v := range []headwater.Value{
		headwater.Bytes([]byte("\x00\xff")), headwater.Bytes(nil), headwater.Int(-3), headwater.Float(0.5),
		headwater.Text(""),
	} {
		ok(t, tags.Add(ctx, v))
		if !must(tags.Contains(ctx, v))(t) {
			t.Fatal(v, v.Kind())
		}
	}
	ok(t, tags.Remove(ctx, headwater.Int(-3)))
	values := must(tags.Values(ctx))(t)
	if b, is := values[1].Bytes(); len(values) != 4 || !is || string(b) != "\x00\xff" {
		t.Fatal(values)
	}
	ok(t, store.RemoveWinsSet("banned").AddFor(ctx, headwater.Int(1), time.Hour))

	ok(t, store.Flag("open").Enable(ctx))
	ok(t, store.DisableWinsFlag("safe").EnableFor(ctx, time.Hour))
	ok(t, store.Flag("open").Disable(ctx))
	if must(store.Flag("open").IsOn(ctx))(t) || !must(store.DisableWinsFlag("safe").IsOn(ctx))(t) {
		t.Fatal("flags")
	}

	user := store.Map("user")
	must(user.Map("stats").GrowCounter("visits").Incr(ctx, 2))(t)
	ok(t, user.Register("name").Set(ctx, headwater.Text("Ann")))
	ok(t, user.Map("stats").Set("pages").Add(ctx, headwater.Text("/")))
	if got := fmt.Sprint(must(user.Fields(ctx))(t), must(user.Map("stats").Fields(ctx))(t)); got !=
		"[{name register} {stats map}] [{pages set} {visits grow_counter}]" {
		t.Fatal(got)
	}
	if n := must(user.Map("stats").GrowCounter("visits").Value(ctx))(t); n != 2 {
		t.Fatal(n)
	}
	ok(t, user.Map("stats").Clear(ctx))
	entries := must(store.Dump(ctx, "u"))(t)
	if len(entries) != 1 || entries[0].JSON != `[{"field":"name","kind":"register","value":"Ann"}]` {
		t.Fatal(entries)
	}
	if got := fmt.Sprint(must(store.Keys(ctx, "t"))(t)); got != "[{tags set}]" {
		t.Fatal(got)
	}
}

func TestCRDTTransactionAndErrors(t *testing.T) {
	ctx := within(t)
	engine, store := app(t)
	move := []headwater.Change{
		{Key: "from", Kind: headwater.CounterKind, Op: headwater.OpAdd, Amount: -5},
		{Key: "to", Fields: []string{"sum"}, Kind: headwater.CounterKind, Op: headwater.OpAdd, Amount: 5},
	}
	if seq := must(store.Transaction(ctx, move...))(t); seq != 1 {
		t.Fatal(seq)
	}
	_, err := store.Transaction(ctx, append(move, headwater.Change{Key: "from", Kind: headwater.SetKind, Op: 5})...)
	wantCode(t, err, headwater.ErrConflict)
	if n := must(store.Counter("from").Value(ctx))(t); n != -5 {
		t.Fatal(n)
	}
	if seq := must(store.Transaction(ctx))(t); seq != 0 {
		t.Fatal(seq)
	}
	_, err = store.Write(ctx, headwater.Change{Key: "x", Kind: 11, Op: headwater.OpClear})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = store.Write(ctx, headwater.Change{Key: "x", Kind: headwater.SetKind})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = engine.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app", Durability: headwater.OS})
	wantCode(t, err, headwater.ErrConflict)
	_, err = engine.CRDT(ctx, "none")
	wantCode(t, err, headwater.ErrNotFound)
	if names := fmt.Sprint(must(engine.CRDTs(ctx))(t)); names != "[app]" {
		t.Fatal(names)
	}
	if stream := must(store.Stream(ctx))(t); stream.Name() != "CRDT_app" {
		t.Fatal(stream.Name())
	}
	status := must(store.Status(ctx))(t)
	if status.Seq != 1 || status.Actors != 1 || must(store.ReleaseHeld(ctx))(t) != 0 {
		t.Fatal(status)
	}
	ok(t, store.Close())
	ok(t, store.Close())
	_, err = store.Counter("from").Value(ctx)
	wantCode(t, err, headwater.ErrClosed)
}

func TestCRDTManyGoroutinesCountTogether(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.DurableEngine(t)
	store := must(engine.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app"}))(t)
	var all sync.WaitGroup
	for range 64 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 10 {
				if _, err := store.Counter("n").Incr(ctx, 1); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	ok(t, store.Close())
	again := must(engine.CRDT(ctx, "app"))(t)
	if n := must(again.Counter("n").Value(ctx))(t); n != 640 {
		t.Fatal(n)
	}
}

func TestCRDTWatch(t *testing.T) {
	ctx := within(t)
	_, store := app(t)
	watcher := must(store.Watch(ctx, "u"))(t)
	if none := must(watcher.TryNext(ctx, 0))(t); len(none) != 0 {
		t.Fatal(none)
	}
	done := make(chan error, 1)
	go func() {
		_, err := store.Counter("other").Incr(ctx, 1)
		if err == nil {
			err = store.Map("user").Flag("on").Enable(ctx)
		}
		done <- err
	}()
	for key, err := range watcher.Changes(ctx) {
		ok(t, err)
		if key != (headwater.CRDTKey{Name: "user", Kind: headwater.MapKind}) {
			t.Fatal(key)
		}
		break
	}
	ok(t, <-done)
	if watcher.Missed() != 0 {
		t.Fatal(watcher.Missed())
	}
	ok(t, watcher.Close())
	_, err := watcher.Next(ctx, 1)
	wantCode(t, err, headwater.ErrClosed)
}

func TestReplica(t *testing.T) {
	here := must(headwater.NewReplica(headwater.Actor{Engine: 1, Epoch: 10}))(t)
	there := must(headwater.NewReplica(headwater.Actor{Engine: 2, Epoch: 20}))(t)
	now := time.UnixMilli(1000)
	add := headwater.Change{Key: "n", Kind: headwater.CounterKind, Op: headwater.OpAdd, Amount: 3}
	insert := headwater.Change{Key: "s", Kind: headwater.SetKind, Op: headwater.OpInsert, Value: headwater.Text("x")}
	if none := must(here.TakeDelta())(t); none != nil {
		t.Fatal(none)
	}
	if !must(here.Write(now, add))(t) {
		t.Fatal("there was something to do")
	}
	ok(t, here.Transaction(now, add, insert))
	delta := must(here.TakeDelta())(t)
	for range 2 {
		_, isHeld, err := there.Apply(now, delta)
		if isHeld || err != nil {
			t.Fatal(isHeld, err)
		}
	}
	if r := must(there.Read(now, headwater.CounterKind, "n"))(t); r.Number.Int64() != 6 {
		t.Fatal(r)
	}
	if !must(there.Contains(now, headwater.Text("x"), headwater.SetKind, "s"))(t) {
		t.Fatal("x")
	}
	if must(here.Digest(now, headwater.SetKind, "s"))(t) != must(there.Digest(now, headwater.SetKind, "s"))(t) {
		t.Fatal("digests")
	}
	if keys := must(there.Keys())(t); len(keys) != 2 || there.Actor().Epoch != 20 {
		t.Fatal(keys)
	}
	_, _, err := there.Apply(now, delta[:len(delta)-1])
	wantCode(t, err, headwater.ErrCorrupt)
	wantCode(t, there.CaughtUp([]byte("x")), headwater.ErrCorrupt)
	_, err = there.Write(time.UnixMilli(-1), add)
	wantCode(t, err, headwater.ErrInvalid)
	ok(t, there.Close())
	_, err = there.Whole()
	wantCode(t, err, headwater.ErrClosed)
	var zero headwater.Replica
	_, err = zero.Held()
	wantCode(t, err, headwater.ErrClosed)
}

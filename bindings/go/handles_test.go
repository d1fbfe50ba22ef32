package headwater_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestUseAfterClose(t *testing.T) {
	ctx := within(t)
	engine := must(headwater.Memory(ctx))(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t)
	sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	consumer := must(s.CreateConsumer(ctx, headwater.ConsumerConfig{Name: "worker"}))(t)
	bucket := must(engine.CreateBucket(ctx, headwater.BucketConfig{Bucket: "config"}))(t)
	watcher := must(bucket.Watch(ctx, headwater.WatchOptions{}))(t)
	points := must(engine.CreatePoints(ctx, headwater.PointsConfig{Name: "weather"}))(t)
	live := must(points.Watch(ctx, ""))(t)
	uses := map[string]func() error{
		"engine": func() error { _, err := engine.Streams(ctx); return err },
		"backup": func() error { _, err := engine.Backup(ctx, t.TempDir(), nil); return err },
		"stream": func() error { _, err := s.Append(ctx, "orders", nil); return err },
		"async": func() error {
			pending, err := s.AppendAsync(ctx, "orders", nil)
			if err == nil {
				_, err = pending.Wait(ctx)
			}
			return err
		},
		"read":         func() error { _, err := s.Read(ctx, headwater.ReadOptions{}); return err },
		"subscription": func() error { _, err := sub.Next(ctx, 0); return err },
		"consumer":     func() error { _, err := consumer.Next(ctx, 0); return err },
		"ack":          func() error { _, err := consumer.Ack(ctx, 1); return err },
		"bucket":       func() error { _, err := bucket.Put(ctx, "a", nil); return err },
		"watcher":      func() error { _, err := watcher.TryNext(ctx, 0); return err },
		"points":       func() error { _, err := points.Latest(ctx, "", false); return err },
		"live query":   func() error { _, err := live.Next(ctx, 0); return err },
	}
	check := func(t *testing.T) {
		for name, use := range uses {
			t.Run(name, func(t *testing.T) { wantCode(t, use(), headwater.ErrClosed) })
		}
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("of the engine", check)
	for range 2 {
		for _, closing := range []func() error{
			sub.Close, consumer.Close, watcher.Close, live.Close, bucket.Close, points.Close, s.Close, engine.Close,
		} {
			if err := closing(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("of everything", check)
	if engine.Dir() != "" || engine.ID() != 0 || sub.Position() != 0 || sub.Lag() != 0 || watcher.CaughtUp() {
		t.Fatal("a closed handle told something")
	}
}

// Close may run beside everything else; run with -race this also checks the handles' own bookkeeping.
func TestCloseBesideUse(t *testing.T) {
	for i := range 20 {
		ctx := within(t)
		engine := must(headwater.Memory(ctx))(t)
		config := headwater.StreamConfig{Name: "orders", Durability: headwater.Durability(i % 3)}
		s := must(engine.CreateStream(ctx, config))(t)
		var group sync.WaitGroup
		for range 8 {
			sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
			group.Add(2)
			go func() {
				defer group.Done()
				for {
					if _, err := s.Append(ctx, "orders", []byte("x")); err != nil {
						wantClosed(t, err)
						return
					}
				}
			}()
			go func() {
				defer group.Done()
				for _, err := range sub.Records(ctx) {
					if err != nil {
						wantClosed(t, err)
					}
				}
			}()
		}
		must(s.Append(ctx, "orders", nil))(t)
		group.Add(2)
		for range 2 {
			go func() {
				defer group.Done()
				if err := engine.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	}
}

// wantClosed is wantCode for goroutines that are not the test's own.
func wantClosed(t *testing.T, err error) {
	if headwater.CodeOf(err) != headwater.ErrClosed {
		t.Errorf("not closed but: %v", err)
	}
}

// Handles that nobody closed are given up by the garbage collector, and what is still in use is not.
func TestLeakedHandlesAreCollected(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders", Durability: headwater.OS}))(t)
	follow := func() *headwater.Subscription {
		return must(must(engine.Stream(ctx, "orders"))(t).Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	}
	waiting := make(chan error, 1)
	go func(sub *headwater.Subscription) {
		_, err := sub.Next(ctx, 1)
		waiting <- err
	}(follow())
	for i := range 2000 {
		sub := follow()
		if i%500 == 0 {
			runtime.GC()
		}
		if _, err := sub.TryNext(ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	must(must(engine.Stream(ctx, "orders"))(t).Append(ctx, "orders", nil))(t)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
}

func TestANodeIsUsedAsTold(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := must(headwater.Open(ctx, dir))(t)
	defer engine.Close()
	if engine.IsThroughNode() {
		t.Fatal("there is no node")
	}
	for use, want := range map[headwater.NodeUse]error{
		headwater.NodeAuto:  headwater.ErrBusy,
		headwater.NodeNever: headwater.ErrBusy,
		headwater.NodeOnly:  headwater.ErrNotFound,
		7:                   headwater.ErrInvalid,
	} {
		if _, err := headwater.Open(ctx, dir, headwater.Node(use)); !errors.Is(err, want) {
			t.Fatalf("%d: %v", use, err)
		}
	}
}

func TestRecordsReadTheSameWithAnyCache(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := must(headwater.Open(ctx, dir))(t)
	config := headwater.StreamConfig{Name: "s", Subjects: []string{"s.>"}, Durability: headwater.OS}
	stream := must(engine.CreateStream(ctx, config))(t)
	for n := range 300 {
		must(stream.Append(ctx, fmt.Sprintf("s.%d", n%30), bytes.Repeat([]byte{byte(n)}, 300)))(t)
	}
	engine.Close()
	for _, size := range []uint64{0, 1 << 20} {
		engine := must(headwater.Open(ctx, dir, headwater.CacheBytes(size)))(t)
		stream := must(engine.Stream(ctx, "s"))(t)
		for n := 270; n < 300; n++ {
			last := must(stream.Last(ctx, fmt.Sprintf("s.%d", n%30)))(t)
			if last.Seq != uint64(n+1) || !bytes.Equal(last.Payload, bytes.Repeat([]byte{byte(n)}, 300)) {
				t.Fatalf("cache of %d bytes: %d %v", size, last.Seq, last.Payload[:4])
			}
		}
		engine.Close()
	}
}

func TestOpenRefusals(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := must(headwater.Open(ctx, dir))(t)
	defer engine.Close()
	if engine.Dir() != dir || engine.ID() == 0 || engine.Epoch() == 0 {
		t.Fatalf("%q %d %d", engine.Dir(), engine.ID(), engine.Epoch())
	}
	_, err := headwater.Open(ctx, dir)
	wantCode(t, err, headwater.ErrBusy)
	_, err = headwater.Open(ctx, dir+"/missing", headwater.MustExist())
	wantCode(t, err, headwater.ErrNotFound)
	_, err = headwater.Open(ctx, "")
	wantCode(t, err, headwater.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = headwater.Open(ended, t.TempDir())
	wantCode(t, err, headwater.ErrTimeout)
}

func TestWhatWasNeverOpenedIsClosed(t *testing.T) {
	ctx := within(t)
	var (
		engine   headwater.Engine
		s        headwater.Stream
		sub      headwater.Subscription
		consumer headwater.Consumer
		bucket   headwater.Bucket
		watcher  headwater.Watcher
		points   headwater.Points
		live     headwater.PointWatcher
		pending  headwater.PendingAck
	)
	uses := map[string]func(context.Context) error{
		"engine":       func(ctx context.Context) error { _, err := engine.Streams(ctx); return err },
		"backup":       func(ctx context.Context) error { _, err := engine.Backup(ctx, t.TempDir(), nil); return err },
		"append":       func(ctx context.Context) error { _, err := s.Append(ctx, "orders", nil); return err },
		"async":        func(ctx context.Context) error { _, err := s.AppendAsync(ctx, "orders", nil); return err },
		"sync":         func(ctx context.Context) error { return s.Sync(ctx) },
		"read":         func(ctx context.Context) error { _, err := s.Read(ctx, headwater.ReadOptions{}); return err },
		"delete":       func(ctx context.Context) error { _, err := s.Delete(ctx, 1); return err },
		"pending":      func(ctx context.Context) error { _, err := pending.Wait(ctx); return err },
		"subscription": func(ctx context.Context) error { _, err := sub.Next(ctx, 0); return err },
		"consumer":     func(ctx context.Context) error { _, err := consumer.Next(ctx, 0); return err },
		"ack":          func(ctx context.Context) error { _, err := consumer.AckSync(ctx, 1); return err },
		"bucket":       func(ctx context.Context) error { _, err := bucket.Put(ctx, "a", nil); return err },
		"watcher":      func(ctx context.Context) error { _, err := watcher.Next(ctx, 0); return err },
		"points":       func(ctx context.Context) error { _, err := points.Latest(ctx, "", false); return err },
		"query":        func(ctx context.Context) error { _, err := points.Query(ctx, headwater.Query{}); return err },
		"live":         func(ctx context.Context) error { _, err := live.Next(ctx, 0); return err },
	}
	for name, use := range uses {
		if err := use(ctx); !errors.Is(err, headwater.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
		if err := use(nil); !errors.Is(err, headwater.ErrInvalid) {
			t.Errorf("%s without a context: %v", name, err)
		}
	}
	for name, shut := range map[string]func() error{
		"engine": engine.Close, "stream": s.Close, "subscription": sub.Close, "consumer": consumer.Close,
		"bucket": bucket.Close, "watcher": watcher.Close, "points": points.Close, "live": live.Close,
	} {
		if err := shut(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := headwater.Open(nil, t.TempDir()); !errors.Is(err, headwater.ErrInvalid) {
		t.Errorf("open without a context: %v", err)
	}
	if _, err := headwater.Open(ctx, ""); !errors.Is(err, headwater.ErrInvalid) {
		t.Errorf("open without a directory: %v", err)
	}
}

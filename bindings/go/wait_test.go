package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestWaitEndsWithItsContext(t *testing.T) {
	sub := must(orders(t, headwater.StreamConfig{}).Subscribe(within(t), headwater.SubscribeOptions{}))(t)
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := sub.Next(short, 0)
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestWaitEndsWithCloseOfItsHandle(t *testing.T) {
	waitEndsWith(t, func(_ *headwater.Engine, sub *headwater.Subscription) error { return sub.Close() })
}

func TestWaitEndsWithCloseOfTheEngine(t *testing.T) {
	waitEndsWith(t, func(e *headwater.Engine, _ *headwater.Subscription) error { return e.Close() })
}

func waitEndsWith(t *testing.T, end func(*headwater.Engine, *headwater.Subscription) error) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t)
	sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	const waiters = 20
	ended := make(chan error)
	for range waiters {
		go func() {
			_, err := sub.Next(ctx, 0)
			ended <- err
		}()
	}
	time.Sleep(20 * time.Millisecond)
	if err := end(engine, sub); err != nil {
		t.Fatal(err)
	}
	for range waiters {
		wantCode(t, <-ended, headwater.ErrClosed)
	}
}

// Each record goes to one of many waiters, and none is lost or given twice.
func TestManyWaitersOnOneSubscription(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{Durability: headwater.OS})
	sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	const waiters, records = 100, 2000
	seen := make(chan uint64)
	for range waiters {
		go func() {
			for record, err := range sub.Records(ctx) {
				if err != nil {
					return
				}
				seen <- record.Seq
			}
		}()
	}
	go func() {
		for range records {
			if _, err := s.Append(ctx, "orders.1", nil); err != nil {
				t.Error(err)
			}
		}
	}()
	got := map[uint64]bool{}
	for len(got) < records {
		select {
		case seq := <-seen:
			if got[seq] {
				t.Fatalf("record %d came twice", seq)
			}
			got[seq] = true
		case <-ctx.Done():
			t.Fatalf("%d of %d records came", len(got), records)
		}
	}
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
}

// A wait costs a goroutine and no thread: the process stays within eight OS threads more than it had.
func TestTenThousandWaitsOnEightThreads(t *testing.T) {
	const waits, threadsMax = 10_000, 8
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{Durability: headwater.OS})
	var subs []*headwater.Subscription
	for i := range waits {
		filters := []string{fmt.Sprintf("orders.%d", i)}
		subs = append(subs, must(s.Subscribe(ctx, headwater.SubscribeOptions{Filters: filters}))(t))
	}
	before := threads(t)
	var started, ended sync.WaitGroup
	for i, sub := range subs {
		started.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			started.Done()
			records, err := sub.Next(ctx, 0)
			if err != nil || len(records) != 1 || records[0].Subject != fmt.Sprintf("orders.%d", i) {
				t.Errorf("wait %d: %v %v", i, records, err)
			}
		}()
	}
	started.Wait()
	time.Sleep(100 * time.Millisecond)
	most := threads(t)
	for i := range waits {
		must(s.Append(ctx, fmt.Sprintf("orders.%d", i), nil))(t)
	}
	ended.Wait()
	most = max(most, threads(t))
	t.Logf("%d threads before, at most %d with %d waits", before, most, waits)
	if most-before > threadsMax {
		t.Fatalf("%d threads more for %d waits", most-before, waits)
	}
	for _, sub := range subs {
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A request costs a goroutine and no thread, whoever handles it too.
func TestTenThousandRequestsOnEightThreads(t *testing.T) {
	const requests, threadsMax = 10_000, 8
	ctx := within(t)
	e := must(headwatertest.Engine(t).Entities(ctx, headwater.EntitiesConfig{}))(t)
	release := make(chan struct{})
	var handled sync.WaitGroup
	handled.Add(requests)
	serve(t, e, handle(func(context.Context, *headwater.EntityContext, headwater.Message) ([]byte, error) {
		handled.Done()
		<-release
		return []byte("done"), nil
	}))
	before := threads(t)
	var group sync.WaitGroup
	for i := range requests {
		group.Add(1)
		go func() {
			defer group.Done()
			answer, err := e.Request(ctx, thing(fmt.Sprint(i)), "get", nil)
			if err != nil || string(answer) != "done" {
				t.Error(string(answer), err)
			}
		}()
	}
	handled.Wait()
	most := threads(t)
	close(release)
	group.Wait()
	most = max(most, threads(t))
	t.Logf("%d threads before, at most %d with %d requests", before, most, requests)
	if most-before > threadsMax {
		t.Fatalf("%d threads more for %d requests", most-before, requests)
	}
}

// threads is how many OS threads this process has.
func threads(t *testing.T) int {
	t.Helper()
	for line := range strings.Lines(string(must(os.ReadFile("/proc/self/status"))(t))) {
		var count int
		if _, err := fmt.Sscanf(line, "Threads: %d", &count); err == nil {
			return count
		}
	}
	t.Skip("the system does not tell how many threads there are")
	return 0
}

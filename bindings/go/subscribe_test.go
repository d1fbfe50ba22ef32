package headwater_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

func TestSubscriptionHasNoSeam(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{Durability: headwater.OS})
	appendMany := func(count int) {
		for range count {
			if _, err := s.Append(ctx, "orders.1", make([]byte, 100)); err != nil {
				t.Error(err)
			}
		}
	}
	appendMany(700)
	sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	defer sub.Close()
	go appendMany(700)
	next := uint64(1)
	// Loops that are left in the middle lose nothing: the next one goes on.
	for next <= 1400 {
		for record, err := range sub.Records(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if record.Seq != next || len(record.Payload) != 100 {
				t.Fatalf("%d came where %d was expected", record.Seq, next)
			}
			next++
			if next%77 == 0 || next > 1400 {
				break
			}
		}
		if position := sub.Position(); position > next {
			t.Fatalf("position %d after %d", position, next-1)
		}
	}
	if lag := sub.Lag(); lag != 0 {
		t.Fatalf("lag %d", lag)
	}
}

func TestDeliverPolicies(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{})
	for i := range 6 {
		must(s.Append(ctx, fmt.Sprintf("orders.%d", i%2), nil))(t)
	}
	third := must(s.Get(ctx, 3))(t).Time
	for _, c := range []struct {
		policy headwater.DeliverPolicy
		want   string
	}{
		{headwater.DeliverPolicy{}, "[1 2 3 4 5 6]"},
		{headwater.DeliverAll(), "[1 2 3 4 5 6]"},
		{headwater.DeliverLast(), "[6]"},
		{headwater.DeliverNew(), "[]"},
		{headwater.DeliverFromSeq(4), "[4 5 6]"},
		{headwater.DeliverFromTime(third.Add(time.Hour)), "[]"},
		{headwater.DeliverFromTime(time.Unix(-5, 0)), "[1 2 3 4 5 6]"},
		{headwater.DeliverLastPerSubject(), "[5 6]"},
	} {
		sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{DeliverPolicy: c.policy}))(t)
		var seqs []uint64
		for _, record := range must(sub.TryNext(ctx, 0))(t) {
			seqs = append(seqs, record.Seq)
		}
		if got := fmt.Sprint(seqs); got != c.want {
			t.Errorf("%v gave %s, not %s", c.policy, got, c.want)
		}
	}
	_, err := s.Subscribe(ctx, headwater.SubscribeOptions{
		DeliverPolicy: headwater.DeliverFromTime(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
	})
	wantCode(t, err, headwater.ErrInvalid)
}

func TestSlowSubscriberIsTold(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{MaxMsgs: 10, Durability: headwater.OS})
	sub := must(s.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	must(s.Append(ctx, "orders.1", nil))(t)
	if first := must(sub.Next(ctx, 1))(t); first[0].Seq != 1 || sub.Missed() != 0 {
		t.Fatalf("%v, %d missed", first, sub.Missed())
	}
	for range 30 {
		must(s.Append(ctx, "orders.1", nil))(t)
	}
	if next := must(sub.Next(ctx, 1))(t); next[0].Seq != 22 || sub.Missed() != 20 {
		t.Fatalf("%d came, %d missed", next[0].Seq, sub.Missed())
	}
}

func TestConsumer(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{})
	config := headwater.ConsumerConfig{
		Name: "worker", MaxDeliver: 2, AckWait: time.Hour, Backoff: []time.Duration{time.Minute, time.Hour},
		FilterSubjects: []string{"orders.*"}, DeliverPolicy: headwater.DeliverFromSeq(1),
		MaxAckPending: headwater.NoAckPendingLimit,
	}
	worker := must(s.CreateConsumer(ctx, config))(t)
	for range 5 {
		must(s.Append(ctx, "orders.1", []byte("x")))(t)
	}
	seen := 0
	for delivery, err := range worker.Deliveries(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; delivery.Delivered != 1 || delivery.Seq != uint64(seen) {
			t.Fatalf("%+v", delivery)
		}
		switch delivery.Seq {
		case 1:
			err = delivery.Ack(ctx)
		case 2:
			err = delivery.Nak(ctx, 0)
		case 3:
			err = delivery.InProgress(ctx)
		case 4:
			err = delivery.Term(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		if delivery.Seq == 1 {
			// The loop took no more than it gave: the rest is not pending.
			if info := must(worker.Info(ctx))(t); info.NumAckPending != 0 || info.NumPending != 4 {
				t.Fatalf("%+v", info)
			}
		}
		if seen == 4 {
			break
		}
		if seen == 2 {
			again := must(worker.Next(ctx, 1))(t)
			if again[0].Seq != 2 || again[0].Delivered != 2 {
				t.Fatalf("%+v", again)
			}
			if acked := must(worker.AckSync(ctx, 2, 99))(t); acked != 1 {
				t.Fatalf("%d acked", acked)
			}
		}
	}
	info := must(worker.Info(ctx))(t)
	if info.NumAckPending != 1 || info.NumPending != 1 || info.AckFloor != 2 || info.DeliveredSeq != 4 {
		t.Fatalf("%+v", info)
	}
	if info.Config.MaxAckPending != headwater.NoAckPendingLimit || info.Config.DeliverPolicy.Seq() != 1 ||
		fmt.Sprint(info.Config.Backoff) != "[1m0s 1h0m0s]" || info.Config.AckWait != time.Hour {
		t.Fatalf("%+v", info.Config)
	}
	must(s.CreateConsumer(ctx, config))(t)
	config.MaxDeliver = 3
	_, err := s.CreateConsumer(ctx, config)
	wantCode(t, err, headwater.ErrConflict)
	_, err = s.CreateConsumer(ctx, headwater.ConsumerConfig{Name: "bad", MaxAckPending: -2})
	wantCode(t, err, headwater.ErrInvalid)
	wantCode(t, worker.Nak(ctx, 5, -time.Second), headwater.ErrInvalid)
	if err := s.DeleteConsumer(ctx, "worker"); err != nil {
		t.Fatal(err)
	}
	_, err = worker.Next(ctx, 1)
	wantCode(t, err, headwater.ErrClosed)
	_, err = s.Consumer(ctx, "worker")
	wantCode(t, err, headwater.ErrNotFound)
}

// A consumer whose wait is already going on hears of a redelivery that no append announces.
func TestConsumerHearsOfRedelivery(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{})
	worker := must(s.CreateConsumer(ctx, headwater.ConsumerConfig{Name: "worker"}))(t)
	must(s.Append(ctx, "orders.1", nil))(t)
	first := must(worker.Next(ctx, 1))(t)
	if err := first[0].Nak(ctx, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if empty := must(worker.TryNext(ctx, 1))(t); len(empty) != 0 {
		t.Fatalf("%+v", empty)
	}
	if again := must(worker.Next(ctx, 1))(t); again[0].Seq != 1 || again[0].Delivered != 2 {
		t.Fatalf("%+v", again)
	}
}

func TestIteratorEndsWithItsContext(t *testing.T) {
	s := orders(t, headwater.StreamConfig{})
	worker := must(s.CreateConsumer(within(t), headwater.ConsumerConfig{Name: "worker"}))(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	rounds := 0
	for _, err := range worker.Deliveries(ctx) {
		rounds++
		wantCode(t, err, headwater.ErrTimeout)
	}
	if rounds != 1 {
		t.Fatalf("%d rounds", rounds)
	}
}

package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestAppendCarriesEverything(t *testing.T) {
	ctx, s := within(t), orders(t, headwater.StreamConfig{})
	happened := time.Unix(0, -42).UTC()
	ack := must(s.Append(ctx, "orders.eu.1", []byte("payload"),
		headwater.WithHeader("Trace", "a"), headwater.WithHeader("Trace", "b"),
		headwater.WithEventTime(happened), headwater.WithMsgID("id"), headwater.ExpectLastSeq(0),
		headwater.ExpectFilterLastSeq("orders.eu.*", 0)))(t)
	if ack.Seq != 1 || ack.Count != 1 || ack.Duplicate || ack.FirstSeq() != 1 {
		t.Fatalf("%+v", ack)
	}
	record := must(s.Get(ctx, 1))(t)
	if record.Subject != "orders.eu.1" || string(record.Payload) != "payload" || !record.EventTime.Equal(happened) {
		t.Fatalf("%+v", record)
	}
	if first, ok := record.Header("Trace"); !ok || first != "a" || record.Headers[1].Value != "b" {
		t.Fatalf("%+v", record.Headers)
	}
	if since := time.Since(record.Time); since < 0 || since > time.Minute {
		t.Fatalf("committed %s ago", since)
	}
	again := must(s.Append(ctx, "orders.eu.1", []byte("payload"), headwater.WithMsgID("id")))(t)
	if !again.Duplicate || again.Seq != 1 || again.Count != 0 {
		t.Fatalf("%+v", again)
	}
}

func TestConflictNamesBothSequences(t *testing.T) {
	ctx, s := within(t), orders(t, headwater.StreamConfig{Durability: headwater.OS})
	must(s.Append(ctx, "orders.1", nil))(t)
	_, err := s.Append(ctx, "orders.1", nil, headwater.ExpectSubjectLastSeq(9))
	wantCode(t, err, headwater.ErrConflict)
	var failure *headwater.Error
	errors.As(err, &failure)
	if !failure.HasSequences || failure.Expected != 9 || failure.Actual != 1 {
		t.Fatalf("%+v", failure)
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	for _, durability := range []headwater.Durability{headwater.Fsync, headwater.Interval, headwater.OS} {
		t.Run(durability.String(), func(t *testing.T) {
			ctx, s := within(t), orders(t, headwater.StreamConfig{Durability: durability})
			var batch []headwater.Append
			for i := range 1000 {
				subject := fmt.Sprintf("orders.%d", i)
				batch = append(batch, headwater.NewAppend(subject, []byte(subject), headwater.WithHeader("N", subject)))
			}
			ack := must(s.AppendBatch(ctx, batch))(t)
			if ack.Seq != 1000 || ack.FirstSeq() != 1 || ack.Durability != durability {
				t.Fatalf("%+v", ack)
			}
			batch[999].Subject = "elsewhere"
			_, err := s.AppendBatch(ctx, batch)
			wantCode(t, err, headwater.ErrInvalid)
			_, err = s.AppendBatch(ctx, append(batch[:999:999], batch...))
			wantCode(t, err, headwater.ErrInvalid)
			i := 0
			for record, err := range s.Records(ctx, headwater.ReadOptions{MaxRecords: 300}) {
				if err != nil {
					t.Fatal(err)
				}
				subject := fmt.Sprintf("orders.%d", i)
				value, _ := record.Header("N")
				if record.Subject != subject || string(record.Payload) != subject || value != subject {
					t.Fatalf("record %d is %+v", i, record)
				}
				i++
			}
			if i != 1000 {
				t.Fatalf("%d records", i)
			}
		})
	}
}

func TestAppendAsyncKeepsOrder(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.DurableEngine(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t)
	var pending []*headwater.PendingAck
	for i := range 500 {
		pending = append(pending, must(s.AppendAsync(ctx, "orders", fmt.Append(nil, i)))(t))
	}
	for i, p := range pending {
		for range 2 {
			if ack := must(p.Wait(ctx))(t); ack.Seq != uint64(i+1) || ack.Durability != headwater.Fsync {
				t.Fatalf("append %d came to %+v", i, ack)
			}
		}
	}
	late := must(s.AppendAsync(ctx, "orders", nil, headwater.ExpectLastSeq(3)))(t)
	_, err := late.Wait(ctx)
	wantCode(t, err, headwater.ErrConflict)
}

func TestManyWritersShareTheDisk(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := must(headwater.Open(ctx, dir))(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders", Subjects: []string{"orders.*"}}))(t)
	const writers, each = 64, 20
	var group sync.WaitGroup
	for w := range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			subject := fmt.Sprintf("orders.%d", w)
			for i := range each {
				seq, err := s.LastSeq(ctx, subject)
				if err == nil {
					_, err = s.Append(ctx, subject, nil, headwater.ExpectSubjectLastSeq(seq))
				}
				if err != nil {
					t.Errorf("append %d: %v", i, err)
				}
			}
		}()
	}
	group.Wait()
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	engine = must(headwater.Open(ctx, dir, headwater.ReadOnly(), headwater.MustExist()))(t)
	defer engine.Close()
	info := must(must(engine.Stream(ctx, "orders"))(t).Info(ctx))(t)
	if info.Records != writers*each || info.LastSeq != writers*each || info.Subjects != writers {
		t.Fatalf("%+v", info)
	}
}

func TestBadInput(t *testing.T) {
	ctx, s := within(t), orders(t, headwater.StreamConfig{MaxMsgSize: 10})
	for name, appended := range map[string]headwater.Append{
		"no subject":         {},
		"wildcard":           {Subject: "orders.*"},
		"elsewhere":          {Subject: "others.1"},
		"not UTF-8":          {Subject: "orders.\xff"},
		"header not UTF-8":   headwater.NewAppend("orders.1", nil, headwater.WithHeader("a", "\xff")),
		"header of NATS":     headwater.NewAppend("orders.1", nil, headwater.WithHeader("Nats-Msg-Id", "1")),
		"empty message id":   headwater.NewAppend("orders.1", nil, headwater.WithMsgID("")),
		"half a second":      headwater.NewAppend("orders.1", nil, headwater.WithTTL(time.Second/2)),
		"no ttl at all":      headwater.NewAppend("orders.1", nil, headwater.WithTTL(0)),
		"negative ttl":       {Subject: "orders.1", TTL: -time.Second},
		"unknown rollup":     {Subject: "orders.1", Rollup: 7},
		"far event time":     {Subject: "orders.1", EventTime: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		"malformed filter":   headwater.NewAppend("orders.1", nil, headwater.ExpectFilterLastSeq("a..b", 0)),
		"filter without seq": {Subject: "orders.1", ExpectFilter: "orders.*"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Append(ctx, appended.Subject, appended.Payload, func(a *headwater.Append) { *a = appended })
			wantCode(t, err, headwater.ErrInvalid)
		})
	}
	_, err := s.Append(ctx, "orders.1", make([]byte, 11))
	wantCode(t, err, headwater.ErrInvalid)
	if seq := must(s.LastSeq(ctx, ">"))(t); seq != 0 {
		t.Fatalf("something was appended: %d", seq)
	}
}

func TestContextThatEndedDoesNothing(t *testing.T) {
	s := orders(t, headwater.StreamConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Append(ctx, "orders.1", nil)
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if seq := must(s.LastSeq(within(t), ">"))(t); seq != 0 {
		t.Fatalf("something was appended: %d", seq)
	}
}

// Waits that were given up hold up nobody: whoever still waits gets what was committed.
func TestGivenUpWaitsHoldUpNobody(t *testing.T) {
	ctx := within(t)
	s := must(headwatertest.DurableEngine(t).CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t)
	var kept []*headwater.PendingAck
	for round := range 100 {
		var group sync.WaitGroup
		for i := range 8 {
			pending := must(s.AppendAsync(ctx, "orders", nil))(t)
			kept = append(kept, pending)
			group.Add(1)
			go func() {
				defer group.Done()
				short, cancel := context.WithTimeout(ctx, time.Duration(round*i)*5*time.Microsecond)
				defer cancel()
				if _, err := pending.Wait(short); err != nil && headwater.CodeOf(err) != headwater.ErrTimeout {
					t.Error(err)
				}
				if i%2 == 0 {
					return
				}
				if _, err := s.Append(ctx, "orders", nil); err != nil {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	}
	for _, pending := range kept {
		must(pending.Wait(ctx))(t)
	}
}

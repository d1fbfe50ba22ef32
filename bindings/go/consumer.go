package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
	"math"
	"runtime"
	"slices"
	"time"
	"unsafe"
)

// Consumer is a durable position in a stream. It is safe for use by many goroutines; each record goes to one of them.
type Consumer struct {
	queue[Record]
	name string
}

// Delivery is a record that a consumer delivered, to be acknowledged.
type Delivery struct {
	Record
	consumer *Consumer
}

// CreateConsumer makes a durable consumer. The same configuration again opens the one there, another one is
// [ErrConflict].
func (s *Stream) CreateConsumer(ctx context.Context, config ConsumerConfig) (*Consumer, error) {
	var l lender
	defer l.Unpin()
	c, err := l.consumerConfig(&config)
	if err != nil {
		return nil, err
	}
	return s.openConsumer(ctx, config.Name, func(p *C.hw_stream, out **C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_stream_create_consumer(p, &c, out, err)
	})
}

// Consumer opens the consumer of this name; [ErrNotFound] when there is none.
func (s *Stream) Consumer(ctx context.Context, name string) (*Consumer, error) {
	return s.openConsumer(ctx, name, func(p *C.hw_stream, out **C.hw_consumer, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_stream_consumer(p, data, size, out, err)
	})
}

func (s *Stream) openConsumer(
	ctx context.Context, name string, open func(*C.hw_stream, **C.hw_consumer, **C.hw_error) C.hw_status,
) (*Consumer, error) {
	var ptr *C.hw_consumer
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	c := &Consumer{name: name}
	c.init(s.engine, "consumer", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_consumer_free((*C.hw_consumer)(p)) })
	c.try = func(p unsafe.Pointer, max C.size_t) ([]Record, error) {
		var batch *C.hw_batch
		var failed *C.hw_error
		status := C.hw_consumer_next((*C.hw_consumer)(p), max, 0, &batch, &failed)
		return takeNext(status, failed, func() ([]Record, error) {
			records, _, err := takeBatch(batch)
			return records, err
		})
	}
	c.arm = func(p unsafe.Pointer, waker *C.hw_waker, token C.uint64_t, err **C.hw_error) C.hw_status {
		return C.hw_consumer_wake((*C.hw_consumer)(p), waker, token, err)
	}
	runtime.AddCleanup(c, (*handle).close, c.handle)
	return c, nil
}

// DeleteConsumer removes a consumer and its position.
func (s *Stream) DeleteConsumer(ctx context.Context, name string) error {
	return s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_stream_delete_consumer(p, data, size, err)
	})
}

// Name is its name.
func (c *Consumer) Name() string { return c.name }

// Next waits until there is a record to deliver, then takes up to limit (0 is 1,000) to work on.
func (c *Consumer) Next(ctx context.Context, limit int) ([]Delivery, error) {
	records, err := c.next(ctx, limit, limit)
	return c.deliveries(records), err
}

// TryNext takes up to limit records (0 is 1,000) that can be delivered now, perhaps none.
func (c *Consumer) TryNext(ctx context.Context, limit int) ([]Delivery, error) {
	records, err := c.tryNext(ctx, limit, limit)
	return c.deliveries(records), err
}

func (c *Consumer) deliveries(records []Record) []Delivery {
	deliveries := make([]Delivery, len(records))
	for i, record := range records {
		deliveries[i] = Delivery{record, c}
	}
	return deliveries
}

// Deliveries gives records as they can be delivered, until ctx ends, the loop is left, or an error, which it gives
// last. It takes one at a time, so that no ack wait begins before the loop sees the record; [Consumer.Next] takes
// more.
func (c *Consumer) Deliveries(ctx context.Context) iter.Seq2[Delivery, error] {
	return func(yield func(Delivery, error) bool) {
		for record, err := range c.all(ctx, 1) {
			if !yield(Delivery{record, c}, err) {
				return
			}
		}
	}
}

// Ack is done with these sequences. One that is not pending is passed over; it returns how many were pending. After a
// crash of the machine an acknowledged record may come again, which [Consumer.AckSync] rules out.
func (c *Consumer) Ack(ctx context.Context, seqs ...uint64) (int, error) {
	var acked C.size_t
	err := c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_consumer_ack(p, (*C.uint64_t)(unsafe.SliceData(seqs)), C.size_t(len(seqs)), &acked, err)
	})
	return int(acked), err
}

// AckSync is as Ack, and returns when the acknowledgement is on disk.
func (c *Consumer) AckSync(ctx context.Context, seqs ...uint64) (int, error) {
	seqs = slices.Clone(seqs)
	return slow(ctx, c.engine.room(), func() (int, error) {
		var acked C.size_t
		err := c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
			return C.hw_consumer_ack_sync(p, (*C.uint64_t)(unsafe.SliceData(seqs)), C.size_t(len(seqs)), &acked, err)
		})
		return int(acked), err
	})
}

// Nak is not done: deliver it again after delay.
func (c *Consumer) Nak(ctx context.Context, seq uint64, delay time.Duration) error {
	ns, err := duration("delay", delay)
	if err != nil {
		return err
	}
	return c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_consumer_nak(p, C.uint64_t(seq), ns, err)
	})
}

// InProgress is still at it: it starts the ack wait anew.
func (c *Consumer) InProgress(ctx context.Context, seq uint64) error {
	return c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_consumer_in_progress(p, C.uint64_t(seq), err)
	})
}

// Term never delivers it again; it does not go to the dead-letter stream.
func (c *Consumer) Term(ctx context.Context, seq uint64) error {
	return c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_consumer_term(p, C.uint64_t(seq), err)
	})
}

// Close gives the handle up and ends its waits; the consumer and its position stay. Closing twice is nothing.
func (c *Consumer) Close() error {
	c.handle.close()
	return nil
}

// Ack is done with the record, as [Consumer.Ack].
func (d *Delivery) Ack(ctx context.Context) error {
	_, err := d.consumer.Ack(ctx, d.Seq)
	return err
}

// Nak has the record delivered again after delay.
func (d *Delivery) Nak(ctx context.Context, delay time.Duration) error {
	return d.consumer.Nak(ctx, d.Seq, delay)
}

// InProgress starts the record's ack wait anew.
func (d *Delivery) InProgress(ctx context.Context) error { return d.consumer.InProgress(ctx, d.Seq) }

// Term never has the record delivered again.
func (d *Delivery) Term(ctx context.Context) error { return d.consumer.Term(ctx, d.Seq) }

func (c *Consumer) call(ctx context.Context, body func(*C.hw_consumer, **C.hw_error) C.hw_status) error {
	return call(ctx, c.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_consumer)(p), err)
	})
}

func (l *lender) consumerConfig(config *ConsumerConfig) (C.hw_consumer_config, error) {
	c := C.hw_consumer_config{
		struct_size:    C.sizeof_hw_consumer_config,
		name:           l.str(config.Name),
		description:    l.str(config.Description),
		dead_letter:    l.str(config.DeadLetter),
		max_deliver:    C.uint32_t(config.MaxDeliver),
		deliver_policy: C.int32_t(config.DeliverPolicy.kind),
		start_seq:      config.DeliverPolicy.startSeq(),
		start_time:     config.DeliverPolicy.startTime(),
		ack_policy:     C.int32_t(config.AckPolicy),
	}
	c.filter_subjects, c.filter_subjects_len = l.strs(config.FilterSubjects)
	err := config.DeliverPolicy.err
	if err != nil {
		return c, err
	}
	if c.ack_wait_ns, err = duration("AckWait", config.AckWait); err != nil {
		return c, err
	}
	backoff := make([]C.uint64_t, len(config.Backoff))
	for i, wait := range config.Backoff {
		if backoff[i], err = duration("Backoff", wait); err != nil {
			return c, err
		}
	}
	if len(backoff) > 0 {
		l.Pin(&backoff[0])
		c.backoff_ns, c.backoff_len = &backoff[0], C.size_t(len(backoff))
	}
	switch pending := config.MaxAckPending; {
	case pending == NoAckPendingLimit:
		c.max_ack_pending = C.HW_COUNT_UNLIMITED
	case pending < 0 || pending >= math.MaxUint32:
		return c, invalid("MaxAckPending is %d, must be 0 to %d or NoAckPendingLimit", pending, uint32(math.MaxUint32-1))
	default:
		c.max_ack_pending = C.uint32_t(pending)
	}
	return c, nil
}

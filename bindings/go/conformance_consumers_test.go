package headwater_test

import (
	"context"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type deliverArgs struct {
	DeliverPolicy string `json:"deliver_policy"`
	StartSeq      uint64 `json:"start_seq"`
}

func (a deliverArgs) policy() (headwater.DeliverPolicy, error) {
	return pick("deliver policy", a.DeliverPolicy, map[string]headwater.DeliverPolicy{
		"all": headwater.DeliverAll(), "last": headwater.DeliverLast(), "new": headwater.DeliverNew(),
		"by_start_sequence": headwater.DeliverFromSeq(a.StartSeq),
		"last_per_subject":  headwater.DeliverLastPerSubject(),
	})
}

type subscribeArgs struct {
	inStream
	deliverArgs
	As      string   `json:"as"`
	Filters []string `json:"filters"`
}

type consumerConfigArgs struct {
	deliverArgs
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	FilterSubjects []string `json:"filter_subjects"`
	AckPolicy      string   `json:"ack_policy"`
	AckWait        int64    `json:"ack_wait"`
	MaxDeliver     uint32   `json:"max_deliver"`
	Backoff        []int64  `json:"backoff"`
	MaxAckPending  int64    `json:"max_ack_pending"`
	DeadLetter     string   `json:"dead_letter"`
}

type createConsumerArgs struct {
	inStream
	Config consumerConfigArgs `json:"config"`
}

type inConsumer struct {
	inStream
	Consumer string   `json:"consumer"`
	Seq      uint64   `json:"seq"`
	Seqs     []uint64 `json:"seqs"`
	Delay    int64    `json:"delay"`
}

// onConsumer is onStream for operations that name a consumer.
func onConsumer(do func(ctx context.Context, c *headwater.Consumer, a inConsumer) (any, error)) operation {
	return onStream(func(ctx context.Context, s *headwater.Stream, a inConsumer) (any, error) {
		c, err := s.Consumer(ctx, a.Consumer)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return do(ctx, c, a)
	})
}

var consumerOps = map[string]operation{
	"subscribe": op(func(r *runner, a subscribeArgs) (any, error) {
		policy, err := a.policy()
		if err != nil {
			return nil, err
		}
		s, err := r.engine.Stream(r.ctx, a.Stream)
		if err != nil {
			return nil, err
		}
		sub, err := s.Subscribe(r.ctx, headwater.SubscribeOptions{Filters: a.Filters, DeliverPolicy: policy})
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(sub.Next, sub.TryNext, recordJSON, sub.Missed, sub.Close)
		return nil, nil
	}),
	"create_consumer": onStream(func(ctx context.Context, s *headwater.Stream, a createConsumerArgs) (any, error) {
		policy, err := a.Config.policy()
		if err != nil {
			return nil, err
		}
		acks, err := pick("ack policy", a.Config.AckPolicy, map[string]headwater.AckPolicy{
			"explicit": headwater.AckExplicit, "all": headwater.AckAll, "none": headwater.AckNone,
		})
		if err != nil {
			return nil, err
		}
		config := headwater.ConsumerConfig{
			Name: a.Config.Name, Description: a.Config.Description, FilterSubjects: a.Config.FilterSubjects,
			DeliverPolicy: policy, AckPolicy: acks, AckWait: time.Duration(a.Config.AckWait),
			MaxDeliver: a.Config.MaxDeliver, MaxAckPending: a.Config.MaxAckPending, DeadLetter: a.Config.DeadLetter,
		}
		for _, wait := range a.Config.Backoff {
			config.Backoff = append(config.Backoff, time.Duration(wait))
		}
		_, err = s.CreateConsumer(ctx, config)
		return nil, err
	}),
	"delete_consumer": onStream(func(ctx context.Context, s *headwater.Stream, a inConsumer) (any, error) {
		return nil, s.DeleteConsumer(ctx, a.Consumer)
	}),
	"consumers": onStream(func(ctx context.Context, s *headwater.Stream, _ inStream) (any, error) {
		infos, err := s.Consumers(ctx)
		return list(infos, func(i headwater.ConsumerInfo) any { return i.Config.Name }), err
	}),
	"consumer_info": onConsumer(func(ctx context.Context, c *headwater.Consumer, _ inConsumer) (any, error) {
		i, err := c.Info(ctx)
		return map[string]any{
			"delivered_seq": i.DeliveredSeq, "ack_floor": i.AckFloor, "num_ack_pending": i.NumAckPending,
			"num_redelivered": i.NumRedelivered, "num_pending": i.NumPending, "num_dead": i.NumDead,
		}, err
	}),
	"ack": onConsumer(func(ctx context.Context, c *headwater.Consumer, a inConsumer) (any, error) {
		return c.Ack(ctx, a.Seqs...)
	}),
	"nak": onConsumer(func(ctx context.Context, c *headwater.Consumer, a inConsumer) (any, error) {
		return nil, c.Nak(ctx, a.Seq, time.Duration(a.Delay))
	}),
	"in_progress": onConsumer(func(ctx context.Context, c *headwater.Consumer, a inConsumer) (any, error) {
		return nil, c.InProgress(ctx, a.Seq)
	}),
	"term": onConsumer(func(ctx context.Context, c *headwater.Consumer, a inConsumer) (any, error) {
		return nil, c.Term(ctx, a.Seq)
	}),
}

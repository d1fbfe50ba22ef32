package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Consumers describes all consumers of the stream, by name.
func (s *Stream) Consumers(ctx context.Context) ([]ConsumerInfo, error) {
	var infos *C.hw_consumer_infos
	err := s.call(ctx, func(p *C.hw_stream, err **C.hw_error) C.hw_status {
		return C.hw_stream_consumers(p, &infos, err)
	})
	if err != nil {
		return nil, err
	}
	return takeConsumerInfos(infos)
}

// Info is where the consumer stands.
func (c *Consumer) Info(ctx context.Context) (ConsumerInfo, error) {
	var infos *C.hw_consumer_infos
	err := c.call(ctx, func(p *C.hw_consumer, err **C.hw_error) C.hw_status {
		return C.hw_consumer_info(p, &infos, err)
	})
	if err != nil {
		return ConsumerInfo{}, err
	}
	taken, err := takeConsumerInfos(infos)
	if err != nil {
		return ConsumerInfo{}, err
	}
	return taken[0], nil
}

func takeConsumerInfos(infos *C.hw_consumer_infos) ([]ConsumerInfo, error) {
	defer C.hw_consumer_infos_free(infos)
	var taken []ConsumerInfo
	for i := range C.hw_consumer_infos_len(infos) {
		state := C.hw_consumer_state{struct_size: C.sizeof_hw_consumer_state}
		var err *C.hw_error
		if status := C.hw_consumer_infos_get(infos, i, &state, &err); status != C.HW_STATUS_OK {
			return nil, failure(status, err)
		}
		taken = append(taken, ConsumerInfo{
			Config:         goConsumerConfig(state.config),
			DeliveredSeq:   uint64(state.delivered_seq),
			AckFloor:       uint64(state.ack_floor),
			NumAckPending:  uint64(state.num_ack_pending),
			NumRedelivered: uint64(state.num_redelivered),
			NumPending:     uint64(state.num_pending),
			NumDead:        uint64(state.num_dead),
		})
	}
	return taken, nil
}

func goConsumerConfig(c *C.hw_consumer_config) ConsumerConfig {
	config := ConsumerConfig{
		Name:           goString(c.name),
		Description:    goString(c.description),
		FilterSubjects: goStrings(c.filter_subjects, c.filter_subjects_len),
		DeliverPolicy:  DeliverPolicy{kind: int32(c.deliver_policy), value: uint64(max(c.start_seq, c.start_time))},
		AckPolicy:      AckPolicy(c.ack_policy),
		AckWait:        goDuration(c.ack_wait_ns),
		MaxDeliver:     uint32(c.max_deliver),
		MaxAckPending:  int64(c.max_ack_pending),
		DeadLetter:     goString(c.dead_letter),
	}
	if c.max_ack_pending == C.HW_COUNT_UNLIMITED {
		config.MaxAckPending = NoAckPendingLimit
	}
	for _, ns := range unsafe.Slice(c.backoff_ns, int(c.backoff_len)) {
		config.Backoff = append(config.Backoff, time.Duration(ns))
	}
	return config
}

func (p DeliverPolicy) startSeq() C.uint64_t { return C.uint64_t(p.Seq()) }

func (p DeliverPolicy) startTime() C.uint64_t {
	if p.kind == deliverByTime {
		return C.uint64_t(p.value)
	}
	return 0
}

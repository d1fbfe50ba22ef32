// One goroutine appends while another follows the stream: history first, then live, with no gap at the seam.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

const (
	historyRecords = 100
	liveRecords    = 900
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	engine, err := headwater.Temporary(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	ticks, err := engine.CreateStream(ctx, headwater.StreamConfig{
		Name: "ticks", Subjects: []string{"ticks.>"}, Durability: headwater.OS,
	})
	if err != nil {
		return err
	}
	if err := appendTicks(ctx, ticks, historyRecords); err != nil {
		return err
	}
	live, err := ticks.Subscribe(ctx, headwater.SubscribeOptions{Filters: []string{"ticks.*"}})
	if err != nil {
		return err
	}
	defer live.Close()

	written := make(chan error, 1)
	go func() { written <- appendTicks(ctx, ticks, liveRecords) }()

	next := uint64(1)
	for record, err := range live.Records(ctx) {
		if err != nil {
			return err
		}
		if record.Seq != next {
			return fmt.Errorf("sequence %d came where %d was expected", record.Seq, next)
		}
		if next == historyRecords+liveRecords {
			break
		}
		next++
	}
	if err := <-written; err != nil {
		return err
	}
	fmt.Printf("followed %d records, %d of them live, in order and without a gap\n", next, liveRecords)
	return nil
}

func appendTicks(ctx context.Context, ticks *headwater.Stream, count int) error {
	for i := range count {
		if _, err := ticks.Append(ctx, "ticks.a", fmt.Appendf(nil, "%d", i)); err != nil {
			return err
		}
	}
	return nil
}

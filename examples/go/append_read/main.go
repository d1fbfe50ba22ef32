// Appends orders to a stream in a directory, closes it, opens it again and reads them back.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/headwater/headwater/bindings/go"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "headwater-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := write(dir); err != nil {
		return err
	}
	return readBack(dir)
}

func write(dir string) error {
	ctx := context.Background()
	engine, err := headwater.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	orders, err := engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}})
	if err != nil {
		return err
	}
	for _, subject := range []string{"orders.eu.1", "orders.us.2", "orders.eu.1"} {
		ack, err := orders.Append(ctx, subject, []byte(`{"total":12}`))
		if err != nil {
			return err
		}
		fmt.Printf("appended %s as %d (%s)\n", subject, ack.Seq, ack.Durability)
	}

	// A condition: nobody else wrote to this order since we read sequence 1. Somebody did.
	_, err = orders.Append(ctx, "orders.eu.1", []byte("late"), headwater.ExpectSubjectLastSeq(1))
	var failure *headwater.Error
	if !errors.Is(err, headwater.ErrConflict) || !errors.As(err, &failure) {
		return fmt.Errorf("a conflict was expected, not: %w", err)
	}
	fmt.Printf("refused: expected sequence %d, actual %d\n", failure.Expected, failure.Actual)
	return engine.Close()
}

func readBack(dir string) error {
	ctx := context.Background()
	engine, err := headwater.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	orders, err := engine.Stream(ctx, "orders")
	if err != nil {
		return err
	}
	records, err := orders.Read(ctx, headwater.ReadOptions{Filters: []string{"orders.eu.*"}})
	if err != nil {
		return err
	}
	for _, record := range records {
		fmt.Printf("read %d %s %s\n", record.Seq, record.Subject, record.Payload)
	}
	last, err := orders.Last(ctx, "orders.us.2")
	if err != nil {
		return err
	}
	fmt.Printf("last of %s is %d\n", last.Subject, last.Seq)
	if len(records) != 2 {
		return fmt.Errorf("2 records were expected, %d came", len(records))
	}
	return nil
}

// A point store: temperatures of two rooms go in, aggregates come out, and a live query follows what changes.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/headwater/headwater/bindings/go"
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
	climate, err := engine.CreatePoints(ctx, headwater.PointsConfig{Name: "climate"})
	if err != nil {
		return err
	}
	day := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	if err := writeDay(ctx, climate, day); err != nil {
		return err
	}

	rows, err := climate.Query(ctx, headwater.Query{
		Filters:    []string{"*.temperature"},
		From:       day,
		To:         day.AddDate(0, 0, 1),
		Every:      6 * time.Hour,
		Aggregates: []headwater.Aggregate{headwater.Min, headwater.Mean, headwater.Max},
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		fmt.Printf("%-20s %s  min %.1f  mean %.2f  max %.1f\n",
			row.Series, row.Start.Format("15:04"), row.Values[0], row.Values[1], row.Values[2])
	}

	return follow(ctx, climate, day)
}

// follow shows the live query: the winning point of each series first, then every new one.
func follow(ctx context.Context, climate *headwater.Points, day time.Time) error {
	watcher, err := climate.Watch(ctx, "*.temperature")
	if err != nil {
		return err
	}
	defer watcher.Close()
	written := make(chan error, 1)
	go func() {
		_, err := climate.Write(ctx, headwater.Point{
			Node: "kitchen", Kind: "temperature", Time: day.AddDate(0, 0, 1), Value: headwater.Float(23.5),
		})
		written <- err
	}()
	seen := 0
	for point, err := range watcher.Points(ctx) {
		if err != nil {
			return err
		}
		seen++
		fmt.Printf("live: %s %s = %s\n", point.Node, point.Time.Format(time.RFC3339), point.Value)
		if point.Node == "kitchen" && point.Time.After(day.AddDate(0, 0, 1).Add(-time.Second)) {
			break
		}
	}
	if seen == 0 {
		return fmt.Errorf("the live query ended without a point")
	}
	return <-written
}

func writeDay(ctx context.Context, climate *headwater.Points, day time.Time) error {
	var points []headwater.Point
	for hour := range 24 {
		at := day.Add(time.Duration(hour) * time.Hour)
		for room, base := range map[string]float64{"kitchen": 20, "cellar": 12} {
			points = append(points, headwater.Point{
				Node: room, Kind: "temperature", Time: at, Value: headwater.Float(base + float64(hour)/10),
			})
		}
	}
	_, err := climate.Write(ctx, points...)
	return err
}

package headwater_test

import (
	"fmt"
	"testing"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestBucket(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	settings := must(engine.CreateBucket(ctx, headwater.BucketConfig{Bucket: "settings", History: 5}))(t)
	first := must(settings.Create(ctx, "colour", []byte("red"), 0))(t)
	second := must(settings.Update(ctx, "colour", []byte{0, 255}, first))(t)
	_, err := settings.Create(ctx, "colour", nil, 0)
	wantCode(t, err, headwater.ErrConflict)
	_, err = settings.Update(ctx, "colour", nil, first)
	wantCode(t, err, headwater.ErrConflict)
	entry := must(settings.Get(ctx, "colour"))(t)
	if entry.Key != "colour" || entry.Revision != second || string(entry.Value) != "\x00\xff" || entry.Time.IsZero() {
		t.Fatalf("%+v", entry)
	}
	if old := must(settings.GetRevision(ctx, "colour", first))(t); string(old.Value) != "red" {
		t.Fatalf("%+v", old)
	}
	must(settings.Put(ctx, "size", []byte("9")))(t)
	must(settings.Delete(ctx, "colour", second))(t)
	_, err = settings.Get(ctx, "colour")
	wantCode(t, err, headwater.ErrNotFound)
	var operations []headwater.Operation
	for _, entry := range must(settings.History(ctx, "colour"))(t) {
		operations = append(operations, entry.Operation)
	}
	if got := fmt.Sprint(operations); got != "[put put delete]" {
		t.Fatal(got)
	}
	if keys := fmt.Sprint(must(settings.Keys(ctx, ""))(t), must(engine.Buckets(ctx))(t)); keys != "[size] [settings]" {
		t.Fatal(keys)
	}
	must(settings.Purge(ctx, "size", 0))(t)
	status := must(settings.Status(ctx))(t)
	if status.Config.Bucket != "settings" || status.Config.History != 5 || status.Values != 4 {
		t.Fatalf("%+v", status)
	}
	if stream := must(settings.Stream(ctx))(t); stream.Name() != "KV_settings" {
		t.Fatal(stream.Name())
	}
	if err := engine.DeleteBucket(ctx, "settings"); err != nil {
		t.Fatal(err)
	}
	_, err = engine.Bucket(ctx, "settings")
	wantCode(t, err, headwater.ErrNotFound)
}

func TestWatch(t *testing.T) {
	ctx := within(t)
	settings := must(headwatertest.Engine(t).CreateBucket(ctx, headwater.BucketConfig{Bucket: "settings"}))(t)
	for i := range 3 {
		must(settings.Put(ctx, fmt.Sprintf("key.%d", i), []byte("before")))(t)
	}
	watcher := must(settings.Watch(ctx, headwater.WatchOptions{Filters: []string{"key.*"}}))(t)
	seen := 0
	for entry, err := range watcher.Entries(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if seen < 3 {
			if entry.Key != fmt.Sprintf("key.%d", seen) || watcher.CaughtUp() != (seen == 2) {
				t.Fatalf("%+v, caught up: %v", entry, watcher.CaughtUp())
			}
		} else if entry.Operation == headwater.OpDelete {
			break
		}
		if seen++; seen == 3 {
			go func() {
				_, putErr := settings.Put(ctx, "key.1", []byte("after"))
				_, deleteErr := settings.Delete(ctx, "key.1", 0)
				if putErr != nil || deleteErr != nil {
					t.Error(putErr, deleteErr)
				}
			}()
		}
	}
	if err := watcher.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSlowWatcherIsTold(t *testing.T) {
	ctx := within(t)
	settings := must(headwatertest.Engine(t).CreateBucket(ctx, headwater.BucketConfig{Bucket: "settings"}))(t)
	must(settings.Put(ctx, "a", []byte("1")))(t)
	watcher := must(settings.Watch(ctx, headwater.WatchOptions{}))(t)
	if first := must(watcher.Next(ctx, 1))(t); first[0].Revision != 1 || watcher.Missed() != 0 {
		t.Fatalf("%+v, %d missed", first, watcher.Missed())
	}
	for range 10 {
		must(settings.Put(ctx, "a", []byte("2")))(t)
	}
	if next := must(watcher.Next(ctx, 1))(t); next[0].Revision != 11 || watcher.Missed() != 9 {
		t.Fatalf("%+v, %d missed", next, watcher.Missed())
	}
}

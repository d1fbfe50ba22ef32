// State that merges: two handles of one store count, add and follow each other, and two replicas without an engine
// become equal by the fragments that they send.
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
	here, err := engine.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app"})
	if err != nil {
		return err
	}
	there, err := engine.CRDT(ctx, "app")
	if err != nil {
		return err
	}
	watcher, err := there.Watch(ctx, "")
	if err != nil {
		return err
	}
	defer watcher.Close()

	likes, err := here.Counter("likes").Incr(ctx, 5)
	if err != nil {
		return err
	}
	fmt.Println("likes:", likes)
	if err := here.Set("tags").Add(ctx, headwater.Text("blue")); err != nil {
		return err
	}
	if err := here.Map("user").Register("name").Set(ctx, headwater.Text("Ann")); err != nil {
		return err
	}
	if err := follow(ctx, there, watcher); err != nil {
		return err
	}
	return withoutAnEngine()
}

// follow waits until three keys changed, then prints what is in the store.
func follow(ctx context.Context, store *headwater.CRDT, watcher *headwater.CRDTWatcher) error {
	seen := 0
	for key, err := range watcher.Changes(ctx) {
		if err != nil {
			return err
		}
		fmt.Printf("changed: %s (%s)\n", key.Name, key.Kind)
		if seen++; seen == 3 {
			break
		}
	}
	entries, err := store.Dump(ctx, "")
	for _, entry := range entries {
		fmt.Println(entry.Name, "=", entry.JSON)
	}
	return err
}

// withoutAnEngine is the same without one: what a replica did reaches the other as bytes, by whatever carrier.
func withoutAnEngine() error {
	var replicas []*headwater.Replica
	var deltas [][]byte
	for i := range 2 {
		replica, err := headwater.NewReplica(headwater.Actor{Engine: uint64(i), Epoch: 1})
		if err != nil {
			return err
		}
		defer replica.Close()
		_, err = replica.Write(time.Now(), headwater.Change{
			Key: "likes", Kind: headwater.CounterKind, Op: headwater.OpAdd, Amount: int64(2 + i),
		})
		if err != nil {
			return err
		}
		delta, err := replica.TakeDelta()
		if err != nil {
			return err
		}
		replicas, deltas = append(replicas, replica), append(deltas, delta)
	}
	for i, replica := range replicas {
		if _, _, err := replica.Apply(time.Now(), deltas[1-i]); err != nil {
			return err
		}
		reading, err := replica.Read(time.Now(), headwater.CounterKind, "likes")
		if err != nil {
			return err
		}
		fmt.Printf("replica %d: %s likes after %d bytes\n", i, reading.Number, len(deltas[1-i]))
	}
	return nil
}

// State that merges: a counter and a set are changed in a store, and two replicas that worked apart become equal.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
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
	store, err := engine.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app"})
	if err != nil {
		return err
	}
	if err := countAndTag(ctx, store); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	if store, err = engine.CRDT(ctx, "app"); err != nil {
		return err
	}
	if err := read(ctx, store); err != nil {
		return err
	}
	return merge()
}

func countAndTag(ctx context.Context, store *headwater.CRDT) error {
	watcher, err := store.Watch(ctx, "")
	if err != nil {
		return err
	}
	defer watcher.Close()
	first, err := store.Counter("likes").Incr(ctx, 5)
	if err != nil {
		return err
	}
	second, err := store.Counter("likes").Decr(ctx, 2)
	if err != nil {
		return err
	}
	fmt.Printf("likes are %d, and then %d\n", first, second)

	_, err = store.Transaction(ctx,
		tag(headwater.OpInsert, "blue"), tag(headwater.OpInsert, "green"),
		headwater.Change{
			Key: "ada", Fields: []string{"colour"}, Kind: headwater.RegisterKind, Op: headwater.OpWrite,
			Value: headwater.Text("blue"),
		})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for key, err := range watcher.Changes(ctx) {
		if err != nil {
			return err
		}
		if seen[key.Name] = true; len(seen) == 3 {
			break
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Println("changed:", strings.Join(names, ", "))
	return nil
}

func read(ctx context.Context, store *headwater.CRDT) error {
	tags, err := store.Set("tags").Values(ctx)
	if err != nil {
		return err
	}
	colour, _, err := store.Map("ada").Register("colour").Value(ctx)
	fmt.Printf("tags are %s; Ada's colour is %s\n", join(tags), colour)
	return err
}

// merge is what a program does that carries fragments by itself: no store, no network, no clock.
func merge() error {
	now := time.UnixMilli(1_772_323_200_000)
	here, err := headwater.NewReplica(headwater.Actor{Engine: 1, Epoch: 1})
	if err != nil {
		return err
	}
	there, err := headwater.NewReplica(headwater.Actor{Engine: 2, Epoch: 1})
	if err != nil {
		return err
	}
	if err := here.Transaction(now, likes(2), tag(headwater.OpInsert, "blue")); err != nil {
		return err
	}
	if err := send(now, here, there); err != nil {
		return err
	}
	// From here on they know nothing of each other.
	if err := here.Transaction(now, likes(2), tag(headwater.OpRemove, "blue")); err != nil {
		return err
	}
	if err := there.Transaction(now, likes(1), tag(headwater.OpInsert, "green")); err != nil {
		return err
	}
	if err := errors.Join(send(now, here, there), send(now, there, here)); err != nil {
		return err
	}
	one, err := here.Whole()
	if err != nil {
		return err
	}
	other, err := there.Whole()
	if err != nil {
		return err
	}
	if !bytes.Equal(one, other) {
		return errors.New("the replicas differ")
	}
	total, err := there.Read(now, headwater.CounterKind, "likes")
	if err != nil {
		return err
	}
	tags, err := there.Read(now, headwater.SetKind, "tags")
	fmt.Printf("after the exchange both have %s likes and the tags %s\n", total.Number, join(tags.Values))
	return err
}

// send brings what one replica did since the last time to the other, as bytes.
func send(now time.Time, from, to *headwater.Replica) error {
	delta, err := from.TakeDelta()
	if err != nil {
		return err
	}
	_, _, err = to.Apply(now, delta)
	return err
}

func likes(amount int64) headwater.Change {
	return headwater.Change{Key: "likes", Kind: headwater.CounterKind, Op: headwater.OpAdd, Amount: amount}
}

func tag(op headwater.CRDTOp, name string) headwater.Change {
	return headwater.Change{Key: "tags", Kind: headwater.SetKind, Op: op, Value: headwater.Text(name)}
}

func join(values []headwater.Value) string {
	var texts []string
	for _, value := range values {
		texts = append(texts, value.String())
	}
	return strings.Join(texts, ", ")
}

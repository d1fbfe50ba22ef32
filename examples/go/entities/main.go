// A bank whose accounts are live entities, kept as events, on three nodes: money is moved while one node goes without a
// word, no money is lost or made, and an account is looked at as it was before.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

const (
	accounts  = 10
	transfers = 200
	callers   = 4
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// account is what its events say.
type account struct {
	self     *headwater.EntityContext
	store    *headwater.EventStore
	position headwater.Position
	balance  int
}

func open(store *headwater.EventStore) func(context.Context, *headwater.EntityContext) (headwater.Entity, error) {
	return func(ctx context.Context, self *headwater.EntityContext) (headwater.Entity, error) {
		loaded, err := store.Load(ctx, "account", self.Key(), headwater.LoadOptions{})
		return &account{self, store, loaded.Position, balanceOf(loaded)}, err
	}
}

// Handle takes `deposit` and `withdraw`, with the id of the command and an amount. Who asks twice means the same.
func (a *account) Handle(ctx context.Context, message headwater.Message) ([]byte, error) {
	command, amount, _ := strings.Cut(string(message.Payload), " ")
	_, isKnown, err := a.store.FindCommand(ctx, "account", a.self.Key(), command)
	if err != nil {
		return nil, err
	}
	if !isKnown {
		left := a.balance + sign(message.Name)*number(amount)
		if left < 0 {
			return nil, fmt.Errorf("there is not enough in the account: %w", headwater.ErrConflict)
		}
		events := []headwater.NewEvent{{EventType: message.Name, Data: []byte(amount)}}
		options := headwater.SaveOptions{Expected: headwater.ExpectAt(a.position), Command: command}
		saved, err := a.store.Save(ctx, "account", a.self.Key(), events, options)
		if err != nil {
			// Another node wrote it: what is known here is old, so this handler is to be begun anew.
			panic(err)
		}
		a.position, a.balance = saved.Position, left
	}
	return []byte(strconv.Itoa(a.balance)), nil
}

func sign(name string) int {
	if name == "deposit" {
		return 1
	}
	return -1
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

func balanceOf(loaded headwater.Loaded) int {
	sum := 0
	for _, event := range loaded.Events {
		sum += sign(event.EventType) * number(string(event.Data))
	}
	return sum
}

func run(ctx context.Context) error {
	engine, err := headwater.Temporary(ctx)
	if err != nil {
		return err
	}
	defer engine.Close()
	store, err := engine.CreateEventStore(ctx, headwater.EventsConfig{})
	if err != nil {
		return err
	}
	// Nodes of the bank. Programs would each have one, on an engine that is connected to a hub or opened through the
	// process that has the directory.
	nodes := map[string]*headwater.Entities{}
	served := make(chan error, 3)
	for _, name := range []string{"north", "east", "west"} {
		cluster := &headwater.ClusterConfig{Name: "bank", Node: name, TTL: time.Second}
		node, err := engine.Entities(ctx, headwater.EntitiesConfig{Cluster: cluster})
		if err != nil {
			return err
		}
		nodes[name] = node
		go func() { served <- node.Serve(ctx, headwater.EntityTypes{"account": open(store)}) }()
	}
	north := nodes["north"]
	for shared(north) < 3 {
		time.Sleep(time.Millisecond)
	}
	for n := range accounts {
		if err := ask(ctx, north, n, "deposit", fmt.Sprintf("open-%d 100", n)); err != nil {
			return err
		}
	}
	before := time.Now()

	var moved atomic.Int64
	done := make(chan error, callers)
	for caller := range callers {
		bank := []*headwater.Entities{north, nodes["west"]}[caller%2]
		go func() { done <- moveMoney(ctx, bank, caller, &moved) }()
	}
	for moved.Load() < transfers/4 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	// It gives nothing back and says nothing: the others find out by themselves, and take its accounts.
	if err := nodes["east"].Close(); err != nil {
		return err
	}
	fmt.Println("node east is gone")
	for range callers {
		if err := <-done; err != nil {
			return err
		}
	}
	if err := look(ctx, store, before); err != nil {
		return err
	}
	if err := errors.Join(north.Close(), nodes["west"].Close()); err != nil {
		return err
	}
	return errors.Join(<-served, <-served, <-served)
}

// shared is how many nodes have shards.
func shared(node *headwater.Entities) int {
	all, err := node.Nodes()
	if err != nil {
		return 3
	}
	count := 0
	for _, it := range all {
		if it.Shards > 0 {
			count++
		}
	}
	return count
}

// ask asks until there is an answer: the same command again is the same one.
func ask(ctx context.Context, bank *headwater.Entities, n int, name, payload string) error {
	id := headwater.EntityID{Kind: "account", Key: fmt.Sprintf("acc-%d", n)}
	for {
		within, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := bank.Request(within, id, name, []byte(payload))
		cancel()
		if err == nil || errors.Is(err, headwater.ErrConflict) || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func moveMoney(ctx context.Context, bank *headwater.Entities, caller int, moved *atomic.Int64) error {
	for n := caller; n < transfers; n += callers {
		if err := ask(ctx, bank, n%accounts, "withdraw", fmt.Sprintf("out-%d 1", n)); err != nil {
			return err
		}
		if err := ask(ctx, bank, (n*3+1)%accounts, "deposit", fmt.Sprintf("in-%d 1", n)); err != nil {
			return err
		}
		moved.Add(1)
	}
	return nil
}

// look counts the money, and looks at an account as it was before.
func look(ctx context.Context, store *headwater.EventStore, before time.Time) error {
	sum := 0
	for n := range accounts {
		loaded, err := store.Load(ctx, "account", fmt.Sprintf("acc-%d", n), headwater.LoadOptions{})
		if err != nil {
			return err
		}
		sum += balanceOf(loaded)
	}
	fmt.Printf("%d transfers, %d in the bank\n", transfers, sum)
	then, err := store.Load(ctx, "account", "acc-3", headwater.LoadOptions{AsOfTime: before})
	if err != nil {
		return err
	}
	fmt.Printf("acc-3 had %d before, by %d event\n", balanceOf(then), then.Position.Version)
	if sum != accounts*100 || balanceOf(then) != 100 || then.Position.Version != 1 {
		return errors.New("money was lost or made")
	}
	return nil
}

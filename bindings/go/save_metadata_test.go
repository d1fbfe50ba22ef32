package headwater_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/headwater/headwater/bindings/go"
)

// saying is a save of which something is said.
func saying(name, value string) headwater.SaveOptions {
	return headwater.SaveOptions{Metadata: []headwater.Header{{Name: name, Value: value}}}
}

// saidOf is what was said of each event of account a.
func saidOf(t testing.TB, store *headwater.EventStore) []string {
	t.Helper()
	var said []string
	for _, event := range must(store.Load(within(t), "account", "a", headwater.LoadOptions{}))(t).Events {
		said = append(said, fmt.Sprint(event.Metadata))
	}
	return said
}

func TestWhatASaveSaysGoesBehindWhatEachEventSays(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	events := opened("Opened", "Deposited")
	events[0].Metadata = []headwater.Header{{Name: "by", Value: "ann"}}
	must(store.Save(ctx, "account", "a", events, saying("tenant", "t-1")))(t)
	two := headwater.SaveOptions{Metadata: []headwater.Header{{Name: "x", Value: "1"}, {Name: "x", Value: "2"}}}
	must(store.Save(ctx, "account", "a", opened("Deposited"), two))(t)
	want := []string{"[{by ann} {tenant t-1}]", "[{tenant t-1}]", "[{x 1} {x 2}]"}
	if said := saidOf(t, store); !slices.Equal(said, want) {
		t.Fatal(said)
	}
}

func TestNamesOfASaveThatAreTakenAreRefused(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	accounts := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{}))(t)
	for _, name := range []string{"Headwater-Tenant", "nats-msg-id"} {
		_, err := store.Save(ctx, "account", "a", opened("Opened"), saying(name, "1"))
		wantCode(t, err, headwater.ErrInvalid)
		_, err = accounts.Transact(ctx, "a", saying(name, "1"), deposit(1))
		wantCode(t, err, headwater.ErrInvalid)
	}
	if info := must(must(store.Stream(ctx))(t).Info(ctx))(t); info.Records != 0 {
		t.Fatalf("%+v", info)
	}
}

func TestWhatASaveSaysGoesWithSavesOfARepository(t *testing.T) {
	ctx, store := within(t), eventStore(t)
	accounts := must(headwater.NewRepository(store, account(), headwater.RepositoryOptions{}))(t)
	root := accounts.Start("a")
	root.Raise(deposited{1})
	root.Raise(deposited{2})
	ok(t, accounts.Save(ctx, root, saying("by", "save")))
	tries := 0
	must(accounts.Transact(ctx, "a", saying("by", "transact"), func(root *accountRoot) error {
		if tries++; tries == 1 {
			// Somebody is faster.
			faster := headwater.NewEvent{EventType: "Deposited", Data: []byte("7")}
			must(store.Save(ctx, "account", "a", []headwater.NewEvent{faster}, headwater.SaveOptions{}))(t)
		}
		root.Raise(withdrawn{1})
		return nil
	}))(t)
	want := []string{"[{by save}]", "[{by save}]", "[]", "[{by transact}]"}
	if said := saidOf(t, store); tries != 2 || !slices.Equal(said, want) {
		t.Fatal(tries, said)
	}
}

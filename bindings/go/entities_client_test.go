package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// outside is what one says who is in no mesh, and has a certificate of it.
func outside(certs string) headwater.EntitiesClientConfig {
	return headwater.EntitiesClientConfig{
		CA:   filepath.Join(certs, "ca.pem"),
		Cert: filepath.Join(certs, "b.pem"),
		Key:  filepath.Join(certs, "b.key"),
	}
}

// addressOf is where an engine is called that is part of a mesh.
func addressOf(t testing.TB, engine *headwater.Engine) string {
	t.Helper()
	return "grpcs://" + must(engine.Mesh(within(t)))(t).Own.Address
}

func TestAClusterIsAskedFromOutside(t *testing.T) {
	certs, engines, nodes := meshTown(t)
	ctx := within(t)
	client := must(headwater.ConnectEntities(ctx, addressOf(t, engines[0]), outside(certs)))(t)
	for i := range 10 {
		id := counterID(fmt.Sprint(i))
		if sum := must(client.Request(ctx, id, "add", []byte("5")))(t); string(sum) != "5" {
			t.Fatal(id, string(sum))
		}
		ok(t, client.Notify(ctx, id, "add", []byte("1")))
		if sum := asked(t, nodes[1], id, "get", ""); sum != "6" {
			t.Fatal(id, sum)
		}
		_, err := client.Request(ctx, id, "fail", []byte("not today"))
		wantCode(t, err, headwater.ErrConflict)
		if !strings.Contains(err.Error(), "not today") {
			t.Fatal(err)
		}
		known := must(nodes[1].Where(id))(t)
		want := headwater.EntityPlace{Node: known.Node, Shard: known.Shard}
		if place := must(client.Where(ctx, id))(t); place != want {
			t.Fatalf("%+v and not %+v", place, want)
		}
	}
	all := must(client.List(ctx, "counter"))(t)
	on := func(node string) func(headwater.EntityInfo) bool {
		return func(info headwater.EntityInfo) bool { return info.Node == node }
	}
	if len(all) != 10 || !slices.ContainsFunc(all, on("a")) || !slices.ContainsFunc(all, on("b")) {
		t.Fatalf("%+v", all)
	}
	if none := must(client.List(ctx, "none"))(t); len(none) != 0 {
		t.Fatalf("%+v", none)
	}
	known := must(client.Nodes(ctx))(t)
	if len(known) != 2 || known[0].Name != "a" || !known[1].IsAlive || known[0].Shards+known[1].Shards != 16 {
		t.Fatalf("%+v", known)
	}
	nobody := headwater.EntityID{Key: "a"}
	_, err := client.Request(ctx, nobody, "get", nil)
	wantCode(t, err, headwater.ErrInvalid)
	wantCode(t, client.Notify(ctx, nobody, "get", nil), headwater.ErrInvalid)
	_, err = client.Where(ctx, nobody)
	wantCode(t, err, headwater.ErrInvalid)
	ok(t, client.Close())
}

func TestWaitsOfAnEntitiesClientEnd(t *testing.T) {
	certs, engines, nodes := meshTown(t)
	ctx := within(t)
	config := outside(certs)
	config.ServerName, config.Cluster = "localhost", "town"
	client := must(headwater.ConnectEntities(ctx, addressOf(t, engines[1]), config))(t)
	// ask asks an entity that is paused, and gives what that comes to.
	ask := func(ctx context.Context, key string) <-chan error {
		owner := nodes[0]
		if !must(owner.Where(counterID(key)))(t).IsHere {
			owner = nodes[1]
		}
		ok(t, owner.Pause(counterID(key)))
		outcome := make(chan error, 1)
		go func() {
			_, err := client.Request(ctx, counterID(key), "get", nil)
			outcome <- err
		}()
		waits := func(info headwater.EntityInfo) bool { return info.Key == key && info.Waiting == 1 }
		until(t, "it waits", func() bool { return slices.ContainsFunc(must(owner.List(ctx, "counter"))(t), waits) })
		return outcome
	}
	ended, end := context.WithCancel(ctx)
	first := ask(ended, "0")
	end()
	err := <-first
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = client.Request(short, counterID("0"), "get", nil)
	wantCode(t, err, headwater.ErrTimeout)

	second := ask(ctx, "2")
	ok(t, client.Close())
	ok(t, client.Close())
	wantCode(t, <-second, headwater.ErrClosed)
	var never *headwater.EntitiesClient
	for _, client := range []*headwater.EntitiesClient{client, never, {}} {
		_, err := client.Request(ctx, counterID("0"), "get", nil)
		wantCode(t, err, headwater.ErrClosed)
		wantCode(t, client.Notify(ctx, counterID("0"), "get", nil), headwater.ErrClosed)
		_, err = client.List(ctx, "")
		wantCode(t, err, headwater.ErrClosed)
		_, err = client.Nodes(ctx)
		wantCode(t, err, headwater.ErrClosed)
		_, err = client.Where(ctx, counterID("0"))
		wantCode(t, err, headwater.ErrClosed)
		ok(t, client.Close())
	}
}

func TestWhoIsOutsideMayFindNoCluster(t *testing.T) {
	ctx := within(t)
	certs := certificates(t)
	engine := headwatertest.Engine(t)
	ok(t, engine.JoinMesh(ctx, meshConfig(certs, "a")))
	config, url := outside(certs), addressOf(t, engine)
	cannot := func(ctx context.Context, url string, config headwater.EntitiesClientConfig, code headwater.Code) error {
		t.Helper()
		_, err := headwater.ConnectEntities(ctx, url, config)
		wantCode(t, err, code)
		return err
	}
	cannot(ctx, "nowhere", config, headwater.ErrInvalid)
	cannot(ctx, "grpcs://127.0.0.1:1", config, headwater.ErrNotFound)
	cannot(ctx, url, config, headwater.ErrNotFound)
	missing, unproved := config, config
	missing.Key += ".none"
	cannot(ctx, url, missing, headwater.ErrNotFound)
	unproved.ServerName = "other.example"
	cannot(ctx, url, unproved, headwater.ErrNotFound)
	ended, end := context.WithCancel(ctx)
	end()
	cannot(ended, url, config, headwater.ErrTimeout)
	cannot(nil, url, config, headwater.ErrInvalid)

	for _, name := range []string{"town", "other"} {
		cluster := &headwater.ClusterConfig{Name: name, Node: "a", Mesh: true}
		must(engine.Entities(ctx, headwater.EntitiesConfig{Cluster: cluster}))(t)
	}
	if err := cannot(ctx, url, config, headwater.ErrInvalid); !strings.Contains(err.Error(), "other, town") {
		t.Fatal(err)
	}
	config.Cluster = "town"
	client := must(headwater.ConnectEntities(ctx, url, config))(t)
	until(t, "its node", func() bool {
		known := must(client.Nodes(ctx))(t)
		return len(known) == 1 && known[0].Name == "a"
	})
	config.Cluster = "strange"
	strange := must(headwater.ConnectEntities(ctx, url, config))(t)
	_, err := strange.Nodes(ctx)
	wantCode(t, err, headwater.ErrNotFound)
	ok(t, strange.Close())
	ok(t, client.Close())
}

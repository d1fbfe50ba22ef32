package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// node is a node of the cluster "town", which handles the counter of the vectors.
func node(t testing.TB, engine *headwater.Engine, name string) *headwater.Entities {
	t.Helper()
	cluster := &headwater.ClusterConfig{Name: "town", Node: name, TTL: time.Second}
	e := must(engine.Entities(within(t), headwater.EntitiesConfig{Cluster: cluster}))(t)
	serve(t, e, headwater.EntityTypes{"counter": startCounter})
	return e
}

// town are two nodes of one cluster that each have half of the shards, and an entity of each.
func town(t testing.TB) (engine *headwater.Engine, a, b *headwater.Entities, ofA, ofB headwater.EntityID) {
	t.Helper()
	engine = headwatertest.Engine(t)
	a, b = node(t, engine, "a"), node(t, engine, "b")
	for i := 0; ofA.Key == "" || ofB.Key == ""; i++ {
		id := counterID(fmt.Sprint(i))
		shard := must(headwater.ShardOf(id, 0))(t)
		nodes := []headwater.ShardNode{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}
		if owner := must(headwater.ShardOwner(shard, nodes))(t); owner == "a" {
			ofA = id
		} else {
			ofB = id
		}
	}
	for _, e := range []*headwater.Entities{a, b} {
		eventually(t, "each has its shards", func() bool {
			return must(e.Where(ofA))(t).Node == "a" && must(e.Where(ofB))(t).Node == "b"
		})
	}
	eventually(t, "each is sure of that", func() bool {
		return must(a.Where(ofA))(t).IsHere && must(b.Where(ofB))(t).IsHere
	})
	return engine, a, b, ofA, ofB
}

func TestEntitiesOfACluster(t *testing.T) {
	ctx := within(t)
	engine, a, b, ofA, ofB := town(t)
	for _, e := range []*headwater.Entities{a, b} {
		for _, id := range []headwater.EntityID{ofA, ofB} {
			asked(t, e, id, "add", "5")
			ok(t, e.Notify(ctx, id, "add", []byte("1")))
			_, err := e.Request(ctx, id, "fail", []byte("not today"))
			wantCode(t, err, headwater.ErrConflict)
			if !strings.Contains(err.Error(), "not today") {
				t.Fatal(err)
			}
		}
	}
	for _, id := range []headwater.EntityID{ofA, ofB} {
		if sum := asked(t, a, id, "get", ""); sum != "12" {
			t.Fatal(id, sum)
		}
		_, err := b.Request(ctx, id, "break", nil)
		wantCode(t, err, headwater.ErrInternal)
	}
	if sum := asked(t, b, ofA, "ask", ofB.Key); sum != "0" {
		t.Fatal(sum)
	}
	_, err := b.Request(ctx, ofA, "ask_back", []byte(ofB.Key))
	wantCode(t, err, headwater.ErrInvalid)

	all := must(a.List(ctx, "counter"))(t)
	if len(all) != 2 || all[0].Node == all[1].Node {
		t.Fatalf("%+v", all)
	}
	nodes := must(b.Nodes())(t)
	if len(nodes) != 2 || nodes[0].Name != "a" || !nodes[1].IsAlive || nodes[0].Shards+nodes[1].Shards != 256 {
		t.Fatalf("%+v", nodes)
	}
	shard := must(headwater.ShardOf(ofA, 0))(t)
	if place := must(a.Where(ofA))(t); !place.IsHere || place.Epoch == 0 || place.Shard != shard {
		t.Fatalf("%+v", place)
	}

	cluster := &headwater.ClusterConfig{Name: "town", IsClient: true}
	client := must(engine.Entities(ctx, headwater.EntitiesConfig{Cluster: cluster}))(t)
	for _, id := range []headwater.EntityID{ofA, ofB} {
		eventually(t, "a client asks it", func() bool {
			answer, err := client.Request(ctx, id, "add", []byte("3"))
			if err != nil && !errors.Is(err, headwater.ErrBusy) {
				t.Fatal(err)
			}
			return string(answer) == "3"
		})
		if sum := asked(t, a, id, "get", ""); sum != "3" {
			t.Fatal(sum)
		}
	}
	if len(must(client.Nodes())(t)) != 2 || must(client.Where(ofA))(t).IsHere {
		t.Fatal("a client is a node")
	}
	ok(t, client.Close())
}

func TestEntitiesMoveWhenANodeLeaves(t *testing.T) {
	ctx := within(t)
	_, a, b, ofA, ofB := town(t)
	asked(t, b, ofA, "add", "7")
	asked(t, a, ofB, "add", "8")
	done, stop := make(chan error, 1), make(chan struct{})
	go func() {
		for {
			_, err := b.Request(ctx, ofA, "add", nil)
			if err != nil && !errors.Is(err, headwater.ErrBusy) {
				done <- err
				return
			}
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
		}
	}()
	ok(t, a.Leave(ctx))
	_, err := a.Request(ctx, ofB, "get", nil)
	wantCode(t, err, headwater.ErrClosed)
	wantCode(t, a.Leave(ctx), headwater.ErrClosed)
	eventually(t, "the other node has it", func() bool { return must(b.Where(ofA))(t).IsHere })
	asked(t, b, ofA, "add", "1")
	close(stop)
	ok(t, <-done)
	if sum := asked(t, b, ofB, "get", ""); sum != "8" {
		t.Fatal(sum)
	}
	eventually(t, "the node is gone", func() bool { return len(must(b.Nodes())(t)) == 1 })
}

// meshTown are two nodes of one cluster that meet over a mesh, once each of ten counters is where it belongs.
func meshTown(t *testing.T) (certs string, engines [2]*headwater.Engine, nodes [2]*headwater.Entities) {
	t.Helper()
	ctx := within(t)
	certs = certificates(t)
	engines = [2]*headwater.Engine{headwatertest.Engine(t), headwatertest.Engine(t)}
	ok(t, engines[0].JoinMesh(ctx, meshConfig(certs, "a")))
	ok(t, engines[1].JoinMesh(ctx, meshConfig(certs, "b", must(engines[0].Mesh(ctx))(t).Own.Address)))
	for i, name := range []string{"a", "b"} {
		cluster := &headwater.ClusterConfig{Name: "town", Node: name, Mesh: true}
		nodes[i] = must(engines[i].Entities(ctx, headwater.EntitiesConfig{Cluster: cluster, Shards: 16}))(t)
		serve(t, nodes[i], headwater.EntityTypes{"counter": startCounter})
	}
	for _, node := range nodes {
		until(t, "two nodes with shards", func() bool {
			known := must(node.Nodes())(t)
			return len(known) == 2 && known[0].Shards > 0 && known[1].Shards > 0 && known[0].Shards+known[1].Shards == 16
		})
	}
	both := []headwater.ShardNode{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}
	for i := range 10 {
		id := counterID(fmt.Sprint(i))
		owner := must(headwater.ShardOwner(must(headwater.ShardOf(id, 16))(t), both))(t)
		until(t, "a counter where it belongs", func() bool {
			a, b := must(nodes[0].Where(id))(t), must(nodes[1].Where(id))(t)
			return a.Node == owner && b.Node == owner && (a.IsHere || b.IsHere)
		})
	}
	return certs, engines, nodes
}

// Nodes that have joined a mesh share entities, and nothing else.
func TestEntitiesOverAMesh(t *testing.T) {
	_, _, nodes := meshTown(t)
	ctx := within(t)
	for i := range 10 {
		id := counterID(fmt.Sprint(i))
		asked(t, nodes[0], id, "add", "5")
		if sum := asked(t, nodes[1], id, "add", "1"); sum != "6" {
			t.Fatal(id, sum)
		}
	}
	if all := must(nodes[0].List(ctx, "counter"))(t); len(all) != 10 {
		t.Fatalf("%+v", all)
	}
	ok(t, nodes[1].Leave(ctx))
	until(t, "one has all", func() bool { return must(nodes[0].Nodes())(t)[0].Shards == 16 })
}

func TestEntitiesWithoutAClusterOnlyClose(t *testing.T) {
	ctx := within(t)
	e := counters(t, headwater.EntitiesConfig{})
	asked(t, e, counterID("a"), "add", "1")
	ok(t, e.Leave(ctx))
	_, err := e.Request(ctx, counterID("a"), "get", nil)
	wantCode(t, err, headwater.ErrClosed)
}

func TestEntitiesThatCannotBe(t *testing.T) {
	engine := headwatertest.Engine(t)
	for _, config := range []headwater.EntitiesConfig{
		{Mailbox: -1},
		{Active: -1},
		{Idle: -1},
		{Lease: -1},
		{Cluster: &headwater.ClusterConfig{Node: "a"}},
		{Cluster: &headwater.ClusterConfig{Name: "town", Node: "no such/node"}},
		{Cluster: &headwater.ClusterConfig{Name: "town", Node: "a", TTL: -1}},
	} {
		_, err := engine.Entities(context.Background(), config)
		wantCode(t, err, headwater.ErrInvalid)
	}
}

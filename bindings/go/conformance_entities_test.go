package headwater_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

// counter is the entity that the vectors ask, as their README says.
type counter struct {
	entity *headwater.EntityContext
	sum    int64
}

func startCounter(_ context.Context, entity *headwater.EntityContext) (headwater.Entity, error) {
	if strings.HasPrefix(entity.Key(), "none") {
		return nil, &headwater.Error{Code: headwater.ErrNotFound, Message: "there is no such counter"}
	}
	return &counter{entity: entity}, nil
}

func (c *counter) Handle(ctx context.Context, message headwater.Message) ([]byte, error) {
	payload := string(message.Payload)
	switch message.Name {
	case "add":
		return c.add(payload)
	case "get":
		return c.text(), nil
	case "echo":
		return message.Payload, nil
	case "fail":
		return nil, &headwater.Error{Code: headwater.ErrConflict, Message: payload}
	case "break":
		panic("it was told to break")
	case "ask":
		return c.entity.Request(ctx, headwater.EntityID{Kind: "counter", Key: payload}, "get", nil)
	case "ask_back":
		to := headwater.EntityID{Kind: "counter", Key: payload}
		return c.entity.Request(ctx, to, "ask", []byte(c.entity.Key()))
	case "set_timer":
		ms, err := strconv.Atoi(payload)
		if err != nil {
			return nil, err
		}
		return nil, c.entity.SetTimer(ctx, "tick", time.Duration(ms)*time.Millisecond, 0)
	case "cancel_timer":
		wasSet, err := c.entity.CancelTimer(ctx, "tick")
		return strconv.AppendBool(nil, wasSet), err
	case "work":
		return nil, c.entity.Spawn(ctx, "worked", func(context.Context) []byte { return message.Payload })
	case "worked":
		_, err := c.add(payload)
		return nil, err
	default:
		return nil, fmt.Errorf("a counter knows no %q", message.Name)
	}
}

func (c *counter) Timer(context.Context, string) error {
	c.sum += 1000
	return nil
}

func (c *counter) add(payload string) ([]byte, error) {
	if payload == "" {
		payload = "1"
	}
	number, err := strconv.ParseInt(payload, 10, 64)
	c.sum += number
	return c.text(), err
}

func (c *counter) text() []byte { return strconv.AppendInt(nil, c.sum, 10) }

type entitiesArgs struct {
	As     string `json:"as"`
	Config struct {
		Mailbox  int     `json:"mailbox"`
		Active   int     `json:"active"`
		IdleMs   int64   `json:"idle_ms"`
		LeaseMs  int64   `json:"lease_ms"`
		Attempts uint32  `json:"attempts"`
		Tasks    uint32  `json:"tasks"`
		Shards   uint32  `json:"shards"`
		Cluster  *string `json:"cluster"`
		Node     string  `json:"node"`
		Weight   uint32  `json:"weight"`
		TTLMs    int64   `json:"ttl_ms"`
		Mesh     bool    `json:"mesh"`
	} `json:"config"`
}

func (a *entitiesArgs) config() headwater.EntitiesConfig {
	from := a.Config
	config := headwater.EntitiesConfig{
		Mailbox: from.Mailbox, Active: from.Active, Attempts: from.Attempts, Tasks: from.Tasks, Shards: from.Shards,
		Idle:  time.Duration(from.IdleMs) * time.Millisecond,
		Lease: time.Duration(from.LeaseMs) * time.Millisecond,
	}
	if from.Cluster != nil {
		config.Cluster = &headwater.ClusterConfig{
			Name: *from.Cluster, Node: from.Node, Weight: from.Weight,
			TTL: time.Duration(from.TTLMs) * time.Millisecond, Mesh: from.Mesh,
		}
	}
	return config
}

// entityArgs are the arguments of every operation on entities that are open.
type entityArgs struct {
	payloadArgs
	Entities  string `json:"entities"`
	Kind      string `json:"kind"`
	Key       string `json:"key"`
	Name      string `json:"name"`
	TimeoutMs *int   `json:"timeout_ms"`
}

func (a *entityArgs) id() headwater.EntityID { return headwater.EntityID{Kind: a.Kind, Key: a.Key} }

// onEntities is op for operations that name entities.
func onEntities(do func(r *runner, e *headwater.Entities, a entityArgs) (any, error)) operation {
	return op(func(r *runner, a entityArgs) (any, error) {
		e, ok := r.entities[a.Entities]
		if !ok {
			return nil, &usageError{fmt.Errorf("no entities are called %q", a.Entities)}
		}
		return do(r, e, a)
	})
}

// onEntity is onEntities for operations that only do something to one.
func onEntity(do func(*headwater.Entities, headwater.EntityID) error) operation {
	return onEntities(func(_ *runner, e *headwater.Entities, a entityArgs) (any, error) { return nil, do(e, a.id()) })
}

func entityJSON(e headwater.EntityInfo) any {
	return map[string]any{
		"kind": e.Kind, "key": e.Key, "shard": e.Shard, "node": textOrNull(e.Node), "state": e.State,
		"waiting": e.Waiting,
	}
}

func placeJSON(p headwater.EntityPlace) any {
	place := map[string]any{"node": textOrNull(p.Node), "shard": p.Shard, "epoch": nil, "is_here": p.IsHere}
	if p.IsHere {
		place["epoch"] = p.Epoch
	}
	return place
}

type shardArgs struct {
	Kind   string               `json:"kind"`
	Key    string               `json:"key"`
	Shards uint32               `json:"shards"`
	Shard  uint32               `json:"shard"`
	Nodes  [][2]json.RawMessage `json:"nodes"`
}

func (a *shardArgs) nodes() ([]headwater.ShardNode, error) {
	nodes := make([]headwater.ShardNode, len(a.Nodes))
	for i, pair := range a.Nodes {
		if err := json.Unmarshal(pair[0], &nodes[i].Name); err != nil {
			return nil, &usageError{err}
		}
		if err := json.Unmarshal(pair[1], &nodes[i].Weight); err != nil {
			return nil, &usageError{err}
		}
	}
	return nodes, nil
}

var entityOps = map[string]operation{
	"entities": op(func(r *runner, a entitiesArgs) (any, error) {
		e, err := r.engine.Entities(r.ctx, a.config())
		if err != nil {
			return nil, err
		}
		r.entities[a.As] = e
		r.sources[a.As] = source{close: e.Close}
		serve(r.t, e, headwater.EntityTypes{"counter": startCounter})
		return nil, nil
	}),
	"entity_request": onEntities(func(r *runner, e *headwater.Entities, a entityArgs) (any, error) {
		timeout := time.Duration(orElse(a.TimeoutMs, 30_000)) * time.Millisecond
		ctx, cancel := context.WithTimeout(r.ctx, timeout)
		defer cancel()
		answer, err := e.Request(ctx, a.id(), a.Name, a.bytes())
		return withBytes(map[string]any{}, "payload", answer), err
	}),
	"entity_notify": onEntities(func(r *runner, e *headwater.Entities, a entityArgs) (any, error) {
		return nil, e.Notify(r.ctx, a.id(), a.Name, a.bytes())
	}),
	"entity_pause":  onEntity((*headwater.Entities).Pause),
	"entity_step":   onEntity((*headwater.Entities).Step),
	"entity_resume": onEntity((*headwater.Entities).Resume),
	"entities_active": onEntities(func(_ *runner, e *headwater.Entities, _ entityArgs) (any, error) {
		return e.Active(), nil
	}),
	"entities_list": onEntities(func(r *runner, e *headwater.Entities, a entityArgs) (any, error) {
		all, err := e.List(r.ctx, a.Kind)
		return list(all, entityJSON), err
	}),
	"entity_where": onEntities(func(_ *runner, e *headwater.Entities, a entityArgs) (any, error) {
		place, err := e.Where(a.id())
		return placeJSON(place), err
	}),
	"entity_nodes": onEntities(func(_ *runner, e *headwater.Entities, _ entityArgs) (any, error) {
		return e.Nodes()
	}),
	"shard_of": op(func(_ *runner, a shardArgs) (any, error) {
		return headwater.ShardOf(headwater.EntityID{Kind: a.Kind, Key: a.Key}, a.Shards)
	}),
	"shard_owner": op(func(_ *runner, a shardArgs) (any, error) {
		nodes, err := a.nodes()
		if err != nil {
			return nil, err
		}
		owner, err := headwater.ShardOwner(a.Shard, nodes)
		return orNull(owner, err, func(name string) any { return name })
	}),
}

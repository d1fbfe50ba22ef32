package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"unsafe"
)

// EntityState is what an entity does.
type EntityState string

const (
	// EntityIdle says that nothing waits.
	EntityIdle EntityState = "idle"
	// EntityReady says that messages wait for its turn.
	EntityReady EntityState = "ready"
	// EntityRunning says that it handles messages.
	EntityRunning EntityState = "running"
	// EntityResting says that its handler broke, and is begun anew after a pause.
	EntityResting EntityState = "resting"
	// EntityPaused says that it was paused.
	EntityPaused EntityState = "paused"
)

// EntityInfo is an entity as a list shows it.
type EntityInfo struct {
	// Kind and Key say which one it is.
	Kind string `json:"kind"`
	Key  string `json:"key"`
	// Shard is its shard.
	Shard uint32 `json:"shard"`
	// Node is its node; empty without a cluster.
	Node string `json:"node"`
	// State is what it does.
	State EntityState `json:"state"`
	// Waiting is how many messages wait.
	Waiting int `json:"waiting"`
}

// ClusterNode is a node of a cluster, as another one sees it.
type ClusterNode struct {
	// Name is its name.
	Name string `json:"name"`
	// IsAlive is whether it was heard of lately.
	IsAlive bool `json:"is_alive"`
	// Weight is how many shards it gets beside the others.
	Weight uint32 `json:"weight"`
	// Shards is how many it has.
	Shards int `json:"shards"`
}

// EntityPlace is where an entity is.
type EntityPlace struct {
	// Node is its node; empty while it is on none, and without a cluster.
	Node string
	// Shard is its shard.
	Shard uint32
	// IsHere is whether this node has it, and may be sure of that.
	IsHere bool
	// Epoch, where IsHere, is that in which this node has the shard, higher than that of any node before it; 0 without a
	// cluster.
	Epoch uint64
}

// ShardNode is a node that may have shards, and how many it gets beside the others.
type ShardNode struct {
	Name   string
	Weight uint32
}

// List are the entities of a kind that are there on all nodes, or of all kinds when it is empty, by kind and key: the
// first of each node as far as 512 KiB of its list reach. A node that does not answer has none to show.
func (e *Entities) List(ctx context.Context, kind string) ([]EntityInfo, error) {
	return slow(ctx, e.room(), func() ([]EntityInfo, error) {
		return allOf[EntityInfo](func(list **C.hw_blob) error {
			return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
				data, size := text(kind)
				return C.hw_entities_list(p, data, size, list, err)
			})
		})
	})
}

// Nodes are the nodes of the cluster, by name; none without a cluster.
func (e *Entities) Nodes() ([]ClusterNode, error) {
	return allOf[ClusterNode](func(nodes **C.hw_blob) error {
		return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
			return C.hw_entities_nodes(p, nodes, err)
		})
	})
}

// Where says where an entity is, as this node knows.
func (e *Entities) Where(id EntityID) (EntityPlace, error) {
	return placeOf(func(place *C.hw_entity_place, node **C.hw_blob) error {
		return e.call(context.Background(), func(p *C.hw_entities, err **C.hw_error) C.hw_status {
			kind, kindLen := text(id.Kind)
			key, keyLen := text(id.Key)
			return C.hw_entities_where(p, kind, kindLen, key, keyLen, place, node, err)
		})
	})
}

// allOf is what a call gives as JSON.
func allOf[T any](ask func(**C.hw_blob) error) (all []T, err error) {
	var blob *C.hw_blob
	if err := ask(&blob); err != nil {
		return nil, err
	}
	err = takeJSON(blob, &all)
	return all, err
}

// placeOf is the place that a call gives, and the name of its node.
func placeOf(ask func(*C.hw_entity_place, **C.hw_blob) error) (EntityPlace, error) {
	place := C.hw_entity_place{struct_size: C.sizeof_hw_entity_place}
	var blob *C.hw_blob
	if err := ask(&place, &blob); err != nil {
		return EntityPlace{}, err
	}
	node, err := takeBlob(blob)
	return EntityPlace{
		Node: string(node), Shard: uint32(place.shard), IsHere: place.is_here != 0, Epoch: uint64(place.epoch),
	}, err
}

// ShardOf is the shard of an entity where keys are spread over so many of them; 0 is 256.
func ShardOf(id EntityID, shards uint32) (uint32, error) {
	var shard C.uint32_t
	var failed *C.hw_error
	kind, kindLen := text(id.Kind)
	key, keyLen := text(id.Key)
	status := C.hw_shard_of(kind, kindLen, key, keyLen, C.uint32_t(shards), &shard, &failed)
	return uint32(shard), failure(status, failed)
}

// ShardOwner is the name of the node that a shard belongs on; [ErrNotFound] when none has a weight.
func ShardOwner(shard uint32, nodes []ShardNode) (string, error) {
	var l lender
	defer l.Unpin()
	lent := make([]C.hw_shard_node, len(nodes))
	for i, node := range nodes {
		lent[i] = C.hw_shard_node{name: l.str(node.Name), weight: C.uint32_t(node.Weight)}
	}
	var owner C.size_t
	var failed *C.hw_error
	status := C.hw_shard_owner(C.uint32_t(shard), unsafe.SliceData(lent), C.size_t(len(lent)), &owner, &failed)
	if err := failure(status, failed); err != nil {
		return "", err
	}
	return nodes[owner].Name, nil
}

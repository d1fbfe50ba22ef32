package headwater

// #include "shim.h"
import "C"

import (
	"time"
	"unsafe"
)

// ReplicaPeer is another replica: its actor, and its [Replica.Context] when it was last heard of.
type ReplicaPeer struct {
	Actor   Actor
	Context []byte
}

// Collected is what a replica forgot.
type Collected struct {
	// Dropped is how many dead rows of counters and expired dots went.
	Dropped uint64
	// Operations is in how many keys stable removals were done away with, by an operation that goes to the others.
	Operations uint64
}

// Stable drops what is dead and causally stable, given what each other replica there is had applied when it was last
// heard of; with no others, all that is dead. Nothing that is read changes, and nothing is dropped while one of them
// has applied what this replica has not.
func (r *Replica) Stable(now time.Time, peers ...ReplicaPeer) (Collected, error) {
	ms, err := millis(now)
	if err != nil {
		return Collected{}, err
	}
	var l lender
	defer l.Unpin()
	actors, contexts := make([]C.hw_actor, len(peers)), make([]C.hw_bytes, len(peers))
	for i, peer := range peers {
		actors[i] = C.hw_actor{engine: C.uint64_t(peer.Actor.Engine), epoch: C.uint64_t(peer.Actor.Epoch)}
		contexts[i] = l.bytes(peer.Context)
	}
	var dropped, operations C.uint64_t
	err = r.call(func(p *C.hw_replica, err **C.hw_error) C.hw_status {
		first, seen := unsafe.SliceData(actors), unsafe.SliceData(contexts)
		return C.hw_replica_stable(p, first, seen, C.size_t(len(peers)), ms, &dropped, &operations, err)
	})
	return Collected{uint64(dropped), uint64(operations)}, err
}

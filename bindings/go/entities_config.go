package headwater

// #include "shim.h"
import "C"

import "time"

// EntitiesConfig says how entities live. Every field that is left zero takes its default.
type EntitiesConfig struct {
	// Cluster is what they are shared in; this engine has them all when it is nil.
	Cluster *ClusterConfig
	// Mailbox is the most messages that wait for one entity; 0 is 1,024.
	Mailbox int
	// Active is the most handlers that are alive; beyond, the one that was asked longest ago stops. 0 is 100,000.
	Active int
	// Memory is the most bytes that handlers say they hold, by [EntityContext.Holds]; beyond, idle ones stop, the one
	// first that was asked longest ago. 0 is no limit.
	Memory uint64
	// Idle is how long a handler lives that nobody asks; 0 is two minutes.
	Idle time.Duration
	// Lease is how long a handler may take for one item; 0 is 30 s.
	Lease time.Duration
	// Attempts is how often a message is handed out that nobody waits for, until it is a dead letter; 0 is 3.
	Attempts uint32
	// Tasks is the most background tasks of one handler that are under way at once; 0 is 16.
	Tasks uint32
	// Shards is what keys are spread over, the same on all nodes for ever; 0 is 256.
	Shards uint32
}

// ClusterConfig is a cluster, and this node's part in it.
type ClusterConfig struct {
	// Name is the name of the cluster: 1 to 64 letters, digits, - and _.
	Name string
	// Node is the name of this node, alike, which no other has; not for a client.
	Node string
	// Weight is how many shards it gets beside the others, up to 100; 0 is 1.
	Weight uint32
	// TTL is after how long of silence the others take its shards, at least 1 s; 0 is 10 s.
	TTL time.Duration
	// IsClient is whether it only asks the entities of the cluster, and is no node of it.
	IsClient bool
	// Mesh is whether its nodes meet over the mesh that the engine has joined, and not on its hub or in its directory.
	Mesh bool
}

// leaseDefault is the lease of a configuration that has none.
const leaseDefault = 30 * time.Second

func (l *lender) entitiesConfig(config *EntitiesConfig) (c C.hw_entities_config, err error) {
	c = C.hw_entities_config{
		struct_size: C.sizeof_hw_entities_config,
		memory:      C.uint64_t(config.Memory),
		attempts:    C.uint32_t(config.Attempts),
		tasks:       C.uint32_t(config.Tasks),
		shards:      C.uint32_t(config.Shards),
	}
	if c.mailbox, err = count("Mailbox", config.Mailbox); err != nil {
		return c, err
	}
	if c.active, err = count("Active", config.Active); err != nil {
		return c, err
	}
	if c.idle_ms, err = milliseconds("Idle", config.Idle); err != nil {
		return c, err
	}
	if c.lease_ms, err = milliseconds("Lease", config.Lease); err != nil {
		return c, err
	}
	cluster := config.Cluster
	if cluster == nil {
		return c, nil
	}
	if cluster.Name == "" {
		return c, invalid("a cluster wants a Name")
	}
	c.cluster, c.node = l.str(cluster.Name), l.str(cluster.Node)
	c.weight, c.is_client, c.mesh = C.uint32_t(cluster.Weight), flag(cluster.IsClient), flag(cluster.Mesh)
	c.ttl_ms, err = milliseconds("TTL", cluster.TTL)
	return c, err
}

// milliseconds gives a duration to C, where none is negative; only 0 is none.
func milliseconds(what string, d time.Duration) (C.uint64_t, error) {
	if d < 0 {
		return 0, invalid("%s is %s, must not be negative", what, d)
	}
	rest := time.Duration(0)
	if d%time.Millisecond > 0 {
		rest = 1
	}
	return C.uint64_t(d/time.Millisecond + rest), nil
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// EntitiesClientConfig says which cluster is asked, and who asks. CA, Cert and Key have to be there.
type EntitiesClientConfig struct {
	// CA is the file with the certificate of the authority that signed those of all nodes, Cert one with a certificate
	// of that authority, and Key the one with its key, all in PEM.
	CA, Cert, Key string
	// ServerName is the name that the certificate of the node has; the host that is called when empty.
	ServerName string
	// Cluster is the cluster; the only one there when empty.
	Cluster string
}

// EntitiesClient asks the entities of a cluster over a mesh through one of its nodes, without an engine, and is neither
// in the cluster nor in the mesh. It is safe for use by many goroutines. Close it when done with it.
type EntitiesClient struct {
	base
}

// ConnectEntities connects to a node at "grpcs://host:port", where it listens for the mesh, and finds out which
// clusters it is in where none is named.
//
// [ErrInvalid] says that the address or the certificates cannot be, or that there are several clusters, with their
// names; [ErrNotFound] that nobody is there, that the node is in no cluster, or that a file is not there; and
// [ErrUnsupported] that the library was built without the mesh. When ctx ends first, the connection is given up.
func ConnectEntities(ctx context.Context, url string, config EntitiesClientConfig) (*EntitiesClient, error) {
	return slow(ctx, make(chan struct{}, 1), func() (*EntitiesClient, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_entities_client_config{
			struct_size: C.sizeof_hw_entities_client_config,
			url:         l.str(url),
			server_name: l.str(config.ServerName),
			ca:          l.str(config.CA),
			cert:        l.str(config.Cert),
			key:         l.str(config.Key),
			cluster:     l.str(config.Cluster),
		}
		b, err := newBase("entities client", func(err **C.hw_error) (unsafe.Pointer, C.hw_status) {
			var ptr *C.hw_entities_client
			status := C.hw_entities_client_connect(&c, &ptr, err)
			return unsafe.Pointer(ptr), status
		}, func(p unsafe.Pointer) { C.hw_entities_client_free((*C.hw_entities_client)(p)) })
		if err != nil {
			return nil, err
		}
		client := &EntitiesClient{b}
		runtime.AddCleanup(client, (*handle).close, b.handle)
		return client, nil
	})
}

// Request asks an entity, and waits for its answer, as [Entities.Request] does. Errors are those of that one, and
// [ErrNotFound] when the node is not there, or not in the cluster.
func (c *EntitiesClient) Request(ctx context.Context, to EntityID, name string, payload []byte) ([]byte, error) {
	return c.ask(ctx, to, name, payload, func(
		p *C.hw_entities_client, message *C.hw_entity_message, reply **C.hw_reply, err **C.hw_error,
	) C.hw_status {
		return C.hw_entities_client_request(p, message, reply, err)
	})
}

// Notify tells an entity something, and returns when the message is in its mailbox. Errors are those of
// [EntitiesClient.Request], as far as they are known then.
func (c *EntitiesClient) Notify(ctx context.Context, to EntityID, name string, payload []byte) error {
	_, err := c.ask(ctx, to, name, payload, func(
		p *C.hw_entities_client, message *C.hw_entity_message, reply **C.hw_reply, err **C.hw_error,
	) C.hw_status {
		return C.hw_entities_client_notify(p, message, reply, err)
	})
	return err
}

// List are the entities of a kind that are there on all nodes, or of all kinds when it is empty, by kind and key: the
// first of each node as far as 512 KiB of its list reach, and of all as far as 4 MiB do.
func (c *EntitiesClient) List(ctx context.Context, kind string) ([]EntityInfo, error) {
	return slow(ctx, c.room(), func() ([]EntityInfo, error) {
		return allOf[EntityInfo](func(list **C.hw_blob) error {
			return c.call(context.Background(), func(p *C.hw_entities_client, err **C.hw_error) C.hw_status {
				data, size := text(kind)
				return C.hw_entities_client_list(p, data, size, list, err)
			})
		})
	})
}

// Nodes are the nodes of the cluster, by name, as the one that is asked knows them.
func (c *EntitiesClient) Nodes(ctx context.Context) ([]ClusterNode, error) {
	return slow(ctx, c.room(), func() ([]ClusterNode, error) {
		return allOf[ClusterNode](func(nodes **C.hw_blob) error {
			return c.call(context.Background(), func(p *C.hw_entities_client, err **C.hw_error) C.hw_status {
				return C.hw_entities_client_nodes(p, nodes, err)
			})
		})
	})
}

// Where says where an entity is, as the node that is asked knows: never here, and without an epoch.
func (c *EntitiesClient) Where(ctx context.Context, id EntityID) (EntityPlace, error) {
	return slow(ctx, c.room(), func() (EntityPlace, error) {
		return placeOf(func(place *C.hw_entity_place, node **C.hw_blob) error {
			return c.call(context.Background(), func(p *C.hw_entities_client, err **C.hw_error) C.hw_status {
				kind, kindLen := text(id.Kind)
				key, keyLen := text(id.Key)
				return C.hw_entities_client_where(p, kind, kindLen, key, keyLen, place, node, err)
			})
		})
	})
}

// Close ends the connection: who waits for an entity gets [ErrClosed], and later calls do; lists, nodes and places that
// are on their way still come. Closing twice is nothing.
func (c *EntitiesClient) Close() error {
	if c != nil {
		c.handle.close()
	}
	return nil
}

func (c *EntitiesClient) ask(
	ctx context.Context, to EntityID, name string, payload []byte,
	send func(*C.hw_entities_client, *C.hw_entity_message, **C.hw_reply, **C.hw_error) C.hw_status,
) ([]byte, error) {
	reply, err := sendMessage(ctx, to, name, payload, func(message *C.hw_entity_message, reply **C.hw_reply) error {
		return c.call(ctx, func(p *C.hw_entities_client, err **C.hw_error) C.hw_status {
			c.enter()
			defer c.leave()
			return send(p, message, reply, err)
		})
	})
	if err != nil {
		return nil, err
	}
	return takeReply(ctx, &c.base, reply)
}

// room is where calls find room that may hold an OS thread; nil for what was never opened.
func (c *EntitiesClient) room() chan struct{} {
	if c == nil {
		return nil
	}
	return c.blocking
}

func (c *EntitiesClient) call(ctx context.Context, body func(*C.hw_entities_client, **C.hw_error) C.hw_status) error {
	if c == nil {
		return neverOpened()
	}
	return call(ctx, c.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_entities_client)(p), err)
	})
}

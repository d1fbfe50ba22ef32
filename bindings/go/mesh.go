package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
)

// MeshPreset is how fast a mesh notices what happens, and what that costs.
type MeshPreset int32

const (
	// MeshLAN: nodes that are milliseconds apart; one that does not answer is down after about 5 s.
	MeshLAN MeshPreset = C.HW_MESH_PRESET_LAN
	// MeshWAN: nodes that are far apart; down after about 30 s.
	MeshWAN MeshPreset = C.HW_MESH_PRESET_WAN
	// MeshSeed: nodes that shall say little; gossip each 2 s, down by 10 s, compared each 60 s.
	MeshSeed MeshPreset = C.HW_MESH_PRESET_SEED
)

// String is the stable lower-case name.
func (p MeshPreset) String() string { return nameOf(p, "lan", "wan", "seed") }

// MeshConfig is a node of a mesh: peers whose stores of state that merges are kept in step without a hub. Every field
// but Bind, CA, Cert and Key that is left zero takes its default.
type MeshConfig struct {
	// Name is what people call this node; its address when empty.
	Name string
	// Bind is where it listens, host:port; port 0 is a free one.
	Bind string
	// Advertise is where others reach it, host:port; Bind when empty.
	Advertise string
	// Seeds are nodes to join by, host:port with a name or an address. They are called until each is connected.
	Seeds []string
	// CA is the file with the certificate of the authority that signed those of all nodes, Cert the one with this
	// node's, and Key the one with its key, all in PEM.
	CA, Cert, Key string
	// ServerName is the name that the certificates of nodes have; the host that is called when empty.
	ServerName string
	// Stores are those that this node keeps in step; all there are, here and elsewhere, when empty.
	Stores []string
	// Preset is how fast it beats.
	Preset MeshPreset
	// Horizon is how long the others wait for a node that is away before they forget what was removed; zero is 30 days.
	Horizon time.Duration
}

// MemberState is how a node stands, as far as another one knows.
type MemberState string

const (
	// MemberAlive: it answers.
	MemberAlive MemberState = "alive"
	// MemberSuspect: it did not answer somebody, and has some time to say that it is there.
	MemberSuspect MemberState = "suspect"
	// MemberDown: it does not answer.
	MemberDown MemberState = "down"
	// MemberLeft: it went on purpose.
	MemberLeft MemberState = "left"
)

// Member is one node of a mesh.
type Member struct {
	// Name is what people call it.
	Name string `json:"name"`
	// Engine is the id of its engine, as [Engine.ID] has it.
	Engine uint64 `json:"-"`
	// Address is where it is reached, host:port.
	Address string `json:"address"`
	// State is how it stands, and Since since when.
	State MemberState `json:"state"`
	Since time.Time   `json:"-"`
	// Connected tells whether there is a connection to it.
	Connected bool `json:"connected"`
	// Stores are those that both have; of this node itself, all it has.
	Stores []MemberStore `json:"stores"`
}

// MemberStore is one store as it is shared with one node.
type MemberStore struct {
	// Store is its name.
	Store string `json:"store"`
	// Behind is how many operations the node is known to have that this one lacks.
	Behind uint64 `json:"behind"`
	// Unacked is how many records of this node's log the other one has not acknowledged.
	Unacked uint64 `json:"unacked"`
	// Repairs is how often keys had to be compared to learn what was missing.
	Repairs uint64 `json:"repairs"`
}

// MeshStatus is a mesh, as one of its nodes sees it.
type MeshStatus struct {
	// Own is this node, and Members are the others, by name and id.
	Own     Member
	Members []Member
	// Refused is how many connections were refused before their handshake was done.
	Refused uint64
	// Faults is how many packets were not understood or not taken in.
	Faults uint64
	// SentBytes and ReceivedBytes are of the packets that were sent and that came.
	SentBytes, ReceivedBytes uint64
	// LastError is what went wrong last; empty when nothing did.
	LastError string
	// LocalHealth is by how much this node lengthens its time limits, as it is slow itself: 0 to 8.
	LocalHealth uint32
}

// JoinMesh joins a mesh, and is part of it until it leaves or is closed; it does not wait for any other node. Stores
// of state that merges are from then on the same at all nodes, and every write stays local.
//
// [ErrInvalid] says that the configuration or the certificates cannot be, [ErrNotFound] that a file is not there,
// [ErrIO] that the address cannot be listened at, [ErrConflict] that the engine is part of a mesh already, and
// [ErrUnsupported] that it cannot be written to, is on a hub or through a node.
func (e *Engine) JoinMesh(ctx context.Context, config MeshConfig) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		var l lender
		defer l.Unpin()
		c := C.hw_mesh_config{
			struct_size: C.sizeof_hw_mesh_config,
			name:        l.str(config.Name),
			bind:        l.str(config.Bind),
			advertise:   l.str(config.Advertise),
			ca:          l.str(config.CA),
			cert:        l.str(config.Cert),
			key:         l.str(config.Key),
			server_name: l.str(config.ServerName),
			preset:      C.int32_t(config.Preset),
			horizon_ns:  C.uint64_t(max(config.Horizon, 0)),
		}
		c.seeds, c.seeds_len = l.strs(config.Seeds)
		c.stores, c.stores_len = l.strs(config.Stores)
		return struct{}{}, e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_join_mesh(p, &c, err)
		})
	})
	return err
}

// LeaveMesh says good-bye to the other nodes of the mesh, which tell it from one that does not answer; 5 s at the most.
// Nothing if the engine is part of none.
func (e *Engine) LeaveMesh(ctx context.Context) error {
	_, err := slow(ctx, e.room(), func() (struct{}, error) {
		return struct{}{}, e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_leave_mesh(p, err)
		})
	})
	return err
}

// Mesh is who is in the mesh that the engine is part of, through a node too, and how far its stores are; nil if it is
// part of none.
func (e *Engine) Mesh(ctx context.Context) (*MeshStatus, error) {
	return slow(ctx, e.room(), func() (*MeshStatus, error) {
		var ptr *C.hw_blob
		err := e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_mesh(p, -1, &ptr, err)
		})
		if err != nil {
			return nil, err
		}
		text, err := takeBlob(ptr)
		if err != nil || len(text) == 0 {
			return nil, err
		}
		return meshStatus(text)
	})
}

// memberJSON is a node as the library writes it.
type memberJSON struct {
	Member
	Engine string `json:"engine"`
	Since  int64  `json:"since"`
}

func (m *memberJSON) member() (Member, error) {
	engine, err := strconv.ParseUint(m.Engine, 16, 64)
	m.Member.Engine, m.Member.Since = engine, fromNanos(m.Since)
	return m.Member, err
}

func meshStatus(text []byte) (*MeshStatus, error) {
	var from struct {
		Own           memberJSON   `json:"own"`
		Members       []memberJSON `json:"members"`
		Refused       uint64       `json:"refused"`
		Faults        uint64       `json:"faults"`
		SentBytes     uint64       `json:"sent_bytes"`
		ReceivedBytes uint64       `json:"received_bytes"`
		LastError     string       `json:"last_error"`
		LocalHealth   uint32       `json:"local_health"`
	}
	if err := json.Unmarshal(text, &from); err != nil {
		return nil, &Error{Code: ErrInternal, Message: "the status of a mesh was not understood: " + err.Error()}
	}
	status := &MeshStatus{
		Refused:       from.Refused,
		Faults:        from.Faults,
		SentBytes:     from.SentBytes,
		ReceivedBytes: from.ReceivedBytes,
		LastError:     from.LastError,
		LocalHealth:   from.LocalHealth,
	}
	for i, node := range append([]memberJSON{from.Own}, from.Members...) {
		member, err := node.member()
		if err != nil {
			return nil, &Error{Code: ErrInternal, Message: "the id of an engine was not understood: " + err.Error()}
		}
		if i == 0 {
			status.Own = member
		} else {
			status.Members = append(status.Members, member)
		}
	}
	return status, nil
}

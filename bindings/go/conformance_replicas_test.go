package headwater_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type replicaArgs struct {
	changeArgs
	Replica string       `json:"replica"`
	NowMs   int64        `json:"now_ms"`
	Changes []changeArgs `json:"changes"`
	Keys    [][2]string  `json:"keys"`
	Of      string       `json:"of"`
	As      string       `json:"as"`
	Named   string       `json:"fragment"`
	Bytes   *string      `json:"bytes"`
	Peers   []string     `json:"peers"`
	All     bool         `json:"all"`
}

func (a *replicaArgs) now() time.Time { return time.UnixMilli(a.NowMs) }

// fragment is what a step states in hex, or names.
func (a *replicaArgs) fragment(r *runner) ([]byte, error) {
	if a.Bytes == nil {
		return r.fragments[a.Named], nil
	}
	fragment, err := hex.DecodeString(*a.Bytes)
	if err != nil {
		return nil, &usageError{err}
	}
	return fragment, nil
}

// onReplica is op for operations that name a replica.
func onReplica(do func(r *runner, p *headwater.Replica, a replicaArgs) (any, error)) operation {
	return op(func(r *runner, a replicaArgs) (any, error) {
		p := r.replicas[a.Replica]
		if p == nil {
			return nil, &usageError{fmt.Errorf("no replica is called %q", a.Replica)}
		}
		return do(r, p, a)
	})
}

// onFragment is onReplica for those that make a fragment, which is kept.
func onFragment(do func(r *runner, p *headwater.Replica, a replicaArgs) ([]byte, error)) operation {
	return onReplica(func(r *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		fragment, err := do(r, p, a)
		if err != nil || fragment == nil {
			return nil, err
		}
		r.fragments[a.As] = fragment
		return hex.EncodeToString(fragment), nil
	})
}

func sortedKeys(keys []headwater.CRDTKey) []any {
	slices.SortFunc(keys, func(a, b headwater.CRDTKey) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return list(keys, keyJSON)
}

var replicaOps = map[string]operation{
	"replica": op(func(r *runner, a struct {
		As     string `json:"as"`
		Engine uint64 `json:"engine"`
		Epoch  uint64 `json:"epoch"`
	}) (any, error) {
		p, err := headwater.NewReplica(headwater.Actor{Engine: a.Engine, Epoch: a.Epoch})
		r.replicas[a.As] = p
		return nil, err
	}),
	"replica_write": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		change, err := a.change()
		if err != nil {
			return nil, err
		}
		return p.Write(a.now(), change)
	}),
	"replica_transaction": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		changes, err := changesOf(a.Changes)
		if err != nil {
			return nil, err
		}
		return nil, p.Transaction(a.now(), changes...)
	}),
	"replica_read": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		reading, err := p.Read(a.now(), kindOf(a.Kind), a.Key, a.Fields...)
		return readingJSON(kindOf(a.Kind), reading), err
	}),
	"replica_contains": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		return p.Contains(a.now(), a.Value.value(), kindOf(a.Kind), a.Key, a.Fields...)
	}),
	"replica_rights": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		return p.Rights(a.Key)
	}),
	"replica_take_delta": onFragment(func(_ *runner, p *headwater.Replica, _ replicaArgs) ([]byte, error) {
		return p.TakeDelta()
	}),
	"replica_whole": onFragment(func(_ *runner, p *headwater.Replica, _ replicaArgs) ([]byte, error) {
		return p.Whole()
	}),
	"replica_some": onFragment(func(_ *runner, p *headwater.Replica, a replicaArgs) ([]byte, error) {
		var keys []headwater.CRDTKey
		for _, key := range a.Keys {
			keys = append(keys, headwater.CRDTKey{Name: key[0], Kind: kindOf(key[1])})
		}
		return p.Some(keys...)
	}),
	"replica_since": onFragment(func(r *runner, p *headwater.Replica, a replicaArgs) ([]byte, error) {
		context, err := r.replicas[a.Of].Context()
		if err != nil {
			return nil, err
		}
		return p.Since(context)
	}),
	"replica_context": onReplica(func(_ *runner, p *headwater.Replica, _ replicaArgs) (any, error) {
		context, err := p.Context()
		return hex.EncodeToString(context), err
	}),
	"replica_caught_up": onReplica(func(r *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		context, err := r.replicas[a.Of].Context()
		if err != nil {
			return nil, err
		}
		return nil, p.CaughtUp(context)
	}),
	"replica_apply": onReplica(func(r *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		fragment, err := a.fragment(r)
		if err != nil {
			return nil, err
		}
		changed, isHeld, err := p.Apply(a.now(), fragment)
		if isHeld {
			return map[string]any{"held": true}, err
		}
		return map[string]any{"changed": sortedKeys(changed)}, err
	}),
	"replica_extract": onFragment(func(r *runner, p *headwater.Replica, a replicaArgs) ([]byte, error) {
		fragment, err := a.fragment(r)
		if err != nil {
			return nil, err
		}
		return p.Extract(fragment)
	}),
	"replica_restore": onReplica(func(r *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		fragment, err := a.fragment(r)
		if err != nil {
			return nil, err
		}
		return nil, p.Restore(fragment)
	}),
	"replica_stable": onReplica(func(r *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		var peers []headwater.ReplicaPeer
		for _, name := range a.Peers {
			context, err := r.replicas[name].Context()
			if err != nil {
				return nil, err
			}
			peers = append(peers, headwater.ReplicaPeer{Actor: r.replicas[name].Actor(), Context: context})
		}
		collected, err := p.Stable(a.now(), peers...)
		return map[string]any{"dropped": collected.Dropped, "operations": collected.Operations}, err
	}),
	"replica_held": onReplica(func(_ *runner, p *headwater.Replica, _ replicaArgs) (any, error) { return p.Held() }),
	"replica_release": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		changed, err := p.Release(a.now(), a.All)
		return sortedKeys(changed), err
	}),
	"replica_digest": onReplica(func(_ *runner, p *headwater.Replica, a replicaArgs) (any, error) {
		digest, err := p.Digest(a.now(), kindOf(a.Kind), a.Key)
		return fmt.Sprintf("%016x", digest), err
	}),
}

package headwater_test

import (
	"encoding/json"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type crdtConfigArgs struct {
	Config struct {
		Name            string `json:"name"`
		Durability      string `json:"durability"`
		SnapshotRecords uint64 `json:"snapshot_records"`
	} `json:"config"`
}

type scalarArgs struct {
	valueArgs
	Bytes *[]byte `json:"bytes"`
}

func (a *scalarArgs) value() headwater.Value {
	if a == nil {
		return headwater.Value{}
	}
	if a.Bytes != nil {
		return headwater.Bytes(*a.Bytes)
	}
	point := pointArgs{Value: a.valueArgs}
	return point.point().Value
}

func scalarJSON(v headwater.Value) any {
	if v.Kind() == headwater.KindBytes {
		bytes, _ := v.Bytes()
		return map[string]any{"bytes": append([]byte{}, bytes...)}
	}
	return valueJSON(v)
}

// changeArgs is one operation on a key, and on its own where a step reads it.
type changeArgs struct {
	Key    string      `json:"key"`
	Fields []string    `json:"fields"`
	Kind   string      `json:"kind"`
	Do     string      `json:"do"`
	Amount int64       `json:"amount"`
	Value  *scalarArgs `json:"value"`
	TTL    int64       `json:"ttl_ms"`
	To     struct {
		Engine uint64 `json:"engine"`
		Epoch  uint64 `json:"epoch"`
	} `json:"to"`
}

func kindOf(name string) headwater.CRDTKind {
	for kind := headwater.CounterKind; kind <= headwater.MapKind; kind++ {
		if kind.String() == name {
			return kind
		}
	}
	return -1
}

func (a *changeArgs) change() (headwater.Change, error) {
	do, err := pick("do", a.Do, map[string]headwater.CRDTOp{
		"add": headwater.OpAdd, "give": headwater.OpGive, "write": headwater.OpWrite, "insert": headwater.OpInsert,
		"remove": headwater.OpRemove, "enable": headwater.OpEnable, "disable": headwater.OpDisable,
		"clear": headwater.OpClear,
	})
	return headwater.Change{
		Key: a.Key, Fields: a.Fields, Kind: kindOf(a.Kind), Op: do, Amount: a.Amount, Value: a.Value.value(),
		TTL: time.Duration(a.TTL) * time.Millisecond, To: headwater.Actor{Engine: a.To.Engine, Epoch: a.To.Epoch},
	}, err
}

func changesOf(args []changeArgs) ([]headwater.Change, error) {
	var changes []headwater.Change
	for i := range args {
		change, err := args[i].change()
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func readingJSON(kind headwater.CRDTKind, r headwater.Reading) any {
	switch kind {
	case headwater.CounterKind, headwater.GrowCounterKind, headwater.BoundedCounterKind:
		return r.Number
	case headwater.RegisterKind:
		if len(r.Values) == 0 {
			return nil
		}
		return scalarJSON(r.Values[0])
	case headwater.FlagKind, headwater.DisableWinsFlagKind:
		return r.IsOn
	case headwater.MapKind:
		return list(r.Fields, keyJSON)
	default:
		return list(r.Values, scalarJSON)
	}
}

func keyJSON(k headwater.CRDTKey) any { return []any{k.Name, k.Kind.String()} }

func changedJSON(k headwater.CRDTKey) any {
	return map[string]any{"key": k.Name, "kind": k.Kind.String()}
}

type crdtArgs struct {
	changeArgs
	Store   string       `json:"store"`
	Other   string       `json:"other"`
	Changes []changeArgs `json:"changes"`
	Prefix  string       `json:"prefix"`
	As      string       `json:"as"`
}

// onCRDT is op for operations that name a CRDT store: the first one opens a handle, which the others go on with.
func onCRDT(do func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error)) operation {
	return op(func(r *runner, a crdtArgs) (any, error) {
		if r.crdts[a.Store] == nil {
			s, err := r.engine.CRDT(r.ctx, a.Store)
			if err != nil {
				return nil, err
			}
			r.crdts[a.Store] = s
		}
		return do(r, r.crdts[a.Store], a)
	})
}

var crdtOps = map[string]operation{
	"crdt_create": op(func(r *runner, a crdtConfigArgs) (any, error) {
		durability, err := pick("durability", a.Config.Durability, durabilities)
		if err != nil {
			return nil, err
		}
		s, err := r.engine.CreateCRDT(r.ctx, headwater.CRDTConfig{
			Name: a.Config.Name, Durability: durability, SnapshotRecords: a.Config.SnapshotRecords,
		})
		if err == nil {
			r.crdts[a.Config.Name] = s
		}
		return nil, err
	}),
	"crdt_open": op(func(r *runner, a struct {
		Store string `json:"store"`
	}) (any, error) {
		delete(r.crdts, a.Store)
		s, err := r.engine.CRDT(r.ctx, a.Store)
		if err == nil {
			r.crdts[a.Store] = s
		}
		return nil, err
	}),
	"crdts": op(func(r *runner, _ struct{}) (any, error) { return r.engine.CRDTs(r.ctx) }),
	"crdt_write": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		change, err := a.change()
		if err != nil {
			return nil, err
		}
		written, err := s.Write(r.ctx, change)
		var total any
		if written.Total != nil {
			total = written.Total
		}
		return map[string]any{"seq": written.Seq, "total": total}, err
	}),
	"crdt_transaction": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		changes, err := changesOf(a.Changes)
		if err != nil {
			return nil, err
		}
		seq, err := s.Transaction(r.ctx, changes...)
		return map[string]any{"seq": seq}, err
	}),
	"crdt_read": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		reading, err := s.Read(r.ctx, kindOf(a.Kind), a.Key, a.Fields...)
		return readingJSON(kindOf(a.Kind), reading), err
	}),
	"crdt_contains": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		return s.Contains(r.ctx, a.Value.value(), kindOf(a.Kind), a.Key, a.Fields...)
	}),
	"crdt_rights": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		return s.BoundedCounter(a.Key).Rights(r.ctx)
	}),
	"crdt_keys": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		keys, err := s.Keys(r.ctx, a.Prefix)
		return list(keys, keyJSON), err
	}),
	"crdt_dump": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		entries, err := s.Dump(r.ctx, a.Prefix)
		return list(entries, func(e headwater.CRDTEntry) any {
			return map[string]any{"key": e.Name, "kind": e.Kind.String(), "value": json.RawMessage(e.JSON)}
		}), err
	}),
	"crdt_watch": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		w, err := s.Watch(r.ctx, a.Prefix)
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, changedJSON, w.Missed, w.Close)
		return nil, nil
	}),
	"crdt_status": onCRDT(func(r *runner, s *headwater.CRDT, _ crdtArgs) (any, error) {
		status, err := s.Status(r.ctx)
		return map[string]any{
			"seq": status.Seq, "snapshot_seq": status.SnapshotSeq, "held": status.Held, "actors": status.Actors,
			"behind": status.Behind,
		}, err
	}),
	"crdt_merge": onCRDT(func(r *runner, s *headwater.CRDT, a crdtArgs) (any, error) {
		merged, err := s.Merge(r.ctx, r.crdts[a.Other], nil)
		return map[string]any{"keys": merged.Keys, "changed": merged.Changed, "bytes": merged.Bytes}, err
	}),
	"crdt_release_held": onCRDT(func(r *runner, s *headwater.CRDT, _ crdtArgs) (any, error) {
		return s.ReleaseHeld(r.ctx)
	}),
}

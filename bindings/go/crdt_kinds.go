package headwater

import (
	"context"
	"math/big"
	"slices"
	"time"
)

// place is a key, or a field of a map, of a store, as a kind.
type place struct {
	store  *CRDT
	key    string
	fields []string
	kind   CRDTKind
}

func (p place) write(ctx context.Context, change Change) (Written, error) {
	change.Key, change.Fields, change.Kind = p.key, p.fields, p.kind
	return p.store.Write(ctx, change)
}

func (p place) do(ctx context.Context, change Change) error {
	_, err := p.write(ctx, change)
	return err
}

func (p place) read(ctx context.Context) (Reading, error) {
	return p.store.Read(ctx, p.kind, p.key, p.fields...)
}

// Clear removes all that is there and was seen; what others do meanwhile stays. A bounded counter can't be removed.
func (p place) Clear(ctx context.Context) error { return p.do(ctx, Change{Op: OpClear}) }

// Counter is a number that is added to and taken from.
type Counter struct{ place }

// Incr adds, and returns the total. It is added too where the total of all actors does not fit 64 bits, and [ErrLimit]
// says that; [CRDT.Write] returns any total.
func (c Counter) Incr(ctx context.Context, amount int64) (int64, error) {
	written, err := c.write(ctx, Change{Op: OpAdd, Amount: amount})
	return fits(written.Total, err)
}

// Decr takes away, and returns the total, as Incr does.
func (c Counter) Decr(ctx context.Context, amount int64) (int64, error) {
	if amount == -amount && amount != 0 {
		return 0, invalid("amount is %d: taking it away does not fit 64 bits", amount)
	}
	return c.Incr(ctx, -amount)
}

// Value is the total; [ErrLimit] when it does not fit 64 bits.
func (c Counter) Value(ctx context.Context) (int64, error) { return fits(c.BigValue(ctx)) }

// BigValue is the total, of 128 bits at the most.
func (c Counter) BigValue(ctx context.Context) (*big.Int, error) {
	reading, err := c.read(ctx)
	return reading.Number, err
}

// BoundedCounter is a number that never falls below 0, whatever is concurrent: each actor takes what it has rights to.
type BoundedCounter struct{ Counter }

// Give gives rights to an amount to another actor, as [CRDT.Actor] has it.
func (c BoundedCounter) Give(ctx context.Context, to Actor, amount int64) error {
	return c.do(ctx, Change{Op: OpGive, To: to, Amount: amount})
}

// Rights are how much this handle may take or give.
func (c BoundedCounter) Rights(ctx context.Context) (int64, error) {
	return fits(c.store.rights(ctx, c.key))
}

// Register is one value: the last writer wins.
type Register struct{ place }

// Set writes a value.
func (r Register) Set(ctx context.Context, value Value) error { return r.SetFor(ctx, value, 0) }

// SetFor writes a value that stays for ttl, in whole milliseconds; zero is for good.
func (r Register) SetFor(ctx context.Context, value Value, ttl time.Duration) error {
	return r.do(ctx, Change{Op: OpWrite, Value: value, TTL: ttl})
}

// Value is the value, and whether there is one.
func (r Register) Value(ctx context.Context) (Value, bool, error) {
	reading, err := r.read(ctx)
	if err != nil || len(reading.Values) == 0 {
		return Value{}, false, err
	}
	return reading.Values[0], true, nil
}

// MultiRegister is one value, or all that were written concurrently.
type MultiRegister struct{ place }

// Set writes a value over those that are there.
func (r MultiRegister) Set(ctx context.Context, value Value) error { return r.SetFor(ctx, value, 0) }

// SetFor writes a value that stays for ttl, in whole milliseconds; zero is for good.
func (r MultiRegister) SetFor(ctx context.Context, value Value, ttl time.Duration) error {
	return r.do(ctx, Change{Op: OpWrite, Value: value, TTL: ttl})
}

// Values are what nobody has overwritten, the last written first.
func (r MultiRegister) Values(ctx context.Context) ([]Value, error) {
	reading, err := r.read(ctx)
	return reading.Values, err
}

// Set is values, each once.
type Set struct{ place }

// Add adds a value.
func (s Set) Add(ctx context.Context, value Value) error { return s.AddFor(ctx, value, 0) }

// AddFor adds a value that stays for ttl, in whole milliseconds; zero is for good.
func (s Set) AddFor(ctx context.Context, value Value, ttl time.Duration) error {
	return s.do(ctx, Change{Op: OpInsert, Value: value, TTL: ttl})
}

// Remove removes a value.
func (s Set) Remove(ctx context.Context, value Value) error {
	return s.do(ctx, Change{Op: OpRemove, Value: value})
}

// Contains tells whether a value is there.
func (s Set) Contains(ctx context.Context, value Value) (bool, error) {
	return s.store.Contains(ctx, value, s.kind, s.key, s.fields...)
}

// Values are all that are there, in order.
func (s Set) Values(ctx context.Context) ([]Value, error) {
	reading, err := s.read(ctx)
	return reading.Values, err
}

// Flag is on or off.
type Flag struct{ place }

// Enable turns it on.
func (f Flag) Enable(ctx context.Context) error { return f.EnableFor(ctx, 0) }

// EnableFor turns it on for ttl, in whole milliseconds; zero is for good.
func (f Flag) EnableFor(ctx context.Context, ttl time.Duration) error {
	return f.do(ctx, Change{Op: OpEnable, TTL: ttl})
}

// Disable turns it off.
func (f Flag) Disable(ctx context.Context) error { return f.do(ctx, Change{Op: OpDisable}) }

// IsOn tells whether it is on.
func (f Flag) IsOn(ctx context.Context) (bool, error) {
	reading, err := f.read(ctx)
	return reading.IsOn, err
}

// Map is fields, each of any kind but a bounded counter, maps included.
type Map struct{ place }

// Fields are the fields in which something is alive, by name and kind.
func (m Map) Fields(ctx context.Context) ([]CRDTKey, error) {
	reading, err := m.read(ctx)
	return reading.Fields, err
}

func (m Map) at(field string, kind CRDTKind) place {
	fields := append(slices.Clone(m.fields), field)
	return place{store: m.store, key: m.key, fields: fields, kind: kind}
}

// Counter is the field as a counter.
func (m Map) Counter(field string) Counter { return Counter{m.at(field, CounterKind)} }

// GrowCounter is the field as a counter that only grows.
func (m Map) GrowCounter(field string) Counter { return Counter{m.at(field, GrowCounterKind)} }

// Register is the field as a register.
func (m Map) Register(field string) Register { return Register{m.at(field, RegisterKind)} }

// MultiRegister is the field as a multi-value register.
func (m Map) MultiRegister(field string) MultiRegister {
	return MultiRegister{m.at(field, MultiRegisterKind)}
}

// Set is the field as a set.
func (m Map) Set(field string) Set { return Set{m.at(field, SetKind)} }

// RemoveWinsSet is the field as a set where what is added and removed concurrently is not there.
func (m Map) RemoveWinsSet(field string) Set { return Set{m.at(field, RemoveWinsSetKind)} }

// Flag is the field as a flag.
func (m Map) Flag(field string) Flag { return Flag{m.at(field, FlagKind)} }

// DisableWinsFlag is the field as a flag where what is enabled and disabled concurrently is off.
func (m Map) DisableWinsFlag(field string) Flag { return Flag{m.at(field, DisableWinsFlagKind)} }

// Map is the field as a map.
func (m Map) Map(field string) Map { return Map{m.at(field, MapKind)} }

func (s *CRDT) at(key string, kind CRDTKind) place { return place{store: s, key: key, kind: kind} }

// Counter is the key as a counter. Nothing is read or written by this and its like: a key begins with its first write.
func (s *CRDT) Counter(key string) Counter { return Counter{s.at(key, CounterKind)} }

// GrowCounter is the key as a counter that only grows.
func (s *CRDT) GrowCounter(key string) Counter { return Counter{s.at(key, GrowCounterKind)} }

// BoundedCounter is the key as a counter that never falls below 0.
func (s *CRDT) BoundedCounter(key string) BoundedCounter {
	return BoundedCounter{Counter{s.at(key, BoundedCounterKind)}}
}

// Register is the key as a register.
func (s *CRDT) Register(key string) Register { return Register{s.at(key, RegisterKind)} }

// MultiRegister is the key as a multi-value register.
func (s *CRDT) MultiRegister(key string) MultiRegister {
	return MultiRegister{s.at(key, MultiRegisterKind)}
}

// Set is the key as a set.
func (s *CRDT) Set(key string) Set { return Set{s.at(key, SetKind)} }

// RemoveWinsSet is the key as a set where what is added and removed concurrently is not there.
func (s *CRDT) RemoveWinsSet(key string) Set { return Set{s.at(key, RemoveWinsSetKind)} }

// Flag is the key as a flag.
func (s *CRDT) Flag(key string) Flag { return Flag{s.at(key, FlagKind)} }

// DisableWinsFlag is the key as a flag where what is enabled and disabled concurrently is off.
func (s *CRDT) DisableWinsFlag(key string) Flag { return Flag{s.at(key, DisableWinsFlagKind)} }

// Map is the key as a map.
func (s *CRDT) Map(key string) Map { return Map{s.at(key, MapKind)} }

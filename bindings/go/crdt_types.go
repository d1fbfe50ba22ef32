package headwater

// #include "shim.h"
import "C"

import (
	"fmt"
	"math/big"
	"time"
	"unsafe"
)

// CRDTConfig is what a CRDT store is told. Every field left zero takes its default.
type CRDTConfig struct {
	// Name is its name: letters, digits, - and _.
	Name string
	// Durability is what an acknowledgement promises.
	Durability Durability
	// SnapshotRecords: a snapshot is written every so many records of the log, or as many as there are keys if that is
	// more; 0 is 100,000.
	SnapshotRecords uint64
}

// CRDTStatus is how a handle of a CRDT store stands.
type CRDTStatus struct {
	// Seq is the last sequence of the log that was taken in.
	Seq uint64
	// SnapshotSeq is the last sequence that the newest snapshot known covers; 0 is none.
	SnapshotSeq uint64
	// Held is how many fragments are held, as their clocks are too far ahead.
	Held uint64
	// Actors is of how many actors there are operations.
	Actors uint64
	// Behind is how many operations are known to have been made, as later ones of their actors are here, and are not
	// here: on their way, held, or lost to a limit of a stream in the middle. Merge mends what stays.
	Behind uint64
}

// Merged is what a merge did.
type Merged struct {
	// Keys is how many were compared; 0 where the other store had seen nothing that this one has not.
	Keys uint64
	// Changed is how many of them changed here or know more now.
	Changed uint64
	// Bytes is what the log got for it.
	Bytes uint64
}

// Actor is whose operations they are: an engine in one of its epochs.
type Actor struct {
	// Engine is the id of the engine.
	Engine uint64
	// Epoch is never used twice by an engine.
	Epoch uint64
}

// CRDTKind is what a key, or a field of a map, is.
type CRDTKind int32

const (
	// CounterKind is a number that is added to and taken from.
	CounterKind CRDTKind = 1
	// GrowCounterKind is a number that only grows.
	GrowCounterKind CRDTKind = 2
	// BoundedCounterKind is a number that never falls below 0, whatever is concurrent.
	BoundedCounterKind CRDTKind = 3
	// RegisterKind is one value: the last writer wins.
	RegisterKind CRDTKind = 4
	// MultiRegisterKind is one value, or all that were written concurrently.
	MultiRegisterKind CRDTKind = 5
	// SetKind is values: what is added and removed concurrently is there.
	SetKind CRDTKind = 6
	// RemoveWinsSetKind is values: what is added and removed concurrently is not there.
	RemoveWinsSetKind CRDTKind = 7
	// FlagKind is on or off: what is enabled and disabled concurrently is on.
	FlagKind CRDTKind = 8
	// DisableWinsFlagKind is on or off: what is enabled and disabled concurrently is off.
	DisableWinsFlagKind CRDTKind = 9
	// MapKind is fields, each of any kind but a bounded counter.
	MapKind CRDTKind = 10
)

// String is the stable lower-case name.
func (k CRDTKind) String() string {
	return nameOf(k, "unknown_0", "counter", "grow_counter", "bounded_counter", "register", "multi_register", "set",
		"remove_wins_set", "flag", "disable_wins_flag", "map")
}

// CRDTOp is what is done to a key or a field.
type CRDTOp int32

const (
	// OpAdd adds Amount to a counter, or takes away where it is negative and the kind allows it.
	OpAdd CRDTOp = 1
	// OpGive gives rights of a bounded counter to Amount to the actor To.
	OpGive CRDTOp = 2
	// OpWrite writes Value to a register, for TTL.
	OpWrite CRDTOp = 3
	// OpInsert adds Value to a set, for TTL.
	OpInsert CRDTOp = 4
	// OpRemove removes Value from a set.
	OpRemove CRDTOp = 5
	// OpEnable turns a flag on, for TTL.
	OpEnable CRDTOp = 6
	// OpDisable turns a flag off.
	OpDisable CRDTOp = 7
	// OpClear removes all that is there, of any kind but a bounded counter.
	OpClear CRDTOp = 8
)

// Change is one operation on one key or field.
type Change struct {
	// Key is 1 to 1,024 bytes.
	Key string
	// Fields lead to it in maps, at most 32; none for the key itself.
	Fields []string
	// Kind is as what.
	Kind CRDTKind
	// Op is what is done; the fields below are for those that name them.
	Op CRDTOp
	// Amount is how much is added or given.
	Amount int64
	// Value is what is written, inserted or removed.
	Value Value
	// TTL is how long it stays, in whole milliseconds; zero is for good.
	TTL time.Duration
	// To is to whom rights are given.
	To Actor
}

// CRDTKey is a key, or a field of a map, by name and kind.
type CRDTKey struct {
	// Name is its name.
	Name string
	// Kind is its kind.
	Kind CRDTKind
}

// CRDTEntry is what is in a key.
type CRDTEntry struct {
	CRDTKey
	// JSON is what it reads as: counters are numbers, or text where they need more than 64 bits; flags are true or false;
	// a register is its value or null; sets and multi-value registers are lists; a map is a list of
	// {"field", "kind", "value"}. Of values, bytes are {"base64"}, and a float that JSON does not have is text.
	JSON string
}

// Written is what a write to a CRDT store came to.
type Written struct {
	// Seq is its record in the log; 0 if there was nothing to do.
	Seq uint64
	// Total is what one operation on a counter made of it; nil for all others.
	Total *big.Int
}

// Reading is what a key or a field reads as; its kind says which field is set.
type Reading struct {
	// Number is of counters.
	Number *big.Int
	// Values are of a register (none or one), of a multi-value register, the last written first, and of a set, in order.
	Values []Value
	// IsOn is of flags.
	IsOn bool
	// Fields are of a map.
	Fields []CRDTKey
}

func goInt128(n C.hw_int128) *big.Int {
	wide := big.NewInt(int64(n.high))
	return wide.Lsh(wide, 64).Or(wide, new(big.Int).SetUint64(uint64(n.low)))
}

// fits is a number in 64 bits.
func fits(n *big.Int, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	if !n.IsInt64() {
		return 0, &Error{Code: ErrLimit, Message: fmt.Sprintf("%s does not fit 64 bits: ask for BigValue", n)}
	}
	return n.Int64(), nil
}

// The types of values in C, by our own kinds.
var crdtValueTypes = [...]C.int32_t{
	KindFloat: C.HW_CRDT_VALUE_TYPE_FLOAT,
	KindInt:   C.HW_CRDT_VALUE_TYPE_INT,
	KindText:  C.HW_CRDT_VALUE_TYPE_TEXT,
	KindJSON:  C.HW_CRDT_VALUE_TYPE_JSON,
	KindBytes: C.HW_CRDT_VALUE_TYPE_BYTES,
}

func (l *lender) crdtValue(v Value) C.hw_crdt_value {
	lent := l.str(v.text)
	return C.hw_crdt_value{
		bytes:      C.hw_bytes{data: unsafe.Pointer(lent.data), len: lent.len},
		integer:    C.int64_t(v.int),
		number:     C.double(v.float),
		value_type: crdtValueTypes[v.kind],
	}
}

func goCRDTValue(v *C.hw_crdt_value) Value {
	bytes := func() string { return string(goBytes(v.bytes)) }
	switch v.value_type {
	case C.HW_CRDT_VALUE_TYPE_FLOAT:
		return Float(float64(v.number))
	case C.HW_CRDT_VALUE_TYPE_INT:
		return Int(int64(v.integer))
	case C.HW_CRDT_VALUE_TYPE_TEXT:
		return Text(bytes())
	case C.HW_CRDT_VALUE_TYPE_JSON:
		return JSON(bytes())
	default:
		return Value{kind: KindBytes, text: bytes()}
	}
}

func (l *lender) changes(changes []Change) ([]C.hw_crdt_change, error) {
	array := make([]C.hw_crdt_change, len(changes))
	for i := range changes {
		c := &changes[i]
		if c.TTL < 0 || c.TTL%time.Millisecond != 0 {
			return nil, invalid("TTL is %s, must be whole milliseconds", c.TTL)
		}
		array[i] = C.hw_crdt_change{
			struct_size: C.sizeof_hw_crdt_change,
			key:         l.str(c.Key),
			value:       l.crdtValue(c.Value),
			amount:      C.int64_t(c.Amount),
			ttl_ms:      C.uint64_t(c.TTL.Milliseconds()),
			give_to:     C.hw_actor{engine: C.uint64_t(c.To.Engine), epoch: C.uint64_t(c.To.Epoch)},
			kind:        C.int32_t(c.Kind),
			op:          C.int32_t(c.Op),
		}
		array[i].fields, array[i].fields_len = l.strs(c.Fields)
	}
	return array, nil
}

// takeReading copies a reading and frees it.
func takeReading(reading *C.hw_reading) (Reading, error) {
	defer C.hw_reading_free(reading)
	var number C.hw_int128
	if C.hw_reading_number(reading, &number, nil) == C.HW_STATUS_OK {
		return Reading{Number: goInt128(number)}, nil
	}
	var isOn C.bool
	if C.hw_reading_flag(reading, &isOn, nil) == C.HW_STATUS_OK {
		return Reading{IsOn: bool(isOn)}, nil
	}
	var r Reading
	for i := range C.hw_reading_len(reading) {
		var name C.hw_str
		var kind C.int32_t
		if C.hw_reading_field(reading, i, &name, &kind, nil) == C.HW_STATUS_OK {
			r.Fields = append(r.Fields, CRDTKey{goString(name), CRDTKind(kind)})
			continue
		}
		var value C.hw_crdt_value
		var failed *C.hw_error
		if status := C.hw_reading_value(reading, i, &value, &failed); status != C.HW_STATUS_OK {
			return Reading{}, failure(status, failed)
		}
		r.Values = append(r.Values, goCRDTValue(&value))
	}
	return r, nil
}

// takeKeys copies a list of keys and frees it.
func takeKeys(list *C.hw_strings) ([]CRDTKey, error) {
	names, kinds, err := takeStrings(list)
	var keys []CRDTKey
	for i, name := range names {
		keys = append(keys, CRDTKey{name, CRDTKind(kinds[i])})
	}
	return keys, err
}

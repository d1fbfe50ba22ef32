package headwater

import (
	"fmt"
	"strconv"
	"time"
)

// ValueKind is the type of the value of a point, a register or an element of a set.
type ValueKind int32

const (
	// KindFloat is a 64-bit float.
	KindFloat ValueKind = 0
	// KindInt is a 64-bit integer.
	KindInt ValueKind = 1
	// KindText is text.
	KindText ValueKind = 2
	// KindJSON is a JSON document.
	KindJSON ValueKind = 3
	// KindBytes is any bytes, which points do not have.
	KindBytes ValueKind = 4
)

// String is the stable lower-case name.
func (k ValueKind) String() string { return nameOf(k, "float", "int", "text", "json", "bytes") }

// Value is the value of a point, a register or an element of a set, made by [Float], [Int], [Text], [JSON] or [Bytes];
// the zero value is the float 0.
type Value struct {
	kind  ValueKind
	float float64
	int   int64
	text  string
}

// Float is a 64-bit float.
func Float(v float64) Value { return Value{kind: KindFloat, float: v} }

// Int is a 64-bit integer.
func Int(v int64) Value { return Value{kind: KindInt, int: v} }

// Text is text.
func Text(v string) Value { return Value{kind: KindText, text: v} }

// JSON is a JSON document, as text.
func JSON(document string) Value { return Value{kind: KindJSON, text: document} }

// Bytes is any bytes, copied; registers and sets have them, points do not.
func Bytes(v []byte) Value { return Value{kind: KindBytes, text: string(v)} }

// Kind is the value's type.
func (v Value) Kind() ValueKind { return v.kind }

// Number is the value as a float, and whether it is a number.
func (v Value) Number() (float64, bool) {
	switch v.kind {
	case KindFloat:
		return v.float, true
	case KindInt:
		return float64(v.int), true
	default:
		return 0, false
	}
}

// Int is the value as an integer, and whether it is one.
func (v Value) Int() (int64, bool) { return v.int, v.kind == KindInt }

// Text is the text or the JSON document, and whether it is one of these.
func (v Value) Text() (string, bool) { return v.text, v.kind == KindText || v.kind == KindJSON }

// Bytes is a copy of the bytes, and whether it is bytes.
func (v Value) Bytes() ([]byte, bool) { return []byte(v.text), v.kind == KindBytes }

// String is the value as text.
func (v Value) String() string {
	switch v.kind {
	case KindFloat:
		return strconv.FormatFloat(v.float, 'g', -1, 64)
	case KindInt:
		return strconv.FormatInt(v.int, 10)
	default:
		return v.text
	}
}

// Point is one typed value of one series at one time.
type Point struct {
	// Node is whose it is, such as a device.
	Node string
	// Kind is what it is, such as "temperature".
	Kind string
	// Key is which one of its kind; empty when there is one.
	Key string
	// Time is when it was so.
	Time time.Time
	// Value is the value.
	Value Value
	// Tombstone only ever counts up; odd is deleted.
	Tombstone uint32
	// Origin is the instance that wrote it; the engine's id in hexadecimal when left empty.
	Origin string
}

// Deleted tells whether the point says that its series is gone.
func (p *Point) Deleted() bool { return p.Tombstone%2 == 1 }

// PointsConfig is what a point store keeps. Every field left zero takes its default.
type PointsConfig struct {
	// Name is its name.
	Name string
	// Durability is what an acknowledgement promises.
	Durability Durability
	// MaxAge: points committed longer ago than this go; zero is never.
	MaxAge time.Duration
	// MaxPointsPerSeries is the most points kept of a series; 0 is no limit.
	MaxPointsPerSeries uint64
}

// Aggregate is what to compute of a bucket of points.
type Aggregate string

// What can be computed of a bucket; [Percentile] makes more.
const (
	Count Aggregate = "count"
	Min   Aggregate = "min"
	Max   Aggregate = "max"
	Mean  Aggregate = "mean"
	Sum   Aggregate = "sum"
	First Aggregate = "first"
	Last  Aggregate = "last"
)

// Percentile is the value that percent of the points are not above, 0 to 100. It is exact for up to 1,024 numbers in a
// bucket, and beyond that within 0.4 % as long as they span no more than 32 powers of two; the error doubles each time
// that this span does.
func Percentile(percent float64) Aggregate {
	return Aggregate("p" + strconv.FormatFloat(percent, 'f', -1, 64))
}

// Query is what to ask of the history of points.
type Query struct {
	// Filters are series filters such as "seattle.temperature", "seattle.*" or ">".
	Filters []string
	// From is the first time that counts; the zero time is the beginning.
	From time.Time
	// To is the first time that does not count any more; the zero time is the end.
	To time.Time
	// Every is the width of a bucket, aligned to the epoch in UTC; zero is one bucket for everything.
	Every time.Duration
	// Aggregates are what to compute.
	Aggregates []Aggregate
}

// Row is one bucket of one series.
type Row struct {
	// Series is "node.kind" or "node.kind.key".
	Series string
	// Start is where the bucket starts.
	Start time.Time
	// Values holds one value for each aggregate asked for, in order; NaN where no number is there.
	Values []float64
}

// ImportOptions says how to read points from text.
type ImportOptions struct {
	// Time is the column (CSV) or field (JSON lines) that holds the time: RFC 3339, in UTC where no zone is given, or a
	// number of seconds since the epoch.
	Time string
	// Node is the node, where no column holds it.
	Node string
	// NodeColumn is the column that holds the node.
	NodeColumn string
	// Columns are the columns to take as kinds; all others when empty.
	Columns []string
	// Progress hears how far it has come; it may be nil.
	Progress Progress
}

// ImportReport is what an import did.
type ImportReport struct {
	// Lines is the lines read, header included.
	Lines uint64
	// Points is the points written.
	Points uint64
	// Resumed is the lines passed over because an earlier run of the same import wrote them.
	Resumed uint64
	// Rejected are the refused lines, the first 1,000 of them.
	Rejected []RejectedLine
	// RejectedCount is how many were refused.
	RejectedCount uint64
}

// RejectedLine is a line that an import refused.
type RejectedLine struct {
	// Line is its number, from 1.
	Line uint64
	// Reason says why.
	Reason string
}

// String gives both, as an editor would show them.
func (r RejectedLine) String() string { return fmt.Sprintf("line %d: %s", r.Line, r.Reason) }

package headwater_test

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/headwater/headwater/bindings/go"
)

// appendArgs is one record to append as a vector states it, and the stream, which those of a batch leave out.
type appendArgs struct {
	inStream
	payloadArgs
	Subject              string      `json:"subject"`
	Headers              [][2]string `json:"headers"`
	EventTime            *int64      `json:"event_time"`
	TTL                  *int64      `json:"ttl"`
	MsgID                *string     `json:"msg_id"`
	ExpectLastSeq        *uint64     `json:"expect_last_seq"`
	ExpectSubjectLastSeq *uint64     `json:"expect_subject_last_seq"`
	ExpectFilter         string      `json:"expect_filter"`
	Rollup               string      `json:"rollup"`
}

type batchArgs struct {
	inStream
	Records []appendArgs `json:"records"`
	Repeat  *int         `json:"repeat"`
}

func (a *appendArgs) options() ([]headwater.AppendOption, error) {
	var options []headwater.AppendOption
	for _, h := range a.Headers {
		options = append(options, headwater.WithHeader(h[0], h[1]))
	}
	if a.EventTime != nil {
		options = append(options, headwater.WithEventTime(at(a.EventTime)))
	}
	if a.TTL != nil {
		options = append(options, headwater.WithTTL(time.Duration(*a.TTL)))
	}
	if a.MsgID != nil {
		options = append(options, headwater.WithMsgID(*a.MsgID))
	}
	if a.ExpectLastSeq != nil {
		options = append(options, headwater.ExpectLastSeq(*a.ExpectLastSeq))
	}
	rollup, err := pick("rollup", a.Rollup, rollups)
	return append(options, headwater.WithRollup(rollup), func(into *headwater.Append) {
		into.ExpectSubjectLastSeq, into.ExpectFilter = a.ExpectSubjectLastSeq, a.ExpectFilter
	}), err
}

func ackJSON(a headwater.Ack) any {
	return map[string]any{
		"seq": a.Seq, "count": a.Count, "duplicate": a.Duplicate, "durability": a.Durability.String(),
	}
}

func recordJSON(r headwater.Record) any {
	headers := [][2]string{}
	for _, h := range r.Headers {
		headers = append(headers, [2]string{h.Name, h.Value})
	}
	record := map[string]any{
		"seq": r.Seq, "subject": r.Subject, "headers": headers, "event_time": nil, "delivered": r.Delivered,
	}
	if !r.EventTime.IsZero() {
		record["event_time"] = r.EventTime.UnixNano()
	}
	return withBytes(record, "payload", r.Payload)
}

func deliveryJSON(d headwater.Delivery) any { return recordJSON(d.Record) }

func entryJSON(e headwater.Entry) any {
	entry := map[string]any{"key": e.Key, "revision": e.Revision, "operation": e.Operation.String()}
	return withBytes(entry, "value", e.Value)
}

// withBytes adds bytes as text, or in base 64 where they are none.
func withBytes(object map[string]any, name string, bytes []byte) any {
	if utf8.Valid(bytes) {
		object[name] = string(bytes)
	} else {
		object[name+"_base64"] = bytes
	}
	return object
}

type valueArgs struct {
	Float *float64 `json:"float"`
	Int   *int64   `json:"int"`
	Text  *string  `json:"text"`
	JSON  *string  `json:"json"`
}

type pointArgs struct {
	Node      string    `json:"node"`
	Kind      string    `json:"kind"`
	Key       string    `json:"key"`
	Time      int64     `json:"time"`
	Value     valueArgs `json:"value"`
	Tombstone uint32    `json:"tombstone"`
	Origin    string    `json:"origin"`
}

func (a *pointArgs) point() headwater.Point {
	p := headwater.Point{
		Node: a.Node, Kind: a.Kind, Key: a.Key, Time: at(&a.Time), Tombstone: a.Tombstone, Origin: a.Origin,
	}
	switch v := a.Value; {
	case v.Float != nil:
		p.Value = headwater.Float(*v.Float)
	case v.Int != nil:
		p.Value = headwater.Int(*v.Int)
	case v.Text != nil:
		p.Value = headwater.Text(*v.Text)
	case v.JSON != nil:
		p.Value = headwater.JSON(*v.JSON)
	}
	return p
}

func valueJSON(v headwater.Value) any {
	value := map[string]any{}
	switch v.Kind() {
	case headwater.KindFloat:
		value["float"], _ = v.Number()
	case headwater.KindInt:
		value["int"], _ = v.Int()
	default:
		value[v.Kind().String()], _ = v.Text()
	}
	return value
}

func pointJSON(p headwater.Point) any {
	return map[string]any{
		"node": p.Node, "kind": p.Kind, "key": p.Key, "time": p.Time.UnixNano(), "value": valueJSON(p.Value),
		"tombstone": p.Tombstone, "origin": p.Origin,
	}
}

func rowJSON(r headwater.Row) any {
	values := []any{}
	for _, v := range r.Values {
		if math.IsNaN(v) {
			values = append(values, nil)
		} else {
			values = append(values, v)
		}
	}
	return map[string]any{"series": r.Series, "start": r.Start.UnixNano(), "values": values}
}

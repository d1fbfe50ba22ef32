package headwater_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestStreamsAreMadeChangedAndRemoved(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	config := headwater.StreamConfig{
		Name: "orders", Subjects: []string{"orders.>", "returns.*"}, Description: "everything sold",
		Durability: headwater.Interval, SyncInterval: time.Second, MaxAge: time.Hour, MaxMsgs: 5, MaxBytes: 1 << 20,
		MaxMsgsPerSubject: 3, MaxMsgSize: 100, Discard: headwater.DiscardNew, DiscardNewPerSubject: true,
		DuplicateWindow: headwater.NoDuplicateWindow, AllowRollup: true, DenyDelete: true, DenyPurge: true,
		SegmentBytes: 1 << 20,
	}
	s := must(engine.CreateStream(ctx, config))(t)
	must(engine.CreateStream(ctx, config))(t)
	info := must(s.Info(ctx))(t)
	if got, want := fmt.Sprintf("%+v", info.Config), fmt.Sprintf("%+v", config); got != want {
		t.Fatalf("%s\nis not\n%s", got, want)
	}
	config.MaxMsgs = 6
	_, err := engine.CreateStream(ctx, config)
	wantCode(t, err, headwater.ErrConflict)
	must(engine.UpdateStream(ctx, config))(t)
	if info := must(s.Info(ctx))(t); info.Config.MaxMsgs != 6 {
		t.Fatalf("%+v", info.Config)
	}
	for _, bad := range []headwater.StreamConfig{
		{Name: "a.b"}, {Name: "a", Subjects: []string{"b..c"}}, {Name: "a", Durability: 9}, {Name: "a", MaxAge: -1},
		{Name: "a", SyncInterval: -1}, {Name: "a", DuplicateWindow: -2}, {Name: "a\xff"},
	} {
		_, err := engine.CreateStream(ctx, bad)
		wantCode(t, err, headwater.ErrInvalid)
	}
	if all := must(engine.Streams(ctx))(t); len(all) != 1 || all[0].Config.Name != "orders" || s.Name() != "orders" {
		t.Fatalf("%+v", all)
	}
	if err := engine.DeleteStream(ctx, "orders"); err != nil {
		t.Fatal(err)
	}
	_, err = engine.Stream(ctx, "orders")
	wantCode(t, err, headwater.ErrNotFound)
	_, err = s.Append(ctx, "orders.1", nil)
	wantCode(t, err, headwater.ErrClosed)
}

// A build without compression refuses it by name; it never stores something else instead.
func TestCompression(t *testing.T) {
	ctx := within(t)
	config := headwater.StreamConfig{Name: "orders", Compression: headwater.CompressionZstd}
	s, err := headwatertest.Engine(t).CreateStream(ctx, config)
	if err != nil {
		wantCode(t, err, headwater.ErrUnsupported)
		return
	}
	if info := must(s.Info(ctx))(t); info.Config.Compression != headwater.CompressionZstd {
		t.Fatalf("%+v", info.Config)
	}
}

func TestReads(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{Durability: headwater.OS})
	for i := range 10 {
		at := headwater.WithEventTime(time.Unix(int64(i), 0))
		must(s.Append(ctx, fmt.Sprintf("orders.%d", i%3), fmt.Append(nil, i), at))(t)
	}
	fourth := must(s.Get(ctx, 4))(t).Time
	for _, c := range []struct {
		options headwater.ReadOptions
		want    string
	}{
		{headwater.ReadOptions{}, "[1 2 3 4 5 6 7 8 9 10]"},
		{headwater.ReadOptions{FromSeq: 8}, "[8 9 10]"},
		{headwater.ReadOptions{Filters: []string{"orders.0", "orders.1"}, MaxRecords: 3}, "[1 2 4]"},
		{headwater.ReadOptions{Backward: true, MaxRecords: 3}, "[10 9 8]"},
		{headwater.ReadOptions{Backward: true, FromSeq: 2}, "[2 1]"},
		{headwater.ReadOptions{FromTime: fourth.Add(time.Hour)}, "[]"},
		{headwater.ReadOptions{FromTime: time.Unix(-1, 0), MaxRecords: 1}, "[1]"},
		{headwater.ReadOptions{Until: fourth.Add(-time.Hour)}, "[]"},
		{headwater.ReadOptions{EventFrom: time.Unix(8, 0)}, "[9 10]"},
		{headwater.ReadOptions{EventTo: time.Unix(2, 0)}, "[1 2]"},
		{headwater.ReadOptions{EventFrom: time.Unix(0, 0), EventTo: time.Unix(1, 0)}, "[1]"},
		{headwater.ReadOptions{MaxBytes: 1}, "[1]"},
	} {
		seqs := []uint64{}
		for _, record := range must(s.Read(ctx, c.options))(t) {
			seqs = append(seqs, record.Seq)
		}
		if got := fmt.Sprint(seqs); got != c.want {
			t.Errorf("%+v gave %s, not %s", c.options, got, c.want)
		}
	}
	_, err := s.Read(ctx, headwater.ReadOptions{MaxRecords: -1})
	wantCode(t, err, headwater.ErrInvalid)
	backward := 0
	for record, err := range s.Records(ctx, headwater.ReadOptions{Backward: true, MaxRecords: 3}) {
		if err != nil || record.Seq != uint64(10-backward) {
			t.Fatalf("%+v, %v", record, err)
		}
		backward++
	}
	last := must(s.Last(ctx, "orders.*"))(t)
	many := must(s.LastMany(ctx, []string{"orders.0", "orders.2"}, 0, 10))(t)
	subjects := must(s.Subjects(ctx, ">", "orders.0", 10))(t)
	got := fmt.Sprint(backward, last.Seq, len(many), many[0].Seq, many[1].Seq, subjects)
	if want := "10 10 2 9 10 [{orders.1 3} {orders.2 3}]"; got != want {
		t.Fatalf("%s is not %s", got, want)
	}
	_, err = s.Last(ctx, "orders.9")
	wantCode(t, err, headwater.ErrNotFound)
	if removed := must(s.Delete(ctx, 10))(t); !removed || must(s.Delete(ctx, 10))(t) {
		t.Fatal("a record was there after it was removed")
	}
	if purged := must(s.Purge(ctx, headwater.PurgeOptions{Filter: "orders.1", Keep: 1}))(t); purged != 2 {
		t.Fatalf("%d purged", purged)
	}
}

// Big batches come in several chunks, and big payloads keep memory of their own.
func TestRecordsOwnTheirBytes(t *testing.T) {
	ctx := within(t)
	s := orders(t, headwater.StreamConfig{Durability: headwater.OS})
	var kept []headwater.Record
	for size := 0; size < 10_000; size += 37 {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(size)
		}
		must(s.Append(ctx, fmt.Sprintf("orders.%d", size), payload))(t)
	}
	for range 3 {
		kept = append(kept, must(s.Read(ctx, headwater.ReadOptions{}))(t)...)
	}
	for i, record := range kept {
		size := i % 271 * 37
		if len(record.Payload) != size || record.Subject != fmt.Sprintf("orders.%d", size) {
			t.Fatalf("record %d has %d bytes and subject %s", i, len(record.Payload), record.Subject)
		}
		for at := range record.Payload {
			if record.Payload[at] != byte(size) {
				t.Fatalf("byte %d of record %d was changed", at, i)
			}
			record.Payload[at]++
		}
		_ = append(record.Payload, "no neighbour hears of this"...)
	}
}

func TestBackupRestoreVerify(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := headwatertest.DurableEngine(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t)
	for range 100 {
		must(s.Append(ctx, "orders", make([]byte, 1000)))(t)
	}
	saved, restored := filepath.Join(dir, "saved"), filepath.Join(dir, "restored")
	var done uint64
	if bytes := must(engine.Backup(ctx, saved, func(d, _ uint64) { done = d }))(t); bytes < 100_000 || done == 0 {
		t.Fatalf("%d bytes, %d told", bytes, done)
	}
	must(headwater.Restore(ctx, saved, restored, nil))(t)
	report := must(headwater.Verify(ctx, restored, nil))(t)
	if report.Records != 100 || report.Streams != 1 || len(report.Damage) != 0 {
		t.Fatalf("%+v", report)
	}
	flipOneBit(t, restored)
	if report = must(headwater.Verify(ctx, restored, nil))(t); len(report.Damage) == 0 {
		t.Fatalf("%+v", report)
	}
	_, err := headwater.Verify(ctx, filepath.Join(dir, "missing"), nil)
	wantCode(t, err, headwater.ErrNotFound)
}

// flipOneBit damages the largest file below dir in its middle.
func flipOneBit(t *testing.T, dir string) {
	t.Helper()
	var largest string
	var size int64
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bytes := must(os.ReadFile(largest))(t)
	bytes[len(bytes)/2] ^= 1
	if err := os.WriteFile(largest, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMetricsAndLogs(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.DurableEngine(t)
	must(must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders"}))(t).Append(ctx, "orders", nil))(t)
	found := false
	for _, metric := range must(engine.Metrics(ctx))(t) {
		found = found || metric.Name == "headwater_stream_records" && metric.Labels["stream"] == "orders" && metric.Value == 1
	}
	if !found {
		t.Fatalf("no such metric in %+v", must(engine.Metrics(ctx))(t))
	}
	for _, line := range must(engine.Logs(ctx, 0))(t) {
		if line.Message == "" || line.Level == "" || line.Time.IsZero() {
			t.Fatalf("%+v", line)
		}
	}
	_, err := engine.Logs(ctx, -1)
	wantCode(t, err, headwater.ErrInvalid)
}

func TestTheLogCanBeWaitedFor(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := must(headwater.Open(ctx, dir))(t)
	must(must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "s"}))(t).Append(ctx, "s", []byte("kept")))(t)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(dir, "streams", "s", "0000000000000000.seg")
	whole := must(os.ReadFile(segment))(t)
	if err := os.WriteFile(segment, append(whole, "torn"...), 0o600); err != nil {
		t.Fatal(err)
	}
	engine = must(headwater.Open(ctx, dir))(t)
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err := engine.NextLogs(short, 0)
	wantCode(t, err, headwater.ErrTimeout)
	go func() {
		if _, err := engine.Stream(ctx, "s"); err != nil {
			t.Error(err)
		}
	}()
	if lines := must(engine.NextLogs(ctx, 0))(t); len(lines) != 1 || lines[0].Level != "warn" {
		t.Fatalf("%+v", lines)
	}
	ended := make(chan error)
	go func() {
		_, err := engine.NextLogs(ctx, 0)
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-ended, headwater.ErrClosed)
}

func TestSubjects(t *testing.T) {
	if yes := must(headwater.Matches("orders.*.1", "orders.eu.1"))(t); !yes || headwater.Version() == "" {
		t.Fatal("it does not match")
	}
	_, err := headwater.Matches("orders.*.1", "orders.*.1")
	wantCode(t, err, headwater.ErrInvalid)
	token := must(headwater.EncodeToken("São Paulo"))(t)
	if text := must(headwater.DecodeToken(token))(t); token != "S=C3=A3o=20Paulo" || text != "São Paulo" {
		t.Fatal(token, text)
	}
	_, err = headwater.DecodeToken("a b")
	wantCode(t, err, headwater.ErrInvalid)
}

package headwater_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestPointsKeepEveryType(t *testing.T) {
	ctx := within(t)
	store := must(headwatertest.Engine(t).CreatePoints(ctx, headwater.PointsConfig{Name: "weather"}))(t)
	now := time.Unix(1_700_000_000, 5).UTC()
	values := []headwater.Value{
		headwater.Float(math.Inf(-1)), headwater.Int(math.MinInt64), headwater.Text("grün"), headwater.JSON(`{"a":[1]}`),
	}
	for i, value := range values {
		must(store.Write(ctx, headwater.Point{
			Node: "roof", Kind: "reading", Key: fmt.Sprint(i), Time: now, Value: value, Origin: "me",
		}))(t)
	}
	latest := must(store.Latest(ctx, "roof.reading.*", false))(t)
	if len(latest) != len(values) {
		t.Fatalf("%+v", latest)
	}
	for i, point := range latest {
		if point.Value != values[i] || !point.Time.Equal(now) || point.Origin != "me" || point.Key != fmt.Sprint(i) {
			t.Errorf("%+v came back for %v", point, values[i])
		}
	}
	must(store.Write(ctx, headwater.Point{Node: "roof", Kind: "reading", Key: "0", Time: now, Tombstone: 1}))(t)
	if left := must(store.Latest(ctx, "", false))(t); len(left) != 3 {
		t.Fatalf("%+v", left)
	}
	if all := must(store.Latest(ctx, "", true))(t); len(all) != 4 || !all[0].Deleted() {
		t.Fatalf("%+v", all)
	}
	_, err := store.Write(ctx)
	wantCode(t, err, headwater.ErrInvalid)
	_, err = store.Write(ctx, headwater.Point{Kind: "k", Time: now})
	wantCode(t, err, headwater.ErrInvalid)
}

func TestPointsQueryAndRange(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	store := must(engine.CreatePoints(ctx, headwater.PointsConfig{Name: "weather", Durability: headwater.OS}))(t)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 48 {
		must(store.Write(ctx, headwater.Point{
			Node: "roof", Kind: "temperature", Time: start.Add(time.Duration(hour) * time.Hour),
			Value: headwater.Int(int64(hour)),
		}))(t)
	}
	rows := must(store.Query(ctx, headwater.Query{
		Filters: []string{"roof.*"}, From: start, Every: 24 * time.Hour,
		Aggregates: []headwater.Aggregate{headwater.Count, headwater.Mean, headwater.Max, headwater.Percentile(0)},
	}))(t)
	got := fmt.Sprint(rows)
	want := "[{roof.temperature 2026-01-01 00:00:00 +0000 UTC [24 11.5 23 0]}" +
		" {roof.temperature 2026-01-02 00:00:00 +0000 UTC [24 35.5 47 24]}]"
	if got != want {
		t.Fatalf("%s\nis not\n%s", got, want)
	}
	_, err := store.Query(ctx, headwater.Query{Aggregates: []headwater.Aggregate{"median"}})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = store.Query(ctx, headwater.Query{Aggregates: []headwater.Aggregate{headwater.Sum}, Every: -1})
	wantCode(t, err, headwater.ErrInvalid)

	count, after := 0, uint64(0)
	for {
		points, next, err := store.Range(ctx, headwater.RangeOptions{
			Filter: "roof.temperature", From: start.Add(10 * time.Hour), To: start.Add(30 * time.Hour),
			After: after, Limit: 7,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(points) == 0 {
			break
		}
		count, after = count+len(points), next
	}
	if count != 20 {
		t.Fatalf("%d points", count)
	}
	if stream := must(store.Stream(ctx))(t); must(stream.Info(ctx))(t).Records != 48 {
		t.Fatal("the stream below has other records")
	}
	must(engine.Points(ctx, "weather"))(t)
	_, err = engine.Points(ctx, "missing")
	wantCode(t, err, headwater.ErrNotFound)
}

func TestPointsTravelThroughFiles(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	store := must(engine.CreatePoints(ctx, headwater.PointsConfig{Name: "weather"}))(t)
	file := filepath.Join(t.TempDir(), "in.csv")
	text := "when,temperature,wind\n2026-01-01T00:00:00Z,1.5,3\nnonsense,1,1\n2026-01-01T01:00:00Z,2.5,4\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var done, total uint64
	report := must(store.ImportCSV(ctx, file, headwater.ImportOptions{
		Time: "when", Node: "roof", Columns: []string{"temperature"},
		Progress: func(d, t uint64) { done, total = d, t },
	}))(t)
	if report.Lines != 4 || report.Points != 2 || report.RejectedCount != 1 || report.Rejected[0].Line != 3 {
		t.Fatalf("%+v", report)
	}
	if report.Rejected[0].Reason == "" || done == 0 || total != uint64(len(text)) {
		t.Fatalf("%v, progress %d of %d", report.Rejected, done, total)
	}
	_, err := store.ImportCSV(ctx, file+".missing", headwater.ImportOptions{Time: "when", Node: "roof"})
	wantCode(t, err, headwater.ErrNotFound)

	copied := must(engine.CreatePoints(ctx, headwater.PointsConfig{Name: "copy"}))(t)
	out := file + ".out"
	if count := must(store.ExportJSONL(ctx, out, headwater.ExportOptions{Filter: "roof.*"}))(t); count != 2 {
		t.Fatalf("%d exported", count)
	}
	if lines := must(os.ReadFile(out))(t); len(lines) == 0 {
		t.Fatal("nothing was written")
	}
	if count := must(copied.ExportCSV(ctx, out, headwater.ExportOptions{}))(t); count != 0 {
		t.Fatalf("%d exported of an empty store", count)
	}
}

func TestLiveQuery(t *testing.T) {
	ctx := within(t)
	store := must(headwatertest.Engine(t).CreatePoints(ctx, headwater.PointsConfig{Name: "weather"}))(t)
	write := func(value int64) error {
		_, err := store.Write(ctx, headwater.Point{
			Node: "roof", Kind: "wind", Time: time.Unix(value, 0), Value: headwater.Int(value),
		})
		return err
	}
	for value := range int64(3) {
		if err := write(value); err != nil {
			t.Fatal(err)
		}
	}
	live := must(store.Watch(ctx, "roof.*"))(t)
	go func() {
		for value := range int64(10) {
			if err := write(3 + value); err != nil {
				t.Error(err)
			}
		}
	}()
	want := int64(2)
	for point, err := range live.Points(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if value, ok := point.Value.Int(); !ok || value != want {
			t.Fatalf("%v came where %d was expected", point.Value, want)
		}
		if want++; want == 13 {
			break
		}
	}
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnImportStopsWithItsContextAndGoesOn(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	store := must(engine.CreatePoints(ctx, headwater.PointsConfig{Name: "weather", Durability: headwater.OS}))(t)
	const lines = 300_000
	text := []byte("time,temperature\n")
	for i := range lines {
		text = fmt.Appendf(text, "%d,1\n", i)
	}
	path := filepath.Join(t.TempDir(), "weather.csv")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	options := headwater.ImportOptions{Time: "time", Node: "roof"}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := store.ImportCSV(short, path, options)
	wantCode(t, err, headwater.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	// It has stopped: what is there now is what the next run passes over.
	count := func() uint64 {
		return must(must(engine.Stream(ctx, "PT_weather"))(t).Info(ctx))(t).LastSeq
	}
	before := count()
	time.Sleep(50 * time.Millisecond)
	if after := count(); after != before {
		t.Fatalf("%d records became %d behind the call", before, after)
	}
	report := must(store.ImportCSV(ctx, path, options))(t)
	if report.Points+report.Resumed != lines || report.Resumed == lines {
		t.Fatalf("%+v", report)
	}
}

func TestACopyStopsWithItsContextAndLeavesNothing(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	engine := headwatertest.DurableEngine(t)
	s := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "s", Durability: headwater.OS}))(t)
	for range 20 {
		must(s.Append(ctx, "s", make([]byte, 4<<20)))(t)
	}
	saved, restored := filepath.Join(dir, "saved"), filepath.Join(dir, "restored")
	ended := func() context.Context {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		t.Cleanup(cancel)
		return short
	}
	gone := func(path string, err error) {
		t.Helper()
		wantCode(t, err, headwater.ErrTimeout)
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is there: %v", path, err)
		}
	}
	_, err := engine.Backup(ended(), saved, nil)
	gone(saved, err)
	must(engine.Backup(ctx, saved, nil))(t)
	_, err = headwater.Restore(ended(), saved, restored, nil)
	gone(restored, err)
	_, err = headwater.Verify(ended(), saved, nil)
	wantCode(t, err, headwater.ErrTimeout)
}

package headwater_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestObjects(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	files := must(engine.CreateObjectStore(ctx, headwater.ObjectConfig{Bucket: "files", Description: "d"}))(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	watcher := must(files.Watch(ctx, headwater.ObjectWatchOptions{}))(t)
	defer watcher.Close()
	// In pieces that fit nothing.
	from := iotest.OneByteReader(bytes.NewReader(data[:5000]))
	info := must(files.Put(ctx, "a", io.MultiReader(from, bytes.NewReader(data[5000:])), headwater.ObjectOptions{
		Headers: []headwater.Header{{Name: "h", Value: "1"}}, Metadata: map[string]string{"k": "v"},
	}))(t)
	if info.Size != uint64(len(data)) || info.Chunks != 25 || info.Metadata["k"] != "v" || info.Modified.IsZero() {
		t.Fatalf("%+v", info)
	}
	r := must(files.Get(ctx, "a"))(t)
	if err := iotest.TestReader(r, data); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if r.Info().Digest != info.Digest {
		t.Fatal(r.Info())
	}
	if seen := must(watcher.Next(ctx, 1))(t); seen[0].Name != "a" {
		t.Fatalf("%+v", seen)
	}
	path := filepath.Join(t.TempDir(), "file")
	must(files.GetFile(ctx, "a", path, nil))(t)
	if got := must(os.ReadFile(path))(t); !bytes.Equal(got, data) {
		t.Fatalf("%d bytes", len(got))
	}
	var told uint64
	must(files.PutFile(ctx, "b", path, headwater.ObjectOptions{}, func(done, _ uint64) { told = done }))(t)
	if got := must(files.GetBytes(ctx, "b"))(t); !bytes.Equal(got, data) || told != uint64(len(data)) {
		t.Fatalf("%d bytes, told %d", len(got), told)
	}
	status := must(files.Status(ctx))(t)
	if status.Config.Description != "d" || status.Bytes == 0 || must(files.Stream(ctx))(t).Name() != "OBJ_files" {
		t.Fatalf("%+v", status)
	}
}

func TestAPutThatBreaksOffLeavesTheObjectBeforeIt(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	files := must(engine.CreateObjectStore(ctx, headwater.ObjectConfig{Bucket: "files"}))(t)
	must(files.PutBytes(ctx, "a", []byte("old"), headwater.ObjectOptions{}))(t)
	planted := errors.New("planted")
	from := io.MultiReader(bytes.NewReader(make([]byte, 3_000_000)), iotest.ErrReader(planted))
	if _, err := files.Put(ctx, "a", from, headwater.ObjectOptions{}); !errors.Is(err, planted) {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	w := must(files.Writer(cancelled, "a", headwater.ObjectOptions{}))(t)
	must(w.Write(make([]byte, 1_000_000)))(t)
	cancel()
	_, err := w.Finish()
	wantCode(t, err, headwater.ErrTimeout)
	w.Close()
	_, err = w.Write(nil)
	if err == nil {
		t.Fatal("a put that was given up takes no more")
	}
	if got := string(must(files.GetBytes(ctx, "a"))(t)); got != "old" {
		t.Fatal(got)
	}
	if records := must(must(files.Stream(ctx))(t).Info(ctx))(t).Records; records != 2 {
		t.Fatalf("%d records", records)
	}
	if err := files.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, files.Delete(ctx, "a"), headwater.ErrNotFound)
	_, err = files.Get(ctx, "a")
	wantCode(t, err, headwater.ErrNotFound)
}

package headwater_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

func TestAFileSaysWhichDirectoryAndWhichStreams(t *testing.T) {
	ctx := within(t)
	path := filepath.Join(t.TempDir(), "headwater.toml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HEADWATER_TEST_STREAM", "orders")
	write("dir = \"data\"\n[[stream]]\nname = \"${HEADWATER_TEST_STREAM}\"\nmax_age = \"1h\"\n")
	engine := must(headwater.OpenConfig(ctx, path))(t)
	info := must(must(engine.Stream(ctx, "orders"))(t).Info(ctx))(t)
	if info.Config.MaxAge != time.Hour {
		t.Fatalf("%+v", info.Config)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	write("[[stream]]\nname = \"orders\"\nmax_agee = \"1h\"\n")
	_, err := headwater.OpenConfig(ctx, path)
	wantCode(t, err, headwater.ErrInvalid)
	if !strings.Contains(err.Error(), "headwater.toml: line 3, column 1") {
		t.Fatal(err)
	}
	_, err = headwater.OpenConfig(ctx, filepath.Join(t.TempDir(), "nowhere.toml"))
	wantCode(t, err, headwater.ErrNotFound)
}

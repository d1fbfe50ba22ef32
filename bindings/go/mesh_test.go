package headwater_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// certificates makes a CA and certificates of two nodes, a and b, in a directory of the test.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{{"ca"}, {"node", "--ca", dir, "--name", "a"}, {"node", "--ca", dir, "--name", "b"}} {
		words := append([]string{"certs"}, append(args, "--out", dir)...)
		if out, err := exec.Command(command, words...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s: run `cargo build -p headwater-cli`", err, out)
		}
	}
	return dir
}

func meshConfig(certs, name string, seeds ...string) headwater.MeshConfig {
	return headwater.MeshConfig{
		Name:  name,
		Bind:  "127.0.0.1:0",
		Seeds: seeds,
		CA:    filepath.Join(certs, "ca.pem"),
		Cert:  filepath.Join(certs, name+".pem"),
		Key:   filepath.Join(certs, name+".key"),
	}
}

// until waits for what comes about by itself.
func until(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(waitMax); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come to be in %s", what, waitMax)
		}
	}
}

func TestWhatIsWrittenAtOneNodeIsReadAtTheOther(t *testing.T) {
	ctx := within(t)
	certs := certificates(t)
	a, b := headwatertest.Engine(t), headwatertest.Engine(t)
	if status := must(a.Mesh(ctx))(t); status != nil {
		t.Fatalf("%+v", status)
	}
	ok(t, a.JoinMesh(ctx, meshConfig(certs, "a")))
	wantCode(t, a.JoinMesh(ctx, meshConfig(certs, "a")), headwater.ErrConflict)
	own := must(a.Mesh(ctx))(t).Own
	if own.Name != "a" || own.Engine != a.ID() || own.State != headwater.MemberAlive || own.Since.IsZero() {
		t.Fatalf("%+v", own)
	}
	ok(t, b.JoinMesh(ctx, meshConfig(certs, "b", own.Address)))
	state := func(wanted headwater.MemberState) func() bool {
		return func() bool {
			members := must(b.Mesh(ctx))(t).Members
			return len(members) == 1 && members[0].Engine == a.ID() && members[0].State == wanted
		}
	}
	until(t, "a mesh of two", state(headwater.MemberAlive))

	here := must(a.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app"}))(t)
	there := must(b.CreateCRDT(ctx, headwater.CRDTConfig{Name: "app"}))(t)
	must(here.Counter("likes").Incr(ctx, 5))(t)
	until(t, "the counter", func() bool { return must(there.Counter("likes").Value(ctx))(t) == 5 })
	until(t, "a store that both have", func() bool {
		stores := must(b.Mesh(ctx))(t).Members[0].Stores
		return len(stores) == 1 && stores[0].Store == "app" && stores[0].Behind == 0
	})

	ok(t, a.LeaveMesh(ctx))
	ok(t, a.LeaveMesh(ctx))
	until(t, "a good-bye", state(headwater.MemberLeft))
	if status := must(a.Mesh(ctx))(t); status != nil {
		t.Fatalf("%+v", status)
	}
}

func TestAMeshThatCannotBeIsRefused(t *testing.T) {
	ctx := within(t)
	certs := certificates(t)
	engine := headwatertest.Engine(t)
	config := meshConfig(certs, "a")
	config.Bind = "nowhere"
	wantCode(t, engine.JoinMesh(ctx, config), headwater.ErrInvalid)
	wantCode(t, engine.JoinMesh(ctx, meshConfig(certs, "c")), headwater.ErrNotFound)
	config = meshConfig(certs, "a")
	config.Preset = 9
	wantCode(t, engine.JoinMesh(ctx, config), headwater.ErrInvalid)
	config.Preset = headwater.MeshSeed
	if config.Preset.String() != "seed" {
		t.Fatal(config.Preset)
	}
}

func TestAFileMayHaveAMesh(t *testing.T) {
	ctx := within(t)
	certs := certificates(t)
	path := filepath.Join(certs, "headwater.toml")
	text := "dir = \"data\"\n[mesh]\nname = \"a\"\nbind = \"127.0.0.1:0\"\n" +
		"ca = \"ca.pem\"\ncert = \"a.pem\"\nkey = \"a.key\"\n"
	ok(t, os.WriteFile(path, []byte(text), 0o600))
	engine := must(headwater.OpenConfig(ctx, path))(t)
	status := must(engine.Mesh(ctx))(t)
	if status == nil || status.Own.Name != "a" || len(status.Members) != 0 {
		t.Fatalf("%+v", status)
	}
	ok(t, engine.Close())
}

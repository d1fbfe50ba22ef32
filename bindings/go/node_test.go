package headwater_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/headwater/headwater/bindings/go"
)

const command = "../../target/debug/headwater"

// throughNode is an engine through a node, headwater serve on a directory of the test; both end with it.
func throughNode(t *testing.T) *headwater.Engine {
	t.Helper()
	if _, err := os.Stat(command); err != nil {
		t.Fatalf("%v: run `cargo build -p headwater-cli`", err)
	}
	dir := t.TempDir()
	node := exec.Command(command, "serve", "--dir", dir)
	output := must(node.StdoutPipe())(t)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = node.Process.Signal(syscall.SIGTERM)
		if err := node.Wait(); err != nil {
			t.Errorf("the end of the node: %v", err)
		}
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "serving ") {
		t.Fatalf("%q: %v", line, err)
	}
	engine := must(headwater.Open(context.Background(), dir, headwater.Node(headwater.NodeOnly)))(t)
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

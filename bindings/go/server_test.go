package headwater_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

const natsServer = "../../.tools/nats/2.15.1/nats-server"

// server is a real nats-server on a free port of 127.0.0.1. It ends with its test, by its process id.
type server struct {
	t       testing.TB
	dir     string
	port    string
	url     string
	options []string
	command *exec.Cmd
}

func startServer(t testing.TB, options ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), port: "-1", options: options}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start starts it at the port that it had.
func (s *server) start() {
	s.t.Helper()
	if _, err := os.Stat(natsServer); err != nil {
		s.t.Fatalf("%v: run `cargo xtask tools`", err)
	}
	store := filepath.Join(s.dir, "store")
	fixed := []string{"-js", "-a", "127.0.0.1", "-p", s.port, "--ports_file_dir", s.dir, "-sd", store}
	s.command = exec.Command(natsServer, append(fixed, s.options...)...)
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	ports := filepath.Join(s.dir, fmt.Sprintf("nats-server_%d.ports", s.command.Process.Pid))
	for end := time.Now().Add(waitMax); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ports)
		for _, part := range strings.Split(string(text), `"`) {
			if strings.HasPrefix(part, "nats://") && strings.Contains(string(text), "]") {
				s.url, s.port = part, part[strings.LastIndex(part, ":")+1:]
				return
			}
		}
		if time.Now().After(end) {
			s.t.Fatalf("the server did not come up: %v", err)
		}
	}
}

func (s *server) stop() {
	_ = s.command.Process.Kill()
	var exit *exec.ExitError
	if err := s.command.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Logf("the end of the server: %v", err)
	}
}

// connect is an engine on the server, closed with the test.
func (s *server) connect() *headwater.Engine {
	s.t.Helper()
	options := headwater.HubOptions{URLs: []string{s.url}, ReconnectDelayMax: 100 * time.Millisecond}
	hub := must(headwater.Connect(within(s.t), options))(s.t)
	s.t.Cleanup(func() { _ = hub.Close() })
	return hub
}

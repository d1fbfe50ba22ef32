// Package headwatertest gives tests an engine in one call.
package headwatertest

import (
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

// Engine is an engine in memory that is closed when the test ends.
func Engine(t testing.TB) *headwater.Engine {
	t.Helper()
	engine, err := headwater.Memory(t.Context())
	return closing(t, engine, err)
}

// EngineAt is an engine in memory whose time stands at now and moves with Advance only; it is closed when the test
// ends.
func EngineAt(t testing.TB, now time.Time) *headwater.Engine {
	t.Helper()
	engine, err := headwater.MemoryAt(t.Context(), now)
	return closing(t, engine, err)
}

// DurableEngine is an engine in a temporary directory that is removed when the test ends.
func DurableEngine(t testing.TB) *headwater.Engine {
	t.Helper()
	engine, err := headwater.Open(t.Context(), t.TempDir())
	return closing(t, engine, err)
}

// Stream is a stream that takes every subject of the form "name.>", in an engine in memory.
func Stream(t testing.TB, name string) *headwater.Stream {
	t.Helper()
	config := headwater.StreamConfig{Name: name, Subjects: []string{name + ".>"}}
	stream, err := Engine(t).CreateStream(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func closing(t testing.TB, engine *headwater.Engine, err error) *headwater.Engine {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

package headwater_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// waitMax bounds every wait of a test, so that a lost wake-up fails it instead of hanging it.
const waitMax = 20 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	t.Cleanup(cancel)
	return ctx
}

// must is the value of a call that must not fail.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func wantCode(t testing.TB, err error, code headwater.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("%v was wanted, not %v", code, err)
	}
	var failure *headwater.Error
	if !errors.As(err, &failure) || failure.Code != code || failure.Message == "" {
		t.Fatalf("not a *headwater.Error of that code with a message: %#v", err)
	}
}

func orders(t testing.TB, config headwater.StreamConfig) *headwater.Stream {
	t.Helper()
	config.Name, config.Subjects = "orders", []string{"orders.>"}
	return must(headwatertest.Engine(t).CreateStream(within(t), config))(t)
}

package headwater_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

// presence is a store of an engine of its own.
func presence(t *testing.T, config headwater.PresenceConfig) *headwater.Presence {
	t.Helper()
	return must(headwatertest.Engine(t).Presence(within(t), config))(t)
}

func presenceStatus(t *testing.T, p *headwater.Presence, user string) headwater.PresenceName {
	t.Helper()
	return must(p.Get(within(t), "office", user))(t).Status
}

func TestAHeldSessionIsThereUntilItIsLeft(t *testing.T) {
	ctx := within(t)
	p := presence(t, headwater.PresenceConfig{})
	busy := headwater.SessionSet{Status: headwater.StatusBusy, Message: "in a call", Metadata: `{"room": 7}`}
	held := must(p.Hold(ctx, "office", "ada", busy))(t)
	user := must(p.Get(ctx, "office", "ada"))(t)
	if user.Status != headwater.StatusBusy || user.Message != "in a call" || user.User != "ada" || user.Space != "office" {
		t.Fatalf("%+v", user)
	}
	session := user.Sessions[0]
	var meta map[string]int
	ok(t, json.Unmarshal(session.Metadata, &meta))
	if session.ID != "default" || !session.Held || session.TTL != 0 || meta["room"] != 7 || session.Since.IsZero() {
		t.Fatalf("%+v", session)
	}
	if held.Space() != "office" || held.User() != "ada" || p.Name() != "presence" {
		t.Fatal(held.Space(), held.User(), p.Name())
	}
	away := must(held.Update(ctx, headwater.SessionSet{Status: headwater.StatusAway, Device: "phone"}))(t)
	if away.Status != headwater.StatusAway || away.Message != "" || away.Sessions[0].Device != "phone" {
		t.Fatalf("%+v", away)
	}
	ok(t, held.Active(ctx))
	ok(t, held.Leave(ctx))
	ok(t, held.Leave(ctx))
	if status := presenceStatus(t, p, "ada"); status != headwater.StatusOffline {
		t.Fatal(status)
	}
	wantCode(t, held.Active(ctx), headwater.ErrNotFound)
	_, err := held.Update(ctx, busy)
	wantCode(t, err, headwater.ErrNotFound)

	next := must(p.Hold(ctx, "office", "ada", headwater.SessionSet{}))(t)
	ok(t, held.Close())
	wantCode(t, held.Leave(ctx), headwater.ErrClosed)
	if status := presenceStatus(t, p, "ada"); status != headwater.StatusOnline {
		t.Fatal(status)
	}
	ok(t, next.Close())
	if status := presenceStatus(t, p, "ada"); status != headwater.StatusOffline {
		t.Fatal(status)
	}
}

func TestALeaseLivesToItsDeadlineAndAGrace(t *testing.T) {
	ctx := within(t)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	engine := headwatertest.EngineAt(t, begin)
	p := must(engine.Presence(ctx, headwater.PresenceConfig{Grace: 5 * time.Second, Idle: headwater.Never}))(t)
	set := headwater.SessionSet{Session: "tab", TTL: 30 * time.Second}
	user := must(p.Set(ctx, "office", "ada", set))(t)
	if s := user.Sessions[0]; s.TTL != 30*time.Second || !s.Since.Equal(begin) || s.Held {
		t.Fatalf("%+v", s)
	}
	ok(t, engine.Advance(ctx, 10*time.Second))
	lease := must(p.Heartbeat(ctx, "office", "ada", "tab", false))(t)
	if !lease.Expires.Equal(begin.Add(40*time.Second)) || lease.TTL != 30*time.Second {
		t.Fatalf("%+v", lease)
	}
	for range 3 {
		ok(t, engine.Advance(ctx, 10*time.Second))
	}
	ok(t, engine.Advance(ctx, 4900*time.Millisecond))
	if status := presenceStatus(t, p, "ada"); status != headwater.StatusOnline {
		t.Fatal(status)
	}
	ok(t, engine.Advance(ctx, 200*time.Millisecond))
	if status := presenceStatus(t, p, "ada"); status != headwater.StatusOffline {
		t.Fatal(status)
	}
	_, err := p.Heartbeat(ctx, "office", "ada", "tab", true)
	wantCode(t, err, headwater.ErrNotFound)
	wantCode(t, headwatertest.Engine(t).Advance(ctx, time.Second), headwater.ErrUnsupported)
}

func TestWhoIsThereIsTold(t *testing.T) {
	ctx := within(t)
	p := presence(t, headwater.PresenceConfig{Name: "site", Node: "n1"})
	must(p.Set(ctx, "office", "ada", headwater.SessionSet{Session: "tab", Status: headwater.StatusBusy}))(t)
	must(p.Set(ctx, "office", "bob", headwater.SessionSet{}))(t)
	wanted := headwater.PresenceCounts{Users: 2, Sessions: 2, Online: 1, Busy: 1}
	if counts := must(p.Counts(ctx, "office"))(t); counts != wanted {
		t.Fatalf("%+v", counts)
	}
	if user := must(p.Choose(ctx, "office", "bob", headwater.StatusAway, time.Minute))(t); !user.Chosen {
		t.Fatalf("%+v", user)
	}
	if user := must(p.Choose(ctx, "office", "bob", "", 0))(t); user.Status != headwater.StatusOnline {
		t.Fatalf("%+v", user)
	}
	if user := must(p.Hide(ctx, "office", "ada", true))(t); !user.Invisible {
		t.Fatalf("%+v", user)
	}
	if reading := must(p.List(ctx, "office"))(t); len(reading.Users) != 1 || reading.Users[0].User != "bob" {
		t.Fatalf("%+v", reading)
	}
	must(p.Hide(ctx, "office", "ada", false))(t)
	many := must(p.GetMany(ctx, "office", "nobody", "ada"))(t)
	if many.Users[0].Status != headwater.StatusOffline || !many.Users[0].LastSeen.IsZero() || many.Stale ||
		many.Users[1].Status != headwater.StatusBusy || many.AsOf.IsZero() {
		t.Fatalf("%+v", many)
	}
	if spaces := must(p.Spaces(ctx))(t); spaces["office"].Users != 2 {
		t.Fatalf("%+v", spaces)
	}
	status := must(p.Status(ctx))(t)
	if status.Name != "site" || status.Node != "n1" || status.Answered != 2 || status.Nodes[0].State != "up" {
		t.Fatalf("%+v", status)
	}
	if user := must(p.Leave(ctx, "office", "bob", "default"))(t); user.Status != headwater.StatusOffline {
		t.Fatalf("%+v", user)
	}
	if ended := must(p.Purge(ctx, headwater.PresencePurge{Node: "n1"}))(t); ended != 1 {
		t.Fatal(ended)
	}
	_, err := p.Purge(ctx, headwater.PresencePurge{Node: "none"})
	wantCode(t, err, headwater.ErrNotFound)
	ok(t, p.End(ctx))
	_, err = p.Get(ctx, "office", "ada")
	wantCode(t, err, headwater.ErrClosed)
	ok(t, p.Close())
	ok(t, p.Close())
}

func TestWhatCannotBePresentIsRefused(t *testing.T) {
	ctx := within(t)
	engine := headwatertest.Engine(t)
	p := must(engine.Presence(ctx, headwater.PresenceConfig{}))(t)
	fsync := headwater.Fsync
	_, err := engine.Presence(ctx, headwater.PresenceConfig{Durability: &fsync})
	wantCode(t, err, headwater.ErrConflict)
	_, err = engine.Presence(ctx, headwater.PresenceConfig{TTL: -2})
	wantCode(t, err, headwater.ErrInvalid)
	for _, set := range []headwater.SessionSet{
		{Status: "gone"}, {Status: headwater.StatusUnknown}, {Metadata: "{"}, {TTL: 1}, {TTL: -1}, {Idle: -2},
	} {
		_, err := p.Set(ctx, "office", "ada", set)
		wantCode(t, err, headwater.ErrInvalid)
		if set.TTL == 0 {
			_, err = p.Hold(ctx, "office", "ada", set)
			wantCode(t, err, headwater.ErrInvalid)
		}
	}
	_, err = p.Watch(ctx, headwater.PresenceWatchOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	_, err = p.Choose(ctx, "office", "ada", headwater.StatusOffline, 0)
	wantCode(t, err, headwater.ErrInvalid)
	if names := must(engine.Presences(ctx))(t); !reflect.DeepEqual(names, []string{"presence"}) {
		t.Fatal(names)
	}
	var none *headwater.Presence
	_, err = none.Get(ctx, "office", "ada")
	if err == nil {
		t.Fatal("a store that nobody opened answers")
	}
}

func TestAPresenceWatcherIsToldAndGoesOnWhereItWas(t *testing.T) {
	ctx := within(t)
	p := presence(t, headwater.PresenceConfig{})
	must(p.Set(ctx, "office", "ada", headwater.SessionSet{}))(t)
	w := must(p.Watch(ctx, headwater.PresenceWatchOptions{Space: "office"}))(t)
	var after uint64
	steps := 0
	for event, err := range w.Events(ctx) {
		ok(t, err)
		switch steps++; steps {
		case 1:
			if event.Type != headwater.PresenceSnapshot || event.Users[0].User != "ada" {
				t.Fatalf("%+v", event)
			}
			must(p.Set(ctx, "office", "ada", headwater.SessionSet{Status: headwater.StatusBusy}))(t)
			continue
		case 2:
			if event.Type != headwater.PresenceUpdated || event.Was != headwater.StatusOnline ||
				event.User.Status != headwater.StatusBusy || event.Session != "default" {
				t.Fatalf("%+v", event)
			}
			after = event.Position
		}
		break
	}
	ok(t, w.Close())
	must(p.Set(ctx, "office", "bob", headwater.SessionSet{}))(t)
	must(p.Leave(ctx, "office", "ada", "default"))(t)
	options := headwater.PresenceWatchOptions{Space: "office", Users: []string{"ada"}, After: &after}
	w = must(p.Watch(ctx, options))(t)
	events := must(w.Next(ctx, 0))(t)
	if len(events) != 1 || events[0].Type != headwater.PresenceLeft {
		t.Fatalf("%+v", events)
	}
	if events := must(w.TryNext(ctx, 0))(t); len(events) != 0 {
		t.Fatalf("%+v", events)
	}
	ok(t, w.Close())
}

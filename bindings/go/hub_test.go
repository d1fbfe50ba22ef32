package headwater_test

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headwater/headwater/bindings/go"
	"github.com/headwater/headwater/bindings/go/headwatertest"
)

func TestHubHasStreamsConsumersAndBuckets(t *testing.T) {
	ctx := within(t)
	hub := startServer(t).connect()
	config := headwater.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}}
	orders := must(hub.CreateStream(ctx, config))(t)
	ack := must(orders.Append(ctx, "orders.1", []byte("first")))(t)
	if ack.Seq != 1 || ack.Durability.String() != "unknown" {
		t.Fatalf("%+v", ack)
	}
	record := must(orders.Get(ctx, 1))(t)
	if string(record.Payload) != "first" {
		t.Fatalf("%+v", record)
	}
	sub := must(orders.Subscribe(ctx, headwater.SubscribeOptions{}))(t)
	must(sub.Next(ctx, 1))(t)
	must(orders.Append(ctx, "orders.2", []byte("second")))(t)
	for record, err := range sub.Records(ctx) {
		if err != nil || string(record.Payload) != "second" {
			t.Fatalf("%+v, %v", record, err)
		}
		break
	}
	wantCode(t, orders.Sync(ctx), headwater.ErrUnsupported)

	worker := must(orders.CreateConsumer(ctx, headwater.ConsumerConfig{Name: "worker"}))(t)
	batch := must(worker.Next(ctx, 1))(t)
	again := must(orders.Consumer(ctx, "worker"))(t)
	if done := must(again.Ack(ctx, batch[0].Seq))(t); done != 1 {
		t.Fatal(done)
	}
	bucket := must(hub.CreateBucket(ctx, headwater.BucketConfig{Bucket: "settings"}))(t)
	must(bucket.Put(ctx, "colour", []byte("blue")))(t)
	entry := must(bucket.Get(ctx, "colour"))(t)
	if string(entry.Value) != "blue" {
		t.Fatalf("%+v", entry)
	}
}

func TestLinkCarriesBothWays(t *testing.T) {
	ctx := within(t)
	hub := startServer(t).connect()
	edge := must(headwater.Open(ctx, filepath.Join(t.TempDir(), "edge")))(t)
	defer edge.Close()
	near := must(edge.CreateStream(ctx, headwater.StreamConfig{Name: "readings", Subjects: []string{"readings.>"}}))(t)
	subjects := []string{"site.7.readings.>", "$HW.READINGS.>"}
	far := must(hub.CreateStream(ctx, headwater.StreamConfig{Name: "READINGS", Subjects: subjects}))(t)
	must(near.Append(ctx, "readings.a", []byte("from the edge")))(t)
	must(far.Append(ctx, "site.7.readings.b", []byte("from the hub")))(t)

	link := headwater.LinkConfig{
		Name: "up", Stream: "readings", Remote: "NOWHERE", Map: map[string]string{"readings": "site.7.readings"},
	}
	wantCode(t, edge.AddLink(ctx, link, hub), headwater.ErrNotFound)
	link.Remote = "READINGS"
	wantCode(t, edge.AddLink(ctx, link, nil), headwater.ErrInvalid)
	wantCode(t, hub.AddLink(ctx, link, edge), headwater.ErrUnsupported)
	wantCode(t, edge.AddLink(ctx, headwater.LinkConfig{Direction: 3}, hub), headwater.ErrInvalid)
	if err := edge.AddLink(ctx, link, hub); err != nil {
		t.Fatal(err)
	}
	wantCode(t, edge.AddLink(ctx, link, hub), headwater.ErrConflict)
	status := must(edge.Links(ctx))(t)
	for ; status[0].Pushed < 1 || status[0].Pulled < 1; status = must(edge.Links(ctx))(t) {
		time.Sleep(20 * time.Millisecond)
	}
	want := headwater.LinkStatus{
		Name: "up", Stream: "readings", Remote: "READINGS", State: headwater.LinkRunning, Pushed: 1, Pulled: 1,
	}
	got := status[0]
	got.LagPush, got.LagPull, got.Known = 0, 0, 0
	if len(status) != 1 || got != want {
		t.Fatalf("%+v", status)
	}
	if record := must(near.Last(ctx, "readings.b"))(t); string(record.Payload) != "from the hub" {
		t.Fatalf("%+v", record)
	}
	if record := must(far.Last(ctx, "site.7.readings.a"))(t); string(record.Payload) != "from the edge" {
		t.Fatalf("%+v", record)
	}
	if err := edge.RemoveLink(ctx, "up"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, edge.RemoveLink(ctx, "up"), headwater.ErrNotFound)
}

func TestHubIsToldWhatOnlyItHas(t *testing.T) {
	ctx := within(t)
	hub := startServer(t).connect()
	must(hub.CreateStream(ctx, headwater.StreamConfig{Name: "plain", Subjects: []string{"plain.>"}}))(t)
	no, start := false, time.Date(2020, 1, 1, 0, 0, 0, 1, time.UTC)
	source := headwater.StreamSource{
		Name: "plain", StartTime: start,
		Transforms: []headwater.SubjectTransform{{Source: "plain.*", Destination: "far.{{wildcard(1)}}"}},
	}
	told := headwater.HubConfig{
		Storage:          headwater.StorageMemory,
		Sources:          []headwater.StreamSource{source},
		SubjectTransform: &headwater.SubjectTransform{Source: "own.*", Destination: "kept.{{wildcard(1)}}"},
		AllowDirect:      &no,
	}
	gathered := must(hub.CreateStream(ctx, headwater.StreamConfig{
		Name: "gathered", Subjects: []string{"own.>"}, Description: "for people", Hub: &told,
	}))(t)
	config := must(gathered.Info(ctx))(t).Config
	kept := told
	kept.Replicas, kept.PlacementTags = 1, []string{}
	if config.Description != "for people" || !reflect.DeepEqual(config.Hub, &kept) {
		t.Fatalf("%+v", config.Hub)
	}
	config.MaxMsgs, config.Hub = 7, nil
	must(hub.UpdateStream(ctx, config))(t)
	config = must(gathered.Info(ctx))(t).Config
	if config.MaxMsgs != 7 || !reflect.DeepEqual(config.Hub, &kept) {
		t.Fatalf("%+v", config.Hub)
	}
	config.Hub.Sources, config.Hub.AllowDirect = []headwater.StreamSource{}, nil
	must(hub.UpdateStream(ctx, config))(t)
	after := must(gathered.Info(ctx))(t).Config.Hub
	if len(after.Sources) != 0 || !*after.AllowDirect || after.Storage != headwater.StorageMemory {
		t.Fatalf("%+v", after)
	}
	mirror := &headwater.HubConfig{Mirror: &headwater.StreamSource{Name: "plain"}}
	copied := must(hub.CreateStream(ctx, headwater.StreamConfig{Name: "copy", Hub: mirror}))(t)
	config = must(copied.Info(ctx))(t).Config
	if len(config.Subjects) != 0 || config.Hub.Mirror.Name != "plain" || !config.Hub.Mirror.StartTime.IsZero() {
		t.Fatalf("%+v", config)
	}
}

func TestHubRefusesByNameWhatItCannotBeTold(t *testing.T) {
	ctx := within(t)
	hub := startServer(t).connect()
	refused := func(on *headwater.Engine, settings headwater.HubConfig, code headwater.Code, words string) {
		t.Helper()
		_, err := on.CreateStream(ctx, headwater.StreamConfig{Name: "s", Hub: &settings})
		wantCode(t, err, code)
		if !strings.Contains(err.Error(), words) {
			t.Fatal(err)
		}
	}
	refused(hub, headwater.HubConfig{Storage: "paper"}, headwater.ErrInvalid, "hub.storage: unknown variant `paper`")
	refused(hub, headwater.HubConfig{Replicas: 6}, headwater.ErrInvalid, "replicas is 6, must be 1 to 5")
	early := &headwater.StreamSource{Name: "x", StartTime: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}
	refused(hub, headwater.HubConfig{Mirror: early}, headwater.ErrInvalid, "StartTime")
	engine := headwatertest.Engine(t)
	refused(engine, headwater.HubConfig{}, headwater.ErrUnsupported, "settings for a hub")
	local := must(engine.CreateStream(ctx, headwater.StreamConfig{Name: "s"}))(t)
	if config := must(local.Info(ctx))(t).Config; config.Hub != nil {
		t.Fatalf("%+v", config.Hub)
	}
}

func TestLinkMakesTheStreamOfTheHub(t *testing.T) {
	ctx := within(t)
	hub := startServer(t).connect()
	edge := headwatertest.Engine(t)
	near := must(edge.CreateStream(ctx, headwater.StreamConfig{Name: "made", Subjects: []string{"made.>"}}))(t)
	must(near.Append(ctx, "made.a", []byte("from the edge")))(t)
	create := &headwater.StreamConfig{MaxAge: -1}
	link := headwater.LinkConfig{Name: "up", Stream: "made", Remote: "MADE", Create: create}
	wantCode(t, edge.AddLink(ctx, link, hub), headwater.ErrInvalid)
	*create = headwater.StreamConfig{
		Description: "made", Hub: &headwater.HubConfig{Storage: headwater.StorageMemory},
	}
	if err := edge.AddLink(ctx, link, hub); err != nil {
		t.Fatal(err)
	}
	far := must(hub.Stream(ctx, "MADE"))(t)
	config := must(far.Info(ctx))(t).Config
	if strings.Join(config.Subjects, " ") != "made.> $HW.MADE.>" || config.Description != "made" ||
		config.Hub.Storage != headwater.StorageMemory {
		t.Fatalf("%+v", config)
	}
	for must(edge.Links(ctx))(t)[0].Pushed < 1 {
		time.Sleep(20 * time.Millisecond)
	}
	if record := must(far.Last(ctx, "made.a"))(t); string(record.Payload) != "from the edge" {
		t.Fatalf("%+v", record)
	}
}

func TestHubStateIsFollowedOverARestart(t *testing.T) {
	ctx := within(t)
	server := startServer(t)
	hub := server.connect()
	now := must(hub.HubState(ctx))(t)
	if now.Phase != headwater.HubConnected || now.ServerVersion != "2.15.1" || now.Reconnects != 0 || now.LagRecords != 0 {
		t.Fatalf("%+v", now)
	}
	var phases []string
	for state, err := range hub.WatchHubState(ctx) {
		if err != nil {
			wantCode(t, err, headwater.ErrClosed)
			break
		}
		phases = append(phases, state.Phase.String())
		switch {
		case len(phases) == 1:
			server.stop()
		case state.Phase == headwater.HubReconnecting && len(phases) == 2:
			server.start()
		case state.Phase == headwater.HubConnected:
			if state.Reconnects != 1 {
				t.Fatalf("%+v", state)
			}
			if err := hub.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if came := strings.Join(phases[:2], " "); came != "connected reconnecting" || ctx.Err() != nil {
		t.Fatal(phases)
	}
}

func TestWhoMayNotComeInIsToldSo(t *testing.T) {
	ctx := within(t)
	server := startServer(t, "--user", "u", "--pass", "right")
	options := headwater.HubOptions{URLs: []string{server.url}, User: "u", Password: "wrong"}
	_, err := headwater.Connect(ctx, options)
	wantCode(t, err, headwater.ErrIO)
	if !strings.Contains(err.Error(), "uthorization") {
		t.Fatal(err)
	}
	options.Password = "right"
	if err := must(headwater.Connect(ctx, options))(t).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHubOptionsThatCannotBeAreRefused(t *testing.T) {
	ctx := within(t)
	_, err := headwater.Connect(ctx, headwater.HubOptions{})
	wantCode(t, err, headwater.ErrInvalid)
	url := []string{"nats://127.0.0.1:1"}
	_, err = headwater.Connect(ctx, headwater.HubOptions{URLs: url, RequestTimeout: -1})
	wantCode(t, err, headwater.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = headwater.Connect(ended, headwater.HubOptions{URLs: url})
	wantCode(t, err, headwater.ErrTimeout)
	engine := headwatertest.Engine(t)
	_, err = engine.HubState(ctx)
	wantCode(t, err, headwater.ErrUnsupported)
	for _, err := range engine.WatchHubState(ctx) {
		wantCode(t, err, headwater.ErrUnsupported)
	}
}

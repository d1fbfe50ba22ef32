/* An engine on a hub, and a link between a directory and the hub, with a real server that goes away and comes back. */
#include "check.h"

#include "server.h"

enum { SECONDS_MAX = 30 };

static hw_status connect_to(const nats_server *server, const char *password, hw_engine **engine) {
    hw_str urls[1];
    urls[0] = str(server->url);
    hw_hub_options options;
    HW_INIT(&options);
    options.urls = urls;
    options.urls_len = 1;
    HW_SET(options.name, "a C test");
    options.reconnect_delay_max_ms = 100;
    if (password != NULL) {
        HW_SET(options.user, "u");
        options.password = str(password);
    }
    return hw_engine_connect(&options, SECONDS_MAX * 1000, engine, &error);
}

static void what_cannot_be_is_refused(const nats_server *server) {
    hw_engine *engine = NULL;
    hw_hub_options options;
    HW_INIT(&options);
    FAILS(HW_STATUS_INVALID, hw_engine_connect(NULL, 0, &engine, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_connect(&options, -1, &engine, &error));
    SAID("url");
    hw_str urls[1];
    urls[0] = str(server->url);
    options.urls = urls;
    options.urls_len = 1;
    FAILS(HW_STATUS_INVALID, hw_engine_connect(&options, -1, NULL, &error));
    HW_SET(options.user, "alone");
    FAILS(HW_STATUS_INVALID, hw_engine_connect(&options, -1, &engine, &error));
    SAID("password");
    CHECK(engine == NULL);

    hw_engine *memory = memory_engine();
    hw_hub_states *states = NULL;
    hw_hub_watcher *watcher = NULL;
    FAILS(HW_STATUS_UNSUPPORTED, hw_engine_hub_state(memory, &states, &error));
    FAILS(HW_STATUS_UNSUPPORTED, hw_engine_watch_hub(memory, &watcher, &error));
    CHECK(hw_hub_states_len(NULL) == 0 && hw_links_len(NULL) == 0);
    hw_hub_states_free(NULL);
    hw_hub_watcher_free(NULL);
    hw_links_free(NULL);
    hw_engine_free(memory);
}

static void a_wrong_password_is_said(const char *dir) {
    nats_server server;
    snprintf(server.dir, sizeof server.dir, "%s/locked", dir);
    snprintf(server.port, sizeof server.port, "-1");
    CHECK(server_start(&server, "right"));
    hw_engine *engine = NULL;
    FAILS(HW_STATUS_IO, connect_to(&server, "wrong", &engine));
    SAID("uthorization");
    OK(connect_to(&server, "right", &engine));
    hw_engine_free(engine);
    server_stop(&server);
}

static void streams_are_there(const hw_engine *hub) {
    hw_stream *orders = stream_of(hub, "orders");
    CHECK(append(orders, "orders.1", "first") == 1);
    hw_batch *batch = NULL;
    hw_record record;
    HW_INIT(&record);
    OK(hw_stream_get(orders, 1, &batch, &error));
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(bytes_are(record.payload, "first"));
    hw_batch_free(batch);

    hw_subscription *subscription = NULL;
    OK(hw_stream_subscribe(orders, NULL, &subscription, &error));
    OK(hw_subscription_next(subscription, 1, SECONDS_MAX * 1000, &batch, &error));
    CHECK(hw_batch_len(batch) == 1);
    hw_batch_free(batch);
    CHECK(append(orders, "orders.2", "second") == 2);
    OK(hw_subscription_next(subscription, 1, SECONDS_MAX * 1000, &batch, &error));
    CHECK(hw_batch_len(batch) == 1);
    hw_batch_free(batch);
    hw_subscription_free(subscription);

    hw_consumer_config config;
    HW_INIT(&config);
    HW_SET(config.name, "worker");
    hw_consumer *consumer = NULL;
    OK(hw_stream_create_consumer(orders, &config, &consumer, &error));
    OK(hw_consumer_next(consumer, 2, SECONDS_MAX * 1000, &batch, &error));
    CHECK(hw_batch_len(batch) >= 1);
    hw_batch_free(batch);
    hw_consumer_free(consumer);
    FAILS(HW_STATUS_UNSUPPORTED, hw_stream_sync(orders, &error));
    hw_stream_free(orders);

    hw_bucket_config keys;
    HW_INIT(&keys);
    HW_SET(keys.bucket, "settings");
    hw_bucket *bucket = NULL;
    uint64_t revision = 0;
    OK(hw_engine_create_bucket(hub, &keys, &bucket, &error));
    OK(hw_bucket_put(bucket, HW_LIT("colour"), HW_LIT("blue"), &revision, &error));
    CHECK(revision == 1);
    hw_entries *entries = NULL;
    hw_entry entry;
    HW_INIT(&entry);
    OK(hw_bucket_get(bucket, HW_LIT("colour"), &entries, &error));
    OK(hw_entries_get(entries, 0, &entry, &error));
    CHECK(bytes_are(entry.value, "blue"));
    hw_entries_free(entries);
    hw_bucket_free(bucket);
}

/* Waits for a state in this phase that came back so often. */
static void wait_for(const hw_hub_watcher *watcher, int32_t phase, uint64_t reconnects) {
    for (;;) {
        hw_hub_states *states = NULL;
        hw_hub_state state;
        HW_INIT(&state);
        OK(hw_hub_watcher_next(watcher, 0, SECONDS_MAX * 1000, &states, &error));
        CHECK(hw_hub_states_len(states) == 1);
        OK(hw_hub_states_get(states, 0, &state, &error));
        FAILS(HW_STATUS_INVALID, hw_hub_states_get(states, 1, &state, &error));
        bool there = state.phase == phase && state.reconnects >= reconnects;
        hw_hub_states_free(states);
        if (there) {
            return;
        }
    }
}

static void the_state_is_followed_over_a_restart(const hw_engine *hub, nats_server *server) {
    hw_hub_states *states = NULL;
    hw_hub_state state;
    HW_INIT(&state);
    OK(hw_engine_hub_state(hub, &states, &error));
    OK(hw_hub_states_get(states, 0, &state, &error));
    CHECK(state.phase == HW_HUB_PHASE_CONNECTED && text_is(state.server_version, "2.15.1") && state.reconnects == 0);
    CHECK(state.lag_records == 0 && state.last_error.len == 0);
    hw_hub_states_free(states);

    hw_hub_watcher *watcher = NULL;
    OK(hw_engine_watch_hub(hub, &watcher, &error));
    wait_for(watcher, HW_HUB_PHASE_CONNECTED, 0);
    FAILS(HW_STATUS_TIMEOUT, hw_hub_watcher_next(watcher, 0, 0, &states, &error));

    hw_waker *waker = NULL;
    uint64_t tokens[2];
    size_t len = 9;
    OK(hw_waker_new(&waker, &error));
    OK(hw_hub_watcher_wake(watcher, waker, 7, &error));
    OK(hw_waker_take(waker, tokens, 2, &len, &error));
    CHECK(len == 0);
    server_stop(server);
    for (int i = 0; i < SECONDS_MAX * 50 && len == 0; i++) {
        wait_ms(20);
        OK(hw_waker_take(waker, tokens, 2, &len, &error));
    }
    CHECK(len == 1 && tokens[0] == 7);
    hw_waker_free(waker);
    wait_for(watcher, HW_HUB_PHASE_RECONNECTING, 0);
    CHECK(server_start(server, NULL));
    wait_for(watcher, HW_HUB_PHASE_CONNECTED, 1);
    OK(hw_hub_watcher_cancel(watcher, &error));
    OK(hw_hub_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_hub_watcher_next(watcher, 0, -1, &states, &error));
    hw_hub_watcher_free(watcher);
}

static hw_link_status link_of(const hw_engine *edge, hw_links **links) {
    hw_link_status status;
    HW_INIT(&status);
    OK(hw_engine_links(edge, links, &error));
    CHECK(hw_links_len(*links) == 1);
    OK(hw_links_get(*links, 0, &status, &error));
    return status;
}

static void a_link_carries_both_ways(const hw_engine *hub, const char *dir) {
    char place[600];
    snprintf(place, sizeof place, "%s/edge", dir);
    hw_engine *edge = NULL;
    OK(hw_engine_open(place, strlen(place), NULL, &edge, &error));
    hw_stream *near = stream_of(edge, "readings");
    hw_str subjects[2];
    HW_SET(subjects[0], "site.7.readings.>");
    HW_SET(subjects[1], "$HW.READINGS.>");
    hw_stream_config config;
    HW_INIT(&config);
    HW_SET(config.name, "READINGS");
    config.subjects = subjects;
    config.subjects_len = 2;
    hw_stream *far = NULL;
    OK(hw_engine_create_stream(hub, &config, &far, &error));
    append(near, "readings.a", "from the edge");
    append(far, "site.7.readings.b", "from the hub");

    hw_subject_map maps[1];
    HW_SET(maps[0].local, "readings");
    HW_SET(maps[0].remote, "site.7.readings");
    hw_link_config link;
    HW_INIT(&link);
    HW_SET(link.name, "up");
    HW_SET(link.stream, "readings");
    HW_SET(link.remote, "NOWHERE");
    link.maps = maps;
    link.maps_len = 1;
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_add_link(edge, &link, hub, &error));
    HW_SET(link.remote, "READINGS");
    FAILS(HW_STATUS_UNSUPPORTED, hw_engine_add_link(hub, &link, edge, &error));
    link.direction = 3;
    FAILS(HW_STATUS_INVALID, hw_engine_add_link(edge, &link, hub, &error));
    SAID("hw_link_direction");
    link.direction = HW_LINK_DIRECTION_BOTH;
    FAILS(HW_STATUS_INVALID, hw_engine_add_link(edge, &link, NULL, &error));
    OK(hw_engine_add_link(edge, &link, hub, &error));
    FAILS(HW_STATUS_CONFLICT, hw_engine_add_link(edge, &link, hub, &error));

    hw_links *links = NULL;
    hw_link_status status = link_of(edge, &links);
    for (int i = 0; i < SECONDS_MAX * 50 && (status.pushed < 1 || status.pulled < 1); i++) {
        hw_links_free(links);
        wait_ms(20);
        status = link_of(edge, &links);
    }
    CHECK(status.pushed == 1 && status.pulled == 1 && status.direction == HW_LINK_DIRECTION_BOTH);
    CHECK(status.state == HW_LINK_STATE_RUNNING && status.last_error.len == 0);
    CHECK(text_is(status.name, "up") && text_is(status.stream, "readings") && text_is(status.remote, "READINGS"));
    hw_links_free(links);
    hw_batch *batch = NULL;
    OK(hw_stream_last(near, HW_LIT("readings.b"), &batch, &error));
    CHECK(hw_batch_len(batch) == 1);
    hw_batch_free(batch);
    OK(hw_stream_last(far, HW_LIT("site.7.readings.a"), &batch, &error));
    CHECK(hw_batch_len(batch) == 1);
    hw_batch_free(batch);

    OK(hw_engine_remove_link(edge, HW_LIT("up"), &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_remove_link(edge, HW_LIT("up"), &error));
    hw_stream_free(near);
    hw_stream_free(far);
    hw_engine_free(edge);
}

static void a_file_says_which_directory_and_which_streams(const nats_server *server, const char *dir) {
    char path[600], text[900];
    snprintf(path, sizeof path, "%s/headwater.toml", dir);
    snprintf(text, sizeof text,
             "dir = \"configured\"\n[[stream]]\nname = \"${HEADWATER_NATS_STREAM}\"\nsubjects = [\"jobs.>\"]\n"
             "[hub]\nurl = \"%s\"\n[[link]]\nstream = \"jobs\"\nhub_stream = \"JOBS\"\n",
             server->url);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(setenv("HEADWATER_NATS_STREAM", "jobs", 1) == 0);
    hw_engine *engine = NULL;
    OK(hw_engine_open_config(path, strlen(path), &engine, &error));
    hw_stream *jobs = NULL;
    OK(hw_engine_stream(engine, HW_LIT("jobs"), &jobs, &error));
    CHECK(append(jobs, "jobs.1", "first") == 1);
    hw_links *links = NULL;
    hw_link_status status = link_of(engine, &links);
    for (int i = 0; i < SECONDS_MAX * 50 && status.pushed < 1; i++) {
        hw_links_free(links);
        wait_ms(20);
        status = link_of(engine, &links);
    }
    CHECK(status.pushed == 1 && text_is(status.remote, "JOBS"));
    hw_links_free(links);
    hw_stream_free(jobs);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);

    engine = NULL;
    file = fopen(path, "w");
    CHECK(file != NULL && fputs("[[stream]]\nname = \"jobs\"\nmax_agee = \"1h\"\n", file) >= 0 && fclose(file) == 0);
    FAILS(HW_STATUS_INVALID, hw_engine_open_config(path, strlen(path), &engine, &error));
    SAID("headwater.toml: line 3, column 1");
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_open_config("nowhere.toml", 12, &engine, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_open_config(NULL, 0, &engine, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_open_config(path, strlen(path), NULL, &error));
    CHECK(engine == NULL);
}

int main(int argc, char **argv) {
    nats_server server;
    CHECK(argc == 2);
    snprintf(server.dir, sizeof server.dir, "%s/server", argv[1]);
    snprintf(server.port, sizeof server.port, "-1");
    CHECK(server_start(&server, NULL));
    what_cannot_be_is_refused(&server);
    a_wrong_password_is_said(argv[1]);
    hw_engine *hub = NULL;
    OK(connect_to(&server, NULL, &hub));
    streams_are_there(hub);
    a_link_carries_both_ways(hub, argv[1]);
    a_file_says_which_directory_and_which_streams(&server, argv[1]);
    the_state_is_followed_over_a_restart(hub, &server);
    OK(hw_engine_close(hub, &error));
    hw_engine_free(hub);
    server_stop(&server);
    return 0;
}

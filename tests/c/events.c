/* Event stores: saves and what they expect, loads of now and then, snapshots, lists, feeds; bad input. */
#include "check.h"

#define ACCOUNT(key) HW_LIT("account"), HW_LIT(key)

static hw_event_store *open_store(const hw_engine *engine) {
    hw_event_store *store = NULL;
    OK(hw_engine_create_event_store(engine, NULL, &store, &error));
    return store;
}

static hw_new_event new_event(const char *type, const char *data) {
    hw_new_event event;
    HW_INIT(&event);
    event.event_type = str(type);
    event.data.data = data;
    event.data.len = strlen(data);
    return event;
}

static hw_save_options expecting(hw_expected expected, uint64_t version, uint64_t seq) {
    hw_save_options options;
    HW_INIT(&options);
    options.expected = expected;
    options.expected_version = version;
    options.expected_seq = seq;
    return options;
}

static hw_event event_at(const hw_events *events, size_t index) {
    hw_event event;
    HW_INIT(&event);
    OK(hw_events_get(events, index, &event, &error));
    return event;
}

static void what_is_saved_is_loaded(const hw_engine *engine) {
    hw_event_store *store = open_store(engine);
    hw_str name;
    OK(hw_event_store_name(store, &name, &error));
    CHECK(text_is(name, "events"));
    hw_header metadata[1];
    HW_SET(metadata[0].name, "who");
    HW_SET(metadata[0].value, "ada");
    hw_new_event events[2];
    events[0] = new_event("Opened", "{}");
    events[1] = new_event("Deposited", "{\"amount\":5}");
    events[1].metadata = metadata;
    events[1].metadata_len = 1;
    events[1].schema = 3;
    events[1].time = -7;
    events[1].has_time = 1;
    hw_save_options options = expecting(HW_EXPECTED_NONE, 0, 0);
    HW_SET(options.command, "c-1");
    HW_SET(options.correlation, "request");
    HW_SET(options.causation, "click");
    hw_saved saved;
    HW_INIT(&saved);
    OK(hw_event_store_save(store, ACCOUNT("a.b c"), events, 2, &options, &saved, &error));
    CHECK(saved.version == 2 && saved.seq == 2 && saved.is_repeat == 0 && saved.durability == HW_DURABILITY_FSYNC);

    hw_events *loaded = NULL;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), NULL, &loaded, &error));
    uint64_t version = 0, seq = 0;
    OK(hw_events_position(loaded, &version, &seq, &error));
    CHECK(version == 2 && seq == 2 && hw_events_len(loaded) == 2);
    hw_event event = event_at(loaded, 1);
    CHECK(text_is(event.aggregate, "account") && text_is(event.key, "a.b c") && text_is(event.event_type, "Deposited"));
    CHECK(bytes_are(event.data, "{\"amount\":5}") && event.version == 2 && event.seq == 2 && event.schema == 3);
    CHECK(text_is(event.command, "c-1") && text_is(event.correlation, "request") && text_is(event.causation, "click"));
    CHECK(event.time == -7 && event.saved > 0 && event.metadata_len == 1);
    hw_str n, v;
    OK(hw_events_metadata(loaded, 1, 0, &n, &v, &error));
    CHECK(text_is(n, "who") && text_is(v, "ada"));
    FAILS(HW_STATUS_INVALID, hw_events_metadata(loaded, 1, 1, &n, &v, &error));
    FAILS(HW_STATUS_INVALID, hw_events_get(loaded, 2, &event, &error));
    SAID("past the end");
    event = event_at(loaded, 0);
    CHECK(event.schema == 1 && event.metadata_len == 0 && event.time == (int64_t)event.saved);
    /* The stream below has them, each in a subject of its aggregate. */
    hw_stream *stream = NULL;
    OK(hw_event_store_stream(store, &stream, &error));
    hw_batch *batch = NULL;
    OK(hw_stream_read(stream, NULL, &batch, &error));
    CHECK(hw_batch_len(batch) == 2);
    hw_batch_free(batch);
    hw_stream_free(stream);
    hw_snapshot snapshot;
    HW_INIT(&snapshot);
    FAILS(HW_STATUS_NOT_FOUND, hw_events_snapshot(loaded, &snapshot, &error));
    hw_events_free(loaded);

    /* What is expected is looked at; the same command is known again. */
    OK(hw_event_store_save(store, ACCOUNT("a.b c"), events, 2, &options, &saved, &error));
    CHECK(saved.version == 2 && saved.is_repeat != 0);
    HW_SET(options.command, "c-2");
    FAILS(HW_STATUS_CONFLICT, hw_event_store_save(store, ACCOUNT("a.b c"), events, 2, &options, NULL, &error));
    options = expecting(HW_EXPECTED_VERSION, 7, 0);
    FAILS(HW_STATUS_CONFLICT, hw_event_store_save(store, ACCOUNT("a.b c"), events, 1, &options, NULL, &error));
    options = expecting(HW_EXPECTED_EXISTS, 0, 0);
    FAILS(HW_STATUS_CONFLICT, hw_event_store_save(store, ACCOUNT("none"), events, 1, &options, NULL, &error));
    options = expecting(HW_EXPECTED_AT, 2, 2);
    OK(hw_event_store_save(store, ACCOUNT("a.b c"), events, 1, &options, &saved, &error));
    CHECK(saved.version == 3);
    OK(hw_event_store_save(store, ACCOUNT("any"), events, 1, NULL, NULL, &error));

    /* A decision over all accounts. */
    options = expecting(HW_EXPECTED_VERSION, 3, 0);
    options.has_condition = 1;
    HW_SET(options.condition_filter.aggregate, "account");
    options.condition_last_seq = 3;
    FAILS(HW_STATUS_CONFLICT, hw_event_store_save(store, ACCOUNT("a.b c"), events, 1, &options, NULL, &error));
    options.condition_last_seq = 4;
    OK(hw_event_store_save(store, ACCOUNT("a.b c"), events, 1, &options, &saved, &error));
    CHECK(saved.version == 4 && saved.seq == 5);
    uint64_t last = 0;
    OK(hw_event_store_last_seq(store, ACCOUNT("a.b c"), &last, &error));
    CHECK(last == 5);
    OK(hw_event_store_last_seq(store, ACCOUNT("none"), &last, &error));
    CHECK(last == 0);
    hw_event_store_free(store);
}

static void an_aggregate_is_seen_as_it_was(const hw_engine *engine) {
    hw_event_store *store = NULL;
    OK(hw_engine_event_store(engine, HW_LIT("events"), &store, &error));
    hw_load_options options;
    HW_INIT(&options);
    options.as_of = HW_AS_OF_VERSION;
    options.as_of_value = 1;
    hw_events *loaded = NULL;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    CHECK(hw_events_len(loaded) == 1);
    uint64_t saved = event_at(loaded, 0).saved;
    hw_events_free(loaded);
    options.as_of_value = 9;
    FAILS(HW_STATUS_NOT_FOUND, hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    options.as_of = HW_AS_OF_SEQ;
    options.as_of_value = 4;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    CHECK(hw_events_len(loaded) == 3);
    hw_events_free(loaded);
    options.as_of = HW_AS_OF_TIME;
    options.as_of_value = saved - 1;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    CHECK(hw_events_len(loaded) == 0);
    hw_events_free(loaded);
    HW_INIT(&options);
    options.behind_version = 2;
    options.behind_seq = 2;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    CHECK(hw_events_len(loaded) == 2 && event_at(loaded, 0).version == 3);
    hw_events_free(loaded);

    hw_new_snapshot snapshot;
    HW_INIT(&snapshot);
    snapshot.data.data = "state";
    snapshot.data.len = 5;
    snapshot.version = 3;
    snapshot.seq = 3;
    snapshot.schema = 2;
    bool is_kept = false;
    OK(hw_event_store_save_snapshot(store, ACCOUNT("a.b c"), &snapshot, &is_kept, &error));
    CHECK(is_kept);
    OK(hw_event_store_save_snapshot(store, ACCOUNT("a.b c"), &snapshot, &is_kept, &error));
    CHECK(!is_kept);
    HW_INIT(&options);
    options.snapshot_schema = 2;
    OK(hw_event_store_load(store, ACCOUNT("a.b c"), &options, &loaded, &error));
    hw_snapshot found;
    HW_INIT(&found);
    OK(hw_events_snapshot(loaded, &found, &error));
    CHECK(bytes_are(found.data, "state") && found.version == 3 && found.seq == 3 && found.schema == 2);
    CHECK(hw_events_len(loaded) == 1 && event_at(loaded, 0).version == 4);
    hw_events_free(loaded);
    OK(hw_event_store_snapshot(store, ACCOUNT("a.b c"), &loaded, &error));
    OK(hw_events_snapshot(loaded, &found, &error));
    CHECK(hw_events_len(loaded) == 0 && found.version == 3);
    hw_events_free(loaded);
    OK(hw_event_store_snapshot(store, ACCOUNT("any"), &loaded, &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_events_snapshot(loaded, &found, &error));
    hw_events_free(loaded);

    hw_aggregates *list = NULL;
    uint64_t next = 0;
    OK(hw_event_store_list(store, NULL, 0, 1, &list, &next, &error));
    hw_aggregate_info info;
    HW_INIT(&info);
    OK(hw_aggregates_get(list, 0, &info, &error));
    CHECK(hw_aggregates_len(list) == 1 && text_is(info.key, "any") && next == info.seq);
    hw_aggregates_free(list);
    hw_event_filter filter = {{NULL, 0}, {NULL, 0}};
    HW_SET(filter.aggregate, "account");
    OK(hw_event_store_list(store, &filter, next, 0, &list, &next, &error));
    OK(hw_aggregates_get(list, 0, &info, &error));
    CHECK(hw_aggregates_len(list) == 1 && text_is(info.key, "a.b c") && text_is(info.aggregate, "account"));
    CHECK(info.version == 4 && info.seq == 5 && text_is(info.event_type, "Opened") && info.saved >= saved && next == 0);
    FAILS(HW_STATUS_INVALID, hw_aggregates_get(list, 1, &info, &error));
    hw_aggregates_free(list);
    hw_event_store_free(store);
}

static void a_feed_gives_what_is_there_and_what_comes(const hw_engine *engine) {
    hw_event_store *store = open_store(engine);
    hw_event_filter filters[2] = {{{NULL, 0}, {NULL, 0}}, {{NULL, 0}, {NULL, 0}}};
    HW_SET(filters[0].key, "any");
    HW_SET(filters[1].aggregate, "order");
    hw_follow_options options;
    HW_INIT(&options);
    options.filters = filters;
    options.filters_len = 2;
    hw_event_feed *feed = NULL;
    OK(hw_event_store_follow(store, &options, &feed, &error));
    hw_events *events = NULL;
    OK(hw_event_feed_next(feed, 0, -1, &events, &error));
    CHECK(hw_events_len(events) == 1 && text_is(event_at(events, 0).key, "any"));
    hw_events_free(events);
    FAILS(HW_STATUS_TIMEOUT, hw_event_feed_next(feed, 0, 0, &events, &error));
    hw_waker *waker = NULL;
    OK(hw_waker_new(&waker, &error));
    OK(hw_event_feed_wake(feed, waker, 9, &error));
    hw_new_event event = new_event("Placed", "");
    OK(hw_event_store_save(store, HW_LIT("order"), HW_LIT("=/\xc3\xa4"), &event, 1, NULL, NULL, &error));
    uint64_t token = 0;
    size_t tokens = 0;
    OK(hw_waker_take(waker, &token, 1, &tokens, &error));
    CHECK(tokens == 1 && token == 9);
    OK(hw_event_feed_next(feed, 0, 5000, &events, &error));
    hw_event placed = event_at(events, 0);
    CHECK(text_is(placed.aggregate, "order") && text_is(placed.key, "=/\xc3\xa4") && placed.data.len == 0);
    hw_events_free(events);
    uint64_t lag = 1;
    OK(hw_event_feed_lag(feed, &lag, &error));
    CHECK(lag == 0);
    OK(hw_event_feed_cancel(feed, &error));
    OK(hw_event_feed_close(feed, &error));
    OK(hw_event_feed_close(feed, &error));
    FAILS(HW_STATUS_CLOSED, hw_event_feed_next(feed, 0, -1, &events, &error));
    hw_event_feed_free(feed);
    hw_waker_free(waker);

    /* A record that is no event is told of in its place, and harms no other. */
    hw_stream *stream = NULL;
    OK(hw_engine_stream(engine, HW_LIT("EVENTS_events"), &stream, &error));
    OK(hw_stream_append(stream, HW_LIT("$EVENTS.events.order.x"), NULL, 0, NULL, NULL, &error));
    OK(hw_event_store_save(store, HW_LIT("order"), HW_LIT("y"), &event, 1, NULL, NULL, &error));
    HW_INIT(&options);
    options.after = placed.seq;
    OK(hw_event_store_follow(store, &options, &feed, &error));
    OK(hw_event_feed_next(feed, 0, 5000, &events, &error));
    CHECK(hw_events_len(events) == 2 && text_is(event_at(events, 1).key, "y"));
    HW_INIT(&placed);
    FAILS(HW_STATUS_CORRUPT, hw_events_get(events, 0, &placed, &error));
    hw_events_free(events);
    hw_event_feed_free(feed);
    hw_stream_free(stream);
    hw_event_store_free(store);
}

static void bad_input_is_answered(const hw_engine *engine) {
    hw_event_store *store = NULL;
    hw_events_config config;
    HW_INIT(&config);
    HW_SET(config.name, "a.b");
    FAILS(HW_STATUS_INVALID, hw_engine_create_event_store(engine, &config, &store, &error));
    SAID("a.b");
    HW_SET(config.name, "other");
    config.max_bytes = 1000;
    OK(hw_engine_create_event_store(engine, &config, &store, &error));
    hw_event_store *again = NULL;
    config.max_bytes = 2000;
    FAILS(HW_STATUS_CONFLICT, hw_engine_create_event_store(engine, &config, &again, &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_event_store(engine, HW_LIT("none"), &again, &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_delete_event_store(engine, HW_LIT("none"), &error));
    hw_strings *names = NULL;
    OK(hw_engine_event_stores(engine, &names, &error));
    CHECK(hw_strings_len(names) == 2);
    hw_strings_free(names);

    hw_new_event event = new_event("", "");
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("a"), &event, 1, NULL, NULL, &error));
    event = new_event("Opened", "");
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("a"), &event, 0, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT(""), &event, 1, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("a\xff"), &event, 1, NULL, NULL, &error));
    SAID("key is not UTF-8");
    hw_save_options options = expecting((hw_expected)9, 0, 0);
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("a"), &event, 1, &options, NULL, &error));
    options = expecting(HW_EXPECTED_NONE, 1, 0);
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("a"), &event, 1, &options, NULL, &error));
    hw_load_options load;
    HW_INIT(&load);
    load.as_of_value = 1;
    hw_events *events = NULL;
    FAILS(HW_STATUS_INVALID, hw_event_store_load(store, ACCOUNT("a"), &load, &events, &error));
    FAILS(HW_STATUS_INVALID, hw_event_store_load(NULL, ACCOUNT("a"), NULL, &events, &error));
    SAID("event store is NULL");
    FAILS(HW_STATUS_INVALID, hw_event_store_load(store, ACCOUNT("a"), NULL, NULL, &error));
    hw_new_snapshot snapshot;
    HW_INIT(&snapshot);
    FAILS(HW_STATUS_INVALID, hw_event_store_save_snapshot(store, ACCOUNT("a"), &snapshot, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_event_store_save_snapshot(store, ACCOUNT("a"), NULL, NULL, &error));
    OK(hw_engine_delete_event_store(engine, HW_LIT("other"), &error));
    hw_event_store_free(store);
    hw_event_store_free(NULL);
    hw_events_free(NULL);
    hw_event_feed_free(NULL);
    hw_aggregates_free(NULL);
}

static void who_is_forgotten_has_no_data(const hw_engine *engine) {
    hw_event_store *store = open_store(engine);
    hw_new_event event = new_event("Named", "Ada");
    HW_SET(event.data_subject, "ada");
    hw_saved saved;
    HW_INIT(&saved);
    OK(hw_event_store_save(store, ACCOUNT("forgotten"), &event, 1, NULL, &saved, &error));
    hw_new_snapshot snapshot;
    HW_INIT(&snapshot);
    snapshot.version = saved.version;
    snapshot.seq = saved.seq;
    snapshot.data_subjects = &event.data_subject;
    snapshot.data_subjects_len = 1;
    bool kept = false;
    OK(hw_event_store_save_snapshot(store, ACCOUNT("forgotten"), &snapshot, &kept, &error));
    CHECK(kept);
    hw_events *found = NULL;
    OK(hw_event_store_snapshot(store, ACCOUNT("forgotten"), &found, &error));
    hw_snapshot read;
    HW_INIT(&read);
    OK(hw_events_snapshot(found, &read, &error));
    hw_str name;
    OK(hw_events_snapshot_data_subject(found, 0, &name, &error));
    CHECK(read.data_subjects_len == 1 && text_is(name, "ada"));
    FAILS(HW_STATUS_INVALID, hw_events_snapshot_data_subject(found, 1, &name, &error));
    hw_events_free(found);
    bool had_key = false;
    OK(hw_event_store_forget(store, HW_LIT("ada"), &had_key, &error));
    CHECK(had_key);
    OK(hw_event_store_forget(store, HW_LIT("ada"), &had_key, &error));
    CHECK(!had_key);
    OK(hw_event_store_forget(store, HW_LIT("ada"), NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_event_store_forget(store, NULL, 0, &had_key, &error));
    OK(hw_event_store_load(store, ACCOUNT("forgotten"), NULL, &found, &error));
    hw_event erased = event_at(found, 0);
    CHECK(erased.is_erased != 0 && erased.data.len == 0 && text_is(erased.data_subject, "ada"));
    CHECK(text_is(erased.event_type, "Named"));
    hw_events_free(found);
    hw_event_store_free(store);
}

static void a_save_says_more_of_all_its_events(const hw_engine *engine) {
    hw_event_store *store = open_store(engine);
    hw_header of_all[1], of_one[1];
    HW_SET(of_all[0].name, "tenant");
    HW_SET(of_all[0].value, "t-1");
    HW_SET(of_one[0].name, "who");
    HW_SET(of_one[0].value, "ada");
    hw_new_event events[2];
    events[0] = new_event("A", "1");
    events[0].metadata = of_one;
    events[0].metadata_len = 1;
    events[1] = new_event("B", "2");
    hw_save_options options = expecting(HW_EXPECTED_NONE, 0, 0);
    options.metadata = of_all;
    options.metadata_len = 1;
    OK(hw_event_store_save(store, ACCOUNT("metadata"), events, 2, &options, NULL, &error));
    hw_events *loaded = NULL;
    OK(hw_event_store_load(store, ACCOUNT("metadata"), NULL, &loaded, &error));
    hw_str name, value;
    CHECK(event_at(loaded, 0).metadata_len == 2 && event_at(loaded, 1).metadata_len == 1);
    OK(hw_events_metadata(loaded, 0, 1, &name, &value, &error));
    CHECK(text_is(name, "tenant") && text_is(value, "t-1"));
    OK(hw_events_metadata(loaded, 1, 0, &name, &value, &error));
    CHECK(text_is(name, "tenant") && text_is(value, "t-1"));
    hw_events_free(loaded);
    HW_SET(of_all[0].name, "Nats-Msg-Id");
    options.expected = HW_EXPECTED_ANY;
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("metadata"), events, 2, &options, NULL, &error));
    SAID("metadata may not be named");
    options.metadata = NULL;
    FAILS(HW_STATUS_INVALID, hw_event_store_save(store, ACCOUNT("metadata"), events, 2, &options, NULL, &error));
    hw_event_store_free(store);
}

int main(void) {
    hw_engine *engine = memory_engine();
    what_is_saved_is_loaded(engine);
    an_aggregate_is_seen_as_it_was(engine);
    a_feed_gives_what_is_there_and_what_comes(engine);
    bad_input_is_answered(engine);
    who_is_forgotten_has_no_data(engine);
    a_save_says_more_of_all_its_events(engine);
    hw_event_store *store = open_store(engine);
    OK(hw_engine_close(engine, &error));
    hw_events *events = NULL;
    FAILS(HW_STATUS_CLOSED, hw_event_store_load(store, ACCOUNT("a"), NULL, &events, &error));
    hw_event_store_free(store);
    hw_engine_free(engine);
    return 0;
}

/* Presence: sessions held and leased, time that a test moves, reads, watchers; bad input, closed handles. */
#include "check.h"

enum { SECOND_NS = 1000000000 };

/* 2026-01-01T00:00:00Z, in seconds. */
static const uint64_t BEGIN_S = 1767225600;

/* What a blob has, as text; it is freed. */
static const char *text_of(hw_blob *blob) {
    static char text[8192];
    hw_bytes bytes;
    OK(hw_blob_bytes(blob, &bytes, &error));
    CHECK(bytes.len < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.data);
    hw_blob_free(blob);
    return text;
}

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static hw_presence *open_store(const hw_engine *engine) {
    hw_presence *presence = NULL;
    OK(hw_engine_presence(engine, NULL, &presence, &error));
    return presence;
}

static const char *user_of(const hw_presence *presence, const char *user) {
    hw_blob *view = NULL;
    OK(hw_presence_get(presence, HW_LIT("office"), user, strlen(user), -1, &view, &error));
    return text_of(view);
}

static hw_session_set set_of(const char *session, const char *status) {
    hw_session_set set;
    HW_INIT(&set);
    set.session = str(session);
    set.status = str(status);
    return set;
}

static void advance(const hw_engine *engine, unsigned seconds) {
    while (seconds > 0) {
        unsigned step = seconds < 10 ? seconds : 10; /* The most that passes between two looks. */
        OK(hw_engine_advance(engine, (uint64_t)step * SECOND_NS, &error));
        seconds -= step;
    }
}

static void a_lease_lives_to_its_deadline(void) {
    hw_engine *engine = NULL;
    OK(hw_engine_memory_at(BEGIN_S * SECOND_NS, &engine, &error));
    hw_presence *presence = open_store(engine);
    hw_session_set set = set_of("tab", "busy");
    HW_SET(set.message, "in a call");
    HW_SET(set.device, "phone");
    HW_SET(set.metadata, "{\"room\": 7}");
    set.ttl_ns = (uint64_t)30 * SECOND_NS;
    hw_blob *view = NULL;
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("ada"), &set, -1, &view, &error));
    const char *told = text_of(view);
    CHECK(has(told, "\"user_id\":\"ada\"") && has(told, "\"status\":\"busy\"") && has(told, "\"room\":7"));
    CHECK(has(told, "\"since\":\"2026-01-01T00:00:00Z\"") && has(told, "\"ttl\":30.0"));

    advance(engine, 20);
    hw_presence_lease lease;
    HW_INIT(&lease);
    OK(hw_presence_heartbeat(presence, HW_LIT("office"), HW_LIT("ada"), HW_LIT("tab"), 1, -1, &lease, &error));
    CHECK(lease.expires_ms == (BEGIN_S + 50) * 1000 && lease.ttl_ms == 30000);
    OK(hw_presence_heartbeat(presence, HW_LIT("office"), HW_LIT("ada"), HW_LIT("tab"), 0, -1, NULL, &error));
    advance(engine, 44);
    CHECK(has(user_of(presence, "ada"), "\"status\":\"busy\""));
    advance(engine, 1);
    CHECK(has(user_of(presence, "ada"), "\"status\":\"offline\""));
    FAILS(HW_STATUS_NOT_FOUND,
          hw_presence_heartbeat(presence, HW_LIT("office"), HW_LIT("ada"), HW_LIT("tab"), 1, -1, NULL, &error));

    set = set_of("", "");
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("bob"), NULL, -1, NULL, &error));
    advance(engine, 80);
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("bob"), &set, -1, &view, &error));
    CHECK(has(text_of(view), "\"session\":\"default\""));
    set.idle_ns = HW_DURATION_NONE;
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("bob"), &set, -1, NULL, &error));
    OK(hw_presence_leave(presence, HW_LIT("office"), HW_LIT("bob"), HW_LIT("default"), -1, &view, &error));
    CHECK(has(text_of(view), "\"status\":\"offline\""));
    OK(hw_presence_leave(presence, HW_LIT("office"), HW_LIT("bob"), HW_LIT("default"), -1, NULL, &error));
    hw_presence_free(presence);
    hw_engine_free(engine);
}

static void a_held_session_goes_with_its_handle(const hw_engine *engine) {
    hw_presence *presence = open_store(engine);
    hw_held_session *held = NULL;
    hw_blob *view = NULL;
    OK(hw_presence_hold(presence, HW_LIT("office"), HW_LIT("ada"), NULL, &held, &error));
    CHECK(has(user_of(presence, "ada"), "\"held\":true"));
    hw_session_set set = set_of("another", "away");
    OK(hw_held_session_update(held, &set, -1, &view, &error));
    const char *told = text_of(view);
    CHECK(has(told, "\"status\":\"away\"") && has(told, "\"session\":\"default\""));
    OK(hw_held_session_active(held, &error));
    FAILS(HW_STATUS_INVALID, hw_held_session_update(held, NULL, -1, NULL, &error));
    SAID("set is NULL");
    OK(hw_held_session_leave(held, &error));
    OK(hw_held_session_leave(held, &error));
    CHECK(has(user_of(presence, "ada"), "\"status\":\"offline\""));
    FAILS(HW_STATUS_NOT_FOUND, hw_held_session_update(held, &set, -1, NULL, &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_held_session_active(held, &error));

    /* What was left does not take another one of its name along. */
    hw_held_session *next = NULL;
    OK(hw_presence_hold(presence, HW_LIT("office"), HW_LIT("ada"), NULL, &next, &error));
    hw_held_session_free(held);
    CHECK(has(user_of(presence, "ada"), "\"status\":\"online\""));
    hw_presence_free(presence);
    presence = open_store(engine);
    CHECK(has(user_of(presence, "ada"), "\"status\":\"online\""));
    hw_held_session_free(next);
    CHECK(has(user_of(presence, "ada"), "\"status\":\"offline\""));
    hw_held_session_free(NULL);
    hw_presence_free(presence);
}

static void who_is_there_is_told(const hw_engine *engine) {
    hw_presence *presence = open_store(engine);
    hw_session_set busy = set_of("tab", "busy");
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("ada"), &busy, -1, NULL, &error));
    OK(hw_presence_set(presence, HW_LIT("office"), HW_LIT("bob"), NULL, -1, NULL, &error));
    hw_space_counts counts;
    HW_INIT(&counts);
    OK(hw_presence_counts(presence, HW_LIT("office"), -1, &counts, &error));
    CHECK(counts.users == 2 && counts.sessions == 2 && counts.busy == 1 && counts.online == 1 && counts.away == 0);
    OK(hw_presence_choose(presence, HW_LIT("office"), HW_LIT("bob"), HW_LIT("away"), 0, -1, NULL, &error));
    CHECK(has(user_of(presence, "bob"), "\"chosen\":true"));
    OK(hw_presence_choose(presence, HW_LIT("office"), HW_LIT("bob"), NULL, 0, 0, -1, NULL, &error));
    CHECK(!has(user_of(presence, "bob"), "\"chosen\""));
    FAILS(HW_STATUS_INVALID,
          hw_presence_choose(presence, HW_LIT("office"), HW_LIT("bob"), HW_LIT("gone"), 0, -1, NULL, &error));
    SAID("'gone' is no status");
    hw_blob *blob = NULL;
    OK(hw_presence_hide(presence, HW_LIT("office"), HW_LIT("ada"), 1, -1, &blob, &error));
    CHECK(has(text_of(blob), "\"invisible\":true"));
    OK(hw_presence_list(presence, HW_LIT("office"), -1, &blob, &error));
    const char *told = text_of(blob);
    CHECK(has(told, "\"bob\"") && !has(told, "\"ada\"") && has(told, "\"stale\":false"));
    hw_str users[2];
    HW_SET(users[0], "nobody");
    HW_SET(users[1], "bob");
    OK(hw_presence_get_many(presence, HW_LIT("office"), users, 2, -1, &blob, &error));
    told = text_of(blob);
    CHECK(has(told, "\"nobody\"") && has(told, "\"bob\"") && strstr(told, "nobody") < strstr(told, "\"bob\""));
    OK(hw_presence_spaces(presence, -1, &blob, &error));
    CHECK(has(text_of(blob), "{\"office\":{\"away\":0,\"busy\":0,\"online\":1"));
    OK(hw_presence_status(presence, -1, &blob, &error));
    told = text_of(blob);
    CHECK(has(told, "\"name\":\"presence\"") && has(told, "\"answered\":2") && has(told, "\"state\":\"up\""));

    hw_purge purge;
    HW_INIT(&purge);
    HW_SET(purge.user, "bob");
    uint64_t ended = 0;
    OK(hw_presence_purge(presence, &purge, -1, &ended, &error));
    CHECK(ended == 1);
    HW_SET(purge.node, "none");
    FAILS(HW_STATUS_NOT_FOUND, hw_presence_purge(presence, &purge, -1, &ended, &error));
    OK(hw_presence_purge(presence, NULL, -1, NULL, &error));
    OK(hw_presence_counts(presence, HW_LIT("office"), -1, &counts, &error));
    CHECK(counts.users == 0);
    hw_str name;
    OK(hw_presence_name(presence, &name, &error));
    CHECK(text_is(name, "presence"));
    hw_presence_free(presence);
}

static void a_watcher_is_told_and_goes_on_where_it_was(const hw_engine *engine) {
    hw_presence *presence = open_store(engine);
    hw_presence_watch_options options;
    HW_INIT(&options);
    HW_SET(options.space, "lab");
    hw_presence_watcher *watcher = NULL;
    hw_blob *events = NULL;
    OK(hw_presence_watch(presence, &options, &watcher, &error));
    OK(hw_presence_watcher_next(watcher, 0, 0, &events, &error));
    CHECK(has(text_of(events), "\"type\":\"snapshot\""));
    FAILS(HW_STATUS_TIMEOUT, hw_presence_watcher_next(watcher, 0, 0, &events, &error));
    hw_waker *waker = NULL;
    uint64_t token = 0;
    size_t tokens = 0;
    OK(hw_waker_new(&waker, &error));
    OK(hw_presence_watcher_wake(watcher, waker, 7, &error));
    OK(hw_presence_set(presence, HW_LIT("lab"), HW_LIT("ada"), NULL, -1, NULL, &error));
    OK(hw_waker_take(waker, &token, 1, &tokens, &error));
    CHECK(tokens == 1 && token == 7);
    OK(hw_presence_watcher_next(watcher, 0, 5000, &events, &error));
    const char *told = text_of(events);
    CHECK(has(told, "\"type\":\"joined\"") && has(told, "\"was\":\"offline\""));
    options.after = strtoull(strstr(told, "\"position\":") + strlen("\"position\":"), NULL, 10);
    options.has_after = 1;
    OK(hw_presence_watcher_cancel(watcher, &error));
    OK(hw_presence_watcher_close(watcher, &error));
    OK(hw_presence_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_presence_watcher_next(watcher, 0, -1, &events, &error));
    hw_presence_watcher_free(watcher);

    hw_session_set busy = set_of("default", "busy");
    OK(hw_presence_set(presence, HW_LIT("lab"), HW_LIT("bob"), NULL, -1, NULL, &error));
    OK(hw_presence_set(presence, HW_LIT("lab"), HW_LIT("ada"), &busy, -1, NULL, &error));
    hw_str users[1];
    HW_SET(users[0], "ada");
    options.users = users;
    options.users_len = 1;
    OK(hw_presence_watch(presence, &options, &watcher, &error));
    OK(hw_presence_watcher_next(watcher, 0, 5000, &events, &error));
    told = text_of(events);
    CHECK(has(told, "\"type\":\"updated\"") && !has(told, "snapshot") && !has(told, "bob"));
    hw_presence_watcher_free(watcher);
    hw_waker_free(waker);
    hw_presence_free(presence);
}

static void bad_input_is_answered(const hw_engine *engine) {
    hw_presence *presence = NULL;
    hw_presence_config config;
    HW_INIT(&config);
    HW_SET(config.name, "no good");
    FAILS(HW_STATUS_INVALID, hw_engine_presence(engine, &config, &presence, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_presence(engine, NULL, NULL, &error));
    HW_SET(config.name, "presence");
    config.has_durability = 1;
    config.durability = 9;
    FAILS(HW_STATUS_INVALID, hw_engine_presence(engine, &config, &presence, &error));
    config.durability = HW_DURABILITY_FSYNC;
    presence = open_store(engine);
    hw_presence *other = NULL;
    FAILS(HW_STATUS_CONFLICT, hw_engine_presence(engine, &config, &other, &error));
    hw_blob *blob = NULL;
    FAILS(HW_STATUS_INVALID, hw_presence_get(NULL, HW_LIT("a"), HW_LIT("b"), -1, &blob, &error));
    SAID("presence is NULL");
    FAILS(HW_STATUS_INVALID, hw_presence_get(presence, HW_LIT(""), HW_LIT("b"), -1, &blob, &error));
    FAILS(HW_STATUS_INVALID, hw_presence_get(presence, HW_LIT("a"), HW_LIT("b\n"), -1, &blob, &error));
    FAILS(HW_STATUS_INVALID, hw_presence_get(presence, HW_LIT("a"), HW_LIT("b\xff"), -1, &blob, &error));
    SAID("user is not UTF-8");
    FAILS(HW_STATUS_INVALID, hw_presence_get(presence, HW_LIT("a"), HW_LIT("b"), -1, NULL, &error));
    hw_session_set set = set_of("tab", "unknown");
    FAILS(HW_STATUS_INVALID, hw_presence_set(presence, HW_LIT("a"), HW_LIT("b"), &set, -1, NULL, &error));
    set = set_of("tab", "");
    HW_SET(set.metadata, "{");
    FAILS(HW_STATUS_INVALID, hw_presence_set(presence, HW_LIT("a"), HW_LIT("b"), &set, -1, NULL, &error));
    SAID("metadata is JSON");
    set = set_of("tab", "");
    set.ttl_ns = 1;
    FAILS(HW_STATUS_INVALID, hw_presence_set(presence, HW_LIT("a"), HW_LIT("b"), &set, -1, NULL, &error));
    SAID("time to live");
    hw_presence_watcher *watcher = NULL;
    hw_presence_watch_options options;
    HW_INIT(&options);
    FAILS(HW_STATUS_INVALID, hw_presence_watch(presence, NULL, &watcher, &error));
    FAILS(HW_STATUS_INVALID, hw_presence_watch(presence, &options, &watcher, &error));
    FAILS(HW_STATUS_UNSUPPORTED, hw_engine_advance(engine, 1, &error));
    SAID("the machine's clock");

    OK(hw_presence_close(presence, &error));
    OK(hw_presence_close(presence, &error));
    FAILS(HW_STATUS_CLOSED, hw_presence_get(presence, HW_LIT("a"), HW_LIT("b"), -1, &blob, &error));
    hw_presence_free(presence);
    hw_presence_free(NULL);
    hw_presence_watcher_free(NULL);
}

int main(void) {
    a_lease_lives_to_its_deadline();
    hw_engine *engine = memory_engine();
    a_held_session_goes_with_its_handle(engine);
    who_is_there_is_told(engine);
    a_watcher_is_told_and_goes_on_where_it_was(engine);
    bad_input_is_answered(engine);
    hw_strings *names = NULL;
    OK(hw_engine_presences(engine, &names, &error));
    CHECK(hw_strings_len(names) == 1);
    hw_strings_free(names);
    hw_presence *presence = open_store(engine);
    hw_held_session *held = NULL;
    OK(hw_presence_hold(presence, HW_LIT("office"), HW_LIT("ada"), NULL, &held, &error));
    OK(hw_engine_close(engine, &error));
    FAILS(HW_STATUS_CLOSED, hw_presence_hold(presence, HW_LIT("office"), HW_LIT("bob"), NULL, &held, &error));
    hw_held_session_free(held);
    hw_presence_free(presence);
    hw_engine_free(engine);
    return 0;
}

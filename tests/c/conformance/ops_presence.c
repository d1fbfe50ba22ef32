/* Operations on presence stores, each at a node of its own: an engine in memory whose time the vector moves. */
#include "runner.h"

#include <stdlib.h>

/* When each of them begins: 2026-01-01T00:00:00Z; and the most that time moves on between two looks. */
static const uint64_t BEGIN_NS = UINT64_C(1767225600000000000);
enum { STEP_MS = 10000, MS_NS = 1000000 };

/* What a step names: its store, and where. */
static hw_presence *store_of(runner *r) {
    named *found = find_named(r, r->presences, &r->presences_len, arg_text(r, r->args, "presence"));
    r->fault = found->presence == NULL ? "there is no presence store of this name" : r->fault;
    return found->presence;
}

static hw_held_session *held_of(runner *r) {
    named *found = find_named(r, r->held, &r->held_len, arg_text(r, r->args, "held"));
    r->fault = found->held == NULL ? "there is no held session of this name" : r->fault;
    return found->held;
}

void close_presences(runner *r) {
    for (size_t i = 0; i < r->held_len; i++) {
        hw_held_session_free(r->held[i].held);
    }
    for (size_t i = 0; i < r->presences_len; i++) {
        named *node = &r->presences[i];
        hw_presence_free(node->presence);
        if (node->engine != NULL) {
            hw_engine_close(node->engine, NULL);
        }
        hw_engine_free(node->engine);
    }
}

json *told_of(runner *r, hw_blob *blob) {
    hw_bytes bytes;
    const char *fault = NULL;
    if (blob == NULL || hw_blob_bytes(blob, &bytes, NULL) != HW_STATUS_OK) {
        return json_null();
    }
    char *text = (char *)json_alloc(bytes.len + 1);
    memcpy(text, bytes.data, bytes.len);
    hw_blob_free(blob);
    json *parsed = json_parse(text, bytes.len, &fault);
    r->fault = parsed == NULL ? fault : r->fault;
    return parsed == NULL ? json_null() : parsed;
}

/* A name that a step may leave out. */
static hw_str or_default(runner *r, const char *name) {
    hw_str text = arg_text(r, r->args, name);
    hw_str otherwise = {HW_LIT("default")};
    return has(r->args, name) ? text : otherwise;
}

/* The JSON of a value that a step has. */
static hw_str arg_json(runner *r, const char *name) {
    hw_str made = {NULL, 0};
    if (!has(r->args, name)) {
        return made;
    }
    char *text = NULL;
    FILE *memory = open_memstream(&text, &made.len);
    json_print(memory, json_get(r->args, name));
    fclose(memory);
    char *kept = (char *)json_alloc(made.len + 1);
    memcpy(kept, text, made.len);
    free(text);
    made.data = kept;
    return made;
}

static hw_session_set set_of(runner *r) {
    hw_session_set set;
    HW_INIT(&set);
    set.session = arg_text(r, r->args, "session");
    set.status = arg_text(r, r->args, "status");
    set.message = arg_text(r, r->args, "message");
    set.device = arg_text(r, r->args, "device");
    set.metadata = arg_json(r, "meta");
    set.ttl_ns = arg_u64(r, r->args, "ttl", 0);
    set.idle_ns = arg_duration(r, r->args, "idle");
    return set;
}

hw_status op_presence_open(runner *r) {
    named *node = find_named(r, r->presences, &r->presences_len, arg_text(r, r->args, "as"));
    const json *from = json_get(r->args, "config");
    check_fields(r, from,
                 " name node ttl heartbeat grace idle keep beat silence cold_users history announce_max counts_every ");
    if (node->engine == NULL && hw_engine_memory_at(BEGIN_NS, &node->engine, &r->error) != HW_STATUS_OK) {
        return HW_STATUS_INTERNAL;
    }
    hw_presence_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.node = arg_text(r, from, "node");
    config.ttl_ns = arg_u64(r, from, "ttl", 0);
    config.heartbeat_ns = arg_u64(r, from, "heartbeat", 0);
    config.grace_ns = arg_duration(r, from, "grace");
    config.idle_ns = arg_duration(r, from, "idle");
    config.keep_ns = arg_duration(r, from, "keep");
    config.beat_ns = arg_u64(r, from, "beat", 0);
    config.silence_ns = arg_u64(r, from, "silence", 0);
    config.cold_users = (size_t)arg_u64(r, from, "cold_users", 0);
    config.history = (size_t)arg_u64(r, from, "history", 0);
    config.announce_max = arg_u64(r, from, "announce_max", 0);
    config.counts_every_ns = arg_u64(r, from, "counts_every", 0);
    hw_presence_free(node->presence);
    node->presence = NULL;
    return hw_engine_presence(node->engine, &config, &node->presence, &r->error);
}

hw_status op_presence_advance(runner *r) {
    const named *node = find_named(r, r->presences, &r->presences_len, arg_text(r, r->args, "presence"));
    bool at_once = arg_bool(r, r->args, "at_once");
    hw_status status = HW_STATUS_OK;
    for (uint64_t left = arg_u64(r, r->args, "ms", 0); left > 0 && status == HW_STATUS_OK;) {
        uint64_t step = left < STEP_MS || at_once ? left : STEP_MS;
        status = hw_engine_advance(node->engine, step * MS_NS, &r->error);
        left -= step;
    }
    return status;
}

hw_status op_presence_set(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_session_set set = set_of(r);
    hw_blob *view = NULL;
    hw_status status =
        hw_presence_set(store_of(r), space.data, space.len, user.data, user.len, &set, -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_hold(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_session_set set = set_of(r);
    named *held = find_named(r, r->held, &r->held_len, arg_text(r, r->args, "as"));
    return hw_presence_hold(store_of(r), space.data, space.len, user.data, user.len, &set, &held->held, &r->error);
}

hw_status op_presence_update(runner *r) {
    hw_session_set set = set_of(r);
    hw_blob *view = NULL;
    hw_status status = hw_held_session_update(held_of(r), &set, -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_active(runner *r) {
    return hw_held_session_active(held_of(r), &r->error);
}

hw_status op_presence_release(runner *r) {
    return hw_held_session_leave(held_of(r), &r->error);
}

hw_status op_presence_heartbeat(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_str session = or_default(r, "session");
    hw_presence_lease lease;
    HW_INIT(&lease);
    hw_status status = hw_presence_heartbeat(store_of(r), space.data, space.len, user.data, user.len, session.data,
                                             session.len, arg_bool(r, r->args, "active"), -1, &lease, &r->error);
    r->result = json_object();
    json_set(r->result, "expires_ms", json_number((double)lease.expires_ms));
    json_set(r->result, "ttl_ms", json_number((double)lease.ttl_ms));
    return status;
}

hw_status op_presence_leave(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_str session = or_default(r, "session");
    hw_blob *view = NULL;
    hw_status status = hw_presence_leave(store_of(r), space.data, space.len, user.data, user.len, session.data,
                                         session.len, -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_choose(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_str chosen = arg_text(r, r->args, "status");
    hw_blob *view = NULL;
    hw_status status =
        hw_presence_choose(store_of(r), space.data, space.len, user.data, user.len, chosen.data, chosen.len,
                           arg_u64(r, r->args, "how_long", 0), -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_hide(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    bool hidden = !has(r->args, "on") || arg_bool(r, r->args, "on");
    hw_blob *view = NULL;
    hw_status status =
        hw_presence_hide(store_of(r), space.data, space.len, user.data, user.len, hidden, -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_get(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_str user = arg_text(r, r->args, "user");
    hw_blob *view = NULL;
    hw_status status = hw_presence_get(store_of(r), space.data, space.len, user.data, user.len, -1, &view, &r->error);
    r->result = told_of(r, view);
    return status;
}

hw_status op_presence_get_many(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    size_t len = 0;
    hw_str *users = arg_texts(r, r->args, "users", &len);
    hw_blob *reading = NULL;
    hw_status status = hw_presence_get_many(store_of(r), space.data, space.len, users, len, -1, &reading, &r->error);
    r->result = told_of(r, reading);
    return status;
}

hw_status op_presence_list(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_blob *reading = NULL;
    hw_status status = hw_presence_list(store_of(r), space.data, space.len, -1, &reading, &r->error);
    r->result = told_of(r, reading);
    return status;
}

hw_status op_presence_counts(runner *r) {
    hw_str space = arg_text(r, r->args, "space");
    hw_space_counts counts;
    HW_INIT(&counts);
    hw_status status = hw_presence_counts(store_of(r), space.data, space.len, -1, &counts, &r->error);
    r->result = json_object();
    json_set(r->result, "users", json_number((double)counts.users));
    json_set(r->result, "sessions", json_number((double)counts.sessions));
    json_set(r->result, "online", json_number((double)counts.online));
    json_set(r->result, "away", json_number((double)counts.away));
    json_set(r->result, "busy", json_number((double)counts.busy));
    json_set(r->result, "unknown", json_number((double)counts.unknown));
    return status;
}

hw_status op_presence_spaces(runner *r) {
    hw_blob *spaces = NULL;
    hw_status status = hw_presence_spaces(store_of(r), -1, &spaces, &r->error);
    r->result = told_of(r, spaces);
    return status;
}

hw_status op_presence_purge(runner *r) {
    hw_purge purge;
    HW_INIT(&purge);
    purge.space = arg_text(r, r->args, "space");
    purge.user = arg_text(r, r->args, "user");
    purge.node = arg_text(r, r->args, "node");
    uint64_t count = 0;
    hw_status status = hw_presence_purge(store_of(r), &purge, -1, &count, &r->error);
    r->result = json_number((double)count);
    return status;
}

hw_status op_presence_status(runner *r) {
    hw_blob *told = NULL;
    hw_status status = hw_presence_status(store_of(r), -1, &told, &r->error);
    r->result = told_of(r, told);
    return status;
}

hw_status op_presence_close(runner *r) {
    return hw_presence_close(store_of(r), &r->error);
}

hw_status op_presence_watch(runner *r) {
    hw_presence_watch_options options;
    HW_INIT(&options);
    options.space = arg_text(r, r->args, "space");
    options.users = arg_texts(r, r->args, "users", &options.users_len);
    options.after = arg_u64(r, r->args, "after", 0);
    options.has_after = has(r->args, "after");
    options.reveal = arg_bool(r, r->args, "reveal");
    return hw_presence_watch(store_of(r), &options, &new_source(r)->presence_watcher, &r->error);
}

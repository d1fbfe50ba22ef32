/*
 * Runs conformance vectors through the C ABI: each file on a fresh engine in memory, step by step, as
 * tests/conformance/README.md says.
 *
 *     conformance DIRECTORY FILE...        DIRECTORY is for files that come and go
 *
 * With HEADWATER_HUB set to the address of a server, each on an engine there, and all streams are removed after it.
 * With HEADWATER_NODE set to a directory, on an engine through the node that has it open.
 */
#include "counter.h"
#include "runner.h"

#include <stdlib.h>
#include <time.h>

/* What must be open for a step, by the arguments that name it. */
typedef enum {
    ON_ENGINE,
    ON_STREAM,
    ON_CONSUMER,
    ON_BUCKET,
    ON_STORE,
    ON_POINTS,
    ON_EVENTS,
    ON_SOURCE,
    ON_CRDT,
    ON_REPLICA,
    ON_DATABASE
} target;

#define APPEND_FIELDS                                                                                               \
    " stream subject payload payload_base64 payload_size headers event_time ttl msg_id expect_last_seq "           \
    "expect_subject_last_seq expect_filter rollup "
#define CHANGE_FIELDS " key fields kind do amount to value ttl_ms "
#define ENTITY_FIELDS " entities kind key "
#define VALUE_FIELDS " bucket key value value_base64 value_size "

static const struct {
    const char *name;
    operation *run;
    target on;
    const char *fields; /* With spaces around each. */
} OPERATION_TABLE[] = {
    {"create_stream", op_create_stream, ON_ENGINE, " config "},
    {"update_stream", op_update_stream, ON_ENGINE, " config "},
    {"delete_stream", op_delete_stream, ON_ENGINE, " stream "},
    {"streams", op_streams, ON_ENGINE, ""},
    {"stream_info", op_stream_info, ON_STREAM, " stream "},
    {"append", op_append, ON_STREAM, APPEND_FIELDS},
    {"append_batch", op_append_batch, ON_STREAM, " stream records repeat "},
    {"get", op_get, ON_STREAM, " stream seq "},
    {"last", op_last, ON_STREAM, " stream filter "},
    {"last_many", op_last_many, ON_STREAM, " stream filters after max "},
    {"last_seq", op_last_seq, ON_STREAM, " stream filter "},
    {"subjects", op_subjects, ON_STREAM, " stream filter after max "},
    {"read", op_read, ON_STREAM, " stream filters from_seq backward max_records max_bytes event_range "},
    {"delete", op_delete, ON_STREAM, " stream seq "},
    {"purge", op_purge, ON_STREAM, " stream filter before_seq keep "},
    {"sync", op_sync, ON_STREAM, " stream "},
    {"subscribe", op_subscribe, ON_STREAM, " stream as filters deliver_policy start_seq "},
    {"create_consumer", op_create_consumer, ON_STREAM, " stream config "},
    {"delete_consumer", op_delete_consumer, ON_STREAM, " stream consumer "},
    {"consumers", op_consumers, ON_STREAM, " stream "},
    {"consumer_info", op_consumer_info, ON_CONSUMER, " stream consumer "},
    {"ack", op_ack, ON_CONSUMER, " stream consumer seqs "},
    {"nak", op_nak, ON_CONSUMER, " stream consumer seq delay "},
    {"in_progress", op_in_progress, ON_CONSUMER, " stream consumer seq "},
    {"term", op_term, ON_CONSUMER, " stream consumer seq "},
    {"take", op_take, ON_SOURCE, " stream consumer subscription watcher projection count timeout_ms "},
    {"try_next", op_try_next, ON_SOURCE, " stream consumer subscription watcher max "},
    {"missed", op_missed, ON_ENGINE, " subscription watcher "},
    {"next_logs", op_next_logs, ON_ENGINE, " max timeout_ms "},
    {"close_engine", op_close_engine, ON_ENGINE, ""},
    {"close", op_close, ON_ENGINE, " subscription watcher projection entities "},
    {"create_bucket", op_create_bucket, ON_ENGINE, " config "},
    {"delete_bucket", op_delete_bucket, ON_ENGINE, " bucket "},
    {"buckets", op_buckets, ON_ENGINE, ""},
    {"bucket_status", op_bucket_status, ON_BUCKET, " bucket "},
    {"bucket_put", op_bucket_put, ON_BUCKET, VALUE_FIELDS},
    {"bucket_create", op_bucket_create, ON_BUCKET, VALUE_FIELDS " ttl "},
    {"bucket_update", op_bucket_update, ON_BUCKET, VALUE_FIELDS " revision "},
    {"bucket_delete", op_bucket_delete, ON_BUCKET, " bucket key revision "},
    {"bucket_purge", op_bucket_purge, ON_BUCKET, " bucket key revision "},
    {"bucket_get", op_bucket_get, ON_BUCKET, " bucket key "},
    {"bucket_get_revision", op_bucket_get_revision, ON_BUCKET, " bucket key revision "},
    {"bucket_history", op_bucket_history, ON_BUCKET, " bucket key "},
    {"bucket_keys", op_bucket_keys, ON_BUCKET, " bucket filter "},
    {"bucket_watch", op_bucket_watch, ON_BUCKET, " bucket as filters include_history updates_only ignore_deletes "},
    {"create_object_store", op_create_object_store, ON_ENGINE, " config "},
    {"delete_object_store", op_delete_object_store, ON_ENGINE, " store "},
    {"object_stores", op_object_stores, ON_ENGINE, " "},
    {"object_store_status", op_object_store_status, ON_STORE, " store "},
    {"object_put", op_object_put, ON_STORE,
     " store name payload payload_base64 payload_size description headers metadata max_chunk_size "},
    {"object_get", op_object_get, ON_STORE, " store name "},
    {"object_info", op_object_info, ON_STORE, " store name "},
    {"object_list", op_object_list, ON_STORE, " store "},
    {"object_update", op_object_update, ON_STORE, " store name new_name description headers metadata "},
    {"object_link", op_object_link, ON_STORE, " store name bucket target "},
    {"object_delete", op_object_delete, ON_STORE, " store name "},
    {"object_watch", op_object_watch, ON_STORE, " store as updates_only ignore_deletes "},
    {"create_points", op_create_points, ON_ENGINE, " config "},
    {"points_write", op_points_write, ON_POINTS, " points list "},
    {"points_latest", op_points_latest, ON_POINTS, " points filter deleted "},
    {"points_range", op_points_range, ON_POINTS, " points filter from to after max "},
    {"points_query", op_points_query, ON_POINTS, " points filters from to every aggregates "},
    {"points_import", op_points_import, ON_POINTS, " points format text time node node_column columns "},
    {"points_export", op_points_export, ON_POINTS, " points format filter from to "},
    {"points_watch", op_points_watch, ON_POINTS, " points as filter "},
    {"crdt_create", op_crdt_create, ON_ENGINE, " config "},
    {"crdt_open", op_crdt_open, ON_ENGINE, " store "},
    {"crdts", op_crdts, ON_ENGINE, ""},
    {"crdt_write", op_crdt_write, ON_CRDT, " store " CHANGE_FIELDS},
    {"crdt_transaction", op_crdt_transaction, ON_CRDT, " store changes "},
    {"crdt_read", op_crdt_read, ON_CRDT, " store key fields kind "},
    {"crdt_contains", op_crdt_contains, ON_CRDT, " store key fields kind value "},
    {"crdt_rights", op_crdt_rights, ON_CRDT, " store key "},
    {"crdt_keys", op_crdt_keys, ON_CRDT, " store prefix "},
    {"crdt_dump", op_crdt_dump, ON_CRDT, " store prefix "},
    {"crdt_watch", op_crdt_watch, ON_CRDT, " store as prefix "},
    {"crdt_status", op_crdt_status, ON_CRDT, " store "},
    {"crdt_release_held", op_crdt_release_held, ON_CRDT, " store "},
    {"crdt_merge", op_crdt_merge, ON_CRDT, " store other "},
    {"replica", op_replica, ON_ENGINE, " as engine epoch "},
    {"replica_write", op_replica_write, ON_REPLICA, " replica now_ms " CHANGE_FIELDS},
    {"replica_transaction", op_replica_transaction, ON_REPLICA, " replica now_ms changes "},
    {"replica_read", op_replica_read, ON_REPLICA, " replica now_ms key fields kind "},
    {"replica_contains", op_replica_contains, ON_REPLICA, " replica now_ms key fields kind value "},
    {"replica_rights", op_replica_rights, ON_REPLICA, " replica key "},
    {"replica_take_delta", op_replica_take_delta, ON_REPLICA, " replica as "},
    {"replica_whole", op_replica_whole, ON_REPLICA, " replica as "},
    {"replica_some", op_replica_some, ON_REPLICA, " replica keys as "},
    {"replica_since", op_replica_since, ON_REPLICA, " replica of as "},
    {"replica_context", op_replica_context, ON_REPLICA, " replica "},
    {"replica_caught_up", op_replica_caught_up, ON_REPLICA, " replica of "},
    {"replica_apply", op_replica_apply, ON_REPLICA, " replica now_ms fragment bytes "},
    {"replica_extract", op_replica_extract, ON_REPLICA, " replica fragment bytes as "},
    {"replica_restore", op_replica_restore, ON_REPLICA, " replica fragment bytes "},
    {"replica_stable", op_replica_stable, ON_REPLICA, " replica now_ms peers "},
    {"replica_held", op_replica_held, ON_REPLICA, " replica "},
    {"replica_release", op_replica_release, ON_REPLICA, " replica now_ms all "},
    {"replica_digest", op_replica_digest, ON_REPLICA, " replica now_ms key kind "},
    {"database_attach", op_database_attach, ON_ENGINE, " as config "},
    {"database_find", op_database_find, ON_DATABASE, " database name "},
    {"databases", op_databases, ON_DATABASE, " database "},
    {"database_link", op_database_link, ON_DATABASE, " database "},
    {"database_unlink", op_database_unlink, ON_DATABASE, " database "},
    {"database_execute", op_database_execute, ON_DATABASE, " database sql values "},
    {"database_in_transaction", op_database_in_transaction, ON_DATABASE, " database "},
    {"database_sync", op_database_sync, ON_DATABASE, " database "},
    {"database_pause", op_database_pause, ON_DATABASE, " database "},
    {"database_resume", op_database_resume, ON_DATABASE, " database "},
    {"database_detach", op_database_detach, ON_DATABASE, " database "},
    {"database_release", op_database_release, ON_DATABASE, " database "},
    {"database_watch", op_database_watch, ON_DATABASE, " database as "},
    {"database_status", op_database_status, ON_DATABASE, " database "},
    {"database_check", op_database_check, ON_DATABASE, " database repair "},
    {"database_schema", op_database_schema, ON_DATABASE, " database "},
    {"database_snapshot", op_database_snapshot, ON_DATABASE, " database "},
    {"database_snapshots", op_database_snapshots, ON_DATABASE, " database "},
    {"database_restore", op_database_restore, ON_DATABASE, " database id "},
    {"create_event_store", op_create_event_store, ON_ENGINE, " config "},
    {"delete_event_store", op_delete_event_store, ON_ENGINE, " store "},
    {"event_stores", op_event_stores, ON_ENGINE, " "},
    {"events_save", op_events_save, ON_EVENTS,
     " store aggregate key events expected command correlation causation condition "},
    {"events_load", op_events_load, ON_EVENTS,
     " store aggregate key as_of_version as_of_seq snapshot_schema behind "},
    {"events_find_command", op_events_find_command, ON_EVENTS, " store aggregate key command "},
    {"events_archive", op_events_archive, ON_EVENTS, " store aggregate key up_to "},
    {"events_last_seq", op_events_last_seq, ON_EVENTS, " store aggregate key "},
    {"events_snapshot", op_events_snapshot, ON_EVENTS, " store aggregate key "},
    {"events_save_snapshot", op_events_save_snapshot, ON_EVENTS,
     " store aggregate key version seq schema data data_base64 data_size ttl data_subjects "},
    {"events_forget", op_events_forget, ON_EVENTS, " store data_subject "},
    {"events_list", op_events_list, ON_EVENTS, " store aggregate key after max "},
    {"events_follow", op_events_follow, ON_EVENTS, " store as filters after "},
    {"projection", op_projection, ON_EVENTS, " store name as filters is_rebuild tries pause_ms pause_max_ms "},
    {"projection_seek", op_projection_seek, ON_ENGINE, " projection seq "},
    {"projection_advance", op_projection_advance, ON_ENGINE, " projection seq "},
    {"projection_commit", op_projection_commit, ON_ENGINE, " projection seq state state_base64 state_size "},
    {"projection_flush", op_projection_flush, ON_ENGINE, " projection "},
    {"projection_fail", op_projection_fail, ON_ENGINE, " projection seq why "},
    {"projection_position", op_projection_position, ON_ENGINE, " projection "},
    {"projection_lag", op_projection_lag, ON_ENGINE, " projection "},
    {"projection_head", op_projection_head, ON_ENGINE, " projection "},
    {"projection_switch", op_projection_switch, ON_ENGINE, " projection "},
    {"projections", op_projections, ON_EVENTS, " store "},
    {"delete_projection", op_delete_projection, ON_EVENTS, " store name "},
    {"dead_letters", op_dead_letters, ON_EVENTS, " store name after max "},
    {"delete_dead_letter", op_delete_dead_letter, ON_EVENTS, " store name seq "},
    {"event_at", op_event_at, ON_EVENTS, " store seq "},
    {"entities", op_entities, ON_ENGINE, " as config "},
    {"entities_active", op_entities_active, ON_ENGINE, " entities "},
    {"entity_request", op_entity_request, ON_ENGINE, ENTITY_FIELDS " name payload payload_base64 timeout_ms "},
    {"entity_notify", op_entity_notify, ON_ENGINE, ENTITY_FIELDS " name payload payload_base64 "},
    {"entity_pause", op_entity_pause, ON_ENGINE, ENTITY_FIELDS},
    {"entity_step", op_entity_step, ON_ENGINE, ENTITY_FIELDS},
    {"entity_resume", op_entity_resume, ON_ENGINE, ENTITY_FIELDS},
    {"entities_list", op_entities_list, ON_ENGINE, " entities kind "},
    {"entity_nodes", op_entity_nodes, ON_ENGINE, " entities "},
    {"entity_where", op_entity_where, ON_ENGINE, ENTITY_FIELDS},
    {"shard_of", op_shard_of, ON_ENGINE, " kind key shards "},
    {"shard_owner", op_shard_owner, ON_ENGINE, " shard nodes "},
    {"presence_open", op_presence_open, ON_ENGINE, " as config "},
    {"presence_advance", op_presence_advance, ON_ENGINE, " presence ms at_once "},
    {"presence_set", op_presence_set, ON_ENGINE, " presence space user session status message device meta ttl idle "},
    {"presence_hold", op_presence_hold, ON_ENGINE, " presence as space user session status message device meta idle "},
    {"presence_update", op_presence_update, ON_ENGINE, " held status message device meta idle "},
    {"presence_active", op_presence_active, ON_ENGINE, " held "},
    {"presence_release", op_presence_release, ON_ENGINE, " held "},
    {"presence_heartbeat", op_presence_heartbeat, ON_ENGINE, " presence space user session active "},
    {"presence_leave", op_presence_leave, ON_ENGINE, " presence space user session "},
    {"presence_choose", op_presence_choose, ON_ENGINE, " presence space user status how_long "},
    {"presence_hide", op_presence_hide, ON_ENGINE, " presence space user on "},
    {"presence_get", op_presence_get, ON_ENGINE, " presence space user "},
    {"presence_get_many", op_presence_get_many, ON_ENGINE, " presence space users "},
    {"presence_list", op_presence_list, ON_ENGINE, " presence space "},
    {"presence_counts", op_presence_counts, ON_ENGINE, " presence space "},
    {"presence_spaces", op_presence_spaces, ON_ENGINE, " presence "},
    {"presence_purge", op_presence_purge, ON_ENGINE, " presence space user node "},
    {"presence_status", op_presence_status, ON_ENGINE, " presence "},
    {"presence_close", op_presence_close, ON_ENGINE, " presence "},
    {"presence_watch", op_presence_watch, ON_ENGINE, " presence as space users after reveal "},
    {"encode_token", op_encode_token, ON_ENGINE, " text "},
    {"decode_token", op_decode_token, ON_ENGINE, " token "},
    {"sleep", op_sleep, ON_ENGINE, " ms "},
};

static hw_status open_target(runner *r, target on) {
    hw_status status = HW_STATUS_OK;
    hw_str stream = arg_text(r, r->args, "stream");
    hw_str consumer = arg_text(r, r->args, "consumer");
    hw_str bucket = arg_text(r, r->args, "bucket");
    hw_str store = arg_text(r, r->args, "store");
    hw_str points = arg_text(r, r->args, "points");
    bool from_consumer = on == ON_CONSUMER || (on == ON_SOURCE && has(r->args, "consumer"));
    if (on == ON_STREAM || from_consumer) {
        status = hw_engine_stream(r->engine, stream.data, stream.len, &r->stream, &r->error);
    }
    if (status == HW_STATUS_OK && from_consumer) {
        status = hw_stream_consumer(r->stream, consumer.data, consumer.len, &r->consumer, &r->error);
    }
    if (on == ON_BUCKET) {
        status = hw_engine_bucket(r->engine, bucket.data, bucket.len, &r->bucket, &r->error);
    }
    if (on == ON_STORE) {
        status = hw_engine_object_store(r->engine, store.data, store.len, &r->store, &r->error);
    }
    if (on == ON_POINTS) {
        status = hw_points_open(r->engine, points.data, points.len, &r->points, &r->error);
    }
    if (on == ON_EVENTS) {
        status = hw_engine_event_store(r->engine, store.data, store.len, &r->events, &r->error);
    }
    if (on == ON_CRDT) {
        status = open_crdt(r);
    }
    if (on == ON_REPLICA) {
        find_replica(r);
    }
    if (on == ON_DATABASE) {
        find_database(r);
    }
    return status;
}

static void close_target(runner *r) {
    hw_stream_free(r->stream);
    hw_consumer_free(r->consumer);
    hw_bucket_free(r->bucket);
    hw_object_store_free(r->store);
    hw_points_free(r->points);
    hw_event_store_free(r->events);
    r->stream = NULL;
    r->consumer = NULL;
    r->bucket = NULL;
    r->store = NULL;
    r->points = NULL;
    r->events = NULL;
}

/* Runs the operation of the step. */
static hw_status run_operation(runner *r) {
    hw_str name = arg_text(r, r->args, "op");
    for (size_t i = 0; i < sizeof OPERATION_TABLE / sizeof OPERATION_TABLE[0]; i++) {
        if (name.data == NULL || strcmp(OPERATION_TABLE[i].name, name.data) != 0) {
            continue;
        }
        char fields[512];
        snprintf(fields, sizeof fields, " op expect error within hub eventually %s", OPERATION_TABLE[i].fields);
        check_fields(r, r->args, fields);
        hw_status status = open_target(r, OPERATION_TABLE[i].on);
        if (status == HW_STATUS_OK && r->fault == NULL) {
            status = OPERATION_TABLE[i].run(r);
        }
        close_target(r);
        return status;
    }
    r->fault = "the operation is unknown";
    return HW_STATUS_OK;
}

/* The outcome as a value: the result, or what kind of error. */
static json *outcome_of(runner *r, hw_status status) {
    if (status == HW_STATUS_OK) {
        return r->result != NULL ? r->result : json_null();
    }
    uint64_t expected = 0;
    uint64_t actual = 0;
    const char *kind = hw_status_name(status);
    json *made = json_object();
    json_set(made, "kind", json_text(kind, strlen(kind)));
    if (hw_error_sequences(r->error, &expected, &actual)) {
        json_set(made, "expected", json_number((double)expected));
        json_set(made, "actual", json_number((double)actual));
    }
    return made;
}

/* Runs one step, and says whether it came to what the vector wants; why not, unless it is `quiet`. */
static bool run_step(runner *r, const char *file, size_t index, bool quiet) {
    r->result = NULL;
    r->error = NULL;
    r->fault = NULL;
    hw_status status = run_operation(r);
    const json *expect = json_get(r->args, "expect");
    const json *refused = json_get(r->args, "error");
    const json *within = json_get(r->args, "within");
    const json *outcome = outcome_of(r, status);
    const json *wanted = refused != NULL ? refused : expect;
    bool held = r->fault == NULL && (status == HW_STATUS_OK) == (refused == NULL);
    held = held && (wanted == NULL || json_matches(wanted, outcome, within == NULL ? 0 : within->number));
    if (!held && !quiet) {
        fprintf(stderr, "%s: step %zu: ", file, index);
        json_print(stderr, r->args);
        fputs("\n  came: ", stderr);
        json_print(stderr, outcome);
        fprintf(stderr, "\n  %s%s\n", r->fault != NULL ? "fault of the vector: " : "",
                r->fault != NULL ? r->fault : hw_error_message(r->error, NULL));
    }
    hw_error_free(r->error);
    return held;
}

/* The step as it is on a hub: with the fields of its `hub` in place of its own. */
static const json *on_hub(const json *step) {
    const json *other = json_get(step, "hub");
    if (other == NULL) {
        return step;
    }
    bool outcome = has(other, "expect") || has(other, "error");
    json *made = json_object();
    for (int part = 0; part < 2; part++) {
        for (const json *field = part == 0 ? step->first : other->first; field != NULL; field = field->next) {
            bool is_outcome = strcmp(field->name, "expect") == 0 || strcmp(field->name, "error") == 0;
            bool replaced = part == 0 && (json_get(other, field->name) != NULL || (outcome && is_outcome));
            bool none = part == 1 && field->kind == JSON_NULL && strcmp(field->name, "expect") != 0;
            if (!replaced && !none && strcmp(field->name, "hub") != 0) {
                json *copy = (json *)json_alloc(sizeof *copy);
                *copy = *field;
                copy->next = NULL;
                json_set(made, field->name, copy);
            }
        }
    }
    return made;
}

enum { LAG_TRIES = 250, EVENTUALLY_TRIES = 500, LAG_MS = 20 };

/* As run_step: what may come later, and on a hub what may lag behind, is asked again. */
static bool run_step_again(runner *r, const char *file, size_t index, bool on_hub) {
    const char *op = arg_text(r, r->args, "op").data;
    bool lags = on_hub && op != NULL && (strcmp(op, "consumer_info") == 0 || strcmp(op, "stream_info") == 0);
    int tries = arg_bool(r, r->args, "eventually") ? EVENTUALLY_TRIES : lags ? LAG_TRIES : 0;
    const struct timespec pause = {0, LAG_MS * 1000000};
    for (int i = 0; i < tries; i++) {
        if (run_step(r, file, index, true)) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return run_step(r, file, index, false);
}

static hw_status connect_to(const char *url, hw_engine **engine) {
    hw_str urls[1];
    hw_hub_options options;
    HW_INIT(&options);
    urls[0].data = url;
    urls[0].len = strlen(url);
    options.urls = urls;
    options.urls_len = 1;
    return hw_engine_connect(&options, -1, engine, NULL);
}

/* Leaves nothing on the hub for the next file. */
static bool remove_streams(const char *url) {
    hw_engine *engine = NULL;
    hw_stream_infos *infos = NULL;
    hw_stream_state state;
    HW_INIT(&state);
    bool held = connect_to(url, &engine) == HW_STATUS_OK && hw_engine_streams(engine, &infos, NULL) == HW_STATUS_OK;
    for (size_t i = 0; held && i < hw_stream_infos_len(infos); i++) {
        held = hw_stream_infos_get(infos, i, &state, NULL) == HW_STATUS_OK &&
               hw_engine_delete_stream(engine, state.config->name.data, state.config->name.len, NULL) == HW_STATUS_OK;
    }
    hw_stream_infos_free(infos);
    hw_engine_free(engine);
    /* A server removes files after it has answered, and may find them again for a stream that comes at once. */
    const struct timespec pause = {0, 50 * 1000000};
    nanosleep(&pause, NULL);
    return held;
}

static char *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = (char *)json_alloc((size_t)size + 1);
    *len = fread(text, 1, (size_t)size, file);
    fclose(file);
    return text;
}

/* In memory, or through a node. */
static hw_status open_here(hw_engine **engine) {
    const char *dir = getenv("HEADWATER_NODE");
    if (dir == NULL) {
        return hw_engine_memory(engine, NULL);
    }
    hw_engine_options options;
    HW_INIT(&options);
    options.node = HW_NODE_USE_ONLY;
    return hw_engine_open(dir, strlen(dir), &options, engine, NULL);
}

static bool run_file(const char *dir, const char *path) {
    size_t len = 0;
    const char *fault = "it cannot be read";
    char *text = read_file(path, &len);
    const json *vector = text == NULL ? NULL : json_parse(text, len, &fault);
    const json *steps = json_get(vector, "steps");
    if (steps == NULL || steps->len == 0) {
        fprintf(stderr, "%s: %s\n", path, fault != NULL ? fault : "there are no steps");
        return false;
    }
    const char *hub = getenv("HEADWATER_HUB");
    if (hub != NULL && json_get(vector, "local") != NULL) {
        json_free_all();
        return true;
    }
    runner r;
    memset(&r, 0, sizeof r);
    r.dir = dir;
    static unsigned vectors = 0;
    r.vector = ++vectors;
    bool held = (hub == NULL ? open_here(&r.engine) : connect_to(hub, &r.engine)) == HW_STATUS_OK;
    size_t index = 0;
    for (const json *step = steps->first; held && step != NULL; step = step->next) {
        r.args = hub == NULL ? step : on_hub(step);
        held = run_step_again(&r, path, index++, hub != NULL);
    }
    for (size_t i = 0; i < r.sources_len; i++) {
        hw_subscription_free(r.sources[i].subscription);
        hw_watcher_free(r.sources[i].watcher);
        hw_point_watcher_free(r.sources[i].point_watcher);
        hw_object_watcher_free(r.sources[i].object_watcher);
        hw_crdt_watcher_free(r.sources[i].crdt_watcher);
        hw_change_watcher_free(r.sources[i].change_watcher);
        hw_presence_watcher_free(r.sources[i].presence_watcher);
        hw_event_feed_free(r.sources[i].event_feed);
        hw_projection_free(r.sources[i].projection);
    }
    for (size_t i = 0; i < NAMED_MAX; i++) {
        hw_crdt_free(r.crdts[i].crdt);
        hw_replica_free(r.replicas[i].replica);
        hw_blob_free(r.fragments[i].fragment);
    }
    end_counters();
    close_databases(&r);
    close_presences(&r);
    held = hw_engine_close(r.engine, NULL) == HW_STATUS_OK && held;
    hw_engine_free(r.engine);
    json_free_all();
    return (hub == NULL || remove_streams(hub)) && held;
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 2; i < argc; i++) {
        failed += !run_file(argv[1], argv[i]);
    }
    if (argc < 3) {
        fputs("conformance DIRECTORY FILE...\n", stderr);
        return 2;
    }
    printf("%d vectors, %d failed\n", argc - 2, failed);
    return failed == 0 ? 0 : 1;
}

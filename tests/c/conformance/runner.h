/*
 * What the operations of the conformance vectors share: their arguments, where they put their result, and what they act
 * on. The table of operations is in conformance.c.
 */
#ifndef HEADWATER_TESTS_RUNNER_H
#define HEADWATER_TESTS_RUNNER_H

#include <headwater.h>

#include "json.h"

enum { SOURCES_MAX = 64, NAMED_MAX = 64 };

/* A subscription, a watcher or a projection that a step has named. */
typedef struct {
    const char *name;
    hw_subscription *subscription;
    hw_watcher *watcher;
    hw_point_watcher *point_watcher;
    hw_object_watcher *object_watcher;
    hw_crdt_watcher *crdt_watcher;
    hw_change_watcher *change_watcher;
    hw_presence_watcher *presence_watcher;
    hw_event_feed *event_feed;
    hw_projection *projection;
} source;

/* A CRDT store, a replica, a fragment, a held session, entities, or a SQLite file or presence store and its engine,
 * that a step has named. */
typedef struct {
    const char *name;
    hw_crdt *crdt;
    hw_replica *replica;
    hw_blob *fragment;
    hw_engine *engine;
    hw_database *database;
    hw_connection *connection;
    hw_presence *presence;
    hw_held_session *held;
    hw_entities *entities;
} named;

/* One step under way. What it acts on is open for as long as it runs. */
typedef struct {
    hw_engine *engine;
    hw_stream *stream;
    hw_consumer *consumer;
    hw_bucket *bucket;
    hw_object_store *store;
    hw_points *points;
    hw_event_store *events;
    hw_crdt *crdt;       /* It stays open: see `crdts`. */
    hw_replica *replica; /* Likewise. */
    named *node;         /* Likewise. */
    const json *args;
    json *result;
    hw_error *error;
    source sources[SOURCES_MAX];
    size_t sources_len;
    named crdts[NAMED_MAX];
    size_t crdts_len;
    named replicas[NAMED_MAX];
    size_t replicas_len;
    named fragments[NAMED_MAX];
    size_t fragments_len;
    named databases[NAMED_MAX];
    size_t databases_len;
    named presences[NAMED_MAX];
    size_t presences_len;
    named held[NAMED_MAX];
    size_t held_len;
    named entities[NAMED_MAX];
    size_t entities_len;
    hw_engine *meeting; /* The hub of the files. */
    unsigned vector;    /* Which one it is. */
    const char *dir; /* For files that come and go within a step. */
    const char *fault; /* What is wrong with the vector itself, if anything is. */
} runner;

typedef hw_status operation(runner *r);

/* Arguments: a default where one is left out. A wrong kind is a fault of the vector. */
uint64_t arg_u64(runner *r, const json *from, const char *name, uint64_t otherwise);
int64_t arg_i64(runner *r, const json *from, const char *name, int64_t otherwise);
bool arg_bool(runner *r, const json *from, const char *name);
hw_str arg_text(runner *r, const json *from, const char *name);
hw_str *arg_texts(runner *r, const json *from, const char *name, size_t *len);
bool has(const json *from, const char *name);

/* The number of a name in a list that ends with NULL; 0 where the argument is left out, -1 for an unknown name. */
int32_t arg_name(runner *r, const json *from, const char *name, const char *const *names);

/* A duration whose 0 is the default in C and not in the vector. */
uint64_t arg_duration(runner *r, const json *from, const char *name);

/* `name`, or `name_base64`, or `name_size` bytes. */
hw_bytes arg_bytes(runner *r, const json *from, const char *name);

/* State that merges. */
hw_crdt_value arg_scalar(runner *r, const json *from, const char *name);
hw_crdt_change arg_change(runner *r, const json *from);
hw_crdt_change *arg_changes(runner *r, size_t *len);

/* What stands under a name in a list of such; a new place where there is none. */
named *find_named(runner *r, named *list, size_t *len, hw_str name);

/* Which aggregates a feed or a projection takes. */
hw_event_filter *arg_filters(runner *r, size_t *len);

/* Opens what a step names, or finds it where a step before has opened it. */
hw_status open_crdt(runner *r);
void find_replica(runner *r);
void find_database(runner *r);
void close_databases(runner *r);
void close_presences(runner *r);

/* Fails when `from` holds a field that the list of names, with spaces between and around, does not. */
void check_fields(runner *r, const json *from, const char *names);

/* Results. */
json *text_of(hw_str text);
json *name_of(int32_t number, const char *const *names);
json *strings_of(const hw_strings *strings, bool with_numbers);
json *ack_of(const hw_ack *ack);
json *records_of(const hw_batch *batch);
json *record_or_null(const hw_batch *batch);
json *entries_of(const hw_entries *entries);
json *entry_or_null(const hw_entries *entries);
json *objects_of(const hw_object_infos *infos);
json *points_of(const hw_point_list *list);
json *int128_of(hw_int128 number);
json *reading_of(const hw_reading *reading, int32_t kind);
json *keys_of(const hw_strings *keys);
json *changed_of(const hw_strings *keys);
json *row_changes_of(const hw_answer *changes);

/* Adds the events of a list, up to one that can't be read, whose error it is. */
hw_status add_events(runner *r, json *to, const hw_events *events);

/* The entities that the step names; NULL, and a fault of the vector, where there are none. */
hw_entities *entities_of(runner *r);

/* What an answer in JSON is, which is freed; null for none. */
json *told_of(runner *r, hw_blob *blob);

/* A place for what a step has named. */
source *new_source(runner *r);

/* What the step takes from or acts on, by the name that `as` gave it; NULL for a consumer, which the runner has opened,
 * and with a fault of the vector where there is none. */
source *find_source(runner *r);

extern const char *const DURABILITIES[];
extern const char *const DISCARDS[];
extern const char *const COMPRESSIONS[];
extern const char *const ROLLUPS[];
extern const char *const DELIVER_POLICIES[];
extern const char *const ACK_POLICIES[];
extern const char *const OPERATIONS[];
extern const char *const FORMATS[];
extern const char *const KINDS[];

operation op_create_stream, op_update_stream, op_delete_stream, op_streams, op_stream_info, op_append, op_append_batch,
    op_get, op_last, op_last_many, op_last_seq, op_subjects, op_read, op_delete, op_purge, op_sync, op_encode_token,
    op_decode_token, op_sleep;
operation op_subscribe, op_create_consumer, op_delete_consumer, op_consumers, op_consumer_info, op_ack, op_nak,
    op_in_progress, op_term, op_take, op_try_next, op_missed, op_close, op_next_logs, op_close_engine;
operation op_create_bucket, op_delete_bucket, op_buckets, op_bucket_status, op_bucket_put, op_bucket_create,
    op_bucket_update, op_bucket_delete, op_bucket_purge, op_bucket_get, op_bucket_get_revision, op_bucket_history,
    op_bucket_keys, op_bucket_watch;
operation op_create_object_store, op_delete_object_store, op_object_stores, op_object_store_status, op_object_put,
    op_object_get, op_object_info, op_object_list, op_object_update, op_object_link, op_object_delete, op_object_watch;
operation op_create_points, op_points_write, op_points_latest, op_points_range, op_points_query, op_points_import,
    op_points_export, op_points_watch;
operation op_crdt_create, op_crdt_open, op_crdts, op_crdt_write, op_crdt_transaction, op_crdt_read, op_crdt_contains,
    op_crdt_rights, op_crdt_keys, op_crdt_dump, op_crdt_watch, op_crdt_status, op_crdt_release_held, op_crdt_merge;
operation op_replica, op_replica_write, op_replica_transaction, op_replica_read, op_replica_contains, op_replica_rights,
    op_replica_take_delta, op_replica_whole, op_replica_some, op_replica_since, op_replica_context,
    op_replica_caught_up, op_replica_apply, op_replica_extract, op_replica_restore, op_replica_stable, op_replica_held,
    op_replica_release, op_replica_digest;
operation op_database_attach, op_database_find, op_databases, op_database_link, op_database_unlink, op_database_execute,
    op_database_in_transaction, op_database_sync, op_database_pause, op_database_resume, op_database_detach,
    op_database_release, op_database_status, op_database_check, op_database_schema, op_database_snapshot,
    op_database_snapshots, op_database_restore, op_database_watch;
operation op_create_event_store, op_delete_event_store, op_event_stores, op_events_save, op_events_find_command,
    op_events_load, op_events_archive, op_events_forget,
    op_events_last_seq, op_events_snapshot, op_events_save_snapshot, op_events_list, op_events_follow;
operation op_projection, op_projection_seek, op_projection_advance, op_projection_commit, op_projection_flush,
    op_projection_fail, op_projection_position, op_projection_lag, op_projection_head, op_projection_switch,
    op_projections, op_delete_projection, op_dead_letters, op_delete_dead_letter, op_event_at;
operation op_entities, op_entities_active, op_entity_request, op_entity_notify, op_entity_pause, op_entity_step,
    op_entity_resume, op_entities_list, op_entity_nodes, op_entity_where, op_shard_of, op_shard_owner;
operation op_presence_open, op_presence_advance, op_presence_set, op_presence_hold, op_presence_update,
    op_presence_active, op_presence_release, op_presence_heartbeat, op_presence_leave, op_presence_choose,
    op_presence_hide, op_presence_get, op_presence_get_many, op_presence_list, op_presence_counts, op_presence_spaces,
    op_presence_purge, op_presence_status, op_presence_close, op_presence_watch;

#endif

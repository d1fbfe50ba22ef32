/*
 * State that merges: two handles of one store count, add and follow each other, and two replicas without an engine
 * become equal by the fragments that they send.
 */
#include <headwater.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 30000 };

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static hw_crdt_change change_of(const char *key, int32_t kind, int32_t op) {
    hw_crdt_change change;
    HW_INIT(&change);
    change.key.data = key;
    change.key.len = strlen(key);
    change.kind = kind;
    change.op = op;
    return change;
}

static hw_crdt_value text(const char *text) {
    hw_crdt_value value;
    memset(&value, 0, sizeof value);
    value.value_type = HW_CRDT_VALUE_TYPE_TEXT;
    value.bytes.data = text;
    value.bytes.len = strlen(text);
    return value;
}

static void like(const hw_crdt *store, int64_t amount) {
    hw_error *error = NULL;
    hw_crdt_written written;
    HW_INIT(&written);
    hw_crdt_change change = change_of("likes", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    change.amount = amount;
    check(hw_crdt_write(store, &change, &written, &error), error);
    printf("likes: %" PRIu64 "\n", written.total.low);
}

/* Several changes as one record: a tag, and a field of a map. */
static void describe(const hw_crdt *store) {
    hw_error *error = NULL;
    hw_crdt_change changes[2];
    hw_str fields[1];
    HW_SET(fields[0], "name");
    changes[0] = change_of("tags", HW_CRDT_KIND_SET, HW_CRDT_OP_INSERT);
    changes[0].value = text("blue");
    changes[1] = change_of("user", HW_CRDT_KIND_REGISTER, HW_CRDT_OP_WRITE);
    changes[1].fields = fields;
    changes[1].fields_len = 1;
    changes[1].value = text("Ann");
    check(hw_crdt_transaction(store, changes, 2, NULL, &error), error);
}

/* Waits until three keys changed, then prints what is in the store. */
static void follow(const hw_crdt *store, const hw_crdt_watcher *watcher) {
    hw_error *error = NULL;
    for (size_t seen = 0; seen < 3;) {
        hw_strings *keys = NULL;
        check(hw_crdt_watcher_next(watcher, 0, WAIT_MS, &keys, &error), error);
        for (size_t i = 0; i < hw_strings_len(keys); i++, seen++) {
            hw_str key;
            check(hw_strings_get(keys, i, &key, NULL, &error), error);
            printf("changed: %.*s\n", (int)key.len, key.data);
        }
        hw_strings_free(keys);
    }
    hw_crdt_entries *entries = NULL;
    hw_crdt_entry entry;
    HW_INIT(&entry);
    check(hw_crdt_dump(store, NULL, 0, &entries, &error), error);
    for (size_t i = 0; i < hw_crdt_entries_len(entries); i++) {
        check(hw_crdt_entries_get(entries, i, &entry, &error), error);
        printf("%.*s = %.*s\n", (int)entry.key.len, entry.key.data, (int)entry.json.len, entry.json.data);
    }
    hw_crdt_entries_free(entries);
}

/* The same without an engine: what one replica did reaches the other as bytes, by whatever carrier. */
static void without_an_engine(void) {
    hw_error *error = NULL;
    hw_replica *replicas[2] = {NULL, NULL};
    hw_blob *deltas[2] = {NULL, NULL};
    const uint64_t now_ms = 1000;
    for (int i = 0; i < 2; i++) {
        check(hw_replica_new((uint64_t)i, 1, &replicas[i], &error), error);
        hw_crdt_change change = change_of("likes", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
        change.amount = 2 + i;
        check(hw_replica_write(replicas[i], &change, now_ms, NULL, &error), error);
        check(hw_replica_take_delta(replicas[i], &deltas[i], &error), error);
    }
    for (int i = 0; i < 2; i++) {
        hw_bytes bytes;
        hw_reading *reading = NULL;
        hw_int128 likes;
        check(hw_blob_bytes(deltas[1 - i], &bytes, &error), error);
        check(hw_replica_apply(replicas[i], bytes.data, bytes.len, now_ms, NULL, NULL, &error), error);
        check(hw_replica_read(replicas[i], HW_LIT("likes"), NULL, 0, HW_CRDT_KIND_COUNTER, now_ms, &reading, &error),
              error);
        check(hw_reading_number(reading, &likes, &error), error);
        printf("replica %d: %" PRIu64 " likes after %zu bytes\n", i, likes.low, bytes.len);
        hw_reading_free(reading);
    }
    for (int i = 0; i < 2; i++) {
        hw_blob_free(deltas[i]);
        hw_replica_free(replicas[i]);
    }
}

int main(void) {
    hw_error *error = NULL;
    hw_engine *engine = NULL;
    hw_crdt *here = NULL;
    hw_crdt *there = NULL;
    hw_crdt_watcher *watcher = NULL;
    check(hw_engine_temporary(&engine, &error), error);
    hw_crdt_config config;
    HW_INIT(&config);
    HW_SET(config.name, "app");
    check(hw_engine_create_crdt(engine, &config, &here, &error), error);
    check(hw_engine_crdt(engine, HW_LIT("app"), &there, &error), error);

    check(hw_crdt_watch(there, NULL, 0, &watcher, &error), error);
    like(here, 5);
    describe(here);
    follow(there, watcher);
    like(there, 1);
    without_an_engine();

    hw_crdt_watcher_free(watcher);
    hw_crdt_free(there);
    hw_crdt_free(here);
    check(hw_engine_close(engine, &error), error);
    hw_engine_free(engine);
    return 0;
}

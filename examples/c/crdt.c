/*
 * State that merges: a counter and a set are changed in a store, and two replicas that worked apart become equal.
 */
#include <headwater.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 30000 };

static const uint64_t NOW_MS = UINT64_C(1772323200000);

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static hw_crdt_change likes(int64_t amount) {
    hw_crdt_change change;
    HW_INIT(&change);
    HW_SET(change.key, "likes");
    change.kind = HW_CRDT_KIND_COUNTER;
    change.op = HW_CRDT_OP_ADD;
    change.amount = amount;
    return change;
}

static hw_crdt_change tag(int32_t op, const char *name) {
    hw_crdt_change change;
    HW_INIT(&change);
    HW_SET(change.key, "tags");
    change.kind = HW_CRDT_KIND_SET;
    change.op = op;
    change.value.value_type = HW_CRDT_VALUE_TYPE_TEXT;
    change.value.bytes.data = name;
    change.value.bytes.len = strlen(name);
    return change;
}

/* Prints the values of a reading, and frees it. */
static void print_values(hw_reading *reading) {
    hw_error *error = NULL;
    for (size_t i = 0; i < hw_reading_len(reading); i++) {
        hw_crdt_value value;
        check(hw_reading_value(reading, i, &value, &error), error);
        printf("%s%.*s", i == 0 ? "" : ", ", (int)value.bytes.len, (const char *)value.bytes.data);
    }
    hw_reading_free(reading);
}

static int64_t count(const hw_crdt *store, int64_t amount) {
    hw_error *error = NULL;
    hw_crdt_change change = likes(amount);
    hw_crdt_written written;
    HW_INIT(&written);
    check(hw_crdt_write(store, &change, &written, &error), error);
    return (int64_t)written.total.low;
}

static void count_and_tag(const hw_crdt *store) {
    hw_error *error = NULL;
    hw_crdt_watcher *watcher = NULL;
    check(hw_crdt_watch(store, NULL, 0, &watcher, &error), error);
    int64_t first = count(store, 5);
    printf("likes are %" PRId64 ", and then %" PRId64 "\n", first, count(store, -2));

    hw_str fields[1];
    HW_SET(fields[0], "colour");
    hw_crdt_change changes[3];
    changes[0] = tag(HW_CRDT_OP_INSERT, "blue");
    changes[1] = tag(HW_CRDT_OP_INSERT, "green");
    changes[2] = changes[0];
    HW_SET(changes[2].key, "ada");
    changes[2].fields = fields;
    changes[2].fields_len = 1;
    changes[2].kind = HW_CRDT_KIND_REGISTER;
    changes[2].op = HW_CRDT_OP_WRITE;
    check(hw_crdt_transaction(store, changes, 3, NULL, &error), error);

    /* All that came until now is one list, each key once, in order. */
    hw_strings *keys = NULL;
    check(hw_crdt_watcher_next(watcher, 0, WAIT_MS, &keys, &error), error);
    printf("changed: ");
    for (size_t i = 0; i < hw_strings_len(keys); i++) {
        hw_str key;
        check(hw_strings_get(keys, i, &key, NULL, &error), error);
        printf("%s%.*s", i == 0 ? "" : ", ", (int)key.len, key.data);
    }
    printf("\n");
    hw_strings_free(keys);
    hw_crdt_watcher_free(watcher);
}

static void read_it(const hw_crdt *store) {
    hw_error *error = NULL;
    hw_reading *reading = NULL;
    hw_str fields[1];
    HW_SET(fields[0], "colour");
    check(hw_crdt_read(store, HW_LIT("tags"), NULL, 0, HW_CRDT_KIND_SET, &reading, &error), error);
    printf("tags are ");
    print_values(reading);
    check(hw_crdt_read(store, HW_LIT("ada"), fields, 1, HW_CRDT_KIND_REGISTER, &reading, &error), error);
    printf("; Ada's colour is ");
    print_values(reading);
    printf("\n");
}

static void change_both(hw_replica *replica, int64_t amount, int32_t op, const char *name) {
    hw_error *error = NULL;
    hw_crdt_change changes[2];
    changes[0] = likes(amount);
    changes[1] = tag(op, name);
    check(hw_replica_transaction(replica, changes, 2, NOW_MS, &error), error);
}

/* What one replica did since the last time reaches the other as bytes. */
static void send_to(hw_replica *from, hw_replica *to) {
    hw_error *error = NULL;
    hw_blob *delta = NULL;
    hw_bytes bytes;
    check(hw_replica_take_delta(from, &delta, &error), error);
    check(hw_blob_bytes(delta, &bytes, &error), error);
    check(hw_replica_apply(to, bytes.data, bytes.len, NOW_MS, NULL, NULL, &error), error);
    hw_blob_free(delta);
}

/* What a program does that carries fragments by itself: no store, no network, no clock. */
static void merge(void) {
    hw_error *error = NULL;
    hw_replica *here = NULL;
    hw_replica *there = NULL;
    check(hw_replica_new(1, 1, &here, &error), error);
    check(hw_replica_new(2, 1, &there, &error), error);
    change_both(here, 2, HW_CRDT_OP_INSERT, "blue");
    send_to(here, there);
    /* From here on they know nothing of each other. */
    change_both(here, 2, HW_CRDT_OP_REMOVE, "blue");
    change_both(there, 1, HW_CRDT_OP_INSERT, "green");
    send_to(here, there);
    send_to(there, here);

    hw_reading *reading = NULL;
    hw_int128 total;
    check(hw_replica_read(there, HW_LIT("likes"), NULL, 0, HW_CRDT_KIND_COUNTER, NOW_MS, &reading, &error), error);
    check(hw_reading_number(reading, &total, &error), error);
    hw_reading_free(reading);
    printf("after the exchange both have %" PRIu64 " likes and the tags ", total.low);
    check(hw_replica_read(here, HW_LIT("tags"), NULL, 0, HW_CRDT_KIND_SET, NOW_MS, &reading, &error), error);
    print_values(reading);
    printf("\n");
    hw_replica_free(here);
    hw_replica_free(there);
}

int main(void) {
    hw_error *error = NULL;
    hw_engine *engine = NULL;
    hw_crdt *store = NULL;
    check(hw_engine_temporary(&engine, &error), error);
    hw_crdt_config config;
    HW_INIT(&config);
    HW_SET(config.name, "app");
    check(hw_engine_create_crdt(engine, &config, &store, &error), error);
    count_and_tag(store);
    check(hw_crdt_close(store, &error), error);
    hw_crdt_free(store);
    check(hw_engine_crdt(engine, HW_LIT("app"), &store, &error), error);
    read_it(store);
    merge();
    hw_crdt_free(store);
    check(hw_engine_close(engine, &error), error);
    hw_engine_free(engine);
    return 0;
}

/* Replicas without an engine: fragments in any order, bad bytes, two threads at once, a fork. */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20000, NOW_MS = 1000 };

static hw_replica *make(uint64_t engine) {
    hw_replica *replica = NULL;
    OK(hw_replica_new(engine, 10 * engine, &replica, &error));
    return replica;
}

static bool change(hw_replica *replica, const char *key, int32_t kind, int32_t op, int64_t number) {
    hw_crdt_change change;
    bool is_done = false;
    HW_INIT(&change);
    change.key = str(key);
    change.kind = kind;
    change.op = op;
    change.amount = number;
    change.value.value_type = HW_CRDT_VALUE_TYPE_INT;
    change.value.integer = number;
    OK(hw_replica_write(replica, &change, NOW_MS, &is_done, &error));
    return is_done;
}

static int64_t number(hw_replica *replica, const char *key) {
    hw_reading *reading = NULL;
    hw_int128 number;
    OK(hw_replica_read(replica, key, strlen(key), NULL, 0, HW_CRDT_KIND_COUNTER, NOW_MS, &reading, &error));
    OK(hw_reading_number(reading, &number, &error));
    hw_reading_free(reading);
    return (int64_t)number.low;
}

static hw_bytes bytes_of(const hw_blob *blob) {
    hw_bytes bytes;
    OK(hw_blob_bytes(blob, &bytes, &error));
    return bytes;
}

static size_t apply(hw_replica *replica, const hw_blob *fragment) {
    hw_bytes bytes = bytes_of(fragment);
    hw_strings *changed = NULL;
    bool is_held = true;
    OK(hw_replica_apply(replica, bytes.data, bytes.len, NOW_MS, &is_held, &changed, &error));
    size_t len = hw_strings_len(changed);
    CHECK(!is_held);
    hw_strings_free(changed);
    return len;
}

static void replicas_become_equal(void) {
    hw_replica *here = make(1);
    hw_replica *there = make(2);
    hw_blob *fragments[4] = {NULL, NULL, NULL, NULL};
    hw_blob *context = NULL;
    hw_actor actor;
    OK(hw_replica_actor(there, &actor, &error));
    CHECK(actor.engine == 2 && actor.epoch == 20);
    CHECK(change(here, "n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD, 5));
    CHECK(!change(here, "s", HW_CRDT_KIND_SET, HW_CRDT_OP_REMOVE, 5));
    OK(hw_replica_take_delta(here, &fragments[0], &error));
    CHECK(change(here, "n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD, -7));
    CHECK(change(here, "s", HW_CRDT_KIND_SET, HW_CRDT_OP_INSERT, 1));
    OK(hw_replica_take_delta(here, &fragments[1], &error));
    OK(hw_replica_take_delta(here, &fragments[2], &error));
    CHECK(bytes_of(fragments[2]).len == 0);

    CHECK(apply(there, fragments[1]) == 2 && apply(there, fragments[0]) == 0 && apply(there, fragments[1]) == 0);
    CHECK(number(there, "n") == -2);
    OK(hw_replica_context(there, &context, &error));
    hw_bytes seen = bytes_of(context);
    CHECK(change(here, "n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD, 1));
    OK(hw_replica_since(here, seen.data, seen.len, &fragments[3], &error));
    CHECK(apply(there, fragments[3]) == 1 && number(there, "n") == -1);
    hw_blob_free(context);
    OK(hw_replica_context(here, &context, &error));
    seen = bytes_of(context);
    OK(hw_replica_caught_up(there, seen.data, seen.len, &error));
    FAILS(HW_STATUS_CORRUPT, hw_replica_caught_up(there, "x", 1, &error));
    FAILS(HW_STATUS_CORRUPT, hw_replica_since(there, "x", 1, &context, &error));
    hw_blob_free(context);

    uint64_t digests[2] = {0, 1};
    OK(hw_replica_digest(here, HW_LIT("n"), HW_CRDT_KIND_COUNTER, NOW_MS, &digests[0], &error));
    OK(hw_replica_digest(there, HW_LIT("n"), HW_CRDT_KIND_COUNTER, NOW_MS, &digests[1], &error));
    CHECK(digests[0] == digests[1] && digests[0] != 0);
    hw_blob *wholes[2] = {NULL, NULL};
    OK(hw_replica_whole(here, &wholes[0], &error));
    OK(hw_replica_whole(there, &wholes[1], &error));
    hw_bytes one = bytes_of(wholes[0]);
    hw_bytes two = bytes_of(wholes[1]);
    CHECK(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    hw_strings *keys = NULL;
    OK(hw_replica_keys(there, &keys, &error));
    CHECK(hw_strings_len(keys) == 2);
    hw_strings_free(keys);
    for (int i = 0; i < 4; i++) {
        hw_blob_free(fragments[i]);
    }
    hw_blob_free(wholes[0]);
    hw_blob_free(wholes[1]);
    hw_replica_free(here);
    hw_replica_free(there);
}

static void what_is_ahead_is_held(void) {
    hw_replica *here = make(1);
    hw_replica *there = make(2);
    hw_blob *delta = NULL;
    hw_strings *changed = NULL;
    bool is_held = false;
    size_t held = 0;
    change(here, "r", HW_CRDT_KIND_REGISTER, HW_CRDT_OP_WRITE, 1);
    hw_crdt_change later;
    HW_INIT(&later);
    HW_SET(later.key, "r");
    later.kind = HW_CRDT_KIND_REGISTER;
    later.op = HW_CRDT_OP_WRITE;
    later.value.value_type = HW_CRDT_VALUE_TYPE_INT;
    OK(hw_replica_transaction(here, &later, 1, 100 * NOW_MS, &error));
    OK(hw_replica_take_delta(here, &delta, &error));
    hw_bytes bytes = bytes_of(delta);
    OK(hw_replica_apply(there, bytes.data, bytes.len, NOW_MS, &is_held, &changed, &error));
    CHECK(is_held && hw_strings_len(changed) == 0);
    hw_strings_free(changed);
    OK(hw_replica_held(there, &held, &error));
    CHECK(held == 1);
    OK(hw_replica_release(there, 0, NOW_MS, &changed, &error));
    CHECK(hw_strings_len(changed) == 0);
    hw_strings_free(changed);
    OK(hw_replica_release(there, 1, NOW_MS, &changed, &error));
    CHECK(hw_strings_len(changed) == 1);
    hw_strings_free(changed);
    OK(hw_replica_release(there, 1, NOW_MS, NULL, &error));
    hw_blob_free(delta);
    hw_replica_free(here);
    hw_replica_free(there);
}

static void bad_input_is_answered(void) {
    hw_replica *replica = make(1);
    hw_replica *twin = make(1);
    hw_blob *blob = NULL;
    hw_reading *reading = NULL;
    hw_bytes bytes;
    int32_t kinds[1] = {0};
    hw_str names[1];
    HW_SET(names[0], "n");
    FAILS(HW_STATUS_INVALID, hw_replica_new(1, 1, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_replica_write(NULL, NULL, 0, NULL, &error));
    SAID("replica is NULL");
    FAILS(HW_STATUS_INVALID, hw_replica_write(replica, NULL, 0, NULL, &error));
    SAID("change is NULL");
    FAILS(HW_STATUS_INVALID, hw_replica_take_delta(replica, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_replica_some(replica, names, kinds, 1, &blob, &error));
    SAID("kind is 0");
    FAILS(HW_STATUS_INVALID, hw_replica_some(replica, names, NULL, 1, &blob, &error));
    FAILS(HW_STATUS_INVALID, hw_replica_read(replica, HW_LIT("n"), NULL, 0, 11, 0, &reading, &error));
    FAILS(HW_STATUS_CORRUPT, hw_replica_apply(replica, NULL, 0, 0, NULL, NULL, &error));
    SAID("at byte 0");
    FAILS(HW_STATUS_INVALID, hw_replica_apply(replica, NULL, 1, 0, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_blob_bytes(NULL, &bytes, &error));
    change(replica, "n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD, 1);
    kinds[0] = HW_CRDT_KIND_COUNTER;
    OK(hw_replica_some(replica, names, kinds, 1, &blob, &error));
    bytes = bytes_of(blob);
    FAILS(HW_STATUS_CONFLICT, hw_replica_apply(twin, bytes.data, bytes.len, 0, NULL, NULL, &error));
    SAID("used twice");
    FAILS(HW_STATUS_CORRUPT, hw_replica_apply(twin, bytes.data, bytes.len - 1, 0, NULL, NULL, &error));
    CHECK(number(twin, "n") == 0);
    hw_blob_free(blob);
    hw_replica_free(twin);
    hw_replica_free(replica);
    hw_replica_free(NULL);
    hw_blob_free(NULL);
}

typedef struct {
    hw_replica *replica;
    uint64_t done;
    uint64_t refused;
} worker;

static void *count(void *place) {
    worker *self = (worker *)place;
    hw_crdt_change change;
    HW_INIT(&change);
    HW_SET(change.key, "n");
    change.kind = HW_CRDT_KIND_COUNTER;
    change.op = HW_CRDT_OP_ADD;
    change.amount = 1;
    for (int i = 0; i < ROUNDS; i++) {
        hw_status status = hw_replica_write(self->replica, &change, NOW_MS, NULL, NULL);
        self->done += status == HW_STATUS_OK;
        self->refused += status == HW_STATUS_MISUSE;
    }
    return NULL;
}

static void two_threads_at_once_are_told_and_harm_nothing(void) {
    hw_replica *replica = make(1);
    worker workers[2] = {{replica, 0, 0}, {replica, 0, 0}};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, count, &workers[0]) == 0);
    count(&workers[1]);
    CHECK(pthread_join(thread, NULL) == 0);
    uint64_t done = workers[0].done + workers[1].done;
    CHECK(done + workers[0].refused + workers[1].refused == 2 * ROUNDS);
    CHECK(done > 0 && (uint64_t)number(replica, "n") == done);
    hw_replica_free(replica);
}

static void a_child_of_a_fork_has_a_copy(void) {
    hw_replica *replica = make(1);
    change(replica, "n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD, 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(number(replica, "n") == 1);
        hw_replica_free(replica);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    hw_replica_free(replica);
}

int main(void) {
    replicas_become_equal();
    what_is_ahead_is_held();
    bad_input_is_answered();
    two_threads_at_once_are_told_and_harm_nothing();
    a_child_of_a_fork_has_a_copy();
    return 0;
}

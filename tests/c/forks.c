/* The child of a fork() is told so, may free what it has, and can open an engine of its own; the parent goes on. */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 100, CHILD_SECONDS_MAX = 20 };

static void in_the_child(hw_engine *engine, hw_stream *stream, hw_subscription *subscription, hw_batch *batch) {
    uint64_t seq = 0;
    hw_batch *other = NULL;
    FAILS(HW_STATUS_CLOSED, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, &error));
    SAID("fork()");
    FAILS(HW_STATUS_CLOSED, hw_stream_last_seq(stream, HW_LIT(">"), &seq, &error));
    FAILS(HW_STATUS_CLOSED, hw_subscription_next(subscription, 1, -1, &other, &error));
    FAILS(HW_STATUS_CLOSED, hw_engine_close(engine, &error));

    /* What was read before is memory of the child's own. */
    hw_record record;
    HW_INIT(&record);
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(text_is(record.subject, "s.a"));
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    hw_engine_free(engine);

    hw_engine *own = memory_engine();
    hw_stream *own_stream = stream_of(own, "s");
    CHECK(append(own_stream, "s.a", "x") == 1);
    hw_stream_free(own_stream);
    OK(hw_engine_close(own, &error));
    hw_engine_free(own);
}

/* Runs the child's part in a child, and waits for it. */
static void fork_and_wait(hw_engine *engine, hw_stream *stream, hw_subscription *subscription, hw_batch *batch) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(engine, stream, subscription, batch);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What is on disk is the parent's alone: the child freed every handle, and closed nothing of it. */
static void the_directory_is_as_it_was(const char *dir) {
    hw_verify_report report;
    HW_INIT(&report);
    OK(hw_verify(dir, strlen(dir), NULL, &report, NULL, NULL, &error));
    CHECK(report.records == 2 && report.damage_len == 0 && report.torn_len == 0);
    hw_engine *engine = NULL;
    hw_stream *stream = NULL;
    hw_batch *batch = NULL;
    OK(hw_engine_open(dir, strlen(dir), NULL, &engine, &error));
    OK(hw_engine_stream(engine, HW_LIT("s"), &stream, &error));
    OK(hw_stream_read(stream, NULL, &batch, &error));
    CHECK(hw_batch_len(batch) == 2);
    hw_batch_free(batch);
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
}

static void with(const char *dir, uint8_t no_worker) {
    hw_engine_options options;
    HW_INIT(&options);
    options.no_worker = no_worker;
    hw_engine *engine = NULL;
    hw_subscription *subscription = NULL;
    hw_batch *batch = NULL;
    OK(hw_engine_open(dir, strlen(dir), &options, &engine, &error));
    hw_stream *stream = stream_of(engine, "s");
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    append(stream, "s.a", "x");
    OK(hw_stream_last(stream, HW_LIT("s.a"), &batch, &error));

    fork_and_wait(engine, stream, subscription, batch);
    CHECK(append(stream, "s.a", "y") == 2);
    hw_batch_free(batch);
    OK(hw_subscription_next(subscription, 10, -1, &batch, &error));
    CHECK(hw_batch_len(batch) == 2);
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    the_directory_is_as_it_was(dir);
}

typedef struct {
    const hw_stream *stream;
    volatile bool stop;
} writer;

static void *keep_writing(void *place) {
    writer *self = (writer *)place;
    while (!self->stop) {
        hw_stream_append(self->stream, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, NULL);
    }
    return NULL;
}

/* A lock that another thread holds at the fork is held in the child for ever: freeing must not ask for it. */
static void a_child_frees_while_the_parent_writes(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    writer self;
    self.stream = stream;
    self.stop = false;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, keep_writing, &self) == 0);
    for (int i = 0; i < FORKS; i++) {
        hw_subscription *subscription = NULL;
        OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(CHILD_SECONDS_MAX);
            hw_subscription_free(subscription);
            hw_stream_free(stream);
            hw_engine_free(engine);
            _exit(0);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        hw_subscription_free(subscription);
    }
    self.stop = true;
    pthread_join(thread, NULL);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static hw_status like(const hw_crdt *crdt, hw_crdt_written *written) {
    hw_crdt_change change;
    HW_INIT(&change);
    HW_SET(change.key, "likes");
    change.kind = HW_CRDT_KIND_COUNTER;
    change.op = HW_CRDT_OP_ADD;
    change.amount = 1;
    return hw_crdt_write(crdt, &change, written, &error);
}

/* The child would make operations as the actor that the parent goes on as. */
static void a_crdt_store_is_the_parents_alone(void) {
    hw_engine *engine = memory_engine();
    hw_crdt_config config;
    HW_INIT(&config);
    HW_SET(config.name, "app");
    hw_crdt *crdt = NULL;
    hw_crdt_watcher *watcher = NULL;
    hw_strings *keys = NULL;
    OK(hw_engine_create_crdt(engine, &config, &crdt, &error));
    OK(hw_crdt_watch(crdt, NULL, 0, &watcher, &error));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        FAILS(HW_STATUS_CLOSED, like(crdt, NULL));
        SAID("fork()");
        FAILS(HW_STATUS_CLOSED, hw_crdt_watcher_next(watcher, 0, -1, &keys, &error));
        FAILS(HW_STATUS_CLOSED, hw_crdt_close(crdt, &error));
        hw_crdt_watcher_free(watcher);
        hw_crdt_free(crdt);
        hw_engine_free(engine);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    hw_crdt_written written;
    HW_INIT(&written);
    OK(like(crdt, &written));
    CHECK(written.total.low == 1);
    hw_crdt_watcher_free(watcher);
    hw_crdt_free(crdt);
    hw_engine_free(engine);
}

/* SQLite must not be carried over a fork: the child has none of the locks that its copy thinks it has. */
static void a_connection_is_the_parents_alone(const char *place) {
    char path[600];
    hw_engine *engine = memory_engine();
    hw_database_config config;
    hw_database *database = NULL;
    hw_connection *connection = NULL;
    snprintf(path, sizeof path, "%s/app.db", place);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
    HW_INIT(&config);
    config.path = str(path);
    OK(hw_engine_attach(engine, &config, &database, &error));
    OK(hw_database_connect(database, &connection, &error));
    OK(hw_connection_execute(connection, HW_LIT("CREATE TABLE t(id INTEGER PRIMARY KEY)"), NULL, 0, NULL, &error));
    OK(hw_connection_execute(connection, HW_LIT("BEGIN IMMEDIATE"), NULL, 0, NULL, &error));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        hw_connection *other = NULL;
        FAILS(HW_STATUS_CLOSED, hw_connection_execute(connection, HW_LIT("COMMIT"), NULL, 0, NULL, &error));
        SAID("fork()");
        FAILS(HW_STATUS_CLOSED, hw_database_connect(database, &other, &error));
        FAILS(HW_STATUS_CLOSED, hw_database_detach(database, &error));
        hw_connection_free(connection);
        hw_database_free(database);
        hw_engine_free(engine);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(hw_connection_execute(connection, HW_LIT("INSERT INTO t VALUES (1)"), NULL, 0, NULL, &error));
    OK(hw_connection_execute(connection, HW_LIT("COMMIT"), NULL, 0, NULL, &error));
    hw_connection_free(connection);
    hw_database_free(database);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
}

int main(int argc, char **argv) {
    char dir[512];
    const char *place = argc > 1 ? argv[1] : ".";
    snprintf(dir, sizeof dir, "%s/with-a-worker", place);
    with(dir, 0);
    snprintf(dir, sizeof dir, "%s/without", place);
    with(dir, 1);
    a_child_frees_while_the_parent_writes();
    a_crdt_store_is_the_parents_alone();
    a_connection_is_the_parents_alone(place);
    return 0;
}

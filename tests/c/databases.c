/* SQLite files that replicate: two nodes and a hub in one process, values, mistakes, snapshots, two threads at once. */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS_MAX = 20000, STEP_MS = 10, ANSWER_MS = 10000, ROUNDS = 2000 };

static const char *dir;
static char paths[8][600];

/* A path in the directory of the test, which lives as long as the test. */
static hw_str path_of(int place, const char *file) {
    snprintf(paths[place], sizeof paths[place], "%s/%s", dir, file);
    return str(paths[place]);
}

/* A file of SQLite's that has nothing in it yet is an empty one. */
static hw_database_config config_of(int place, const char *file) {
    hw_database_config config;
    HW_INIT(&config);
    config.path = path_of(place, file);
    FILE *made = fopen(paths[place], "a");
    CHECK(made != NULL && fclose(made) == 0);
    HW_SET(config.name, "app");
    return config;
}

static hw_database *attach(const hw_engine *engine, const hw_database_config *config) {
    hw_database *database = NULL;
    OK(hw_engine_attach(engine, config, &database, &error));
    return database;
}

static hw_connection *connect_to(const hw_database *database) {
    hw_connection *connection = NULL;
    OK(hw_database_connect(database, &connection, &error));
    return connection;
}

static void execute(hw_connection *connection, const char *sql) {
    OK(hw_connection_execute(connection, sql, strlen(sql), NULL, 0, NULL, &error));
}

/* The one number that a query finds; -1 where it finds none. */
static int64_t number_of(hw_connection *connection, const char *sql) {
    hw_answer *answer = NULL;
    hw_sql_value value;
    value.integer = -1;
    OK(hw_connection_execute(connection, sql, strlen(sql), NULL, 0, &answer, &error));
    if (hw_answer_rows_len(answer) > 0) {
        OK(hw_answer_value(answer, 0, 0, &value, &error));
        CHECK(value.sql_type == HW_SQL_TYPE_INTEGER);
    }
    hw_answer_free(answer);
    return value.integer;
}

static void until_number_is(hw_connection *connection, const char *sql, int64_t wanted) {
    struct timespec step;
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    for (int waited = 0; waited < WAIT_MS_MAX; waited += STEP_MS) {
        if (number_of(connection, sql) == wanted) {
            return;
        }
        nanosleep(&step, NULL);
    }
    fail_at(__FILE__, __LINE__, sql, "did not come");
}

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

static const char *status_of(const hw_database *database) {
    hw_blob *blob = NULL;
    OK(hw_database_status(database, ANSWER_MS, &blob, &error));
    return text_of(blob);
}

static void what_cannot_be_attached_is_refused(const hw_engine *engine) {
    hw_database *database = NULL;
    hw_database_config config;
    HW_INIT(&config);
    FAILS(HW_STATUS_INVALID, hw_engine_attach(engine, NULL, &database, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_attach(engine, &config, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_attach(engine, &config, &database, &error));
    SAID("path");
    config.path = path_of(0, "none.db");
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_attach(engine, &config, &database, &error));
    SAID("none.db");
    config = config_of(0, "refused.db");
    HW_SET(config.name, "no good");
    FAILS(HW_STATUS_INVALID, hw_engine_attach(engine, &config, &database, &error));
    SAID("no good");
    config.name = str("app");
    config.log_durability = 9;
    FAILS(HW_STATUS_INVALID, hw_engine_attach(engine, &config, &database, &error));
    SAID("hw_durability");
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_database(engine, HW_LIT("app"), &database, &error));
#ifdef __linux__
    /* Whoever has it open otherwise would drop the locks of ours when closing it. */
    config.log_durability = 0;
    FILE *open = fopen(paths[0], "r");
    CHECK(open != NULL);
    FAILS(HW_STATUS_CONFLICT, hw_engine_attach(engine, &config, &database, &error));
    SAID("open already");
    CHECK(fclose(open) == 0);
#endif
    CHECK(database == NULL);
    hw_database_free(NULL);
}

/* One update of book 1; the answer is freed. */
static void a_change_is_told(hw_answer *changes) {
    static const char *const columns[] = {"table", "kind", "node", "stamp", "time_ms", "key0"};
    hw_str column;
    hw_sql_value value;
    CHECK(hw_answer_rows_len(changes) == 1 && hw_answer_columns_len(changes) == 6);
    for (size_t i = 0; i < 6; i++) {
        OK(hw_answer_column(changes, i, &column, &error));
        CHECK(text_is(column, columns[i]));
    }
    OK(hw_answer_value(changes, 0, 1, &value, &error));
    CHECK(value.bytes.len == 6 && memcmp(value.bytes.data, "update", 6) == 0);
    OK(hw_answer_value(changes, 0, 2, &value, &error));
    CHECK(value.bytes.len == 16);
    OK(hw_answer_value(changes, 0, 5, &value, &error));
    CHECK(value.sql_type == HW_SQL_TYPE_INTEGER && value.integer == 1);
    hw_answer_free(changes);
}

static void what_is_written_at_one_is_read_at_the_other(const hw_engine *a, const hw_engine *b, const hw_engine *hub) {
    hw_database_config configs[2];
    hw_str tables[1];
    HW_SET(tables[0], "secrets");
    configs[0] = config_of(1, "a.db");
    HW_SET(configs[0].node_id, "shop-a");
    configs[0].exclude = tables;
    configs[0].exclude_len = 1;
    configs[1] = config_of(2, "b.db");
    hw_database *here = attach(a, &configs[0]);
    hw_database *there = attach(b, &configs[1]);
    hw_connection *at_a = connect_to(here);
    hw_connection *at_b = connect_to(there);

    /* While it is attached, and has connections, it is found again. */
    hw_database *again = attach(a, &configs[0]);
    hw_str name;
    OK(hw_database_name(again, &name, &error));
    CHECK(text_is(name, "app"));
    hw_strings *streams = NULL;
    OK(hw_database_stream_names(again, &streams, &error));
    OK(hw_strings_get(streams, 0, &name, NULL, &error));
    CHECK(hw_strings_len(streams) == 1 && text_is(name, "REPLICA_app"));
    hw_strings_free(streams);
    OK(hw_database_path(again, &name, &error));
    CHECK(name.len > 4 && memcmp(name.data + name.len - 4, "a.db", 4) == 0);
    hw_database_free(again);
    configs[0].exclude_len = 0;
    FAILS(HW_STATUS_CONFLICT, hw_engine_attach(a, &configs[0], &again, &error));
    OK(hw_engine_database(a, HW_LIT("app"), &again, &error));
    hw_database_free(again);

    execute(at_a, "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT)");
    execute(at_a, "CREATE TABLE secrets(id INTEGER PRIMARY KEY)");
    execute(at_b, "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT)");
    hw_link_config link;
    hw_stream_config create;
    HW_INIT(&create);
    HW_INIT(&link);
    HW_SET(link.name, "hub");
    HW_SET(link.stream, "REPLICA_app");
    HW_SET(link.remote, "REPLICA_app");
    link.create = &create;
    OK(hw_engine_add_link(a, &link, hub, &error));
    OK(hw_engine_add_link(b, &link, hub, &error));
    execute(at_a, "INSERT INTO books VALUES (1, 'Emma')");
    execute(at_a, "INSERT INTO secrets VALUES (1)");
    until_number_is(at_b, "SELECT id FROM books WHERE title = 'Emma'", 1);
    hw_change_watcher *watcher = NULL;
    hw_answer *changes = NULL;
    OK(hw_database_watch(here, &watcher, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_change_watcher_next(watcher, 0, 0, &changes, &error));
    execute(at_b, "UPDATE books SET title = 'Undine'");
    OK(hw_change_watcher_next(watcher, 0, ANSWER_MS, &changes, &error));
    a_change_is_told(changes);
    uint64_t missed = 7;
    OK(hw_change_watcher_missed(watcher, &missed, &error));
    CHECK(missed == 0);
    OK(hw_change_watcher_cancel(watcher, &error));
    OK(hw_change_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_change_watcher_next(watcher, 0, ANSWER_MS, &changes, &error));
    hw_change_watcher_free(watcher);
    hw_change_watcher_free(NULL);
    FAILS(HW_STATUS_INVALID, hw_database_watch(here, NULL, &error));
    until_number_is(at_a, "SELECT id FROM books WHERE title = 'Undine'", 1);

    OK(hw_database_sync(here, ANSWER_MS, &error));
    const char *status = status_of(here);
    CHECK(strstr(status, "\"node_id\":\"shop-a\"") != NULL && strstr(status, "\"state\":\"running\"") != NULL);
    CHECK(strstr(status, "\"tables\":[\"books\"]") != NULL && strstr(status, "\"job\":null") != NULL);
    hw_blob *blob = NULL;
    OK(hw_engine_databases(a, ANSWER_MS, &blob, &error));
    CHECK(strncmp(text_of(blob), "[{\"name\":\"app\"", 14) == 0);
    OK(hw_database_schema(here, ANSWER_MS, &blob, &error));
    CHECK(strstr(text_of(blob), "{\"table\":\"books\",\"forms\":{") != NULL);
    OK(hw_database_check(here, 0, -1, &blob, &error));
    CHECK(strstr(text_of(blob), "\"repaired\":false") != NULL);
    FAILS(HW_STATUS_INVALID, hw_database_status(here, ANSWER_MS, NULL, &error));

    uint64_t released = 7;
    OK(hw_database_pause(here, &error));
    CHECK(strstr(status_of(here), "\"state\":\"paused\"") != NULL);
    FAILS(HW_STATUS_CONFLICT, hw_database_sync(here, ANSWER_MS, &error));
    OK(hw_database_resume(here, &error));
    OK(hw_database_release(here, &released, &error));
    CHECK(released == 0);
    OK(hw_database_detach(here, &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_database_sync(here, ANSWER_MS, &error));
    CHECK(number_of(at_a, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'") == 0);
    hw_connection_free(at_a);
    hw_database_free(here);
    /* A connection keeps all that it needs. */
    hw_database_free(there);
    CHECK(number_of(at_b, "SELECT count(*) FROM books") == 1);
    hw_connection_free(at_b);
    hw_connection_free(NULL);
}

static void values_come_back_as_what_they_are(hw_connection *connection) {
    hw_sql_value given[5];
    hw_sql_value value;
    hw_answer *answer = NULL;
    hw_str column;
    memset(given, 0, sizeof given);
    given[1].sql_type = HW_SQL_TYPE_INTEGER;
    given[1].integer = INT64_MIN;
    given[2].sql_type = HW_SQL_TYPE_REAL;
    given[2].real = 0.1;
    given[3].sql_type = HW_SQL_TYPE_TEXT;
    given[3].bytes.data = "a\0\xff";
    given[3].bytes.len = 3;
    given[4].sql_type = HW_SQL_TYPE_BLOB;
    OK(hw_connection_execute(connection, HW_LIT("SELECT ? AS n, ?, ?, ?, ?"), given, 5, &answer, &error));
    CHECK(hw_answer_columns_len(answer) == 5 && hw_answer_rows_len(answer) == 1);
    OK(hw_answer_column(answer, 0, &column, &error));
    CHECK(text_is(column, "n"));
    for (size_t i = 0; i < 5; i++) {
        OK(hw_answer_value(answer, 0, i, &value, &error));
        CHECK(value.sql_type == given[i].sql_type && value.integer == given[i].integer);
        CHECK(memcmp(&value.real, &given[i].real, sizeof value.real) == 0 && value.bytes.len == given[i].bytes.len);
        CHECK(value.bytes.len == 0 || memcmp(value.bytes.data, given[i].bytes.data, value.bytes.len) == 0);
    }
    FAILS(HW_STATUS_INVALID, hw_answer_value(answer, 1, 0, &value, &error));
    FAILS(HW_STATUS_INVALID, hw_answer_value(answer, 0, 5, &value, &error));
    FAILS(HW_STATUS_INVALID, hw_answer_value(NULL, 0, 0, &value, &error));
    FAILS(HW_STATUS_INVALID, hw_answer_column(answer, 5, &column, &error));
    hw_answer_free(answer);
    hw_answer_free(NULL);
    CHECK(hw_answer_rows_len(NULL) == 0 && hw_answer_columns_len(NULL) == 0 && hw_answer_changes(NULL) == 0);
}

static void mistakes_are_answered(hw_connection *connection) {
    hw_sql_value value;
    memset(&value, 0, sizeof value);
    hw_answer *answer = NULL;
    bool in_transaction = false;
    execute(connection, "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT UNIQUE)");
    OK(hw_connection_execute(connection, HW_LIT("INSERT INTO words VALUES (7, 'a'), (8, 'b')"), NULL, 0, &answer,
                             &error));
    CHECK(hw_answer_changes(answer) == 2 && hw_answer_last_insert_rowid(answer) == 8);
    CHECK(hw_answer_columns_len(answer) == 0 && hw_answer_rows_len(answer) == 0);
    hw_answer_free(answer);
    answer = NULL;
    FAILS(HW_STATUS_CONFLICT,
          hw_connection_execute(connection, HW_LIT("INSERT INTO words VALUES (9, 'a')"), NULL, 0, &answer, &error));
    FAILS(HW_STATUS_INVALID,
          hw_connection_execute(connection, HW_LIT("INSERT INTO nowhere VALUES (1)"), NULL, 0, &answer, &error));
    FAILS(HW_STATUS_INVALID, hw_connection_execute(connection, HW_LIT("SELECT ?"), NULL, 0, &answer, &error));
    FAILS(HW_STATUS_INVALID, hw_connection_execute(connection, HW_LIT("SELECT ?"), NULL, 1, &answer, &error));
    SAID("values");
    value.sql_type = 5;
    FAILS(HW_STATUS_INVALID, hw_connection_execute(connection, HW_LIT("SELECT ?"), &value, 1, &answer, &error));
    SAID("hw_sql_type");
    FAILS(HW_STATUS_INVALID, hw_connection_execute(NULL, HW_LIT("SELECT 1"), NULL, 0, &answer, &error));
    SAID("connection is NULL");
    CHECK(answer == NULL);
    execute(connection, "BEGIN");
    OK(hw_connection_in_transaction(connection, &in_transaction, &error));
    CHECK(in_transaction);
    execute(connection, "DELETE FROM words");
    execute(connection, "ROLLBACK");
    OK(hw_connection_in_transaction(connection, &in_transaction, &error));
    CHECK(!in_transaction && number_of(connection, "SELECT count(*) FROM words") == 2);
}

typedef struct {
    hw_connection *connection;
    int done;
    int refused;
} worker;

static void *ask(void *place) {
    worker *self = (worker *)place;
    for (int i = 0; i < ROUNDS; i++) {
        hw_status status = hw_connection_execute(self->connection, HW_LIT("SELECT 1"), NULL, 0, NULL, NULL);
        self->done += status == HW_STATUS_OK;
        self->refused += status == HW_STATUS_MISUSE;
    }
    return NULL;
}

static void two_threads_at_once_are_told(hw_connection *connection) {
    worker workers[2] = {{connection, 0, 0}, {connection, 0, 0}};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, ask, &workers[0]) == 0);
    ask(&workers[1]);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(workers[0].done + workers[1].done > 0);
    CHECK(workers[0].done + workers[1].done + workers[0].refused + workers[1].refused == 2 * ROUNDS);
}

static void *run_for_ever(void *place) {
    worker *self = (worker *)place;
    const char *sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    hw_status status = hw_connection_execute(self->connection, sql, strlen(sql), NULL, 0, NULL, NULL);
    __atomic_store_n(&self->done, status == HW_STATUS_TIMEOUT ? 1 : -1, __ATOMIC_RELEASE);
    return NULL;
}

static void a_statement_is_interrupted(hw_connection *connection) {
    struct timespec step;
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    worker runs = {connection, 0, 0};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_for_ever, &runs) == 0);
    while (__atomic_load_n(&runs.done, __ATOMIC_ACQUIRE) == 0) {
        OK(hw_connection_interrupt(connection, &error));
        nanosleep(&step, NULL);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(runs.done == 1);
    FAILS(HW_STATUS_INVALID, hw_connection_interrupt(NULL, &error));
    CHECK(number_of(connection, "SELECT 7") == 7);
}

static void a_snapshot_is_made_and_joined(const hw_engine *engine) {
    hw_database_config config = config_of(3, "s.db");
    config.snapshot_store = path_of(4, "snapshots");
    HW_SET(config.name, "snapped");
    hw_database *database = attach(engine, &config);
    hw_connection *connection = connect_to(database);
    values_come_back_as_what_they_are(connection);
    mistakes_are_answered(connection);
    two_threads_at_once_are_told(connection);
    a_statement_is_interrupted(connection);
    char id[128];
    hw_blob *blob = NULL;
    OK(hw_database_snapshot(database, -1, &blob, &error));
    const char *text = text_of(blob);
    CHECK(strncmp(text, "{\"id\":\"", 7) == 0);
    snprintf(id, sizeof id, "%.*s", (int)strcspn(text + 7, "\""), text + 7);
    OK(hw_database_snapshots(database, ANSWER_MS, &blob, &error));
    CHECK(strstr(text_of(blob), id) != NULL);
    OK(hw_database_restore(database, id, strlen(id), -1, &blob, &error));
    CHECK(strstr(text_of(blob), id) != NULL);
    OK(hw_database_restore(database, NULL, 0, -1, &blob, &error));
    CHECK(strstr(text_of(blob), id) != NULL);
    FAILS(HW_STATUS_NOT_FOUND, hw_database_restore(database, HW_LIT("none"), -1, &blob, &error));
    CHECK(number_of(connection, "SELECT count(*) FROM words") == 2);
    hw_connection_free(connection);
    hw_database_free(database);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    dir = argv[1];
    hw_engine *engines[3];
    for (int i = 0; i < 3; i++) {
        engines[i] = memory_engine();
    }
    what_cannot_be_attached_is_refused(engines[0]);
    what_is_written_at_one_is_read_at_the_other(engines[0], engines[1], engines[2]);
    a_snapshot_is_made_and_joined(engines[0]);
    for (int i = 0; i < 3; i++) {
        OK(hw_engine_close(engines[i], &error));
        hw_engine_free(engines[i]);
    }
    return 0;
}

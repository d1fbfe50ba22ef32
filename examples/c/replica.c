/*
 * A SQLite file at each of two shops: what is written at one comes to the other, and what both wrote apart merges.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <headwater.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30000, STEP_MS = 5 };

static const char BOOKS[] = "SELECT group_concat(id || ' ' || title || ' at ' || price, ', ') FROM "
                            "(SELECT id, title, price FROM books ORDER BY id)";

typedef struct {
    hw_engine *engine;
    hw_database *database;
    hw_connection *books;
} shop;

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static void execute(const shop *at, const char *sql, const hw_sql_value *values, size_t values_len) {
    hw_error *error = NULL;
    check(hw_connection_execute(at->books, sql, strlen(sql), values, values_len, NULL, &error), error);
}

static shop open_shop(const char *path) {
    hw_error *error = NULL;
    shop made;
    hw_database_config config;
    /* The application's own file: here an empty one, which is a database that has nothing in it. */
    FILE *file = fopen(path, "w");
    if (file == NULL || fclose(file) != 0) {
        fprintf(stderr, "%s cannot be made\n", path);
        exit(1);
    }
    HW_INIT(&config);
    config.path.data = path;
    config.path.len = strlen(path);
    HW_SET(config.name, "shop");
    check(hw_engine_memory(&made.engine, &error), error);
    check(hw_engine_attach(made.engine, &config, &made.database, &error), error);
    check(hw_database_connect(made.database, &made.books, &error), error);
    execute(&made, "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)", NULL, 0);
    return made;
}

static void close_shop(shop *at, const char *path) {
    hw_error *error = NULL;
    hw_connection_free(at->books);
    hw_database_free(at->database);
    check(hw_engine_close(at->engine, &error), error);
    hw_engine_free(at->engine);
    remove(path);
}

static void link_shop(const shop *at, const hw_engine *hub) {
    hw_error *error = NULL;
    hw_link_config config;
    hw_stream_config create;
    HW_INIT(&create);
    HW_INIT(&config);
    HW_SET(config.name, "hub");
    hw_strings *streams = NULL;
    check(hw_database_stream_names(at->database, &streams, &error), error);
    check(hw_strings_get(streams, 0, &config.stream, NULL, &error), error);
    config.remote = config.stream;
    config.create = &create;
    check(hw_engine_add_link(at->engine, &config, hub, &error), error);
    hw_strings_free(streams);
}

static void unlink_shop(const shop *at) {
    hw_error *error = NULL;
    check(hw_engine_remove_link(at->engine, HW_LIT("hub"), &error), error);
}

static void insert(const shop *at, int64_t id, const char *title, double price) {
    hw_sql_value values[3];
    memset(values, 0, sizeof values);
    values[0].sql_type = HW_SQL_TYPE_INTEGER;
    values[0].integer = id;
    values[1].sql_type = HW_SQL_TYPE_TEXT;
    values[1].bytes.data = title;
    values[1].bytes.len = strlen(title);
    values[2].sql_type = HW_SQL_TYPE_REAL;
    values[2].real = price;
    execute(at, "INSERT INTO books VALUES (?, ?, ?)", values, 3);
}

static bool has(const shop *at, const char *wanted) {
    hw_error *error = NULL;
    hw_answer *answer = NULL;
    hw_sql_value list;
    check(hw_connection_execute(at->books, BOOKS, strlen(BOOKS), NULL, 0, &answer, &error), error);
    check(hw_answer_value(answer, 0, 0, &list, &error), error);
    bool is = list.bytes.len == strlen(wanted) && memcmp(list.bytes.data, wanted, list.bytes.len) == 0;
    hw_answer_free(answer);
    return is;
}

static void until_both_have(const shop *here, const shop *there, const char *wanted) {
    struct timespec step;
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    for (int waited = 0; waited < TIMEOUT_MS; waited += STEP_MS) {
        if (has(here, wanted) && has(there, wanted)) {
            printf("both files have %s\n", wanted);
            return;
        }
        nanosleep(&step, NULL);
    }
    fprintf(stderr, "%s did not come to both\n", wanted);
    exit(1);
}

int main(void) {
    char dir[] = "/tmp/headwater-replica-XXXXXX";
    char paths[2][64];
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 1;
    }
    snprintf(paths[0], sizeof paths[0], "%s/here.db", dir);
    snprintf(paths[1], sizeof paths[1], "%s/there.db", dir);
    hw_error *error = NULL;
    hw_engine *hub = NULL;
    check(hw_engine_memory(&hub, &error), error);
    shop here = open_shop(paths[0]);
    shop there = open_shop(paths[1]);
    link_shop(&here, hub);
    link_shop(&there, hub);
    insert(&here, 1, "Emma", 9.5);
    insert(&there, 2, "Ivanhoe", 3.25);
    until_both_have(&here, &there, "1 Emma at 9.5, 2 Ivanhoe at 3.25");

    unlink_shop(&here);
    unlink_shop(&there);
    execute(&here, "UPDATE books SET title = 'Emma Woodhouse' WHERE id = 1", NULL, 0);
    execute(&there, "UPDATE books SET price = 12.5 WHERE id = 1", NULL, 0);
    puts("apart, one changes the title of book 1 and the other its price");
    link_shop(&here, hub);
    link_shop(&there, hub);
    until_both_have(&here, &there, "1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25");

    hw_blob *status = NULL;
    hw_bytes json;
    check(hw_database_status(here.database, TIMEOUT_MS, &status, &error), error);
    check(hw_blob_bytes(status, &json, &error), error);
    printf("one of them says of itself, in JSON: %.*s...\n", 15, (const char *)json.data);
    hw_blob_free(status);
    close_shop(&here, paths[0]);
    close_shop(&there, paths[1]);
    check(hw_engine_close(hub, &error), error);
    hw_engine_free(hub);
    return rmdir(dir) == 0 ? 0 : 1;
}

/* Operations on replicated SQLite files, each at a node of its own: an engine in memory and a file. */
#include "runner.h"

#include <inttypes.h>
#include <stdlib.h>

enum { CELLS_MAX = 32, PATH_LEN = 512 };

static hw_str in_dir(runner *r, const char *name, const char *ending) {
    char *path = (char *)json_alloc(PATH_LEN);
    hw_str made = {path, (size_t)snprintf(path, PATH_LEN, "%s/%s%s", r->dir, name, ending)};
    return made;
}

/* Nothing of a vector before. */
static void begin_file(runner *r, const char *name) {
    const char *endings[] = {".db-wal", ".db-shm", ".db"};
    for (size_t i = 0; i < 3; i++) {
        remove(in_dir(r, name, endings[i]).data);
    }
    FILE *file = fopen(in_dir(r, name, ".db").data, "w");
    if (file == NULL || fclose(file) != 0) {
        r->fault = "no file can be made";
    }
}

void find_database(runner *r) {
    r->node = find_named(r, r->databases, &r->databases_len, arg_text(r, r->args, "database"));
    if (r->node->database == NULL) {
        r->fault = "there is no database of this name";
    }
}

void close_databases(runner *r) {
    for (size_t i = 0; i < r->databases_len; i++) {
        named *node = &r->databases[i];
        hw_connection_free(node->connection);
        hw_database_free(node->database);
        if (node->engine != NULL) {
            hw_engine_close(node->engine, NULL);
        }
        hw_engine_free(node->engine);
    }
    hw_engine_free(r->meeting);
}

hw_status op_database_attach(runner *r) {
    hw_str name = arg_text(r, r->args, "as");
    named *node = find_named(r, r->databases, &r->databases_len, name);
    const json *from = json_get(r->args, "config");
    check_fields(r, from,
                 " name node_id include exclude per_row publish replicate scan_max_changes log_shards snapshots ");
    if (node->engine == NULL && r->fault == NULL) {
        begin_file(r, name.data);
        if (hw_engine_memory(&node->engine, &r->error) != HW_STATUS_OK) {
            return HW_STATUS_INTERNAL;
        }
    }
    hw_database_config config;
    HW_INIT(&config);
    config.path = in_dir(r, name.data, ".db");
    config.name = arg_text(r, from, "name");
    config.node_id = arg_text(r, from, "node_id");
    config.include = arg_texts(r, from, "include", &config.include_len);
    config.exclude = arg_texts(r, from, "exclude", &config.exclude_len);
    config.per_row = arg_texts(r, from, "per_row", &config.per_row_len);
    config.no_publish = has(from, "publish") && !arg_bool(r, from, "publish");
    config.no_replicate = has(from, "replicate") && !arg_bool(r, from, "replicate");
    config.scan_max_changes = (size_t)arg_u64(r, from, "scan_max_changes", 0);
    config.log_shards = (size_t)arg_u64(r, from, "log_shards", 0);
    if (arg_bool(r, from, "snapshots")) {
        /* One of this vector's own: runners of several files share the directory. */
        char store[64];
        snprintf(store, sizeof store, "snapshots-%u", r->vector);
        config.snapshot_store = in_dir(r, store, "");
    }
    hw_database *database = NULL;
    hw_status status = hw_engine_attach(node->engine, &config, &database, &r->error);
    if (status == HW_STATUS_OK) {
        hw_str text;
        r->result = json_object();
        hw_database_name(database, &text, NULL);
        json_set(r->result, "name", text_of(text));
        hw_strings *streams = NULL;
        hw_database_stream_names(database, &streams, NULL);
        json_set(r->result, "stream_names", strings_of(streams, false));
        hw_strings_free(streams);
        hw_database_free(node->database);
        node->database = database;
    }
    return status;
}

hw_status op_database_find(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_database *found = NULL;
    hw_status status = hw_engine_database(r->node->engine, name.data, name.len, &found, &r->error);
    if (status == HW_STATUS_OK) {
        hw_database_name(found, &name, NULL);
        r->result = text_of(name);
        hw_database_free(found);
    }
    return status;
}

hw_status op_databases(runner *r) {
    hw_blob *blob = NULL;
    hw_status status = hw_engine_databases(r->node->engine, -1, &blob, &r->error);
    json *names = json_list();
    for (const json *item = told_of(r, blob)->first; item != NULL; item = item->next) {
        const json *name = json_get(item, "name");
        json_add(names, json_text(name->text, name->text_len));
    }
    r->result = names;
    return status;
}

hw_status op_database_link(runner *r) {
    if (r->meeting == NULL && hw_engine_memory(&r->meeting, &r->error) != HW_STATUS_OK) {
        return HW_STATUS_INTERNAL;
    }
    hw_link_config link;
    hw_stream_config create;
    HW_INIT(&create);
    HW_INIT(&link);
    HW_SET(link.name, "hub");
    hw_strings *streams = NULL;
    hw_database_stream_names(r->node->database, &streams, NULL);
    hw_strings_get(streams, 0, &link.stream, NULL, NULL);
    link.remote = link.stream;
    link.create = &create;
    hw_status status = hw_engine_add_link(r->node->engine, &link, r->meeting, &r->error);
    hw_strings_free(streams);
    return status;
}

hw_status op_database_unlink(runner *r) {
    return hw_engine_remove_link(r->node->engine, HW_LIT("hub"), &r->error);
}

static hw_sql_value cell(runner *r, const json *from) {
    hw_sql_value made;
    memset(&made, 0, sizeof made);
    if (has(from, "int")) {
        made.sql_type = HW_SQL_TYPE_INTEGER;
        made.integer = strtoll(arg_text(r, from, "int").data, NULL, 10);
    } else if (has(from, "float")) {
        made.sql_type = HW_SQL_TYPE_REAL;
        made.real = json_get(from, "float")->number;
    } else if (has(from, "blob")) {
        made.sql_type = HW_SQL_TYPE_BLOB;
        made.bytes.data = json_base64(json_get(from, "blob"), &made.bytes.len);
    } else if (has(from, "text") || has(from, "text_base64")) {
        made.sql_type = HW_SQL_TYPE_TEXT;
        made.bytes = arg_bytes(r, from, "text");
    } else if (from->kind != JSON_NULL) {
        r->fault = "values";
    }
    return made;
}

static json *cell_of(hw_sql_value value) {
    char digits[32];
    json *made = json_object();
    switch (value.sql_type) {
    case HW_SQL_TYPE_INTEGER:
        json_set(made, "int", json_text(digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, value.integer)));
        return made;
    case HW_SQL_TYPE_REAL:
        json_set(made, "float", json_number(value.real));
        return made;
    case HW_SQL_TYPE_TEXT:
        json_set_bytes(made, "text", "text_base64", value.bytes.data, value.bytes.len);
        return made;
    case HW_SQL_TYPE_BLOB:
        json_set(made, "blob", json_base64_of(value.bytes.data, value.bytes.len));
        return made;
    default:
        return json_null();
    }
}

static hw_status connect_node(runner *r) {
    if (r->node->connection != NULL) {
        return HW_STATUS_OK;
    }
    return hw_database_connect(r->node->database, &r->node->connection, &r->error);
}

hw_status op_database_execute(runner *r) {
    hw_sql_value values[CELLS_MAX];
    size_t len = 0;
    const json *given = json_get(r->args, "values");
    for (const json *item = given == NULL ? NULL : given->first; item != NULL && len < CELLS_MAX; item = item->next) {
        values[len++] = cell(r, item);
    }
    hw_str sql = arg_text(r, r->args, "sql");
    hw_answer *answer = NULL;
    hw_status status = connect_node(r);
    if (status == HW_STATUS_OK) {
        status = hw_connection_execute(r->node->connection, sql.data, sql.len, values, len, &answer, &r->error);
    }
    json *columns = json_list();
    for (size_t i = 0; i < hw_answer_columns_len(answer); i++) {
        hw_str name;
        hw_answer_column(answer, i, &name, NULL);
        json_add(columns, text_of(name));
    }
    json *rows = json_list();
    for (size_t i = 0; i < hw_answer_rows_len(answer); i++) {
        json *row = json_list();
        for (size_t column = 0; column < columns->len; column++) {
            hw_sql_value value;
            hw_answer_value(answer, i, column, &value, NULL);
            json_add(row, cell_of(value));
        }
        json_add(rows, row);
    }
    r->result = json_object();
    json_set(r->result, "columns", columns);
    json_set(r->result, "rows", rows);
    json_set(r->result, "changes", json_number((double)hw_answer_changes(answer)));
    json_set(r->result, "last_insert_rowid", json_number((double)hw_answer_last_insert_rowid(answer)));
    hw_answer_free(answer);
    return status;
}

hw_status op_database_in_transaction(runner *r) {
    bool is = false;
    hw_status status = connect_node(r);
    if (status == HW_STATUS_OK) {
        status = hw_connection_in_transaction(r->node->connection, &is, &r->error);
    }
    r->result = json_bool(is);
    return status;
}

hw_status op_database_sync(runner *r) {
    return hw_database_sync(r->node->database, -1, &r->error);
}

hw_status op_database_pause(runner *r) {
    return hw_database_pause(r->node->database, &r->error);
}

hw_status op_database_resume(runner *r) {
    return hw_database_resume(r->node->database, &r->error);
}

hw_status op_database_detach(runner *r) {
    return hw_database_detach(r->node->database, &r->error);
}

hw_status op_database_release(runner *r) {
    uint64_t count = 0;
    hw_status status = hw_database_release(r->node->database, &count, &r->error);
    r->result = json_number((double)count);
    return status;
}

hw_status op_database_watch(runner *r) {
    return hw_database_watch(r->node->database, &new_source(r)->change_watcher, &r->error);
}

json *row_changes_of(const hw_answer *changes) {
    const size_t key_from = 5;
    json *list = json_list();
    for (size_t i = 0; i < hw_answer_rows_len(changes); i++) {
        hw_sql_value table, kind, value;
        hw_answer_value(changes, i, 0, &table, NULL);
        hw_answer_value(changes, i, 1, &kind, NULL);
        json *key = json_list();
        for (size_t column = key_from; column < hw_answer_columns_len(changes); column++) {
            hw_answer_value(changes, i, column, &value, NULL);
            if (value.sql_type != HW_SQL_TYPE_NULL) {
                json_add(key, cell_of(value));
            }
        }
        json *item = json_object();
        json_set_bytes(item, "table", "table_base64", table.bytes.data, table.bytes.len);
        json_set(item, "key", key);
        json_set_bytes(item, "kind", "kind_base64", kind.bytes.data, kind.bytes.len);
        json_add(list, item);
    }
    return list;
}

static hw_status told(runner *r, hw_status status, hw_blob *blob) {
    r->result = told_of(r, blob);
    return status;
}

hw_status op_database_status(runner *r) {
    hw_blob *blob = NULL;
    hw_status status = hw_database_status(r->node->database, -1, &blob, &r->error);
    return told(r, status, blob);
}

hw_status op_database_check(runner *r) {
    hw_blob *blob = NULL;
    uint8_t repair = arg_bool(r, r->args, "repair");
    hw_status status = hw_database_check(r->node->database, repair, -1, &blob, &r->error);
    return told(r, status, blob);
}

hw_status op_database_schema(runner *r) {
    hw_blob *blob = NULL;
    hw_status status = hw_database_schema(r->node->database, -1, &blob, &r->error);
    json *tables = json_list();
    for (const json *item = told_of(r, blob)->first; item != NULL; item = item->next) {
        const json *table = json_get(item, "table");
        json *made = json_object();
        json_set(made, "table", json_text(table->text, table->text_len));
        json_set(made, "forms", json_number((double)json_get(item, "forms")->len));
        json_add(tables, made);
    }
    r->result = tables;
    return status;
}

hw_status op_database_snapshot(runner *r) {
    hw_blob *blob = NULL;
    hw_status status = hw_database_snapshot(r->node->database, -1, &blob, &r->error);
    return told(r, status, blob);
}

hw_status op_database_snapshots(runner *r) {
    hw_blob *blob = NULL;
    hw_status status = hw_database_snapshots(r->node->database, -1, &blob, &r->error);
    return told(r, status, blob);
}

hw_status op_database_restore(runner *r) {
    hw_blob *blob = NULL;
    hw_str id = arg_text(r, r->args, "id");
    hw_status status = hw_database_restore(r->node->database, id.data, id.len, -1, &blob, &r->error);
    return told(r, status, blob);
}

/* Operations on point stores, as the vectors name them. */
#include "runner.h"

#include <stdlib.h>

hw_status op_create_points(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from, " name durability max_age max_points_per_series ");
    hw_points_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    config.max_age_ns = arg_u64(r, from, "max_age", 0);
    config.max_points_per_series = arg_u64(r, from, "max_points_per_series", 0);
    return hw_points_create(r->engine, &config, &r->points, &r->error);
}

static hw_point point_of(runner *r, const json *from) {
    check_fields(r, from, " node kind key time value tombstone origin ");
    const json *value = json_get(from, "value");
    check_fields(r, value, " float int text json ");
    hw_point point;
    HW_INIT(&point);
    point.node = arg_text(r, from, "node");
    point.kind = arg_text(r, from, "kind");
    point.key = arg_text(r, from, "key");
    point.time = arg_i64(r, from, "time", 0);
    point.tombstone = (uint32_t)arg_u64(r, from, "tombstone", 0);
    point.origin = arg_text(r, from, "origin");
    if (has(value, "float")) {
        point.value_type = HW_VALUE_TYPE_FLOAT;
        point.number = json_get(value, "float")->number;
    } else if (has(value, "int")) {
        point.value_type = HW_VALUE_TYPE_INT;
        point.integer = arg_i64(r, value, "int", 0);
    } else {
        point.value_type = has(value, "text") ? HW_VALUE_TYPE_TEXT : HW_VALUE_TYPE_JSON;
        point.text = arg_text(r, value, has(value, "text") ? "text" : "json");
    }
    return point;
}

hw_status op_points_write(runner *r) {
    const json *list = json_get(r->args, "list");
    hw_point *points = (hw_point *)json_alloc((list->len + 1) * sizeof(hw_point));
    size_t len = 0;
    for (const json *item = list->first; item != NULL; item = item->next) {
        points[len++] = point_of(r, item);
    }
    hw_ack ack;
    HW_INIT(&ack);
    hw_status status = hw_points_write(r->points, points, len, &ack, &r->error);
    r->result = ack_of(&ack);
    return status;
}

hw_status op_points_latest(runner *r) {
    hw_str filter = arg_text(r, r->args, "filter");
    hw_point_list *list = NULL;
    int32_t deleted = arg_bool(r, r->args, "deleted");
    hw_status status = hw_points_latest(r->points, filter.data, filter.len, deleted, &list, &r->error);
    r->result = points_of(list);
    hw_point_list_free(list);
    return status;
}

hw_status op_points_range(runner *r) {
    hw_range_options options;
    HW_INIT(&options);
    options.filter = arg_text(r, r->args, "filter");
    options.has_from = has(r->args, "from");
    options.from = arg_i64(r, r->args, "from", 0);
    options.has_to = has(r->args, "to");
    options.to = arg_i64(r, r->args, "to", 0);
    options.after = arg_u64(r, r->args, "after", 0);
    options.max = (size_t)arg_u64(r, r->args, "max", 0);
    hw_point_list *list = NULL;
    uint64_t next = 0;
    hw_status status = hw_points_range(r->points, &options, &list, &next, &r->error);
    r->result = json_object();
    json_set(r->result, "points", points_of(list));
    json_set(r->result, "next", json_number((double)next));
    hw_point_list_free(list);
    return status;
}

static json *rows_of(const hw_rows *rows) {
    json *list = json_list();
    hw_row row;
    HW_INIT(&row);
    for (size_t i = 0; i < hw_rows_len(rows); i++) {
        hw_rows_get(rows, i, &row, NULL);
        json *values = json_list();
        for (size_t j = 0; j < row.values_len; j++) {
            double value = row.values[j];
            json_add(values, value == value ? json_number(value) : json_null());
        }
        json *made = json_object();
        json_set(made, "series", text_of(row.series));
        json_set(made, "start", json_number((double)row.start));
        json_set(made, "values", values);
        json_add(list, made);
    }
    return list;
}

hw_status op_points_query(runner *r) {
    hw_query query;
    HW_INIT(&query);
    query.filters = arg_texts(r, r->args, "filters", &query.filters_len);
    query.aggregates = arg_texts(r, r->args, "aggregates", &query.aggregates_len);
    query.has_from = has(r->args, "from");
    query.from = arg_i64(r, r->args, "from", 0);
    query.has_to = has(r->args, "to");
    query.to = arg_i64(r, r->args, "to", 0);
    query.every_ns = arg_u64(r, r->args, "every", 0);
    hw_rows *rows = NULL;
    hw_status status = hw_points_query(r->points, &query, &rows, &r->error);
    r->result = rows_of(rows);
    hw_rows_free(rows);
    return status;
}

/* Where a file of this step is. */
static const char *path_of(runner *r) {
    size_t size = strlen(r->dir) + 32;
    char *path = (char *)json_alloc(size);
    snprintf(path, size, "%s/points-of-one-step", r->dir);
    return path;
}

static json *rejected_of(const hw_strings *rejected) {
    json *list = json_list();
    for (size_t i = 0; i < hw_strings_len(rejected); i++) {
        hw_str reason;
        uint64_t line = 0;
        hw_strings_get(rejected, i, &reason, &line, NULL);
        json *pair = json_list();
        json_add(pair, json_number((double)line));
        json_add(pair, text_of(reason));
        json_add(list, pair);
    }
    return list;
}

hw_status op_points_import(runner *r) {
    hw_str text = arg_text(r, r->args, "text");
    const char *path = path_of(r);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text.data, 1, text.len, file) != text.len || fclose(file) != 0) {
        r->fault = "the file to import could not be written";
        return HW_STATUS_OK;
    }
    hw_import_options options;
    HW_INIT(&options);
    options.time = arg_text(r, r->args, "time");
    options.node = arg_text(r, r->args, "node");
    options.node_column = arg_text(r, r->args, "node_column");
    options.columns = arg_texts(r, r->args, "columns", &options.columns_len);
    options.format = arg_name(r, r->args, "format", FORMATS);
    hw_import_report report;
    hw_strings *rejected = NULL;
    HW_INIT(&report);
    hw_status status =
        hw_points_import(r->points, path, strlen(path), &options, NULL, &report, &rejected, &r->error);
    r->result = json_object();
    json_set(r->result, "lines", json_number((double)report.lines));
    json_set(r->result, "points", json_number((double)report.points));
    json_set(r->result, "resumed", json_number((double)report.resumed));
    json_set(r->result, "rejected_count", json_number((double)report.rejected_count));
    json_set(r->result, "rejected", rejected_of(rejected));
    hw_strings_free(rejected);
    remove(path);
    return status;
}

/* The whole file as text, or null. */
static json *contents_of(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return json_null();
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = (char *)json_alloc((size_t)size + 1);
    size_t len = fread(text, 1, (size_t)size, file);
    fclose(file);
    return json_text(text, len);
}

hw_status op_points_export(runner *r) {
    hw_export_options options;
    HW_INIT(&options);
    options.filter = arg_text(r, r->args, "filter");
    options.has_from = has(r->args, "from");
    options.from = arg_i64(r, r->args, "from", 0);
    options.has_to = has(r->args, "to");
    options.to = arg_i64(r, r->args, "to", 0);
    options.format = arg_name(r, r->args, "format", FORMATS);
    const char *path = path_of(r);
    uint64_t exported = 0;
    hw_status status = hw_points_export(r->points, path, strlen(path), &options, NULL, &exported, &r->error);
    r->result = json_object();
    json_set(r->result, "text", contents_of(path));
    json_set(r->result, "count", json_number((double)exported));
    remove(path);
    return status;
}

hw_status op_points_watch(runner *r) {
    hw_str filter = arg_text(r, r->args, "filter");
    return hw_points_watch(r->points, filter.data, filter.len, &new_source(r)->point_watcher, &r->error);
}

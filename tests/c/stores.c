/* Buckets, points, descriptions, metrics, logs, files of points, and copies of a directory. */
#include "check.h"

static void a_bucket_keeps_its_history(const hw_engine *engine) {
    hw_bucket_config config;
    HW_INIT(&config);
    HW_SET(config.bucket, "settings");
    HW_SET(config.description, "for people");
    config.history = 5;
    hw_bucket *bucket = NULL;
    uint64_t first = 0;
    uint64_t revision = 0;
    OK(hw_engine_create_bucket(engine, &config, &bucket, &error));
    OK(hw_bucket_create(bucket, HW_LIT("color"), HW_LIT("red"), 0, &first, &error));
    FAILS(HW_STATUS_CONFLICT, hw_bucket_create(bucket, HW_LIT("color"), HW_LIT("blue"), 0, NULL, &error));
    OK(hw_bucket_update(bucket, HW_LIT("color"), HW_LIT("blue"), first, &revision, &error));
    FAILS(HW_STATUS_CONFLICT, hw_bucket_update(bucket, HW_LIT("color"), HW_LIT("x"), first, NULL, &error));
    FAILS(HW_STATUS_CONFLICT, hw_bucket_delete(bucket, HW_LIT("color"), first, NULL, &error));
    OK(hw_bucket_delete(bucket, HW_LIT("color"), revision, NULL, &error));
    OK(hw_bucket_put(bucket, HW_LIT("size"), HW_LIT("10"), NULL, &error));

    hw_entries *entries = NULL;
    hw_entry entry;
    HW_INIT(&entry);
    OK(hw_bucket_get(bucket, HW_LIT("color"), &entries, &error));
    CHECK(hw_entries_len(entries) == 0);
    hw_entries_free(entries);
    OK(hw_bucket_get_revision(bucket, HW_LIT("color"), first, &entries, &error));
    OK(hw_entries_get(entries, 0, &entry, &error));
    CHECK(text_is(entry.key, "color") && bytes_are(entry.value, "red") && entry.operation == HW_OPERATION_PUT);
    hw_entries_free(entries);
    OK(hw_bucket_history(bucket, HW_LIT("color"), &entries, &error));
    CHECK(hw_entries_len(entries) == 3);
    OK(hw_entries_get(entries, 2, &entry, &error));
    CHECK(entry.operation == HW_OPERATION_DELETE && entry.value.len == 0 && entry.revision == revision + 1);
    FAILS(HW_STATUS_INVALID, hw_entries_get(entries, 3, &entry, &error));
    hw_entries_free(entries);

    hw_strings *keys = NULL;
    hw_str key;
    OK(hw_bucket_keys(bucket, NULL, 0, &keys, &error));
    CHECK(hw_strings_len(keys) == 1);
    OK(hw_strings_get(keys, 0, &key, NULL, &error));
    CHECK(text_is(key, "size"));
    hw_strings_free(keys);

    hw_bucket_infos *infos = NULL;
    hw_bucket_state state;
    HW_INIT(&state);
    OK(hw_bucket_status(bucket, &infos, &error));
    OK(hw_bucket_infos_get(infos, 0, &state, &error));
    CHECK(text_is(state.config->bucket, "settings") && text_is(state.config->description, "for people"));
    CHECK(state.config->history == 5 && state.values == 4 && state.bytes > 0);
    hw_bucket_infos_free(infos);

    hw_ticket *ticket = NULL;
    OK(hw_bucket_purge_submit(bucket, HW_LIT("color"), 0, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, NULL, &error));
    hw_ticket_free(ticket);
    OK(hw_engine_buckets(engine, &keys, &error));
    CHECK(hw_strings_len(keys) == 1);
    hw_strings_free(keys);
    hw_bucket_free(bucket);
    OK(hw_engine_bucket(engine, HW_LIT("settings"), &bucket, &error));
    hw_bucket_free(bucket);
    OK(hw_engine_delete_bucket(engine, HW_LIT("settings"), &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_bucket(engine, HW_LIT("settings"), &bucket, &error));
}

static void a_watcher_sees_what_is_there_and_what_changes(const hw_engine *engine) {
    hw_bucket_config config;
    HW_INIT(&config);
    HW_SET(config.bucket, "watched");
    hw_bucket *bucket = NULL;
    hw_watcher *watcher = NULL;
    hw_entries *entries = NULL;
    bool caught_up = true;
    OK(hw_engine_create_bucket(engine, &config, &bucket, &error));
    OK(hw_bucket_put(bucket, HW_LIT("a"), HW_LIT("1"), NULL, &error));
    OK(hw_bucket_watch(bucket, NULL, &watcher, &error));
    OK(hw_watcher_caught_up(watcher, &caught_up, &error));
    CHECK(!caught_up);
    OK(hw_watcher_next(watcher, 10, -1, &entries, &error));
    CHECK(hw_entries_len(entries) == 1);
    hw_entries_free(entries);
    OK(hw_watcher_caught_up(watcher, &caught_up, &error));
    CHECK(caught_up);
    OK(hw_bucket_purge(bucket, HW_LIT("a"), 0, NULL, &error));
    OK(hw_watcher_next(watcher, 10, -1, &entries, &error));
    hw_entry entry;
    HW_INIT(&entry);
    OK(hw_entries_get(entries, 0, &entry, &error));
    CHECK(entry.operation == HW_OPERATION_PURGE);
    hw_entries_free(entries);
    uint64_t missed = 9;
    OK(hw_watcher_missed(watcher, &missed, &error));
    CHECK(missed == 0);
    FAILS(HW_STATUS_INVALID, hw_watcher_missed(watcher, NULL, &error));
    OK(hw_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_watcher_next(watcher, 10, -1, &entries, &error));
    hw_watcher_free(watcher);
    hw_bucket_free(bucket);
}

static hw_point int_point(const char *key, int64_t time, int64_t value) {
    hw_point point;
    HW_INIT(&point);
    HW_SET(point.node, "node");
    HW_SET(point.kind, "count");
    point.key = str(key);
    point.time = time;
    point.value_type = HW_VALUE_TYPE_INT;
    point.integer = value;
    return point;
}

static void points_of_every_type_come_back(const hw_points *store) {
    hw_point points[4];
    for (int i = 0; i < 4; i++) {
        points[i] = int_point("k", 10 + i, 3);
        points[i].value_type = i;
    }
    points[0].number = 1.5;
    HW_SET(points[2].text, "text");
    HW_SET(points[3].text, "{\"a\":1}");
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_points_write(store, points, 4, &ack, &error));
    CHECK(ack.count == 4);
    points[0].value_type = 4;
    FAILS(HW_STATUS_INVALID, hw_points_write(store, points, 4, NULL, &error));

    hw_point_list *list = NULL;
    hw_point point;
    HW_INIT(&point);
    uint64_t next = 0;
    OK(hw_points_range(store, NULL, &list, &next, &error));
    CHECK(hw_point_list_len(list) == 4 && next > 0);
    OK(hw_point_list_get(list, 0, &point, &error));
    CHECK(point.value_type == HW_VALUE_TYPE_FLOAT && point.number == 1.5);
    OK(hw_point_list_get(list, 1, &point, &error));
    CHECK(point.value_type == HW_VALUE_TYPE_INT && point.integer == 3 && text_is(point.key, "k"));
    OK(hw_point_list_get(list, 2, &point, &error));
    CHECK(point.value_type == HW_VALUE_TYPE_TEXT && text_is(point.text, "text"));
    OK(hw_point_list_get(list, 3, &point, &error));
    CHECK(point.value_type == HW_VALUE_TYPE_JSON && point.time == 13 && point.origin.len > 0);
    hw_point_list_free(list);

    OK(hw_points_latest(store, HW_LIT("node.count.k"), 0, &list, &error));
    CHECK(hw_point_list_len(list) == 1);
    hw_point_list_free(list);
}

static void a_query_has_a_hole_where_no_number_is(const hw_points *store) {
    hw_point points[2];
    points[0] = int_point("q", 100, 2);
    points[1] = int_point("q", 150, 4);
    hw_ticket *ticket = NULL;
    OK(hw_points_write_submit(store, points, 2, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, NULL, &error));
    hw_ticket_free(ticket);
    hw_str filters[1];
    hw_str aggregates[2];
    HW_SET(filters[0], "node.count.*");
    HW_SET(aggregates[0], "mean");
    HW_SET(aggregates[1], "count");
    hw_query query;
    HW_INIT(&query);
    query.filters = filters;
    query.filters_len = 1;
    query.aggregates = aggregates;
    query.aggregates_len = 2;
    query.has_from = 1;
    query.from = 12;
    hw_rows *rows = NULL;
    hw_row row;
    HW_INIT(&row);
    OK(hw_points_query(store, &query, &rows, &error));
    CHECK(hw_rows_len(rows) == 2);
    OK(hw_rows_get(rows, 0, &row, &error));
    CHECK(text_is(row.series, "node.count.k") && row.values_len == 2 && row.values[0] != row.values[0]);
    OK(hw_rows_get(rows, 1, &row, &error));
    CHECK(text_is(row.series, "node.count.q") && row.values[0] == 3.0 && row.values[1] == 2.0);
    hw_rows_free(rows);
    HW_SET(aggregates[0], "median");
    FAILS(HW_STATUS_INVALID, hw_points_query(store, &query, &rows, &error));
}

static void files_of_points_go_in_and_out(const hw_points *store, const char *dir) {
    char path[512];
    snprintf(path, sizeof path, "%s/points.csv", dir);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs("time,temp\n1970-01-01T00:00:01Z,1.5\nnonsense,2\n1970-01-01T00:00:03Z,2.5\n", file);
    fclose(file);

    hw_import_options options;
    HW_INIT(&options);
    HW_SET(options.time, "time");
    HW_SET(options.node, "imported");
    hw_progress *progress = NULL;
    hw_import_report report;
    hw_strings *rejected = NULL;
    uint64_t done = 0;
    uint64_t total = 0;
    HW_INIT(&report);
    OK(hw_progress_new(&progress, &error));
    OK(hw_progress_cancel(progress, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_points_import(store, path, strlen(path), &options, progress, NULL, NULL, &error));
    hw_progress_free(progress);
    OK(hw_progress_new(&progress, &error));
    OK(hw_points_import(store, path, strlen(path), &options, progress, &report, &rejected, &error));
    CHECK(report.lines == 4 && report.points == 2 && report.rejected_count == 1);
    hw_str reason;
    uint64_t line = 0;
    OK(hw_strings_get(rejected, 0, &reason, &line, &error));
    CHECK(line == 3 && reason.len > 0);
    hw_strings_free(rejected);
    OK(hw_progress_get(progress, &done, &total, &error));
    CHECK(total > 0 && done <= total);
    hw_progress_free(progress);
    FAILS(HW_STATUS_NOT_FOUND, hw_points_import(store, HW_LIT("no/such/file"), &options, NULL, NULL, NULL, &error));
    options.format = 2;
    FAILS(HW_STATUS_INVALID, hw_points_import(store, path, strlen(path), &options, NULL, NULL, NULL, &error));

    hw_export_options out;
    HW_INIT(&out);
    HW_SET(out.filter, "imported.>");
    out.format = HW_FORMAT_JSONL;
    uint64_t exported = 0;
    OK(hw_points_export(store, path, strlen(path), &out, NULL, &exported, &error));
    CHECK(exported == 2);
    remove(path);
}

static void a_stream_describes_itself(const hw_engine *engine, const hw_stream *stream) {
    append(stream, "s.a", "x");
    append(stream, "s.b", "x");
    hw_stream_infos *infos = NULL;
    hw_stream_state state;
    HW_INIT(&state);
    OK(hw_stream_info(stream, &infos, &error));
    OK(hw_stream_infos_get(infos, 0, &state, &error));
    CHECK(state.records == 2 && state.subjects == 2 && state.first_seq == 1 && state.last_seq == 2);
    CHECK(text_is(state.config->name, "s") && text_is(state.config->subjects[0], "s.>"));
    CHECK(state.config->sync_interval_ns == 100000000 && state.config->max_msgs == 0);

    /* What came out goes back in, with one thing changed. */
    hw_stream_config config = *state.config;
    config.max_msgs = 100;
    config.duplicate_window_ns = HW_DURATION_NONE;
    OK(hw_engine_update_stream(engine, &config, NULL, &error));
    hw_stream_infos_free(infos);
    OK(hw_stream_info(stream, &infos, &error));
    OK(hw_stream_infos_get(infos, 0, &state, &error));
    CHECK(state.config->max_msgs == 100 && state.config->duplicate_window_ns == HW_DURATION_NONE);
    hw_stream_infos_free(infos);

    hw_str name;
    OK(hw_stream_name(stream, &name, &error));
    CHECK(text_is(name, "s"));
    hw_strings *subjects = NULL;
    uint64_t count = 0;
    OK(hw_stream_subjects(stream, HW_LIT("s.*"), HW_LIT("s.a"), 0, &subjects, &error));
    CHECK(hw_strings_len(subjects) == 1);
    OK(hw_strings_get(subjects, 0, &name, &count, &error));
    CHECK(text_is(name, "s.b") && count == 1);
    hw_strings_free(subjects);
    hw_str filters[1];
    HW_SET(filters[0], "s.*");
    hw_batch *batch = NULL;
    OK(hw_stream_last_many(stream, filters, 1, 1, 0, &batch, &error));
    CHECK(hw_batch_len(batch) == 1);
    hw_batch_free(batch);
    OK(hw_engine_streams(engine, &infos, &error));
    CHECK(hw_stream_infos_len(infos) >= 1);
    hw_stream_infos_free(infos);
}

static void metrics_and_logs_are_there(const hw_engine *engine) {
    hw_metrics *metrics = NULL;
    hw_metric metric;
    HW_INIT(&metric);
    bool found = false;
    OK(hw_engine_metrics(engine, &metrics, &error));
    for (size_t i = 0; i < hw_metrics_len(metrics); i++) {
        hw_str name;
        hw_str value;
        OK(hw_metrics_get(metrics, i, &metric, &error));
        for (size_t j = 0; j < metric.labels_len; j++) {
            OK(hw_metrics_label(metrics, i, j, &name, &value, &error));
            found = found || text_is(value, "s");
        }
        FAILS(HW_STATUS_INVALID, hw_metrics_label(metrics, i, metric.labels_len, &name, &value, &error));
    }
    CHECK(found);
    hw_metrics_free(metrics);
    hw_logs *logs = NULL;
    hw_log_line line;
    HW_INIT(&line);
    OK(hw_engine_logs(engine, 0, &logs, &error));
    for (size_t i = 0; i < hw_logs_len(logs); i++) {
        OK(hw_logs_get(logs, i, &line, &error));
        CHECK(line.level.len > 0 && line.message.len > 0);
    }
    FAILS(HW_STATUS_INVALID, hw_logs_get(logs, hw_logs_len(logs), &line, &error));
    hw_logs_free(logs);
}

static void a_copy_is_as_good(const hw_engine *engine, const char *dir) {
    char backup[512];
    char restored[512];
    uint64_t bytes = 0;
    snprintf(backup, sizeof backup, "%s/backup", dir);
    snprintf(restored, sizeof restored, "%s/restored", dir);
    /* What is cancelled leaves nothing behind, so the same copy can be made after it. */
    hw_progress *progress = NULL;
    OK(hw_progress_new(&progress, &error));
    OK(hw_progress_cancel(progress, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_engine_backup(engine, backup, strlen(backup), progress, &bytes, &error));
    CHECK(bytes == 0);
    OK(hw_engine_backup(engine, backup, strlen(backup), NULL, &bytes, &error));
    CHECK(bytes > 0);
    FAILS(HW_STATUS_TIMEOUT, hw_restore(backup, strlen(backup), restored, strlen(restored), progress, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_progress_cancel(NULL, &error));
    OK(hw_restore(backup, strlen(backup), restored, strlen(restored), NULL, &bytes, &error));
    hw_verify_report report;
    hw_strings *torn = NULL;
    hw_strings *damage = NULL;
    HW_INIT(&report);
    FAILS(HW_STATUS_TIMEOUT, hw_verify(restored, strlen(restored), progress, &report, NULL, NULL, &error));
    hw_progress_free(progress);
    OK(hw_verify(restored, strlen(restored), NULL, &report, &torn, &damage, &error));
    CHECK(report.streams >= 1 && report.records >= 2 && report.bytes > 0 && report.damage_len == 0);
    CHECK(hw_strings_len(torn) == report.torn_len && hw_strings_len(damage) == 0);
    hw_strings_free(torn);
    hw_strings_free(damage);

    hw_engine_options options;
    HW_INIT(&options);
    options.must_exist = 1;
    options.read_only = 1;
    hw_engine *copy = NULL;
    hw_stream *stream = NULL;
    hw_str place;
    uint64_t numbers[4] = {0, 0, 0, 0};
    OK(hw_engine_open(restored, strlen(restored), &options, &copy, &error));
    OK(hw_engine_stream(copy, HW_LIT("s"), &stream, &error));
    OK(hw_stream_last_seq(stream, HW_LIT(">"), &numbers[0], &error));
    CHECK(numbers[0] == 2);
    OK(hw_engine_dir(copy, &place, &error));
    CHECK(place.len > 0);
    OK(hw_engine_epoch(copy, &numbers[1], &error));
    OK(hw_engine_id(copy, &numbers[2], &error));
    OK(hw_engine_epoch(engine, &numbers[3], &error));
    CHECK(numbers[1] == 0 && numbers[2] != 0 && numbers[3] != 0);
    CHECK(hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, NULL) != HW_STATUS_OK);
    hw_stream_free(stream);
    OK(hw_engine_close(copy, &error));
    hw_engine_free(copy);
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_open(HW_LIT("no/such/dir"), &options, &copy, &error));

    bool through = true;
    OK(hw_engine_is_through_node(engine, &through, &error));
    CHECK(!through);
    options.read_only = 0;
    options.node = HW_NODE_USE_ONLY;
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_open(restored, strlen(restored), &options, &copy, &error));
    options.node = 3;
    FAILS(HW_STATUS_INVALID, hw_engine_open(restored, strlen(restored), &options, &copy, &error));
}

static void subjects_match_and_tokens_are_reversible(void) {
    bool matches = false;
    hw_strings *token = NULL;
    hw_strings *back = NULL;
    hw_str text;
    OK(hw_subject_matches(HW_LIT("a.*.c"), HW_LIT("a.b.c"), &matches, &error));
    CHECK(matches);
    OK(hw_subject_matches(HW_LIT("a.>"), HW_LIT("a"), &matches, &error));
    CHECK(!matches);
    FAILS(HW_STATUS_INVALID, hw_subject_matches(HW_LIT("a..c"), HW_LIT("a"), &matches, &error));
    OK(hw_subject_encode_token(HW_LIT("a b"), &token, &error));
    OK(hw_strings_get(token, 0, &text, NULL, &error));
    CHECK(text_is(text, "a=20b"));
    OK(hw_subject_decode_token(text.data, text.len, &back, &error));
    OK(hw_strings_get(back, 0, &text, NULL, &error));
    CHECK(text_is(text, "a b"));
    hw_strings_free(token);
    hw_strings_free(back);
    FAILS(HW_STATUS_INVALID, hw_subject_decode_token(HW_LIT("=zz"), &back, &error));
}

int main(int argc, char **argv) {
    const char *dir = argc > 1 ? argv[1] : ".";
    char place[512];
    snprintf(place, sizeof place, "%s/engine", dir);
    hw_engine *engine = NULL;
    OK(hw_engine_open(place, strlen(place), NULL, &engine, &error));
    hw_stream *stream = stream_of(engine, "s");
    hw_points_config config;
    HW_INIT(&config);
    HW_SET(config.name, "store");
    hw_points *points = NULL;
    OK(hw_points_create(engine, &config, &points, &error));

    a_bucket_keeps_its_history(engine);
    a_watcher_sees_what_is_there_and_what_changes(engine);
    points_of_every_type_come_back(points);
    a_query_has_a_hole_where_no_number_is(points);
    files_of_points_go_in_and_out(points, dir);
    a_stream_describes_itself(engine, stream);
    metrics_and_logs_are_there(engine);
    a_copy_is_as_good(engine, dir);
    subjects_match_and_tokens_are_reversible();

    hw_points_free(points);
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    return 0;
}

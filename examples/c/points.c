/*
 * A point store: temperatures of two rooms go in, aggregates come out, and a live query follows what changes.
 */
#include <headwater.h>

#include <stdio.h>
#include <stdlib.h>

enum { HOURS = 24, WAIT_MS = 30000 };

static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;
/* 2026-03-01T00:00:00Z. */
static const int64_t DAY = INT64_C(1772323200) * 1000000000;

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static hw_point temperature(const char *room, int64_t time, double degrees) {
    hw_point point;
    HW_INIT(&point);
    point.node.data = room;
    point.node.len = strlen(room);
    HW_SET(point.kind, "temperature");
    point.time = time;
    point.value_type = HW_VALUE_TYPE_FLOAT;
    point.number = degrees;
    return point;
}

static void write_day(const hw_points *climate) {
    hw_error *error = NULL;
    hw_point points[2 * HOURS];
    for (int hour = 0; hour < HOURS; hour++) {
        int64_t time = DAY + hour * HOUR_NS;
        points[2 * hour] = temperature("kitchen", time, 20.0 + hour / 10.0);
        points[2 * hour + 1] = temperature("cellar", time, 12.0 + hour / 10.0);
    }
    check(hw_points_write(climate, points, 2 * HOURS, NULL, &error), error);
}

static void print_quarters(const hw_points *climate) {
    hw_error *error = NULL;
    hw_str filters[1];
    hw_str aggregates[3];
    HW_SET(filters[0], "*.temperature");
    HW_SET(aggregates[0], "min");
    HW_SET(aggregates[1], "mean");
    HW_SET(aggregates[2], "max");
    hw_query query;
    HW_INIT(&query);
    query.filters = filters;
    query.filters_len = 1;
    query.aggregates = aggregates;
    query.aggregates_len = 3;
    query.has_from = query.has_to = 1;
    query.from = DAY;
    query.to = DAY + HOURS * HOUR_NS;
    query.every_ns = (uint64_t)(6 * HOUR_NS);

    hw_rows *rows = NULL;
    hw_row row;
    HW_INIT(&row);
    check(hw_points_query(climate, &query, &rows, &error), error);
    for (size_t i = 0; i < hw_rows_len(rows); i++) {
        check(hw_rows_get(rows, i, &row, &error), error);
        printf("%-20.*s %02d:00  min %.1f  mean %.2f  max %.1f\n", (int)row.series.len, row.series.data,
               (int)((row.start - DAY) / HOUR_NS), row.values[0], row.values[1], row.values[2]);
    }
    hw_rows_free(rows);
}

/* The live query: the winning point of each series first, then every new one. */
static void follow(const hw_points *climate) {
    hw_error *error = NULL;
    hw_point_watcher *watcher = NULL;
    check(hw_points_watch(climate, HW_LIT("*.temperature"), &watcher, &error), error);
    hw_point next_day = temperature("kitchen", DAY + HOURS * HOUR_NS, 23.5);
    check(hw_points_write(climate, &next_day, 1, NULL, &error), error);

    bool came = false;
    while (!came) {
        hw_point_list *list = NULL;
        check(hw_point_watcher_next(watcher, 0, WAIT_MS, &list, &error), error);
        for (size_t i = 0; i < hw_point_list_len(list); i++) {
            hw_point point;
            HW_INIT(&point);
            check(hw_point_list_get(list, i, &point, &error), error);
            printf("live: %.*s hour %d = %.1f\n", (int)point.node.len, point.node.data,
                   (int)((point.time - DAY) / HOUR_NS), point.number);
            came = came || point.time == next_day.time;
        }
        hw_point_list_free(list);
    }
    hw_point_watcher_free(watcher);
}

int main(void) {
    hw_error *error = NULL;
    hw_engine *engine = NULL;
    hw_points *climate = NULL;
    check(hw_engine_temporary(&engine, &error), error);
    hw_points_config config;
    HW_INIT(&config);
    HW_SET(config.name, "climate");
    check(hw_points_create(engine, &config, &climate, &error), error);

    write_day(climate);
    print_quarters(climate);
    follow(climate);

    hw_points_free(climate);
    check(hw_engine_close(engine, &error), error);
    hw_engine_free(engine);
    return 0;
}

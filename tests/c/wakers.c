/* One wake-up for ten thousand waits, by file descriptor and by callback, without a thread for each. */
#include "check.h"

#include <dirent.h>
#include <poll.h>

enum { WAITS = 10000, THREADS_MAX = 8, WAIT_MS = 30000 };

static int threads_of_this_process(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return 0; /* Not Linux: nothing to count. */
    }
    int count = 0;
    while (readdir(tasks) != NULL) {
        count++;
    }
    closedir(tasks);
    return count - 2;
}

static bool is_readable(const hw_waker *waker, int timeout_ms) {
    struct pollfd ready;
    ready.fd = -1;
    ready.events = POLLIN;
    ready.revents = 0;
    OK(hw_waker_fd(waker, &ready.fd, &error));
    return poll(&ready, 1, timeout_ms) == 1;
}

static void ten_thousand_waits_come_true(const hw_stream *stream) {
    hw_subscription **waits = (hw_subscription **)calloc(WAITS, sizeof *waits);
    bool *woken = (bool *)calloc(WAITS, sizeof *woken);
    hw_waker *waker = NULL;
    OK(hw_waker_new(&waker, &error));
    for (uint64_t i = 0; i < WAITS; i++) {
        char filter[32];
        snprintf(filter, sizeof filter, "s.%d", (int)(i % 100));
        hw_str filters[1];
        filters[0] = str(filter);
        hw_subscribe_options options;
        HW_INIT(&options);
        options.filters = filters;
        options.filters_len = 1;
        options.deliver_policy = HW_DELIVER_POLICY_NEW;
        OK(hw_stream_subscribe(stream, &options, &waits[i], &error));
        OK(hw_subscription_wake(waits[i], waker, i, &error));
        OK(hw_subscription_wake(waits[i], waker, i, &error)); /* Armed already: still one token. */
    }
    CHECK(!is_readable(waker, 0));
    CHECK(threads_of_this_process() <= THREADS_MAX);
    for (int i = 0; i < 100; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "s.%d", i);
        append(stream, subject, "x");
    }
    size_t seen = 0;
    while (seen < WAITS) {
        uint64_t tokens[64];
        size_t count = 0;
        CHECK(is_readable(waker, WAIT_MS));
        OK(hw_waker_take(waker, tokens, 64, &count, &error));
        for (size_t i = 0; i < count; i++) {
            hw_batch *batch = NULL;
            hw_status status = hw_subscription_next(waits[tokens[i]], 10, 0, &batch, &error);
            if (status == HW_STATUS_TIMEOUT) {
                /* A token is a hint: this one came for another subject. */
                FAILS(HW_STATUS_TIMEOUT, status);
                OK(hw_subscription_wake(waits[tokens[i]], waker, tokens[i], &error));
                continue;
            }
            OK(status);
            CHECK(hw_batch_len(batch) == 1 && !woken[tokens[i]]);
            woken[tokens[i]] = true;
            seen++;
            hw_batch_free(batch);
        }
    }
    CHECK(threads_of_this_process() <= THREADS_MAX);
    CHECK(!is_readable(waker, 0));
    for (int i = 0; i < WAITS; i++) {
        hw_subscription_free(waits[i]);
    }
    hw_waker_free(waker);
    free(waits);
    free(woken);
}

static void what_is_there_already_wakes_at_once(const hw_stream *stream) {
    hw_waker *waker = NULL;
    hw_subscription *subscription = NULL;
    uint64_t token = 0;
    size_t count = 9;
    OK(hw_waker_new(&waker, &error));
    OK(hw_waker_take(waker, &token, 1, &count, &error));
    CHECK(count == 0);
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    OK(hw_subscription_wake(subscription, waker, 7, &error));
    CHECK(is_readable(waker, 0));
    OK(hw_waker_take(waker, NULL, 0, &count, &error));
    CHECK(count == 0 && is_readable(waker, 0));
    OK(hw_waker_take(waker, &token, 1, &count, &error));
    CHECK(count == 1 && token == 7 && !is_readable(waker, 0));

    /* Armed once: what comes later says nothing until it is armed again. */
    append(stream, "s.later", "x");
    CHECK(!is_readable(waker, 0));
    /* Closing is something to say. */
    OK(hw_subscription_close(subscription, &error));
    OK(hw_subscription_wake(subscription, waker, 8, &error));
    OK(hw_waker_take(waker, &token, 1, &count, &error));
    CHECK(count == 1 && token == 8);

    /* A wait that outlives its waker does nothing. */
    hw_subscribe_options options;
    HW_INIT(&options);
    options.deliver_policy = HW_DELIVER_POLICY_NEW;
    hw_subscription *late = NULL;
    OK(hw_stream_subscribe(stream, &options, &late, &error));
    OK(hw_subscription_wake(late, waker, 9, &error));
    hw_waker_free(waker);
    append(stream, "s.later", "x");
    hw_subscription_free(late);
    hw_subscription_free(subscription);
}

static void count_up(void *user_data) {
    ++*(int *)user_data;
}

static void a_callback_is_called_when_the_list_fills(const hw_stream *stream) {
    int calls = 0;
    hw_waker *waker = NULL;
    hw_subscription *subscriptions[2] = {NULL, NULL};
    OK(hw_waker_new_callback(count_up, &calls, &waker, &error));
    FAILS(HW_STATUS_INVALID, hw_waker_new_callback(NULL, &calls, &waker, &error));
    int fd = -1;
    FAILS(HW_STATUS_INVALID, hw_waker_fd(waker, &fd, &error));
    for (int i = 0; i < 2; i++) {
        OK(hw_stream_subscribe(stream, NULL, &subscriptions[i], &error));
        OK(hw_subscription_wake(subscriptions[i], waker, (uint64_t)i, &error));
    }
    CHECK(calls == 1);
    uint64_t tokens[4];
    size_t count = 0;
    OK(hw_waker_take(waker, tokens, 4, &count, &error));
    CHECK(count == 2 && tokens[0] == 0 && tokens[1] == 1);
    OK(hw_subscription_wake(subscriptions[0], waker, 5, &error));
    CHECK(calls == 2);

    /* Armed twice with one token is one token; after the waker was freed no call begins. */
    hw_subscription *later = NULL;
    hw_subscribe_options options;
    HW_INIT(&options);
    options.deliver_policy = HW_DELIVER_POLICY_NEW;
    OK(hw_waker_take(waker, tokens, 4, &count, &error));
    OK(hw_stream_subscribe(stream, &options, &later, &error));
    OK(hw_subscription_wake(later, waker, 6, &error));
    OK(hw_subscription_wake(later, waker, 6, &error));
    append(stream, "s.later", "x");
    OK(hw_waker_take(waker, tokens, 4, &count, &error));
    CHECK(calls == 3 && count == 1 && tokens[0] == 6);
    hw_batch *batch = NULL;
    OK(hw_subscription_next(later, 0, 0, &batch, &error));
    hw_batch_free(batch);
    OK(hw_subscription_wake(later, waker, 6, &error));
    hw_waker_free(waker);
    append(stream, "s.later", "x");
    CHECK(calls == 3);
    hw_subscription_free(later);
    hw_subscription_free(subscriptions[0]);
    hw_subscription_free(subscriptions[1]);
}

static void tickets_consumers_and_watchers_wake_too(const hw_engine *engine, const hw_stream *stream) {
    hw_waker *waker = NULL;
    hw_bucket *bucket = NULL;
    hw_watcher *watcher = NULL;
    hw_consumer *consumer = NULL;
    hw_points *points = NULL;
    hw_point_watcher *live = NULL;
    hw_ticket *ticket = NULL;
    OK(hw_waker_new(&waker, &error));
    hw_bucket_config bucket_config;
    HW_INIT(&bucket_config);
    HW_SET(bucket_config.bucket, "b");
    OK(hw_engine_create_bucket(engine, &bucket_config, &bucket, &error));
    hw_watch_options watch;
    HW_INIT(&watch);
    watch.updates_only = 1;
    OK(hw_bucket_watch(bucket, &watch, &watcher, &error));
    hw_consumer_config consumer_config;
    HW_INIT(&consumer_config);
    HW_SET(consumer_config.name, "c");
    consumer_config.deliver_policy = HW_DELIVER_POLICY_NEW;
    OK(hw_stream_create_consumer(stream, &consumer_config, &consumer, &error));
    hw_points_config points_config;
    HW_INIT(&points_config);
    HW_SET(points_config.name, "p");
    OK(hw_points_create(engine, &points_config, &points, &error));
    OK(hw_points_watch(points, NULL, 0, &live, &error));

    OK(hw_watcher_wake(watcher, waker, 1, &error));
    OK(hw_consumer_wake(consumer, waker, 2, &error));
    OK(hw_point_watcher_wake(live, waker, 3, &error));
    CHECK(!is_readable(waker, 0));
    hw_point point;
    HW_INIT(&point);
    HW_SET(point.node, "n");
    HW_SET(point.kind, "k");
    OK(hw_bucket_put(bucket, HW_LIT("key"), HW_LIT("value"), NULL, &error));
    append(stream, "s.c", "x");
    OK(hw_points_write(points, &point, 1, NULL, &error));
    OK(hw_bucket_put_submit(bucket, HW_LIT("key"), HW_LIT("other"), &ticket, &error));
    OK(hw_ticket_wake(ticket, waker, 4, &error));

    bool woken[5] = {false, false, false, false, false};
    int left = 4;
    while (left > 0) {
        uint64_t token = 0;
        size_t count = 0;
        CHECK(is_readable(waker, WAIT_MS));
        OK(hw_waker_take(waker, &token, 1, &count, &error));
        CHECK(count == 1 && token >= 1 && token <= 4 && !woken[token]);
        woken[token] = true;
        left--;
    }
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_ticket_wait(ticket, 0, &ack, &error));
    CHECK(ack.seq == 2 && ack.count == 1);
    hw_ticket_free(ticket);
    uint64_t missed = 9;
    OK(hw_point_watcher_missed(live, &missed, &error));
    CHECK(missed == 0);
    hw_point_watcher_free(live);
    hw_points_free(points);
    hw_consumer_free(consumer);
    hw_watcher_free(watcher);
    hw_bucket_free(bucket);
    hw_waker_free(waker);
}

/* Durable appends without a thread that waits: each ticket wakes once the disk has it. */
static void tickets_wake_when_the_disk_has_them(void) {
    enum { TICKETS = 200 };
    hw_engine *engine = NULL;
    hw_waker *waker = NULL;
    hw_ticket *tickets[TICKETS];
    OK(hw_engine_temporary(&engine, &error));
    OK(hw_waker_new(&waker, &error));
    hw_stream *stream = stream_of(engine, "s");
    for (uint64_t i = 0; i < TICKETS; i++) {
        hw_append record;
        HW_INIT(&record);
        HW_SET(record.subject, "s.a");
        OK(hw_stream_append_submit(stream, &record, 1, &tickets[i], &error));
        OK(hw_ticket_wake(tickets[i], waker, i, &error));
    }
    for (int left = TICKETS; left > 0;) {
        uint64_t token = 0;
        size_t count = 0;
        CHECK(is_readable(waker, WAIT_MS));
        OK(hw_waker_take(waker, &token, 1, &count, &error));
        hw_ack ack;
        HW_INIT(&ack);
        hw_status status = hw_ticket_wait(tickets[token], 0, &ack, &error);
        if (status == HW_STATUS_TIMEOUT) {
            FAILS(HW_STATUS_TIMEOUT, status);
            OK(hw_ticket_wake(tickets[token], waker, token, &error));
            continue;
        }
        OK(status);
        CHECK(ack.seq == token + 1 && ack.durability == HW_DURABILITY_FSYNC);
        hw_ticket_free(tickets[token]);
        left--;
    }
    hw_waker_free(waker);
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
}

/* The log is a queue like the others: a torn tail that an open cuts is a line that wakes. */
static void the_log_wakes(const char *dir) {
    char place[512];
    char segment[600];
    snprintf(place, sizeof place, "%s/log", dir);
    snprintf(segment, sizeof segment, "%s/streams/s/0000000000000000.seg", place);
    hw_engine *engine = NULL;
    hw_stream *stream = NULL;
    OK(hw_engine_open(place, strlen(place), NULL, &engine, &error));
    stream = stream_of(engine, "s");
    append(stream, "s.a", "kept");
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    FILE *file = fopen(segment, "ab");
    CHECK(file != NULL);
    fputs("torn", file);
    fclose(file);

    hw_waker *waker = NULL;
    hw_logs *logs = NULL;
    hw_log_line line;
    uint64_t token = 0;
    size_t count = 0;
    HW_INIT(&line);
    OK(hw_engine_open(place, strlen(place), NULL, &engine, &error));
    OK(hw_waker_new(&waker, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_engine_next_logs(engine, 0, 10, &logs, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_wake_logs(engine, NULL, 7, &error));
    OK(hw_engine_wake_logs(engine, waker, 7, &error));
    CHECK(!is_readable(waker, 0));
    OK(hw_engine_stream(engine, HW_LIT("s"), &stream, &error));
    CHECK(is_readable(waker, WAIT_MS));
    OK(hw_waker_take(waker, &token, 1, &count, &error));
    CHECK(count == 1 && token == 7);
    OK(hw_engine_next_logs(engine, 0, -1, &logs, &error));
    CHECK(hw_logs_len(logs) == 1);
    OK(hw_logs_get(logs, 0, &line, &error));
    CHECK(text_is(line.level, "warn"));
    hw_logs_free(logs);
    OK(hw_engine_cancel_logs(engine, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_engine_next_logs(engine, 0, 0, &logs, &error));
    OK(hw_engine_close(engine, &error));
    FAILS(HW_STATUS_CLOSED, hw_engine_next_logs(engine, 0, -1, &logs, &error));
    hw_waker_free(waker);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

int main(int argc, char **argv) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    ten_thousand_waits_come_true(stream);
    what_is_there_already_wakes_at_once(stream);
    a_callback_is_called_when_the_list_fills(stream);
    tickets_consumers_and_watchers_wake_too(engine, stream);
    tickets_wake_when_the_disk_has_them();
    the_log_wakes(argc > 1 ? argv[1] : ".");
    hw_stream_free(stream);
    hw_engine_free(engine);
    return 0;
}

/*
 * One thread appends while another follows the stream: history first, then live, with no gap at the seam. The one that
 * follows waits for a file descriptor, as an event loop would, so that any number of subscriptions needs one thread.
 */
#include <headwater.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { HISTORY_RECORDS = 100, LIVE_RECORDS = 900, TAKE_MAX = 64, WAIT_MS = 30000 };

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static void append_ticks(const hw_stream *ticks, int count) {
    hw_error *error = NULL;
    for (int i = 0; i < count; i++) {
        char payload[16];
        int len = snprintf(payload, sizeof payload, "%d", i);
        check(hw_stream_append(ticks, HW_LIT("ticks.a"), payload, (size_t)len, NULL, NULL, &error), error);
    }
}

static void *write_live(void *ticks) {
    append_ticks((const hw_stream *)ticks, LIVE_RECORDS);
    return NULL;
}

/* Waits until the waker's list holds a token, and takes it. */
static void wait_for_token(const hw_waker *waker) {
    hw_error *error = NULL;
    struct pollfd ready = {-1, POLLIN, 0};
    check(hw_waker_fd(waker, &ready.fd, &error), error);
    if (poll(&ready, 1, WAIT_MS) != 1) {
        fprintf(stderr, "nothing came for %d ms\n", WAIT_MS);
        exit(1);
    }
    uint64_t token = 0;
    size_t count = 0;
    check(hw_waker_take(waker, &token, 1, &count, &error), error);
}

static uint64_t follow(const hw_subscription *live, const hw_waker *waker) {
    uint64_t seen = 0;
    hw_record record;
    HW_INIT(&record);
    while (seen < HISTORY_RECORDS + LIVE_RECORDS) {
        hw_error *error = NULL;
        hw_batch *batch = NULL;
        hw_status status = hw_subscription_next(live, TAKE_MAX, 0, &batch, &error);
        if (status == HW_STATUS_TIMEOUT) {
            /* Nothing is there now. The token tells one subscription from another; here there is only one. */
            hw_error_free(error);
            error = NULL;
            check(hw_subscription_wake(live, waker, 1, &error), error);
            wait_for_token(waker);
            continue;
        }
        check(status, error);
        for (size_t i = 0; i < hw_batch_len(batch); i++) {
            check(hw_batch_record(batch, i, &record, &error), error);
            seen++;
            if (record.seq != seen) {
                fprintf(stderr, "sequence %llu came where %llu was expected\n", (unsigned long long)record.seq,
                        (unsigned long long)seen);
                exit(1);
            }
        }
        hw_batch_free(batch);
    }
    return seen;
}

int main(void) {
    hw_error *error = NULL;
    hw_engine *engine = NULL;
    hw_stream *ticks = NULL;
    hw_subscription *live = NULL;
    hw_waker *waker = NULL;
    check(hw_engine_temporary(&engine, &error), error);

    hw_str subjects[1];
    HW_SET(subjects[0], "ticks.>");
    hw_stream_config config;
    HW_INIT(&config);
    HW_SET(config.name, "ticks");
    config.subjects = subjects;
    config.subjects_len = 1;
    config.durability = HW_DURABILITY_OS;
    check(hw_engine_create_stream(engine, &config, &ticks, &error), error);
    append_ticks(ticks, HISTORY_RECORDS);

    check(hw_stream_subscribe(ticks, NULL, &live, &error), error);
    check(hw_waker_new(&waker, &error), error);
    pthread_t writer;
    if (pthread_create(&writer, NULL, write_live, ticks) != 0) {
        fprintf(stderr, "no thread could be made\n");
        return 1;
    }
    uint64_t seen = follow(live, waker);
    pthread_join(writer, NULL);
    printf("followed %llu records, %d of them live, in order and without a gap\n", (unsigned long long)seen,
           LIVE_RECORDS);

    /* Children keep their parents alive, so the order of freeing is free. */
    hw_engine_free(engine);
    hw_stream_free(ticks);
    hw_waker_free(waker);
    hw_subscription_free(live);
    return 0;
}

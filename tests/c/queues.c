/* Waits: deadlines, cancelling, closing, and that each record goes to one taker. */
#include "check.h"

#include <pthread.h>
#include <time.h>

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

static void a_deadline_is_kept(const hw_subscription *subscription) {
    hw_batch *batch = NULL;
    double begun = seconds_now();
    FAILS(HW_STATUS_TIMEOUT, hw_subscription_next(subscription, 1, 0, &batch, &error));
    CHECK(seconds_now() - begun < 0.05);
    begun = seconds_now();
    FAILS(HW_STATUS_TIMEOUT, hw_subscription_next(subscription, 1, 100, &batch, &error));
    CHECK(seconds_now() - begun >= 0.1 && seconds_now() - begun < 5.0);
    CHECK(batch == NULL);
}

typedef struct {
    const hw_subscription *subscription;
    hw_status status;
    size_t taken;
} waiter;

static void *wait_for_one(void *place) {
    waiter *self = (waiter *)place;
    hw_batch *batch = NULL;
    self->status = hw_subscription_next(self->subscription, 1, -1, &batch, NULL);
    self->taken = hw_batch_len(batch);
    hw_batch_free(batch);
    return NULL;
}

/* Starts threads that wait for ever, and gives them time to do so. */
static void start(pthread_t *threads, waiter *waiters, int count, const hw_subscription *subscription) {
    for (int i = 0; i < count; i++) {
        waiters[i].subscription = subscription;
        waiters[i].status = HW_STATUS_INTERNAL;
        waiters[i].taken = 0;
        CHECK(pthread_create(&threads[i], NULL, wait_for_one, &waiters[i]) == 0);
    }
    pause_ms(100);
}

static void join(pthread_t *threads, const waiter *waiters, int count, hw_status status, size_t taken) {
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        CHECK(waiters[i].status == status && waiters[i].taken == taken);
    }
}

static void many_wait_and_each_gets_its_own(const hw_stream *stream, const hw_subscription *subscription) {
    pthread_t threads[4];
    waiter waiters[4];
    start(threads, waiters, 4, subscription);
    for (int i = 0; i < 4; i++) {
        append(stream, "s.a", "x");
    }
    join(threads, waiters, 4, HW_STATUS_OK, 1);
    uint64_t position = 0;
    uint64_t lag = 9;
    OK(hw_subscription_position(subscription, &position, &error));
    OK(hw_subscription_lag(subscription, &lag, &error));
    CHECK(position == 5 && lag == 0);
}

static void a_wait_is_cancelled_and_the_queue_goes_on(const hw_stream *stream, const hw_subscription *subscription) {
    pthread_t threads[2];
    waiter waiters[2];
    start(threads, waiters, 2, subscription);
    OK(hw_subscription_cancel(subscription, &error));
    join(threads, waiters, 2, HW_STATUS_TIMEOUT, 0);
    append(stream, "s.a", "x");
    hw_batch *batch = NULL;
    OK(hw_subscription_next(subscription, 0, -1, &batch, &error));
    CHECK(hw_batch_len(batch) == 1 && hw_batch_missed(batch) == 0);
    hw_batch_free(batch);
}

static void closing_ends_the_waits(const hw_subscription *subscription) {
    pthread_t threads[2];
    waiter waiters[2];
    start(threads, waiters, 2, subscription);
    OK(hw_subscription_close(subscription, &error));
    join(threads, waiters, 2, HW_STATUS_CLOSED, 0);
}

static void closing_the_engine_ends_the_waits(const hw_engine *engine, const hw_subscription *subscription) {
    pthread_t threads[2];
    waiter waiters[2];
    start(threads, waiters, 2, subscription);
    OK(hw_engine_close(engine, &error));
    join(threads, waiters, 2, HW_STATUS_CLOSED, 0);
}

static void a_consumer_delivers_until_it_is_acknowledged(const hw_stream *stream) {
    hw_consumer_config config;
    HW_INIT(&config);
    HW_SET(config.name, "worker");
    config.deliver_policy = HW_DELIVER_POLICY_NEW;
    hw_consumer *consumer = NULL;
    OK(hw_stream_create_consumer(stream, &config, &consumer, &error));
    uint64_t seq = append(stream, "s.work", "job");

    hw_batch *batch = NULL;
    hw_record record;
    HW_INIT(&record);
    OK(hw_consumer_next(consumer, 10, -1, &batch, &error));
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(record.seq == seq && record.delivered == 1);
    hw_batch_free(batch);
    batch = NULL;
    FAILS(HW_STATUS_TIMEOUT, hw_consumer_next(consumer, 10, 0, &batch, &error));
    OK(hw_consumer_in_progress(consumer, seq, &error));
    OK(hw_consumer_nak(consumer, seq, 0, &error));
    OK(hw_consumer_next(consumer, 10, -1, &batch, &error));
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(record.seq == seq && record.delivered == 2);
    hw_batch_free(batch);

    size_t acked = 0;
    hw_ticket *ticket = NULL;
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_consumer_ack_sync(consumer, &seq, 1, &acked, &error));
    CHECK(acked == 1);
    OK(hw_consumer_ack(consumer, &seq, 1, &acked, &error));
    CHECK(acked == 0);
    OK(hw_consumer_ack_submit(consumer, &seq, 1, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, &ack, &error));
    CHECK(ack.count == 0);
    hw_ticket_free(ticket);

    hw_consumer_infos *infos = NULL;
    hw_consumer_state state;
    HW_INIT(&state);
    OK(hw_consumer_info(consumer, &infos, &error));
    OK(hw_consumer_infos_get(infos, 0, &state, &error));
    CHECK(text_is(state.config->name, "worker") && state.config->max_ack_pending == 1000);
    CHECK(state.config->ack_wait_ns == UINT64_C(30000000000) && state.ack_floor == seq && state.num_ack_pending == 0);
    hw_consumer_infos_free(infos);
    OK(hw_stream_delete_consumer(stream, HW_LIT("worker"), &error));
    hw_consumer_free(consumer);
}

/* Limits that remove what was not read are told: by the batch what is new, by the handle the sum. */
static void who_fell_behind_is_told(const hw_engine *engine) {
    hw_stream_config config;
    HW_INIT(&config);
    HW_SET(config.name, "short");
    config.max_msgs = 2;
    hw_stream *stream = NULL;
    hw_subscription *subscription = NULL;
    hw_batch *batch = NULL;
    uint64_t missed = 0;
    OK(hw_engine_create_stream(engine, &config, &stream, &error));
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    append(stream, "short", "1");
    OK(hw_subscription_next(subscription, 1, 0, &batch, &error));
    hw_batch_free(batch);
    for (int i = 0; i < 5; i++) {
        append(stream, "short", "more");
    }
    OK(hw_subscription_next(subscription, 1, 0, &batch, &error));
    OK(hw_subscription_missed(subscription, &missed, &error));
    CHECK(hw_batch_len(batch) == 1 && hw_batch_missed(batch) == 3 && missed == 3);
    hw_batch_free(batch);
    OK(hw_subscription_next(subscription, 1, 0, &batch, &error));
    OK(hw_subscription_missed(subscription, &missed, &error));
    CHECK(hw_batch_missed(batch) == 0 && missed == 3);
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
}

int main(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_subscription *subscription = NULL;
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    a_deadline_is_kept(subscription);
    many_wait_and_each_gets_its_own(stream, subscription);
    a_wait_is_cancelled_and_the_queue_goes_on(stream, subscription);
    closing_ends_the_waits(subscription);
    hw_subscription_free(subscription);
    who_fell_behind_is_told(engine);
    a_consumer_delivers_until_it_is_acknowledged(stream);

    hw_subscribe_options options;
    HW_INIT(&options);
    options.deliver_policy = HW_DELIVER_POLICY_NEW;
    OK(hw_stream_subscribe(stream, &options, &subscription, &error));
    closing_the_engine_ends_the_waits(engine, subscription);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    hw_engine_free(engine);
    return 0;
}

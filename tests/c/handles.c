/* NULL, malformed text, use after close, and every order of closing and freeing. */
#include "check.h"

static void null_is_answered(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_batch *batch = NULL;
    uint64_t number = 0;

    FAILS(HW_STATUS_INVALID, hw_engine_open(NULL, 0, NULL, &engine, &error));
    SAID("dir is empty");
    FAILS(HW_STATUS_INVALID, hw_engine_open(NULL, 3, NULL, &engine, &error));
    SAID("dir is NULL");
    FAILS(HW_STATUS_INVALID, hw_engine_memory(NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_id(NULL, &number, &error));
    SAID("engine is NULL");
    FAILS(HW_STATUS_INVALID, hw_engine_id(engine, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_close(NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_create_stream(engine, NULL, &stream, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_stream(engine, HW_LIT("s"), NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append(NULL, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, NULL, 3, HW_LIT("x"), NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), NULL, 1, NULL, NULL, &error));
    SAID("payload is NULL");
    FAILS(HW_STATUS_INVALID, hw_stream_append_batch(stream, NULL, 2, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append_submit(stream, NULL, 1, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_read(stream, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_subscribe(stream, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_subscription_next(NULL, 1, 0, &batch, &error));
    FAILS(HW_STATUS_INVALID, hw_ticket_wait(NULL, 0, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_consumer_ack(NULL, &number, 1, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_bucket_put(NULL, HW_LIT("k"), HW_LIT("v"), NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_points_write(NULL, NULL, 0, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_waker_take(NULL, &number, 1, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_verify(HW_LIT("."), NULL, NULL, NULL, NULL, &error));
    CHECK(batch == NULL);

    /* An error is only for those who want it. */
    CHECK(hw_engine_id(NULL, &number, NULL) == HW_STATUS_INVALID);
    CHECK(number == 0);
    /* An empty payload needs no pointer. */
    OK(hw_stream_append(stream, HW_LIT("s.a"), NULL, 0, NULL, NULL, &error));
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static void null_is_empty_and_freeing_it_is_nothing(void) {
    CHECK(hw_error_status(NULL) == HW_STATUS_OK);
    CHECK(strcmp(hw_error_message(NULL, NULL), "") == 0);
    CHECK(!hw_error_sequences(NULL, NULL, NULL));
    CHECK(hw_batch_len(NULL) == 0 && hw_batch_missed(NULL) == 0 && hw_strings_len(NULL) == 0);
    CHECK(hw_stream_infos_len(NULL) == 0 && hw_consumer_infos_len(NULL) == 0 && hw_bucket_infos_len(NULL) == 0);
    CHECK(hw_entries_len(NULL) == 0 && hw_point_list_len(NULL) == 0 && hw_rows_len(NULL) == 0);
    CHECK(hw_metrics_len(NULL) == 0 && hw_logs_len(NULL) == 0);
    hw_error_free(NULL);
    hw_strings_free(NULL);
    hw_progress_free(NULL);
    hw_engine_free(NULL);
    hw_stream_free(NULL);
    hw_stream_infos_free(NULL);
    hw_ticket_free(NULL);
    hw_batch_free(NULL);
    hw_subscription_free(NULL);
    hw_consumer_free(NULL);
    hw_consumer_infos_free(NULL);
    hw_bucket_free(NULL);
    hw_bucket_infos_free(NULL);
    hw_entries_free(NULL);
    hw_watcher_free(NULL);
    hw_points_free(NULL);
    hw_point_list_free(NULL);
    hw_rows_free(NULL);
    hw_point_watcher_free(NULL);
    hw_waker_free(NULL);
    hw_metrics_free(NULL);
    hw_logs_free(NULL);
}

static void text_must_be_utf8(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_bucket *bucket = NULL;
    hw_bucket_config config;
    HW_INIT(&config);
    HW_SET(config.bucket, "b");
    OK(hw_engine_create_bucket(engine, &config, &bucket, &error));

    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, "s.\xff", 3, HW_LIT("x"), NULL, NULL, &error));
    SAID("subject is not UTF-8 from byte 2 on");
    FAILS(HW_STATUS_INVALID, hw_bucket_put(bucket, "k\xc3", 2, HW_LIT("v"), NULL, &error));
    SAID("key is not UTF-8");
    hw_header header;
    HW_SET(header.name, "n\xfe");
    HW_SET(header.value, "v");
    hw_append_options options;
    HW_INIT(&options);
    options.headers = &header;
    options.headers_len = 1;
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options, NULL, &error));
    SAID("header name");
    /* Bytes may be anything. */
    OK(hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("\xff\x00\xfe"), NULL, NULL, &error));
    uint64_t seq = 0;
    OK(hw_stream_last_seq(stream, HW_LIT("s.*"), &seq, &error));
    CHECK(seq == 1);

    hw_bucket_free(bucket);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static void lengths_no_memory_has_are_refused(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_append record;
    HW_INIT(&record);
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), "x", SIZE_MAX, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append_batch(stream, &record, SIZE_MAX / 2, NULL, &error));
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static void after_close_everything_says_so(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_subscription *subscription = NULL;
    hw_batch *batch = NULL;
    append(stream, "s.a", "x");
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    OK(hw_stream_last(stream, HW_LIT("s.a"), &batch, &error));
    OK(hw_engine_close(engine, &error));
    OK(hw_engine_close(engine, &error));

    hw_batch *other = NULL;
    hw_stream *stream_again = NULL;
    FAILS(HW_STATUS_CLOSED, hw_engine_stream(engine, HW_LIT("s"), &stream_again, &error));
    FAILS(HW_STATUS_CLOSED, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, &error));
    FAILS(HW_STATUS_CLOSED, hw_stream_read(stream, NULL, &other, &error));
    FAILS(HW_STATUS_CLOSED, hw_subscription_next(subscription, 1, -1, &other, &error));
    CHECK(other == NULL && stream_again == NULL);

    /* What was read stays readable, as it is the caller's. */
    hw_record record;
    HW_INIT(&record);
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(record.seq == 1 && text_is(record.subject, "s.a") && bytes_are(record.payload, "x"));
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static void a_closed_subscription_says_so(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_subscription *subscription = NULL;
    hw_batch *batch = NULL;
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    OK(hw_subscription_close(subscription, &error));
    OK(hw_subscription_close(subscription, &error));
    FAILS(HW_STATUS_CLOSED, hw_subscription_next(subscription, 1, 0, &batch, &error));
    append(stream, "s.a", "x");
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

static void children_outlive_their_parents(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_subscription *subscription = NULL;
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    hw_engine_free(engine);
    append(stream, "s.a", "x");
    hw_stream_free(stream);

    hw_batch *batch = NULL;
    OK(hw_subscription_next(subscription, 1, -1, &batch, &error));
    hw_subscription_free(subscription);
    hw_record record;
    HW_INIT(&record);
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(text_is(record.subject, "s.a"));
    hw_batch_free(batch);
}

static void an_index_past_the_end_is_refused(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    hw_batch *batch = NULL;
    hw_record record;
    HW_INIT(&record);
    hw_str name = str("unchanged");
    hw_str value = name;
    append(stream, "s.a", "x");
    OK(hw_stream_read(stream, NULL, &batch, &error));
    FAILS(HW_STATUS_INVALID, hw_batch_record(batch, 1, &record, &error));
    SAID("index 1 is past the end");
    FAILS(HW_STATUS_INVALID, hw_batch_header(batch, 0, 0, &name, &value, &error));
    CHECK(text_is(name, "unchanged") && record.seq == 0);
    hw_batch_free(batch);

    OK(hw_stream_get(stream, 7, &batch, &error));
    CHECK(hw_batch_len(batch) == 0);
    FAILS(HW_STATUS_INVALID, hw_batch_record(batch, 0, &record, &error));
    hw_batch_free(batch);
    hw_stream_free(stream);
    hw_engine_free(engine);
}

int main(void) {
    CHECK(hw_abi_version() == HW_ABI_VERSION);
    CHECK(strcmp(hw_status_name(HW_STATUS_NOT_FOUND), "not_found") == 0);
    CHECK(strcmp(hw_status_name(99), "unknown") == 0);
    null_is_answered();
    null_is_empty_and_freeing_it_is_nothing();
    text_must_be_utf8();
    lengths_no_memory_has_are_refused();
    after_close_everything_says_so();
    a_closed_subscription_says_so();
    children_outlive_their_parents();
    an_index_past_the_end_is_refused();
    return 0;
}

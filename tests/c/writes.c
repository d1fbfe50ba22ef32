/* Appends with conditions, batches, tickets, and what a conflict says. */
#include "check.h"

#include <pthread.h>

static void a_conflict_has_both_sequences(const hw_stream *stream) {
    append(stream, "s.a", "1");
    append(stream, "s.b", "2");
    hw_append_options options;
    HW_INIT(&options);
    options.has_expect_subject_last_seq = 1;
    options.expect_subject_last_seq = 1;
    HW_SET(options.expect_filter, "s.*");
    hw_status status = hw_stream_append(stream, HW_LIT("s.c"), HW_LIT("x"), &options, NULL, &error);
    uint64_t expected = 0;
    uint64_t actual = 0;
    CHECK(hw_error_sequences(error, &expected, &actual));
    CHECK(expected == 1 && actual == 2);
    FAILS(HW_STATUS_CONFLICT, status);

    /* Zero is a sequence too: there must be none. */
    options.expect_subject_last_seq = 0;
    HW_SET(options.expect_filter, "s.c");
    OK(hw_stream_append(stream, HW_LIT("s.c"), HW_LIT("3"), &options, NULL, &error));
    FAILS(HW_STATUS_CONFLICT, hw_stream_append(stream, HW_LIT("s.c"), HW_LIT("x"), &options, NULL, &error));
    CHECK(!hw_error_sequences(NULL, &expected, &actual));
}

static void all_of_an_append_comes_back(const hw_stream *stream) {
    hw_header headers[2];
    HW_SET(headers[0].name, "trace");
    HW_SET(headers[0].value, "one");
    HW_SET(headers[1].name, "trace");
    HW_SET(headers[1].value, "");
    hw_append_options options;
    HW_INIT(&options);
    options.headers = headers;
    options.headers_len = 2;
    options.has_event_time = 1;
    options.event_time = -5;
    HW_SET(options.msg_id, "id-1");
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_stream_append(stream, HW_LIT("s.h"), HW_LIT("payload"), &options, &ack, &error));
    CHECK(ack.duplicate == 0 && ack.count == 1 && ack.durability == HW_DURABILITY_FSYNC);
    uint64_t seq = ack.seq;
    OK(hw_stream_append(stream, HW_LIT("s.h"), HW_LIT("payload"), &options, &ack, &error));
    CHECK(ack.duplicate == 1 && ack.count == 0 && ack.seq == seq);

    hw_batch *batches[2] = {NULL, NULL};
    hw_read_options read;
    HW_INIT(&read);
    read.from_seq = seq;
    OK(hw_stream_get(stream, seq, &batches[0], &error));
    OK(hw_stream_read(stream, &read, &batches[1], &error));
    for (int i = 0; i < 2; i++) {
        hw_record record;
        hw_str name;
        hw_str value;
        HW_INIT(&record);
        CHECK(hw_batch_len(batches[i]) == 1);
        OK(hw_batch_record(batches[i], 0, &record, &error));
        CHECK(record.seq == seq && text_is(record.subject, "s.h") && bytes_are(record.payload, "payload"));
        CHECK(record.has_event_time && record.event_time == -5 && record.delivered == 0 && record.time > 0);
        CHECK(record.headers_len >= 2);
        OK(hw_batch_header(batches[i], 0, 0, &name, &value, &error));
        CHECK(text_is(name, "trace") && text_is(value, "one"));
        OK(hw_batch_header(batches[i], 0, 1, &name, &value, &error));
        CHECK(text_is(name, "trace") && text_is(value, ""));
        FAILS(HW_STATUS_INVALID, hw_batch_header(batches[i], 0, record.headers_len, &name, &value, &error));
        hw_batch_free(batches[i]);
    }
}

static void a_batch_is_all_or_nothing(const hw_stream *stream) {
    hw_append records[2];
    HW_INIT(&records[0]);
    HW_INIT(&records[1]);
    HW_SET(records[0].subject, "s.batch");
    HW_SET(records[1].subject, "elsewhere");
    uint64_t before = 0;
    uint64_t after = 0;
    OK(hw_stream_last_seq(stream, HW_LIT(">"), &before, &error));
    FAILS(HW_STATUS_INVALID, hw_stream_append_batch(stream, records, 2, NULL, &error));
    OK(hw_stream_last_seq(stream, HW_LIT(">"), &after, &error));
    CHECK(before == after);
    HW_SET(records[1].subject, "s.batch");
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_stream_append_batch(stream, records, 2, &ack, &error));
    CHECK(ack.seq == before + 2 && ack.count == 2);
    FAILS(HW_STATUS_INVALID, hw_stream_append_batch(stream, records, 0, NULL, &error));
}

static void a_ticket_keeps_its_outcome(const hw_stream *stream) {
    hw_append record;
    HW_INIT(&record);
    HW_SET(record.subject, "s.t");
    hw_ticket *ticket = NULL;
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_stream_append_submit(stream, &record, 1, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, &ack, &error));
    uint64_t seq = ack.seq;
    CHECK(seq > 0 && ack.count == 1);
    ack.seq = 0;
    OK(hw_ticket_wait(ticket, 0, &ack, &error));
    CHECK(ack.seq == seq);
    OK(hw_ticket_wait(ticket, 1000, NULL, &error));
    hw_ticket_free(ticket);

    hw_append_options options;
    HW_INIT(&options);
    options.has_expect_last_seq = 1;
    record.options = &options;
    OK(hw_stream_append_submit(stream, &record, 1, &ticket, &error));
    FAILS(HW_STATUS_CONFLICT, hw_ticket_wait(ticket, -1, &ack, &error));
    FAILS(HW_STATUS_CONFLICT, hw_ticket_wait(ticket, 0, &ack, &error));
    hw_ticket_free(ticket);

    /* Freeing a ticket gives up the wait, not the work. */
    record.options = NULL;
    OK(hw_stream_append_submit(stream, &record, 1, &ticket, &error));
    hw_ticket_free(ticket);
    OK(hw_stream_sync(stream, &error));
    uint64_t last = 0;
    OK(hw_stream_last_seq(stream, HW_LIT("s.t"), &last, &error));
    CHECK(last == seq + 1);

    OK(hw_stream_sync_submit(stream, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, NULL, &error));
    hw_ticket_free(ticket);
}

static void *append_many(void *stream) {
    hw_error *own = NULL;
    for (int i = 0; i < 200; i++) {
        if (hw_stream_append((const hw_stream *)stream, HW_LIT("s.many"), HW_LIT("x"), NULL, NULL, &own) != 0) {
            fail_at(__FILE__, __LINE__, "append", hw_error_message(own, NULL));
        }
    }
    return NULL;
}

static void one_handle_serves_many_threads(hw_stream *stream) {
    pthread_t threads[4];
    uint64_t before = 0;
    uint64_t after = 0;
    OK(hw_stream_last_seq(stream, HW_LIT(">"), &before, &error));
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, append_many, stream) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    OK(hw_stream_last_seq(stream, HW_LIT("s.many"), &after, &error));
    CHECK(after == before + 800);
}

static void delete_and_purge(const hw_stream *stream) {
    bool removed = false;
    uint64_t count = 0;
    OK(hw_stream_delete(stream, 1, &removed, &error));
    CHECK(removed);
    OK(hw_stream_delete(stream, 1, &removed, &error));
    CHECK(!removed);
    hw_purge_options options;
    HW_INIT(&options);
    HW_SET(options.filter, "s.many");
    options.keep = 1;
    OK(hw_stream_purge(stream, &options, &count, &error));
    CHECK(count == 799);
    OK(hw_stream_purge(stream, NULL, NULL, &error));
    hw_batch *batch = NULL;
    OK(hw_stream_read(stream, NULL, &batch, &error));
    CHECK(hw_batch_len(batch) == 0);
    hw_batch_free(batch);
}

int main(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    a_conflict_has_both_sequences(stream);
    all_of_an_append_comes_back(stream);
    a_batch_is_all_or_nothing(stream);
    a_ticket_keeps_its_outcome(stream);
    one_handle_serves_many_threads(stream);
    delete_and_purge(stream);
    hw_stream_free(stream);
    hw_engine_free(engine);
    return 0;
}

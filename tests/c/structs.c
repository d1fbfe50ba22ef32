/* Structs that begin with `struct_size`: unset, older and newer than the library, and in arrays; numbers of enums. */
#include "check.h"

/* What a newer header may make of hw_append_options and hw_ack. */
typedef struct {
    hw_append_options known;
    uint64_t later;
} newer_options;

typedef struct {
    hw_ack known;
    uint64_t later;
} newer_ack;

typedef struct {
    hw_append known;
    uint64_t later;
} newer_append;

typedef struct {
    hw_record known;
    uint64_t later;
} newer_record;

static void an_unset_size_is_refused(const hw_stream *stream) {
    hw_append_options options;
    hw_ack ack;
    HW_INIT(&options);
    options.struct_size = 0;
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options, NULL, &error));
    SAID("struct_size of hw_append_options is 0");
    options.struct_size = sizeof options - 8;
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options, NULL, &error));
    HW_INIT(&ack);
    ack.struct_size = 0;
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), NULL, &ack, &error));
    SAID("struct_size of hw_ack");
    uint64_t seq = 9;
    OK(hw_stream_last_seq(stream, HW_LIT(">"), &seq, &error));
    CHECK(seq == 0); /* Nothing was appended by a call that was refused. */
}

static void a_newer_struct_is_taken_while_its_tail_is_zero(const hw_stream *stream) {
    newer_options options;
    newer_ack ack;
    memset(&options, 0, sizeof options);
    memset(&ack, 0xee, sizeof ack);
    options.known.struct_size = sizeof options;
    ack.known.struct_size = sizeof ack;
    OK(hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options.known, &ack.known, &error));
    CHECK(ack.known.seq == 1 && ack.known.count == 1 && ack.known.duplicate == 0);
    CHECK(ack.known.struct_size == sizeof ack && ack.later == 0);
    options.later = 1;
    FAILS(HW_STATUS_UNSUPPORTED,
          hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options.known, NULL, &error));
    SAID("too old to know");
}

static void arrays_step_by_the_callers_size(const hw_stream *stream) {
    newer_append records[3];
    memset(records, 0, sizeof records);
    for (int i = 0; i < 3; i++) {
        records[i].known.struct_size = sizeof records[0];
        HW_SET(records[i].known.subject, "s.b");
        records[i].known.payload.data = "012" + i;
        records[i].known.payload.len = 1;
    }
    OK(hw_stream_append_batch(stream, &records[0].known, 3, NULL, &error));
    records[2].known.struct_size = sizeof(hw_append);
    FAILS(HW_STATUS_INVALID, hw_stream_append_batch(stream, &records[0].known, 3, NULL, &error));
    SAID("another struct_size");

    hw_batch *batch = NULL;
    OK(hw_stream_read(stream, NULL, &batch, &error));
    CHECK(hw_batch_len(batch) == 4);
    newer_record out[8];
    memset(out, 0xee, sizeof out);
    out[0].known.struct_size = sizeof out[0];
    size_t count = 0;
    OK(hw_batch_records(batch, 1, &out[0].known, 8, &count, &error));
    CHECK(count == 3);
    for (size_t i = 0; i < count; i++) {
        CHECK(out[i].known.struct_size == sizeof out[0] && out[i].known.seq == i + 2 && out[i].later == 0);
        CHECK(out[i].known.payload.len == 1 && *(const char *)out[i].known.payload.data == (char)('0' + (int)i));
    }
    OK(hw_batch_records(batch, 4, NULL, 8, &count, &error));
    CHECK(count == 0);
    FAILS(HW_STATUS_INVALID, hw_batch_records(batch, 5, &out[0].known, 8, &count, &error));
    hw_batch_free(batch);
}

static void numbers_that_no_enum_has_are_refused(const hw_engine *engine, const hw_stream *stream) {
    hw_stream_config config;
    HW_INIT(&config);
    HW_SET(config.name, "t");
    hw_stream *other = NULL;
    config.durability = 4;
    FAILS(HW_STATUS_INVALID, hw_engine_create_stream(engine, &config, &other, &error));
    SAID("durability is 4");
    config.durability = 3;
    FAILS(HW_STATUS_INVALID, hw_engine_create_stream(engine, &config, &other, &error));
    SAID("durability 'unknown' is what a hub says");
    config.durability = 0;
    config.discard = -1;
    FAILS(HW_STATUS_INVALID, hw_engine_create_stream(engine, &config, &other, &error));
    config.discard = 0;
    config.compression = 77;
    FAILS(HW_STATUS_INVALID, hw_engine_create_stream(engine, &config, &other, &error));

    hw_subscribe_options subscribe;
    HW_INIT(&subscribe);
    hw_subscription *subscription = NULL;
    subscribe.deliver_policy = 6;
    FAILS(HW_STATUS_INVALID, hw_stream_subscribe(stream, &subscribe, &subscription, &error));
    subscribe.deliver_policy = HW_DELIVER_POLICY_ALL;
    subscribe.start_seq = 2;
    FAILS(HW_STATUS_INVALID, hw_stream_subscribe(stream, &subscribe, &subscription, &error));

    hw_append_options options;
    HW_INIT(&options);
    options.rollup = 3;
    FAILS(HW_STATUS_INVALID, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), &options, NULL, &error));
    hw_read_options read;
    HW_INIT(&read);
    read.from_seq = 1;
    read.from_time = 1;
    hw_batch *batch = NULL;
    FAILS(HW_STATUS_INVALID, hw_stream_read(stream, &read, &batch, &error));
    SAID("both set");
}

int main(void) {
    hw_engine *engine = memory_engine();
    hw_stream *stream = stream_of(engine, "s");
    an_unset_size_is_refused(stream);
    a_newer_struct_is_taken_while_its_tail_is_zero(stream);
    arrays_step_by_the_callers_size(stream);
    numbers_that_no_enum_has_are_refused(engine, stream);
    hw_stream_free(stream);
    hw_engine_free(engine);
    return 0;
}

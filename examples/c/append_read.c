/*
 * Appends orders to a stream in a directory, closes it, opens it again and reads them back.
 *
 *     append_read [DIRECTORY]
 */
#include <headwater.h>

#include <stdio.h>
#include <stdlib.h>

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

static hw_engine *open_engine(const char *dir) {
    hw_engine *engine = NULL;
    hw_error *error = NULL;
    if (dir != NULL) {
        check(hw_engine_open(dir, strlen(dir), NULL, &engine, &error), error);
    } else {
        check(hw_engine_temporary(&engine, &error), error);
    }
    return engine;
}

static void append_orders(hw_engine *engine) {
    hw_error *error = NULL;
    hw_stream *orders = NULL;
    hw_str subjects[1];
    HW_SET(subjects[0], "orders.>");
    hw_stream_config config;
    HW_INIT(&config);
    HW_SET(config.name, "orders");
    config.subjects = subjects;
    config.subjects_len = 1;
    check(hw_engine_create_stream(engine, &config, &orders, &error), error);

    static const char *const taken[] = {"orders.eu.1", "orders.us.2", "orders.eu.1"};
    hw_ack ack;
    HW_INIT(&ack);
    for (size_t i = 0; i < 3; i++) {
        const char *subject = taken[i];
        check(hw_stream_append(orders, subject, strlen(subject), HW_LIT("{\"total\":12}"), NULL, &ack, &error), error);
        printf("appended %s as %llu\n", subject, (unsigned long long)ack.seq);
    }

    /* A condition: nobody else wrote to this order since it was read. Somebody did. */
    hw_append_options unchanged;
    HW_INIT(&unchanged);
    unchanged.has_expect_subject_last_seq = 1;
    unchanged.expect_subject_last_seq = ack.seq - 2;
    hw_status status = hw_stream_append(orders, HW_LIT("orders.eu.1"), HW_LIT("late"), &unchanged, NULL, &error);
    uint64_t expected = 0;
    uint64_t actual = 0;
    if (status != HW_STATUS_CONFLICT || !hw_error_sequences(error, &expected, &actual)) {
        fprintf(stderr, "a conflict was expected, not: %s\n", hw_error_message(error, NULL));
        exit(1);
    }
    printf("refused: expected sequence %llu, actual %llu\n", (unsigned long long)expected, (unsigned long long)actual);
    hw_error_free(error);
    hw_stream_free(orders);
}

static void read_back(hw_engine *engine) {
    hw_error *error = NULL;
    hw_stream *orders = NULL;
    hw_batch *batch = NULL;
    hw_record record;
    HW_INIT(&record);
    check(hw_engine_stream(engine, HW_LIT("orders"), &orders, &error), error);

    hw_str filters[1];
    HW_SET(filters[0], "orders.eu.*");
    hw_read_options options;
    HW_INIT(&options);
    options.filters = filters;
    options.filters_len = 1;
    check(hw_stream_read(orders, &options, &batch, &error), error);
    for (size_t i = 0; i < hw_batch_len(batch); i++) {
        check(hw_batch_record(batch, i, &record, &error), error);
        printf("read %llu %.*s %.*s\n", (unsigned long long)record.seq, (int)record.subject.len, record.subject.data,
               (int)record.payload.len, (const char *)record.payload.data);
    }
    hw_batch_free(batch);

    check(hw_stream_last(orders, HW_LIT("orders.us.2"), &batch, &error), error);
    check(hw_batch_record(batch, 0, &record, &error), error);
    printf("last of orders.us.2 is %llu\n", (unsigned long long)record.seq);
    hw_batch_free(batch);
    hw_stream_free(orders);
}

int main(int argc, char **argv) {
    const char *dir = argc > 1 ? argv[1] : NULL;
    if (hw_abi_version() != HW_ABI_VERSION) {
        fprintf(stderr, "the library speaks ABI %u, this program %u\n", hw_abi_version(), HW_ABI_VERSION);
        return 1;
    }
    hw_error *error = NULL;
    hw_engine *engine = open_engine(dir);
    append_orders(engine);
    if (dir != NULL) {
        check(hw_engine_close(engine, &error), error);
        hw_engine_free(engine);
        engine = open_engine(dir);
    }
    read_back(engine);
    check(hw_engine_close(engine, &error), error);
    hw_engine_free(engine);
    return 0;
}

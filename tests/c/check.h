/*
 * What the C tests share: calls that must succeed, calls that must fail in one way, and streams to try them on.
 *
 * The tests are valid C99 and valid C++17, and are run as both.
 */
#ifndef HEADWATER_TESTS_CHECK_H
#define HEADWATER_TESTS_CHECK_H

#include <headwater.h>

#include <stdio.h>
#include <stdlib.h>

/* Where calls of the main thread leave their error, and what the last one that failed said. */
static hw_error *error = NULL;
static char said[1024];

static inline void fail_at(const char *file, int line, const char *what, const char *why) {
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, why);
    abort();
}

static inline void expect_status(const char *file, int line, const char *what, hw_status wanted, hw_status got) {
    said[0] = '\0';
    if (error != NULL) {
        size_t len = 0;
        const char *message = hw_error_message(error, &len);
        if (len != strlen(message) || len == 0) {
            fail_at(file, line, what, "an error whose message has the wrong length");
        }
        snprintf(said, sizeof said, "%s", message);
        if (hw_error_status(error) != got) {
            fail_at(file, line, what, "an error with another status than the call returned");
        }
    }
    if (got != wanted) {
        fprintf(stderr, "%s instead of %s: ", hw_status_name(got), hw_status_name(wanted));
        fail_at(file, line, what, said);
    }
    if ((got == HW_STATUS_OK) != (error == NULL)) {
        fail_at(file, line, what, "an error is there exactly when a call failed");
    }
    hw_error_free(error);
    error = NULL;
}

/* The call must succeed; it passes `&error` last. */
#define OK(call) expect_status(__FILE__, __LINE__, #call, HW_STATUS_OK, (call))

/* The call must fail with this status, and with an error that says why. */
#define FAILS(status, call) expect_status(__FILE__, __LINE__, #call, (status), (call))

/* This must be so. */
#define CHECK(truth) ((truth) ? (void)0 : fail_at(__FILE__, __LINE__, #truth, "is not so"))

/* What the last error said must contain this. */
#define SAID(part) (strstr(said, (part)) != NULL ? (void)0 : fail_at(__FILE__, __LINE__, "should say " part, said))

static inline bool text_is(hw_str text, const char *wanted) {
    return text.len == strlen(wanted) && memcmp(text.data, wanted, text.len) == 0;
}

static inline bool bytes_are(hw_bytes bytes, const char *wanted) {
    return bytes.len == strlen(wanted) && (bytes.len == 0 || memcmp(bytes.data, wanted, bytes.len) == 0);
}

static inline hw_str str(const char *text) {
    hw_str view;
    view.data = text;
    view.len = strlen(text);
    return view;
}

static inline hw_engine *memory_engine(void) {
    hw_engine *engine = NULL;
    OK(hw_engine_memory(&engine, &error));
    return engine;
}

/* A stream `name` that takes the subjects `name.>`. */
static inline hw_stream *stream_of(const hw_engine *engine, const char *name) {
    char subject[256];
    snprintf(subject, sizeof subject, "%s.>", name);
    hw_str subjects[1];
    subjects[0] = str(subject);
    hw_stream_config config;
    HW_INIT(&config);
    config.name = str(name);
    config.subjects = subjects;
    config.subjects_len = 1;
    hw_stream *stream = NULL;
    OK(hw_engine_create_stream(engine, &config, &stream, &error));
    return stream;
}

static inline uint64_t append(const hw_stream *stream, const char *subject, const char *payload) {
    hw_ack ack;
    HW_INIT(&ack);
    OK(hw_stream_append(stream, subject, strlen(subject), payload, strlen(payload), NULL, &ack, &error));
    return ack.seq;
}

#endif

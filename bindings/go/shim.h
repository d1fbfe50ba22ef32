// What Go cannot hand to C by itself: structs that hold pointers into Go memory. Here they come as plain numbers
// and one run of bytes, and the pointers are made on this side.
#ifndef HEADWATER_GO_SHIM_H
#define HEADWATER_GO_SHIM_H

#include <stdint.h>
#include <stdlib.h>

#include "headwater.h"

// One record to append. Its texts follow one another in a shared run of bytes, in the order of the lengths here,
// and then name and value of each header.
typedef struct {
    uint64_t payload_len;
    uint32_t subject_len;
    uint32_t msg_id_len;
    uint32_t filter_len;
    uint32_t headers_len;
    int64_t event_time;
    uint64_t ttl_ns;
    uint64_t expect_last_seq;
    uint64_t expect_subject_last_seq;
    int32_t rollup;
    uint8_t has_event_time;
    uint8_t has_expect_last_seq;
    uint8_t has_expect_subject_last_seq;
} hwgo_record;

// What came of it.
typedef struct {
    hw_error *error;
    hw_ticket *ticket;
    hw_ack ack;
    hw_status status;
} hwgo_written;

enum { HWGO_ONE, HWGO_BATCH, HWGO_SUBMIT };

// The common case: one record without options.
static inline hwgo_written hwgo_append(const hw_stream *stream, const char *subject, size_t subject_len,
                                       const void *payload, size_t payload_len) {
    hwgo_written w = {.ack = {.struct_size = sizeof(hw_ack)}};
    w.status = hw_stream_append(stream, subject, subject_len, payload, payload_len, NULL, &w.ack, &w.error);
    return w;
}

static inline hw_str hwgo_take(const char **rest, size_t len) {
    hw_str s = {*rest, len};
    *rest += len;
    return s;
}

static inline hwgo_written hwgo_append_all(const hw_stream *stream, const hwgo_record *records, size_t records_len,
                                           const uint32_t *header_lens, size_t headers_total, const char *rest,
                                           int how) {
    hwgo_written w = {.ack = {.struct_size = sizeof(hw_ack)}, .status = HW_STATUS_LIMIT};
    hw_append *appends = calloc(records_len + 1, sizeof *appends);
    hw_append_options *options = calloc(records_len + 1, sizeof *options);
    hw_header *headers = calloc(headers_total + 1, sizeof *headers);
    if (appends && options && headers) {
        hw_header *header = headers;
        for (size_t i = 0; i < records_len; i++) {
            const hwgo_record *r = &records[i];
            hw_append *a = &appends[i];
            hw_append_options *o = &options[i];
            a->struct_size = sizeof *a;
            a->subject = hwgo_take(&rest, r->subject_len);
            a->payload.data = rest;
            a->payload.len = r->payload_len;
            rest += r->payload_len;
            a->options = o;
            o->struct_size = sizeof *o;
            o->msg_id = hwgo_take(&rest, r->msg_id_len);
            o->expect_filter = hwgo_take(&rest, r->filter_len);
            o->headers = header;
            o->headers_len = r->headers_len;
            for (uint32_t h = 0; h < r->headers_len; h++, header++) {
                header->name = hwgo_take(&rest, *header_lens++);
                header->value = hwgo_take(&rest, *header_lens++);
            }
            o->event_time = r->event_time;
            o->ttl_ns = r->ttl_ns;
            o->expect_last_seq = r->expect_last_seq;
            o->expect_subject_last_seq = r->expect_subject_last_seq;
            o->rollup = r->rollup;
            o->has_event_time = r->has_event_time;
            o->has_expect_last_seq = r->has_expect_last_seq;
            o->has_expect_subject_last_seq = r->has_expect_subject_last_seq;
        }
        if (how == HWGO_SUBMIT) {
            w.status = hw_stream_append_submit(stream, appends, records_len, &w.ticket, &w.error);
        } else if (how == HWGO_BATCH) {
            w.status = hw_stream_append_batch(stream, appends, records_len, &w.ack, &w.error);
        } else {
            w.status = hw_stream_append(stream, appends->subject.data, appends->subject.len, appends->payload.data,
                                        appends->payload.len, appends->options, &w.ack, &w.error);
        }
    }
    free(headers);
    free(options);
    free(appends);
    return w;
}

#endif

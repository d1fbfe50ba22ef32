/* Operations on streams, as the vectors name them. */
#include "runner.h"

#include <time.h>

static hw_stream_config stream_config(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from,
                 " name subjects description durability sync_interval max_age max_msgs max_bytes max_msgs_per_subject "
                 "max_msg_size discard discard_new_per_subject duplicate_window allow_rollup deny_delete deny_purge "
                 "compression segment_bytes ");
    hw_stream_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.subjects = arg_texts(r, from, "subjects", &config.subjects_len);
    config.description = arg_text(r, from, "description");
    config.sync_interval_ns = arg_duration(r, from, "sync_interval");
    config.max_age_ns = arg_u64(r, from, "max_age", 0);
    config.max_msgs = arg_u64(r, from, "max_msgs", 0);
    config.max_bytes = arg_u64(r, from, "max_bytes", 0);
    config.max_msgs_per_subject = arg_u64(r, from, "max_msgs_per_subject", 0);
    config.duplicate_window_ns = arg_duration(r, from, "duplicate_window");
    config.segment_bytes = arg_u64(r, from, "segment_bytes", 0);
    config.max_msg_size = (uint32_t)arg_u64(r, from, "max_msg_size", 0);
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    config.discard = arg_name(r, from, "discard", DISCARDS);
    config.compression = arg_name(r, from, "compression", COMPRESSIONS);
    config.discard_new_per_subject = arg_bool(r, from, "discard_new_per_subject");
    config.allow_rollup = arg_bool(r, from, "allow_rollup");
    config.deny_delete = arg_bool(r, from, "deny_delete");
    config.deny_purge = arg_bool(r, from, "deny_purge");
    return config;
}

static json *config_of(const hw_stream_config *config) {
    json *made = json_object();
    json *subjects = json_list();
    for (size_t i = 0; i < config->subjects_len; i++) {
        json_add(subjects, text_of(config->subjects[i]));
    }
    uint64_t window = config->duplicate_window_ns;
    json_set(made, "name", text_of(config->name));
    json_set(made, "subjects", subjects);
    json_set(made, "description", text_of(config->description));
    json_set(made, "sync_interval", json_number((double)config->sync_interval_ns));
    json_set(made, "max_age", json_number((double)config->max_age_ns));
    json_set(made, "max_msgs", json_number((double)config->max_msgs));
    json_set(made, "max_bytes", json_number((double)config->max_bytes));
    json_set(made, "max_msgs_per_subject", json_number((double)config->max_msgs_per_subject));
    json_set(made, "duplicate_window", json_number(window == HW_DURATION_NONE ? 0 : (double)window));
    json_set(made, "segment_bytes", json_number((double)config->segment_bytes));
    json_set(made, "max_msg_size", json_number(config->max_msg_size));
    json_set(made, "durability", name_of(config->durability, DURABILITIES));
    json_set(made, "discard", name_of(config->discard, DISCARDS));
    json_set(made, "compression", name_of(config->compression, COMPRESSIONS));
    json_set(made, "discard_new_per_subject", json_bool(config->discard_new_per_subject != 0));
    json_set(made, "allow_rollup", json_bool(config->allow_rollup != 0));
    json_set(made, "deny_delete", json_bool(config->deny_delete != 0));
    json_set(made, "deny_purge", json_bool(config->deny_purge != 0));
    return made;
}

/* The description of the stream that the step acts on. */
static hw_status describe(runner *r, hw_stream_infos **infos, hw_stream_state *state) {
    HW_INIT(state);
    hw_status status = hw_stream_info(r->stream, infos, &r->error);
    return status == HW_STATUS_OK ? hw_stream_infos_get(*infos, 0, state, &r->error) : status;
}

static hw_status made_or_changed(runner *r, hw_status status) {
    hw_stream_infos *infos = NULL;
    hw_stream_state state;
    if (status == HW_STATUS_OK) {
        status = describe(r, &infos, &state);
    }
    if (status == HW_STATUS_OK) {
        r->result = config_of(state.config);
    }
    hw_stream_infos_free(infos);
    return status;
}

hw_status op_create_stream(runner *r) {
    hw_stream_config config = stream_config(r);
    return made_or_changed(r, hw_engine_create_stream(r->engine, &config, &r->stream, &r->error));
}

hw_status op_update_stream(runner *r) {
    hw_stream_config config = stream_config(r);
    return made_or_changed(r, hw_engine_update_stream(r->engine, &config, &r->stream, &r->error));
}

hw_status op_delete_stream(runner *r) {
    hw_str name = arg_text(r, r->args, "stream");
    return hw_engine_delete_stream(r->engine, name.data, name.len, &r->error);
}

hw_status op_streams(runner *r) {
    hw_stream_infos *infos = NULL;
    hw_stream_state state;
    HW_INIT(&state);
    hw_status status = hw_engine_streams(r->engine, &infos, &r->error);
    r->result = json_list();
    for (size_t i = 0; status == HW_STATUS_OK && i < hw_stream_infos_len(infos); i++) {
        status = hw_stream_infos_get(infos, i, &state, &r->error);
        json_add(r->result, text_of(state.config->name));
    }
    hw_stream_infos_free(infos);
    return status;
}

hw_status op_stream_info(runner *r) {
    hw_stream_infos *infos = NULL;
    hw_stream_state state;
    hw_status status = describe(r, &infos, &state);
    r->result = json_object();
    json_set(r->result, "records", json_number((double)state.records));
    json_set(r->result, "bytes", json_number((double)state.bytes));
    json_set(r->result, "subjects", json_number((double)state.subjects));
    json_set(r->result, "first_seq", json_number((double)state.first_seq));
    json_set(r->result, "last_seq", json_number((double)state.last_seq));
    json_set(r->result, "deleted", json_number((double)state.deleted));
    json_set(r->result, "consumers", json_number((double)state.consumers));
    hw_stream_infos_free(infos);
    return status;
}

/* The arguments of an append, but for the stream. */
static hw_append append_of(runner *r, const json *from) {
    hw_append_options *options = (hw_append_options *)json_alloc(sizeof *options);
    HW_INIT(options);
    const json *headers = json_get(from, "headers");
    options->headers_len = headers == NULL ? 0 : headers->len;
    hw_header *made = (hw_header *)json_alloc((options->headers_len + 1) * sizeof(hw_header));
    options->headers = made;
    for (const json *pair = headers == NULL ? NULL : headers->first; pair != NULL; pair = pair->next, made++) {
        made->name.data = pair->first->text;
        made->name.len = pair->first->text_len;
        made->value.data = pair->last->text;
        made->value.len = pair->last->text_len;
    }
    options->msg_id = arg_text(r, from, "msg_id");
    options->expect_filter = arg_text(r, from, "expect_filter");
    options->has_event_time = has(from, "event_time");
    options->event_time = arg_i64(r, from, "event_time", 0);
    options->ttl_ns = arg_u64(r, from, "ttl", 0);
    options->has_expect_last_seq = has(from, "expect_last_seq");
    options->expect_last_seq = arg_u64(r, from, "expect_last_seq", 0);
    options->has_expect_subject_last_seq = has(from, "expect_subject_last_seq");
    options->expect_subject_last_seq = arg_u64(r, from, "expect_subject_last_seq", 0);
    options->rollup = arg_name(r, from, "rollup", ROLLUPS);
    hw_append append;
    HW_INIT(&append);
    append.subject = arg_text(r, from, "subject");
    append.payload = arg_bytes(r, from, "payload");
    append.options = options;
    return append;
}

hw_status op_append(runner *r) {
    hw_append append = append_of(r, r->args);
    hw_ack ack;
    HW_INIT(&ack);
    hw_status status = hw_stream_append(r->stream, append.subject.data, append.subject.len, append.payload.data,
                                        append.payload.len, append.options, &ack, &r->error);
    r->result = ack_of(&ack);
    return status;
}

hw_status op_append_batch(runner *r) {
    const json *list = json_get(r->args, "records");
    uint64_t repeat = arg_u64(r, r->args, "repeat", 1);
    hw_append *records = (hw_append *)json_alloc((list->len * repeat + 1) * sizeof(hw_append));
    size_t len = 0;
    for (uint64_t i = 0; i < repeat; i++) {
        for (const json *item = list->first; item != NULL; item = item->next) {
            check_fields(r, item,
                         " subject payload payload_base64 payload_size headers event_time ttl msg_id expect_last_seq "
                         "expect_subject_last_seq expect_filter rollup ");
            records[len++] = append_of(r, item);
        }
    }
    hw_ack ack;
    HW_INIT(&ack);
    hw_status status = hw_stream_append_batch(r->stream, records, len, &ack, &r->error);
    r->result = ack_of(&ack);
    return status;
}

hw_status op_get(runner *r) {
    hw_batch *batch = NULL;
    hw_status status = hw_stream_get(r->stream, arg_u64(r, r->args, "seq", 0), &batch, &r->error);
    r->result = record_or_null(batch);
    hw_batch_free(batch);
    return status;
}

hw_status op_last(runner *r) {
    hw_batch *batch = NULL;
    hw_str filter = arg_text(r, r->args, "filter");
    hw_status status = hw_stream_last(r->stream, filter.data, filter.len, &batch, &r->error);
    r->result = record_or_null(batch);
    hw_batch_free(batch);
    return status;
}

hw_status op_last_many(runner *r) {
    hw_batch *batch = NULL;
    size_t len = 0;
    hw_str *filters = arg_texts(r, r->args, "filters", &len);
    hw_status status = hw_stream_last_many(r->stream, filters, len, arg_u64(r, r->args, "after", 0),
                                           (size_t)arg_u64(r, r->args, "max", 1000), &batch, &r->error);
    r->result = records_of(batch);
    hw_batch_free(batch);
    return status;
}

hw_status op_last_seq(runner *r) {
    hw_str filter = arg_text(r, r->args, "filter");
    uint64_t seq = 0;
    hw_status status = hw_stream_last_seq(r->stream, filter.data, filter.len, &seq, &r->error);
    r->result = json_number((double)seq);
    return status;
}

hw_status op_subjects(runner *r) {
    hw_str filter = arg_text(r, r->args, "filter");
    hw_str after = arg_text(r, r->args, "after");
    hw_strings *subjects = NULL;
    hw_status status = hw_stream_subjects(r->stream, filter.data, filter.len, after.data, after.len,
                                          (size_t)arg_u64(r, r->args, "max", 1000), &subjects, &r->error);
    r->result = strings_of(subjects, true);
    hw_strings_free(subjects);
    return status;
}

hw_status op_read(runner *r) {
    hw_read_options options;
    HW_INIT(&options);
    options.filters = arg_texts(r, r->args, "filters", &options.filters_len);
    options.from_seq = arg_u64(r, r->args, "from_seq", 0);
    options.backward = arg_bool(r, r->args, "backward");
    options.max_records = arg_u64(r, r->args, "max_records", 0);
    options.max_bytes = arg_u64(r, r->args, "max_bytes", 0);
    const json *range = json_get(r->args, "event_range");
    if (range != NULL) {
        options.has_event_range = 1;
        options.event_from = (int64_t)range->first->number;
        options.event_to = (int64_t)range->last->number;
    }
    hw_batch *batch = NULL;
    hw_status status = hw_stream_read(r->stream, &options, &batch, &r->error);
    r->result = records_of(batch);
    hw_batch_free(batch);
    return status;
}

hw_status op_delete(runner *r) {
    bool removed = false;
    hw_status status = hw_stream_delete(r->stream, arg_u64(r, r->args, "seq", 0), &removed, &r->error);
    r->result = json_bool(removed);
    return status;
}

hw_status op_purge(runner *r) {
    hw_purge_options options;
    HW_INIT(&options);
    options.filter = arg_text(r, r->args, "filter");
    options.before_seq = arg_u64(r, r->args, "before_seq", 0);
    options.keep = arg_u64(r, r->args, "keep", 0);
    uint64_t removed = 0;
    hw_status status = hw_stream_purge(r->stream, &options, &removed, &r->error);
    r->result = json_number((double)removed);
    return status;
}

hw_status op_sync(runner *r) {
    return hw_stream_sync(r->stream, &r->error);
}

static hw_status token(runner *r, hw_status status, hw_strings *strings) {
    hw_str text = {NULL, 0};
    if (status == HW_STATUS_OK) {
        status = hw_strings_get(strings, 0, &text, NULL, &r->error);
    }
    r->result = text_of(text);
    hw_strings_free(strings);
    return status;
}

hw_status op_encode_token(runner *r) {
    hw_str text = arg_text(r, r->args, "text");
    hw_strings *made = NULL;
    hw_status status = hw_subject_encode_token(text.data, text.len, &made, &r->error);
    return token(r, status, made);
}

hw_status op_decode_token(runner *r) {
    hw_str text = arg_text(r, r->args, "token");
    hw_strings *made = NULL;
    hw_status status = hw_subject_decode_token(text.data, text.len, &made, &r->error);
    return token(r, status, made);
}

hw_status op_sleep(runner *r) {
    uint64_t ms = arg_u64(r, r->args, "ms", 0);
    struct timespec time;
    time.tv_sec = (time_t)(ms / 1000);
    time.tv_nsec = (long)(ms % 1000 * 1000000);
    nanosleep(&time, NULL);
    return HW_STATUS_OK;
}

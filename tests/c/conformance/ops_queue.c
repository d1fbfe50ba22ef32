/* Operations on subscriptions, consumers and whatever else is taken from, as the vectors name them. */
#include "runner.h"

#include <time.h>

hw_status op_subscribe(runner *r) {
    hw_subscribe_options options;
    HW_INIT(&options);
    options.filters = arg_texts(r, r->args, "filters", &options.filters_len);
    options.deliver_policy = arg_name(r, r->args, "deliver_policy", DELIVER_POLICIES);
    options.start_seq = arg_u64(r, r->args, "start_seq", 0);
    return hw_stream_subscribe(r->stream, &options, &new_source(r)->subscription, &r->error);
}

hw_status op_create_consumer(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from,
                 " name description filter_subjects deliver_policy start_seq ack_policy ack_wait max_deliver backoff "
                 "max_ack_pending dead_letter ");
    hw_consumer_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.description = arg_text(r, from, "description");
    config.filter_subjects = arg_texts(r, from, "filter_subjects", &config.filter_subjects_len);
    config.deliver_policy = arg_name(r, from, "deliver_policy", DELIVER_POLICIES);
    config.start_seq = arg_u64(r, from, "start_seq", 0);
    config.ack_policy = arg_name(r, from, "ack_policy", ACK_POLICIES);
    config.ack_wait_ns = arg_duration(r, from, "ack_wait");
    config.max_deliver = (uint32_t)arg_u64(r, from, "max_deliver", 0);
    config.max_ack_pending = (uint32_t)arg_u64(r, from, "max_ack_pending", 0);
    if (config.max_ack_pending == 0 && has(from, "max_ack_pending")) {
        config.max_ack_pending = HW_COUNT_UNLIMITED;
    }
    config.dead_letter = arg_text(r, from, "dead_letter");
    const json *backoff = json_get(from, "backoff");
    config.backoff_len = backoff == NULL ? 0 : backoff->len;
    uint64_t *waits = (uint64_t *)json_alloc((config.backoff_len + 1) * sizeof(uint64_t));
    config.backoff_ns = waits;
    for (const json *wait = backoff == NULL ? NULL : backoff->first; wait != NULL; wait = wait->next) {
        *waits++ = (uint64_t)wait->number;
    }
    return hw_stream_create_consumer(r->stream, &config, &r->consumer, &r->error);
}

hw_status op_delete_consumer(runner *r) {
    hw_str name = arg_text(r, r->args, "consumer");
    return hw_stream_delete_consumer(r->stream, name.data, name.len, &r->error);
}

hw_status op_consumers(runner *r) {
    hw_consumer_infos *infos = NULL;
    hw_consumer_state state;
    HW_INIT(&state);
    hw_status status = hw_stream_consumers(r->stream, &infos, &r->error);
    r->result = json_list();
    for (size_t i = 0; status == HW_STATUS_OK && i < hw_consumer_infos_len(infos); i++) {
        status = hw_consumer_infos_get(infos, i, &state, &r->error);
        json_add(r->result, text_of(state.config->name));
    }
    hw_consumer_infos_free(infos);
    return status;
}

hw_status op_consumer_info(runner *r) {
    hw_consumer_infos *infos = NULL;
    hw_consumer_state state;
    HW_INIT(&state);
    hw_status status = hw_consumer_info(r->consumer, &infos, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_consumer_infos_get(infos, 0, &state, &r->error);
    }
    r->result = json_object();
    json_set(r->result, "delivered_seq", json_number((double)state.delivered_seq));
    json_set(r->result, "ack_floor", json_number((double)state.ack_floor));
    json_set(r->result, "num_ack_pending", json_number((double)state.num_ack_pending));
    json_set(r->result, "num_redelivered", json_number((double)state.num_redelivered));
    json_set(r->result, "num_pending", json_number((double)state.num_pending));
    json_set(r->result, "num_dead", json_number((double)state.num_dead));
    hw_consumer_infos_free(infos);
    return status;
}

hw_status op_ack(runner *r) {
    const json *list = json_get(r->args, "seqs");
    uint64_t *seqs = (uint64_t *)json_alloc((list->len + 1) * sizeof(uint64_t));
    size_t len = 0;
    size_t acked = 0;
    for (const json *seq = list->first; seq != NULL; seq = seq->next) {
        seqs[len++] = (uint64_t)seq->number;
    }
    hw_status status = hw_consumer_ack(r->consumer, seqs, len, &acked, &r->error);
    r->result = json_number((double)acked);
    return status;
}

hw_status op_nak(runner *r) {
    uint64_t delay = arg_u64(r, r->args, "delay", 0);
    return hw_consumer_nak(r->consumer, arg_u64(r, r->args, "seq", 0), delay, &r->error);
}

hw_status op_in_progress(runner *r) {
    return hw_consumer_in_progress(r->consumer, arg_u64(r, r->args, "seq", 0), &r->error);
}

hw_status op_term(runner *r) {
    return hw_consumer_term(r->consumer, arg_u64(r, r->args, "seq", 0), &r->error);
}

/* The argument that names what the source is. */
static const char *kind_of(const source *from) {
    return from->subscription != NULL ? "subscription" : from->projection != NULL ? "projection" : "watcher";
}

source *find_source(runner *r) {
    const char *kind = has(r->args, "subscription") ? "subscription" : "watcher";
    kind = has(r->args, "projection") ? "projection" : kind;
    if (r->consumer != NULL || !has(r->args, kind)) {
        return NULL;
    }
    hw_str name = arg_text(r, r->args, kind);
    for (size_t i = 0; i < r->sources_len; i++) {
        source *found = &r->sources[i];
        if (name.data != NULL && strcmp(found->name, name.data) == 0 && strcmp(kind_of(found), kind) == 0) {
            return found;
        }
    }
    r->fault = "there is no source of this name";
    return NULL;
}

/* Takes up to `max` items and adds them to the result. */
static hw_status take_some(runner *r, const source *from, size_t max, int64_t timeout_ms) {
    hw_status status;
    json *items = json_list();
    if (from != NULL && from->watcher != NULL) {
        hw_entries *entries = NULL;
        status = hw_watcher_next(from->watcher, max, timeout_ms, &entries, &r->error);
        items = entries_of(entries);
        hw_entries_free(entries);
    } else if (from != NULL && from->object_watcher != NULL) {
        hw_object_infos *infos = NULL;
        status = hw_object_watcher_next(from->object_watcher, max, timeout_ms, &infos, &r->error);
        items = objects_of(infos);
        hw_object_infos_free(infos);
    } else if (from != NULL && from->point_watcher != NULL) {
        hw_point_list *list = NULL;
        status = hw_point_watcher_next(from->point_watcher, max, timeout_ms, &list, &r->error);
        items = points_of(list);
        hw_point_list_free(list);
    } else if (from != NULL && from->crdt_watcher != NULL) {
        hw_strings *keys = NULL;
        status = hw_crdt_watcher_next(from->crdt_watcher, max, timeout_ms, &keys, &r->error);
        items = changed_of(keys);
        hw_strings_free(keys);
    } else if (from != NULL && from->change_watcher != NULL) {
        hw_answer *changes = NULL;
        status = hw_change_watcher_next(from->change_watcher, max, timeout_ms, &changes, &r->error);
        items = row_changes_of(changes);
        hw_answer_free(changes);
    } else if (from != NULL && from->presence_watcher != NULL) {
        hw_blob *events = NULL;
        status = hw_presence_watcher_next(from->presence_watcher, max, timeout_ms, &events, &r->error);
        items = told_of(r, events);
    } else if (from != NULL && from->event_feed != NULL) {
        hw_events *events = NULL;
        status = hw_event_feed_next(from->event_feed, max, timeout_ms, &events, &r->error);
        if (status == HW_STATUS_OK) {
            status = add_events(r, items, events);
        }
        hw_events_free(events);
    } else if (from != NULL && from->projection != NULL) {
        hw_events *events = NULL;
        status = hw_projection_next(from->projection, max, timeout_ms, &events, &r->error);
        if (status == HW_STATUS_OK) {
            status = add_events(r, items, events);
        }
        hw_events_free(events);
    } else {
        hw_batch *batch = NULL;
        if (from != NULL) {
            status = hw_subscription_next(from->subscription, max, timeout_ms, &batch, &r->error);
        } else {
            status = hw_consumer_next(r->consumer, max, timeout_ms, &batch, &r->error);
        }
        items = records_of(batch);
        hw_batch_free(batch);
    }
    for (json *item = items->first; item != NULL;) {
        json *next = item->next;
        item->next = NULL;
        json_add(r->result, item);
        item = next;
    }
    return status;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

hw_status op_take(runner *r) {
    source *from = find_source(r);
    size_t count = (size_t)arg_u64(r, r->args, "count", 0);
    int64_t end = now_ms() + arg_i64(r, r->args, "timeout_ms", 5000);
    hw_status status = HW_STATUS_OK;
    r->result = json_list();
    while (r->fault == NULL && status == HW_STATUS_OK && r->result->len < count) {
        int64_t left = end - now_ms();
        status = take_some(r, from, count - r->result->len, left > 0 ? left : 0);
    }
    return status;
}

hw_status op_try_next(runner *r) {
    source *from = find_source(r);
    r->result = json_list();
    if (r->fault != NULL) {
        return HW_STATUS_OK;
    }
    hw_status status = take_some(r, from, (size_t)arg_u64(r, r->args, "max", 100), 0);
    if (status == HW_STATUS_TIMEOUT) {
        hw_error_free(r->error);
        r->error = NULL;
        status = HW_STATUS_OK;
    }
    return status;
}

hw_status op_missed(runner *r) {
    source *from = find_source(r);
    uint64_t missed = 0;
    hw_status status = HW_STATUS_OK;
    if (from != NULL && from->subscription != NULL) {
        status = hw_subscription_missed(from->subscription, &missed, &r->error);
    } else if (from != NULL && from->watcher != NULL) {
        status = hw_watcher_missed(from->watcher, &missed, &r->error);
    } else if (from != NULL && from->crdt_watcher != NULL) {
        status = hw_crdt_watcher_missed(from->crdt_watcher, &missed, &r->error);
    } else if (from != NULL && from->change_watcher != NULL) {
        status = hw_change_watcher_missed(from->change_watcher, &missed, &r->error);
    } else if (from != NULL) {
        status = hw_point_watcher_missed(from->point_watcher, &missed, &r->error);
    }
    r->result = json_number((double)missed);
    return status;
}

hw_status op_next_logs(runner *r) {
    hw_logs *logs = NULL;
    hw_log_line line;
    HW_INIT(&line);
    size_t max = (size_t)arg_u64(r, r->args, "max", 100);
    hw_status status = hw_engine_next_logs(r->engine, max, arg_i64(r, r->args, "timeout_ms", 5000), &logs, &r->error);
    r->result = json_list();
    for (size_t i = 0; status == HW_STATUS_OK && i < hw_logs_len(logs); i++) {
        status = hw_logs_get(logs, i, &line, &r->error);
        json *item = json_object();
        json_set(item, "level", text_of(line.level));
        json_set(item, "message", text_of(line.message));
        json_add(r->result, item);
    }
    hw_logs_free(logs);
    return status;
}

hw_status op_close_engine(runner *r) {
    return hw_engine_close(r->engine, &r->error);
}

hw_status op_close(runner *r) {
    if (has(r->args, "entities")) {
        return hw_entities_close(entities_of(r), &r->error);
    }
    source *from = find_source(r);
    if (from == NULL) {
        return HW_STATUS_OK;
    }
    if (from->subscription != NULL) {
        return hw_subscription_close(from->subscription, &r->error);
    }
    if (from->object_watcher != NULL) {
        return hw_object_watcher_close(from->object_watcher, &r->error);
    }
    if (from->presence_watcher != NULL) {
        return hw_presence_watcher_close(from->presence_watcher, &r->error);
    }
    if (from->event_feed != NULL) {
        return hw_event_feed_close(from->event_feed, &r->error);
    }
    if (from->projection != NULL) {
        return hw_projection_close(from->projection, &r->error);
    }
    if (from->crdt_watcher != NULL) {
        return hw_crdt_watcher_close(from->crdt_watcher, &r->error);
    }
    if (from->change_watcher != NULL) {
        return hw_change_watcher_close(from->change_watcher, &r->error);
    }
    return from->watcher != NULL ? hw_watcher_close(from->watcher, &r->error)
                                 : hw_point_watcher_close(from->point_watcher, &r->error);
}

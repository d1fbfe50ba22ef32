/* Operations on event stores, as the vectors name them. */
#include "runner.h"

hw_status op_create_event_store(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from, " name durability max_bytes ");
    hw_events_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    config.max_bytes = arg_u64(r, from, "max_bytes", 0);
    return hw_engine_create_event_store(r->engine, &config, &r->events, &r->error);
}

hw_status op_delete_event_store(runner *r) {
    hw_str name = arg_text(r, r->args, "store");
    return hw_engine_delete_event_store(r->engine, name.data, name.len, &r->error);
}

hw_status op_event_stores(runner *r) {
    hw_strings *names = NULL;
    hw_status status = hw_engine_event_stores(r->engine, &names, &r->error);
    r->result = strings_of(names, false);
    hw_strings_free(names);
    return status;
}

static hw_event_filter filter_of(runner *r, const json *from) {
    hw_event_filter filter = {arg_text(r, from, "aggregate"), arg_text(r, from, "key")};
    return filter;
}

static hw_new_event new_event_of(runner *r, const json *from) {
    check_fields(r, from, " event_type data data_base64 data_size schema metadata time data_subject ");
    hw_new_event event;
    HW_INIT(&event);
    event.event_type = arg_text(r, from, "event_type");
    event.data = arg_bytes(r, from, "data");
    event.schema = (uint32_t)arg_u64(r, from, "schema", 0);
    event.data_subject = arg_text(r, from, "data_subject");
    event.has_time = has(from, "time");
    event.time = arg_i64(r, from, "time", 0);
    const json *pairs = json_get(from, "metadata");
    hw_header *metadata = (hw_header *)json_alloc(((pairs == NULL ? 0 : pairs->len) + 1) * sizeof(hw_header));
    for (const json *pair = pairs == NULL ? NULL : pairs->first; pair != NULL; pair = pair->next) {
        const json *name = pair->first;
        hw_str texts[2] = {{name->text, name->text_len}, {name->next->text, name->next->text_len}};
        metadata[event.metadata_len].name = texts[0];
        metadata[event.metadata_len++].value = texts[1];
    }
    event.metadata = metadata;
    return event;
}

static void set_expected(runner *r, hw_save_options *options) {
    static const char *const NAMES[] = {"any", "none", "exists", NULL};
    const json *expected = json_get(r->args, "expected");
    if (expected == NULL) {
        options->expected = HW_EXPECTED_ANY;
    } else if (expected->kind == JSON_TEXT) {
        static const int32_t KINDS_OF[] = {HW_EXPECTED_ANY, HW_EXPECTED_NONE, HW_EXPECTED_EXISTS};
        int32_t name = arg_name(r, r->args, "expected", NAMES);
        r->fault = name < 0 ? "expected" : r->fault;
        options->expected = name < 0 ? -1 : KINDS_OF[name];
    } else if (expected->kind == JSON_OBJECT) {
        check_fields(r, expected, " version seq ");
        options->expected = HW_EXPECTED_AT;
        options->expected_version = arg_u64(r, expected, "version", 0);
        options->expected_seq = arg_u64(r, expected, "seq", 0);
    } else {
        options->expected = HW_EXPECTED_VERSION;
        options->expected_version = arg_u64(r, r->args, "expected", 0);
    }
}

hw_status op_events_save(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    const json *list = json_get(r->args, "events");
    hw_new_event *events = (hw_new_event *)json_alloc((list->len + 1) * sizeof(hw_new_event));
    size_t len = 0;
    for (const json *item = list->first; item != NULL; item = item->next) {
        events[len++] = new_event_of(r, item);
    }
    hw_save_options options;
    HW_INIT(&options);
    set_expected(r, &options);
    options.command = arg_text(r, r->args, "command");
    options.correlation = arg_text(r, r->args, "correlation");
    options.causation = arg_text(r, r->args, "causation");
    const json *condition = json_get(r->args, "condition");
    if (condition != NULL) {
        check_fields(r, condition, " aggregate key last_seq ");
        options.has_condition = 1;
        options.condition_filter = filter_of(r, condition);
        options.condition_last_seq = arg_u64(r, condition, "last_seq", 0);
    }
    hw_saved saved;
    HW_INIT(&saved);
    hw_status status = hw_event_store_save(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                                           events, len, &options, &saved, &r->error);
    r->result = json_object();
    json_set(r->result, "version", json_number((double)saved.version));
    json_set(r->result, "seq", json_number((double)saved.seq));
    json_set(r->result, "is_repeat", json_bool(saved.is_repeat != 0));
    return status;
}

static json *text_or_null(hw_str text) {
    return text.len == 0 ? json_null() : text_of(text);
}

hw_status add_events(runner *r, json *to, const hw_events *events) {
    hw_status status = HW_STATUS_OK;
    for (size_t i = 0; status == HW_STATUS_OK && i < hw_events_len(events); i++) {
        hw_event event;
        HW_INIT(&event);
        status = hw_events_get(events, i, &event, &r->error);
        if (status != HW_STATUS_OK) {
            break;
        }
        json *metadata = json_list();
        for (size_t j = 0; j < event.metadata_len; j++) {
            hw_str name, value;
            hw_events_metadata(events, i, j, &name, &value, NULL);
            json *pair = json_list();
            json_add(pair, text_of(name));
            json_add(pair, text_of(value));
            json_add(metadata, pair);
        }
        json *made = json_object();
        json_set(made, "aggregate", text_of(event.aggregate));
        json_set(made, "key", text_of(event.key));
        json_set(made, "event_type", text_of(event.event_type));
        json_set(made, "version", json_number((double)event.version));
        json_set(made, "seq", json_number((double)event.seq));
        json_set(made, "schema", json_number(event.schema));
        json_set(made, "time", json_number((double)event.time));
        json_set(made, "command", text_or_null(event.command));
        json_set(made, "correlation", text_or_null(event.correlation));
        json_set(made, "causation", text_or_null(event.causation));
        json_set(made, "data_subject", text_or_null(event.data_subject));
        json_set(made, "is_erased", json_bool(event.is_erased != 0));
        json_set(made, "metadata", metadata);
        json_set_bytes(made, "data", "data_base64", event.data.data, event.data.len);
        json_add(to, made);
    }
    return status;
}

/* What the list begins behind; null where it is with the first event. */
static json *snapshot_of(const hw_events *events) {
    hw_snapshot snapshot;
    HW_INIT(&snapshot);
    if (events == NULL || hw_events_snapshot(events, &snapshot, NULL) != HW_STATUS_OK) {
        return json_null();
    }
    json *made = json_object();
    json_set(made, "version", json_number((double)snapshot.version));
    json_set(made, "seq", json_number((double)snapshot.seq));
    json_set(made, "schema", json_number(snapshot.schema));
    json_set_bytes(made, "data", "data_base64", snapshot.data.data, snapshot.data.len);
    json *names = json_list();
    for (size_t i = 0; i < snapshot.data_subjects_len; i++) {
        hw_str name;
        if (hw_events_snapshot_data_subject(events, i, &name, NULL) == HW_STATUS_OK) {
            json_add(names, text_of(name));
        }
    }
    json_set(made, "data_subjects", names);
    return made;
}

hw_status op_events_load(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    hw_load_options options;
    HW_INIT(&options);
    if (has(r->args, "as_of_version")) {
        options.as_of = HW_AS_OF_VERSION;
        options.as_of_value = arg_u64(r, r->args, "as_of_version", 0);
    } else if (has(r->args, "as_of_seq")) {
        options.as_of = HW_AS_OF_SEQ;
        options.as_of_value = arg_u64(r, r->args, "as_of_seq", 0);
    }
    options.snapshot_schema = (uint32_t)arg_u64(r, r->args, "snapshot_schema", 0);
    const json *behind = json_get(r->args, "behind");
    if (behind != NULL) {
        check_fields(r, behind, " version seq ");
        options.behind_version = arg_u64(r, behind, "version", 0);
        options.behind_seq = arg_u64(r, behind, "seq", 0);
    }
    hw_events *events = NULL;
    hw_status status = hw_event_store_load(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                                           &options, &events, &r->error);
    if (status != HW_STATUS_OK) {
        return status;
    }
    uint64_t version = 0;
    uint64_t seq = 0;
    status = hw_events_position(events, &version, &seq, &r->error);
    json *list = json_list();
    if (status == HW_STATUS_OK) {
        status = add_events(r, list, events);
    }
    r->result = json_object();
    json_set(r->result, "version", json_number((double)version));
    json_set(r->result, "seq", json_number((double)seq));
    json_set(r->result, "snapshot", snapshot_of(events));
    json_set(r->result, "events", list);
    hw_events_free(events);
    return status;
}

hw_status op_events_find_command(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    hw_str command = arg_text(r, r->args, "command");
    hw_saved saved;
    bool found = false;
    HW_INIT(&saved);
    hw_status status =
        hw_event_store_find_command(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                                    command.data, command.len, &found, &saved, &r->error);
    if (status != HW_STATUS_OK || !found) {
        return status;
    }
    r->result = json_object();
    json_set(r->result, "version", json_number((double)saved.version));
    json_set(r->result, "seq", json_number((double)saved.seq));
    json_set(r->result, "is_repeat", json_bool(saved.is_repeat != 0));
    return status;
}

hw_status op_events_archive(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    hw_archived archived;
    HW_INIT(&archived);
    hw_strings *held = NULL;
    hw_status status =
        hw_event_store_archive(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                               arg_u64(r, r->args, "up_to", 0), &archived, &held, &r->error);
    if (status != HW_STATUS_OK) {
        return status;
    }
    r->result = json_object();
    json_set(r->result, "events", json_number((double)archived.events));
    json_set(r->result, "up_to", json_number((double)archived.up_to));
    json *names = strings_of(held, false);
    json_set(r->result, "held_back_by", names->len == 0 ? json_null() : names->first);
    hw_strings_free(held);
    return status;
}

hw_status op_events_last_seq(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    uint64_t seq = 0;
    hw_status status = hw_event_store_last_seq(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                                               &seq, &r->error);
    r->result = json_number((double)seq);
    return status;
}

hw_status op_events_snapshot(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    hw_events *events = NULL;
    hw_status status = hw_event_store_snapshot(r->events, id.aggregate.data, id.aggregate.len, id.key.data, id.key.len,
                                               &events, &r->error);
    r->result = snapshot_of(events);
    hw_events_free(events);
    return status;
}

hw_status op_events_save_snapshot(runner *r) {
    hw_event_filter id = filter_of(r, r->args);
    hw_new_snapshot snapshot;
    HW_INIT(&snapshot);
    snapshot.version = arg_u64(r, r->args, "version", 0);
    snapshot.seq = arg_u64(r, r->args, "seq", 0);
    snapshot.schema = (uint32_t)arg_u64(r, r->args, "schema", 0);
    snapshot.ttl_ns = arg_u64(r, r->args, "ttl", 0);
    snapshot.data = arg_bytes(r, r->args, "data");
    const json *names = json_get(r->args, "data_subjects");
    hw_str *texts = (hw_str *)json_alloc(((names == NULL ? 0 : names->len) + 1) * sizeof(hw_str));
    for (const json *name = names == NULL ? NULL : names->first; name != NULL; name = name->next) {
        hw_str text = {name->text, name->text_len};
        texts[snapshot.data_subjects_len++] = text;
    }
    snapshot.data_subjects = texts;
    bool kept = false;
    hw_status status = hw_event_store_save_snapshot(r->events, id.aggregate.data, id.aggregate.len, id.key.data,
                                                    id.key.len, &snapshot, &kept, &r->error);
    r->result = json_bool(kept);
    return status;
}

hw_status op_events_forget(runner *r) {
    hw_str name = arg_text(r, r->args, "data_subject");
    bool had_key = false;
    hw_status status = hw_event_store_forget(r->events, name.data, name.len, &had_key, &r->error);
    r->result = json_bool(had_key);
    return status;
}

hw_status op_events_list(runner *r) {
    hw_event_filter filter = filter_of(r, r->args);
    hw_aggregates *found = NULL;
    uint64_t next = 0;
    hw_status status = hw_event_store_list(r->events, &filter, arg_u64(r, r->args, "after", 0),
                                           (size_t)arg_u64(r, r->args, "max", 0), &found, &next, &r->error);
    json *list = json_list();
    for (size_t i = 0; status == HW_STATUS_OK && i < hw_aggregates_len(found); i++) {
        hw_aggregate_info info;
        HW_INIT(&info);
        status = hw_aggregates_get(found, i, &info, &r->error);
        json *made = json_object();
        json_set(made, "aggregate", text_of(info.aggregate));
        json_set(made, "key", text_of(info.key));
        json_set(made, "event_type", text_of(info.event_type));
        json_set(made, "version", json_number((double)info.version));
        json_set(made, "seq", json_number((double)info.seq));
        json_add(list, made);
    }
    r->result = json_object();
    json_set(r->result, "aggregates", list);
    json_set(r->result, "next", next == 0 ? json_null() : json_number((double)next));
    hw_aggregates_free(found);
    return status;
}

hw_event_filter *arg_filters(runner *r, size_t *len) {
    const json *list = json_get(r->args, "filters");
    hw_event_filter *filters = (hw_event_filter *)json_alloc(((list == NULL ? 0 : list->len) + 1) * sizeof *filters);
    *len = 0;
    for (const json *item = list == NULL ? NULL : list->first; item != NULL; item = item->next) {
        check_fields(r, item, " aggregate key ");
        filters[(*len)++] = filter_of(r, item);
    }
    return filters;
}

hw_status op_events_follow(runner *r) {
    hw_follow_options options;
    HW_INIT(&options);
    options.filters = arg_filters(r, &options.filters_len);
    options.after = arg_u64(r, r->args, "after", 0);
    return hw_event_store_follow(r->events, &options, &new_source(r)->event_feed, &r->error);
}

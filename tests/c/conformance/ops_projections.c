/* Operations on projections of event stores, as the vectors name them. */
#include "runner.h"

hw_status op_projection(runner *r) {
    hw_projection_config config;
    HW_INIT(&config);
    config.name = arg_text(r, r->args, "name");
    config.filters = arg_filters(r, &config.filters_len);
    config.is_rebuild = arg_bool(r, r->args, "is_rebuild");
    config.pause_ms = arg_u64(r, r->args, "pause_ms", 0);
    config.pause_max_ms = arg_u64(r, r->args, "pause_max_ms", 0);
    config.tries = (uint32_t)arg_u64(r, r->args, "tries", 0);
    if (config.tries == 0 && has(r->args, "tries")) {
        config.tries = UINT32_MAX;
    }
    hw_projection *opened = NULL;
    hw_status status = hw_event_store_projection(r->events, &config, &opened, &r->error);
    if (status != HW_STATUS_OK) {
        return status;
    }
    new_source(r)->projection = opened;
    uint64_t position = 0;
    hw_blob *state = NULL;
    hw_bytes bytes = {NULL, 0};
    status = hw_projection_position(opened, &position, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_projection_state(opened, &state, &r->error);
    }
    if (status == HW_STATUS_OK) {
        status = hw_blob_bytes(state, &bytes, &r->error);
    }
    r->result = json_object();
    json_set(r->result, "position", json_number((double)position));
    json_set_bytes(r->result, "state", "state_base64", bytes.data, bytes.len);
    hw_blob_free(state);
    return status;
}

/* The projection that the step names; NULL, and a fault of the vector, where there is none. */
static hw_projection *projection_of(runner *r) {
    source *found = find_source(r);
    return found == NULL ? NULL : found->projection;
}

hw_status op_projection_seek(runner *r) {
    return hw_projection_seek(projection_of(r), arg_u64(r, r->args, "seq", 0), &r->error);
}

hw_status op_projection_advance(runner *r) {
    return hw_projection_advance(projection_of(r), arg_u64(r, r->args, "seq", 0), &r->error);
}

hw_status op_projection_commit(runner *r) {
    hw_bytes state = arg_bytes(r, r->args, "state");
    uint64_t seq = arg_u64(r, r->args, "seq", 0);
    return hw_projection_commit(projection_of(r), seq, state.data, state.len, &r->error);
}

hw_status op_projection_flush(runner *r) {
    return hw_projection_flush(projection_of(r), &r->error);
}

hw_status op_projection_fail(runner *r) {
    hw_str why = arg_text(r, r->args, "why");
    hw_failure failure;
    HW_INIT(&failure);
    hw_status status = hw_projection_fail(projection_of(r), arg_u64(r, r->args, "seq", 0), why.data, why.len, &failure,
                                          &r->error);
    r->result = json_object();
    json_set(r->result, "tries", json_number(failure.tries));
    json_set(r->result, "pause_ms", json_number((double)failure.pause_ms));
    json_set(r->result, "is_dead", json_bool(failure.is_dead != 0));
    return status;
}

hw_status op_projection_position(runner *r) {
    uint64_t seq = 0;
    hw_status status = hw_projection_position(projection_of(r), &seq, &r->error);
    r->result = json_number((double)seq);
    return status;
}

hw_status op_projection_lag(runner *r) {
    uint64_t lag = 0;
    hw_status status = hw_projection_lag(projection_of(r), &lag, &r->error);
    r->result = json_number((double)lag);
    return status;
}

hw_status op_projection_head(runner *r) {
    uint64_t seq = 0;
    hw_status status = hw_projection_head(projection_of(r), &seq, &r->error);
    r->result = json_number((double)seq);
    return status;
}

hw_status op_projection_switch(runner *r) {
    uint8_t switched = 0;
    hw_status status = hw_projection_switch(projection_of(r), &switched, &r->error);
    r->result = json_bool(switched != 0);
    return status;
}

hw_status op_projections(runner *r) {
    hw_blob *projections = NULL;
    hw_status status = hw_event_store_projections(r->events, &projections, &r->error);
    r->result = told_of(r, projections);
    return status;
}

hw_status op_delete_projection(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    return hw_event_store_delete_projection(r->events, name.data, name.len, &r->error);
}

hw_status op_dead_letters(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    uint64_t after = arg_u64(r, r->args, "after", 0);
    size_t max = (size_t)arg_u64(r, r->args, "max", 0);
    hw_blob *letters = NULL;
    hw_status status = hw_event_store_dead_letters(r->events, name.data, name.len, after, max, &letters, &r->error);
    r->result = told_of(r, letters);
    return status;
}

hw_status op_delete_dead_letter(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    uint64_t seq = arg_u64(r, r->args, "seq", 0);
    uint8_t was_there = 0;
    hw_status status = hw_event_store_delete_dead_letter(r->events, name.data, name.len, seq, &was_there, &r->error);
    r->result = json_bool(was_there != 0);
    return status;
}

hw_status op_event_at(runner *r) {
    hw_events *events = NULL;
    hw_status status = hw_event_store_event_at(r->events, arg_u64(r, r->args, "seq", 0), &events, &r->error);
    json *list = json_list();
    if (status == HW_STATUS_OK) {
        status = add_events(r, list, events);
    }
    hw_events_free(events);
    r->result = list->first == NULL ? json_null() : list->first;
    return status;
}

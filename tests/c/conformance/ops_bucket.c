/* Operations on buckets, as the vectors name them. */
#include "runner.h"

hw_status op_create_bucket(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from, " bucket description history ttl max_bytes max_value_size durability ");
    hw_bucket_config config;
    HW_INIT(&config);
    config.bucket = arg_text(r, from, "bucket");
    config.description = arg_text(r, from, "description");
    config.history = (uint32_t)arg_u64(r, from, "history", 0);
    config.ttl_ns = arg_u64(r, from, "ttl", 0);
    config.max_bytes = arg_u64(r, from, "max_bytes", 0);
    config.max_value_size = (uint32_t)arg_u64(r, from, "max_value_size", 0);
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    return hw_engine_create_bucket(r->engine, &config, &r->bucket, &r->error);
}

hw_status op_delete_bucket(runner *r) {
    hw_str name = arg_text(r, r->args, "bucket");
    return hw_engine_delete_bucket(r->engine, name.data, name.len, &r->error);
}

hw_status op_buckets(runner *r) {
    hw_strings *names = NULL;
    hw_status status = hw_engine_buckets(r->engine, &names, &r->error);
    r->result = strings_of(names, false);
    hw_strings_free(names);
    return status;
}

hw_status op_bucket_status(runner *r) {
    hw_bucket_infos *infos = NULL;
    hw_bucket_state state;
    HW_INIT(&state);
    hw_status status = hw_bucket_status(r->bucket, &infos, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_bucket_infos_get(infos, 0, &state, &r->error);
    }
    r->result = json_object();
    json_set(r->result, "values", json_number((double)state.values));
    json_set(r->result, "bytes", json_number((double)state.bytes));
    hw_bucket_infos_free(infos);
    return status;
}

static hw_status written(runner *r, hw_status status, uint64_t revision) {
    r->result = json_number((double)revision);
    return status;
}

hw_status op_bucket_put(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_bytes value = arg_bytes(r, r->args, "value");
    uint64_t revision = 0;
    hw_status status = hw_bucket_put(r->bucket, key.data, key.len, value.data, value.len, &revision, &r->error);
    return written(r, status, revision);
}

hw_status op_bucket_create(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_bytes value = arg_bytes(r, r->args, "value");
    uint64_t ttl = arg_u64(r, r->args, "ttl", 0);
    uint64_t revision = 0;
    hw_status status = hw_bucket_create(r->bucket, key.data, key.len, value.data, value.len, ttl, &revision, &r->error);
    return written(r, status, revision);
}

hw_status op_bucket_update(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_bytes value = arg_bytes(r, r->args, "value");
    uint64_t last = arg_u64(r, r->args, "revision", 0);
    uint64_t revision = 0;
    hw_status status =
        hw_bucket_update(r->bucket, key.data, key.len, value.data, value.len, last, &revision, &r->error);
    return written(r, status, revision);
}

hw_status op_bucket_delete(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    uint64_t revision = 0;
    uint64_t last = arg_u64(r, r->args, "revision", 0);
    hw_status status = hw_bucket_delete(r->bucket, key.data, key.len, last, &revision, &r->error);
    return written(r, status, revision);
}

hw_status op_bucket_purge(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    uint64_t revision = 0;
    uint64_t last = arg_u64(r, r->args, "revision", 0);
    hw_status status = hw_bucket_purge(r->bucket, key.data, key.len, last, &revision, &r->error);
    return written(r, status, revision);
}

hw_status op_bucket_get(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_entries *entries = NULL;
    hw_status status = hw_bucket_get(r->bucket, key.data, key.len, &entries, &r->error);
    r->result = entry_or_null(entries);
    hw_entries_free(entries);
    return status;
}

hw_status op_bucket_get_revision(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_entries *entries = NULL;
    uint64_t revision = arg_u64(r, r->args, "revision", 0);
    hw_status status = hw_bucket_get_revision(r->bucket, key.data, key.len, revision, &entries, &r->error);
    r->result = entry_or_null(entries);
    hw_entries_free(entries);
    return status;
}

hw_status op_bucket_history(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_entries *entries = NULL;
    hw_status status = hw_bucket_history(r->bucket, key.data, key.len, &entries, &r->error);
    r->result = entries_of(entries);
    hw_entries_free(entries);
    return status;
}

hw_status op_bucket_keys(runner *r) {
    hw_str filter = arg_text(r, r->args, "filter");
    hw_strings *keys = NULL;
    hw_status status = hw_bucket_keys(r->bucket, filter.data, filter.len, &keys, &r->error);
    r->result = strings_of(keys, false);
    hw_strings_free(keys);
    return status;
}

hw_status op_bucket_watch(runner *r) {
    hw_watch_options options;
    HW_INIT(&options);
    options.filters = arg_texts(r, r->args, "filters", &options.filters_len);
    options.include_history = arg_bool(r, r->args, "include_history");
    options.updates_only = arg_bool(r, r->args, "updates_only");
    options.ignore_deletes = arg_bool(r, r->args, "ignore_deletes");
    return hw_bucket_watch(r->bucket, &options, &new_source(r)->watcher, &r->error);
}

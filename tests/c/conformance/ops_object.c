/* Operations on object stores, as the vectors name them. */
#include "runner.h"

enum { PIECE_BYTES = 100000 };

hw_status op_create_object_store(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from, " bucket description ttl max_bytes durability compression ");
    hw_object_config config;
    HW_INIT(&config);
    config.bucket = arg_text(r, from, "bucket");
    config.description = arg_text(r, from, "description");
    config.ttl_ns = arg_u64(r, from, "ttl", 0);
    config.max_bytes = arg_u64(r, from, "max_bytes", 0);
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    config.compression = arg_name(r, from, "compression", COMPRESSIONS);
    return hw_engine_create_object_store(r->engine, &config, &r->store, &r->error);
}

hw_status op_delete_object_store(runner *r) {
    hw_str name = arg_text(r, r->args, "store");
    return hw_engine_delete_object_store(r->engine, name.data, name.len, &r->error);
}

hw_status op_object_stores(runner *r) {
    hw_strings *names = NULL;
    hw_status status = hw_engine_object_stores(r->engine, &names, &r->error);
    r->result = strings_of(names, false);
    hw_strings_free(names);
    return status;
}

hw_status op_object_store_status(runner *r) {
    hw_object_store_infos *infos = NULL;
    hw_object_store_state state;
    HW_INIT(&state);
    hw_status status = hw_object_store_status(r->store, &infos, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_object_store_infos_get(infos, 0, &state, &r->error);
    }
    if (status == HW_STATUS_OK) {
        r->result = json_object();
        json_set(r->result, "description", text_of(state.config->description));
        json_set(r->result, "ttl", json_number((double)state.config->ttl_ns));
        json_set(r->result, "max_bytes", json_number((double)state.config->max_bytes));
        json_set(r->result, "bytes", json_number((double)state.bytes));
    }
    hw_object_store_infos_free(infos);
    return status;
}

/* Names and values: a list of pairs, or the fields of an object. */
static const hw_header *pairs_of(runner *r, const char *name, size_t *len) {
    const json *from = json_get(r->args, name);
    *len = from == NULL ? 0 : from->len;
    hw_header *pairs = (hw_header *)json_alloc((*len + 1) * sizeof(hw_header));
    hw_header *pair = pairs;
    for (const json *item = from == NULL ? NULL : from->first; item != NULL; item = item->next, pair++) {
        bool is_field = from->kind == JSON_OBJECT;
        const json *value = is_field ? item : item->last;
        pair->name.data = is_field ? item->name : item->first->text;
        pair->name.len = is_field ? strlen(item->name) : item->first->text_len;
        pair->value.data = value->text;
        pair->value.len = value->text_len;
    }
    return pairs;
}

static json *object_of(const hw_object_info *info) {
    json *made = json_object();
    json_set(made, "name", text_of(info->name));
    json_set(made, "description", text_of(info->description));
    json *headers = json_list();
    for (size_t i = 0; i < info->headers_len; i++) {
        json *pair = json_list();
        json_add(pair, text_of(info->headers[i].name));
        json_add(pair, text_of(info->headers[i].value));
        json_add(headers, pair);
    }
    json_set(made, "headers", headers);
    json *metadata = json_object();
    for (size_t i = 0; i < info->metadata_len; i++) {
        char *name = (char *)json_alloc(info->metadata[i].name.len + 1);
        memcpy(name, info->metadata[i].name.data, info->metadata[i].name.len);
        name[info->metadata[i].name.len] = '\0';
        json_set(metadata, name, text_of(info->metadata[i].value));
    }
    json_set(made, "metadata", metadata);
    json_set(made, "bucket", text_of(info->bucket));
    json_set(made, "size", json_number((double)info->size));
    json_set(made, "chunks", json_number((double)info->chunks));
    json_set(made, "max_chunk_size", json_number((double)info->max_chunk_size));
    json_set(made, "digest", text_of(info->digest));
    json_set(made, "deleted", json_bool(info->deleted != 0));
    json *link = json_null();
    if (info->is_link) {
        link = json_object();
        json_set(link, "bucket", text_of(info->link_bucket));
        json_set(link, "name", info->link_name.len == 0 ? json_null() : text_of(info->link_name));
    }
    json_set(made, "link", link);
    return made;
}

json *objects_of(const hw_object_infos *infos) {
    json *list = json_list();
    for (size_t i = 0; i < hw_object_infos_len(infos); i++) {
        hw_object_info info;
        HW_INIT(&info);
        if (hw_object_infos_get(infos, i, &info, NULL) == HW_STATUS_OK) {
            json_add(list, object_of(&info));
        }
    }
    return list;
}

static json *object_or_null(const hw_object_infos *infos) {
    json *list = objects_of(infos);
    return list->first == NULL ? json_null() : list->first;
}

/* Every other way to put: at once, or in pieces. */
hw_status op_object_put(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_bytes data = arg_bytes(r, r->args, "payload");
    hw_object_options options;
    HW_INIT(&options);
    options.description = arg_text(r, r->args, "description");
    options.headers = pairs_of(r, "headers", &options.headers_len);
    options.metadata = pairs_of(r, "metadata", &options.metadata_len);
    options.max_chunk_size = arg_u64(r, r->args, "max_chunk_size", 0);
    hw_object_infos *infos = NULL;
    hw_status status;
    if (data.len <= PIECE_BYTES) {
        status = hw_object_store_put(r->store, name.data, name.len, data.data, data.len, &options, &infos, &r->error);
    } else {
        hw_object_writer *writer = NULL;
        status = hw_object_store_writer(r->store, name.data, name.len, &options, &writer, &r->error);
        for (size_t at = 0; status == HW_STATUS_OK && at < data.len; at += PIECE_BYTES) {
            size_t len = data.len - at < PIECE_BYTES ? data.len - at : PIECE_BYTES;
            status = hw_object_writer_write(writer, (const char *)data.data + at, len, &r->error);
        }
        if (status == HW_STATUS_OK) {
            status = hw_object_writer_finish(writer, &infos, &r->error);
        }
        hw_object_writer_free(writer);
    }
    r->result = object_or_null(infos);
    hw_object_infos_free(infos);
    return status;
}

hw_status op_object_get(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_object_reader *reader = NULL;
    hw_object_infos *infos = NULL;
    hw_object_info info;
    HW_INIT(&info);
    hw_status status = hw_object_store_get(r->store, name.data, name.len, &reader, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_object_reader_info(reader, &infos, &r->error);
    }
    if (status == HW_STATUS_OK) {
        status = hw_object_infos_get(infos, 0, &info, &r->error);
    }
    char *bytes = (char *)json_alloc((size_t)info.size + 1);
    size_t len = 0;
    for (size_t read = 1; status == HW_STATUS_OK && read > 0; len += read) {
        size_t room = (size_t)info.size + 1 - len;
        status = hw_object_reader_read(reader, bytes + len, room < PIECE_BYTES ? room : PIECE_BYTES, &read, &r->error);
        read = status == HW_STATUS_OK ? read : 0;
    }
    r->result = json_object();
    json_set(r->result, "object", object_or_null(infos));
    json_set_bytes(r->result, "payload", "payload_base64", bytes, len);
    hw_object_infos_free(infos);
    hw_object_reader_free(reader);
    return status;
}

hw_status op_object_info(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_object_infos *infos = NULL;
    hw_status status = hw_object_store_info(r->store, name.data, name.len, &infos, &r->error);
    r->result = object_or_null(infos);
    hw_object_infos_free(infos);
    return status;
}

hw_status op_object_list(runner *r) {
    hw_object_infos *infos = NULL;
    hw_status status = hw_object_store_list(r->store, &infos, &r->error);
    r->result = objects_of(infos);
    hw_object_infos_free(infos);
    return status;
}

hw_status op_object_update(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_object_update update;
    HW_INIT(&update);
    update.name = arg_text(r, r->args, "new_name");
    update.description = arg_text(r, r->args, "description");
    update.headers = pairs_of(r, "headers", &update.headers_len);
    update.metadata = pairs_of(r, "metadata", &update.metadata_len);
    update.has_description = has(r->args, "description");
    update.has_headers = has(r->args, "headers");
    update.has_metadata = has(r->args, "metadata");
    return hw_object_store_update(r->store, name.data, name.len, &update, &r->error);
}

hw_status op_object_link(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    hw_str bucket = arg_text(r, r->args, "bucket");
    hw_str target = arg_text(r, r->args, "target");
    return hw_object_store_add_link(r->store, name.data, name.len, bucket.data, bucket.len, target.data, target.len,
                                    &r->error);
}

hw_status op_object_delete(runner *r) {
    hw_str name = arg_text(r, r->args, "name");
    return hw_object_store_delete(r->store, name.data, name.len, &r->error);
}

hw_status op_object_watch(runner *r) {
    hw_object_watch_options options;
    HW_INIT(&options);
    options.updates_only = arg_bool(r, r->args, "updates_only");
    options.ignore_deletes = arg_bool(r, r->args, "ignore_deletes");
    return hw_object_store_watch(r->store, &options, &new_source(r)->object_watcher, &r->error);
}

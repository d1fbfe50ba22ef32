/* Operations on live entities, and on what keys and shards are anywhere, as the vectors name them. */
#include "counter.h"
#include "runner.h"

hw_entities *entities_of(runner *r) {
    hw_str name = arg_text(r, r->args, "entities");
    for (size_t i = 0; i < r->entities_len; i++) {
        if (name.data != NULL && strcmp(r->entities[i].name, name.data) == 0) {
            return r->entities[i].entities;
        }
    }
    r->fault = "there are no entities of this name";
    return NULL;
}

hw_status op_entities(runner *r) {
    hw_entities_config config;
    hw_entities *opened = NULL;
    const json *given = json_get(r->args, "config");
    check_fields(r, given, " mailbox active idle_ms lease_ms attempts tasks shards cluster node weight ttl_ms mesh ");
    HW_INIT(&config);
    config.mailbox = (size_t)arg_u64(r, given, "mailbox", 0);
    config.active = (size_t)arg_u64(r, given, "active", 0);
    config.idle_ms = arg_u64(r, given, "idle_ms", 0);
    config.lease_ms = arg_u64(r, given, "lease_ms", 0);
    config.ttl_ms = arg_u64(r, given, "ttl_ms", 0);
    config.attempts = (uint32_t)arg_u64(r, given, "attempts", 0);
    config.tasks = (uint32_t)arg_u64(r, given, "tasks", 0);
    config.shards = (uint32_t)arg_u64(r, given, "shards", 0);
    config.weight = (uint32_t)arg_u64(r, given, "weight", 0);
    config.mesh = arg_bool(r, given, "mesh");
    config.cluster = arg_text(r, given, "cluster");
    config.node = arg_text(r, given, "node");
    hw_status status = hw_engine_entities(r->engine, &config, &opened, &r->error);
    if (status == HW_STATUS_OK) {
        named *place = find_named(r, r->entities, &r->entities_len, arg_text(r, r->args, "as"));
        place->entities = opened;
        serve_counters(opened);
    }
    return status;
}

hw_status op_entities_active(runner *r) {
    size_t active = 0;
    hw_status status = hw_entities_active(entities_of(r), &active, &r->error);
    r->result = json_number((double)active);
    return status;
}

static hw_entity_message message_of(runner *r) {
    hw_entity_message message;
    HW_INIT(&message);
    message.kind = arg_text(r, r->args, "kind");
    message.key = arg_text(r, r->args, "key");
    message.name = arg_text(r, r->args, "name");
    message.payload = arg_bytes(r, r->args, "payload");
    message.timeout_ms = arg_u64(r, r->args, "timeout_ms", 0);
    return message;
}

hw_status op_entity_request(runner *r) {
    hw_entity_message message = message_of(r);
    hw_reply *reply = NULL;
    hw_blob *answer = NULL;
    hw_bytes bytes = {NULL, 0};
    hw_status status = hw_entities_request(entities_of(r), &message, &reply, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_reply_wait(reply, -1, &answer, &r->error);
    }
    if (status == HW_STATUS_OK) {
        status = hw_blob_bytes(answer, &bytes, &r->error);
    }
    r->result = json_object();
    json_set_bytes(r->result, "payload", "payload_base64", bytes.data, bytes.len);
    hw_blob_free(answer);
    hw_reply_free(reply);
    return status;
}

hw_status op_entity_notify(runner *r) {
    hw_entity_message message = message_of(r);
    return hw_entities_notify(entities_of(r), &message, NULL, &r->error);
}

hw_status op_entity_pause(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_str key = arg_text(r, r->args, "key");
    return hw_entities_pause(entities_of(r), kind.data, kind.len, key.data, key.len, &r->error);
}

hw_status op_entity_step(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_str key = arg_text(r, r->args, "key");
    return hw_entities_step(entities_of(r), kind.data, kind.len, key.data, key.len, &r->error);
}

hw_status op_entity_resume(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_str key = arg_text(r, r->args, "key");
    return hw_entities_resume(entities_of(r), kind.data, kind.len, key.data, key.len, &r->error);
}

hw_status op_entities_list(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_blob *list = NULL;
    hw_status status = hw_entities_list(entities_of(r), kind.data, kind.len, &list, &r->error);
    r->result = told_of(r, list);
    /* In C a node that there is not is empty. */
    for (json *one = r->result->first; one != NULL; one = one->next) {
        for (json *field = one->first; field != NULL; field = field->next) {
            if (strcmp(field->name, "node") == 0 && field->text_len == 0) {
                field->kind = JSON_NULL;
            }
        }
    }
    return status;
}

hw_status op_entity_nodes(runner *r) {
    hw_blob *nodes = NULL;
    hw_status status = hw_entities_nodes(entities_of(r), &nodes, &r->error);
    r->result = told_of(r, nodes);
    return status;
}

hw_status op_entity_where(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_str key = arg_text(r, r->args, "key");
    hw_entity_place place;
    hw_blob *node = NULL;
    hw_bytes name = {NULL, 0};
    HW_INIT(&place);
    hw_status status =
        hw_entities_where(entities_of(r), kind.data, kind.len, key.data, key.len, &place, &node, &r->error);
    if (status == HW_STATUS_OK) {
        status = hw_blob_bytes(node, &name, &r->error);
    }
    r->result = json_object();
    json_set(r->result, "node", name.len == 0 ? json_null() : json_text((const char *)name.data, name.len));
    json_set(r->result, "shard", json_number(place.shard));
    json_set(r->result, "is_here", json_bool(place.is_here != 0));
    json_set(r->result, "epoch", place.is_here != 0 ? json_number((double)place.epoch) : json_null());
    hw_blob_free(node);
    return status;
}

hw_status op_shard_of(runner *r) {
    hw_str kind = arg_text(r, r->args, "kind");
    hw_str key = arg_text(r, r->args, "key");
    uint32_t shards = (uint32_t)arg_u64(r, r->args, "shards", 0);
    uint32_t shard = 0;
    hw_status status = hw_shard_of(kind.data, kind.len, key.data, key.len, shards, &shard, &r->error);
    r->result = json_number(shard);
    return status;
}

hw_status op_shard_owner(runner *r) {
    const json *given = json_get(r->args, "nodes");
    hw_shard_node *nodes = (hw_shard_node *)json_alloc((given->len + 1) * sizeof *nodes);
    size_t len = 0;
    size_t owner = 0;
    for (const json *one = given->first; one != NULL; one = one->next) {
        nodes[len].name.data = one->first->text;
        nodes[len].name.len = one->first->text_len;
        nodes[len++].weight = (uint32_t)one->last->number;
    }
    uint32_t shard = (uint32_t)arg_u64(r, r->args, "shard", 0);
    hw_status status = hw_shard_owner(shard, nodes, len, &owner, &r->error);
    if (status == HW_STATUS_NOT_FOUND) {
        r->result = json_null();
        hw_error_free(r->error);
        r->error = NULL;
        return HW_STATUS_OK;
    }
    r->result = status == HW_STATUS_OK ? text_of(nodes[owner].name) : json_null();
    return status;
}

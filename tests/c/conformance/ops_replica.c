/* Operations on replicas, which need no engine, and on the fragments that they send each other. */
#include "runner.h"

#include <inttypes.h>
#include <stdlib.h>

enum { KEY_LIST_MAX = 256, PEERS_MAX = 16 };

void find_replica(runner *r) {
    r->replica = find_named(r, r->replicas, &r->replicas_len, arg_text(r, r->args, "replica"))->replica;
    if (r->replica == NULL) {
        r->fault = "there is no replica of this name";
    }
}

static uint64_t now_ms_of(runner *r) {
    return arg_u64(r, r->args, "now_ms", 0);
}

static json *hex_of(hw_bytes bytes) {
    char *text = (char *)json_alloc(2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes.data)[i]);
    }
    return json_text(text, 2 * bytes.len);
}

static hw_bytes blob_bytes(const hw_blob *blob) {
    hw_bytes bytes = {NULL, 0};
    if (blob != NULL) {
        hw_blob_bytes(blob, &bytes, NULL);
    }
    return bytes;
}

/* Keeps a fragment under the name that `as` says; its bytes are the result, null where there are none. */
static hw_status keep(runner *r, hw_status status, hw_blob *fragment) {
    hw_bytes bytes = blob_bytes(fragment);
    named *place = find_named(r, r->fragments, &r->fragments_len, arg_text(r, r->args, "as"));
    hw_blob_free(place->fragment);
    place->fragment = fragment;
    r->result = bytes.len == 0 ? json_null() : hex_of(bytes);
    return status;
}

/* The context of the replica that `of` names. */
static hw_blob *context_of(runner *r) {
    hw_blob *context = NULL;
    named *of = find_named(r, r->replicas, &r->replicas_len, arg_text(r, r->args, "of"));
    hw_replica_context(of->replica, &context, NULL);
    return context;
}

static int by_name_and_kind(const void *left, const void *right) {
    const json *a = *(const json *const *)left;
    const json *b = *(const json *const *)right;
    int order = strcmp(a->first->text, b->first->text);
    for (int32_t i = 0; order == 0 && KINDS[i] != NULL; i++) {
        order = (strcmp(KINDS[i], b->last->text) == 0) - (strcmp(KINDS[i], a->last->text) == 0);
    }
    return order;
}

static json *sorted_keys_of(const hw_strings *keys) {
    json *items[KEY_LIST_MAX];
    size_t len = 0;
    for (json *item = keys_of(keys)->first; item != NULL && len < KEY_LIST_MAX; item = item->next) {
        items[len++] = item;
    }
    qsort(items, len, sizeof items[0], by_name_and_kind);
    json *list = json_list();
    for (size_t i = 0; i < len; i++) {
        items[i]->next = NULL;
        json_add(list, items[i]);
    }
    return list;
}

hw_status op_replica(runner *r) {
    named *place = find_named(r, r->replicas, &r->replicas_len, arg_text(r, r->args, "as"));
    uint64_t engine = arg_u64(r, r->args, "engine", 0);
    return hw_replica_new(engine, arg_u64(r, r->args, "epoch", 0), &place->replica, &r->error);
}

hw_status op_replica_write(runner *r) {
    hw_crdt_change change = arg_change(r, r->args);
    bool is_done = false;
    hw_status status = hw_replica_write(r->replica, &change, now_ms_of(r), &is_done, &r->error);
    r->result = json_bool(is_done);
    return status;
}

hw_status op_replica_transaction(runner *r) {
    size_t len = 0;
    hw_crdt_change *changes = arg_changes(r, &len);
    return hw_replica_transaction(r->replica, changes, len, now_ms_of(r), &r->error);
}

hw_status op_replica_read(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    size_t len = 0;
    hw_str *fields = arg_texts(r, r->args, "fields", &len);
    int32_t kind = arg_name(r, r->args, "kind", KINDS);
    hw_reading *reading = NULL;
    hw_status status =
        hw_replica_read(r->replica, key.data, key.len, fields, len, kind, now_ms_of(r), &reading, &r->error);
    r->result = reading_of(reading, kind);
    hw_reading_free(reading);
    return status;
}

hw_status op_replica_contains(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    size_t len = 0;
    hw_str *fields = arg_texts(r, r->args, "fields", &len);
    int32_t kind = arg_name(r, r->args, "kind", KINDS);
    hw_crdt_value value = arg_scalar(r, r->args, "value");
    bool contains = false;
    hw_status status = hw_replica_contains(r->replica, key.data, key.len, fields, len, kind, &value, now_ms_of(r),
                                           &contains, &r->error);
    r->result = json_bool(contains);
    return status;
}

hw_status op_replica_rights(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_int128 rights = {0, 0};
    hw_status status = hw_replica_rights(r->replica, key.data, key.len, &rights, &r->error);
    r->result = int128_of(rights);
    return status;
}

hw_status op_replica_take_delta(runner *r) {
    hw_blob *fragment = NULL;
    hw_status status = hw_replica_take_delta(r->replica, &fragment, &r->error);
    return keep(r, status, fragment);
}

hw_status op_replica_whole(runner *r) {
    hw_blob *fragment = NULL;
    hw_status status = hw_replica_whole(r->replica, &fragment, &r->error);
    return keep(r, status, fragment);
}

hw_status op_replica_some(runner *r) {
    const json *list = json_get(r->args, "keys");
    hw_str *names = (hw_str *)json_alloc((list->len + 1) * sizeof *names);
    int32_t *kinds = (int32_t *)json_alloc((list->len + 1) * sizeof *kinds);
    size_t len = 0;
    for (const json *pair = list->first; pair != NULL; pair = pair->next) {
        names[len].data = pair->first->text;
        names[len].len = pair->first->text_len;
        for (kinds[len] = 0; KINDS[kinds[len]] != NULL && strcmp(KINDS[kinds[len]], pair->last->text) != 0;) {
            kinds[len]++;
        }
        len++;
    }
    hw_blob *fragment = NULL;
    hw_status status = hw_replica_some(r->replica, names, kinds, len, &fragment, &r->error);
    return keep(r, status, fragment);
}

hw_status op_replica_since(runner *r) {
    hw_blob *context = context_of(r);
    hw_bytes bytes = blob_bytes(context);
    hw_blob *fragment = NULL;
    hw_status status = hw_replica_since(r->replica, bytes.data, bytes.len, &fragment, &r->error);
    hw_blob_free(context);
    return keep(r, status, fragment);
}

hw_status op_replica_context(runner *r) {
    hw_blob *context = NULL;
    hw_status status = hw_replica_context(r->replica, &context, &r->error);
    r->result = hex_of(blob_bytes(context));
    hw_blob_free(context);
    return status;
}

hw_status op_replica_caught_up(runner *r) {
    hw_blob *context = context_of(r);
    hw_bytes bytes = blob_bytes(context);
    hw_status status = hw_replica_caught_up(r->replica, bytes.data, bytes.len, &r->error);
    hw_blob_free(context);
    return status;
}

/* The bytes that a step states in hex, or the fragment that it names. */
static hw_bytes arg_fragment(runner *r) {
    hw_str hex = arg_text(r, r->args, "bytes");
    if (!has(r->args, "bytes")) {
        return blob_bytes(find_named(r, r->fragments, &r->fragments_len, arg_text(r, r->args, "fragment"))->fragment);
    }
    unsigned char *bytes = (unsigned char *)json_alloc(hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++) {
        const char digits[3] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    hw_bytes made = {bytes, hex.len / 2};
    return made;
}

hw_status op_replica_apply(runner *r) {
    hw_bytes bytes = arg_fragment(r);
    hw_strings *changed = NULL;
    bool is_held = false;
    hw_status status =
        hw_replica_apply(r->replica, bytes.data, bytes.len, now_ms_of(r), &is_held, &changed, &r->error);
    r->result = json_object();
    if (is_held) {
        json_set(r->result, "held", json_bool(true));
    } else {
        json_set(r->result, "changed", sorted_keys_of(changed));
    }
    hw_strings_free(changed);
    return status;
}

hw_status op_replica_extract(runner *r) {
    hw_bytes bytes = arg_fragment(r);
    hw_blob *fragment = NULL;
    hw_status status = hw_replica_extract(r->replica, bytes.data, bytes.len, &fragment, &r->error);
    return keep(r, status, fragment);
}

hw_status op_replica_restore(runner *r) {
    hw_bytes bytes = arg_fragment(r);
    return hw_replica_restore(r->replica, bytes.data, bytes.len, &r->error);
}

hw_status op_replica_stable(runner *r) {
    hw_blob *blobs[PEERS_MAX];
    hw_actor actors[PEERS_MAX];
    hw_bytes contexts[PEERS_MAX];
    size_t len = 0;
    for (const json *name = json_get(r->args, "peers")->first; name != NULL && len < PEERS_MAX; name = name->next) {
        hw_str text = {name->text, name->text_len};
        hw_replica *peer = find_named(r, r->replicas, &r->replicas_len, text)->replica;
        hw_replica_actor(peer, &actors[len], NULL);
        hw_replica_context(peer, &blobs[len], NULL);
        contexts[len] = blob_bytes(blobs[len]);
        len++;
    }
    uint64_t dropped = 0;
    uint64_t operations = 0;
    hw_status status =
        hw_replica_stable(r->replica, actors, contexts, len, now_ms_of(r), &dropped, &operations, &r->error);
    while (len > 0) {
        hw_blob_free(blobs[--len]);
    }
    r->result = json_object();
    json_set(r->result, "dropped", json_number((double)dropped));
    json_set(r->result, "operations", json_number((double)operations));
    return status;
}

hw_status op_replica_held(runner *r) {
    size_t count = 0;
    hw_status status = hw_replica_held(r->replica, &count, &r->error);
    r->result = json_number((double)count);
    return status;
}

hw_status op_replica_release(runner *r) {
    hw_strings *changed = NULL;
    hw_status status =
        hw_replica_release(r->replica, arg_bool(r, r->args, "all"), now_ms_of(r), &changed, &r->error);
    r->result = sorted_keys_of(changed);
    hw_strings_free(changed);
    return status;
}

hw_status op_replica_digest(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    uint64_t digest = 0;
    char text[17];
    int32_t kind = arg_name(r, r->args, "kind", KINDS);
    hw_status status = hw_replica_digest(r->replica, key.data, key.len, kind, now_ms_of(r), &digest, &r->error);
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    r->result = json_text(text, 16);
    return status;
}

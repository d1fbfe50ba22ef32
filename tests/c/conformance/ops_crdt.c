/* Operations on CRDT stores, and what they share with those on replicas: changes, values and readings. */
#include "runner.h"

const char *const KINDS[] = {
    "none", "counter", "grow_counter", "bounded_counter", "register", "multi_register",
    "set", "remove_wins_set", "flag", "disable_wins_flag", "map", NULL};
static const char *const DOINGS[] = {
    "none", "add", "give", "write", "insert", "remove", "enable", "disable", "clear", NULL};
static const char *const VALUE_TYPES[] = {"none", "bytes", "int", "float", "text", "json", NULL};

hw_crdt_value arg_scalar(runner *r, const json *from, const char *name) {
    hw_crdt_value made;
    memset(&made, 0, sizeof made);
    const json *given = json_get(from, name);
    const json *field = given == NULL ? NULL : given->first;
    for (int32_t type = 0; field != NULL && VALUE_TYPES[type] != NULL; type++) {
        if (strcmp(VALUE_TYPES[type], field->name) == 0) {
            made.value_type = type;
        }
    }
    switch (made.value_type) {
    case HW_CRDT_VALUE_TYPE_INT:
        made.integer = (int64_t)field->number;
        break;
    case HW_CRDT_VALUE_TYPE_FLOAT:
        made.number = field->number;
        break;
    case HW_CRDT_VALUE_TYPE_BYTES:
        made.bytes.data = json_base64(field, &made.bytes.len);
        break;
    case HW_CRDT_VALUE_TYPE_TEXT:
    case HW_CRDT_VALUE_TYPE_JSON:
        made.bytes.data = field->text;
        made.bytes.len = field->text_len;
        break;
    default:
        r->fault = has(from, name) ? name : r->fault;
    }
    return made;
}

#define CHANGE_FIELDS " key fields kind do amount to value ttl_ms "

hw_crdt_change arg_change(runner *r, const json *from) {
    hw_crdt_change change;
    HW_INIT(&change);
    change.key = arg_text(r, from, "key");
    change.fields = arg_texts(r, from, "fields", &change.fields_len);
    change.kind = arg_name(r, from, "kind", KINDS);
    change.op = arg_name(r, from, "do", DOINGS);
    change.amount = arg_i64(r, from, "amount", 0);
    change.ttl_ms = arg_u64(r, from, "ttl_ms", 0);
    change.value = arg_scalar(r, from, "value");
    const json *to = json_get(from, "to");
    change.give_to.engine = arg_u64(r, to, "engine", 0);
    change.give_to.epoch = arg_u64(r, to, "epoch", 0);
    return change;
}

hw_crdt_change *arg_changes(runner *r, size_t *len) {
    const json *list = json_get(r->args, "changes");
    hw_crdt_change *changes = (hw_crdt_change *)json_alloc((list->len + 1) * sizeof *changes);
    *len = 0;
    for (const json *item = list->first; item != NULL; item = item->next) {
        check_fields(r, item, CHANGE_FIELDS);
        changes[(*len)++] = arg_change(r, item);
    }
    return changes;
}

static double number_of(hw_int128 number) {
    return (double)number.high * 18446744073709551616.0 + (double)number.low;
}

json *int128_of(hw_int128 number) {
    /* Two's complement: of a small negative number the low half alone says how much. */
    return json_number(number.high == -1 ? -(double)(~number.low + 1) : number_of(number));
}

static json *scalar_of(const hw_crdt_value *value) {
    json *made = json_object();
    const char *bytes = (const char *)value->bytes.data;
    switch (value->value_type) {
    case HW_CRDT_VALUE_TYPE_INT:
        json_set(made, "int", json_number((double)value->integer));
        break;
    case HW_CRDT_VALUE_TYPE_FLOAT:
        json_set(made, "float", json_number(value->number));
        break;
    case HW_CRDT_VALUE_TYPE_BYTES:
        json_set(made, "bytes", json_base64_of(bytes, value->bytes.len));
        break;
    default:
        json_set(made, VALUE_TYPES[value->value_type], json_text(bytes, value->bytes.len));
    }
    return made;
}

static json *key_of(hw_str name, uint64_t kind) {
    json *pair = json_list();
    json_add(pair, text_of(name));
    json_add(pair, name_of((int32_t)kind, KINDS));
    return pair;
}

json *reading_of(const hw_reading *reading, int32_t kind) {
    hw_int128 number;
    bool is_on = false;
    if (hw_reading_number(reading, &number, NULL) == HW_STATUS_OK) {
        return int128_of(number);
    }
    if (hw_reading_flag(reading, &is_on, NULL) == HW_STATUS_OK) {
        return json_bool(is_on);
    }
    json *list = json_list();
    for (size_t i = 0; i < hw_reading_len(reading); i++) {
        hw_str name;
        int32_t field_kind = 0;
        hw_crdt_value value;
        if (hw_reading_field(reading, i, &name, &field_kind, NULL) == HW_STATUS_OK) {
            json_add(list, key_of(name, (uint64_t)field_kind));
        } else if (hw_reading_value(reading, i, &value, NULL) == HW_STATUS_OK) {
            json_add(list, scalar_of(&value));
        }
    }
    if (kind == HW_CRDT_KIND_REGISTER) {
        return list->len == 0 ? json_null() : list->first;
    }
    return list;
}

json *keys_of(const hw_strings *keys) {
    json *list = json_list();
    for (size_t i = 0; i < hw_strings_len(keys); i++) {
        hw_str name;
        uint64_t kind = 0;
        hw_strings_get(keys, i, &name, &kind, NULL);
        json_add(list, key_of(name, kind));
    }
    return list;
}

json *changed_of(const hw_strings *keys) {
    json *list = json_list();
    for (size_t i = 0; i < hw_strings_len(keys); i++) {
        hw_str name;
        uint64_t kind = 0;
        hw_strings_get(keys, i, &name, &kind, NULL);
        json *made = json_object();
        json_set(made, "key", text_of(name));
        json_set(made, "kind", name_of((int32_t)kind, KINDS));
        json_add(list, made);
    }
    return list;
}

named *find_named(runner *r, named *list, size_t *len, hw_str name) {
    if (name.data == NULL) {
        r->fault = "a name is missing";
        name.data = "";
    }
    for (size_t i = 0; i < *len; i++) {
        if (strcmp(list[i].name, name.data) == 0) {
            return &list[i];
        }
    }
    if (*len == NAMED_MAX) {
        r->fault = "there are too many names";
        (*len)--;
    }
    named *made = &list[(*len)++];
    memset(made, 0, sizeof *made);
    made->name = name.data;
    return made;
}

static named *find_crdt(runner *r, hw_str name) {
    return find_named(r, r->crdts, &r->crdts_len, name);
}

static hw_status keep(runner *r, hw_str name, hw_status status, hw_crdt *opened) {
    if (status == HW_STATUS_OK) {
        named *place = find_crdt(r, name);
        hw_crdt_free(place->crdt);
        place->crdt = opened;
    }
    return status;
}

hw_status open_crdt(runner *r) {
    hw_str name = arg_text(r, r->args, "store");
    named *place = find_crdt(r, name);
    if (place->crdt == NULL) {
        hw_crdt *opened = NULL;
        hw_status status = hw_engine_crdt(r->engine, name.data, name.len, &opened, &r->error);
        if (keep(r, name, status, opened) != HW_STATUS_OK) {
            return status;
        }
    }
    r->crdt = place->crdt;
    return HW_STATUS_OK;
}

hw_status op_crdt_create(runner *r) {
    const json *from = json_get(r->args, "config");
    check_fields(r, from, " name durability snapshot_records ");
    hw_crdt_config config;
    HW_INIT(&config);
    config.name = arg_text(r, from, "name");
    config.durability = arg_name(r, from, "durability", DURABILITIES);
    config.snapshot_records = arg_u64(r, from, "snapshot_records", 0);
    hw_crdt *opened = NULL;
    hw_status status = hw_engine_create_crdt(r->engine, &config, &opened, &r->error);
    return keep(r, config.name, status, opened);
}

hw_status op_crdt_open(runner *r) {
    hw_str name = arg_text(r, r->args, "store");
    named *place = find_crdt(r, name);
    hw_crdt_free(place->crdt);
    place->crdt = NULL;
    hw_crdt *opened = NULL;
    return keep(r, name, hw_engine_crdt(r->engine, name.data, name.len, &opened, &r->error), opened);
}

hw_status op_crdts(runner *r) {
    hw_strings *names = NULL;
    hw_status status = hw_engine_crdts(r->engine, &names, &r->error);
    r->result = strings_of(names, false);
    hw_strings_free(names);
    return status;
}

hw_status op_crdt_write(runner *r) {
    hw_crdt_change change = arg_change(r, r->args);
    hw_crdt_written written;
    HW_INIT(&written);
    hw_status status = hw_crdt_write(r->crdt, &change, &written, &r->error);
    r->result = json_object();
    json_set(r->result, "seq", json_number((double)written.seq));
    json_set(r->result, "total", written.has_total ? int128_of(written.total) : json_null());
    return status;
}

hw_status op_crdt_transaction(runner *r) {
    size_t len = 0;
    uint64_t seq = 0;
    hw_crdt_change *changes = arg_changes(r, &len);
    hw_status status = hw_crdt_transaction(r->crdt, changes, len, &seq, &r->error);
    r->result = json_object();
    json_set(r->result, "seq", json_number((double)seq));
    return status;
}

hw_status op_crdt_read(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    size_t len = 0;
    hw_str *fields = arg_texts(r, r->args, "fields", &len);
    int32_t kind = arg_name(r, r->args, "kind", KINDS);
    hw_reading *reading = NULL;
    hw_status status = hw_crdt_read(r->crdt, key.data, key.len, fields, len, kind, &reading, &r->error);
    r->result = reading_of(reading, kind);
    hw_reading_free(reading);
    return status;
}

hw_status op_crdt_contains(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    size_t len = 0;
    hw_str *fields = arg_texts(r, r->args, "fields", &len);
    int32_t kind = arg_name(r, r->args, "kind", KINDS);
    hw_crdt_value value = arg_scalar(r, r->args, "value");
    bool contains = false;
    hw_status status = hw_crdt_contains(r->crdt, key.data, key.len, fields, len, kind, &value, &contains, &r->error);
    r->result = json_bool(contains);
    return status;
}

hw_status op_crdt_rights(runner *r) {
    hw_str key = arg_text(r, r->args, "key");
    hw_int128 rights = {0, 0};
    hw_status status = hw_crdt_rights(r->crdt, key.data, key.len, &rights, &r->error);
    r->result = int128_of(rights);
    return status;
}

hw_status op_crdt_keys(runner *r) {
    hw_str prefix = arg_text(r, r->args, "prefix");
    hw_strings *keys = NULL;
    hw_status status = hw_crdt_keys(r->crdt, prefix.data, prefix.len, &keys, &r->error);
    r->result = keys_of(keys);
    hw_strings_free(keys);
    return status;
}

hw_status op_crdt_dump(runner *r) {
    hw_str prefix = arg_text(r, r->args, "prefix");
    hw_crdt_entries *entries = NULL;
    hw_crdt_entry entry;
    HW_INIT(&entry);
    hw_status status = hw_crdt_dump(r->crdt, prefix.data, prefix.len, &entries, &r->error);
    r->result = json_list();
    for (size_t i = 0; i < hw_crdt_entries_len(entries); i++) {
        const char *fault = NULL;
        hw_crdt_entries_get(entries, i, &entry, NULL);
        json *made = json_object();
        json_set(made, "key", text_of(entry.key));
        json_set(made, "kind", name_of(entry.kind, KINDS));
        /* What is parsed points into the text, which goes with the list. */
        char *text = (char *)json_alloc(entry.json.len + 1);
        memcpy(text, entry.json.data, entry.json.len);
        json *value = json_parse(text, entry.json.len, &fault);
        r->fault = value == NULL ? fault : r->fault;
        json_set(made, "value", value == NULL ? json_null() : value);
        json_add(r->result, made);
    }
    hw_crdt_entries_free(entries);
    return status;
}

hw_status op_crdt_watch(runner *r) {
    hw_str prefix = arg_text(r, r->args, "prefix");
    return hw_crdt_watch(r->crdt, prefix.data, prefix.len, &new_source(r)->crdt_watcher, &r->error);
}

hw_status op_crdt_status(runner *r) {
    hw_crdt_state state;
    HW_INIT(&state);
    hw_status status = hw_crdt_status(r->crdt, &state, &r->error);
    r->result = json_object();
    json_set(r->result, "seq", json_number((double)state.seq));
    json_set(r->result, "snapshot_seq", json_number((double)state.snapshot_seq));
    json_set(r->result, "held", json_number((double)state.held));
    json_set(r->result, "actors", json_number((double)state.actors));
    json_set(r->result, "behind", json_number((double)state.behind));
    return status;
}

hw_status op_crdt_release_held(runner *r) {
    size_t count = 0;
    hw_status status = hw_crdt_release_held(r->crdt, &count, &r->error);
    r->result = json_number((double)count);
    return status;
}

hw_status op_crdt_merge(runner *r) {
    hw_crdt *other = find_crdt(r, arg_text(r, r->args, "other"))->crdt;
    hw_crdt_merged merged;
    HW_INIT(&merged);
    hw_status status = hw_crdt_merge(r->crdt, other, NULL, &merged, &r->error);
    r->result = json_object();
    json_set(r->result, "keys", json_number((double)merged.keys));
    json_set(r->result, "changed", json_number((double)merged.changed));
    json_set(r->result, "bytes", json_number((double)merged.bytes));
    return status;
}

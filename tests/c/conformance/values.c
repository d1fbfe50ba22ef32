/* Arguments of steps as C values, and C values as results: see runner.h. */
#include "runner.h"

const char *const DURABILITIES[] = {"fsync", "interval", "os", "unknown", NULL};
const char *const DISCARDS[] = {"old", "new", NULL};
const char *const COMPRESSIONS[] = {"none", "zstd", NULL};
const char *const ROLLUPS[] = {"none", "subject", "all", NULL};
const char *const DELIVER_POLICIES[] = {"all",           "last", "new", "by_start_sequence",
                                        "by_start_time", "last_per_subject", NULL};
const char *const ACK_POLICIES[] = {"explicit", "all", "none", NULL};
const char *const OPERATIONS[] = {"put", "delete", "purge", NULL};
const char *const FORMATS[] = {"csv", "jsonl", NULL};

bool has(const json *from, const char *name) {
    const json *value = json_get(from, name);
    return value != NULL && value->kind != JSON_NULL;
}

/* The argument, if it is there and of this kind. */
static const json *of_kind(runner *r, const json *from, const char *name, json_kind kind) {
    if (!has(from, name)) {
        return NULL;
    }
    const json *value = json_get(from, name);
    if (value->kind != kind) {
        r->fault = name;
        return NULL;
    }
    return value;
}

uint64_t arg_u64(runner *r, const json *from, const char *name, uint64_t otherwise) {
    const json *value = of_kind(r, from, name, JSON_NUMBER);
    return value == NULL ? otherwise : (uint64_t)value->number;
}

int64_t arg_i64(runner *r, const json *from, const char *name, int64_t otherwise) {
    const json *value = of_kind(r, from, name, JSON_NUMBER);
    return value == NULL ? otherwise : (int64_t)value->number;
}

bool arg_bool(runner *r, const json *from, const char *name) {
    const json *value = of_kind(r, from, name, JSON_BOOL);
    return value != NULL && value->number != 0;
}

static hw_str view(const json *text) {
    hw_str made = {NULL, 0};
    if (text != NULL) {
        made.data = text->text;
        made.len = text->text_len;
    }
    return made;
}

hw_str arg_text(runner *r, const json *from, const char *name) {
    return view(of_kind(r, from, name, JSON_TEXT));
}

hw_str *arg_texts(runner *r, const json *from, const char *name, size_t *len) {
    const json *list = of_kind(r, from, name, JSON_LIST);
    *len = list == NULL ? 0 : list->len;
    hw_str *texts = (hw_str *)json_alloc((*len + 1) * sizeof(hw_str));
    size_t at = 0;
    for (const json *item = list == NULL ? NULL : list->first; item != NULL; item = item->next) {
        if (item->kind != JSON_TEXT) {
            r->fault = name;
        }
        texts[at++] = view(item);
    }
    return texts;
}

int32_t arg_name(runner *r, const json *from, const char *name, const char *const *names) {
    const json *value = of_kind(r, from, name, JSON_TEXT);
    if (value == NULL) {
        return 0;
    }
    for (int32_t i = 0; names[i] != NULL; i++) {
        if (strcmp(value->text, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

uint64_t arg_duration(runner *r, const json *from, const char *name) {
    uint64_t ns = arg_u64(r, from, name, 0);
    return ns == 0 && has(from, name) ? HW_DURATION_NONE : ns;
}

hw_bytes arg_bytes(runner *r, const json *from, const char *name) {
    char variant[64];
    hw_bytes made = {NULL, 0};
    hw_str text = arg_text(r, from, name);
    made.data = text.data;
    made.len = text.len;
    snprintf(variant, sizeof variant, "%s_base64", name);
    const json *base64 = of_kind(r, from, variant, JSON_TEXT);
    if (base64 != NULL) {
        made.data = json_base64(base64, &made.len);
        r->fault = made.data == NULL ? "base64" : r->fault;
    }
    snprintf(variant, sizeof variant, "%s_size", name);
    if (has(from, variant)) {
        made.len = (size_t)arg_u64(r, from, variant, 0);
        void *bytes = json_alloc(made.len + 1);
        memset(bytes, 'x', made.len);
        made.data = bytes;
    }
    return made;
}

void check_fields(runner *r, const json *from, const char *names) {
    char wanted[128];
    for (const json *field = from == NULL ? NULL : from->first; field != NULL; field = field->next) {
        snprintf(wanted, sizeof wanted, " %s ", field->name);
        if (strstr(names, wanted) == NULL) {
            r->fault = field->name;
        }
    }
}

json *text_of(hw_str text) {
    return json_text(text.data, text.len);
}

json *name_of(int32_t number, const char *const *names) {
    return json_text(names[number], strlen(names[number]));
}

json *strings_of(const hw_strings *strings, bool with_numbers) {
    json *list = json_list();
    for (size_t i = 0; i < hw_strings_len(strings); i++) {
        hw_str text;
        uint64_t number = 0;
        hw_strings_get(strings, i, &text, &number, NULL);
        json *item = text_of(text);
        if (with_numbers) {
            json *pair = json_list();
            json_add(pair, item);
            json_add(pair, json_number((double)number));
            item = pair;
        }
        json_add(list, item);
    }
    return list;
}

json *ack_of(const hw_ack *ack) {
    json *made = json_object();
    json_set(made, "seq", json_number((double)ack->seq));
    json_set(made, "count", json_number((double)ack->count));
    json_set(made, "duplicate", json_bool(ack->duplicate != 0));
    json_set(made, "durability", name_of(ack->durability, DURABILITIES));
    return made;
}

static json *headers_of(const hw_batch *batch, size_t index, size_t len) {
    json *list = json_list();
    for (size_t i = 0; i < len; i++) {
        hw_str name;
        hw_str value;
        hw_batch_header(batch, index, i, &name, &value, NULL);
        json *pair = json_list();
        json_add(pair, text_of(name));
        json_add(pair, text_of(value));
        json_add(list, pair);
    }
    return list;
}

json *records_of(const hw_batch *batch) {
    json *list = json_list();
    hw_record record;
    HW_INIT(&record);
    for (size_t i = 0; i < hw_batch_len(batch); i++) {
        hw_batch_record(batch, i, &record, NULL);
        json *made = json_object();
        json_set(made, "seq", json_number((double)record.seq));
        json_set(made, "subject", text_of(record.subject));
        json_set_bytes(made, "payload", "payload_base64", record.payload.data, record.payload.len);
        json_set(made, "headers", headers_of(batch, i, record.headers_len));
        json_set(made, "event_time", record.has_event_time ? json_number((double)record.event_time) : json_null());
        json_set(made, "delivered", json_number(record.delivered));
        json_add(list, made);
    }
    return list;
}

json *record_or_null(const hw_batch *batch) {
    return hw_batch_len(batch) == 0 ? json_null() : records_of(batch)->first;
}

json *entries_of(const hw_entries *entries) {
    json *list = json_list();
    hw_entry entry;
    HW_INIT(&entry);
    for (size_t i = 0; i < hw_entries_len(entries); i++) {
        hw_entries_get(entries, i, &entry, NULL);
        json *made = json_object();
        json_set(made, "key", text_of(entry.key));
        json_set_bytes(made, "value", "value_base64", entry.value.data, entry.value.len);
        json_set(made, "revision", json_number((double)entry.revision));
        json_set(made, "operation", name_of(entry.operation, OPERATIONS));
        json_add(list, made);
    }
    return list;
}

json *entry_or_null(const hw_entries *entries) {
    return hw_entries_len(entries) == 0 ? json_null() : entries_of(entries)->first;
}

json *points_of(const hw_point_list *list) {
    json *made = json_list();
    hw_point point;
    HW_INIT(&point);
    for (size_t i = 0; i < hw_point_list_len(list); i++) {
        hw_point_list_get(list, i, &point, NULL);
        json *value = json_object();
        switch (point.value_type) {
        case HW_VALUE_TYPE_FLOAT:
            json_set(value, "float", json_number(point.number));
            break;
        case HW_VALUE_TYPE_INT:
            json_set(value, "int", json_number((double)point.integer));
            break;
        default:
            json_set(value, point.value_type == HW_VALUE_TYPE_TEXT ? "text" : "json", text_of(point.text));
        }
        json *item = json_object();
        json_set(item, "node", text_of(point.node));
        json_set(item, "kind", text_of(point.kind));
        json_set(item, "key", text_of(point.key));
        json_set(item, "time", json_number((double)point.time));
        json_set(item, "value", value);
        json_set(item, "tombstone", json_number(point.tombstone));
        json_set(item, "origin", text_of(point.origin));
        json_add(made, item);
    }
    return made;
}

source *new_source(runner *r) {
    hw_str name = arg_text(r, r->args, "as");
    if (name.data == NULL) {
        r->fault = "as";
        name.data = "";
    }
    for (size_t i = 0; i < r->sources_len; i++) {
        if (strcmp(r->sources[i].name, name.data) == 0) {
            r->fault = "as: the name is taken";
        }
    }
    if (r->sources_len == SOURCES_MAX) {
        r->fault = "as: there are too many";
        r->sources_len--;
    }
    source *made = &r->sources[r->sources_len++];
    memset(made, 0, sizeof *made);
    made->name = name.data;
    return made;
}

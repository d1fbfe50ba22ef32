/* CRDT stores: every kind written and read, tickets, transactions, watchers; bad input, closed handles. */
#include "check.h"

static hw_crdt *make(const hw_engine *engine, const char *name) {
    hw_crdt_config config;
    HW_INIT(&config);
    config.name = str(name);
    hw_crdt *crdt = NULL;
    OK(hw_engine_create_crdt(engine, &config, &crdt, &error));
    return crdt;
}

static hw_crdt_change change_of(const char *key, int32_t kind, int32_t op) {
    hw_crdt_change change;
    HW_INIT(&change);
    change.key = str(key);
    change.kind = kind;
    change.op = op;
    return change;
}

static hw_crdt_value text_value(const char *text) {
    hw_crdt_value value;
    memset(&value, 0, sizeof value);
    value.bytes.data = text;
    value.bytes.len = strlen(text);
    value.value_type = HW_CRDT_VALUE_TYPE_TEXT;
    return value;
}

static int64_t number(const hw_crdt *crdt, const char *key) {
    hw_reading *reading = NULL;
    hw_int128 number;
    OK(hw_crdt_read(crdt, key, strlen(key), NULL, 0, HW_CRDT_KIND_COUNTER, &reading, &error));
    OK(hw_reading_number(reading, &number, &error));
    hw_reading_free(reading);
    CHECK(number.high == (number.low >> 63 == 0 ? 0 : -1));
    return (int64_t)number.low;
}

static int64_t add(const hw_crdt *crdt, const char *key, int64_t amount) {
    hw_crdt_change change = change_of(key, HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    hw_crdt_written written;
    HW_INIT(&written);
    change.amount = amount;
    OK(hw_crdt_write(crdt, &change, &written, &error));
    CHECK(written.has_total && written.seq > 0);
    return (int64_t)written.total.low;
}

static void counters_are_seen_by_every_handle(const hw_engine *engine) {
    hw_crdt *here = make(engine, "counters");
    hw_crdt *there = NULL;
    OK(hw_engine_crdt(engine, HW_LIT("counters"), &there, &error));
    CHECK(add(here, "likes", 5) == 5 && add(there, "likes", -7) == -2 && number(here, "likes") == -2);
    CHECK(add(here, "big", INT64_MAX) == INT64_MAX);
    CHECK(number(there, "big") == INT64_MAX);
    hw_crdt_change change = change_of("big", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    change.amount = 1;
    hw_crdt_written written;
    HW_INIT(&written);
    OK(hw_crdt_write(there, &change, &written, &error));
    CHECK(written.total.high == 0 && written.total.low == UINT64_C(1) << 63);
    FAILS(HW_STATUS_LIMIT, hw_crdt_write(here, &change, NULL, &error));

    hw_actor one;
    hw_actor two;
    OK(hw_crdt_actor(here, &one, &error));
    OK(hw_crdt_actor(there, &two, &error));
    CHECK(one.engine == two.engine && one.epoch != two.epoch);
    hw_crdt_state state;
    HW_INIT(&state);
    OK(hw_crdt_status(here, &state, &error));
    CHECK(state.seq == 4 && state.actors == 2 && state.held == 0 && state.snapshot_seq == 0);
    size_t released = 9;
    OK(hw_crdt_release_held(here, &released, &error));
    CHECK(released == 0);
    OK(hw_crdt_release_held(here, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_crdt_merge(here, NULL, NULL, NULL, &error));
    SAID("other");
    OK(hw_crdt_merge(here, there, NULL, NULL, &error));

    change = change_of("stock", HW_CRDT_KIND_BOUNDED_COUNTER, HW_CRDT_OP_ADD);
    change.amount = 3;
    OK(hw_crdt_write(here, &change, NULL, &error));
    change.op = HW_CRDT_OP_GIVE;
    change.give_to = two;
    OK(hw_crdt_write(here, &change, NULL, &error));
    hw_int128 rights;
    OK(hw_crdt_rights(there, HW_LIT("stock"), &rights, &error));
    CHECK(rights.low == 3);
    FAILS(HW_STATUS_CONFLICT, hw_crdt_write(here, &change, NULL, &error));
    change.amount = -1;
    FAILS(HW_STATUS_INVALID, hw_crdt_write(here, &change, NULL, &error));
    SAID("amount is -1");
    hw_crdt_free(there);
    hw_crdt_free(here);
}

static void values_fields_and_dumps_come_back(const hw_engine *engine) {
    hw_crdt *crdt = make(engine, "values");
    hw_crdt_change change = change_of("tags", HW_CRDT_KIND_SET, HW_CRDT_OP_INSERT);
    hw_crdt_value value;
    memset(&value, 0, sizeof value);
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));
    SAID("value_type is 0");
    for (int32_t type = HW_CRDT_VALUE_TYPE_BYTES; type <= HW_CRDT_VALUE_TYPE_JSON; type++) {
        value.value_type = type;
        value.bytes.data = "[1]";
        value.bytes.len = 3;
        value.integer = INT64_MIN;
        value.number = -0.0;
        change.value = value;
        OK(hw_crdt_write(crdt, &change, NULL, &error));
    }
    value.bytes.data = "\xff";
    value.bytes.len = 1;
    value.value_type = HW_CRDT_VALUE_TYPE_TEXT;
    change.value = value;
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));
    SAID("value is not UTF-8");

    hw_reading *reading = NULL;
    OK(hw_crdt_read(crdt, HW_LIT("tags"), NULL, 0, HW_CRDT_KIND_SET, &reading, &error));
    CHECK(hw_reading_len(reading) == 5);
    OK(hw_reading_value(reading, 1, &value, &error));
    CHECK(value.value_type == HW_CRDT_VALUE_TYPE_INT && value.integer == INT64_MIN && value.bytes.len == 0);
    CHECK((uintptr_t)value.bytes.data >= 4096); /* Below is what the runtime of Go takes for a fault. */
    OK(hw_reading_value(reading, 4, &value, &error));
    CHECK(value.value_type == HW_CRDT_VALUE_TYPE_JSON && bytes_are(value.bytes, "[1]"));
    bool contains = false;
    OK(hw_crdt_contains(crdt, HW_LIT("tags"), NULL, 0, HW_CRDT_KIND_SET, &value, &contains, &error));
    CHECK(contains);
    FAILS(HW_STATUS_INVALID, hw_reading_value(reading, 5, &value, &error));
    hw_int128 total;
    bool is_on = false;
    FAILS(HW_STATUS_INVALID, hw_reading_number(reading, &total, &error));
    SAID("not a number");
    FAILS(HW_STATUS_INVALID, hw_reading_flag(reading, &is_on, &error));
    hw_reading_free(reading);
    FAILS(HW_STATUS_INVALID, hw_reading_value(NULL, 0, &value, &error));
    CHECK(hw_reading_len(NULL) == 0 && hw_crdt_entries_len(NULL) == 0);

    hw_str fields[2];
    HW_SET(fields[0], "address");
    HW_SET(fields[1], "city");
    change = change_of("user", HW_CRDT_KIND_REGISTER, HW_CRDT_OP_WRITE);
    change.fields = fields;
    change.fields_len = 2;
    change.value = text_value("Bern");
    OK(hw_crdt_write(crdt, &change, NULL, &error));
    OK(hw_crdt_read(crdt, HW_LIT("user"), fields, 2, HW_CRDT_KIND_REGISTER, &reading, &error));
    OK(hw_reading_value(reading, 0, &value, &error));
    CHECK(hw_reading_len(reading) == 1 && bytes_are(value.bytes, "Bern"));
    hw_reading_free(reading);
    OK(hw_crdt_read(crdt, HW_LIT("user"), NULL, 0, HW_CRDT_KIND_MAP, &reading, &error));
    hw_str name;
    int32_t kind = 0;
    OK(hw_reading_field(reading, 0, &name, &kind, &error));
    CHECK(text_is(name, "address") && kind == HW_CRDT_KIND_MAP);
    FAILS(HW_STATUS_INVALID, hw_reading_field(reading, 1, &name, &kind, &error));
    hw_reading_free(reading);

    hw_crdt_entries *entries = NULL;
    hw_crdt_entry entry;
    HW_INIT(&entry);
    OK(hw_crdt_dump(crdt, HW_LIT("us"), &entries, &error));
    CHECK(hw_crdt_entries_len(entries) == 1);
    OK(hw_crdt_entries_get(entries, 0, &entry, &error));
    CHECK(text_is(entry.key, "user") && entry.kind == HW_CRDT_KIND_MAP);
    CHECK(text_is(entry.json, "[{\"field\":\"address\",\"kind\":\"map\",\"value\":"
                              "[{\"field\":\"city\",\"kind\":\"register\",\"value\":\"Bern\"}]}]"));
    FAILS(HW_STATUS_INVALID, hw_crdt_entries_get(entries, 1, &entry, &error));
    hw_crdt_entries_free(entries);
    hw_strings *keys = NULL;
    uint64_t number = 0;
    OK(hw_crdt_keys(crdt, NULL, 0, &keys, &error));
    OK(hw_strings_get(keys, 0, &name, &number, &error));
    CHECK(hw_strings_len(keys) == 2 && text_is(name, "tags") && number == HW_CRDT_KIND_SET);
    hw_strings_free(keys);
    hw_crdt_free(crdt);
}

static void a_ticket_has_the_record_and_the_total(const hw_engine *engine) {
    hw_crdt *crdt = make(engine, "tickets");
    hw_crdt_change change = change_of("n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    hw_ticket *ticket = NULL;
    hw_ack ack;
    HW_INIT(&ack);
    hw_int128 total;
    bool has_total = false;
    change.amount = 5;
    OK(hw_crdt_write_submit(crdt, &change, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, &ack, &error));
    OK(hw_ticket_total(ticket, &total, &has_total, &error));
    CHECK(ack.seq == 1 && ack.count == 1 && has_total && total.low == 5);
    hw_ticket_free(ticket);

    hw_crdt_change changes[2];
    changes[0] = change;
    changes[1] = change_of("t", HW_CRDT_KIND_REGISTER, HW_CRDT_OP_WRITE);
    changes[1].value = text_value("x");
    OK(hw_crdt_transaction_submit(crdt, changes, 2, &ticket, &error));
    OK(hw_ticket_wait(ticket, -1, &ack, &error));
    OK(hw_ticket_total(ticket, &total, &has_total, &error));
    CHECK(ack.seq == 2 && !has_total);
    hw_ticket_free(ticket);

    uint64_t seq = 9;
    changes[1].kind = HW_CRDT_KIND_SET;
    changes[1].op = HW_CRDT_OP_INSERT;
    FAILS(HW_STATUS_CONFLICT, hw_crdt_transaction(crdt, changes, 2, &seq, &error));
    SAID("operation 2");
    SAID("t is a register, not a set");
    CHECK(seq == 9 && number(crdt, "n") == 10);
    OK(hw_crdt_transaction(crdt, NULL, 0, &seq, &error));
    CHECK(seq == 0);
    OK(hw_crdt_write_submit(crdt, &changes[1], &ticket, &error));
    FAILS(HW_STATUS_CONFLICT, hw_ticket_wait(ticket, -1, NULL, &error));
    hw_ticket_free(ticket);
    changes[1].struct_size -= 8;
    FAILS(HW_STATUS_INVALID, hw_crdt_transaction(crdt, changes, 2, &seq, &error));
    hw_crdt_free(crdt);
}

static void a_watcher_waits_for_a_change(const hw_engine *engine) {
    hw_crdt *crdt = make(engine, "watched");
    hw_crdt_watcher *watcher = NULL;
    hw_strings *keys = NULL;
    hw_str name;
    uint64_t kind = 0;
    uint64_t missed = 1;
    OK(hw_crdt_watch(crdt, HW_LIT("a"), &watcher, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_crdt_watcher_next(watcher, 0, 0, &keys, &error));
    add(crdt, "b", 1);
    add(crdt, "a", 1);
    OK(hw_crdt_watcher_next(watcher, 0, 5000, &keys, &error));
    OK(hw_strings_get(keys, 0, &name, &kind, &error));
    CHECK(hw_strings_len(keys) == 1 && text_is(name, "a") && kind == HW_CRDT_KIND_COUNTER);
    hw_strings_free(keys);
    OK(hw_crdt_watcher_missed(watcher, &missed, &error));
    CHECK(missed == 0);
    hw_waker *waker = NULL;
    uint64_t token = 0;
    size_t tokens = 0;
    OK(hw_waker_new(&waker, &error));
    OK(hw_crdt_watcher_wake(watcher, waker, 7, &error));
    OK(hw_crdt_watcher_cancel(watcher, &error));
    OK(hw_crdt_watcher_close(watcher, &error));
    OK(hw_crdt_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_crdt_watcher_next(watcher, 0, -1, &keys, &error));
    OK(hw_waker_take(waker, &token, 1, &tokens, &error));
    CHECK(tokens == 1 && token == 7);
    hw_waker_free(waker);
    hw_crdt_watcher_free(watcher);
    hw_crdt_free(crdt);
}

static void bad_input_is_answered(const hw_engine *engine) {
    hw_crdt *crdt = make(engine, "bad");
    hw_crdt *other = NULL;
    hw_reading *reading = NULL;
    hw_crdt_change change = change_of("n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    bool contains = false;
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_crdt(engine, HW_LIT("none"), &other, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_crdt(engine, HW_LIT("a.b"), &other, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_create_crdt(engine, NULL, &other, &error));
    FAILS(HW_STATUS_INVALID, hw_engine_crdts(engine, NULL, &error));
    hw_crdt_config config;
    HW_INIT(&config);
    HW_SET(config.name, "bad");
    config.durability = 9;
    FAILS(HW_STATUS_INVALID, hw_engine_create_crdt(engine, &config, &other, &error));
    config.durability = HW_DURABILITY_OS;
    FAILS(HW_STATUS_CONFLICT, hw_engine_create_crdt(engine, &config, &other, &error));
    FAILS(HW_STATUS_INVALID, hw_crdt_write(NULL, &change, NULL, &error));
    SAID("crdt is NULL");
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, NULL, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_crdt_write_submit(crdt, &change, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_crdt_transaction(crdt, NULL, 1, NULL, &error));
    FAILS(HW_STATUS_INVALID, hw_crdt_contains(crdt, HW_LIT("s"), NULL, 0, HW_CRDT_KIND_SET, NULL, &contains, &error));
    SAID("value is NULL");
    FAILS(HW_STATUS_INVALID, hw_crdt_read(crdt, HW_LIT("s"), NULL, 1, HW_CRDT_KIND_SET, &reading, &error));
    for (int32_t kind = -1; kind <= 11; kind += kind == 0 ? 11 : 1) {
        FAILS(HW_STATUS_INVALID, hw_crdt_read(crdt, HW_LIT("s"), NULL, 0, kind, &reading, &error));
        SAID("no hw_crdt_kind");
    }
    change.op = 9;
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));
    SAID("op is 9");
    change.op = HW_CRDT_OP_ENABLE;
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));
    SAID("a counter has no operation 'enable'");
    change = change_of("k\xff", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));
    SAID("key is not UTF-8 from byte 1 on");
    change = change_of("", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    FAILS(HW_STATUS_INVALID, hw_crdt_write(crdt, &change, NULL, &error));

    hw_str name;
    hw_stream *stream = NULL;
    OK(hw_crdt_name(crdt, &name, &error));
    CHECK(text_is(name, "bad"));
    OK(hw_crdt_stream(crdt, &stream, &error));
    hw_stream_free(stream);
    add(crdt, "n", 1);
    OK(hw_crdt_close(crdt, &error));
    OK(hw_crdt_close(crdt, &error));
    change = change_of("n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    FAILS(HW_STATUS_CLOSED, hw_crdt_write(crdt, &change, NULL, &error));
    FAILS(HW_STATUS_CLOSED, hw_crdt_read(crdt, HW_LIT("n"), NULL, 0, HW_CRDT_KIND_COUNTER, &reading, &error));
    hw_crdt_free(crdt);
    hw_crdt_free(NULL);
    hw_crdt_watcher_free(NULL);
    hw_reading_free(NULL);
    hw_crdt_entries_free(NULL);
}

int main(void) {
    hw_engine *engine = memory_engine();
    counters_are_seen_by_every_handle(engine);
    values_fields_and_dumps_come_back(engine);
    a_ticket_has_the_record_and_the_total(engine);
    a_watcher_waits_for_a_change(engine);
    bad_input_is_answered(engine);
    hw_crdt *crdt = make(engine, "last");
    hw_strings *names = NULL;
    OK(hw_engine_crdts(engine, &names, &error));
    CHECK(hw_strings_len(names) == 6);
    hw_strings_free(names);
    OK(hw_engine_close(engine, &error));
    hw_crdt_change change = change_of("n", HW_CRDT_KIND_COUNTER, HW_CRDT_OP_ADD);
    FAILS(HW_STATUS_CLOSED, hw_crdt_write(crdt, &change, NULL, &error));
    hw_crdt_free(crdt);
    hw_engine_free(engine);
    return 0;
}

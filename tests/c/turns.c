/* Turns, tokens and answers: each is taken once, by whoever it belongs to, and waits end. */
#include "check.h"

#include <poll.h>

/* Waits up to a second for one token of a waker. */
static uint64_t fired(const hw_waker *waker) {
    struct pollfd ready;
    uint64_t tokens[4];
    size_t len = 0;
    ready.events = POLLIN;
    OK(hw_waker_fd(waker, &ready.fd, &error));
    CHECK(poll(&ready, 1, 1000) == 1);
    OK(hw_waker_take(waker, tokens, 4, &len, &error));
    CHECK(len == 1);
    return tokens[0];
}

static hw_engine *engine;
static hw_entities *entities;

static hw_reply *ask(const char *key, const char *name) {
    hw_entity_message message;
    hw_reply *reply = NULL;
    HW_INIT(&message);
    HW_SET(message.kind, "thing");
    message.key.data = key;
    message.key.len = strlen(key);
    message.name.data = name;
    message.name.len = strlen(name);
    OK(hw_entities_request(entities, &message, &reply, &error));
    return reply;
}

static uint64_t take(hw_turns **turns, size_t items) {
    hw_turn turn;
    HW_INIT(&turn);
    OK(hw_entities_next(entities, 1, 1000, turns, &error));
    CHECK(hw_turns_len(*turns) == 1);
    OK(hw_turns_get(*turns, 0, &turn, &error));
    CHECK(turn.items_len == items);
    return turn.token;
}

static void complete(uint64_t token, uint32_t item, const char *payload) {
    hw_item_answer answer;
    HW_INIT(&answer);
    answer.item = item;
    answer.payload.data = payload;
    answer.payload.len = strlen(payload);
    OK(hw_entities_complete(entities, token, &answer, 1, &error));
}

static void items_are_told_once(void) {
    hw_reply *reply = ask("a", "x");
    hw_turns *turns = NULL;
    hw_blob *blob = NULL;
    hw_bytes bytes;
    hw_item_answer answer;
    hw_turn_item item;
    HW_INIT(&answer);
    HW_INIT(&item);
    FAILS(HW_STATUS_TIMEOUT, hw_reply_wait(reply, 0, &blob, &error));
    uint64_t token = take(&turns, 2);
    OK(hw_turns_item(turns, 0, 0, &item, &error));
    CHECK(item.what == HW_TURN_WHAT_START && item.attempt == 1);
    OK(hw_turns_item(turns, 0, 1, &item, &error));
    CHECK(item.what == HW_TURN_WHAT_MESSAGE && item.wants_reply != 0 && item.name.len == 1);
    FAILS(HW_STATUS_INVALID, hw_turns_item(turns, 0, 2, &item, &error));
    FAILS(HW_STATUS_INVALID, hw_turns_item(turns, 1, 0, &item, &error));
    complete(token, 0, "");
    FAILS(HW_STATUS_MISUSE, hw_entities_complete(entities, token, &answer, 1, &error));
    FAILS(HW_STATUS_MISUSE, hw_entities_complete(entities, token + 1, &answer, 1, &error));
    answer.item = 1;
    answer.status = 99;
    FAILS(HW_STATUS_INVALID, hw_entities_complete(entities, token, &answer, 1, &error));
    answer.struct_size = 3;
    FAILS(HW_STATUS_INVALID, hw_entities_complete(entities, token, &answer, 1, &error));
    FAILS(HW_STATUS_INVALID, hw_entities_complete(entities, token, NULL, 1, &error));
    complete(token, 1, "done");
    FAILS(HW_STATUS_MISUSE, hw_entities_set_timer(entities, token, HW_LIT("t"), 1, 0, &error));
    OK(hw_reply_wait(reply, 1000, &blob, &error));
    OK(hw_blob_bytes(blob, &bytes, &error));
    CHECK(bytes.len == 4 && memcmp(bytes.data, "done", 4) == 0);
    hw_blob_free(blob);
    /* Once it is there, it stays. */
    OK(hw_reply_wait(reply, 0, NULL, &error));
    hw_turns_free(turns);
    hw_reply_free(reply);
}

static void tokens_on_a_waker(void) {
    hw_waker *waker = NULL;
    hw_turns *turns = NULL;
    uint64_t tokens[4];
    size_t len = 1;
    OK(hw_waker_new(&waker, &error));
    OK(hw_entities_wake(entities, waker, 7, &error));
    OK(hw_waker_take(waker, tokens, 4, &len, &error));
    CHECK(len == 0);
    hw_reply *reply = ask("a", "y");
    CHECK(fired(waker) == 7);
    OK(hw_reply_wake(reply, waker, 8, &error));
    uint64_t token = take(&turns, 1);
    complete(token, 0, "");
    CHECK(fired(waker) == 8);
    OK(hw_reply_wait(reply, 0, NULL, &error));
    hw_turns_free(turns);
    hw_reply_free(reply);
    hw_waker_free(waker);
}

/* What does not fit beside the others is told to stop, when it is idle. */
static void memory_has_a_limit(void) {
    static const char *keys[] = {"a", "b"};
    hw_entities *of_this = NULL, *before = entities;
    hw_entities_config config;
    hw_turns *turns = NULL;
    hw_turn_item item;
    hw_turn turn;
    uint64_t token = 0;
    HW_INIT(&config);
    HW_INIT(&item);
    HW_INIT(&turn);
    config.memory = 100;
    OK(hw_engine_entities(engine, &config, &of_this, &error));
    entities = of_this;
    for (int at = 0; at < 2; at++) {
        hw_reply *reply = ask(keys[at], "x");
        token = take(&turns, 2);
        OK(hw_entities_holds(entities, token, 60, &error));
        complete(token, 0, "");
        complete(token, 1, "");
        hw_turns_free(turns);
        hw_reply_free(reply);
    }
    FAILS(HW_STATUS_MISUSE, hw_entities_holds(entities, token, 1, &error));
    token = take(&turns, 1);
    OK(hw_turns_get(turns, 0, &turn, &error));
    OK(hw_turns_item(turns, 0, 0, &item, &error));
    CHECK(text_is(turn.key, "a") && item.what == HW_TURN_WHAT_STOP);
    complete(token, 0, "");
    hw_turns_free(turns);
    FAILS(HW_STATUS_TIMEOUT, hw_entities_next(entities, 1, 0, &turns, &error));
    hw_entities_free(of_this);
    entities = before;
}

static void broken_and_closed(void) {
    hw_reply *reply = ask("a", "z");
    hw_turns *turns = NULL;
    uint64_t token = take(&turns, 1);
    OK(hw_entities_crash(entities, token, 0, HW_LIT("broken"), &error));
    FAILS(HW_STATUS_MISUSE, hw_entities_crash(entities, token, 0, HW_LIT("broken"), &error));
    FAILS(HW_STATUS_INTERNAL, hw_reply_wait(reply, 1000, NULL, &error));
    hw_turns_free(turns);
    hw_reply_free(reply);
    FAILS(HW_STATUS_INVALID, hw_entities_list(entities, HW_LIT("thing"), NULL, &error));
    reply = ask("b", "z");
    OK(hw_entities_close(entities, &error));
    OK(hw_entities_close(entities, &error));
    FAILS(HW_STATUS_CLOSED, hw_reply_wait(reply, 1000, NULL, &error));
    FAILS(HW_STATUS_CLOSED, hw_entities_next(entities, 1, -1, &turns, &error));
    FAILS(HW_STATUS_INVALID, hw_entities_next(NULL, 1, -1, &turns, &error));
    hw_reply_free(reply);
    hw_reply_free(NULL);
    hw_turns_free(NULL);
    hw_entities_free(NULL);
}

int main(void) {
    OK(hw_engine_memory(&engine, &error));
    OK(hw_engine_entities(engine, NULL, &entities, &error));
    items_are_told_once();
    tokens_on_a_waker();
    memory_has_a_limit();
    broken_and_closed();
    hw_entities_free(entities);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    return 0;
}

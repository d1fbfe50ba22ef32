#include "counter.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS_MAX = 64, WAITS_MAX = 64, SERVERS_MAX = 8, LOOK_MS = 2 };

typedef struct {
    uint64_t activation; /* 0: free. */
    unsigned long sum;
} counter;

/* An item that waits for the answer of another counter. */
typedef struct {
    hw_reply *reply; /* NULL: free. */
    uint64_t token;
    uint32_t item;
} waiting;

typedef struct {
    hw_entities *entities;
    pthread_t thread;
    counter counters[COUNTERS_MAX];
    waiting waits[WAITS_MAX];
    size_t waits_len;
} server;

static server servers[SERVERS_MAX];
static size_t servers_len = 0;

static bool is(hw_str text, const char *name) {
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

static counter *counter_of(server *s, uint64_t activation) {
    for (size_t i = 0; i < COUNTERS_MAX; i++) {
        if (s->counters[i].activation == activation) {
            return &s->counters[i];
        }
    }
    fputs("there is no such counter\n", stderr);
    abort();
}

static unsigned long number_of(hw_bytes payload) {
    char text[32] = "1";
    if (payload.len > 0 && payload.len < sizeof text) {
        memcpy(text, payload.data, payload.len);
        text[payload.len] = '\0';
    }
    return strtoul(text, NULL, 10);
}

static void answer(server *s, uint64_t token, uint32_t item, hw_bytes payload) {
    hw_item_answer one;
    HW_INIT(&one);
    one.item = item;
    one.payload = payload;
    /* A turn that is over, as the entities were closed, is nobody's. */
    hw_entities_complete(s->entities, token, &one, 1, NULL);
}

static void answer_text(server *s, uint64_t token, uint32_t item, const char *text) {
    hw_bytes payload;
    payload.data = text;
    payload.len = strlen(text);
    answer(s, token, item, payload);
}

static void refuse(server *s, uint64_t token, uint32_t item, hw_status status, const char *why, size_t why_len) {
    hw_item_answer one;
    HW_INIT(&one);
    one.item = item;
    one.status = (int32_t)status;
    one.message.data = why;
    one.message.len = why_len;
    hw_entities_complete(s->entities, token, &one, 1, NULL);
}

/* Asks another counter for an item, which is answered when that answers. */
static void ask(server *s, const hw_turn *turn, uint32_t item, hw_bytes to, const char *name, hw_str payload) {
    hw_entity_message message;
    hw_reply *reply = NULL;
    HW_INIT(&message);
    message.kind = turn->kind;
    message.key.data = (const char *)to.data;
    message.key.len = to.len;
    message.name.data = name;
    message.name.len = strlen(name);
    message.payload.data = payload.data;
    message.payload.len = payload.len;
    message.token = turn->token;
    message.item = item;
    message.is_within = 1;
    hw_status status = hw_entities_request(s->entities, &message, &reply, NULL);
    for (size_t i = 0; status == HW_STATUS_OK && i < WAITS_MAX; i++) {
        if (s->waits[i].reply == NULL) {
            s->waits[i].reply = reply;
            s->waits[i].token = turn->token;
            s->waits[i].item = item;
            s->waits_len++;
            return;
        }
    }
    hw_reply_free(reply);
    refuse(s, turn->token, item, status == HW_STATUS_OK ? HW_STATUS_LIMIT : status, HW_LIT("it can't be asked"));
}

/* Whether the turn goes on. */
static bool handle_message(server *s, const hw_turn *turn, uint32_t item, const hw_turn_item *message) {
    char text[32];
    hw_str none = {NULL, 0};
    hw_bytes nothing = {NULL, 0};
    counter *it = counter_of(s, turn->activation);
    if (is(message->name, "add") || is(message->name, "worked")) {
        it->sum += number_of(message->payload);
    }
    if (is(message->name, "add") || is(message->name, "get")) {
        snprintf(text, sizeof text, "%lu", it->sum);
        answer_text(s, turn->token, item, text);
    } else if (is(message->name, "echo")) {
        answer(s, turn->token, item, message->payload);
    } else if (is(message->name, "fail")) {
        refuse(s, turn->token, item, HW_STATUS_CONFLICT, (const char *)message->payload.data, message->payload.len);
    } else if (is(message->name, "break")) {
        it->activation = 0;
        hw_entities_crash(s->entities, turn->token, item, HW_LIT("as it was told"), NULL);
        return false;
    } else if (is(message->name, "ask")) {
        ask(s, turn, item, message->payload, "get", none);
    } else if (is(message->name, "ask_back")) {
        ask(s, turn, item, message->payload, "ask", turn->key);
    } else if (is(message->name, "set_timer")) {
        hw_entities_set_timer(s->entities, turn->token, HW_LIT("tick"), number_of(message->payload), 0, NULL);
        answer(s, turn->token, item, nothing);
    } else if (is(message->name, "cancel_timer")) {
        uint8_t was_set = 0;
        hw_entities_cancel_timer(s->entities, turn->token, HW_LIT("tick"), &was_set, NULL);
        answer_text(s, turn->token, item, was_set != 0 ? "true" : "false");
    } else if (is(message->name, "work")) {
        uint64_t task = 0;
        hw_entities_begin_task(s->entities, turn->token, &task, NULL);
        hw_entities_end_task(s->entities, task, HW_LIT("worked"), message->payload.data, message->payload.len, NULL);
        answer(s, turn->token, item, nothing);
    } else {
        answer(s, turn->token, item, nothing);
    }
    return true;
}

static bool handle_start(server *s, const hw_turn *turn, uint32_t item) {
    hw_bytes nothing = {NULL, 0};
    if (!is(turn->kind, "counter")) {
        refuse(s, turn->token, item, HW_STATUS_UNSUPPORTED, HW_LIT("no entity of this kind is handled here"));
        return false;
    }
    if (turn->key.len >= 4 && memcmp(turn->key.data, "none", 4) == 0) {
        refuse(s, turn->token, item, HW_STATUS_NOT_FOUND, HW_LIT("there is no such counter"));
        return false;
    }
    counter *it = counter_of(s, 0);
    it->activation = turn->activation;
    it->sum = 0;
    answer(s, turn->token, item, nothing);
    return true;
}

static void handle_turn(server *s, const hw_turns *turns, size_t index) {
    hw_turn turn;
    hw_turn_item item;
    hw_bytes nothing = {NULL, 0};
    HW_INIT(&turn);
    HW_INIT(&item);
    bool goes_on = hw_turns_get(turns, index, &turn, NULL) == HW_STATUS_OK;
    for (uint32_t i = 0; goes_on && i < turn.items_len; i++) {
        if (hw_turns_item(turns, index, i, &item, NULL) != HW_STATUS_OK) {
            return;
        }
        switch (item.what) {
        case HW_TURN_WHAT_START:
            goes_on = handle_start(s, &turn, i);
            break;
        case HW_TURN_WHAT_MESSAGE:
            goes_on = handle_message(s, &turn, i, &item);
            break;
        case HW_TURN_WHAT_TIMER:
            counter_of(s, turn.activation)->sum += 1000;
            answer(s, turn.token, i, nothing);
            break;
        default:
            counter_of(s, turn.activation)->activation = 0;
            answer(s, turn.token, i, nothing);
        }
    }
}

/* Answers the items whose counters have answered. */
static void look_at_waits(server *s) {
    for (size_t i = 0; i < WAITS_MAX; i++) {
        waiting *it = &s->waits[i];
        hw_blob *blob = NULL;
        hw_error *error = NULL;
        hw_bytes bytes = {NULL, 0};
        hw_status status = it->reply == NULL ? HW_STATUS_TIMEOUT : hw_reply_wait(it->reply, 0, &blob, &error);
        if (status == HW_STATUS_OK) {
            hw_blob_bytes(blob, &bytes, NULL);
            answer(s, it->token, it->item, bytes);
        } else if (status != HW_STATUS_TIMEOUT) {
            size_t len = 0;
            const char *why = hw_error_message(error, &len);
            refuse(s, it->token, it->item, status, why, len);
        }
        if (status != HW_STATUS_TIMEOUT) {
            hw_reply_free(it->reply);
            it->reply = NULL;
            s->waits_len--;
        }
        hw_error_free(error);
        hw_blob_free(blob);
    }
}

static void *serve(void *place) {
    server *s = (server *)place;
    for (;;) {
        hw_turns *turns = NULL;
        hw_status status = hw_entities_next(s->entities, 0, s->waits_len > 0 ? LOOK_MS : -1, &turns, NULL);
        for (size_t i = 0; i < hw_turns_len(turns); i++) {
            handle_turn(s, turns, i);
        }
        hw_turns_free(turns);
        if (status != HW_STATUS_OK && status != HW_STATUS_TIMEOUT) {
            break;
        }
        look_at_waits(s);
    }
    for (size_t i = 0; i < WAITS_MAX; i++) {
        hw_reply_free(s->waits[i].reply);
    }
    return NULL;
}

void serve_counters(hw_entities *entities) {
    if (servers_len == SERVERS_MAX) {
        fputs("too many entities in one vector\n", stderr);
        abort();
    }
    server *s = &servers[servers_len++];
    memset(s, 0, sizeof *s);
    s->entities = entities;
    if (pthread_create(&s->thread, NULL, serve, s) != 0) {
        abort();
    }
}

void end_counters(void) {
    for (size_t i = 0; i < servers_len; i++) {
        hw_entities_close(servers[i].entities, NULL);
        pthread_join(servers[i].thread, NULL);
        hw_entities_free(servers[i].entities);
    }
    servers_len = 0;
}

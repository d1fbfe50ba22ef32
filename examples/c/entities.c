/*
 * Counters as live entities: the program takes turns from a queue and completes what is in them. One thread does both
 * here, the asking and the handling; they may as well be in different processes.
 */
#include <headwater.h>

#include <stdio.h>
#include <stdlib.h>

enum { COUNTERS_MAX = 8, ASKED = 5 };

/* A counter that is alive, known by its activation. */
typedef struct {
    uint64_t activation;
    unsigned long sum;
} counter;

static counter counters[COUNTERS_MAX];

/* Ends the program when a call failed, with the sentence that says why. */
static void check(hw_status status, hw_error *error) {
    if (status != HW_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", hw_status_name(status), hw_error_message(error, NULL));
        exit(1);
    }
}

/* The counter of an activation; a free one for 0. */
static counter *find(uint64_t activation) {
    for (size_t i = 0; i < COUNTERS_MAX; i++) {
        if (counters[i].activation == activation) {
            return &counters[i];
        }
    }
    fputs("there are too many counters\n", stderr);
    exit(1);
}

static hw_reply *ask(const hw_entities *entities, const char *key) {
    hw_entity_message message;
    hw_reply *reply = NULL;
    hw_error *error = NULL;
    HW_INIT(&message);
    HW_SET(message.kind, "counter");
    HW_SET(message.name, "add");
    message.key.data = key;
    message.key.len = strlen(key);
    check(hw_entities_request(entities, &message, &reply, &error), error);
    return reply;
}

/* Handles the items of a turn in order: a counter is made, counts, and is let go. */
static void handle(const hw_entities *entities, const hw_turns *turns, size_t index) {
    hw_turn turn;
    hw_turn_item item;
    hw_item_answer answer;
    hw_error *error = NULL;
    HW_INIT(&turn);
    HW_INIT(&item);
    check(hw_turns_get(turns, index, &turn, &error), error);
    for (uint32_t place = 0; place < turn.items_len; place++) {
        char text[24];
        HW_INIT(&answer);
        answer.item = place;
        check(hw_turns_item(turns, index, place, &item, &error), error);
        if (item.what == HW_TURN_WHAT_START) {
            counter *made = find(0);
            made->activation = turn.activation;
            made->sum = 0;
        } else if (item.what == HW_TURN_WHAT_MESSAGE) {
            snprintf(text, sizeof text, "%lu", ++find(turn.activation)->sum);
            answer.payload.data = text;
            answer.payload.len = strlen(text);
        } else if (item.what == HW_TURN_WHAT_STOP) {
            find(turn.activation)->activation = 0;
        }
        check(hw_entities_complete(entities, turn.token, &answer, 1, &error), error);
    }
}

int main(void) {
    static const char *const KEYS[ASKED] = {"apples", "pears", "apples", "apples", "pears"};
    hw_engine *engine = NULL;
    hw_entities *entities = NULL;
    hw_error *error = NULL;
    hw_reply *replies[ASKED];
    check(hw_engine_memory(&engine, &error), error);
    check(hw_engine_entities(engine, NULL, &entities, &error), error);
    for (size_t i = 0; i < ASKED; i++) {
        replies[i] = ask(entities, KEYS[i]);
    }

    /* Messages to one key come in order, in one turn or several; those of different keys in turns of their own. */
    hw_turns *turns = NULL;
    while (hw_entities_next(entities, 0, 0, &turns, NULL) == HW_STATUS_OK) {
        for (size_t i = 0; i < hw_turns_len(turns); i++) {
            handle(entities, turns, i);
        }
        hw_turns_free(turns);
    }

    for (size_t i = 0; i < ASKED; i++) {
        hw_blob *answer = NULL;
        hw_bytes sum;
        check(hw_reply_wait(replies[i], -1, &answer, &error), error);
        check(hw_blob_bytes(answer, &sum, &error), error);
        printf("%s: %.*s\n", KEYS[i], (int)sum.len, (const char *)sum.data);
        hw_blob_free(answer);
        hw_reply_free(replies[i]);
    }
    hw_entities_free(entities);
    check(hw_engine_close(engine, &error), error);
    hw_engine_free(engine);
    return 0;
}

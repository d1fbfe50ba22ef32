/* Two engines of one process in a mesh: what is written at one is read at the other, entities of one are asked from the
   other and from outside; who is there, and who left. */
#include "check.h"

#include <inttypes.h>
#include <time.h>

enum { WAIT_MS_MAX = 20000, STEP_MS = 10, STATUS_MS = 5000, SHARDS = 8, ITEMS_MAX = 8 };

/* The directory with the certificates, and paths in it; they live as long as the test. */
static const char *certs;
static char paths[5][600];

static hw_str path_of(int place, const char *file) {
    snprintf(paths[place], sizeof paths[place], "%s/%s", certs, file);
    return str(paths[place]);
}

static hw_mesh_config config_of(const char *name) {
    hw_mesh_config config;
    HW_INIT(&config);
    bool is_a = strcmp(name, "a") == 0;
    config.name = str(name);
    HW_SET(config.bind, "127.0.0.1:0");
    config.ca = path_of(0, "ca.pem");
    config.cert = is_a ? path_of(1, "a.pem") : path_of(2, "b.pem");
    config.key = is_a ? path_of(3, "a.key") : path_of(4, "b.key");
    return config;
}

/* The status as text; empty where there is none. */
static const char *status_of(const hw_engine *engine) {
    static char text[4096];
    hw_blob *blob = NULL;
    hw_bytes bytes;
    OK(hw_engine_mesh(engine, STATUS_MS, &blob, &error));
    OK(hw_blob_bytes(blob, &bytes, &error));
    CHECK(bytes.len < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.data);
    hw_blob_free(blob);
    return text;
}

static void until_status_has(const hw_engine *engine, const char *list, const char *part) {
    struct timespec step;
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    for (int waited = 0; waited < WAIT_MS_MAX; waited += STEP_MS) {
        const char *found = strstr(status_of(engine), list);
        if (found != NULL && strstr(found, part) != NULL) {
            return;
        }
        nanosleep(&step, NULL);
    }
    fail_at(__FILE__, __LINE__, part, status_of(engine));
}

static hw_crdt *store_of(const hw_engine *engine) {
    hw_crdt_config config;
    hw_crdt *crdt = NULL;
    HW_INIT(&config);
    HW_SET(config.name, "app");
    OK(hw_engine_create_crdt(engine, &config, &crdt, &error));
    return crdt;
}

static void until_likes_are(const hw_crdt *crdt, uint64_t wanted) {
    struct timespec step;
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    for (int waited = 0; waited < WAIT_MS_MAX; waited += STEP_MS) {
        hw_reading *reading = NULL;
        hw_int128 number;
        OK(hw_crdt_read(crdt, HW_LIT("likes"), NULL, 0, HW_CRDT_KIND_COUNTER, &reading, &error));
        OK(hw_reading_number(reading, &number, &error));
        hw_reading_free(reading);
        if (number.low == wanted) {
            return;
        }
        nanosleep(&step, NULL);
    }
    fail_at(__FILE__, __LINE__, "likes", "did not come");
}

static void what_cannot_be_joined_is_refused(const hw_engine *engine) {
    hw_mesh_config config = config_of("a");
    FAILS(HW_STATUS_INVALID, hw_engine_join_mesh(engine, NULL, &error));
    config.preset = 9;
    FAILS(HW_STATUS_INVALID, hw_engine_join_mesh(engine, &config, &error));
    SAID("hw_mesh_preset");
    config = config_of("a");
    HW_SET(config.bind, "nowhere");
    FAILS(HW_STATUS_INVALID, hw_engine_join_mesh(engine, &config, &error));
    SAID("bind: 'nowhere' is not host:port");
    config = config_of("a");
    HW_SET(config.cert, "no/such.pem");
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_join_mesh(engine, &config, &error));
    SAID("no/such.pem");
    CHECK(status_of(engine)[0] == '\0');
    OK(hw_engine_leave_mesh(engine, &error));
}

static void address_of(const hw_engine *engine, char *address, size_t size) {
    const char *found = strstr(status_of(engine), "\"address\":\"");
    CHECK(found != NULL);
    found += sizeof "\"address\":\"" - 1;
    snprintf(address, size, "%.*s", (int)strcspn(found, "\""), found);
}

static void what_is_written_at_one_is_read_at_the_other(const hw_engine *a, const hw_engine *b) {
    char address[64];
    char id[40];
    uint64_t engine = 0;
    hw_mesh_config config = config_of("a");
    OK(hw_engine_join_mesh(a, &config, &error));
    FAILS(HW_STATUS_CONFLICT, hw_engine_join_mesh(a, &config, &error));
    address_of(a, address, sizeof address);
    hw_str seed = str(address);
    config = config_of("b");
    config.seeds = &seed;
    config.seeds_len = 1;
    OK(hw_engine_join_mesh(b, &config, &error));
    OK(hw_engine_id(a, &engine, &error));
    snprintf(id, sizeof id, "\"engine\":\"%016" PRIx64 "\"", engine);
    until_status_has(b, "\"members\":[{\"name\":\"a\"", id);
    until_status_has(b, "\"members\":[{", "\"state\":\"alive\"");

    hw_crdt *here = store_of(a);
    hw_crdt *there = store_of(b);
    hw_crdt_change change;
    HW_INIT(&change);
    HW_SET(change.key, "likes");
    change.kind = HW_CRDT_KIND_COUNTER;
    change.op = HW_CRDT_OP_ADD;
    change.amount = 5;
    OK(hw_crdt_write(here, &change, NULL, &error));
    until_likes_are(there, 5);
    hw_crdt_free(here);
    hw_crdt_free(there);
}

static void who_leaves_is_seen(const hw_engine *a, const hw_engine *b) {
    OK(hw_engine_leave_mesh(a, &error));
    OK(hw_engine_leave_mesh(a, &error));
    CHECK(status_of(a)[0] == '\0');
    until_status_has(b, "\"members\":[{", "\"state\":\"left\"");
}

static hw_entities *entities_of(const hw_engine *engine, const char *node) {
    hw_entities *entities = NULL;
    hw_entities_config config;
    HW_INIT(&config);
    HW_SET(config.cluster, "bank");
    config.node = str(node);
    config.is_client = node[0] == '\0';
    config.shards = SHARDS;
    config.mesh = 1;
    OK(hw_engine_entities(engine, &config, &entities, &error));
    return entities;
}

static void until_all_shards_are_taken(const hw_entities *entities) {
    struct timespec step;
    char wanted[32];
    bool is_there = false;
    snprintf(wanted, sizeof wanted, "\"shards\":%d", SHARDS);
    step.tv_sec = 0;
    step.tv_nsec = STEP_MS * 1000000;
    for (int waited = 0; !is_there && waited < WAIT_MS_MAX; waited += STEP_MS) {
        hw_blob *nodes = NULL;
        hw_bytes bytes;
        char text[1024];
        OK(hw_entities_nodes(entities, &nodes, &error));
        OK(hw_blob_bytes(nodes, &bytes, &error));
        snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.data);
        is_there = strstr(text, wanted) != NULL;
        hw_blob_free(nodes);
        nanosleep(&step, NULL);
    }
    CHECK(is_there);
}

static hw_entity_message echo_of(const char *payload) {
    hw_entity_message message;
    HW_INIT(&message);
    HW_SET(message.kind, "mirror");
    HW_SET(message.key, "a b");
    HW_SET(message.name, "echo");
    message.payload.data = payload;
    message.payload.len = strlen(payload);
    return message;
}

/* Answers everything with what was sent. */
static void handle(const hw_entities *node, const hw_turns *turns) {
    hw_item_answer answers[ITEMS_MAX];
    hw_turn_item item;
    hw_turn turn;
    HW_INIT(&turn);
    HW_INIT(&item);
    OK(hw_turns_get(turns, 0, &turn, &error));
    CHECK(turn.items_len <= ITEMS_MAX);
    for (size_t at = 0; at < turn.items_len; at++) {
        OK(hw_turns_item(turns, 0, at, &item, &error));
        HW_INIT(&answers[at]);
        answers[at].item = (uint32_t)at;
        answers[at].payload = item.payload;
    }
    OK(hw_entities_complete(node, turn.token, answers, turn.items_len, &error));
}

static void handle_until_it_is_answered(const hw_entities *node, hw_reply *reply, const char *wanted) {
    bool is_done = false;
    for (int waited = 0; !is_done && waited < WAIT_MS_MAX; waited += STEP_MS) {
        hw_turns *turns = NULL;
        if (hw_entities_next(node, 1, STEP_MS, &turns, NULL) == HW_STATUS_OK) {
            handle(node, turns);
            hw_turns_free(turns);
        }
        OK(hw_reply_is_done(reply, &is_done, &error));
    }
    hw_blob *answer = NULL;
    hw_bytes bytes;
    OK(hw_reply_wait(reply, 0, &answer, &error));
    OK(hw_blob_bytes(answer, &bytes, &error));
    CHECK(bytes_are(bytes, wanted));
    hw_blob_free(answer);
    hw_reply_free(reply);
}

static hw_entities_client_config asking(const char *url) {
    hw_entities_client_config config;
    HW_INIT(&config);
    config.url = str(url);
    config.ca = path_of(0, "ca.pem");
    config.cert = path_of(2, "b.pem");
    config.key = path_of(4, "b.key");
    return config;
}

static bool blob_has(hw_blob *blob, const char *part) {
    hw_bytes bytes;
    char text[1024];
    OK(hw_blob_bytes(blob, &bytes, &error));
    snprintf(text, sizeof text, "%.*s", (int)bytes.len, (const char *)bytes.data);
    hw_blob_free(blob);
    return strstr(text, part) != NULL;
}

static void one_from_outside_asks(const hw_entities *node, const char *url) {
    hw_entities_client_config config = asking(url);
    hw_entities_client *client = NULL;
    hw_entity_message message = echo_of("from outside");
    hw_reply *reply = NULL;
    hw_blob *blob = NULL;
    hw_entity_place place;
    FAILS(HW_STATUS_INVALID, hw_entities_client_connect(NULL, &client, &error));
    FAILS(HW_STATUS_INVALID, hw_entities_client_connect(&config, NULL, &error));
    config = asking("nats://127.0.0.1:1");
    FAILS(HW_STATUS_INVALID, hw_entities_client_connect(&config, &client, &error));
    config = asking(url);
    HW_SET(config.key, "no/such.key");
    FAILS(HW_STATUS_NOT_FOUND, hw_entities_client_connect(&config, &client, &error));
    config = asking(url);
    OK(hw_entities_client_connect(&config, &client, &error));
    FAILS(HW_STATUS_INVALID, hw_entities_client_request(NULL, &message, &reply, &error));
    FAILS(HW_STATUS_INVALID, hw_entities_client_request(client, NULL, &reply, &error));
    OK(hw_entities_client_request(client, &message, &reply, &error));
    handle_until_it_is_answered(node, reply, "from outside");
    OK(hw_entities_client_notify(client, &message, &reply, &error));
    handle_until_it_is_answered(node, reply, "");
    OK(hw_entities_client_notify(client, &message, NULL, &error));
    OK(hw_entities_client_list(client, HW_LIT("mirror"), &blob, &error));
    CHECK(blob_has(blob, "\"key\":\"a b\""));
    OK(hw_entities_client_nodes(client, &blob, &error));
    CHECK(blob_has(blob, "\"name\":\"north\""));
    HW_INIT(&place);
    OK(hw_entities_client_where(client, HW_LIT("mirror"), HW_LIT("a b"), &place, &blob, &error));
    CHECK(place.shard < SHARDS && place.is_here == 0 && blob_has(blob, "north"));
    FAILS(HW_STATUS_INVALID, hw_entities_client_where(client, HW_LIT(""), HW_LIT("a"), &place, NULL, &error));
    hw_entities_client_free(client);
    hw_entities_client_free(NULL);
}

static void entities_are_asked_over_it(const hw_engine *a, const hw_engine *b) {
    char address[64];
    char url[80];
    hw_reply *reply = NULL;
    hw_entities *node = entities_of(a, "north");
    until_all_shards_are_taken(node);
    hw_entities *client = entities_of(b, "");
    until_all_shards_are_taken(client);
    hw_entity_message message = echo_of("over the mesh");
    OK(hw_entities_request(client, &message, &reply, &error));
    handle_until_it_is_answered(node, reply, "over the mesh");
    address_of(a, address, sizeof address);
    snprintf(url, sizeof url, "grpcs://%s", address);
    one_from_outside_asks(node, url);
    hw_entities_free(client);
    hw_entities_free(node);
}

static void a_file_may_say_it(const char *dir) {
    char path[700];
    hw_engine *engine = NULL;
    snprintf(path, sizeof path, "%s/headwater.toml", dir);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "dir = \"data\"\n[mesh]\nname = \"a\"\nbind = \"127.0.0.1:0\"\n");
    fprintf(file, "ca = \"%s/ca.pem\"\ncert = \"%s/a.pem\"\nkey = \"%s/a.key\"\n", certs, certs, certs);
    CHECK(fclose(file) == 0);
    OK(hw_engine_open_config(path, strlen(path), &engine, &error));
    CHECK(strncmp(status_of(engine), "{\"own\":{\"name\":\"a\"", 18) == 0);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
}

int main(int argc, char **argv) {
    certs = getenv("HEADWATER_CERTS");
    CHECK(argc == 2 && certs != NULL);
    hw_engine *a = memory_engine();
    hw_engine *b = memory_engine();
    what_cannot_be_joined_is_refused(a);
    what_is_written_at_one_is_read_at_the_other(a, b);
    entities_are_asked_over_it(a, b);
    who_leaves_is_seen(a, b);
    OK(hw_engine_close(b, &error));
    OK(hw_engine_close(a, &error));
    hw_engine_free(b);
    hw_engine_free(a);
    a_file_may_say_it(argv[1]);
    return 0;
}

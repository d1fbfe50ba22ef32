/* Two engines of one process in a mesh: what is written at one is read at the other; who is there, and who left. */
#include "check.h"

#include <inttypes.h>
#include <time.h>

enum { WAIT_MS_MAX = 20000, STEP_MS = 10, STATUS_MS = 5000 };

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

static void what_is_written_at_one_is_read_at_the_other(const hw_engine *a, const hw_engine *b) {
    char address[64];
    char id[40];
    uint64_t engine = 0;
    hw_mesh_config config = config_of("a");
    OK(hw_engine_join_mesh(a, &config, &error));
    FAILS(HW_STATUS_CONFLICT, hw_engine_join_mesh(a, &config, &error));
    const char *found = strstr(status_of(a), "\"address\":\"");
    CHECK(found != NULL);
    found += sizeof "\"address\":\"" - 1;
    snprintf(address, sizeof address, "%.*s", (int)strcspn(found, "\""), found);

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

    OK(hw_engine_leave_mesh(a, &error));
    OK(hw_engine_leave_mesh(a, &error));
    CHECK(status_of(a)[0] == '\0');
    until_status_has(b, "\"members\":[{", "\"state\":\"left\"");
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
    OK(hw_engine_close(b, &error));
    OK(hw_engine_close(a, &error));
    hw_engine_free(b);
    hw_engine_free(a);
    a_file_may_say_it(argv[1]);
    return 0;
}

/* What only a hub has of a stream: told when one is made and changed, read back, and told to a link that makes one. */
#include "check.h"

#include "server.h"

enum { SECONDS_MAX = 30 };

/* Whether a short text has this part. */
static bool holds(hw_str text, const char *part) {
    char whole[1000];
    CHECK(text.len < sizeof whole);
    memcpy(whole, text.data, text.len);
    whole[text.len] = '\0';
    return strstr(whole, part) != NULL;
}

/* Makes a stream of this name with these settings of a hub. */
static hw_status make(const hw_engine *engine, const char *name, const char *settings, hw_stream **stream) {
    hw_stream_config config;
    HW_INIT(&config);
    config.name = str(name);
    config.hub = str(settings);
    return hw_engine_create_stream(engine, &config, stream, &error);
}

/* The description of a stream, which is freed with `infos`. */
static hw_stream_config config_of(const hw_stream *stream, hw_stream_infos **infos) {
    hw_stream_state state;
    HW_INIT(&state);
    OK(hw_stream_info(stream, infos, &error));
    OK(hw_stream_infos_get(*infos, 0, &state, &error));
    return *state.config;
}

static void what_only_a_hub_has_is_told_and_read_back(const hw_engine *hub) {
    hw_stream *plain = NULL, *gathered = NULL, *copy = NULL;
    OK(make(hub, "plain", "", &plain));
    const char *settings = "{\"replicas\":1,\"storage\":\"memory\",\"placement_cluster\":\"\",\"placement_tags\":[],"
                           "\"sources\":[{\"name\":\"plain\",\"start_seq\":1,\"start_time\":0,\"filter\":\"\","
                           "\"transforms\":[{\"source\":\"plain\",\"destination\":\"far\"}],\"domain\":\"\"}],"
                           "\"mirror\":null,\"subject_transform\":{\"source\":\"gathered\",\"destination\":\"kept\"},"
                           "\"allow_direct\":false}";
    OK(make(hub, "gathered", settings, &gathered));
    hw_stream_infos *infos = NULL;
    hw_stream_config config = config_of(gathered, &infos);
    CHECK(text_is(config.hub, settings));
    config.max_msgs = 7;
    config.hub = str("");
    OK(hw_engine_update_stream(hub, &config, NULL, &error));
    hw_stream_infos_free(infos);
    config = config_of(gathered, &infos);
    CHECK(config.max_msgs == 7 && text_is(config.hub, settings));
    config.hub = str("{\"storage\":\"memory\",\"allow_direct\":true}");
    OK(hw_engine_update_stream(hub, &config, NULL, &error));
    hw_stream_infos_free(infos);
    config = config_of(gathered, &infos);
    CHECK(holds(config.hub, "\"sources\":[]") && holds(config.hub, "\"allow_direct\":true"));
    hw_stream_infos_free(infos);

    OK(make(hub, "copy", "{\"mirror\":{\"name\":\"plain\"}}", &copy));
    config = config_of(copy, &infos);
    CHECK(config.subjects_len == 0 && holds(config.hub, "\"mirror\":{\"name\":\"plain\""));
    hw_stream_infos_free(infos);
    hw_stream_free(copy);
    hw_stream_free(gathered);
    hw_stream_free(plain);
}

static void a_mistake_names_its_key(const hw_engine *hub) {
    hw_stream *none = NULL;
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "{\"replicas\":1,\"colour\":\"blue\"}", &none));
    SAID("hub.colour: unknown field `colour`");
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "{\"replicas\":\"three\"}", &none));
    SAID("hub.replicas");
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "{\"mirror\":{\"name\":\"plain\",\"form\":1}}", &none));
    SAID("hub.mirror: unknown field `form`");
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "{\"replicas\":1,\"replicas\":1}", &none));
    SAID("duplicate field `replicas`");
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "three", &none));
    SAID("hub:");
    FAILS(HW_STATUS_INVALID, make(hub, "wrong", "{\"replicas\":6}", &none));
    SAID("replicas is 6, must be 1 to 5");
    CHECK(none == NULL);
}

static void a_local_engine_refuses_it(void) {
    hw_engine *memory = memory_engine();
    hw_stream *none = NULL;
    FAILS(HW_STATUS_UNSUPPORTED, make(memory, "local", "{\"replicas\":1}", &none));
    SAID("settings for a hub");
    CHECK(none == NULL);
    OK(make(memory, "local", "", &none));
    hw_stream_infos *infos = NULL;
    CHECK(config_of(none, &infos).hub.len == 0);
    hw_stream_infos_free(infos);
    hw_stream_free(none);
    hw_engine_free(memory);
}

static void a_link_makes_the_stream_of_the_hub(const hw_engine *hub) {
    hw_engine *edge = memory_engine();
    hw_stream *near = stream_of(edge, "made");
    append(near, "made.a", "from the edge");
    hw_stream_config create;
    HW_INIT(&create);
    HW_SET(create.description, "made by a link");
    HW_SET(create.hub, "{\"storage\":\"memory\"}");
    hw_link_config link;
    HW_INIT(&link);
    HW_SET(link.name, "up");
    HW_SET(link.stream, "made");
    HW_SET(link.remote, "MADE");
    link.create = &create;
    create.struct_size = 8;
    FAILS(HW_STATUS_INVALID, hw_engine_add_link(edge, &link, hub, &error));
    create.struct_size = sizeof create;
    HW_SET(create.name, "OTHER");
    FAILS(HW_STATUS_INVALID, hw_engine_add_link(edge, &link, hub, &error));
    SAID("create names stream 'OTHER'");
    create.name = str("");
    OK(hw_engine_add_link(edge, &link, hub, &error));
    hw_stream *far = NULL;
    OK(hw_engine_stream(hub, HW_LIT("MADE"), &far, &error));
    hw_stream_infos *infos = NULL;
    hw_stream_config config = config_of(far, &infos);
    CHECK(config.subjects_len == 2 && text_is(config.subjects[0], "made.>"));
    CHECK(text_is(config.description, "made by a link") && holds(config.hub, "\"storage\":\"memory\""));
    hw_stream_infos_free(infos);
    hw_batch *batch = NULL;
    size_t came = 0;
    for (int i = 0; i < SECONDS_MAX * 50 && came == 0; i++) {
        wait_ms(20);
        OK(hw_stream_last(far, HW_LIT("made.a"), &batch, &error));
        came = hw_batch_len(batch);
        hw_batch_free(batch);
    }
    CHECK(came == 1);
    hw_stream_free(far);
    hw_stream_free(near);
    hw_engine_free(edge);
}

int main(int argc, char **argv) {
    nats_server server;
    CHECK(argc == 2);
    snprintf(server.dir, sizeof server.dir, "%s/server", argv[1]);
    snprintf(server.port, sizeof server.port, "-1");
    CHECK(server_start(&server, NULL));
    hw_str urls[1];
    urls[0] = str(server.url);
    hw_hub_options options;
    HW_INIT(&options);
    options.urls = urls;
    options.urls_len = 1;
    hw_engine *hub = NULL;
    OK(hw_engine_connect(&options, SECONDS_MAX * 1000, &hub, &error));
    what_only_a_hub_has_is_told_and_read_back(hub);
    a_mistake_names_its_key(hub);
    a_local_engine_refuses_it();
    a_link_makes_the_stream_of_the_hub(hub);
    hw_engine_free(hub);
    server_stop(&server);
    return 0;
}

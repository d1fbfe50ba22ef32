/* Object stores: from memory, in pieces and through files; what a put that breaks off leaves; readers and watchers. */
#include "check.h"

enum { DATA_BYTES = 1000000 };

static char data[DATA_BYTES];
static char got[DATA_BYTES];

static hw_object_store *make(const hw_engine *engine, const char *name) {
    hw_object_config config;
    HW_INIT(&config);
    config.bucket.data = name;
    config.bucket.len = strlen(name);
    HW_SET(config.description, "for people");
    hw_object_store *store = NULL;
    OK(hw_engine_create_object_store(engine, &config, &store, &error));
    return store;
}

static size_t read_all(hw_object_reader *reader) {
    size_t len = 0;
    size_t read = 1;
    while (read > 0) {
        size_t room = DATA_BYTES - len < 77777 ? DATA_BYTES - len : 77777;
        OK(hw_object_reader_read(reader, got + len, room, &read, &error));
        len += read;
    }
    return len;
}

static void an_object_goes_in_in_pieces_and_comes_out_in_others(const hw_engine *engine) {
    hw_object_store *store = make(engine, "pieces");
    hw_object_writer *writer = NULL;
    hw_object_infos *infos = NULL;
    hw_object_info info;
    HW_INIT(&info);
    hw_object_options options;
    HW_INIT(&options);
    hw_header headers[2];
    HW_SET(headers[0].name, "h");
    HW_SET(headers[0].value, "1");
    HW_SET(headers[1].name, "k");
    HW_SET(headers[1].value, "v");
    options.headers = headers;
    options.headers_len = 1;
    options.metadata = headers + 1;
    options.metadata_len = 1;
    OK(hw_object_store_writer(store, HW_LIT("a"), &options, &writer, &error));
    for (size_t at = 0; at < DATA_BYTES; at += 50000) {
        OK(hw_object_writer_write(writer, data + at, 50000, &error));
    }
    OK(hw_object_store_info(store, HW_LIT("a"), &infos, &error));
    CHECK(hw_object_infos_len(infos) == 0);
    hw_object_infos_free(infos);
    OK(hw_object_writer_finish(writer, &infos, &error));
    OK(hw_object_infos_get(infos, 0, &info, &error));
    CHECK(text_is(info.name, "a") && text_is(info.bucket, "pieces") && info.size == DATA_BYTES && info.chunks == 8);
    CHECK(info.headers_len == 1 && text_is(info.headers[0].value, "1") && text_is(info.metadata[0].name, "k"));
    CHECK(!info.is_link && !info.deleted && info.modified > 0);
    FAILS(HW_STATUS_INVALID, hw_object_infos_get(infos, 1, &info, &error));
    hw_object_infos_free(infos);
    FAILS(HW_STATUS_CLOSED, hw_object_writer_write(writer, "x", 1, &error));
    hw_object_writer_free(writer);

    hw_object_reader *reader = NULL;
    OK(hw_object_store_get(store, HW_LIT("a"), &reader, &error));
    OK(hw_object_reader_info(reader, &infos, &error));
    CHECK(hw_object_infos_len(infos) == 1);
    hw_object_infos_free(infos);
    hw_object_store_free(store);
    CHECK(read_all(reader) == DATA_BYTES && memcmp(got, data, DATA_BYTES) == 0);
    hw_object_reader_free(reader);
    FAILS(HW_STATUS_INVALID, hw_object_reader_read(NULL, got, 1, NULL, &error));
}

static void a_put_that_is_given_up_leaves_the_object_before_it(const hw_engine *engine) {
    hw_object_store *store = make(engine, "given_up");
    OK(hw_object_store_put(store, HW_LIT("a"), HW_LIT("old"), NULL, NULL, &error));
    hw_object_writer *writer = NULL;
    OK(hw_object_store_writer(store, HW_LIT("a"), NULL, &writer, &error));
    OK(hw_object_writer_write(writer, data, DATA_BYTES, &error));
    hw_object_writer_free(writer);
    hw_object_reader *reader = NULL;
    OK(hw_object_store_get(store, HW_LIT("a"), &reader, &error));
    CHECK(read_all(reader) == 3 && memcmp(got, "old", 3) == 0);
    hw_object_reader_free(reader);
    OK(hw_object_store_delete(store, HW_LIT("a"), &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_object_store_delete(store, HW_LIT("a"), &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_object_store_get(store, HW_LIT("a"), &reader, &error));
    hw_object_writer_free(NULL);
    hw_object_reader_free(NULL);
    hw_object_infos_free(NULL);
    hw_object_store_free(store);
}

static void files_go_in_and_out_and_a_put_can_be_stopped(const hw_engine *engine, const char *dir) {
    hw_object_store *store = make(engine, "files");
    char path[1024];
    snprintf(path, sizeof path, "%s/object", dir);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, DATA_BYTES, file) == DATA_BYTES && fclose(file) == 0);
    hw_progress *progress = NULL;
    uint64_t done = 0;
    uint64_t total = 0;
    OK(hw_progress_new(&progress, &error));
    OK(hw_object_store_put_file(store, HW_LIT("a"), path, strlen(path), NULL, progress, NULL, &error));
    OK(hw_progress_get(progress, &done, &total, &error));
    CHECK(done == DATA_BYTES && total == DATA_BYTES);
    OK(hw_progress_cancel(progress, &error));
    FAILS(HW_STATUS_TIMEOUT,
          hw_object_store_put_file(store, HW_LIT("b"), path, strlen(path), NULL, progress, NULL, &error));
    hw_progress_free(progress);
    FAILS(HW_STATUS_NOT_FOUND,
          hw_object_store_put_file(store, HW_LIT("b"), HW_LIT("/no/where"), NULL, NULL, NULL, &error));
    CHECK(remove(path) == 0);
    OK(hw_object_store_get_file(store, HW_LIT("a"), path, strlen(path), NULL, NULL, &error));
    file = fopen(path, "rb");
    CHECK(file != NULL && fread(got, 1, DATA_BYTES, file) == DATA_BYTES && memcmp(got, data, DATA_BYTES) == 0);
    fclose(file);
    CHECK(remove(path) == 0);

    hw_object_store_infos *infos = NULL;
    hw_object_store_state state;
    HW_INIT(&state);
    OK(hw_object_store_status(store, &infos, &error));
    CHECK(hw_object_store_infos_len(infos) == 1);
    OK(hw_object_store_infos_get(infos, 0, &state, &error));
    CHECK(text_is(state.config->description, "for people") && state.bytes > DATA_BYTES);
    hw_object_store_infos_free(infos);
    hw_str name;
    hw_stream *stream = NULL;
    OK(hw_object_store_name(store, &name, &error));
    CHECK(text_is(name, "files"));
    OK(hw_object_store_stream(store, &stream, &error));
    hw_stream_free(stream);
    hw_object_store_free(store);
}

static void a_watcher_waits_for_a_change(const hw_engine *engine) {
    hw_object_store *store = make(engine, "watched");
    hw_object_watcher *watcher = NULL;
    hw_object_infos *infos = NULL;
    hw_object_info info;
    bool caught_up = false;
    uint64_t missed = 1;
    HW_INIT(&info);
    OK(hw_object_store_watch(store, NULL, &watcher, &error));
    FAILS(HW_STATUS_TIMEOUT, hw_object_watcher_next(watcher, 0, 0, &infos, &error));
    OK(hw_object_store_put(store, HW_LIT("a"), HW_LIT("x"), NULL, NULL, &error));
    OK(hw_object_watcher_next(watcher, 0, 5000, &infos, &error));
    OK(hw_object_infos_get(infos, 0, &info, &error));
    CHECK(text_is(info.name, "a"));
    hw_object_infos_free(infos);
    OK(hw_object_watcher_caught_up(watcher, &caught_up, &error));
    OK(hw_object_watcher_missed(watcher, &missed, &error));
    CHECK(caught_up && missed == 0);

    hw_waker *waker = NULL;
    uint64_t token = 0;
    size_t tokens = 0;
    OK(hw_waker_new(&waker, &error));
    OK(hw_object_watcher_wake(watcher, waker, 7, &error));
    OK(hw_object_watcher_cancel(watcher, &error));
    OK(hw_object_watcher_close(watcher, &error));
    FAILS(HW_STATUS_CLOSED, hw_object_watcher_next(watcher, 0, -1, &infos, &error));
    OK(hw_waker_take(waker, &token, 1, &tokens, &error));
    CHECK(tokens == 1 && token == 7);
    hw_waker_free(waker);
    hw_object_watcher_free(watcher);
    hw_object_store_free(store);
    hw_strings *names = NULL;
    OK(hw_engine_object_stores(engine, &names, &error));
    CHECK(hw_strings_len(names) == 4);
    hw_strings_free(names);
    OK(hw_engine_delete_object_store(engine, HW_LIT("watched"), &error));
    FAILS(HW_STATUS_NOT_FOUND, hw_engine_object_store(engine, HW_LIT("watched"), &store, &error));
}

int main(int argc, char **argv) {
    const char *dir = argc > 1 ? argv[1] : ".";
    for (size_t i = 0; i < DATA_BYTES; i++) {
        data[i] = (char)(i * 31 % 251);
    }
    hw_engine *engine = NULL;
    OK(hw_engine_memory(&engine, &error));
    an_object_goes_in_in_pieces_and_comes_out_in_others(engine);
    a_put_that_is_given_up_leaves_the_object_before_it(engine);
    files_go_in_and_out_and_a_put_can_be_stopped(engine, dir);
    a_watcher_waits_for_a_change(engine);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    return 0;
}

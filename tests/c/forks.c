/* The child of a fork() is told so, may free what it has, and can open an engine of its own; the parent goes on. */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static void in_the_child(hw_engine *engine, hw_stream *stream, hw_subscription *subscription, hw_batch *batch) {
    uint64_t seq = 0;
    hw_batch *other = NULL;
    FAILS(HW_STATUS_CLOSED, hw_stream_append(stream, HW_LIT("s.a"), HW_LIT("x"), NULL, NULL, &error));
    SAID("fork()");
    FAILS(HW_STATUS_CLOSED, hw_stream_last_seq(stream, HW_LIT(">"), &seq, &error));
    FAILS(HW_STATUS_CLOSED, hw_subscription_next(subscription, 1, -1, &other, &error));
    FAILS(HW_STATUS_CLOSED, hw_engine_close(engine, &error));

    /* What was read before is memory of the child's own. */
    hw_record record;
    HW_INIT(&record);
    OK(hw_batch_record(batch, 0, &record, &error));
    CHECK(text_is(record.subject, "s.a"));
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    hw_engine_free(engine);

    hw_engine *own = memory_engine();
    hw_stream *own_stream = stream_of(own, "s");
    CHECK(append(own_stream, "s.a", "x") == 1);
    hw_stream_free(own_stream);
    OK(hw_engine_close(own, &error));
    hw_engine_free(own);
}

int main(void) {
    hw_engine *engine = NULL;
    OK(hw_engine_temporary(&engine, &error));
    hw_stream *stream = stream_of(engine, "s");
    hw_subscription *subscription = NULL;
    hw_batch *batch = NULL;
    OK(hw_stream_subscribe(stream, NULL, &subscription, &error));
    append(stream, "s.a", "x");
    OK(hw_stream_last(stream, HW_LIT("s.a"), &batch, &error));

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(engine, stream, subscription, batch);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    /* The child freed its copies, and that did not remove the temporary directory under the parent. */
    hw_str dir;
    OK(hw_engine_dir(engine, &dir, &error));
    char place[1024];
    snprintf(place, sizeof place, "%.*s", (int)dir.len, dir.data);
    CHECK(access(place, W_OK) == 0);
    CHECK(append(stream, "s.a", "y") == 2);
    hw_batch_free(batch);
    OK(hw_subscription_next(subscription, 10, -1, &batch, &error));
    CHECK(hw_batch_len(batch) >= 1);
    hw_batch_free(batch);
    hw_subscription_free(subscription);
    hw_stream_free(stream);
    OK(hw_engine_close(engine, &error));
    hw_engine_free(engine);
    CHECK(access(place, F_OK) != 0);
    return 0;
}

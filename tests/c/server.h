/* A real nats-server for the C tests: `.tools/nats/2.15.1/nats-server`, whose path comes in HEADWATER_NATS_SERVER. */
#ifndef HEADWATER_TESTS_SERVER_H
#define HEADWATER_TESTS_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SERVER_SECONDS_MAX = 30 };

/* One that runs; `url` is where. */
typedef struct {
    pid_t pid;
    char dir[512];
    char port[16];
    char url[64];
} nats_server;

static inline void wait_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

/* Starts it at `server->port`, "-1" for a free one, and waits until it says where. `password` may be NULL. */
static inline bool server_start(nats_server *server, const char *password) {
    const char *program = getenv("HEADWATER_NATS_SERVER");
    char store[600];
    char ports[600];
    if (program == NULL) {
        fputs("HEADWATER_NATS_SERVER is not set\n", stderr);
        return false;
    }
    mkdir(server->dir, 0755);
    snprintf(store, sizeof store, "%s/store", server->dir);
    server->pid = fork();
    if (server->pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(126);
        }
        const char *user = password == NULL ? NULL : "--user";
        execl(program, "nats-server", "-js", "-a", "127.0.0.1", "-p", server->port, "--ports_file_dir", server->dir,
              "-sd", store, user, "u", "--pass", password, (char *)NULL);
        _exit(127);
    }
    snprintf(ports, sizeof ports, "%s/nats-server_%ld.ports", server->dir, (long)server->pid);
    for (int i = 0; i < SERVER_SECONDS_MAX * 50; i++) {
        char text[256] = "";
        FILE *file = fopen(ports, "r");
        if (file != NULL) {
            text[fread(text, 1, sizeof text - 1, file)] = '\0';
            fclose(file);
        }
        const char *url = strstr(text, "nats://");
        if (url != NULL && strchr(url, '"') != NULL) {
            snprintf(server->url, sizeof server->url, "%.*s", (int)strcspn(url, "\""), url);
            snprintf(server->port, sizeof server->port, "%s", strrchr(server->url, ':') + 1);
            return true;
        }
        wait_ms(20);
    }
    fputs("the server did not come up\n", stderr);
    return false;
}

static inline void server_stop(nats_server *server) {
    int status = 0;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, &status, 0);
}

#endif

/*
 * Appends records one by one through the C ABI, and says how long one took. See src/rows/calls.rs.
 *
 *     append one DIR WARM_UP RECORDS
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "headwater.h"

enum { PAYLOAD_BYTES = 128 };

static const char SUBJECT[] = "bench.one";

static void fail(hw_error *error) {
  fprintf(stderr, "append: %s\n", hw_error_message(error, NULL));
  hw_error_free(error);
  exit(1);
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void append(const hw_stream *stream, unsigned long records) {
  char payload[PAYLOAD_BYTES];
  hw_error *error = NULL;
  memset(payload, 'x', sizeof payload);
  for (unsigned long i = 0; i < records; i++) {
    hw_ack ack;
    ack.struct_size = sizeof ack;
    if (hw_stream_append(stream, SUBJECT, sizeof SUBJECT - 1, payload, sizeof payload, NULL, &ack, &error) !=
        HW_STATUS_OK) {
      fail(error);
    }
  }
}

int main(int argc, char **argv) {
  hw_engine *engine = NULL;
  hw_stream *stream = NULL;
  hw_error *error = NULL;
  hw_str subjects[1] = {{"bench.>", 7}};
  hw_stream_config config;

  if (argc != 5 || strcmp(argv[1], "one") != 0) {
    fprintf(stderr, "usage: append one DIR WARM_UP RECORDS\n");
    return 2;
  }
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  config.name.data = "bench";
  config.name.len = 5;
  config.subjects = subjects;
  config.subjects_len = 1;
  config.durability = HW_DURABILITY_OS;
  if (hw_engine_open(argv[2], strlen(argv[2]), NULL, &engine, &error) != HW_STATUS_OK ||
      hw_engine_create_stream(engine, &config, &stream, &error) != HW_STATUS_OK) {
    fail(error);
  }

  append(stream, strtoul(argv[3], NULL, 10));
  unsigned long records = strtoul(argv[4], NULL, 10);
  double began = now_ns();
  append(stream, records);
  printf("ns %f\n", (now_ns() - began) / (double)records);

  if (hw_engine_close(engine, &error) != HW_STATUS_OK) {
    fail(error);
  }
  hw_stream_free(stream);
  hw_engine_free(engine);
  return 0;
}

/*
 * The counters that the vectors of entities ask: a thread that takes turns, and one counter for each activation.
 */
#ifndef HEADWATER_TESTS_COUNTER_H
#define HEADWATER_TESTS_COUNTER_H

#include <headwater.h>

/* Handles entities until they are closed. */
void serve_counters(hw_entities *entities);

/* Closes them, waits for the thread, and frees them. */
void end_counters(void);

#endif

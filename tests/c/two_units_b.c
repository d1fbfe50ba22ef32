/* The other translation unit: see two_units_a.c. */
#include <headwater.h>
#include <headwater.h>

hw_status open_in_b(hw_engine **engine);

hw_status open_in_b(hw_engine **engine) {
    return hw_engine_memory(engine, NULL);
}

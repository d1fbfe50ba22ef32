/* One of two translation units that include the header, each twice, and are linked into one program. */
#include <headwater.h>
#include <headwater.h>

hw_status open_in_b(hw_engine **engine);

int main(void) {
    hw_engine *engine = NULL;
    hw_status status = open_in_b(&engine);
    hw_engine_free(engine);
    return status == HW_STATUS_OK ? 0 : 1;
}

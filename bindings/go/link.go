package headwater

/*
#cgo CFLAGS: -std=gnu17 -I${SRCDIR}/lib
#cgo linux,amd64 LDFLAGS: ${SRCDIR}/lib/linux_amd64/libheadwater.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
#cgo nocallback hwgo_append
#cgo noescape hwgo_append
#include "shim.h"
*/
import "C"

import "fmt"

// This is the one place that says what the package is linked with. `cargo xtask archive` leaves the archive and its
// header in lib; README.md says how.

func init() {
	if loaded := uint32(C.hw_abi_version()); loaded != uint32(C.HW_ABI_VERSION) {
		panic(fmt.Sprintf("headwater: built against version %d of the C ABI, linked with version %d",
			uint32(C.HW_ABI_VERSION), loaded))
	}
}

// Version is the release of the library that is linked in, such as "0.1.0".
func Version() string { return C.GoString(C.hw_version()) }

package headwater

// #include "shim.h"
import "C"

import "context"

// OpenConfig opens what a configuration file says (headwater.toml): its directory, its streams made or changed, its
// links at work, its part in a mesh begun. ${VARIABLE} in it is of this process's environment. Neither the hub nor
// other nodes are waited for. Close the engine when done with it.
//
// [ErrInvalid] says the file, line, column and key of a mistake; the others are those of [Open] and
// [Engine.UpdateStream].
func OpenConfig(ctx context.Context, path string) (*Engine, error) {
	return openEngine(ctx, func(engine **C.hw_engine, err **C.hw_error) C.hw_status {
		data, size := text(path)
		return C.hw_engine_open_config(data, size, engine, err)
	})
}

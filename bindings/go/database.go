package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"slices"
	"unsafe"
)

// Database is a SQLite file that replicates. It is safe for use by many goroutines.
type Database struct {
	*handle
	engine  *Engine
	name    string
	path    string
	streams []string
}

// Attach makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
// detached. What any program writes to it is captured in the file itself from now on.
//
// The log is stream REPLICA_<name>: a link of it to a hub, or of the streams of two engines to one, joins nodes. The
// file is in WAL mode from then on. It does not replicate what has no primary key and what is no ordinary table;
// [Database.Status] names those.
//
// [ErrNotFound] says that there is no such file, [ErrCorrupt] that it is none of SQLite's, and [ErrConflict] that
// another file is attached under the name, or this one is worked on with another one, or that this process has the file
// open otherwise, which is seen on Linux: two copies of SQLite in one process drop each other's locks. Close it there,
// and work through [Database.SQL].
func (e *Engine) Attach(ctx context.Context, config DatabaseConfig) (*Database, error) {
	return slow(ctx, e.room(), func() (*Database, error) {
		var l lender
		defer l.Unpin()
		c, err := l.databaseConfig(&config)
		if err != nil {
			return nil, err
		}
		return e.openDatabase(func(p *C.hw_engine, out **C.hw_database, err **C.hw_error) C.hw_status {
			return C.hw_engine_attach(p, &c, out, err)
		})
	})
}

// Database is the attached file of this name; [ErrNotFound] when there is none.
func (e *Engine) Database(ctx context.Context, name string) (*Database, error) {
	return slow(ctx, e.room(), func() (*Database, error) {
		return e.openDatabase(func(p *C.hw_engine, out **C.hw_database, err **C.hw_error) C.hw_status {
			data, size := text(name)
			return C.hw_engine_database(p, data, size, out, err)
		})
	})
}

// Databases is how each attached file stands, by name.
func (e *Engine) Databases(ctx context.Context) ([]DatabaseStatus, error) {
	return slow(ctx, e.room(), func() ([]DatabaseStatus, error) {
		var statuses []DatabaseStatus
		var blob *C.hw_blob
		err := e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status {
			return C.hw_engine_databases(p, -1, &blob, err)
		})
		if err != nil {
			return nil, err
		}
		return statuses, takeJSON(blob, &statuses)
	})
}

func (e *Engine) openDatabase(
	open func(*C.hw_engine, **C.hw_database, **C.hw_error) C.hw_status,
) (*Database, error) {
	var ptr *C.hw_database
	err := e.call(context.Background(), func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	h := newHandle("database", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_database_free((*C.hw_database)(p)) })
	d := &Database{handle: h, engine: e}
	runtime.AddCleanup(d, (*handle).close, h)
	for _, text := range []struct {
		to  *string
		get func(*C.hw_database, *C.hw_str, **C.hw_error) C.hw_status
	}{
		{&d.name, func(p *C.hw_database, s *C.hw_str, e **C.hw_error) C.hw_status { return C.hw_database_name(p, s, e) }},
		{&d.path, func(p *C.hw_database, s *C.hw_str, e **C.hw_error) C.hw_status { return C.hw_database_path(p, s, e) }},
	} {
		var lent C.hw_str
		var failed *C.hw_error
		if status := text.get(ptr, &lent, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		*text.to = goString(lent)
	}
	var names *C.hw_strings
	var failed *C.hw_error
	if status := C.hw_database_stream_names(ptr, &names, &failed); status != C.HW_STATUS_OK {
		return nil, failure(status, failed)
	}
	d.streams, _, err = takeStrings(names)
	return d, err
}

// Name is what the nodes call it.
func (d *Database) Name() string { return d.name }

// Path is the file.
func (d *Database) Path() string { return d.path }

// StreamNames are the streams that are its log: one for each shard, so one unless LogShards said more.
func (d *Database) StreamNames() []string { return slices.Clone(d.streams) }

// Sync takes in all that was written here before the call and puts it into the log, and joins all that the log has of
// others. It is [ErrConflict] while it is paused.
func (d *Database) Sync(ctx context.Context) error {
	return d.run(ctx, func(p *C.hw_database, err **C.hw_error) C.hw_status { return C.hw_database_sync(p, -1, err) })
}

// Pause leaves the file alone until [Database.Resume], across restarts too. What is written is captured, and waits.
func (d *Database) Pause(ctx context.Context) error {
	return d.run(ctx, func(p *C.hw_database, err **C.hw_error) C.hw_status { return C.hw_database_pause(p, err) })
}

// Resume goes on.
func (d *Database) Resume(ctx context.Context) error {
	return d.run(ctx, func(p *C.hw_database, err **C.hw_error) C.hw_status { return C.hw_database_resume(p, err) })
}

// Release lets in what is held, as the clock of the node that wrote it is too far ahead; how many units that was.
func (d *Database) Release(ctx context.Context) (uint64, error) {
	return slow(ctx, d.room(), func() (uint64, error) {
		var count C.uint64_t
		err := d.call(func(p *C.hw_database, err **C.hw_error) C.hw_status {
			return C.hw_database_release(p, &count, err)
		})
		return uint64(count), err
	})
}

// Detach ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
// others, which [Database.Sync] before prevents.
func (d *Database) Detach(ctx context.Context) error {
	return d.run(ctx, func(p *C.hw_database, err **C.hw_error) C.hw_status { return C.hw_database_detach(p, err) })
}

// Close gives up the handle; the file goes on replicating. Closing twice is nothing.
func (d *Database) Close() error {
	if d != nil {
		d.handle.close()
	}
	return nil
}

// room is where calls find room that may hold an OS thread; nil for what was never opened.
func (d *Database) room() chan struct{} {
	if d == nil {
		return nil
	}
	return d.engine.room()
}

// run runs a call that may take a while and gives nothing.
func (d *Database) run(ctx context.Context, body func(*C.hw_database, **C.hw_error) C.hw_status) error {
	_, err := slow(ctx, d.room(), func() (struct{}, error) { return struct{}{}, d.call(body) })
	return err
}

// call runs a call on it, unless its engine is closed: the file itself would still be there to connect to.
func (d *Database) call(body func(*C.hw_database, **C.hw_error) C.hw_status) error {
	if _, err := d.engine.acquire(); err != nil {
		return err
	}
	defer d.engine.release()
	return call(context.Background(), d.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_database)(p), err)
	})
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// ObjectStore keeps files of any size on a stream, in NATS's own layout. It is safe for use by many goroutines.
type ObjectStore struct {
	*handle
	engine *Engine
	name   string
}

// CreateObjectStore makes an object store. The same configuration again opens the one there, another one is
// [ErrConflict].
func (e *Engine) CreateObjectStore(ctx context.Context, config ObjectConfig) (*ObjectStore, error) {
	ttl, err := duration("TTL", config.TTL)
	if err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	c := C.hw_object_config{
		struct_size: C.sizeof_hw_object_config,
		bucket:      l.str(config.Bucket),
		description: l.str(config.Description),
		ttl_ns:      ttl,
		max_bytes:   C.uint64_t(config.MaxBytes),
		durability:  C.int32_t(config.Durability),
		compression: C.int32_t(config.Compression),
	}
	return e.openObjectStore(ctx, config.Bucket,
		func(p *C.hw_engine, out **C.hw_object_store, err **C.hw_error) C.hw_status {
			return C.hw_engine_create_object_store(p, &c, out, err)
		})
}

// ObjectStore opens the object store of this name; [ErrNotFound] when there is none.
func (e *Engine) ObjectStore(ctx context.Context, name string) (*ObjectStore, error) {
	return e.openObjectStore(ctx, name,
		func(p *C.hw_engine, out **C.hw_object_store, err **C.hw_error) C.hw_status {
			data, size := text(name)
			return C.hw_engine_object_store(p, data, size, out, err)
		})
}

func (e *Engine) openObjectStore(
	ctx context.Context, name string, open func(*C.hw_engine, **C.hw_object_store, **C.hw_error) C.hw_status,
) (*ObjectStore, error) {
	var ptr *C.hw_object_store
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	h := newHandle("object store", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_object_store_free((*C.hw_object_store)(p))
	})
	s := &ObjectStore{handle: h, engine: e, name: name}
	runtime.AddCleanup(s, (*handle).close, h)
	return s, nil
}

// ObjectStores are the names of all object stores, in order.
func (e *Engine) ObjectStores(ctx context.Context) ([]string, error) {
	var list *C.hw_strings
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		return C.hw_engine_object_stores(p, &list, err)
	})
	if err != nil {
		return nil, err
	}
	names, _, err := takeStrings(list)
	return names, err
}

// DeleteObjectStore removes an object store and everything in it.
func (e *Engine) DeleteObjectStore(ctx context.Context, name string) error {
	return e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_delete_object_store(p, data, size, err)
	})
}

// Name is its name.
func (s *ObjectStore) Name() string { return s.name }

// Stream is the stream that the object store is a view of.
func (s *ObjectStore) Stream(ctx context.Context) (*Stream, error) {
	var ptr *C.hw_stream
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		return C.hw_object_store_stream(p, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	return newStream(ctx, s.engine, ptr)
}

// Status is what it holds.
func (s *ObjectStore) Status(ctx context.Context) (ObjectStatus, error) {
	var infos *C.hw_object_store_infos
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		return C.hw_object_store_status(p, &infos, err)
	})
	if err != nil {
		return ObjectStatus{}, err
	}
	defer C.hw_object_store_infos_free(infos)
	state := C.hw_object_store_state{struct_size: C.sizeof_hw_object_store_state}
	var failed *C.hw_error
	if status := C.hw_object_store_infos_get(infos, 0, &state, &failed); status != C.HW_STATUS_OK {
		return ObjectStatus{}, failure(status, failed)
	}
	return ObjectStatus{
		Config: ObjectConfig{
			Bucket:      goString(state.config.bucket),
			Description: goString(state.config.description),
			TTL:         goDuration(state.config.ttl_ns),
			MaxBytes:    uint64(state.config.max_bytes),
			Durability:  Durability(state.config.durability),
			Compression: Compression(state.config.compression),
		},
		Bytes: uint64(state.bytes),
	}, nil
}

// Info is what is known of an object; [ErrNotFound] when there is none of this name. A link is not followed.
func (s *ObjectStore) Info(ctx context.Context, name string) (ObjectInfo, error) {
	infos, err := s.infos(ctx, func(p *C.hw_object_store, out **C.hw_object_infos, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_object_store_info(p, data, size, out, err)
	})
	if err != nil {
		return ObjectInfo{}, err
	}
	if len(infos) == 0 {
		message := "there is no object '" + name + "' of store '" + s.name + "'"
		return ObjectInfo{}, &Error{Code: ErrNotFound, Message: message}
	}
	return infos[0], nil
}

// List is the objects that are there, links too, by name.
func (s *ObjectStore) List(ctx context.Context) ([]ObjectInfo, error) {
	return s.infos(ctx, func(p *C.hw_object_store, out **C.hw_object_infos, err **C.hw_error) C.hw_status {
		return C.hw_object_store_list(p, out, err)
	})
}

func (s *ObjectStore) infos(
	ctx context.Context, read func(*C.hw_object_store, **C.hw_object_infos, **C.hw_error) C.hw_status,
) ([]ObjectInfo, error) {
	var list *C.hw_object_infos
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status { return read(p, &list, err) })
	if err != nil {
		return nil, err
	}
	return takeObjects(list)
}

// Update changes what is said of an object, or its name; its bytes stay. [ErrConflict] when another object has the
// new name.
func (s *ObjectStore) Update(ctx context.Context, name string, update ObjectUpdate) error {
	return s.change(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		var l lender
		defer l.Unpin()
		c := C.hw_object_update{
			struct_size:     C.sizeof_hw_object_update,
			name:            l.str(update.Name),
			has_description: flag(update.Description != nil),
			has_headers:     flag(update.Headers != nil),
			has_metadata:    flag(update.Metadata != nil),
		}
		if update.Description != nil {
			c.description = l.str(*update.Description)
		}
		c.headers, c.headers_len = l.pairs(update.Headers)
		c.metadata, c.metadata_len = l.metadata(update.Metadata)
		data, size := text(name)
		return C.hw_object_store_update(p, data, size, &c, err)
	})
}

// AddLink makes name a link to another object, or to another store as a whole, in place of whatever link has that name.
// Reading it reads what it leads to. [ErrConflict] when an object that is no link has the name.
func (s *ObjectStore) AddLink(ctx context.Context, name string, to ObjectLink) error {
	return s.change(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		data, size := text(name)
		bucket, bucketLen := text(to.Bucket)
		target, targetLen := text(to.Name)
		return C.hw_object_store_add_link(p, data, size, bucket, bucketLen, target, targetLen, err)
	})
}

// Delete deletes an object, or a link and not what it leads to; [ErrNotFound] when it is not there.
func (s *ObjectStore) Delete(ctx context.Context, name string) error {
	return s.change(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_object_store_delete(p, data, size, err)
	})
}

// change runs a call that waits for the store's durability. When ctx ends first, it goes on by itself.
func (s *ObjectStore) change(ctx context.Context, body func(*C.hw_object_store, **C.hw_error) C.hw_status) error {
	_, err := slow(ctx, s.room(), func() (struct{}, error) {
		return struct{}{}, s.call(context.WithoutCancel(ctx), body)
	})
	return err
}

// room is where the calls find room that may hold an OS thread; nil for what was never opened.
func (s *ObjectStore) room() chan struct{} {
	if s == nil {
		return nil
	}
	return s.engine.room()
}

// Close gives the handle up; the object store stays. It is optional, as [Stream.Close].
func (s *ObjectStore) Close() error {
	s.handle.close()
	return nil
}

func (s *ObjectStore) call(ctx context.Context, body func(*C.hw_object_store, **C.hw_error) C.hw_status) error {
	if s == nil {
		return neverOpened()
	}
	return call(ctx, s.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_object_store)(p), err)
	})
}

package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Bucket is a key-value view of a stream, in JetStream's own layout. It is safe for use by many goroutines.
type Bucket struct {
	*handle
	engine *Engine
	name   string
}

// CreateBucket makes a bucket. The same configuration again opens the one there, another one is [ErrConflict].
func (e *Engine) CreateBucket(ctx context.Context, config BucketConfig) (*Bucket, error) {
	ttl, err := duration("TTL", config.TTL)
	if err != nil {
		return nil, err
	}
	var l lender
	defer l.Unpin()
	c := C.hw_bucket_config{
		struct_size:    C.sizeof_hw_bucket_config,
		bucket:         l.str(config.Bucket),
		description:    l.str(config.Description),
		ttl_ns:         ttl,
		max_bytes:      C.uint64_t(config.MaxBytes),
		history:        C.uint32_t(config.History),
		max_value_size: C.uint32_t(config.MaxValueSize),
		durability:     C.int32_t(config.Durability),
	}
	return e.openBucket(ctx, config.Bucket, func(p *C.hw_engine, out **C.hw_bucket, err **C.hw_error) C.hw_status {
		return C.hw_engine_create_bucket(p, &c, out, err)
	})
}

// Bucket opens the bucket of this name; [ErrNotFound] when there is none.
func (e *Engine) Bucket(ctx context.Context, name string) (*Bucket, error) {
	return e.openBucket(ctx, name, func(p *C.hw_engine, out **C.hw_bucket, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_bucket(p, data, size, out, err)
	})
}

func (e *Engine) openBucket(
	ctx context.Context, name string, open func(*C.hw_engine, **C.hw_bucket, **C.hw_error) C.hw_status,
) (*Bucket, error) {
	var ptr *C.hw_bucket
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return open(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	h := newHandle("bucket", unsafe.Pointer(ptr), func(p unsafe.Pointer) { C.hw_bucket_free((*C.hw_bucket)(p)) })
	b := &Bucket{handle: h, engine: e, name: name}
	runtime.AddCleanup(b, (*handle).close, h)
	return b, nil
}

// Buckets are the names of all buckets, in order.
func (e *Engine) Buckets(ctx context.Context) ([]string, error) {
	var list *C.hw_strings
	err := e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status { return C.hw_engine_buckets(p, &list, err) })
	if err != nil {
		return nil, err
	}
	names, _, err := takeStrings(list)
	return names, err
}

// DeleteBucket removes a bucket and everything in it.
func (e *Engine) DeleteBucket(ctx context.Context, name string) error {
	return e.call(ctx, func(p *C.hw_engine, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_engine_delete_bucket(p, data, size, err)
	})
}

// Name is its name.
func (b *Bucket) Name() string { return b.name }

// Stream is the stream that the bucket is a view of.
func (b *Bucket) Stream(ctx context.Context) (*Stream, error) {
	var ptr *C.hw_stream
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status { return C.hw_bucket_stream(p, &ptr, err) })
	if err != nil {
		return nil, err
	}
	return newStream(ctx, b.engine, ptr)
}

// Status is what it holds.
func (b *Bucket) Status(ctx context.Context) (BucketStatus, error) {
	var infos *C.hw_bucket_infos
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status { return C.hw_bucket_status(p, &infos, err) })
	if err != nil {
		return BucketStatus{}, err
	}
	defer C.hw_bucket_infos_free(infos)
	state := C.hw_bucket_state{struct_size: C.sizeof_hw_bucket_state}
	var failed *C.hw_error
	if status := C.hw_bucket_infos_get(infos, 0, &state, &failed); status != C.HW_STATUS_OK {
		return BucketStatus{}, failure(status, failed)
	}
	return BucketStatus{
		Config: BucketConfig{
			Bucket:       goString(state.config.bucket),
			Description:  goString(state.config.description),
			History:      uint32(state.config.history),
			TTL:          goDuration(state.config.ttl_ns),
			MaxBytes:     uint64(state.config.max_bytes),
			MaxValueSize: uint32(state.config.max_value_size),
			Durability:   Durability(state.config.durability),
		},
		Values: uint64(state.values),
		Bytes:  uint64(state.bytes),
	}, nil
}

// Put sets a key, and returns the new revision when the bucket's durability is reached.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.write(ctx, func(p *C.hw_bucket, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
		keyData, keyLen := text(key)
		data, size := bytes(value)
		return C.hw_bucket_put_submit(p, keyData, keyLen, data, size, ticket, err)
	})
}

// Create sets a key that has no value, for ttl (whole seconds; 0 is for good); [ErrConflict] when it has one.
func (b *Bucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	ns, err := duration("ttl", ttl)
	if err != nil {
		return 0, err
	}
	return b.write(ctx, func(p *C.hw_bucket, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
		keyData, keyLen := text(key)
		data, size := bytes(value)
		return C.hw_bucket_create_submit(p, keyData, keyLen, data, size, ns, ticket, err)
	})
}

// Update sets a key whose last revision is this one; [ErrConflict], with both revisions, when it is not.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.write(ctx, func(p *C.hw_bucket, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
		keyData, keyLen := text(key)
		data, size := bytes(value)
		return C.hw_bucket_update_submit(p, keyData, keyLen, data, size, C.uint64_t(revision), ticket, err)
	})
}

// Delete deletes a key and keeps its history, if its last revision is this one (0: whatever it is). It returns the
// revision of the marker.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) (uint64, error) {
	return b.write(ctx, func(p *C.hw_bucket, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_bucket_delete_submit(p, data, size, C.uint64_t(revision), ticket, err)
	})
}

// Purge deletes a key with its history, if its last revision is this one (0: whatever it is). It returns the
// revision of the marker.
func (b *Bucket) Purge(ctx context.Context, key string, revision uint64) (uint64, error) {
	return b.write(ctx, func(p *C.hw_bucket, ticket **C.hw_ticket, err **C.hw_error) C.hw_status {
		data, size := text(key)
		return C.hw_bucket_purge_submit(p, data, size, C.uint64_t(revision), ticket, err)
	})
}

func (b *Bucket) write(
	ctx context.Context, submit func(*C.hw_bucket, **C.hw_ticket, **C.hw_error) C.hw_status,
) (uint64, error) {
	var ticket *C.hw_ticket
	err := b.call(ctx, func(p *C.hw_bucket, err **C.hw_error) C.hw_status { return submit(p, &ticket, err) })
	if err != nil {
		return 0, err
	}
	ack, err := newPendingAck(b.engine, ticket).wait(ctx)
	return ack.Seq, err
}

// Close gives the handle up; the bucket stays. It is optional, as [Stream.Close].
func (b *Bucket) Close() error {
	b.handle.close()
	return nil
}

func (b *Bucket) call(ctx context.Context, body func(*C.hw_bucket, **C.hw_error) C.hw_status) error {
	return call(ctx, b.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_bucket)(p), err)
	})
}

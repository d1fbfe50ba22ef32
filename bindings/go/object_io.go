package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"unsafe"
)

// pieceBytes is how much of an object goes over to the library in one call.
const pieceBytes = 1 << 20

// Put reads from to its end and puts that as an object, in place of the object that had the name. Whatever ends it
// early, ctx too, leaves nothing of it, and the object before it as it was.
func (s *ObjectStore) Put(
	ctx context.Context, name string, from io.Reader, options ObjectOptions,
) (ObjectInfo, error) {
	w, err := s.Writer(ctx, name, options)
	if err != nil {
		return ObjectInfo{}, err
	}
	defer w.Close()
	buffer := make([]byte, pieceBytes)
	for {
		n, err := io.ReadFull(from, buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return ObjectInfo{}, err
			}
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return w.Finish()
		}
		if err != nil {
			return ObjectInfo{}, err
		}
	}
}

// PutBytes puts an object whose bytes are in memory, as [ObjectStore.Put].
func (s *ObjectStore) PutBytes(
	ctx context.Context, name string, data []byte, options ObjectOptions,
) (ObjectInfo, error) {
	w, err := s.Writer(ctx, name, options)
	if err != nil {
		return ObjectInfo{}, err
	}
	defer w.Close()
	if _, err := w.Write(data); err != nil {
		return ObjectInfo{}, err
	}
	return w.Finish()
}

// PutFile puts the file at path as an object, as [ObjectStore.Put]. Progress may be nil.
func (s *ObjectStore) PutFile(
	ctx context.Context, name, path string, options ObjectOptions, progress Progress,
) (ObjectInfo, error) {
	return long(ctx, s.room(), progress, func(progress *C.hw_progress) (ObjectInfo, error) {
		var l lender
		defer l.Unpin()
		c := l.objectOptions(&options)
		var infos *C.hw_object_infos
		err := s.call(context.Background(), func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
			nameData, nameLen := text(name)
			data, size := text(path)
			return C.hw_object_store_put_file(p, nameData, nameLen, data, size, &c, progress, &infos, err)
		})
		if err != nil {
			return ObjectInfo{}, err
		}
		return takeObject(infos)
	})
}

// GetFile writes an object to a file, which is made, or emptied first; what was written when it fails is left there.
// Progress may be nil.
func (s *ObjectStore) GetFile(ctx context.Context, name, path string, progress Progress) (ObjectInfo, error) {
	return long(ctx, s.room(), progress, func(progress *C.hw_progress) (ObjectInfo, error) {
		var infos *C.hw_object_infos
		err := s.call(context.Background(), func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
			nameData, nameLen := text(name)
			data, size := text(path)
			return C.hw_object_store_get_file(p, nameData, nameLen, data, size, progress, &infos, err)
		})
		if err != nil {
			return ObjectInfo{}, err
		}
		return takeObject(infos)
	})
}

// GetBytes is an object's bytes in memory, checked.
func (s *ObjectStore) GetBytes(ctx context.Context, name string) ([]byte, error) {
	r, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// ObjectWriter puts an object in pieces. It is an [io.WriteCloser], for one goroutine at a time.
type ObjectWriter struct {
	*handle
	ctx    context.Context
	engine *Engine
}

// Writer begins to put an object whose bytes come in pieces. It is there once [ObjectWriter.Finish] has returned. The
// end of ctx ends the put.
func (s *ObjectStore) Writer(ctx context.Context, name string, options ObjectOptions) (*ObjectWriter, error) {
	var l lender
	defer l.Unpin()
	c := l.objectOptions(&options)
	var ptr *C.hw_object_writer
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_object_store_writer(p, data, size, &c, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	h := newHandle("object writer", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_object_writer_free((*C.hw_object_writer)(p))
	})
	w := &ObjectWriter{handle: h, ctx: ctx, engine: s.engine}
	runtime.AddCleanup(w, (*handle).close, h)
	return w, nil
}

// Write takes the next bytes, all of them. A bounded number of bytes is kept in memory, so it may wait.
func (w *ObjectWriter) Write(data []byte) (int, error) {
	_, err := stay(w.ctx, w.engine.room(), func() (struct{}, error) {
		return struct{}{}, w.call(func(p *C.hw_object_writer, err **C.hw_error) C.hw_status {
			bytes, size := bytes(data)
			return C.hw_object_writer_write(p, bytes, size, err)
		})
	})
	if err != nil {
		return 0, err
	}
	return len(data), nil
}

// Finish commits the object, in place of the one that had its name.
func (w *ObjectWriter) Finish() (ObjectInfo, error) {
	return stay(w.ctx, w.engine.room(), func() (ObjectInfo, error) {
		var infos *C.hw_object_infos
		err := w.call(func(p *C.hw_object_writer, err **C.hw_error) C.hw_status {
			return C.hw_object_writer_finish(p, &infos, err)
		})
		if err != nil {
			return ObjectInfo{}, err
		}
		return takeObject(infos)
	})
}

// Close gives up a put that was not finished, and leaves nothing of it. After Finish it is nothing.
func (w *ObjectWriter) Close() error {
	w.handle.close()
	return nil
}

func (w *ObjectWriter) call(body func(*C.hw_object_writer, **C.hw_error) C.hw_status) error {
	return call(w.ctx, w.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_object_writer)(p), err)
	})
}

// ObjectReader reads an object. It is an [io.ReadCloser], for one goroutine at a time. The last bytes come only when
// size, chunks and digest hold.
type ObjectReader struct {
	*handle
	ctx    context.Context
	engine *Engine
	info   ObjectInfo
	// left is what came from the library and was not read yet; it lies in buffer.
	left, buffer []byte
	reading      sync.Mutex
}

// Get opens an object to read it; [ErrNotFound] when it is not there. A link is followed, to other stores too. The end
// of ctx ends the reading.
func (s *ObjectStore) Get(ctx context.Context, name string) (*ObjectReader, error) {
	var ptr *C.hw_object_reader
	err := s.call(ctx, func(p *C.hw_object_store, err **C.hw_error) C.hw_status {
		data, size := text(name)
		return C.hw_object_store_get(p, data, size, &ptr, err)
	})
	if err != nil {
		return nil, err
	}
	h := newHandle("object reader", unsafe.Pointer(ptr), func(p unsafe.Pointer) {
		C.hw_object_reader_free((*C.hw_object_reader)(p))
	})
	r := &ObjectReader{handle: h, ctx: ctx, engine: s.engine}
	runtime.AddCleanup(r, (*handle).close, h)
	var infos *C.hw_object_infos
	err = r.call(func(p *C.hw_object_reader, err **C.hw_error) C.hw_status {
		return C.hw_object_reader_info(p, &infos, err)
	})
	if err == nil {
		r.info, err = takeObject(infos)
	}
	return r, err
}

// Info is what is known of the object: of the one that a link leads to.
func (r *ObjectReader) Info() ObjectInfo { return r.info }

// Read reads the next bytes; [io.EOF] at the end. [ErrCorrupt] when what is stored is not what was put, [ErrConflict]
// when the object was replaced or deleted meanwhile.
func (r *ObjectReader) Read(into []byte) (int, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	if len(into) == 0 {
		return 0, nil
	}
	if len(r.left) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(into, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *ObjectReader) fill() error {
	if r.buffer == nil {
		r.buffer = make([]byte, max(1, min(pieceBytes, r.info.Size)))
	}
	n, err := stay(r.ctx, r.engine.room(), func() (C.size_t, error) {
		var n C.size_t
		err := r.call(func(p *C.hw_object_reader, err **C.hw_error) C.hw_status {
			data, size := bytes(r.buffer)
			return C.hw_object_reader_read(p, data, size, &n, err)
		})
		return n, err
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	r.left = r.buffer[:n]
	return err
}

// Close ends the reading.
func (r *ObjectReader) Close() error {
	r.handle.close()
	return nil
}

func (r *ObjectReader) call(body func(*C.hw_object_reader, **C.hw_error) C.hw_status) error {
	return call(r.ctx, r.handle, func(p unsafe.Pointer, err **C.hw_error) C.hw_status {
		return body((*C.hw_object_reader)(p), err)
	})
}

// stay runs a call that may hold an OS thread, when there is room for one more, and comes back when it is done: the
// memory that it was lent is the caller's again then.
func stay[T any](ctx context.Context, room chan struct{}, body func() (T, error)) (T, error) {
	var none T
	if err := canBegin(ctx, room); err != nil {
		return none, err
	}
	select {
	case room <- struct{}{}:
		defer func() { <-room }()
		return body()
	case <-ctx.Done():
		return none, contextError(ctx)
	}
}

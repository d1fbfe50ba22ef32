package headwater

// #include "shim.h"
import "C"

import (
	"time"
	"unsafe"
)

// ObjectConfig is what an object store keeps. Every field left zero takes its default.
type ObjectConfig struct {
	// Bucket is its name: letters, digits, - and _.
	Bucket string
	// Description is for people.
	Description string
	// TTL: objects put longer ago than this go; zero is never.
	TTL time.Duration
	// MaxBytes is the most bytes of all chunks and of the records about them; 0 is no limit. A put that finds no room
	// leaves nothing.
	MaxBytes uint64
	// Durability is what an acknowledgement promises.
	Durability Durability
	// Compression is how sealed segments are stored.
	Compression Compression
}

// ObjectStatus is what an object store holds.
type ObjectStatus struct {
	// Config is its configuration.
	Config ObjectConfig
	// Bytes is the bytes kept: all chunks and the records about objects.
	Bytes uint64
}

// ObjectOptions is what a put says of its object, besides the name; the zero value says nothing.
type ObjectOptions struct {
	// Description is for people.
	Description string
	// Headers are names and values; a name may repeat.
	Headers []Header
	// Metadata is what its owner says of it.
	Metadata map[string]string
	// MaxChunkSize is the most bytes of a chunk, up to the stream's largest payload; 0 is 128 KiB.
	MaxChunkSize uint64
}

// ObjectUpdate is what an update changes; what is nil or empty stays.
type ObjectUpdate struct {
	// Name is another name, which no object has.
	Name string
	// Description is for people.
	Description *string
	// Headers are names and values; a list of none that is not nil removes them.
	Headers []Header
	// Metadata is what its owner says of it; a map of none that is not nil removes it.
	Metadata map[string]string
}

// ObjectLink is what a link leads to.
type ObjectLink struct {
	// Bucket is the object store.
	Bucket string
	// Name is the object; empty for the store as a whole.
	Name string
}

// ObjectInfo is what is known of an object.
type ObjectInfo struct {
	// Name is any text.
	Name string
	// Description is for people.
	Description string
	// Headers are by name; the values of one name in order.
	Headers []Header
	// Metadata is what its owner says of it.
	Metadata map[string]string
	// Bucket is the object store that it is in.
	Bucket string
	// NUID is the id that its chunks are stored under: another one after every put.
	NUID string
	// Size is how many bytes; 0 for a link.
	Size uint64
	// Chunks is how many chunks they are in.
	Chunks uint64
	// MaxChunkSize is the most bytes of a chunk; 0 where that was not said.
	MaxChunkSize uint64
	// Modified is when it was put or changed last.
	Modified time.Time
	// Digest is "SHA-256=" and the digest of its bytes in base64; empty for a link.
	Digest string
	// Deleted: it was deleted; only a watcher sees such a one.
	Deleted bool
	// Link is what it leads to; nil when it is no link.
	Link *ObjectLink
}

// ObjectWatchOptions is what a watcher of objects sees.
type ObjectWatchOptions struct {
	// UpdatesOnly: only what changes from now on.
	UpdatesOnly bool
	// IgnoreDeletes: leave deletes out.
	IgnoreDeletes bool
}

// pairs lends names and values.
func (l *lender) pairs(headers []Header) (*C.hw_header, C.size_t) {
	if len(headers) == 0 {
		return nil, 0
	}
	lent := make([]C.hw_header, len(headers))
	for i, h := range headers {
		lent[i] = C.hw_header{name: l.str(h.Name), value: l.str(h.Value)}
	}
	l.Pin(&lent[0])
	return &lent[0], C.size_t(len(lent))
}

func (l *lender) metadata(metadata map[string]string) (*C.hw_header, C.size_t) {
	var pairs []Header
	for name, value := range metadata {
		pairs = append(pairs, Header{name, value})
	}
	return l.pairs(pairs)
}

func (l *lender) objectOptions(o *ObjectOptions) C.hw_object_options {
	c := C.hw_object_options{
		struct_size:    C.sizeof_hw_object_options,
		description:    l.str(o.Description),
		max_chunk_size: C.uint64_t(o.MaxChunkSize),
	}
	c.headers, c.headers_len = l.pairs(o.Headers)
	c.metadata, c.metadata_len = l.metadata(o.Metadata)
	return c
}

// takeObjects copies a list of objects and frees it.
func takeObjects(list *C.hw_object_infos) ([]ObjectInfo, error) {
	defer C.hw_object_infos_free(list)
	var infos []ObjectInfo
	for i := range C.hw_object_infos_len(list) {
		info := C.hw_object_info{struct_size: C.sizeof_hw_object_info}
		var failed *C.hw_error
		if status := C.hw_object_infos_get(list, i, &info, &failed); status != C.HW_STATUS_OK {
			return nil, failure(status, failed)
		}
		infos = append(infos, objectInfo(&info))
	}
	return infos, nil
}

// takeObject is takeObjects for a list of one.
func takeObject(list *C.hw_object_infos) (ObjectInfo, error) {
	infos, err := takeObjects(list)
	if err != nil || len(infos) == 0 {
		return ObjectInfo{}, err
	}
	return infos[0], nil
}

func objectInfo(c *C.hw_object_info) ObjectInfo {
	info := ObjectInfo{
		Name:         goString(c.name),
		Description:  goString(c.description),
		Metadata:     map[string]string{},
		Bucket:       goString(c.bucket),
		NUID:         goString(c.nuid),
		Size:         uint64(c.size),
		Chunks:       uint64(c.chunks),
		MaxChunkSize: uint64(c.max_chunk_size),
		Modified:     fromNanos(int64(c.modified)),
		Digest:       goString(c.digest),
		Deleted:      c.deleted != 0,
	}
	for _, h := range unsafe.Slice(c.headers, int(c.headers_len)) {
		info.Headers = append(info.Headers, Header{goString(h.name), goString(h.value)})
	}
	for _, m := range unsafe.Slice(c.metadata, int(c.metadata_len)) {
		info.Metadata[goString(m.name)] = goString(m.value)
	}
	if c.is_link != 0 {
		info.Link = &ObjectLink{Bucket: goString(c.link_bucket), Name: goString(c.link_name)}
	}
	return info
}

package headwater_test

import (
	"context"
	"io"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type objectConfigArgs struct {
	Config struct {
		Bucket      string `json:"bucket"`
		Description string `json:"description"`
		TTL         int64  `json:"ttl"`
		MaxBytes    uint64 `json:"max_bytes"`
		Durability  string `json:"durability"`
		Compression string `json:"compression"`
	} `json:"config"`
}

type objectArgs struct {
	payloadArgs
	Store         string            `json:"store"`
	Name          string            `json:"name"`
	NewName       string            `json:"new_name"`
	Description   *string           `json:"description"`
	Headers       [][2]string       `json:"headers"`
	Metadata      map[string]string `json:"metadata"`
	MaxChunkSize  uint64            `json:"max_chunk_size"`
	Bucket        string            `json:"bucket"`
	Target        string            `json:"target"`
	As            string            `json:"as"`
	UpdatesOnly   bool              `json:"updates_only"`
	IgnoreDeletes bool              `json:"ignore_deletes"`
}

func (a objectArgs) headers() []headwater.Header {
	var headers []headwater.Header
	for _, h := range a.Headers {
		headers = append(headers, headwater.Header{Name: h[0], Value: h[1]})
	}
	return headers
}

func objectJSON(info headwater.ObjectInfo) any {
	headers := []any{}
	for _, h := range info.Headers {
		headers = append(headers, []any{h.Name, h.Value})
	}
	var link any
	if info.Link != nil {
		target := map[string]any{"bucket": info.Link.Bucket, "name": info.Link.Name}
		if info.Link.Name == "" {
			target["name"] = nil
		}
		link = target
	}
	return map[string]any{
		"name": info.Name, "description": info.Description, "headers": headers, "metadata": info.Metadata,
		"bucket": info.Bucket, "size": info.Size, "chunks": info.Chunks, "max_chunk_size": info.MaxChunkSize,
		"digest": info.Digest, "deleted": info.Deleted, "link": link,
	}
}

// onStore is op for operations that name an object store.
func onStore(do func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error)) operation {
	return op(func(r *runner, a objectArgs) (any, error) {
		s, err := r.engine.ObjectStore(r.ctx, a.Store)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return do(r.ctx, s, a)
	})
}

var objectOps = map[string]operation{
	"create_object_store": op(func(r *runner, a objectConfigArgs) (any, error) {
		durability, err := pick("durability", a.Config.Durability, durabilities)
		if err != nil {
			return nil, err
		}
		compression, err := pick("compression", a.Config.Compression, compressions)
		if err != nil {
			return nil, err
		}
		_, err = r.engine.CreateObjectStore(r.ctx, headwater.ObjectConfig{
			Bucket: a.Config.Bucket, Description: a.Config.Description, TTL: time.Duration(a.Config.TTL),
			MaxBytes: a.Config.MaxBytes, Durability: durability, Compression: compression,
		})
		return nil, err
	}),
	"delete_object_store": op(func(r *runner, a objectArgs) (any, error) {
		return nil, r.engine.DeleteObjectStore(r.ctx, a.Store)
	}),
	"object_stores": op(func(r *runner, _ struct{}) (any, error) {
		names, err := r.engine.ObjectStores(r.ctx)
		return list(names, func(name string) any { return name }), err
	}),
	"object_store_status": onStore(func(ctx context.Context, s *headwater.ObjectStore, _ objectArgs) (any, error) {
		status, err := s.Status(ctx)
		return map[string]any{
			"description": status.Config.Description, "ttl": int64(status.Config.TTL),
			"max_bytes": status.Config.MaxBytes, "bytes": status.Bytes,
		}, err
	}),
	"object_put": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		options := headwater.ObjectOptions{Headers: a.headers(), Metadata: a.Metadata, MaxChunkSize: a.MaxChunkSize}
		if a.Description != nil {
			options.Description = *a.Description
		}
		info, err := s.PutBytes(ctx, a.Name, a.bytes(), options)
		return objectJSON(info), err
	}),
	"object_get": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		r, err := s.Get(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		return withBytes(map[string]any{"object": objectJSON(r.Info())}, "payload", data), err
	}),
	"object_info": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		info, err := s.Info(ctx, a.Name)
		return orNull(info, err, objectJSON)
	}),
	"object_list": onStore(func(ctx context.Context, s *headwater.ObjectStore, _ objectArgs) (any, error) {
		infos, err := s.List(ctx)
		return list(infos, objectJSON), err
	}),
	"object_update": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		return nil, s.Update(ctx, a.Name, headwater.ObjectUpdate{
			Name: a.NewName, Description: a.Description, Headers: a.headers(), Metadata: a.Metadata,
		})
	}),
	"object_link": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		return nil, s.AddLink(ctx, a.Name, headwater.ObjectLink{Bucket: a.Bucket, Name: a.Target})
	}),
	"object_delete": onStore(func(ctx context.Context, s *headwater.ObjectStore, a objectArgs) (any, error) {
		return nil, s.Delete(ctx, a.Name)
	}),
	"object_watch": op(func(r *runner, a objectArgs) (any, error) {
		s, err := r.engine.ObjectStore(r.ctx, a.Store)
		if err != nil {
			return nil, err
		}
		w, err := s.Watch(r.ctx, headwater.ObjectWatchOptions{
			UpdatesOnly: a.UpdatesOnly, IgnoreDeletes: a.IgnoreDeletes,
		})
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, objectJSON, w.Missed, w.Close)
		return nil, nil
	}),
}

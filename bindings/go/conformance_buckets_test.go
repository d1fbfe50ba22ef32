package headwater_test

import (
	"context"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type bucketConfigArgs struct {
	Config struct {
		Bucket       string `json:"bucket"`
		Description  string `json:"description"`
		History      uint32 `json:"history"`
		TTL          int64  `json:"ttl"`
		MaxBytes     uint64 `json:"max_bytes"`
		MaxValueSize uint32 `json:"max_value_size"`
		Durability   string `json:"durability"`
	} `json:"config"`
}

type bucketArgs struct {
	Bucket   string  `json:"bucket"`
	Key      string  `json:"key"`
	Value    *string `json:"value"`
	Base64   []byte  `json:"value_base64"`
	Revision uint64  `json:"revision"`
	TTL      int64   `json:"ttl"`
	Filter   string  `json:"filter"`
}

func (a bucketArgs) value() []byte { return payloadArgs{Payload: a.Value, Base64: a.Base64}.bytes() }

type watchArgs struct {
	Bucket         string   `json:"bucket"`
	As             string   `json:"as"`
	Filters        []string `json:"filters"`
	IncludeHistory bool     `json:"include_history"`
	UpdatesOnly    bool     `json:"updates_only"`
	IgnoreDeletes  bool     `json:"ignore_deletes"`
}

// onBucket is op for operations that name a bucket.
func onBucket(do func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error)) operation {
	return op(func(r *runner, a bucketArgs) (any, error) {
		b, err := r.engine.Bucket(r.ctx, a.Bucket)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		return do(r.ctx, b, a)
	})
}

var bucketOps = map[string]operation{
	"create_bucket": op(func(r *runner, a bucketConfigArgs) (any, error) {
		durability, err := pick("durability", a.Config.Durability, durabilities)
		if err != nil {
			return nil, err
		}
		_, err = r.engine.CreateBucket(r.ctx, headwater.BucketConfig{
			Bucket: a.Config.Bucket, Description: a.Config.Description, History: a.Config.History,
			TTL: time.Duration(a.Config.TTL), MaxBytes: a.Config.MaxBytes, MaxValueSize: a.Config.MaxValueSize,
			Durability: durability,
		})
		return nil, err
	}),
	"delete_bucket": op(func(r *runner, a bucketArgs) (any, error) {
		return nil, r.engine.DeleteBucket(r.ctx, a.Bucket)
	}),
	"buckets": op(func(r *runner, _ struct{}) (any, error) {
		names, err := r.engine.Buckets(r.ctx)
		return list(names, func(name string) any { return name }), err
	}),
	"bucket_status": onBucket(func(ctx context.Context, b *headwater.Bucket, _ bucketArgs) (any, error) {
		status, err := b.Status(ctx)
		return map[string]any{"values": status.Values, "bytes": status.Bytes}, err
	}),
	"bucket_put": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		return b.Put(ctx, a.Key, a.value())
	}),
	"bucket_create": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		return b.Create(ctx, a.Key, a.value(), time.Duration(a.TTL))
	}),
	"bucket_update": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		return b.Update(ctx, a.Key, a.value(), a.Revision)
	}),
	"bucket_delete": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		return b.Delete(ctx, a.Key, a.Revision)
	}),
	"bucket_purge": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		return b.Purge(ctx, a.Key, a.Revision)
	}),
	"bucket_get": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		entry, err := b.Get(ctx, a.Key)
		return orNull(entry, err, entryJSON)
	}),
	"bucket_get_revision": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		entry, err := b.GetRevision(ctx, a.Key, a.Revision)
		return orNull(entry, err, entryJSON)
	}),
	"bucket_history": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		entries, err := b.History(ctx, a.Key)
		return list(entries, entryJSON), err
	}),
	"bucket_keys": onBucket(func(ctx context.Context, b *headwater.Bucket, a bucketArgs) (any, error) {
		keys, err := b.Keys(ctx, a.Filter)
		return list(keys, func(key string) any { return key }), err
	}),
	"bucket_watch": op(func(r *runner, a watchArgs) (any, error) {
		b, err := r.engine.Bucket(r.ctx, a.Bucket)
		if err != nil {
			return nil, err
		}
		w, err := b.Watch(r.ctx, headwater.WatchOptions{
			Filters: a.Filters, IncludeHistory: a.IncludeHistory, UpdatesOnly: a.UpdatesOnly,
			IgnoreDeletes: a.IgnoreDeletes,
		})
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, entryJSON, w.Missed, w.Close)
		return nil, nil
	}),
}

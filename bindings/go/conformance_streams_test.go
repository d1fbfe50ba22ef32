package headwater_test

import (
	"context"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type streamConfigArgs struct {
	Name                 string   `json:"name"`
	Subjects             []string `json:"subjects"`
	Description          string   `json:"description"`
	Durability           string   `json:"durability"`
	SyncInterval         int64    `json:"sync_interval"`
	MaxAge               int64    `json:"max_age"`
	MaxMsgs              uint64   `json:"max_msgs"`
	MaxBytes             uint64   `json:"max_bytes"`
	MaxMsgsPerSubject    uint64   `json:"max_msgs_per_subject"`
	MaxMsgSize           uint32   `json:"max_msg_size"`
	Discard              string   `json:"discard"`
	DiscardNewPerSubject bool     `json:"discard_new_per_subject"`
	DuplicateWindow      int64    `json:"duplicate_window"`
	AllowRollup          bool     `json:"allow_rollup"`
	DenyDelete           bool     `json:"deny_delete"`
	DenyPurge            bool     `json:"deny_purge"`
	Compression          string   `json:"compression"`
	SegmentBytes         uint64   `json:"segment_bytes"`
}

var (
	durabilities = map[string]headwater.Durability{
		"fsync": headwater.Fsync, "interval": headwater.Interval, "os": headwater.OS,
	}
	discards     = map[string]headwater.Discard{"old": headwater.DiscardOld, "new": headwater.DiscardNew}
	compressions = map[string]headwater.Compression{
		"none": headwater.CompressionNone, "zstd": headwater.CompressionZstd,
	}
	rollups = map[string]headwater.Rollup{"subject": headwater.RollupSubject, "all": headwater.RollupAll}
)

func (a *streamConfigArgs) config() (headwater.StreamConfig, error) {
	durability, err := pick("durability", a.Durability, durabilities)
	if err != nil {
		return headwater.StreamConfig{}, err
	}
	discard, err := pick("discard", a.Discard, discards)
	if err != nil {
		return headwater.StreamConfig{}, err
	}
	compression, err := pick("compression", a.Compression, compressions)
	return headwater.StreamConfig{
		Name: a.Name, Subjects: a.Subjects, Description: a.Description,
		Durability: durability, SyncInterval: time.Duration(a.SyncInterval), MaxAge: time.Duration(a.MaxAge),
		MaxMsgs: a.MaxMsgs, MaxBytes: a.MaxBytes, MaxMsgsPerSubject: a.MaxMsgsPerSubject, MaxMsgSize: a.MaxMsgSize,
		Discard: discard, DiscardNewPerSubject: a.DiscardNewPerSubject,
		DuplicateWindow: time.Duration(a.DuplicateWindow), AllowRollup: a.AllowRollup,
		DenyDelete: a.DenyDelete, DenyPurge: a.DenyPurge, Compression: compression, SegmentBytes: a.SegmentBytes,
	}, err
}

func streamConfigJSON(c headwater.StreamConfig) any {
	return streamConfigArgs{
		Name: c.Name, Subjects: c.Subjects, Description: c.Description,
		Durability: c.Durability.String(), SyncInterval: int64(c.SyncInterval), MaxAge: int64(c.MaxAge),
		MaxMsgs: c.MaxMsgs, MaxBytes: c.MaxBytes, MaxMsgsPerSubject: c.MaxMsgsPerSubject, MaxMsgSize: c.MaxMsgSize,
		Discard: c.Discard.String(), DiscardNewPerSubject: c.DiscardNewPerSubject,
		DuplicateWindow: int64(c.DuplicateWindow), AllowRollup: c.AllowRollup,
		DenyDelete: c.DenyDelete, DenyPurge: c.DenyPurge, Compression: c.Compression.String(),
		SegmentBytes: c.SegmentBytes,
	}
}

type makeStreamArgs struct {
	Config streamConfigArgs `json:"config"`
}

func makeStream(
	make func(*headwater.Engine, context.Context, headwater.StreamConfig) (*headwater.Stream, error),
) operation {
	return op(func(r *runner, a makeStreamArgs) (any, error) {
		config, err := a.Config.config()
		if err != nil {
			return nil, err
		}
		s, err := make(r.engine, r.ctx, config)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		info, err := s.Info(r.ctx)
		return streamConfigJSON(info.Config), err
	})
}

type filterArgs struct {
	inStream
	Filter string `json:"filter"`
}

type seqArgs struct {
	inStream
	Seq uint64 `json:"seq"`
}

type lastManyArgs struct {
	inStream
	Filters []string `json:"filters"`
	After   uint64   `json:"after"`
	Max     *int     `json:"max"`
}

type subjectsArgs struct {
	filterArgs
	After string `json:"after"`
	Max   *int   `json:"max"`
}

type readArgs struct {
	inStream
	Filters    []string  `json:"filters"`
	FromSeq    uint64    `json:"from_seq"`
	Backward   bool      `json:"backward"`
	MaxRecords int       `json:"max_records"`
	MaxBytes   int       `json:"max_bytes"`
	EventRange *[2]int64 `json:"event_range"`
}

type purgeArgs struct {
	filterArgs
	BeforeSeq uint64 `json:"before_seq"`
	Keep      uint64 `json:"keep"`
}

var streamOps = map[string]operation{
	"create_stream": makeStream((*headwater.Engine).CreateStream),
	"update_stream": makeStream((*headwater.Engine).UpdateStream),
	"delete_stream": op(func(r *runner, a inStream) (any, error) {
		return nil, r.engine.DeleteStream(r.ctx, a.Stream)
	}),
	"streams": op(func(r *runner, _ struct{}) (any, error) {
		infos, err := r.engine.Streams(r.ctx)
		return list(infos, func(i headwater.StreamInfo) any { return i.Config.Name }), err
	}),
	"stream_info": onStream(func(ctx context.Context, s *headwater.Stream, _ inStream) (any, error) {
		i, err := s.Info(ctx)
		return map[string]any{
			"records": i.Records, "bytes": i.Bytes, "subjects": i.Subjects, "first_seq": i.FirstSeq,
			"last_seq": i.LastSeq, "deleted": i.Deleted, "consumers": i.Consumers,
		}, err
	}),
	"append": onStream(func(ctx context.Context, s *headwater.Stream, a appendArgs) (any, error) {
		options, err := a.options()
		if err != nil {
			return nil, err
		}
		ack, err := s.Append(ctx, a.Subject, a.bytes(), options...)
		return ackJSON(ack), err
	}),
	"append_batch": onStream(func(ctx context.Context, s *headwater.Stream, a batchArgs) (any, error) {
		var records []headwater.Append
		for range orElse(a.Repeat, 1) {
			for i := range a.Records {
				options, err := a.Records[i].options()
				if err != nil {
					return nil, err
				}
				records = append(records, headwater.NewAppend(a.Records[i].Subject, a.Records[i].bytes(), options...))
			}
		}
		ack, err := s.AppendBatch(ctx, records)
		return ackJSON(ack), err
	}),
	"get": onStream(func(ctx context.Context, s *headwater.Stream, a seqArgs) (any, error) {
		record, err := s.Get(ctx, a.Seq)
		return orNull(record, err, recordJSON)
	}),
	"last": onStream(func(ctx context.Context, s *headwater.Stream, a filterArgs) (any, error) {
		record, err := s.Last(ctx, a.Filter)
		return orNull(record, err, recordJSON)
	}),
	"last_many": onStream(func(ctx context.Context, s *headwater.Stream, a lastManyArgs) (any, error) {
		records, err := s.LastMany(ctx, a.Filters, a.After, orElse(a.Max, 1000))
		return list(records, recordJSON), err
	}),
	"last_seq": onStream(func(ctx context.Context, s *headwater.Stream, a filterArgs) (any, error) {
		return s.LastSeq(ctx, a.Filter)
	}),
	"subjects": onStream(func(ctx context.Context, s *headwater.Stream, a subjectsArgs) (any, error) {
		subjects, err := s.Subjects(ctx, a.Filter, a.After, orElse(a.Max, 1000))
		return list(subjects, func(c headwater.SubjectCount) any { return []any{c.Subject, c.Records} }), err
	}),
	"read": onStream(func(ctx context.Context, s *headwater.Stream, a readArgs) (any, error) {
		options := headwater.ReadOptions{
			Filters: a.Filters, FromSeq: a.FromSeq, Backward: a.Backward,
			MaxRecords: a.MaxRecords, MaxBytes: a.MaxBytes,
		}
		if a.EventRange != nil {
			options.EventFrom, options.EventTo = at(&a.EventRange[0]), at(&a.EventRange[1])
		}
		records, err := s.Read(ctx, options)
		return list(records, recordJSON), err
	}),
	"delete": onStream(func(ctx context.Context, s *headwater.Stream, a seqArgs) (any, error) {
		return s.Delete(ctx, a.Seq)
	}),
	"purge": onStream(func(ctx context.Context, s *headwater.Stream, a purgeArgs) (any, error) {
		return s.Purge(ctx, headwater.PurgeOptions{Filter: a.Filter, BeforeSeq: a.BeforeSeq, Keep: a.Keep})
	}),
	"sync": onStream(func(ctx context.Context, s *headwater.Stream, _ inStream) (any, error) {
		return nil, s.Sync(ctx)
	}),
}

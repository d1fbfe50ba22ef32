package headwater_test

import (
	"context"
	"os"
	"time"

	"github.com/headwater/headwater/bindings/go"
)

type pointsConfigArgs struct {
	Config struct {
		Name               string `json:"name"`
		Durability         string `json:"durability"`
		MaxAge             int64  `json:"max_age"`
		MaxPointsPerSeries uint64 `json:"max_points_per_series"`
	} `json:"config"`
}

// pointsArgs are the arguments of every operation on a point store.
type pointsArgs struct {
	Points     string      `json:"points"`
	List       []pointArgs `json:"list"`
	Filter     string      `json:"filter"`
	Filters    []string    `json:"filters"`
	Deleted    bool        `json:"deleted"`
	From       *int64      `json:"from"`
	To         *int64      `json:"to"`
	After      uint64      `json:"after"`
	Max        int         `json:"max"`
	Every      int64       `json:"every"`
	Aggregates []string    `json:"aggregates"`
	Format     string      `json:"format"`
	Text       string      `json:"text"`
	Time       string      `json:"time"`
	Node       string      `json:"node"`
	NodeColumn string      `json:"node_column"`
	Columns    []string    `json:"columns"`
	As         string      `json:"as"`
}

// onPoints is op for operations that name a point store.
func onPoints(do func(r *runner, p *headwater.Points, a pointsArgs) (any, error)) operation {
	return op(func(r *runner, a pointsArgs) (any, error) {
		p, err := r.engine.Points(r.ctx, a.Points)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		return do(r, p, a)
	})
}

var pointsOps = map[string]operation{
	"create_points": op(func(r *runner, a pointsConfigArgs) (any, error) {
		durability, err := pick("durability", a.Config.Durability, durabilities)
		if err != nil {
			return nil, err
		}
		_, err = r.engine.CreatePoints(r.ctx, headwater.PointsConfig{
			Name: a.Config.Name, Durability: durability, MaxAge: time.Duration(a.Config.MaxAge),
			MaxPointsPerSeries: a.Config.MaxPointsPerSeries,
		})
		return nil, err
	}),
	"points_write": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		var points []headwater.Point
		for i := range a.List {
			points = append(points, a.List[i].point())
		}
		ack, err := p.Write(r.ctx, points...)
		return ackJSON(ack), err
	}),
	"points_latest": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		points, err := p.Latest(r.ctx, a.Filter, a.Deleted)
		return list(points, pointJSON), err
	}),
	"points_range": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		points, next, err := p.Range(r.ctx, headwater.RangeOptions{
			Filter: a.Filter, From: at(a.From), To: at(a.To), After: a.After, Limit: a.Max,
		})
		return map[string]any{"points": list(points, pointJSON), "next": next}, err
	}),
	"points_query": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		query := headwater.Query{Filters: a.Filters, From: at(a.From), To: at(a.To), Every: time.Duration(a.Every)}
		for _, name := range a.Aggregates {
			query.Aggregates = append(query.Aggregates, headwater.Aggregate(name))
		}
		rows, err := p.Query(r.ctx, query)
		return list(rows, rowJSON), err
	}),
	"points_import": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		transfer, err := pick("format", a.Format, map[string]func(
			context.Context, string, headwater.ImportOptions) (headwater.ImportReport, error){
			"csv": p.ImportCSV, "jsonl": p.ImportJSONL,
		})
		if err != nil {
			return nil, err
		}
		path, err := temporaryFile(a.Text)
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		report, err := transfer(r.ctx, path, headwater.ImportOptions{
			Time: a.Time, Node: a.Node, NodeColumn: a.NodeColumn, Columns: a.Columns,
		})
		return map[string]any{
			"lines": report.Lines, "points": report.Points, "resumed": report.Resumed,
			"rejected_count": report.RejectedCount,
			"rejected":       list(report.Rejected, func(l headwater.RejectedLine) any { return []any{l.Line, l.Reason} }),
		}, err
	}),
	"points_export": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		transfer, err := pick("format", a.Format, map[string]func(
			context.Context, string, headwater.ExportOptions) (uint64, error){
			"csv": p.ExportCSV, "jsonl": p.ExportJSONL,
		})
		if err != nil {
			return nil, err
		}
		path, err := temporaryFile("")
		if err != nil {
			return nil, err
		}
		defer os.Remove(path)
		options := headwater.ExportOptions{Filter: a.Filter, From: at(a.From), To: at(a.To)}
		count, err := transfer(r.ctx, path, options)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(path)
		return map[string]any{"text": string(text), "count": count}, err
	}),
	"points_watch": onPoints(func(r *runner, p *headwater.Points, a pointsArgs) (any, error) {
		w, err := p.Watch(r.ctx, a.Filter)
		if err != nil {
			return nil, err
		}
		r.sources[a.As] = sourceOf(w.Next, w.TryNext, pointJSON, w.Missed, w.Close)
		return nil, nil
	}),
}

func temporaryFile(text string) (string, error) {
	file, err := os.CreateTemp("", "headwater-vector-")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(text)
	if closing := file.Close(); err == nil {
		err = closing
	}
	return file.Name(), err
}

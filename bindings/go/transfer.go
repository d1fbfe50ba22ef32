package headwater

// #include "shim.h"
import "C"

import (
	"context"
	"time"
)

// ExportOptions says which points to export; the zero value is all.
type ExportOptions struct {
	// Filter is the series, such as "seattle.temperature" or "seattle.*"; all when empty.
	Filter string
	// From is the first event time that counts; the zero time is the beginning.
	From time.Time
	// To is the first event time that does not count any more; the zero time is the end.
	To time.Time
	// Progress hears how far it has come; it may be nil.
	Progress Progress
}

// ImportCSV imports the points of a CSV file with a header line. The same import again goes on where an earlier one
// stopped. When ctx ends first, the import stops: what it wrote stays, and the same import goes on behind it.
func (p *Points) ImportCSV(ctx context.Context, path string, options ImportOptions) (ImportReport, error) {
	return p.importFile(ctx, path, &options, C.HW_FORMAT_CSV)
}

// ImportJSONL imports the points of a file with one JSON object on each line, as [Points.ImportCSV].
func (p *Points) ImportJSONL(ctx context.Context, path string, options ImportOptions) (ImportReport, error) {
	return p.importFile(ctx, path, &options, C.HW_FORMAT_JSONL)
}

// ExportCSV writes points as CSV to a file, which is made or emptied first, and says how many there were. When ctx
// ends first, the export stops, and the file holds whole lines up to there.
func (p *Points) ExportCSV(ctx context.Context, path string, options ExportOptions) (uint64, error) {
	return p.exportFile(ctx, path, &options, C.HW_FORMAT_CSV)
}

// ExportJSONL writes points as JSON lines, as [Points.ExportCSV].
func (p *Points) ExportJSONL(ctx context.Context, path string, options ExportOptions) (uint64, error) {
	return p.exportFile(ctx, path, &options, C.HW_FORMAT_JSONL)
}

func (p *Points) importFile(
	ctx context.Context, path string, options *ImportOptions, format C.int32_t,
) (ImportReport, error) {
	return long(ctx, p.engine.room(), options.Progress, func(progress *C.hw_progress) (ImportReport, error) {
		var l lender
		defer l.Unpin()
		o := C.hw_import_options{
			struct_size: C.sizeof_hw_import_options,
			time:        l.str(options.Time),
			node:        l.str(options.Node),
			node_column: l.str(options.NodeColumn),
			format:      format,
		}
		o.columns, o.columns_len = l.strs(options.Columns)
		report := C.hw_import_report{struct_size: C.sizeof_hw_import_report}
		var rejected *C.hw_strings
		err := p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
			data, size := text(path)
			return C.hw_points_import(p, data, size, &o, progress, &report, &rejected, err)
		})
		if err != nil {
			return ImportReport{}, err
		}
		reasons, lines, err := takeStrings(rejected)
		taken := ImportReport{
			Lines:         uint64(report.lines),
			Points:        uint64(report.points),
			Resumed:       uint64(report.resumed),
			RejectedCount: uint64(report.rejected_count),
		}
		for i, reason := range reasons {
			taken.Rejected = append(taken.Rejected, RejectedLine{lines[i], reason})
		}
		return taken, err
	})
}

func (p *Points) exportFile(
	ctx context.Context, path string, options *ExportOptions, format C.int32_t,
) (uint64, error) {
	return long(ctx, p.engine.room(), options.Progress, func(progress *C.hw_progress) (uint64, error) {
		var l lender
		defer l.Unpin()
		o := C.hw_export_options{
			struct_size: C.sizeof_hw_export_options,
			filter:      l.str(options.Filter),
			format:      format,
		}
		var err error
		if o.from, o.has_from, err = bound("From", options.From, 0); err != nil {
			return 0, err
		}
		if o.to, o.has_to, err = bound("To", options.To, 0); err != nil {
			return 0, err
		}
		var exported C.uint64_t
		err = p.call(ctx, func(p *C.hw_points, err **C.hw_error) C.hw_status {
			data, size := text(path)
			return C.hw_points_export(p, data, size, &o, progress, &exported, err)
		})
		return uint64(exported), err
	})
}

//! Points in from files and out to files, as CSV and JSON lines.

use std::ffi::c_char;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use headwater::points::ImportOptions;
use headwater::{Error, ErrorKind, Result};

use crate::bytes::{hw_str, hw_strings};
use crate::error::{hw_error, invalid};
use crate::guard::on;
use crate::points::{hw_points, series_filter};
use crate::progress::{hw_progress, tell};
use crate::raw::{self, Out, OutStruct, versioned};

use crate::status::hw_status;

/// How a file of points is written.
#[repr(i32)]
pub enum hw_format {
    /// Comma-separated values with a header line.
    Csv = 0,
    /// One JSON object on each line.
    Jsonl = 1,
}

/// How to read a file of points.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_import_options {
    /// sizeof(hw_import_options)
    pub struct_size: usize,
    /// The column or field that holds the time: RFC 3339 (UTC where no zone is given), or a number of seconds
    /// since the epoch; `time` when empty.
    pub time: hw_str,
    /// The node of all points, or of the lines where `node_column` is empty.
    pub node: hw_str,
    /// The column or field that holds the node.
    pub node_column: hw_str,
    /// Only these columns or fields as kinds; all others when there is none.
    pub columns: *const hw_str,
    /// How many.
    pub columns_len: usize,
    /// An hw_format.
    pub format: i32,
}

/// What an import did.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_import_report {
    /// sizeof(hw_import_report), set by the caller.
    pub struct_size: usize,
    /// Lines read, the header included.
    pub lines: u64,
    /// Points written.
    pub points: u64,
    /// Lines passed over because an earlier run of the same import wrote them.
    pub resumed: u64,
    /// Lines refused.
    pub rejected_count: u64,
}

/// What to export. Zero is the default of every field: everything, as CSV.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_export_options {
    /// sizeof(hw_export_options)
    pub struct_size: usize,
    /// The series, such as `seattle.temperature` or `seattle.*`; all when empty.
    pub filter: hw_str,
    /// With `has_from`: from this event time on, in nanoseconds since the epoch.
    pub from: i64,
    /// With `has_to`: before this event time.
    pub to: i64,
    /// An hw_format.
    pub format: i32,
    /// Not 0: `from` is set.
    pub has_from: u8,
    /// Not 0: `to` is set.
    pub has_to: u8,
}

versioned!(hw_import_options, hw_import_report, hw_export_options);

enum Format {
    Csv,
    Jsonl,
}

fn format(number: i32) -> Result<Format> {
    match number {
        0 => Ok(Format::Csv),
        1 => Ok(Format::Jsonl),
        n => Err(invalid(format!("format is {n}, which is no hw_format"))),
    }
}

pub(crate) fn io(doing: &str, path: &str, fault: &std::io::Error) -> Error {
    let kind = match fault.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Limit,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing} {path}: {fault}"))
}

/// Imports a file of points. The same import again goes on where an earlier one stopped. `progress`, `report` and
/// `rejected` may be NULL; `*rejected` gets the reason and, as its number, the line of each line that was refused
/// (the first 1,000).
///
/// Errors:    HW_STATUS_NOT_FOUND (no such file), HW_STATUS_INVALID (no such column), HW_STATUS_TIMEOUT (cancelled
///            with hw_progress_cancel; what was imported stays), HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call; `*rejected` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_import(
    points: Option<&hw_points>,
    path: *const c_char,
    path_len: usize,
    options: *const hw_import_options,
    progress: Option<&hw_progress>,
    report: *mut hw_import_report,
    rejected: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let path = raw::text("path", path, path_len)?;
        let from = raw::required("options", options)?;
        let out = OutStruct::optional(report)?;
        let options = ImportOptions {
            time: from.time.owned("time")?,
            node: from.node.owned("node")?,
            node_column: from.node_column.owned("node_column")?,
            columns: raw::strings("columns", from.columns, from.columns_len)?,
        };
        let format = format(from.format)?;
        let file = File::open(path).map_err(|e| io("opening", path, &e))?;
        let total = file.metadata().map_err(|e| io("reading", path, &e))?.len();
        let mut reader = BufReader::new(file);
        let mut on_bytes = |done: u64| tell(progress, done, total);
        let did = match format {
            Format::Csv => points.points.import_csv(&mut reader, &options, &mut on_bytes)?,
            Format::Jsonl => points.points.import_jsonl(&mut reader, &options, &mut on_bytes)?,
        };
        if let Some(out) = out {
            out.set(hw_import_report {
                struct_size: 0,
                lines: did.lines,
                points: did.points,
                resumed: did.resumed,
                rejected_count: did.rejected_count,
            });
        }
        if let Some(out) = Out::optional(rejected) {
            out.give(hw_strings(did.rejected.into_iter().map(|(line, reason)| (reason, line)).collect()));
        }
        Ok(())
    })
}

/// Exports points to a file, which is made, or emptied first. `options`, `progress` and `exported` may be NULL;
/// `*exported` gets how many points.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_TIMEOUT (cancelled with hw_progress_cancel; the file holds what was written
///            up to then, each line whole), HW_STATUS_LIMIT (the disk is full), HW_STATUS_IO, HW_STATUS_CORRUPT,
///            HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_export(
    points: Option<&hw_points>,
    path: *const c_char,
    path_len: usize,
    options: *const hw_export_options,
    progress: Option<&hw_progress>,
    exported: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let path = raw::text("path", path, path_len)?;
        let options = raw::options(options)?;
        let filter = series_filter(&options.filter)?;
        let format = format(options.format)?;
        let from = (options.has_from != 0).then_some(options.from);
        let to = (options.has_to != 0).then_some(options.to);
        let mut writer = BufWriter::new(File::create(path).map_err(|e| io("creating", path, &e))?);
        let mut on_bytes = |done: u64| tell(progress, done, 0);
        let count = match format {
            Format::Csv => points.points.export_csv(&mut writer, filter, from, to, &mut on_bytes)?,
            Format::Jsonl => points.points.export_jsonl(&mut writer, filter, from, to, &mut on_bytes)?,
        };
        writer.flush().map_err(|e| io("writing", path, &e))?;
        if let Some(out) = Out::optional(exported) {
            out.set(count);
        }
        Ok(())
    })
}

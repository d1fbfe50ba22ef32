//! Long copies as jobs: backup, restore, verify, import and export, each with its progress.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Cursor, Write as _};

use headwater::points::{ImportOptions, ImportReport, Points};
use headwater::subject::{decode_token, encode_token};
use headwater::{Engine, Error, ErrorKind, VerifyReport};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::hub::hub;
use crate::jobs;
use crate::points::bound;

/// Copies the live directory; answers the bytes copied.
#[napi(catch_unwind)]
pub fn engine_backup(env: Env, engine: u32, to: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        let engine = engine.clone();
        jobs::run_long(env, hub, move |progress| {
            engine.backup(to, &mut |done, total| progress.report(done, total)).map(Answer::Count)
        })
    })
}

/// Copies a backup to a new directory; answers the bytes copied.
#[napi(catch_unwind)]
pub fn restore(env: Env, hub_number: u32, from: String, to: String) -> Result<Raw> {
    jobs::run_long(env, &hub(hub_number)?, move |progress| {
        Engine::restore(from, to, &mut |done, total| progress.report(done, total)).map(Answer::Count)
    })
}

/// What a check of a directory found.
#[napi(object, object_from_js = false)]
pub struct VerifyDescription {
    pub streams: u64,
    pub segments: u64,
    pub records: u64,
    pub bytes: u64,
    pub torn: Vec<String>,
    pub damage: Vec<String>,
}

impl From<VerifyReport> for VerifyDescription {
    fn from(report: VerifyReport) -> Self {
        VerifyDescription {
            streams: report.streams,
            segments: report.segments,
            records: report.records,
            bytes: report.bytes,
            torn: report.torn,
            damage: report.damage,
        }
    }
}

/// Checks every byte of a directory.
#[napi(catch_unwind)]
pub fn verify(env: Env, hub_number: u32, dir: String) -> Result<Raw> {
    jobs::run_long(env, &hub(hub_number)?, move |progress| {
        let report = Engine::verify(dir, &mut |done, total| progress.report(done, total))?;
        Ok(Answer::value(VerifyDescription::from(report)))
    })
}

/// How to read points from text.
#[napi(object, object_to_js = false)]
pub struct ImportRequest {
    pub time: String,
    pub node: Option<String>,
    pub node_column: Option<String>,
    pub columns: Option<Vec<String>>,
}

/// A line that was refused.
#[napi(object, object_from_js = false)]
pub struct RejectedLine {
    pub line: u64,
    pub reason: String,
}

/// What an import did.
#[napi(object, object_from_js = false)]
pub struct ImportDescription {
    pub lines: u64,
    pub points: u64,
    pub resumed: u64,
    pub rejected: Vec<RejectedLine>,
    pub rejected_count: u64,
}

impl From<ImportReport> for ImportDescription {
    fn from(report: ImportReport) -> Self {
        let rejected = report.rejected.into_iter().map(|(line, reason)| RejectedLine { line, reason });
        ImportDescription {
            lines: report.lines,
            points: report.points,
            resumed: report.resumed,
            rejected: rejected.collect(),
            rejected_count: report.rejected_count,
        }
    }
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Jsonl,
}

fn format_of(name: &str) -> Result<Format> {
    match name {
        "csv" => Ok(Format::Csv),
        "jsonl" => Ok(Format::Jsonl),
        _ => Err(invalid(format!("format '{name}' is not one of csv, jsonl"))),
    }
}

pub(crate) fn io_error(doing: &str, path: &str, source: &std::io::Error) -> Error {
    let kind = match source.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing} {path}: {source}"))
}

/// Imports points from the file `path`, or from `bytes` where there is no path.
#[napi(catch_unwind)]
pub fn points_import(
    env: Env,
    points: u32,
    format: String,
    path: Option<String>,
    bytes: &[u8],
    request: ImportRequest,
) -> Result<Raw> {
    let format = format_of(&format)?;
    let options = ImportOptions {
        time: request.time,
        node: request.node.unwrap_or_default(),
        node_column: request.node_column.unwrap_or_default(),
        columns: request.columns.unwrap_or_default(),
    };
    let bytes = bytes.to_vec();
    Points::with(points, |points, hub| {
        let points = points.clone();
        jobs::run_long(env, hub, move |progress| {
            let (mut source, total): (Box<dyn BufRead>, u64) = match &path {
                None => (Box::new(Cursor::new(&bytes)), bytes.len() as u64),
                Some(path) => {
                    let file = File::open(path).map_err(|e| io_error("opening", path, &e))?;
                    let total = file.metadata().map_or(0, |m| m.len());
                    (Box::new(BufReader::new(file)), total)
                }
            };
            let heard = &mut |done| progress.report(done, total);
            let report = match format {
                Format::Csv => points.import_csv(&mut source, &options, heard),
                Format::Jsonl => points.import_jsonl(&mut source, &options, heard),
            }?;
            Ok(Answer::value(ImportDescription::from(report)))
        })
    })
}

/// Exports points to the file `path`; answers how many.
#[napi(catch_unwind)]
pub fn points_export(
    env: Env,
    points: u32,
    format: String,
    path: String,
    filter: String,
    from: Option<BigInt>,
    until: Option<BigInt>,
) -> Result<Raw> {
    let format = format_of(&format)?;
    let (from, until) = (bound("from", from)?, bound("to", until)?);
    Points::with(points, |points, hub| {
        let points = points.clone();
        jobs::run_long(env, hub, move |progress| {
            let mut file = BufWriter::new(File::create(&path).map_err(|e| io_error("creating", &path, &e))?);
            let heard = &mut |done| progress.report(done, 0);
            let count = match format {
                Format::Csv => points.export_csv(&mut file, &filter, from, until, heard),
                Format::Jsonl => points.export_jsonl(&mut file, &filter, from, until, heard),
            }?;
            file.flush().map_err(|e| io_error("writing", &path, &e))?;
            Ok(Answer::Count(count))
        })
    })
}

/// Any text as one subject token.
#[napi(catch_unwind)]
pub fn token_encode(text: String) -> String {
    encode_token(&text)
}

/// The text behind such a token.
#[napi(catch_unwind)]
pub fn token_decode(token: String) -> Result<String> {
    decode_token(&token).map_err(fault)
}

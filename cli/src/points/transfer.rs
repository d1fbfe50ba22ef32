//! `headwater points import` and `export`: CSV and JSON lines, with a bar while they run.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use headwater::points::{ImportOptions, ImportReport, Points, PointsConfig};
use headwater::{Engine, Error, ErrorKind};
use serde::Serialize;

use crate::failure::{Done, Failure, report_error};
use crate::place::Place;
use crate::progress::Progress;
use crate::time::parse_time;
use crate::units::show_count;

pub(crate) const IMPORT_EXAMPLES: &str = "\
Examples:
  headwater points import weather seattle.csv --time date --node seattle \\
      --dir data
  headwater points import fleet cars.jsonl --time at --node-column car \\
      --columns speed,fuel --dir data

Each line of the file is one time of one node, and each other column a series. An import that was broken off, \
as Ctrl-C does, goes on where it stopped when it is run again. A line that is refused is reported with its number \
and reason, the others are imported, and the exit code is 1.";

pub(crate) const EXPORT_EXAMPLES: &str = "\
Examples:
  headwater points export weather 'seattle.temperature' --from 2010-01-01 \\
      --to 2010-02-01 --dir data
  headwater points export weather --format jsonl --output weather.jsonl \\
      --dir data";

/// The exit code where some lines were refused.
const EXIT_SOME_REFUSED: u8 = 1;

#[derive(Args)]
pub(crate) struct Import {
    /// The point store.
    store: String,
    /// The file; '-' is standard input.
    file: PathBuf,
    /// The column or field with the time: RFC 3339 (UTC where no zone is given) or seconds since the epoch.
    #[arg(long, value_name = "COLUMN")]
    time: String,
    /// The node that all points are of; without it and --node-column, the file is one that an export wrote.
    #[arg(long, value_name = "NAME", conflicts_with = "node_column")]
    node: Option<String>,
    /// The column or field that names the node.
    #[arg(long, value_name = "COLUMN")]
    node_column: Option<String>,
    /// Only these columns, with commas between; all others when not given.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// How the file is written [default: by its name, csv where that says nothing].
    #[arg(long)]
    format: Option<Format>,
}

#[derive(Args)]
pub(crate) struct Export {
    /// The point store.
    store: String,
    /// Only series that this takes, such as 'seattle.*'.
    #[arg(default_value = ">")]
    filter: String,
    /// From this time on.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<i64>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<i64>,
    /// The file to write; standard output when not given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to write it [default: by the file's name, else jsonl with --json, else csv].
    #[arg(long)]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    store: &'a str,
    lines: u64,
    points: u64,
    resumed: u64,
    rejected: u64,
}

impl Format {
    fn of(path: Option<&Path>) -> Self {
        let extension = path.and_then(Path::extension).and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Format::Jsonl,
            _ => Format::Csv,
        }
    }
}

impl Import {
    pub(crate) fn run(self, place: &Place) -> Done {
        let from_stdin = self.file.as_os_str() == "-";
        // The file comes first, so that a name that is not there leaves no empty directory behind.
        let file = if from_stdin { None } else { Some(open(&self.file)?) };
        let total = file.as_ref().and_then(|f| f.metadata().ok()).filter(std::fs::Metadata::is_file).map(|m| m.len());
        let format = self.format.unwrap_or_else(|| Format::of(Some(&self.file)));
        let options = ImportOptions {
            time: self.time,
            node: self.node.unwrap_or_default(),
            node_column: self.node_column.unwrap_or_default(),
            columns: self.columns,
        };
        let report = place.make(|engine| {
            let points = open_or_make(engine, &self.store)?;
            let progress = Progress::bytes("importing", total);
            // A read of a terminal does not hear Ctrl-C, and an import may be killed anyway: it resumes.
            let progress = if from_stdin { progress } else { progress.interruptible() };
            let heard = &mut |bytes| progress.at(bytes);
            let mut input: Box<dyn std::io::BufRead> = match file {
                Some(file) => Box::new(BufReader::with_capacity(1 << 20, file)),
                None => Box::new(std::io::stdin().lock()),
            };
            let refused = &mut |line, reason: &str| {
                let error = Error::new(ErrorKind::Invalid, reason);
                progress.beside(|| report_error(&error, Some(line), place.json));
            };
            Ok(match format {
                Format::Csv => points.import_csv_with(&mut *input, &options, heard, refused)?,
                Format::Jsonl => points.import_jsonl_with(&mut *input, &options, heard, refused)?,
            })
        })?;
        answer(&self.store, &report, place)
    }
}

fn open(path: &Path) -> Done<File> {
    File::open(path).map_err(|e| Failure::io(format!("opening {}", path.display()), &e))
}

fn open_or_make(engine: &Engine, name: &str) -> Done<Points> {
    match Points::open(engine, name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = name.to_owned();
            Ok(Points::create(engine, PointsConfig { name, ..PointsConfig::default() })?)
        }
        opened => Ok(opened?),
    }
}

fn answer(store: &str, report: &ImportReport, place: &Place) -> Done {
    let line = ReportLine {
        store,
        lines: report.lines,
        points: report.points,
        resumed: report.resumed,
        rejected: report.rejected_count,
    };
    let mut out = place.output();
    out.either(&line, || {
        let mut text = format!("{} lines, {} points", show_count(report.lines), show_count(report.points));
        if report.resumed > 0 {
            let _ = write!(text, ", {} lines were there already", show_count(report.resumed));
        }
        if report.rejected_count > 0 {
            let _ = write!(text, ", {} lines refused", show_count(report.rejected_count));
        }
        text
    })?;
    out.flush()?;
    if report.rejected_count > 0 { Err(Failure::Reported(EXIT_SOME_REFUSED)) } else { Ok(()) }
}

impl Export {
    pub(crate) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let points = Points::open(&engine, &self.store)?;
        let format = match (self.format, &self.output) {
            (Some(format), _) => format,
            (None, None) if place.json => Format::Jsonl,
            (None, output) => Format::of(output.as_deref()),
        };
        // Beside records on a terminal a moving bar would only be in the way.
        let progress = self.output.is_some().then(|| Progress::bytes("exporting", None).interruptible());
        let mut out = place.output();
        let mut file = match &self.output {
            None => None,
            Some(path) => {
                let made = File::create(path).map_err(|e| Failure::io(format!("making {}", path.display()), &e))?;
                Some(BufWriter::with_capacity(1 << 20, made))
            }
        };
        let mut heard = |bytes| progress.as_ref().map_or(ControlFlow::Continue(()), |p| p.at(bytes));
        let (from, until) = (self.from, self.to);
        let mut write = |to: &mut dyn Write| -> Done<u64> {
            let count = match format {
                Format::Csv => points.export_csv(to, &self.filter, from, until, &mut heard)?,
                Format::Jsonl => points.export_jsonl(to, &self.filter, from, until, &mut heard)?,
            };
            to.flush().map_err(|e| Failure::io("writing the points", &e))?;
            Ok(count)
        };
        let written = match &mut file {
            Some(file) => write(file),
            None => write(&mut out),
        };
        if out.is_closed() {
            return Err(Failure::OutputClosed);
        }
        let count = written?;
        drop(progress);
        if let Some(path) = &self.output {
            let object = serde_json::json!({ "store": self.store, "points": count, "file": path });
            out.either(&object, || format!("{} points to {}", show_count(count), path.display()))?;
        }
        out.flush()
    }
}

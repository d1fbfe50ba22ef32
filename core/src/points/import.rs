//! Importing a file of points: in batches, each with the import's progress, so that a second run goes on where the
//! first one ended and doubles nothing, even after a crash between any two writes.
//!
//! An import is known by its format, its options, its header and its first record. Each batch carries, in the same
//! atomic append, how many records of the file are done and a checksum over them; it lies on a subject that no point
//! can have. A later run of the same import passes over that many records, checks that they are still the same, and
//! writes what follows: so a file that has grown can be imported again. Two runs at once do not see each other.

use std::io::BufRead;
use std::ops::ControlFlow;

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::record::{Append, BATCH_RECORDS_MAX};

use super::batch::PointBatch;
use super::csv::CsvReader;
use super::lines::Lines;
use super::point::Point;
use super::shape::{CsvShape, JsonShape};
use super::store::Points;

/// How many rejected lines a report names.
const REJECTED_MAX: usize = 1_000;
/// How many points a batch holds beside the record of progress.
const BATCH_POINTS_MAX: usize = BATCH_RECORDS_MAX - 1;
/// How many bytes are read between two calls of `progress`.
const PROGRESS_BYTES: u64 = 64 << 10;

/// How to read a file of points.
///
/// With `node` or `node_column`, a line is one time of one node, and each column is a kind. A column of a CSV file
/// holds numbers or text, as its first value says; `NA`, `N/A`, `NaN`, `null` and nothing at all are no value. With
/// neither, a line is one point in the form that an export writes.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The column (CSV) or field (JSON lines) that holds the time: RFC 3339 (UTC where no zone is given), or a number
    /// of seconds since the epoch; `time` when empty.
    pub time: String,
    /// The node; or the column that holds it, with `node_column`.
    pub node: String,
    /// The column that holds the node; lines where it is empty belong to `node`.
    pub node_column: String,
    /// Only these columns as kinds; all others when empty.
    pub columns: Vec<String>,
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct ImportReport {
    /// Lines read, header included.
    pub lines: u64,
    /// Points written.
    pub points: u64,
    /// Lines passed over because an earlier run of the same import wrote them.
    pub resumed: u64,
    /// Line number and reason of each line that was refused (the first 1,000), in this run or an earlier one.
    pub rejected: Vec<(u64, String)>,
    /// How many were refused.
    pub rejected_count: u64,
}

impl Points {
    /// Imports CSV with a header line; `progress` hears bytes read, and stops the import when it breaks.
    ///
    /// A line that cannot be read is reported with its number and reason, and the rest goes on. Refused with
    /// [`ErrorKind::Invalid`] when the header does not fit the options, and with [`ErrorKind::Conflict`], before
    /// anything is written, when the part that an earlier run imported has changed since. One that was stopped ends
    /// with [`ErrorKind::Timeout`]: what it wrote stays, and the same import goes on behind it.
    pub fn import_csv(
        &self,
        from: &mut dyn BufRead,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ImportReport> {
        self.import_csv_with(from, options, progress, &mut |_, _| {})
    }

    /// As [`Points::import_csv`]; `refused` hears the number and the reason of every line that is refused, as it is
    /// read, however many there are.
    pub fn import_csv_with(
        &self,
        from: &mut dyn BufRead,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
        refused: &mut dyn FnMut(u64, &str),
    ) -> Result<ImportReport> {
        let mut reader = CsvReader::new(Lines::new(from));
        let Some(header) = reader.next()? else {
            return Err(Error::invalid("the file has no header line"));
        };
        let names =
            header.fields.map_err(|fault| Error::invalid(format!("the header line cannot be read: {fault}")))?;
        let mut shape = CsvShape::new(&names, options)?;
        let mut import = Import::new(self, "csv", options, reader.raw(), refused);
        while let Some(record) = reader.next()? {
            let points = record.fields.and_then(|fields| shape.points(&fields));
            import.take(record.line, record.lines, reader.raw(), points)?;
            import.tell(reader.progress().1, progress)?;
        }
        let (lines, bytes) = reader.progress();
        go_on(progress(bytes))?;
        import.finish(lines)
    }

    /// Imports JSON lines: one object on each; otherwise as [`Points::import_csv`].
    ///
    /// A field that holds a number, text, true or false (as 1 and 0), an object or an array is a value; null is none.
    pub fn import_jsonl(
        &self,
        from: &mut dyn BufRead,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ImportReport> {
        self.import_jsonl_with(from, options, progress, &mut |_, _| {})
    }

    /// As [`Points::import_jsonl`]; `refused` hears of every line that is refused, as in [`Points::import_csv_with`].
    pub fn import_jsonl_with(
        &self,
        from: &mut dyn BufRead,
        options: &ImportOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
        refused: &mut dyn FnMut(u64, &str),
    ) -> Result<ImportReport> {
        let mut lines = Lines::new(from);
        let shape = JsonShape::new(options);
        let mut import = Import::new(self, "jsonl", options, b"", refused);
        while let Some(line) = lines.next()? {
            let content = line.content();
            if content.trim_ascii().is_empty() && line.whole {
                continue;
            }
            let points = line.fault().map_or_else(|| shape.points(content), Err);
            import.take(line.number, 1, content, points)?;
            import.tell(lines.bytes(), progress)?;
        }
        go_on(progress(lines.bytes()))?;
        import.finish(lines.number())
    }
}

fn go_on(flow: ControlFlow<()>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(Error::stopped("the import was stopped, and goes on from there when it is run again"))
        }
    }
}

/// How far an import is: the payload of its progress record, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Records of the file that are done, header not included.
    records: u64,
    /// CRC-32 over them.
    crc32: u32,
}

/// A run of an import.
struct Import<'a> {
    points: &'a Points,
    /// FNV-1a over what the import is known by.
    id: u64,
    /// Where its progress lies; empty until the first record is known.
    subject: String,
    earlier: Progress,
    done: Progress,
    crc: Hasher,
    /// The points of the record at hand, and those that wait to be written.
    record: PointBatch,
    batch: PointBatch,
    told: u64,
    refused: &'a mut dyn FnMut(u64, &str),
    report: ImportReport,
}

impl<'a> Import<'a> {
    fn new(
        points: &'a Points,
        format: &str,
        options: &ImportOptions,
        header: &[u8],
        refused: &'a mut dyn FnMut(u64, &str),
    ) -> Self {
        let ImportOptions { time, node, node_column, columns } = options;
        let mut id = FNV_OFFSET;
        for part in [format, time, node, node_column].into_iter().chain(columns.iter().map(String::as_str)) {
            fnv(&mut id, part.as_bytes());
        }
        fnv(&mut id, header);
        Import {
            points,
            id,
            subject: String::new(),
            earlier: Progress::default(),
            done: Progress::default(),
            crc: Hasher::new(),
            record: PointBatch::default(),
            batch: PointBatch::default(),
            told: 0,
            refused,
            report: ImportReport::default(),
        }
    }

    /// Takes in one record of the file.
    fn take(&mut self, line: u64, lines: u64, raw: &[u8], points: Result<Vec<Point>, String>) -> Result<()> {
        if self.subject.is_empty() {
            self.begin(raw)?;
        }
        let resumed = self.done.records < self.earlier.records;
        match points.and_then(|points| self.encode(&points)) {
            Err(reason) => self.reject(line, reason),
            Ok(()) if resumed => {}
            Ok(()) => {
                if self.batch.len() + self.record.len() > BATCH_POINTS_MAX {
                    self.flush()?;
                }
                self.batch.absorb(&self.record);
            }
        }
        if resumed {
            self.report.resumed += lines;
        }
        self.done.records += 1;
        self.crc.update(raw);
        self.crc.update(b"\n");
        if self.done.records == self.earlier.records && self.crc.clone().finalize() != self.earlier.crc32 {
            return Err(self.changed("have changed since"));
        }
        Ok(())
    }

    /// Finds out what an earlier run did.
    fn begin(&mut self, first: &[u8]) -> Result<()> {
        fnv(&mut self.id, first);
        self.subject = self.points.subjects().import(self.id);
        if let Some(record) = self.points.stream().last(&self.subject).wait()? {
            self.earlier = serde_json::from_slice(&record.payload).map_err(|e| {
                Error::corrupt(format!("record {} on '{}' is no import progress: {e}", record.seq, record.subject))
            })?;
        }
        Ok(())
    }

    fn encode(&mut self, points: &[Point]) -> Result<(), String> {
        self.record.clear();
        if points.len() > BATCH_POINTS_MAX {
            return Err(format!("it holds {} values, the most is {BATCH_POINTS_MAX}", points.len()));
        }
        for point in points {
            self.record
                .push(self.points.subjects(), point, self.points.own_origin())
                .map_err(|e| e.message().to_owned())?;
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, reason: String) {
        self.report.rejected_count += 1;
        (self.refused)(line, &reason);
        if self.report.rejected.len() < REJECTED_MAX {
            self.report.rejected.push((line, reason));
        }
    }

    /// Writes the batch and, with it, that all records before the one at hand are done.
    ///
    /// Waits for it: were the next batch written although this one failed, its progress would claim this one's points.
    fn flush(&mut self) -> Result<()> {
        let Some(time) = self.batch.last_time() else { return Ok(()) };
        self.done.crc32 = self.crc.clone().finalize();
        let progress = serde_json::to_vec(&self.done)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("import progress is no JSON: {e}")))?;
        let mut appends = self.batch.appends();
        // The time of a point, so that the record does not widen the range of times that its segment holds.
        appends.push(Append::new(&self.subject, &progress).event_time(time));
        self.points.stream().append_batch(&appends).wait()?;
        self.report.points += self.batch.len() as u64;
        self.batch.clear();
        Ok(())
    }

    fn tell(&mut self, bytes: u64, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        if bytes - self.told < PROGRESS_BYTES {
            return Ok(());
        }
        self.told = bytes;
        go_on(progress(bytes))
    }

    fn finish(mut self, lines: u64) -> Result<ImportReport> {
        if self.done.records < self.earlier.records {
            return Err(self.changed("are no longer all there"));
        }
        self.flush()?;
        self.report.lines = lines;
        Ok(self.report)
    }

    fn changed(&self, how: &str) -> Error {
        let message = format!(
            "the first {} records of the file were imported before and {how}: import what is new as a file of its own",
            self.earlier.records
        );
        Error::new(ErrorKind::Conflict, message)
    }
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Takes a part into an FNV-1a hash, with its length, so that parts cannot run into each other.
fn fnv(hash: &mut u64, part: &[u8]) {
    for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    }
}

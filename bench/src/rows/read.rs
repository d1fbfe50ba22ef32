//! A million consecutive records, each with its checksum verified, beside reading the same files into memory and
//! checksumming them whole.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use headwater::ReadOptions;

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, files, rate};
use crate::ours::{Ours, READ_RECORDS};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "read", about: "read of 1,000,000 consecutive records: reading and checksumming the file", run };

const RECORDS: u64 = 1_000_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let dir = context.fresh("ours");
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    context.progress(&format!("writing {records} records"));
    Ours::fill(&dir, records, &mut source)?;
    check(Kind::Ours, &dir, source.expected(records))?;

    let ours = Ours::open(&dir)?;
    let segments = largest(&dir, ours.stream.info().wait()?.segments as usize)?;
    let mut buffer = Vec::new();
    let whole = checksum(&segments, &mut buffer)?;
    let [ours_rates, raw_rates] = context.interleave([
        Side::new("Headwater", |_| rate(records, || read_all(&ours, records))),
        Side::new("raw", |_| {
            rate(records, || match checksum(&segments, &mut buffer)? {
                same if same == whole => Ok(()),
                other => Err(format!("the files' checksum went from {whole:x} to {other:x}").into()),
            })
        }),
    ])?;
    ours.close()?;
    let what = "read 1,000,000 consecutive records, checksums verified";
    Ok(vec![Line::ratio(ROW.name, what, "the file read and checksummed", [&ours_rates, &raw_rates], 0.4)])
}

/// Reads every record and looks at each.
fn read_all(ours: &Ours, records: u64) -> Outcome<()> {
    let (mut seen, mut bytes) = (0, 0);
    while seen < records {
        let batch = ours.stream.read(&ReadOptions::default().from_seq(seen + 1).max_records(READ_RECORDS)).wait()?;
        if batch.is_empty() {
            return Err(format!("the stream ends after {seen} records of {records}").into());
        }
        for record in batch.iter() {
            seen += u64::from(record.seq == seen + 1);
            bytes += record.payload.len();
        }
    }
    if bytes as u64 != records * PAYLOAD_BYTES as u64 {
        return Err(format!("{records} records came with {bytes} bytes").into());
    }
    Ok(())
}

/// The files that hold the records: as many of the largest as there are segments.
fn largest(dir: &Path, segments: usize) -> Outcome<Vec<PathBuf>> {
    let mut sized = Vec::new();
    for path in files(dir)? {
        sized.push((std::fs::metadata(&path)?.len(), path));
    }
    sized.sort_by(|a, b| b.cmp(a));
    Ok(sized.into_iter().take(segments).map(|(_, path)| path).collect())
}

/// Reads each file whole into one buffer and checksums it; the buffer stays, so that no turn pays for fresh memory.
fn checksum(paths: &[PathBuf], buffer: &mut Vec<u8>) -> Outcome<u32> {
    let mut all = 0;
    for path in paths {
        buffer.clear();
        File::open(path)?.read_to_end(buffer)?;
        all ^= crc32fast::hash(buffer);
    }
    Ok(all)
}

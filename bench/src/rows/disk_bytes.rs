//! The bytes on disk that a record of 64 bytes comes to, beside its payload and subject alone: the log, its index, all
//! of it, after a clean close. Appended one at a time, which costs a frame for each, and in batches.

use std::os::unix::fs::MetadataExt;

use headwater::Durability;

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, files};
use crate::ours::Ours;
use crate::report::{Goal, Line, Unit};
use crate::source::{Source, subject};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "disk_bytes", about: "disk bytes a record of 64 bytes: payload + subject", run };

const RECORDS: u64 = 1_000_000;
const SMALL_PAYLOAD_BYTES: usize = 64;
/// What `st_blocks` counts in, whatever the file system's own block is.
const STAT_BLOCK_BYTES: u64 = 512;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let mut source = Source::new(SUBJECTS, SMALL_PAYLOAD_BYTES);
    let expected = source.expected(records);
    let bare_bytes = (SMALL_PAYLOAD_BYTES + subject(0).len()) as f64;
    let mut lines = Vec::new();
    for how in ["one at a time", "in batches of 1000"] {
        context.progress(&format!("writing {records} records {how}"));
        let dir = context.fresh("ours");
        let ours = Ours::create(&dir, Durability::Os)?;
        if how == "one at a time" {
            ours.append_each(0..records, &mut source)?;
        } else {
            ours.append_batches(0..records, &mut source)?;
        }
        ours.close()?;
        check(Kind::Ours, &dir, expected)?;
        let mut bytes = 0;
        for path in files(&dir)? {
            let metadata = std::fs::metadata(path)?;
            bytes += metadata.len().max(metadata.blocks() * STAT_BLOCK_BYTES);
        }
        let each = bytes as f64 / records as f64;
        let what = format!("disk bytes a record (64-byte payload), {how}");
        let line = Line::figure(ROW.name, &what, vec![each / bare_bytes], Unit::Times, Goal::AtMost(1.35));
        lines.push(line.beside("payload + subject", format!("{each:.1} B"), format!("{bare_bytes:.0} B")));
    }
    Ok(lines)
}

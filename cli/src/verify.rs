//! `headwater verify`: checks every byte of a directory without changing it.

use std::path::PathBuf;

use clap::Args;
use headwater::{Engine, ErrorKind};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::progress::Progress;
use crate::units::{show_count, show_size};

#[derive(Args)]
#[command(after_help = "Example:
  headwater verify data

A torn tail is what a crash leaves behind the last synced byte: nothing acknowledged is in it, and the next open for \
writing cuts it. Damage before that point is named with file, offset and missing sequences, and the exit code is 5.")]
pub(crate) struct Verify {
    /// The directory; --dir when not given.
    #[arg(value_name = "DIR", id = "verify_dir")]
    dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    ok: bool,
    streams: u64,
    segments: u64,
    records: u64,
    bytes: u64,
    torn: &'a [String],
    damage: &'a [String],
}

impl Verify {
    pub(crate) fn run(self, place: &Place) -> Done {
        let dir = self.dir.map_or_else(|| place.dir(), Ok)?;
        let progress = Progress::bytes("checking", Some(0)).interruptible();
        let report = Engine::verify(&dir, &mut |done, total| progress.at_of(done, total))?;
        drop(progress);
        let line = ReportLine {
            ok: report.damage.is_empty(),
            streams: report.streams,
            segments: report.segments,
            records: report.records,
            bytes: report.bytes,
            torn: &report.torn,
            damage: &report.damage,
        };
        let mut out = place.output();
        out.either(&line, || {
            let verdict = if line.ok { "all is well" } else { "there is damage" };
            let counts = format!(
                "{} streams, {} segments, {} records, {}",
                show_count(line.streams),
                show_count(line.segments),
                show_count(line.records),
                show_size(line.bytes)
            );
            let mut lines = vec![format!("{counts}: {verdict}")];
            lines.extend(line.torn.iter().map(|torn| format!("torn tail: {torn}")));
            lines.join("\n")
        })?;
        out.flush()?;
        match report.damage.as_slice() {
            [] => Ok(()),
            damage => Err(Failure::new(ErrorKind::Corrupt, damage.join("\n"))),
        }
    }
}

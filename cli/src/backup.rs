//! `headwater backup` and `headwater restore`: a copy of a live directory, and a directory from a copy.

use std::path::PathBuf;

use clap::Args;
use headwater::Engine;
use serde::Serialize;

use crate::failure::Done;
use crate::place::Place;
use crate::progress::Progress;
use crate::units::show_size;

#[derive(Args)]
#[command(after_help = "Example:
  headwater backup copies/monday --dir data

The directory may be in use: each stream is copied as it was at one moment, \
with everything acknowledged before the copy began. Ctrl-C stops it and leaves no copy.")]
pub(crate) struct Backup {
    /// Where the copy goes: a directory that is not there yet.
    to: PathBuf,
}

#[derive(Args)]
#[command(after_help = "Example:
  headwater restore copies/monday --dir data

Every byte is checked on the way. The directory must not be there yet, or be empty. Ctrl-C stops it and leaves no \
directory.")]
pub(crate) struct Restore {
    /// The backup.
    from: PathBuf,
}

#[derive(Serialize)]
struct CopyLine<'a> {
    from: &'a PathBuf,
    to: &'a PathBuf,
    bytes: u64,
}

impl Backup {
    pub(crate) fn run(self, place: &Place) -> Done {
        let progress = Progress::bytes("copying", Some(0)).interruptible();
        let engine = place.reader()?;
        let bytes = engine.backup(&self.to, &mut |done, total| progress.at_of(done, total))?;
        drop(progress);
        answer(place, &place.dir()?, &self.to, bytes)
    }
}

impl Restore {
    pub(crate) fn run(self, place: &Place) -> Done {
        let to = place.dir()?;
        let progress = Progress::bytes("restoring", Some(0)).interruptible();
        let bytes = Engine::restore(&self.from, &to, &mut |done, total| progress.at_of(done, total))?;
        drop(progress);
        answer(place, &self.from, &to, bytes)
    }
}

fn answer(place: &Place, from: &PathBuf, to: &PathBuf, bytes: u64) -> Done {
    let mut out = place.output();
    let line = CopyLine { from, to, bytes };
    out.either(&line, || format!("{} from {} to {}", show_size(bytes), from.display(), to.display()))?;
    out.flush()
}

//! What every row works with: fresh directories, sizes, rounds in turn, and progress on stderr.
//!
//! Owns the scratch directory and removes it at the end, also after a failure. Knows no store.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::args::Args;
use crate::source::BATCH_RECORDS;

/// Between two lines of progress where they do not replace each other.
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

/// One side of a comparison: its name, and its turn, which answers with a rate or another figure where more is better.
pub(crate) struct Side<'a> {
    name: String,
    turn: Box<dyn FnMut(usize) -> Outcome<f64> + 'a>,
}

impl<'a> Side<'a> {
    /// A side whose turn is told the number of its round, from 0.
    pub(crate) fn new(name: impl Into<String>, turn: impl FnMut(usize) -> Outcome<f64> + 'a) -> Self {
        Side { name: name.into(), turn: Box::new(turn) }
    }
}

/// The figure of each round of one side.
pub(crate) type Samples = Vec<f64>;

/// The surroundings of a row.
pub(crate) struct Context {
    /// How many times each side takes its turn.
    pub(crate) rounds: usize,
    scale: f64,
    root: Scratch,
    row: &'static str,
    made: u64,
    kept: HashMap<String, Kept>,
    began: Instant,
    said: Cell<Instant>,
}

/// A store that several rows use, with what was seen when it was made.
#[derive(Clone)]
pub(crate) struct Kept {
    /// Where it is.
    pub(crate) dir: PathBuf,
    /// Figures by name.
    pub(crate) figures: HashMap<String, f64>,
}

impl Context {
    /// A context with an empty scratch directory of its own.
    pub(crate) fn new(args: &Args) -> Outcome<Self> {
        Ok(Context {
            rounds: args.rounds,
            scale: args.scale,
            root: Scratch::new(args.dir.join(format!("run-{}", std::process::id())))?,
            row: "",
            made: 0,
            kept: HashMap::new(),
            began: Instant::now(),
            said: Cell::new(Instant::now()),
        })
    }

    /// Begins a row with the disk at rest, so that no row pays for what an earlier one left to write.
    pub(crate) fn begin(&mut self, row: &'static str) -> Outcome<()> {
        self.row = row;
        std::fs::create_dir_all(self.row_dir())?;
        self.progress("waiting for the disk to come to rest");
        Command::new("sync").status().map_err(|e| format!("cannot run sync: {e}"))?;
        Ok(())
    }

    /// Ends a row and removes its files.
    pub(crate) fn end(&mut self) -> Outcome<()> {
        std::fs::remove_dir_all(self.row_dir())?;
        Ok(())
    }

    /// A path in the row's directory where nothing is yet.
    pub(crate) fn fresh(&mut self, name: &str) -> PathBuf {
        self.made += 1;
        self.row_dir().join(format!("{name}-{}", self.made))
    }

    /// A store that outlives its row, made at its first use in a directory that is not there yet.
    pub(crate) fn kept(
        &mut self,
        name: String,
        make: impl FnOnce(&Context, &Path) -> Outcome<HashMap<String, f64>>,
    ) -> Outcome<Kept> {
        if let Some(kept) = self.kept.get(&name) {
            return Ok(kept.clone());
        }
        let dir = self.root.0.join(format!("kept-{name}"));
        let kept = Kept { figures: make(self, &dir)?, dir };
        self.kept.insert(name, kept.clone());
        Ok(kept)
    }

    /// A size of the full measurement, scaled: whole batches, at least one.
    pub(crate) fn scaled(&self, full: u64) -> u64 {
        let batches = (full as f64 * self.scale / BATCH_RECORDS as f64).round().max(1.0);
        batches as u64 * BATCH_RECORDS
    }

    /// A number of turns that matter for precision only, scaled: at least ten.
    pub(crate) fn turns(&self, full: u64) -> u64 {
        ((full as f64 * self.scale) as u64).max(10)
    }

    /// Lets the sides take turns, A B A B, and returns the figures of each side.
    pub(crate) fn interleave<const N: usize>(&self, sides: [Side<'_>; N]) -> Outcome<[Samples; N]> {
        self.interleave_for(self.rounds, sides)
    }

    /// The same for another number of rounds.
    pub(crate) fn interleave_for<const N: usize>(&self, rounds: usize, sides: [Side<'_>; N]) -> Outcome<[Samples; N]> {
        let mut samples = self.interleave_all(rounds, sides.into())?.into_iter();
        Ok(std::array::from_fn(|_| samples.next().unwrap_or_default()))
    }

    /// The same for sides that only the run itself knows the number of.
    pub(crate) fn interleave_all(&self, rounds: usize, mut sides: Vec<Side<'_>>) -> Outcome<Vec<Samples>> {
        let mut samples = vec![Samples::new(); sides.len()];
        for round in 0..rounds {
            for (side, figures) in sides.iter_mut().zip(&mut samples) {
                self.progress(&format!("round {}/{rounds}: {}", round + 1, side.name));
                let figure = (side.turn)(round).map_err(|e| format!("{}: {e}", side.name))?;
                figures.push(figure);
            }
        }
        Ok(samples)
    }

    /// Says on stderr what is being done; on a terminal the next such line replaces it, elsewhere some are left out.
    pub(crate) fn progress(&self, doing: &str) {
        let mut stderr = std::io::stderr().lock();
        let line = format!("[{:4} s] {}: {doing}", self.began.elapsed().as_secs(), self.row);
        // Nothing depends on whether anybody reads along, so a closed stderr is no error.
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
        } else if self.said.get().elapsed() >= PROGRESS_PAUSE {
            let _ = writeln!(stderr, "{line}");
            self.said.set(Instant::now());
        }
    }

    fn row_dir(&self) -> PathBuf {
        self.root.0.join(self.row)
    }
}

/// A directory that goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dir: PathBuf) -> Outcome<Self> {
        std::fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("headwater-bench: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Says a line on stderr that stays.
pub(crate) fn say(line: &str) {
    let clear = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    eprintln!("{clear}{line}");
}

/// How many of `count` things a second, given how long `work` took over them.
pub(crate) fn rate(count: u64, work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let began = Instant::now();
    work()?;
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// The same for work that finds something, which is kept so that the sides' findings can be compared.
pub(crate) fn rate_of<T>(count: u64, found: &mut Vec<T>, work: impl FnOnce() -> Outcome<T>) -> Outcome<f64> {
    rate(count, || {
        found.push(work()?);
        Ok(())
    })
}

/// Copies a directory, sub-directories included.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// All files below a directory.
pub(crate) fn files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

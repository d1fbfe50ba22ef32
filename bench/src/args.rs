//! The command line: which rows, how many rounds, how large, where. Knows the names of the rows, not what they do.

use std::path::PathBuf;

use crate::rows;

/// Rounds of a real measurement; fewer are a quick look, and the table says so.
pub(crate) const ROUNDS_MIN: usize = 5;

const HELP: &str = "\
Headwater beside its peers: the same job, in one run, interleaved, as ratios beside the goals.

Usage: make bench      or: cargo xtask bench [OPTIONS]

Options:
  --only ROW     only this row; may repeat, or name several with commas
  --rounds N     rounds of each comparison, of which medians are taken [5]
  --scale F      sizes times this much, for a quick look; the goals speak of 1 [1]
  --dir DIR      where to put the files; it decides which disk is measured [bench/target/bench-data]
  --json FILE    write every round of every figure there too
  --list         name the rows and what they measure
  --help         this text

Example: cargo xtask bench --only read,last --rounds 9 --json figures.json";

/// What the command line asks for.
pub(crate) enum Command {
    /// Measure.
    Run(Args),
    /// Be the fresh process of a measurement.
    Child(Vec<String>),
    /// Print this.
    Print(String),
}

/// How to measure.
pub(crate) struct Args {
    only: Vec<String>,
    /// How many times each side takes its turn.
    pub(crate) rounds: usize,
    /// What all sizes are multiplied with.
    pub(crate) scale: f64,
    /// Where the files go.
    pub(crate) dir: PathBuf,
    /// Where to write all figures.
    pub(crate) json: Option<PathBuf>,
}

impl Args {
    /// Reads the words after the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Command, String> {
        let mut args = Args {
            only: Vec::new(),
            rounds: ROUNDS_MIN,
            scale: 1.0,
            dir: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-data"),
            json: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value; see --help"));
            match word.as_str() {
                "child" => return Ok(Command::Child(words.collect())),
                "--help" | "-h" => return Ok(Command::Print(HELP.to_owned())),
                "--list" => return Ok(Command::Print(list())),
                "--only" => {
                    for name in value()?.split(',') {
                        if !rows::ALL.iter().any(|row| row.name == name) {
                            return Err(format!("there is no row '{name}'; --list names them"));
                        }
                        args.only.push(name.to_owned());
                    }
                }
                "--rounds" => args.rounds = number(&word, &value()?, |n: &usize| *n >= 1, "a whole number from 1")?,
                "--scale" => {
                    args.scale = number(&word, &value()?, |f: &f64| *f > 0.0 && *f <= 10.0, "above 0, at most 10")?;
                }
                "--dir" => args.dir = PathBuf::from(value()?),
                "--json" => args.json = Some(PathBuf::from(value()?)),
                _ => return Err(format!("'{word}' is not an option; see --help")),
            }
        }
        Ok(Command::Run(args))
    }

    /// Whether the row is asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == row)
    }
}

fn number<T: std::str::FromStr>(option: &str, text: &str, fits: fn(&T) -> bool, what: &str) -> Result<T, String> {
    text.parse().ok().filter(fits).ok_or_else(|| format!("{option} is '{text}', must be {what}"))
}

fn list() -> String {
    let width = rows::ALL.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = rows::ALL.iter().map(|row| format!("{:width$}  {}", row.name, row.about)).collect();
    lines.join("\n")
}

//! Headwater beside its peers: the same job, in one run, interleaved, and printed as ratios beside the goals.
//!
//! `make bench` runs this. Each row of the table is one file in `rows/`; each peer is one file in `peers/`, with the
//! best settings that it has for the job. Every result is opened again in a fresh process, which is this same binary
//! under the hidden subcommand `child`, and its records are counted and checksummed on all sides before a figure
//! counts.

mod args;
mod check;
mod child;
mod context;
mod heap;
mod memory;
mod ours;
mod peers;
mod report;
mod rows;
mod source;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::context::{Context, say};
use crate::report::Report;

/// What anything here comes to: a figure, or a sentence that says why there is none.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let done = match Args::parse(std::env::args().skip(1)) {
        Ok(Command::Run(args)) => run(&args),
        Ok(Command::Child(words)) => child::run(&words).map(|()| true),
        Ok(Command::Print(text)) => {
            println!("{text}");
            Ok(true)
        }
        Err(message) => {
            eprintln!("headwater-bench: {message}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("headwater-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the rows asked for; false when one of them could not be measured. A missed goal is a result, not a failure.
fn run(args: &Args) -> Outcome<bool> {
    let mut context = Context::new(args)?;
    let mut report = Report::new(args);
    for row in rows::ALL.iter().filter(|row| args.wants(row.name)) {
        context.begin(row.name)?;
        // A quarter of an hour of figures must not go because one row panics.
        let measured = catch_unwind(AssertUnwindSafe(|| (row.run)(&mut context)));
        match measured.unwrap_or_else(|_| Err("it panicked; see above".into())) {
            Ok(lines) => {
                for line in lines {
                    say(&line.summary());
                    report.add(line);
                }
            }
            Err(error) => {
                say(&format!("{}: failed: {error}", row.name));
                report.fail(row.name, &error.to_string());
            }
        }
        context.end()?;
    }
    println!("{}", report.table());
    if let Some(path) = &args.json {
        std::fs::write(path, report.json()).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(report.complete())
}

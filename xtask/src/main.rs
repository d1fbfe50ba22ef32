//! `cargo xtask`: the project's own chores, so that a Makefile line and a person at a prompt do the same thing.
//!
//! Each chore is a file here. None of them knows how another works; `test` alone strings them together, in order.

mod archive;
mod compile;
mod dist;
mod header;
mod packages;
mod shell;
mod symbols;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use compile::Profile;

const HELP: &str = "\
The project's own chores.

Usage: cargo xtask <chore> [arguments]

  check-tools      says which prerequisites are missing, and how to get each
  tools            fetches what the tests need into .tools
  test [part ...]  runs everything in order, or only the named parts; `test --list` names them
  tidy             checks what no compiler does: lengths, headings, links, leftovers, tables in step
  header           writes include/headwater.h; with --check only says if it has drifted
  symbols          compares what the libraries export with the header
  archive          makes the static library that Go links, with only the API's symbols
  dist             leaves the packages of every language in dist/
  packages         does the same, installs each as its user would, and runs the examples there
  audit            checks licences, advisories and sources of the dependencies
  fuzz [seconds]   runs each fuzzer for so long (60)
  sim [seeds]      runs the simulation over so many seeds (2000)
  soak             runs the long crash and endurance tests
  bench [args]     measures beside the peers
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let outcome = match args.first().map(String::as_str) {
        Some("check-tools") => tools::check(),
        Some("tools") => tools::fetch(),
        Some("test") => test::run(rest),
        Some("tidy") => tidy::run(),
        Some("header") if rest == ["--check"] => header::check(),
        Some("header") if rest.is_empty() => header::write_header(),
        Some("symbols") => symbols::run(),
        Some("archive") => archive::run(),
        Some("dist") => dist::run(Profile::Release),
        Some("packages") => packages::run(Profile::Release),
        Some("audit") => tools::audit(),
        Some("fuzz") => test::fuzz(rest),
        Some("sim") => test::sim(rest),
        Some("soak") => test::soak(),
        Some("bench") => test::bench(rest),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

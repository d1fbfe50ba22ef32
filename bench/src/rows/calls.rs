//! What a call costs through each door: the same appends by a C, a Python and a Node program beside a Rust one, and
//! batches by Python and Node beside what their users would take instead.
//!
//! Every program is a fresh process: `PROGRAM JOB DIR WARM_UP RECORDS`, where the job is `one` (a call a record),
//! `batch` (a thousand a call) or `sqlite` (the peer, a thousand a transaction). It answers `ns`, for one record.
//! `doors.sh` builds what they need; a door that is not there is skipped, with the reason.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Row;
use crate::Outcome;
use crate::check::{Kind, check};
use crate::child;
use crate::context::{Context, Samples, Side};
use crate::report::Line;
use crate::source::{BATCH_RECORDS, Digest, PAYLOAD_BYTES, subject};

/// The row.
pub(crate) const ROW: Row = Row {
    name: "calls",
    about: "a call through C, Python and Node: Rust; their batches: sqlite3, better-sqlite3",
    run,
};

const RECORDS: u64 = 300_000;
/// The subject of single appends; batches go round a thousand.
pub(crate) const SUBJECT: &str = "bench.one";
/// What the payloads here are full of.
pub(crate) const FILLER: u8 = b'x';

const BENCH: &str = env!("CARGO_MANIFEST_DIR");

/// How to start a program, or why it can't be.
pub(super) type Door = Result<Vec<PathBuf>, String>;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let dir = context.fresh("store");
    context.progress("building the programs");
    let rust: Door = Ok(vec![std::env::current_exe()?, "child".into(), "append".into()]);
    let (c, python, node) =
        (c(&context.fresh("program")), python("append.py"), node("append.mjs", &["headwater", "better-sqlite3"]));
    let doors = [
        (("Rust", "one"), &rust),
        (("C", "one"), &c),
        (("Python", "one"), &python),
        (("Node", "one"), &node),
        (("Python", "batch"), &python),
        (("Python", "sqlite"), &python),
        (("Node", "batch"), &node),
        (("Node", "sqlite"), &node),
    ];
    let mut names = Vec::new();
    let mut sides = Vec::new();
    for ((language, job), door) in doors {
        if let Ok(words) = door {
            names.push((language, job));
            let dir = &dir;
            sides.push(Side::new(format!("{language} {job}"), move |_| turn(words, job, dir, records)));
        }
    }
    let samples = context.interleave_all(context.rounds, sides)?;
    let costs: HashMap<_, _> = names.into_iter().zip(samples).collect();
    Ok(lines(&costs, [("C", &c), ("Python", &python), ("Node", &node)]))
}

/// Lets a program write to a new store and has another process check it; returns nanoseconds a record.
fn turn(words: &[PathBuf], job: &str, dir: &Path, records: u64) -> Outcome<f64> {
    let warm_up = (records / 10).next_multiple_of(BATCH_RECORDS);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(job).arg(dir).arg(warm_up.to_string()).arg(records.to_string());
    let cost = child::run_to_end(command)?.number("ns")?;
    let mut expected = Digest::default();
    for record in 0..warm_up + records {
        let name = if job == "one" { SUBJECT.to_owned() } else { subject(record % BATCH_RECORDS) };
        expected.add(name.as_bytes(), &[FILLER; PAYLOAD_BYTES]);
    }
    check(if job == "sqlite" { Kind::Sqlite } else { Kind::OursUnordered }, dir, expected)?;
    std::fs::remove_dir_all(dir)?;
    Ok(cost)
}

fn lines(costs: &HashMap<(&str, &str), Samples>, doors: [(&str, &Door); 3]) -> Vec<Line> {
    let mut lines = Vec::new();
    for ((language, door), goal) in doors.into_iter().zip([1.15, 3.0, 4.0]) {
        let what = format!("one call through {language} (append, `os`)");
        lines.push(match door {
            Ok(_) => {
                let pair = [language, "Rust"].map(|language| &costs[&(language, "one")]);
                Line::cost(ROW.name, &what, "the Rust call", pair, goal)
            }
            Err(why) => Line::skipped(ROW.name, &what, why),
        });
    }
    let peers = ["sqlite3 executemany", "better-sqlite3 transaction"];
    for ((language, door), peer) in doors.into_iter().skip(1).zip(peers) {
        let what = format!("{language} batch append of 1000, `os`");
        lines.push(match door {
            Ok(_) => {
                let [ours, theirs] = ["batch", "sqlite"].map(|job| rates(&costs[&(language, job)]));
                Line::ratio(ROW.name, &what, peer, [&ours, &theirs], 3.0)
            }
            Err(why) => Line::skipped(ROW.name, &what, why),
        });
    }
    lines
}

fn rates(costs: &Samples) -> Samples {
    costs.iter().map(|ns| 1e9 / ns).collect()
}

/// The C program, compiled against the header and linked with the static library.
fn c(program: &Path) -> Door {
    let root = Path::new(BENCH).parent().unwrap_or(Path::new(".."));
    let library = there(root.join("target/release/libheadwater.a"))?;
    let header = there(root.join("include/headwater.h"))?;
    let compiled = Command::new("cc")
        .args(["-std=c99", "-O2", "-o"])
        .arg(program)
        .arg(Path::new(BENCH).join("c/append.c"))
        .arg("-I")
        .arg(header.parent().unwrap_or(root))
        .arg(library)
        .args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"])
        .status();
    match compiled {
        Ok(status) if status.success() => Ok(vec![program.to_owned()]),
        Ok(_) => Err("bench/c/append.c does not compile; see above".to_owned()),
        Err(error) => Err(format!("cannot run cc: {error}")),
    }
}

/// A Python program, in the environment that has our wheel.
pub(super) fn python(program: &str) -> Door {
    let interpreter = there(Path::new(BENCH).join("target/venv/bin/python"))?;
    works(Command::new(&interpreter).args(["-c", "import headwater"]), "import headwater in bench/target/venv")?;
    Ok(vec![interpreter, Path::new(BENCH).join("python").join(program)])
}

/// A Node program, beside the packages that it takes.
pub(super) fn node(program: &str, packages: &[&str]) -> Door {
    let program = Path::new(BENCH).join("node").join(program);
    for package in packages {
        there(Path::new(BENCH).join("node/node_modules").join(package))?;
    }
    works(Command::new("node").arg(&program).arg("load"), "load the packages of bench/node")?;
    Ok(vec!["node".into(), program])
}

fn there(path: PathBuf) -> Result<PathBuf, String> {
    if path.exists() {
        return Ok(path);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Err(format!("{name} is not there: run bench/doors.sh first"))
}

fn works(command: &mut Command, what: &str) -> Result<(), String> {
    match command.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("cannot {what}: run bench/doors.sh again")),
        Err(error) => Err(format!("cannot {what}: {error}")),
    }
}

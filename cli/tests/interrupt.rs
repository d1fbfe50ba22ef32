//! Ctrl-C while long work runs: it ends in good order, and says what it leaves.

mod common;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;

use common::{Dir, finish};

const LINES: u64 = 400_000;

#[test]
fn an_import_that_is_interrupted_ends_with_a_message_and_goes_on_when_it_is_run_again() {
    let dir = Dir::new("interrupt");
    let (pipe, file) = (dir.file("pipe.csv"), dir.file("file.csv"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let mut text = String::from("time,x\n");
    for n in 0..LINES {
        writeln!(text, "{n},1").expect("text takes it");
    }
    fs::write(&file, &text).expect("the file is written");
    let import = |path: &str| ["points", "import", "weather", path, "--time", "time", "--node", "n"].map(str::to_owned);
    let args = import(&pipe.to_string_lossy());
    let child = dir.spawn(&args.each_ref().map(String::as_str));
    let mut to = File::create(&pipe).expect("it opens the pipe");
    let (first, rest) = text.as_bytes().split_at(text.len() / 2);
    // More than a pipe holds: it reads, so it listens.
    to.write_all(first).expect("it reads");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    // It ends somewhere in here, and then nobody reads.
    let _ = to.write_all(rest);
    drop(to);
    let ran = finish(child, b"");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("goes on from there when it is run again"), "{ran:?}");

    let args = import(&file.to_string_lossy());
    let report = dir.json(&args.each_ref().map(String::as_str));
    let number = |field: &str| report[0][field].as_u64().expect("a number");
    assert!(number("resumed") > 0, "{report:?}");
    assert_eq!(number("points") + number("resumed"), LINES, "{report:?}");
}

//! The application's side: a program that knows nothing of us writes to a file. It is `sqlite3`, or Python where that
//! is not installed.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and stands outside: it may start processes"
)]

use std::path::Path;
use std::process::Command;

const PYTHON: &str = "
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
if sys.argv[2].lstrip().upper().startswith('SELECT'):
    for row in conn.execute(sys.argv[2]):
        print('|'.join('' if cell is None else str(cell) for cell in row))
else:
    conn.executescript(sys.argv[2])
";

/// What a statement prints, or what some statements do; a failure ends the test.
pub(crate) fn sqlite(db: &Path, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    let done = command.args(["-cmd", ".timeout 5000"]).arg(db).arg(sql).output();
    let done = done.or_else(|_| Command::new("python3").args(["-c", PYTHON]).arg(db).arg(sql).output()).unwrap();
    assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

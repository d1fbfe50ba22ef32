//! `kill -9` of the application, of the node and of the hub, in every phase: attach, capture, publish, apply, making a
//! snapshot and taking it back. What the application committed is at both ends at the end, once.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::node::{Hub, until};
use common::side::{BOOKS, Side, equal};
use common::{finish, headwater, start};

/// How long something is left alone before it is killed, in milliseconds: at once, early, and within its work.
const DELAYS: [u64; 4] = [0, 15, 60, 150];
const SUMS: &str = "SELECT count(*), sum(id), sum(length(title)), total(price), count(DISTINCT id) FROM books";

/// An application that commits one row after the other, and says each number once its commit is done.
const APPLICATION: &str = "
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
for n in range(int(sys.argv[2]), int(sys.argv[2]) + 100000):
    conn.execute('INSERT INTO books VALUES (?, ?, ?)', (n, 'title %d' % n, n * 0.5))
    print(n, flush=True)
";

struct Application {
    process: Child,
    output: BufReader<ChildStdout>,
    said: String,
}

impl Application {
    /// It has committed a row when this returns.
    fn start(db: &Path, from: u64) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", APPLICATION]).arg(db).arg(from.to_string());
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = spawned.expect("it starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut said = String::new();
        output.read_line(&mut said).expect("it says what it wrote");
        Application { process, output, said }
    }

    /// The last number that it said.
    fn kill(mut self) -> u64 {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it ends");
        self.output.read_to_string(&mut self.said).expect("text");
        // The last line may be cut.
        let mut numbers = self.said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok());
        numbers.next_back().expect("it said one")
    }
}

fn wait(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Starts a verb of a side and leaves it to itself.
fn begin(side: &Side, verb: &[&str]) -> Child {
    start(headwater(verb).args(["--dir", "data"]).current_dir(side.dir.file("")))
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn same_rows(sides: &[&Side; 2]) {
    until("both have the same rows", || sides[0].sql(SUMS) == sides[1].sql(SUMS));
    let checked = sides[0].run(&["replica", "check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn attach_capture_publish_and_apply_are_killed() {
    let mut hub = Hub::later();
    hub.start();
    let (mut a, mut b) = (Side::new("kills-a", &hub), Side::new("kills-b", &hub));
    a.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO books SELECT -i, 'old', 0 FROM n",
    );
    // Attach, by a verb, in a directory that is thrown away with all that its log was given.
    let file = a.db.display().to_string();
    let attach = ["replica", "attach", &file, "--dir", "gone"];
    for delay in DELAYS {
        let attaching = start(headwater(&attach).current_dir(a.dir.file("")));
        wait(delay);
        end(attaching);
    }
    let attached = finish(start(headwater(&attach).current_dir(a.dir.file(""))), b"");
    assert_eq!((attached.code, a.sql("SELECT count(*) FROM books").as_str()), (0, "20000"), "{attached:?}");
    std::fs::remove_dir_all(a.dir.file("gone")).expect("it is there");
    // And by a node.
    for delay in DELAYS {
        a.start();
        wait(delay);
        a.kill();
    }
    // Capture, publish and apply: one of the three dies, or the hub, again and again.
    let mut said = Vec::new();
    for (round, delay) in DELAYS.into_iter().enumerate() {
        a.start();
        b.start();
        let writing = Application::start(&a.db, 1 + 1_000_000 * round as u64);
        wait(delay);
        match round {
            0 => hub.kill(),
            1 => a.kill(),
            2 => b.kill(),
            _ => {}
        }
        wait(100);
        said.push(writing.kill());
        b.sql(&format!("UPDATE books SET price = {round} WHERE id = -7"));
        a.kill();
        wait(delay);
        b.kill();
        hub.kill();
        hub.start();
    }
    a.start();
    b.start();
    same_rows(&[&a, &b]);
    for last in said {
        equal(&[&a, &b], &format!("SELECT title FROM books WHERE id = {last}"), &format!("title {last}"));
    }
    equal(&[&a, &b], "SELECT count(*) FROM books WHERE id < 0", "20000");
    equal(&[&a, &b], "SELECT price FROM books WHERE id = -7", "3.0");
}

#[test]
fn making_a_snapshot_and_taking_it_back_are_killed() {
    let mut hub = Hub::later();
    hub.start();
    let store = common::Dir::new("kills-store");
    let told = format!("[replica.snapshot]\nstore = {:?}\n", store.path());
    let mut a = Side::told("kills-from", &hub, &told);
    // 12 MB that do not compress, so some parts.
    a.sql(&format!(
        "{BOOKS}; CREATE TABLE blobs(id INTEGER PRIMARY KEY, data BLOB); \
         INSERT INTO books VALUES (1, 'one', 1); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) \
         INSERT INTO blobs SELECT i, randomblob(100000) FROM n"
    ));
    for (round, delay) in DELAYS.into_iter().enumerate() {
        a.start();
        let making = begin(&a, &["replica", "snapshot"]);
        wait(delay);
        if round == 0 {
            hub.kill();
            hub.start();
        }
        a.kill();
        end(making);
    }
    a.start();
    a.job(&["replica", "snapshot"]);
    // A node without a file is made of it, and dies meanwhile.
    let mut b = Side::told("kills-to", &hub, &told);
    for delay in DELAYS {
        let mut process = headwater(&["serve", "--config", "a.toml"]);
        process.current_dir(b.dir.file("")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let serving = process.spawn().expect("it starts");
        wait(delay);
        end(serving);
    }
    b.start();
    until("there is a file", || b.db.exists());
    let blobs = "SELECT count(*), sum(length(data)) FROM blobs";
    equal(&[&a, &b], blobs, "120|12000000");
    equal(&[&a, &b], "SELECT title FROM books", "one");
    // It is joined with a file that is there and was written to, and the node dies meanwhile.
    b.sql("UPDATE books SET title = 'of b' WHERE id = 1");
    for delay in DELAYS {
        let joining = begin(&b, &["replica", "restore"]);
        wait(delay);
        b.kill();
        end(joining);
        b.start();
    }
    b.job(&["replica", "restore"]);
    equal(&[&a, &b], "SELECT title FROM books", "of b");
    equal(&[&a, &b], blobs, "120|12000000");
    let checked = a.run(&["replica", "check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

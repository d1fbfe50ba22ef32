//! One node of a replicated SQLite file as its user has it: an application's file, and a `headwater serve` beside it.

use std::path::PathBuf;

use serde_json::Value;

use super::node::{Hub, Node, until};
use super::{Dir, Ran, finish, headwater, objects, start};

#[path = "../../../core/tests/common/sqlite.rs"]
pub(crate) mod sqlite;

use sqlite::sqlite;

pub(crate) const BOOKS: &str =
    "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL); CREATE TABLE notes(text)";

/// One side: a file, and the node beside it.
pub(crate) struct Side {
    pub(crate) dir: Dir,
    pub(crate) db: PathBuf,
    pub(crate) node: Option<Node>,
}

impl Side {
    pub(crate) fn new(name: &str, hub: &Hub) -> Self {
        let side = Self::told(name, hub, "node_id = 7\npublish = true\n[replica.log]\nmax_entries = 100000\n");
        side.sql(BOOKS);
        side
    }

    /// One whose `[replica]` says this beside where the file is, which is not there yet.
    pub(crate) fn told(name: &str, hub: &Hub, replica: &str) -> Self {
        let dir = Dir::new(name);
        let db = dir.file("app.db");
        let url = hub.url();
        let text = format!("dir = \"data\"\n[hub]\nurl = \"{url}\"\n[replica]\ndb_path = \"app.db\"\n{replica}");
        std::fs::write(dir.file("a.toml"), text).expect("a file");
        Side { dir, db, node: None }
    }

    /// Adds to what its node is told.
    pub(crate) fn tell(&self, more: &str) {
        let path = self.dir.file("a.toml");
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(path, text + more).expect("a file");
    }

    pub(crate) fn start(&mut self) {
        self.node = Some(Node::start(&self.dir, &["--config", "a.toml"]));
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            node.process.kill().expect("it is killed");
            node.process.wait().expect("it ends");
        }
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        sqlite(&self.db, sql)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(start(headwater(args).args(["--dir", "data"]).current_dir(self.dir.file(""))), b"")
    }

    /// Runs a verb that has to go well, again where the node is at another job of the kind.
    pub(crate) fn job(&self, args: &[&str]) {
        until(&format!("{args:?} is done"), || {
            let ran = self.run(args);
            assert!(ran.code == 0 || ran.stderr.contains("is at work"), "{args:?}: {}", ran.stderr);
            ran.code == 0
        });
    }

    pub(crate) fn status(&self) -> Value {
        let ran = self.run(&["replica", "status", "app.db", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        objects(&ran.stdout).remove(0)
    }
}

/// Waits until a question has this answer at all sides.
pub(crate) fn equal(sides: &[&Side], sql: &str, expected: &str) {
    until(&format!("{sql} is {expected}"), || sides.iter().all(|side| side.sql(sql) == expected));
}

//! Nodes of replicated files as tests have them: an application's file, an engine beside it, and a hub that joins them.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

use headwater::replica::{Connection, Database, DatabaseConfig};
use headwater::{Engine, ErrorKind, LinkConfig, StreamConfig};

use super::dirs::Dir;
use super::patience::until;
use super::sqlite::sqlite;

pub(crate) const BOOKS: &str = "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)";

/// A file that an application made.
pub(crate) fn file(dir: &Dir, name: &str, sql: &str) -> PathBuf {
    std::fs::create_dir_all(&dir.0).unwrap();
    let path = dir.0.join(name);
    sqlite(&path, sql);
    path
}

/// Opens a directory. A program that another test starts has its lock for a moment, between fork and exec.
pub(crate) fn open(dir: &Path) -> Engine {
    let mut opened = Engine::open(dir);
    until("the directory is free", || {
        if opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy) {
            opened = Engine::open(dir);
        }
        !opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy)
    });
    opened.unwrap()
}

pub(crate) fn hub() -> Engine {
    let hub = Engine::memory().unwrap();
    hub.create_stream(StreamConfig::new("REPLICA_app", ["$REPLICA.app.>", "$HW.REPLICA_app.>"])).wait().unwrap();
    hub
}

pub(crate) fn config(path: &Path) -> DatabaseConfig {
    DatabaseConfig { name: "app".into(), ..DatabaseConfig::new(path) }
}

pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) database: Database,
    pub(crate) path: PathBuf,
}

impl Node {
    pub(crate) fn new(dir: &Dir, name: &str, sql: &str, hub: &Engine) -> Node {
        let path = file(dir, &format!("{name}.db"), sql);
        let node = Node::open(dir, name, path);
        node.link(hub);
        node
    }

    pub(crate) fn open(dir: &Dir, name: &str, path: PathBuf) -> Node {
        let engine = open(&dir.0.join(name));
        let database = engine.attach(config(&path)).wait().unwrap();
        Node { engine, database, path }
    }

    pub(crate) fn link(&self, hub: &Engine) {
        self.engine.add_link(LinkConfig::new("l", "REPLICA_app", "REPLICA_app"), hub).wait().unwrap();
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        sqlite(&self.path, sql)
    }

    pub(crate) fn connect(&self) -> Connection {
        self.database.connect().unwrap()
    }
}

pub(crate) fn equal(nodes: &[&Node], sql: &str, expected: &str) {
    until(&format!("{sql} is {expected}"), || nodes.iter().all(|node| node.sql(sql) == expected));
}

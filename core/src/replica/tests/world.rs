//! Nodes on files, each with an application's own connection, and the units on their way between them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, ErrorCode};

use crate::replica::apply::Applied;
use crate::replica::change::Unit;
use crate::replica::value::Value;
use crate::replica::{Options, Replica};

/// Far enough that no clock of a test is ahead.
pub(super) const NOW_MS: u64 = 1 << 40;

/// A directory that goes when it is dropped.
pub(super) struct Dir(PathBuf);

impl Dir {
    pub(super) fn new() -> Dir {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("headwater-replica-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub(super) fn open(&self, name: &str) -> Connection {
        open(&self.0.join(name))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One node: its replica, and the application beside it.
pub(super) struct Node {
    pub(super) id: u64,
    pub(super) app: Connection,
    pub(super) replica: Option<Replica>,
    /// Whether what `INSERT OR REPLACE` takes out fires the application's triggers.
    pub(super) is_recursive: bool,
    options: Options,
    path: PathBuf,
    /// Every unit it sent.
    pub(super) sent: Vec<Vec<u8>>,
    /// Who it was before its file was replaced by an older copy, with what it had sent.
    pub(super) past: Vec<(u64, Vec<Vec<u8>>)>,
}

fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
    conn
}

fn open_app(path: &Path, is_recursive: bool) -> Connection {
    let conn = open(path);
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON").unwrap();
    conn.pragma_update(None, "recursive_triggers", is_recursive).unwrap();
    conn
}

impl Node {
    /// A node whose file has what `schema` makes when the replica comes.
    pub(super) fn new(dir: &Dir, id: u64, schema: &str, options: Options) -> Node {
        let path = dir.0.join(format!("{id}.db"));
        let app = open_app(&path, true);
        app.execute_batch("CREATE TABLE test_clock(ms INTEGER); INSERT INTO test_clock VALUES (1000)").unwrap();
        app.execute_batch(schema).unwrap();
        let options = Options { time_sql: "(SELECT ms FROM test_clock)".to_owned(), ..options };
        let replica = Some(Replica::open(open(&path), id, options.clone()).unwrap());
        Node { id, app, replica, is_recursive: true, options, path, sent: Vec::new(), past: Vec::new() }
    }

    pub(super) fn replica(&mut self) -> &mut Replica {
        self.replica.as_mut().unwrap()
    }

    /// The replica goes and comes back, as after a crash between two transactions.
    pub(super) fn restart(&mut self) {
        self.replica = None;
        self.replica = Some(Replica::open(open(&self.path), self.id, self.options.clone()).unwrap());
    }

    /// The replica dies in the middle of `work`, after some steps of SQLite's machine, unless it is done before.
    pub(super) fn kill(&mut self, steps: usize, work: impl FnOnce(&mut Replica)) {
        let mut left = steps;
        let is_over = move || {
            left = left.saturating_sub(1);
            left == 0
        };
        self.replica().conn.progress_handler(3, Some(is_over)).unwrap();
        work(self.replica());
        self.restart();
        self.send();
    }

    /// The application dies, and comes back.
    pub(super) fn restart_app(&mut self) {
        self.app = open_app(&self.path, self.is_recursive);
    }

    /// Keeps a copy of the file for [`Node::restore`].
    pub(super) fn back_up(&mut self) {
        self.send();
        let busy = self.rows("PRAGMA wal_checkpoint(TRUNCATE)");
        assert_eq!(busy[0][0], Value::Integer(0));
        std::fs::copy(&self.path, self.path.with_extension("copy")).unwrap();
    }

    /// The file becomes the copy again, and goes on as the file of another node: nothing is ever said in the name of
    /// the one before, whose units come to it like any other's.
    pub(super) fn restore(&mut self, id: u64) {
        self.replica = None;
        self.app = Connection::open_in_memory().unwrap();
        for more in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{more}", self.path.display()));
        }
        std::fs::copy(self.path.with_extension("copy"), &self.path).unwrap();
        self.app = open_app(&self.path, self.is_recursive);
        self.past.push((self.id, std::mem::take(&mut self.sent)));
        let mut replica = Replica::open(open(&self.path), self.id, self.options.clone()).unwrap();
        replica.become_node(id, false).unwrap();
        (self.id, self.replica) = (id, Some(replica));
    }

    pub(super) fn at(&mut self, ms: u64, sql: &str) {
        self.app.execute("UPDATE test_clock SET ms = ?1", [ms as i64]).unwrap();
        self.app.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A statement that may be refused; any error but a refusal is the replica's fault.
    pub(super) fn attempt(&mut self, sql: &str, values: &[Value]) {
        match self.app.execute(sql, rusqlite::params_from_iter(values)) {
            Ok(_) => {}
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {}
                _ => panic!("{sql}: {error}"),
            },
        }
    }

    /// Cuts once and sends what came out.
    pub(super) fn cut(&mut self) {
        self.replica().cut().unwrap();
        self.send();
    }

    pub(super) fn cut_all(&mut self) {
        while self.replica().walk(3).unwrap() {}
        while self.replica().is_pending().unwrap() {
            self.replica().cut().unwrap();
        }
        self.send();
    }

    pub(super) fn send(&mut self) {
        for out in self.replica().outbox(1000).unwrap() {
            assert_eq!(Unit::decode(&out.unit).unwrap().seq, self.sent.len() as u64 + 1, "the outbox has a gap");
            self.sent.push(out.unit);
            self.replica().sent(out.place).unwrap();
        }
    }

    pub(super) fn apply(&mut self, unit: &[u8]) -> Applied {
        self.replica().apply(&Unit::decode(unit).unwrap(), NOW_MS).unwrap()
    }

    /// All cells that a query finds.
    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut statement = self.app.prepare(sql).unwrap();
        let count = statement.column_count();
        let mut found = statement.query(()).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = found.next().unwrap() {
            rows.push((0..count).map(|n| Value::from(row.get_ref(n).unwrap())).collect());
        }
        rows
    }

    /// What a query finds, as text.
    pub(super) fn text(&self, sql: &str) -> String {
        let cell = |value: &Value| match value {
            Value::Null => "null".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => format!("{number:?}"),
            Value::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Blob(bytes) => format!("{bytes:?}"),
        };
        let rows = self.rows(sql);
        rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
    }
}

/// Everybody gets everything.
pub(super) fn exchange(nodes: &mut [Node]) {
    for node in nodes.iter_mut() {
        node.cut_all();
    }
    for n in 0..nodes.len() {
        for m in 0..nodes.len() {
            let origin = nodes[m].id;
            let from = nodes[n].replica().position(origin).unwrap() as usize;
            for k in from..nodes[m].sent.len() {
                let unit = nodes[m].sent[k].clone();
                nodes[n].apply(&unit);
            }
        }
    }
}

/// Nodes whose files have what `schema` makes.
pub(super) fn nodes<const N: usize>(dir: &Dir, schema: &str) -> [Node; N] {
    std::array::from_fn(|n| Node::new(dir, n as u64 + 1, schema, Options::default()))
}

/// What a query finds at each node, as text.
pub(super) fn all(nodes: &[Node], sql: &str) -> Vec<String> {
    nodes.iter().map(|node| node.text(sql)).collect()
}

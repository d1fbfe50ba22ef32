//! Replicated SQLite files through the engine: nodes that a hub joins, and what happens to a file under them.
#![cfg(feature = "replica")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common {
    pub(crate) mod dirs;
    pub(crate) mod nodes;
    pub(crate) mod patience;
    pub(crate) mod sqlite;
}

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::dirs::Dir;
use common::nodes::{BOOKS, Node, config, equal, file, hub};
use common::patience::until;
use common::sqlite::sqlite;
use headwater::replica::{
    ChangeKind, Compared, DatabaseConfig, DatabaseState, LogConfig, SnapshotConfig, Value, refuse_opened,
};
use headwater::{Engine, ErrorKind, LinkConfig, StreamConfig};

#[test]
fn what_any_program_writes_arrives_at_every_node() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, 'one', 1.5), (2, 'two', 2.5)");
    b.sql("INSERT INTO books VALUES (3, 'three', 3.5)");
    equal(&[&a, &b], "SELECT group_concat(title) FROM (SELECT title FROM books ORDER BY id)", "one,two,three");
    a.sql("UPDATE books SET price = 9 WHERE id = 3; DELETE FROM books WHERE id = 1");
    b.sql("UPDATE books SET title = 'drei' WHERE id = 3");
    equal(&[&a, &b], "SELECT id, title, price FROM books ORDER BY id", "2|two|2.5\n3|drei|9.0");
    let conn = b.connect();
    let params = [Value::Integer(4), Value::Blob(vec![0, 1]), Value::Null];
    assert_eq!(conn.execute("INSERT INTO books VALUES (?, ?, ?)", &params).unwrap().changes, 1);
    equal(&[&a, &b], "SELECT typeof(title), typeof(price) FROM books WHERE id = 4", "blob|null");
    let status = a.database.status().wait().unwrap();
    assert_eq!(
        (status.state, status.tables, status.pending, status.unsent),
        (DatabaseState::Running, vec!["books".to_owned()], 0, 0)
    );
    assert!(status.applied > 0 && status.published > 0 && status.missing == 0, "{:?}", status.last_error);
}

/// With looks an hour apart, only who is told looks.
#[test]
fn a_commit_through_a_connection_is_sent_at_once() {
    let (dir, hub) = (Dir::new(), hub());
    let engine = common::nodes::open(&dir.0.join("a"));
    let config = DatabaseConfig {
        polling_interval: Duration::from_secs(3600),
        ..config(&file(&dir, "a.db", &format!("{BOOKS}; CREATE TABLE notes(text)")))
    };
    let database = engine.attach(config).wait().unwrap();
    engine.add_link(LinkConfig::new("l", "REPLICA_app", "REPLICA_app"), &hub).wait().unwrap();
    database.sync().wait().unwrap();
    let conn = database.connect().unwrap();
    for n in 0..5 {
        let before = database.status().wait().unwrap().published;
        for sql in ["BEGIN", &format!("INSERT INTO books VALUES ({n}, 'x', 1)"), "COMMIT"] {
            conn.execute(sql, &[]).unwrap();
        }
        until("it is sent", || database.status().wait().unwrap().published > before);
    }
}

#[test]
fn connections_that_outlive_their_engine_are_no_conflict_and_files_of_others_are() {
    let dir = Dir::new();
    let path = file(&dir, "app.db", BOOKS);
    let engine = common::nodes::open(&dir.0.join("a"));
    let conn = engine.attach(config(&path)).wait().unwrap().connect().unwrap();
    engine.close().unwrap();
    refuse_opened(&path).unwrap();
    let engine = common::nodes::open(&dir.0.join("b"));
    engine.attach(config(&path)).wait().unwrap();
    assert_eq!(conn.execute("INSERT INTO books VALUES (1, 'one', 1)", &[]).unwrap().changes, 1);
    engine.close().unwrap();
    drop(conn);
    refuse_opened(&path).unwrap();
    let other = std::fs::File::open(&path).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(refuse_opened(&path).unwrap_err().kind(), ErrorKind::Conflict);
    }
    drop(other);
    refuse_opened(&path).unwrap();
}

#[test]
fn a_file_is_attached_once_however_many_ask_at_once() {
    let dir = Dir::new();
    for round in 0..10 {
        let path = file(&dir, &format!("{round}.db"), BOOKS);
        let engine = Engine::memory().unwrap();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            let attach = || {
                start.wait();
                engine.attach(config(&path)).wait().map(drop)
            };
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(attach)).collect();
            for one in asking {
                one.join().unwrap().unwrap();
            }
        });
        assert_eq!(engine.databases().wait().unwrap().len(), 1, "round {round}");
        let other = engine.attach(DatabaseConfig { name: "other".into(), ..DatabaseConfig::new(&path) });
        assert_eq!(other.wait().unwrap_err().kind(), ErrorKind::Conflict);
        engine.close().unwrap();
    }
}

#[test]
fn a_statement_is_interrupted_from_another_thread() {
    let dir = Dir::new();
    let engine = Engine::memory().unwrap();
    let database = engine.attach(config(&file(&dir, "app.db", BOOKS))).wait().unwrap();
    let conn = database.connect().unwrap();
    let handle = conn.interrupt_handle();
    let for_ever = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    for sql in [for_ever, &format!("INSERT INTO books SELECT *, 'x', 1 FROM ({for_ever})")] {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Once may be before it begins.
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                    handle.interrupt();
                }
            });
            let error = conn.execute(sql, &[]).unwrap_err();
            is_over.store(true, Ordering::Release);
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        });
    }
    handle.interrupt();
    assert_eq!(conn.execute("SELECT count(*) FROM books", &[]).unwrap().rows, [[Value::Integer(0)]]);
    drop(conn);
    handle.interrupt();
    engine.close().unwrap();
}

#[test]
fn a_log_of_several_shards_is_as_good_as_one_and_says_where_nodes_differ() {
    let (dir, hub) = (Dir::new(), Engine::memory().unwrap());
    let open = |name: &str, shards: usize, compress: bool| {
        let engine = common::nodes::open(&dir.0.join(name));
        let path = file(&dir, &format!("{name}.db"), BOOKS);
        let log = LogConfig { shards, compress, ..LogConfig::default() };
        let config = DatabaseConfig { log, ..config(&path) };
        let streams = config.stream_names().unwrap();
        let database = engine.attach(config).wait().unwrap();
        for stream in streams {
            let create = Some(Box::new(StreamConfig::default()));
            let link = LinkConfig { create, ..LinkConfig::new(stream.clone(), stream.clone(), stream) };
            engine.add_link(link, &hub).wait().unwrap();
        }
        Node { engine, database, path }
    };
    let (a, b) = (open("a", 3, true), open("b", 3, false));
    let many = |from: u32, by: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (VALUES ({from}) UNION ALL SELECT i + 1 FROM n WHERE i < {from} + 299) \
             INSERT INTO books SELECT i, '{by}', 1 FROM n"
        )
    };
    a.sql(&many(1, "a"));
    b.sql(&many(301, "b"));
    equal(&[&a, &b], "SELECT count(*), sum(title = 'a'), sum(title = 'b') FROM books", "600|300|300");
    b.sql("UPDATE books SET price = 2; DELETE FROM books WHERE id % 2");
    equal(&[&a, &b], "SELECT count(*), sum(price) FROM books", "300|600.0");
    for stream in ["REPLICA_app", "REPLICA_app:2", "REPLICA_app:3"] {
        let last = hub.stream(stream).wait().unwrap().info().wait().unwrap().last_seq;
        assert!(last > 0, "{stream}");
    }
    assert!(a.database.check(false).wait().unwrap().is_equal());
    // It goes on where it was, in each of them.
    b.engine.close().unwrap();
    a.sql("UPDATE books SET title = 'later'");
    let engine = common::nodes::open(&dir.0.join("b"));
    let b = Node { database: engine.database("app").wait().unwrap(), engine, path: b.path };
    for stream in ["REPLICA_app", "REPLICA_app:2", "REPLICA_app:3"] {
        b.engine.add_link(LinkConfig::new(stream, stream, stream), &hub).wait().unwrap();
    }
    equal(&[&a, &b], "SELECT sum(title = 'later') FROM books", "300");
    assert_eq!(b.database.status().wait().unwrap().missing, 0);
    let c = open("c", 1, true);
    let said = |node: &Node| node.database.status().wait().unwrap().last_error;
    until("both say so", || [&a, &c].iter().all(|node| said(node).contains("shards")));
}

#[test]
fn a_snapshot_has_nothing_of_columns_that_are_left_out() {
    let dir = Dir::new();
    let schema = "CREATE TABLE users(id INTEGER PRIMARY KEY, secret TEXT DEFAULT 'none', name TEXT);
                  INSERT INTO users VALUES (1, 'hunter2hunter2', 'one')";
    let engine = Engine::memory().unwrap();
    let config =
        |path: &Path| DatabaseConfig { exclude_columns: vec!["users.secret".into()], ..with_snapshots(&dir, path) };
    let database = engine.attach(config(&file(&dir, "a.db", schema))).wait().unwrap();
    assert_eq!(database.status().wait().unwrap().left_out, ["users.secret"]);
    database.sync().wait().unwrap();
    database.snapshot().wait().unwrap();
    let other = Engine::memory().unwrap();
    let path = dir.0.join("b.db");
    other.attach(config(&path)).wait().unwrap();
    assert_eq!(sqlite(&path, "SELECT * FROM users"), "1|none|one");
    assert_eq!(sqlite(&dir.0.join("a.db"), "SELECT * FROM users"), "1|hunter2hunter2|one");
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(14).any(|bytes| bytes == b"hunter2hunter2"), "it is still in a page");
    let wrong = DatabaseConfig { exclude_columns: vec!["secret".into()], ..DatabaseConfig::new(&path) };
    assert_eq!(other.attach(wrong).wait().unwrap_err().kind(), ErrorKind::Invalid);
    engine.close().unwrap();
    other.close().unwrap();
}

#[test]
fn a_watcher_sees_what_is_joined_and_is_told_what_it_missed() {
    let (dir, hub) = (Dir::new(), hub());
    let schema =
        format!("{BOOKS}; CREATE TABLE users(a TEXT, b BLOB, mail TEXT UNIQUE, PRIMARY KEY (a, b)) WITHOUT ROWID");
    let (a, b) = (Node::new(&dir, "a", &schema, &hub), Node::new(&dir, "b", &schema, &hub));
    a.sql("INSERT INTO books VALUES (1, 'before', 0)");
    equal(&[&a, &b], "SELECT count(*) FROM books", "1");
    let watcher = b.database.watch().wait().unwrap();
    assert_eq!(watcher.try_next(10).unwrap(), []);
    let seen = |count: usize| {
        let mut all = Vec::new();
        while all.len() < count {
            let mut next = watcher.next(2);
            all.extend(next.wait_timeout(Duration::from_secs(20)).unwrap());
        }
        all.iter().map(|it| (it.table.clone(), it.key.clone(), it.kind)).collect::<Vec<_>>()
    };
    let books = |id: i64, kind: ChangeKind| ("books".to_owned(), vec![Value::Integer(id)], kind);
    b.sql("INSERT INTO books VALUES (7, 'here', 0)");
    b.database.sync().wait().unwrap();
    a.sql("INSERT INTO books VALUES (2, 'two', 0)");
    assert_eq!(seen(1), [books(2, ChangeKind::Insert)]);
    a.sql("UPDATE books SET price = 9 WHERE id = 1");
    assert_eq!(seen(1), [books(1, ChangeKind::Update)]);
    let change = {
        a.sql("DELETE FROM books WHERE id = 2");
        watcher.next(1).wait().unwrap().remove(0)
    };
    assert_eq!(
        (change.kind, change.node.as_str()),
        (ChangeKind::Delete, a.database.status().wait().unwrap().node.as_str())
    );
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    assert!(now_ms.abs_diff(change.time_ms()) < 60_000, "{change:?}");
    // A row that clashes is hidden, and comes back.
    let user =
        |a: &str, kind: ChangeKind| ("users".to_owned(), vec![Value::Text(a.into()), Value::Blob(vec![1])], kind);
    b.database.pause().wait().unwrap();
    b.sql("INSERT INTO users VALUES ('old', x'01', 'm')");
    std::thread::sleep(Duration::from_millis(20));
    a.sql("INSERT INTO users VALUES ('new', x'01', 'm')");
    b.database.resume().wait().unwrap();
    let mut both = seen(2);
    both.sort_by_key(|(_, key, _)| format!("{key:?}"));
    assert_eq!(both, [user("new", ChangeKind::Insert), user("old", ChangeKind::Delete)]);
    b.sql("DELETE FROM users WHERE a = 'new'");
    assert_eq!(seen(1), [user("old", ChangeKind::Insert)]);
    // More than are kept, while nobody takes any.
    a.sql(
        "WITH RECURSIVE n(i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n WHERE i < 5099) \
           INSERT INTO books SELECT i, 'x', 0 FROM n",
    );
    equal(&[&b], "SELECT count(*) FROM books", "5002");
    until("the end comes", || {
        watcher.try_next(5000).unwrap().last().is_some_and(|it| it.key == [Value::Integer(5099)])
    });
    assert!((1..5000).contains(&watcher.missed()), "{}", watcher.missed());
    let waiting = watcher.next(1);
    watcher.close();
    assert_eq!(waiting.wait().unwrap_err().kind(), ErrorKind::Closed);
    let other = b.database.watch().wait().unwrap();
    let waiting = other.next(1);
    b.engine.close().unwrap();
    assert_eq!(waiting.wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn rows_of_before_the_attach_are_taken_in_and_beat_nothing() {
    let (dir, hub) = (Dir::new(), hub());
    let rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                INSERT INTO books SELECT i, 'old', i FROM n";
    let a = Node::new(&dir, "a", &format!("{BOOKS}; {rows}"), &hub);
    let b = Node::open(&dir, "b", file(&dir, "b.db", BOOKS));
    b.sql("INSERT INTO books VALUES (7, 'new', 7)");
    b.link(&hub);
    equal(&[&a, &b], "SELECT count(*), sum(title = 'new') FROM books", "2500|1");
}

#[test]
fn nodes_that_were_apart_or_closed_go_on_where_they_were() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, 'one', 1)");
    equal(&[&a, &b], "SELECT title FROM books", "one");
    b.engine.close().unwrap();
    b.sql("UPDATE books SET title = 'of b'");
    a.sql("UPDATE books SET price = 2");
    let b = Node::open(&dir, "b", b.path);
    b.link(&hub);
    equal(&[&a, &b], "SELECT title, price FROM books", "of b|2.0");
    a.database.pause().wait().unwrap();
    assert_eq!(a.database.status().wait().unwrap().state, DatabaseState::Paused);
    assert_eq!(a.database.sync().wait().unwrap_err().kind(), ErrorKind::Conflict);
    a.sql("UPDATE books SET title = 'of a'");
    b.sql("INSERT INTO books VALUES (2, 'two', 0)");
    b.database.sync().wait().unwrap();
    assert_eq!(a.sql("SELECT count(*) FROM books"), "1");
    a.engine.close().unwrap();
    let engine = common::nodes::open(&dir.0.join("a"));
    let database = engine.database("app").wait().unwrap();
    let a = Node { engine, database, path: a.path };
    a.link(&hub);
    assert_eq!(a.database.status().wait().unwrap().state, DatabaseState::Paused, "it is paused until it is told");
    a.database.resume().wait().unwrap();
    equal(&[&a, &b], "SELECT group_concat(title) FROM books", "of a,two");
}

#[test]
fn a_file_that_is_restored_gets_its_own_lost_rows_back() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, 'one', 1)");
    equal(&[&a, &b], "SELECT title FROM books", "one");
    let backup = dir.0.join("backup.db");
    a.sql(&format!("VACUUM INTO '{}'", backup.display()));
    a.sql("INSERT INTO books VALUES (2, 'two', 2); UPDATE books SET title = 'eins' WHERE id = 1");
    equal(&[&a, &b], "SELECT group_concat(title) FROM books", "eins,two");
    let node = a.database.status().wait().unwrap().node;
    // The file is put in place of the one that is open.
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.0.join(format!("a.db{end}")));
    }
    std::fs::rename(&backup, &a.path).unwrap();
    equal(&[&a, &b], "SELECT group_concat(title) FROM books", "eins,two");
    a.sql("INSERT INTO books VALUES (3, 'three', 3)");
    equal(&[&a, &b], "SELECT group_concat(title) FROM books", "eins,two,three");
    assert_ne!(a.database.status().wait().unwrap().node, node, "it speaks in its own name");
}

#[test]
fn what_went_with_the_directory_of_a_node_is_given_again_from_its_file() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)");
    b.sql("INSERT INTO books VALUES (4, 'of b', 4)");
    equal(&[&a, &b], "SELECT group_concat(title) FROM books", "one,two,three,of b");
    a.engine.close().unwrap();
    // It writes where no link takes it away, and the directory goes with the log, twice.
    let mut path = a.path;
    for round in 0..2 {
        let a = Node::open(&dir, "a", path);
        a.sql(&format!(
            "INSERT INTO books VALUES ({}, 'new', 0); UPDATE books SET price = {round} WHERE id = 1; \
             DELETE FROM books WHERE id = {}",
            10 + round,
            2 + round
        ));
        a.database.sync().wait().unwrap();
        a.engine.close().unwrap();
        std::fs::remove_dir_all(dir.0.join("a")).unwrap();
        path = a.path;
    }
    let a = Node::open(&dir, "a", path);
    b.sql("UPDATE books SET title = 'eins' WHERE id = 1");
    a.link(&hub);
    equal(&[&a, &b], "SELECT group_concat(title), sum(price) FROM books", "eins,of b,new,new|5.0");
    until("nothing is missing", || [&a, &b].iter().all(|node| node.database.status().wait().unwrap().missing == 0));
    // A new directory gives again what only the one before had, and a node that comes later has all of it.
    a.engine.close().unwrap();
    std::fs::remove_dir_all(dir.0.join("a")).unwrap();
    let a = Node::open(&dir, "a", a.path);
    a.link(&hub);
    let c = Node::new(&dir, "c", BOOKS, &hub);
    equal(&[&a, &b, &c], "SELECT group_concat(title), sum(price) FROM books", "eins,of b,new,new|5.0");
    until("nothing is missing", || [&a, &b, &c].iter().all(|node| node.database.status().wait().unwrap().missing == 0));
}

#[test]
fn a_copy_of_a_file_is_another_node() {
    let (dir, hub) = (Dir::new(), hub());
    let a = Node::new(&dir, "a", BOOKS, &hub);
    a.sql("INSERT INTO books VALUES (1, 'one', 1)");
    a.database.sync().wait().unwrap();
    let path = dir.0.join("b.db");
    a.sql(&format!("VACUUM INTO '{}'", path.display()));
    let b = Node::open(&dir, "b", path);
    b.link(&hub);
    for n in 2..20 {
        a.sql(&format!("INSERT INTO books VALUES ({n}, 'of a', 0)"));
        b.sql(&format!("INSERT INTO books VALUES (10{n}, 'of b', 0)"));
    }
    equal(&[&a, &b], "SELECT count(*) FROM books", "37");
}

#[test]
fn a_row_that_is_larger_than_a_message_goes_in_parts() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, randomblob(3000000), 1)");
    a.sql("INSERT INTO books VALUES (2, 'two', 1)");
    equal(&[&a, &b], "SELECT count(*), max(length(title)) FROM books", "2|3000000");
    let sum = |node: &Node| node.sql("SELECT hex(title) FROM books WHERE id = 1");
    assert_eq!(sum(&a), sum(&b));
}

#[test]
fn what_a_directory_remembers_of_a_file_gives_way_to_what_is_said() {
    let dir = Dir::new();
    let path = file(&dir, "app.db", &format!("{BOOKS}; CREATE TABLE notes(id INTEGER PRIMARY KEY, text)"));
    let engine = common::nodes::open(&dir.0.join("d"));
    engine.attach(DatabaseConfig::new(&path)).wait().unwrap();
    let wanted = || DatabaseConfig {
        node_id: "shop-7".into(),
        exclude: vec!["notes".into()],
        log: LogConfig { max_entries: 1000, ..LogConfig::default() },
        ..DatabaseConfig::new(&path)
    };
    // Two who work on it at once must agree.
    let error = engine.attach(wanted()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("another exclude, log, node_id: it is worked on"), "{error}");
    engine.close().unwrap();

    let engine = common::nodes::open(&dir.0.join("d"));
    let shards = DatabaseConfig { log: LogConfig { shards: 2, ..LogConfig::default() }, ..DatabaseConfig::new(&path) };
    let error = engine.attach(shards).wait().unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("another log: what is"), "{error}");
    let database = engine.attach(wanted()).wait().unwrap();
    let status = database.status().wait().unwrap();
    assert_eq!((status.node_id.as_str(), status.tables), ("shop-7", vec!["books".to_owned()]));
    let log = engine.stream("REPLICA_app").wait().unwrap().info().wait().unwrap();
    assert_eq!((log.config.max_msgs, status.last_error.as_str()), (1000, ""));
    database.sync().wait().unwrap();
    engine.close().unwrap();

    let engine = common::nodes::open(&dir.0.join("d"));
    let status = engine.databases().wait().unwrap().remove(0);
    assert_eq!((status.node_id.as_str(), status.tables), ("shop-7", vec!["books".to_owned()]));
}

#[test]
fn detaching_leaves_no_trace_and_a_mistake_is_named() {
    let dir = Dir::new();
    let path = file(&dir, "app.db", &format!("{BOOKS}; CREATE TABLE notes(text TEXT)"));
    let before = sqlite(&path, "SELECT group_concat(name || sql) FROM sqlite_schema");
    let engine = Engine::open(dir.0.join("d")).unwrap();
    let missing = engine.attach(DatabaseConfig::new(dir.0.join("none.db"))).wait().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    let database = engine.attach(DatabaseConfig::new(&path)).wait().unwrap();
    let status = database.status().wait().unwrap();
    assert_eq!((status.name.as_str(), status.refused[0].table.as_str()), ("app", "notes"));
    assert_eq!(engine.attach(DatabaseConfig::new(&path)).wait().unwrap().name(), "app");
    let other = engine.attach(DatabaseConfig { exclude: vec!["books".into()], ..DatabaseConfig::new(&path) });
    assert_eq!(other.wait().unwrap_err().kind(), ErrorKind::Conflict);
    let conn = database.connect().unwrap();
    for (sql, kind) in [
        ("INSERT INTO nowhere VALUES (1)", ErrorKind::Invalid),
        ("SELECT ?", ErrorKind::Invalid),
        ("SELEKT 1", ErrorKind::Invalid),
        ("SELECT nothing FROM books", ErrorKind::Invalid),
        ("SELECT 1; SELECT 2", ErrorKind::Invalid),
        ("", ErrorKind::Invalid),
        ("INSERT INTO books VALUES (1, 'a', 0), (1, 'b', 0)", ErrorKind::Conflict),
    ] {
        assert_eq!(conn.execute(sql, &[]).unwrap_err().kind(), kind, "{sql}");
    }
    drop(conn);
    database.detach().wait().unwrap();
    assert_eq!(sqlite(&path, "SELECT group_concat(name || sql) FROM sqlite_schema"), before);
    assert_eq!(engine.database("app").wait().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(engine.databases().wait().unwrap(), []);
}

fn with_snapshots(dir: &Dir, path: &Path) -> DatabaseConfig {
    let store = dir.0.join("snapshots").display().to_string();
    DatabaseConfig { snapshot: SnapshotConfig { store, keep: 2, ..SnapshotConfig::default() }, ..config(path) }
}

#[test]
fn a_new_node_is_made_of_a_snapshot_and_one_that_missed_records_joins_it() {
    let (dir, hub) = (Dir::new(), Engine::memory().unwrap());
    let short =
        StreamConfig { max_msgs: 12, ..StreamConfig::new("REPLICA_app", ["$REPLICA.app.>", "$HW.REPLICA_app.>"]) };
    hub.create_stream(short).wait().unwrap();
    let open = |name: &str, path: PathBuf| {
        let engine = common::nodes::open(&dir.0.join(name));
        let database = engine.attach(with_snapshots(&dir, &path)).wait().unwrap();
        let node = Node { engine, database, path };
        node.link(&hub);
        node
    };
    let a = open("a", file(&dir, "a.db", BOOKS));
    for n in 0..30 {
        a.sql(&format!("INSERT INTO books VALUES ({n}, 'of a', {n})"));
        a.database.sync().wait().unwrap();
    }
    let made = a.database.snapshot().wait().unwrap();
    assert_eq!(a.database.snapshots().wait().unwrap(), std::slice::from_ref(&made));
    a.sql("UPDATE books SET title = 'later' WHERE id = 7");
    // No file is there: it is made of the snapshot.
    let b = open("b", dir.0.join("b.db"));
    equal(&[&a, &b], "SELECT count(*), sum(title = 'later') FROM books", "30|1");
    // A file is there, with a write that nobody has, and the log does not reach back.
    let c = open("c", file(&dir, "c.db", &format!("{BOOKS}; INSERT INTO books VALUES (99, 'of c', 0)")));
    until("c knows that it misses something", || c.database.status().wait().unwrap().missing > 0);
    c.sql("UPDATE books SET title = 'of c too' WHERE id = 99");
    assert_eq!(c.database.restore(Some("none")).wait().unwrap_err().kind(), ErrorKind::NotFound);
    let newer = b.database.snapshot().wait().unwrap();
    assert_eq!(c.database.restore(None).wait().unwrap(), newer);
    equal(&[&a, &b, &c], "SELECT count(*), sum(title = 'later'), sum(title = 'of c too') FROM books", "31|1|1");
    until("c misses nothing", || c.database.status().wait().unwrap().missing == 0);
    b.database.snapshot().wait().unwrap();
    assert_eq!(b.database.snapshots().wait().unwrap().len(), 2, "as many as are kept");
    assert_eq!(a.database.restore(Some(&made.id)).wait().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn nodes_are_compared_while_they_work_and_what_differs_is_repaired() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    let many = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
                INSERT INTO books SELECT i, 'x', 0 FROM n";
    a.sql(many);
    equal(&[&a, &b], "SELECT count(*) FROM books", "500");
    let report = a.database.check(false).wait().unwrap();
    assert!(report.is_equal() && report.nodes.len() == 1, "{report:?}");
    // The clocks of a row are lost.
    b.database.pause().wait().unwrap();
    b.sql("DELETE FROM _headwater_row WHERE key = (SELECT key FROM _headwater_row LIMIT 1 OFFSET 9)");
    b.database.resume().wait().unwrap();
    let report = a.database.check(false).wait().unwrap();
    assert_eq!((report.nodes[0].compared, report.nodes[0].differing.len()), (Compared::Differs, 1), "{report:?}");
    let report = b.database.check(true).wait().unwrap();
    assert!(report.repaired, "{report:?}");
    until("they are equal", || a.database.check(false).wait().unwrap().is_equal());
    let schema = a.database.schema().wait().unwrap();
    assert!(schema.len() == 1 && schema[0].is_same(), "{schema:?}");
    b.sql("ALTER TABLE books ADD COLUMN isbn TEXT");
    until("the schema differs", || !a.database.schema().wait().unwrap()[0].is_same());
}

#[test]
fn a_node_that_publishes_nothing_is_compared_and_nobody_waits_for_what_it_wrote() {
    let (dir, hub) = (Dir::new(), hub());
    let a = Node::new(&dir, "a", BOOKS, &hub);
    let (path, engine) = (file(&dir, "b.db", BOOKS), common::nodes::open(&dir.0.join("b")));
    let database = engine.attach(DatabaseConfig { publish: false, ..config(&path) }).wait().unwrap();
    let b = Node { engine, database, path };
    b.link(&hub);
    a.sql("INSERT INTO books VALUES (1, 'one', 1)");
    equal(&[&a, &b], "SELECT title FROM books", "one");
    let compared = |node: &Node| node.database.check(false).wait().unwrap().nodes.pop().map(|node| node.compared);
    until("they are equal", || compared(&b) == Some(Compared::Equal));
    b.sql("INSERT INTO books VALUES (2, 'kept here', 2); UPDATE books SET price = 3 WHERE id = 1");
    b.database.sync().wait().unwrap();
    assert_eq!(compared(&b), Some(Compared::Differs));
    // It is known since it was asked.
    until("it answers", || compared(&a) == Some(Compared::Differs));
    let status = a.database.status().wait().unwrap();
    assert_eq!((status.missing, a.sql("SELECT id, price FROM books").as_str()), (0, "1|1.0"));
    let status = b.database.status().wait().unwrap();
    assert_eq!((status.pending, status.unsent, status.published), (0, 0, 0));
    // What is repaired is what others lack of what is published: none of it was.
    assert!(!b.database.check(true).wait().unwrap().is_equal());
    assert_eq!(a.sql("SELECT count(*) FROM books"), "1");
}

#[test]
fn what_there_is_no_table_or_column_for_waits_and_comes() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (2, 'two', 1)");
    equal(&[&a, &b], "SELECT count(*) FROM books", "1");
    let more = "ALTER TABLE books ADD COLUMN isbn TEXT; CREATE TABLE tags(name TEXT PRIMARY KEY, n INT)";
    a.sql(more);
    a.sql("UPDATE books SET isbn = 'x' WHERE id = 2; INSERT INTO tags VALUES ('new', 1)");
    until("it waits", || b.database.status().wait().unwrap().parked > 0);
    b.sql(more);
    until("it came", || b.sql("SELECT isbn, (SELECT name FROM tags) FROM books WHERE id = 2") == "x|new");
    assert_eq!(b.database.status().wait().unwrap().parked, 0);
}

//! The failures of the system that the replicator follows, each by its number, as a test that we pass. Those that are
//! about real processes and a real server are among the tests of the command line.
#![cfg(feature = "replica")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common {
    pub(crate) mod dirs;
    pub(crate) mod nodes;
    pub(crate) mod patience;
    pub(crate) mod sqlite;
}

use common::dirs::Dir;
use common::nodes::{BOOKS, Node, config, equal, file, hub};
use common::patience::until;
use headwater::LinkConfig;
use headwater::replica::{DatabaseConfig, DatabaseState};

fn two(dir: &Dir, schema: &str) -> (Node, Node) {
    let hub = hub();
    (Node::new(dir, "a", schema, &hub), Node::new(dir, "b", schema, &hub))
}

#[test]
fn failure_1_an_update_of_another_node_is_not_lost_while_this_one_sends() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE n(id INTEGER PRIMARY KEY, a INT, b INT); INSERT INTO n VALUES (1, 0, 0)");
    equal(&[&a, &b], "SELECT count(*) FROM n", "1");
    for n in 1..=40 {
        a.sql(&format!("UPDATE n SET a = {n}"));
        b.sql(&format!("UPDATE n SET b = {n}"));
    }
    equal(&[&a, &b], "SELECT a, b FROM n", "40|40");
}

#[test]
fn failure_2_what_can_not_be_sent_is_kept() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.engine.remove_link("l").unwrap();
    for n in 0..30 {
        a.sql(&format!("INSERT INTO books VALUES ({n}, 'x', 0)"));
    }
    a.database.sync().wait().unwrap();
    assert_eq!(b.sql("SELECT count(*) FROM books"), "0");
    a.link(&hub);
    equal(&[&a, &b], "SELECT count(*) FROM books", "30");
}

#[test]
fn failures_3_4_and_5_another_schema_stops_nothing_and_nulls_nothing_across_restarts() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    a.sql("INSERT INTO books VALUES (1, 'one', 1)");
    equal(&[&a, &b], "SELECT count(*) FROM books", "1");
    a.sql("ALTER TABLE books ADD COLUMN rating INT DEFAULT 3");
    a.sql("UPDATE books SET rating = 5");
    until("it waits at b", || b.database.status().wait().unwrap().parked > 0);
    // The node of the old schema goes on, also after a restart, and what it writes says nothing of the new column.
    b.engine.close().unwrap();
    let b = Node::open(&dir, "b", b.path);
    b.link(&hub);
    b.sql("UPDATE books SET title = 'eins'; INSERT INTO books VALUES (2, 'two', 2)");
    until("a has it", || a.sql("SELECT title, rating FROM books ORDER BY id") == "eins|5\ntwo|3");
    assert_eq!(b.database.status().wait().unwrap().state, DatabaseState::Running);
    b.sql("ALTER TABLE books ADD COLUMN rating INT DEFAULT 3");
    equal(&[&a, &b], "SELECT title, rating FROM books ORDER BY id", "eins|5\ntwo|3");
}

#[test]
fn failure_6_no_alter_table_and_no_write_after_one_fails() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)");
    for node in [&a, &b] {
        node.sql("ALTER TABLE t ADD COLUMN d");
        node.sql("INSERT INTO t(a, d) VALUES (random(), 'd')");
        node.sql("ALTER TABLE t DROP COLUMN c");
        node.sql("ALTER TABLE t RENAME COLUMN b TO e");
        node.sql("INSERT INTO t(id, e) VALUES (abs(random()), 'e')");
    }
    until("they are equal", || {
        let all = "SELECT * FROM t ORDER BY id";
        let rows = a.sql(all);
        rows.lines().count() >= 3 && rows == b.sql(all)
    });
    a.sql("DROP TABLE t");
    a.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    a.sql("INSERT INTO t VALUES (1, 'x')");
}

#[test]
fn failures_7_and_8_a_trigger_asks_nothing_that_a_careful_program_forbids() {
    let dir = Dir::new();
    let (a, b) = two(&dir, BOOKS);
    let triggers = a.sql("SELECT group_concat(sql, ' ') FROM sqlite_schema WHERE type = 'trigger'").to_lowercase();
    assert!(triggers.contains("_headwater_log") && !triggers.contains("pragma"), "{triggers}");
    assert!(!triggers.contains("title"), "no value is copied: {triggers}");
    a.sql("PRAGMA trusted_schema = OFF; INSERT INTO books VALUES (1, 'one', 1); UPDATE books SET price = 2");
    equal(&[&a, &b], "SELECT title, price FROM books", "one|2.0");
}

#[test]
fn failure_9_a_row_whose_key_changes_moves() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE t(x TEXT, y INT, v, PRIMARY KEY(x, y))");
    a.sql("INSERT INTO t VALUES ('a', 1, 'v'), ('b', 1, 'w')");
    equal(&[&a, &b], "SELECT count(*) FROM t", "2");
    a.sql("UPDATE t SET y = 2 WHERE x = 'a'");
    equal(&[&a, &b], "SELECT x, y, v FROM t ORDER BY x", "a|2|v\nb|1|w");
}

#[test]
fn failure_10_children_of_a_row_that_is_joined_stay_and_triggers_fire_once() {
    let dir = Dir::new();
    let schema = "CREATE TABLE p(id INTEGER PRIMARY KEY, v); \
                  CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE); \
                  CREATE TABLE seen(id INTEGER PRIMARY KEY, n INT); INSERT INTO seen VALUES (1, 0); \
                  CREATE TRIGGER count AFTER UPDATE ON p BEGIN UPDATE seen SET n = n + 1; END";
    let (a, b) = two(&dir, schema);
    a.sql("INSERT INTO p VALUES (1, 'v'); INSERT INTO c VALUES (1, 1), (2, 1)");
    equal(&[&a, &b], "SELECT count(*) FROM c", "2");
    a.sql("UPDATE p SET v = 'w'");
    equal(&[&a, &b], "SELECT v, (SELECT count(*) FROM c), (SELECT n FROM seen) FROM p", "w|2|1");
    a.sql("PRAGMA foreign_keys = ON; DELETE FROM p");
    equal(&[&a, &b], "SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM c)", "0|0");
}

#[test]
fn failure_11_what_replace_takes_away_goes_everywhere() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE t(id INTEGER PRIMARY KEY, u TEXT UNIQUE)");
    a.sql("INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    equal(&[&a, &b], "SELECT count(*) FROM t", "2");
    let conn = a.connect();
    conn.execute("INSERT OR REPLACE INTO t VALUES (3, 'x')", &[]).unwrap();
    equal(&[&a, &b], "SELECT id, u FROM t ORDER BY id", "2|y\n3|x");
    // Another program, whose REPLACE fires no trigger for what it takes away.
    a.sql("INSERT OR REPLACE INTO t VALUES (4, 'y')");
    equal(&[&a, &b], "SELECT id, u FROM t ORDER BY id", "3|x\n4|y");
}

#[test]
fn failure_12_every_value_arrives_as_it_was_written() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE t(id INTEGER PRIMARY KEY, d DATETIME, f BOOLEAN, v)");
    let values = "(1, '2024-02-30 25:61', 5, x'00ff'), (2, 1700000000, 'yes', CAST(x'ff41' AS TEXT)), \
                  (3, 1.5, NULL, 9223372036854775807), (4, '2024-01-01 00:00:00.123456789+02:00', 0.1, -0.0), \
                  (5, julianday('now'), 1e308, 9e999)";
    a.sql(&format!("INSERT INTO t VALUES {values}"));
    let all =
        "SELECT id, typeof(d), hex(d), typeof(f), hex(f), typeof(v), hex(v), printf('%!.20g', d) FROM t ORDER BY id";
    until("they are equal", || b.sql("SELECT count(*) FROM t") == "5" && a.sql(all) == b.sql(all));
    assert_eq!(b.sql("SELECT count(*) FROM t WHERE typeof(d) = 'real' OR hex(v) = 'FF41'"), "3");
}

#[test]
fn failures_13_and_14_what_can_not_replicate_is_named_and_the_rest_does() {
    let dir = Dir::new();
    let schema = "CREATE TABLE notes(text); CREATE VIRTUAL TABLE found USING fts5(text); CREATE VIEW v AS SELECT 1; \
                  CREATE TABLE \"select from\"(\"primary\" TEXT PRIMARY KEY, \"a \"\"b\"\"\" INT)";
    let (a, b) = two(&dir, schema);
    let status = a.database.status().wait().unwrap();
    assert_eq!(status.tables, ["select from"]);
    let refused: Vec<&str> = status.refused.iter().map(|refused| refused.table.as_str()).collect();
    assert!(refused.contains(&"notes") && refused.contains(&"found"), "{refused:?}");
    assert!(status.refused.iter().all(|refused| !refused.reason.is_empty()));
    a.sql("INSERT INTO \"select from\" VALUES ('it''s', 1)");
    a.sql("INSERT INTO notes VALUES ('x'); INSERT INTO found VALUES ('y')");
    equal(&[&a, &b], "SELECT * FROM \"select from\"", "it's|1");
    a.sql("DELETE FROM notes; VACUUM");
    a.sql("UPDATE \"select from\" SET \"a \"\"b\"\"\" = 2");
    equal(&[&a, &b], "SELECT * FROM \"select from\"", "it's|2");
    assert_eq!(b.sql("SELECT count(*) FROM notes"), "0");
}

#[test]
fn failure_15_a_trigger_of_the_application_that_changes_the_row_is_no_harm() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n INT)");
    for node in [&a, &b] {
        node.sql("CREATE TRIGGER late AFTER INSERT ON t BEGIN UPDATE t SET n = length(new.v) WHERE id = new.id; END");
    }
    a.sql("INSERT INTO t(id, v) VALUES (1, 'abc')");
    equal(&[&a, &b], "SELECT v, n FROM t", "abc|3");
}

#[test]
fn failure_17_what_was_committed_together_comes_together() {
    let dir = Dir::new();
    let (a, b) = two(&dir, "CREATE TABLE x(id INTEGER PRIMARY KEY); CREATE TABLE y(id INTEGER PRIMARY KEY)");
    for n in 0..40 {
        a.sql(&format!("BEGIN; INSERT INTO x VALUES ({n}); INSERT INTO y VALUES ({n}); COMMIT"));
        assert_eq!(b.sql("SELECT (SELECT count(*) FROM x) = (SELECT count(*) FROM y)"), "1");
    }
    equal(&[&a, &b], "SELECT count(*) FROM y", "40");
}

#[test]
fn failures_19_and_22_the_log_has_no_consumer_and_many_rows_are_few_units() {
    let dir = Dir::new();
    let (a, b) = two(&dir, BOOKS);
    a.sql(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 8000) \
           INSERT INTO books SELECT i, 'x', 0 FROM n",
    );
    equal(&[&a, &b], "SELECT count(*) FROM books", "8000");
    let status = b.database.status().wait().unwrap();
    assert!(status.changes >= 8000 && status.applied <= 8, "{} units", status.applied);
    assert_eq!(b.engine.stream("REPLICA_app").wait().unwrap().consumers().wait().unwrap().len(), 0);
}

#[test]
fn failure_20_a_node_that_shall_not_take_in_does_not_and_one_that_shall_not_send_does_not() {
    let (dir, hub) = (Dir::new(), hub());
    let a = Node::new(&dir, "a", BOOKS, &hub);
    let open = |name: &str, change: &dyn Fn(&mut DatabaseConfig)| {
        let path = file(&dir, &format!("{name}.db"), BOOKS);
        let engine = common::nodes::open(&dir.0.join(name));
        let mut config = config(&path);
        change(&mut config);
        let database = engine.attach(config).wait().unwrap();
        engine.add_link(LinkConfig::new("l", "REPLICA_app", "REPLICA_app"), &hub).wait().unwrap();
        Node { engine, database, path }
    };
    let deaf = open("deaf", &|config| config.replicate = false);
    let mute = open("mute", &|config| config.publish = false);
    a.sql("INSERT INTO books VALUES (1, 'of a', 1)");
    deaf.sql("INSERT INTO books VALUES (2, 'of deaf', 2)");
    mute.sql("INSERT INTO books VALUES (3, 'of mute', 3)");
    equal(&[&a], "SELECT group_concat(id) FROM (SELECT id FROM books ORDER BY id)", "1,2");
    equal(&[&mute], "SELECT group_concat(id) FROM (SELECT id FROM books ORDER BY id)", "1,2,3");
    deaf.database.sync().wait().unwrap();
    assert_eq!(deaf.sql("SELECT group_concat(id) FROM books"), "2");
}

#[test]
fn failure_21_who_has_which_schema_is_known_for_as_long_as_there_are_nodes() {
    let (dir, hub) = (Dir::new(), hub());
    let (a, b) = (Node::new(&dir, "a", BOOKS, &hub), Node::new(&dir, "b", BOOKS, &hub));
    let nodes = |node: &Node| {
        let schema = node.database.schema().wait().unwrap();
        schema.iter().flat_map(|table| table.forms.values()).map(Vec::len).sum::<usize>()
    };
    until("both know both", || nodes(&a) == 2 && nodes(&b) == 2);
    a.engine.close().unwrap();
    let a = Node::open(&dir, "a", a.path);
    assert_eq!(nodes(&a), 2, "also before it is linked again");
}

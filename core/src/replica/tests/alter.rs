//! Changes of schema, each rule by itself.

use crate::replica::Options;

use super::world::{Dir, Node, all, exchange, nodes};

const T: &str = "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT, b TEXT)";

#[test]
fn a_table_dropped_and_made_again_is_one_whose_rows_were_deleted() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b')");
    exchange(&mut nodes);
    nodes[0].at(2000, "DROP TABLE t");
    nodes[0].cut();
    nodes[1].at(2500, "INSERT INTO t VALUES (3, 'a', 'b')");
    exchange(&mut nodes);
    assert_eq!(nodes[0].replica().parked().unwrap(), 1);
    nodes[0].at(3000, &format!("{T}; INSERT INTO t VALUES (2, 'new', 'b')"));
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["2 new b, 3 a b", "2 new b, 3 a b"]);
    assert_eq!(nodes[0].replica().parked().unwrap(), 0);
}

#[test]
fn a_column_dropped_and_added_again_has_its_default() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b')");
    exchange(&mut nodes);
    nodes[1].at(1500, "UPDATE t SET b = 'late' WHERE k = 2");
    for node in &mut nodes {
        node.at(2000, "ALTER TABLE t DROP COLUMN b");
        node.cut();
        node.at(2000, "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'x'");
        node.cut();
    }
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 a x, 2 a x", "1 a x, 2 a x"]);
    // In one look too, where another column shows that it is not where it was.
    for node in &mut nodes {
        node.at(3000, "UPDATE t SET a = 'c' WHERE k = 1");
        node.cut();
        node.at(3001, "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'y'");
        node.cut();
    }
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 x y, 2 x y", "1 x y, 2 x y"]);
}

#[test]
fn a_column_dropped_and_another_one_added_in_one_look_is_no_rename() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    nodes[0].at(2000, "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'c'");
    nodes[0].cut();
    nodes[1].at(2001, "UPDATE t SET b = 'late'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 a c", "1 a late"]);
    nodes[1].at(2002, "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'c'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 a c", "1 a c"]);
}

#[test]
fn a_column_renamed_beside_one_dropped_and_one_added_keeps_its_values() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    let sql = "ALTER TABLE t DROP COLUMN a; ALTER TABLE t RENAME COLUMN b TO z; ALTER TABLE t ADD COLUMN y TEXT";
    nodes[0].at(2000, sql);
    nodes[0].cut();
    nodes[1].at(2001, "UPDATE t SET b = 'late'");
    exchange(&mut nodes);
    assert_eq!(nodes[0].text("SELECT k, z, y FROM t"), "1 late null");
    nodes[1].at(2002, sql);
    nodes[0].at(2003, "UPDATE t SET z = 'later'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT k, z, y FROM t"), ["1 later null", "1 later null"]);
}

#[test]
fn a_column_is_known_by_each_name_that_it_had() {
    let dir = Dir::new();
    let mut nodes = nodes::<3>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    // One node looks at each step, one never at the name between, and one keeps the first.
    nodes[0].at(2000, "ALTER TABLE t RENAME COLUMN b TO y");
    nodes[0].cut();
    nodes[0].at(2001, "UPDATE t SET y = 'between'");
    nodes[0].cut();
    nodes[0].at(2002, "ALTER TABLE t RENAME COLUMN y TO z");
    nodes[1].at(2003, "ALTER TABLE t RENAME COLUMN b TO y; ALTER TABLE t RENAME COLUMN y TO z");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 a between"; 3]);
    nodes[2].at(3000, "UPDATE t SET b = 'last'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 a last"; 3]);
    // A new column of an old name is another one.
    nodes[1].at(4000, "ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET b = 'new', z = 'newest'");
    exchange(&mut nodes);
    assert_eq!(nodes[0].text("SELECT * FROM t"), "1 a newest");
    nodes[0].at(4001, "ALTER TABLE t ADD COLUMN b TEXT");
    exchange(&mut nodes);
    assert_eq!(nodes[0].text("SELECT * FROM t"), "1 a newest new");
}

#[test]
fn a_table_rebuilt_before_the_eyes_of_the_replica_keeps_its_clocks() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    nodes[0].at(3000, "UPDATE t SET a = 'newer'");
    nodes[0].cut();
    for sql in [
        "CREATE TABLE n(k INTEGER PRIMARY KEY, a TEXT, b TEXT)",
        "INSERT INTO n SELECT * FROM t",
        "DROP TABLE t; ALTER TABLE n RENAME TO t",
    ] {
        nodes[0].at(4000, sql);
        nodes[0].cut_all();
    }
    nodes[1].at(2000, "UPDATE t SET a = 'older'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM t"), ["1 newer b", "1 newer b"]);
}

#[test]
fn a_write_here_is_taken_in_before_what_waited_for_its_column() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    nodes[0].at(2000, "ALTER TABLE t ADD COLUMN c TEXT; UPDATE t SET c = 'older'");
    exchange(&mut nodes);
    nodes[1].at(3000, "ALTER TABLE t ADD COLUMN c TEXT; UPDATE t SET c = 'newer'");
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT c FROM t"), ["newer", "newer"]);
}

#[test]
fn a_default_that_no_other_connection_knows_stops_nothing() {
    let dir = Dir::new();
    let schema = "CREATE TABLE t(k INTEGER PRIMARY KEY, a \"odd \"\"type\" DEFAULT (nobody_knows(3)))";
    let mut node = Node::new(&dir, 1, "", Options::default());
    node.app.execute_batch("PRAGMA writable_schema = ON").unwrap();
    node.app.execute_batch(&schema.replace("nobody_knows(3)", "abs(3)")).unwrap();
    node.app
        .execute("UPDATE sqlite_schema SET sql = replace(sql, 'abs(3)', 'nobody_knows(3)') WHERE name = 't'", ())
        .unwrap();
    node.app.execute_batch("PRAGMA writable_schema = RESET").unwrap();
    node.cut_all();
    node.at(1000, "INSERT INTO t VALUES (1, 2)");
    node.cut_all();
    assert_eq!(node.sent.len(), 1);
}

#[test]
fn a_column_without_a_value_is_renamed_while_another_one_is_dropped() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, "CREATE TABLE t(k INTEGER PRIMARY KEY, a BLOB, b TEXT)");
    nodes[0].at(1000, "INSERT INTO t(k) VALUES (1)");
    exchange(&mut nodes);
    nodes[0].at(2000, "ALTER TABLE t RENAME COLUMN a TO z; ALTER TABLE t DROP COLUMN b");
    nodes[0].cut();
    nodes[1].at(2001, "UPDATE t SET a = 'late'");
    exchange(&mut nodes);
    assert_eq!(nodes[0].text("SELECT z FROM t"), "late");
}

#[test]
fn what_a_table_made_again_has_in_a_column_was_written() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, T);
    nodes[0].at(1000, "INSERT INTO t VALUES (1, 'a', 'b')");
    exchange(&mut nodes);
    let again = format!("DROP TABLE t; {T}; INSERT INTO t VALUES (1, 'a', NULL)");
    // One node sees the rename that the other one never looks at.
    nodes[0].at(2000, "ALTER TABLE t RENAME COLUMN b TO z");
    nodes[0].cut();
    nodes[0].at(2001, &again);
    nodes[1].at(2002, "ALTER TABLE t RENAME COLUMN b TO z");
    nodes[1].at(2003, &again.replace("NULL", "'b'"));
    exchange(&mut nodes);
    let rows = all(&nodes, "SELECT * FROM t");
    assert_eq!(rows[0], rows[1]);
}

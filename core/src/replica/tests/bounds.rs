//! What is kept beside the rows, and what bounds it; writes that no trigger tells of; a file that is an old copy.

use crate::error::ErrorKind;
use crate::replica::Options;
use crate::replica::change::Unit;

use super::world::{Dir, NOW_MS, Node, all, exchange, nodes};

const USERS: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT UNIQUE)";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[test]
fn changes_that_wait_for_a_schema_have_a_bound() {
    let dir = Dir::new();
    let options = Options { park_bytes_max: 1200, ..Options::default() };
    let mut nodes = [Node::new(&dir, 1, USERS, options.clone()), Node::new(&dir, 2, "", options)];
    for id in 0..2 {
        nodes[0].at(1000, &format!("INSERT INTO users VALUES ({id}, hex(randomblob(800)))"));
        nodes[0].cut_all();
    }
    let units: Vec<_> = nodes[0].sent.iter().map(|unit| Unit::decode(unit).unwrap()).collect();
    nodes[1].replica().apply(&units[0], NOW_MS).unwrap();
    let error = nodes[1].replica().apply(&units[1], NOW_MS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("users") && error.to_string().contains("1200"), "{error}");
    assert_eq!((nodes[1].replica().position(1).unwrap(), nodes[1].replica().parked().unwrap()), (1, 1));
    nodes[1].at(1000, USERS);
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT count(*) FROM users"), ["2", "2"]);
    assert_eq!(nodes[1].text("SELECT value FROM _headwater_meta WHERE name = 'park_bytes'"), "0");
}

#[test]
fn a_deleted_key_is_forgotten_after_its_time() {
    let dir = Dir::new();
    let options = Options { forget_ms: DAY_MS, ..Options::default() };
    let mut node = Node::new(&dir, 1, USERS, options);
    node.at(1000, "INSERT INTO users VALUES (1, 'a'), (2, 'b')");
    node.cut_all();
    node.at(2000, "DELETE FROM users WHERE id = 1");
    node.cut_all();
    assert!(node.replica().sweep(10, 2000 + DAY_MS).unwrap());
    assert_eq!(node.text("SELECT count(*) FROM _headwater_row"), "2");
    assert!(!node.replica().sweep(1, 2001 + DAY_MS).unwrap());
    assert_eq!(node.text("SELECT count(*) FROM _headwater_row"), "1");
    node.at(3000, "DROP TABLE users");
    node.cut();
    while !node.replica().sweep(1, 4000).unwrap() {}
    assert_eq!(node.text("SELECT count(*) FROM _headwater_row"), "1");
    while !node.replica().sweep(1, 3001 + DAY_MS).unwrap() {}
    assert_eq!(node.text("SELECT count(*) FROM _headwater_row"), "0");
}

#[test]
fn what_a_replace_takes_out_without_a_trigger_is_found() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, USERS);
    nodes[0].app.execute_batch("PRAGMA recursive_triggers = OFF").unwrap();
    nodes[0].at(1000, "INSERT INTO users VALUES (1, 'm'), (2, 'n')");
    exchange(&mut nodes);
    nodes[0].at(2000, "INSERT OR REPLACE INTO users VALUES (3, 'm'), (4, 'n')");
    exchange(&mut nodes);
    // Both see the same, though the other node still keeps what was replaced.
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["3 m, 4 n", "3 m, 4 n"]);
    assert_eq!(all(&nodes, "SELECT count(*) FROM _headwater_hidden"), ["0", "2"]);
    // A write to one of them finds it, the sweep both.
    nodes[1].at(3000, "UPDATE users SET mail = 'x' WHERE id = 3");
    nodes[1].cut();
    nodes[1].at(3001, "UPDATE users SET mail = 'y' WHERE id = 1");
    exchange(&mut nodes);
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["3 x, 4 n", "3 x, 4 n"]);
    assert!(nodes[0].replica().sweep(10, 0).unwrap());
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["3 x, 4 n", "3 x, 4 n"]);
    assert_eq!(all(&nodes, "SELECT count(*) FROM _headwater_hidden"), ["0", "0"]);
}

#[test]
fn a_row_that_no_cut_has_taken_in_loses_to_none() {
    let dir = Dir::new();
    let options = Options { unit_changes_max: 1, ..Options::default() };
    let mut nodes = [Node::new(&dir, 1, USERS, options.clone()), Node::new(&dir, 2, USERS, options)];
    nodes[0].at(1000, "INSERT INTO users VALUES (1, 'm')");
    nodes[1].at(1001, "INSERT INTO users VALUES (2, 'm')");
    exchange(&mut nodes);
    // Row 1 is hidden. The cut takes in that row 2 is gone, and not yet that another one has its place.
    nodes[0].at(2000, "DELETE FROM users; INSERT INTO users VALUES (3, 'm')");
    nodes[0].cut();
    assert_eq!(nodes[0].text("SELECT * FROM users"), "3 m");
    nodes[0].restart();
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["3 m", "3 m"]);
}

#[test]
fn hidden_rows_cost_nothing_where_none_of_them_is_touched() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, USERS);
    for (node, from) in nodes.iter_mut().zip([0, 1000]) {
        let rows = format!("SELECT value, 'm' || (value - {from}) FROM generate_series");
        let rows = rows.replace("generate_series", &format!("(SELECT {from} + n AS value FROM n)"));
        node.at(
            1000 + from,
            &format!("WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 300) INSERT INTO users {rows}"),
        );
    }
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT count(*) FROM _headwater_hidden WHERE length(by) > 0"), ["300", "300"]);
    nodes[1].at(3000, "UPDATE users SET mail = 'free' WHERE id = 1007");
    nodes[1].cut();
    assert_eq!(nodes[1].text("SELECT id FROM users WHERE mail = 'm7'"), "7");
    assert_eq!(nodes[1].text("SELECT count(*) FROM _headwater_hidden"), "299");
}

#[test]
fn rows_whose_key_is_null_are_passed_by() {
    let dir = Dir::new();
    let rows = "INSERT INTO t VALUES (NULL, 1, 'x'), (NULL, 2, 'x'), ('a', NULL, 'x'), ('a', 1, 'x'), ('b', 2, 'x')";
    let schema = format!("CREATE TABLE t(k TEXT, l INTEGER, v, PRIMARY KEY(k, l)); {rows}");
    let mut nodes = nodes::<2>(&dir, "CREATE TABLE t(k TEXT, l INTEGER, v, PRIMARY KEY(k, l))");
    nodes[0] = Node::new(&dir, 3, &schema, Options::default());
    exchange(&mut nodes);
    assert_eq!(nodes[1].text("SELECT k, l FROM t"), "a 1, b 2");
    nodes[0].at(1000, "UPDATE t SET k = 'c' WHERE k IS NULL AND l = 2; INSERT INTO t VALUES ('d', NULL, 1)");
    exchange(&mut nodes);
    assert_eq!(nodes[1].text("SELECT k, l FROM t"), "a 1, b 2, c 2");
    assert_ne!(nodes[0].text("SELECT value FROM _headwater_meta WHERE name = 'null_keys'"), "");
}

#[test]
fn a_node_on_an_old_copy_of_its_file_loses_nothing_that_it_ever_sent() {
    let dir = Dir::new();
    let mut nodes = nodes::<2>(&dir, USERS);
    nodes[0].at(1000, "INSERT INTO users VALUES (1, 'a')");
    exchange(&mut nodes);
    nodes[0].back_up();
    nodes[0].at(2000, "UPDATE users SET mail = 'sent'; INSERT INTO users VALUES (2, 'b')");
    exchange(&mut nodes);
    nodes[0].restore(3);
    nodes[0].at(1500, "INSERT INTO users VALUES (3, 'c')");
    nodes[0].cut_all();
    let past = nodes[0].past[0].1.clone();
    for unit in &past {
        nodes[0].apply(unit);
    }
    exchange(&mut nodes);
    assert_eq!(all(&nodes, "SELECT * FROM users"), ["1 sent, 2 b, 3 c", "1 sent, 2 b, 3 c"]);
}

#[test]
fn a_table_without_a_row_at_attach_is_not_walked_over() {
    let dir = Dir::new();
    let (mut empty, mut filled) = (
        Node::new(&dir, 1, USERS, Options::default()),
        Node::new(&dir, 2, &format!("{USERS}; INSERT INTO users VALUES (1, 'a')"), Options::default()),
    );
    assert!(!empty.replica().has_walk() && filled.replica().has_walk());
    for node in [&mut empty, &mut filled] {
        node.at(2000, "CREATE TABLE more(id INTEGER PRIMARY KEY, v); INSERT INTO more VALUES (1, 'x')");
        node.cut();
        assert!(node.replica().has_walk(), "it had a row when it was seen first");
        node.cut_all();
    }
    let mut both = [empty, filled];
    exchange(&mut both);
    assert_eq!(all(&both, "SELECT (SELECT v FROM more), (SELECT mail FROM users)"), ["x a"; 2]);
}

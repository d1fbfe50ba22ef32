//! Rows that come many at a time.

use super::world::{Dir, all, exchange, nodes};

#[test]
fn rows_that_come_together_are_what_they_were_one_by_one() {
    let dir = Dir::new();
    let schema = "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT UNIQUE, n INTEGER CHECK (n < 90));
                  CREATE TABLE bare(a TEXT, b BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID";
    let mut nodes = nodes::<2>(&dir, schema);
    // One that is known, one that clashes, and one that the other node's constraint refuses.
    nodes[1].at(1000, "INSERT INTO t VALUES (5, 'mine', 1), (100, 'v7', 2); INSERT INTO bare VALUES ('k4', x'04')");
    nodes[0].app.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    nodes[0].at(
        2000,
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)
         INSERT INTO t SELECT i, 'v' || i, iif(i = 33, 99, i) FROM n;
         INSERT INTO bare SELECT 'k' || k, CAST(char(k) AS BLOB) FROM t",
    );
    exchange(&mut nodes);
    assert_eq!(nodes[1].text("SELECT count(*), sum(n), min(v), max(v) FROM t"), "39 787 v1 v9");
    assert_eq!(all(&nodes, "SELECT k, v FROM t WHERE k IN (5, 7, 100)"), ["5 v5, 7 v7"; 2]);
    assert_eq!(all(&nodes, "SELECT count(*), sum(length(b)), max(b) FROM bare"), ["40 40 [40]"; 2]);
    assert_eq!(nodes[1].text("SELECT count(*) FROM _headwater_hidden"), "2");
    assert_eq!(all(&nodes, "SELECT count(*) FROM _headwater_row"), ["81"; 2]);
    // A second time they are nothing new.
    let unit = nodes[0].sent[0].clone();
    let before = nodes[1].text("SELECT quote(state) FROM _headwater_row");
    nodes[1].apply(&unit);
    assert_eq!(nodes[1].text("SELECT quote(state) FROM _headwater_row"), before);
}

//! What HarmonyLite's end-to-end suite asks of a cluster, on three nodes that are real processes and a real server: its
//! eleven scenarios, each by its name.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::time::Duration;

use common::node::{Hub, until};
use common::side::{Side, equal};

const TABLES: &str = "CREATE TABLE Books(id INTEGER PRIMARY KEY, title TEXT, author TEXT, publication_year INTEGER); \
                      CREATE TABLE Authors(id INTEGER PRIMARY KEY, name TEXT)";

/// A hub and three nodes that run.
struct Cluster {
    sides: Vec<Side>,
    /// Ends after them.
    hub: Hub,
}

impl Cluster {
    /// `[replica]` of each says this.
    fn start(name: &str, replica: [&str; 3]) -> Self {
        let mut hub = Hub::later();
        hub.start();
        let side = |(n, told): (usize, &&str)| {
            let mut side = Side::told(&format!("cluster-{name}-{n}"), &hub, &format!("node_id = {}\n{told}", n + 1));
            side.sql(TABLES);
            side.start();
            side
        };
        Cluster { sides: replica.iter().enumerate().map(side).collect(), hub }
    }

    fn sql(&self, node: usize, sql: &str) {
        self.sides[node].sql(sql);
    }

    /// All nodes answer so, soon.
    fn all(&self, sql: &str, expected: &str) {
        equal(&self.sides.iter().collect::<Vec<_>>(), sql, expected);
    }
}

/// 1 to 4, 7 and 8.
#[test]
fn inserts_updates_deletes_conflicts_tables_and_many_records_replicate() {
    let cluster = Cluster::start("basic", [""; 3]);
    // Should replicate INSERT operations.
    cluster.sql(0, "INSERT INTO Books VALUES (1, 'Emma', 'Austen', 1815)");
    cluster.all("SELECT title, author, publication_year FROM Books WHERE id = 1", "Emma|Austen|1815");
    // Should replicate UPDATE operations.
    cluster.sql(1, "UPDATE Books SET title = 'Persuasion', publication_year = 1817 WHERE id = 1");
    cluster.all("SELECT title, author, publication_year FROM Books WHERE id = 1", "Persuasion|Austen|1817");
    // Should replicate DELETE operations.
    cluster.sql(2, "DELETE FROM Books WHERE id = 1");
    cluster.all("SELECT count(*) FROM Books", "0");
    // Should resolve concurrent updates using last-writer-wins.
    cluster.sql(0, "INSERT INTO Books VALUES (2, 'none', 'nobody', 0)");
    cluster.all("SELECT title FROM Books WHERE id = 2", "none");
    for node in 0..3 {
        cluster.sql(node, &format!("UPDATE Books SET title = 'of {node}' WHERE id = 2"));
        std::thread::sleep(Duration::from_millis(100));
    }
    cluster.all("SELECT title, author FROM Books WHERE id = 2", "of 2|nobody");
    // Should replicate changes across multiple tables.
    cluster
        .sql(1, "BEGIN; INSERT INTO Authors VALUES (1, 'Austen'); INSERT INTO Books VALUES (3, 'a', 'b', 1); COMMIT");
    cluster.sql(2, "INSERT INTO Authors VALUES (2, 'Scott')");
    cluster.all("SELECT (SELECT group_concat(name) FROM Authors), (SELECT count(*) FROM Books)", "Austen,Scott|2");
    // Should handle replication of many records.
    let rows = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 199) \
                INSERT INTO Books SELECT i, 'title ' || i, 'author', i FROM n";
    cluster.sql(0, rows);
    cluster.all("SELECT count(*), sum(publication_year) FROM Books WHERE id >= 100", "100|14950");
}

/// 5, 9 and 10.
#[test]
fn snapshots_are_made_by_one_node_and_a_node_that_does_not_publish_still_receives() {
    let told = "[replica.snapshot]\nstore = \"nats\"\ninterval = \"1s\"\n";
    let silent = format!("publish = false\n{told}");
    let mut cluster = Cluster::start("snapshots", [told, told, &silent]);
    // Should work with publish disabled on one node, and still receive.
    cluster.sql(2, "INSERT INTO Books VALUES (9, 'kept here', 'x', 9)");
    cluster.sql(0, "INSERT INTO Books VALUES (1, 'Emma', 'Austen', 1815)");
    cluster.all("SELECT title FROM Books WHERE id = 1", "Emma");
    // Should elect one node as snapshot leader among multiple publishers.
    let ids = || {
        let listed = cluster.sides[0].run(&["replica", "snapshots", "--json"]);
        assert_eq!(listed.code, 0, "{}", listed.stderr);
        let nodes = common::objects(&listed.stdout).into_iter().map(|it| it["node_id"].to_string());
        nodes.collect::<Vec<_>>()
    };
    until("there are snapshots", || ids().len() >= 2);
    let made = ids();
    assert!(made.iter().all(|node| *node == made[0] && node != "\"3\""), "{made:?}");
    equal(&[&cluster.sides[0], &cluster.sides[1]], "SELECT count(*) FROM Books", "1");
    // Should save and restore snapshots correctly.
    cluster.sides[1].job(&["replica", "snapshot"]);
    cluster.sides[1].kill();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(cluster.sides[1].dir.file(&format!("app.db{end}")));
    }
    std::fs::remove_dir_all(cluster.sides[1].dir.path()).expect("its node is gone");
    cluster.sides[1].start();
    until("there is a file", || cluster.sides[1].db.exists());
    equal(&[&cluster.sides[0], &cluster.sides[1]], "SELECT title FROM Books", "Emma");
    cluster.sql(1, "INSERT INTO Books VALUES (2, 'Ivanhoe', 'Scott', 1819)");
    cluster.all("SELECT title FROM Books WHERE id = 2", "Ivanhoe");
    cluster.hub.kill();
}

/// 6 and 11.
#[test]
fn a_node_that_failed_recovers_and_a_schema_is_upgraded_node_by_node() {
    let mut cluster = Cluster::start("recovery", [""; 3]);
    // Should recover replication after node failure.
    cluster.sql(0, "INSERT INTO Books VALUES (1, 'before', 'x', 1)");
    cluster.all("SELECT count(*) FROM Books", "1");
    cluster.sides[2].kill();
    cluster.sql(0, "INSERT INTO Books VALUES (2, 'while', 'x', 2); UPDATE Books SET title = 'changed' WHERE id = 1");
    cluster.sql(2, "INSERT INTO Books VALUES (3, 'by the application', 'x', 3)");
    cluster.sides[2].start();
    cluster.all(
        "SELECT group_concat(title) FROM (SELECT title FROM Books ORDER BY id)",
        "changed,while,by the application",
    );
    // Should pause replication on schema mismatch and resume after upgrade: here nothing else pauses.
    let parked = |node: usize| cluster.sides[node].status()["parked"].as_u64().unwrap_or(0);
    cluster.sql(0, "ALTER TABLE Books ADD COLUMN rating INTEGER");
    cluster.sql(0, "INSERT INTO Books VALUES (4, 'new', 'x', 4, 5)");
    until("it waits at the others", || parked(1) > 0 && parked(2) > 0);
    cluster.sql(1, "INSERT INTO Authors VALUES (1, 'goes on')");
    cluster.all("SELECT name FROM Authors", "goes on");
    for node in [1, 2] {
        cluster.sql(node, "ALTER TABLE Books ADD COLUMN rating INTEGER");
        let sides = &cluster.sides[..=node].iter().collect::<Vec<_>>();
        equal(sides, "SELECT title, rating FROM Books WHERE id = 4", "new|5");
    }
    cluster.sql(2, "UPDATE Books SET rating = 3 WHERE id = 2");
    cluster.all("SELECT rating FROM Books WHERE id = 2", "3");
    until("nothing waits", || (0..3).all(|node| parked(node) == 0));
}

//! Nodes that a file was of before it came to another log.

use super::world::{Dir, Node};
use crate::replica::Options;

/// A node is begun anew at each start after a kill, in the same log. When that log is thrown away, what each of them
/// gave went with it, and not what the last one gave alone.
#[test]
fn all_nodes_that_gave_to_a_log_are_formers_in_the_next() {
    let dir = Dir::new();
    let mut node = Node::new(&dir, 1, "CREATE TABLE t(id INTEGER PRIMARY KEY)", Options::default());
    node.at(1, "INSERT INTO t VALUES (1)");
    node.replica().cut().unwrap();
    node.replica().become_node(2, false).unwrap();
    node.at(2, "INSERT INTO t VALUES (2)");
    node.replica().cut().unwrap();
    node.replica().become_node(3, false).unwrap();
    assert_eq!(node.replica().formers().unwrap(), [], "the log has all of it");
    node.replica().become_node(4, true).unwrap();
    assert_eq!(node.replica().formers().unwrap(), [(1, 1), (2, 1)], "the third one gave nothing");

    // What was given to a log is lost again with that one.
    node.replica().settle_formers(&[(1, 1), (2, 1)], true).unwrap();
    assert_eq!(node.replica().formers().unwrap(), []);
    node.replica().become_node(5, true).unwrap();
    assert_eq!(node.replica().formers().unwrap(), [(1, 1), (2, 1)]);
}

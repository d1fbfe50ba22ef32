//! Nodes of one cluster, over one engine whose time stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualClock;
use crate::engine::{Engine, EngineOptions};
use crate::error::ErrorKind;
use crate::pending::Pending;

use super::super::*;
use super::{SECOND, id, told};

struct World {
    clock: Arc<ManualClock>,
    engine: Engine,
    nodes: BTreeMap<String, Entities>,
}

fn config(node: &str) -> EntitiesConfig {
    EntitiesConfig { shards: 32, cluster: Some(ClusterConfig::new("town", node)), ..EntitiesConfig::default() }
}

impl World {
    fn new(names: &[&str]) -> Self {
        let clock = Arc::new(ManualClock::new(SECOND, 1));
        let options = EngineOptions { clock: clock.clone(), worker: false, ..EngineOptions::default() };
        let engine = Engine::memory_with(options).expect("an engine");
        let mut world = World { clock, engine, nodes: BTreeMap::new() };
        for name in names {
            world.join(name);
        }
        world.settle();
        world
    }

    fn join(&mut self, name: &str) {
        let node = self.engine.entities(config(name)).wait().expect("a node");
        self.nodes.insert(name.to_owned(), node);
    }

    fn node(&self, name: &str) -> &Entities {
        &self.nodes[name]
    }

    /// All nodes look and act once, and handle what there is.
    fn round(&self) {
        for (name, node) in &self.nodes {
            node.round().wait().expect("a round");
            handle(name, node);
        }
    }

    fn settle(&self) {
        (0..40).for_each(|_| self.round());
    }

    /// Time passes in steps that are shorter than any deadline of the cluster.
    fn pass(&self, seconds: u64) {
        for _ in 0..seconds * 2 {
            self.clock.advance(Duration::from_millis(500));
            self.engine.step();
            self.round();
        }
    }

    fn ask(&self, node: &str, key: &str) -> Pending<Vec<u8>> {
        self.node(node).request(id(key), "who", b"", RequestOptions::default())
    }

    /// What an entity answers, asked of a node: the name of the one that has it.
    fn answer(&self, node: &str, key: &str) -> crate::Result<String> {
        let mut asked = self.ask(node, key);
        for _ in 0..20 {
            match asked.wait_timeout(Duration::ZERO) {
                Err(error) if !asked.is_taken() => assert_eq!(error.kind(), ErrorKind::Timeout),
                answer => return answer.map(|answer| String::from_utf8(answer).expect("text")),
            }
            self.round();
            self.clock.advance(Duration::from_millis(10));
            self.engine.step();
        }
        panic!("no answer of '{key}'");
    }

    fn owners(&self, node: &str) -> BTreeMap<String, usize> {
        self.node(node).nodes().into_iter().map(|it| (it.name, it.shards)).collect()
    }
}

/// Handles all turns of a node: each answer is its name.
fn handle(name: &str, node: &Entities) {
    while let Ok(Some(turn)) = node.try_next() {
        let answers: Vec<_> = (0..).zip(&turn.items).map(|(n, _)| (n, Ok(name.as_bytes().to_vec()))).collect();
        node.complete(turn.token, answers).expect("completed");
    }
}

#[test]
fn every_shard_is_on_one_node_and_every_node_knows_which() {
    let world = World::new(&["a", "b", "c"]);
    let owners = world.owners("a");
    assert_eq!(owners.values().sum::<usize>(), 32, "{owners:?}");
    assert!(owners.values().all(|&shards| shards > 4), "{owners:?}");
    for key in 0..40 {
        let key = key.to_string();
        let at = world.node("a").where_is(id(&key)).expect("it is somewhere");
        for node in ["a", "b", "c"] {
            assert_eq!(world.node(node).where_is(id(&key)).as_ref(), Some(&at));
            assert_eq!(world.answer(node, &key).expect("an answer"), at, "asked of {node}");
            assert_eq!(world.node(node).epoch_of(id(&key)).is_some(), node == at);
        }
    }
}

#[test]
fn a_node_that_joins_gets_its_part_and_one_that_leaves_gives_it_back() {
    let mut world = World::new(&["a", "b"]);
    let keys: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    for key in &keys {
        world.answer("a", key).expect("an answer");
    }
    world.join("c");
    world.pass(5);
    let owners = world.owners("a");
    assert!(owners["c"] > 4 && owners.values().sum::<usize>() == 32, "{owners:?}");
    let mut leaving = world.node("b").leave();
    while leaving.wait_timeout(Duration::ZERO).is_err() {
        world.pass(1);
    }
    let gone = world.nodes.remove("b").expect("it was there");
    assert_eq!(
        gone.request(id("1"), "who", b"", RequestOptions::default()).wait().expect_err("gone").kind(),
        ErrorKind::Closed
    );
    world.pass(2);
    let owners = world.owners("a");
    assert!(!owners.contains_key("b") && owners.values().sum::<usize>() == 32, "{owners:?}");
    for key in &keys {
        assert_ne!(world.answer("a", key).expect("an answer"), "b");
    }
}

#[test]
fn the_shards_of_a_node_that_dies_are_taken_and_it_hands_out_nothing_meanwhile() {
    let mut world = World::new(&["a", "b"]);
    let dead = world.nodes.remove("b").expect("it is there");
    let key = (0..1_000).map(|n| n.to_string()).find(|key| dead.epoch_of(id(key)).is_some()).expect("one of its");
    // It still takes messages, and would hand them out.
    let late = dead.notify(id(&key), "who", b"");
    let epoch = dead.epoch_of(id(&key)).expect("it has it");
    world.pass(7);
    assert!(world.node("a").epoch_of(id(&key)).is_none(), "it may be alive still");
    world.clock.advance(Duration::from_secs(1));
    assert!(dead.try_next().expect("open").is_none(), "it can't be sure any more");
    assert_eq!(dead.epoch_of(id(&key)), None);
    world.pass(4);
    assert_eq!(world.owners("a")["a"], 32);
    assert!(world.node("a").epoch_of(id(&key)).expect("it was taken") > epoch);
    assert_eq!(world.answer("a", &key).expect("an answer"), "a");
    drop(late);
    // It comes back, and learns that they are another's; what it had not begun is asked there.
    world.nodes.insert("b".to_owned(), dead);
    world.round();
    assert_eq!(world.node("b").epoch_of(id(&key)), None);
    world.pass(8);
    let owners = world.owners("a");
    assert!(owners["b"] > 4 && owners.values().sum::<usize>() == 32, "{owners:?}");
}

/// Whoever asked a shard that nobody had waited for its own deadline.
#[test]
fn failure_22_where_nobody_answers_is_said_at_once() {
    let mut world = World::new(&["a", "b"]);
    let gone = world.nodes.remove("b").expect("it is there");
    let key = (0..1_000).map(|n| n.to_string()).find(|key| gone.epoch_of(id(key)).is_some()).expect("one of its");
    gone.close();
    let error = world.ask("a", &key).wait().expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains("node 'b', which has"), "{error}");
}

/// What one entity of a shard took its time for held up all others of it, and one that asked another waited for ever.
#[test]
fn failure_22_a_slow_entity_holds_up_no_other_one_of_its_shard_whichever_node_asks() {
    let world = World::new(&["a", "b"]);
    let there = world.node("b");
    let has = |key: &String| there.epoch_of(id(key)).is_some();
    let slow = (0..1_000).map(|n| n.to_string()).find(has).expect("one of its");
    let is_beside = |key: &String| *key != slow && there.shard_of(id(key)) == there.shard_of(id(&slow));
    let other = (0..1_000).map(|n| n.to_string()).find(is_beside).expect("another one of the shard");
    for (asking, item) in [("a", 1), ("b", 0)] {
        let mut asked = world.ask(asking, &slow);
        let turn = there.try_next().expect("open").expect("a turn");
        assert_eq!((turn.id(), turn.items.len()), (id(&slow), item + 1));
        for node in ["a", "b"] {
            assert_eq!(world.answer(node, &other).expect("an answer"), "b", "asked of {node}");
        }
        let options = RequestOptions { within: Some((turn.token, item as u32)), ..RequestOptions::default() };
        let mut of_it = there.request(id(&other), "who", b"", options);
        world.round();
        assert_eq!(of_it.wait_timeout(Duration::ZERO).expect("it may ask that one itself"), b"b");
        assert_eq!(asked.wait_timeout(Duration::ZERO).expect_err("it is not done").kind(), ErrorKind::Timeout);
        assert!(!asked.is_taken() && there.is_out(turn.token), "nothing else ended it");
        let answers = (0..=item as u32).map(|item| (item, Ok(b"at last".to_vec())));
        there.complete(turn.token, answers).expect("completed");
        assert_eq!(asked.wait_timeout(Duration::ZERO).expect("an answer"), b"at last");
    }
}

#[test]
fn errors_and_cycles_are_the_same_across_nodes() {
    let world = World::new(&["a", "b"]);
    let of = |node: &str| {
        let has = |key: &String| world.node(node).epoch_of(id(key)).is_some();
        (0..1_000).map(|n| n.to_string()).find(has).expect("one of its")
    };
    let (here, there) = (of("a"), of("b"));
    let mut asked = world.node("a").request(id(&there), "fail", b"", RequestOptions::default());
    let turn = world.node("b").try_next().expect("open").expect("a turn");
    assert_eq!(turn.items.iter().map(|item| told(&item.what)).collect::<Vec<_>>(), ["start", "fail"]);
    // From there it asks one that is here, and that asks back.
    let within = Some((turn.token, 1));
    let options = RequestOptions { within, ..RequestOptions::default() };
    let on = world.node("b").request(id(&here), "on", b"", options);
    let second = world.node("a").try_next().expect("open").expect("a turn");
    let options = RequestOptions { within: Some((second.token, 1)), ..RequestOptions::default() };
    let back = world.node("a").request(id(&there), "back", b"", options).wait().expect_err("a cycle");
    let cycle = format!("counter '{there}' -> counter '{here}' -> counter '{there}'");
    assert!(back.kind() == ErrorKind::Invalid && back.message().ends_with(&cycle), "{back}");
    drop(on);
    let error = crate::Error::new(ErrorKind::Conflict, "no, über");
    world.node("b").complete(turn.token, [(0, Ok(Vec::new())), (1, Err(error))]).expect("completed");
    let failed = asked.wait_timeout(Duration::from_secs(5)).expect_err("it failed");
    assert_eq!((failed.kind(), failed.message()), (ErrorKind::Conflict, "no, über"));
}

#[test]
fn one_that_is_begun_again_under_its_name_takes_it_over() {
    let mut world = World::new(&["a", "b"]);
    let first = world.nodes.remove("a").expect("it is there");
    first.0.part().expect("a part").listening.clear();
    world.join("a");
    assert!(world.nodes["a"].epoch_of(id("1")).is_none() || world.nodes["b"].epoch_of(id("1")).is_some());
    world.clock.advance(Duration::from_secs(3));
    let over = first.round().wait().expect_err("it is over");
    assert!(over.message().contains("was begun again"), "{over}");
    world.pass(12);
    let owners = world.owners("b");
    assert!(owners["a"] > 4 && owners.values().sum::<usize>() == 32, "{owners:?}");
}

#[test]
fn names_that_can_not_be_are_refused() {
    let world = World::new(&["a"]);
    for (name, node, ttl, weight) in [("", "a", 10, 1), ("t", "a.b", 10, 1), ("t", "a", 0, 1), ("t", "a", 10, 101)] {
        let cluster = ClusterConfig { weight, ttl: Duration::from_secs(ttl), ..ClusterConfig::new(name, node) };
        let config = EntitiesConfig { cluster: Some(cluster), ..EntitiesConfig::default() };
        assert_eq!(
            world.engine.entities(config).wait().map(|_| ()).expect_err("it can't be").kind(),
            ErrorKind::Invalid
        );
    }
}

#[test]
fn a_client_asks_and_is_no_node() {
    let world = World::new(&["a", "b"]);
    let client = EntitiesConfig { cluster: Some(ClusterConfig::client("town")), ..EntitiesConfig::default() };
    let both = [world.engine.entities(client.clone()), world.engine.entities(client)].map(|it| it.wait().expect("it"));
    for client in &both {
        assert_eq!(client.nodes().iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        for key in ["x", "y", "z"] {
            let mut asked = client.request(id(key), "who", b"", RequestOptions::default());
            let answer = loop {
                world.round();
                match asked.wait_timeout(Duration::ZERO) {
                    Err(error) if !asked.is_taken() => assert_eq!(error.kind(), ErrorKind::Timeout),
                    answer => break answer.expect("an answer"),
                }
            };
            assert_eq!(client.where_is(id(key)).map(String::into_bytes), Some(answer));
        }
        let listed = client.list("counter").wait().expect("listed");
        assert_eq!(listed.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["x", "y", "z"]);
        assert!(listed.iter().all(|it| client.where_is(id(&it.key)).as_deref() == Some(it.node.as_str())));
        assert_eq!(client.list("other").wait().expect("listed"), []);
    }
    for client in &both {
        client.leave().wait().expect("left");
    }
    assert_eq!(world.node("a").nodes().len(), 2);
    let other = EntitiesConfig { shards: 64, ..config("c") };
    let refused = world.engine.entities(other).wait().map(drop).expect_err("it has 32");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
}

//! Nodes with real sockets and certificates.

use std::time::{Duration, Instant};

use crate::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading};
use crate::engine::Engine;
use crate::member::MeshStatus;
use crate::mesh::MeshConfig;
use crate::record::Durability;
use crate::tls::testing::{Certs, FOR_LONG};

struct Node {
    engine: Engine,
    store: CrdtStore,
}

impl Node {
    fn mesh(&self) -> MeshStatus {
        self.engine.mesh().wait().unwrap().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.engine.close();
    }
}

fn start(certs: &Certs, name: &str, seeds: &[String]) -> Node {
    certs.issue(name, FOR_LONG);
    let engine = Engine::memory().unwrap();
    // Each store promises what it was told, and takes part as it is.
    let durability = if name == "b" { Durability::Os } else { Durability::Interval };
    let store = engine.crdt(CrdtConfig { name: "app".into(), durability, ..CrdtConfig::default() }).unwrap();
    let config = MeshConfig {
        name: name.to_owned(),
        bind: "127.0.0.1:0".into(),
        seeds: seeds.to_vec(),
        certs: certs.files(name),
        ..MeshConfig::default()
    };
    engine.join_mesh(config).unwrap();
    Node { engine, store }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} did not come to be in 20 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn connected(node: &Node) -> usize {
    node.mesh().members.iter().filter(|member| member.connected).count()
}

#[test]
fn nodes_over_tls_share_what_is_written() {
    let certs = Certs::new();
    let first = start(&certs, "a", &[]);
    let seeds = [first.mesh().own.address];
    let nodes = [start(&certs, "b", &seeds), start(&certs, "c", &seeds), first];
    until("a mesh of three", || nodes.iter().all(|node| connected(node) == 2));
    for (place, node) in nodes.iter().enumerate() {
        node.store.write("likes", Kind::Counter, &Op::Add(10_i64.pow(place as u32))).wait().unwrap();
    }
    let all = |wanted| move |node: &Node| node.store.read("likes", Kind::Counter).unwrap() == Reading::Number(wanted);
    until("the same everywhere", || nodes.iter().all(all(111)));
    nodes[0].engine.leave_mesh();
    until("a good-bye", || nodes[1].mesh().members.iter().any(|member| member.state == crate::MemberState::Left));
}

#[test]
fn who_has_no_certificate_of_the_authority_is_not_let_in() {
    let certs = Certs::new();
    let first = start(&certs, "a", &[]);
    let strangers = Certs::new();
    let stranger = start(&strangers, "a", &[first.mesh().own.address]);
    until("a refusal", || first.mesh().refused > 0);
    until("the reason", || !stranger.mesh().last_error.is_empty());
    assert_eq!((connected(&first), connected(&stranger)), (0, 0));
}

#[cfg(feature = "config")]
#[test]
fn a_configuration_that_fails_leaves_nothing_open() {
    use crate::{Config, ErrorKind, HubOptions, LinkConfig, NodeUse};

    let certs = Certs::new();
    certs.issue("a", FOR_LONG);
    let dir = certs.file("data");
    let mesh = MeshConfig { bind: "127.0.0.1:0".into(), certs: certs.files("a"), ..MeshConfig::default() };
    let config = Config {
        dir: Some(dir.clone()),
        mesh: Some(mesh),
        hub: Some(HubOptions::new("nats://127.0.0.1:9")),
        links: vec![LinkConfig::new("up", "nowhere", "NOWHERE")],
        ..Config::default()
    };
    let error = Engine::open_config(&config).err().expect("there is no stream for the link");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let options = crate::EngineOptions { node: NodeUse::Never, ..crate::EngineOptions::default() };
    let engine = Engine::open_with(dir, options).expect("nobody has it open");
    assert!(engine.mesh().wait().unwrap().is_none());
    engine.close().unwrap();
}

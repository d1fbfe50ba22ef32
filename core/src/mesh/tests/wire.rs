//! Nodes with real sockets and certificates.

use std::time::{Duration, Instant};

use futures_util::stream::{StreamExt, iter, pending};

use crate::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading};
use crate::engine::Engine;
use crate::member::MeshStatus;
use crate::mesh::MeshConfig;
use crate::mesh::lane::PACKET_BYTES_MAX;
use crate::mesh::proto::mesh_client::MeshClient;
use crate::mesh::proto::packet::Body;
use crate::mesh::proto::{Bye, Deltas, Hello, Node as Name, Packet};
use crate::record::Durability;
use crate::runtime::runtime;
use crate::tls::dial;
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

/// An engine that joins a mesh by these.
pub(super) fn join(engine: &Engine, certs: &Certs, name: &str, seeds: &[String]) {
    certs.issue(name, FOR_LONG);
    let config = MeshConfig {
        name: name.to_owned(),
        bind: "127.0.0.1:0".into(),
        seeds: seeds.to_vec(),
        certs: certs.files(name),
        ..MeshConfig::default()
    };
    engine.join_mesh(config).unwrap();
}

fn start(certs: &Certs, name: &str, seeds: &[String]) -> Node {
    let engine = Engine::memory().unwrap();
    // Each store promises what it was told, and takes part as it is.
    let durability = if name == "b" { Durability::Os } else { Durability::Interval };
    let store = engine.crdt(CrdtConfig { name: "app".into(), durability, ..CrdtConfig::default() }).unwrap();
    join(&engine, certs, name, seeds);
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
    let error = Engine::open_config(&config).expect_err("there is no stream for the link");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let options = crate::EngineOptions { node: NodeUse::Never, ..crate::EngineOptions::default() };
    let engine = Engine::open_with(dir, options).expect("nobody has it open");
    assert!(engine.mesh().wait().unwrap().is_none());
    engine.close().unwrap();
}

fn packet(body: Body) -> Packet {
    Packet { body: Some(body) }
}

fn hello(version: u32, engine: u64, name: &str) -> Packet {
    let node = Name { engine, run: 1, name: name.to_owned(), address: "127.0.0.1:1".to_owned() };
    packet(Body::Hello(Hello { version, node: Some(node), spent_run: 0, stores: Vec::new() }))
}

/// Calls a node with a good certificate and says this, then nothing for as long as it lasts; what it is told.
fn say(certs: &Certs, address: &str, packets: Vec<Packet>) -> String {
    let runtime = runtime("headwater-rogue").unwrap();
    let tls = certs.tls("rogue", FOR_LONG);
    runtime.block_on(async {
        let mut client = MeshClient::new(dial(address, "127.0.0.1", &tls).unwrap());
        let mut heard = match client.peer(iter(packets).chain(pending())).await {
            Err(status) => return status.to_string(),
            Ok(answered) => answered.into_inner(),
        };
        loop {
            match heard.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return String::new(),
                Err(status) => return status.to_string(),
            }
        }
    })
}

#[test]
fn who_may_come_in_and_speaks_nonsense_is_refused_and_counted_and_disturbs_nobody() {
    let certs = Certs::new();
    let first = start(&certs, "a", &[]);
    let address = first.mesh().own.address;
    let second = start(&certs, "b", std::slice::from_ref(&address));
    until("a mesh of two", || connected(&first) >= 1 && connected(&second) == 1);
    let mut total = 0;
    let mut goes_on = || {
        total += 1;
        second.store.write("n", Kind::Counter, &Op::Add(1)).wait().unwrap();
        until("it goes on", || first.store.read("n", Kind::Counter).unwrap() == Reading::Number(total));
        assert!(first.mesh().members.iter().any(|member| member.name == "b" && member.connected));
    };
    goes_on();
    let large = |size| packet(Body::Deltas(Deltas { store: "app".into(), upto: 1, fragments: vec![vec![7; size]] }));
    let own = first.engine.id();
    let nonsense = [
        ("no hello", vec![packet(Body::Bye(Bye {}))]),
        ("nothing in it", vec![Packet { body: None }]),
        (
            "a hello of nobody",
            vec![packet(Body::Hello(Hello { version: 1, node: None, spent_run: 0, stores: Vec::new() }))],
        ),
        ("another version", vec![hello(2, 99, "rogue")]),
        ("a long name", vec![hello(1, 99, &"x".repeat(129))]),
        ("its own id", vec![hello(1, own, "rogue")]),
        ("too large, first", vec![large(PACKET_BYTES_MAX)]),
        ("too large", vec![hello(1, 99, "rogue"), large(PACKET_BYTES_MAX)]),
        ("silent", Vec::new()),
    ];
    for (what, packets) in nonsense {
        let before = first.mesh().faults;
        let told = say(&certs, &address, packets);
        until(what, || first.mesh().faults == before + 1);
        goes_on();
        println!("{what}: {told}; {}", first.mesh().last_error);
    }
    // Bytes that are no fragment, in a packet that is not too large: it is told again where to go on, and stays.
    let before = first.mesh().faults;
    let (certs, place) = (&certs, address.as_str());
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| say(certs, place, vec![hello(1, 98, "other"), large(1 << 20)]));
        until("no fragment", || first.mesh().faults == before + 1);
        goes_on();
        first.engine.leave_mesh();
        let _ = calling.join();
    });
}

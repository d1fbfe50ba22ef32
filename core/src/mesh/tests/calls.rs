//! Calls from node to node, and entities that are asked over them, with real sockets and certificates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ErrorKind;
use crate::engine::Engine;
use crate::entities::{
    ClusterConfig, Context, Entities, EntitiesClient, EntitiesConfig, Entity, EntityId, EntityTypes, Message,
    RequestOptions,
};
use crate::error::{Error, Result};
use crate::mesh::calls::SUBJECT_BYTES_MAX;
use crate::mesh::proto::CallRequest;
use crate::mesh::proto::mesh_client::MeshClient;
use crate::mesh::{MeshCaller, MeshConfig};
use crate::record::PAYLOAD_BYTES_MAX;
use crate::runtime::runtime;
use crate::stream::contract::{WireCall, WireOps};
use crate::tls::dial;
use crate::tls::testing::{Certs, FOR_LONG};

use super::wire::join;

struct Node(Engine);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.close();
    }
}

impl Node {
    fn start(certs: &Certs, name: &str, seeds: &[String]) -> Node {
        let engine = Engine::memory().unwrap();
        join(&engine, certs, name, seeds);
        Node(engine)
    }

    fn address(&self) -> String {
        self.0.mesh().wait().unwrap().unwrap().own.address
    }

    fn wire(&self) -> Arc<dyn WireOps> {
        self.0.mesh_part().unwrap().wire()
    }

    fn knows(&self, other: &Node) -> bool {
        let status = self.0.mesh().wait().unwrap().unwrap();
        status.members.iter().any(|member| member.engine == other.0.id() && member.connected)
    }

    /// Entities of a cluster whose handlers say on which node they are.
    fn entities(&self, node: &str, ttl: Duration) -> Entities {
        let cluster = ClusterConfig { mesh: true, ttl, ..ClusterConfig::new("town", node) };
        let config = EntitiesConfig { shards: 16, cluster: Some(cluster), ..EntitiesConfig::default() };
        let entities = self.0.entities(config).wait().unwrap();
        let server = entities.serve(EntityTypes::new().with::<Counter>());
        std::thread::spawn(move || server.run().wait());
        entities
    }
}

struct Counter(u64);

impl Entity for Counter {
    const KIND: &'static str = "counter";

    async fn start(_: &Context) -> Result<Self> {
        Ok(Counter(0))
    }

    async fn handle(&mut self, message: Message<'_>, _: &Context) -> Result<Vec<u8>> {
        if message.name == "fail" {
            return Err(Error::new(ErrorKind::Conflict, "no, über"));
        }
        self.0 += 1;
        Ok(self.0.to_string().into_bytes())
    }
}

fn until(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what} did not come to be in {seconds} s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn shards(entities: &Entities) -> Vec<(String, usize)> {
    entities.nodes().into_iter().map(|node| (node.name, node.shards)).collect()
}

/// Whether every node has a part, and all know the same.
fn is_shared(all: &[&Entities]) -> bool {
    let first = shards(all[0]);
    let is_whole = first.len() == all.len() && first.iter().map(|(_, shards)| shards).sum::<usize>() == 16;
    is_whole && first.iter().all(|(_, shards)| *shards > 0) && all.iter().all(|it| shards(it) == first)
}

fn ask(entities: &Entities, key: &str, name: &str) -> Result<Vec<u8>> {
    let options = RequestOptions { timeout: Duration::from_secs(10), ..RequestOptions::default() };
    entities.request(EntityId::new("counter", key), name, b"", options).wait()
}

#[test]
fn nodes_over_a_mesh_are_one_cluster_and_one_that_goes_leaves_its_shards_to_the_others() {
    let certs = Certs::new();
    let first = Node::start(&certs, "a", &[]);
    let seeds = [first.address()];
    let nodes = [first, Node::start(&certs, "b", &seeds), Node::start(&certs, "c", &seeds)];
    // So long that nobody is gone for his silence in the time of this test: the mesh says who is.
    let ttl = Duration::from_secs(20);
    let [a, b, c] = ["a", "b", "c"].map(|name| nodes[usize::from(name.as_bytes()[0] - b'a')].entities(name, ttl));
    until("three nodes with shards", 30, || is_shared(&[&a, &b, &c]));
    for key in 0..20 {
        let key = key.to_string();
        for (count, asked) in (1..).zip([&a, &b, &c]) {
            assert_eq!(
                ask(asked, &key, "add").unwrap(),
                format!("{count}").as_bytes(),
                "one counter, whoever is asked"
            );
        }
        let error = ask(&b, &key, "fail").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "no, über"));
    }
    assert_eq!(b.list("counter").wait().unwrap().len(), 20);

    // One leaves in good order, and one with its engine, whose record nobody takes away.
    b.leave().wait().unwrap();
    until("two nodes with shards", 20, || is_shared(&[&a, &c]));
    nodes[2].0.leave_mesh();
    let begun = Instant::now();
    let has_all = || a.nodes().iter().any(|node| node.name == "a" && node.shards == 16);
    until("all is on one", 10, has_all);
    assert!(begun.elapsed() < ttl / 2, "nobody waited for its time to live");
    assert!(a.nodes().iter().any(|node| node.name == "c" && !node.is_alive));
    (0..20).for_each(|key| drop(ask(&a, &key.to_string(), "add").unwrap()));
    a.close();
    c.close();
}

#[test]
fn a_cluster_over_a_mesh_needs_a_mesh_that_carries_it() {
    let engine = Engine::memory().unwrap();
    let cluster = ClusterConfig { mesh: true, ..ClusterConfig::new("town", "a") };
    let config = EntitiesConfig { cluster: Some(cluster), ..EntitiesConfig::default() };
    let error = engine.entities(config.clone()).wait().map(drop).unwrap_err();
    assert!(error.kind() == ErrorKind::Misuse && error.message().contains("join one before"), "{error}");
    let certs = Certs::new();
    certs.issue("a", FOR_LONG);
    let mesh = MeshConfig {
        bind: "127.0.0.1:0".into(),
        certs: certs.files("a"),
        stores: vec!["app".into()],
        ..MeshConfig::default()
    };
    engine.join_mesh(mesh).unwrap();
    let error = engine.entities(config).wait().map(drop).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("'ENTITIES_town'"), "{error}");
    engine.close().unwrap();
}

#[test]
fn one_who_is_no_node_asks_one_and_that_one_asks_the_others() {
    let certs = Certs::new();
    let nodes = [Node::start(&certs, "a", &[])];
    let nodes = [&nodes[0], &Node::start(&certs, "b", &[nodes[0].address()])];
    let ttl = Duration::from_secs(10);
    let entities = [nodes[0].entities("a", ttl), nodes[1].entities("b", ttl)];
    until("two nodes with shards", 30, || is_shared(&[&entities[0], &entities[1]]));
    let (url, tls) = (format!("grpcs://{}", nodes[0].address()), certs.tls("shell", FOR_LONG));
    let client = EntitiesClient::connect(&url, "", &tls, "").wait().unwrap();
    for key in 0..10 {
        let key = key.to_string();
        let id = EntityId::new("counter", &key);
        assert_eq!(client.request(id, "add", b"", RequestOptions::default()).wait().unwrap(), b"1");
        client.notify(id, "add", b"").wait().unwrap();
        let (shard, node) = client.where_is(id).wait().unwrap();
        assert_eq!((shard, node), (entities[1].shard_of(id), entities[1].where_is(id)));
        let error = client.request(id, "fail", b"", RequestOptions::default()).wait().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "no, über"));
    }
    let listed = client.list("").wait().unwrap();
    assert!(listed.len() == 10 && listed.iter().any(|it| it.node == "b"), "{listed:?}");
    assert_eq!(client.nodes().wait().unwrap(), entities[0].nodes());
    let other = EntitiesClient::connect(&url, "", &tls, "other").wait().unwrap();
    assert_eq!(other.nodes().wait().unwrap_err().kind(), ErrorKind::NotFound);
    let nobody = EntitiesClient::connect("grpcs://127.0.0.1:1", "", &tls, "").wait().map(drop).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound, "{nobody}");
    entities.iter().for_each(Entities::close);
    let none = EntitiesClient::connect(&url, "", &tls, "").wait().map(drop).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
}

#[test]
fn a_call_finds_whoever_listens_or_says_why_not() {
    let certs = Certs::new();
    let first = Node::start(&certs, "a", &[]);
    let second = Node::start(&certs, "b", &[first.address()]);
    until("a mesh of two", 20, || first.knows(&second) && second.knows(&first));
    let (there, wire) = (second.0.id(), first.wire());
    let ask = |subject: &str, payload: &[u8], ms| {
        wire.request_at(there, subject, payload.to_vec(), Duration::from_millis(ms)).wait()
    };
    let kind = |answer: Result<Vec<u8>>| answer.unwrap_err().kind();
    assert_eq!(kind(ask("echo", b"x", 5_000)), ErrorKind::NotFound, "nobody listens");
    let take = |call: WireCall| match &*call.payload {
        b"go" => {}
        b"stay" => std::mem::forget(call.reply),
        b"long" => (call.reply)(vec![0; PAYLOAD_BYTES_MAX + 1]),
        _ => (call.reply)(call.payload),
    };
    let listening = second.wire().listen("echo", Arc::new(take)).wait().unwrap();
    for size in [0, 1, PAYLOAD_BYTES_MAX] {
        assert_eq!(ask("echo", &vec![7; size], 20_000).unwrap().len(), size);
    }
    assert_eq!(kind(ask("echo", b"go", 5_000)), ErrorKind::Io, "it went away");
    assert_eq!(kind(ask("echo", b"stay", 200)), ErrorKind::Timeout);
    assert_eq!(kind(ask("echo", b"long", 20_000)), ErrorKind::Limit, "an answer that is too long");
    assert_eq!(kind(ask("echo", &vec![7; PAYLOAD_BYTES_MAX + 1], 5_000)), ErrorKind::Limit);
    assert_eq!(kind(ask(&"s".repeat(SUBJECT_BYTES_MAX + 1), b"", 5_000)), ErrorKind::Limit);
    assert_eq!(second.wire().request("echo", b"own".to_vec(), Duration::from_secs(5)).wait().unwrap(), b"own");
    let strange = wire.request_at(99, "echo", Vec::new(), Duration::from_secs(5)).wait();
    assert_eq!(kind(strange), ErrorKind::NotFound, "no node of the mesh");
    drop(listening);
    assert_eq!(kind(ask("echo", b"x", 5_000)), ErrorKind::NotFound, "it listens no more");
    second.0.leave_mesh();
    until("a good-bye", 10, || first.0.mesh_part().unwrap().gone().contains(&there));
    assert_eq!(kind(ask("echo", b"x", 5_000)), ErrorKind::NotFound, "it left");
}

/// What a node that keeps no bounds says.
#[test]
fn a_call_that_no_node_would_make_is_refused_and_disturbs_nobody() {
    let certs = Certs::new();
    let node = Node::start(&certs, "a", &[]);
    let entities = node.entities("a", Duration::from_secs(10));
    let address = node.address();
    let runtime = runtime("headwater-rogue").unwrap();
    let tls = certs.tls("rogue", FOR_LONG);
    let call = |subject: &str, payload: Vec<u8>| {
        runtime.block_on(async {
            let mut client = MeshClient::new(dial(&address, "127.0.0.1", &tls).unwrap());
            client.call(CallRequest { subject: subject.to_owned(), payload, timeout_ms: u64::MAX }).await
        })
    };
    let code = |answer: std::result::Result<_, tonic::Status>| answer.map(drop).unwrap_err().code();
    assert_eq!(code(call("s", vec![0; PAYLOAD_BYTES_MAX + 1]).map(drop)), tonic::Code::InvalidArgument);
    assert_eq!(code(call(&"s".repeat(2_000), Vec::new()).map(drop)), tonic::Code::InvalidArgument);
    assert_eq!(code(call("s", vec![0; 17 << 20]).map(drop)), tonic::Code::OutOfRange);
    assert!(!call("", Vec::new()).unwrap().into_inner().found);
    assert!(!call("$ENTITIES.town.b", vec![1, 3]).unwrap().into_inner().found);
    // What is no question, another layout, and a request that is cut off: each is answered, by an error.
    for nonsense in [vec![], vec![1], vec![9, 3], vec![1, 7], vec![1, 4, 200], vec![1, 1, 255], vec![1, 2, 255]] {
        for subject in ["$ENTITIES.town", "$ENTITIES.town.a"] {
            let answer = call(subject, nonsense.clone()).unwrap().into_inner();
            assert!(answer.found && answer.payload.starts_with(&[1, 1]), "{nonsense:?}: {answer:?}");
        }
    }
    until("it has all shards", 20, || shards(&entities) == [("a".to_owned(), 16)]);
    assert_eq!(ask(&entities, "x", "add").unwrap(), b"1");
    // The same of a node that answers in another layout.
    let wire = node.wire();
    let _listening =
        wire.listen("$ENTITIES.strange", Arc::new(|call: WireCall| (call.reply)(b"\x02what".to_vec()))).wait().unwrap();
    let url = format!("grpcs://{address}");
    let strange = EntitiesClient::connect(&url, "", &tls, "strange").wait().unwrap();
    assert_eq!(strange.nodes().wait().unwrap_err().kind(), ErrorKind::Corrupt);
    let several = EntitiesClient::connect(&url, "", &tls, "").wait().map(drop).unwrap_err();
    assert!(several.message().contains("strange, town"), "{several}");
    let caller = MeshCaller::new(&url, "other.example", &tls).unwrap();
    let unproved = caller.request("$ENTITIES", Vec::new(), Duration::from_secs(5)).wait().unwrap_err();
    assert_eq!(unproved.kind(), ErrorKind::NotFound, "{unproved}");
    entities.close();
}

//! Three nodes of a mesh as somebody runs them: real processes over real TLS that are killed, cut off and healed, and
//! whoever must not come in.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::certs::{make_certs, make_expired};
use common::node::{Node, until};
use common::proxy::Proxy;
use common::{Dir, Ran, finish, headwater, objects, start};
use headwater::crdt::{Change, Kind, Op, Reading, Value};
use headwater::{CertFiles, Engine, EngineOptions, GrpcClient, MeshStatus, NodeUse, Tls};

const NAMES: [&str; 3] = ["a", "b", "c"];
const STORE: &str = "default";

/// Nodes with certificates of one CA; each is called through a proxy of its own.
struct World {
    dir: Dir,
    nodes: [Option<Node>; 3],
    ports: [u16; 3],
    proxies: [Proxy; 3],
}

impl World {
    fn new(test: &str) -> Self {
        let dir = Dir::new(test);
        make_certs(&dir, "certs", &["a", "b", "c", "x"]);
        let proxies = NAMES.map(|_| Proxy::new());
        // All at once, so that they are three.
        let free = NAMES.map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let ports = free.map(|socket| socket.local_addr().expect("an address").port());
        let seeds: Vec<String> = proxies.iter().map(|proxy| format!("\"127.0.0.1:{}\"", proxy.port)).collect();
        for (place, name) in NAMES.into_iter().enumerate() {
            proxies[place].lead_to(ports[place]);
            let certs = format!("ca = \"certs/ca.pem\"\ncert = \"certs/{name}.pem\"\nkey = \"certs/{name}.key\"\n");
            let text = format!(
                "dir = \"{name}\"\n[mesh]\nname = \"{name}\"\nbind = \"127.0.0.1:{}\"\nadvertise = \
                 \"127.0.0.1:{}\"\nseeds = [{}]\n{certs}[grpc]\nbind = \"127.0.0.1:0\"\n{certs}",
                ports[place],
                proxies[place].port,
                seeds.join(", "),
            );
            std::fs::write(dir.file(&format!("{name}.toml")), text).expect("a file");
        }
        World { dir, nodes: [None, None, None], ports, proxies }
    }

    fn start(&mut self, place: usize) {
        let node = Node::start(&self.dir, &["--config", &format!("{}.toml", NAMES[place])]);
        assert_eq!(node.mesh, format!("127.0.0.1:{}", self.proxies[place].port));
        self.nodes[place] = Some(node);
    }

    fn node(&mut self, place: usize) -> &mut Node {
        self.nodes[place].as_mut().expect("it runs")
    }

    fn client(&self, place: usize) -> GrpcClient {
        let file = |name: &str| self.dir.file("certs").join(name);
        let files = CertFiles { ca: file("ca.pem"), cert: file("x.pem"), key: file("x.key") };
        let tls = Tls::load(&files).expect("good files");
        GrpcClient::new(&self.nodes[place].as_ref().expect("it runs").grpc, &tls).expect("a client")
    }

    /// A verb beside a node.
    fn beside(&self, place: usize, args: &[&str]) -> String {
        let mut command = headwater(args);
        command.arg("--dir").arg(self.dir.file(NAMES[place]));
        let ran = finish(start(&mut command), b"");
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }

    fn status(&self, place: usize) -> MeshStatus {
        let options = EngineOptions { node: NodeUse::Only, create: false, ..EngineOptions::default() };
        let engine = Engine::open_with(self.dir.file(NAMES[place]), options).expect("a node runs there");
        let status = engine.mesh().wait().expect("it answers").expect("it is in a mesh");
        engine.close().expect("it closes");
        status
    }

    fn is_connected(&self, at: usize, of: usize) -> bool {
        self.status(at).members.iter().any(|member| member.name == NAMES[of] && member.connected)
    }

    fn until_connected(&self, places: &[usize]) {
        for (&at, &of) in places.iter().flat_map(|at| places.iter().map(move |of| (at, of))).filter(|(a, b)| a != b) {
            until(&format!("{} is connected with {}", NAMES[at], NAMES[of]), || self.is_connected(at, of));
        }
    }

    fn until_equal(&self, what: &str) -> String {
        let mut dumps = Vec::new();
        until(what, || {
            dumps = (0..3).map(|place| self.beside(place, &["crdt", "dump", "--json"])).collect();
            dumps[0] == dumps[1] && dumps[0] == dumps[2]
        });
        dumps.swap_remove(0)
    }

    fn number(&self, place: usize, key: &str) -> i128 {
        match self.client(place).read(STORE, key, Kind::Counter).wait().expect("it is read") {
            Reading::Number(number) => number,
            other => panic!("{key}: {other:?}"),
        }
    }
}

/// Adds one to a counter of the writer's own and to one that all share, together; whether it was acknowledged.
fn count(client: &GrpcClient, own: &str) -> bool {
    let add = |key| Change { path: key, kind: Kind::Counter, op: Op::Add(1) };
    client.transaction(STORE, &[add("all".into()), add(own.into())]).wait().is_ok()
}

/// Counts until it is told to stop or an answer is none: how many were acknowledged, and how many were asked for.
fn count_until(client: &GrpcClient, own: &str, stop: &AtomicBool) -> (i128, i128) {
    let mut acked = 0;
    while !stop.load(Ordering::SeqCst) {
        if !count(client, own) {
            return (acked, acked + 1);
        }
        acked += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    (acked, acked)
}

fn insert(client: &GrpcClient, value: &str) {
    client.write(STORE, "tags", Kind::Set, &Op::Insert { value: &value.into(), ttl_ms: None }).wait().expect("it is");
}

#[test]
fn nodes_that_are_killed_and_cut_off_count_every_increment_once() {
    let mut world = World::new("mesh");
    world.start(0);
    world.start(1);
    world.until_connected(&[0, 1]);
    // Whatever is made later goes from or to the third one.
    let marks = [world.proxies[0].mark(), world.proxies[1].mark(), 0];
    world.start(2);
    world.until_connected(&[0, 1, 2]);

    let stop = AtomicBool::new(false);
    let mut counted = [(0, 0); 4];
    std::thread::scope(|scope| {
        let (stop, clients) = (&stop, [0, 1, 2].map(|place| world.client(place)));
        let [a, b, c] = clients;
        let writing =
            [(a, "a"), (b, "b"), (c, "c")].map(|(client, own)| scope.spawn(move || count_until(&client, own, stop)));
        std::thread::sleep(Duration::from_millis(800));
        // In the middle of a write, most likely.
        world.node(2).process.kill().expect("it runs");
        world.node(2).process.wait().expect("it ends");
        (0..3).for_each(|_| assert_ne!(world.beside(1, &["crdt", "incr", "beside"]), ""));
        world.start(2);
        // It has what it acknowledged from its own disk, before anybody told it anything.
        let again = world.client(2);
        (0..20).for_each(|_| assert!(count(&again, "c-again")));
        stop.store(true, Ordering::SeqCst);
        for (place, writing) in writing.into_iter().enumerate() {
            counted[place] = writing.join().expect("it counts");
        }
        counted[3] = (20, 20);
    });
    world.until_connected(&[0, 1, 2]);
    world.until_equal("all are equal after a kill");
    let mut sum = 0;
    for (key, (acked, asked)) in ["a", "b", "c", "c-again"].into_iter().zip(counted) {
        let number = world.number(0, key);
        assert!((acked..=asked).contains(&number), "{key}: {number}, of {acked} acknowledged and {asked} asked for");
        assert!(acked > 10, "{key}: hardly anything was written");
        sum += number;
    }
    assert_eq!((world.number(1, "all"), world.number(2, "beside")), (sum, 3), "transactions are whole");

    let clients = [0, 1, 2].map(|place| world.client(place));
    for tag in ["old", "kept"] {
        insert(&clients[0], tag);
    }
    world.until_equal("both tags are everywhere");
    (0..3).for_each(|place| world.proxies[place].cut_since(marks[place]));
    until("the third one is cut off", || {
        !world.is_connected(0, 2) && !world.is_connected(1, 2) && !world.is_connected(2, 0) && !world.is_connected(2, 1)
    });
    assert!(world.is_connected(0, 1), "the others are not");
    for _ in 0..30 {
        assert!([0, 1, 2].into_iter().all(|place| count(&clients[place], "cut")));
    }
    world.beside(2, &["crdt", "remove", "tags", "old"]);
    insert(&clients[1], "new");
    world.beside(1, &["crdt", "incr", "beside", "5"]);
    until("the two of one side are equal", || {
        world.beside(0, &["crdt", "dump", "--json"]) == world.beside(1, &["crdt", "dump", "--json"])
    });
    assert_eq!((world.number(0, "cut"), world.number(2, "cut"), world.number(2, "beside")), (60, 30, 3));
    world.proxies.iter().for_each(Proxy::heal);
    let dump = world.until_equal("all are equal once they are healed");
    assert_eq!((world.number(2, "cut"), world.number(0, "all"), world.number(2, "beside")), (90, sum + 90, 8));
    let tags = objects(&dump).into_iter().find(|entry| entry["key"] == "tags").expect("it is there");
    let tags = tags["value"].to_string();
    assert!(tags.contains("kept") && tags.contains("new") && !tags.contains("old"), "{tags}");
    for place in 0..3 {
        let status = world.status(place);
        assert_eq!(status.faults, 0, "{status:?}");
    }
    assert!(world.nodes.into_iter().flatten().all(|node| node.end() == 0));
}

#[test]
fn who_must_not_come_in_at_a_nodes_port_is_refused_and_counted_and_disturbs_nobody() {
    let mut world = World::new("mesh-refused");
    (0..3).for_each(|place| world.start(place));
    world.until_connected(&[0, 1, 2]);
    make_certs(&world.dir, "other", &["x"]);
    std::fs::copy(world.dir.file("certs/ca.pem"), world.dir.file("other/ca.pem")).expect("a file");
    make_expired(&world.dir);
    let clients = [0, 1, 2].map(|place| world.client(place));
    let mut rounds = 0;
    let mut goes_on = || {
        assert!(clients.iter().all(|client| count(client, "on")), "round {rounds}");
        rounds += 1;
    };
    for place in 0..3 {
        let at = format!("127.0.0.1:{}", world.ports[place]);
        let call = |certs: &str, name: &str| -> Ran {
            let mut command = headwater(&["crdt", "get", "all", "--server", &format!("grpcs://{at}")]);
            let file = |name: String| world.dir.file(certs).join(name);
            command.arg("--ca").arg(file("ca.pem".into()));
            command.arg("--cert").arg(file(format!("{name}.pem"))).arg("--key").arg(file(format!("{name}.key")));
            finish(start(&mut command), b"")
        };
        let before = world.status(place);
        let until_refused =
            |count: u64| until("it is counted", || world.status(place).refused == before.refused + count);
        let stranger = call("other", "x");
        assert!(stranger.code == 1 && stranger.stderr.contains("UnknownCA"), "{stranger:?}");
        until_refused(1);
        goes_on();
        let expired = call("certs", "old");
        assert!(expired.code == 1 && expired.stderr.contains("CertificateExpired"), "{expired:?}");
        until_refused(2);
        goes_on();
        let mut plain = TcpStream::connect(&at).expect("it listens");
        plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("it is sent");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(answer.len() < 64, "an alert at the most: {answer:?}");
        until_refused(3);
        goes_on();
        let mut garbage = TcpStream::connect(&at).expect("it listens");
        let bytes: Vec<u8> = (0..65_536_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        // It may be cut off in the middle.
        let _ = garbage.write_all(&bytes);
        until_refused(4);
        goes_on();
        // Who may come in, and speaks of something else.
        let other = call("certs", "x");
        assert!(other.code != 0, "{other:?}");
        // More that say nothing than there are handshakes at once.
        let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&at).expect("it listens")).collect();
        (0..10).for_each(|_| goes_on());
        until("some are turned away at once", || world.status(place).refused > before.refused + 4);
        drop(silent);
        let status = world.status(place);
        assert_eq!(status.faults, before.faults, "{status:?}");
        assert!(status.members.iter().all(|member| member.connected), "{status:?}");
        let shown = objects(&world.beside(place, &["mesh", "status", "--json"]));
        assert_eq!((shown.len(), &shown[0]["own"]), (3, &serde_json::Value::Bool(true)));
        assert!(shown[0]["refused"].as_u64() > Some(4) && shown[0]["faults"] == 0, "{shown:?}");
    }
    world.until_equal("all are equal");
    assert_eq!(world.number(0, "all"), 3 * rounds);
    assert!(world.nodes.into_iter().flatten().all(|node| node.end() == 0));
}

#[test]
fn values_of_all_sizes_go_through() {
    let mut world = World::new("mesh-large");
    world.start(0);
    world.start(1);
    world.until_connected(&[0, 1]);
    let here = world.client(0);
    for (key, size) in [("small", 1), ("large", 1 << 20)] {
        let value = Value::Bytes(vec![7; size].into());
        here.write(STORE, key, Kind::Register, &Op::Write { value: &value, ttl_ms: None }).wait().expect("it is taken");
        let there = world.client(1);
        let wanted = Reading::Value(Some(value));
        until("it is there", || there.read(STORE, key, Kind::Register).wait().is_ok_and(|read| read == wanted));
    }
    assert_eq!(world.status(1).faults, 0);
}

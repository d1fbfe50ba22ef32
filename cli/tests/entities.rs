//! `headwater entities` as people use it: from outside, asking a cluster whose node is a program.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::certs::make_certs;
use common::node::Hub;
use common::{Dir, Ran, finish, headwater, objects, start};
use headwater::entities::{ClusterConfig, Context, Entities, EntitiesConfig, Entity, EntityTypes, Message};
use headwater::{CertFiles, Engine, Error, ErrorKind, HubOptions, LocalServer, MeshConfig, Result};
use serde_json::json;

struct Counter(u64);

impl Entity for Counter {
    const KIND: &'static str = "counter";

    async fn start(_: &Context) -> Result<Self> {
        Ok(Counter(0))
    }

    async fn handle(&mut self, message: Message<'_>, _: &Context) -> Result<Vec<u8>> {
        match message.name {
            "add" => {
                let text = String::from_utf8_lossy(message.payload);
                self.0 += text.trim().parse::<u64>().unwrap_or(1);
                Ok(self.0.to_string().into_bytes())
            }
            "bytes" => Ok(vec![0, 255]),
            _ => Err(Error::new(ErrorKind::Conflict, "not that")),
        }
    }
}

fn serve(engine: &Engine, cluster: ClusterConfig) -> Entities {
    let config = EntitiesConfig { shards: 16, cluster: Some(cluster), ..EntitiesConfig::default() };
    let entities = engine.entities(config).wait().expect("a node");
    let server = entities.serve(EntityTypes::new().with::<Counter>());
    std::thread::spawn(move || server.run().wait());
    entities
}

fn node(engine: &Engine, cluster: &str) -> Entities {
    let entities = serve(engine, ClusterConfig::new(cluster, "north"));
    let place = || entities.nodes().iter().map(|node| node.shards).sum::<usize>();
    common::node::until("it has all shards", || place() == 16);
    entities
}

fn ask(hub: &Hub, args: &[&str], input: &[u8]) -> Ran {
    finish(start(headwater(&[&["entities"], args].concat()).args(["--server", &hub.url()])), input)
}

#[test]
fn a_cluster_is_asked_from_the_shell() {
    let mut hub = Hub::later();
    hub.start();
    let none = ask(&hub, &["ls"], b"");
    assert_eq!(none.code, 2, "{}", none.stderr);
    assert!(none.stderr.contains("there is no cluster there"), "{}", none.stderr);
    let engine = Engine::connect(HubOptions::new(hub.url())).wait().expect("the hub");
    let bank = node(&engine, "bank");

    let asked = ask(&hub, &["request", "counter", "a b", "add", "--data", "5"], b"");
    assert_eq!((asked.code, asked.stdout.as_str()), (0, "5\n"), "{}", asked.stderr);
    let asked = ask(&hub, &["request", "counter", "a b", "add", "--data", "-", "--json"], b"2");
    assert_eq!(objects(&asked.stdout), [json!({"payload": "7"})], "{}", asked.stderr);
    let asked = ask(&hub, &["request", "counter", "a b", "bytes", "--json"], b"");
    assert_eq!(objects(&asked.stdout), [json!({"payload_base64": "AP8="})], "{}", asked.stderr);
    let told = ask(&hub, &["notify", "counter", "c", "add"], b"");
    assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
    let refused = ask(&hub, &["request", "counter", "a b", "other", "--json"], b"");
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("not that"), "{}", refused.stderr);
    let stranger = ask(&hub, &["request", "stranger", "a", "add"], b"");
    assert!(stranger.code != 0 && stranger.stderr.contains("no entity of kind 'stranger'"), "{}", stranger.stderr);

    let place = objects(&ask(&hub, &["where", "counter", "a b", "--json"], b"").stdout).remove(0);
    assert_eq!((&place["node"], &place["key"]), (&json!("north"), &json!("a b")));
    let listed = objects(&ask(&hub, &["ls", "counter", "--json"], b"").stdout);
    let keys: Vec<_> = listed.iter().map(|it| (it["key"].clone(), it["node"].clone())).collect();
    assert_eq!(keys, [(json!("a b"), json!("north")), (json!("c"), json!("north"))]);
    assert!(ask(&hub, &["ls"], b"").stdout.starts_with("KIND"), "a table for people");
    let nodes = objects(&ask(&hub, &["nodes", "--json"], b"").stdout);
    assert_eq!(nodes, [json!({"name": "north", "is_alive": true, "weight": 1, "shards": 16})]);

    // With a second cluster it has to be said which.
    let other = node(&engine, "shop");
    let unclear = ask(&hub, &["ls"], b"");
    assert_eq!(unclear.code, 2);
    assert!(unclear.stderr.contains("bank, shop"), "{}", unclear.stderr);
    assert_eq!(ask(&hub, &["ls", "--cluster", "bank"], b"").code, 0);
    assert_eq!(ask(&hub, &["ls", "--cluster", "none"], b"").code, 3, "there is none of this name");
    let nowhere = finish(start(&mut headwater(&["entities", "ls"])), b"");
    assert!(nowhere.code == 2 && nowhere.stderr.contains("--server"), "{}", nowhere.stderr);
    let both = ask(&hub, &["ls", "--dir", "data"], b"");
    assert!(both.code == 2 && both.stderr.contains("--dir and a server"), "{}", both.stderr);
    bank.close();
    other.close();
}

#[test]
fn a_cluster_that_meets_in_a_directory_is_asked_there() {
    let dir = Dir::new("entities_dir");
    let engine = Engine::open(dir.path()).expect("an engine");
    let ask = |args: &[&str]| dir.run(&[&["entities"], args].concat());
    let alone = ask(&["ls"]);
    assert_eq!(alone.code, 3, "nobody lets others in: {}", alone.stderr);
    let server = LocalServer::start(&engine).expect("others come in");
    let none = ask(&["ls"]);
    assert!(none.code == 2 && none.stderr.contains("there is no cluster there"), "{}", none.stderr);
    let bank = node(&engine, "bank");
    let asked = ask(&["request", "counter", "a", "add", "--data", "5"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (0, "5\n"), "{}", asked.stderr);
    assert_eq!(ask(&["notify", "counter", "a", "add"]).code, 0);
    let place = objects(&ask(&["where", "counter", "a", "--json"]).stdout).remove(0);
    assert_eq!(place["node"], json!("north"));
    let refused = ask(&["ls", "--server-name", "x"]);
    assert!(refused.code == 2 && refused.stderr.contains("--server-name is for"), "{}", refused.stderr);
    let nobody = finish(start(headwater(&["entities", "ls", "--dir"]).arg(dir.file("none"))), b"");
    assert_eq!(nobody.code, 3, "{}", nobody.stderr);
    bank.close();
    drop(server);
}

/// A node of a mesh in this process.
fn mesh_node(certs: &Path, name: &str, seeds: &[String]) -> (Engine, String) {
    let engine = Engine::memory().expect("an engine");
    let file = |name: String| certs.join(name);
    let (ca, cert, key) = (file("ca.pem".into()), file(format!("{name}.pem")), file(format!("{name}.key")));
    let certs = CertFiles { ca, cert, key };
    let (name, bind, seeds) = (name.to_owned(), "127.0.0.1:0".to_owned(), seeds.to_vec());
    engine.join_mesh(MeshConfig { name, bind, seeds, certs, ..MeshConfig::default() }).expect("a mesh");
    let address = engine.mesh().wait().expect("it answers").expect("it is in one").own.address;
    (engine, address)
}

#[test]
fn a_cluster_over_a_mesh_is_asked_by_one_of_its_nodes() {
    let dir = Dir::new("entities_mesh");
    make_certs(&dir, "certs", &["a", "b", "shell"]);
    let certs = dir.file("certs");
    let (a, address) = mesh_node(&certs, "a", &[]);
    let (b, _) = mesh_node(&certs, "b", std::slice::from_ref(&address));
    let url = format!("grpcs://{address}");
    let [ca, cert, key] = ["ca.pem", "shell.pem", "shell.key"].map(|name| certs.join(name));
    let [ca, cert, key] = [ca, cert, key].map(|path| path.display().to_string());
    let files = ["--server", &url, "--ca", &ca, "--cert", &cert, "--key", &key];
    let ask = |args: &[&str]| finish(start(&mut headwater(&[&["entities"], args, &files].concat())), b"");
    let none = ask(&["nodes"]);
    assert!(none.code == 3 && none.stderr.contains("nobody listens"), "{}", none.stderr);

    let config = |node: &str| ClusterConfig { mesh: true, ..ClusterConfig::new("bank", node) };
    let nodes = [serve(&a, config("north")), serve(&b, config("south"))];
    let shards = |of: &Entities| of.nodes().iter().map(|node| node.shards).collect::<Vec<_>>();
    let is_shared = |of| matches!(shards(of)[..], [north, south] if north > 0 && south > 0 && north + south == 16);
    common::node::until("both have a part", || nodes.iter().all(is_shared));
    for (key, data) in [("a b", "5"), ("c", "6"), ("d", "7"), ("e", "8"), ("f", "9")] {
        let asked = ask(&["request", "counter", key, "add", "--data", data]);
        assert_eq!((asked.code, asked.stdout), (0, format!("{data}\n")), "{}", asked.stderr);
        let place = objects(&ask(&["where", "counter", key, "--json"]).stdout).remove(0);
        let id = headwater::entities::EntityId::new("counter", key);
        assert_eq!(place["node"].as_str().map(str::to_owned), nodes[1].where_is(id));
        assert_eq!(place["shard"], nodes[1].shard_of(id));
    }
    assert_eq!(ask(&["notify", "counter", "c", "add"]).code, 0);
    let refused = ask(&["request", "counter", "c", "other", "--cluster", "bank"]);
    assert!(refused.code == 4 && refused.stderr.contains("not that"), "{}", refused.stderr);
    assert_eq!(objects(&ask(&["ls", "counter", "--json"]).stdout).len(), 5);
    let listed = objects(&ask(&["nodes", "--json"]).stdout);
    assert_eq!(listed.iter().map(|it| it["name"].clone()).collect::<Vec<_>>(), ["north", "south"]);
    assert_eq!(ask(&["ls", "--cluster", "none"]).code, 3, "there is none of this name");

    let bare = finish(start(&mut headwater(&["entities", "ls", "--server", &url, "--ca", &ca])), b"");
    assert!(bare.code == 2 && bare.stderr.contains("--cert and --key"), "{}", bare.stderr);
    let nats = finish(start(&mut headwater(&["entities", "ls", "--server", "nats://h:1", "--ca", &ca])), b"");
    assert!(nats.code == 2 && nats.stderr.contains("--ca is given"), "{}", nats.stderr);
    nodes.iter().for_each(Entities::close);
    for engine in [a, b] {
        engine.close().expect("it closes");
    }
}

const CERTS: &str = "HEADWATER_ENTITIES_CERTS";
const SEED: &str = "HEADWATER_ENTITIES_SEED";
/// So long that only the mesh can say in time that a node is gone.
const LONG: Duration = Duration::from_secs(40);

/// A node of a mesh in a process of its own, until that is killed.
#[test]
#[ignore = "a process of the test below"]
fn a_node_in_a_mesh() {
    let (Some(certs), Ok(seed)) = (std::env::var_os(CERTS), std::env::var(SEED)) else { return };
    let (engine, _) = mesh_node(&PathBuf::from(certs), "b", &[seed]);
    let _entities = serve(&engine, ClusterConfig { mesh: true, ttl: LONG, ..ClusterConfig::new("bank", "south") });
    loop {
        std::thread::park();
    }
}

/// A node that is killed says nothing: the mesh finds out, and its shards are taken before its time to live is over.
#[test]
fn the_shards_of_a_node_that_is_killed_are_taken_within_seconds() {
    let dir = Dir::new("entities_mesh_kill");
    make_certs(&dir, "certs", &["a", "b"]);
    let certs = dir.file("certs");
    let (engine, address) = mesh_node(&certs, "a", &[]);
    let north = serve(&engine, ClusterConfig { mesh: true, ttl: LONG, ..ClusterConfig::new("bank", "north") });
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "a_node_in_a_mesh", "--ignored", "--nocapture"]).env(CERTS, &certs).env(SEED, &address);
    let mut south = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process");
    let shards = || north.nodes().iter().map(|node| (node.is_alive, node.shards)).collect::<Vec<_>>();
    common::node::until("both have a part", || matches!(shards()[..], [(true, 1..), (true, 1..)]));
    south.kill().expect("it is killed");
    let killed = Instant::now();
    south.wait().expect("it ended");
    common::node::until("one has all", || shards() == [(true, 16), (false, 0)]);
    assert!(killed.elapsed() < LONG / 2, "{:?}", killed.elapsed());
    let key = headwater::entities::EntityId::new("counter", "x");
    let answer = north.request(key, "add", b"2", headwater::entities::RequestOptions::default());
    assert_eq!(answer.wait().expect("an answer"), b"2");
    north.close();
    engine.close().expect("it closes");
}

//! Programs that are nodes of a cluster are killed while they join, work, hand over and leave: on a real server, which
//! is killed too, and as processes that share a directory. Every command that was acknowledged is in the history of its
//! account once, and every history is that of one writer.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[allow(dead_code, reason = "each test file takes what it needs")]
mod common {
    pub(crate) mod dirs;
    pub(crate) mod patience;
    pub(crate) mod programs;
    #[cfg(feature = "hub")]
    pub(crate) mod server;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use headwater::entities::{
    ClusterConfig, Context, Entities, EntitiesConfig, Entity, EntityId, EntityTypes, Message, RequestOptions,
};
use headwater::events::{
    AggregateId, EventStore, EventsConfig, Expected, LoadOptions, NewEvent, Position, SaveOptions,
};
use headwater::{Engine, LocalServer, Result};

use common::dirs::Dir;
use common::patience::{PATIENCE, insist, until};
use common::programs::{Program, reach};

const PLACE: &str = "HEADWATER_ENTITY_PLACE";
const NODE: &str = "HEADWATER_ENTITY_NODE";
const ACCOUNTS: usize = 12;
/// The shortest time to live, so that the shards of one that was killed are taken soon.
const TTL: Duration = Duration::from_secs(1);
/// How long a node is left alone before it is killed, in milliseconds: while it connects, joins, takes shards, works.
const DELAYS: [u64; 6] = [20, 150, 400, 900, 1_500, 60];

/// An account that keeps its state as events: the balance after each, by the id of its command.
struct Account {
    store: EventStore,
    position: Position,
}

impl Entity for Account {
    const KIND: &'static str = "account";

    async fn start(context: &Context) -> Result<Self> {
        let store = context.entities().engine().event_store(EventsConfig::NAME).await?;
        let id = AggregateId::new("account", context.key());
        let position = store.load(id, &LoadOptions::default()).await?.position;
        Ok(Account { store, position })
    }

    async fn handle(&mut self, message: Message<'_>, context: &Context) -> Result<Vec<u8>> {
        let command = std::str::from_utf8(message.payload).unwrap();
        let id = AggregateId::new("account", context.key());
        if self.store.find_command(id, command).await?.is_none() {
            let balance = (self.position.version + 1).to_string();
            let events = [NewEvent::new("added", balance.as_bytes())];
            let options = SaveOptions { command, ..SaveOptions::default() };
            match self.store.save(id, Expected::At(self.position), &events, &options).await {
                Ok(saved) => self.position = saved.position,
                // Somebody else wrote, or nobody knows: what is known here is old.
                Err(error) => panic!("{error}"),
            }
        }
        Ok(self.position.version.to_string().into_bytes())
    }
}

fn config(node: &str) -> EntitiesConfig {
    let cluster = ClusterConfig { ttl: TTL, ..ClusterConfig::new("bank", node) };
    EntitiesConfig { shards: 32, cluster: Some(cluster), ..EntitiesConfig::default() }
}

/// A node: it works until it is killed, or leaves when it is told to.
#[test]
#[ignore = "it is started by the tests below"]
fn a_node() {
    let (Ok(place), Ok(name)) = (std::env::var(PLACE), std::env::var(NODE)) else { return };
    let engine = reach(&place);
    insist(|| engine.create_event_store(EventsConfig::default()).wait());
    let entities = insist(|| engine.entities(config(&name)).wait());
    let server = entities.serve(EntityTypes::new().with::<Account>());
    let serving = std::thread::spawn(move || server.run().wait());
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    insist(|| entities.leave().wait());
    serving.join().unwrap().unwrap();
    println!("left");
}

fn start(place: &str, name: &str) -> Program {
    Program::start("a_node", &[(PLACE, place), (NODE, name)])
}

/// Asks until it is acknowledged: what was acknowledged, by account.
fn ask_until(entities: &Entities, caller: usize, is_over: &AtomicBool) -> Vec<(String, String)> {
    let mut acked = Vec::new();
    let options = RequestOptions { timeout: Duration::from_secs(2), ..RequestOptions::default() };
    for number in 0.. {
        let (key, command) = ((number % ACCOUNTS).to_string(), format!("{caller}-{number}"));
        let began = Instant::now();
        while let Err(error) =
            entities.request(EntityId::new("account", &key), "add", command.as_bytes(), options).wait()
        {
            let may_last = !is_over.load(Ordering::Relaxed) || began.elapsed() < PATIENCE;
            assert!(may_last, "command {command} of account {key} is not taken: {error}");
            std::thread::sleep(Duration::from_millis(20));
        }
        acked.push((key, command));
        if is_over.load(Ordering::Relaxed) {
            return acked;
        }
    }
    acked
}

/// What was acknowledged is there once, and each event was decided on the one before.
fn check(store: &EventStore, acked: &[(String, String)]) {
    let mut histories: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in (0..ACCOUNTS).map(|n| n.to_string()) {
        let loaded = store.load(AggregateId::new("account", &key), &LoadOptions::default()).wait().unwrap();
        let commands = histories.entry(key.clone()).or_default();
        for event in loaded.events() {
            let balance: u64 = std::str::from_utf8(event.data()).unwrap().parse().unwrap();
            assert_eq!(balance, event.version, "account {key}: what was decided of another state");
            assert!(commands.insert(event.command().unwrap().to_owned()), "account {key}: a command is there twice");
        }
    }
    for (key, command) in acked {
        assert!(histories[key].contains(command), "account {key}: command {command} was acknowledged and is lost");
    }
}

/// Kills nodes in every phase while they are asked, and does `between` in the rounds.
fn kill_nodes(place: &str, mut between: impl FnMut(usize, Duration)) {
    let mut nodes: BTreeMap<&str, Program> = ["a", "b", "c"].map(|name| (name, start(place, name))).into();
    for node in nodes.values_mut() {
        node.says("ready");
    }
    let engine = reach(place);
    let store = insist(|| engine.event_store(EventsConfig::NAME).wait());
    let client = EntitiesConfig { cluster: Some(ClusterConfig::client("bank")), ..EntitiesConfig::default() };
    let entities = insist(|| engine.entities(client.clone()).wait());
    let is_over = AtomicBool::new(false);
    let acked: Vec<(String, String)> = std::thread::scope(|scope| {
        let (entities, is_over) = (&entities, &is_over);
        let callers: Vec<_> = (0..6).map(|caller| scope.spawn(move || ask_until(entities, caller, is_over))).collect();
        for (round, delay) in DELAYS.into_iter().map(Duration::from_millis).enumerate() {
            let name = ["a", "b", "c"][round % 3];
            nodes.remove(name).unwrap().kill();
            // One that is killed while it comes back, and one that stays.
            let mut again = start(place, name);
            std::thread::sleep(delay);
            again.kill();
            nodes.insert(name, start(place, name));
            between(round, delay);
            // A fourth one takes its part of the shards, and is killed while it gives them back, or is let go.
            let mut fourth = start(place, "d");
            fourth.says("ready");
            std::thread::sleep(delay);
            fourth.tell("leave");
            if round % 2 == 0 {
                std::thread::sleep(delay / 8);
                fourth.kill();
            } else {
                fourth.says("left");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert!(acked.len() > 100, "only {} commands were taken", acked.len());
    check(&store, &acked);
    let shards = || entities.nodes().iter().map(|node| node.shards).sum::<usize>();
    until("all shards are on the nodes that are there", || shards() == 32);
    println!("{} commands were acknowledged", acked.len());
}

#[test]
fn processes_that_share_a_directory_are_killed_in_every_phase() {
    let dir = Dir::new();
    let owner = Engine::open(&dir.0).unwrap();
    let server = LocalServer::start(&owner).unwrap();
    kill_nodes(dir.0.to_str().unwrap(), |_, _| {});
    server.stop();
    owner.close().unwrap();
}

#[cfg(feature = "hub")]
#[test]
fn nodes_and_their_server_are_killed_in_every_phase() {
    let mut hub = common::server::Server::later("2.15.1");
    hub.again();
    let url = hub.url();
    kill_nodes(&url, |round, delay| {
        if round == 2 {
            hub.kill();
            std::thread::sleep(delay);
            hub.again();
        }
    });
}

#[cfg(feature = "hub")]
#[test]
fn nodes_and_servers_of_a_cluster_are_killed_in_every_phase() {
    let mut hub = common::server::Server::cluster("2.15.1", 3, &[]);
    let urls: Vec<String> = hub.iter().map(common::server::Server::url).collect();
    let place = urls.join(",");
    // A majority is there at any time.
    kill_nodes(&place, |round, delay| {
        let server = &mut hub[round % 3];
        server.kill();
        std::thread::sleep(delay);
        server.again();
    });
    let engine = reach(&place);
    for stream in insist(|| engine.streams().wait()) {
        let replicas = stream.config.hub.map(|hub| hub.replicas);
        assert_eq!(replicas, Some(3), "stream {}", stream.config.name);
    }
}

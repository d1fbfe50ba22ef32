//! The fifth chapter: three nodes without a server between them, of which one is taken off the network while both sides
//! go on; back again, all three are equal.

use std::path::Path;
use std::time::Instant;

use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Value};
use headwater::{CertFiles, Durability, Engine, MeshConfig};

use super::stage::{Paint, Stage};
use super::until;
use crate::certs;
use crate::failure::{Done, Failure};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// For how many days the certificates are good.
const DAYS: u32 = 2;

struct Node {
    name: &'static str,
    engine: Engine,
    store: CrdtStore,
    mesh: MeshConfig,
}

/// Runs the nodes in `dir`.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done {
    stage.chapter(5, "State that merges: three nodes, no server")?;
    stage.command("cluster 3")?;
    let certs = dir.join("certs");
    certs::provide(&certs, &NAMES.map(str::to_owned), DAYS)?;
    let mut nodes: Vec<Node> = Vec::new();
    for name in NAMES {
        let seeds = nodes.iter().map(|node| node.mesh.bind.clone()).collect();
        nodes.push(start(dir, &certs, name, seeds)?);
    }
    until("the nodes to find each other", || {
        nodes.iter().map(connected).sum::<Done<usize>>().map(|count| count == NAMES.len() * (NAMES.len() - 1))
    })?;
    add(&nodes[0], 1)?;
    insert(&nodes[1], "tea")?;
    insert(&nodes[1], "milk")?;
    until("the nodes to be equal", || equal(&nodes))?;
    table(stage, &nodes, "all three see each other, over mutual TLS")?;

    nodes[2].engine.leave_mesh();
    add(&nodes[0], 10)?;
    add(&nodes[1], 100)?;
    remove(&nodes[0], "milk")?;
    insert(&nodes[1], "rice")?;
    add(&nodes[2], 1_000)?;
    remove(&nodes[2], "tea")?;
    insert(&nodes[2], "salt")?;
    until("a and b to be equal", || equal(&nodes[..2]))?;
    table(stage, &nodes, "c is off the network: both sides count, add and remove")?;

    let begun = Instant::now();
    nodes[2].engine.join_mesh(nodes[2].mesh.clone())?;
    until("the nodes to be equal again", || equal(&nodes))?;
    let took = begun.elapsed();
    let healed = format!("c is back: equal {:.1} s later, nothing lost, nothing counted twice", took.as_secs_f64());
    table(stage, &nodes, &healed)?;
    nodes.iter().try_for_each(|node| node.engine.close().map_err(Failure::from))
}

fn start(dir: &Path, certs: &Path, name: &'static str, seeds: Vec<String>) -> Done<Node> {
    let engine = Engine::open(dir.join(name))?;
    let config = CrdtConfig { name: "app".into(), durability: Durability::Interval, ..CrdtConfig::default() };
    let store = engine.crdt(config)?;
    let files =
        CertFiles { ca: "ca.pem".into(), cert: format!("{name}.pem").into(), key: format!("{name}.key").into() };
    let mut mesh = MeshConfig {
        name: name.to_owned(),
        bind: "127.0.0.1:0".into(),
        seeds,
        certs: files.beside(certs),
        ..MeshConfig::default()
    };
    engine.join_mesh(mesh.clone())?;
    // Where it is now is where it is found when it comes back.
    if let Some(status) = engine.mesh().wait()? {
        mesh.bind = status.own.address;
    }
    Ok(Node { name, engine, store, mesh })
}

fn add(node: &Node, amount: i64) -> Done {
    node.store.write("likes", Kind::Counter, &Op::Add(amount)).wait()?;
    Ok(())
}

fn insert(node: &Node, what: &str) -> Done {
    let value = Value::Text(what.into());
    node.store.write("basket", Kind::Set, &Op::Insert { value: &value, ttl_ms: None }).wait()?;
    Ok(())
}

fn remove(node: &Node, what: &str) -> Done {
    node.store.write("basket", Kind::Set, &Op::Remove(&Value::Text(what.into()))).wait()?;
    Ok(())
}

fn connected(node: &Node) -> Done<usize> {
    let status = node.engine.mesh().wait()?;
    Ok(status.map_or(0, |mesh| mesh.members.iter().filter(|member| member.connected).count()))
}

fn equal(nodes: &[Node]) -> Done<bool> {
    let contexts: Vec<_> = nodes.iter().map(|node| node.store.context()).collect::<headwater::Result<_>>()?;
    Ok(contexts.windows(2).all(|pair| pair[0] == pair[1]))
}

fn table(stage: &mut Stage, nodes: &[Node], caption: &str) -> Done {
    let caption = stage.paint(Paint::Dim, caption);
    stage.say(&caption)?;
    for node in nodes {
        let likes = node.store.json("likes", Kind::Counter)?;
        let basket = node.store.json("basket", Kind::Set)?;
        let name = stage.paint(Paint::Accent, node.name);
        stage.say(&format!("  {name}   likes {likes:>5}   basket {basket}"))?;
    }
    Ok(())
}

//! Nodes of a mesh on this machine, over TLS: how soon what is written at one is read at the others, what a mesh costs
//! in which nothing happens, and how many bytes a repair of a large store takes in which little differs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headwater::crdt::{Change, CrdtConfig, CrdtStore, Kind, Op, Reading};
use headwater::{CertFiles, Durability, Engine, MeshConfig, MeshStatus};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples};
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row = Row { name: "mesh", about: "nodes of a mesh: spread, idle, repair", run };

const NODES: usize = 5;
/// Writes whose way to all nodes is timed in a round.
const WRITES: usize = 250;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(10);
const KEYS: u64 = 1_000_000;
const DIFFERENT: u64 = 100;
/// What a digest of a key takes on the way: the hash of its name, and the digest.
const DIGEST_BYTES: f64 = 16.0;
const PATIENCE: Duration = Duration::from_secs(600);

struct Node {
    engine: Engine,
    store: CrdtStore,
}

impl Node {
    fn open(dir: &Path) -> Outcome<Node> {
        let engine = Engine::open(dir)?;
        let config = CrdtConfig { name: "app".into(), durability: Durability::Os, ..CrdtConfig::default() };
        let store = engine.crdt(config)?;
        Ok(Node { engine, store })
    }

    fn join(&self, certs: &Path, seeds: &[String]) -> Outcome<()> {
        let config = MeshConfig {
            bind: "127.0.0.1:0".into(),
            seeds: seeds.to_vec(),
            certs: CertFiles { ca: "ca.pem".into(), cert: "node.pem".into(), key: "node.key".into() }.beside(certs),
            ..MeshConfig::default()
        };
        Ok(self.engine.join_mesh(config)?)
    }

    fn mesh(&self) -> Outcome<MeshStatus> {
        self.engine.mesh().wait()?.ok_or_else(|| "it is in no mesh".into())
    }

    fn number(&self, key: &str) -> Outcome<i128> {
        match self.store.read(key, Kind::Counter)? {
            Reading::Number(number) => Ok(number),
            _ => Err("a counter reads as a number".into()),
        }
    }
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let certs = certificates(&context.fresh("certs"))?;
    let nodes: Vec<Node> = (0..NODES).map(|_| Node::open(&context.fresh("node"))).collect::<Outcome<_>>()?;
    nodes[0].join(&certs, &[])?;
    let seeds = [nodes[0].mesh()?.own.address];
    nodes[1..].iter().try_for_each(|node| node.join(&certs, &seeds))?;
    for node in &nodes {
        until(|| Ok(node.mesh()?.members.iter().filter(|member| member.connected).count() == NODES - 1))?;
    }
    let (mut spread, mut idle) = (Samples::new(), Samples::new());
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: a mesh of {NODES}", round + 1, context.rounds));
        let mut times = Vec::new();
        for write in 0..WRITES {
            let key = format!("{round}-{write}");
            let begun = Instant::now();
            nodes[write % NODES].store.write(key.as_str(), Kind::Counter, &Op::Add(1)).wait()?;
            for node in &nodes {
                until(|| Ok(node.number(&key)? == 1))?;
                times.push(begun.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        spread.push(times[times.len() * 99 / 100]);
        std::thread::sleep(Duration::from_secs(2));
        let before = cpu_seconds()?;
        std::thread::sleep(IDLE);
        idle.push((cpu_seconds()? - before) / IDLE.as_secs_f64() / NODES as f64);
    }
    for node in nodes {
        node.engine.close()?;
    }
    let mut lines = vec![
        Line::figure(ROW.name, "propagation in a mesh of 5, p99", spread, Unit::Seconds, Goal::AtMost(0.3)),
        Line::figure(ROW.name, "CPU of an idle node of 5, a second", idle, Unit::Seconds, Goal::AtMost(0.005)),
    ];
    lines.extend(repair(context, &certs)?);
    Ok(lines)
}

/// More records than a node sends again.
const RECORDS_AFTER: usize = 300;

/// Two nodes with the same keys, of which one then learns what the other does not.
fn repair(context: &mut Context, certs: &Path) -> Outcome<Vec<Line>> {
    let keys = context.scaled(KEYS);
    context.progress(&format!("writing {keys} keys"));
    let (first_dir, second_dir) = (context.fresh("first"), context.fresh("second"));
    let (mut first, second) = (Node::open(&first_dir)?, Node::open(&second_dir)?);
    for begin in (0..keys).step_by(1_000) {
        add(&first, begin..(begin + 1_000).min(keys))?;
    }
    first.join(certs, &[])?;
    second.join(certs, &[first.mesh()?.own.address])?;
    context.progress(&format!("a new node takes in {keys} keys"));
    let begun = Instant::now();
    until(|| equal(&first, &second))?;
    let whole = begun.elapsed().as_secs_f64();
    let mut part = Samples::new();
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: {DIFFERENT} of {keys} keys differ", round + 1, context.rounds));
        first.engine.leave_mesh();
        let step = keys / DIFFERENT;
        let some: Vec<String> = (0..DIFFERENT).map(|number| format!("key{}", number * step)).collect();
        let changes: Vec<Change<'_>> = some.iter().map(|key| one(key)).collect();
        first.store.transaction(&changes).wait()?;
        // One that was started anew does not know how far the other one is, and sends the last few records again:
        // these, so that what differs is left to the repair.
        let after: Vec<_> =
            (0..RECORDS_AFTER).map(|_| first.store.write("after", Kind::Counter, &Op::Add(1))).collect();
        after.into_iter().try_for_each(|written| written.wait().map(drop))?;
        first.engine.close()?;
        first = Node::open(&first_dir)?;
        let before = second.mesh()?;
        first.join(certs, std::slice::from_ref(&before.own.address))?;
        until(|| equal(&first, &second))?;
        let after = second.mesh()?;
        let bytes = after.sent_bytes + after.received_bytes - before.sent_bytes - before.received_bytes;
        part.push(bytes as f64 / (keys as f64 * DIGEST_BYTES));
    }
    first.engine.close()?;
    second.engine.close()?;
    let what = format!("bytes of a repair, {DIFFERENT} of {keys} keys differ; a new node has all after {whole:.1} s");
    Ok(vec![Line::figure(ROW.name, &what, part, Unit::Times, Goal::AtMost(0.01))])
}

fn one(key: &str) -> Change<'_> {
    Change { path: key.into(), kind: Kind::Counter, op: Op::Add(1) }
}

fn add(node: &Node, numbers: std::ops::Range<u64>) -> Outcome<()> {
    let keys: Vec<String> = numbers.map(|number| format!("key{number}")).collect();
    let changes: Vec<Change<'_>> = keys.iter().map(|key| one(key)).collect();
    node.store.transaction(&changes).wait()?;
    Ok(())
}

/// Whether both have applied the same.
fn equal(first: &Node, second: &Node) -> Outcome<bool> {
    if first.store.context()? != second.store.context()? {
        std::thread::sleep(Duration::from_millis(20));
        return Ok(false);
    }
    Ok(true)
}

fn until(mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() > PATIENCE {
            return Err("the nodes did not become equal".into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// What this process has taken of the processor.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in hundredths of a second.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// A CA, and one certificate for all nodes of this machine.
fn certificates(dir: &Path) -> Outcome<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let mut node = CertificateParams::new(["127.0.0.1".to_owned()])?;
    node.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    std::fs::write(dir.join("ca.pem"), issuer.pem())?;
    std::fs::write(dir.join("node.pem"), node.signed_by(&key, &issuer)?.pem())?;
    std::fs::write(dir.join("node.key"), key.serialize_pem())?;
    Ok(dir.to_owned())
}

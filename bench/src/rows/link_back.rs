//! How long an edge and its hub take to be in step after the hub was killed and started again; beside JetStream, whose
//! hub sources the stream of a leaf node.

use std::path::Path;
use std::time::{Duration, Instant};

use headwater::{Durability, Engine, HubOptions};

use super::link_push::{hub_stream, link};
use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side};
use crate::ours::Ours;
use crate::peers::nats::{Direct, Server, free_port};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "link_back", about: "in step again after a restart: JetStream sourcing", run };

/// Records before the hub goes, and as many while it is away.
const RECORDS: u64 = 1_000;
/// JetStream takes up to a minute a round.
const ROUNDS_MAX: usize = 3;
/// How long the hub is away.
const AWAY: Duration = Duration::from_secs(3);
const WAIT_MAX: Duration = Duration::from_secs(120);

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let rounds = context.rounds.min(ROUNDS_MAX);
    let root = context.fresh("back");
    let [ours, theirs] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater", |round| linked(&root.join(format!("ours-{round}")), &source)),
            Side::new("JetStream", |round| sourced(&root.join(format!("theirs-{round}")), &source)),
        ],
    )?;
    let what = "in step again after a hub restart";
    Ok(vec![Line::cost(ROW.name, what, "JetStream sourcing, same topology", [&ours, &theirs], 0.1)])
}

fn linked(dir: &Path, source: &Source) -> Outcome<f64> {
    let mut server = Server::start(&dir.join("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let hub = Engine::connect(HubOptions::new(server.url())).wait()?;
    hub.create_stream(hub_stream()).wait()?;
    let (edge, stream) = Ours::create(&dir.join("edge"), Durability::Fsync)?.parts();
    edge.add_link(link("l", true), &hub).wait()?;
    let edge = Ours::of(edge, stream);
    edge.append_each(0..RECORDS, &mut source.clone())?;
    in_step(&direct, RECORDS)?;
    server.stop();
    edge.append_each(RECORDS..2 * RECORDS, &mut source.clone())?;
    std::thread::sleep(AWAY);
    server.start_again()?;
    let took = in_step(&direct, 2 * RECORDS)?;
    edge.close()?;
    Ok(took)
}

fn sourced(dir: &Path, source: &Source) -> Outcome<f64> {
    let port = free_port()?;
    let listens = format!("server_name: hub\nleafnodes {{ listen: \"127.0.0.1:{port}\" }}");
    let joins = format!("server_name: edge\nleafnodes {{ remotes: [ {{ url: \"nats-leaf://127.0.0.1:{port}\" }} ] }}");
    let mut hub = Server::start(&dir.join("hub"), "domain: hub", &listens)?;
    let leaf = Server::start(&dir.join("edge"), "domain: edge", &joins)?;
    let (direct, edge) = (Direct::connect(&hub.url())?, Direct::connect(&leaf.url())?);
    edge.create("edge", &["bench.>"])?;
    direct.create_sourcing("bench", "edge", "edge")?;
    edge.publish_window(RECORDS, source.clone())?;
    in_step(&direct, RECORDS)?;
    hub.stop();
    edge.publish_window(RECORDS, source.clone())?;
    std::thread::sleep(AWAY);
    hub.start_again()?;
    in_step(&direct, 2 * RECORDS)
}

/// Waits until the hub's stream has so many records; returns how long that took, in nanoseconds.
fn in_step(direct: &Direct, records: u64) -> Outcome<f64> {
    let began = Instant::now();
    while direct.records("bench") < records {
        if began.elapsed() > WAIT_MAX {
            return Err(format!("the hub has {} records of {records}", direct.records("bench")).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(began.elapsed().as_nanos() as f64)
}

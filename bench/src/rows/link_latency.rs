//! How long a record takes from its local acknowledgement until a consumer of the hub has it, for the slowest in a
//! hundred; beside the slowest of a publish, and of an atomic batch of two.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use headwater::{Append, Durability, Engine, HubOptions};

use super::link_push::{hub_stream, link};
use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side};
use crate::ours::Ours;
use crate::peers::nats::{Direct, Server};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row {
    name: "link_latency",
    about: "from the local ack to visible on the hub, p99: one publish; a batch of two",
    run,
};

const RECORDS: u64 = 1_000;
/// Between a record and the next, so that each goes alone.
const PAUSE: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_secs(20);

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.turns(RECORDS);
    let source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let side = |context: &mut Context, exclusive| -> Outcome<(Server, Direct, Ours, Receiver<Instant>, Engine)> {
        let server = Server::start(&context.fresh("hub"), "", "")?;
        let direct = Direct::connect(&server.url())?;
        let hub = Engine::connect(HubOptions::new(server.url())).wait()?;
        hub.create_stream(hub_stream()).wait()?;
        let seen = direct.watch("bench", "bench.>")?;
        let (edge, stream) = Ours::create(&context.fresh("edge"), Durability::Fsync)?.parts();
        edge.add_link(link("l", exclusive), &hub).wait()?;
        Ok((server, direct, Ours::of(edge, stream), seen, hub))
    };
    let (_own_server, _own_direct, own, own_seen, _own_hub) = side(context, true)?;
    let (_shared_server, _shared_direct, shared, shared_seen, _shared_hub) = side(context, false)?;
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    direct.create("bench", &["bench.>"])?;

    let [own, shared, publish, pair] = context.interleave([
        Side::new("Headwater, own stream", |_| carried(&own, &own_seen, records, &mut source.clone())),
        Side::new("Headwater, shared stream", |_| carried(&shared, &shared_seen, records, &mut source.clone())),
        Side::new("async-nats, publish", |_| Ok(slowest(direct.publish_each(records, source.clone())?))),
        Side::new("async-nats, batch of two", |_| Ok(slowest(direct.publish_pairs(records, source.clone())?))),
    ])?;
    let what = "local ack to visible on the hub, p99";
    Ok(vec![
        Line::cost(ROW.name, &format!("{what}, own hub stream"), "one publish, p99", [&own, &publish], 3.0),
        Line::cost(
            ROW.name,
            &format!("{what}, shared hub stream"),
            "one atomic batch of two, p99",
            [&shared, &pair],
            1.5,
        ),
    ])
}

/// Appends one record after the other, each seen on the hub before the next.
fn carried(edge: &Ours, seen: &Receiver<Instant>, records: u64, source: &mut Source) -> Outcome<f64> {
    let mut took = Vec::new();
    for record in 0..records {
        let (subject, payload) = source.one(record);
        edge.stream.append(&Append::new(subject, payload)).wait()?;
        let acked = Instant::now();
        let visible = seen.recv_timeout(WAIT_MAX).map_err(|_| format!("record {record} never came"))?;
        took.push(visible.saturating_duration_since(acked));
        std::thread::sleep(PAUSE);
    }
    Ok(slowest(took))
}

/// The slowest in a hundred, in nanoseconds.
fn slowest(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took.get(took.len() * 99 / 100).map_or(0.0, |d| d.as_nanos() as f64)
}

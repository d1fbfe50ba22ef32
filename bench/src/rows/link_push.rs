//! A link that pushes a backlog to a hub, to a stream of its own and to one that others push to as well; beside the
//! client publishing the same records as fast as it can.

use std::path::Path;
use std::time::{Duration, Instant};

use headwater::{Direction, Engine, HubOptions, LinkConfig, StreamConfig};

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::ours::Ours;
use crate::peers::nats::{Direct, Server};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "link_push", about: "a link pushes a backlog: direct async publish", run };

const RECORDS: u64 = 1_000_000;
/// How long a backlog may take.
const WAIT_MAX: Duration = Duration::from_secs(120);

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let dir = context.fresh("edge");
    Ours::fill(&dir, records, &mut source)?;
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let hub = Engine::connect(HubOptions::new(server.url())).wait()?;
    let push = |name: String, exclusive: bool| pushed(&dir, &hub, &direct, &name, exclusive, records);

    let [own, shared, published] = context.interleave([
        Side::new("Headwater, own stream", |round| push(format!("own-{round}"), true)),
        Side::new("Headwater, shared stream", |round| push(format!("shared-{round}"), false)),
        Side::new("async-nats", |_| {
            direct.create("bench", &["bench.>"])?;
            let figure = rate(records, || direct.publish_window(records, source.clone()))?;
            let there = direct.records("bench");
            direct.delete("bench")?;
            if there == records { Ok(figure) } else { Err(format!("{there} records of {records}").into()) }
        }),
    ])?;
    let (what, peer) = ("link push of a backlog", "async-nats, async publish of the same");
    Ok(vec![
        Line::ratio(ROW.name, &format!("{what}, own hub stream"), peer, [&own, &published], 0.7),
        Line::ratio(ROW.name, &format!("{what}, shared hub stream"), peer, [&shared, &published], 0.7),
    ])
}

/// A link that pushes alone.
pub(super) fn link(name: &str, exclusive: bool) -> LinkConfig {
    LinkConfig { direction: Direction::Push, exclusive, ..LinkConfig::new(name, "bench", "bench") }
}

/// The stream of a hub that a link pushes to.
pub(super) fn hub_stream() -> StreamConfig {
    StreamConfig::new("bench", ["bench.>", "$HW.bench.>"])
}

fn pushed(dir: &Path, hub: &Engine, direct: &Direct, name: &str, exclusive: bool, records: u64) -> Outcome<f64> {
    let stream = hub.create_stream(hub_stream()).wait()?;
    let edge = Engine::open(dir)?;
    let figure = rate(records, || {
        edge.add_link(link(name, exclusive), hub).wait()?;
        let began = Instant::now();
        loop {
            let status = edge.links()?.remove(0);
            if status.pushed >= records {
                return Ok(());
            }
            if began.elapsed() > WAIT_MAX {
                return Err(format!("{status:?}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    })?;
    edge.close()?;
    let there: u64 = stream.subjects("bench.>", "", 1_000_000).wait()?.iter().map(|(_, count)| count).sum();
    direct.delete("bench")?;
    if there == records { Ok(figure) } else { Err(format!("the hub has {there} records of {records}").into()) }
}

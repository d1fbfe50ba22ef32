//! Reading a stream of a hub from its beginning to its end, beside the client's ordered consumers.

use headwater::{Engine, HubOptions, SubscribeOptions};

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::peers::nats::{Direct, Server};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "hub_read", about: "ordered read from a hub: async-nats' consumers", run };

const RECORDS: u64 = 500_000;
/// Records taken at once.
const TAKEN: usize = 10_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    direct.create("bench", &["bench.>"])?;
    direct.publish_window(records, Source::new(SUBJECTS, PAYLOAD_BYTES))?;
    let engine = Engine::connect(HubOptions::new(server.url())).wait()?;
    let stream = engine.stream("bench").wait()?;

    let [ours, pulled, pushed] = context.interleave([
        Side::new("Headwater", |_| {
            rate(records, || {
                let subscription = stream.subscribe(SubscribeOptions::default()).wait()?;
                let mut seen = 0;
                while seen < records {
                    let batch = subscription.next(TAKEN).wait()?;
                    for record in batch.iter() {
                        seen += 1;
                        if record.seq != seen {
                            return Err(format!("record {} where {seen} should be", record.seq).into());
                        }
                    }
                }
                Ok(())
            })
        }),
        Side::new("async-nats, pulled", |_| rate(records, || direct.read_pulled("bench", records))),
        Side::new("async-nats, pushed", |_| rate(records, || direct.read_pushed("bench", records))),
    ])?;
    let what = "hub read, ordered";
    Ok(vec![
        Line::ratio(ROW.name, what, "async-nats, ordered pull consumer", [&ours, &pulled], 0.95),
        Line::ratio(ROW.name, what, "async-nats, ordered push consumer", [&ours, &pushed], 0.95),
    ])
}

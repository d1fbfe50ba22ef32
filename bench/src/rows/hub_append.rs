//! Appending to a stream of a hub: many on their way at once, one at a time inside a task, and one at a time by
//! waiting; beside the client used directly on the same server.

use std::collections::VecDeque;

use headwater::{Append, Engine, HubOptions, Stream, StreamConfig};

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::peers::nats::{Direct, Server, WINDOW};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "hub_append", about: "append on a hub: async-nats used directly", run };

const AT_ONCE: u64 = 200_000;
const ONE_BY_ONE: u64 = 10_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (many, few) = (context.scaled(AT_ONCE), context.turns(ONE_BY_ONE));
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let engine = Engine::connect(HubOptions::new(server.url())).wait()?;
    let here = HubOptions { on_this_runtime: true, ..HubOptions::new(server.url()) };
    let in_task = direct.run(async { Ok(Engine::connect(here).await?) })?;
    let source = Source::new(SUBJECTS, PAYLOAD_BYTES);

    let directly = |count, work: &dyn Fn() -> Outcome<()>| {
        direct.create("bench", &["bench.>"])?;
        let figure = rate(count, work)?;
        emptied(&direct, count)?;
        Ok(figure)
    };
    let ours = |engine: &Engine, count, work: &dyn Fn(Stream) -> Outcome<()>| {
        let stream = engine.create_stream(StreamConfig::new("bench", ["bench.>"])).wait()?;
        let figure = rate(count, || work(stream))?;
        emptied(&direct, count)?;
        Ok(figure)
    };
    let [window, direct_window, task, wait, direct_each] = context.interleave([
        Side::new("Headwater, many at once", |_| {
            ours(&engine, many, &|stream| at_once(&stream, many, &mut source.clone()))
        }),
        Side::new("async-nats, many at once", |_| directly(many, &|| direct.publish_window(many, source.clone()))),
        Side::new("Headwater, in a task", |_| {
            ours(&in_task, few, &|stream| direct.run(one_by_one(stream, few, source.clone())))
        }),
        Side::new("Headwater, waiting", |_| {
            ours(&engine, few, &|stream| {
                let mut source = source.clone();
                for record in 0..few {
                    let (subject, payload) = source.one(record);
                    stream.append(&Append::new(subject, payload)).wait()?;
                }
                Ok(())
            })
        }),
        Side::new("async-nats, one by one", |_| directly(few, &|| direct.publish_each(few, source.clone()).map(drop))),
    ])?;

    let peer = "async-nats directly";
    Ok(vec![
        Line::ratio(ROW.name, "hub append, async window", peer, [&window, &direct_window], 0.95),
        Line::ratio(ROW.name, "hub append, one at a time, in a task", peer, [&task, &direct_each], 0.95),
        Line::ratio(ROW.name, "hub append, one at a time, by wait", peer, [&wait, &direct_each], 0.8),
    ])
}

/// Checks that the server has all, and removes them.
fn emptied(direct: &Direct, count: u64) -> Outcome<()> {
    let there = direct.records("bench");
    if there != count {
        return Err(format!("the hub has {there} records of {count}").into());
    }
    direct.delete("bench")
}

/// Appends the first records, many on their way at once.
pub(super) fn at_once(stream: &Stream, count: u64, source: &mut Source) -> Outcome<()> {
    let mut pending = VecDeque::new();
    for record in 0..count {
        if pending.len() == WINDOW
            && let Some(oldest) = pending.pop_front()
        {
            let oldest: headwater::Pending<_> = oldest;
            oldest.wait()?;
        }
        let (subject, payload) = source.one(record);
        pending.push_back(stream.append(&Append::new(subject, payload)));
    }
    pending.into_iter().try_for_each(|pending| pending.wait().map(drop))?;
    Ok(())
}

async fn one_by_one(stream: Stream, count: u64, mut source: Source) -> Outcome<()> {
    for record in 0..count {
        let (subject, payload) = source.one(record);
        stream.append(&Append::new(subject, payload)).await?;
    }
    Ok(())
}

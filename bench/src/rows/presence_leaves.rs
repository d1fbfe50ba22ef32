//! How long a change at one leaf takes until a watcher at another one has it, through a hub: from the call that makes
//! it to the event, for the slowest in a hundred.

use std::time::{Duration, Instant};

use headwater::presence::{Presence, PresenceConfig, SessionSet, Status, WatchEvent, WatchOptions};
use headwater::{Engine, HubOptions, LinkConfig, StreamConfig};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples};
use crate::peers::nats::Server;
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "presence_leaves", about: "a change at one leaf to a watcher at another, p99", run };

const CHANGES: u64 = 500;
/// Between a change and the next, so that each goes alone.
const PAUSE: Duration = Duration::from_millis(2);
const WAIT_MAX: Duration = Duration::from_secs(20);
const SPACE: &str = "office";
const STREAM: &str = "PRESENCE_presence";

/// A node that shares the store of the hub.
fn leaf(context: &mut Context, hub: &Engine) -> Outcome<(Engine, Presence)> {
    let engine = Engine::open(context.fresh("leaf"))?;
    let presence = engine.presence(PresenceConfig::default())?;
    engine.add_link(LinkConfig::new("presence", STREAM, STREAM), hub).wait()?;
    Ok((engine, presence))
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let changes = context.turns(CHANGES);
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let hub = Engine::connect(HubOptions::new(server.url())).wait()?;
    let subjects = ["$PRESENCE.presence.>", "$HW.PRESENCE_presence.>"];
    hub.create_stream(StreamConfig { max_msgs_per_subject: 1, ..StreamConfig::new(STREAM, subjects) }).wait()?;
    let (here_engine, here) = leaf(context, &hub)?;
    let (there_engine, there) = leaf(context, &hub)?;
    let watcher = there.watch(WatchOptions { space: SPACE.to_owned(), ..WatchOptions::default() })?;
    watcher.next(1).wait()?;
    let mut slow = Samples::new();
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: changes from leaf to leaf", round + 1, context.rounds));
        let mut took = Vec::new();
        for change in 0..changes {
            let (user, status) = (format!("user{change}"), if round % 2 == 0 { Status::Busy } else { Status::Away });
            let set = SessionSet { status, message: Some(format!("{round}")), ..SessionSet::default() };
            let began = Instant::now();
            here.set(SPACE, &user, set).wait()?;
            loop {
                let events = watcher.next(100).wait_timeout(WAIT_MAX)?;
                let is_it = |event: &WatchEvent| {
                    matches!(event, WatchEvent::Change(change)
                    if *change.user.user == *user && change.user.status == status)
                };
                if events.iter().any(is_it) {
                    break;
                }
            }
            took.push(began.elapsed().as_secs_f64());
            std::thread::sleep(PAUSE);
        }
        took.sort_by(f64::total_cmp);
        slow.push(took[took.len() * 99 / 100]);
    }
    here_engine.close()?;
    there_engine.close()?;
    Ok(vec![Line::figure(
        ROW.name,
        "a change at a leaf, seen at another, p99",
        slow,
        Unit::Seconds,
        Goal::AtMost(0.05),
    )])
}

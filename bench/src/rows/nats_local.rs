//! Appending to our own files beside publishing to a `nats-server` with a file store on the same disk: with each record
//! on disk before it is acknowledged, and with a sync every so often.

use headwater::Durability;

use super::append_fsync_64::append_at_once;
use super::hub_append::at_once;
use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::ours::Ours;
use crate::peers::nats::{Direct, Server};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "nats_local", about: "local append: nats-server's file store", run };

const WRITERS: u64 = 64;
/// Records of each of our writers in a turn.
const EACH: u64 = 500;
/// What the server syncs in a turn.
const SYNCED: u64 = 5_000;
const AT_ONCE: u64 = 500_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (each, synced, many) = (context.turns(EACH), context.turns(SYNCED), context.scaled(AT_ONCE));
    let source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let dirs = ["fsync", "always", "interval", "default"].map(|name| context.fresh(name));
    let fsync = Ours::create(&dirs[0], Durability::Fsync)?;
    let interval = Ours::create(&dirs[2], Durability::Interval)?;
    let server = |at: usize, settings| -> Outcome<(Server, Direct)> {
        let server = Server::start(&dirs[at], settings, "")?;
        let direct = Direct::connect(&server.url())?;
        direct.create("bench", &["bench.>"])?;
        Ok((server, direct))
    };
    let (_always_server, always) = server(1, "sync_interval: always")?;
    let (_default_server, default) = server(3, "")?;
    let mut writers = vec![source.clone(); WRITERS as usize];

    let [ours, theirs] = context.interleave([
        Side::new("Headwater, fsync", |round| append_at_once(&fsync, round as u64, each, &mut writers)),
        Side::new("nats-server, sync always", |_| rate(synced, || always.publish_window(synced, source.clone()))),
    ])?;
    let [ours_interval, theirs_default] = context.interleave([
        Side::new("Headwater, interval", |_| rate(many, || at_once(&interval.stream, many, &mut source.clone()))),
        Side::new("nats-server", |_| rate(many, || default.publish_window(many, source.clone()))),
    ])?;
    let rounds = context.rounds as u64;
    for (what, there, wanted) in [
        ("fsync", fsync.stream.info().wait()?.records, rounds * WRITERS * each),
        ("sync always", always.records("bench"), rounds * synced),
        ("interval", interval.stream.info().wait()?.records, rounds * many),
        ("nats-server", default.records("bench"), rounds * many),
    ] {
        if there != wanted {
            return Err(format!("{what}: {there} records of {wanted}").into());
        }
    }
    fsync.close()?;
    interval.close()?;
    let peer = "nats-server, async publish, sync_interval: always";
    Ok(vec![
        Line::ratio(ROW.name, "local append, `fsync`, 64 writers", peer, [&ours, &theirs], 20.0),
        Line::ratio(
            ROW.name,
            "local append, `interval`, async",
            "nats-server, async publish, default",
            [&ours_interval, &theirs_default],
            10.0,
        ),
    ])
}

//! The rows of the table, one file each, in the table's order.

mod append_fsync;
mod append_fsync_64;
mod append_interval;
mod batches;
pub(crate) mod calls;
mod condition;
mod crdt_fsync;
mod crdt_heap;
mod crdt_join;
mod crdt_merge;
mod crdt_ops;
mod disk_bytes;
mod entities;
mod entities_calls;
mod entities_hub;
pub(crate) mod events;
mod events_fsync;
mod events_hub;
mod events_replay;
mod hub_append;
mod hub_read;
mod last;
mod link_back;
mod link_latency;
mod link_memory;
mod link_push;
mod memory;
mod mesh;
mod nats_local;
mod open;
pub(crate) mod points_query;
mod presence;
mod presence_deadline;
mod presence_http;
mod presence_leaves;
mod presence_storm;
mod read;
pub(crate) mod replica;
mod replica_capture;
mod subject_range;

use std::collections::HashMap;
use std::path::Path;

use crate::Outcome;
use crate::check::{Kind, check};
use crate::child;
use crate::context::{Context, Kept, rate};
use crate::report::Line;
use crate::source::Digest;

/// One row: its name on the command line, what it measures, and how.
pub(crate) struct Row {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// Measures it; most rows come to more than one line.
    pub(crate) run: fn(&mut Context) -> Outcome<Vec<Line>>,
}

/// All rows. Those that wait for the disk come first, before the others leave it much to write.
pub(crate) const ALL: &[Row] = &[
    append_fsync::ROW,
    append_fsync_64::ROW,
    crdt_fsync::ROW,
    events_fsync::ROW,
    append_interval::ROW,
    batches::ROW,
    last::ROW,
    condition::ROW,
    read::ROW,
    subject_range::ROW,
    points_query::ROW,
    disk_bytes::ROW,
    memory::ROW,
    open::ROW,
    calls::ROW,
    crdt_ops::ROW,
    crdt_join::ROW,
    crdt_heap::ROW,
    crdt_merge::ROW,
    presence::ROW,
    presence_deadline::ROW,
    presence_http::ROW,
    presence_storm::ROW,
    presence_leaves::ROW,
    events::ROW,
    events_replay::ROW,
    entities::ROW,
    entities_calls::ROW,
    hub_append::ROW,
    hub_read::ROW,
    events_hub::ROW,
    entities_hub::ROW,
    link_push::ROW,
    link_latency::ROW,
    link_back::ROW,
    link_memory::ROW,
    nats_local::ROW,
    mesh::ROW,
    replica_capture::ROW,
    replica::ROW,
];

/// How many subjects the records of most rows have.
const SUBJECTS: u64 = 1000;

/// One turn of a side that writes records to a new store: times the writing, closes, has a fresh process check what is
/// there, and removes it.
fn written<S>(
    (kind, dir): (Kind, &Path),
    expected: Digest,
    create: impl FnOnce() -> Outcome<S>,
    write: impl FnOnce(&mut S) -> Outcome<()>,
    close: impl FnOnce(S) -> Outcome<()>,
) -> Outcome<f64> {
    let mut store = create()?;
    let figure = rate(expected.count, || write(&mut store))?;
    close(store)?;
    check(kind, dir, expected)?;
    std::fs::remove_dir_all(dir)?;
    Ok(figure)
}

/// A stream whose writer was killed after these many records, with the memory that it took to write them.
fn killed_stream(context: &mut Context, records: u64, subjects: u64) -> Outcome<Kept> {
    context.kept(format!("{records}-records-{subjects}-subjects"), |context, dir| {
        context.progress(&format!("writing {records} records of {subjects} subjects"));
        let answer = child::ask_and_kill(&["fill", child::text(dir)?, &records.to_string(), &subjects.to_string()])?;
        Ok(HashMap::from([("peak".to_owned(), answer.number("peak")?)]))
    })
}

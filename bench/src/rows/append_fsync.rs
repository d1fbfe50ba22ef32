//! One writer, each record on disk before its acknowledgement: beside the bare loop of write and sync, and SQLite.
//!
//! The speed of a disk swings within seconds, so turns are short, many, and compared one by one.

use headwater::Durability;

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::ours::Ours;
use crate::peers::raw::Raw;
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "append_fsync", about: "append with fsync, 1 writer: a raw sync loop; SQLite", run };

/// Turns of each side in what the command line calls a round.
const SLICES: usize = 10;
/// Records in one turn.
const TURN_RECORDS: u64 = 50;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let each = context.turns(TURN_RECORDS);
    let rounds = context.rounds * SLICES;
    let dirs = ["ours", "raw", "sqlite"].map(|name| context.fresh(name));
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let [mut for_ours, mut for_raw, mut for_sqlite] = std::array::from_fn(|_| source.clone());
    let ours = Ours::create(&dirs[0], Durability::Fsync)?;
    let mut raw = Raw::create(dirs[1].clone())?;
    let sqlite = Sqlite::create(dirs[2].clone(), Sync::Full)?;
    let turn = |round: usize| round as u64 * each..(round as u64 + 1) * each;

    let [ours_rates, raw_rates, sqlite_rates] = context.interleave_for(
        rounds,
        [
            Side::new("Headwater", |round| rate(each, || ours.append_each(turn(round), &mut for_ours))),
            Side::new("raw", |round| rate(each, || raw.write_synced(turn(round), &mut for_raw))),
            Side::new("SQLite", |round| rate(each, || sqlite.insert_each(turn(round), &mut for_sqlite))),
        ],
    )?;

    ours.close()?;
    sqlite.close()?;
    let expected = source.expected(rounds as u64 * each);
    for (kind, dir) in [Kind::Ours, Kind::Raw, Kind::Sqlite].into_iter().zip(&dirs) {
        check(kind, dir, expected)?;
    }
    let what = "append, `fsync`, 1 writer";
    Ok(vec![
        Line::ratio(ROW.name, what, "raw write + fdatasync", [&ours_rates, &raw_rates], 0.85),
        Line::ratio(ROW.name, what, "SQLite WAL FULL, a row a commit", [&ours_rates, &sqlite_rates], 1.1),
    ])
}

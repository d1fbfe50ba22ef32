//! Single records from one thread, synced every so often: beside the least that any engine must do, and SQLite.

use headwater::Durability;

use super::{Row, SUBJECTS, written};
use crate::Outcome;
use crate::check::Kind;
use crate::context::{Context, Side};
use crate::ours::Ours;
use crate::peers::raw::Raw;
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "append_interval", about: "append of single records with interval: the floor; SQLite", run };

const RECORDS: u64 = 1_000_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let expected = source.expected(records);
    let [ours, floor, sqlite] = ["ours", "floor", "sqlite"].map(|name| context.fresh(name));
    let [mut for_ours, mut for_floor, mut for_sqlite] = std::array::from_fn(|_| source.clone());

    let [ours_rates, floor_rates, sqlite_rates] = context.interleave([
        Side::new("Headwater", |_| {
            written(
                (Kind::Ours, &ours),
                expected,
                || Ours::create(&ours, Durability::Interval),
                |store| store.append_each(0..records, &mut for_ours),
                Ours::close,
            )
        }),
        Side::new("the floor", |_| {
            written(
                (Kind::Raw, &floor),
                expected,
                || Raw::create(floor.clone()),
                |store| store.write_floor(0..records, &mut for_floor),
                |_| Ok(()),
            )
        }),
        Side::new("SQLite", |_| {
            written(
                (Kind::Sqlite, &sqlite),
                expected,
                || Sqlite::create(sqlite.clone(), Sync::Normal),
                |store| store.insert_batches(0..records, &mut for_sqlite),
                Sqlite::close,
            )
        }),
    ])?;

    let what = "append, `interval`, single records, 1 thread";
    let floor = "encode, CRC32, hash map, buffered write";
    let sqlite = "SQLite WAL NORMAL, 1000 rows a commit";
    Ok(vec![
        Line::ratio(ROW.name, what, floor, [&ours_rates, &floor_rates], 0.4),
        Line::ratio(ROW.name, what, sqlite, [&ours_rates, &sqlite_rates], 20.0),
    ])
}

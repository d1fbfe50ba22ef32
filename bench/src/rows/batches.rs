//! Atomic batches of a thousand records, synced every so often, beside redb and fjall doing the same job: keep the
//! record, and remember it as the last of its subject.

use headwater::Durability;

use super::{Row, SUBJECTS, written};
use crate::Outcome;
use crate::check::Kind;
use crate::context::{Context, Side};
use crate::ours::Ours;
use crate::peers::fjall::Fjall;
use crate::peers::redb::Redb;
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source};

/// The row.
pub(crate) const ROW: Row = Row { name: "batches", about: "append of batches with interval: redb; fjall", run };

const RECORDS: u64 = 1_000_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    let expected = source.expected(records);
    let [ours, redb, fjall] = ["ours", "redb", "fjall"].map(|name| context.fresh(name));
    let [mut for_ours, mut for_redb, mut for_fjall] = std::array::from_fn(|_| source.clone());

    let [ours_rates, redb_rates, fjall_rates] = context.interleave([
        Side::new("Headwater", |_| {
            written(
                (Kind::Ours, &ours),
                expected,
                || Ours::create(&ours, Durability::Interval),
                |store| store.append_batches(0..records, &mut for_ours),
                Ours::close,
            )
        }),
        Side::new("redb", |_| {
            written(
                (Kind::Redb, &redb),
                expected,
                || Redb::create(redb.clone()),
                |store| store.insert_batches(0..records, &mut for_redb),
                Redb::close,
            )
        }),
        Side::new("fjall", |_| {
            written(
                (Kind::Fjall, &fjall),
                expected,
                || Fjall::open(&fjall),
                |store| store.insert_batches(0..records, &mut for_fjall),
                Fjall::close,
            )
        }),
    ])?;

    let what = "append batches of 1000, `interval`";
    Ok(vec![
        Line::ratio(ROW.name, what, "redb, durability none", [&ours_rates, &redb_rates], 3.0),
        Line::ratio(ROW.name, what, "fjall, journal flushed by hand", [&ours_rates, &fjall_rates], 10.0),
    ])
}

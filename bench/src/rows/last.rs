//! The newest record of a random subject, out of a thousand and out of a million.

use super::Row;
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate_of};
use crate::ours::Ours;
use crate::peers::redb::Redb;
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{PAYLOAD_BYTES, Source, mix};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "last", about: "last of a random subject out of 1,000 and of 1,000,000: SQLite; redb", run };

const RECORDS: u64 = 1_000_000;
const LOOKUPS: u64 = 200_000;

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let mut lines = among(context, "1,000", 1000)?;
    let many = context.scaled(1_000_000);
    lines.extend(among(context, "1,000,000", many)?);
    Ok(lines)
}

fn among(context: &mut Context, named: &str, subjects: u64) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let lookups = context.turns(LOOKUPS);
    let mut source = Source::new(subjects, PAYLOAD_BYTES);
    let dirs = ["ours", "sqlite", "redb"].map(|name| context.fresh(name));
    context.progress(&format!("writing {records} records of {subjects} subjects"));
    Ours::fill(&dirs[0], records, &mut source)?;
    let sqlite = Sqlite::create(dirs[1].clone(), Sync::Normal)?;
    sqlite.insert_batches(0..records, &mut source)?;
    sqlite.close()?;
    let redb = Redb::create(dirs[2].clone())?;
    redb.insert_batches(0..records, &mut source)?;
    redb.close()?;
    let expected = source.expected(records);
    for (kind, dir) in [Kind::Ours, Kind::Sqlite, Kind::Redb].into_iter().zip(&dirs) {
        check(kind, dir, expected)?;
    }

    let ours = Ours::open_cached(&dirs[0])?;
    let sqlite = Sqlite::open(&dirs[1], Sync::Normal)?;
    let redb = Redb::open(&dirs[2])?;
    // The names lie in the order in which they are asked for, so that no side waits for memory of the harness.
    let asked: Vec<String> = (0..context.rounds as u64)
        .map(|round| (round * lookups..(round + 1) * lookups).map(|l| source.subject(mix(l) % subjects)).collect())
        .collect();
    let asked = |round: usize| Source::names_in(&asked[round]);
    // Each side has looked at everything once, so that all caches, which hold it all, are as full.
    context.progress("warming all caches");
    let every = || (0..subjects).map(|subject| source.subject(subject));
    last_ours(&ours, every())?;
    last_sqlite(&sqlite, every())?;
    redb.last(every())?;
    // What the sides found, added up by round: all must have found the same records.
    let mut sums = [const { Vec::new() }; 3];
    let [our_sums, sqlite_sums, redb_sums] = &mut sums;
    let [ours_rates, sqlite_rates, redb_rates] = context.interleave([
        Side::new("Headwater", |round| rate_of(lookups, our_sums, || last_ours(&ours, asked(round)))),
        Side::new("SQLite", |round| rate_of(lookups, sqlite_sums, || last_sqlite(&sqlite, asked(round)))),
        Side::new("redb", |round| rate_of(lookups, redb_sums, || redb.last(asked(round)))),
    ])?;
    if sums[0] != sums[1] || sums[0] != sums[2] {
        return Err(format!("the sides found other records: {sums:?}").into());
    }
    ours.close()?;
    let what = format!("last of a random subject out of {named}");
    Ok(vec![
        Line::ratio(ROW.name, &what, "SQLite", [&ours_rates, &sqlite_rates], 3.0),
        Line::ratio(ROW.name, &what, "redb, from one snapshot", [&ours_rates, &redb_rates], 1.5),
    ])
}

/// Looks the subjects up, and adds up the sequences of their newest records.
fn last_ours<'a>(ours: &Ours, subjects: impl Iterator<Item = &'a str>) -> Outcome<u64> {
    let mut sum = 0;
    for subject in subjects {
        sum += ours.stream.last(subject).wait()?.ok_or_else(|| format!("no record of {subject}"))?.seq;
    }
    Ok(sum)
}

/// The same in one read transaction, which spares SQLite a lock for each.
fn last_sqlite<'a>(sqlite: &Sqlite, subjects: impl Iterator<Item = &'a str>) -> Outcome<u64> {
    let transaction = sqlite.connection.unchecked_transaction()?;
    let mut select = sqlite
        .connection
        .prepare_cached("SELECT seq, time, payload FROM records WHERE subject = ?1 ORDER BY seq DESC LIMIT 1")?;
    let mut sum = 0;
    for subject in subjects {
        let (seq, time, payload): (i64, i64, Vec<u8>) =
            select.query_row([subject], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        std::hint::black_box((time, payload));
        sum += seq as u64;
    }
    transaction.commit()?;
    Ok(sum)
}

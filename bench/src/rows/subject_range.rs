//! The records of one subject out of a thousand within a range of time, beside SQLite on an index that fits it.

use std::path::PathBuf;

use headwater::{ReadOptions, Start};
use rusqlite::params;

use super::{Row, SUBJECTS};
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate_of};
use crate::ours::{Ours, READ_RECORDS};
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{Digest, PAYLOAD_BYTES, Source, mix};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "subject_range", about: "read of one subject of 1,000 over a time range: SQLite", run };

const RECORDS: u64 = 1_000_000;
const QUERIES: u64 = 500;
/// A range takes in one in so many of all records.
const RANGE_SHARE: u64 = 10;

/// An index that ends in the time finds the range at once.
const SCHEMA: &str = "
    CREATE TABLE records (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, time INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE INDEX records_by_subject_time ON records (subject, time);";
const SELECT: &str = "
    SELECT seq, subject, payload FROM records WHERE subject = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, seq";

/// One question: whose records, and from when to when.
struct Query<'a> {
    subject: &'a str,
    from: u64,
    until: u64,
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let records = context.scaled(RECORDS);
    let queries = context.turns(QUERIES);
    let dirs = ["ours", "sqlite"].map(|name| context.fresh(name));
    let mut source = Source::new(SUBJECTS, PAYLOAD_BYTES);
    context.progress(&format!("writing {records} records"));
    Ours::fill(&dirs[0], records, &mut source)?;
    let times = fill_sqlite(&dirs)?;
    let expected = source.expected(records);
    check(Kind::Ours, &dirs[0], expected)?;
    check(Kind::Sqlite, &dirs[1], expected)?;

    let ours = Ours::open_cached(&dirs[0])?;
    let sqlite = Sqlite::open(&dirs[1], Sync::Normal)?;
    let asked = |round: usize| {
        let first = round as u64 * queries;
        (first..first + queries).map(|query| {
            let at = mix(query) % (records - records / RANGE_SHARE);
            let until = times[(at + records / RANGE_SHARE) as usize];
            Query { subject: source.subject(mix(query + 1) % SUBJECTS), from: times[at as usize], until }
        })
    };
    // Each side has read everything once, so that both caches, which hold it all, are as full.
    context.progress("warming both caches");
    let every =
        || (0..SUBJECTS).map(|subject| Query { subject: source.subject(subject), from: 0, until: u64::MAX >> 1 });
    if select_ours(&ours, every())? != select_sqlite(&sqlite, every())? {
        return Err("the sides hold other records".into());
    }
    // What the sides found, by round: both must have found the same records.
    let mut found = [const { Vec::new() }; 2];
    let [our_found, sqlite_found] = &mut found;
    let [ours_rates, sqlite_rates] = context.interleave([
        Side::new("Headwater", |round| rate_of(queries, our_found, || select_ours(&ours, asked(round)))),
        Side::new("SQLite", |round| rate_of(queries, sqlite_found, || select_sqlite(&sqlite, asked(round)))),
    ])?;
    if found[0] != found[1] {
        return Err(format!("the sides found other records: {found:?}").into());
    }
    ours.close()?;
    let what = "read one subject of 1,000 over a time range";
    Ok(vec![Line::ratio(ROW.name, what, "SQLite, index on (subject, time)", [&ours_rates, &sqlite_rates], 3.0)])
}

/// Copies our records, with the times that they were committed at, to SQLite; returns the times.
fn fill_sqlite(dirs: &[PathBuf; 2]) -> Outcome<Vec<u64>> {
    let ours = Ours::open(&dirs[0])?;
    let sqlite = Sqlite::create_with(dirs[1].clone(), Sync::Normal, SCHEMA)?;
    let mut insert = sqlite.connection.prepare("INSERT INTO records VALUES (?1, ?2, ?3, ?4)")?;
    let mut times = Vec::new();
    loop {
        let next = ReadOptions::default().from_seq(times.len() as u64 + 1).max_records(READ_RECORDS);
        let batch = ours.stream.read(&next).wait()?;
        if batch.is_empty() {
            break;
        }
        let transaction = sqlite.connection.unchecked_transaction()?;
        for record in batch.iter() {
            insert.execute(params![record.seq as i64, record.subject, record.time as i64, record.payload])?;
            times.push(record.time);
        }
        transaction.commit()?;
    }
    drop(insert);
    sqlite.close()?;
    ours.close()?;
    Ok(times)
}

fn select_ours<'a>(ours: &Ours, queries: impl Iterator<Item = Query<'a>>) -> Outcome<Digest> {
    let mut digest = Digest::default();
    for query in queries {
        let mut options = ReadOptions {
            filters: vec![query.subject.to_owned()],
            start: Some(Start::Time(query.from)),
            until: Some(query.until),
            max_records: READ_RECORDS,
            ..ReadOptions::default()
        };
        loop {
            let batch = ours.stream.read(&options).wait()?;
            for record in batch.iter() {
                digest.add(record.subject.as_bytes(), record.payload);
            }
            match batch.iter().last() {
                Some(record) if batch.len() == READ_RECORDS => options.start = Some(Start::Seq(record.seq + 1)),
                _ => break,
            }
        }
    }
    Ok(digest)
}

fn select_sqlite<'a>(sqlite: &Sqlite, queries: impl Iterator<Item = Query<'a>>) -> Outcome<Digest> {
    let transaction = sqlite.connection.unchecked_transaction()?;
    let mut select = sqlite.connection.prepare_cached(SELECT)?;
    let mut digest = Digest::default();
    for query in queries {
        let mut rows = select.query(params![query.subject, query.from as i64, query.until as i64])?;
        while let Some(row) = rows.next()? {
            digest.add(row.get_ref(1)?.as_bytes()?, row.get_ref(2)?.as_bytes()?);
        }
    }
    transaction.commit()?;
    Ok(digest)
}

//! A million points of a hundred series, asked for their mean, least and most in buckets of an hour, beside the same
//! question as SQL.

use std::path::Path;
use std::time::Duration;

use headwater::points::{Aggregate, Point, Points, PointsConfig, Query, Row as Bucket, Value};
use headwater::{Durability, Engine};
use rusqlite::params;

use super::Row;
use crate::Outcome;
use crate::check::{Kind, check};
use crate::context::{Context, Side, rate};
use crate::peers::sqlite::{Sqlite, Sync};
use crate::report::Line;
use crate::source::{BATCH_RECORDS, Digest, mix};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "points_query", about: "points query over 1,000,000 points: the same as SQL on SQLite", run };

const POINTS: u64 = 1_000_000;
const SERIES: u64 = 100;
const STORE: &str = "bench";
const KIND: &str = "temperature";
/// Between two points of a series, in nanoseconds.
const STEP_NS: i64 = 10_000_000_000;
/// When every series begins, in nanoseconds since the epoch.
const BEGIN_NS: i64 = 1_700_000_000_000_000_000;
/// How wide a bucket is.
const EVERY: Duration = Duration::from_secs(3600);

/// Clustered by series and time, so that the question reads one range in order.
const SCHEMA: &str = "
    CREATE TABLE points (series TEXT NOT NULL, time INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (series, time))
    WITHOUT ROWID;";
const SELECT: &str = "
    SELECT series, time - time % ?1 AS start, avg(value), min(value), max(value) FROM points GROUP BY series, start";

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let points = context.scaled(POINTS);
    let dirs = ["ours", "sqlite"].map(|name| context.fresh(name));
    context.progress(&format!("writing {points} points"));
    fill_ours(&dirs[0], points)?;
    fill_sqlite(&dirs[1], points)?;
    let mut expected = Digest::default();
    for number in 0..points {
        let (series, time, value) = point(number);
        add(&mut expected, &format!("n{series:02}.{KIND}"), time, value);
    }
    check(Kind::OursPoints, &dirs[0], expected)?;
    check(Kind::SqlitePoints, &dirs[1], expected)?;

    let engine = Engine::open(&dirs[0])?;
    let store = Points::open(&engine, STORE)?;
    let sqlite = Sqlite::open(&dirs[1], Sync::Normal)?;
    compare(&query_ours(&store)?, &query_sqlite(&sqlite)?)?;
    let [ours_rates, sqlite_rates] = context.interleave([
        Side::new("Headwater", |_| rate(points, || query_ours(&store).map(drop))),
        Side::new("SQLite", |_| rate(points, || query_sqlite(&sqlite).map(drop))),
    ])?;
    engine.close()?;
    let what = "points query, 1,000,000 points, buckets of mean/min/max";
    Ok(vec![Line::ratio(ROW.name, what, "SQLite, GROUP BY", [&ours_rates, &sqlite_rates], 3.0)])
}

/// Series, time and value of a point; points come in order of time, series after series.
fn point(number: u64) -> (u64, i64, f64) {
    let time = BEGIN_NS + (number / SERIES) as i64 * STEP_NS;
    (number % SERIES, time, (mix(number) % 10_000) as f64 / 100.0)
}

fn add(digest: &mut Digest, series: &str, time: i64, value: f64) {
    let mut payload = [0; 16];
    payload[..8].copy_from_slice(&time.to_le_bytes());
    payload[8..].copy_from_slice(&value.to_bits().to_le_bytes());
    digest.add(series.as_bytes(), &payload);
}

fn fill_ours(dir: &Path, points: u64) -> Outcome<()> {
    let engine = Engine::open(dir)?;
    let config = PointsConfig { name: STORE.to_owned(), durability: Durability::Os, ..PointsConfig::default() };
    let store = Points::create(&engine, config)?;
    for from in (0..points).step_by(BATCH_RECORDS as usize) {
        let batch: Vec<Point> = (from..(from + BATCH_RECORDS).min(points))
            .map(|number| {
                let (series, time, value) = point(number);
                Point {
                    node: format!("n{series:02}"),
                    kind: KIND.to_owned(),
                    key: String::new(),
                    time,
                    value: Value::Float(value),
                    tombstone: 0,
                    origin: String::new(),
                }
            })
            .collect();
        store.write(&batch).wait()?;
    }
    Ok(engine.close()?)
}

fn fill_sqlite(dir: &Path, points: u64) -> Outcome<()> {
    let sqlite = Sqlite::create_with(dir.to_owned(), Sync::Normal, SCHEMA)?;
    let mut insert = sqlite.connection.prepare("INSERT INTO points VALUES (?1, ?2, ?3)")?;
    let transaction = sqlite.connection.unchecked_transaction()?;
    for number in 0..points {
        let (series, time, value) = point(number);
        insert.execute(params![format!("n{series:02}.{KIND}"), time, value])?;
    }
    transaction.commit()?;
    drop(insert);
    sqlite.close()
}

fn query_ours(store: &Points) -> Outcome<Vec<Bucket>> {
    Ok(store.query(&Query {
        filters: vec![">".to_owned()],
        every: EVERY,
        aggregates: vec![Aggregate::Mean, Aggregate::Min, Aggregate::Max],
        ..Query::default()
    })?)
}

fn query_sqlite(sqlite: &Sqlite) -> Outcome<Vec<Bucket>> {
    let mut select = sqlite.connection.prepare_cached(SELECT)?;
    let buckets = select.query_map([EVERY.as_nanos() as i64], |row| {
        let values = vec![row.get(2)?, row.get(3)?, row.get(4)?];
        Ok(Bucket { series: row.get(0)?, start: row.get(1)?, values })
    })?;
    Ok(buckets.collect::<Result<_, _>>()?)
}

/// Fails unless both sides answer the same: least and most to the bit, means up to the order of adding.
fn compare(ours: &[Bucket], theirs: &[Bucket]) -> Outcome<()> {
    if ours.len() != theirs.len() {
        return Err(format!("{} buckets against SQLite's {}", ours.len(), theirs.len()).into());
    }
    for (a, b) in ours.iter().zip(theirs) {
        let close = match (a.values.first(), b.values.first()) {
            (Some(Some(x)), Some(Some(y))) => (x - y).abs() <= 1e-9 * y.abs().max(1.0),
            _ => false,
        };
        if (&a.series, a.start) != (&b.series, b.start) || !close || a.values.get(1..) != b.values.get(1..) {
            return Err(format!("{a:?} against SQLite's {b:?}").into());
        }
    }
    Ok(())
}

/// What our point store in a directory holds.
pub(crate) fn digest_ours(dir: &Path) -> Outcome<Digest> {
    let engine = Engine::open(dir)?;
    let store = Points::open(&engine, STORE)?;
    let mut digest = Digest::default();
    let mut after = 0;
    loop {
        let (points, next) = store.range(">", None, None, after, BATCH_RECORDS as usize)?;
        for point in &points {
            let Value::Float(value) = point.value else {
                return Err(format!("{point:?} is not the float that was written").into());
            };
            add(&mut digest, &format!("{}.{}", point.node, point.kind), point.time, value);
        }
        if points.is_empty() {
            break;
        }
        after = next;
    }
    engine.close()?;
    Ok(digest)
}

/// What the table of points in a directory holds.
pub(crate) fn digest_sqlite(dir: &Path) -> Outcome<Digest> {
    let sqlite = Sqlite::open(dir, Sync::Normal)?;
    let mut digest = Digest::default();
    let mut select = sqlite.connection.prepare("SELECT series, time, value FROM points")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        add(&mut digest, row.get_ref(0)?.as_str()?, row.get(1)?, row.get(2)?);
    }
    Ok(digest)
}

//! A point store: temperatures of two rooms go in, aggregates come out, and a live query follows what changes.

use std::time::Duration;

use headwater::points::{Aggregate, Point, Points, PointsConfig, Query, Value};
use headwater::{Engine, Error, ErrorKind, Result};

const HOUR: i64 = 3_600_000_000_000;
/// 1 March 2026, in nanoseconds since the epoch.
const DAY: i64 = 1_772_323_200_000_000_000;
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let engine = Engine::temporary()?;
    let climate = Points::create(&engine, PointsConfig { name: "climate".to_owned(), ..PointsConfig::default() })?;
    write_day(&climate)?;

    let rows = climate.query(&Query {
        filters: vec!["*.temperature".to_owned()],
        from: Some(DAY),
        to: Some(DAY + 24 * HOUR),
        every: Duration::from_secs(6 * 3600),
        aggregates: vec![Aggregate::Min, Aggregate::Mean, Aggregate::Max],
    })?;
    for row in &rows {
        let hour = (row.start - DAY) / HOUR;
        let values: Vec<String> = row.values.iter().map(|v| v.map_or("-".to_owned(), |v| format!("{v:.2}"))).collect();
        println!("{:<20} {hour:02}:00  min, mean, max: {}", row.series, values.join(", "));
    }
    if rows.len() != 8 {
        return Err(Error::new(ErrorKind::Internal, format!("8 rows were expected, {} came", rows.len())));
    }
    follow(&climate)?;
    engine.close()
}

/// The live query: the winning point of each series first, then every new one.
fn follow(climate: &Points) -> Result<()> {
    let watcher = climate.watch("*.temperature")?;
    let writer = climate.clone();
    let written = std::thread::spawn(move || writer.write(&[temperature("kitchen", DAY + 24 * HOUR, 23.5)]).wait());
    loop {
        for point in watcher.next(100).wait_timeout(TIMEOUT)? {
            println!("live: {} at hour {} is {:?}", point.node, (point.time - DAY) / HOUR, point.value);
            if point.node == "kitchen" && point.time == DAY + 24 * HOUR {
                written.join().map_err(|_| Error::new(ErrorKind::Internal, "the writer panicked"))??;
                return Ok(());
            }
        }
    }
}

fn write_day(climate: &Points) -> Result<()> {
    let rooms = [("kitchen", 20.0), ("cellar", 12.0)];
    let hours = (0..24).flat_map(|hour| rooms.map(|(room, base)| (hour, room, base)));
    let points: Vec<Point> =
        hours.map(|(hour, room, base)| temperature(room, DAY + hour * HOUR, base + hour as f64 / 10.0)).collect();
    climate.write(&points).wait().map(drop)
}

fn temperature(room: &str, time: i64, degrees: f64) -> Point {
    Point {
        node: room.to_owned(),
        kind: "temperature".to_owned(),
        key: String::new(),
        time,
        value: Value::Float(degrees),
        tombstone: 0,
        origin: String::new(),
    }
}

//! What was measured, as a table or as JSON.

use serde::Serialize;

use super::measure::Row;
use crate::failure::Done;
use crate::place::Place;
use crate::units::show_count;

#[derive(Serialize)]
struct RowLine<'a> {
    what: &'static str,
    records: u64,
    bytes: u64,
    seconds: f64,
    records_per_second: f64,
    megabytes_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

pub(super) fn rows(place: &Place, rows: &[Row]) -> Done {
    let mut out = place.output();
    if out.is_json() {
        for row in rows {
            let line = RowLine {
                what: row.what,
                records: row.records,
                bytes: row.bytes,
                seconds: row.took.as_secs_f64(),
                records_per_second: row.records_per_second(),
                megabytes_per_second: row.megabytes_per_second(),
                p50_us: row.latency_us(50),
                p99_us: row.latency_us(99),
                refused: row.refused.as_deref(),
            };
            out.either(&line, String::new)?;
        }
        return out.flush();
    }
    let cells = |row: &Row| match &row.refused {
        Some(why) => {
            [row.what.to_owned(), format!("refused: {why}"), String::new(), String::new(), String::new(), String::new()]
        }
        None => [
            row.what.to_owned(),
            show_count(row.records),
            show_count(row.records_per_second() as u64),
            format!("{:.1}", row.megabytes_per_second()),
            time(row.latency_us(50)),
            time(row.latency_us(99)),
        ],
    };
    let table: Vec<[String; 6]> = rows.iter().map(cells).collect();
    out.table(["WHAT", "RECORDS", "RECORDS/S", "MB/S", "P50", "P99"], &table)?;
    out.flush()
}

/// Microseconds as people read them.
fn time(us: f64) -> String {
    if us < 10_000.0 { format!("{us:.0} us") } else { format!("{:.1} ms", us / 1e3) }
}

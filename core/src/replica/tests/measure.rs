//! What it costs: `cargo test --release --features replica --lib replica::tests::measure -- --ignored --nocapture`.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement looks at the clock, and tells")]

use std::time::Instant;

use rusqlite::Connection;

use crate::hybrid::stamp_ms;
use crate::replica::apply::Applied;
use crate::replica::capture::TIME_SQL;
use crate::replica::change::Unit;
use crate::replica::cut::Outgoing;
use crate::replica::{Options, Replica};

use super::world::Dir;

const T: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b REAL, c INTEGER)";
const ROUNDS: usize = 5;

fn file(dir: &Dir, name: &str) -> Connection {
    let conn = dir.open(name);
    conn.execute_batch(&format!("PRAGMA synchronous = NORMAL; {T}")).unwrap();
    conn
}

fn replica(conn: Connection, node: u64) -> Replica {
    conn.execute_batch("PRAGMA synchronous = NORMAL").unwrap();
    let options = Options { unit_changes_max: 500, time_sql: TIME_SQL.to_owned(), ..Options::default() };
    let mut replica = Replica::open(conn, node, options).unwrap();
    while replica.walk(1000).unwrap() {}
    replica
}

/// Rows a second, with so many in each transaction.
fn insert(conn: &Connection, rows: usize, in_one: usize, sql: &str) -> f64 {
    let from: i64 = conn.query_row("SELECT coalesce(max(id), 0) + 1 FROM t", (), |row| row.get(0)).unwrap();
    let start = Instant::now();
    let mut insert = conn.prepare(sql).unwrap();
    for n in 0..rows {
        if in_one > 1 && n % in_one == 0 {
            conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        let id = from + n as i64;
        insert.execute((id, "a title of a song", n as f64 * 0.5, n as i64)).unwrap();
        if in_one > 1 && (n + 1) % in_one == 0 {
            conn.execute_batch("COMMIT").unwrap();
        }
    }
    rows as f64 / start.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

const INSERT: &str = "INSERT INTO t VALUES (?1, ?2, ?3, ?4)";
const UPSERT: &str = "INSERT INTO t VALUES (?1, ?2, ?3, ?4) \
                      ON CONFLICT(id) DO UPDATE SET a = excluded.a, b = excluded.b, c = excluded.c";

#[test]
#[ignore = "a measurement"]
fn capture() {
    for (what, rows, in_one) in [("1000 rows a transaction", 100_000, 1000), ("single rows", 20_000, 1)] {
        let (mut bare, mut logged) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let dir = Dir::new();
            bare.push(insert(&file(&dir, "bare"), rows, in_one, INSERT));
            let app = file(&dir, "logged");
            drop(replica(dir.open("logged"), 1));
            logged.push(insert(&app, rows, in_one, INSERT));
        }
        let (bare, logged) = (median(bare), median(logged));
        println!("capture, {what}: {bare:.0} rows/s bare, {logged:.0} logged, {:.2} x", bare / logged);
    }
}

#[test]
#[ignore = "a measurement"]
fn cut_and_apply() {
    const ROWS: usize = 100_000;
    let mut rates: [Vec<f64>; 6] = Default::default();
    for _ in 0..ROUNDS {
        let dir = Dir::new();
        rates[0].push(insert(&file(&dir, "plain"), ROWS, 500, UPSERT));
        let app = file(&dir, "from");
        let mut from = replica(dir.open("from"), 1);
        file(&dir, "to");
        let mut to = replica(dir.open("to"), 2);
        for update in 0..2 {
            if update == 0 {
                insert(&app, ROWS, 1000, INSERT);
            } else {
                app.execute("UPDATE t SET a = a || 'x', b = b + 1, c = c + 1", ()).unwrap();
            }
            let start = Instant::now();
            while from.is_pending().unwrap() {
                from.cut().unwrap();
            }
            rates[1 + update].push(ROWS as f64 / start.elapsed().as_secs_f64());
            let units = from.outbox(usize::MAX >> 1).unwrap();
            from.sent(units.last().unwrap().place).unwrap();
            let start = Instant::now();
            for Outgoing { unit, .. } in &units {
                // Now is whenever the last write was.
                let unit = Unit::decode(unit).unwrap();
                assert_eq!(to.apply(&unit, stamp_ms(unit.time_max())).unwrap(), Applied::Done);
            }
            rates[3 + update].push(ROWS as f64 / start.elapsed().as_secs_f64());
            let bytes: usize = units.iter().map(|out| out.unit.len()).sum();
            println!("{} units, {:.1} bytes a row", units.len(), bytes as f64 / ROWS as f64);
        }
        rates[5].push(insert(&file(&dir, "plain again"), ROWS, 500, UPSERT));
    }
    let [plain, cut, cut_again, apply, apply_again, plain_again] = rates.map(median);
    println!("plain upserts of 500 rows: {plain:.0} and {plain_again:.0} rows/s");
    println!("cut: {cut:.0} rows/s inserted, {cut_again:.0} updated");
    println!("apply: {apply:.0} rows/s inserted ({:.2}), {apply_again:.0} updated", apply / plain);
}

//! What capture costs the application that writes: rows in transactions of a thousand, and one by one; beside the same
//! without it, and beside triggers that copy values.

use std::path::{Path, PathBuf};

use headwater::Engine;
use headwater::replica::DatabaseConfig;
use rusqlite::Connection;

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples, Side, rate};
use crate::peers::changelog;
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row =
    Row { name: "replica_capture", about: "inserts into a captured file: bare, triggers that copy values", run };

const ROWS: u64 = 200_000;
const SINGLE: u64 = 20_000;
/// Rows of the side whose triggers copy values: rates are compared.
const COPIED: u64 = 20_000;

/// Who captures.
#[derive(Clone, Copy)]
enum By {
    Nobody,
    Ours,
    Copies,
    /// A trigger that does nothing: what any capture by triggers costs at the least.
    Idle,
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (rows, single, copied) = (context.scaled(ROWS), context.turns(SINGLE), context.scaled(COPIED));
    let dir = context.fresh("files");
    std::fs::create_dir_all(&dir)?;
    let [bare, idle, ours, copies, bare_single, ours_single, copies_single] = context.interleave([
        Side::new("bare, 1000 a transaction", |_| insert(&dir, By::Nobody, rows, 1000)),
        Side::new("a trigger that does nothing, 1000 a transaction", |_| insert(&dir, By::Idle, rows, 1000)),
        Side::new("captured, 1000 a transaction", |_| insert(&dir, By::Ours, rows, 1000)),
        Side::new("copied, 1000 a transaction", |_| insert(&dir, By::Copies, copied, 1000)),
        Side::new("bare, one by one", |_| insert(&dir, By::Nobody, single, 1)),
        Side::new("captured, one by one", |_| insert(&dir, By::Ours, single, 1)),
        Side::new("copied, one by one", |_| insert(&dir, By::Copies, single, 1)),
    ])?;
    let line =
        |what: &str, against: &str, rates: [&Samples; 2], goal| Line::ratio(ROW.name, what, against, rates, goal);
    let copying = "triggers that copy values";
    let floor = crate::report::median(&idle) / crate::report::median(&bare);
    let beside_bare = format!("bare (with a trigger that does nothing: {floor:.2} x)");
    // A cost of 1.7 times is a rate of 1 / 1.7.
    Ok(vec![
        line("captured inserts, 1000 a transaction", &beside_bare, [&ours, &bare], 1.0 / 1.7),
        line("captured inserts, one by one", "bare", [&ours_single, &bare_single], 1.0 / 1.8),
        line("captured inserts, 1000 a transaction", copying, [&ours, &copies], 30.0),
        line("captured inserts, one by one", copying, [&ours_single, &copies_single], 1.0),
        Line::skipped(ROW.name, "captured inserts", "cr-sqlite: its packages hold no built extension"),
    ])
}

/// Rows a second into a new file.
fn insert(dir: &Path, by: By, rows: u64, at_once: u64) -> Outcome<f64> {
    let path = dir.join("t.db");
    let connection = changelog::file(&path)?;
    match by {
        By::Nobody => {}
        By::Copies => changelog::install(&connection)?,
        By::Idle => connection.execute_batch("CREATE TRIGGER idle AFTER INSERT ON t BEGIN SELECT 1; END")?,
        // What is captured stays in the file until a node runs; triggers are what is measured.
        By::Ours => {
            let engine = Engine::memory()?;
            engine.attach(DatabaseConfig::new(&path)).wait()?;
            engine.close()?;
        }
    }
    let figure = rate(rows, || fill(&connection, 0..rows, at_once))?;
    let count: u64 = connection.query_row("SELECT count(*) FROM t", (), |row| row.get(0))?;
    let logged = match by {
        By::Nobody | By::Idle => count,
        By::Ours => connection.query_row("SELECT count(*) FROM _headwater_log", (), |row| row.get(0))?,
        By::Copies => connection.query_row("SELECT count(*) FROM log_global", (), |row| row.get(0))?,
    };
    if (count, logged) != (rows, rows) {
        return Err(format!("{count} rows of {rows}, {logged} of them captured").into());
    }
    connection.close().map_err(|(_, error)| error)?;
    remove(&path)?;
    Ok(figure)
}

/// Inserts the rows of these keys, so many a transaction.
pub(super) fn fill(connection: &Connection, keys: std::ops::Range<u64>, at_once: u64) -> Outcome<()> {
    let mut insert = connection.prepare_cached(changelog::INSERT)?;
    let mut from = keys.start;
    while from < keys.end {
        let to = (from + at_once).min(keys.end);
        let transaction = (at_once > 1).then(|| connection.unchecked_transaction()).transpose()?;
        for key in from..to {
            insert.execute([key as i64])?;
        }
        transaction.map(rusqlite::Transaction::commit).transpose()?;
        from = to;
    }
    Ok(())
}

/// Removes a file with what SQLite keeps beside it.
pub(super) fn remove(path: &Path) -> Outcome<()> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

//! Nodes with a SQLite file each: how fast one takes in what another wrote, alone and over a real server, how soon, and
//! in how many bytes; what an attach costs, and the memory of a node that is far behind.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headwater::replica::{Database, DatabaseConfig, SnapshotConfig};
use headwater::{Engine, HubOptions, LinkConfig, StreamConfig};
use rusqlite::Connection;

use super::Row;
use super::replica_capture::{fill, remove};
use crate::Outcome;
use crate::child;
use crate::context::{Context, Samples, Side, rate};
use crate::memory;
use crate::peers::changelog;
use crate::peers::nats::{Direct, Server};
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row = Row { name: "replica", about: "SQLite files of nodes: apply, end to end, attach", run };

const APPLIED: u64 = 200_000;
const THROUGH: u64 = 100_000;
/// Rows of the side that publishes, waits and commits for each: rates are compared.
const THROUGH_EACH: u64 = 1_000;
/// Transactions whose way to the other node is timed in a round, and how often one begins.
const SINGLE: u64 = 300;
const PAUSE: Duration = Duration::from_millis(10);
/// Copies of the Chinook tables: 1.5 million rows.
const COPIES: u64 = 100;
const BEHIND: u64 = 1_000_000;
/// Rounds of what takes long.
const ROUNDS_OF_LONG: usize = 2;
const PATIENCE: Duration = Duration::from_secs(300);
const STREAM: &str = "REPLICA_t";
const MEGABYTE: f64 = 1e6;

/// A file, the engine beside it, and the application's connection.
struct Node {
    engine: Engine,
    database: Database,
    app: Connection,
}

impl Node {
    fn new(dir: &Path, config: DatabaseConfig) -> Outcome<Node> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("t.db");
        let app = changelog::file(&path)?;
        let engine = Engine::open(dir.join("node"))?;
        let database = engine.attach(DatabaseConfig { path, name: "t".into(), ..config }).wait()?;
        Ok(Node { engine, database, app })
    }

    fn link(&self, hub: &Engine) -> Outcome<()> {
        let create = Some(Box::new(StreamConfig::default()));
        self.engine.add_link(LinkConfig { create, ..LinkConfig::new("hub", STREAM, STREAM) }, hub).wait()?;
        Ok(())
    }

    fn has(&self, rows: u64) -> Outcome<bool> {
        let count: u64 = self.app.query_row("SELECT count(*) FROM t", (), |row| row.get(0))?;
        Ok(count == rows)
    }

    /// Ends it; the file has to have so many rows, with their values.
    fn close(self, rows: u64) -> Outcome<()> {
        self.engine.close()?;
        checked(&self.app, rows)
    }
}

/// Whether a file has the rows of the first keys.
fn checked(app: &Connection, rows: u64) -> Outcome<()> {
    let sums = "SELECT count(*), coalesce(sum(c), 0), count(DISTINCT a), coalesce(sum(b), 0) FROM t";
    let found: (u64, u64, u64, f64) =
        app.query_row(sums, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let sum = rows * rows.saturating_sub(1) / 2;
    if found == (rows, sum, 1, sum as f64 * 0.5) { Ok(()) } else { Err(format!("{found:?} of {rows} rows").into()) }
}

fn until(what: &str, pause: Duration, mut holds: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let began = Instant::now();
    while !holds()? {
        if began.elapsed() > PATIENCE {
            return Err(format!("never: {what}").into());
        }
        std::thread::sleep(pause);
    }
    Ok(())
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let mut lines = apply(context)?;
    lines.extend(through(context)?);
    lines.extend(attach(context)?);
    lines.extend(weigh(context)?);
    Ok(lines)
}

/// What a hub has, joined with a file, in units of 500 rows; beside upserts of as many a transaction.
fn apply(context: &mut Context) -> Outcome<Vec<Line>> {
    let rows = context.scaled(APPLIED);
    let hub = Engine::memory()?;
    let config = || DatabaseConfig { scan_max_changes: 500, ..DatabaseConfig::default() };
    let writer = Node::new(&context.fresh("writer"), config())?;
    writer.link(&hub)?;
    fill(&writer.app, 0..rows, 500)?;
    writer.database.sync().wait()?;
    let sent = || Ok::<_, headwater::Error>(writer.engine.links()?.first().map_or(1, |link| link.lag_push));
    until("all is at the hub", Duration::from_millis(5), || Ok(sent()? == 0))?;
    let last = hub.stream(STREAM).wait()?.info().wait()?.last_seq;
    let dirs = [context.fresh("reader"), context.fresh("upserts")];
    let [ours, upserts] = context.interleave([
        Side::new("Headwater, applied", |_| {
            let reader = Node::new(&dirs[0], config())?;
            reader.database.pause().wait()?;
            reader.link(&hub)?;
            // A count of records would not do: what the hub keeps for links comes to nobody.
            let taken = || Ok::<_, headwater::Error>(reader.engine.links()?.first().map_or(0, |link| link.pulled_seq));
            until("all is here", Duration::from_millis(5), || Ok(taken()? >= last))?;
            let figure = rate(rows, || {
                reader.database.resume().wait()?;
                reader.database.sync().wait()?;
                Ok(())
            })?;
            reader.close(rows)?;
            std::fs::remove_dir_all(&dirs[0])?;
            Ok(figure)
        }),
        Side::new("upserts", |_| {
            std::fs::create_dir_all(&dirs[1])?;
            let path = dirs[1].join("t.db");
            let app = changelog::file(&path)?;
            let upsert = format!(
                "{} ON CONFLICT(id) DO UPDATE SET a = excluded.a, b = excluded.b, c = excluded.c",
                changelog::INSERT
            );
            let figure = rate(rows, || {
                let mut insert = app.prepare(&upsert)?;
                for from in (0..rows).step_by(500) {
                    let transaction = app.unchecked_transaction()?;
                    for key in from..(from + 500).min(rows) {
                        insert.execute([key as i64])?;
                    }
                    transaction.commit()?;
                }
                Ok(())
            })?;
            checked(&app, rows)?;
            drop(app);
            remove(&path)?;
            Ok(figure)
        }),
    ])?;
    writer.close(rows)?;
    Ok(vec![Line::ratio(ROW.name, "rows applied, 500 a unit", "upserts, 500 a transaction", [&ours, &upserts], 0.3)])
}

/// Two nodes and a real server: rows a second, the way of single commits, and bytes.
fn through(context: &mut Context) -> Outcome<Vec<Line>> {
    let (rows, each, single) = (context.scaled(THROUGH), context.turns(THROUGH_EACH), context.turns(SINGLE));
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let hub = Engine::connect(HubOptions::new(server.url())).wait()?;
    let (mut soon, mut bytes) = (Samples::new(), Samples::new());
    let dirs: Vec<PathBuf> = (0..2 * context.rounds).map(|n| context.fresh(&format!("node-{n}"))).collect();
    let peer_dir = context.fresh("changelog");
    let [ours, theirs] = context.interleave([
        Side::new("Headwater, end to end", |round| {
            let a = Node::new(&dirs[2 * round], DatabaseConfig::default())?;
            let b = Node::new(&dirs[2 * round + 1], DatabaseConfig::default())?;
            a.link(&hub)?;
            b.link(&hub)?;
            let figure = rate(rows, || {
                fill(&a.app, 0..rows, 1000)?;
                until("all rows are there", Duration::from_millis(1), || b.has(rows))
            })?;
            let info = hub.stream(STREAM).wait()?.info().wait()?;
            bytes.push(info.bytes as f64 / rows as f64);
            soon.push(way(&a, &b, rows..rows + single)?);
            a.close(rows + single)?;
            b.close(rows + single)?;
            direct.delete(STREAM)?;
            Ok(figure)
        }),
        Side::new("a publish, an ack and a commit per row", |_| {
            std::fs::create_dir_all(&peer_dir)?;
            let figure = seed(&direct, &peer_dir, each)?;
            std::fs::remove_dir_all(&peer_dir)?;
            Ok(figure)
        }),
    ])?;
    let event = changelog::event(1_000_000, "insert", 1_000_000, "a title of a song", 500_000.0, 1_000_000)?;
    let share: Samples = bytes.iter().map(|bytes| bytes / event.len() as f64).collect();
    let shown = [format!("{:.0} B", crate::report::median(&bytes)), format!("{} B", event.len())];
    let [ours_bytes, theirs_bytes] = shown;
    let peer = "a publish, an ack and a commit per row";
    Ok(vec![
        Line::ratio(ROW.name, "rows through a server to the other node", peer, [&ours, &theirs], 30.0),
        Line::figure(ROW.name, "commit to visible there, 99th of 100, 100/s", soon, Unit::Seconds, Goal::AtMost(0.025)),
        Line::figure(ROW.name, "bytes in the log a row of a large write", share, Unit::Times, Goal::AtMost(1.0 / 3.0))
            .beside("an event of CBOR and zstd", ours_bytes, theirs_bytes),
    ])
}

/// How long commits take to be visible at the other node: the 99th of a hundred.
fn way(from: &Node, to: &Node, keys: std::ops::Range<u64>) -> Outcome<f64> {
    let mut seen = to.app.prepare("SELECT 1 FROM t WHERE id = ?1")?;
    let mut times = Vec::new();
    for key in keys {
        let begun = Instant::now();
        fill(&from.app, key..key + 1, 1)?;
        let committed = Instant::now();
        until("a row is there", Duration::from_micros(200), || Ok(seen.exists([key as i64])?))?;
        times.push(committed.elapsed().as_secs_f64());
        std::thread::sleep(PAUSE.saturating_sub(begun.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() * 99 / 100])
}

/// The rows a second of the shape of HarmonyLite: one node publishes while the other applies.
fn seed(direct: &Direct, dir: &Path, rows: u64) -> Outcome<f64> {
    let (here, there) = (dir.join("here.db"), dir.join("there.db"));
    let app = changelog::file(&here)?;
    changelog::install(&app)?;
    let to = changelog::file(&there)?;
    direct.create("changes", &["changes.>"])?;
    let figure = rate(rows, || {
        fill(&app, 0..rows, 1000)?;
        std::thread::scope(|scope| {
            let applying = scope.spawn(|| {
                let to = changelog::open(&there).map_err(|e| e.to_string())?;
                let mut place = std::fs::File::create(dir.join("seq-map")).map_err(|e| e.to_string())?;
                let apply = move |payload: &[u8]| changelog::apply(&to, &mut place, payload);
                direct.take_each("changes", rows, apply).map_err(|e| e.to_string())
            });
            changelog::publish(&app, |payload| direct.publish_one("changes.t", payload))?;
            applying.join().map_err(|_| "the applying thread panicked")??;
            Ok(())
        })
    })?;
    checked(&to, rows)?;
    direct.delete("changes")?;
    Ok(figure)
}

/// An attach of a file of many rows, beside copying it: until writes are captured, and until a snapshot has all rows.
fn attach(context: &mut Context) -> Outcome<Vec<Line>> {
    let copies = (context.turns(COPIES)).min(COPIES);
    let dir = context.fresh("chinook");
    std::fs::create_dir_all(&dir)?;
    let whole = dir.join("whole.db");
    context.progress(&format!("writing Chinook {copies} times"));
    chinook(&whole, copies)?;
    let (mut captured, mut kept) = (Samples::new(), Samples::new());
    let mut shown = [Samples::new(), Samples::new(), Samples::new()];
    for round in 0..context.rounds.min(ROUNDS_OF_LONG) {
        context.progress(&format!("round {}: attaching it", round + 1));
        let path = dir.join("t.db");
        let begun = Instant::now();
        std::fs::copy(&whole, &path)?;
        std::fs::File::open(&path)?.sync_all()?;
        let copy = begun.elapsed().as_secs_f64();
        let engine = Engine::open(dir.join("node"))?;
        let snapshot = SnapshotConfig { store: child::text(&dir)?.to_owned(), ..SnapshotConfig::default() };
        let begun = Instant::now();
        let config = DatabaseConfig { name: "t".into(), snapshot, ..DatabaseConfig::new(&path) };
        let database = engine.attach(config).wait()?;
        let app = changelog::open(&path)?;
        app.execute("INSERT INTO Genre VALUES (999999, 'new')", ())?;
        let until_captured = begun.elapsed().as_secs_f64();
        database.snapshot().wait()?;
        let until_kept = begun.elapsed().as_secs_f64();
        engine.close()?;
        drop(app);
        for (figures, figure) in shown.iter_mut().zip([copy, until_captured, until_kept]) {
            figures.push(figure);
        }
        captured.push(until_captured / copy);
        kept.push(until_kept / copy);
        remove(&path)?;
        for left in ["node", "t"] {
            std::fs::remove_dir_all(dir.join(left))?;
        }
    }
    let [copy, until_captured, until_kept] = shown.map(|it| format!("{:.3} s", crate::report::median(&it)));
    let line = |what, rounds, most, ours| {
        Line::figure(ROW.name, what, rounds, Unit::Times, Goal::AtMost(most)).beside("a copy", ours, copy.clone())
    };
    Ok(vec![
        line("attach of Chinook x 100, until writes are captured", captured, 1.0, until_captured),
        line("attach of Chinook x 100, until in a snapshot", kept, 10.0, until_kept),
    ])
}

/// Writes the Chinook tables so many times, with other keys each time.
fn chinook(to: &Path, copies: u64) -> Outcome<()> {
    let one = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/chinook.sqlite");
    std::fs::copy(one, to)?;
    let connection = Connection::open(to)?;
    // A copy of a table refers to one of another table that may come after it.
    let fast = "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN";
    connection.execute_batch(fast)?;
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables: Vec<String> = connection.prepare(names)?.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in tables {
        let mut info = connection.prepare("SELECT name, pk > 0 FROM pragma_table_info(?1)")?;
        let columns: Vec<(String, bool)> =
            info.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let list = |of: &dyn Fn(&(String, bool)) -> String| columns.iter().map(of).collect::<Vec<_>>().join(", ");
        let into = list(&|(name, _)| format!("\"{name}\""));
        let from = list(&|(name, is_key)| format!("\"{name}\"{}", if *is_key { " + n * 100000" } else { "" }));
        connection.execute(
            &format!(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1 - 1)
                 INSERT INTO \"{table}\" ({into}) SELECT {from} FROM n CROSS JOIN \"{table}\" WHERE ?1 > 1"
            ),
            [copies as i64],
        )?;
    }
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL")?;
    Ok(())
}

/// The most memory of a node whose file has many changes that nobody took yet, and of one that takes them in.
fn weigh(context: &mut Context) -> Outcome<Vec<Line>> {
    let rows = context.scaled(BEHIND);
    let dir = context.fresh("behind");
    context.progress(&format!("writing {rows} rows that nobody takes"));
    let writer = Node::new(&dir, DatabaseConfig::default())?;
    writer.engine.close()?;
    fill(&writer.app, 0..rows, 1000)?;
    drop(writer);
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let mut peaks = [Samples::new(), Samples::new()];
    for round in 0..context.rounds.min(ROUNDS_OF_LONG) {
        context.progress(&format!("round {}: weighing nodes that are behind", round + 1));
        let copies = [context.fresh("sends"), context.fresh("takes")];
        // The file alone: a directory of an engine knows where the file was.
        std::fs::create_dir_all(&copies[0])?;
        std::fs::copy(dir.join("t.db"), copies[0].join("t.db"))?;
        Node::new(&copies[1], DatabaseConfig::default())?.engine.close()?;
        for (copy, peaks) in copies.iter().zip(&mut peaks) {
            let words = ["replica", child::text(copy)?, &server.url(), &rows.to_string()];
            peaks.push(child::ask(&words)?.number::<f64>("peak")? / MEGABYTE);
        }
        Direct::connect(&server.url())?.delete(STREAM)?;
        copies.iter().try_for_each(std::fs::remove_dir_all)?;
    }
    let [sends, takes] = peaks;
    let line = |what, peaks| Line::figure(ROW.name, what, peaks, Unit::Megabytes, Goal::AtMost(64.0));
    Ok(vec![
        line("memory of a node that sends 1,000,000 changes", sends),
        line("memory of a node that takes 1,000,000 changes", takes),
    ])
}

/// A process that goes on with a file and its node until all rows are sent or taken, and says what memory that took.
pub(crate) fn catch_up(dir: &Path, url: &str, rows: u64) -> Outcome<()> {
    let path = dir.join("t.db");
    let engine = Engine::open(dir.join("node"))?;
    let database = engine.attach(DatabaseConfig { name: "t".into(), ..DatabaseConfig::new(&path) }).wait()?;
    let hub = Engine::connect(HubOptions::new(url)).wait()?;
    let app = changelog::open(&path)?;
    let node = Node { engine, database, app };
    node.link(&hub)?;
    until("all is sent and taken", Duration::from_millis(50), || {
        let status = node.database.status().wait()?;
        let link = node.engine.links()?;
        let behind = link.iter().map(|link| link.lag_push).sum::<u64>();
        Ok(node.has(rows)? && status.pending + status.unsent + status.lag_records + behind == 0)
    })?;
    println!("peak {}", memory::peak_bytes()?);
    node.close(rows)
}

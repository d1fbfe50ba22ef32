//! The sixth chapter: a music store's SQLite file at two nodes. One is cut off while both sell and both change one
//! track; joined again, both are equal.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headwater::replica::{Connection, Database, DatabaseConfig, Value};
use headwater::{Engine, LinkConfig, StreamConfig};

use super::data::CHINOOK;
use super::stage::{Paint, Stage};
use super::until;
use crate::failure::{Done, Failure};
use crate::units::show_count;

const LINK: &str = "chinook";
const LOG: &str = "REPLICA_chinook";
const TRACK: &str = "SELECT Name, coalesce(Composer, ''), UnitPrice FROM Track WHERE TrackId = 1";
/// Everything that a node has of the track and of what was sold.
const SOLD: &str = "SELECT (SELECT count(*) FROM Invoice), Name, Composer, UnitPrice FROM Track WHERE TrackId = 1";
const ROWS: &str = "SELECT (SELECT count(*) FROM Track) + (SELECT count(*) FROM PlaylistTrack) \
                    + (SELECT count(*) FROM InvoiceLine)";

struct Shop {
    name: &'static str,
    engine: Engine,
    database: Database,
    conn: Connection,
}

/// Runs both shops in `dir`.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done {
    stage.chapter(6, "A SQLite file with two writers, and no leader")?;
    stage.command("replica attach chinook.db")?;
    let hub = Engine::memory()?;
    hub.create_stream(StreamConfig::new(LOG, ["$REPLICA.chinook.>", "$HW.REPLICA_chinook.>"])).wait()?;
    let shops = [open(dir, "east")?, open(dir, "west")?];
    let begun = Instant::now();
    shops.iter().try_for_each(|shop| link(shop, &hub))?;
    until("both shops to hear of each other", || {
        shops.iter().map(|shop| Ok(shop.database.schema().wait()?)).collect::<Done<Vec<_>>>().map(|all| {
            all.iter().all(|tables| tables.iter().all(|it| it.is_same() && it.forms.values().all(|n| n.len() == 2)))
        })
    })?;
    until("both shops to be in step", || caught_up(&shops))?;
    let status = shops[0].database.status().wait()?;
    let rows = one(&shops[0].conn, ROWS)?;
    let line = format!(
        "the Chinook music store: {} tables, {} rows and more, two nodes in {:.1} s",
        status.tables.len(),
        show_count(rows[0].parse().unwrap_or(0)),
        begun.elapsed().as_secs_f64()
    );
    let line = stage.paint(Paint::Dim, &line);
    stage.say(&line)?;
    table(stage, &shops)?;

    shops[1].engine.remove_link(LINK)?;
    write(&shops[0], "UPDATE Track SET Name = 'We Salute You', UnitPrice = 1.29 WHERE TrackId = 1")?;
    sell(&shops[0], 1_000)?;
    // A later write, so that it is the one that stays.
    std::thread::sleep(Duration::from_millis(5));
    write(&shops[1], "UPDATE Track SET Name = 'Those About To Rock', Composer = 'Young, Young' WHERE TrackId = 1")?;
    sell(&shops[1], 2_000)?;
    let line = stage.paint(Paint::Dim, "west is cut off: both sell, and both change track 1");
    stage.say(&line)?;
    table(stage, &shops)?;

    let begun = Instant::now();
    link(&shops[1], &hub)?;
    until("both shops to be equal", || {
        Ok(one(&shops[0].conn, SOLD)? == one(&shops[1].conn, SOLD)? && caught_up(&shops)?)
    })?;
    let healed = format!(
        "west is back, and equal {:.0} ms later: of two names the later one stays",
        begun.elapsed().as_secs_f64() * 1e3
    );
    let healed = stage.paint(Paint::Dim, &healed);
    stage.say(&healed)?;
    table(stage, &shops)?;
    shops.iter().try_for_each(|shop| shop.engine.close().map_err(Failure::from))
}

fn open(dir: &Path, name: &'static str) -> Done<Shop> {
    let path: PathBuf = dir.join(format!("{name}.db"));
    let at = |e| Failure::io(format_args!("write {}", path.display()), &e);
    std::fs::create_dir_all(dir).map_err(at)?;
    std::fs::write(&path, CHINOOK).map_err(at)?;
    let engine = Engine::open(dir.join(name))?;
    let config = DatabaseConfig { name: LINK.to_owned(), node_id: name.to_owned(), ..DatabaseConfig::new(path) };
    let database = engine.attach(config).wait()?;
    let conn = database.connect()?;
    Ok(Shop { name, engine, database, conn })
}

fn link(shop: &Shop, hub: &Engine) -> Done {
    Ok(shop.engine.add_link(LinkConfig::new(LINK, LOG, LOG), hub).wait()?)
}

fn write(shop: &Shop, sql: &str) -> Done {
    shop.conn.execute(sql, &[])?;
    Ok(())
}

fn sell(shop: &Shop, from: i64) -> Done {
    for number in from..from + 3 {
        let sql = "INSERT INTO Invoice(InvoiceId, CustomerId, InvoiceDate, Total) VALUES (?, 1, '2026-01-01', 0.99)";
        shop.conn.execute(sql, &[Value::Integer(number)])?;
    }
    Ok(())
}

/// The cells of the first row, as text.
fn one(conn: &Connection, sql: &str) -> Done<Vec<String>> {
    let answer = conn.execute(sql, &[])?;
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(bytes) | Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    Ok(answer.rows.first().map(|row| row.iter().map(text).collect()).unwrap_or_default())
}

fn caught_up(shops: &[Shop]) -> Done<bool> {
    let mut all = true;
    for shop in shops {
        shop.database.sync().wait()?;
        let status = shop.database.status().wait()?;
        all &= status.pending + status.unsent + status.lag_records + status.missing == 0;
    }
    Ok(all)
}

fn table(stage: &mut Stage, shops: &[Shop]) -> Done {
    for shop in shops {
        let [name, composer, price] = &one(&shop.conn, TRACK)?[..] else { continue };
        let sales = one(&shop.conn, "SELECT count(*) FROM Invoice")?.concat();
        let shop = stage.paint(Paint::Accent, shop.name);
        let short: String = composer.chars().take(16).collect();
        let name: String = name.chars().take(20).collect();
        stage.say(&format!("  {shop}  {sales} sales  track 1: {name:<20}  {short:<16}  {price}"))?;
    }
    Ok(())
}

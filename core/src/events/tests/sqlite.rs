//! Read models in SQLite files: one transaction for the effect, the position, the dead letters and the outbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::ErrorKind;
use crate::record::Append;
use crate::stream::config::StreamConfig;
use crate::stream::options::ReadOptions;

use super::super::*;
use super::{save, store};

/// A file that is gone with the test.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("headwater-model-{}-{}.db", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        File(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", "-rebuild", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

fn fold(connection: &Connection, event: &EventView<'_>) -> Folded {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)")?;
    connection.execute("INSERT INTO events VALUES (?1, ?2)", (event.seq().cast_signed(), event.event_type))?;
    if event.event_type == "bad" {
        return Err("it is bad".into());
    }
    Ok(())
}

fn model(file: &File) -> Arc<SqliteModel> {
    Arc::new(SqliteModel::open("totals", &file.0, fold).expect("a model"))
}

fn rows(model: &SqliteModel) -> Vec<(i64, String)> {
    let all = |connection: &Connection| {
        let mut found = connection.prepare("SELECT seq, type FROM events ORDER BY seq")?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    model.read(all).expect("rows")
}

fn config() -> ProjectionConfig {
    ProjectionConfig { tries: 2, pause: Duration::from_millis(1), ..ProjectionConfig::new("totals") }
}

fn catch_up(store: &EventStore, model: &Arc<SqliteModel>) -> Projection {
    let projection = store.projection(config()).wait().expect("a projection");
    projection.catch_up(model).wait().expect("caught up");
    projection
}

fn add(store: &EventStore, events: &[&str]) {
    save(store, "a", Expected::Any, events).expect("a save");
}

#[test]
fn an_event_that_fails_leaves_nothing_and_those_before_it_stay() {
    let (store, file) = (store(), File::new());
    add(&store, &["A", "B", "bad", "D"]);
    let projection = catch_up(&store, &model(&file));
    assert_eq!(projection.position(), 4);
    let model = model(&file);
    assert_eq!(rows(&model), [(1, "A".into()), (2, "B".into()), (4, "D".into())]);
    // As the file says where it stands, a new handle and a store that knows nothing of it change nothing.
    store.delete_projection("totals").wait().expect("forgotten");
    add(&store, &["E"]);
    catch_up(&store, &model);
    assert_eq!(rows(&model).last().expect("one"), &(5, "E".to_owned()));
}

#[test]
fn a_dead_letter_is_taken_in_once() {
    let (store, file) = (store(), File::new());
    add(&store, &["bad", "B"]);
    catch_up(&store, &model(&file));
    let mended = |connection: &Connection, event: &EventView<'_>| -> Folded {
        connection.execute("INSERT INTO events VALUES (?1, 'mended')", [event.seq().cast_signed()])?;
        Ok(())
    };
    let model = Arc::new(SqliteModel::open("totals", &file.0, mended).expect("a model"));
    let projection = catch_up(&store, &model);
    // The program ended when the event was in effect, and its letter was still there.
    let event = store.event_at(1).wait().expect("it");
    model.retake(&event.get(0).expect("one").expect("an event")).expect("taken in");
    assert_eq!(projection.replay(&model).wait().expect("replayed"), 1);
    assert_eq!(rows(&model), [(1, "mended".into()), (2, "B".into())]);
}

#[test]
fn two_who_run_one_model_never_take_an_event_in_twice() {
    let (store, file) = (store(), File::new());
    add(&store, &["A"]);
    let (first, second) = (model(&file), model(&file));
    catch_up(&store, &first);
    catch_up(&store, &second);
    add(&store, &["B"]);
    catch_up(&store, &second);
    let late = store.follow(&FollowOptions { after: 1, ..FollowOptions::default() }).wait().expect("a feed");
    let refused = first.take(&late.next(9).wait().expect("one")).expect_err("the position was moved");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(rows(&second).len(), 2);
}

#[test]
fn a_rebuild_takes_the_place_of_the_tables_in_one_transaction() {
    let (store, file) = (store(), File::new());
    add(&store, &["A", "bad", "C"]);
    let old = model(&file);
    let projection = catch_up(&store, &old);
    let reader = Connection::open(&file.0).expect("a reader");
    let upper = |connection: &Connection, event: &EventView<'_>| -> Folded {
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT);
                                  CREATE INDEX IF NOT EXISTS by_type ON events (type)",
        )?;
        connection
            .execute("INSERT INTO events VALUES (?1, upper(?2))", (event.seq().cast_signed(), event.event_type))?;
        Ok(())
    };
    let new = Arc::new(SqliteModel::open("totals", &file.0, upper).expect("a model"));
    let live = new.rebuild(&store, config()).wait().expect("rebuilt");
    assert_eq!(rows(&new), [(1, "A".into()), (2, "BAD".into()), (3, "C".into())]);
    assert_eq!(reader.query_row("SELECT count(*) FROM events INDEXED BY by_type", [], |row| row.get(0)), Ok(3));
    add(&store, &["d"]);
    assert_eq!(projection.catch_up(&old).wait().expect_err("it was taken over").kind(), ErrorKind::Conflict);
    live.catch_up(&new).wait().expect("it goes on");
    assert_eq!(rows(&new).last().expect("one"), &(4, "D".to_owned()));
    assert_eq!(store.projections().wait().expect("all").len(), 1);
}

fn sending(connection: &Connection, event: &EventView<'_>) -> Folded {
    let sql = "INSERT INTO headwater_outbox (seq, stream, subject, payload) VALUES (?1, 'mail', 'mail.out', ?2)";
    connection.execute(sql, (event.seq().cast_signed(), event.event_type.as_bytes()))?;
    Ok(())
}

#[test]
fn a_message_of_the_outbox_is_sent_once_whenever_the_program_ends() {
    let (store, file) = (store(), File::new());
    let engine = &store.0.engine;
    let mail = engine.create_stream(StreamConfig::new("mail", ["mail.>"])).wait().expect("a stream");
    let sent = || -> Vec<String> {
        let all = mail.read(&ReadOptions::default()).wait().expect("all");
        all.iter().map(|record| String::from_utf8_lossy(record.payload).into_owned()).collect()
    };
    add(&store, &["A", "B"]);
    let model = Arc::new(SqliteModel::open("totals", &file.0, sending).expect("a model"));
    catch_up(&store, &model);
    assert_eq!(sent(), ["A", "B"]);

    // Here the program ended when one of two messages was sent, and long ago: its id is known to nobody but the record.
    let left = |connection: &Connection| {
        connection.execute_batch(
            "INSERT INTO headwater_outbox (id, seq, stream, subject, payload, tried)
             VALUES ('c', 3, 'mail', 'mail.out', 'C', 2), ('d', 4, 'mail', 'mail.out', 'D', 2)",
        )
    };
    model.read(left).expect("rows");
    mail.append(&Append::new("mail.out", b"C").header("Headwater-Outbox", "c")).wait().expect("sent before");
    catch_up(&store, &model);
    assert_eq!(sent(), ["A", "B", "C", "D"]);

    // A rebuild writes them all again, and sends none.
    model.rebuild(&store, config()).wait().expect("rebuilt").catch_up(&model).wait().expect("caught up");
    assert_eq!(sent().len(), 4);
}

#[test]
fn a_file_that_can_not_be_written_is_no_events_fault() {
    let (store, file) = (store(), File::new());
    add(&store, &["A"]);
    let blocked = |_: &Connection, _: &EventView<'_>| -> Folded {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        Err(rusqlite::Error::SqliteFailure(code, None).into())
    };
    let model = Arc::new(SqliteModel::open("totals", &file.0, blocked).expect("a model"));
    let projection = store.projection(config()).wait().expect("a projection");
    let error = projection.catch_up(&model).wait().expect_err("the disk is full");
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(store.dead_letters("totals", 0, 9).wait().expect("letters").is_empty());
}

//! SQLite files that replicate. `lib/database.js` is the other side.
//!
//! What works on the file in the call, or asks who does, is a job: it must not hold up the event loop.

use headwater::replica::{Database, refuse_opened};
use headwater::{Engine, Pending};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{CheckDescription, DatabaseDescription, DatabaseOptions, SchemaDescription, SnapshotDescription};
use crate::connection::Session;
use crate::error::Result;
use crate::handles::Held;
use crate::jobs;

/// Makes a SQLite file replicate.
#[napi(catch_unwind)]
pub fn engine_attach_database(env: Env, engine: u32, options: DatabaseOptions) -> Result<Raw> {
    let config = options.into_core()?;
    of_engine(env, engine, move |engine| {
        refuse_opened(&config.path)?;
        engine.attach(config).wait().map(Answer::handle)
    })
}

/// The attached file of this name.
#[napi(catch_unwind)]
pub fn engine_database(env: Env, engine: u32, name: String) -> Result<Raw> {
    of_engine(env, engine, move |engine| engine.database(&name).wait().map(Answer::handle))
}

/// How each attached file stands.
#[napi(catch_unwind)]
pub fn engine_databases(env: Env, engine: u32) -> Result<Raw> {
    of_engine(env, engine, |engine| engine.databases().wait().map(values::<_, DatabaseDescription>))
}

fn of_engine(
    env: Env,
    engine: u32,
    work: impl FnOnce(&Engine) -> headwater::Result<Answer> + Send + 'static,
) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        let engine = engine.clone();
        jobs::run(env, hub, move || work(&engine))
    })
}

/// Values that are told as `D`.
fn values<T, D>(all: Vec<T>) -> Answer
where
    D: From<T> + napi::bindgen_prelude::ToNapiValue + Send + 'static,
{
    Answer::value(all.into_iter().map(D::from).collect::<Vec<_>>())
}

/// Asks what is answered in the call.
fn job(env: Env, database: u32, work: impl FnOnce(&Database) -> Pending<Answer> + Send + 'static) -> Result<Raw> {
    Database::with(database, |database, hub| {
        let database = database.clone();
        jobs::run(env, hub, move || work(&database).wait())
    })
}

/// Begins what a thread of the engine's does.
fn begin(env: Env, database: u32, work: impl FnOnce(&Database) -> Pending<Answer>) -> Result<Raw> {
    Database::with(database, |database, hub| hub.settle(env, work(database)))
}

/// What does not change about a file.
#[napi(object, object_from_js = false)]
pub struct DatabaseNames {
    pub name: String,
    pub path: String,
    pub stream_names: Vec<String>,
}

/// Its name, where it is, and its log.
#[napi(catch_unwind)]
pub fn database_names(database: u32) -> Result<DatabaseNames> {
    Database::with(database, |database, _| {
        Ok(DatabaseNames {
            name: database.name().to_owned(),
            path: database.path().to_string_lossy().into_owned(),
            stream_names: database.stream_names(),
        })
    })
}

/// A connection to the file.
#[napi(catch_unwind)]
pub fn database_connect(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| Pending::ready(database.connect().and_then(Session::new)).map(Answer::handle))
}

/// How it stands.
#[napi(catch_unwind)]
pub fn database_status(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.status().map(|status| Answer::value(DatabaseDescription::from(status))))
}

/// Takes in, sends and joins all that is there.
#[napi(catch_unwind)]
pub fn database_sync(env: Env, database: u32) -> Result<Raw> {
    begin(env, database, |database| database.sync().map(|()| Answer::Done))
}

/// Leaves the file alone.
#[napi(catch_unwind)]
pub fn database_pause(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.pause().map(|()| Answer::Done))
}

/// Goes on.
#[napi(catch_unwind)]
pub fn database_resume(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.resume().map(|()| Answer::Done))
}

/// Lets in what is held; answers how many units.
#[napi(catch_unwind)]
pub fn database_release(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.release().map(Answer::Count))
}

/// Ends replication.
#[napi(catch_unwind)]
pub fn database_detach(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.detach().map(|()| Answer::Done))
}

/// Compares this node with all others.
#[napi(catch_unwind)]
pub fn database_check(env: Env, database: u32, repair: bool) -> Result<Raw> {
    begin(env, database, |database| database.check(repair).map(|report| Answer::value(CheckDescription::from(report))))
}

/// Who has which schema.
#[napi(catch_unwind)]
pub fn database_schema(env: Env, database: u32) -> Result<Raw> {
    job(env, database, |database| database.schema().map(values::<_, SchemaDescription>))
}

fn snapshot(info: headwater::replica::SnapshotInfo) -> Answer {
    Answer::value(SnapshotDescription::from(info))
}

/// Makes a snapshot.
#[napi(catch_unwind)]
pub fn database_snapshot(env: Env, database: u32) -> Result<Raw> {
    begin(env, database, |database| database.snapshot().map(snapshot))
}

/// The snapshots that there are.
#[napi(catch_unwind)]
pub fn database_snapshots(env: Env, database: u32) -> Result<Raw> {
    begin(env, database, |database| database.snapshots().map(values::<_, SnapshotDescription>))
}

/// Joins a snapshot with the file.
#[napi(catch_unwind)]
pub fn database_restore(env: Env, database: u32, id: Option<String>) -> Result<Raw> {
    begin(env, database, |database| database.restore(id.as_deref()).map(snapshot))
}

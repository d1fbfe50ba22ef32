//! The point store: points and rows in packed form, questions, and watchers. `lib/points.js` is the other side.

use std::time::Duration;

use headwater::points::{Aggregate, Point, PointWatcher, Points, Query, Row, Value};
use headwater::{Durability, Engine};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::PointsOptions;
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::jobs;
use crate::pack::{Reader, Writer};
use crate::values::{i64_of, millis, u64_of};

const FLOAT: u32 = 0;
const INT: u32 = 1;
const TEXT: u32 = 2;
const JSON: u32 = 3;

fn unpack(bytes: &[u8], count: u32) -> Result<Vec<Point>> {
    let mut reader = Reader::new(bytes);
    (0..count).map(|_| unpack_one(&mut reader)).collect()
}

fn unpack_one(reader: &mut Reader<'_>) -> Result<Point> {
    Ok(Point {
        time: reader.i64()?,
        tombstone: reader.u32()?,
        value: match reader.u32()? {
            FLOAT => Value::Float(reader.f64()?),
            INT => Value::Int(reader.i64()?),
            TEXT => Value::Text(reader.text()?.to_owned()),
            JSON => Value::Json(reader.text()?.to_owned()),
            other => return Err(invalid(format!("a packed value has the unknown type {other}"))),
        },
        node: reader.text()?.to_owned(),
        kind: reader.text()?.to_owned(),
        key: reader.text()?.to_owned(),
        origin: reader.text()?.to_owned(),
    })
}

fn pack(points: &[Point], next: u64) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(points.len() as u32);
    out.u64(next);
    for point in points {
        out.i64(point.time);
        out.u32(point.tombstone);
        match &point.value {
            Value::Float(value) => {
                out.u32(FLOAT);
                out.f64(*value);
            }
            Value::Int(value) => {
                out.u32(INT);
                out.i64(*value);
            }
            Value::Text(value) => {
                out.u32(TEXT);
                out.text(value);
            }
            Value::Json(value) => {
                out.u32(JSON);
                out.text(value);
            }
        }
        out.text(&point.node);
        out.text(&point.kind);
        out.text(&point.key);
        out.text(&point.origin);
    }
    out.finish()
}

fn pack_rows(rows: &[Row], width: usize) -> Vec<u8> {
    let mut out = Writer::with_capacity(rows.len() * (32 + width * 12));
    out.u32(rows.len() as u32);
    for row in rows {
        out.text(&row.series);
        out.i64(row.start);
        for value in &row.values {
            out.u32(value.is_some().into());
            out.f64(value.unwrap_or_default());
        }
    }
    out.finish()
}

/// A bound on event times that may be open.
pub(crate) fn bound(what: &str, value: Option<BigInt>) -> Result<Option<i64>> {
    value.map(|n| i64_of(what, &n)).transpose()
}

/// Opens a point store, and makes it if it is not there.
#[napi(catch_unwind)]
pub fn points_create(env: Env, engine: u32, options: PointsOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        if engine.dir().is_none() && engine.hub_state().is_err() {
            return Answer::handle(Points::create(engine, config).map_err(fault)?).into_js(env, hub);
        }
        let engine = engine.clone();
        jobs::run(env, hub, move || Points::create(&engine, config).map(Answer::handle))
    })
}

/// Opens a point store that is there.
#[napi(catch_unwind)]
pub fn points_open(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        if engine.hub_state().is_err() {
            return Answer::handle(Points::open(engine, &name).map_err(fault)?).into_js(env, hub);
        }
        let engine = engine.clone();
        jobs::run(env, hub, move || Points::open(&engine, &name).map(Answer::handle))
    })
}

/// Does `work` in the call where the records are local; else it waits for a hub, and is a job.
fn ask(env: Env, points: u32, work: impl FnOnce(&Points) -> headwater::Result<Answer> + Send + 'static) -> Result<Raw> {
    Points::with(points, |points, hub| {
        // A local stream never says this of itself.
        if points.stream().config().durability != Durability::Unknown {
            return work(points).map_err(fault)?.into_js(env, hub);
        }
        let points = points.clone();
        jobs::run(env, hub, move || work(&points))
    })
}

/// The stream below.
#[napi(catch_unwind)]
pub fn points_stream(points: u32) -> Result<u32> {
    Points::with(points, |points, hub| Ok(points.stream().clone().hold(hub)))
}

/// Writes packed points, all or nothing.
#[napi(catch_unwind)]
pub fn points_write(env: Env, points: u32, packed: &[u8], count: u32) -> Result<Raw> {
    let list = unpack(packed, count)?;
    Points::with(points, |points, hub| hub.settle(env, points.write(&list).map(Answer::Ack)))
}

/// The winning point of each series, packed.
#[napi(catch_unwind)]
pub fn points_latest(env: Env, points: u32, filter: String, deleted: bool) -> Result<Raw> {
    ask(env, points, move |points| Ok(Answer::Bytes(pack(&points.latest(&filter, deleted)?, 0))))
}

/// Points by event time, packed, with the sequence to go on from.
#[napi(catch_unwind)]
pub fn points_range(
    env: Env,
    points: u32,
    filter: String,
    from: Option<BigInt>,
    to: Option<BigInt>,
    after: BigInt,
    max: u32,
) -> Result<Raw> {
    let (from, to, after) = (bound("from", from)?, bound("to", to)?, u64_of("after", &after)?);
    ask(env, points, move |points| {
        let (list, next) = points.range(&filter, from, to, after, max as usize)?;
        Ok(Answer::Bytes(pack(&list, next)))
    })
}

/// Aggregates in buckets, packed; a job, since it may go over millions of points.
#[napi(catch_unwind)]
pub fn points_query(
    env: Env,
    points: u32,
    filters: Vec<String>,
    from: Option<BigInt>,
    to: Option<BigInt>,
    every_ms: Option<f64>,
    aggregates: Vec<String>,
) -> Result<Raw> {
    let query = Query {
        filters,
        from: bound("from", from)?,
        to: bound("to", to)?,
        every: every_ms.map_or(Ok(Duration::ZERO), |ms| millis("everyMs", ms))?,
        aggregates: aggregates.iter().map(|n| Aggregate::parse(n).map_err(fault)).collect::<Result<_>>()?,
    };
    Points::with(points, |points, hub| {
        let points = points.clone();
        jobs::run(env, hub, move || Ok(Answer::Bytes(pack_rows(&points.query(&query)?, query.aggregates.len()))))
    })
}

/// The winning point of each series first, then every new one.
#[napi(catch_unwind)]
pub fn points_watch(env: Env, points: u32, filter: String) -> Result<Raw> {
    ask(env, points, move |points| points.watch(&filter).map(Answer::handle))
}

/// Waits for points, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn point_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    PointWatcher::with(watcher, |watcher, hub| {
        hub.settle(env, watcher.next(max as usize).map(|points| Answer::Bytes(pack(&points, 0))))
    })
}

/// Takes up to `max` points that are there, packed.
#[napi(catch_unwind)]
pub fn point_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    PointWatcher::with(watcher, |watcher, hub| {
        Answer::Bytes(pack(&watcher.try_next(max as usize).map_err(fault)?, 0)).into_js(env, hub)
    })
}

/// How many records limits removed before this watcher came to read them.
#[napi(catch_unwind)]
pub fn point_watcher_missed(watcher: u32) -> Result<u64> {
    PointWatcher::with(watcher, |watcher, _| Ok(watcher.missed()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn point_watcher_close(watcher: u32) -> Result<()> {
    PointWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

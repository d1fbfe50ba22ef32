//! The engine: opening, its streams and buckets by name, what it reports, and sharing it between workers.
//!
//! Calls that touch the directory run as jobs; on an engine in memory they are done in the call.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater::{Engine, EngineOptions, Error, ErrorKind, LogLine, NodeUse, Pending, StreamInfo};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{BucketOptions, StreamDescription, StreamOptions};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::hub::{Hub, hub};
use crate::jobs;
use crate::pack::Writer;
use crate::signal::lock;
use crate::values::u64_of;

/// How an engine is opened.
#[napi(object, object_to_js = false)]
pub struct OpenOptions {
    pub read_only: Option<bool>,
    pub create: Option<bool>,
    pub cache_bytes: Option<BigInt>,
    pub node: Option<String>,
}

impl OpenOptions {
    fn into_core(self) -> Result<EngineOptions> {
        let defaults = EngineOptions::default();
        Ok(EngineOptions {
            read_only: self.read_only.unwrap_or(defaults.read_only),
            create: self.create.unwrap_or(defaults.create),
            node: self.node.map_or(Ok(defaults.node), |name| NodeUse::parse(&name).map_err(fault))?,
            cache_bytes: self.cache_bytes.map_or(Ok(defaults.cache_bytes), |b| u64_of("cacheBytes", &b))?,
            ..defaults
        })
    }
}

/// Begins `work` in the call, where it touches no disk; else it is a job, in which it blocks.
pub(crate) fn perform(
    env: Env,
    hub: &Rc<Hub>,
    engine: &Engine,
    work: impl FnOnce(&Engine) -> Pending<Answer> + Send + 'static,
) -> Result<Raw> {
    if engine.dir().is_none() {
        return hub.settle(env, work(engine));
    }
    let engine = engine.clone();
    jobs::run(env, hub, move || work(&engine).wait())
}

/// Opens a directory.
#[napi(catch_unwind)]
pub fn engine_open(env: Env, hub_number: u32, dir: String, options: OpenOptions) -> Result<Raw> {
    let options = options.into_core()?;
    jobs::run(env, &hub(hub_number)?, move || Engine::open_with(dir, options).map(Answer::handle))
}

/// Opens a directory, and waits for it.
#[napi(catch_unwind)]
pub fn engine_open_sync(hub_number: u32, dir: String, options: OpenOptions) -> Result<u32> {
    Ok(Engine::open_with(dir, options.into_core()?).map_err(fault)?.hold(&hub(hub_number)?))
}

/// Opens what a configuration file says.
#[napi(catch_unwind)]
pub fn engine_open_config(env: Env, hub_number: u32, path: String) -> Result<Raw> {
    jobs::run(env, &hub(hub_number)?, move || {
        let config = headwater::Config::load(path, &|name| std::env::var(name).ok())?;
        config.refuse_opened()?;
        Engine::open_config(&config).map(Answer::handle)
    })
}

/// An engine in memory.
#[napi(catch_unwind)]
pub fn engine_memory(hub_number: u32) -> Result<u32> {
    Ok(Engine::memory().map_err(fault)?.hold(&hub(hub_number)?))
}

/// An engine in a temporary directory.
#[napi(catch_unwind)]
pub fn engine_temporary(hub_number: u32) -> Result<u32> {
    Ok(Engine::temporary().map_err(fault)?.hold(&hub(hub_number)?))
}

/// What does not change about an engine.
#[napi(object, object_from_js = false)]
pub struct EngineDescription {
    pub dir: Option<String>,
    pub id: u64,
    pub epoch: u64,
    pub is_through_node: bool,
}

/// Where it is, its id and epoch, and whether a node is in between.
#[napi(catch_unwind)]
pub fn engine_describe(engine: u32) -> Result<EngineDescription> {
    Engine::with(engine, |engine, _| {
        Ok(EngineDescription {
            dir: engine.dir().map(|d| d.to_string_lossy().into_owned()),
            id: engine.id(),
            epoch: engine.epoch(),
            is_through_node: engine.is_through_node(),
        })
    })
}

/// Engines that other threads of this process may attach to, by the key that was given out; close takes them away.
static SHARED: Mutex<BTreeMap<u64, Engine>> = Mutex::new(BTreeMap::new());
static LAST_KEY: AtomicU64 = AtomicU64::new(0);

/// Lets other threads attach to the engine until it is closed; returns the key.
#[napi(catch_unwind)]
pub fn engine_share(engine: u32) -> Result<u64> {
    Engine::with(engine, |engine, _| {
        let key = LAST_KEY.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&SHARED).insert(key, engine.clone());
        Ok(key)
    })
}

/// The engine that another thread shared under this key.
#[napi(catch_unwind)]
pub fn engine_attach(hub_number: u32, key: BigInt) -> Result<u32> {
    let key = u64_of("the key", &key)?;
    let engine = lock(&SHARED).get(&key).cloned();
    let missing = || Error::new(ErrorKind::NotFound, format!("no engine is shared under key {key}, or it was closed"));
    Ok(engine.ok_or_else(|| fault(missing()))?.hold(&hub(hub_number)?))
}

/// Syncs and closes everything; `key` is the one that it is shared under.
#[napi(catch_unwind)]
pub fn engine_close(env: Env, engine: u32, key: Option<BigInt>) -> Result<Raw> {
    unshare(key)?;
    Engine::with(engine, |engine, hub| {
        // Even in memory it may have a mesh to say good-bye to.
        let engine = engine.clone();
        jobs::run(env, hub, move || engine.close().map(|()| Answer::Done))
    })
}

/// Syncs and closes everything, and waits for it.
#[napi(catch_unwind)]
pub fn engine_close_sync(engine: u32, key: Option<BigInt>) -> Result<()> {
    unshare(key)?;
    Engine::with(engine, |engine, _| engine.close().map_err(fault))
}

fn unshare(key: Option<BigInt>) -> Result<()> {
    if let Some(key) = key {
        let taken = lock(&SHARED).remove(&u64_of("the key", &key)?);
        drop(taken);
    }
    Ok(())
}

/// Makes a stream.
#[napi(catch_unwind)]
pub fn engine_create_stream(env: Env, engine: u32, options: StreamOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.create_stream(config).map(Answer::handle))
    })
}

/// Changes a stream.
#[napi(catch_unwind)]
pub fn engine_update_stream(env: Env, engine: u32, options: StreamOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.update_stream(config).map(Answer::handle))
    })
}

/// The stream of this name.
#[napi(catch_unwind)]
pub fn engine_stream(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.stream(&name).map(Answer::handle)))
}

/// Removes a stream.
#[napi(catch_unwind)]
pub fn engine_delete_stream(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.delete_stream(&name).map(|()| Answer::Done))
    })
}

/// All streams.
#[napi(catch_unwind)]
pub fn engine_streams(env: Env, engine: u32) -> Result<Raw> {
    let describe =
        |infos: Vec<StreamInfo>| Answer::value(infos.into_iter().map(StreamDescription::from).collect::<Vec<_>>());
    Engine::with(engine, |engine, hub| hub.settle(env, engine.streams().map(describe)))
}

/// Makes a bucket.
#[napi(catch_unwind)]
pub fn engine_create_bucket(env: Env, engine: u32, options: BucketOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.create_bucket(config).map(Answer::handle))
    })
}

/// The bucket of this name.
#[napi(catch_unwind)]
pub fn engine_bucket(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.bucket(&name).map(Answer::handle)))
}

/// Removes a bucket.
#[napi(catch_unwind)]
pub fn engine_delete_bucket(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.delete_bucket(&name).map(|()| Answer::Done))
    })
}

/// All buckets.
#[napi(catch_unwind)]
pub fn engine_buckets(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.buckets().map(Answer::value)))
}

/// What the engine has done and holds, packed.
#[napi(catch_unwind)]
pub fn engine_metrics(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        let metrics = engine.metrics().map_err(fault)?;
        let mut out = Writer::default();
        out.u32(metrics.len() as u32);
        for metric in &metrics {
            out.text(metric.name);
            out.f64(metric.value);
            out.u32(metric.counter.into());
            out.u32(metric.labels.len() as u32);
            for (name, value) in &metric.labels {
                out.text(name);
                out.text(value);
            }
        }
        Answer::Bytes(out.finish()).into_js(env, hub)
    })
}

fn pack_logs(lines: &[LogLine]) -> Answer {
    let mut out = Writer::default();
    out.u32(lines.len() as u32);
    for line in lines {
        out.u64(line.time);
        out.text(line.level);
        out.text(&line.message);
    }
    Answer::Bytes(out.finish())
}

/// Up to `max` lines of the log, packed.
#[napi(catch_unwind)]
pub fn engine_logs(env: Env, engine: u32, max: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| pack_logs(&engine.logs(max as usize)).into_js(env, hub))
}

/// Waits for lines of the log, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn engine_next_logs(env: Env, engine: u32, max: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.next_logs(max as usize).map(|lines| pack_logs(&lines))))
}

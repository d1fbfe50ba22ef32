//! Live entities: asked, told, and found. `entity_turn.rs` has how they are handled, `lib/entities.js` is the other
//! side.
//!
//! The calls that wake others of the same thread hush its signal, and JavaScript looks at what is ready by itself then:
//! a request that is asked and handled in one thread costs no turn of the event loop.

use std::time::Duration;

use headwater::Engine;
use headwater::entities::{
    ClusterNode, Entities, EntityId, EntityInfo, EntityState, RequestOptions, owner_of, shard_of,
};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::EntitiesOptions;
use crate::engine::perform;
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::pack::Writer;
use crate::values::{Text, millis};

/// A request that may wait for no time at all has to be told from one with the time of core.
const TIMEOUT_MIN: Duration = Duration::from_nanos(1);
/// The most bytes of a kind or a key.
const NAME_BYTES_MAX: usize = 128;

/// Begins to keep live entities.
#[napi(catch_unwind)]
pub fn engine_entities(env: Env, engine: u32, options: EntitiesOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.entities(config).map(Answer::handle))
    })
}

/// The token that JavaScript has in two halves, as no number of its own holds it.
pub(crate) fn token_of(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// How long an answer is waited for; zero is what core does by itself.
pub(crate) fn patience(timeout_ms: Option<f64>) -> Result<Duration> {
    let timeout = timeout_ms.map(|ms| millis("timeoutMs", ms)).transpose()?;
    Ok(timeout.map_or(Duration::ZERO, |timeout| timeout.max(TIMEOUT_MIN)))
}

/// Asks an entity, for an item of a turn where that is not negative.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments, reason = "a hot call: an object of options would cost more than the call")]
pub fn entities_request(
    env: Env,
    entities: u32,
    kind: Text,
    key: Text,
    name: Text,
    payload: &[u8],
    timeout_ms: Option<f64>,
    low: u32,
    high: u32,
    item: i32,
) -> Result<Raw> {
    let timeout = patience(timeout_ms)?;
    let within = u32::try_from(item).ok().map(|item| (token_of(low, high), item));
    Entities::with(entities, |entities, hub| {
        hub.hush();
        let to = EntityId::new(kind.as_str(), key.as_str());
        let asked = entities.request(to, name.as_str(), payload, RequestOptions { timeout, within });
        hub.settle(env, asked.map(Answer::Bytes))
    })
}

/// Tells an entity something.
#[napi(catch_unwind)]
pub fn entities_notify(env: Env, entities: u32, kind: Text, key: Text, name: Text, payload: &[u8]) -> Result<Raw> {
    Entities::with(entities, |entities, hub| {
        hub.hush();
        let to = EntityId::new(kind.as_str(), key.as_str());
        hub.settle(env, entities.notify(to, name.as_str(), payload).map(|()| Answer::Done))
    })
}

/// For tests: hands out nothing of an entity.
#[napi(catch_unwind)]
pub fn entities_pause(entities: u32, kind: String, key: String) -> Result<()> {
    Entities::with(entities, |entities, _| entities.pause(EntityId::new(&kind, &key)).map_err(fault))
}

/// For tests: hands out one item of it.
#[napi(catch_unwind)]
pub fn entities_step(entities: u32, kind: String, key: String) -> Result<()> {
    Entities::with(entities, |entities, _| entities.step(EntityId::new(&kind, &key)).map_err(fault))
}

/// For tests: ends a pause.
#[napi(catch_unwind)]
pub fn entities_resume(entities: u32, kind: String, key: String) -> Result<()> {
    Entities::with(entities, |entities, _| entities.resume(EntityId::new(&kind, &key)).map_err(fault))
}

/// How many handlers are alive.
#[napi(catch_unwind)]
pub fn entities_active(entities: u32) -> Result<f64> {
    Entities::with(entities, |entities, _| Ok(entities.active() as f64))
}

fn state_name(state: EntityState) -> &'static str {
    match state {
        EntityState::Idle => "idle",
        EntityState::Ready => "ready",
        EntityState::Running => "running",
        EntityState::Resting => "resting",
        EntityState::Paused => "paused",
    }
}

/// Entities as a list shows them, packed.
pub(crate) fn infos(all: &[EntityInfo]) -> Answer {
    let mut out = Writer::default();
    out.u32(all.len() as u32);
    for it in all {
        out.text(&it.kind);
        out.text(&it.key);
        out.u32(it.shard);
        out.text(&it.node);
        out.text(state_name(it.state));
        out.f64(it.waiting as f64);
    }
    Answer::Bytes(out.finish())
}

/// Nodes of a cluster, packed.
pub(crate) fn nodes(all: &[ClusterNode]) -> Answer {
    let mut out = Writer::default();
    out.u32(all.len() as u32);
    for node in all {
        out.text(&node.name);
        out.u32(node.is_alive.into());
        out.u32(node.weight);
        out.f64(node.shards as f64);
    }
    Answer::Bytes(out.finish())
}

/// Which entities are there, packed.
#[napi(catch_unwind)]
pub fn entities_list(env: Env, entities: u32, kind: String) -> Result<Raw> {
    Entities::with(entities, |entities, hub| hub.settle(env, entities.list(&kind).map(|all| infos(&all))))
}

/// The nodes of the cluster, packed.
#[napi(catch_unwind)]
pub fn entities_nodes(env: Env, entities: u32) -> Result<Raw> {
    Entities::with(entities, |entities, hub| nodes(&entities.nodes()).into_js(env, hub))
}

/// Where an entity is.
#[napi(object, object_from_js = false)]
pub struct PlaceDescription {
    pub node: Option<String>,
    pub shard: u32,
    pub epoch: Option<u64>,
}

/// Where an entity is.
#[napi(catch_unwind)]
pub fn entities_where(entities: u32, kind: String, key: String) -> Result<PlaceDescription> {
    Entities::with(entities, |entities, _| {
        let id = EntityId::new(&kind, &key);
        let (node, shard, epoch) = (entities.where_is(id), entities.shard_of(id), entities.epoch_of(id));
        Ok(PlaceDescription { node, shard, epoch })
    })
}

/// Leaves the cluster in good order.
#[napi(catch_unwind)]
pub fn entities_leave(env: Env, entities: u32) -> Result<Raw> {
    Entities::with(entities, |entities, hub| hub.settle(env, entities.leave().map(|()| Answer::Done)))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn entities_close(entities: u32) -> Result<()> {
    Entities::with(entities, |entities, _| {
        entities.close();
        Ok(())
    })
}

/// The shard of an entity where keys are spread over so many.
#[napi(js_name = "shardOf", catch_unwind)]
pub fn shard_of_entity(kind: String, key: String, shards: u32) -> Result<u32> {
    for (what, name) in [("kind", &kind), ("key", &key)] {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let bytes = name.len();
            return Err(invalid(format!("the {what} of an entity is {bytes} bytes: it has 1 to {NAME_BYTES_MAX}")));
        }
    }
    Ok(shard_of(&kind, &key, shards))
}

/// Which of these nodes a shard belongs on.
#[napi(catch_unwind)]
pub fn shard_owner(shard: u32, names: Vec<String>, weights: Vec<u32>) -> Option<String> {
    let nodes: Vec<_> = names.iter().map(String::as_str).zip(weights).collect();
    owner_of(shard, &nodes).map(str::to_owned)
}

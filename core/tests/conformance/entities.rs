//! Operations on live entities, and the counter that is handled for them.

use std::collections::HashMap;
use std::time::Duration;

use headwater::entities::{
    ClusterConfig, Context, Entities, EntitiesConfig, Entity, EntityId, EntityTypes, Message, RequestOptions, owner_of,
    shard_of,
};
use headwater::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::values::put_bytes;

/// Entities by the name that `as` gave them.
pub(crate) type Named = HashMap<String, Entities>;

impl World {
    /// An operation on entities, or on what keys and shards are anywhere.
    pub(crate) fn entities(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "shard_of" => {
                let (kind, key, shards) = (args.text("kind"), args.text("key"), args.number("shards"));
                EntityId::new(&kind, &key).check()?;
                return Ok(json!(shard_of(&kind, &key, u32::try_from(shards).unwrap())));
            }
            "shard_owner" => {
                let nodes: Vec<(String, u32)> = args.option("nodes").unwrap();
                let nodes: Vec<(&str, u32)> = nodes.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
                return Ok(json!(owner_of(u32::try_from(args.number("shard")).unwrap(), &nodes)));
            }
            "entities" => {
                let (to, mut given) = (args.text("as"), args.object("config"));
                let config = config(&mut given);
                assert!(given.0.is_empty(), "unknown fields of entities: {:?}", given.0);
                let opened = self.engine.entities(config).wait()?;
                let server = opened.serve(EntityTypes::new().with::<Counter>());
                std::thread::spawn(move || server.run().wait());
                self.entities.insert(to, opened);
                return Ok(Value::Null);
            }
            _ => {}
        }
        let entities = self.entities[&args.text("entities")].clone();
        match op {
            "close" => {
                entities.close();
                return Ok(Value::Null);
            }
            "entities_active" => return Ok(json!(entities.active())),
            "entity_nodes" => return Ok(serde_json::to_value(entities.nodes()).unwrap()),
            "entities_list" => {
                let list = entities.list(&args.text("kind")).wait()?;
                let shown = |info| {
                    let mut shown = serde_json::to_value(info).unwrap();
                    none_if_empty(&mut shown["node"]);
                    shown
                };
                return Ok(list.iter().map(shown).collect());
            }
            _ => {}
        }
        let (kind, key) = (args.text("kind"), args.text("key"));
        let id = EntityId::new(&kind, &key);
        match op {
            "entity_request" => {
                let timeout = Duration::from_millis(args.or("timeout_ms", 0));
                let options = RequestOptions { timeout, ..RequestOptions::default() };
                let answer = entities.request(id, &args.text("name"), &args.bytes("payload"), options).wait()?;
                let mut out = json!({});
                put_bytes(&mut out, "payload", &answer);
                Ok(out)
            }
            "entity_notify" => {
                let told = entities.notify(id, &args.text("name"), &args.bytes("payload")).wait();
                told.map(|()| Value::Null)
            }
            "entity_pause" => entities.pause(id).map(|()| Value::Null),
            "entity_step" => entities.step(id).map(|()| Value::Null),
            "entity_resume" => entities.resume(id).map(|()| Value::Null),
            "entity_where" => {
                let epoch = entities.epoch_of(id);
                let node = entities.where_is(id);
                Ok(json!({"node": node, "shard": entities.shard_of(id), "epoch": epoch, "is_here": epoch.is_some()}))
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

fn none_if_empty(text: &mut Value) {
    if text == "" {
        *text = Value::Null;
    }
}

fn config(args: &mut Args) -> EntitiesConfig {
    let default = EntitiesConfig::default();
    let mut time = |name: &str, default| args.option(name).map_or(default, Duration::from_millis);
    let (idle, lease, ttl) = (time("idle_ms", default.idle), time("lease_ms", default.lease), time("ttl_ms", TTL));
    let cluster = args.option::<String>("cluster").map(|name| {
        let node = ClusterConfig::new(name, args.text("node"));
        ClusterConfig { weight: args.or("weight", node.weight), ttl, mesh: args.or("mesh", false), ..node }
    });
    EntitiesConfig {
        shards: args.or("shards", default.shards),
        mailbox: args.or("mailbox", default.mailbox),
        active: args.or("active", default.active),
        memory: args.or("memory", default.memory),
        attempts: args.or("attempts", default.attempts),
        tasks: args.or("tasks", default.tasks),
        idle,
        lease,
        cluster,
    }
}

const TTL: Duration = Duration::from_secs(10);

/// As the README beside the vectors has it.
struct Counter(u64);

fn number(payload: &[u8]) -> u64 {
    let text = std::str::from_utf8(payload).unwrap();
    if text.is_empty() { 1 } else { text.parse().unwrap() }
}

impl Entity for Counter {
    const KIND: &'static str = "counter";

    async fn start(context: &Context) -> Result<Self> {
        if context.key().starts_with("none") {
            return Err(Error::new(ErrorKind::NotFound, "there is no such counter"));
        }
        Ok(Counter(0))
    }

    async fn handle(&mut self, message: Message<'_>, context: &Context) -> Result<Vec<u8>> {
        let ask = |name: &'static str, payload: &str| {
            let to = std::str::from_utf8(message.payload).unwrap();
            context.request(EntityId::new("counter", to), name, payload.as_bytes())
        };
        match message.name {
            "add" | "worked" => {
                self.0 += number(message.payload);
                Ok(if message.name == "add" { self.0.to_string().into_bytes() } else { Vec::new() })
            }
            "get" => Ok(self.0.to_string().into_bytes()),
            "echo" => Ok(message.payload.to_vec()),
            "fail" => Err(Error::new(ErrorKind::Conflict, String::from_utf8_lossy(message.payload))),
            "break" => panic!("as it was told"),
            "ask" => ask("get", "").await,
            "ask_back" => ask("ask", context.key()).await,
            "set_timer" => {
                let after = Duration::from_millis(number(message.payload));
                context.set_timer("tick", after, Duration::ZERO).map(|()| Vec::new())
            }
            "cancel_timer" => context.cancel_timer("tick").map(|was| was.to_string().into_bytes()),
            "work" => {
                let payload = message.payload.to_vec();
                context.spawn("worked", async move { payload }).map(|()| Vec::new())
            }
            other => panic!("a counter knows no '{other}'"),
        }
    }

    async fn timer(&mut self, _: &str, _: &Context) -> Result<()> {
        self.0 += 1_000;
        Ok(())
    }
}

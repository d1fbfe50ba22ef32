//! Operations on presence stores, each at a node of its own: an engine in memory whose time the vector moves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use headwater::presence::{HeldSession, Presence, PresenceConfig, Purge, SessionSet, Status, UserView, WatchOptions};
use headwater::{Engine, EngineOptions, ManualClock, Result};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;

/// When each of them begins: 2026-01-01T00:00:00Z, in nanoseconds.
const BEGIN: u64 = 1_767_225_600_000_000_000;

/// The most that time moves on between two looks.
const STEP_MS: u64 = 10_000;

/// One name of a vector.
struct Node {
    engine: Engine,
    clock: ManualClock,
    presence: Option<Presence>,
}

/// What the steps on presence stores have named.
#[derive(Default)]
pub(crate) struct Presences {
    nodes: HashMap<String, Node>,
    held: HashMap<String, HeldSession>,
}

fn config(mut from: Args) -> PresenceConfig {
    let default = PresenceConfig::default();
    let mut duration = |name: &str, default| from.duration(name).unwrap_or(default);
    let config = PresenceConfig {
        ttl: duration("ttl", default.ttl),
        heartbeat: duration("heartbeat", default.heartbeat),
        grace: duration("grace", default.grace),
        idle: duration("idle", default.idle),
        keep: duration("keep", default.keep),
        beat: duration("beat", default.beat),
        silence: duration("silence", default.silence),
        counts_every: duration("counts_every", default.counts_every),
        name: from.or("name", default.name),
        node: from.or("node", default.node),
        history: from.or("history", default.history),
        cold_users: from.or("cold_users", default.cold_users),
        announce_max: from.or("announce_max", default.announce_max),
        durability: default.durability,
    };
    assert!(from.0.is_empty(), "unknown fields of a presence store: {:?}", from.0);
    config
}

fn status(args: &mut Args) -> Result<Option<Status>> {
    args.option::<String>("status").map(|name| name.parse()).transpose()
}

fn set_of(args: &mut Args) -> Result<SessionSet> {
    let default = SessionSet::default();
    Ok(SessionSet {
        session: args.or("session", default.session),
        status: status(args)?.unwrap_or(default.status),
        message: args.option("message"),
        device: args.option("device"),
        meta: args.option::<Value>("meta").map(|meta| meta.to_string()),
        ttl: args.duration("ttl"),
        idle: args.duration("idle"),
    })
}

fn user_of(view: Arc<UserView>) -> Value {
    view.to_json()
}

impl Node {
    fn new() -> Node {
        let clock = ManualClock::new(BEGIN, BEGIN);
        let options = EngineOptions { clock: Arc::new(clock.clone()), worker: false, ..EngineOptions::default() };
        Node { engine: Engine::memory_with(options).unwrap(), clock, presence: None }
    }

    /// In steps that are no longer than what passes between two looks, or at once, as where a machine slept.
    fn advance(&self, ms: u64, at_once: bool) {
        let mut left = ms;
        while left > 0 {
            let step = if at_once { left } else { left.min(STEP_MS) };
            self.clock.advance(Duration::from_millis(step));
            self.engine.step();
            left -= step;
        }
    }
}

impl World {
    pub(crate) fn presence(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "presence_open" {
            let name = args.text("as");
            let config =
                args.option("config").map_or_else(|| config(Args(serde_json::Map::new())), |c| config(Args(c)));
            let node = self.presences.nodes.entry(name).or_insert_with(Node::new);
            node.presence = None;
            node.presence = Some(node.engine.presence(config)?);
            return Ok(Value::Null);
        }
        if let Some(name) = args.option::<String>("held") {
            let held = &self.presences.held[&name];
            return match op {
                "presence_update" => {
                    let set = set_of(args)?;
                    held.update(|session| *session = set).wait().map(user_of)
                }
                "presence_active" => held.active().wait().map(|()| Value::Null),
                "presence_release" => held.leave().wait().map(|()| Value::Null),
                _ => panic!("a held session has no '{op}'"),
            };
        }
        let name = args.text("presence");
        let node = &self.presences.nodes[&name];
        let presence = node.presence.clone().unwrap();
        let mut text = |name: &str| args.text(name);
        match op {
            "presence_advance" => {
                node.advance(args.number("ms"), args.or("at_once", false));
                Ok(Value::Null)
            }
            "presence_set" => presence.set(&text("space"), &text("user"), set_of(args)?).wait().map(user_of),
            "presence_hold" => {
                let name = text("as");
                let held = presence.hold(&text("space"), &text("user"), set_of(args)?).wait()?;
                self.presences.held.insert(name, held);
                Ok(Value::Null)
            }
            "presence_heartbeat" => {
                let (space, user, session) = (text("space"), text("user"), args.or("session", "default".to_owned()));
                let lease = presence.heartbeat(&space, &user, &session, args.or("active", false)).wait()?;
                Ok(json!({"expires_ms": lease.expires_ms, "ttl_ms": lease.ttl_ms}))
            }
            "presence_leave" => {
                let (space, user, session) = (text("space"), text("user"), args.or("session", "default".to_owned()));
                presence.leave(&space, &user, &session).wait().map(user_of)
            }
            "presence_choose" => {
                let (space, user, status) = (text("space"), text("user"), status(args)?);
                presence.choose(&space, &user, status, args.duration("how_long")).wait().map(user_of)
            }
            "presence_hide" => presence.hide(&text("space"), &text("user"), args.or("on", true)).wait().map(user_of),
            "presence_get" => presence.get(&text("space"), &text("user")).wait().map(user_of),
            "presence_get_many" => {
                let (space, users) = (text("space"), args.or("users", Vec::<String>::new()));
                let users: Vec<_> = users.iter().map(String::as_str).collect();
                Ok(presence.get_many(&space, &users).wait()?.to_json())
            }
            "presence_list" => Ok(presence.list(&text("space")).wait()?.to_json()),
            "presence_counts" => Ok(presence.counts(&text("space")).wait()?.to_json()),
            "presence_spaces" => {
                Ok(presence.spaces().wait()?.into_iter().map(|(name, counts)| (name, counts.to_json())).collect())
            }
            "presence_purge" => {
                let purge = Purge { space: args.option("space"), user: args.option("user"), node: args.option("node") };
                presence.purge(purge).wait().map(Value::from)
            }
            "presence_status" => Ok(presence.status().wait()?.to_json()),
            "presence_close" => {
                presence.close();
                Ok(Value::Null)
            }
            "presence_watch" => {
                let options = WatchOptions {
                    space: text("space"),
                    users: args.or("users", Vec::new()),
                    after: args.option("after"),
                    reveal: args.or("reveal", false),
                };
                let name = args.text("as");
                self.watchers.insert(name, Watch::Presence(presence.watch(options)?));
                Ok(Value::Null)
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

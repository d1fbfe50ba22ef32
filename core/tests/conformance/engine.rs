//! One engine and what the steps on it have named; and which file knows an operation.

use std::collections::HashMap;
use std::time::Duration;

use headwater::crdt::{CrdtStore, Replica};
use headwater::events::Projection;
use headwater::subject::{decode_token, encode_token};
use headwater::{Engine, EngineOptions, LocalServer, NodeUse, Result, Subscription};
use serde_json::{Value, json};

use crate::args::Args;
use crate::sources::{TIMEOUT_MS, Watch};
use crate::values::config;

pub(crate) struct World {
    pub(crate) engine: Engine,
    /// The node behind it, and the engine behind that.
    pub(crate) node: Option<(LocalServer, Engine)>,
    pub(crate) subscriptions: HashMap<String, Subscription>,
    pub(crate) watchers: HashMap<String, Watch>,
    pub(crate) projections: HashMap<String, Projection>,
    pub(crate) entities: crate::entities::Named,
    pub(crate) stores: HashMap<String, CrdtStore>,
    pub(crate) replicas: HashMap<String, Replica>,
    /// Of replicas, by the name that `as` gave them.
    pub(crate) fragments: HashMap<String, Vec<u8>>,
    pub(crate) presences: crate::presence::Presences,
    #[cfg(feature = "replica")]
    pub(crate) databases: Option<crate::databases::Databases>,
}

impl World {
    /// On an engine of its own.
    pub(crate) fn new(engine: Engine) -> Self {
        World {
            engine,
            node: None,
            subscriptions: HashMap::new(),
            watchers: HashMap::new(),
            projections: HashMap::new(),
            entities: HashMap::new(),
            stores: HashMap::new(),
            replicas: HashMap::new(),
            fragments: HashMap::new(),
            presences: crate::presence::Presences::default(),
            #[cfg(feature = "replica")]
            databases: None,
        }
    }

    /// Through the node of a temporary directory.
    pub(crate) fn through_node() -> Self {
        let owner = Engine::temporary().unwrap();
        let server = LocalServer::start(&owner).unwrap();
        let options = EngineOptions { node: NodeUse::Only, ..EngineOptions::default() };
        let engine = Engine::open_with(owner.dir().unwrap(), options).unwrap();
        World { node: Some((server, owner)), ..World::new(engine) }
    }

    /// Ends all of it, the node last.
    pub(crate) fn close(self) {
        self.engine.close().unwrap();
        if let Some((server, owner)) = self.node {
            server.stop();
            owner.close().unwrap();
        }
    }

    pub(crate) fn call(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "sleep" => {
                std::thread::sleep(Duration::from_millis(args.number("ms")));
                Ok(Value::Null)
            }
            "next_logs" => {
                let timeout = Duration::from_millis(args.or("timeout_ms", TIMEOUT_MS));
                let lines = self.engine.next_logs(args.or("max", 100)).wait_timeout(timeout)?;
                Ok(lines.iter().map(|l| json!({"level": l.level, "message": l.message})).collect())
            }
            "close_engine" => self.engine.close().map(|()| Value::Null),
            "encode_token" => Ok(json!(encode_token(&args.text("text")))),
            "decode_token" => decode_token(&args.text("token")).map(|t| json!(t)),
            "close" if args.0.contains_key("entities") => self.entities(op, args),
            "take" | "try_next" | "missed" | "close" => self.source(op, args),
            "ack" | "nak" | "in_progress" | "term" | "consumer_info" => self.consumer(op, args),
            _ if op.starts_with("entit") || op.starts_with("shard_") => self.entities(op, args),
            _ if op.starts_with("points_") || op == "create_points" => self.points(op, args),
            _ if op.starts_with("crdt") => self.crdt(op, args),
            _ if op.starts_with("replica") => self.replica(op, args),
            _ if op.starts_with("events_") || op.contains("event_store") => self.events(op, args),
            _ if op.contains("projection") || op.contains("dead_letter") || op == "event_at" => {
                self.projections(op, args)
            }
            _ if op.starts_with("presence_") => self.presence(op, args),
            #[cfg(feature = "replica")]
            _ if op.starts_with("database") => self.database(op, args),
            _ if op.contains("bucket") => self.bucket(op, args),
            _ if op.contains("object") => self.object(op, args),
            "create_stream" => self.engine.create_stream(args.option("config").unwrap()).wait().map(|s| config(&s)),
            "update_stream" => self.engine.update_stream(args.option("config").unwrap()).wait().map(|s| config(&s)),
            "delete_stream" => self.engine.delete_stream(&args.text("stream")).wait().map(|()| Value::Null),
            "streams" => {
                Ok(self.engine.streams().wait()?.iter().map(|s| s.config.name.clone()).collect::<Vec<_>>().into())
            }
            _ => self.stream(op, args),
        }
    }
}

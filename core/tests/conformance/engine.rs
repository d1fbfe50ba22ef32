//! One engine and what the steps on it have named; and which file knows an operation.

use std::collections::HashMap;
use std::time::Duration;

use headwater::subject::{decode_token, encode_token};
use headwater::{Engine, Result, Subscription};
use serde_json::{Value, json};

use crate::args::Args;
use crate::sources::{TIMEOUT_MS, Watch};
use crate::values::config;

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) subscriptions: HashMap<String, Subscription>,
    pub(crate) watchers: HashMap<String, Watch>,
}

impl World {
    pub(crate) fn new(engine: Engine) -> Self {
        World { engine, subscriptions: HashMap::new(), watchers: HashMap::new() }
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
            "take" | "try_next" | "missed" | "close" => self.source(op, args),
            "ack" | "nak" | "in_progress" | "term" | "consumer_info" => self.consumer(op, args),
            _ if op.starts_with("points_") || op == "create_points" => self.points(op, args),
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

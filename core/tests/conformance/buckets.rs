//! Operations on buckets.

use headwater::{Bucket, BucketConfig, Pending, Result, WatchOptions};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::{entries, entry};

impl World {
    pub(crate) fn bucket(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "create_bucket" => {
                let mut args = args.object("config");
                let config = BucketConfig {
                    bucket: args.text("bucket"),
                    description: args.or("description", String::new()),
                    history: args.or("history", 0),
                    ttl: args.duration("ttl").unwrap_or_default(),
                    max_bytes: args.or("max_bytes", 0),
                    max_value_size: args.or("max_value_size", 0),
                    durability: args.durability(),
                };
                assert!(args.0.is_empty(), "unknown fields of a bucket: {:?}", args.0);
                return self.engine.create_bucket(config).wait().map(|_| Value::Null);
            }
            "delete_bucket" => return self.engine.delete_bucket(&args.text("bucket")).wait().map(|()| Value::Null),
            "buckets" => return self.engine.buckets().wait().map(|b| json!(b)),
            _ => {}
        }
        let name = args.text("bucket");
        let key = args.or("key", String::new());
        let value = args.bytes("value");
        let (revision, ttl) = (args.option("revision"), args.duration("ttl"));
        let filter = args.or("filter", ">".to_owned());
        let watch = WatchOptions {
            filters: args.or("filters", Vec::new()),
            include_history: args.or("include_history", false),
            updates_only: args.or("updates_only", false),
            ignore_deletes: args.or("ignore_deletes", false),
        };
        let as_name = args.option::<String>("as");
        let bucket: Bucket = self.engine.bucket(&name).wait()?;
        let number = |pending: Pending<u64>| pending.wait().map(|n| json!(n));
        match op {
            "bucket_put" => number(bucket.put(&key, &value)),
            "bucket_create" => number(bucket.create(&key, &value, ttl)),
            "bucket_update" => number(bucket.update(&key, &value, revision.unwrap())),
            "bucket_delete" => number(bucket.delete(&key, revision)),
            "bucket_purge" => number(bucket.purge(&key, revision)),
            "bucket_get" => bucket.get(&key).wait().map(|e| e.map_or(Value::Null, |e| entry(&e))),
            "bucket_get_revision" => {
                bucket.get_revision(&key, revision.unwrap()).wait().map(|e| e.map_or(Value::Null, |e| entry(&e)))
            }
            "bucket_history" => bucket.history(&key).wait().map(|e| entries(e).into()),
            "bucket_keys" => bucket.keys(&filter).wait().map(|k| json!(k)),
            "bucket_status" => bucket.status().wait().map(|s| json!({"values": s.values, "bytes": s.bytes})),
            "bucket_watch" => bucket.watch(watch).wait().map(|w| {
                self.watchers.insert(as_name.unwrap(), Watch::Bucket(w));
                Value::Null
            }),
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

//! Operations on object stores.

use std::ops::ControlFlow;

use headwater::{
    Compression, ObjectConfig, ObjectInfo, ObjectLink, ObjectOptions, ObjectUpdate, ObjectWatchOptions, Result,
};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::put_bytes;

impl World {
    pub(crate) fn object(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "create_object_store" => {
                let mut args = args.object("config");
                let config = ObjectConfig {
                    bucket: args.text("bucket"),
                    description: args.or("description", String::new()),
                    ttl: args.duration("ttl").unwrap_or_default(),
                    max_bytes: args.or("max_bytes", 0),
                    durability: args.durability(),
                    compression: args.or("compression", Compression::None),
                };
                assert!(args.0.is_empty(), "unknown fields of an object store: {:?}", args.0);
                return self.engine.create_object_store(config).wait().map(|_| Value::Null);
            }
            "delete_object_store" => {
                return self.engine.delete_object_store(&args.text("store")).wait().map(|()| Value::Null);
            }
            "object_stores" => return self.engine.object_stores().wait().map(|s| json!(s)),
            _ => {}
        }
        let (store, name) = (args.text("store"), args.or("name", String::new()));
        let bytes = args.bytes("payload");
        let (description, headers, metadata) =
            (args.option("description"), args.option("headers"), args.option("metadata"));
        let max_chunk_size = args.or("max_chunk_size", 0);
        let (new_name, as_name) = (args.option("new_name"), args.option::<String>("as"));
        let (bucket, target) = (args.or("bucket", String::new()), args.or("target", String::new()));
        let watch = ObjectWatchOptions {
            updates_only: args.or("updates_only", false),
            ignore_deletes: args.or("ignore_deletes", false),
        };
        let store = self.engine.object_store(&store).wait()?;
        match op {
            "object_store_status" => store.status().wait().map(|s| {
                json!({"description": s.config.description, "ttl": s.config.ttl.as_nanos() as u64,
                       "max_bytes": s.config.max_bytes, "bytes": s.bytes})
            }),
            "object_put" => {
                let options = ObjectOptions {
                    description: description.unwrap_or_default(),
                    headers: headers.unwrap_or_default(),
                    metadata: metadata.unwrap_or_default(),
                    max_chunk_size,
                };
                let go_on = &mut |_| ControlFlow::Continue(());
                store.put(&name, &mut &bytes[..], &options, go_on).map(|info| object(&info))
            }
            "object_get" => {
                let mut reader = store.get(&name)?;
                let mut bytes = Vec::new();
                reader.write_to(&mut bytes, &mut |_, _| ControlFlow::Continue(()))?;
                let mut result = json!({"object": object(reader.info())});
                put_bytes(&mut result, "payload", &bytes);
                Ok(result)
            }
            "object_info" => store.info(&name).wait().map(|info| info.map_or(Value::Null, |info| object(&info))),
            "object_list" => store.list().wait().map(|infos| objects(infos).into()),
            "object_update" => {
                let update = ObjectUpdate { name: new_name, description, headers, metadata };
                store.update(&name, &update).wait().map(|_| Value::Null)
            }
            "object_link" => {
                let link = ObjectLink { bucket, name: Some(target).filter(|t| !t.is_empty()) };
                store.add_link(&name, &link).wait().map(|_| Value::Null)
            }
            "object_delete" => store.delete(&name).wait().map(|()| Value::Null),
            "object_watch" => store.watch(watch).wait().map(|w| {
                self.watchers.insert(as_name.unwrap(), Watch::Objects(w));
                Value::Null
            }),
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

fn object(info: &ObjectInfo) -> Value {
    let link = info.link.as_ref().map(|link| json!({"bucket": link.bucket, "name": link.name}));
    json!({"name": info.name, "description": info.description, "headers": info.headers, "metadata": info.metadata,
           "bucket": info.bucket, "size": info.size, "chunks": info.chunks, "max_chunk_size": info.max_chunk_size,
           "digest": info.digest, "deleted": info.deleted, "link": link})
}

pub(crate) fn objects(list: Vec<ObjectInfo>) -> Vec<Value> {
    list.iter().map(object).collect()
}

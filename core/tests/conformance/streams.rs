//! Operations on streams.

use headwater::{PurgeOptions, ReadOptions, Result, Start, SubscribeOptions};
use serde_json::{Value, json};

use crate::args::{Args, OwnedAppend, batch};
use crate::consumers::consumer_config;
use crate::engine::World;
use crate::values::{ack, owned_record, records};

impl World {
    pub(crate) fn stream(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        let name = args.text("stream");
        let append = (op == "append").then(|| OwnedAppend::take(args));
        let batch = (op == "append_batch").then(|| batch(args));
        let options = (op == "read").then(|| read_options(args));
        // Taken out before the stream is looked up: a stream that is not there leaves no argument over.
        let args = &mut Args(std::mem::take(&mut args.0));
        let stream = self.engine.stream(&name).wait()?;
        let result = match op {
            "append" => stream.append(&append.unwrap().borrow()).wait().map(ack),
            "append_batch" => {
                let batch = batch.unwrap();
                stream.append_batch(&batch.iter().map(OwnedAppend::borrow).collect::<Vec<_>>()).wait().map(ack)
            }
            "read" => stream.read(&options.unwrap()).wait().map(|b| records(&b)),
            "stream_info" => stream.info().wait().map(|i| {
                json!({"records": i.records, "bytes": i.bytes, "subjects": i.subjects, "first_seq": i.first_seq,
                       "last_seq": i.last_seq, "deleted": i.deleted, "consumers": i.consumers})
            }),
            "get" => stream.get(args.number("seq")).wait().map(|r| r.map_or(Value::Null, |r| owned_record(&r))),
            "last" => stream.last(&args.text("filter")).wait().map(|r| r.map_or(Value::Null, |r| owned_record(&r))),
            "last_many" => {
                let filters: Vec<String> = args.or("filters", Vec::new());
                let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
                stream.last_many(&filters, args.or("after", 0), args.or("max", 1000)).wait().map(|b| records(&b))
            }
            "last_seq" => stream.last_seq(&args.text("filter")).wait().map(|n| json!(n)),
            "subjects" => stream
                .subjects(&args.text("filter"), &args.or("after", String::new()), args.or("max", 1000))
                .wait()
                .map(|s| json!(s)),
            "delete" => stream.delete(args.number("seq")).wait().map(|b| json!(b)),
            "purge" => {
                let options = PurgeOptions {
                    filter: args.option("filter"),
                    before_seq: args.option("before_seq"),
                    keep: args.or("keep", 0),
                };
                stream.purge(&options).wait().map(|n| json!(n))
            }
            "sync" => stream.sync().wait().map(|()| Value::Null),
            "subscribe" => {
                let options =
                    SubscribeOptions { filters: args.or("filters", Vec::new()), deliver_policy: args.deliver_policy() };
                let name = args.text("as");
                stream.subscribe(options).wait().map(|s| {
                    self.subscriptions.insert(name, s);
                    Value::Null
                })
            }
            "create_consumer" => {
                stream.create_consumer(consumer_config(args.object("config"))).wait().map(|_| Value::Null)
            }
            "delete_consumer" => stream.delete_consumer(&args.text("consumer")).wait().map(|()| Value::Null),
            "consumers" => {
                let all = stream.consumers().wait()?;
                Ok(all.into_iter().map(|c| c.config.name).collect::<Vec<_>>().into())
            }
            _ => panic!("there is no operation '{op}'"),
        };
        assert!(args.0.is_empty(), "'{op}' has unknown arguments {:?}", args.0);
        result
    }
}

fn read_options(args: &mut Args) -> ReadOptions {
    ReadOptions {
        filters: args.or("filters", Vec::new()),
        start: args.option("from_seq").map(Start::Seq),
        event_range: args.option("event_range"),
        backward: args.or("backward", false),
        max_records: args.or("max_records", 0),
        max_bytes: args.or("max_bytes", 0),
        ..ReadOptions::default()
    }
}

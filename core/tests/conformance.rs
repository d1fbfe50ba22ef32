//! Runs the vectors of `tests/conformance` through the Rust door, as the README there says.
//!
//! Knows how each operation is called and how its result is written as JSON; the expectations are in the vectors.
//! While working on one, `HEADWATER_VECTOR=bucket` runs the files whose name begins so.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use headwater::points::{
    Aggregate, ImportOptions, Point, PointWatcher, Points, PointsConfig, Query, Value as PointValue,
};
use headwater::subject::{decode_token, encode_token};
use headwater::{
    Ack, Append, Batch, Bucket, BucketConfig, Compression, ConsumerConfig, DeliverPolicy, Durability, Engine, Entry,
    Error, ErrorKind, ObjectConfig, ObjectInfo, ObjectLink, ObjectOptions, ObjectUpdate, ObjectWatchOptions,
    ObjectWatcher, Operation, Pending, PurgeOptions, ReadOptions, RecordView, Result, Rollup, Start, Stream,
    StreamConfig, SubscribeOptions, Subscription, WatchOptions, Watcher,
};
use serde_json::{Map, Value, json};

const TIMEOUT_MS: u64 = 5_000;

#[test]
fn every_vector_holds() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    let prefix = std::env::var("HEADWATER_VECTOR").unwrap_or_default();
    paths.retain(|p| {
        let name = p.file_name().unwrap().to_string_lossy();
        name.ends_with(".json") && name.starts_with(&prefix)
    });
    paths.sort();
    assert!(!paths.is_empty(), "there are no vectors");
    // Each on its own engine, so they run beside each other: some of them wait for time to pass.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = paths.iter().map(|p| scope.spawn(|| run_file(p))).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} steps failed:\n{}", failures.len(), failures.join("\n"));
}

/// Runs one file and returns a sentence for each step that failed.
fn run_file(path: &std::path::Path) -> Vec<String> {
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut world = World::new();
    let mut failures = Vec::new();
    for (index, step) in file["steps"].as_array().unwrap().iter().enumerate() {
        let mut args = Args(step.as_object().unwrap().clone());
        let op = args.text("op");
        let (want, want_error) = (args.0.remove("expect"), args.0.remove("error"));
        let within = args.0.remove("within").and_then(|v| v.as_f64()).unwrap_or(0.0);
        let got = world.call(&op, &mut args);
        assert!(args.0.is_empty(), "{}: step {index} ({op}) has unknown arguments {:?}", file["name"], args.0);
        let holds = match (&got, &want, &want_error) {
            (Ok(_), None, None) => true,
            (Ok(got), Some(want), None) => matches(want, got, within),
            (Err(got), None, Some(want)) => matches(want, &error(got), 0.0),
            _ => false,
        };
        if !holds {
            let want =
                want_error.map_or_else(|| want.map_or("success".into(), |w| w.to_string()), |e| format!("error {e}"));
            let got = got.map_or_else(|e| format!("error {} {e}", error(&e)), |v| v.to_string());
            failures.push(format!("{} step {index} ({op}): wanted {want}, got {got}", file["name"]));
        }
    }
    world.engine.close().unwrap();
    failures
}

/// Whether `got` is what `want` asks for; `within` is the fraction that numbers may differ by.
fn matches(want: &Value, got: &Value, within: f64) -> bool {
    match (want, got) {
        (Value::Object(want), got) => want.iter().all(|(k, w)| matches(w, got.get(k).unwrap_or(&Value::Null), within)),
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(w, g)| matches(w, g, within))
        }
        (Value::Number(want), Value::Number(got)) => {
            let (want, got) = (want.as_f64().unwrap(), got.as_f64().unwrap());
            (want - got).abs() <= want.abs() * within
        }
        _ => want == got,
    }
}

/// The arguments of a step; each is removed as it is read, so what is left over is unknown.
struct Args(Map<String, Value>);

impl Args {
    fn option<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).map(|v| serde_json::from_value(v).unwrap_or_else(|e| panic!("argument '{name}': {e}")))
    }

    fn or<T: serde::de::DeserializeOwned>(&mut self, name: &str, default: T) -> T {
        self.option(name).unwrap_or(default)
    }

    fn number(&mut self, name: &str) -> u64 {
        self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing"))
    }

    fn text(&mut self, name: &str) -> String {
        self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing"))
    }

    fn duration(&mut self, name: &str) -> Option<Duration> {
        self.option(name).map(Duration::from_nanos)
    }

    fn object(&mut self, name: &str) -> Args {
        Args(self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing")))
    }

    /// The bytes of `payload` or `value`, in whichever form they are given.
    fn bytes(&mut self, name: &str) -> Vec<u8> {
        if let Some(text) = self.option::<String>(name) {
            return text.into_bytes();
        }
        if let Some(text) = self.option::<String>(&format!("{name}_base64")) {
            return from_base64(&text);
        }
        vec![b'x'; self.or(&format!("{name}_size"), 0)]
    }

    fn deliver_policy(&mut self) -> DeliverPolicy {
        let start_seq = self.option("start_seq");
        match (self.or("deliver_policy", "all".to_owned()).as_str(), start_seq) {
            ("all", None) => DeliverPolicy::All,
            ("last", None) => DeliverPolicy::Last,
            ("new", None) => DeliverPolicy::New,
            ("by_start_sequence", Some(seq)) => DeliverPolicy::ByStartSequence(seq),
            ("last_per_subject", None) => DeliverPolicy::LastPerSubject,
            other => panic!("deliver policy {other:?}"),
        }
    }

    fn durability(&mut self) -> Durability {
        self.option::<String>("durability").map_or_else(Durability::default, |d| Durability::parse(&d).unwrap())
    }
}

/// What owns the strings that an [`Append`] borrows.
struct OwnedAppend {
    subject: String,
    payload: Vec<u8>,
    headers: Vec<(String, String)>,
    event_time: Option<i64>,
    ttl: Option<Duration>,
    msg_id: Option<String>,
    expect_last_seq: Option<u64>,
    expect_subject_last_seq: Option<u64>,
    expect_filter: Option<String>,
    rollup: Rollup,
}

impl OwnedAppend {
    fn take(args: &mut Args) -> Self {
        OwnedAppend {
            subject: args.text("subject"),
            payload: args.bytes("payload"),
            headers: args.or("headers", Vec::new()),
            event_time: args.option("event_time"),
            ttl: args.duration("ttl"),
            msg_id: args.option("msg_id"),
            expect_last_seq: args.option("expect_last_seq"),
            expect_subject_last_seq: args.option("expect_subject_last_seq"),
            expect_filter: args.option("expect_filter"),
            rollup: match args.option::<String>("rollup").as_deref() {
                None => Rollup::None,
                Some("subject") => Rollup::Subject,
                Some("all") => Rollup::All,
                Some(other) => panic!("rollup '{other}'"),
            },
        }
    }

    fn borrow(&self) -> Append<'_> {
        Append {
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            event_time: self.event_time,
            ttl: self.ttl,
            msg_id: self.msg_id.as_deref(),
            expect_last_seq: self.expect_last_seq,
            expect_subject_last_seq: self.expect_subject_last_seq,
            expect_filter: self.expect_filter.as_deref(),
            rollup: self.rollup,
            ..Append::new(&self.subject, &self.payload)
        }
    }
}

enum Watch {
    Bucket(Watcher),
    Objects(ObjectWatcher),
    Points(PointWatcher),
}

struct World {
    engine: Engine,
    subscriptions: HashMap<String, Subscription>,
    watchers: HashMap<String, Watch>,
}

impl World {
    fn new() -> Self {
        World { engine: Engine::memory().unwrap(), subscriptions: HashMap::new(), watchers: HashMap::new() }
    }

    fn call(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "sleep" => {
                std::thread::sleep(Duration::from_millis(args.number("ms")));
                Ok(Value::Null)
            }
            "encode_token" => Ok(json!(encode_token(&args.text("text")))),
            "decode_token" => decode_token(&args.text("token")).map(|t| json!(t)),
            "take" | "try_next" | "close" => self.source(op, args),
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

    fn stream(&mut self, op: &str, args: &mut Args) -> Result<Value> {
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

    fn consumer(&self, op: &str, args: &mut Args) -> Result<Value> {
        let (stream, name) = (args.text("stream"), args.text("consumer"));
        let (seqs, seq) = (args.option::<Vec<u64>>("seqs"), args.option::<u64>("seq"));
        let delay = args.duration("delay").unwrap_or_default();
        let consumer = self.engine.stream(&stream).wait()?.consumer(&name).wait()?;
        match op {
            "ack" => consumer.ack(&seqs.unwrap()).map(|n| json!(n)),
            "nak" => consumer.nak(seq.unwrap(), delay).map(|()| Value::Null),
            "in_progress" => consumer.in_progress(seq.unwrap()).map(|()| Value::Null),
            "term" => consumer.term(seq.unwrap()).map(|()| Value::Null),
            _ => consumer.info().wait().map(|i| {
                json!({"delivered_seq": i.delivered_seq, "ack_floor": i.ack_floor, "num_ack_pending": i.num_ack_pending,
                       "num_redelivered": i.num_redelivered, "num_pending": i.num_pending, "num_dead": i.num_dead})
            }),
        }
    }

    fn source(&self, op: &str, args: &mut Args) -> Result<Value> {
        let timeout = Duration::from_millis(args.or("timeout_ms", TIMEOUT_MS));
        let (count, max) = (args.option::<usize>("count"), args.or("max", 100));
        if let Some(name) = args.option::<String>("subscription") {
            let subscription = &self.subscriptions[&name];
            match op {
                "take" => take(count.unwrap(), timeout, |max| subscription.next(max), |b| record_list(&b)),
                "try_next" => subscription.try_next(max).map(|b| records(&b)),
                _ => {
                    subscription.close();
                    Ok(Value::Null)
                }
            }
        } else if let Some(name) = args.option::<String>("watcher") {
            match (&self.watchers[&name], op) {
                (Watch::Bucket(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), entries),
                (Watch::Bucket(w), "try_next") => w.try_next(max).map(|e| entries(e).into()),
                (Watch::Bucket(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Objects(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), objects),
                (Watch::Objects(w), "try_next") => w.try_next(max).map(|o| objects(o).into()),
                (Watch::Objects(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Points(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), points),
                (Watch::Points(w), "try_next") => w.try_next(max).map(|p| points(p).into()),
                (Watch::Points(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
            }
        } else {
            let consumer = self.engine.stream(&args.text("stream")).wait()?.consumer(&args.text("consumer")).wait()?;
            match op {
                "take" => take(count.unwrap(), timeout, |max| consumer.next(max), |b| record_list(&b)),
                "try_next" => consumer.try_next(max).map(|b| records(&b)),
                _ => panic!("a consumer is not closed"),
            }
        }
    }

    fn bucket(&mut self, op: &str, args: &mut Args) -> Result<Value> {
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

    fn object(&mut self, op: &str, args: &mut Args) -> Result<Value> {
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

    fn points(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "create_points" {
            let mut args = args.object("config");
            let config = PointsConfig {
                name: args.text("name"),
                durability: args.durability(),
                max_age: args.duration("max_age").unwrap_or_default(),
                max_points_per_series: args.or("max_points_per_series", 0),
            };
            assert!(args.0.is_empty(), "unknown fields of a point store: {:?}", args.0);
            return Points::create(&self.engine, config).map(|_| Value::Null);
        }
        let store = Points::open(&self.engine, &args.text("points"))?;
        let (from, to) = (args.option("from"), args.option("to"));
        match op {
            "points_write" => {
                let list: Vec<Map<String, Value>> = args.or("list", Vec::new());
                store.write(&list.into_iter().map(|p| point_argument(Args(p))).collect::<Vec<_>>()).wait().map(ack)
            }
            "points_latest" => store.latest(&args.text("filter"), args.or("deleted", false)).map(|p| points(p).into()),
            "points_range" => store
                .range(&args.text("filter"), from, to, args.or("after", 0), args.or("max", 1000))
                .map(|(list, next)| json!({"points": points(list), "next": next})),
            "points_query" => {
                let names: Vec<String> = args.or("aggregates", Vec::new());
                let query = Query {
                    filters: args.or("filters", Vec::new()),
                    from,
                    to,
                    every: args.duration("every").unwrap_or_default(),
                    aggregates: names.iter().map(|n| Aggregate::parse(n)).collect::<Result<_>>()?,
                };
                let rows = store.query(&query)?;
                Ok(rows.iter().map(|r| json!({"series": r.series, "start": r.start, "values": r.values})).collect())
            }
            "points_import" => {
                let options = ImportOptions {
                    time: args.text("time"),
                    node: args.or("node", String::new()),
                    node_column: args.or("node_column", String::new()),
                    columns: args.or("columns", Vec::new()),
                };
                let text = args.text("text");
                let mut bytes = text.as_bytes();
                let report = match args.text("format").as_str() {
                    "csv" => store.import_csv(&mut bytes, &options, &mut |_| ControlFlow::Continue(())),
                    _ => store.import_jsonl(&mut bytes, &options, &mut |_| ControlFlow::Continue(())),
                }?;
                Ok(json!({"lines": report.lines, "points": report.points, "resumed": report.resumed,
                          "rejected_count": report.rejected_count, "rejected": report.rejected}))
            }
            "points_export" => {
                let (filter, mut text) = (args.text("filter"), Vec::new());
                let count = match args.text("format").as_str() {
                    "csv" => store.export_csv(&mut text, &filter, from, to, &mut |_| ControlFlow::Continue(())),
                    _ => store.export_jsonl(&mut text, &filter, from, to, &mut |_| ControlFlow::Continue(())),
                }?;
                Ok(json!({"count": count, "text": String::from_utf8(text).unwrap()}))
            }
            "points_watch" => {
                let watcher = store.watch(&args.text("filter"))?;
                self.watchers.insert(args.text("as"), Watch::Points(watcher));
                Ok(Value::Null)
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

/// Waits until `count` items came, taking no more than that.
fn take<T>(
    count: usize,
    timeout: Duration,
    next: impl Fn(usize) -> Pending<T>,
    items: impl Fn(T) -> Vec<Value>,
) -> Result<Value> {
    let deadline = Instant::now() + timeout;
    let mut all = Vec::new();
    while all.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        all.extend(items(next(count - all.len()).wait_timeout(left)?));
    }
    Ok(all.into())
}

fn batch(args: &mut Args) -> Vec<OwnedAppend> {
    let list: Vec<Map<String, Value>> = args.or("records", Vec::new());
    let repeat: usize = args.or("repeat", 1);
    let once = || {
        list.iter().map(|record| {
            let mut args = Args(record.clone());
            let append = OwnedAppend::take(&mut args);
            assert!(args.0.is_empty(), "unknown fields of a record: {:?}", args.0);
            append
        })
    };
    (0..repeat).flat_map(|_| once()).collect()
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

fn consumer_config(mut args: Args) -> ConsumerConfig {
    let deliver_policy = args.deliver_policy();
    ConsumerConfig { deliver_policy, ..serde_json::from_value(Value::Object(args.0)).unwrap() }
}

fn point_argument(mut args: Args) -> Point {
    let value = args.object("value").0;
    let point = Point {
        node: args.text("node"),
        kind: args.text("kind"),
        key: args.or("key", String::new()),
        time: args.option("time").unwrap(),
        value: match value.iter().next().unwrap() {
            (form, v) if form == "float" => PointValue::Float(v.as_f64().unwrap()),
            (form, v) if form == "int" => PointValue::Int(v.as_i64().unwrap()),
            (form, v) if form == "text" => PointValue::Text(v.as_str().unwrap().to_owned()),
            (_, v) => PointValue::Json(v.as_str().unwrap().to_owned()),
        },
        tombstone: args.or("tombstone", 0),
        origin: args.or("origin", String::new()),
    };
    assert!(args.0.is_empty(), "unknown fields of a point: {:?}", args.0);
    point
}

fn error(error: &Error) -> Value {
    debug_assert!(ErrorKind::ALL.contains(&error.kind()));
    json!({"kind": error.kind().name(), "expected": error.expected(), "actual": error.actual()})
}

fn config(stream: &Stream) -> Value {
    serde_json::to_value::<StreamConfig>(stream.config()).unwrap()
}

fn ack(ack: Ack) -> Value {
    json!({"seq": ack.seq, "count": ack.count, "duplicate": ack.duplicate, "durability": ack.durability.name()})
}

fn record(record: RecordView<'_>) -> Value {
    let headers: Vec<_> = record.headers().collect();
    let mut out = json!({"seq": record.seq, "subject": record.subject, "headers": headers,
                         "event_time": record.event_time, "delivered": record.delivered});
    put_bytes(&mut out, "payload", record.payload);
    out
}

fn owned_record(record: &headwater::Record) -> Value {
    let mut out = json!({"seq": record.seq, "subject": record.subject, "headers": record.headers,
                         "event_time": record.event_time, "delivered": 0});
    put_bytes(&mut out, "payload", &record.payload);
    out
}

fn record_list(batch: &Batch) -> Vec<Value> {
    batch.iter().map(record).collect()
}

fn records(batch: &Batch) -> Value {
    record_list(batch).into()
}

fn entry(entry: &Entry) -> Value {
    let operation = match entry.operation {
        Operation::Put => "put",
        Operation::Delete => "delete",
        Operation::Purge => "purge",
    };
    let mut out = json!({"key": entry.key, "revision": entry.revision, "operation": operation});
    put_bytes(&mut out, "value", &entry.value);
    out
}

fn entries(list: Vec<Entry>) -> Vec<Value> {
    list.iter().map(entry).collect()
}

fn object(info: &ObjectInfo) -> Value {
    let link = info.link.as_ref().map(|link| json!({"bucket": link.bucket, "name": link.name}));
    json!({"name": info.name, "description": info.description, "headers": info.headers, "metadata": info.metadata,
           "bucket": info.bucket, "size": info.size, "chunks": info.chunks, "max_chunk_size": info.max_chunk_size,
           "digest": info.digest, "deleted": info.deleted, "link": link})
}

fn objects(list: Vec<ObjectInfo>) -> Vec<Value> {
    list.iter().map(object).collect()
}

fn points(list: Vec<Point>) -> Vec<Value> {
    let value = |value: &PointValue| match value {
        PointValue::Float(v) => json!({"float": v}),
        PointValue::Int(v) => json!({"int": v}),
        PointValue::Text(v) => json!({"text": v}),
        PointValue::Json(v) => json!({"json": v}),
    };
    list.iter()
        .map(|p| {
            json!({"node": p.node, "kind": p.kind, "key": p.key, "time": p.time, "value": value(&p.value),
                   "tombstone": p.tombstone, "origin": p.origin})
        })
        .collect()
}

/// Sets `name` to the bytes as text, or `<name>_base64` where they are not UTF-8.
fn put_bytes(object: &mut Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object[name] = json!(text),
        Err(_) => object[format!("{name}_base64")] = json!(to_base64(bytes)),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| word << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn from_base64(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        text.bytes().filter(|b| *b != b'=').map(|b| BASE64.iter().position(|d| *d == b).unwrap() as u32).collect();
    let mut out = Vec::new();
    for chunk in digits.chunks(4) {
        let word = (0..4).fold(0, |word, i| word << 6 | chunk.get(i).copied().unwrap_or(0));
        out.extend((0..chunk.len() - 1).map(|i| (word >> (16 - 8 * i)) as u8));
    }
    out
}

//! An engine of another kind: every operation of it has to wait, and nothing above notices.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::points::{Point, Points, PointsConfig, Value};
use crate::record::{Ack, Append, Batch, Record};
use crate::stream::bucket::{BucketConfig, Entry, WatchOptions};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::{ConsumerOps, EngineOps, StreamOps, SubscriptionOps};
use crate::stream::object::{OBJECT_CHUNK_BYTES, ObjectConfig, ObjectOptions, ObjectUpdate, ObjectWatchOptions};
use crate::stream::subscription::SubscribeOptions;
use crate::stream::{PurgeOptions, ReadOptions, StreamInfo};

/// What is ready at the second poll.
struct Late<T>(Option<Pending<T>>, bool);

impl<T> Wait<T> for Late<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if !std::mem::replace(&mut self.1, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.take().expect("polled on after its end").wait())
    }
}

fn late<T: Send + 'static>(pending: Pending<T>) -> Pending<T> {
    Pending::waiting(Late(Some(pending), false))
}

/// A stream that answers late; what it answers comes from another engine.
struct LateStream(Arc<dyn StreamOps>);

impl StreamOps for LateStream {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn config(&self) -> StreamConfig {
        self.0.config()
    }
    fn info(&self) -> Pending<StreamInfo> {
        late(self.0.info())
    }
    /// Streams of objects refuse batches, as an older server does.
    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        if batch.len() > 1 && self.name().starts_with("OBJ_") {
            return late(Pending::ready(Err(Error::new(ErrorKind::Unsupported, "no batches here"))));
        }
        late(self.0.append(batch))
    }
    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        late(self.0.get(seq))
    }
    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        late(self.0.last(filter))
    }
    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        late(self.0.last_many(filters, after, max.min(2)))
    }
    fn last_seq(&self, filter: &str) -> Pending<u64> {
        late(self.0.last_seq(filter))
    }
    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        late(self.0.subjects(filter, after, max))
    }
    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        late(self.0.read(options))
    }
    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        late(self.0.subscribe(options))
    }
    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        late(self.0.create_consumer(config))
    }
    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>> {
        late(self.0.consumer(name))
    }
    fn delete_consumer(&self, name: &str) -> Pending<()> {
        late(self.0.delete_consumer(name))
    }
    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        late(self.0.consumers())
    }
    fn delete(&self, seq: u64) -> Pending<bool> {
        late(self.0.delete(seq))
    }
    fn erase(&self, seq: u64) -> Pending<bool> {
        late(self.0.erase(seq))
    }
    fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        late(self.0.purge(options))
    }
    fn sync(&self) -> Pending<()> {
        late(self.0.sync())
    }
}

struct LateEngine {
    inner: Arc<super::Inner>,
    closed: AtomicU64,
}

fn late_stream(pending: Pending<Arc<dyn StreamOps>>) -> Pending<Arc<dyn StreamOps>> {
    late(pending.map(|ops| Arc::new(LateStream(ops)) as Arc<dyn StreamOps>))
}

impl EngineOps for LateEngine {
    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        late_stream(self.inner.create_stream(config))
    }
    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        late_stream(self.inner.update_stream(config))
    }
    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        late_stream(self.inner.stream(name))
    }
    fn delete_stream(&self, name: &str) -> Pending<()> {
        late(self.inner.delete_stream(name))
    }
    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        late(self.inner.streams())
    }
    fn close(&self) -> Result<()> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        self.inner.close()
    }
}

fn late_engine() -> (Engine, Weak<LateEngine>) {
    let Kind::Local(inner) = Engine::memory().expect("memory").0 else { unreachable!("memory is local") };
    let shared = Arc::clone(&inner.shared);
    let ops = Arc::new(LateEngine { inner, closed: AtomicU64::new(0) });
    let weak = Arc::downgrade(&ops);
    (Engine::over(ops, shared, 7), weak)
}

fn pairs(entries: &[Entry]) -> Vec<(&str, &[u8])> {
    entries.iter().map(|e| (e.key.as_str(), e.value.as_slice())).collect()
}

#[test]
fn streams_and_consumers_of_an_engine_that_has_to_wait_are_as_any() {
    let (engine, _) = late_engine();
    let mut pending = engine.create_stream(StreamConfig::new("s", ["s.>"]));
    assert_eq!(pending.wait_timeout(Duration::ZERO).expect_err("not at once").kind(), ErrorKind::Timeout);
    let stream = pending.wait().expect("a stream");
    assert_eq!(stream.append_batch(&[Append::new("s.a", b"1"), Append::new("s.b", b"2")]).wait().expect("ack").seq, 2);
    assert_eq!(stream.last("s.*").wait().expect("last").expect("a record").seq, 2);
    let refused = stream.last("s..").into_ready().ok().expect("refused by the handle").expect_err("no filter");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let subscription = stream.subscribe(SubscribeOptions::default()).wait().expect("a subscription");
    assert_eq!(subscription.next(9).wait().expect("records").len(), 2);
    let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait().expect("a consumer");
    assert_eq!(consumer.clone().next(1).wait().expect("a record").len(), 1);
    assert_eq!(consumer.info().wait().expect("info").num_pending, 1);
    let bad = ConsumerConfig { ack_wait: Duration::ZERO, ..ConsumerConfig::new("d") };
    assert_eq!(stream.create_consumer(bad).wait().err().expect("refused").kind(), ErrorKind::Invalid);
}

#[test]
fn a_bucket_of_an_engine_that_has_to_wait_is_as_any() {
    let (engine, _) = late_engine();
    let bucket = engine.create_bucket(BucketConfig::new("b")).wait().expect("a bucket");
    let again = BucketConfig { history: 3, ..BucketConfig::new("b") };
    let conflict = engine.create_bucket(again).wait().expect_err("another configuration");
    assert_eq!(conflict.message(), "bucket 'b' is there with another configuration");
    for key in ["z", "y", "x", "w", "v"] {
        bucket.create(key, b"1", None).wait().expect("a revision");
    }
    let conflict = bucket.create("z", b"2", None).wait().expect_err("it is there");
    assert_eq!((conflict.kind(), conflict.actual()), (ErrorKind::Conflict, Some(1)));
    assert!(conflict.message().starts_with("key 'z' of bucket 'b'"), "{conflict}");
    let conflict = bucket.update("z", b"2", 9).wait().expect_err("another revision");
    assert!(conflict.message().starts_with("key 'z' of bucket 'b'"), "{conflict}");
    bucket.delete("y", None).wait().expect("a revision");
    assert_eq!(bucket.keys(">").wait().expect("keys"), ["v", "w", "x", "z"]);
    assert_eq!(bucket.get("y").wait().expect("none"), None);
    assert_eq!(bucket.get_revision("z", 1).wait().expect("one").expect("an entry").value, b"1");
    assert_eq!(pairs(&bucket.history("z").wait().expect("history")), [("z", &b"1"[..])]);
    assert_eq!(bucket.status().wait().expect("status").values, 5);
    let watcher = bucket.watch(WatchOptions { ignore_deletes: true, ..WatchOptions::default() }).wait().expect("watch");
    assert!(!watcher.caught_up());
    assert_eq!(watcher.next(9).wait().expect("entries").len(), 4);
    assert!(watcher.caught_up());
    assert_eq!(engine.buckets().wait().expect("names"), ["b"]);
    engine.delete_bucket("b").wait().expect("deleted");
    let missing = engine.bucket("b").wait().expect_err("gone");
    assert_eq!((missing.kind(), missing.message()), (ErrorKind::NotFound, "there is no bucket 'b'"));
}

#[test]
fn objects_of_an_engine_that_has_to_wait_are_as_any() {
    let (engine, _) = late_engine();
    let files = engine.create_object_store(ObjectConfig::new("files")).wait().expect("an object store");
    assert_eq!(engine.object_stores().wait().expect("names"), ["files"]);
    let bytes = vec![7; 3 * OBJECT_CHUNK_BYTES + 1];
    let put = |name: &str| {
        files.put(name, &mut &bytes[..], &ObjectOptions::default(), &mut |_| ControlFlow::Continue(())).expect("a put")
    };
    assert_eq!((put("a").chunks, put("a").chunks), (4, 4));
    let watcher = files.watch(ObjectWatchOptions::default()).wait().expect("a watcher");
    assert_eq!(watcher.next(9).wait().expect("infos").len(), 1);
    files.update("a", &ObjectUpdate { name: Some("b".into()), ..ObjectUpdate::default() }).wait().expect("a rename");
    let mut got = Vec::new();
    files.get("b").expect("it is there").read_to_end(&mut got).expect("its bytes");
    assert!(got == bytes);
    files.delete("b").wait().expect("a delete");
    assert!(files.list().wait().expect("a list").is_empty());
    assert_eq!(watcher.next(9).wait().expect("infos").len(), 2, "what was rolled up is not seen any more");
}

#[test]
fn renames_and_puts_at_once_take_no_chunk_from_an_object_without_batches_either() {
    let (engine, _) = late_engine();
    let files = engine.create_object_store(ObjectConfig::new("files")).wait().expect("an object store");
    let go_on = |_| ControlFlow::Continue(());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..100_usize {
                let bytes = vec![7; 10 + n];
                files.put("a", &mut &bytes[..], &ObjectOptions::default(), &mut { go_on }).expect("a put");
            }
        });
        scope.spawn(|| {
            for _ in 0..100 {
                // Each may find nothing to do, and then says so.
                let _ = files.update("a", &ObjectUpdate { name: Some("b".into()), ..ObjectUpdate::default() }).wait();
                let _ = files.delete("b").wait();
            }
        });
    });
    let there = files.list().wait().expect("a list");
    for info in &there {
        files.get(&info.name).expect("it is there").read_to_end(&mut Vec::new()).expect("its bytes");
    }
    let chunks = files.stream().subjects("$O.files.C.>", "", 100).wait().expect("subjects").len();
    assert_eq!(chunks, there.len(), "no chunk is left of what is gone");
}

/// Whoever only looks at a feed took the place of whoever was to be told that the keys of its events are there, and
/// that one slept on.
#[cfg(feature = "shredding")]
#[test]
fn a_feed_tells_whoever_waits_that_keys_are_there_also_if_somebody_looks_meanwhile() {
    use crate::events::{AggregateId, EventsConfig, Expected, FollowOptions, LoadOptions, NewEvent, SaveOptions};
    struct Woken(AtomicU64);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (engine, _) = late_engine();
    let store = engine.create_event_store(EventsConfig::default()).wait().expect("a store");
    let about = NewEvent { data_subject: Some("ada"), ..NewEvent::new("Named", b"Ada") };
    let events = [about.clone(), NewEvent::new("Named", b"none"), about];
    let id = AggregateId::new("person", "p");
    store.save(id, Expected::None, &events, &SaveOptions::default()).wait().expect("a save");
    let feed = store.follow(&FollowOptions::default()).wait().expect("a feed");
    let woken = Arc::new(Woken(AtomicU64::new(0)));
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(feed.poll_ready(&mut cx).is_ready());
    let mut data = Vec::new();
    for look in 0.. {
        assert!(look < 20, "it never comes to an end");
        let told = woken.0.load(Ordering::Relaxed);
        let taken = feed.try_next(9).expect("events");
        if taken.is_empty() {
            assert!(woken.0.load(Ordering::Relaxed) > told, "nobody is told when the keys are there");
            continue;
        }
        data.extend(taken.iter().map(|event| event.expect("an event").data().to_vec()));
        break;
    }
    assert_eq!(data, [b"Ada".to_vec(), b"none".to_vec(), b"Ada".to_vec()]);
    // A wait that is given up loses nothing.
    store.save(id, Expected::Any, &events, &SaveOptions::default()).wait().expect("a save");
    assert_eq!(feed.next(9).wait_timeout(Duration::ZERO).expect_err("not at once").kind(), ErrorKind::Timeout);
    assert_eq!(feed.lag(), 3);
    assert_eq!(feed.next(9).wait().expect("events").len(), 3);
    assert!(store.forget("ada").wait().expect("an answer"));
    let loaded = store.load(id, &LoadOptions::default()).wait().expect("a load");
    assert!(loaded.events().next().expect("one").is_erased);
}

#[test]
fn points_on_an_engine_that_has_to_wait_are_as_any() {
    let (engine, _) = late_engine();
    let points = Points::create(&engine, PointsConfig { name: "p".into(), ..PointsConfig::default() }).expect("points");
    let list: Vec<Point> = (0..5).map(|n| Point::new(format!("n{n}"), "t", n, Value::Int(n))).collect();
    points.write(&list).wait().expect("ack");
    assert_eq!(points.latest(">", false).expect("latest").len(), 5);
    assert_eq!(points.latest("n3.t", false).expect("latest")[0].value, Value::Int(3));
}

#[test]
fn what_only_a_directory_can_do_is_refused_by_name() {
    let (engine, _) = late_engine();
    let to = std::env::temp_dir().join("headwater-no-backup");
    let refused = engine.backup(&to, &mut |_, _| std::ops::ControlFlow::Continue(())).expect_err("no directory");
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("backup") && !to.exists(), "{refused}");
    assert_eq!((engine.dir(), engine.id(), engine.epoch(), engine.step()), (None, 7, 0, None));
    assert!(!engine.is_read_only());
}

#[test]
fn its_log_its_metrics_and_its_end_work() {
    let (engine, ops) = late_engine();
    let stream = engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect("a stream");
    stream.append(&Append::new("s.a", b"1")).wait().expect("ack");
    let appends =
        engine.metrics().expect("metrics").into_iter().find(|m| m.name == "headwater_appends_total").expect("counted");
    assert!((appends.value - 1.0).abs() < f64::EPSILON);
    engine.shared().log("warn", "a line".into());
    assert_eq!(engine.next_logs(9).wait().expect("lines")[0].message, "a line");
    engine.close().expect("closed");
    assert_eq!(ops.upgrade().expect("open still").closed.load(Ordering::Relaxed), 1);
    assert_eq!(engine.next_logs(9).wait().expect_err("the end").kind(), ErrorKind::Closed);
    assert_eq!(stream.last("s.a").wait().expect_err("the end").kind(), ErrorKind::Closed);
    drop(engine);
    assert!(ops.upgrade().is_none(), "nothing else holds it");
}

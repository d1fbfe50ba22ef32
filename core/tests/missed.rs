//! Whoever follows a stream is told how many records limits removed before it came to read them, however it waits.

use std::task::{Context, Poll, Waker};

use headwater::points::{Point, Points, PointsConfig, Value};
use headwater::{
    Append, BucketConfig, Durability, Engine, PurgeOptions, Stream, StreamConfig, SubscribeOptions, WatchOptions,
};

fn append(stream: &Stream, records: u64) {
    for _ in 0..records {
        stream.append(&Append::new("s", b"")).wait().expect("appended");
    }
}

#[test]
fn what_went_while_nothing_was_left_is_told_with_the_next_record() {
    let engine = Engine::memory().expect("an engine");
    let stream = engine.create_stream(StreamConfig::new("s", ["s"])).wait().expect("a stream");
    let (polled, waiting) = (
        stream.subscribe(SubscribeOptions::default()).wait().expect("subscribed"),
        stream.subscribe(SubscribeOptions::default()).wait().expect("subscribed"),
    );
    append(&stream, 1);
    assert_eq!((polled.try_next(9).expect("one").len(), waiting.try_next(9).expect("one").len()), (1, 1));
    append(&stream, 4);
    stream.purge(&PurgeOptions::default()).wait().expect("purged");
    // Both look while there is nothing: by a poll, and by a wait that goes on.
    assert_eq!(polled.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    let mut wait = waiting.next(9);
    assert_eq!((polled.missed(), waiting.missed()), (4, 4));
    append(&stream, 1);
    for batch in [polled.try_next(9), wait.wait_timeout(std::time::Duration::from_secs(10))] {
        let batch = batch.expect("a batch");
        assert_eq!((batch.len(), batch.seq(0), batch.missed()), (1, Some(6), 4));
    }
    append(&stream, 1);
    assert_eq!((polled.try_next(9).expect("one").missed(), polled.missed()), (0, 4), "each is told once");
}

#[test]
fn a_subscription_to_all_that_has_read_nothing_has_missed_nothing() {
    let engine = Engine::memory().expect("an engine");
    let stream = engine.create_stream(StreamConfig::new("s", ["s"])).wait().expect("a stream");
    let subscription = stream.subscribe(SubscribeOptions::default()).wait().expect("subscribed");
    append(&stream, 5);
    stream.purge(&PurgeOptions { keep: 1, ..PurgeOptions::default() }).wait().expect("purged");
    assert_eq!((subscription.try_next(9).expect("one").seq(0), subscription.missed()), (Some(5), 0));
}

#[test]
fn a_watcher_of_a_bucket_is_told() {
    let engine = Engine::memory().expect("an engine");
    let bucket = engine.create_bucket(BucketConfig::new("b")).wait().expect("a bucket");
    bucket.put("a", b"1").wait().expect("put");
    let watcher = bucket.watch(WatchOptions::default()).wait().expect("a watcher");
    assert_eq!((watcher.try_next(9).expect("one").len(), watcher.missed()), (1, 0));
    for _ in 0..10 {
        bucket.put("a", b"2").wait().expect("put");
    }
    let entries = watcher.try_next(9).expect("the newest");
    assert_eq!((entries.len(), entries[0].revision, watcher.missed()), (1, 11, 9), "a bucket keeps one of each key");
}

#[test]
fn a_watcher_of_points_is_told() {
    let engine = Engine::memory().expect("an engine");
    let durability = Durability::Os;
    let config = PointsConfig { name: "p".to_owned(), durability, max_points_per_series: 2, ..PointsConfig::default() };
    let points = Points::create(&engine, config).expect("a point store");
    let write = |time| points.write(&[Point::new("n", "k", time, Value::Int(time))]).wait().expect("written");
    write(1);
    let watcher = points.watch(">").expect("a watcher");
    assert_eq!((watcher.try_next(9).expect("one").len(), watcher.missed()), (1, 0));
    for time in 2..=10 {
        write(time);
    }
    assert_eq!((watcher.try_next(9).expect("the newest").len(), watcher.missed()), (2, 7));
}

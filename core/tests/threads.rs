//! Many threads on one stream: every acknowledgement is one record, subscribers see each once and in order, wildcard
//! conditions let one of many racing writers through, and waits end when they should.

#![allow(clippy::disallowed_methods, reason = "the test is about threads")]

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use headwater::{
    Append, ConsumerConfig, Durability, Engine, EngineOptions, ErrorKind, ReadOptions, Stream, StreamConfig,
    SubscribeOptions,
};

const WRITERS: usize = 16;
const EACH: usize = 200;

fn stream(engine: &Engine, durability: Durability) -> Stream {
    let mut config = StreamConfig::new("s", ["s.>"]);
    config.durability = durability;
    config.segment_bytes = 64 << 10;
    engine.create_stream(config).wait().expect("create")
}

fn write_all(stream: &Stream) -> BTreeSet<u64> {
    let threads: Vec<_> = (0..WRITERS)
        .map(|w| {
            let stream = stream.clone();
            thread::spawn(move || {
                let subject = format!("s.{w}");
                let payload = vec![w as u8; 100];
                (0..EACH)
                    .map(|_| stream.append(&Append::new(&subject, &payload)).wait().expect("append").seq)
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    threads.into_iter().flat_map(|t| t.join().expect("writer")).collect()
}

#[test]
fn writers_readers_and_subscribers_agree() {
    for durability in [Durability::Fsync, Durability::Interval, Durability::Os] {
        let engine = Engine::temporary().expect("engine");
        let stream = stream(&engine, durability);
        let subscriber = {
            let subscription = stream.subscribe(SubscribeOptions::default()).wait().expect("subscribe");
            thread::spawn(move || {
                let mut seen = Vec::new();
                while seen.len() < WRITERS * EACH {
                    let batch = subscription.next(100).wait_timeout(Duration::from_secs(60)).expect("next");
                    seen.extend(batch.iter().map(|r| r.seq));
                }
                seen
            })
        };
        let consumer = stream.create_consumer(ConsumerConfig::new("c")).wait().expect("consumer");
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let consumer = consumer.clone();
                thread::spawn(move || {
                    let mut done = Vec::new();
                    while let Ok(batch) = consumer.next(50).wait_timeout(Duration::from_secs(2)) {
                        let seqs: Vec<u64> = batch.iter().map(|r| r.seq).collect();
                        assert_eq!(consumer.ack(&seqs).expect("ack"), seqs.len());
                        done.extend(seqs);
                    }
                    done
                })
            })
            .collect();
        let acked = write_all(&stream);
        let all: Vec<u64> = (1..=(WRITERS * EACH) as u64).collect();
        assert_eq!(acked.into_iter().collect::<Vec<_>>(), all, "{durability:?}: acknowledged");
        assert_eq!(subscriber.join().expect("subscriber"), all, "{durability:?}: subscribed");
        let mut consumed: Vec<u64> = workers.into_iter().flat_map(|w| w.join().expect("worker")).collect();
        consumed.sort_unstable();
        assert_eq!(consumed, all, "{durability:?}: consumed");
        let read = stream.read(&ReadOptions::default().max_records(10_000)).wait().expect("read");
        assert_eq!(read.iter().map(|r| r.seq).collect::<Vec<_>>(), all, "{durability:?}: read");
        let dir = engine.dir().expect("dir");
        stream.sync().wait().expect("sync");
        let report = Engine::verify(&dir, &mut |_, _| ControlFlow::Continue(())).expect("verify");
        assert_eq!((report.damage.len(), report.records), (0, all.len() as u64), "{durability:?}: {:?}", report.damage);
        engine.close().expect("close");
        assert!(!dir.exists(), "a temporary engine leaves nothing");
    }
}

#[test]
fn a_wildcard_condition_lets_one_of_many_through() {
    let engine = Engine::temporary().expect("engine");
    let stream = stream(&engine, Durability::Fsync);
    let passed = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..WRITERS)
        .map(|w| {
            let (stream, passed) = (stream.clone(), Arc::clone(&passed));
            thread::spawn(move || {
                let subject = format!("s.{}.x", w % 4);
                let mut done = 0;
                while done < 20 {
                    let seen = stream.last_seq("s.*.x").wait().expect("last_seq");
                    match stream.append(&Append::new(&subject, b"").expect_filter_last_seq("s.*.x", seen)).wait() {
                        Ok(ack) => {
                            assert!(ack.seq > seen);
                            // Nothing may have come between what was seen and what was appended.
                            assert_eq!(ack.seq, seen + 1);
                            passed.fetch_add(1, Ordering::SeqCst);
                            done += 1;
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("writer");
    }
    assert_eq!(passed.load(Ordering::SeqCst), stream.info().wait().expect("info").last_seq);
}

/// Found by the Go binding: the one who was woken to commit the rest had given up its wait.
#[test]
fn an_append_that_was_polled_and_is_held_stalls_nobody() {
    let engine = Engine::temporary().expect("engine");
    let stream = stream(&engine, Durability::Fsync);
    for round in 0..50 {
        let other = stream.clone();
        let leader = thread::spawn(move || other.append(&Append::new("s.a", b"a")).wait());
        thread::sleep(Duration::from_micros(150));
        let mut held = stream.append(&Append::new("s.b", b"b"));
        let _ = Pin::new(&mut held).poll(&mut Context::from_waker(Waker::noop()));
        let outcome = stream.append(&Append::new("s.c", b"c")).wait_timeout(Duration::from_secs(5));
        assert!(outcome.is_ok(), "round {round} stalled");
        leader.join().expect("leader").expect("append");
    }
}

#[test]
fn a_wait_ends_by_deadline_close_and_record() {
    let engine = Engine::memory().expect("engine");
    let stream = stream(&engine, Durability::Fsync);
    let subscription =
        Arc::new(stream.subscribe(SubscribeOptions::default().filter("s.wanted")).wait().expect("subscribe"));
    let mut pending = subscription.next(10);
    let error = pending.wait_timeout(Duration::from_millis(20)).expect_err("nothing is there");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let waiting = thread::spawn(move || pending.wait().expect("a record").len());
    stream.append(&Append::new("s.other", b"x")).wait().expect("append");
    stream.append(&Append::new("s.wanted", b"x")).wait().expect("append");
    assert_eq!(waiting.join().expect("waiter"), 1);
    let waiting = {
        let subscription = Arc::clone(&subscription);
        thread::spawn(move || subscription.next(1).wait().expect_err("closed").kind())
    };
    thread::sleep(Duration::from_millis(20));
    subscription.close();
    assert_eq!(waiting.join().expect("waiter"), ErrorKind::Closed);
    let other =
        stream.subscribe(SubscribeOptions::default().deliver(headwater::DeliverPolicy::New)).wait().expect("subscribe");
    let waiting = thread::spawn(move || other.next(1).wait().expect_err("closed").kind());
    thread::sleep(Duration::from_millis(20));
    engine.close().expect("close");
    assert_eq!(waiting.join().expect("waiter"), ErrorKind::Closed);
    assert_eq!(stream.append(&Append::new("s.x", b"")).wait().expect_err("closed").kind(), ErrorKind::Closed);
}

#[test]
fn a_reader_without_a_lock_follows_the_writer() {
    let engine = Engine::temporary().expect("engine");
    let stream = stream(&engine, Durability::Os);
    let dir = engine.dir().expect("dir");
    assert_eq!(Engine::open(&dir).expect_err("locked").kind(), ErrorKind::Busy);
    let reader = Engine::open_with(&dir, headwater::EngineOptions::read_only()).expect("read-only");
    let follower = reader.stream("s").wait().expect("stream");
    let subscription = follower.subscribe(SubscribeOptions::default()).wait().expect("subscribe");
    assert!(follower.append(&Append::new("s.a", b"")).wait().is_err());
    let payload = vec![1; 2000];
    for round in 0..100u64 {
        let ack = stream.append(&Append::new("s.a", &payload)).wait().expect("append");
        let batch = subscription.next(10).wait_timeout(Duration::from_secs(10)).expect("follow");
        assert_eq!(batch.seq(0), Some(ack.seq), "round {round}");
    }
    assert!(follower.info().wait().expect("info").segments > 1, "the writer went on in new segments");
}

#[test]
fn writers_who_leave_at_different_times_hold_nobody_up() {
    let (done, ended) = std::sync::mpsc::channel();
    let writing = thread::spawn(move || {
        for _ in 0..5 {
            // Without a worker nobody but the writers themselves can wake a writer that was forgotten.
            let options = EngineOptions { worker: false, ..EngineOptions::default() };
            let disk = Arc::new(headwater::disk::MemDisk::default());
            let engine = Engine::open_with("/turns", EngineOptions { disk, ..options }).expect("open");
            let stream = engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect("create");
            thread::scope(|scope| {
                for writer in 0..8u64 {
                    let stream = &stream;
                    scope.spawn(move || {
                        for n in 0..40 * (writer + 1) {
                            stream
                                .append(&Append::new(&format!("s.{writer}"), &n.to_le_bytes()))
                                .wait()
                                .expect("append");
                        }
                    });
                }
            });
            assert_eq!(stream.info().wait().expect("info").records, 40 * 36);
        }
        done.send(()).expect("somebody waits");
    });
    ended.recv_timeout(Duration::from_secs(120)).expect("a writer waits for ever");
    writing.join().expect("joined");
}

/// What is replaced while it is read is the one or the other, and never gone.
#[test]
fn subjects_that_are_written_all_the_time_are_always_there() {
    let engine = Engine::temporary().expect("engine");
    let config = StreamConfig { max_msgs_per_subject: 1, segment_bytes: 64 << 10, ..StreamConfig::new("s", ["s.>"]) };
    let stream = engine.create_stream(StreamConfig { durability: Durability::Interval, ..config }).wait();
    let stream = stream.expect("create");
    let subjects: Vec<String> = (0..40).map(|n| format!("s.{n}")).collect();
    let write = |subject: &String| stream.append(&Append::new(subject, &[7; 300])).wait().expect("append");
    for subject in &subjects {
        write(subject);
    }
    let is_over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for subject in &subjects {
                    write(subject);
                }
            }
        });
        for round in 0..3_000 {
            let one = stream.last(&subjects[round % 40]).wait().expect("read");
            let any = stream.last("s.*").wait().expect("read");
            let all = stream.last_many(&["s.>"], 0, 100).wait().expect("read");
            let found: BTreeSet<&str> = all.iter().map(|record| record.subject).collect();
            if one.is_none() || any.is_none() || (found.len(), all.len()) != (40, 40) {
                is_over.store(true, Ordering::Relaxed);
                panic!(
                    "round {round}: {} and {}, {} of 40 in {}",
                    one.is_some(),
                    any.is_some(),
                    found.len(),
                    all.len()
                );
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

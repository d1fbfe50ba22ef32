//! Three replicas: the same answers, and conditions on filters that no racing writer passes.

use std::sync::Arc;

use super::{fill, refused, refused_then_taken};
use crate::error::ErrorKind;
use crate::record::Append;
use crate::stream::config::StreamConfig;
use crate::stream::contract::{EngineOps, StreamOps};
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::options::HubOptions;
use crate::stream::hub::testing::{Cluster, Server, VERSIONS, since};
use crate::{ConsumerConfig, HubConfig, ReadOptions, SubscribeOptions};

fn replicated(engine: &HubEngine, name: &str) -> Arc<dyn StreamOps> {
    let hub = HubConfig { replicas: 3, ..HubConfig::default() };
    let config = StreamConfig { hub: Some(Box::new(hub)), ..StreamConfig::new(name, [format!("{name}.>")]) };
    engine.create_stream(config).wait().expect("create")
}

#[test]
fn three_replicas_answer_the_same() {
    for version in VERSIONS {
        println!("nats-server {version}");
        let cluster = Cluster::start(version);
        let engine = cluster.connect();
        let s = replicated(&engine, "s");
        assert_eq!(s.config().hub.map(|h| h.replicas), Some(3));
        let subjects: Vec<&str> = (0..3000).map(|i| ["s.a", "s.b", "s.c.x"][i % 3]).collect();
        fill(&*s, &subjects);
        let read = |options: ReadOptions| -> Vec<u64> {
            s.read(&options).wait().expect("read").iter().map(|r| r.seq).collect()
        };
        assert_eq!(read(ReadOptions::default().max_records(5000)), (1..=3000).collect::<Vec<u64>>());
        assert_eq!(read(ReadOptions::default().filter("s.b").filter("s.c.>").max_records(4)), [2, 3, 5, 6]);
        assert_eq!(read(ReadOptions::default().backward().filter("s.a").max_records(3)), [2998, 2995, 2992]);
        let time = s.get(1500).wait().expect("get").expect("there").time;
        assert!(read(ReadOptions::default().from_time(time).max_records(1))[0] <= 1500);
        let newest = s.last_many(&[">"], 0, 10).wait().expect("newest");
        assert_eq!(newest.iter().map(|r| r.seq).collect::<Vec<_>>(), [2998, 2999, 3000]);
        for i in 0..200 {
            let seq = s.append(&[Append::new("s.a", b"")]).wait().expect("append").seq;
            assert_eq!(read(ReadOptions::default().from_seq(seq)), [seq], "append {i}");
            assert_eq!(s.last("s.a").wait().expect("last").expect("there").seq, seq);
        }
        let all = s.subscribe(SubscribeOptions::default()).wait().expect("subscribe");
        let mut count = 0;
        while count < 3200 {
            count += all.next(10_000).wait().expect("next").len();
        }
        let c = s.create_consumer(ConsumerConfig::new("c")).wait().expect("consumer");
        let batch = c.next(10).wait().expect("next");
        let seqs: Vec<u64> = batch.iter().map(|r| r.seq).collect();
        assert_eq!(c.ack_sync(&seqs).wait().expect("ack"), seqs.len());
        let again = Append::new("s.z", b"").msg_id("x").expect_subject_last_seq(0);
        let first = s.append(std::slice::from_ref(&again)).wait().expect("first").seq;
        let second = s.append(&[again]).wait().expect("second");
        assert_eq!((second.seq, second.duplicate), (first, true));
        // Clusters before 2.12 remember the id of an append that they refused, and take it for one on its way.
        if since(version, 12) {
            refused_then_taken(&*s);
        } else {
            let append = Append::new("s.r", b"").msg_id("free").expect_last_seq(1_000_000);
            refused(s.append(std::slice::from_ref(&append)).wait(), ErrorKind::Conflict);
            refused(s.append(&[Append { expect_last_seq: None, ..append }]).wait(), ErrorKind::Conflict);
        }
        let wrong = s.append(&[Append::new("s.z", b"").expect_subject_last_seq(0)]).wait();
        assert_eq!(refused(wrong, ErrorKind::Conflict).actual(), Some(first));
    }
}

#[test]
fn racing_writers_on_three_replicas_never_pass_a_filter() {
    for version in VERSIONS.into_iter().filter(|v| since(v, 11)) {
        println!("nats-server {version}");
        let cluster = Cluster::start(version);
        let engine = cluster.connect();
        let s = replicated(&engine, "s");
        let done: usize = std::thread::scope(|scope| {
            #[allow(clippy::disallowed_methods, reason = "writers race on threads of their own")]
            let writers: Vec<_> = (0..8)
                .map(|w| {
                    let s = &s;
                    scope.spawn(move || {
                        let (subject, mut done) = (format!("s.o.{w}"), 0);
                        for _ in 0..40 {
                            let tip = s.last_seq("s.o.>").wait().expect("tip");
                            let payload = tip.to_le_bytes();
                            let append = Append::new(&subject, &payload).expect_filter_last_seq("s.o.>", tip);
                            match s.append(&[append]).wait() {
                                Ok(_) => done += 1,
                                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                            }
                        }
                        done
                    })
                })
                .collect();
            writers.into_iter().map(|w| w.join().expect("writer")).sum()
        });
        let all = s.read(&ReadOptions::default().filter("s.o.>").max_records(1000)).wait().expect("read");
        assert_eq!(all.len(), done);
        assert!(done > 0);
        let mut before = 0u64;
        for record in all.iter() {
            assert_eq!(record.payload, before.to_le_bytes(), "a writer passed at {}", record.seq);
            before = record.seq;
        }
        println!("{done} of 320 appends held");
    }
}

#[test]
fn what_says_nothing_of_a_hub_has_the_replicas_of_the_connection_and_keeps_those_it_has() {
    let version = VERSIONS[VERSIONS.len() - 1];
    let cluster = Cluster::start(version);
    let one = cluster.connect();
    let urls = cluster.0.iter().map(Server::url).collect();
    let options = HubOptions { urls, replicas: 3, ..HubOptions::default() };
    let three = HubEngine::connect(options).wait().expect("connect");
    let bare = StreamConfig::new("bare", ["bare.>"]);
    let replicas = |stream: &Arc<dyn StreamOps>| stream.config().hub.expect("a hub's").replicas;
    assert_eq!(replicas(&three.create_stream(bare.clone()).wait().expect("made")), 3);
    assert_eq!(replicas(&one.create_stream(bare.clone()).wait().expect("found")), 3);
    let other = StreamConfig { max_msgs: 7, ..bare.clone() };
    refused(one.create_stream(other).wait(), ErrorKind::Conflict);
    let said = StreamConfig { hub: Some(Box::default()), ..bare };
    refused(one.create_stream(said).wait(), ErrorKind::Conflict);
    let options = HubOptions { replicas: 6, ..HubOptions::new(cluster.0[0].url()) };
    let error = HubEngine::connect(options).wait().err().expect("six replicas");
    assert_eq!(error.to_string(), "hub: replicas is 6, must be 1 to 5");
}

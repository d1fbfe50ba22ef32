//! Subscriptions: history and live without a seam, every policy, what is missed, and what a restart does not lose.

use std::time::Duration;

use super::{fill, refused, stream};
use crate::error::ErrorKind;
use crate::record::Append;
use crate::stream::config::{DeliverPolicy, StreamConfig};
use crate::stream::contract::{EngineOps, StreamOps, SubscriptionOps};
use crate::stream::hub::testing::{Server, VERSIONS, each_version, pause};
use crate::{PurgeOptions, SubscribeOptions};

fn take(subscription: &dyn SubscriptionOps, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.len() < count {
        let mut pending = subscription.next(count - seqs.len());
        let batch = pending.wait_timeout(Duration::from_secs(30)).expect("next");
        seqs.extend(batch.iter().map(|r| r.seq));
    }
    seqs
}

fn subscribe(s: &dyn StreamOps, filters: &[&str], policy: DeliverPolicy) -> Box<dyn SubscriptionOps> {
    let mut options = SubscribeOptions::default().deliver(policy);
    for filter in filters {
        options = options.filter(*filter);
    }
    s.subscribe(options).wait().expect("subscribe")
}

#[test]
fn history_then_live() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        let subjects: Vec<&str> = (0..20_000).map(|i| ["s.a", "s.b"][i % 2]).collect();
        fill(&*s, &subjects);
        let all = subscribe(&*s, &[], DeliverPolicy::All);
        let odd = subscribe(&*s, &["s.a"], DeliverPolicy::All);
        let either = subscribe(&*s, &["s.*", "*.b"], DeliverPolicy::ByStartSequence(19_999));
        assert_eq!(take(&*all, 20_000), (1..=20_000).collect::<Vec<u64>>());
        assert!(all.is_past(20_000));
        assert_eq!((all.position(), all.lag(), all.missed()), (20_001, 0, 0));
        assert_eq!(take(&*odd, 10_000), (0..10_000).map(|i| 2 * i + 1).collect::<Vec<u64>>());
        assert_eq!(take(&*either, 2), [19_999, 20_000]);
        let mut live = all.next(10);
        refused(live.wait_timeout(Duration::from_millis(20)), ErrorKind::Timeout);
        s.append(&[Append::new("s.b", b"live").header("A", "1")]).wait().expect("append");
        let batch = live.wait_timeout(Duration::from_secs(5)).expect("live");
        assert_eq!((batch.seq(0), batch.get(0).and_then(|r| r.header("A"))), (Some(20_001), Some("1")));
        all.close();
        refused(all.next(1).wait(), ErrorKind::Closed);
        refused(all.try_next(1), ErrorKind::Closed);
    });
}

#[test]
fn every_policy_begins_where_it_says() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a", "s.b", "s.a", "s.c"]);
        let time = s.get(3).wait().expect("get").expect("there").time;
        let begins = [
            (DeliverPolicy::All, vec![1, 2, 3, 4, 5]),
            (DeliverPolicy::Last, vec![4, 5]),
            (DeliverPolicy::New, vec![5]),
            (DeliverPolicy::ByStartSequence(3), vec![3, 4, 5]),
            (DeliverPolicy::ByStartTime(time), vec![3, 4, 5]),
            (DeliverPolicy::LastPerSubject, vec![2, 3, 4, 5]),
        ];
        let opened: Vec<_> = begins.iter().map(|b| subscribe(&*s, &[], b.0)).collect();
        s.append(&[Append::new("s.b", b"")]).wait().expect("append");
        for ((policy, expected), subscription) in begins.iter().zip(&opened) {
            assert_eq!(&take(&**subscription, expected.len()), expected, "{policy:?}");
        }
        let bad = SubscribeOptions::default().deliver(DeliverPolicy::ByStartSequence(0));
        refused(s.subscribe(bad).wait(), ErrorKind::Invalid);
    });
}

#[test]
fn what_limits_removed_is_counted() {
    each_version(|_, _, engine| {
        let config = StreamConfig { max_msgs: 10_000, ..StreamConfig::new("s", ["s.>"]) };
        let s = engine.create_stream(config).wait().expect("create");
        fill(&*s, &vec!["s.a"; 100]);
        let all = subscribe(&*s, &[], DeliverPolicy::All);
        assert_eq!(take(&*all, 10).len(), 10);
        let more: Vec<_> = (0..60_000).map(|_| s.append(&[Append::new("s.a", &[7; 64])])).collect();
        for pending in more {
            pending.wait().expect("append");
        }
        let (mut count, mut missed, mut last) = (10, 0, 10);
        while last < 60_100 {
            let batch = all.next(1000).wait().expect("next");
            for record in batch.iter() {
                assert!(record.seq > last);
                last = record.seq;
            }
            count += batch.len() as u64;
            missed += batch.missed();
        }
        assert_eq!(count + missed, 60_100);
        assert!(missed > 0);
        assert_eq!(all.missed(), missed);
    });
}

#[test]
fn a_purge_below_is_counted_and_a_hole_is_not() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a"; 10]);
        s.delete(5).wait().expect("delete");
        let all = subscribe(&*s, &[], DeliverPolicy::All);
        assert_eq!(take(&*all, 9), [1, 2, 3, 4, 6, 7, 8, 9, 10]);
        assert_eq!(all.missed(), 0);
        let late = subscribe(&*s, &[], DeliverPolicy::ByStartSequence(2));
        assert_eq!(take(&*late, 1), [2]);
        drop(late);
        s.purge(&PurgeOptions { before_seq: Some(8), ..PurgeOptions::default() }).wait().expect("purge");
        let late = subscribe(&*s, &[], DeliverPolicy::ByStartSequence(3));
        assert_eq!(take(&*late, 3), [8, 9, 10]);
        assert_eq!(late.missed(), 5);
    });
}

#[test]
fn a_restart_loses_and_doubles_nothing() {
    let mut server = Server::start(VERSIONS[3]);
    let engine = server.connect();
    let s = stream(&engine, "s");
    fill(&*s, &vec!["s.a"; 30_000]);
    let all = subscribe(&*s, &[], DeliverPolicy::All);
    let newest = subscribe(&*s, &[], DeliverPolicy::LastPerSubject);
    let mut seen = take(&*all, 5000);
    server.restart();
    seen.extend(take(&*all, 25_000));
    assert_eq!(seen, (1..=30_000).collect::<Vec<u64>>());
    for _ in 0..50 {
        if s.append(&[Append::new("s.b", b"after")]).wait().is_ok() {
            break;
        }
        pause(100);
    }
    assert_eq!(take(&*all, 1), [30_001]);
    assert_eq!(take(&*newest, 2), [30_000, 30_001]);
    assert_eq!(all.missed(), 0);
}

#[test]
fn a_stream_that_lost_its_end_ends_it() {
    for regrows in [0, 3] {
        let mut server = Server::start(VERSIONS[3]);
        let engine = server.connect();
        let s = stream(&engine, "s");
        let append = |count| {
            for _ in 0..count {
                s.append(&[Append::new("s.a", b"")]).wait().expect("append");
            }
        };
        append(3);
        server.keep();
        server.restart();
        append(2);
        let subscription = subscribe(&*s, &[], DeliverPolicy::All);
        assert_eq!(take(&*subscription, 5), [1, 2, 3, 4, 5]);
        server.put_back();
        server.restart();
        append(regrows);
        let ended = subscription.next(1).wait_timeout(Duration::from_secs(30)).expect_err("it is another stream");
        assert_eq!(ended.kind(), ErrorKind::Closed);
        assert!(ended.to_string().contains("record 5 that was followed is gone"), "{ended}");
    }
}

#[test]
fn a_deleted_stream_ends_it() {
    let server = Server::start(VERSIONS[3]);
    let engine = server.connect();
    let s = stream(&engine, "s");
    let all = subscribe(&*s, &[], DeliverPolicy::All);
    engine.delete_stream("s").wait().expect("delete");
    let mut pending = all.next(1);
    refused(pending.wait_timeout(Duration::from_secs(15)), ErrorKind::Closed);
}

#[test]
fn large_records_come_through() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        for i in 0..40u8 {
            s.append(&[Append::new("s.a", &vec![i; 900_000])]).wait().expect("append");
        }
        let all = subscribe(&*s, &[], DeliverPolicy::All);
        assert_eq!(take(&*all, 40), (1..=40).collect::<Vec<u64>>());
        let read = s.read(&crate::ReadOptions { max_bytes: 100 << 20, ..crate::ReadOptions::default() }).wait();
        assert_eq!(read.expect("read").len(), 40);
        let back = crate::ReadOptions { max_bytes: 100 << 20, ..crate::ReadOptions::default() }.backward();
        assert_eq!(s.read(&back).wait().expect("read").len(), 40);
    });
}

//! Durable consumers: deliveries, every kind of acknowledgement, redelivery, dead letters, and what is refused.

use std::time::Duration;

use super::{fill, refused, stream};
use crate::error::ErrorKind;
use crate::record::{Append, Batch};
use crate::stream::config::{AckPolicy, ConsumerConfig, DeliverPolicy};
use crate::stream::contract::{ConsumerOps, EngineOps};
use crate::stream::hub::testing::{each_version, pause};

fn next(consumer: &dyn ConsumerOps, max: usize) -> Batch {
    consumer.next(max).wait_timeout(Duration::from_secs(20)).expect("next")
}

fn seqs(batch: &Batch) -> Vec<u64> {
    batch.iter().map(|r| r.seq).collect()
}

#[test]
fn deliveries_and_acknowledgements() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a", "s.b", "s.a", "s.b", "s.a"]);
        let config = ConsumerConfig { filter_subjects: vec!["s.a".into()], ..ConsumerConfig::new("c") };
        let c = s.create_consumer(config.clone()).wait().expect("create");
        assert_eq!(c.name(), "c");
        let batch = next(&*c, 2);
        assert_eq!(seqs(&batch), [1, 3]);
        assert_eq!(batch.iter().map(|r| r.delivered).collect::<Vec<_>>(), [1, 1]);
        let info = c.info().wait().expect("info");
        assert_eq!(info.config, config);
        assert_eq!((info.delivered_seq, info.num_ack_pending, info.num_pending), (3, 2, 1));
        assert_eq!(c.ack(&[1, 2]).expect("ack"), 1);
        assert_eq!(c.ack(&[1]).expect("twice"), 0);
        assert_eq!(c.ack_sync(&[3]).wait().expect("ack"), 1);
        let info = c.info().wait().expect("info");
        assert_eq!((info.ack_floor, info.num_ack_pending), (3, 0));
        assert_eq!(seqs(&next(&*c, 10)), [5]);
        c.nak(5, Duration::ZERO).expect("nak");
        let again = next(&*c, 10);
        assert_eq!((seqs(&again), again.get(0).map(|r| r.delivered)), (vec![5], Some(2)));
        c.in_progress(5).expect("in progress");
        c.term(5).expect("term");
        refused(c.term(5), ErrorKind::NotFound);
        let mut live = c.next(5);
        refused(live.wait_timeout(Duration::from_millis(50)), ErrorKind::Timeout);
        s.append(&[Append::new("s.a", b"")]).wait().expect("append");
        assert_eq!(seqs(&live.wait_timeout(Duration::from_secs(5)).expect("live")), [6]);
        let other = c.another();
        assert_eq!(other.ack_sync(&[6]).wait().expect("by another handle"), 1);
        s.append(&[Append::new("s.a", b"")]).wait().expect("append");
        assert_eq!(seqs(&next(&*c, 1)), [7]);
        let found = s.consumer("c").wait().expect("find");
        assert_eq!(found.ack_sync(&[7]).wait().expect("by a handle opened later"), 1);
        s.delete_consumer("c").wait().expect("delete");
        let anew = s.create_consumer(config.clone()).wait().expect("create");
        assert_eq!(seqs(&next(&*anew, 1)), [1]);
        assert_eq!(found.ack(&[1]).expect("a handle of the one before"), 0);
    });
}

#[test]
fn what_a_wait_that_was_given_up_asked_for_is_not_lost() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let c = s.create_consumer(ConsumerConfig::new("c")).wait().expect("create");
        for n in 1..=100 {
            // Given up before, while and after the server has something to send.
            let given_up = c.next(1).wait_timeout(Duration::from_micros(n * 37 % 2_000));
            assert!(given_up.is_err(), "{version}: nothing is there yet");
            s.append(&[Append::new("s.a", b"")]).wait().expect("append");
            let batch = c.next(1).wait_timeout(Duration::from_secs(10));
            let batch = batch.unwrap_or_else(|e| panic!("{version}: record {n}: {e}"));
            assert_eq!(batch.iter().map(|r| (r.seq, r.delivered)).collect::<Vec<_>>(), [(n, 1)], "{version}");
            assert_eq!(c.ack_sync(&[n]).wait().expect("ack"), 1);
        }
    });
}

#[test]
fn made_found_listed_and_removed() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        let config = ConsumerConfig {
            filter_subjects: vec!["s.a".into(), "s.b".into()],
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::All,
            ack_wait: Duration::from_secs(7),
            max_deliver: 4,
            backoff: vec![Duration::from_secs(1), Duration::from_secs(2)],
            max_ack_pending: 0,
            description: "for people".into(),
            dead_letter: "dead".into(),
            ..ConsumerConfig::new("c")
        };
        let c = s.create_consumer(config.clone()).wait().expect("create");
        assert_eq!(c.info().wait().expect("info").config, config);
        s.create_consumer(config.clone()).wait().expect("the same again");
        refused(s.create_consumer(ConsumerConfig::new("c")).wait(), ErrorKind::Conflict);
        refused(s.create_consumer(ConsumerConfig::new("a.b")).wait(), ErrorKind::Invalid);
        s.create_consumer(ConsumerConfig::new("b")).wait().expect("another");
        let names: Vec<String> = s.consumers().wait().expect("list").into_iter().map(|i| i.config.name).collect();
        assert_eq!(names, ["b", "c"]);
        s.consumer("c").wait().expect("find");
        refused(s.consumer("d").wait(), ErrorKind::NotFound);
        let waiting = c.next(1);
        s.delete_consumer("c").wait().expect("delete");
        refused(s.delete_consumer("c").wait(), ErrorKind::NotFound);
        drop(waiting);
        refused(c.next(1).wait_timeout(Duration::from_secs(20)), ErrorKind::Closed);
        refused(c.info().wait(), ErrorKind::Closed);
    });
}

#[test]
fn late_ones_come_again_and_too_often_is_buried() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        s.append(&[Append::new("s.a", b"bad").header("A", "1").event_time(4)]).wait().expect("append");
        let config =
            ConsumerConfig { ack_wait: Duration::from_millis(300), max_deliver: 2, ..ConsumerConfig::new("c") };
        let c = s.create_consumer(config).wait().expect("create");
        for count in 1..=2 {
            let batch = next(&*c, 5);
            assert_eq!(batch.get(0).map(|r| (r.seq, r.delivered)), Some((1, count)));
        }
        refused(c.next(5).wait_timeout(Duration::from_secs(2)), ErrorKind::Timeout);
        let dead = engine.stream("s_DLQ").wait().expect("the dead-letter stream");
        let record = dead.get(1).wait().expect("get").expect("buried");
        assert_eq!(record.subject, "$DLQ.s_DLQ.s.c.s.a");
        assert_eq!((record.payload.as_slice(), record.event_time), (&b"bad"[..], Some(4)));
        let headers: Vec<(&str, &str)> = record.headers.iter().map(|h| (h.0.as_str(), h.1.as_str())).collect();
        let expected = [
            ("Headwater-Stream", "s"),
            ("Headwater-Sequence", "1"),
            ("Headwater-Subject", "s.a"),
            ("Headwater-Consumer", "c"),
            ("Headwater-Deliveries", "2"),
            ("A", "1"),
            ("Nats-Msg-Id", "s.c.1"),
        ];
        assert_eq!(headers, expected);
        let info = c.info().wait().expect("info");
        assert_eq!((info.num_dead, info.num_ack_pending), (1, 0));
    });
}

#[test]
fn room_and_acknowledging_all() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a"; 10]);
        let config = ConsumerConfig { ack_policy: AckPolicy::All, max_ack_pending: 4, ..ConsumerConfig::new("c") };
        let c = s.create_consumer(config).wait().expect("create");
        assert_eq!(seqs(&next(&*c, 10)), [1, 2, 3, 4]);
        refused(c.next(10).wait_timeout(Duration::from_millis(200)), ErrorKind::Timeout);
        assert_eq!(c.ack_sync(&[3]).wait().expect("ack"), 3);
        assert_eq!(seqs(&next(&*c, 10)), [5, 6, 7]);
        let none = ConsumerConfig { ack_policy: AckPolicy::None, ..ConsumerConfig::new("n") };
        let n = s.create_consumer(none).wait().expect("create");
        assert_eq!(next(&*n, 20).len(), 10);
        assert_eq!(n.ack(&[1]).expect("ack"), 0);
    });
}

#[test]
fn what_is_there_can_be_taken_without_waiting() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a"; 3]);
        let c = s.create_consumer(ConsumerConfig::new("c")).wait().expect("create");
        let mut taken = Vec::new();
        for _ in 0..200 {
            taken.extend(seqs(&c.try_next(10).expect("try")));
            if taken.len() == 3 {
                break;
            }
            pause(10);
        }
        assert_eq!(taken, [1, 2, 3]);
        crate::pending::park(Some(Duration::from_millis(50)), |cx| c.poll_ready(cx));
        s.append(&[Append::new("s.a", b"")]).wait().expect("append");
        crate::pending::park(Some(Duration::from_secs(5)), |cx| c.poll_ready(cx)).expect("ready");
        assert_eq!(seqs(&c.try_next(10).expect("try")), [4]);
    });
}

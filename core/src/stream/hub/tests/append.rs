//! Appends: alone, under every condition, idempotent, in batches, and many at once.

use std::time::Duration;

use super::{fill, refused, refused_then_taken, stream};
use crate::error::ErrorKind;
use crate::record::{Append, Durability, Rollup};
use crate::stream::config::{Discard, StreamConfig};
use crate::stream::contract::EngineOps;
use crate::stream::hub::testing::{each_version, pause, since};

#[test]
fn one_record_and_its_acknowledgement() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let append =
            Append::new("s.a", b"x").header("B", "2").header("A", "1").header("B", "3").event_time(-5).msg_id("m");
        let ack = s.append(&[append]).wait().expect("append");
        assert_eq!((ack.seq, ack.count, ack.duplicate, ack.durability), (1, 1, false, Durability::Unknown));
        let record = s.get(1).wait().expect("get").expect("there");
        let headers: Vec<(&str, &str)> = record.headers.iter().map(|h| (h.0.as_str(), h.1.as_str())).collect();
        assert_eq!(headers, [("B", "2"), ("A", "1"), ("B", "3"), ("Nats-Msg-Id", "m")]);
        assert_eq!(
            (record.event_time, record.payload.as_slice(), record.subject.as_str()),
            (Some(-5), &b"x"[..], "s.a")
        );
        assert!(record.time > 0);
        // The same through a page of records.
        let read = s.read(&crate::ReadOptions::default()).wait().expect("read");
        assert_eq!(read.get(0).expect("one").to_record(), record, "{version}");
    });
}

#[test]
fn mistakes_are_the_same_errors() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        refused(s.append(&[Append::new("other", b"")]).wait(), ErrorKind::Invalid);
        refused(s.append(&[Append::new("s.*", b"")]).wait(), ErrorKind::Invalid);
        refused(s.append(&[]).wait(), ErrorKind::Invalid);
        refused(s.append(&[Append::new("s.a", b"").header("Nats-X", "")]).wait(), ErrorKind::Invalid);
        refused(s.append(&[Append::new("s.a", b"").header("A", " x")]).wait(), ErrorKind::Unsupported);
        refused(s.append(&[Append::new("s.a", b"").ttl(Duration::from_millis(5))]).wait(), ErrorKind::Invalid);
        refused(s.append(&[Append::new("s.a", &vec![0; 2 << 20])]).wait(), ErrorKind::Invalid);
        refused(s.append(&[Append::new("s.a", &vec![0; 9 << 20])]).wait(), ErrorKind::Invalid);
        assert_eq!(s.info().wait().expect("info").records, 0);
    });
}

#[test]
fn conditions_on_the_stream_and_the_subject() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a", "s.b", "s.a"]);
        let wrong = refused(s.append(&[Append::new("s.a", b"").expect_last_seq(2)]).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(2), Some(3)));
        let wrong =
            refused(s.append(&[Append::new("s.b", b"").expect_subject_last_seq(3)]).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(3), Some(2)));
        let wrong =
            refused(s.append(&[Append::new("s.b", b"").expect_subject_last_seq(0)]).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(0), Some(2)));
        let both = Append::new("s.b", b"").expect_last_seq(3).expect_subject_last_seq(1);
        let wrong = refused(s.append(&[both]).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(1), Some(2)));
        assert_eq!(s.append(&[Append::new("s.c", b"").expect_subject_last_seq(0)]).wait().expect("empty").seq, 4);
        assert_eq!(s.append(&[Append::new("s.b", b"").expect_subject_last_seq(2)]).wait().expect("held").seq, 5);
        assert_eq!(s.append(&[Append::new("s.b", b"").expect_last_seq(5)]).wait().expect("held").seq, 6);
    });
}

#[test]
fn conditions_on_a_filter_or_refused() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.o1.a", "s.o2.a"]);
        let held = s.append(&[Append::new("s.o1.b", b"").expect_filter_last_seq("s.o1.>", 1)]).wait();
        if !since(version, 11) {
            refused(held, ErrorKind::Unsupported);
            return;
        }
        assert_eq!(held.expect("held").seq, 3);
        let wrong = s.append(&[Append::new("s.o1.c", b"").expect_filter_last_seq("s.o1.>", 1)]).wait();
        let wrong = refused(wrong, ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(1), Some(3)));
        let empty = s.append(&[Append::new("s.o9.c", b"").expect_filter_last_seq("s.o8.>", 0)]).wait();
        assert_eq!(empty.expect("empty").seq, 4);
    });
}

#[test]
fn an_id_is_taken_once() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        let first = s.append(&[Append::new("s.a", b"1").msg_id("x")]).wait().expect("first");
        s.append(&[Append::new("s.a", b"2")]).wait().expect("between");
        let again = s.append(&[Append::new("s.a", b"1").msg_id("x").expect_last_seq(0)]).wait().expect("again");
        assert_eq!((again.seq, again.count, again.duplicate), (first.seq, 0, true));
        assert_eq!(s.info().wait().expect("info").records, 2);
        refused_then_taken(&*s);
    });
}

#[test]
fn batches_are_whole_or_refused() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let ack = s.append(&[Append::new("s.a", b"0")]).wait().expect("a batch of one");
        assert_eq!(ack.seq, 1);
        let two = [Append::new("s.a", b"1").expect_last_seq(1).msg_id("a"), Append::new("s.b", b"2").msg_id("b")];
        let done = s.append(&two).wait();
        if !since(version, 12) {
            refused(done, ErrorKind::Unsupported);
            return;
        }
        let done = done.expect("two");
        assert_eq!((done.seq, done.count, done.first_seq()), (3, 2, 2));
        let again = s.append(&two).wait().expect("the same again");
        assert_eq!((again.seq, again.count, again.duplicate), (3, 0, true), "{version}");
        let part = [Append::new("s.a", b"1").msg_id("c"), Append::new("s.b", b"2").msg_id("b")];
        refused(s.append(&part).wait(), ErrorKind::Conflict);
        let wrong = [Append::new("s.c", b"").expect_last_seq(7), Append::new("s.d", b"")];
        let wrong = refused(s.append(&wrong).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(7), Some(3)));
        let wrong = [Append::new("s.c", b""), Append::new("s.a", b"").expect_subject_last_seq(1)];
        let wrong = refused(s.append(&wrong).wait(), ErrorKind::Conflict);
        assert_eq!((wrong.expected(), wrong.actual()), (Some(1), Some(2)));
        let filtered = [Append::new("s.x.1", b"").expect_filter_last_seq("s.x.>", 0), Append::new("s.y", b"")];
        assert_eq!(s.append(&filtered).wait().expect("a filter in a batch").seq, 5);
        assert_eq!(s.info().wait().expect("info").records, 5);
        let many: Vec<String> = (0..1000).map(|i| format!("s.m.{i}")).collect();
        let many: Vec<Append<'_>> = many.iter().map(|subject| Append::new(subject, b"x")).collect();
        let done = s.append(&many).wait().expect("a thousand");
        assert_eq!((done.seq, done.count), (1005, 1000));
        let record = s.get(1005).wait().expect("get").expect("there");
        assert!(record.headers.is_empty(), "{:?}", record.headers);
    });
}

#[test]
fn limits_refuse_and_say_so() {
    each_version(|_, _, engine| {
        let config = StreamConfig { max_msgs: 2, discard: Discard::New, ..StreamConfig::new("s", ["s.>"]) };
        let s = engine.create_stream(config).wait().expect("create");
        fill(&*s, &["s.a", "s.b"]);
        refused(s.append(&[Append::new("s.c", b"")]).wait(), ErrorKind::Limit);
        let config = StreamConfig {
            max_msgs_per_subject: 1,
            discard: Discard::New,
            discard_new_per_subject: true,
            ..StreamConfig::new("t", ["t.>"])
        };
        let t = engine.create_stream(config).wait().expect("create");
        fill(&*t, &["t.a"]);
        refused(t.append(&[Append::new("t.a", b"")]).wait(), ErrorKind::Limit);
        let config = StreamConfig { max_bytes: 2000, discard: Discard::New, ..StreamConfig::new("u", ["u.>"]) };
        let u = engine.create_stream(config).wait().expect("create");
        refused(u.append(&[Append::new("u.a", &[0; 4000])]).wait(), ErrorKind::Limit);
    });
}

#[test]
fn a_time_to_live_or_refused() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let done = s.append(&[Append::new("s.a", b"").ttl(Duration::from_secs(1))]).wait();
        if !since(version, 11) {
            refused(done, ErrorKind::Unsupported);
            return;
        }
        assert_eq!(done.expect("append").seq, 1);
        let record = s.get(1).wait().expect("get").expect("there");
        assert_eq!(record.headers, [("Nats-TTL".to_owned(), "1s".to_owned())]);
        for _ in 0..100 {
            pause(50);
            if s.get(1).wait().expect("get").is_none() {
                return;
            }
        }
        panic!("it stayed");
    });
}

#[test]
fn a_rollup_replaces_what_was_before() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a", "s.b", "s.a"]);
        s.append(&[Append::new("s.a", b"4").rollup(Rollup::Subject)]).wait().expect("rollup");
        let kept = s.read(&crate::ReadOptions::default()).wait().expect("read");
        assert_eq!(kept.iter().map(|r| r.seq).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(kept.get(1).expect("last").header("Nats-Rollup"), Some("sub"));
        s.append(&[Append::new("s.c", b"5").rollup(Rollup::All)]).wait().expect("rollup");
        assert_eq!(s.info().wait().expect("info").records, 1);
    });
}

#[test]
fn many_begin_at_the_call_in_their_order() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        let count = 20_000u64;
        let pending: Vec<_> = (1..=count)
            .map(|i| (i, s.append(&[Append::new("s.a", &i.to_le_bytes())])))
            // Dropping gives up the wait, not the work.
            .filter_map(|(i, pending)| (i % 3 != 0).then_some((i, pending)))
            .collect();
        for (i, pending) in pending.into_iter().rev() {
            assert_eq!(pending.wait().expect("append").seq, i);
        }
        let info = s.info().wait().expect("info");
        assert_eq!((info.records, info.last_seq), (count, count));
    });
}

#[test]
fn racing_writers_under_a_filter_never_pass_each_other() {
    each_version(|version, _, engine| {
        if !since(version, 11) {
            return;
        }
        let s = stream(engine, "s");
        let done: usize = std::thread::scope(|scope| {
            #[allow(clippy::disallowed_methods, reason = "writers race on threads of their own")]
            let writers: Vec<_> = (0..4)
                .map(|w| {
                    let s = &s;
                    scope.spawn(move || {
                        let subject = format!("s.o.{w}");
                        let mut done = 0;
                        for _ in 0..100 {
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
        let options = crate::ReadOptions::default().max_records(1000);
        let all = s.read(&options).wait().expect("read");
        assert_eq!(all.len(), done);
        for (before, record) in all.iter().enumerate() {
            assert_eq!(record.payload, (before as u64).to_le_bytes());
        }
    });
}

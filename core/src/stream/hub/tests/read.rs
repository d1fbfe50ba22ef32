//! Reads: single records, newest ones, stretches both ways, subjects, deletes and purges.

use super::{fill, refused, stream};
use crate::error::ErrorKind;
use crate::record::{Append, Batch};
use crate::stream::contract::EngineOps;
use crate::stream::hub::testing::each_version;
use crate::{PurgeOptions, ReadOptions};

fn seqs(batch: &Batch) -> Vec<u64> {
    batch.iter().map(|r| r.seq).collect()
}

#[test]
fn single_records_and_newest_ones() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        assert_eq!(s.last("s.>").wait().expect("last"), None);
        assert_eq!(s.last_seq(">").wait().expect("tip"), 0);
        assert!(s.last_many(&["s.>"], 0, 10).wait().expect("none").is_empty());
        assert!(s.read(&ReadOptions::default()).wait().expect("none").is_empty());
        fill(&*s, &["s.a", "s.b", "s.a", "s.c.d"]);
        assert_eq!(s.get(2).wait().expect("get").expect("there").subject, "s.b");
        assert_eq!(s.get(9).wait().expect("get"), None);
        assert_eq!(s.get(0).wait().expect("get"), None);
        assert_eq!(s.last("s.a").wait().expect("last").expect("there").seq, 3);
        assert_eq!(s.last("s.*").wait().expect("last").expect("there").seq, 3);
        assert_eq!(s.last_seq("s.>").wait().expect("tip"), 4);
        assert_eq!(s.last_seq("s.nothing").wait().expect("tip"), 0);
        assert_eq!(seqs(&s.last_many(&["s.>"], 0, 10).wait().expect("many")), [2, 3, 4]);
        assert_eq!(seqs(&s.last_many(&["s.*"], 2, 10).wait().expect("many")), [3]);
        assert_eq!(seqs(&s.last_many(&["s.a", "s.*", "s.c.>"], 0, 2).wait().expect("many")), [2, 3]);
        let all = s.subjects(">", "", 10).wait().expect("subjects");
        assert_eq!(all, [("s.a".to_owned(), 2), ("s.b".to_owned(), 1), ("s.c.d".to_owned(), 1)]);
        assert_eq!(s.subjects("s.*", "s.a", 10).wait().expect("subjects"), [("s.b".to_owned(), 1)]);
    });
}

#[test]
fn newest_of_more_subjects_than_one_answer_holds() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        let names: Vec<String> = (0..2500).map(|i| format!("s.n.{i:04}")).collect();
        let twice: Vec<&str> = names.iter().chain(&names).map(String::as_str).collect();
        fill(&*s, &twice);
        let newest = s.last_many(&["s.n.>"], 0, 10_000).wait().expect("many");
        assert_eq!(seqs(&newest), (2501..=5000).collect::<Vec<u64>>());
        assert_eq!(s.subjects("s.n.>", "s.n.0009", 3).wait().expect("subjects")[0].0, "s.n.0010");
    });
}

#[test]
fn stretches_both_ways() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        let subjects: Vec<&str> = (0..3000).map(|i| ["s.a", "s.b", "s.c.x"][i % 3]).collect();
        fill(&*s, &subjects);
        let read = |options: ReadOptions| s.read(&options).wait().expect("read");
        assert_eq!(seqs(&read(ReadOptions::default())), (1..=1000).collect::<Vec<u64>>());
        assert_eq!(read(ReadOptions::default().max_records(5000)).len(), 3000);
        assert_eq!(seqs(&read(ReadOptions::default().from_seq(2999).max_records(5))), [2999, 3000]);
        assert_eq!(seqs(&read(ReadOptions::default().filter("s.b").from_seq(3).max_records(3))), [5, 8, 11]);
        assert_eq!(seqs(&read(ReadOptions::default().filter("s.b").filter("s.c.>").max_records(4))), [2, 3, 5, 6]);
        assert_eq!(seqs(&read(ReadOptions::default().filter("s.*").filter("*.b").max_records(4))), [1, 2, 4, 5]);
        assert_eq!(seqs(&read(ReadOptions::default().backward().max_records(3))), [3000, 2999, 2998]);
        assert_eq!(seqs(&read(ReadOptions::default().backward().filter("s.a").max_records(3))), [2998, 2995, 2992]);
        let back = read(ReadOptions::default().backward().filter("s.a").from_seq(1500).max_records(5000));
        assert_eq!(seqs(&back), (0..500).rev().map(|i| i * 3 + 1).collect::<Vec<u64>>());
        assert_eq!(read(ReadOptions::default().backward().max_records(5000)).len(), 3000);
        let bounded = read(ReadOptions { max_bytes: 1, ..ReadOptions::default() });
        assert_eq!(seqs(&bounded), [1], "{version}");
        let time = s.get(1500).wait().expect("get").expect("there").time;
        let from = read(ReadOptions::default().from_time(time).max_records(5000));
        assert!(from.iter().all(|r| r.time >= time) && from.seq(from.len() - 1) == Some(3000));
        let first = from.seq(0).expect("one");
        assert!(first <= 1500 && s.get(first - 1).wait().expect("get").is_none_or(|r| r.time < time));
        let until = read(ReadOptions { until: Some(time), max_records: 5000, ..ReadOptions::default() });
        assert_eq!(until.len() as u64, first - 1);
        let back = read(ReadOptions::default().from_time(time).backward().max_records(5000));
        assert!(back.iter().all(|r| r.time <= time) && back.seq(back.len() - 1) == Some(1));
        assert!(read(ReadOptions::default().from_time(time + 3_600_000_000_000)).is_empty());
        let handle = crate::stream::Stream::over(std::sync::Arc::clone(&s));
        refused(handle.read(&ReadOptions::default().from_seq(0)).wait(), ErrorKind::Invalid);
    });
}

#[test]
fn event_times_are_looked_at() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        for time in [5, 1, 9, 3] {
            s.append(&[Append::new("s.a", b"").event_time(time)]).wait().expect("append");
        }
        let options = ReadOptions { event_range: Some((1, 6)), max_records: 2, ..ReadOptions::default() };
        assert_eq!(seqs(&s.read(&options).wait().expect("read")), [1, 2]);
        let options = ReadOptions { backward: true, ..options };
        assert_eq!(seqs(&s.read(&options).wait().expect("read")), [4, 2]);
    });
}

#[test]
fn what_is_removed_is_gone() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a", "s.b", "s.a", "s.b", "s.a", "s.b"]);
        assert!(s.delete(2).wait().expect("delete"));
        assert!(!s.delete(2).wait().expect("again"));
        assert!(!s.delete(77).wait().expect("never there"));
        assert!(!s.delete(0).wait().expect("no sequence"));
        assert_eq!(s.get(2).wait().expect("get"), None);
        let purge = |options: PurgeOptions| s.purge(&options).wait().expect("purge");
        assert_eq!(purge(PurgeOptions { filter: Some("s.a".into()), keep: 1, ..PurgeOptions::default() }), 2);
        assert_eq!(purge(PurgeOptions { before_seq: Some(5), ..PurgeOptions::default() }), 1);
        assert_eq!(seqs(&s.read(&ReadOptions::default()).wait().expect("read")), [5, 6]);
        assert_eq!(purge(PurgeOptions::default()), 2);
        let info = s.info().wait().expect("info");
        assert_eq!((info.records, info.first_seq, info.last_seq, info.first_time), (0, 7, 6, 0));
        assert!(s.read(&ReadOptions::default()).wait().expect("read").is_empty());
        refused(s.sync().wait(), ErrorKind::Unsupported);
        engine.delete_stream("s").wait().expect("delete");
        refused(s.info().wait(), ErrorKind::NotFound);
        refused(s.append(&[Append::new("s.a", b"")]).wait(), ErrorKind::NotFound);
        refused(engine.stream("s").wait(), ErrorKind::NotFound);
        refused(engine.delete_stream("s").wait(), ErrorKind::NotFound);
    });
}

#[test]
fn a_read_sees_what_was_acknowledged_before_it() {
    each_version(|_, _, engine| {
        let s = stream(engine, "s");
        for i in 1..=200u64 {
            s.append(&[Append::new("s.a", b"")]).wait().expect("append");
            let read = s.read(&ReadOptions::default().from_seq(i)).wait().expect("read");
            assert_eq!(seqs(&read), [i]);
        }
    });
}

//! Runs of records, which are answered for together where the server has fast batches.

use super::{fill, refused, stream};
use crate::error::ErrorKind;
use crate::record::{Ack, Append};
use crate::stream::config::{Discard, StreamConfig};
use crate::stream::contract::{EngineOps, StreamOps};
use crate::stream::hub::testing::{each_version, since};
use crate::{ReadOptions, Result};

fn append(s: &dyn StreamOps, last_seq: u64, run: &[Append<'_>]) -> Result<Ack> {
    s.append_run(last_seq, run).expect("a run").wait()
}

#[test]
fn a_run_stands_behind_what_it_was_meant_for_or_not_at_all() {
    each_version(|version, _, engine| {
        let s = stream(engine, "s");
        fill(&*s, &["s.a"]);
        let texts: Vec<String> = (2..=601).map(|n: u32| n.to_string()).collect();
        let run: Vec<Append<'_>> =
            texts.iter().map(|t| Append::new("s.a", t.as_bytes()).header("N", t).event_time(7)).collect();
        if !since(version, 14) {
            return assert!(s.append_run(1, &run).is_none());
        }
        let ack = append(&*s, 1, &run).expect("a run");
        assert_eq!((ack.seq, ack.count, ack.duplicate), (601, 600, false));
        let read = s.read(&ReadOptions::default().max_records(1000)).wait().expect("read");
        assert!(read.iter().all(|r| r.payload == r.seq.to_string().as_bytes()), "each in its place");
        assert_eq!(read.get(600).expect("the last").header("N"), Some("601"));
        // It comes again, too late; and one that is a place too far, with another one behind it.
        refused(append(&*s, 1, &run), ErrorKind::Conflict);
        let (first, second) = (s.append_run(602, &run), s.append_run(1202, &run));
        refused(first.expect("a run").wait(), ErrorKind::Conflict);
        refused(second.expect("a run").wait(), ErrorKind::Conflict);
        assert_eq!(s.info().wait().expect("info").last_seq, 601);
        // Several on their way at once, with single ones between.
        let (first, second) = run.split_at(250);
        let first = s.append_run(601, first);
        let between = s.append(&[Append::new("s.b", b"").expect_last_seq(851)]);
        let second = s.append_run(852, second);
        assert_eq!(first.expect("a run").wait().expect("the first").seq, 851);
        assert_eq!(between.wait().expect("one").seq, 852);
        assert_eq!(second.expect("a run").wait().expect("the second").seq, 1202);
        assert!(s.append_run(1202, &run[..2]).is_none(), "that is not worth it");
    });
}

#[test]
fn of_a_run_what_fits_is_there_and_the_rest_refused() {
    each_version(|version, _, engine| {
        let config = StreamConfig { max_msgs: 100, discard: Discard::New, ..StreamConfig::new("s", ["s.>"]) };
        let s = engine.create_stream(config).wait().expect("create");
        let run = vec![Append::new("s.a", b"x"); 300];
        if since(version, 14) {
            let error = refused(append(&*s, 0, &run), ErrorKind::Limit);
            assert!(error.to_string().contains("maximum messages"), "{error}");
            assert_eq!(s.info().wait().expect("info").last_seq, 100);
        }
    });
}

#[test]
fn runs_to_many_streams_at_once() {
    each_version(|version, _, engine| {
        if !since(version, 14) {
            return;
        }
        let streams: Vec<_> = (0..20).map(|n| stream(engine, &format!("s{n}"))).collect();
        let runs = streams.iter().flat_map(|s| {
            let subject = format!("{}.a", s.name());
            let run = vec![Append::new(&subject, b"x"); 100];
            (0..10).map(|n| (n, s.append_run(n * 100, &run).expect("a run"))).collect::<Vec<_>>()
        });
        for (n, ack) in runs.collect::<Vec<_>>() {
            assert_eq!(ack.wait().expect("a run").seq, n * 100 + 100);
        }
    });
}

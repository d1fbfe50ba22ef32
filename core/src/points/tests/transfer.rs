//! Import, export, and imports that were cut off.

use std::fmt::Write as _;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;

use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::points::{ImportOptions, ImportReport, Point, Points, Value};

use super::{Random, store, write};

fn wide() -> ImportOptions {
    ImportOptions { time: "date".to_owned(), node: "seattle".to_owned(), ..ImportOptions::default() }
}

fn csv(points: &Points, text: &str, options: &ImportOptions) -> Result<ImportReport> {
    points.import_csv(&mut text.as_bytes(), options, &mut |_| ControlFlow::Continue(()))
}

fn jsonl(points: &Points, text: &str, options: &ImportOptions) -> Result<ImportReport> {
    points.import_jsonl(&mut text.as_bytes(), options, &mut |_| ControlFlow::Continue(()))
}

fn all(points: &Points) -> Vec<Point> {
    points.range(">", None, None, 0, 1_000_000).expect("a range").0
}

/// A header and `rows` hours of weather.
fn weather(rows: usize) -> String {
    let mut text = "date,pressure,temperature\n".to_owned();
    for row in 0..rows {
        writeln!(
            text,
            "2010-{:02}-{:02}T{:02}:00:00,{}.5,{row}",
            1 + row / 600,
            1 + row % 600 / 24,
            row % 24,
            900 + row
        )
        .expect("text grows");
    }
    text
}

#[test]
fn every_bad_line_is_named_and_the_rest_is_taken() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = "date,t,note\r\n\
        2010-01-01,1.5,dry\r\n\
        yesterday,2,x\r\n\
        2010-01-02,warm,x\r\n\
        2010-01-03,3\r\n\
        2010-01-04,,\"two\nlines\"\r\n\
        2010-01-05,NA,a\"b\r\n\
        2010-01-06,NaN,5\r\n";
    let report = csv(&points, text, &wide()).expect("imported");
    assert_eq!((report.lines, report.points, report.resumed, report.rejected_count), (9, 4, 0, 4));
    let lines: Vec<u64> = report.rejected.iter().map(|r| r.0).collect();
    assert_eq!(lines, [3, 4, 5, 8]);
    assert_eq!(report.rejected[0].1, "'yesterday' is not a time such as 2010-01-31 or 2010-01-31T07:00:00.5Z");
    assert_eq!(report.rejected[1].1, "column 't' holds numbers and this is 'warm'");
    assert_eq!(report.rejected[2].1, "it has 2 fields, the header has 3");
    let values: Vec<(String, Value)> = all(&points).into_iter().map(|p| (p.series(), p.value)).collect();
    assert_eq!(
        values,
        [
            ("seattle.t".to_owned(), Value::Float(1.5)),
            ("seattle.note".to_owned(), Value::Text("dry".to_owned())),
            ("seattle.note".to_owned(), Value::Text("two\nlines".to_owned())),
            ("seattle.note".to_owned(), Value::Text("5".to_owned())),
        ]
    );
}

#[test]
fn options_pick_columns_and_nodes() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let options = ImportOptions {
        node: "elsewhere".to_owned(),
        node_column: "place".to_owned(),
        columns: vec!["t".to_owned()],
        ..ImportOptions::default()
    };
    csv(&points, "place,time,t,u\nseattle,5.5,1,2\n,6,3,4\n", &options).expect("imported");
    jsonl(&points, "{\"place\":\"oslo\",\"time\":7,\"t\":9007199254740993,\"u\":1}\n", &options).expect("imported");
    let told: Vec<(String, i64, Value)> = all(&points).into_iter().map(|p| (p.series(), p.time, p.value)).collect();
    assert_eq!(
        told,
        [
            ("seattle.t".to_owned(), 5_500_000_000, Value::Float(1.0)),
            ("elsewhere.t".to_owned(), 6_000_000_000, Value::Float(3.0)),
            ("oslo.t".to_owned(), 7_000_000_000, Value::Int(9_007_199_254_740_993)),
        ]
    );
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let columns = ImportOptions { columns: vec!["wind".to_owned()], ..wide() };
    let column = ImportOptions { node_column: "place".to_owned(), ..wide() };
    for (text, options, word) in [
        ("", wide(), "no header"),
        ("time,t\n", wide(), "no column 'date'; it has time, t"),
        ("date,t,t\n", wide(), "twice"),
        ("date,,t\n", wide(), "column 2"),
        ("date,t\n", columns, "'wind'"),
        ("date,t\n", column, "'place'"),
        ("time,t\n", ImportOptions::default(), "'node'"),
        ("\"a\n", wide(), "never closed"),
    ] {
        let error = csv(&points, text, &options).expect_err(word);
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(word), "{error}");
    }
}

#[test]
fn json_lines_of_every_kind() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = "{\"date\":\"2010-01-01\",\"a\":1,\"b\":\"x\",\"c\":true,\"d\":null,\"e\":{\"f\":[1]}}\n\
        \n[1]\nnonsense\n{\"a\":1}\n{\"date\":{},\"a\":1}";
    let report = jsonl(&points, text, &wide()).expect("imported");
    assert_eq!((report.lines, report.points, report.rejected_count), (6, 4, 4));
    assert_eq!(report.rejected.iter().map(|r| r.0).collect::<Vec<_>>(), [3, 4, 5, 6]);
    let values: Vec<Value> = all(&points).into_iter().map(|p| p.value).collect();
    let json = Value::Json("{\"f\":[1]}".to_owned());
    assert_eq!(values, [Value::Float(1.0), Value::Text("x".to_owned()), Value::Int(1), json]);
}

#[test]
fn numbers_keep_every_digit_and_documents_every_byte() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = "{\"time\":1517966773.123456789,\"a\":-8.940987030003112e-187,\"b\":{\"z\": 1.10, \"a\":\"}\"} }\n";
    let options = ImportOptions { node: "n".to_owned(), ..ImportOptions::default() };
    assert_eq!(jsonl(&points, text, &options).expect("imported").points, 2);
    let told = all(&points);
    assert_eq!((told[0].time, &told[0].value), (1_517_966_773_123_456_789, &Value::Float(-8.940_987_030_003_112e-187)));
    assert_eq!(told[1].value, Value::Json("{\"z\": 1.10, \"a\":\"}\"}".to_owned()));
}

#[test]
fn malformed_json_is_refused_by_reason() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let lines = [
        ("{\"time\":1,\"a\":1} x", "text follows"),
        ("{\"time\":1 \"a\":1}", "',' is missing"),
        ("{\"time\" 1}", "':' is missing"),
        ("{\"time\":1,}", "not JSON"),
        ("{\"time\":1", "',' is missing"),
        ("{\"time\":", "ends too early"),
        ("{", "ends too early"),
        ("{\"time\":1,\"a\":01}", "not JSON"),
        ("{\"time\":1,\"a\":1e999}", "out of range"),
        ("{\"time\":1517966773840,\"a\":1}", "milliseconds"),
        ("7", "no object"),
        ("7 8", "not JSON"),
    ];
    let text = lines.map(|l| l.0).join("\n");
    let options = ImportOptions { node: "n".to_owned(), ..ImportOptions::default() };
    let report = jsonl(&points, &text, &options).expect("imported");
    assert_eq!((report.points, report.rejected.len()), (0, lines.len()), "{:?}", report.rejected);
    for ((text, word), (_, reason)) in lines.iter().zip(&report.rejected) {
        assert!(reason.contains(word), "{text}: {reason}");
    }
}

#[test]
fn simple_iot_points_are_taken() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = "{\"node\":\"n1\",\"type\":\"temp\",\"key\":\"0\",\"time\":\"2020-01-01T00:00:00Z\",\"value\":2.5,\
        \"tombstone\":2,\"origin\":\"i1\"}\n\
        {\"node\":\"n1\",\"type\":\"description\",\"time\":\"2020-01-01T00:00:00Z\",\"value\":0,\"text\":\"pump\"}\n";
    assert_eq!(jsonl(&points, text, &ImportOptions::default()).expect("imported").points, 2);
    let told = all(&points);
    let expected = Point { key: "0".into(), tombstone: 2, origin: "i1".into(), ..told[0].clone() };
    assert_eq!((&told[0], told[0].series().as_str()), (&expected, "n1.temp.0"));
    assert_eq!((&told[0].value, &told[1].value), (&Value::Float(2.5), &Value::Text("pump".to_owned())));
}

#[test]
fn an_export_imports_to_the_same_points() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let engine = Engine::memory().expect("an engine");
        let points = store(&engine);
        let written: Vec<Point> = (0..100).map(|_| random.point()).collect();
        write(&points, &mut random, &written);
        let (mut lines, mut table) = (Vec::new(), Vec::new());
        assert_eq!(
            points.export_jsonl(&mut lines, ">", None, None, &mut |_| ControlFlow::Continue(())).expect("exported"),
            100
        );
        assert_eq!(
            points.export_csv(&mut table, ">", None, None, &mut |_| ControlFlow::Continue(())).expect("exported"),
            100
        );
        for (text, is_csv) in [(lines, false), (table, true)] {
            let text = String::from_utf8(text).expect("UTF-8");
            let elsewhere = Engine::memory().expect("an engine");
            let other = store(&elsewhere);
            let import = if is_csv { csv } else { jsonl };
            let report = import(&other, &text, &ImportOptions::default()).expect("imported");
            assert_eq!((report.points, report.rejected_count), (100, 0), "seed {seed}: {:?}", report.rejected);
            for (told, point) in all(&other).iter().zip(all(&points)) {
                // Text, because NaN is not equal to itself. JSON comes back on one line from JSON lines.
                let expected = format!("{point:?}");
                let expected = if is_csv { expected } else { expected.replace("[\\n1", "[ 1") };
                assert_eq!(format!("{told:?}"), expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_second_run_writes_what_is_new_only() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = weather(1300);
    let first = csv(&points, &text, &wide()).expect("imported");
    assert_eq!((first.lines, first.points, first.resumed), (1301, 2600, 0));
    let again = csv(&points, &text, &wide()).expect("imported");
    assert_eq!((again.lines, again.points, again.resumed), (1301, 0, 1300));
    let grown = csv(&points, &weather(1400), &wide()).expect("imported");
    assert_eq!((grown.points, grown.resumed), (200, 1300));
    let other = ImportOptions { node: "oslo".to_owned(), ..wide() };
    assert_eq!(csv(&points, &text, &other).expect("imported").points, 2600, "other options are another import");
    assert_eq!(all(&points).len(), 5400);
}

#[test]
fn a_changed_file_is_refused_before_anything_is_written() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = weather(100);
    csv(&points, &text, &wide()).expect("imported");
    let end = points.stream().info().wait().expect("info").last_seq;
    let changed = text.replace("950.5", "951.5") + "2011-01-01,1,1\n";
    for text in [changed, weather(99)] {
        let error = csv(&points, &text, &wide()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    assert_eq!(points.stream().info().wait().expect("info").last_seq, end);
}

/// A file that cannot be read any further at some byte.
struct Cut<'a> {
    text: &'a [u8],
    left: usize,
}

impl Read for Cut<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::Error::other("the disk is gone"));
        }
        let len = into.len().min(self.left).min(self.text.len());
        into[..len].copy_from_slice(&self.text[..len]);
        self.text = &self.text[len..];
        self.left -= len;
        Ok(len)
    }
}

#[test]
fn an_import_that_was_cut_off_goes_on_and_doubles_nothing() {
    let mut text = weather(1500);
    let middle = text.len() / 2 + text[text.len() / 2..].find('\n').expect("a line ends");
    text.insert_str(middle, "\nx");
    for cut in [1000, 20_000, 30_000, text.len() - 10] {
        let engine = Engine::memory().expect("an engine");
        let points = store(&engine);
        let mut file = BufReader::with_capacity(100, Cut { text: text.as_bytes(), left: cut });
        let error = points.import_csv(&mut file, &wide(), &mut |_| ControlFlow::Continue(())).expect_err("cut off");
        assert!(error.kind() == ErrorKind::Io && error.message().contains("read line"), "{error}");
        let before = all(&points).len() as u64;
        let report = csv(&points, &text, &wide()).expect("imported");
        let times: std::collections::BTreeSet<(i64, String)> =
            all(&points).into_iter().map(|p| (p.time, p.kind)).collect();
        assert_eq!((times.len(), all(&points).len()), (3000, 3000), "cut at {cut}");
        assert_eq!(report.points + before, 3000, "cut at {cut}");
        assert!(report.rejected_count >= 1, "lines refused by an earlier run are named again");
    }
}

#[test]
fn an_import_that_was_stopped_goes_on_and_doubles_nothing() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = weather(7000);
    let mut heard = 0;
    let stop_at_the_third = &mut |_| {
        heard += 1;
        if heard < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let error = points.import_csv(&mut text.as_bytes(), &wide(), stop_at_the_third).expect_err("stopped");
    assert_eq!((error.kind(), heard), (ErrorKind::Timeout, 3), "{error}");
    let before = all(&points).len();
    assert!(before > 0 && before < 14_000, "{before} points were written");
    let report = csv(&points, &text, &wide()).expect("imported");
    assert!(report.resumed > 0, "it goes on where it was stopped");
    assert_eq!((report.points as usize + before, all(&points).len()), (14_000, 14_000));
}

#[test]
fn an_export_that_was_stopped_leaves_whole_lines() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    for node in ["a", "b", "c"] {
        csv(&points, &weather(7000), &ImportOptions { node: node.to_owned(), ..wide() }).expect("imported");
    }
    let mut text = Vec::new();
    let error = points.export_jsonl(&mut text, ">", None, None, &mut |_| ControlFlow::Break(())).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    assert!(!lines.is_empty() && lines.len() < 42_000, "{} lines", lines.len());
    for line in lines {
        serde_json::from_slice::<serde_json::Value>(line).expect("a whole line");
    }
}

#[test]
fn progress_reaches_the_size_of_the_file() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let text = weather(3000);
    let mut heard = Vec::new();
    let hear = &mut |bytes| {
        heard.push(bytes);
        ControlFlow::Continue(())
    };
    points.import_csv(&mut text.as_bytes(), &wide(), hear).expect("imported");
    assert!(heard.len() > 1 && heard.is_sorted() && heard.last() == Some(&(text.len() as u64)), "{heard:?}");
}

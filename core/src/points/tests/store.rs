//! Writing, opening and ranges.

use crate::engine::Engine;
use crate::points::{Point, Points, PointsConfig, Value};
use crate::record::Append;
use crate::{ErrorKind, ReadOptions};

use super::{Random, store, temperature, write};

#[test]
fn points_lie_where_every_tool_finds_them() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let point = Point { key: "a b".into(), ..temperature(-5, 4.0) };
    assert_eq!(points.write(&[point]).wait().expect("written").seq, 1);
    let record = engine.stream("PT_test").wait().expect("the stream").get(1).wait().expect("read").expect("the record");
    assert_eq!(record.subject, "$PT.test.seattle.temperature.a=20b");
    assert_eq!((record.event_time, record.payload.len()), (Some(-5), 9));
}

#[test]
fn opening_what_is_not_there_names_it() {
    let engine = Engine::memory().expect("an engine");
    let error = Points::open(&engine, "none").err().expect("an error");
    assert!(error.kind() == ErrorKind::NotFound && error.message().contains("point store 'none'"), "{error}");
    for name in ["", "a.b", "a b", "a*"] {
        let config = PointsConfig { name: name.to_owned(), ..PointsConfig::default() };
        assert_eq!(Points::create(&engine, config).err().map(|e| e.kind()), Some(ErrorKind::Invalid), "{name:?}");
    }
}

#[test]
fn bad_points_are_refused_before_anything_is_written() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let good = temperature(1, 1.0);
    for bad in [
        Point { node: String::new(), ..good.clone() },
        Point { kind: String::new(), ..good.clone() },
        Point { node: "x".repeat(2000), ..good.clone() },
        Point { value: Value::Json("{".to_owned()), ..good.clone() },
    ] {
        let error = points.write(&[good.clone(), bad]).wait().expect_err("refused");
        assert!(error.kind() == ErrorKind::Invalid && error.message().starts_with("point 1: "), "{error}");
    }
    for count in [0, 1001] {
        let error = points.write(&vec![good.clone(); count]).wait().expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(points.stream().info().wait().expect("info").last_seq, 0);
    assert_eq!(points.write(&vec![good; 1000]).wait().expect("written").count, 1000);
}

#[test]
fn what_is_no_point_is_named() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    points.stream().append(&Append::new("$PT.test.a.b", b"hello")).wait().expect("appended");
    let error = points.latest(">", false).expect_err("no point");
    assert!(error.message().contains("record 1 on '$PT.test.a.b'"), "{error}");
    assert!(points.stream().delete(1).wait().expect("deleted"));
    assert!(points.latest(">", false).expect("latest").is_empty());
}

#[test]
fn ranges_page_through_everything_in_the_order_of_commit() {
    let mut random = Random(1);
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let mut written: Vec<Point> = (0..300).map(|_| random.point()).collect();
    write(&points, &mut random, &written);
    for point in &mut written {
        if point.origin.is_empty() {
            point.origin = points.own_origin().to_owned();
        }
    }
    for (from, to) in [(None, None), (Some(-3), Some(4)), (Some(0), None), (None, Some(-9)), (Some(1), Some(1))] {
        let inside = |p: &&Point| from.is_none_or(|f| p.time >= f) && to.is_none_or(|t| p.time < t);
        let expected: Vec<&Point> = written.iter().filter(inside).collect();
        let (mut told, mut after) = (Vec::new(), 0);
        loop {
            let (page, next) = points.range(">", from, to, after, 7).expect("a page");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 7);
            told.extend(page);
            after = next;
        }
        assert_eq!(format!("{told:?}"), format!("{expected:?}"));
    }
    assert!(points.range(">", Some(2), Some(1), 0, 0).is_err());
}

#[test]
fn points_without_event_time_count_at_their_commit() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    points.stream().append(&Append::new("$PT.test.a.b", &[2, 2])).wait().expect("appended");
    let time = points.stream().read(&ReadOptions::default()).wait().expect("read").get(0).expect("the record").time;
    let point = &points.latest("a.b", false).expect("latest")[0];
    assert_eq!((point.time, &point.value), (time as i64, &Value::Int(1)));
}

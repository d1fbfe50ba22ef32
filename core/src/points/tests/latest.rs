//! The order of points and the index over it.

use std::collections::BTreeMap;

use crate::engine::Engine;
use crate::points::{Point, Points, PointsConfig, Value};
use crate::stream::PurgeOptions;

use super::{ROUNDS, Random, store, temperature, write};

/// A point whose value follows from its stamp, as the order asks for.
fn stamped(random: &mut Random) -> Point {
    let (tombstone, time) = (random.below(3) as u32, random.below(4) as i64);
    let origin = random.pick(&["a", "b", "c"]);
    let value = Value::Text(format!("{tombstone}/{time}/{origin}"));
    Point { tombstone, origin: origin.to_owned(), ..Point::new("n", "k", time, value) }
}

#[test]
fn merging_is_commutative_associative_and_idempotent() {
    for seed in 0..ROUNDS * 10 {
        let mut random = Random(seed);
        let (a, b, c) = (stamped(&mut random), stamped(&mut random), stamped(&mut random));
        assert_eq!(a.clone().merge(b.clone()), b.clone().merge(a.clone()), "seed {seed}");
        let left = a.clone().merge(b.clone()).merge(c.clone());
        assert_eq!(left, a.clone().merge(b.merge(c)), "seed {seed}");
        assert_eq!(a.clone().merge(a.clone()), a, "seed {seed}");
    }
}

#[test]
fn tombstone_then_time_then_origin_decide() {
    let point = |tombstone, time, origin: &str| Point { tombstone, origin: origin.into(), ..temperature(time, 0.0) };
    let order = [point(0, 1, "a"), point(0, 1, "b"), point(0, 2, "a"), point(1, 0, "a"), point(2, -5, "")];
    for pair in order.windows(2) {
        assert_eq!(pair[0].clone().merge(pair[1].clone()), pair[1]);
    }
    let other = temperature(1, 5.0);
    assert_eq!(temperature(1, 4.0).merge(other), temperature(1, 4.0), "an equal stamp changes nothing");
}

/// Winners by the rule, in the order that `latest` gives them: by encoded subject.
fn model(points: &Points, written: &[Point]) -> BTreeMap<String, Point> {
    let mut winners: BTreeMap<String, Point> = BTreeMap::new();
    for point in written {
        let mut point = point.clone();
        if point.origin.is_empty() {
            point.origin = points.own_origin().to_owned();
        }
        let mut subject = String::new();
        points.subjects().push(&mut subject, &point);
        let winner = match winners.remove(&subject) {
            Some(now) => now.merge(point),
            None => point,
        };
        winners.insert(subject, winner);
    }
    winners
}

fn check(points: &Points, written: &[Point], seed: u64) {
    let winners = model(points, written);
    // Debug text, because NaN is not equal to itself.
    let expected: Vec<&Point> = winners.values().collect();
    let told = points.latest(">", true).expect("latest");
    assert_eq!(format!("{told:?}"), format!("{:?}", expected.iter().collect::<Vec<_>>()), "seed {seed}");
    let alive = points.latest(">", false).expect("latest");
    assert_eq!(alive.len(), expected.iter().filter(|p| p.tombstone % 2 == 0).count(), "seed {seed}");
}

#[test]
fn the_index_follows_the_stream_and_can_be_rebuilt() {
    for seed in 0..ROUNDS / 4 {
        let mut random = Random(seed);
        let engine = Engine::memory().expect("an engine");
        let points = store(&engine);
        let mut written = Vec::new();
        for _ in 0..3 {
            let more: Vec<Point> = (0..=random.below(40)).map(|_| random.point()).collect();
            write(&points, &mut random, &more);
            written.extend(more);
            check(&points, &written, seed);
        }
        check(&Points::open(&engine, "test").expect("the store"), &written, seed);
    }
}

#[test]
fn filters_take_parts_and_wildcards() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let keyed =
        |node: &str, kind: &str, key: &str| Point { key: key.into(), ..Point::new(node, kind, 1, Value::Int(1)) };
    points
        .write(&[keyed("a", "x", ""), keyed("a", "x", "1"), keyed("a", "y", ""), keyed("b.c", "x", "*")])
        .wait()
        .expect("written");
    let series = |filter: &str| -> Vec<String> {
        points.latest(filter, false).expect(filter).iter().map(Point::series).collect()
    };
    assert_eq!(series(">"), ["a.x", "a.x.1", "a.y", "b=2Ec.x.=2A"]);
    assert_eq!(series("a.x"), ["a.x"]);
    assert_eq!(series("a.*"), ["a.x", "a.y"]);
    assert_eq!(series("a.>"), ["a.x", "a.x.1", "a.y"]);
    assert_eq!(series("*.x.*"), ["a.x.1", "b=2Ec.x.=2A"]);
    assert_eq!(series("b=2Ec.x.=2A"), ["b=2Ec.x.=2A"], "a series name is a filter for itself");
    for bad in ["", "a", "*", "a.", ".x", "a.x.1.2", "a.x.1.>", "a.=", "a.=zz", ">.x", "a.x*.=FF"] {
        let error = points.latest(bad, false).expect_err(bad);
        assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{bad}: {error}");
    }
}

#[test]
fn a_deleted_series_stays_deleted_until_a_larger_tombstone() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let latest = || points.latest("seattle.temperature", false).expect("latest").len();
    points.write(&[temperature(10, 1.0)]).wait().expect("written");
    points.write(&[Point { tombstone: 1, ..temperature(11, 0.0) }]).wait().expect("written");
    points.write(&[temperature(99, 2.0)]).wait().expect("written");
    assert_eq!(latest(), 0, "a newer time does not undo a deletion");
    assert_eq!(points.latest("seattle.temperature", true).expect("latest")[0].time, 11);
    points.write(&[Point { tombstone: 2, ..temperature(5, 3.0) }]).wait().expect("written");
    assert_eq!(latest(), 1);
}

#[test]
fn a_winner_that_is_gone_wins_no_more() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let last = || points.latest("seattle.temperature", false).expect("latest").first().map(|p| p.time);
    for time in [1, 9, 5, 3] {
        points.write(&[temperature(time, 0.0)]).wait().expect("written");
    }
    assert_eq!(last(), Some(9));
    assert!(points.stream().delete(2).wait().expect("deleted"));
    assert_eq!(last(), Some(5));
    points.stream().purge(&PurgeOptions { before_seq: Some(4), ..PurgeOptions::default() }).wait().expect("purged");
    assert_eq!(last(), Some(3));
    points.stream().purge(&PurgeOptions::default()).wait().expect("purged");
    assert_eq!(last(), None);
    points.write(&[temperature(2, 0.0)]).wait().expect("written");
    assert_eq!(last(), Some(2), "a store that was emptied begins anew");
}

#[test]
fn old_points_of_a_series_give_way() {
    let engine = Engine::memory().expect("an engine");
    let config = PointsConfig { name: "few".to_owned(), max_points_per_series: 2, ..PointsConfig::default() };
    let points = Points::create(&engine, config).expect("a store");
    for time in [1, 2, 3, 4] {
        points.write(&[temperature(time, 0.0)]).wait().expect("written");
    }
    let (kept, _) = points.range(">", None, None, 0, 0).expect("a range");
    assert_eq!(kept.iter().map(|p| p.time).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(points.latest(">", false).expect("latest")[0].time, 4);
}

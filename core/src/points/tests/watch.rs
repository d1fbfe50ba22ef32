//! Watching: the seam, waits and faults.

use std::ops::ControlFlow;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::ErrorKind;
use crate::engine::Engine;
use crate::points::{ImportOptions, Point, Value};
use crate::record::Append;

use super::{store, temperature};

#[test]
fn winners_come_first_then_every_new_point_once() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    points.write(&[temperature(5, 1.0), temperature(2, 2.0)]).wait().expect("written");
    let watcher = points.watch("seattle.*").expect("a watcher");
    points.write(&[temperature(3, 3.0), Point::new("oslo", "wind", 1, Value::Int(1))]).wait().expect("written");
    points.write(&[Point { tombstone: 1, ..temperature(6, 0.0) }]).wait().expect("written");
    let mut times = Vec::new();
    while let Ok(taken) = watcher.try_next(1) {
        let [point] = taken.as_slice() else { break };
        times.push((point.time, point.tombstone));
    }
    assert_eq!(times, [(5, 0), (3, 0), (6, 1)]);
}

#[test]
fn a_wait_ends_with_a_point_a_deadline_or_a_close() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let watcher = points.watch(">").expect("a watcher");
    let mut pending = watcher.next(10);
    let error = pending.wait_timeout(Duration::from_millis(5)).expect_err("nothing there");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(watcher.poll_ready(&mut cx), Poll::Pending);
    points.write(&[temperature(1, 1.0)]).wait().expect("written");
    assert_eq!(pending.wait_timeout(Duration::from_secs(10)).expect("a point").len(), 1);
    watcher.close();
    assert_eq!(watcher.next(1).wait().expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(watcher.poll_ready(&mut cx), Poll::Ready(()));
}

#[test]
fn what_the_store_writes_for_itself_is_not_seen() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let watcher = points.watch(">").expect("a watcher");
    let options = ImportOptions { node: "a".to_owned(), ..ImportOptions::default() };
    points.import_csv(&mut &b"time,b\n1,2\n"[..], &options, &mut |_| ControlFlow::Continue(())).expect("imported");
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(watcher.poll_ready(&mut cx), Poll::Ready(()));
    assert_eq!(watcher.try_next(1).expect("a point").len(), 1);
    assert_eq!(watcher.poll_ready(&mut cx), Poll::Pending, "only the record of progress is left");
    assert!(watcher.try_next(1).expect("nothing").is_empty());
}

#[test]
fn a_fault_is_told_in_its_turn() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let watcher = points.watch(">").expect("a watcher");
    points.write(&[temperature(1, 1.0)]).wait().expect("written");
    points.stream().append(&Append::new("$PT.test.a.b", b"?")).wait().expect("appended");
    points.write(&[temperature(2, 2.0)]).wait().expect("written");
    assert_eq!(watcher.try_next(10).expect("the first").len(), 1);
    assert!(watcher.try_next(10).expect_err("no point").message().contains("record 2"));
    assert_eq!(watcher.try_next(10).expect("the last")[0].time, 2);
}

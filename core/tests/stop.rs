//! Long work that its caller stops: it ends with an error, and what it leaves can be told from what is whole.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use headwater::{Append, Engine, ErrorKind, Result, StreamConfig};

/// Enough for several calls of a progress callback.
const RECORDS: usize = 8;
const RECORD_BYTES: usize = 1 << 20;

/// A place of its own for a test, with a directory of some megabytes in it.
fn made(name: &str) -> (PathBuf, Engine) {
    let place = std::env::temp_dir().join(format!("headwater-stop-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&place);
    let engine = Engine::open(place.join("data")).expect("open");
    let stream = engine.create_stream(StreamConfig::new("s", ["s.>"])).wait().expect("create");
    for _ in 0..RECORDS {
        stream.append(&Append::new("s.a", &vec![7; RECORD_BYTES])).wait().expect("append");
    }
    (place, engine)
}

/// Stops `work` at each of its calls of progress in turn, until it is through; says how often that was.
fn stop_everywhere(mut work: impl FnMut(&mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Result<()>) -> usize {
    for stop_at in 1.. {
        let mut heard = 0;
        let outcome = work(&mut |done, total| {
            assert!(done <= total, "{done} of {total}");
            heard += 1;
            if heard < stop_at { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match outcome {
            Ok(()) => return stop_at - 1,
            Err(error) => assert_eq!((error.kind(), heard), (ErrorKind::Timeout, stop_at), "{error}"),
        }
    }
    unreachable!("work has an end")
}

fn is_nothing(dir: &Path) -> bool {
    !dir.exists()
}

#[test]
fn a_backup_that_is_stopped_leaves_nothing_and_can_be_made_again() {
    let (place, engine) = made("backup");
    let to = place.join("copy");
    let stops = stop_everywhere(|progress| {
        let outcome = engine.backup(&to, progress).map(drop);
        assert_eq!(outcome.is_err(), is_nothing(&to));
        outcome
    });
    assert!(stops >= RECORDS, "{stops}");
    let copy = Engine::open(&to).expect("the copy opens").stream("s").wait().expect("stream");
    assert_eq!(copy.info().wait().expect("info").records, RECORDS as u64);
    fs::remove_dir_all(place).expect("remove");
}

#[test]
fn a_restore_that_is_stopped_while_it_checks_or_copies_leaves_nothing() {
    let (place, engine) = made("restore");
    let (from, to) = (place.join("copy"), place.join("fresh"));
    engine.backup(&from, &mut |_, _| ControlFlow::Continue(())).expect("backup");
    let stops = stop_everywhere(|progress| {
        let outcome = Engine::restore(&from, &to, progress).map(drop);
        assert_eq!(outcome.is_err(), is_nothing(&to));
        outcome
    });
    assert!(stops >= 2 * RECORDS, "{stops}: every byte is read twice");
    let restored = Engine::open(&to).expect("the copy opens").stream("s").wait().expect("stream");
    assert_eq!(restored.info().wait().expect("info").records, RECORDS as u64);
    fs::remove_dir_all(place).expect("remove");
}

#[test]
fn a_check_that_is_stopped_has_no_report() {
    let (place, engine) = made("verify");
    engine.close().expect("close");
    let stops = stop_everywhere(|progress| {
        let report = Engine::verify(place.join("data"), progress)?;
        assert_eq!(report.records, RECORDS as u64);
        Ok(())
    });
    assert!(stops >= RECORDS, "{stops}: one large segment is heard of many times");
    fs::remove_dir_all(place).expect("remove");
}

#[test]
fn a_backup_over_something_else_leaves_that_alone() {
    let (place, engine) = made("full");
    let error = engine.backup(place.join("data"), &mut |_, _| ControlFlow::Continue(())).expect_err("not empty");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(place.join("data/headwater.json").exists());
    fs::remove_dir_all(place).expect("remove");
}

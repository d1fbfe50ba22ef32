//! Projections: from where they stood, each event in effect once, and what becomes of those that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::clock::{Clock, ManualClock};
use crate::engine::{Engine, EngineOptions};
use crate::error::ErrorKind;
use crate::record::Append;

use super::super::*;
use super::{id, save, store};

const SECOND: u64 = 1_000_000_000;

fn config() -> ProjectionConfig {
    ProjectionConfig::new("totals")
}

fn open(store: &EventStore) -> Projection {
    store.projection(config()).wait().expect("a projection")
}

fn add(store: &EventStore, key: &str, events: &[&str]) {
    save(store, key, Expected::Any, events).expect("a save");
}

fn seqs(events: &Events) -> Vec<u64> {
    events.iter().map(|event| event.expect("an event").seq()).collect()
}

/// A model of the names of events; one named "bad" fails.
fn names_of() -> MemoryModel<Vec<String>> {
    MemoryModel::new(Vec::new(), |names: &mut Vec<String>, event| {
        if event.event_type == "bad" {
            return Err("it is bad".into());
        }
        names.push(event.event_type.to_owned());
        Ok(())
    })
}

fn state<S: Clone + Send + Sync + 'static>(model: &MemoryModel<S>) -> S {
    model.read(|state, _| state.clone())
}

#[test]
fn a_projection_goes_on_behind_what_was_committed() {
    let store = store();
    add(&store, "a", &["A", "B"]);
    add(&store, "b", &["C"]);
    let projection = open(&store);
    assert_eq!(projection.lag(), 3);
    assert_eq!(seqs(&projection.next(2).wait().expect("two")), [1, 2]);
    assert!(projection.commit(3, &[]).wait().is_err(), "it was not given out");
    projection.commit(1, b"one").wait().expect("a commit");
    assert_eq!((projection.position(), projection.lag()), (1, 2));
    drop(projection);

    let projection = open(&store);
    assert_eq!((projection.position(), projection.state()), (1, b"one".to_vec()));
    assert_eq!(seqs(&projection.next(9).wait().expect("the rest")), [2, 3]);
    projection.commit(3, b"").wait().expect("a commit");
    assert_eq!(projection.lag(), 0);
    add(&store, "a", &["D"]);
    assert_eq!(projection.lag(), 1, "what comes later counts too");
    projection.close().wait().expect("closed");
    assert_eq!(projection.next(1).wait().expect_err("closed").kind(), ErrorKind::Closed);

    let all = store.projections().wait().expect("all");
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].name.as_str(), all[0].position, all[0].lag), ("totals", 3, 1));
    assert!(!all[0].is_running && all[0].failing.is_none());
}

#[test]
fn who_opens_a_projection_takes_it_over() {
    let store = store();
    add(&store, "a", &["A", "B"]);
    let before = open(&store);
    before.next(1).wait().expect("one");
    let after = open(&store);
    after.next(1).wait().expect("one");
    let refused = before.commit(1, &[]).wait().expect_err("it is another's");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("opened again"), "{refused}");
    drop(before);
    after.commit(1, &[]).wait().expect("the one that holds it");
}

#[test]
fn a_filter_leaves_out_what_is_not_for_it_and_the_lag_knows() {
    let store = store();
    add(&store, "a", &["A"]);
    let filters = vec![EventFilter::one(id("b"))];
    let projection = store.projection(ProjectionConfig { filters, ..config() }).wait().expect("a projection");
    assert_eq!(store.projections().wait().expect("all")[0].lag, 0, "nothing there is for it");
    add(&store, "b", &["B"]);
    assert_eq!(seqs(&projection.next(9).wait().expect("one")), [2]);
    projection.commit(2, &[]).wait().expect("a commit");
    add(&store, "a", &["C", "D"]);
    let status = &store.projections().wait().expect("all")[0];
    assert_eq!((status.position, status.lag), (2, 0));
    assert_eq!(status.filters, [EventFilter::one(id("b"))]);
}

/// The seed tried a failing event again at its first interval for ever, and read the whole stream each time.
#[test]
fn a_poison_event_is_tried_with_growing_pauses_and_then_a_dead_letter() {
    let clock = Arc::new(ManualClock::new(SECOND, 7));
    let options = EngineOptions { clock: clock.clone(), worker: false, ..EngineOptions::default() };
    let engine = Engine::memory_with(options).expect("an engine");
    let store = engine.create_event_store(EventsConfig::default()).wait().expect("a store");
    add(&store, "a", &["A", "bad", "C"]);
    let config = ProjectionConfig { tries: 4, pause_max: Duration::from_millis(300), ..config() };
    let projection = store.projection(config).wait().expect("a projection");
    let mut pauses = Vec::new();
    loop {
        let mut next = projection.next(9);
        if next.wait_timeout(Duration::ZERO).is_err_and(|error| error.kind() == ErrorKind::Timeout) {
            let failing = store.projections().wait().expect("all")[0].failing.clone().expect("it fails");
            assert_eq!((failing.seq, failing.error.as_str()), (2, "it is bad"));
            clock.advance(pauses.last().copied().unwrap_or_default());
            engine.step();
            assert_eq!(seqs(&next.wait_timeout(Duration::from_secs(10)).expect("it is given again")), [2, 3]);
        } else if projection.position() == 0 {
            projection.commit(1, &[]).wait().expect("a commit");
        }
        let failure = projection.fail(2, "it is bad").wait().expect("a failure");
        if failure.is_dead {
            assert_eq!(failure.tries, 4);
            break;
        }
        pauses.push(failure.pause);
    }
    assert_eq!(pauses, [100, 200, 300].map(Duration::from_millis));
    assert_eq!(seqs(&projection.next(9).wait().expect("the rest")), [3]);
    projection.commit(3, &[]).wait().expect("a commit");
    let letters = store.dead_letters("totals", 0, 9).wait().expect("letters");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].failing, Failing { seq: 2, tries: 4, error: "it is bad".to_owned() });
    let status = &store.projections().wait().expect("all")[0];
    assert_eq!((status.dead, status.failing.clone()), (1, None));
    assert_eq!(store.event_at(2).wait().expect("it").get(0).expect("one").expect("an event").event_type, "bad");
    assert!(store.event_at(4).wait().expect("none").is_empty());
}

#[test]
fn a_model_passes_a_dead_letter_by_and_takes_it_in_when_it_can() {
    let store = store();
    add(&store, "a", &["A", "bad", "C"]);
    let config = ProjectionConfig { tries: 2, pause: Duration::from_millis(1), ..config() };
    let projection = store.projection(config).wait().expect("a projection");
    let model = Arc::new(names_of());
    projection.catch_up(&model).wait().expect("caught up");
    assert_eq!(state(&model), ["A", "C"]);
    assert!(projection.replay(&model).wait().expect_err("it fails still").message().contains("dead letter 2"));
    // A model that begins anew with what is wrong mended takes it in, in its place, and then is not told twice.
    let mended = Arc::new(MemoryModel::new(Vec::new(), |names: &mut Vec<String>, event| {
        names.push(event.event_type.to_owned());
        Ok(())
    }));
    projection.catch_up(&mended).wait().expect("caught up");
    assert_eq!(projection.replay(&mended).wait().expect("replayed"), 1);
    assert_eq!(state(&mended), ["A", "bad", "C"]);
    assert_eq!(projection.replay(&mended).wait().expect("nothing is left"), 0);
}

#[test]
fn a_model_that_begins_anew_does_not_try_a_dead_letter_as_often_again() {
    let store = store();
    add(&store, "a", &["bad"]);
    let slow = ProjectionConfig { tries: 1, ..config() };
    let projection = store.projection(slow).wait().expect("a projection");
    projection.catch_up(&Arc::new(names_of())).wait().expect("caught up");
    let patient = ProjectionConfig { tries: 9, pause: Duration::from_secs(3600), ..config() };
    let projection = store.projection(patient).wait().expect("a projection");
    projection.catch_up(&Arc::new(names_of())).wait().expect("caught up at once");
}

/// A program that ends while it takes an event in says nothing of a failure.
#[test]
fn an_event_at_which_the_program_ends_again_and_again_is_a_dead_letter() {
    let store = store();
    add(&store, "a", &["A", "kills", "C"]);
    let config = ProjectionConfig { tries: 3, ..config() };
    let (mut lives, mut seen) = (0, Vec::new());
    'lives: loop {
        lives += 1;
        assert!(lives < 9, "it never gets past it");
        let projection = store.projection(config.clone()).wait().expect("a projection");
        loop {
            let events = projection.next(9).wait().expect("events");
            for event in events.iter() {
                let event = event.expect("an event");
                if event.event_type == "kills" {
                    // As a process that is killed: nothing is told.
                    std::mem::forget(projection);
                    continue 'lives;
                }
                seen.push(event.event_type.to_owned());
            }
            projection.commit(*seqs(&events).last().expect("one"), &[]).wait().expect("a commit");
            if projection.position() == 3 {
                break 'lives;
            }
        }
    }
    assert_eq!(seen.last().map(String::as_str), Some("C"));
    let letters = store.dead_letters("totals", 0, 9).wait().expect("letters");
    assert_eq!(letters[0].failing.seq, 2);
    assert!(letters[0].failing.error.contains("the program ended"), "{letters:?}");
}

#[test]
fn a_record_that_is_no_event_is_a_dead_letter_at_once() {
    let store = store();
    let junk = || store.stream().append(&Append::new("$EVENTS.events.account.x", b"junk")).wait().expect("a record");
    junk();
    add(&store, "a", &["A", "B"]);
    junk();
    junk();
    let (projection, model) = (open(&store), Arc::new(names_of()));
    projection.catch_up(&model).wait().expect("caught up");
    assert_eq!((state(&model), projection.position(), projection.lag()), (vec!["A".to_owned(), "B".to_owned()], 5, 0));
    let letters = store.dead_letters("totals", 0, 9).wait().expect("letters");
    assert_eq!(letters.iter().map(|letter| letter.failing.seq).collect::<Vec<_>>(), [1, 4, 5]);
    assert!(letters[0].failing.error.contains("is no event"), "{letters:?}");
}

/// A look with no waker took the place of the one that waited.
#[test]
fn a_look_does_not_take_the_place_of_whoever_waits() {
    struct Rung(AtomicBool);
    impl std::task::Wake for Rung {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let store = store();
    let projection = open(&store);
    let rung = Arc::new(Rung(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&rung));
    assert!(projection.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    assert!(projection.try_next(9).expect("open").is_empty());
    add(&store, "a", &["A"]);
    assert!(rung.0.load(Ordering::Relaxed), "it is told");
    assert_eq!(seqs(&projection.try_next(9).expect("one")), [1]);
}

#[test]
fn a_rebuild_stands_beside_the_live_one_and_takes_its_place() {
    let store = store();
    add(&store, "a", &["A", "B"]);
    let (live, model) = (open(&store), Arc::new(names_of()));
    live.catch_up(&model).wait().expect("caught up");
    assert_eq!(live.switch().wait().expect_err("it is no rebuild").kind(), ErrorKind::Misuse);
    let rebuild = store.projection(ProjectionConfig { is_rebuild: true, ..config() }).wait().expect("a rebuild");
    let lengths = Arc::new(MemoryModel::new(0, |sum: &mut usize, event| {
        *sum += event.event_type.len();
        Ok(())
    }));
    let all = store.projections().wait().expect("all");
    assert_eq!(
        all.iter().map(|p| (p.name.as_str(), p.is_rebuild)).collect::<Vec<_>>(),
        [("totals", false), ("totals", true)]
    );
    live.close().wait().expect("told");
    assert!(!rebuild.switch().wait().expect("it is behind"));
    rebuild.catch_up(&lengths).wait().expect("caught up");
    assert!(rebuild.switch().wait().expect("switched"));
    add(&store, "a", &["C"]);
    rebuild.catch_up(&lengths).wait().expect("it goes on");
    assert_eq!(state(&lengths), 3);
    rebuild.close().wait().expect("closed");
    let all = store.projections().wait().expect("all");
    assert_eq!(all.iter().map(|p| (p.is_rebuild, p.position)).collect::<Vec<_>>(), [(false, 3)]);
    store.delete_projection("totals").wait().expect("forgotten");
    assert_eq!(store.delete_projection("totals").wait().expect_err("none").kind(), ErrorKind::NotFound);
    assert!(store.projections().wait().expect("all").is_empty());
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let store = store();
    for name in ["", "a.b", "a=rebuild", &"x".repeat(65)] {
        let refused = store.projection(ProjectionConfig::new(name)).wait().map(|_| ()).expect_err("no name");
        assert!(refused.message().contains("projection name"), "{refused}");
    }
    let projection = open(&store);
    assert_eq!(projection.fail(1, "x").wait().expect_err("not given out").kind(), ErrorKind::Invalid);
}

fn summing() -> MemoryModel<(u64, u64)> {
    let decode = |bytes: &[u8]| {
        let mut parts = bytes.chunks_exact(8).map(|part| u64::from_le_bytes(part.try_into().expect("eight bytes")));
        Ok((parts.next().unwrap_or_default(), parts.next().unwrap_or_default()))
    };
    MemoryModel::new((0, 0), |(count, sum): &mut (u64, u64), event| {
        *count += 1;
        *sum = sum.wrapping_mul(31).wrapping_add(event.seq());
        Ok(())
    })
    .with_snapshots(3, |(count, sum)| Ok([count.to_le_bytes(), sum.to_le_bytes()].concat()), decode)
}

#[test]
fn after_any_crash_a_projection_is_what_it_would_be_from_the_first_event() {
    for seed in 0..200 {
        let random = ManualClock::new(0, seed);
        let store = store();
        let (mut projection, mut model) = (open(&store), Arc::new(summing()));
        for _ in 0..random.random() % 40 {
            match random.random() % 7 {
                0..3 => add(&store, &(random.random() % 4).to_string(), &["A", "B"]),
                3..6 => projection.catch_up(&model).wait().expect("caught up"),
                _ => {
                    std::mem::forget(projection);
                    (projection, model) = (open(&store), Arc::new(summing()));
                }
            }
        }
        projection.catch_up(&model).wait().expect("caught up");
        let whole = Arc::new(summing());
        store.projection(ProjectionConfig::new("whole")).wait().expect("one").catch_up(&whole).wait().expect("all");
        assert_eq!(state(&model), state(&whole), "seed {seed}");
    }
}

//! What the event store that this one grew out of did wrong, each as a test by the number that it has in the list of
//! its failures: those of stores, repositories and projections. `event_hub.rs` has those again that only a real server
//! shows; those of entities are among their tests.

#![allow(clippy::unwrap_used, missing_docs)]

mod common {
    pub(crate) mod events;
}

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use common::events::{Account, Moved, accounts, deposit, events, id, save, save_by_threes, store, versions};
use headwater::events::{
    EventFilter, EventStore, EventView, Events, EventsConfig, Expected, FollowOptions, LoadOptions, MemoryModel,
    Projection, ProjectionConfig, ReadModel, RepositoryOptions, SaveOptions, Taken,
};
use headwater::{Durability, Engine, Error, ErrorKind, Result};

#[test]
fn failure_1_several_events_are_saved_as_one_and_savers_between_are_refused() {
    let engine = Engine::temporary().unwrap();
    let store = store(&engine);
    save_by_threes(&[store.clone(), store.clone(), store.clone(), store]);
}

#[test]
fn failure_2_a_save_whose_answer_was_lost_is_no_conflict_when_it_is_sent_again() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let first = store.save(id("a"), Expected::None, &events(&["x", "y"]), &options).wait().unwrap();
    let again = store.save(id("a"), Expected::None, &events(&["x", "y"]), &options).wait().unwrap();
    assert_eq!((again.position, again.is_repeat, first.is_repeat), (first.position, true, false));
    assert_eq!(versions(&store, "a"), [1, 2]);
}

/// What another one's save has on its way is in the way of whoever comes next, and is read by nobody yet.
#[test]
fn failure_2_whoever_takes_any_version_is_not_refused_whatever_an_acknowledgement_promises() {
    for durability in [Durability::Fsync, Durability::Interval, Durability::Os] {
        let saved = of_rivals(durability, |store, _| save(store, "a", Expected::Any, &["x"]).map(|it| it.version));
        let versions: BTreeSet<u64> = saved.iter().copied().collect();
        assert_eq!(versions, (1..=saved.len() as u64).collect(), "{durability:?}");
    }
}

#[test]
fn failure_2_of_those_who_carry_out_one_command_at_once_one_does_whatever_an_acknowledgement_promises() {
    for durability in [Durability::Fsync, Durability::Interval, Durability::Os] {
        let repeats = of_rivals(durability, |store, number| {
            let command = number.to_string();
            let options = SaveOptions { command: &command, ..SaveOptions::default() };
            let saved = store.save(id(&command), Expected::None, &events(&["x", "y"]), &options).wait()?;
            assert_eq!(saved.position.version, 2);
            Ok(saved.is_repeat)
        });
        assert_eq!(repeats.iter().filter(|is_repeat| !*is_repeat).count(), repeats.len() / 4, "{durability:?}");
    }
}

/// Saves an event of any version when it is woken, in the midst of the append that wakes it: only where an append waits
/// for no sync, as nothing is synced while a waker waits for it.
struct SavesToo(EventStore);

impl Wake for SavesToo {
    fn wake(self: Arc<Self>) {
        save(&self.0, "a", Expected::Any, &["y"]).unwrap();
    }
}

#[test]
fn failure_2_whoever_is_woken_by_a_save_of_any_version_may_save_any_version_there_and_then() {
    for durability in [Durability::Interval, Durability::Os] {
        let engine = Engine::temporary().unwrap();
        let config = EventsConfig { durability, ..EventsConfig::default() };
        let store = engine.create_event_store(config).wait().unwrap();
        let feed = store.follow(&FollowOptions::default()).wait().unwrap();
        let mut next = feed.next(1);
        let waker = Waker::from(Arc::new(SavesToo(store.clone())));
        assert!(Pin::new(&mut next).poll(&mut Context::from_waker(&waker)).is_pending());
        save(&store, "a", Expected::Any, &["x"]).unwrap();
        assert_eq!(versions(&store, "a"), [1, 2], "{durability:?}");
    }
}

/// Has four do a thing at once, many times each: what came of it.
fn of_rivals<T: Send>(durability: Durability, work: impl Fn(&EventStore, u64) -> Result<T> + Sync) -> Vec<T> {
    let engine = Engine::temporary().unwrap();
    let config = EventsConfig { durability, ..EventsConfig::default() };
    let store = engine.create_event_store(config).wait().unwrap();
    let times = if durability == Durability::Fsync { 200 } else { 3_000 };
    let work = |number| work(&store, number).unwrap_or_else(|error| panic!("{durability:?}, {number}: {error}"));
    std::thread::scope(|scope| {
        let rivals = [(); 4].map(|()| scope.spawn(|| (0..times).map(work).collect::<Vec<T>>()));
        rivals.into_iter().flat_map(|rival| rival.join().unwrap()).collect()
    })
}

#[test]
fn failure_3_events_do_not_go_by_themselves_and_a_full_store_refuses() {
    let engine = Engine::memory().unwrap();
    let config = EventsConfig { max_bytes: 4096, ..EventsConfig::default() };
    let store = engine.create_event_store(config).wait().unwrap();
    let limits = store.stream().config();
    assert_eq!((limits.max_age, limits.max_msgs, limits.max_msgs_per_subject), (Duration::ZERO, 0, 0));
    let refused = (0..1000).find_map(|_| save(&store, "a", Expected::Any, &["x"]).err()).unwrap();
    assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
    let kept = versions(&store, "a");
    assert!(kept.len() > 10 && kept.iter().copied().eq(1..=kept.len() as u64), "{kept:?}");
}

#[test]
fn failure_6_snapshots_that_are_turned_off_are_off() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let accounts = accounts(&store, RepositoryOptions { snapshot_every: 0, ..RepositoryOptions::default() });
    for _ in 0..5 {
        deposit(&accounts, "a", 1);
    }
    assert_eq!(store.snapshot(id("a")).wait().unwrap(), None);
}

#[test]
fn failure_9_any_text_is_a_key_and_filters_see_all_of_them() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let keys = ["a.b", "*", ">", "a b", "-", "ü\u{1f600}", "=2E", "a=b"];
    let feed = store.follow(&FollowOptions { filters: vec![EventFilter::aggregate("account")], after: 0 });
    let feed = feed.wait().unwrap();
    for key in keys {
        save(&store, key, Expected::None, &["x"]).unwrap();
        save(&store, key, Expected::Version(1), &["y"]).unwrap();
    }
    let seen = feed.try_next(100).unwrap();
    let seen: Vec<String> = seen.iter().map(|event| event.unwrap().id().unwrap().1).collect();
    assert_eq!(seen, keys.iter().flat_map(|key| [*key, *key]).collect::<Vec<_>>());
    assert!(keys.iter().all(|key| versions(&store, key) == [1, 2]));
}

#[test]
fn failure_10_a_snapshot_with_a_time_to_live_is_there() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let options = RepositoryOptions { snapshot_every: 1, snapshot_ttl: Duration::from_secs(3600), cache: 0 };
    let accounts = accounts(&store, options);
    deposit(&accounts, "a:b", 1);
    deposit(&accounts, "a-b", 2);
    let kept = |key| store.snapshot(id(key)).wait().unwrap().map(|snapshot| snapshot.data);
    assert_eq!((kept("a:b"), kept("a-b")), (Some(b"1".to_vec()), Some(b"2".to_vec())));
}

#[test]
fn failure_11_what_was_given_up_is_not_saved_by_the_next() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let accounts = accounts(&store, RepositoryOptions::default());
    let give_up = accounts.transact("a", &SaveOptions::default(), |root| {
        root.raise(Moved(1000));
        Err::<(), _>(Error::new(ErrorKind::Invalid, "no"))
    });
    assert_eq!(give_up.wait().err().unwrap().message(), "no");
    deposit(&accounts, "a", 1);
    // Nor what could not be saved, as another was faster.
    let mut late = accounts.get_or_create("a").wait().unwrap();
    deposit(&accounts, "a", 1);
    late.raise(Moved(500));
    assert_eq!(accounts.save(late, &SaveOptions::default()).wait().unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(accounts.load("a").wait().unwrap().unwrap().state(), &Account(2));
}

#[test]
fn failure_12_events_are_saved_although_their_snapshot_could_not_be() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let accounts = accounts(&store, RepositoryOptions { snapshot_every: 1, ..RepositoryOptions::default() });
    engine.delete_bucket("EVENTS_events").wait().unwrap();
    deposit(&accounts, "a", 1);
    assert_eq!(versions(&store, "a"), [1]);
}

#[test]
fn failure_13_an_event_has_the_name_that_its_user_chose_and_an_unknown_one_is_named() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let accounts = accounts(&store, RepositoryOptions::default());
    deposit(&accounts, "a", 1);
    let loaded = store.load(id("a"), &LoadOptions::default()).wait().unwrap();
    assert_eq!(loaded.events().next().unwrap().event_type, "moved");
    save(&store, "a", Expected::Any, &["renamed"]).unwrap();
    let error = accounts.load("a").wait().unwrap_err();
    assert!(error.to_string().contains("event 2 of account 'a', 'renamed' of schema 1"), "{error}");
}

#[test]
fn failure_15_the_lag_is_what_the_store_has_now_and_not_what_it_had() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    save(&store, "a", Expected::Any, &["x"]).unwrap();
    let feed = store.follow(&FollowOptions::default()).wait().unwrap();
    assert_eq!((feed.lag(), feed.try_next(10).unwrap().len(), feed.lag()), (1, 1, 0));
    save(&store, "a", Expected::Any, &["x", "x", "x"]).unwrap();
    assert_eq!((feed.lag(), feed.try_next(2).unwrap().len(), feed.lag()), (3, 2, 1));
}

#[test]
fn failure_16_who_follows_may_save_and_filters_are_one_or_the_other() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let filters = vec![EventFilter::one(id("a")), EventFilter::one(id("-"))];
    let feed = store.follow(&FollowOptions { filters, after: 0 }).wait().unwrap();
    save(&store, "a", Expected::Any, &["0"]).unwrap();
    for n in 1..50 {
        let taken = feed.next(1).wait_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(taken.get(0).unwrap().unwrap().event_type, (n - 1).to_string());
        save(&store, if n % 2 == 0 { "a" } else { "-" }, Expected::Any, &[&n.to_string()]).unwrap();
        save(&store, "b", Expected::Any, &["of nobody"]).unwrap();
    }
    assert_eq!((versions(&store, "a").len(), versions(&store, "-").len()), (25, 25));
}

fn count(store: &EventStore) -> (Projection, Arc<MemoryModel<Vec<u64>>>) {
    let projection = store.projection(ProjectionConfig::new("seen")).wait().unwrap();
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()));
    let fold = |seen: &mut Vec<u64>, event: &EventView<'_>| {
        seen.push(event.seq());
        Ok(())
    };
    let model =
        MemoryModel::new(Vec::new(), fold).with_snapshots(1, |seen| Ok(serde_json::to_vec(seen).unwrap()), parse);
    (projection, Arc::new(model))
}

fn seen(model: &MemoryModel<Vec<u64>>) -> Vec<u64> {
    model.read(|seen, _| seen.clone())
}

/// A second start read all 50 events again, and asked the bucket for each of them.
#[test]
fn failure_04_a_start_goes_on_behind_what_was_committed() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    save(&store, "a", Expected::Any, &["X"; 50]).unwrap();
    let (projection, model) = count(&store);
    projection.catch_up(&model).wait().unwrap();
    drop(projection);
    save(&store, "a", Expected::Any, &["X"]).unwrap();
    let again = store.projection(ProjectionConfig::new("seen")).wait().unwrap();
    let events = again.next(100).wait().unwrap();
    assert_eq!((events.len(), events.seq(0)), (1, Some(51)), "only what is new");
}

/// A wrapper around a projection that keeps snapshots hid where it stood, and it began anew.
#[test]
fn failure_05_a_wrapped_read_model_is_restored_as_the_one_within() {
    struct Logged<M>(Arc<M>);
    impl<M: ReadModel> ReadModel for Logged<M> {
        fn begin(&self, position: u64, state: Vec<u8>) -> Result<u64> {
            self.0.begin(position, state)
        }
        fn take(&self, events: &Events) -> Result<Taken> {
            self.0.take(events)
        }
        fn skip(&self, seq: u64) -> Result<()> {
            self.0.skip(seq)
        }
        fn retake(&self, event: &EventView<'_>) -> Result<()> {
            self.0.retake(event)
        }
        fn keeps_position(&self) -> bool {
            self.0.keeps_position()
        }
        fn keep(&self) -> Result<Option<(u64, Vec<u8>)>> {
            self.0.keep()
        }
    }
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    save(&store, "a", Expected::Any, &["X"; 100]).unwrap();
    let (projection, model) = count(&store);
    projection.catch_up(&Arc::new(Logged(model))).wait().unwrap();
    let (projection, within) = count(&store);
    projection.catch_up(&Arc::new(Logged(Arc::clone(&within)))).wait().unwrap();
    assert_eq!(seen(&within), (1..=100).collect::<Vec<_>>(), "it is restored, and nothing is in it twice");
}

/// After a handler's error the stream was read again from the last snapshot, and the state in memory was kept: 8 events
/// were counted as 12.
#[test]
fn failure_07_what_is_read_again_after_an_error_is_not_in_effect_twice() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    save(&store, "a", Expected::Any, &["X"; 8]).unwrap();
    let config = ProjectionConfig { pause: Duration::from_millis(1), ..ProjectionConfig::new("seen") };
    let projection = store.projection(config).wait().unwrap();
    let has_failed = AtomicBool::new(false);
    let model = Arc::new(MemoryModel::new(Vec::new(), move |seen: &mut Vec<u64>, event| {
        if event.seq() == 6 && !has_failed.swap(true, Ordering::Relaxed) {
            return Err("once".into());
        }
        seen.push(event.seq());
        Ok(())
    }));
    projection.catch_up(&model).wait().unwrap();
    assert_eq!(seen(&model), (1..=8).collect::<Vec<_>>());
}

/// A failing event was tried for ever at the first interval; unknown types were passed by for good.
#[test]
fn failure_08_a_poison_event_is_a_dead_letter_and_one_that_is_not_known_yet_is_not_lost() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    save(&store, "a", Expected::Any, &["known", "new", "known"]).unwrap();
    let config = ProjectionConfig { tries: 3, pause: Duration::from_millis(1), ..ProjectionConfig::new("seen") };
    let projection = store.projection(config).wait().unwrap();
    let knows = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&knows);
    let model = Arc::new(MemoryModel::new(Vec::new(), move |seen: &mut Vec<u64>, event| {
        if event.event_type == "new" && !told.load(Ordering::Relaxed) {
            return Err("it is not known".into());
        }
        seen.push(event.seq());
        Ok(())
    }));
    projection.catch_up(&model).wait().unwrap();
    assert_eq!(store.dead_letters("seen", 0, 9).wait().unwrap()[0].failing.tries, 3);
    knows.store(true, Ordering::Relaxed);
    assert_eq!(projection.replay(&model).wait().unwrap(), 1);
    assert_eq!(seen(&model), [1, 3, 2]);
}

/// To stop what was not started hung for ever.
#[test]
fn failure_17_what_never_ran_is_closed_at_once() {
    let engine = Engine::memory().unwrap();
    let store = store(&engine);
    let (projection, model) = count(&store);
    projection.close().wait().unwrap();
    assert_eq!(projection.run(&model).wait().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(projection.next(1).wait().map(|_| ()).unwrap_err().kind(), ErrorKind::Closed);
    engine.close().unwrap();
}

//! What the event store that this one grew out of did wrong, each as a test by the number that it has in the list of
//! its failures: those of stores and repositories. Those of projections and entities come with them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use headwater::events::{
    Aggregate, AggregateId, DomainEvent, EventFilter, EventStore, EventsConfig, Expected, FollowOptions, LoadOptions,
    NewEvent, Position, Repository, RepositoryOptions, Root, SaveOptions,
};
use headwater::{Engine, Error, ErrorKind, Result};

fn store(engine: &Engine) -> EventStore {
    engine.create_event_store(EventsConfig::default()).wait().unwrap()
}

fn id(key: &str) -> AggregateId<'_> {
    AggregateId::new("account", key)
}

fn events<'a>(types: &[&'a str]) -> Vec<NewEvent<'a>> {
    types.iter().map(|event_type| NewEvent::new(event_type, b"{}")).collect()
}

fn save(store: &EventStore, key: &str, expected: Expected, types: &[&str]) -> Result<Position> {
    let saved = store.save(id(key), expected, &events(types), &SaveOptions::default()).wait()?;
    Ok(saved.position)
}

fn versions(store: &EventStore, key: &str) -> Vec<u64> {
    store.load(id(key), &LoadOptions::default()).wait().unwrap().events().map(|event| event.version).collect()
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Account(i64);

#[derive(Debug, Clone, PartialEq)]
struct Moved(i64);

impl DomainEvent for Moved {
    fn event_type(&self) -> &'static str {
        "moved"
    }

    fn encode(&self) -> Result<Vec<u8>> {
        Ok(self.0.to_string().into_bytes())
    }

    fn decode(event_type: &str, _: u32, data: &[u8]) -> Result<Self> {
        let amount = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok());
        let unknown = || Error::new(ErrorKind::Unsupported, format!("'{event_type}' is not known"));
        amount.filter(|_| event_type == "moved").map(Moved).ok_or_else(unknown)
    }
}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type Event = Moved;

    fn apply(&mut self, event: &Moved) {
        self.0 += event.0;
    }

    fn encode_snapshot(&self) -> Result<Option<Vec<u8>>> {
        Ok(Some(self.0.to_string().into_bytes()))
    }

    fn decode_snapshot(data: &[u8]) -> Option<Self> {
        std::str::from_utf8(data).ok()?.parse().ok().map(Account)
    }
}

fn accounts(store: &EventStore, options: RepositoryOptions) -> Repository<Account> {
    Repository::new(store, options)
}

fn deposit(accounts: &Repository<Account>, key: &str, amount: i64) {
    let decide = move |root: &mut Root<Account>| {
        root.raise(Moved(amount));
        Ok(())
    };
    accounts.transact(key, &SaveOptions::default(), decide).wait().unwrap();
}

#[test]
fn failure_1_several_events_are_saved_as_one_and_savers_between_are_refused() {
    let engine = Engine::temporary().unwrap();
    let store = store(&engine);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let at = store.load(id("a"), &LoadOptions::default()).wait().unwrap().position;
                    // Another one saves in between, or does not: either is right, and half a save is not.
                    let _ = save(&store, "a", Expected::At(at), &["x", "y", "z"]);
                }
            });
        }
    });
    let loaded = store.load(id("a"), &LoadOptions::default()).wait().unwrap();
    let types: Vec<_> = loaded.events().map(|event| event.event_type.to_owned()).collect();
    assert!(types.len() >= 60 && types.chunks(3).all(|three| three == ["x", "y", "z"]), "{types:?}");
    assert_eq!(versions(&store, "a"), (1..=types.len() as u64).collect::<Vec<_>>());
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
    assert_eq!(give_up.wait().unwrap_err().message(), "no");
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

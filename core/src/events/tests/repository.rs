//! Typed repositories.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, ManualClock};
use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, ErrorKind, Result};

use super::super::*;
use super::{id, store};

#[derive(Debug, Clone, Default, PartialEq)]
struct Account {
    balance: i64,
    events: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Moved {
    Deposited(i64),
    Withdrawn(i64),
}

impl DomainEvent for Moved {
    fn event_type(&self) -> &str {
        match self {
            Moved::Deposited(_) => "Deposited",
            Moved::Withdrawn(_) => "Withdrawn",
        }
    }

    fn schema(&self) -> u32 {
        2
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let (Moved::Deposited(amount) | Moved::Withdrawn(amount)) = self;
        Ok(amount.to_string().into_bytes())
    }

    fn decode(event_type: &str, schema: u32, data: &[u8]) -> Result<Self> {
        let amount = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok());
        match (event_type, schema, amount) {
            ("Deposited", 2, Some(amount)) => Ok(Moved::Deposited(amount)),
            ("Withdrawn", 2, Some(amount)) => Ok(Moved::Withdrawn(amount)),
            _ => Err(Error::corrupt("it is none of an account")),
        }
    }
}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type Event = Moved;

    fn apply(&mut self, event: &Moved) {
        self.events += 1;
        self.balance += match event {
            Moved::Deposited(amount) => *amount,
            Moved::Withdrawn(amount) => -amount,
        };
    }

    fn encode_snapshot(&self) -> Result<Option<Vec<u8>>> {
        Ok(Some(format!("{} {}", self.balance, self.events).into_bytes()))
    }

    fn decode_snapshot(data: &[u8]) -> Option<Self> {
        let (balance, events) = std::str::from_utf8(data).ok()?.split_once(' ')?;
        Some(Account { balance: balance.parse().ok()?, events: events.parse().ok()? })
    }
}

fn deposit(repository: &Repository<Account>, key: &str, amount: i64) -> Result<i64> {
    let options = SaveOptions::default();
    repository
        .transact(key, &options, move |root| {
            root.raise(Moved::Deposited(amount));
            Ok(root.state().balance)
        })
        .wait()
        .map(|done| done.decided.expect("it was decided"))
}

#[test]
fn transactions_at_once_lose_and_double_nothing() {
    let store = store();
    for cache in [0, 10] {
        let options = RepositoryOptions { cache, snapshot_every: 7, ..RepositoryOptions::default() };
        let key = format!("with cache {cache}");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                // Each as a process of its own would have it.
                let repository = Repository::<Account>::new(&store, options.clone());
                let key = &key;
                scope.spawn(move || {
                    for _ in 0..25 {
                        while let Err(error) = deposit(&repository, key, 1) {
                            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                        }
                    }
                });
            }
        });
        let repository = Repository::<Account>::new(&store, options);
        let root = repository.load(&key).wait().expect("a load").expect("an account");
        assert_eq!(*root.state(), Account { balance: 100, events: 100 });
        let whole = Repository::<Account>::new(
            &store,
            RepositoryOptions { snapshot_every: 0, cache: 0, ..RepositoryOptions::default() },
        );
        assert_eq!(*whole.load(&key).wait().expect("a load").expect("it").state(), *root.state(), "without snapshots");
    }
}

/// A command that came again long after was decided anew, and done twice.
#[test]
fn a_command_that_was_carried_out_is_not_decided_again() {
    let store = store();
    let repository = Repository::<Account>::new(&store, RepositoryOptions::default());
    let once = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let decide = |root: &mut Root<Account>| {
        root.raise(Moved::Deposited(5));
        Ok("decided")
    };
    let first = repository.transact("a", &once, decide).wait().expect("the first");
    assert_eq!((first.decided, first.is_repeat, first.root.state().balance), (Some("decided"), false, 5));
    deposit(&repository, "a", 1).expect("another");
    let never = |_: &mut Root<Account>| -> Result<&str> { panic!("it is decided again") };
    for repository in [repository.clone(), Repository::new(&store, RepositoryOptions::default())] {
        let again = repository.transact("a", &once, never).wait().expect("a repeat");
        assert_eq!((again.decided, again.is_repeat, again.root.state().balance), (None, true, 6));
        assert_eq!(again.root.position().version, 2);
    }
    // Of another aggregate it is another command.
    assert!(!repository.transact("b", &once, decide).wait().expect("the first").is_repeat);
}

/// A decision that was refused stayed in the shared state of the cache, and the next save persisted it.
#[test]
fn what_was_raised_and_not_saved_is_seen_by_nobody() {
    let repository = Repository::<Account>::new(&store(), RepositoryOptions::default());
    deposit(&repository, "a", 1).expect("a deposit");
    let refused = repository.transact("a", &SaveOptions::default(), |root| {
        root.raise(Moved::Deposited(1_000));
        Err::<(), _>(Error::invalid("too much"))
    });
    assert!(refused.wait().is_err());
    assert_eq!(deposit(&repository, "a", 1).expect("a deposit"), 2);
    let mut stale = repository.get_or_create("a").wait().expect("a load");
    deposit(&repository, "a", 1).expect("a deposit");
    stale.raise(Moved::Withdrawn(2));
    assert_eq!(repository.save(stale, &SaveOptions::default()).wait().expect_err("stale").kind(), ErrorKind::Conflict);
    assert_eq!(deposit(&repository, "a", 1).expect("a deposit"), 4);
    assert!(repository.load("nobody").wait().expect("a load").is_none());
}

#[test]
fn a_command_that_was_carried_out_is_not_carried_out_again() {
    let repository = Repository::<Account>::new(&store(), RepositoryOptions::default());
    let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let mut first = repository.start("a");
    first.raise(Moved::Deposited(5));
    repository.save(first, &options).wait().expect("the first");
    // Its acknowledgement was lost, and it is sent again as it was.
    let mut again = repository.start("a");
    again.raise(Moved::Deposited(5));
    let saved = repository.save(again, &options).wait().expect("its own");
    assert_eq!((saved.state().balance, saved.position().version), (5, 1));
}

fn withdraw(account: &mut Root<Account>, amount: i64) -> Result<i64> {
    if account.state().balance < amount {
        return Err(Error::new(ErrorKind::Conflict, "not enough"));
    }
    account.raise(Moved::Withdrawn(amount));
    Ok(account.state().balance)
}

#[test]
fn a_decision_is_tested_without_a_store() {
    let decided = given::<Account>([Moved::Deposited(5)]).when(|account| withdraw(account, 2));
    assert_eq!(decided.then(&[Moved::Withdrawn(2)]).state().balance, 3);
    let refused = given::<Account>([]).when(|account| withdraw(account, 2));
    assert_eq!(refused.then_error().kind(), ErrorKind::Conflict);
    let seen = given::<Account>([Moved::Deposited(1)]).when(|account| Ok::<_, Error>(account.position().version));
    seen.then(&[]);
}

#[test]
#[should_panic(expected = "the decision was refused")]
fn a_decision_that_was_refused_is_not_one_that_raised_nothing() {
    given::<Account>([]).when(|account| withdraw(account, 2)).then(&[]);
}

#[test]
#[should_panic(expected = "the decision raised")]
fn a_decision_that_raised_something_else_is_shown() {
    given::<Account>([Moved::Deposited(5)]).when(|account| withdraw(account, 2)).then(&[Moved::Withdrawn(3)]);
}

#[test]
#[should_panic(expected = "the decision was not refused")]
fn a_decision_that_was_not_refused_has_no_error() {
    given::<Account>([Moved::Deposited(5)]).when(|account| withdraw(account, 2)).then_error();
}

#[test]
fn old_bytes_still_load_through_upcasters() {
    let store = store();
    let old = NewEvent::new("Moved", b"5");
    store.save(id("a"), Expected::None, &[old], &SaveOptions::default()).wait().expect("a save");
    let plain = Repository::<Account>::new(&store, RepositoryOptions::default());
    let error = plain.load("a").wait().expect_err("an unknown event");
    assert!(error.message().contains("event 1 of account 'a', 'Moved' of schema 1"), "{error}");
    let mut upcasters = Upcasters::default();
    let renamed = |old: Upcasted| Ok(Upcasted { event_type: "Deposited".into(), ..old });
    upcasters.add("Moved", 1, renamed).expect("a step");
    assert!(upcasters.add("Moved", 1, renamed).is_err(), "one step from each schema");
    upcasters.add("Deposited", 1, |old| Ok(Upcasted { schema: 2, ..old })).expect("a step");
    let repository = Repository::<Account>::with_upcasters(&store, RepositoryOptions::default(), upcasters);
    assert_eq!(repository.load("a").wait().expect("a load").expect("it").state().balance, 5);
    let mut circle = Upcasters::default();
    circle.add("A", 1, Ok).expect("a step");
    assert!(circle.upcast("A", 1, b"").expect_err("a circle").message().contains("lead back"));
}

/// fold(snapshot + tail) = fold(all), wherever the snapshots are.
#[test]
fn a_state_is_what_all_events_make_of_it() {
    for seed in 0..64 {
        let clock = ManualClock::new(1, seed);
        let below = |most: u64| clock.random() % most;
        let every = 1 + below(8);
        let store = store();
        let options = RepositoryOptions { snapshot_every: every, cache: 0, ..RepositoryOptions::default() };
        let repository = Repository::<Account>::new(&store, options);
        let mut sum = 0;
        for _ in 0..=below(60) {
            let amount = below(19) as i64 - 9;
            sum += amount;
            deposit(&repository, "a", amount).expect("a deposit");
        }
        let all = RepositoryOptions { snapshot_every: 0, cache: 0, ..RepositoryOptions::default() };
        let all = Repository::<Account>::new(&store, all).load("a").wait().expect("a load").expect("it");
        let tail =
            store.load(id("a"), &LoadOptions { snapshot_schema: 1, ..LoadOptions::default() }).wait().expect("it");
        assert!(tail.len() < every as usize, "seed {seed}: {} events behind the snapshot", tail.len());
        let some = repository.load("a").wait().expect("a load").expect("it");
        assert_eq!((some.state(), all.state().balance), (all.state(), sum), "seed {seed}");
    }
}

/// How often an event was decoded.
static DECODED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Clone, Default)]
struct Counted(u64);

struct Once;

impl DomainEvent for Once {
    fn event_type(&self) -> &'static str {
        "Once"
    }

    fn encode(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn decode(_: &str, _: u32, _: &[u8]) -> Result<Self> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        Ok(Once)
    }
}

impl Aggregate for Counted {
    const NAME: &'static str = "account";
    type Event = Once;

    fn apply(&mut self, _: &Once) {
        self.0 += 1;
    }
}

#[test]
fn loads_at_once_share_one_read() {
    let store = store();
    let events: Vec<_> = (0..1_000).map(|_| NewEvent::new("Once", b"")).collect();
    store.save(id("a"), Expected::None, &events, &SaveOptions::default()).wait().expect("saved");
    let repository = Repository::<Counted>::new(&store, RepositoryOptions::default());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(repository.load("a").wait().unwrap().unwrap().state().0, 1_000));
        }
    });
    assert_eq!(DECODED.load(Ordering::Relaxed), 1_000);
    // One that was begun and is not driven on keeps nobody.
    let cold = Repository::<Counted>::new(&store, RepositoryOptions::default());
    let begun = cold.load("a");
    assert_eq!(cold.load("a").wait().unwrap().unwrap().state().0, 1_000);
    drop(begun);
    assert!(cold.load("b").wait().unwrap().is_none());
}

/// What is loaded as of a version, a sequence or a time comes of the log, whatever memory has, and is not saved over
/// what came later.
#[test]
fn an_aggregate_is_loaded_as_it_was() {
    let clock = Arc::new(ManualClock::new(1_000, 7));
    let engine = Engine::memory_with(EngineOptions { clock: clock.clone(), ..EngineOptions::default() });
    let store = engine.expect("an engine").create_event_store(EventsConfig::default()).wait().expect("a store");
    for cache in [0, 10] {
        let key = format!("with cache {cache}");
        let options = RepositoryOptions { cache, snapshot_every: 2, ..RepositoryOptions::default() };
        let accounts = Repository::<Account>::new(&store, options);
        let mut places = Vec::new();
        for n in 1..=5 {
            deposit(&accounts, &key, n).expect("a deposit");
            places.push((accounts.load(&key).wait().expect("a load").expect("it").position(), clock.now()));
            clock.advance(Duration::from_secs(1));
        }
        for (n, (position, time)) in (1..).zip(&places) {
            for as_of in [AsOf::Version(n), AsOf::Seq(position.seq), AsOf::Time(*time)] {
                let root = accounts.load_as_of(&key, as_of).wait().expect("a load").expect("it");
                let expected = Account { balance: (1..=n as i64).sum(), events: n };
                assert_eq!((root.state(), root.position()), (&expected, *position), "{as_of:?}");
            }
        }
        let loaded = |as_of| accounts.load_as_of(&key, as_of).wait().expect("a load");
        assert!(loaded(AsOf::Version(0)).is_none() && loaded(AsOf::Time(1)).is_none(), "before its first event");
        let unreached = accounts.load_as_of(&key, AsOf::Version(6)).wait().expect_err("not yet");
        assert_eq!(unreached.kind(), ErrorKind::NotFound);
        let mut old = loaded(AsOf::Version(3)).expect("it");
        old.raise(Moved::Withdrawn(1));
        let refused = accounts.save(old, &SaveOptions::default()).wait().expect_err("there is more");
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert_eq!(accounts.load(&key).wait().expect("a load").expect("it").state().balance, 15, "nothing of it stays");
        let mut last = loaded(AsOf::Now).expect("it");
        last.raise(Moved::Deposited(1));
        accounts.save(last, &SaveOptions::default()).wait().expect("nobody was faster");
    }
}

#[test]
fn a_type_says_itself_when_a_snapshot_is_due() {
    #[derive(Debug, Clone, Default, PartialEq)]
    struct Till(Account);
    impl Aggregate for Till {
        const NAME: &'static str = "till";
        type Event = Moved;
        fn apply(&mut self, event: &Moved) {
            self.0.apply(event);
        }
        /// When it is closed for the day, or has waited long.
        fn is_snapshot_due(&self, behind: u64, every: u64) -> bool {
            self.0.balance == 0 || behind >= 3 * every
        }
        fn encode_snapshot(&self) -> Result<Option<Vec<u8>>> {
            self.0.encode_snapshot()
        }
        fn decode_snapshot(data: &[u8]) -> Option<Self> {
            Account::decode_snapshot(data).map(Till)
        }
    }
    let store = store();
    let options = RepositoryOptions { snapshot_every: 2, ..RepositoryOptions::default() };
    let tills = Repository::<Till>::new(&store, options);
    let mut kept = Vec::new();
    for event in [5, 5, -10, 1, 1, 1, 1, 1, 1, 1] {
        let moved = if event > 0 { Moved::Deposited(event) } else { Moved::Withdrawn(-event) };
        let decide = move |root: &mut Root<Till>| {
            root.raise(moved.clone());
            Ok(())
        };
        tills.transact("1", &SaveOptions::default(), decide).wait().expect("a save");
        let snapshot = store.snapshot(AggregateId::new("till", "1")).wait().expect("a look");
        kept.push(snapshot.map_or(0, |snapshot| snapshot.position.version));
    }
    assert_eq!(kept, [0, 0, 3, 3, 3, 3, 3, 3, 9, 9]);
}

#[test]
fn what_a_save_says_further_goes_with_each_of_its_events() {
    let store = store();
    let accounts = Repository::<Account>::new(&store, RepositoryOptions::default());
    let options = SaveOptions { metadata: &[("user", "ada")], ..SaveOptions::default() };
    let decide = |root: &mut Root<Account>| {
        root.raise(Moved::Deposited(1));
        root.raise(Moved::Deposited(2));
        Ok(())
    };
    accounts.transact("a", &options, decide).wait().expect("a save");
    let loaded = store.load(id("a"), &LoadOptions::default()).wait().expect("a load");
    let said: Vec<_> = loaded.events().flat_map(|event| event.metadata().collect::<Vec<_>>()).collect();
    assert_eq!(said, [("user", "ada"), ("user", "ada")]);
}

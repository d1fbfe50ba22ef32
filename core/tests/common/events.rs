//! Events of accounts, as tests of event stores save them.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use headwater::events::{
    Aggregate, AggregateId, DomainEvent, EventStore, EventsConfig, Expected, LoadOptions, NewEvent, Position,
    Repository, RepositoryOptions, Root, SaveOptions,
};
use headwater::{Engine, Error, ErrorKind, Result};

pub(crate) fn store(engine: &Engine) -> EventStore {
    engine.create_event_store(EventsConfig::default()).wait().unwrap()
}

pub(crate) fn id(key: &str) -> AggregateId<'_> {
    AggregateId::new("account", key)
}

pub(crate) fn events<'a>(types: &[&'a str]) -> Vec<NewEvent<'a>> {
    types.iter().map(|event_type| NewEvent::new(event_type, b"{}")).collect()
}

pub(crate) fn save(store: &EventStore, key: &str, expected: Expected, types: &[&str]) -> Result<Position> {
    let saved = store.save(id(key), expected, &events(types), &SaveOptions::default()).wait()?;
    Ok(saved.position)
}

/// The types of the events of an account.
pub(crate) fn types(store: &EventStore, key: &str) -> Vec<String> {
    let loaded = store.load(id(key), &LoadOptions::default()).wait().unwrap();
    loaded.events().map(|event| event.event_type.to_owned()).collect()
}

pub(crate) fn versions(store: &EventStore, key: &str) -> Vec<u64> {
    store.load(id(key), &LoadOptions::default()).wait().unwrap().events().map(|event| event.version).collect()
}

/// Saves three events at once again and again, each time at what was loaded, and checks that what is there in the end
/// was saved by threes: by rivals, one for each of these handles.
pub(crate) fn save_by_threes(rivals: &[EventStore]) {
    const TIMES: usize = 20;
    std::thread::scope(|scope| {
        for store in rivals {
            scope.spawn(|| {
                for _ in 0..TIMES {
                    let at = store.load(id("a"), &LoadOptions::default()).wait().unwrap().position;
                    match save(store, "a", Expected::At(at), &["x", "y", "z"]) {
                        // Another one saved in between, or did not: either is right, and half a save is not.
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                        Ok(position) => assert_eq!(position.version, at.version + 3),
                    }
                }
            });
        }
    });
    let types = types(&rivals[0], "a");
    assert!(types.len() >= 3 * TIMES && types.chunks(3).all(|three| three == ["x", "y", "z"]), "{types:?}");
    assert_eq!(versions(&rivals[0], "a"), (1..=types.len() as u64).collect::<Vec<_>>());
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Account(pub(crate) i64);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved(pub(crate) i64);

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

pub(crate) fn accounts(store: &EventStore, options: RepositoryOptions) -> Repository<Account> {
    Repository::new(store, options)
}

pub(crate) fn deposit(accounts: &Repository<Account>, key: &str, amount: i64) {
    let decide = move |root: &mut Root<Account>| {
        root.raise(Moved(amount));
        Ok(())
    };
    accounts.transact(key, &SaveOptions::default(), decide).wait().unwrap();
}

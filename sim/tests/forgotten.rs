//! The power goes at any moment while a data subject is forgotten: its data reads as it was or as erased, that of
//! others as it was; and once `forget` has answered, the disk has no key of it.

use std::sync::Arc;

use headwater::events::{AggregateId, EventStore, EventsConfig, Expected, LoadOptions, NewEvent, SaveOptions};
use headwater::{Engine, EngineOptions, ManualClock};
use headwater_sim::SimDisk;

/// Who there is, one key of an aggregate each.
const PEOPLE: [&str; 3] = ["ada", "bob", "eve"];
const FORGOTTEN: &str = "bob";
const EVENTS: usize = 4;
/// How many bytes of a key are looked for on the disk: more than come by chance.
const KEY_BYTES: usize = 32;

fn open(disk: &SimDisk) -> (Engine, EventStore) {
    let options = EngineOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_700_000_000_000_000_000, 3)),
        worker: false,
        ..EngineOptions::default()
    };
    let engine = Engine::open_with("/forgotten", options).expect("an engine");
    let store = engine.create_event_store(EventsConfig::default()).wait().expect("a store");
    (engine, store)
}

fn id(person: &str) -> AggregateId<'_> {
    AggregateId::new("person", person)
}

/// What there is of a person: the data of each event, or none where it is erased.
fn seen(store: &EventStore, person: &str) -> Vec<Option<Vec<u8>>> {
    let loaded = store.load(id(person), &LoadOptions::default()).wait().expect("a load");
    loaded.events().map(|event| (!event.is_erased).then(|| event.data().to_vec())).collect()
}

/// The secret bytes of a key, as its bucket has them.
fn secret(engine: &Engine, person: &str) -> Vec<u8> {
    let bucket = engine.bucket("EVENTKEYS_events").wait().expect("the bucket of keys");
    let entry = bucket.get(person).wait().expect("a read").expect("a key");
    entry.value[entry.value.len() - KEY_BYTES..].to_vec()
}

#[test]
fn a_power_cut_at_any_moment_of_a_forget_leaves_data_or_none_and_no_key_once_it_is_said() {
    for operations in 0.. {
        let disk = SimDisk::new(operations, None);
        let (engine, store) = open(&disk);
        for n in 0..EVENTS {
            for person in PEOPLE {
                let data = format!("{person} {n}");
                let event = NewEvent { data_subject: Some(person), ..NewEvent::new("said", data.as_bytes()) };
                store.save(id(person), Expected::Any, &[event], &SaveOptions::default()).wait().expect("a save");
            }
        }
        let before = PEOPLE.map(|person| seen(&store, person));
        let key = secret(&engine, FORGOTTEN);
        assert!(disk.image().holds(&key), "the key is on the disk");

        disk.cut_after(operations);
        let is_said = store.forget(FORGOTTEN).wait().is_ok();
        if is_said {
            assert!(!disk.image().holds(&key), "said after {operations} operations, and the key is on the disk");
        }
        drop((store, engine));
        disk.cut_after(0);
        disk.restart();

        let (_engine, store) = open(&disk);
        let is_erased = |all: &[Option<Vec<u8>>]| all.len() == EVENTS && all.iter().all(Option::is_none);
        for (person, before) in PEOPLE.iter().zip(&before) {
            let after = seen(&store, person);
            let may_be_gone = *person == FORGOTTEN && is_erased(&after);
            assert!(after == *before || may_be_gone, "{person}, cut after {operations} operations: {after:?}");
            assert!(!is_said || *person != FORGOTTEN || may_be_gone, "said after {operations} operations");
        }
        // Again, whatever became of the first time, ends it.
        store.forget(FORGOTTEN).wait().expect("forgotten");
        assert!(is_erased(&seen(&store, FORGOTTEN)), "cut after {operations} operations");
        assert!(!disk.image().holds(&key), "cut after {operations} operations, and the key is on the disk");
        if is_said {
            assert!(operations > 10, "a forget takes operations");
            return;
        }
    }
}

//! What is killed: this program again, which does what its roles say. An `owner` has its directory alone; a `saver`
//! saves events; `live` and `memory` run the two read models, `rebuild` builds the one in the file anew. They go on
//! until they are killed, or with `end` up to the last event.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use headwater::events::{
    EventStore, EventView, Events, EventsConfig, Expected, MemoryModel, ProjectionConfig, ReadModel, SqliteModel, Taken,
};
use headwater::{Durability, Engine, Error, ErrorKind, Pending, Result, StreamConfig};

use crate::common::events::save;
use crate::common::patience::insist;
use crate::common::programs::{Program, reach};
use crate::model::{State, add, add_and_mail};

const PLACE: &str = "HEADWATER_EVENTS_PLACE";
const FILE: &str = "HEADWATER_EVENTS_FILE";
const ROLES: &str = "HEADWATER_EVENTS_ROLES";
const ACCOUNTS: usize = 8;
/// How those who save do: so many times, and then they rest.
pub(crate) type Pace = (usize, Duration);
pub(crate) const QUICK: Pace = (10, Duration::from_millis(50));
/// A rebuild that was killed takes the first thousand events one by one, so there are fewer.
pub(crate) const SLOW: Pace = (2, Duration::from_millis(100));
/// How long a stream knows the ids of messages. It forgets them before a program that was killed sends them again; or
/// remembers them, where one that was taken over may still send what the next one sends too.
pub(crate) const SHORT: Duration = Duration::from_millis(100);
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Makes the store, and a stream for messages that knows the id of each for so long.
pub(crate) fn create(engine: &Engine, window: Duration) -> EventStore {
    // What a process that is killed may not lose.
    let durability = Durability::Os;
    let mail = StreamConfig { durability, duplicate_window: window, ..StreamConfig::new("mail", ["mail"]) };
    engine.create_stream(mail).wait().unwrap();
    engine.create_event_store(EventsConfig { durability, ..EventsConfig::default() }).wait().unwrap()
}

pub(crate) fn start(place: &str, file: &Path, roles: &str) -> Program {
    Program::start("runner::a_runner", &[(PLACE, place), (FILE, file.to_str().unwrap()), (ROLES, roles)])
}

/// A read model that says when it has taken in two batches and comes to the next.
struct Told<M> {
    model: M,
    name: &'static str,
    taken: AtomicUsize,
}

impl<M> Told<M> {
    fn new(name: &'static str, model: M) -> Arc<Self> {
        Arc::new(Told { model, name, taken: AtomicUsize::new(0) })
    }
}

impl<M: ReadModel> ReadModel for Told<M> {
    fn begin(&self, position: u64, state: Vec<u8>) -> Result<u64> {
        self.model.begin(position, state)
    }
    fn take(&self, events: &Events) -> Result<Taken> {
        if self.taken.fetch_add(1, Ordering::Relaxed) == 2 {
            println!("{} moves", self.name);
        }
        self.model.take(events)
    }
    fn skip(&self, seq: u64) -> Result<()> {
        self.model.skip(seq)
    }
    fn retake(&self, event: &EventView<'_>) -> Result<()> {
        self.model.retake(event)
    }
    fn settle(&self, store: &EventStore) -> Pending<()> {
        self.model.settle(store)
    }
    fn keeps_position(&self) -> bool {
        self.model.keeps_position()
    }
    fn keep(&self) -> Result<Option<(u64, Vec<u8>)>> {
        self.model.keep()
    }
}

/// Runs the read model in the file, also when a rebuild took its place; up to the last event if it is to end there.
fn run_live(store: &EventStore, file: &str, is_end: bool) {
    let model = Told::new("live", SqliteModel::open("live", file, add_and_mail).unwrap());
    loop {
        let projection = store.projection(ProjectionConfig::new("live")).wait().unwrap();
        let ran = if is_end { projection.catch_up(&model) } else { projection.run(&model) };
        match ran.wait() {
            Err(error) if error.kind() == ErrorKind::Conflict => println!("refused"),
            ran => return ran.unwrap(),
        }
    }
}

/// Runs the read model in memory, and says what it begins with, and what it ends with.
fn run_memory(store: &EventStore, is_end: bool) {
    let encode = |state: &State| Ok(serde_json::to_vec(state).unwrap());
    let decode =
        |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|e| Error::new(ErrorKind::Corrupt, e.to_string()));
    let model = Told::new("memory", MemoryModel::new(State::new(), add).with_snapshots(10, encode, decode));
    let say = || model.model.read(|state, position| println!("memory {position} {}", serde_json::json!(state)));
    let projection = store.projection(ProjectionConfig::new("memory")).wait().unwrap();
    model.begin(projection.position(), projection.state()).unwrap();
    say();
    let ran = if is_end { projection.catch_up(&model) } else { projection.run(&model) };
    ran.wait().unwrap();
    say();
}

/// Builds the read model in the file anew and goes on with it, again and again.
fn run_rebuilds(store: &EventStore, file: &str) {
    let model = Arc::new(SqliteModel::open("live", file, add_and_mail).unwrap());
    loop {
        let projection = model.rebuild(store, ProjectionConfig::new("live")).wait().unwrap();
        println!("switched");
        if let Err(error) = projection.catch_up(&model).wait() {
            assert_eq!(error.kind(), ErrorKind::Conflict, "the one that lives takes it over again: {error}");
        }
    }
}

/// Saves events until it is over: each of two of its own accounts.
pub(crate) fn save_until(who: usize, (times, rest): Pace, store: &EventStore, is_over: &AtomicBool) {
    for number in 0.. {
        let key = (2 * number + who) % ACCOUNTS;
        save(store, &key.to_string(), Expected::Any, &["a", "b", "c"][..=number % 3]).unwrap();
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        if (number + 1) % times == 0 {
            // So that those who follow come to the last event now and then.
            std::thread::sleep(rest);
        }
    }
}

/// What is killed: it does what its roles say.
#[test]
#[ignore = "it is started by the others"]
fn a_runner() {
    let [Ok(place), Ok(file), Ok(roles)] = [PLACE, FILE, ROLES].map(std::env::var) else { return };
    // The harness has begun a line, and would wait for the other threads of one that fails.
    println!();
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::abort();
    }));
    let is = |role: &str| roles.split(' ').any(|it| it == role);
    let engine = if is("owner") { insist(|| Engine::open(&place)) } else { reach(&place) };
    let store =
        if is("owner") { create(&engine, LONG) } else { engine.event_store(EventsConfig::NAME).wait().unwrap() };
    let never = AtomicBool::new(false);
    let (store, file, never) = (&store, file.as_str(), &never);
    std::thread::scope(|scope| {
        if is("saver") {
            (0..2).for_each(|who| drop(scope.spawn(move || save_until(who, SLOW, store, never))));
        }
        if is("live") {
            scope.spawn(|| run_live(store, file, is("end")));
        }
        if is("memory") {
            scope.spawn(|| run_memory(store, is("end")));
        }
        if is("rebuild") {
            scope.spawn(|| run_rebuilds(store, file));
        }
    });
}

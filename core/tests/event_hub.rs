//! Those failures of the event store that this one grew out of which only a real server shows, each by the number that
//! it has in their list: rivals, answers that are lost, limits of streams, subjects, snapshots with an end, and waits
//! for one another.
#![cfg(feature = "hub")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and looks at the clock"
)]

mod common {
    pub(crate) mod events;
    pub(crate) mod patience;
    pub(crate) mod proxy;
    #[allow(dead_code, reason = "each test file takes what it needs")]
    pub(crate) mod server;
}

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::events::{Account, Moved, accounts, deposit, events, id, save, save_by_threes, store, types, versions};
use common::patience::{PATIENCE, insist, until};
use common::proxy::{Lost, Proxy};
use common::server::Server;
use headwater::events::{
    EventFilter, EventStore, EventsConfig, Expected, FollowOptions, LoadOptions, RepositoryOptions, SaveOptions, Saved,
};
use headwater::{Engine, ErrorKind, HubOptions, Result};

const VERSION: &str = "2.15.1";
/// What stands in each event on its way, and in nothing else that a client says.
const AN_EVENT: &str = "Headwater-Event";

fn connect(url: &str) -> Engine {
    let options = HubOptions {
        request_timeout: Duration::from_secs(1),
        reconnect_delay_min: Duration::from_millis(10),
        reconnect_delay_max: Duration::from_millis(50),
        ..HubOptions::new(url)
    };
    Engine::connect(options).wait().unwrap()
}

/// A server, a store on it that is reached through a proxy, and the same store beside that.
struct Scene {
    proxy: Proxy,
    store: EventStore,
    beside: EventStore,
    _server: Server,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start(VERSION);
        let proxy = Proxy::to(&[server.port]);
        let (beside, store) = (store(&connect(&server.url())), store(&connect(&proxy.url())));
        Scene { proxy, store, beside, _server: server }
    }

    /// Begins a thing while something gets lost. When that is so, and the aggregate has so many events, the connection
    /// breaks. What the thing came to.
    fn lose<T: Send>(&self, lost: Lost, at: &'static str, there: (&str, usize), work: impl FnOnce() -> T + Send) -> T {
        self.proxy.lose(lost, at);
        std::thread::scope(|scope| {
            let working = scope.spawn(work);
            until("something is lost", || self.proxy.is_losing());
            until("what is not lost is there", || versions(&self.beside, there.0).len() == there.1);
            self.proxy.find();
            working.join().unwrap()
        })
    }
}

#[test]
fn failure_1_several_events_are_saved_as_one_and_savers_between_are_refused() {
    let server = Server::start(VERSION);
    let rivals: Vec<EventStore> = (0..4).map(|_| store(&connect(&server.url()))).collect();
    save_by_threes(&rivals);
}

#[test]
fn failure_1_a_save_that_is_cut_off_midway_leaves_nothing() {
    let scene = Scene::new();
    let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let save_three =
        |store: &EventStore| store.save(id("a"), Expected::None, &events(&["x", "y", "z"]), &options).wait();
    // The first two are with the server when the connection breaks.
    let error = scene.lose(Lost::Words, "Nats-Batch-Commit", ("a", 0), || save_three(&scene.store)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Io), "{error}");
    save(&scene.beside, "a", Expected::None, &["p", "q"]).unwrap();
    let again = insist_unless_conflict(|| save_three(&scene.store)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "it was not saved, and another one was: {again}");
    assert_eq!((types(&scene.beside, "a"), versions(&scene.beside, "a")), (vec!["p".into(), "q".into()], vec![1, 2]));
}

/// Until a connection is there again.
fn insist_unless_conflict<T>(what: impl Fn() -> Result<T>) -> Result<T> {
    insist(|| match what() {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(Err(error)),
        done => done.map(Ok),
    })
}

#[test]
fn failure_2_a_save_whose_answer_was_lost_is_known_when_it_is_sent_again() {
    let scene = Scene::new();
    let at = ["at", "version", "exists"].map(|key| save(&scene.beside, key, Expected::None, &["0"]).unwrap());
    let cases = [
        ("none", Expected::None, 0, 1),
        ("new", Expected::Version(0), 0, 3),
        ("at", Expected::At(at[0]), 1, 3),
        ("version", Expected::Version(1), 1, 1),
        ("exists", Expected::Exists, 1, 2),
        ("any", Expected::Any, 0, 1),
    ];
    for (key, expected, before, count) in cases {
        let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
        let events = events(&["x", "y", "z"][..count]);
        let save = || -> Result<Saved> { scene.store.save(id(key), expected, &events, &options).wait() };
        let error = scene.lose(Lost::Answers, AN_EVENT, (key, before + count), save).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Io), "{key}: {error}");
        let again = insist_unless_conflict(save).unwrap();
        assert_eq!((again.is_repeat, again.position.version), (true, (before + count) as u64), "{key}");
        assert_eq!(versions(&scene.beside, key), (1..=again.position.version).collect::<Vec<_>>(), "{key}");
        // Who goes on at what that answered is right.
        let on =
            scene.store.save(id(key), Expected::At(again.position), &events, &SaveOptions::default()).wait().unwrap();
        assert_eq!(on.position.version, again.position.version + count as u64, "{key}");
    }
}

#[test]
fn failure_2_a_decision_whose_answer_was_lost_is_not_made_again() {
    let scene = Scene::new();
    let accounts = accounts(&scene.store, RepositoryOptions::default());
    let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let decide = |amount| {
        accounts.transact("a", &options, move |root| {
            root.raise(Moved(amount));
            Ok(())
        })
    };
    let error = scene.lose(Lost::Answers, AN_EVENT, ("a", 1), || decide(5).wait().map(drop)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Io), "{error}");
    let again = insist(|| decide(700).wait());
    assert_eq!((again.is_repeat, again.decided, again.root.state()), (true, None, &Account(5)));
    assert_eq!(versions(&scene.beside, "a"), [1]);
}

/// Asks a server's API in its own protocol.
fn ask(server: &Server, subject: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer 0\r\n\r\n").unwrap();
    let mut answers = BufReader::new(stream);
    loop {
        let mut line = String::new();
        assert!(answers.read_line(&mut line).unwrap() > 0, "it answers nothing");
        if line.starts_with("MSG ") {
            let bytes: usize = line.split_whitespace().last().unwrap().parse().unwrap();
            let mut answer = vec![0; bytes];
            answers.read_exact(&mut answer).unwrap();
            return serde_json::from_slice(&answer).unwrap();
        }
    }
}

#[test]
fn failure_3_events_do_not_go_by_themselves_and_a_full_store_refuses() {
    let server = Server::start(VERSION);
    let engine = connect(&server.url());
    let config = EventsConfig { max_bytes: 64 << 10, ..EventsConfig::default() };
    let store = engine.create_event_store(config).wait().unwrap();
    for stream in ["EVENTS_events", "KV_EVENTS_events"] {
        let config = &ask(&server, &format!("$JS.API.STREAM.INFO.{stream}"))["config"];
        let limits = ["retention", "max_age", "max_msgs"].map(|limit| &config[limit]);
        assert_eq!(limits, [&"limits".into(), &0.into(), &(-1).into()] as [&serde_json::Value; 3], "{config}");
        if stream == "EVENTS_events" {
            assert_eq!((&config["discard"], &config["max_bytes"]), (&"new".into(), &(64 << 10).into()), "{config}");
            assert_eq!(config["max_msgs_per_subject"], -1, "{config}");
        }
    }
    // Several at once, until they find no room; then one by one, which may find some still.
    for types in [&["x", "y", "z"][..], &["x"]] {
        let before = versions(&store, "a").len();
        let refused = (0..10_000).find_map(|_| save(&store, "a", Expected::Any, types).err()).unwrap();
        assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
        let kept = versions(&store, "a");
        assert!(kept.iter().copied().eq(1..=kept.len() as u64), "{kept:?}");
        assert_eq!((kept.len() - before) % types.len(), 0, "what was refused left nothing");
    }
    assert!(versions(&store, "a").len() > 100);
}

#[test]
fn failure_9_any_text_is_a_key_and_filters_see_all_of_them() {
    let server = Server::start(VERSION);
    let store = store(&connect(&server.url()));
    let long = ".".repeat(128);
    let keys = ["a.b", "a", "*", ">", "a b", "-", "ü\u{1f600}", "=2E", "a=b", "$JS", "\r\nPING\r\n", "\0", &long];
    let follow = |filters| store.follow(&FollowOptions { filters, after: 0 }).wait().unwrap();
    let all = follow(vec![EventFilter::aggregate("account")]);
    for key in keys {
        save(&store, key, Expected::None, &["x"]).unwrap();
        save(&store, key, Expected::Version(1), &["y", "z"]).unwrap();
    }
    let take = |feed: &headwater::events::EventFeed, count: usize| {
        let mut seen = Vec::new();
        while seen.len() < count {
            let events = feed.next(count).wait_timeout(PATIENCE).unwrap();
            seen.extend(events.iter().map(|event| event.unwrap().id().unwrap().1));
        }
        seen
    };
    assert_eq!(take(&all, 3 * keys.len()), keys.iter().flat_map(|key| [*key; 3]).collect::<Vec<_>>());
    for key in keys {
        assert_eq!(versions(&store, key), [1, 2, 3], "{key:?}");
        let one = follow(vec![EventFilter::one(id(key))]);
        assert_eq!((take(&one, 3), one.lag()), (vec![key.to_owned(); 3], 0), "{key:?}");
    }
}

#[test]
fn failure_10_a_snapshot_with_a_time_to_live_is_there_until_then() {
    let server = Server::start(VERSION);
    let store = store(&connect(&server.url()));
    let of = |snapshot_ttl| {
        accounts(&store, RepositoryOptions { snapshot_every: 1, snapshot_ttl, ..RepositoryOptions::default() })
    };
    let kept = |key| store.snapshot(id(key)).wait().unwrap().map(|snapshot| snapshot.data);
    let (hour, second) = (of(Duration::from_secs(3_600)), of(Duration::from_secs(1)));
    deposit(&hour, "a:b", 1);
    deposit(&hour, "a-b", 2);
    assert_eq!((kept("a:b"), kept("a-b")), (Some(b"1".to_vec()), Some(b"2".to_vec())));
    deposit(&second, "a:b", 10);
    until("it is over", || kept("a:b").is_none());
    assert_eq!(kept("a-b"), Some(b"2".to_vec()));
    let anew = accounts(&store, RepositoryOptions::default());
    assert_eq!(anew.load("a:b").wait().unwrap().unwrap().state(), &Account(11), "its events are there");
}

/// All reads and saves of a process waited for one another, one round trip each.
#[test]
fn failure_14_loads_and_saves_do_not_wait_for_one_another() {
    const DELAY: Duration = Duration::from_millis(30);
    const AT_ONCE: usize = 20;
    let scene = Scene::new();
    let keys: Vec<String> = (0..AT_ONCE).map(|key| key.to_string()).collect();
    for key in &keys {
        save(&scene.beside, key, Expected::None, &["x"]).unwrap();
    }
    scene.proxy.far_ms(DELAY.as_millis() as u64);
    let round_trip = 2 * DELAY;
    let load = |key: &str| assert!(scene.store.load(id(key), &LoadOptions::default()).wait().unwrap().exists());
    let add = |key: &str| assert!(save(&scene.store, key, Expected::Any, &["y", "z"]).unwrap().version > 1);
    for (what, work) in [("loads", &load as &(dyn Fn(&str) + Sync)), ("saves", &add)] {
        let time = |keys: &[String]| {
            let began = Instant::now();
            std::thread::scope(|scope| keys.iter().for_each(|key| drop(scope.spawn(|| work(key)))));
            began.elapsed()
        };
        let one = time(&keys[..1]);
        assert!(one >= round_trip, "nothing is held up: {one:?}");
        // On a busy machine the best of some counts: none could be so fast if they waited for one another.
        let best = (0..5).map(|_| time(&keys)).min().unwrap();
        println!("one took {one:?}, {AT_ONCE} {what} at once took {best:?}");
        assert!(best < round_trip * AT_ONCE as u32 / 2, "{AT_ONCE} {what} at once took {best:?}");
    }
}

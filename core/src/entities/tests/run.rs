//! Handlers in Rust.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

use super::super::*;
use super::{SECOND, id};

/// Counts, asks others, and breaks when it is told to.
struct Counter {
    count: u64,
    alone: AtomicUsize,
}

impl Entity for Counter {
    const KIND: &'static str = "counter";

    async fn start(context: &Context) -> Result<Self> {
        if context.key() == "none" {
            return Err(Error::new(ErrorKind::NotFound, "there is no such counter"));
        }
        Ok(Counter { count: 0, alone: AtomicUsize::new(0) })
    }

    async fn handle(&mut self, message: Message<'_>, context: &Context) -> Result<Vec<u8>> {
        assert_eq!(self.alone.fetch_add(1, Ordering::SeqCst), 0, "two at once");
        let answer = match message.name {
            "add" => {
                self.count += 1;
                Ok(self.count.to_string().into_bytes())
            }
            "panic" => panic!("as it was told"),
            "refuse" => Err(Error::new(ErrorKind::Conflict, "not today")),
            "ask" => {
                let to = String::from_utf8_lossy(message.payload).into_owned();
                context.request(id(&to), "ask back", context.key().as_bytes()).await
            }
            "ask back" => {
                let to = String::from_utf8_lossy(message.payload).into_owned();
                context.request(id(&to), "add", b"").await
            }
            "ask and give up" => {
                let to = String::from_utf8_lossy(message.payload).into_owned();
                context.request_for(Duration::from_millis(20), id(&to), "hang", b"").await
            }
            "hang" => std::future::pending().await,
            "spawn" => {
                let work = async {
                    std::future::ready(()).await;
                    b"7".to_vec()
                };
                context.spawn("took", work).map(|()| Vec::new())
            }
            "spawn a panic" => context.spawn("took", async { panic!("in the background") }).map(|()| Vec::new()),
            "took" => {
                self.count += 10 * message.payload.len() as u64;
                Ok(Vec::new())
            }
            "later" => context.set_timer("add", Duration::from_millis(1), Duration::ZERO).map(|()| Vec::new()),
            _ => Ok(Vec::new()),
        };
        self.alone.store(0, Ordering::SeqCst);
        answer
    }

    async fn timer(&mut self, _: &str, _: &Context) -> Result<()> {
        self.count += 100;
        Ok(())
    }
}

fn serving(threads: usize) -> (Engine, Entities) {
    let engine = Engine::memory().expect("an engine");
    let entities = engine.entities(EntitiesConfig::default()).wait().expect("entities");
    let server = entities.serve(EntityTypes::new().with::<Counter>());
    for _ in 0..threads {
        let server = server.clone();
        std::thread::spawn(move || server.run().wait());
    }
    (engine, entities)
}

fn ask(entities: &Entities, key: &str, name: &str, payload: &str) -> Result<String> {
    let answer = entities.request(id(key), name, payload.as_bytes(), RequestOptions::default()).wait()?;
    Ok(String::from_utf8(answer).expect("text"))
}

#[test]
fn a_handler_lives_on_between_messages_and_its_failures_are_answers() {
    let (_engine, entities) = serving(1);
    assert_eq!(ask(&entities, "a", "add", "").expect("one"), "1");
    let refused = ask(&entities, "a", "refuse", "").expect_err("refused");
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::Conflict, "not today"));
    assert_eq!(ask(&entities, "a", "add", "").expect("two"), "2");
    let broke = ask(&entities, "a", "panic", "").expect_err("it panicked");
    assert_eq!(broke.kind(), ErrorKind::Internal);
    assert!(broke.message().contains("panicked: as it was told"), "{broke}");
    assert_eq!(ask(&entities, "a", "add", "").expect("anew"), "1");
    assert_eq!(ask(&entities, "none", "add", "").expect_err("none").kind(), ErrorKind::NotFound);
    let other = entities.request(EntityId::new("other", "a"), "add", b"", RequestOptions::default());
    assert_eq!(other.wait().expect_err("no such kind").kind(), ErrorKind::Unsupported);
    entities.close();
}

#[test]
fn a_handler_that_asks_waits_as_long_as_it_says() {
    let (_engine, entities) = serving(1);
    let given_up = ask(&entities, "a", "ask and give up", "b").expect_err("b hangs");
    assert_eq!(given_up.kind(), ErrorKind::Timeout, "{given_up}");
    assert_eq!(ask(&entities, "a", "add", "").expect("it goes on"), "1");
    entities.close();
}

#[test]
fn requests_for_one_another_go_on_and_a_cycle_is_refused() {
    let (_engine, entities) = serving(1);
    let cycle = ask(&entities, "a", "ask", "b").expect_err("a asks b, which asks a");
    assert!(cycle.message().contains("counter 'a' -> counter 'b' -> counter 'a'"), "{cycle}");
    assert_eq!(ask(&entities, "a", "ask back", "b").expect("a asks b"), "1");
    entities.close();
}

#[test]
fn a_timer_rings_by_the_engines_clock() {
    let (_engine, entities) = serving(1);
    ask(&entities, "a", "later", "").expect("set");
    while ask(&entities, "a", "add", "").expect("asked").parse::<u64>().expect("a number") < 100 {
        std::thread::sleep(Duration::from_millis(1));
    }
    entities.close();
}

/// Twenty first requests at once made twenty handlers of one key.
#[test]
fn many_at_once_meet_one_handler_and_none_is_lost() {
    let (_engine, entities) = serving(2);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let entities = &entities;
            scope.spawn(move || {
                let asked: Vec<_> = (0..200)
                    .map(|n| {
                        let key = (n % 3).to_string();
                        entities.request(id(&key), "add", b"", RequestOptions::default())
                    })
                    .collect();
                for answer in asked {
                    answer.wait().expect("an answer");
                }
            });
        }
    });
    let counts: u64 =
        (0..3).map(|n| ask(&entities, &n.to_string(), "add", "").expect("one").parse::<u64>().expect("it")).sum();
    assert_eq!(counts, 8 * 200 + 3);
    assert_eq!(entities.active(), 3);
    entities.close();
}

/// Knows how many of its kind are alive, by their keys: each from when it is begun until it is gone.
struct Lone(String);

/// Of each key, how many were ever begun, and how many are alive.
static LONE: Mutex<BTreeMap<String, (usize, usize)>> = Mutex::new(BTreeMap::new());

impl Lone {
    fn alive(key: &str) -> usize {
        lock(&LONE).get(key).map_or(0, |counts| counts.1)
    }

    /// Waits, so that others come between.
    async fn rest(context: &Context) {
        let engine = context.entities().engine();
        engine.sleep(engine.clock().now() + SECOND / 2_000).await;
    }
}

impl Entity for Lone {
    const KIND: &'static str = "counter";

    async fn start(context: &Context) -> Result<Self> {
        let lone = {
            let mut counts = lock(&LONE);
            let (begun, alive) = counts.entry(context.key().to_owned()).or_default();
            (*begun, *alive) = (*begun + 1, *alive + 1);
            Lone(context.key().to_owned())
        };
        Lone::rest(context).await;
        Ok(lone)
    }

    async fn handle(&mut self, _: Message<'_>, _: &Context) -> Result<Vec<u8>> {
        Ok(vec![Lone::alive(&self.0) as u8])
    }

    async fn stop(self, context: &Context) {
        Lone::rest(context).await;
        assert_eq!(Lone::alive(&self.0), 1, "another one was begun while this one stops");
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        lock(&LONE).entry(self.0.clone()).or_default().1 -= 1;
    }
}

/// One that was put aside was alive still when the next one was begun, and of requests at once that were the first each
/// made one.
#[test]
fn failure_21_one_handler_of_a_key_is_alive_at_a_time_however_many_ask_and_however_soon_it_stops() {
    let engine = Engine::memory().expect("an engine");
    let config = EntitiesConfig { idle: Duration::from_micros(500), active: 2, ..EntitiesConfig::default() };
    let entities = engine.entities(config).wait().expect("entities");
    let server = entities.serve(EntityTypes::new().with::<Lone>());
    for _ in 0..2 {
        let server = server.clone();
        std::thread::spawn(move || server.run().wait());
    }
    let ask_all = |caller: u64| {
        for round in 0..100 {
            // All at once, and then each by itself about when what it asks becomes idle.
            std::thread::sleep(Duration::from_micros(if round % 5 == 0 { 3_000 } else { caller * 131 % 1_500 }));
            let key = ((caller + round) % 4).to_string();
            let answer = entities.request(id(&key), "alive", b"", RequestOptions::default()).wait();
            assert_eq!(answer.expect("an answer"), [1], "handlers of '{key}'");
        }
    };
    std::thread::scope(|scope| (0..20).for_each(|caller| drop(scope.spawn(move || ask_all(caller)))));
    let began = std::time::Instant::now();
    while entities.active() > 0 || lock(&LONE).values().any(|counts| counts.1 > 0) {
        assert!(began.elapsed() < Duration::from_secs(20), "they don't stop: {:?}", lock(&LONE));
        std::thread::sleep(Duration::from_millis(1));
    }
    let begun: usize = lock(&LONE).values().map(|counts| counts.0).sum();
    assert!(begun > 50, "only {begun} were begun, so few were put aside");
    entities.close();
}

/// What one entity of a shard waited for, all others of it waited for.
#[test]
fn failure_22_one_that_waits_holds_up_no_other_one_of_its_shard() {
    let engine = Engine::memory().expect("an engine");
    let config = EntitiesConfig { shards: 1, ..EntitiesConfig::default() };
    let entities = engine.entities(config).wait().expect("entities");
    let server = entities.serve(EntityTypes::new().with::<Counter>());
    std::thread::spawn(move || server.run().wait());
    let mut slow = entities.request(id("slow"), "hang", b"", RequestOptions::default());
    for n in 1..100 {
        assert_eq!(ask(&entities, "a", "add", "").expect("an answer"), n.to_string());
    }
    assert_eq!(slow.wait_timeout(Duration::ZERO).expect_err("it waits").kind(), ErrorKind::Timeout);
    entities.close();
}

#[test]
fn a_background_task_of_a_handler_comes_back_to_it() {
    let (_engine, entities) = serving(1);
    ask(&entities, "a", "spawn", "").expect("begun");
    ask(&entities, "a", "spawn a panic", "").expect("begun");
    let took = |entities: &Entities| ask(entities, "a", "add", "").expect("a number").parse::<u64>().expect("it") >= 11;
    let begun = std::time::Instant::now();
    while !took(&entities) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing came");
    }
    while entities
        .0
        .engine
        .metrics()
        .expect("metrics")
        .iter()
        .any(|it| it.name == "headwater_entities_tasks" && it.value > 0.0)
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "the one that panicked is still counted");
    }
}

#[test]
fn they_are_closed_with_their_engine() {
    let (engine, entities) = serving(0);
    let asked = entities.request(id("a"), "add", b"", RequestOptions::default());
    let turn = entities.next();
    let _turn = turn.wait().expect("a turn");
    let mut next = entities.next();
    assert_eq!(next.wait_timeout(Duration::ZERO).map(drop).expect_err("nothing waits").kind(), ErrorKind::Timeout);
    engine.close().expect("closed");
    for error in [
        asked.wait().map(drop),
        next.wait_timeout(Duration::MAX).map(drop),
        entities.notify(id("a"), "add", b"").wait(),
    ] {
        assert_eq!(error.expect_err("closed").kind(), ErrorKind::Closed);
    }
    drop(engine);
    entities.close();
}

/// Waits for ever when it is told to.
struct Stuck;

impl Entity for Stuck {
    const KIND: &'static str = "stuck";

    async fn start(_: &Context) -> Result<Self> {
        Ok(Stuck)
    }

    async fn handle(&mut self, message: Message<'_>, context: &Context) -> Result<Vec<u8>> {
        if message.name == "wait" {
            context.spawn("never", std::future::pending())?;
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }
}

/// What a handler that never returns holds is let go with its lease, and the next one is asked.
#[test]
fn a_handler_that_never_returns_is_let_go_with_its_lease() {
    let engine = Engine::memory().expect("an engine");
    let config = EntitiesConfig { lease: Duration::from_millis(50), ..EntitiesConfig::default() };
    let entities = engine.entities(config).wait().expect("entities");
    let server = entities.serve(EntityTypes::new().with::<Stuck>());
    std::thread::spawn(move || server.run().wait());
    let ask = |name| entities.request(EntityId::new("stuck", "a"), name, b"", RequestOptions::default()).wait();
    assert_eq!(ask("wait").expect_err("its lease ends").kind(), ErrorKind::Timeout);
    ask("go on").expect("a new one answers");
    let tasks = |it: &crate::metric::Metric| it.name == "headwater_entities_tasks" && it.value > 0.0;
    assert!(!engine.metrics().expect("metrics").iter().any(tasks), "its task is over");
    entities.close();
}

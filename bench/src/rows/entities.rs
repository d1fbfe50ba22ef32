//! Live entities in one process: a request to one, beside a round trip through the channels of tokio (a message to a
//! task, an answer back), in one thread and from one thread to another; two hundred callers of one key; and the heap
//! that idle ones take.

use std::thread;

use headwater::Engine;
use headwater::entities::{
    Context as Around, Entities, EntitiesConfig, Entity, EntityId, EntityTypes, Message, RequestOptions,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::Row;
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::heap::bytes_of;
use crate::report::{Goal, Line, Unit};

/// The row.
pub(crate) const ROW: Row =
    Row { name: "entities", about: "request to an entity: tokio channels; 200 callers of one key; heap", run };

const REQUESTS: u64 = 300_000;
/// From thread to thread each one waits to be woken.
const ACROSS: u64 = 50_000;
const CALLERS: u64 = 200;
const CALLER_REQUESTS: u64 = 5_000;
/// Entities whose heap is counted, and the megabytes that they may take.
const IDLE: (u64, f64) = (100_000, 100.0);
/// Messages that wait in the peer's channel at the most: as many as in a mailbox.
const MAILBOX: usize = 1_024;
const ONE: [u8; 8] = 1_u64.to_le_bytes();

/// Adds up what it is told, and answers the sum.
pub(super) struct Counter(u64);

impl Counter {
    fn add(&mut self, payload: &[u8]) -> Vec<u8> {
        self.0 += payload.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.0.to_le_bytes().to_vec()
    }
}

impl Entity for Counter {
    const KIND: &'static str = "counter";

    async fn start(_: &Around) -> headwater::Result<Self> {
        Ok(Counter(0))
    }

    async fn handle(&mut self, message: Message<'_>, _: &Around) -> headwater::Result<Vec<u8>> {
        Ok(self.add(message.payload))
    }
}

/// The entity that most ask.
pub(super) fn counter(key: &str) -> EntityId<'_> {
    EntityId::new(Counter::KIND, key)
}

/// What a program serves.
pub(super) fn types() -> EntityTypes {
    EntityTypes::new().with::<Counter>()
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let (here, across) = (context.turns(REQUESTS), context.turns(ACROSS));
    let [ours, tokio, ours_across, tokio_across] = context.interleave([
        Side::new("request, one thread", |_| request_here(here)),
        Side::new("tokio, one thread", |_| channel_here(here)),
        Side::new("request, from another thread", |_| request_across(across)),
        Side::new("tokio, from another thread", |_| channel_across(across)),
    ])?;
    let each = context.turns(CALLER_REQUESTS);
    let [one_thread, two_threads] = context.interleave([
        Side::new("200 callers, one thread", |_| callers(Builder::new_current_thread().build()?, each)),
        Side::new("200 callers, two threads", |_| {
            callers(Builder::new_multi_thread().worker_threads(2).build()?, each)
        }),
    ])?;
    let per_second = |what: &str, rates, goal| Line::figure(ROW.name, what, rates, Unit::PerSecond, goal);
    let ten_times = Goal::AtLeast(430_000.0);
    let peer = "tokio mpsc to a task, oneshot back";
    Ok(vec![
        Line::cost(ROW.name, "request to a local entity, one thread", peer, [&ours, &tokio], 2.0),
        Line::cost(ROW.name, "request, from another thread", peer, [&ours_across, &tokio_across], 2.0),
        per_second("one key, 200 callers, one thread", one_thread, ten_times),
        per_second("one key, 200 callers, two threads", two_threads, ten_times),
        idle(context)?,
    ])
}

/// Entities that tasks of a runtime, or of a thread, are to serve.
fn entities() -> Outcome<(Engine, Entities)> {
    let engine = Engine::memory()?;
    let entities = engine.entities(EntitiesConfig::default()).wait()?;
    Ok((engine, entities))
}

/// Asks so many times, each awaited; the last answer has to be the sum.
pub(super) async fn ask(entities: Entities, key: &str, count: u64) -> Outcome<u64> {
    let mut answer = Vec::new();
    for _ in 0..count {
        answer = entities.request(counter(key), "add", &ONE, RequestOptions::default()).await?;
    }
    sum_in(&answer)
}

pub(super) fn sum_in(answer: &[u8]) -> Outcome<u64> {
    Ok(answer.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or("an answer is no number")?)
}

/// Nanoseconds for one of so many round trips, which have to come to as many.
fn cost(count: u64, work: impl FnOnce() -> Outcome<u64>) -> Outcome<f64> {
    let per_second = rate(count, || match work()? {
        sum if sum == count => Ok(()),
        sum => Err(format!("{count} requests came to {sum}").into()),
    })?;
    Ok(1e9 / per_second)
}

fn request_here(count: u64) -> Outcome<f64> {
    let runtime = Builder::new_current_thread().build()?;
    let (engine, entities) = entities()?;
    runtime.spawn(entities.serve(types()).run());
    // The caller is a task like the one that handles.
    let figure = cost(count, || runtime.block_on(runtime.spawn(ask(entities.clone(), "a", count)))?)?;
    entities.close();
    engine.close()?;
    Ok(figure)
}

fn request_across(count: u64) -> Outcome<f64> {
    let (engine, entities) = entities()?;
    let server = entities.serve(types());
    let serving = thread::spawn(move || server.run().wait());
    let figure = cost(count, || {
        let mut answer = Vec::new();
        for _ in 0..count {
            answer = entities.request(counter("a"), "add", &ONE, RequestOptions::default()).wait()?;
        }
        sum_in(&answer)
    })?;
    entities.close();
    serving.join().map_err(|_| "the one that serves panicked")??;
    engine.close()?;
    Ok(figure)
}

/// What travels through the peer's channel.
type Letter = (Vec<u8>, oneshot::Sender<Vec<u8>>);

fn channel_here(count: u64) -> Outcome<f64> {
    let runtime = Builder::new_current_thread().build()?;
    let (sender, mut letters) = mpsc::channel::<Letter>(MAILBOX);
    runtime.spawn(async move {
        let mut counter = Counter(0);
        while let Some((payload, reply)) = letters.recv().await {
            let _ = reply.send(counter.add(&payload));
        }
    });
    let asking = async move {
        let mut answer = Vec::new();
        for _ in 0..count {
            let (reply, answered) = oneshot::channel();
            sender.send((ONE.to_vec(), reply)).await?;
            answer = answered.await?;
        }
        sum_in(&answer)
    };
    cost(count, || runtime.block_on(runtime.spawn(asking))?)
}

fn channel_across(count: u64) -> Outcome<f64> {
    let (sender, mut letters) = mpsc::channel::<Letter>(MAILBOX);
    let serving = thread::spawn(move || {
        let mut counter = Counter(0);
        while let Some((payload, reply)) = letters.blocking_recv() {
            let _ = reply.send(counter.add(&payload));
        }
    });
    let figure = cost(count, || {
        let mut answer = Vec::new();
        for _ in 0..count {
            let (reply, answered) = oneshot::channel();
            sender.blocking_send((ONE.to_vec(), reply))?;
            answer = answered.blocking_recv()?;
        }
        sum_in(&answer)
    })?;
    drop(sender);
    serving.join().map_err(|_| "the one that serves panicked")?;
    Ok(figure)
}

/// Requests a second that many tasks come to, each with one under way at a time, all for one key.
fn callers(runtime: Runtime, each: u64) -> Outcome<f64> {
    let (engine, entities) = entities()?;
    runtime.spawn(entities.serve(types()).run());
    let all = CALLERS * each;
    let figure = rate(all, || {
        let callers: Vec<_> = (0..CALLERS).map(|_| runtime.spawn(ask(entities.clone(), "a", each))).collect();
        let mut most = 0;
        for caller in callers {
            most = most.max(runtime.block_on(caller)??);
        }
        if most == all { Ok(()) } else { Err(format!("{all} requests came to {most}").into()) }
    })?;
    entities.close();
    engine.close()?;
    Ok(figure)
}

/// The heap of entities that nobody asks any more.
fn idle(context: &Context) -> Outcome<Line> {
    let count = context.scaled(IDLE.0);
    let runtime = Builder::new_current_thread().build()?;
    let (held, bytes) = bytes_of(|| -> Outcome<_> {
        let (engine, entities) = entities()?;
        runtime.spawn(entities.serve(types()).run());
        runtime.block_on(async {
            for number in 0..count {
                ask(entities.clone(), &format!("counter-{number:06}"), 1).await?;
            }
            Outcome::Ok(())
        })?;
        Ok((engine, entities))
    });
    let (engine, entities) = held?;
    let alive = entities.active() as u64;
    entities.close();
    engine.close()?;
    if alive != count {
        return Err(format!("{alive} of {count} entities are alive").into());
    }
    let what = format!("heap of {count} idle entities");
    Ok(Line::figure(ROW.name, &what, vec![bytes as f64 / 1e6], Unit::Megabytes, Goal::AtMost(IDLE.1)))
}

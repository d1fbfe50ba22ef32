//! The load test on a hub, without snapshots: get or create an aggregate, one event, save; beside what it takes at the
//! least with the client used directly, which is to read what is last of the subject and to publish with that as the
//! expected last sequence. The peer reads it by a direct get, which is fastest, and from the stream's leader, as ours
//! does.

use async_nats::HeaderMap;
use async_nats::jetstream::Context as JetStream;
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, LastRawMessageErrorKind};
use headwater::events::{EventStore, Repository, RepositoryOptions, SaveOptions};
use headwater::{Durability, Engine, HubOptions};

use super::Row;
use super::events::{Changed, OPERATIONS, STORE, STREAM, User, config, data, digest_of, expected, key_of, keys};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::peers::nats::{Direct, Server};
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row =
    Row { name: "events_hub", about: "get or create, one event, save on a hub: two round trips of async-nats", run };

/// The stream of the peer, and how its subjects begin.
const RAW: &str = "raw";
const RAW_PREFIX: &str = "raw.user.";

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let operations = context.scaled(OPERATIONS);
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let engine = Engine::connect(HubOptions::new(server.url())).wait()?;
    let here = HubOptions { on_this_runtime: true, ..HubOptions::new(server.url()) };
    let in_task = direct.run(async { Ok(Engine::connect(here).await?) })?;

    let ours = |engine: &Engine, work: &dyn Fn(&EventStore) -> Outcome<()>| {
        let store = engine.create_event_store(config(Durability::default())).wait()?;
        let figure = rate(operations, || work(&store))?;
        emptied(engine, STREAM, &format!("$EVENTS.{STORE}.user."), operations)?;
        engine.delete_event_store(STORE).wait()?;
        Ok(figure)
    };
    let directly = |way| {
        let jetstream = direct.jetstream();
        let subjects = vec![format!("{RAW_PREFIX}>")];
        let config = Config { name: RAW.to_owned(), subjects, allow_direct: true, ..Config::default() };
        direct.run(async move { Ok(jetstream.create_stream(config).await.map(drop)?) })?;
        let figure = rate(operations, || direct.run(change_directly(direct.jetstream(), operations, way)))?;
        emptied(&engine, RAW, RAW_PREFIX, operations)?;
        direct.delete(RAW)?;
        Ok(figure)
    };
    let [task, wait, raw, raw_leader] = context.interleave([
        Side::new("Headwater, in a task", |_| {
            ours(&in_task, &|store| direct.run(change_in_task(repository(store), operations)))
        }),
        Side::new("Headwater, waiting", |_| {
            ours(&engine, &|store| {
                let (users, keys) = (repository(store), keys());
                for number in 0..operations {
                    let mut user = users.get_or_create(key_of(&keys, number)).wait()?;
                    user.raise(Changed(number));
                    users.save(user, &SaveOptions::default()).wait()?;
                }
                Ok(())
            })
        }),
        Side::new("async-nats, direct gets", |_| directly(Way::Direct)),
        Side::new("async-nats, the leader", |_| directly(Way::Leader)),
    ])?;
    let (in_task, by_wait) = ("get or create, one event, save on a hub, in a task", "the same, by wait");
    let (peer, leader) = ("async-nats, direct get and publish", "async-nats, get from the leader and publish");
    Ok(vec![
        Line::ratio(ROW.name, in_task, peer, [&task, &raw], 0.8),
        Line::ratio(ROW.name, by_wait, peer, [&wait, &raw], 0.8),
        Line::ratio(ROW.name, in_task, leader, [&task, &raw_leader], 0.8),
    ])
}

fn repository(store: &EventStore) -> Repository<User> {
    Repository::new(store, RepositoryOptions { snapshot_every: 0, ..RepositoryOptions::default() })
}

/// Checks that the server has all of it.
fn emptied(engine: &Engine, stream: &str, prefix: &str, operations: u64) -> Outcome<()> {
    let (found, expected) = (digest_of(&engine.stream(stream).wait()?)?, expected(operations, prefix));
    if found == expected { Ok(()) } else { Err(format!("{stream} holds {found:?}, expected {expected:?}").into()) }
}

async fn change_in_task(users: Repository<User>, operations: u64) -> Outcome<()> {
    let keys = keys();
    for number in 0..operations {
        let mut user = users.get_or_create(key_of(&keys, number)).await?;
        user.raise(Changed(number));
        users.save(user, &SaveOptions::default()).await?;
    }
    Ok(())
}

/// How the peer reads what is last of a subject.
#[derive(Clone, Copy)]
enum Way {
    /// Whoever of the stream's servers is asked.
    Direct,
    /// The one that takes what is published.
    Leader,
}

async fn change_directly(jetstream: JetStream, operations: u64, way: Way) -> Outcome<()> {
    let stream = jetstream.get_stream(RAW).await?;
    let subjects: Vec<String> = keys().into_iter().map(|key| format!("{RAW_PREFIX}{key}")).collect();
    for number in 0..operations {
        let subject = key_of(&subjects, number);
        let last = match way {
            Way::Direct => match stream.direct_get_last_for_subject(subject).await {
                Ok(message) => message.sequence,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => 0,
                Err(error) => return Err(error.into()),
            },
            Way::Leader => match stream.get_last_raw_message_by_subject(subject).await {
                Ok(message) => message.sequence,
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => 0,
                Err(error) => return Err(error.into()),
            },
        };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", last.to_string().as_str());
        jetstream.publish_with_headers(subject.to_owned(), headers, data(number).into()).await?.await?;
    }
    Ok(())
}

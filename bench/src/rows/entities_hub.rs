//! A request to an entity on another node of a cluster, through a hub, beside a plain request of `async-nats` to a
//! subscriber that answers. All of it is in one process: each side has two connections, and both share one runtime.

use async_nats::Client;
use futures_util::StreamExt;
use headwater::entities::{ClusterConfig, Entities, EntitiesConfig};
use headwater::{Engine, HubOptions};

use super::Row;
use super::entities::{ask, sum_in, types};
use crate::Outcome;
use crate::context::{Context, Side, rate};
use crate::peers::nats::{Direct, Server};
use crate::report::Line;

/// The row.
pub(crate) const ROW: Row =
    Row { name: "entities_hub", about: "request to an entity through a hub: a request of async-nats", run };

const REQUESTS: u64 = 20_000;
const CLUSTER: &str = "bench";
const KEY: &str = "a";
const SUBJECT: &str = "bench.counter";

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let requests = context.turns(REQUESTS);
    let server = Server::start(&context.fresh("hub"), "", "")?;
    let direct = Direct::connect(&server.url())?;
    let url = server.url();
    let (node, client) = direct.run(async move {
        let node = joined(&url, ClusterConfig::new(CLUSTER, "node")).await?;
        let client = joined(&url, ClusterConfig::client(CLUSTER)).await?;
        let serving = node.1.serve(types()).run();
        tokio::spawn(serving);
        Ok((node, client))
    })?;
    let answering = direct.run({
        let url = server.url();
        async move { Ok(async_nats::connect(url).await?) }
    })?;
    direct.run(answer(answering))?;

    // The first request waits until the node has its shards.
    let mut asked = direct.run(ask_for(client.1.clone(), 1))?;
    let mut counted = direct.run(request(direct.client(), 1))?;
    let [ours, theirs] = context.interleave([
        Side::new("Headwater", |_| {
            asked += requests;
            cost(requests, asked, || direct.run(ask_for(client.1.clone(), requests)))
        }),
        Side::new("async-nats", |_| {
            counted += requests;
            cost(requests, counted, || direct.run(request(direct.client(), requests)))
        }),
    ])?;
    for (engine, entities) in [client, node] {
        entities.leave().wait()?;
        engine.close()?;
    }
    let peer = "async-nats request to a subscriber";
    Ok(vec![Line::cost(ROW.name, "request to an entity through a hub", peer, [&ours, &theirs], 1.3)])
}

/// A connection of its own, and a part in the cluster.
async fn joined(url: &str, cluster: ClusterConfig) -> Outcome<(Engine, Entities)> {
    let engine = Engine::connect(HubOptions { on_this_runtime: true, ..HubOptions::new(url) }).await?;
    let config = EntitiesConfig { cluster: Some(cluster), ..EntitiesConfig::default() };
    let entities = engine.entities(config).await?;
    Ok((engine, entities))
}

async fn ask_for(entities: Entities, count: u64) -> Outcome<u64> {
    ask(entities, KEY, count).await
}

/// Nanoseconds for each of so many requests, after which the counter has to stand at a number.
fn cost(count: u64, expected: u64, work: impl FnOnce() -> Outcome<u64>) -> Outcome<f64> {
    let per_second = rate(count, || match work()? {
        sum if sum == expected => Ok(()),
        sum => Err(format!("the counter stands at {sum}, not at {expected}").into()),
    })?;
    Ok(1e9 / per_second)
}

/// Answers requests from now on, with the sum of what they said.
async fn answer(client: Client) -> Outcome<()> {
    let mut requests = client.subscribe(SUBJECT).await?;
    client.flush().await?;
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(request) = requests.next().await {
            sum += sum_in(&request.payload).unwrap_or_default();
            let Some(reply) = request.reply else { continue };
            if client.publish(reply, sum.to_le_bytes().to_vec().into()).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

async fn request(client: Client, count: u64) -> Outcome<u64> {
    let mut sum = 0;
    for _ in 0..count {
        let answer = client.request(SUBJECT, 1_u64.to_le_bytes().to_vec().into()).await?;
        sum = sum_in(&answer.payload)?;
    }
    Ok(sum)
}

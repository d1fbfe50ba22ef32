//! `headwater entities`: the live entities of a cluster, asked from outside.

mod client;

use std::time::Duration;

use clap::{Args, Subcommand};
use headwater::entities::{EntityId, EntityInfo};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::text::{base64, printable};
use crate::units::parse_duration;
use client::Cluster;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Lists the entities that are alive, on all nodes.
    #[command(after_help = "Example:
  headwater entities ls account --server nats://127.0.0.1:4222 --json")]
    Ls(Ls),
    /// Lists the nodes of the cluster, and how many shards each has.
    #[command(after_help = "Example:
  headwater entities nodes --server nats://127.0.0.1:4222
  headwater entities nodes --server grpcs://127.0.0.1:7401 \\
      --ca certs/ca.pem --cert certs/a.pem --key certs/a.key")]
    Nodes(Nodes),
    /// Shows which node an entity is on.
    #[command(after_help = "Example:
  headwater entities where account acc-1 --server nats://127.0.0.1:4222")]
    Where(Where),
    /// Asks an entity, and prints its answer.
    #[command(after_help = "Example:
  headwater entities request account acc-1 deposit --data '{\"amount\":5}' \\
      --server nats://127.0.0.1:4222

The exit code is that of the entity's error: 4 for a conflict, 7 when no node \
has it now.")]
    Request(Request),
    /// Tells an entity something, and does not wait for it.
    #[command(after_help = "Example:
  headwater entities notify account acc-1 close \\
      --server nats://127.0.0.1:4222")]
    Notify(Notify),
}

#[derive(Args)]
struct Name {
    /// The kind of the entity, such as account.
    kind: String,
    /// Which one it is; any text.
    key: String,
}

impl Name {
    fn id(&self) -> EntityId<'_> {
        EntityId::new(&self.kind, &self.key)
    }
}

#[derive(Args)]
struct Said {
    /// What is asked or told.
    name: String,
    /// What goes with it, as JSON or any text; nothing when not given, standard input for '-'.
    #[arg(long, allow_hyphen_values = true, default_value = "", hide_default_value = true)]
    data: String,
}

impl Said {
    fn payload(&self) -> Done<Vec<u8>> {
        if self.data != "-" {
            return Ok(self.data.clone().into_bytes());
        }
        let mut payload = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut payload)?;
        Ok(payload)
    }
}

#[derive(Args)]
pub(crate) struct Ls {
    /// Only entities of this kind.
    kind: Option<String>,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Args)]
pub(crate) struct Nodes {
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Args)]
pub(crate) struct Where {
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Args)]
pub(crate) struct Request {
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    said: Said,
    /// How long the answer is waited for.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    timeout: Duration,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Args)]
pub(crate) struct Notify {
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Serialize)]
struct PlaceLine<'a> {
    kind: &'a str,
    key: &'a str,
    shard: u32,
    node: Option<String>,
}

#[derive(Serialize)]
struct AnswerLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Ls(verb) => verb.run(place),
            Verb::Nodes(verb) => verb.run(place),
            Verb::Where(verb) => verb.run(place),
            Verb::Request(verb) => verb.run(place),
            Verb::Notify(verb) => verb.run(place),
        }
    }
}

impl Ls {
    fn run(self, place: &Place) -> Done {
        let client = self.cluster.client(place)?;
        let mut out = place.output();
        let mut rows = Vec::new();
        for it in client.list(&self.kind.unwrap_or_default())? {
            let EntityInfo { kind, key, shard, node, state, waiting } = &it;
            let state = serde_json::to_value(state).ok().and_then(|state| state.as_str().map(str::to_owned));
            let name = [kind, key, node].map(|text| printable(text.as_bytes()));
            let [kind, key, node] = name;
            put(
                &mut out,
                &it,
                &mut rows,
                [kind, key, node, shard.to_string(), state.unwrap_or_default(), waiting.to_string()],
            )?;
        }
        out.table(["KIND", "KEY", "NODE", "SHARD", "STATE", "WAITING"], &rows)?;
        out.flush()
    }
}

/// Prints an object, or keeps its row for the table.
fn put<const N: usize>(out: &mut Output, it: &impl Serialize, rows: &mut Vec<[String; N]>, row: [String; N]) -> Done {
    if out.is_json() {
        out.either(it, String::new)?;
    } else {
        rows.push(row);
    }
    Ok(())
}

impl Nodes {
    fn run(self, place: &Place) -> Done {
        let client = self.cluster.client(place)?;
        let mut out = place.output();
        let mut rows = Vec::new();
        for it in client.nodes()? {
            let state = if it.is_alive { "alive" } else { "silent" };
            let row = [printable(it.name.as_bytes()), state.to_owned(), it.shards.to_string(), it.weight.to_string()];
            put(&mut out, &it, &mut rows, row)?;
        }
        out.table(["NODE", "STATE", "SHARDS", "WEIGHT"], &rows)?;
        out.flush()
    }
}

impl Where {
    fn run(self, place: &Place) -> Done {
        let client = self.cluster.client(place)?;
        let (id, mut out) = (self.name.id(), place.output());
        id.check()?;
        let (shard, node) = client.where_is(id)?;
        let line = PlaceLine { kind: id.kind, key: id.key, shard, node };
        let text = || match &line.node {
            Some(node) => printable(node.as_bytes()),
            None => "on no node now".to_owned(),
        };
        out.either(&line, text)?;
        out.flush()
    }
}

impl Request {
    fn run(self, place: &Place) -> Done {
        let payload = self.said.payload()?;
        let client = self.cluster.client(place)?;
        if self.timeout.is_zero() {
            return Err(Failure::usage("--timeout must be longer than nothing"));
        }
        let answer = client.request(self.name.id(), &self.said.name, &payload, self.timeout)?;
        let mut out = place.output();
        if out.is_json() {
            let line = match String::from_utf8(answer) {
                Ok(text) => AnswerLine { payload: Some(text), payload_base64: None },
                Err(error) => AnswerLine { payload: None, payload_base64: Some(base64(error.as_bytes())) },
            };
            out.either(&line, String::new)?;
        } else {
            out.bytes(&answer)?;
            if !answer.is_empty() && !answer.ends_with(b"\n") {
                out.text("")?;
            }
        }
        out.flush()
    }
}

impl Notify {
    fn run(self, place: &Place) -> Done {
        let payload = self.said.payload()?;
        let client = self.cluster.client(place)?;
        client.notify(self.name.id(), &self.said.name, &payload)
    }
}

//! `headwater link`: what joins a directory's streams to a hub's. They live in `headwater.toml`; a node that runs there
//! is told at once.

mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use headwater::{
    CatchUp, Config, ConfigFile, Direction, Engine, EngineOptions, ErrorKind, HubConfig, LinkConfig, NodeUse, OnReset,
    StreamConfig, SubjectMap,
};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::place::Place;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Adds a link to the configuration, and begins it where a node runs.
    #[command(after_help = "Examples:
  headwater link add --stream orders --hub-stream ORDERS \\
      --hub nats://127.0.0.1:4222 --dir data
  headwater link add --stream log --hub-stream EDGES --direction push \\
      --map log=edge.7.log --filter 'log.>' --hub nats://127.0.0.1:4222 --dir data

The hub's stream is made where it is not there. An address with a secret in it is better written into the \
file by hand, with ${VARIABLE} in its place.")]
    Add(Add),
    /// Lists the links that are configured.
    #[command(after_help = "Example:\n  headwater link ls --dir data")]
    Ls(File),
    /// Shows where each link stands: at work in a node, or at rest.
    #[command(after_help = "Example:\n  headwater link status --dir data --json")]
    Status(File),
    /// Ends a link and removes it; where it stood is kept for the next one of its name.
    #[command(after_help = "Example:\n  headwater link rm orders-ORDERS --dir data")]
    Rm(Rm),
}

#[derive(Args)]
pub(crate) struct File {
    /// The configuration; when not given the one that the directory was served by last, and else headwater.toml in it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Rm {
    /// The link.
    name: String,
    #[command(flatten)]
    file: File,
}

#[derive(Args)]
pub(crate) struct Add {
    /// The local stream.
    #[arg(long, value_name = "STREAM")]
    stream: String,
    /// The stream on the hub; the local one's name when not given.
    #[arg(long, value_name = "STREAM")]
    hub_stream: Option<String>,
    /// The link's name; <stream>-<hub stream> when not given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Which way records go.
    #[arg(long, default_value = "both")]
    direction: Way,
    /// Only local subjects that this takes; may be given again.
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Subjects under one prefix here are under another there, as orders=edge.7.orders; may be given again.
    #[arg(long = "map", value_name = "LOCAL=HUB", value_parser = parse_map)]
    map: Vec<SubjectMap>,
    /// What is carried first after a time apart.
    #[arg(long, default_value = "history")]
    catch_up: First,
    /// What is done when the hub's stream was made anew or lost its end.
    #[arg(long, default_value = "resend")]
    on_reset: Reset,
    /// Nobody else appends to the hub's stream.
    #[arg(long)]
    exclusive: bool,
    /// On how many servers the hub's stream is kept, when it is made.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    replicas: u32,
    /// Waits for the hub's stream instead of making it.
    #[arg(long)]
    no_create: bool,
    #[command(flatten)]
    file: File,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Push,
    Pull,
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
enum First {
    /// Every record, in order.
    History,
    /// The newest record of each subject alone.
    Latest,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reset {
    /// Push everything that is not there.
    Resend,
    /// Push only what is new.
    Continue,
    /// Carry nothing.
    Stop,
}

fn parse_map(text: &str) -> Result<SubjectMap, String> {
    let (local, remote) = text.split_once('=').ok_or_else(|| format!("'{text}' is not LOCAL=HUB"))?;
    Ok(SubjectMap { local: local.to_owned(), remote: remote.to_owned() })
}

#[derive(Serialize)]
struct Changed<'a> {
    name: &'a str,
    file: String,
    running: bool,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.run(place),
            Verb::Ls(file) => file.list(place),
            Verb::Status(file) => file.status(place),
            Verb::Rm(rm) => rm.run(place),
        }
    }
}

impl File {
    fn path(&self, place: &Place) -> Done<PathBuf> {
        self.config.clone().map_or_else(|| Ok(Config::file_of(place.dir()?)), Ok)
    }
}

/// The node that has the directory open, if there is one.
fn node(place: &Place) -> Done<Option<Engine>> {
    let options = EngineOptions { node: NodeUse::Only, create: false, ..EngineOptions::default() };
    match Engine::open_with(place.dir()?, options) {
        Ok(engine) => Ok(Some(engine)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Add {
    fn run(self, place: &Place) -> Done {
        let url = place.hub.as_deref();
        let url = url.ok_or_else(|| Failure::usage("no hub: give --hub URL, such as nats://127.0.0.1:4222"))?;
        let path = self.file.path(place)?;
        let link = self.link();
        let mut file = ConfigFile::open(&path)?;
        file.add_link(&link, url)?;
        // The node first: what it refuses is not written.
        let node = node(place)?;
        if let Some(node) = &node {
            node.add_hub_link(link.clone(), url).wait()?;
        } else if !file.has_stream(&link.stream) {
            Engine::open_with(place.dir()?, EngineOptions::read_only())?.stream(&link.stream).wait()?;
        }
        file.save()?;
        answer(place, &link.name, &path, node.is_some(), "is added")
    }

    fn link(&self) -> LinkConfig {
        let remote = self.hub_stream.clone().unwrap_or_else(|| self.stream.clone());
        let hub = HubConfig { replicas: self.replicas, ..HubConfig::default() };
        let made = StreamConfig { hub: (self.replicas > 1).then(|| Box::new(hub)), ..StreamConfig::default() };
        LinkConfig {
            name: self.name.clone().unwrap_or_else(|| format!("{}-{remote}", self.stream)),
            stream: self.stream.clone(),
            remote,
            direction: match self.direction {
                Way::Push => Direction::Push,
                Way::Pull => Direction::Pull,
                Way::Both => Direction::Both,
            },
            filters: self.filters.clone(),
            map: self.map.clone(),
            catch_up: match self.catch_up {
                First::History => CatchUp::History,
                First::Latest => CatchUp::Latest,
            },
            on_reset: match self.on_reset {
                Reset::Resend => OnReset::Resend,
                Reset::Continue => OnReset::Continue,
                Reset::Stop => OnReset::Stop,
            },
            exclusive: self.exclusive,
            create: (!self.no_create).then(|| Box::new(made)),
        }
    }
}

impl Rm {
    fn run(self, place: &Place) -> Done {
        let path = self.file.path(place)?;
        let mut file = ConfigFile::open(&path)?;
        let configured = file.remove_link(&self.name)?;
        let ended = match node(place)?.map(|node| node.remove_link(&self.name)) {
            None => false,
            Some(Ok(())) => true,
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => false,
            Some(Err(error)) => return Err(error.into()),
        };
        if configured {
            file.save()?;
        } else if !ended {
            return Err(Failure::not_found(format!("there is no link '{}' in {}", self.name, path.display())));
        }
        answer(place, &self.name, &path, ended, "is removed")
    }
}

fn answer(place: &Place, name: &str, path: &std::path::Path, running: bool, what: &str) -> Done {
    let changed = Changed { name, file: path.display().to_string(), running };
    let node = if running { ", and the node knows" } else { "" };
    let mut out = place.output();
    out.either(&changed, || format!("link {name} {what}{node}"))?;
    out.flush()
}

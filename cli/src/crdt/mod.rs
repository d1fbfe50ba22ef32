//! `headwater crdt`: state that merges. The verbs and their arguments are here; what they do is in `change` and `show`.

mod change;
mod merge;
mod opened;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use headwater::GrpcClient;
use headwater::crdt::Kind;

use crate::failure::Done;
use crate::place::Place;
use crate::server::OverGrpc;
use crate::units::parse_duration;

#[derive(Args)]
pub(crate) struct Crdt {
    #[command(flatten)]
    server: OverGrpc,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Adds to a counter, and prints what it is then.
    #[command(after_help = "Examples:
  headwater crdt incr likes --dir data
  headwater crdt incr likes 5 --dir data
  headwater crdt incr likes 5 --server grpcs://127.0.0.1:9090 \\
    --ca certs/ca.pem --cert certs/a.pem --key certs/a.key

A store that is not there is made.")]
    Incr(Count),
    /// Takes from a counter, and prints what it is then.
    #[command(after_help = "Example:\n  headwater crdt decr likes 2 --dir data")]
    Decr(Count),
    /// Prints what is in a key.
    #[command(after_help = "Example:\n  headwater crdt get likes --dir data")]
    Get(Key),
    /// Writes a register: the last writer wins.
    #[command(after_help = "Examples:
  headwater crdt set theme dark --dir data
  headwater crdt set limit 5 --type int --ttl 1h --dir data")]
    Set(Set),
    /// Adds a value to a set.
    #[command(after_help = "Example:\n  headwater crdt add tags blue --dir data")]
    Add(Set),
    /// Removes a value from a set, or all that is in a key.
    #[command(after_help = "Examples:
  headwater crdt remove tags blue --dir data
  headwater crdt remove likes --dir data")]
    Remove(Remove),
    /// Turns a flag on or off.
    #[command(after_help = "Example:\n  headwater crdt flag maintenance on --dir data")]
    Flag(Flag),
    /// Prints every key with its kind and what is in it.
    #[command(after_help = "Example:\n  headwater crdt dump --dir data --json")]
    Dump(Prefix),
    /// Lists the keys with their kinds.
    #[command(after_help = "Example:\n  headwater crdt keys user. --dir data")]
    Keys(Prefix),
    /// Prints the keys that change from now on, with what is in them then.
    #[command(after_help = "Example:\n  headwater crdt watch user. --timeout 10s --dir data --json")]
    Watch(Watch),
    /// Takes in all that the store of another directory has and this one has not.
    #[command(after_help = "Examples:
  headwater crdt merge --from copies/monday --dir data
  headwater crdt merge --from copies/monday --store app --dir data --json

The other directory may be a backup or that of a node at work; nothing in it is changed. Both stores go on meanwhile. \
Ctrl-C ends it and does no harm: the next one goes on.")]
    Merge(Merge),
    /// Says how far the log was read, and what is known to be missing.
    #[command(after_help = "Example:\n  headwater crdt status --store app --dir data --json")]
    Status(Store),
}

/// In which store.
#[derive(Args)]
struct Store {
    /// The store.
    #[arg(long, value_name = "NAME", default_value = "default")]
    store: String,
}

#[derive(Args)]
struct Count {
    /// The key.
    key: String,
    /// How much.
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..))]
    amount: i64,
    /// As what.
    #[arg(long, value_name = "KIND", value_parser = parse_kind, default_value = "counter")]
    kind: Kind,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Key {
    /// The key.
    key: String,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Typed {
    /// How to read the value.
    #[arg(long = "type", default_value = "text")]
    value_type: ValueType,
}

#[derive(Args)]
struct Set {
    /// The key.
    key: String,
    /// The value.
    #[arg(allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    typed: Typed,
    /// How long it stays.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ttl: Option<Duration>,
    /// As what [default: register for 'set', set for 'add'].
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<Kind>,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Remove {
    /// The key.
    key: String,
    /// The value; all that is in the key when not given.
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    #[command(flatten)]
    typed: Typed,
    /// The kind of the set.
    #[arg(long, value_name = "KIND", value_parser = parse_kind, default_value = "set")]
    kind: Kind,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Flag {
    /// The key.
    key: String,
    /// On or off.
    state: Switch,
    /// How long it stays on.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ttl: Option<Duration>,
    /// As what.
    #[arg(long, value_name = "KIND", value_parser = parse_kind, default_value = "flag")]
    kind: Kind,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Prefix {
    /// Only keys whose names begin like this.
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Merge {
    /// The other directory.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
struct Watch {
    #[command(flatten)]
    prefix: Prefix,
    /// Ends after this many changes.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Ends when nothing changed for this long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ValueType {
    Text,
    Int,
    Float,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| format!("it is one of {}", names()))
}

/// Where the verbs work: in a directory, on a hub, or on a node over gRPC.
struct At<'a> {
    place: &'a Place,
    node: Option<GrpcClient>,
}

impl Crdt {
    pub(crate) fn run(self, place: &Place) -> Done {
        let at = &At { place, node: self.server.client(place)? };
        match self.verb {
            Verb::Incr(count) => count.run(at, 1),
            Verb::Decr(count) => count.run(at, -1),
            Verb::Get(key) => key.show(at),
            Verb::Set(set) => set.write(at),
            Verb::Add(set) => set.insert(at),
            Verb::Remove(remove) => remove.run(at),
            Verb::Flag(flag) => flag.run(at),
            Verb::Dump(prefix) => prefix.dump(at),
            Verb::Keys(prefix) => prefix.keys(at),
            Verb::Watch(watch) => watch.run(at),
            Verb::Merge(merge) => merge.run(at),
            Verb::Status(store) => store.status(at),
        }
    }
}

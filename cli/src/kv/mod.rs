//! `headwater kv`: buckets in JetStream's own key-value layout. The verbs and their arguments are here; what they do
//! is in `change` and `show`.

mod change;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use headwater::Bucket;

use crate::failure::Done;
use crate::place::Place;
use crate::stream::DurabilityName;
use crate::units::{parse_duration, parse_size, parse_small_size};

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a bucket, and the directory if it is not there.
    #[command(after_help = "Example:\n  headwater kv add settings --history 5 --ttl 30d --dir data")]
    Add(Add),
    /// Lists the buckets.
    #[command(after_help = "Example:\n  headwater kv ls --dir data")]
    Ls,
    /// Shows what a bucket holds.
    #[command(after_help = "Example:\n  headwater kv info settings --dir data")]
    Info(Name),
    /// Sets a key, and prints the revision.
    #[command(after_help = "Examples:
  headwater kv put settings theme dark --dir data
  headwater kv put settings logo --dir data < logo.png

A bucket that is not there is made, with 10 values kept of each key; use 'kv add' first to choose otherwise.")]
    Put(Put),
    /// Sets a key that has no value; a conflict (exit code 4) when it has one.
    #[command(after_help = "Example:\n  headwater kv create locks job-1 worker-a --ttl 1m --dir data")]
    Create(Create),
    /// Sets a key whose last revision is this one; a conflict (exit code 4) when it is not.
    #[command(after_help = "Example:\n  headwater kv update settings theme light --revision 1 --dir data")]
    Update(Update),
    /// Prints the value of a key, followed by a line end.
    #[command(after_help = "Examples:
  headwater kv get settings theme --dir data
  headwater kv get settings logo --raw --dir data > logo.png")]
    Get(Get),
    /// Deletes a key and keeps its history.
    #[command(after_help = "Example:\n  headwater kv del settings theme --dir data")]
    Del(Remove),
    /// Deletes a key with its history.
    #[command(after_help = "Example:\n  headwater kv purge settings theme --dir data")]
    Purge(Remove),
    /// Prints the kept revisions of a key, oldest first.
    #[command(after_help = "Example:\n  headwater kv history settings theme --dir data --json")]
    History(Key),
    /// Prints what is there, then what changes, also beside the process that writes.
    #[command(after_help = "Examples:
  headwater kv watch settings --dir data
  headwater kv watch settings 'theme.*' --updates-only --timeout 10s \\
      --dir data --json")]
    Watch(Watch),
    /// Lists the keys that have a value.
    #[command(after_help = "Example:\n  headwater kv keys settings 'theme.*' --dir data")]
    Keys(Keys),
    /// Removes a bucket with everything in it.
    #[command(after_help = "Example:\n  headwater kv rm settings --dir data")]
    Rm(Name),
}

#[derive(Args)]
pub(crate) struct Name {
    /// The bucket.
    bucket: String,
}

#[derive(Args)]
pub(crate) struct Key {
    /// The bucket.
    bucket: String,
    /// The key.
    key: String,
}

#[derive(Args)]
pub(crate) struct Add {
    /// The bucket: letters, digits, '-' and '_'.
    bucket: String,
    /// For people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// How many values of a key are kept, 1 to 64.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    history: u32,
    /// Values older than this go; 0 is never.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0")]
    ttl: Duration,
    /// The most bytes; 0 is no limit.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "0")]
    max_bytes: u64,
    /// The largest value; 0 is 8 MiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_small_size, default_value = "0")]
    max_value_size: u32,
    /// What an acknowledgement promises.
    #[arg(long, default_value = "fsync")]
    durability: DurabilityName,
}

#[derive(Args)]
pub(crate) struct Put {
    #[command(flatten)]
    key: Key,
    /// The value; standard input when not given.
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    put: Put,
    /// How long it stays, in whole seconds.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ttl: Option<Duration>,
}

#[derive(Args)]
pub(crate) struct Update {
    #[command(flatten)]
    put: Put,
    /// The revision that must be the key's last.
    #[arg(long)]
    revision: u64,
}

#[derive(Args)]
pub(crate) struct Get {
    #[command(flatten)]
    key: Key,
    /// That revision of the key.
    #[arg(long)]
    revision: Option<u64>,
    /// The bytes and no line end.
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

#[derive(Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    key: Key,
    /// Only if this is the key's last revision.
    #[arg(long)]
    revision: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Keys {
    /// The bucket.
    bucket: String,
    /// Only keys that this takes, such as 'theme.*'.
    #[arg(default_value = ">")]
    filter: String,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// The bucket.
    bucket: String,
    /// Only keys that one of these takes, such as 'theme.*'.
    filters: Vec<String>,
    /// Every kept revision first, not only the newest.
    #[arg(long, conflicts_with = "updates_only")]
    history: bool,
    /// Only what changes from now on.
    #[arg(long)]
    updates_only: bool,
    /// Leaves deletes out.
    #[arg(long)]
    ignore_deletes: bool,
    /// Ends after this many entries.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// Ends when nothing changed for this long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.run(place),
            Verb::Ls => show::buckets(place),
            Verb::Info(name) => name.show(place),
            Verb::Put(put) => put.write_or_make(place, |bucket, key, value| bucket.put(key, value).wait()),
            Verb::Create(create) => {
                let ttl = create.ttl;
                create.put.write_or_make(place, |bucket, key, value| bucket.create(key, value, ttl).wait())
            }
            Verb::Update(update) => update.run(place),
            Verb::Get(get) => get.run(place),
            Verb::Del(remove) => remove.run(place, Bucket::delete),
            Verb::Purge(remove) => remove.run(place, Bucket::purge),
            Verb::History(key) => key.history(place),
            Verb::Watch(watch) => watch.run(place),
            Verb::Keys(keys) => keys.run(place),
            Verb::Rm(name) => name.remove(place),
        }
    }
}

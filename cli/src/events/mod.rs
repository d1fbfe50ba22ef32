//! `headwater events`: aggregates and their events. The verbs append, load and list, and what there is of
//! projections.

mod projections;

use clap::{Args, Subcommand};
use headwater::events::{
    AggregateId, AsOf, EventFilter, EventView, EventsConfig, Expected, LoadOptions, NewEvent, Page, SaveOptions,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::text::{base64, printable};
use crate::time::{parse_time, show_commit_time, show_short_time, show_time};
use projections::{DeadLetters, Projections};

/// Aggregates of a list that are read at once.
const LIST_AT_ONCE: usize = 1_000;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Appends an event to an aggregate, and makes the event store if it is not there.
    #[command(after_help = "Examples:
  headwater events append account acc-1 --type Opened --data '{}' \\
      --expect 0 --dir data
  headwater events append account acc-1 --type Deposited \\
      --data '{\"amount\":5}' --command 5e3f --dir data

With --expect the aggregate must have so many events, or 'none', or some \
('exists'); a conflict (exit code 4) when it has not. With --command an event \
that the same command appended before is not appended again.")]
    Append(Append),
    /// Prints the events of an aggregate.
    #[command(after_help = "Examples:
  headwater events load account acc-1 --dir data --json
  headwater events load account acc-1 --as-of-version 3 --dir data
  headwater events load account acc-1 --as-of-time 2026-01-01 --dir data")]
    Load(Load),
    /// Forgets a person or thing: the data of events about it is gone from then on.
    #[command(after_help = "Example:\n  headwater events forget ada --dir data

Prints whether there was a key of it. Copies of the directory that were made \
before, such as backups, have the key still, and data with it.")]
    Forget(Forget),
    /// Moves the old events of an aggregate into the archive of the store.
    #[command(after_help = "Examples:
  headwater events archive account acc-1 --dir data
  headwater events archive account acc-1 --up-to 1000 --dir data

What lies before the snapshot of the aggregate goes, and is still read by \
whoever needs it; without a snapshot nothing does (exit code 3). What a \
projection has not taken in yet stays.")]
    Archive(Archive),
    /// Lists the aggregates and where they stand.
    #[command(after_help = "Example:\n  headwater events ls account --dir data --json")]
    Ls(Ls),
    /// Lists the projections: where they stand, and what they fail at.
    #[command(after_help = "Example:\n  headwater events projections --dir data --json")]
    Projections(Projections),
    /// Lists the events that a projection gave up.
    #[command(after_help = "Example:\n  headwater events dead-letters balances --dir data --json")]
    DeadLetters(DeadLetters),
}

#[derive(Args)]
struct Store {
    /// The event store.
    #[arg(long, value_name = "NAME", default_value = EventsConfig::NAME)]
    store: String,
}

#[derive(Args)]
struct Name {
    /// The kind of the aggregate, such as account.
    aggregate: String,
    /// Which one it is; any text.
    key: String,
}

impl Name {
    fn id(&self) -> AggregateId<'_> {
        AggregateId::new(&self.aggregate, &self.key)
    }
}

#[derive(Args)]
pub(crate) struct Append {
    #[command(flatten)]
    name: Name,
    /// The name of the event.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: String,
    /// What happened, as JSON or any text; standard input when not given.
    #[arg(long, allow_hyphen_values = true)]
    data: Option<String>,
    /// The version that the aggregate must be at, or 'none', 'exists' or 'any'.
    #[arg(long, value_name = "VERSION", value_parser = parse_expected, default_value = "any")]
    expect: Expected,
    /// The version of the shape of the data.
    #[arg(long, value_name = "VERSION", default_value_t = 1)]
    schema: u32,
    /// When it happened [default: now].
    #[arg(long, value_parser = parse_time)]
    time: Option<i64>,
    /// The id of the command that is carried out.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    command: String,
    /// What the event belongs together with.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    correlation: String,
    /// What the event is a consequence of.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    causation: String,
    /// A further name and value; may be given several times.
    #[arg(long = "meta", value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// The person or thing that the data is about, which can be forgotten on request.
    #[arg(long, value_name = "NAME")]
    data_subject: Option<String>,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Load {
    #[command(flatten)]
    name: Name,
    /// As it was at this version.
    #[arg(long, value_name = "VERSION")]
    as_of_version: Option<u64>,
    /// As it was at this sequence of the store.
    #[arg(long, value_name = "SEQ", conflicts_with = "as_of_version")]
    as_of_seq: Option<u64>,
    /// As it was at this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with_all = ["as_of_version", "as_of_seq"])]
    as_of_time: Option<i64>,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Forget {
    /// The person or thing, as events were appended with --data-subject.
    data_subject: String,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Archive {
    #[command(flatten)]
    name: Name,
    /// The last version to go [default: that before the snapshot].
    #[arg(long, value_name = "VERSION", default_value_t = 0, hide_default_value = true)]
    up_to: u64,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Ls {
    /// Only aggregates of this kind.
    aggregate: Option<String>,
    #[command(flatten)]
    store: Store,
}

#[derive(Serialize)]
struct EventLine<'a> {
    version: u64,
    seq: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema: u32,
    time: String,
    saved: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_subject: Option<&'a str>,
    /// Where there is a data subject: whether the data are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_erased: Option<bool>,
    /// Where the data are JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    /// Where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Append(append) => append.run(place),
            Verb::Load(load) => load.run(place),
            Verb::Forget(forget) => forget.run(place),
            Verb::Archive(archive) => archive.run(place),
            Verb::Ls(ls) => ls.run(place),
            Verb::Projections(projections) => projections.run(place),
            Verb::DeadLetters(letters) => letters.run(place),
        }
    }
}

/// What an aggregate must be at.
fn parse_expected(text: &str) -> Result<Expected, String> {
    match text {
        "any" => Ok(Expected::Any),
        "none" => Ok(Expected::None),
        "exists" => Ok(Expected::Exists),
        _ => text.parse().map(Expected::Version).map_err(|_| "it is no version, 'none', 'exists' or 'any'".to_owned()),
    }
}

impl Append {
    fn run(self, place: &Place) -> Done {
        let data = match self.data {
            Some(data) => data.into_bytes(),
            None => {
                let mut data = Vec::new();
                std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut data)
                    .map_err(|e| Failure::io("read standard input", &e))?;
                data
            }
        };
        let pair = |text: &'_ str| {
            let usage = || Failure::usage(format!("--meta '{text}' is not NAME=VALUE"));
            text.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).ok_or_else(usage)
        };
        let metadata: Vec<(String, String)> = self.metadata.iter().map(|text| pair(text)).collect::<Done<_>>()?;
        let event = NewEvent {
            schema: self.schema,
            time: self.time,
            metadata: metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            data_subject: self.data_subject.as_deref(),
            ..NewEvent::new(&self.event_type, &data)
        };
        let options = SaveOptions {
            command: &self.command,
            correlation: &self.correlation,
            causation: &self.causation,
            ..SaveOptions::default()
        };
        let saved = place.make(|engine| {
            let store = match engine.event_store(&self.store.store).wait() {
                Err(error) if error.kind() == headwater::ErrorKind::NotFound => {
                    let config = EventsConfig { name: self.store.store.clone(), ..EventsConfig::default() };
                    engine.create_event_store(config).wait()?
                }
                store => store?,
            };
            Ok(store.save(self.name.id(), self.expect, &[event], &options).wait()?)
        })?;
        let mut out = place.output();
        let (version, seq) = (saved.position.version, saved.position.seq);
        let object = serde_json::json!({ "version": version, "seq": seq, "repeat": saved.is_repeat });
        out.either(&object, || version.to_string())?;
        out.flush()
    }
}

impl Load {
    fn run(self, place: &Place) -> Done {
        let as_of = match (self.as_of_version, self.as_of_seq, self.as_of_time) {
            (Some(version), ..) => AsOf::Version(version),
            (_, Some(seq), _) => AsOf::Seq(seq),
            (.., Some(time)) => AsOf::Time(u64::try_from(time).unwrap_or(0)),
            _ => AsOf::Now,
        };
        let engine = place.reader()?;
        let store = engine.event_store(&self.store.store).wait()?;
        let loaded = store.load(self.name.id(), &LoadOptions { as_of, ..LoadOptions::default() }).wait()?;
        place.warn(&engine);
        if !loaded.exists() {
            let when = if as_of == AsOf::Now { "" } else { " then" };
            return Err(Failure::not_found(format!("{} has no events{when}", self.name.id())));
        }
        let mut out = place.output();
        loaded.events().try_for_each(|event| event_line(&mut out, &event))?;
        out.flush()
    }
}

fn event_line(out: &mut Output, event: &EventView<'_>) -> Done {
    let data = serde_json::from_slice::<&RawValue>(event.data()).ok();
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.into());
    let metadata: serde_json::Map<_, _> = event.metadata().map(text).collect();
    let line = EventLine {
        version: event.version,
        seq: event.seq(),
        event_type: event.event_type,
        schema: event.schema,
        time: show_time(event.time()),
        saved: show_commit_time(event.saved()),
        command: event.command(),
        correlation: event.correlation(),
        causation: event.causation(),
        metadata: Some(metadata).filter(|metadata| !metadata.is_empty()),
        data_subject: event.data_subject,
        is_erased: event.data_subject.map(|_| event.is_erased),
        data,
        data_base64: (data.is_none() && !event.is_erased).then(|| base64(event.data())),
    };
    out.either(&line, || {
        let data = if event.is_erased { "(erased)".to_owned() } else { printable(event.data()) };
        let time = show_short_time(event.time());
        format!("{:>6}  {time}  {}  {data}", event.version, event.event_type.escape_debug())
    })
}

impl Forget {
    fn run(self, place: &Place) -> Done {
        let forgotten = place.change(|engine| {
            let store = engine.event_store(&self.store.store).wait()?;
            Ok(store.forget(&self.data_subject).wait()?)
        })?;
        let mut out = place.output();
        let object = serde_json::json!({ "data_subject": self.data_subject, "had_key": forgotten });
        let name = self.data_subject.escape_debug();
        out.either(&object, || if forgotten { format!("forgot '{name}'") } else { format!("'{name}' had no key") })?;
        out.flush()
    }
}

impl Archive {
    fn run(self, place: &Place) -> Done {
        let archived = place.change(|engine| {
            let store = engine.event_store(&self.store.store).wait()?;
            Ok(store.archive(self.name.id(), self.up_to).wait()?)
        })?;
        let mut out = place.output();
        let (events, up_to, held) = (archived.events, archived.up_to, archived.held_back_by);
        let object = serde_json::json!({ "events": events, "up_to": up_to, "held_back_by": held });
        out.either(&object, || {
            let held = held.map(|name| format!("; projection '{name}' has not taken in the rest yet"));
            format!("{events} events moved, up to version {up_to}{}", held.unwrap_or_default())
        })?;
        out.flush()
    }
}

impl Ls {
    fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let store = engine.event_store(&self.store.store).wait()?;
        let filter = EventFilter { aggregate: self.aggregate, key: None };
        let mut out = place.output();
        let mut rows = Vec::new();
        let mut after = Some(0);
        while let Some(behind) = after {
            let Page { aggregates, next } = store.list(&filter, behind, LIST_AT_ONCE).wait()?;
            for it in aggregates {
                let (version, saved) = (it.position.version, show_commit_time(it.saved));
                if out.is_json() {
                    let object = serde_json::json!({
                        "aggregate": it.aggregate, "key": it.key, "version": version, "seq": it.position.seq,
                        "last_type": it.event_type, "saved": saved,
                    });
                    out.either(&object, String::new)?;
                } else {
                    let kind = it.aggregate.escape_debug().to_string();
                    let key = it.key.escape_debug().to_string();
                    rows.push([kind, key, version.to_string(), it.event_type.escape_debug().to_string(), saved]);
                }
            }
            after = next;
        }
        place.warn(&engine);
        out.table(["AGGREGATE", "KEY", "VERSION", "LAST EVENT", "SAVED"], &rows)?;
        out.flush()
    }
}

//! `headwater stream`: the verbs of streams, and those that answer in a line or two. Writing records is in `append`
//! and `lines`, reading them in `read` and `tail`.

mod append;
mod config;
mod hub;
mod info;
mod lines;
mod read;
mod tail;

pub(crate) use append::read_payload;
pub(crate) use config::{CompressionName, DurabilityName};

use clap::{Args, Subcommand};
use headwater::{Error, PurgeOptions, StreamConfig};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::output::RecordLine;
use crate::place::Place;
use crate::units::show_count;

/// How many subjects are asked for at once.
const SUBJECTS_PAGE: usize = 1000;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a stream, and the directory if it is not there.
    #[command(after_help = "Examples:
  headwater stream add orders --subjects 'orders.>' --dir data
  headwater stream add logs --subjects 'logs.>' --max-age 7d \\
      --max-bytes 1GiB --durability interval --dir data
  headwater stream add ORDERS --subjects 'orders.>' --replicas 3 \\
      --hub nats://127.0.0.1:4222

The same configuration again changes nothing; another one for the same name is a conflict (exit code 4).")]
    Add(Add),
    /// Changes a stream's subjects and limits; what is not given stays.
    #[command(after_help = "Example:\n  headwater stream edit orders --max-msgs-per-subject 100 --dir data")]
    Edit(Add),
    /// Lists the streams.
    #[command(after_help = "Example:\n  headwater stream ls --dir data")]
    Ls,
    /// Shows what a stream is and holds.
    #[command(after_help = "Example:\n  headwater stream info orders --dir data")]
    Info(Name),
    /// Lists the subjects that have a record, with how many.
    #[command(after_help = "Example:\n  headwater stream subjects orders --filter 'orders.eu.*' --dir data")]
    Subjects(Subjects),
    /// Appends one record, or with --lines one for each line of standard input.
    #[command(after_help = append::EXAMPLES)]
    Append(append::Append),
    /// Shows the newest record of a subject, or of all that a filter takes.
    #[command(after_help = "Example:\n  headwater stream last orders orders.eu.1 --dir data --json")]
    Last(Last),
    /// Shows the record with this sequence.
    #[command(after_help = "Example:\n  headwater stream get orders 17 --dir data")]
    Get(Get),
    /// Prints records, in order.
    #[command(after_help = read::EXAMPLES)]
    Read(read::Read),
    /// Prints records as they come, also beside the process that writes them.
    #[command(after_help = tail::EXAMPLES)]
    Tail(tail::Tail),
    /// Removes records and gives back their space.
    #[command(after_help = "Examples:
  headwater stream purge orders --filter 'orders.eu.>' --dir data
  headwater stream purge orders --keep 1000 --dir data

Without an option, everything goes.")]
    Purge(Purge),
    /// Removes one record.
    #[command(after_help = "Example:\n  headwater stream del orders 17 --dir data")]
    Del(Get),
    /// Removes a stream with everything in it.
    #[command(after_help = "Example:\n  headwater stream rm orders --dir data")]
    Rm(Name),
}

#[derive(Args)]
pub(crate) struct Add {
    /// The stream.
    name: String,
    #[command(flatten)]
    limits: config::Limits,
    #[command(flatten)]
    hub: Box<hub::HubSettings>,
}

#[derive(Args)]
pub(crate) struct Name {
    /// The stream.
    name: String,
}

#[derive(Args)]
pub(crate) struct Subjects {
    /// The stream.
    name: String,
    /// Only subjects that this takes, such as 'orders.*.1'.
    #[arg(long, default_value = ">")]
    filter: String,
}

#[derive(Args)]
pub(crate) struct Last {
    /// The stream.
    name: String,
    /// A subject, or a filter such as 'orders.>'; the whole stream when not given.
    #[arg(default_value = ">")]
    filter: String,
}

#[derive(Args)]
pub(crate) struct Get {
    /// The stream.
    name: String,
    /// The sequence.
    seq: u64,
}

#[derive(Args)]
pub(crate) struct Purge {
    /// The stream.
    name: String,
    /// Only subjects that this takes.
    #[arg(long)]
    filter: Option<String>,
    /// Only records before this sequence.
    #[arg(long, value_name = "SEQ")]
    before: Option<u64>,
    /// Keeps this many of the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    keep: u64,
}

#[derive(Serialize)]
struct SubjectLine<'a> {
    subject: &'a str,
    records: u64,
}

#[derive(Serialize)]
struct CountLine<'a> {
    stream: &'a str,
    removed: u64,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.add(place),
            Verb::Edit(add) => add.edit(place),
            Verb::Ls => info::list(place),
            Verb::Info(name) => info::show(&name.name, place),
            Verb::Subjects(subjects) => subjects.run(place),
            Verb::Append(append) => append.run(place),
            Verb::Last(last) => last.run(place),
            Verb::Get(get) => get.show(place),
            Verb::Read(read) => read.run(place),
            Verb::Tail(tail) => tail.run(place),
            Verb::Purge(purge) => purge.run(place),
            Verb::Del(get) => get.delete(place),
            Verb::Rm(name) => remove(&name.name, place),
        }
    }
}

impl Add {
    fn add(self, place: &Place) -> Done {
        let mut config = StreamConfig { name: self.name, ..StreamConfig::default() };
        self.limits.apply(&mut config);
        self.hub.apply(&mut config);
        let info = place.make(|engine| Ok(engine.create_stream(config).wait()?.info().wait()?))?;
        info::answer(place, info, "is there")
    }

    fn edit(self, place: &Place) -> Done {
        let info = place.change(|engine| {
            let mut config = engine.stream(&self.name).wait()?.config();
            self.limits.apply(&mut config);
            self.hub.apply(&mut config);
            Ok(engine.update_stream(config).wait()?.info().wait()?)
        })?;
        info::answer(place, info, "is changed")
    }
}

fn remove(name: &str, place: &Place) -> Done {
    place.change(|engine| Ok(engine.delete_stream(name).wait()?))?;
    let mut out = place.output();
    out.either(&serde_json::json!({ "stream": name, "removed": true }), || format!("stream {name} is removed"))?;
    out.flush()
}

impl Subjects {
    fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let stream = engine.stream(&self.name).wait()?;
        let mut out = place.output();
        let mut after = String::new();
        loop {
            let page = stream.subjects(&self.filter, &after, SUBJECTS_PAGE).wait()?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (subject, records) in &page {
                out.either(&SubjectLine { subject, records: *records }, || format!("{subject}\t{records}"))?;
            }
        }
        out.flush()
    }
}

impl Last {
    fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let record = engine.stream(&self.name).wait()?.last(&self.filter).wait()?;
        let record = record
            .ok_or_else(|| Failure::not_found(format!("stream '{}' has no record of '{}'", self.name, self.filter)))?;
        let mut out = place.output();
        out.record(&RecordLine::of(&record))?;
        out.flush()
    }
}

impl Get {
    fn show(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let record = engine.stream(&self.name).wait()?.get(self.seq).wait()?.ok_or_else(|| self.missing())?;
        let mut out = place.output();
        out.record(&RecordLine::of(&record))?;
        out.flush()
    }

    fn delete(self, place: &Place) -> Done {
        if !place.change(|engine| Ok(engine.stream(&self.name).wait()?.delete(self.seq).wait()?))? {
            return Err(self.missing().into());
        }
        let (stream, seq) = (&self.name, self.seq);
        let mut out = place.output();
        let object = serde_json::json!({ "stream": stream, "seq": seq, "removed": true });
        out.either(&object, || format!("record {seq} of stream {stream} is removed"))?;
        out.flush()
    }

    fn missing(&self) -> Error {
        Error::new(headwater::ErrorKind::NotFound, format!("stream '{}' has no record {}", self.name, self.seq))
    }
}

impl Purge {
    fn run(self, place: &Place) -> Done {
        let options = PurgeOptions { filter: self.filter, before_seq: self.before, keep: self.keep };
        let removed = place.change(|engine| Ok(engine.stream(&self.name).wait()?.purge(&options).wait()?))?;
        let line = CountLine { stream: &self.name, removed };
        let mut out = place.output();
        out.either(&line, || format!("{} records are removed", show_count(removed)))?;
        out.flush()
    }
}

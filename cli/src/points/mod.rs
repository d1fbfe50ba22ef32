//! `headwater points`: typed points and time series. The verbs and the small ones among them are here; files go through
//! `transfer`, questions about the history through `query`.

mod query;
mod transfer;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use headwater::points::{Point, Points, PointsConfig, Value};
use headwater::{Clock, SystemClock};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::stream::DurabilityName;
use crate::text::printable;
use crate::time::{parse_time, show_short_time, show_time};
use crate::units::{parse_duration, show_count, show_size};

/// The streams of point stores begin with this.
const STREAM_PREFIX: &str = "PT_";

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a point store, and the directory if it is not there.
    #[command(after_help = "Example:\n  headwater points add weather --durability interval --max-age 365d --dir data")]
    Add(Add),
    /// Lists the point stores.
    #[command(after_help = "Example:\n  headwater points ls --dir data")]
    Ls,
    /// Writes one point.
    #[command(after_help = "Examples:
  headwater points put weather seattle temperature 4.5 --dir data
  headwater points put weather seattle sky 'light rain' --type text \\
      --time 2026-01-01T06:00:00Z --dir data

Of two points with the same time, tombstone and origin the first stays the winning one: to correct a value, write it \
with a greater --tombstone.")]
    Put(Put),
    /// Imports a CSV or JSON lines file, and makes the point store if it is not there.
    #[command(after_help = transfer::IMPORT_EXAMPLES)]
    Import(transfer::Import),
    /// Exports points as CSV or JSON lines.
    #[command(after_help = transfer::EXPORT_EXAMPLES)]
    Export(transfer::Export),
    /// Shows the winning point of each series.
    #[command(after_help = "Example:\n  headwater points latest weather 'seattle.*' --dir data --json")]
    Latest(Latest),
    /// Aggregates the history in buckets.
    #[command(after_help = query::EXAMPLES)]
    Query(query::Ask),
}

#[derive(Args)]
pub(crate) struct Add {
    /// The point store.
    name: String,
    /// What an acknowledgement promises.
    #[arg(long, default_value = "fsync")]
    durability: DurabilityName,
    /// Points committed longer ago than this go; 0 is never.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0")]
    max_age: Duration,
    /// The most points kept of a series; 0 is no limit.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    max_points_per_series: u64,
}

#[derive(Args)]
pub(crate) struct Put {
    /// The point store.
    store: String,
    /// Whose it is, such as a device.
    node: String,
    /// What it is, such as temperature.
    kind: String,
    /// The value.
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Which one of its kind.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
    /// When it was so [default: now].
    #[arg(long, value_parser = parse_time)]
    time: Option<i64>,
    /// How to read the value.
    #[arg(long = "type", default_value = "float")]
    value_type: ValueType,
    /// Only ever counts up; odd is deleted.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    tombstone: u32,
}

#[derive(Args)]
pub(crate) struct Latest {
    /// The point store.
    store: String,
    /// Only series that this takes, such as 'seattle.*'.
    #[arg(default_value = ">")]
    filter: String,
    /// Deleted points too.
    #[arg(long)]
    deleted: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ValueType {
    Float,
    Int,
    Text,
    Json,
}

#[derive(Serialize)]
struct PointLine<'a> {
    node: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    key: &'a str,
    time: String,
    value_type: &'static str,
    value: PlainValue<'a>,
    tombstone: u32,
    origin: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PlainValue<'a> {
    Float(f64),
    Int(i64),
    Text(&'a str),
    Json(&'a RawValue),
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.run(place),
            Verb::Ls => list(place),
            Verb::Put(put) => put.run(place),
            Verb::Import(import) => import.run(place),
            Verb::Export(export) => export.run(place),
            Verb::Latest(latest) => latest.run(place),
            Verb::Query(ask) => ask.run(place),
        }
    }
}

impl Add {
    fn run(self, place: &Place) -> Done {
        let config = PointsConfig {
            name: self.name,
            durability: self.durability.level(),
            max_age: self.max_age,
            max_points_per_series: self.max_points_per_series,
        };
        let name = config.name.clone();
        place.make(|engine| Ok(Points::create(engine, config).map(drop)?))?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "store": name }), || format!("point store {name} is there"))?;
        out.flush()
    }
}

fn list(place: &Place) -> Done {
    let mut out = place.output();
    let mut rows = Vec::new();
    let engine = place.reader()?;
    for info in engine.streams().wait()? {
        let Some(name) = info.config.name.strip_prefix(STREAM_PREFIX) else { continue };
        if out.is_json() {
            let (records, disk_bytes) = (info.records, info.disk_bytes);
            let object = serde_json::json!({ "store": name, "records": records, "disk_bytes": disk_bytes });
            out.either(&object, String::new)?;
        } else {
            rows.push([name.to_owned(), show_count(info.records), show_size(info.disk_bytes)]);
        }
    }
    place.warn(&engine);
    out.table(["STORE", "RECORDS", "ON DISK"], &rows)?;
    out.flush()
}

impl Put {
    fn run(self, place: &Place) -> Done {
        let point = Point {
            value: self.value()?,
            node: self.node,
            kind: self.kind,
            key: self.key,
            time: self.time.unwrap_or_else(|| i64::try_from(SystemClock.now()).unwrap_or(i64::MAX)),
            tombstone: self.tombstone,
            origin: String::new(),
        };
        let ack = place.change(|engine| Ok(Points::open(engine, &self.store)?.write(&[point]).wait()?))?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "seq": ack.seq }), || ack.seq.to_string())?;
        out.flush()
    }

    fn value(&self) -> Done<Value> {
        let text = &self.value;
        let bad = |what: &str| Failure::usage(format!("'{text}' is not {what}; --type chooses another type"));
        Ok(match self.value_type {
            ValueType::Float => Value::Float(text.parse().map_err(|_| bad("a number"))?),
            ValueType::Int => Value::Int(text.parse().map_err(|_| bad("a whole number of 64 bits"))?),
            ValueType::Text => Value::Text(text.clone()),
            ValueType::Json => Value::Json(text.clone()),
        })
    }
}

impl Latest {
    fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let points = Points::open(&engine, &self.store)?.latest(&self.filter, self.deleted)?;
        if points.is_empty() {
            let message = format!("point store '{}' has no point of '{}'", self.store, self.filter);
            return Err(Failure::not_found(message));
        }
        let mut out = place.output();
        for point in &points {
            print(&mut out, point)?;
        }
        out.flush()
    }
}

fn print(out: &mut Output, point: &Point) -> Done {
    let (value_type, value) = match &point.value {
        Value::Float(value) => ("float", PlainValue::Float(*value)),
        Value::Int(value) => ("int", PlainValue::Int(*value)),
        Value::Text(value) => ("text", PlainValue::Text(value)),
        Value::Json(value) => {
            let raw = serde_json::from_str(value);
            ("json", raw.map_or(PlainValue::Text(value), PlainValue::Json))
        }
    };
    let line = PointLine {
        node: &point.node,
        kind: &point.kind,
        key: &point.key,
        time: show_time(point.time),
        value_type,
        value,
        tombstone: point.tombstone,
        origin: &point.origin,
    };
    out.either(&line, || {
        let key = if point.key.is_empty() { String::new() } else { format!(".{}", point.key) };
        let series = printable(format!("{}.{}{key}", point.node, point.kind).as_bytes());
        let value = match &point.value {
            Value::Float(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Text(value) | Value::Json(value) => printable(value.as_bytes()),
        };
        let deleted = if point.tombstone % 2 == 1 { "\tdeleted" } else { "" };
        format!("{series}\t{}\t{value}{deleted}", show_short_time(point.time))
    })
}

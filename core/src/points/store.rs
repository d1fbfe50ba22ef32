//! The point store: which stream it is, and how points get into it.
//!
//! Store `name` is stream `PT_<name>`. Its points are plain records, so every tool that reads the stream reads them.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::{Ack, BATCH_RECORDS_MAX, Durability, RecordView};
use crate::stream::Stream;
use crate::stream::config::StreamConfig;

use super::batch::PointBatch;
use super::latest::Latest;
use super::point::{Point, Subjects};

/// What a point store keeps. A limit of 0 is no limit.
#[derive(Debug, Clone, Default)]
pub struct PointsConfig {
    /// Its name; the stream is `PT_<name>`.
    pub name: String,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Points committed longer ago than this go; zero is never.
    pub max_age: Duration,
    /// The most points kept of a series; the ones committed first go. A late point counts as new, so a small number
    /// may let it push out the winner: the latest point is the winner among those that are kept.
    pub max_points_per_series: u64,
}

/// A point store and time series over one stream. Cheap to clone: clones share it.
///
/// ```
/// use headwater::Engine;
/// use headwater::points::{Point, Points, PointsConfig, Value};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let points = Points::create(&engine, PointsConfig { name: "weather".into(), ..PointsConfig::default() })?;
/// points.write(&[Point::new("seattle", "temperature", 1_262_307_600_000_000_000, Value::Float(4.0))]).wait()?;
/// assert_eq!(points.latest("seattle.*", false)?[0].value, Value::Float(4.0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Points(Arc<Inner>);

struct Inner {
    stream: Stream,
    subjects: Subjects,
    own_origin: String,
    latest: Mutex<Latest>,
}

impl Points {
    /// Opens it, and makes its stream if it is not there; another configuration than it has is a conflict.
    pub fn create(engine: &Engine, config: PointsConfig) -> Result<Points> {
        let stream = engine
            .create_stream(StreamConfig {
                durability: config.durability,
                max_age: config.max_age,
                max_msgs_per_subject: config.max_points_per_series,
                ..StreamConfig::new(stream_name(&config.name)?, [Subjects::new(&config.name).all()])
            })
            .wait()?;
        Ok(Points::over(stream, engine, &config.name))
    }

    /// Opens one that is there.
    pub fn open(engine: &Engine, name: &str) -> Result<Points> {
        let stream = engine.stream(&stream_name(name)?).wait().map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::not_found(format!("point store '{name}' is not there")),
            _ => e,
        })?;
        Ok(Points::over(stream, engine, name))
    }

    fn over(stream: Stream, engine: &Engine, name: &str) -> Points {
        let own_origin = format!("{:016x}", engine.id());
        let latest = Mutex::new(Latest::new(&own_origin));
        Points(Arc::new(Inner { stream, subjects: Subjects::new(name), own_origin, latest }))
    }

    /// The stream below.
    pub fn stream(&self) -> &Stream {
        &self.0.stream
    }

    /// Writes up to 1,000 points, all or nothing. Of two with the same time, tombstone and origin the first stays the
    /// winning one: to correct a value, write it with a greater tombstone or another origin.
    ///
    /// Refused with [`ErrorKind::Invalid`], before anything is written, when a point has no node or kind, or a JSON
    /// value that is not JSON.
    pub fn write(&self, points: &[Point]) -> Pending<Ack> {
        let batch = match self.encode(points) {
            Ok(batch) => batch,
            Err(error) => return Pending::ready(Err(error)),
        };
        match batch.appends().as_slice() {
            [one] => self.stream().append(one),
            many => self.stream().append_batch(many),
        }
    }

    fn encode(&self, points: &[Point]) -> Result<PointBatch> {
        if points.is_empty() || points.len() > BATCH_RECORDS_MAX {
            return Err(Error::invalid(format!("{} points: a write takes 1 to {BATCH_RECORDS_MAX}", points.len())));
        }
        let mut batch = PointBatch::default();
        for (i, point) in points.iter().enumerate() {
            batch
                .push(self.subjects(), point, self.own_origin())
                .map_err(|e| if points.len() > 1 { e.context(format!("point {i}")) } else { e })?;
        }
        Ok(batch)
    }

    pub(super) fn subjects(&self) -> &Subjects {
        &self.0.subjects
    }

    /// What an origin that was left out stands for.
    pub(super) fn own_origin(&self) -> &str {
        &self.0.own_origin
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Latest> {
        // The index is only ever behind the stream, so it is sound after a panic elsewhere too.
        lock(&self.0.latest)
    }

    /// The point that a record of this store holds.
    pub(super) fn point(&self, record: &RecordView<'_>) -> Result<Point> {
        self.subjects().point(record, self.own_origin())
    }
}

fn stream_name(name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::invalid("the name of a point store is empty"));
    }
    Ok(format!("PT_{name}"))
}

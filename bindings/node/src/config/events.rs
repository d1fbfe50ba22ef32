//! What an event store is told to be, and what its calls are told.

use std::time::Duration;

use headwater::events::{
    AsOf, Condition, EventFilter, EventsConfig, Expected, LoadOptions, NewSnapshot, Position, ProjectionConfig,
    SaveOptions,
};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_durability, set_millis, set_u64};
use crate::error::{Result, invalid};
use crate::values::u64_of;

/// An event store's configuration.
#[napi(object, object_to_js = false)]
pub struct EventsOptions {
    pub name: Option<String>,
    pub durability: Option<String>,
    pub max_bytes: Option<BigInt>,
}

impl EventsOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<EventsConfig> {
        let mut c = EventsConfig::default();
        set(&mut c.name, self.name);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set_u64(&mut c.max_bytes, "maxBytes", self.max_bytes.as_ref())?;
        Ok(c)
    }
}

/// Where an aggregate stands.
#[napi(object, object_to_js = false)]
pub struct PositionRequest {
    pub version: BigInt,
    pub seq: BigInt,
}

impl PositionRequest {
    fn position(&self) -> Result<Position> {
        Ok(Position { version: u64_of("version", &self.version)?, seq: u64_of("seq", &self.seq)? })
    }
}

/// Which aggregates.
#[napi(object, object_to_js = false)]
pub struct FilterRequest {
    pub aggregate: Option<String>,
    pub key: Option<String>,
}

impl FilterRequest {
    pub(crate) fn filter(&self) -> EventFilter {
        EventFilter { aggregate: self.aggregate.clone(), key: self.key.clone() }
    }
}

/// What a projection is opened with.
#[napi(object, object_to_js = false)]
pub struct ProjectionRequest {
    pub name: String,
    pub filters: Vec<FilterRequest>,
    pub is_rebuild: Option<bool>,
    pub tries: Option<u32>,
    pub pause_ms: Option<f64>,
    pub pause_max_ms: Option<f64>,
}

impl ProjectionRequest {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<ProjectionConfig> {
        let mut c = ProjectionConfig::new(self.name);
        c.filters = self.filters.iter().map(FilterRequest::filter).collect();
        set(&mut c.is_rebuild, self.is_rebuild);
        set(&mut c.tries, self.tries);
        set_millis(&mut c.pause, "pauseMs", self.pause_ms)?;
        set_millis(&mut c.pause_max, "pauseMaxMs", self.pause_max_ms)?;
        Ok(c)
    }
}

/// That nothing was saved in some aggregates since.
#[napi(object, object_to_js = false)]
pub struct ConditionRequest {
    pub filter: FilterRequest,
    pub last_seq: BigInt,
}

/// What a save expects, and what goes with it.
#[napi(object, object_to_js = false)]
pub struct SaveRequest {
    /// `any`, `none` or `exists`.
    pub expected: Option<String>,
    pub version: Option<BigInt>,
    pub position: Option<PositionRequest>,
    pub command: Option<String>,
    pub correlation: Option<String>,
    pub causation: Option<String>,
    /// Pairs of a name and a value.
    pub metadata: Option<Vec<Vec<String>>>,
    pub condition: Option<ConditionRequest>,
}

impl SaveRequest {
    pub(crate) fn expected(&self) -> Result<Expected> {
        if let Some(position) = &self.position {
            return position.position().map(Expected::At);
        }
        if let Some(version) = &self.version {
            return u64_of("version", version).map(Expected::Version);
        }
        match self.expected.as_deref() {
            None | Some("any") => Ok(Expected::Any),
            Some("none") => Ok(Expected::None),
            Some("exists") => Ok(Expected::Exists),
            Some(other) => Err(invalid(format!("expected '{other}' is not one of any, none, exists"))),
        }
    }

    /// What is said further of each event.
    pub(crate) fn metadata(&self) -> Result<Vec<(&str, &str)>> {
        let pairs = self.metadata.iter().flatten().map(|pair| match &pair[..] {
            [name, value] => Ok((name.as_str(), value.as_str())),
            _ => Err(invalid("metadata: a pair has a name and a value")),
        });
        pairs.collect()
    }

    /// What goes with the save, and `metadata` of it.
    pub(crate) fn options<'a>(&'a self, metadata: &'a [(&'a str, &'a str)]) -> Result<SaveOptions<'a>> {
        let condition = self.condition.as_ref().map(|condition| {
            let filter = condition.filter.filter();
            Ok::<_, napi::Error>(Condition { filter, last_seq: u64_of("lastSeq", &condition.last_seq)? })
        });
        Ok(SaveOptions {
            command: self.command.as_deref().unwrap_or_default(),
            correlation: self.correlation.as_deref().unwrap_or_default(),
            causation: self.causation.as_deref().unwrap_or_default(),
            metadata,
            condition: condition.transpose()?,
        })
    }
}

/// What a load is told.
#[napi(object, object_to_js = false)]
pub struct LoadRequest {
    pub as_of_version: Option<BigInt>,
    pub as_of_seq: Option<BigInt>,
    pub as_of_time: Option<BigInt>,
    pub snapshot_schema: Option<u32>,
    pub behind: Option<PositionRequest>,
}

impl LoadRequest {
    pub(crate) fn into_core(self) -> Result<LoadOptions> {
        let as_of = match (self.as_of_version, self.as_of_seq, self.as_of_time) {
            (None, None, None) => AsOf::Now,
            (Some(version), None, None) => AsOf::Version(u64_of("asOfVersion", &version)?),
            (None, Some(seq), None) => AsOf::Seq(u64_of("asOfSeq", &seq)?),
            (None, None, Some(time)) => AsOf::Time(u64_of("asOfTime", &time)?),
            _ => return Err(invalid("asOfVersion, asOfSeq and asOfTime exclude each other")),
        };
        let behind = self.behind.map_or(Ok(Position::default()), |behind| behind.position())?;
        Ok(LoadOptions { as_of, snapshot_schema: self.snapshot_schema.unwrap_or_default(), behind })
    }
}

/// A snapshot without its data.
#[napi(object, object_to_js = false)]
pub struct SnapshotRequest {
    pub position: PositionRequest,
    pub schema: u32,
    pub ttl_ms: Option<f64>,
    pub data_subjects: Vec<String>,
}

impl SnapshotRequest {
    /// With its data, and the names of `data_subjects`.
    pub(crate) fn with<'a>(&self, data: &'a [u8], data_subjects: &'a [&'a str]) -> Result<NewSnapshot<'a>> {
        let mut ttl = Duration::ZERO;
        set_millis(&mut ttl, "ttlMs", self.ttl_ms)?;
        Ok(NewSnapshot { position: self.position.position()?, schema: self.schema, data, ttl, data_subjects })
    }
}

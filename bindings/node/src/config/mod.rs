//! Configurations and descriptions as JavaScript objects, in both directions.
//!
//! Every field may be left out on the way in and is there on the way out, so that a configuration that came out can go
//! in again. `lib/options.js` has checked types and names by then.

mod bucket;
mod consumer;
mod crdt;
mod database;
mod entities;
mod events;
mod hub;
mod object;
mod points;
mod presence;
mod stream;

use std::time::Duration;

use headwater::Durability;
use napi::bindgen_prelude::BigInt;

use crate::error::{Result, fault, invalid};
use crate::values::{millis, u64_of};

pub(crate) use bucket::{BucketDescription, BucketOptions};
pub(crate) use consumer::{ConsumerDescription, ConsumerOptions, deliver_policy};
pub(crate) use crdt::CrdtOptions;
pub(crate) use database::{
    CheckDescription, DatabaseDescription, DatabaseOptions, SchemaDescription, SnapshotDescription,
};
pub(crate) use entities::EntitiesOptions;
pub(crate) use events::{EventsOptions, FilterRequest, LoadRequest, ProjectionRequest, SaveRequest, SnapshotRequest};
pub(crate) use object::{ObjectDescription, ObjectRequest, ObjectStoreDescription, ObjectStoreOptions};
pub(crate) use points::PointsOptions;
pub(crate) use presence::{PresenceOptions, SessionOptions, status_of};
pub(crate) use stream::{StreamDescription, StreamOptions};

/// Sets `target` where a value was given.
pub(crate) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn set_u64(target: &mut u64, what: &str, value: Option<&BigInt>) -> Result<()> {
    if let Some(value) = value {
        *target = u64_of(what, value)?;
    }
    Ok(())
}

pub(crate) fn set_millis(target: &mut Duration, what: &str, value: Option<f64>) -> Result<()> {
    if let Some(value) = value {
        *target = millis(what, value)?;
    }
    Ok(())
}

fn set_durability(target: &mut Durability, value: Option<&str>) -> Result<()> {
    if let Some(name) = value {
        *target = Durability::parse(name).map_err(fault)?;
    }
    Ok(())
}

/// The value that `name` stands for in `names`.
pub(crate) fn choice<T: Copy>(what: &str, names: &[(&'static str, T)], name: &str) -> Result<T> {
    let wanted = || names.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ");
    let found = names.iter().find(|(n, _)| *n == name);
    found.map(|(_, value)| *value).ok_or_else(|| invalid(format!("{what} '{name}' is not one of {}", wanted())))
}

/// The name of `value` in `names`, which hold all values.
pub(crate) fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> String {
    names.iter().find(|(_, v)| v == value).map_or(String::new(), |(n, _)| (*n).to_owned())
}

//! What an object store is told to keep, and what it holds.

use std::time::Duration;

use super::stream_name;
use crate::error::Result;
use crate::record::Durability;
use crate::stream::bucket::check_bucket;
use crate::stream::config::{Compression, Discard, StreamConfig};
use crate::stream::info::StreamInfo;

/// A server refuses to remember message ids for longer than it keeps records; nothing here uses ids.
const DUPLICATE_WINDOW_MAX: Duration = Duration::from_secs(120);

/// What an object store keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectConfig {
    /// Its name: letters, digits, `-` and `_`.
    pub bucket: String,
    /// For people.
    pub description: String,
    /// Objects put longer ago than this go; zero is never.
    pub ttl: Duration,
    /// The most bytes of all chunks and of the records about them; 0 is no limit. A put that finds no room leaves
    /// nothing.
    pub max_bytes: u64,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// How sealed segments are stored.
    pub compression: Compression,
}

impl ObjectConfig {
    /// An object store of this name, everything else by default.
    pub fn new(bucket: impl Into<String>) -> Self {
        ObjectConfig { bucket: bucket.into(), ..ObjectConfig::default() }
    }

    pub(super) fn stream_config(&self) -> Result<StreamConfig> {
        check_bucket(&self.bucket)?;
        let window = DUPLICATE_WINDOW_MAX;
        Ok(StreamConfig {
            description: self.description.clone(),
            durability: self.durability,
            max_age: self.ttl,
            max_bytes: self.max_bytes,
            discard: Discard::New,
            duplicate_window: if self.ttl.is_zero() { window } else { window.min(self.ttl) },
            allow_rollup: true,
            compression: self.compression,
            ..StreamConfig::new(
                stream_name(&self.bucket),
                [format!("$O.{}.C.>", self.bucket), format!("$O.{}.M.>", self.bucket)],
            )
        })
    }
}

/// What an object store holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectStatus {
    /// Its configuration.
    pub config: ObjectConfig,
    /// Bytes kept, as stored: all chunks and the records about objects.
    pub bytes: u64,
}

impl ObjectStatus {
    pub(super) fn of(bucket: String, info: StreamInfo) -> Self {
        ObjectStatus {
            config: ObjectConfig {
                bucket,
                description: info.config.description,
                ttl: info.config.max_age,
                max_bytes: info.config.max_bytes,
                durability: info.config.durability,
                compression: info.config.compression,
            },
            bytes: info.bytes,
        }
    }
}

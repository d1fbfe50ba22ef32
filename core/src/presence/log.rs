//! What a store stands on: a log of records by subject, of which it reads the newest.

use std::time::Duration;

use crate::error::Result;
use crate::pending::Pending;
use crate::record::Ack;

/// Where records go, and are asked for again.
pub(crate) trait Log: Send + Sync {
    /// Appends a record; `ttl` is how long it stays.
    fn append(&self, subject: &str, payload: &[u8], ttl: Option<Duration>) -> Pending<Ack>;

    /// The payload of the newest record of a subject.
    fn last(&self, subject: &str) -> Result<Option<Vec<u8>>>;
}

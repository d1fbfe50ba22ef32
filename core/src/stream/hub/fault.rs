//! What JetStream's refusals are in our taxonomy: by their number, never by their text, which changes between versions.
//!
//! `docs/errors.md` is the contract; the same mistake has the same kind on both engines.

use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// A condition on the last sequence did not hold; the text ends with the sequence that is there.
pub(super) const WRONG_LAST_SEQUENCE: u64 = 10071;
/// The same, where the server does not know the sequence yet.
pub(super) const WRONG_LAST_SEQUENCE_UNSAID: u64 = 10164;
/// The store of a stream could not be made.
pub(super) const CREATE_FAILED: u64 = 10049;
pub(super) const STREAM_DIFFERS: u64 = 10058;
pub(super) const STREAM_NOT_FOUND: u64 = 10059;
pub(super) const CONSUMER_NOT_FOUND: u64 = 10014;
pub(super) const DELETE_FAILED: u64 = 10057;
pub(super) const SEQUENCE_NOT_FOUND: u64 = 10043;
pub(super) const NO_MESSAGE: u64 = 10037;
pub(super) const BATCH_HAS_DUPLICATE: u64 = 10201;

/// An error as JetStream's API answers it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub(super) code: u16,
    #[serde(default)]
    pub(super) err_code: u64,
    #[serde(default)]
    pub(super) description: String,
}

impl ApiError {
    /// The number at the end of the text, such as the sequence that is there.
    pub(super) fn number(&self) -> Option<u64> {
        self.description.rsplit([' ', ':']).next()?.parse().ok()
    }

    /// The error that a caller sees; `place` is what it was about.
    pub(super) fn into_error(self, place: &str) -> Error {
        Error::new(self.kind(), format!("{place}: {} ({})", self.description, self.err_code))
    }

    fn kind(&self) -> ErrorKind {
        match self.err_code {
            STREAM_NOT_FOUND | CONSUMER_NOT_FOUND | NO_MESSAGE | SEQUENCE_NOT_FOUND | 10149 => ErrorKind::NotFound,
            // Taken names and subjects, conditions, and ids that are on their way in another append.
            10013
            | STREAM_DIFFERS
            | 10065
            | 10070
            | WRONG_LAST_SEQUENCE
            | 10105
            | 10148
            | 10158
            | 10163
            | WRONG_LAST_SEQUENCE_UNSAID
            | BATCH_HAS_DUPLICATE => ErrorKind::Conflict,
            // 10077 is whatever storing came to; limits say so.
            10077 if self.description.contains("maximum") || self.description.contains("limit") => ErrorKind::Limit,
            10002 | 10023 | 10026 | 10027 | 10028 | 10047 | 10120 | 10122 | 10167 | 10176 | 10208 => ErrorKind::Limit,
            // Not on this server, in this account, or for this stream.
            10010 | 10025 | 10036 | 10039 | 10074 | 10076 | 10138 | 10166 | 10174 | 10177 | 10185 | 10205 => {
                ErrorKind::Unsupported
            }
            _ if self.code == 404 => ErrorKind::NotFound,
            _ if self.code == 400 => ErrorKind::Invalid,
            10052 | 10054 | 10056 | 10097 | 10109..=10111 => ErrorKind::Invalid,
            _ => ErrorKind::Io,
        }
    }
}

/// Nobody answered for a subject of JetStream's.
pub(super) fn nobody(what: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{what}: nobody on the hub answers for it now; nothing was done"))
}

/// The answer took longer than it may.
pub(super) fn late(what: &str, timeout: std::time::Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what}: the hub did not answer within {timeout:?}; it may still be done"))
}

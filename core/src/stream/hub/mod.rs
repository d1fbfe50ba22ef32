//! The hub engine: the stream contract on any NATS JetStream server or cluster, over `async-nats`.
//!
//! Of the client only the connection is used; JetStream's API is spoken by hand, because what the contract needs
//! (filters in conditions, atomic batches, many newest records at once) the client does not have. What a server is
//! too old for is found out at connecting and refused by name, never weakened. Nothing here blocks on a runtime.

/// JSON as it is written. The macro of `serde_json` unwraps what cannot fail, and only that is allowed here.
macro_rules! json {
    ($($value:tt)+) => {{
        #[allow(clippy::disallowed_methods, reason = "our own texts and numbers are always JSON")]
        let value = ::serde_json::json!($($value)+);
        value
    }};
}

pub(crate) mod answer;
pub(crate) mod append;
pub(crate) mod ask;
pub(crate) mod bury;
pub(crate) mod connect;
pub(crate) mod consumer;
pub(crate) mod convert;
pub(crate) mod create;
pub(crate) mod deliver;
pub(crate) mod engine;
pub(crate) mod fast;
pub(crate) mod fault;
pub(crate) mod fetch;
pub(crate) mod filtered;
pub(crate) mod follow;
pub(crate) mod seat;
pub(crate) mod session;
pub(crate) mod options;
pub(crate) mod outbox;
pub(crate) mod pull;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod stamp;
pub(crate) mod stream;
pub(crate) mod subjects;
pub(crate) mod subscription;
pub(crate) mod task;
pub(crate) mod wire;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use super::hub_state as state;
pub use options::HubOptions;

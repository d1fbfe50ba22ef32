//! Points: typed values of things that change, as a store of what is so now and as a time series of what was.
//!
//! A point is `(node, kind, key, time, value, tombstone, origin)`. Node, kind and key name its series, and each series
//! is one subject of one stream; the history is that stream. Which point is the latest one follows from the order in
//! [`Stamp`] and not from when it arrived, so late points, imports and copies from elsewhere merge right.
//!
//! Pure logic over streams: it knows subjects, records and their event times, and neither files nor networks.

mod aggregate;
mod batch;
mod codec;
mod csv;
mod export;
mod import;
mod json;
mod latest;
mod lines;
mod merge;
mod names;
mod point;
mod query;
mod range;
mod shape;
mod sketch;
mod store;
#[cfg(test)]
mod tests;
mod value;
mod watch;

pub use crate::time::{format_time, parse_time, parse_time_or_seconds};
pub use aggregate::Aggregate;
pub use codec::{PointView, decode_payload, encode_payload};
pub use import::{ImportOptions, ImportReport};
pub use merge::Stamp;
pub use point::Point;
pub use query::{QUERY_ROWS_MAX, Query, Row};
pub use store::{Points, PointsConfig};
pub use value::{Value, ValueView};
pub use watch::PointWatcher;

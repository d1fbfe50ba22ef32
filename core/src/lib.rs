//! Headwater is an embeddable, local-first data engine: durable, subject-addressed streams in your own process.
//!
//! **It is** a library with the JetStream contract on local files: conditional and idempotent appends, atomic
//! batches, last-by-subject reads, subscriptions without a seam, durable consumers, key-value buckets, objects of any
//! size, typed points.
//! **It is not** a server, a consensus protocol or an SQL database.
//!
//! ```
//! use headwater::{Append, Engine, ReadOptions, StreamConfig};
//! # fn main() -> headwater::Result<()> {
//! let engine = Engine::memory()?;
//! let orders = engine.create_stream(StreamConfig::new("orders", ["orders.>"])).wait()?;
//! let ack = orders.append(&Append::new("orders.eu.1", b"hello")).wait()?;
//! assert_eq!(ack.seq, 1);
//! for record in orders.read(&ReadOptions::default().filter("orders.*.1")).wait()?.iter() {
//!     println!("{} {:?}", record.subject, record.payload);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod bell;
mod certs;
mod clock;
#[cfg(feature = "config")]
mod config;
pub mod crdt;
pub mod disk;
mod engine;
mod error;
pub mod entities;
pub mod events;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod hybrid;
mod intervals;
mod journal;
mod locks;
mod log;
mod member;
mod memory;
#[cfg(feature = "mesh")]
mod mesh;
mod metric;
mod origin;
mod pending;
pub mod points;
pub mod presence;
mod record;
#[cfg(feature = "replica")]
pub mod replica;
#[cfg(any(feature = "hub", feature = "replica-stores", feature = "tls"))]
mod runtime;
mod serve;
mod shared;
mod stream;
mod timers;
pub mod subject;
mod time;
#[cfg(feature = "tls")]
#[cfg_attr(
    not(all(feature = "grpc", feature = "http")),
    allow(dead_code, unused_imports, reason = "who listens and dials has a feature too")
)]
mod tls;
#[doc(hidden)]
pub mod units;
mod varint;

pub use certs::CertFiles;
pub use clock::{Clock, ManualClock, Nanos, SECOND, SystemClock};
#[cfg(feature = "config")]
pub use config::{AuthConfig, CONFIG_FILE, Config, ConfigFile, Environment, GrpcConfig, HttpConfig, Reads};
pub use engine::{Engine, EngineOptions, NodeUse, VerifyReport};
pub use error::{Error, ErrorKind, Result};
pub use log::LogLine;
pub use member::{Member, MemberState, MemberStore, MeshStatus};
#[cfg(feature = "mesh")]
pub use mesh::{MeshConfig, Preset};
pub use metric::Metric;
pub use origin::{HEADER_ORIGIN, HEADER_ORIGIN_MSG_ID, Origin, Writer};
pub use pending::Pending;
pub use record::{
    Ack, Append, BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Batch, Durability, HEADER_MSG_ID, HEADER_ROLLUP, HEADER_TTL,
    HEADERS_BYTES_MAX, Headers, PAYLOAD_BYTES_MAX, Record, RecordView, Rollup,
};
#[cfg(feature = "replica")]
pub use rusqlite;
#[cfg(feature = "grpc")]
pub use serve::grpc::{GrpcClient, GrpcServer, GrpcWatcher};
#[cfg(feature = "http")]
pub use serve::http::{AccessToken, HttpServer};
pub use serve::local::LocalServer;
pub use stream::bucket::{Bucket, BucketConfig, BucketStatus, Entry, Operation, WatchOptions, Watcher};
pub use stream::config::{
    AckPolicy, Compression, ConsumerConfig, DeliverPolicy, Discard, NAME_BYTES_MAX, StreamConfig,
};
pub use stream::consumer::{Consumer, ConsumerInfo};
#[doc(hidden)]
pub use stream::contract;
#[cfg(feature = "hub")]
pub use stream::hub::HubOptions;
pub use stream::hub_config::{HubConfig, Storage, StreamSource, SubjectTransform};
pub use stream::hub_state::{HubPhase, HubState};
pub use stream::hub_watch::HubWatcher;
pub use stream::link::{CatchUp, Direction, LinkConfig, LinkState, LinkStatus, OnReset, SubjectMap};
pub use stream::object::{
    OBJECT_CHUNK_BYTES, ObjectConfig, ObjectInfo, ObjectLink, ObjectOptions, ObjectReader, ObjectStatus, ObjectStore,
    ObjectUpdate, ObjectWatchOptions, ObjectWatcher, ObjectWriter,
};
pub use stream::subscription::{SubscribeOptions, Subscription};
pub use stream::{PurgeOptions, ReadOptions, Start, Stream, StreamInfo};
#[cfg(feature = "tls")]
pub use tls::Tls;

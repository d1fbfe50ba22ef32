//! Live entities: one handler for each key, alive while it is wanted.
//!
//! An entity is a kind and a key, such as `account` `acc-1`. Messages to it wait in its mailbox and are handled one
//! after another, in order; those of different keys at once. The handler is the program's, in the program's language:
//! it takes turns from a queue, and completes what is in them. Nothing here calls it, so nothing here waits for it.
//!
//! A turn has the messages that wait, a token that is good for this turn alone, and a lease: a handler that never
//! answers loses it, and its messages are handed out again. What a handler fails with goes to whoever asked. One that
//! breaks is begun anew, after a pause that grows. One that is not asked for some time is told to stop.
//!
//! Nodes of a cluster share entities by shards of their keys; `placement.rs` says which node has which.

mod asking;
mod background;
mod board;
mod broken;
mod chain;
mod cluster;
mod config;
mod dead;
mod dispatch;
mod due;
mod entity;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod handover;
mod idle;
mod list;
mod measured;
mod membership;
mod mesh;
mod placement;
mod reply;
mod request;
#[cfg(feature = "mesh")]
mod remote;
mod runtime;
mod serve;
mod shards;
mod strangers;
mod tasks;
#[cfg(test)]
mod tests;
mod turn;
mod wire;

pub use chain::REQUESTS_DEEP_MAX;
pub use cluster::{ClusterConfig, ClusterNode};
pub use config::EntitiesConfig;
pub use entity::EntityId;
pub use list::{EntityInfo, EntityState};
#[cfg(feature = "mesh")]
pub use remote::EntitiesClient;
pub use request::RequestOptions;
pub use runtime::Entities;
pub use serve::{Context, Entity, EntityTypes, Message, Server};
pub use shards::{SHARDS, owner_of, shard_of};
pub use turn::{Item, Turn, What};

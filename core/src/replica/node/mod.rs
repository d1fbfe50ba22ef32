//! A replicated file among nodes: what the pure part makes of it goes into a log, which is a stream, and what others
//! put there comes back.
//!
//! `core.rs` is a node without its thread: one step looks at the file, sends, and takes. `worker.rs` has the thread,
//! its mistakes and waits; `talk.rs` asks and answers other nodes, `upkeep.rs` looks after snapshots.
//! [`database::Database`] and [`session::Connection`] are the handles.

pub(crate) mod call;
pub(crate) mod changes;
pub(super) mod check;
pub(super) mod config;
mod core;
pub(crate) mod database;
mod fair;
mod lane;
mod lease;
mod log;
pub(super) mod opened;
pub(super) mod places;
pub(super) mod session;
pub(super) mod snapshot;
pub(crate) mod snapshots;
mod talk;
mod upkeep;
mod wakers;
pub(super) mod watcher;
pub(crate) mod worker;

#[cfg(test)]
mod tests;

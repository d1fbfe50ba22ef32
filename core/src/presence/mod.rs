//! Presence: who is here. A session (a tab, a telephone, a program) of a user in a space has a status, and a user has
//! the highest of the live sessions: busy, online, away.
//!
//! Each node writes what it knows of a user's sessions into one stream, in records of its own (`row.rs`); what any node
//! tells is a fold of all of them, in whatever order links bring them. Transitions are in the log, signs of life are
//! not: deadlines are the business of the node that answers for a session, on a timing wheel (`wheel.rs`), and others
//! believe it for as long as they hear of it. A leased session lives to its deadline, across restarts; a held one dies
//! with the epoch of the store that held it. What `core.rs` and all below it know of time comes with each call.

mod change;
mod config;
mod core;
mod few;
mod follow;
mod json;
mod limits;
mod log;
mod nodes;
mod row;
mod session;
mod shard;
mod space;
mod status;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod tick;
mod time;
mod user;
mod view;
mod watch;
mod wheel;
mod write;

pub use change::{Change, ChangeKind};
pub use config::PresenceConfig;
pub use limits::{
    BATCH_USERS_MAX, DEVICE_BYTES_MAX, ID_BYTES_MAX, MESSAGE_BYTES_MAX, META_BYTES_MAX, SESSIONS_MAX, TTL_RANGE,
};
pub use session::Session;
pub use status::Status;
pub use store::{HeldSession, Presence, PresenceNode, PresenceStatus, PresenceWatcher, Reading};
pub use view::{Counts, SessionView, UserView};
pub use watch::{WATCH_QUEUE_MAX, WatchEvent, WatchOptions};
pub use write::{Lease, Purge, SessionSet};

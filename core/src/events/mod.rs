//! Event sourcing: aggregates whose state is what their events made of it.
//!
//! A store is one stream, and an aggregate is one subject of it: its events, in the order in which they were saved,
//! numbered from 1. To save is to append, all or nothing, on the condition that nobody saved meanwhile; to load is to
//! read a snapshot, if there is one, and the events behind it. So a program that loads, decides and saves never
//! overwrites what another decided, on a local stream as on a hub.
//!
//! Names of aggregates and of events are texts that their user chooses, so that no renaming in a program loses history;
//! any text is a key. `docs/events.md` has the layout.
//!
//! Pure logic over streams: it knows neither files nor networks. [`Repository`] folds typed events in Rust; other
//! languages fold in theirs, over [`EventStore`].

mod aggregate;
mod archive;
mod archived;
mod cache;
mod cipher;
mod decision;
mod event;
mod feed;
mod history;
mod keys;
mod letter;
mod list;
mod load;
mod measured;
mod memory;
mod model;
mod names;
mod opened;
mod pages;
mod projection;
mod pull;
mod read;
mod reading;
mod repository;
mod save;
mod snapshot;
#[cfg(feature = "replica")]
mod sqlite;
mod standing;
mod store;
#[cfg(test)]
mod tests;
mod upcast;
mod wanted;

pub use aggregate::{Aggregate, DomainEvent, Root};
pub use archive::Archived;
pub use decision::{Decided, Given, given};
pub use event::{Event, EventView, NewEvent};
pub use feed::{EventFeed, FollowOptions};
pub use letter::DeadLetter;
pub use list::{AggregateInfo, Page};
pub use load::{AsOf, LoadOptions, Loaded};
pub use memory::MemoryModel;
pub use model::{FoldError, Folded, ReadModel, Taken};
pub use names::{AggregateId, EventFilter, KEY_BYTES_MAX};
pub use projection::{Failure, Projection, ProjectionConfig};
pub use read::Events;
pub use repository::{CONFLICT_TRIES, Repository, RepositoryOptions, Transacted};
pub use save::{Condition, EVENTS_PER_SAVE_MAX, Expected, Position, SaveOptions, Saved};
pub use snapshot::{NewSnapshot, Snapshot};
#[cfg(feature = "replica")]
pub use sqlite::SqliteModel;
pub use standing::{Failing, ProjectionStatus};
pub use store::{EventStore, EventsConfig};
pub use upcast::{Upcasted, Upcasters};

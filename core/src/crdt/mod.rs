//! State that merges: counters, registers, sets, flags and maps that any number of replicas change on their own, and
//! that are equal again once they have seen the same operations, in whatever order, however often.
//!
//! Every operation is a dot of its actor. A replica has one causal context, and its live state holds dots: a dot that
//! is in the context and not in the state was removed, so there are no tombstones but where removals win. What replicas
//! send each other are fragments of state with the causality they come from, and there is one join (Almeida, Shoker and
//! Baquero, "Delta state replicated data types", 2018; riak_dt's ORSWOT; Enes et al., "Efficient synchronization of
//! state-based CRDTs", 2019, for sending what is new alone). `docs/crdt.md` has the merge rule of each kind, and the
//! bytes.
//!
//! Pure: it knows no clock, disk, network or thread. What it is given is the time, operations and fragments. Only
//! `store/`, which keeps a replica in a stream, knows streams.

mod actor;
mod alone;
mod bounded;
mod clock;
mod codec;
mod codec_state;
mod collect;
mod context;
mod counter;
mod dots;
mod exchange;
mod faults;
mod fragment;
mod keys;
mod kind;
mod map;
mod op;
mod packed;
mod pending;
mod presence;
mod read;
mod reader;
mod register;
mod replica;
mod set;
mod slot;
mod state;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod value;

pub use clock::DRIFT_MS_MAX;
pub use collect::Collected;
pub use context::Context;
#[cfg(feature = "mesh")]
pub(crate) use exchange::digest_word;
pub use exchange::{Applied, HELD_MAX};
pub use fragment::{Fragment, Scope};
pub use kind::Kind;
pub use map::MAP_DEPTH_MAX;
pub use op::{KEY_BYTES_MAX, Op, Path};
pub use read::Reading;
pub use replica::{Change, Replica};
pub use store::{
    Changed, CrdtConfig, CrdtStatus, CrdtStore, CrdtWatcher, Dumped, Merged, SNAPSHOT_RECORDS, SNAPSHOTS_KEPT, Written,
};
pub use value::{VALUE_BYTES_MAX, Value};

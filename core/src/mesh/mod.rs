//! The mesh: peers that keep their CRDT stores in step without a hub. Each node is a program with an engine; all of
//! them call each other over mutual TLS.
//!
//! Who is there is found out by SWIM (`swim.rs`). What is written to a store goes to every node that is connected, and
//! is acknowledged when it is in the log there; what was missed is found by comparing contexts, and then keys by
//! digests (`session.rs`, `repair.rs`). What all have seen removed is forgotten (`stability.rs`). `core.rs` puts these
//! together without a socket; `docs/mesh.md` describes it for users. Beside that, nodes call each other (`calls.rs`):
//! one question, one answer.

mod caller;
mod calls;
mod config;
mod contact;
mod core;
mod driver;
mod ears;
mod faults;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod index;
mod known;
mod lane;
mod local;
mod membership;
mod node;
mod peer;
mod repair;
mod roster;
mod session;
mod stability;
mod swim;
#[cfg(test)]
mod tests;

/// What nodes say to each other: `proto/headwater/mesh/v1/mesh.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::all,
    clippy::pedantic,
    clippy::disallowed_methods,
    reason = "generated; the file says what everything is"
)]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/headwater.mesh.v1.rs"));
}

pub(crate) use caller::MeshCaller;
pub use config::{MeshConfig, Preset};
pub(crate) use node::MeshNode;

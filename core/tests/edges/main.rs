//! Nodes as files say, on real servers: they begin offline, and whatever becomes of a hub, a connection or an edge,
//! each acknowledged record is on every side once, in the order of its writer.
#![cfg(feature = "config")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test stops at the first surprise, starts processes and looks at the clock"
)]

mod cluster;
mod fails;
mod full_disk;
#[cfg(target_os = "linux")]
mod namespace;
mod process;
#[path = "../common/proxy.rs"]
mod proxy;
mod refused;
mod sites;
#[path = "../common/server.rs"]
mod server;
mod soak;
mod starts;
mod world;

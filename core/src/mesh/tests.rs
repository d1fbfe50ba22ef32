//! Nodes without sockets: packets go from hand to hand in a time of their own, over connections that break.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

mod bytes;
mod calls;
mod cases;
mod failures;
mod hundred;
mod random;
mod wire;
mod world;

//! A deterministic world for the shipped engine: a disk that tears, forgets and reorders whatever was not synced, a
//! clock that moves when told, and an oracle that knows what was acknowledged. One seed drives all of it and replays
//! it.
//!
//! The world proves itself: `sabotage.rs` plants named faults, and the tests state within how many seeds each is found.
#![allow(clippy::expect_used, clippy::disallowed_types, reason = "a simulation stops at the first surprise")]

mod disk;
mod fleet;
mod life;
mod net;
mod oracle;
mod random;
mod sabotage;

pub use disk::SimDisk;
pub use fleet::{live_fleet, live_fleet_of_a_hub_that_forgets};
pub use life::{Outcome, live};
pub use net::{Net, NetFault};
pub use random::Random;
pub use sabotage::{Fault, Sabotage};

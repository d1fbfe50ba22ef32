//! The third engine: the streams of a directory that another process has open, reached through that node's local
//! socket.
//!
//! `docs/local-socket.md` is the contract of what goes over it. The other end is `serve/local`, which knows this
//! module's frames and values; nothing here knows the door. There is no buffer of records between the two: what is
//! taken is asked for, so a subscription or a consumer means what it means beside the files.

pub(crate) mod calls;
mod consumer;
pub(crate) mod engine;
pub(crate) mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod hello;
mod line;
mod queue;
mod records;
pub(crate) mod session;
mod slot;
pub(crate) mod stream;
mod subscription;
pub(crate) mod table;
pub(crate) mod wire;

pub(crate) use records::take_appends;

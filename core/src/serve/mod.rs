//! Doors that listen: what lets other processes use the engine of this one.
//!
//! A door adds no logic. It knows the engine's handles, and nothing of the engine knows it.

#[cfg(feature = "grpc")]
pub(crate) mod grpc;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod local;

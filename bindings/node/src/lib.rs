//! The native half of the npm package `headwater`: plain functions over numbered handles, called by `lib/*.js` only.
//!
//! It owns the translation between core's types and JavaScript's values, and the one wake-up of each environment. It
//! adds no operation of its own. Every export catches panics, so that a bug here never takes the process down.
//!
//! A call that is done at once returns its answer. One that is not returns `undefined` and leaves a token in the shared
//! slots; the environment is signalled when polling that token is worth while. No wait costs a thread.

#![allow(unreachable_pub, reason = "an export has to be `pub` for its macro, and nothing links this library")]

mod answer;
mod bucket;
mod change_watcher;
mod clock;
mod config;
mod connect;
mod connection;
mod consumer;
mod crdt;
mod crdt_pack;
mod crdt_replica;
mod database;
mod engine;
mod entities;
mod entities_client;
mod entity_turn;
mod error;
mod event_pack;
mod event_store;
mod handles;
mod hub;
mod jobs;
mod mesh;
mod object;
mod object_io;
mod pack;
mod points;
mod presence;
mod projection;
mod records;
mod signal;
mod slab;
mod stream;
mod subscription;
mod transfer;
mod values;

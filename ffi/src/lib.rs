//! The C ABI of Headwater. `docs/abi.md` is its contract and `include/headwater.h`, made from these files, its text.
//!
//! A door adds no logic: each export checks what came in, calls core, and writes what goes out. Every export goes
//! through `guard`, which answers a NULL handle, a fork, a poisoned engine and a panic; every pointer of the caller
//! goes through `raw`. The `mod` lines below are in the order of the header.
#![deny(clippy::undocumented_unsafe_blocks)]
#![allow(non_camel_case_types, reason = "items carry the names that C sees")]

mod gate;
mod guard;
mod meshed;
mod queue;
mod raw;
mod replicated;

pub mod status;
pub mod error;
pub mod bytes;
pub mod subject;
pub mod progress;
pub mod engine;
pub mod engine_config;
pub mod hub;
pub mod hub_state;
pub mod link;
pub mod link_status;
pub mod mesh;
pub mod stream;
pub mod stream_config;
pub mod stream_info;
pub mod append;
pub mod remove;
pub mod ticket;
pub mod read;
pub mod batch;
pub mod subscription;
pub mod consumer;
pub mod consumer_config;
pub mod consumer_info;
pub mod consumer_ack;
pub mod bucket;
pub mod bucket_info;
pub mod bucket_write;
pub mod entries;
pub mod watcher;
pub mod object_store;
pub mod object_store_info;
pub mod object;
pub mod object_change;
pub mod object_writer;
pub mod object_reader;
pub mod object_watcher;
pub mod points;
pub mod point;
pub mod query;
pub mod transfer;
pub mod point_watcher;
pub mod crdt;
pub mod crdt_change;
pub mod crdt_write;
pub mod crdt_read;
pub mod reading;
pub mod crdt_watcher;
pub mod presence;
pub mod presence_config;
pub mod presence_session;
pub mod held_session;
pub mod presence_read;
pub mod presence_watcher;
pub mod event_store;
pub mod aggregates;
pub mod event_save;
pub mod event_load;
pub mod event_archive;
pub mod events;
pub mod event_feed;
pub mod projection;
pub mod projection_status;
pub mod entities;
pub mod entity_request;
pub mod entity_turn;
pub mod entity_place;
pub mod entities_client;
pub mod replica;
pub mod replica_exchange;
pub mod replica_stable;
pub mod database;
pub mod database_config;
pub mod database_status;
pub mod connection;
pub mod answer;
pub mod change_watcher;
pub mod waker;
pub mod metrics;
pub mod logs;
pub mod backup;

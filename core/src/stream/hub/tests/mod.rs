//! The hub engine against real servers of every version that it supports: each operation is equal to the local engine's
//! or refused by name.

mod append;
mod cluster;
mod config;
mod consumer;
mod links;
mod measure;
mod read;
mod runs;
mod secure;
mod state;
mod subscription;

use std::sync::Arc;

use super::engine::HubEngine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::Append;
use crate::stream::config::StreamConfig;
use crate::stream::contract::{EngineOps, StreamOps};

/// A stream that takes `s.>`, and may do everything.
fn stream(engine: &HubEngine, name: &str) -> Arc<dyn StreamOps> {
    let config = StreamConfig { allow_rollup: true, ..StreamConfig::new(name, [format!("{name}.>")]) };
    engine.create_stream(config).wait().expect("create")
}

/// Appends records with the number of each as payload.
fn fill(stream: &dyn StreamOps, subjects: &[&str]) {
    let pending: Vec<Pending<_>> = subjects
        .iter()
        .enumerate()
        .map(|(i, subject)| stream.append(&[Append::new(subject, (i + 1).to_string().as_bytes())]))
        .collect();
    for (i, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().expect("append").seq, i as u64 + 1);
    }
}

#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind) -> Error {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            error
        }
    }
}

/// A refused append leaves its id free.
fn refused_then_taken(stream: &dyn StreamOps) {
    let subject = format!("{}.refused", stream.name());
    let append = Append::new(&subject, b"").msg_id("free").expect_last_seq(1_000_000);
    let error = refused(stream.append(std::slice::from_ref(&append)).wait(), ErrorKind::Conflict);
    assert_eq!(error.expected(), Some(1_000_000));
    let append = Append { expect_last_seq: None, ..append };
    let ack = stream.append(&[append]).wait().expect("append");
    assert_eq!((ack.count, ack.duplicate), (1, false));
}

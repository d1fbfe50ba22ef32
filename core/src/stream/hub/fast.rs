//! Runs of records, of which each has the condition that the one before it is the stream's last: JetStream's fast
//! batches (ADR-50), by hand, because the client has none. The server stores each record as it comes and answers once
//! for all of them.
//!
//! What is said of a batch stands in the reply subjects, which end in the batch's id, how seldom it is to be told how
//! far it came, that it ends at the first gap, the place in it, and what to do. Each record has its own condition all
//! the same: what is held up on the way may come while another batch is under way.

use std::sync::Arc;

use serde::Deserialize;

use super::append::{self, Asked};
use super::stream::Remote;
use crate::error::Result;
use crate::pending::Pending;
use crate::record::{Ack, Append};
use crate::stream::shape::{self, check_for};

/// Fewer than these are not worth a batch.
const RUN_MIN: usize = 16;
/// What a message does to its batch.
const START: u8 = 0;
const ADD: u8 = 1;
const COMMIT: u8 = 2;

/// Begins to append a run behind `last_seq`; `None` where it goes one by one.
pub(super) fn append(remote: &Arc<Remote>, last_seq: u64, run: &[Append<'_>]) -> Option<Pending<Ack>> {
    let is_fast = run.len() >= RUN_MIN && remote.known().fast;
    // What cannot be sent is named when its turn comes.
    if is_fast { begin(remote, last_seq, run).ok() } else { None }
}

fn begin(remote: &Arc<Remote>, last_seq: u64, run: &[Append<'_>]) -> Result<Pending<Ack>> {
    shape::check(run)?;
    remote.session().check_open()?;
    let (known, id, count) = (remote.known(), remote.session().random_name(), run.len());
    let mut messages = Vec::with_capacity(count);
    for (i, append) in run.iter().enumerate() {
        check_for(&known.config, append)?;
        let mut message = append::message(remote, &known, append, None)?;
        append::expect_last(&mut message, last_seq + i as u64);
        let operation = match i {
            0 => START,
            _ if i + 1 < count => ADD,
            _ => COMMIT,
        };
        message.reply = Some(format!("-{id}.{count}.fail.{}.{operation}.$FI", i + 1).into());
        messages.push(message);
    }
    append::submit(remote, messages, Asked::held_by(last_seq, count as u32, Vec::new()))
}

/// Whether an answer says only how far a batch came, or that it has a gap, on which its end follows.
pub(super) fn is_midway(answer: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", default)]
        name: &'a str,
    }
    serde_json::from_slice::<Kind<'_>>(answer).is_ok_and(|kind| matches!(kind.name, "ack" | "gap"))
}

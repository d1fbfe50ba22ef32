//! Conditions on filters where a server's own check is not enough: with several replicas a racing writer can pass it.
//!
//! There the filter's newest record is looked at, and the append carries the last sequence that the stream had before
//! that look. When the stream moved on and the filter did not, it is tried again, a bounded number of times.

use std::sync::Arc;
use std::time::Duration;

use async_nats::message::OutboundMessage;
use serde_json::Value;

use super::answer::seen_or;
use super::append::{Asked, expect_last, send};
use super::read;
use super::stream::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Ack;

/// How often an append is tried while the stream moves on.
const ATTEMPTS_MAX: u32 = 32;
/// The wait after the first attempt, doubled for each one up to the longest; cut short at random.
const WAIT_FIRST: Duration = Duration::from_millis(1);
const WAIT_LONGEST: Duration = Duration::from_millis(64);

/// Appends under conditions on filters.
pub(super) async fn append(remote: &Arc<Remote>, messages: Vec<OutboundMessage>, asked: Asked) -> Result<Ack> {
    let mut messages = messages;
    if remote.known_now().await?.replicas == 1 {
        asked.put(&mut messages);
        return send(remote, messages, &asked).await;
    }
    let (expected_last, filters) = asked.expectations();
    let mut wait = WAIT_FIRST;
    for _ in 0..ATTEMPTS_MAX {
        // The order matters: whatever comes after this sequence makes the append fail.
        let answer = remote.look(&Value::Null).await?;
        let last = answer["state"]["last_seq"].as_u64().unwrap_or(0);
        if let Some(expected) = expected_last
            && expected != last
        {
            let error = Error::wrong_sequence(&remote.place(), expected, last);
            return seen_or(remote, &asked, error).await;
        }
        for &(filter, expected) in &filters {
            let actual = read::tip(remote, filter).await?;
            if actual != expected {
                let error = Error::wrong_sequence(&format!("subject '{filter}'"), expected, actual);
                return seen_or(remote, &asked, error).await;
            }
        }
        let mut attempt = messages.clone();
        if let Some(first) = attempt.first_mut() {
            expect_last(first, last);
        }
        match send(remote, attempt, &Asked::held_by(last, asked.count, asked.ids.clone())).await {
            Err(error) if error.kind() == ErrorKind::Conflict && error.actual().is_some() => {
                tokio::time::sleep(wait.mul_f64(0.5 + (remote.session().options.clock.random() % 512) as f64 / 1024.0))
                    .await;
                wait = (wait * 2).min(WAIT_LONGEST);
            }
            other => return other,
        }
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!(
            "{}: other writers were faster {ATTEMPTS_MAX} times, though the condition held each time",
            remote.place()
        ),
    ))
}

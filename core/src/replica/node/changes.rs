//! What was joined into a file, for those who watch: the last so many changes, each with a number. Whoever watches
//! holds a number and no changes, so one that is slow slows nobody, and is told how many it missed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::wakers::Wakers;
use crate::error::{Error, Result};
use crate::hybrid::stamp_ms;
use crate::locks::lock;
use crate::pending::Pending;
use crate::replica::noted::{ChangeKind, Noted};
use crate::replica::value::{Value, put_values, take_values};

/// Changes that are kept for those who watch, at most.
const CHANGES_MAX: usize = 4_096;
/// Bytes of keys of them, at most.
const BYTES_MAX: usize = 4 << 20;

/// A row that a write of another node changed here, or that a constraint showed or hid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Its table.
    pub table: String,
    /// The values of its key; what the row is now is in the file.
    #[serde(serialize_with = "put_key", deserialize_with = "take_key")]
    pub key: Vec<Value>,
    /// What was done to it.
    pub kind: ChangeKind,
    /// In whose name the write is, 16 hex digits; this node's own, where what was written here shows a row or hides it.
    pub node: String,
    /// The hybrid time of the write; 0 for what was there before its node was attached.
    pub stamp: u64,
}

impl RowChange {
    /// When it was written, milliseconds since the epoch by the clock of its node.
    pub fn time_ms(&self) -> u64 {
        stamp_ms(self.stamp)
    }
}

impl From<Noted> for RowChange {
    fn from(noted: Noted) -> RowChange {
        let node = format!("{:016x}", noted.stamp.node);
        RowChange { table: noted.table, key: noted.key, kind: noted.kind, node, stamp: noted.stamp.time }
    }
}

fn put_key<S: Serializer>(key: &[Value], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64_STANDARD.encode(put_values(key)))
}

fn take_key<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Value>, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = BASE64_STANDARD.decode(text).map_err(de::Error::custom)?;
    take_values(&bytes).ok_or_else(|| de::Error::custom("a key that is none"))
}

/// Some changes, the number of the one behind them, and how many before them are not kept any more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) next: u64,
    pub(crate) missed: u64,
    pub(crate) changes: Vec<RowChange>,
}

/// The changes of one file.
#[derive(Default)]
pub(crate) struct Changes {
    state: Mutex<State>,
    waiting: Wakers,
}

#[derive(Default)]
struct State {
    kept: VecDeque<RowChange>,
    bytes: usize,
    /// The number of the next one.
    next: u64,
    is_watched: bool,
    is_closed: bool,
    /// How many waits there were: the last one's number.
    waits: u64,
}

fn bytes_of(change: &RowChange) -> usize {
    128 + change.table.len() + change.key.iter().map(|value| 32 + value.len()).sum::<usize>()
}

impl Changes {
    /// Whether anybody ever watched: until then nothing is kept.
    pub(super) fn is_watched(&self) -> bool {
        lock(&self.state).is_watched
    }

    /// Keeps changes, and wakes those who wait.
    pub(super) fn add(&self, noted: Vec<Noted>) {
        if noted.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        for change in noted.into_iter().map(RowChange::from) {
            state.bytes += bytes_of(&change);
            state.next += 1;
            state.kept.push_back(change);
            while state.kept.len() > CHANGES_MAX || state.bytes > BYTES_MAX {
                let Some(old) = state.kept.pop_front() else { break };
                state.bytes -= bytes_of(&old);
            }
        }
        drop(state);
        self.waiting.wake_all();
    }

    /// Ends all waits.
    pub(super) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.waiting.wake_all();
    }

    /// Up to `max` changes from a number on, once there is one; without a number, where the next one will be.
    pub(crate) fn page(self: &Arc<Self>, from: Option<u64>, max: usize) -> Pending<Page> {
        let mut state = lock(&self.state);
        state.is_watched = true;
        let Some(from) = from else {
            return Pending::ready(Ok(Page { next: state.next, ..Page::default() }));
        };
        state.waits += 1;
        let id = state.waits;
        drop(state);
        let wait = Waiting { changes: Arc::clone(self), id };
        Pending::of(async move { poll_fn(|cx| wait.changes.poll(from, max, wait.id, cx)).await })
    }

    fn poll(&self, from: u64, max: usize, id: u64, cx: &Context<'_>) -> Poll<Result<Page>> {
        let state = lock(&self.state);
        let first = state.next - state.kept.len() as u64;
        if from < state.next {
            let begin = from.max(first);
            let changes: Vec<_> = state.kept.iter().skip((begin - first) as usize).take(max.max(1)).cloned().collect();
            let next = begin + changes.len() as u64;
            return Poll::Ready(Ok(Page { next, missed: begin - from, changes }));
        }
        if state.is_closed {
            let message = "the file is no longer worked on: nothing more is told of it";
            return Poll::Ready(Err(Error::new(crate::error::ErrorKind::Closed, message)));
        }
        self.waiting.add(id, cx.waker());
        Poll::Pending
    }
}

/// A wait, which is over when this is dropped.
struct Waiting {
    changes: Arc<Changes>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.changes.waiting.remove(self.id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::replica::clocks::Stamp;

    fn noted(id: i64, bytes: usize) -> Noted {
        let key = vec![Value::Integer(id), Value::Blob(vec![7; bytes])];
        Noted { table: "t".to_owned(), key, kind: ChangeKind::Update, stamp: Stamp { time: 9, node: 255 } }
    }

    #[test]
    fn who_is_slow_is_told_how_many_it_missed_and_what_is_kept_is_bounded() {
        let changes = Arc::new(Changes::default());
        assert_eq!(changes.page(None, 1).wait().unwrap(), Page::default());
        for round in 0..3 {
            changes.add((0..CHANGES_MAX as i64).map(|n| noted(round * 10_000 + n, 0)).collect());
        }
        let page = changes.page(Some(5), 2).wait().unwrap();
        assert_eq!((page.missed, page.changes.len()), (2 * CHANGES_MAX as u64 - 5, 2));
        assert_eq!((page.changes[0].key[0].clone(), page.next), (Value::Integer(20_000), 2 * CHANGES_MAX as u64 + 2));
        changes.add((0..20).map(|n| noted(n, BYTES_MAX / 8)).collect());
        let page = changes.page(Some(page.next), usize::MAX).wait().unwrap();
        assert!(page.changes.len() < 8 && page.next == 3 * CHANGES_MAX as u64 + 20, "{}", page.changes.len());
    }

    #[test]
    fn waits_end_when_something_comes_or_it_is_closed_and_leave_nothing_behind() {
        let changes = Arc::new(Changes::default());
        let mut wait = changes.page(Some(0), 9);
        assert!(wait.wait_timeout(std::time::Duration::from_millis(1)).is_err());
        drop(wait);
        assert!(changes.waiting.is_empty());
        let wait = changes.page(Some(0), 9);
        changes.add(vec![noted(1, 2)]);
        let page = wait.wait().unwrap();
        assert_eq!((page.changes[0].node.as_str(), page.next), ("00000000000000ff", 1));
        let text = serde_json::to_string(&page).unwrap();
        assert_eq!(serde_json::from_str::<Page>(&text).unwrap(), page);
        let wait = changes.page(Some(1), 9);
        changes.close();
        assert_eq!(wait.wait().unwrap_err().kind(), crate::error::ErrorKind::Closed);
    }
}

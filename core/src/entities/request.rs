//! Asking an entity.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::Result;
use crate::pending::Wait;

use super::reply::Slot;

/// How long a request waits for its answer, unless it says otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// What goes with a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestOptions {
    /// How long the answer is waited for; 30 s when zero. What is not begun by then is not begun.
    pub timeout: Duration,
    /// The item of a turn for which it is made: its token, and its place. A request that would wait for that item is
    /// refused.
    pub within: Option<(u64, u32)>,
}

/// A request on its way. Its deadline is kept where it waits.
pub(super) struct Asking(pub(super) Arc<Slot>);

impl Wait<Vec<u8>> for Asking {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
        self.0.poll(cx).map(super::reply::Outcome::into_answer)
    }
}

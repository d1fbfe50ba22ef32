//! The lines that an engine logs, as a bounded queue: whoever wants them takes what is there, or waits for what comes.
//!
//! A line is often logged under the lock of a stream, and no lock is held while a waker runs: so whoever logs asks for
//! a step of the engine, and that wakes those who wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};

/// How many lines are kept that nobody took.
const LOG_LINES_MAX: usize = 1024;

/// One line of the engine's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, in nanoseconds since the epoch.
    pub time: Nanos,
    /// `error`, `warn`, `info` or `debug`.
    pub level: &'static str,
    /// A sentence.
    pub message: String,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Log(Mutex<State>);

#[derive(Default)]
struct State {
    lines: VecDeque<LogLine>,
    /// Who waits, each under a number of its own.
    waiting: BTreeMap<u64, Waker>,
    last_waiter: u64,
    closed: bool,
}

impl State {
    /// Takes lines: none when none is there, `Closed` when none will come.
    fn take(&mut self, max: usize) -> Result<Vec<LogLine>> {
        if self.lines.is_empty() && self.closed {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed, and its last log line was taken"));
        }
        let count = max.min(self.lines.len());
        Ok(self.lines.drain(..count).collect())
    }
}

/// The number of those who wait with [`Log::poll_ready`].
const POLL_WAITER: u64 = 0;

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Adds a line; says whether somebody waits, whom [`Log::wake`] must wake then.
    pub(crate) fn push(&self, line: LogLine) -> bool {
        let mut state = self.state();
        if state.lines.len() == LOG_LINES_MAX {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
        !state.waiting.is_empty()
    }

    /// Wakes those who wait, if there is something for them. No lock may be held.
    pub(crate) fn wake(&self) {
        let mut state = self.state();
        if state.lines.is_empty() && !state.closed {
            return;
        }
        let woken = std::mem::take(&mut state.waiting);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    /// Ends waits: what is there can still be taken.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.wake();
    }

    /// Takes up to `max` lines, without an end.
    pub(crate) fn drain(&self, max: usize) -> Vec<LogLine> {
        self.state().take(max).unwrap_or_default()
    }

    /// Takes up to `max` lines once there is one.
    pub(crate) fn next(self: &Arc<Self>, max: usize) -> Pending<Vec<LogLine>> {
        let mut state = self.state();
        match state.take(max) {
            Ok(lines) if lines.is_empty() && max > 0 => {
                state.last_waiter += 1;
                Pending::waiting(NextLines { log: Arc::clone(self), max, waiter: state.last_waiter })
            }
            done => Pending::ready(done),
        }
    }

    /// Ready when there is a line, or none will come; else wakes `cx` then.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.closed || !state.lines.is_empty() {
            return Poll::Ready(());
        }
        state.waiting.insert(POLL_WAITER, cx.waker().clone());
        Poll::Pending
    }
}

struct NextLines {
    log: Arc<Log>,
    max: usize,
    waiter: u64,
}

impl Wait<Vec<LogLine>> for NextLines {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<LogLine>>> {
        let mut state = self.log.state();
        match state.take(self.max) {
            Ok(lines) if lines.is_empty() => {
                state.waiting.insert(self.waiter, cx.waker().clone());
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }
}

impl Drop for NextLines {
    fn drop(&mut self) {
        // The waker is dropped after the lock.
        let forgotten = self.log.state().waiting.remove(&self.waiter);
        drop(forgotten);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine { time: 1, level: "warn", message: message.to_owned() }
    }

    fn messages(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|l| l.message.as_str()).collect()
    }

    #[test]
    fn a_wait_ends_with_a_line_and_each_line_goes_to_one() {
        let log = Arc::<Log>::default();
        let (mut one, mut two) = (log.next(9), log.next(9));
        let none = one.wait_timeout(Duration::from_millis(1)).expect_err("nothing there");
        assert_eq!(none.kind(), ErrorKind::Timeout);
        assert!(log.push(line("a")), "somebody waits");
        assert_eq!(messages(&one.wait_timeout(Duration::from_secs(9)).expect("a line")), ["a"]);
        assert!(two.wait_timeout(Duration::ZERO).is_err());
        #[allow(clippy::disallowed_methods, reason = "somebody has to wait on a thread of its own")]
        let waiter = std::thread::spawn(move || two.wait());
        while log.state().waiting.is_empty() {
            std::thread::yield_now();
        }
        log.push(line("b"));
        log.wake();
        assert_eq!(messages(&waiter.join().expect("no panic").expect("a line")), ["b"]);
        assert!(log.drain(9).is_empty());
    }

    #[test]
    fn a_wait_that_was_given_up_leaves_nothing_behind() {
        let log = Arc::<Log>::default();
        let mut wait = log.next(1);
        assert!(wait.wait_timeout(Duration::ZERO).is_err());
        assert_eq!(log.state().waiting.len(), 1);
        drop(wait);
        assert!(log.state().waiting.is_empty());
    }

    #[test]
    fn what_was_logged_before_the_end_can_be_taken_after_it() {
        let log = Arc::<Log>::default();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(log.poll_ready(&mut cx), Poll::Pending);
        let wait = log.next(1);
        log.push(line("last"));
        log.close();
        assert_eq!(log.poll_ready(&mut cx), Poll::Ready(()));
        assert_eq!(messages(&wait.wait().expect("the last")), ["last"]);
        assert_eq!(log.next(1).wait().expect_err("no more").kind(), ErrorKind::Closed);
        assert!(log.drain(9).is_empty());
    }

    #[test]
    fn older_lines_than_the_bound_give_way() {
        let log = Log::default();
        for n in 0..=LOG_LINES_MAX {
            log.push(line(&n.to_string()));
        }
        let kept = log.drain(usize::MAX);
        assert_eq!((kept.len(), kept[0].message.as_str()), (LOG_LINES_MAX, "1"));
    }
}

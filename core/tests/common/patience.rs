//! Waits for what comes about by itself, each with an end.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::disallowed_methods, reason = "a test waits for others, by the clock")]

use std::time::{Duration, Instant};

use headwater::Result;

/// What takes longer is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The same where all is in one process.
const SHORT_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn until(what: &str, holds: impl FnMut() -> bool) {
    wait(PATIENCE, what, holds);
}

/// As [`until`], for what comes about within one process.
pub(crate) fn soon(what: &str, holds: impl FnMut() -> bool) {
    wait(SHORT_PATIENCE, what, holds);
}

fn wait(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Tries until it comes about: while servers elect who leads, or a connection is made anew, nobody answers.
pub(crate) fn insist<T>(what: impl Fn() -> Result<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match what() {
            Ok(it) => return it,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

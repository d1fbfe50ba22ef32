//! Waiting for a snapshot, and showing how far it is.

use std::time::Duration;

use headwater::replica::Database;
use headwater::{ErrorKind, Pending};

use crate::failure::Done;
use crate::progress::Progress;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for a job of a database.
pub(super) fn wait<T>(what: &'static str, database: &Database, mut job: Pending<T>) -> Done<T> {
    let progress = Progress::bytes(what, None);
    loop {
        match job.wait_timeout(LOOK) {
            Err(error) if error.kind() == ErrorKind::Timeout && !job.is_taken() => {
                if let Some(at) = database.status().wait()?.job {
                    let _ = progress.at_of(at.done, at.total);
                }
            }
            done => return Ok(done?),
        }
    }
}

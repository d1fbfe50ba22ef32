//! Who of all nodes makes snapshots: whoever holds a lease, which is a key of a bucket that its holder writes anew in
//! time.
//!
//! Clocks of different nodes are never compared: a node that sees the same revision for the whole of the lease by its
//! own clock takes it over, by an update that only succeeds if the revision is still that one.

use std::time::Duration;

use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::stream::bucket::{Bucket, BucketConfig, Operation};

/// The bucket of all leases.
const BUCKET: &str = "REPLICA_LEASES";

/// One node's view of a lease.
pub(super) struct Lease {
    bucket: Bucket,
    key: String,
    /// Who it is.
    node: String,
    lasts: Duration,
    /// The revision that was seen last, and since when.
    seen: Option<(u64, Nanos)>,
    is_held: bool,
}

impl Lease {
    /// The lease of a database among the nodes that `at` joins.
    pub(super) fn open(at: &Engine, database: &str, node: &str, lasts: Duration) -> Result<Lease> {
        let bucket = match at.bucket(BUCKET).wait() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match at.create_bucket(BucketConfig::new(BUCKET)).wait() {
                    // Another node was faster.
                    Err(error) if error.kind() == ErrorKind::Conflict => at.bucket(BUCKET).wait()?,
                    made => made?,
                }
            }
            opened => opened?,
        };
        Ok(Lease { bucket, key: database.to_owned(), node: node.to_owned(), lasts, seen: None, is_held: false })
    }

    /// Renews it, or takes it where its holder is gone. Whether it is held. To be called each third of its time.
    pub(super) fn work(&mut self, now: Nanos) -> Result<bool> {
        let entry = self.bucket.get(&self.key).wait()?.filter(|entry| entry.operation == Operation::Put);
        let lasts = u64::try_from(self.lasts.as_nanos()).unwrap_or(u64::MAX);
        let written = match &entry {
            None => Some(self.bucket.create(&self.key, self.node.as_bytes(), None)),
            Some(entry) => {
                let since = match self.seen {
                    Some((revision, since)) if revision == entry.revision => since,
                    _ => now,
                };
                self.seen = Some((entry.revision, since));
                // What it held itself, it goes on with only if it knows that nobody took it meanwhile.
                let is_own = self.is_held && entry.value == self.node.as_bytes();
                let is_over = now.saturating_sub(since) >= lasts;
                (is_own || is_over).then(|| self.bucket.update(&self.key, self.node.as_bytes(), entry.revision))
            }
        };
        self.is_held = match written.map(crate::pending::Pending::wait) {
            None => false,
            Some(Ok(revision)) => {
                self.seen = Some((revision, now));
                true
            }
            Some(Err(error)) if error.kind() == ErrorKind::Conflict => false,
            Some(Err(error)) => return Err(error),
        };
        Ok(self.is_held)
    }

    /// Gives it up, if it is held, so that another node need not wait.
    pub(super) fn give_up(&mut self) {
        if let Some((revision, _)) = self.seen.filter(|_| std::mem::take(&mut self.is_held)) {
            let _ = self.bucket.delete(&self.key, Some(revision)).wait();
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    #[test]
    fn one_node_holds_a_lease_and_another_takes_it_when_it_is_gone() {
        let hub = Engine::memory().unwrap();
        let lease = |node: &str| Lease::open(&hub, "app", node, Duration::from_secs(30)).unwrap();
        let (mut a, mut b) = (lease("a"), lease("b"));
        assert!(a.work(0).unwrap());
        // Their clocks are years apart.
        let b_now = 1_000_000_000 * SECOND;
        for n in 0..10 {
            assert!(!b.work(b_now + n * 10 * SECOND).unwrap(), "it is renewed");
            assert!(a.work(n * 10 * SECOND).unwrap());
        }
        for n in 10..13 {
            assert!(!b.work(b_now + n * 10 * SECOND).unwrap());
        }
        assert!(b.work(b_now + 140 * SECOND).unwrap(), "its holder is gone");
        assert!(!a.work(200 * SECOND).unwrap(), "it came back too late");
        b.give_up();
        assert!(a.work(210 * SECOND).unwrap());
    }
}

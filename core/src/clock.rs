//! Time comes in from outside: everything in core asks a [`Clock`], so a simulation can drive it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds since the Unix epoch, UTC.
pub type Nanos = u64;

/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;
/// Nanoseconds in a millisecond.
#[cfg(feature = "mesh")]
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// Where an engine gets the time and its random bits from.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It may step back; streams never let their own times decrease.
    fn now(&self) -> Nanos;

    /// 64 random bits, for engine ids and epochs.
    fn random(&self) -> u64;
}

/// The machine's clock and the operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where core reads the wall clock")]
    fn now(&self) -> Nanos {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs() * SECOND + u64::from(d.subsec_nanos()))
    }

    #[allow(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "the one place where core draws random bits"
    )]
    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        std::collections::hash_map::RandomState::new().build_hasher().finish()
    }
}

/// A clock that moves only when told, for tests: cheap to clone, all clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<(AtomicU64, AtomicU64)>);

impl ManualClock {
    /// A clock that stands at `now`, whose random bits follow from `seed`.
    pub fn new(now: Nanos, seed: u64) -> Self {
        ManualClock(Arc::new((AtomicU64::new(now), AtomicU64::new(seed))))
    }

    /// Moves the time forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.0.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }

    /// Sets the time, also backwards.
    pub fn set(&self, now: Nanos) {
        self.0.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Nanos {
        self.0.0.load(Ordering::SeqCst)
    }

    fn random(&self) -> u64 {
        mix(self.0.1.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst))
    }
}

/// Spreads the bits of a number over all of it: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

//! Hybrid logical clock (Kulkarni et al., "Logical physical clocks", 2014) in one number: milliseconds since the epoch
//! in the upper 48 bits, a count in the lower 16 that runs on into the milliseconds.
//!
//! It knows no clock of the machine: physical time comes with each call, may jump, and is never waited for.

/// How far ahead of this replica's clock a remote stamp may be unless it is told otherwise, milliseconds.
pub const DRIFT_MS_MAX: u64 = 5_000;

/// The largest stamp there is; a decoder refuses any beyond, so that a clock that has seen it still grows.
pub(crate) const STAMP_MAX: u64 = u64::MAX >> 1;

const LOGICAL_BITS: u32 = 16;

/// A clock whose stamps grow, whatever the machine's clock does.
#[derive(Debug, Clone)]
pub(crate) struct HybridClock {
    last: u64,
    drift_ms_max: u64,
}

/// The milliseconds of a stamp.
pub(crate) fn stamp_ms(stamp: u64) -> u64 {
    stamp >> LOGICAL_BITS
}

fn physical(now_ms: u64) -> u64 {
    now_ms.min(STAMP_MAX >> LOGICAL_BITS) << LOGICAL_BITS
}

impl HybridClock {
    pub(crate) fn new(drift_ms_max: u64) -> Self {
        HybridClock { last: 0, drift_ms_max }
    }

    /// A stamp larger than every one before it and every one observed.
    pub(crate) fn now(&mut self, now_ms: u64) -> u64 {
        self.last = physical(now_ms).max(self.last + 1);
        self.last
    }

    /// Whether a remote stamp is further ahead than the drift bound: what carries it waits. A clock that was ahead
    /// already by what it took in goes on from there.
    pub(crate) fn is_ahead(&self, remote: u64, now_ms: u64) -> bool {
        remote > self.last && stamp_ms(remote) > now_ms.saturating_add(self.drift_ms_max)
    }

    /// Takes in a remote stamp: what is stamped from now on is larger.
    pub(crate) fn observe(&mut self, remote: u64) {
        self.last = self.last.max(remote);
    }

    /// The largest stamp given out or taken in.
    #[cfg(any(test, feature = "replica"))]
    pub(crate) fn last(&self) -> u64 {
        self.last
    }
}

//! The order of points: tombstone, then time, then origin. The greatest wins.
//!
//! The order is total, so whichever way points travel and however often they arrive, every reader ends with the same
//! one. An origin gives one value at one time; two under the same stamp are taken for the same point, and the one that
//! is there stays. The rule is SimpleIoT's.

use super::point::Point;

/// What decides between two points of one series; compare with `<`, fields in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp<'a> {
    /// The largest tombstone wins, whatever the time.
    pub tombstone: u32,
    /// Then the newest time.
    pub time: i64,
    /// Then the origin that is greater as text.
    pub origin: &'a str,
}

impl Point {
    /// What decides between this point and another one of its series.
    pub fn stamp(&self) -> Stamp<'_> {
        Stamp { tombstone: self.tombstone, time: self.time, origin: &self.origin }
    }

    /// The winner of two points of one series; this one when their stamps are equal.
    ///
    /// Commutative, associative and idempotent as long as no two different points have the same stamp.
    #[must_use]
    pub fn merge(self, other: Point) -> Point {
        if other.stamp() > self.stamp() { other } else { self }
    }
}

//! Time for deadlines, made of a wall clock that may jump.
//!
//! A deadline is counted in time that has passed while somebody looked: a clock that is set back makes none, and a
//! clock that is set forward, or a machine that slept, no more than [`GAP_MS_MAX`]. So nobody is offline because of a
//! laptop's lid; who is there says so again before its deadline.

/// Milliseconds as deadlines count them: those of the wall clock when the store was opened, and what passed since then.
/// So a deadline that was over by then is one, too.
pub(crate) type Mono = u64;

/// Milliseconds since the Unix epoch.
pub(crate) type Wall = u64;

/// The most time that passes between two looks, milliseconds; looks are closer than this while there are deadlines.
pub(crate) const GAP_MS_MAX: u64 = 10_000;

/// A wall clock and what it amounts to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    wall: Wall,
    mono: Mono,
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: Wall,
    pub(crate) mono: Mono,
}

impl Passing {
    /// Begins to count at a wall clock's time.
    pub(crate) fn from(wall: Wall) -> Self {
        Passing { wall, mono: wall }
    }

    /// Looks at the wall clock.
    pub(crate) fn look(&mut self, wall: Wall) -> Moment {
        self.mono += wall.saturating_sub(self.wall).min(GAP_MS_MAX);
        self.wall = wall;
        self.last()
    }

    /// When it was looked at last.
    pub(crate) fn last(&self) -> Moment {
        Moment { wall: self.wall, mono: self.mono }
    }
}

impl Moment {
    /// When something is due that a record says of a wall clock, `most` milliseconds from now at the latest: a clock
    /// that was wrong when it was written, or is now, gives nobody longer than was asked for.
    pub(crate) fn due(self, until: Wall, most: u64) -> Mono {
        let until = until.min(self.wall.saturating_add(most));
        self.mono.saturating_add(until).saturating_sub(self.wall)
    }

    /// What a wall clock shows when a deadline passes.
    pub(crate) fn wall_at(self, due: Mono) -> Wall {
        self.wall.saturating_add(due).saturating_sub(self.mono)
    }
}

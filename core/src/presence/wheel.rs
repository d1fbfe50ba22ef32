//! Deadlines in a coarse timing wheel of one level (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987).
//!
//! It is lazy: a deadline that moves on is not moved in the wheel. What is filed comes out when its slot is due, and
//! whoever filed it looks whether it is due by then, and files it again if not. So a heartbeat costs the wheel nothing.

use super::time::Mono;

/// How much time a slot stands for, milliseconds: what is due comes out that much late at the most, and never early.
pub(crate) const TICK_MS: u64 = 100;

const SLOTS: usize = 1 << 10;

/// Numbers by the tick at which they come out.
pub(crate) struct Wheel {
    slots: Vec<Vec<u32>>,
    /// The next tick to be looked at.
    next: u64,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(now: Mono) -> Self {
        Wheel { slots: vec![Vec::new(); SLOTS], next: now / TICK_MS, len: 0 }
    }

    /// The tick at which something that is due at `due` comes out: not before, and within one turn of the wheel.
    pub(crate) fn tick_of(&self, due: Mono) -> u64 {
        due.div_ceil(TICK_MS).clamp(self.next, self.next + SLOTS as u64 - 1)
    }

    /// Files a number for a tick that [`Wheel::tick_of`] gave.
    pub(crate) fn file(&mut self, item: u32, tick: u64) {
        self.slots[tick as usize % SLOTS].push(item);
        self.len += 1;
    }

    /// Takes out what is due by `now`, with its tick, `max` at the most; whether there may be more.
    pub(crate) fn take_due(&mut self, now: Mono, max: usize, out: &mut Vec<(u32, u64)>) -> bool {
        let last = now / TICK_MS;
        while self.next <= last {
            if self.len == 0 {
                self.next = last + 1;
                break;
            }
            let slot = &mut self.slots[self.next as usize % SLOTS];
            while let Some(item) = slot.pop() {
                self.len -= 1;
                out.push((item, self.next));
                if out.len() >= max {
                    return true;
                }
            }
            // What a crowd took is given back.
            if slot.capacity() > 1024 {
                *slot = Vec::new();
            }
            self.next += 1;
        }
        false
    }

    /// How many numbers are filed.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

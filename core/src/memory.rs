//! Large stretches of zeroed memory for tables that are looked into at random places, in huge pages where the system
//! has them.
//!
//! A lookup in a large table waits for memory twice: for the page table's entry and for the bytes. Huge pages spare the
//! first (ADR 0010). The system gives the memory as it is touched. Knows nothing of what lies in it.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// What is smaller comes from the allocator: a process may have only so many mappings.
const MAPPED_BYTES_MIN: usize = 2 << 20;

/// One line of a processor's cache.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line([u8; 64]);

/// Zeroed bytes of this process alone, which begin with a line.
pub(crate) enum Memory {
    Small(Vec<Line>),
    Mapped(MmapMut),
}

impl Memory {
    /// At least so many bytes.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        if bytes >= MAPPED_BYTES_MIN
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // A wish: without it the same bytes lie in small pages.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Memory::Mapped(map);
        }
        Memory::Small(vec![Line([0; 64]); bytes.div_ceil(size_of::<Line>())])
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Memory::Small(lines) => bytemuck::cast_slice(lines),
            Memory::Mapped(map) => map,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Memory::Small(lines) => bytemuck::cast_slice_mut(lines),
            Memory::Mapped(map) => map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_mapped_memory_is_zeroed_aligned_and_its_own() {
        for bytes in [0, 1, 63, 64, 65, 4096, MAPPED_BYTES_MIN - 1, MAPPED_BYTES_MIN, MAPPED_BYTES_MIN + 1, 5 << 20] {
            let (mut one, mut other) = (Memory::zeroed(bytes), Memory::zeroed(bytes));
            assert_eq!(matches!(one, Memory::Mapped(_)), bytes >= MAPPED_BYTES_MIN, "{bytes} bytes");
            assert!((bytes..bytes + size_of::<Line>()).contains(&one.len()), "{bytes} bytes: {}", one.len());
            assert!(one.iter().all(|&b| b == 0), "{bytes} bytes are zeros");
            if bytes > 0 {
                assert_eq!(one.as_ptr() as usize % size_of::<Line>(), 0, "{bytes} bytes begin with a line");
            }
            one.fill(0xff);
            assert!(other.iter().all(|&b| b == 0), "{bytes} bytes are shared");
            other.fill(1);
            assert!(one.iter().all(|&b| b == 0xff), "{bytes} bytes are kept");
        }
    }

    #[test]
    fn memory_that_was_used_before_comes_zeroed_again() {
        for bytes in [4096, MAPPED_BYTES_MIN] {
            for _ in 0..8 {
                let mut memory = Memory::zeroed(bytes);
                assert!(memory.iter().all(|&b| b == 0), "{bytes} bytes");
                memory.fill(0xa5);
            }
        }
    }
}

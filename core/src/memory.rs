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

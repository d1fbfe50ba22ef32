//! How an engine is opened.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, OsDisk};
use crate::error::{Error, Result};

/// Whether a directory may be reached through the node that has it open: `headwater serve`, or a program with a
/// [`crate::LocalServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeUse {
    /// Where a node has it open; the files themselves where nobody has.
    #[default]
    Auto,
    /// Never: a directory that is in use is [`crate::ErrorKind::Busy`].
    Never,
    /// Always: without a node it is [`crate::ErrorKind::NotFound`].
    Only,
}

impl NodeUse {
    /// The one with this name: `auto`, `never` or `only`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(NodeUse::Auto),
            "never" => Ok(NodeUse::Never),
            "only" => Ok(NodeUse::Only),
            _ => Err(Error::invalid(format!("node '{}' is not one of auto, never, only", name.escape_debug()))),
        }
    }
}

/// How an engine is opened.
#[derive(Clone)]
pub struct EngineOptions {
    /// Opens without a lock, follows the files of the process that writes, and refuses every change.
    pub read_only: bool,
    /// Makes the directory if it is not there.
    pub create: bool,
    /// Where time and random bits come from.
    pub clock: Arc<dyn Clock>,
    /// Where files are.
    pub disk: Arc<dyn Disk>,
    /// Whether a thread does timers, interval sync and cleaning; without it, call [`crate::Engine::step`].
    pub worker: bool,
    /// The most bytes of segment files that are kept in memory to read single records from, over all streams: 16 MiB
    /// unless it is set, and 0 for none. It is taken as it fills.
    pub cache_bytes: u64,
    /// Whether a directory that another process has open is reached through it. A read-only open always looks at the
    /// files, and everything above but `read_only` is the node's own business then.
    pub node: NodeUse,
}

/// Holds the pages of about four thousand records that lie apart.
const CACHE_BYTES: u64 = 16 << 20;

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            read_only: false,
            create: true,
            clock: Arc::new(SystemClock),
            disk: Arc::new(OsDisk),
            worker: true,
            cache_bytes: CACHE_BYTES,
            node: NodeUse::Auto,
        }
    }
}

impl EngineOptions {
    /// Read-only: without a lock, beside a process that writes.
    pub fn read_only() -> Self {
        EngineOptions { read_only: true, ..EngineOptions::default() }
    }
}

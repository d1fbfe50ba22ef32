//! A directory that is in use: reached through the node that has it open, where there is one.

use std::path::Path;
use std::sync::Arc;

use super::local::{IDENTITY, identity};
use super::{Engine, EngineOptions, Inner, Kind, NodeUse, Other};
use crate::disk::MemDisk;
use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;
use crate::stream::node::engine::NodeEngine;
use crate::stream::node::session::Session;

/// How often the lock and the node are tried in turn: the node may go, or come, between the two.
const ATTEMPTS: u32 = 3;

/// Opens a directory: the files, or the node that has them open.
pub(super) fn open(dir: &Path, options: EngineOptions) -> Result<Engine> {
    if options.read_only || options.node == NodeUse::Never {
        return Inner::start(dir.to_owned(), options, false, false).map(Engine::from);
    }
    if options.node == NodeUse::Only {
        let none = || Error::not_found(format!("no node has {} open: start headwater serve there", dir.display()));
        return connect(dir, &options)?.ok_or_else(none);
    }
    let mut attempt = 1;
    loop {
        let busy = match Inner::start(dir.to_owned(), options.clone(), false, false) {
            Err(error) if error.kind() == ErrorKind::Busy => error,
            opened => return opened.map(Engine::from),
        };
        match connect(dir, &options)? {
            Some(engine) => return Ok(engine),
            None if attempt == ATTEMPTS => return Err(busy),
            None => attempt += 1,
        }
    }
}

/// Connects to the node of a directory; `None` when there is none.
fn connect(dir: &Path, options: &EngineOptions) -> Result<Option<Engine>> {
    if !options.disk.exists(&dir.join(IDENTITY)) {
        return Ok(None);
    }
    let id = identity(&*options.disk, dir, true, 0)?;
    let shared = Arc::new(Shared::new(Arc::clone(&options.clock), Arc::new(MemDisk::default()), 0, id));
    let Some(session) = Session::connect(dir, id, &shared)? else { return Ok(None) };
    let (ops, presences) = (Arc::new(NodeEngine(session)), Arc::default());
    shared.timers.keep_time_alone();
    Ok(Some(Engine(Kind::Other(Other {
        ops,
        shared,
        id,
        dir: Some(dir.into()),
        is_stepped: false,
        hub: None,
        presences,
    }))))
}

impl Engine {
    /// Whether it works through the node that has its directory open. Everything means the same then, but what needs
    /// the files themselves is refused by name; when the node goes away, every call answers [`ErrorKind::Closed`].
    pub fn is_through_node(&self) -> bool {
        matches!(&self.0, Kind::Other(other) if other.dir.is_some())
    }
}

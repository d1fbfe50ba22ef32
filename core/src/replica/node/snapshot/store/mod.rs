//! Where snapshots are kept: a directory, an object store of a hub or of the engine, S3, WebDAV or SFTP.
//!
//! A store keeps pieces of a few MiB, each written in one go, so no more than one is in memory. It retries nothing:
//! whoever makes or takes a snapshot goes on where it stopped.

mod directory;
#[cfg(feature = "replica-stores")]
mod http;
mod objects;
#[cfg(feature = "replica-stores")]
mod s3;
#[cfg(feature = "replica-stores")]
mod sftp;
#[cfg(feature = "replica-stores")]
mod sigv4;
#[cfg(test)]
mod tests;
#[cfg(feature = "replica-stores")]
mod webdav;

use std::path::Path;

use super::super::config::SnapshotConfig;
use super::manifest::is_piece;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// What the name of a piece ends with that is being written.
const UNFINISHED: &str = ".part";

/// Named pieces of bytes. A piece is there whole or not at all. Errors name the place and the piece.
pub(crate) trait Store {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()>;
    /// `None` when it is not there.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// The names of all, in any order; of what is not ours too.
    fn list(&self) -> Result<Vec<String>>;
    /// Nothing when it is not there.
    fn delete(&self, name: &str) -> Result<()>;
    /// Where it is, for messages.
    fn place(&self) -> String;
}

/// The pieces of snapshots that a store has; what else lies there is nobody's business here.
pub(super) fn pieces(store: &dyn Store) -> Result<Vec<String>> {
    Ok(store.list()?.into_iter().filter(|name| is_piece(name)).collect())
}

/// Opens the store of a database; that of a hub is found through `engine`, which tells the time too.
pub(crate) fn open(config: &SnapshotConfig, database: &str, engine: &Engine) -> Result<Box<dyn Store>> {
    config.check()?;
    match config.store.as_str() {
        "" | "nats" => {
            let objects = engine.hub_of_links().unwrap_or_else(|| engine.clone());
            Ok(Box::new(objects::Objects::open(database, &objects)?))
        }
        outside @ ("s3" | "webdav" | "sftp") => open_outside(outside, config, database, engine),
        other if other.contains("://") => {
            let message = format!("snapshots can't be kept at {other}: give nats, s3, webdav, sftp or a directory");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
        dir => Ok(Box::new(directory::Directory::open(Path::new(dir).join(database))?)),
    }
}

#[cfg(feature = "replica-stores")]
fn open_outside(which: &str, config: &SnapshotConfig, database: &str, engine: &Engine) -> Result<Box<dyn Store>> {
    let timeout = config.timeout();
    Ok(match which {
        "s3" => Box::new(s3::S3::open(&config.s3, database, timeout, engine)?),
        "webdav" => Box::new(webdav::WebDav::open(&config.webdav, database, timeout)?),
        _ => Box::new(sftp::Sftp::open(&config.sftp, database, timeout)?),
    })
}

#[cfg(not(feature = "replica-stores"))]
fn open_outside(which: &str, _: &SnapshotConfig, _: &str, _: &Engine) -> Result<Box<dyn Store>> {
    let message = format!("this build keeps no snapshots at {which}: leave it to headwater serve, or give nats");
    Err(Error::new(ErrorKind::Unsupported, message))
}

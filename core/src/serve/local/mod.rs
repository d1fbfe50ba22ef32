//! The local door: other processes share the directory of this one through a socket in it.
//!
//! [`LocalServer`] owns the socket's file and one thread, whose loop is in `reactor.rs`: `connection.rs` is one
//! client's bytes, and `answer.rs` the table of what can be asked. It knows the public handles alone, so whatever a
//! client asks passes the checks that every caller passes.

mod answer;
mod connection;
mod reactor;
mod socket;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::stream::node::hello::SOCKET;
use reactor::{Bell, Reactor};
use socket::Bound;

/// A directory's engine, open to other processes of the same user for as long as this is kept.
///
/// Whoever opens the directory meanwhile works through it: see [`crate::NodeUse`] and `docs/local-socket.md`.
///
/// ```
/// use headwater::{Engine, LocalServer, StreamConfig};
/// # fn main() -> headwater::Result<()> {
/// # let dir = std::env::temp_dir().join(format!("headwater-doc-{}", std::process::id()));
/// let engine = Engine::open(&dir)?;
/// let server = LocalServer::start(&engine)?;
/// let other = Engine::open(&dir)?; // in this or another process
/// assert!(other.is_through_node());
/// other.create_stream(StreamConfig::new("orders", ["orders.>"])).wait()?;
/// assert_eq!(engine.stream("orders").wait()?.name(), "orders");
/// # other.close()?;
/// server.stop();
/// # engine.close()?;
/// # let _ = std::fs::remove_dir_all(dir);
/// # Ok(())
/// # }
/// ```
pub struct LocalServer {
    socket: PathBuf,
    bell: Arc<Bell>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LocalServer {
    /// Listens at `node.sock` in the engine's directory, with the mode 0600.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an engine that has no directory open for writing; [`ErrorKind::Conflict`] when
    /// it is served already; [`ErrorKind::Io`] when the socket cannot be made.
    pub fn start(engine: &Engine) -> Result<LocalServer> {
        let refused = |why: &str| Error::new(ErrorKind::Unsupported, format!("a node needs a directory: {why}"));
        let dir = engine.dir().ok_or_else(|| refused("this engine has none"))?;
        if engine.is_through_node() {
            return Err(refused("this one is reached through a node itself"));
        }
        if engine.is_read_only() {
            return Err(refused("this one is open read-only"));
        }
        let bound = Bound::new(&dir)?;
        let (reactor, bell) = Reactor::new(engine.clone(), bound)?;
        let thread = start_thread(reactor)?;
        Ok(LocalServer { socket: dir.join(SOCKET), bell, thread: Mutex::new(Some(thread)) })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Takes no more requests, answers what was asked (for 5 seconds at the most), and ends all connections. Twice is
    /// nothing, and dropping it does it too. The engine stays open.
    pub fn stop(&self) {
        self.bell.stop();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalServer").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[allow(clippy::disallowed_methods, reason = "a door that listens has a thread of its own")]
fn start_thread(reactor: Reactor) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("headwater-local".to_owned()).spawn(move || reactor.run());
    thread.map_err(|e| Error::io("start the thread of the local socket", &e))
}

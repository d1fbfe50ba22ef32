//! The HTTP door: whether this process lives, whether it is ready, and what it has done, for those who watch it.
//!
//! It answers `GET` and `HEAD` alone, one request a connection, each bounded in bytes and time, and so many connections
//! at once; so nobody who reaches it can hold up more than that. It listens where it is told, and asks nobody who they
//! are: what it says is no secret, and the default is this machine alone.

mod exchange;
mod health;
mod prometheus;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// The most connections at once; more are closed at once.
const CONNECTIONS_MAX: usize = 32;

/// Health and metrics of an engine over HTTP, for as long as this is kept.
///
/// `/health/liveness` answers 200 while the process works. `/health/readiness` answers 200, or 503 with a line for each
/// reason: a stream that is damaged or poisoned, or a hub that was not reached yet. A hub that was lost later is no
/// reason, because the node works on without it. `/metrics` is [`Engine::metrics`] as Prometheus reads it.
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    engine: Engine,
    stopping: AtomicBool,
    open: Mutex<Open>,
    ended: Condvar,
}

/// The connections that are open, by number.
#[derive(Default)]
struct Open {
    last: u64,
    sockets: BTreeMap<u64, TcpStream>,
}

impl HttpServer {
    /// Listens at an address; port 0 is a free one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when it cannot listen there.
    pub fn start(engine: &Engine, address: SocketAddr) -> Result<HttpServer> {
        let at = |e| Error::io(format_args!("listen at {address}"), &e);
        let listener = TcpListener::bind(address).map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        let (open, ended) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { engine: engine.clone(), stopping: AtomicBool::new(false), open, ended });
        let accepting = Arc::clone(&shared);
        let thread = spawn("headwater-http", move || accept(&listener, &accepting))?;
        Ok(HttpServer { address, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; who is being answered gets the answer. Twice is nothing, and dropping it does it too.
    pub fn stop(&self) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.shared.stopping.store(true, Ordering::Release);
        // Nothing else ends the wait for a connection.
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(if own.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        if TcpStream::connect(own).is_ok() {
            let _ = thread.join();
        }
        let mut open = self.shared.open();
        open.sockets.values().for_each(|socket| drop(socket.shutdown(Shutdown::Read)));
        while !open.sockets.is_empty() {
            open = self.shared.ended.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; `None` when there are as many as may be, or it is over already.
    fn enter(self: &Arc<Self>, socket: &TcpStream) -> Option<Guest> {
        let mut open = self.open();
        if open.sockets.len() >= CONNECTIONS_MAX {
            return None;
        }
        open.last += 1;
        let number = open.last;
        open.sockets.insert(number, socket.try_clone().ok()?);
        Some(Guest { shared: Arc::clone(self), number })
    }
}

/// A place among the connections, which is free again when this goes.
struct Guest {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shared.open().sockets.remove(&self.number);
        self.shared.ended.notify_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for socket in listener.incoming() {
        if shared.stopping.load(Ordering::Acquire) {
            return;
        }
        let Ok(socket) = socket else { continue };
        let Some(guest) = shared.enter(&socket) else { continue };
        // Without a thread the connection is closed, which is what a client sees of any overload.
        let _ = spawn("headwater-http-client", move || exchange::serve(&socket, &guest.shared.engine));
    }
}

#[allow(clippy::disallowed_methods, reason = "a door that listens has threads of its own, as many as its bound")]
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|e| Error::io(format_args!("start the thread {name}"), &e))
}

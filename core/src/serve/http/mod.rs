//! The HTTP door: presence of users for programs and browsers, and for those who watch a node whether it lives, whether
//! it is ready, and what it has done.
//!
//! `router.rs` is all that it answers, and `gate.rs` what a request passes first. Requests, bodies, connections, those
//! who follow, and what is remembered of who asks have bounds. A handler decides nothing that the store does not decide
//! for every door; who may is decided by tokens (`token/`), and by nothing else.

mod answer;
mod ask;
mod cert;
mod gate;
mod health;
mod line;
mod openapi;
mod page;
mod prometheus;
mod rates;
mod router;
mod sessions;
mod spaces;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod users;
mod watch;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::metric::Meter;
use crate::pending::Pending;
use crate::runtime::runtime_of;
use crate::tls::HANDSHAKE_PATIENCE;
use cert::Certificate;
use line::{Carrier, Line, STALL};
use router::router;
use state::{Door, Turned};
pub use token::AccessToken;

/// The most threads that serve.
const THREADS_MAX: usize = 4;
/// The most bytes of a request's line and headers.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// How long they may take to come, and a connection may wait for another request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests at work may take to their end when the door closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// How long no connection is taken after the system gave none, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Presence, health and metrics of an engine over HTTP, for as long as this is kept.
///
/// `docs/http.md` has its paths, and `/api/openapi.json` too. `/health/liveness` answers 200 while the process works.
/// `/health/readiness` answers 200, or 503 with a line for each reason: a stream that is damaged or poisoned, or a hub
/// that was not reached yet. A hub that was lost later is no reason, because the node works on without it. `/metrics`
/// is [`Engine::metrics`] as Prometheus reads it.
pub struct HttpServer {
    address: SocketAddr,
    is_tls: bool,
    door: Arc<Door>,
    closing: Sender<bool>,
    /// What the engine asks for metrics as long as it is here.
    _meter: Arc<dyn Meter>,
    running: Mutex<Option<(Runtime, JoinHandle<()>)>>,
}

impl HttpServer {
    /// Listens where `[http]` of a configuration says, or at a free port of 127.0.0.1; with its `[presence]`, whose
    /// store it opens, and the tokens of its `[auth]`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when it cannot listen there; as of [`Engine::presence`];
    /// [`crate::ErrorKind::NotFound`], [`crate::ErrorKind::Io`] and [`crate::ErrorKind::Invalid`] for files of keys and
    /// certificates.
    pub fn start(engine: &Engine, config: &Config) -> Result<HttpServer> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let runtime = runtime_of("headwater-http", threads)?;
        let address = config.http.bind.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let certificate = config.http.certificate.as_ref().map(Certificate::load).transpose();
        let certificate = certificate.map_err(|e| e.context("[http]"))?;
        let (closing, closes) = tokio::sync::watch::channel(false);
        let door = Arc::new(Door::new(engine, config, closes)?);
        let at = |e| Error::io(format_args!("listen at {address}"), &e);
        let socket = TcpListener::bind(address).map_err(at)?;
        let address = socket.local_addr().map_err(at)?;
        socket.set_nonblocking(true).map_err(at)?;
        let socket = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket).map_err(at)?
        };
        let meter: Arc<dyn Meter> = Arc::clone(&door) as Arc<dyn Meter>;
        engine.add_meter(Arc::downgrade(&meter) as Weak<dyn Meter>);
        let is_tls = certificate.is_some();
        let serving = runtime.spawn(serve(Arc::clone(&door), socket, certificate.map(Arc::new)));
        Ok(HttpServer { address, is_tls, door, closing, _meter: meter, running: Mutex::new(Some((runtime, serving))) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.address)
    }

    /// Goes by another configuration from now on: its keys of tokens, who may read, origins and rates. The address, the
    /// certificate's files, the store and the numbers of connections stay.
    ///
    /// # Errors
    /// As [`HttpServer::start`]; what was at work stays at work.
    pub fn reload(&self, config: &Config) -> Result<()> {
        self.door.reload(config)
    }

    /// Ends it: no connection comes in, those who follow are told, requests at work have 5 s to their end. Twice is
    /// nothing, and dropping it does it too.
    pub fn stop(&self) {
        let Some((runtime, serving)) = lock(&self.running).take() else { return };
        let _ = self.closing.send(true);
        // A runtime must not be waited for by a task of another one, so this thread waits for a task of it.
        let ended = runtime.spawn(async { tokio::time::timeout(CLOSE_PATIENCE, serving).await });
        let panicked = |_| Error::new(ErrorKind::Internal, "the HTTP door panicked");
        let _ = Pending::of(async move { ended.await.map_err(panicked) }).wait();
        runtime.shutdown_background();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Takes connections in until the door closes, and sees them to their end.
async fn serve(door: Arc<Door>, socket: tokio::net::TcpListener, certificate: Option<Arc<Certificate>>) {
    let (router, mut closing) = (router(&door), door.closing.clone());
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&door.places).try_acquire_owned() else {
            door.counts.turned(Turned::TooMany);
            continue;
        };
        if let Some((level, line)) = certificate.as_ref().and_then(|certificate| certificate.renew()) {
            door.engine.log(level, line);
        }
        // Answers are small, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let (door, router, certificate) = (Arc::clone(&door), router.clone(), certificate.clone());
        tokio::spawn(async move {
            let Some(carrier) = carrier(&door, stream, certificate.as_deref()).await else { return };
            talk(&door, router, Line::new(carrier, place, STALL), from).await;
        });
    }
    drop(socket);
    // Each connection has a place until it is over.
    let _ = door.places.acquire_many(door.connections_max as u32).await;
}

async fn carrier(door: &Door, stream: TcpStream, certificate: Option<&Certificate>) -> Option<Carrier> {
    let Some(certificate) = certificate else { return Some(Carrier::Plain(stream)) };
    let mut closing = door.closing.clone();
    let proved = tokio::select! {
        proved = tokio::time::timeout(HANDSHAKE_PATIENCE, certificate.acceptor().accept(stream)) => proved,
        _ = closing.wait_for(|closing| *closing) => return None,
    };
    match proved {
        Ok(Ok(stream)) => Some(Carrier::Tls(Box::new(stream))),
        _ => {
            door.counts.turned(Turned::NoTls);
            None
        }
    }
}

/// Answers what comes over one connection.
async fn talk(door: &Door, router: Router, line: Line, from: SocketAddr) {
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(from));
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(line), service).with_upgrades());
    let mut closing = door.closing.clone();
    tokio::select! {
        // Who hangs up or talks nonsense is no business of the node.
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|closing| *closing) => {}
    }
    // One that has not asked yet is waited for by nobody.
    if has_asked.load(Ordering::Relaxed) {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

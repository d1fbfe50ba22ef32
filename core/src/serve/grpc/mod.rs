//! The gRPC door: the stores of state that merges for programs in any language, over mutual TLS 1.3
//! (`core/proto/headwater/v1/crdt.proto`). And `client.rs`, the same from the other side.
//!
//! One thread serves all connections; what waits for a disk or a lock does so on threads of a bounded number. Messages,
//! calls, connections, handshakes and open stores have bounds. Whoever was not let in and every call that did not end
//! well is counted among the engine's metrics.

mod calls;
mod client;
mod cluster;
mod convert;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod service;
mod status;
mod stores;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;
use tonic::transport::Server;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::metric::{Meter, Metric};
use crate::pending::Pending;
use crate::runtime::runtime;
use crate::tls::{Listener, Tls};
use calls::{CALLS_MAX, Calls, Counts};
pub use client::{GrpcClient, GrpcWatcher};
use service::{Parts, Service};
use stores::Stores;

/// What `crdt.proto` becomes.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, dead_code, reason = "it is generated")]
mod v1 {
    tonic::include_proto!("headwater.v1");
}

/// The most bytes of a message, in both directions.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// A page of an answer ends at so many bytes, if it has more than one entry.
const PAGE_BYTES: usize = 1 << 20;
/// The most entries of a page.
const PAGE_ENTRIES: usize = 1_000;
/// The most connections at once.
const CONNECTIONS_MAX: usize = 256;
/// After so long without a word a client is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long it has to say so.
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// How long calls at work may take to their end when the door closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Stores of an engine over gRPC, for as long as this is kept.
pub struct GrpcServer {
    address: SocketAddr,
    closing: Sender<bool>,
    parts: Arc<Parts>,
    /// What the engine asks for metrics as long as it is here.
    _meter: Arc<DoorMeter>,
    running: Mutex<Option<(Runtime, JoinHandle<()>)>>,
}

struct DoorMeter {
    listener: Arc<Listener>,
    counts: Arc<Counts>,
}

impl GrpcServer {
    /// Listens at an address; port 0 is a free one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when it cannot listen there.
    pub fn start(engine: &Engine, address: SocketAddr, tls: &Tls) -> Result<GrpcServer> {
        let runtime = runtime("headwater-grpc")?;
        let at = |e| Error::io(format_args!("listen at {address}"), &e);
        let socket = TcpListener::bind(address).map_err(at)?;
        let address = socket.local_addr().map_err(at)?;
        socket.set_nonblocking(true).map_err(at)?;
        let (closing, closes) = tokio::sync::watch::channel(false);
        let (stores, since) = (Stores::new(engine), engine.clock().now());
        let at_door = (engine.clone(), address.to_string(), since);
        let parts = Arc::new(Parts { stores, at_door, closing: closes.clone() });
        let log = engine.clone();
        let listener = Arc::new(Listener::new(tls, CONNECTIONS_MAX, move |level, line| log.log(level, line)));
        let counts = Arc::new(Counts::default());
        let meter = Arc::new(DoorMeter { listener: Arc::clone(&listener), counts: Arc::clone(&counts) });
        engine.add_meter(Arc::downgrade(&meter) as Weak<dyn Meter>);
        let service = v1::crdt_server::CrdtServer::new(Service::new(Arc::clone(&parts)))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let socket = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket).map_err(at)?
        };
        let serving = runtime.spawn(serve(listener, socket, Calls::over(service, counts), closes));
        Ok(GrpcServer { address, closing, parts, _meter: meter, running: Mutex::new(Some((runtime, serving))) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it: no connection comes in, watches end, calls at work have 5 s to their end. Twice is nothing, and
    /// dropping it does it too.
    pub fn stop(&self) {
        let running = lock(&self.running).take();
        let Some((runtime, serving)) = running else { return };
        let _ = self.closing.send(true);
        // A runtime must not be waited for by a task of another one, so this thread waits for a task of it.
        let ended = runtime.spawn(async { tokio::time::timeout(CLOSE_PATIENCE, serving).await });
        let panicked = |_| Error::new(ErrorKind::Internal, "the gRPC door panicked");
        let _ = Pending::of(async move { ended.await.map_err(panicked) }).wait();
        self.parts.stores.close();
        runtime.shutdown_background();
    }
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for GrpcServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcServer").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn serve(
    listener: Arc<Listener>,
    socket: tokio::net::TcpListener,
    calls: Calls<v1::crdt_server::CrdtServer<Service>>,
    mut closes: tokio::sync::watch::Receiver<bool>,
) {
    let closed = async move {
        let _ = closes.wait_for(|closing| *closing).await;
    };
    let served = Server::builder()
        .max_concurrent_streams(CALLS_MAX as u32)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .serve_with_incoming_shutdown(calls, listener.listen(socket), closed);
    // It fails where it binds, and this one is bound.
    let _ = served.await;
}

impl Meter for DoorMeter {
    fn metrics(&self) -> Vec<Metric> {
        let of = |name, value| Metric::of(name, &[], value);
        let mut metrics = vec![
            of("headwater_grpc_connections", self.listener.connections() as u64),
            of("headwater_grpc_calls_total", self.counts.calls.load(Ordering::Relaxed)),
            of("headwater_grpc_failed_calls_total", self.counts.failed.load(Ordering::Relaxed)),
        ];
        let refused = self.listener.refusals.all();
        metrics.extend(
            refused.map(|(refusal, count)| {
                Metric::of("headwater_grpc_refused_total", &[("reason", refusal.name())], count)
            }),
        );
        metrics
    }
}

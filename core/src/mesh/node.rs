//! A node of a mesh at work: its socket, its runtime and the thread that drives it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Server;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::runtime::runtime;
use crate::stream::contract::WireOps;
use crate::tls::{Listener, Tls};

use super::calls::{Calls, answering};
use super::config::{MeshConfig, keeps};
use super::core::Core;
use super::driver::{Driver, Input, Parts};
use super::lane::{Door, PACKET_BYTES_MAX};
use super::proto::mesh_server::MeshServer;
use super::roster::Roster;
use crate::member::{MeshStatus, Part};

/// Connections of other nodes at once.
const CONNECTIONS_MAX: usize = 1_024;
/// What connections and stores have said and the node has not taken.
const INPUTS_WAITING: usize = 1_024;
/// After so long without a word a node is asked whether it is there, and so long it has to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(10));
/// How long a good-bye may take on its way.
const GOODBYE: Duration = Duration::from_millis(200);
/// How long the node may take to say it.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(5);

/// An engine's part in a mesh.
pub(crate) struct MeshNode {
    tell: mpsc::Sender<Input>,
    calls: Arc<Calls>,
    /// The stores that it keeps in step; all when empty.
    stores: Vec<String>,
    running: Mutex<Option<(JoinHandle<()>, Runtime)>>,
}

impl MeshNode {
    /// Listens, and joins the mesh by its seeds.
    pub(crate) fn start(engine: &Engine, config: MeshConfig) -> Result<MeshNode> {
        config.check()?;
        let tls = Tls::load(&config.certs)?;
        let listen = |e: std::io::Error| Error::io(format_args!("listen at {}", config.bind), &e);
        let places: Vec<SocketAddr> = config.bind.to_socket_addrs().map_err(listen)?.collect();
        let socket = TcpListener::bind(&*places).map_err(listen)?;
        socket.set_nonblocking(true).map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;

        let runtime = runtime("headwater-mesh")?;
        let (tell, inputs) = mpsc::channel(INPUTS_WAITING);
        let log = engine.clone();
        let listener =
            Arc::new(Listener::new(&tls, CONNECTIONS_MAX, move |level, line| log.log(level, format!("mesh: {line}"))));
        let roster = Arc::<Roster>::default();
        let calls = Arc::new(Calls {
            own: engine.id(),
            ears: Arc::default(),
            roster: Arc::clone(&roster),
            handle: runtime.handle().clone(),
            tls: tls.clone(),
            server_name: config.server_name.clone(),
            channels: Mutex::default(),
            answering: answering(),
        });
        let door = Door { inputs: tell.clone(), calls: Arc::clone(&calls) };
        let door = MeshServer::new(door).max_decoding_message_size(PACKET_BYTES_MAX);
        let serving = Arc::clone(&listener);
        {
            // A socket of tokio is made where its runtime is.
            let _here = runtime.enter();
            let socket = tokio::net::TcpListener::from_std(socket).map_err(listen)?;
            let server = Server::builder()
                .http2_keepalive_interval(Some(KEEPALIVE.0))
                .http2_keepalive_timeout(Some(KEEPALIVE.1))
                .add_service(door)
                .serve_with_incoming(serving.listen(socket));
            runtime.spawn(server);
        }
        let linger = config.preset.linger();
        let server_name = config.server_name.clone();
        let stores = config.stores.clone();
        let config = with_port(config, address);
        let parts = Parts {
            own: engine.id(),
            handle: runtime.handle().clone(),
            inputs,
            tell: tell.clone(),
            tls,
            server_name,
            roster,
            linger,
            refused: Box::new(move || listener.refusals.all().map(|(_, count)| count).sum()),
            now: engine.clock().now(),
            core: Core::new(engine.clone(), config)?,
        };
        let handle = runtime.handle().clone();
        let drive = move || handle.block_on(Driver::new(parts).run());
        #[allow(clippy::disallowed_methods, reason = "a mesh is a door: it has a thread of its own")]
        let thread = std::thread::Builder::new().name("headwater-mesh".into()).spawn(drive);
        let thread = thread.map_err(|e| Error::io("start the thread of a mesh", &e))?;
        Ok(MeshNode { tell, calls, stores, running: Mutex::new(Some((thread, runtime))) })
    }
}

impl Part for MeshNode {
    fn wire(&self) -> Arc<dyn WireOps> {
        Arc::new(Arc::clone(&self.calls))
    }

    fn gone(&self) -> BTreeSet<u64> {
        self.calls.roster.gone()
    }

    fn keeps(&self, store: &str) -> bool {
        keeps(&self.stores, store)
    }

    fn is_in_step(&self, store: &str) -> bool {
        self.calls.roster.is_in_step(store)
    }

    fn status(&self) -> Pending<MeshStatus> {
        let (answer, answered) = oneshot::channel();
        let tell = self.tell.clone();
        let over = || Error::new(ErrorKind::Closed, "this node has left the mesh");
        Pending::of(async move {
            tell.send(Input::Status(answer)).await.map_err(|_| over())?;
            answered.await.map_err(|_| over())
        })
    }

    fn leave(&self) {
        let running = lock(&self.running).take();
        let Some((thread, runtime)) = running else { return };
        let (done, left) = oneshot::channel();
        let tell = self.tell.clone();
        let said = async move {
            let _ = tell.send(Input::Leave(done)).await;
            let _ = left.await;
            // Until it is on the wire: nobody answers it.
            tokio::time::sleep(GOODBYE).await;
        };
        runtime.block_on(async move {
            let _ = tokio::time::timeout(GOODBYE_PATIENCE, said).await;
        });
        // It ends when it is told, or finds the engine closed.
        let _ = thread.join();
        runtime.shutdown_timeout(GOODBYE);
    }
}

impl Drop for MeshNode {
    fn drop(&mut self) {
        self.leave();
    }
}

/// With the port that the system chose, where it was to choose one.
fn with_port(mut config: MeshConfig, address: SocketAddr) -> MeshConfig {
    let fill = |place: &mut String| {
        if let Some(host) = place.strip_suffix(":0") {
            *place = format!("{host}:{}", address.port());
        }
    };
    fill(&mut config.bind);
    fill(&mut config.advertise);
    config
}

//! Connections that come in, each proved before anybody hears of it. A handshake runs in a task of its own, for 5 s at
//! the most, so nobody who dawdles holds up another; there are bounds on handshakes and on connections.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::Tls;
use super::refusal::{Refusal, Refusals};

/// The most handshakes at once; who comes then is turned away.
const HANDSHAKES_MAX: usize = 256;
/// How long no connection is taken after the system gave none, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes in connections, and counts them.
pub(crate) struct Listener {
    tls: Tls,
    places: Arc<Semaphore>,
    connections_max: usize,
    handshakes: Arc<Semaphore>,
    /// Whom it did not let in.
    pub(crate) refusals: Refusals,
    log: Box<dyn Fn(&'static str, String) + Send + Sync>,
}

/// A connection whose other end is known.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    from: SocketAddr,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// At most so many connections at once. `log` takes what there is to say of certificates, by level.
    pub(crate) fn new(
        tls: &Tls,
        connections_max: usize,
        log: impl Fn(&'static str, String) + Send + Sync + 'static,
    ) -> Self {
        Listener {
            tls: tls.clone(),
            places: Arc::new(Semaphore::new(connections_max)),
            connections_max,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            refusals: Refusals::default(),
            log: Box::new(log),
        }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections_max - self.places.available_permits()
    }

    /// The connections that come in at a socket, until this is dropped. It needs a runtime.
    pub(crate) fn listen(self: &Arc<Self>, socket: TcpListener) -> impl Stream<Item = io::Result<Connection>> + use<> {
        let (give, mut take) = mpsc::channel(1);
        tokio::spawn(Arc::clone(self).take_in(socket, give));
        futures_util::stream::poll_fn(move |cx| take.poll_recv(cx).map(|connection| connection.map(Ok)))
    }

    async fn take_in(self: Arc<Self>, socket: TcpListener, give: mpsc::Sender<Connection>) {
        loop {
            let (stream, from) = match select(pin!(socket.accept()), pin!(give.closed())).await {
                Either::Left((Ok(accepted), _)) => accepted,
                Either::Left((Err(_), _)) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Either::Right(_) => return,
            };
            let Ok(turn) = Arc::clone(&self.handshakes).try_acquire_owned() else {
                self.refusals.count(Refusal::TooMany);
                continue;
            };
            self.renew();
            let (listener, give) = (Arc::clone(&self), give.clone());
            tokio::spawn(async move {
                match listener.prove(stream, from).await {
                    // Whoever listened may be gone.
                    Ok(connection) => drop(give.send(connection).await),
                    Err(refusal) => listener.refusals.count(refusal),
                }
                drop(turn);
            });
        }
    }

    async fn prove(&self, stream: TcpStream, from: SocketAddr) -> Result<Connection, Refusal> {
        // Answers are small, and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let stream = self.tls.accept(stream).await?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        Ok(Connection { stream, from, _place: place })
    }

    /// Takes certificates that were replaced.
    fn renew(&self) {
        match self.tls.reload_if_changed() {
            Ok(false) => {}
            Ok(true) => (self.log)("info", format!("certificates were replaced: {:?}", self.tls)),
            Err(error) => (self.log)("warn", format!("new certificates are not used, the old ones stay: {error}")),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = SocketAddr;

    fn connect_info(&self) -> SocketAddr {
        self.from
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

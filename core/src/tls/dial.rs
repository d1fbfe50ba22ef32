//! Connections that go out: a channel that connects when something is to be said, and again when it broke, each time
//! with the certificates as they are then.

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::AsyncBufRead;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tonic::Status;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use super::{HANDSHAKE_PATIENCE, Tls};
use crate::error::{Error, Result};

/// What an address begins with.
const SCHEME: &str = "grpcs://";
/// Why an address without TLS is none.
const WITHOUT_TLS: &str = "is without TLS, and a node talks to nobody whom it does not know: grpcs://";
/// After so long without a word the other end is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long it has to say so.
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a TCP connection may take to come about.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// A channel to `host:port`, whose end has to show a certificate for `server_name`, a DNS name or an IP address. It
/// needs a runtime, and connects at the first call; each call that finds no connection tries once.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] when the name or the address can't be one.
pub(crate) fn dial(address: &str, server_name: &str, tls: &Tls) -> Result<Channel> {
    let name = ServerName::try_from(server_name.to_owned());
    let name = name.map_err(|_| Error::invalid(format!("'{}' is no name of a host", server_name.escape_debug())))?;
    // TLS is what the dialer does, so to HTTP it is a plain connection.
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|e| Error::invalid(format!("'{}': {e}", address.escape_debug())))?;
    let endpoint = endpoint.http2_keep_alive_interval(KEEPALIVE).keep_alive_timeout(KEEPALIVE_PATIENCE);
    Ok(endpoint.connect_with_connector_lazy(Dialer { address: address.to_owned(), name, tls: tls.clone() }))
}

/// Host and port, and the host alone, of `grpcs://host:port`.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] with what is wrong with it.
pub(crate) fn grpcs(url: &str) -> Result<(&str, &str)> {
    let bad = |what: &str| Error::invalid(format!("'{}' {what}", url.escape_debug()));
    let Some(place) = url.strip_prefix(SCHEME) else {
        let without_tls = url.starts_with("grpc://");
        let what = if without_tls { WITHOUT_TLS } else { "is no address of a node, such as grpcs://127.0.0.1:9090" };
        return Err(bad(what));
    };
    let place = place.trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').ok_or_else(|| bad("has no port, such as grpcs://host:9090"))?;
    port.parse::<u16>().map_err(|_| bad("has no port from 0 to 65535"))?;
    Ok((place, host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)))
}

/// What went wrong with a call: what gRPC says is of the carrier, and what was wrong is at the end of its reasons.
pub(crate) fn reason(status: &Status) -> String {
    let mut why = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        why = error.to_string();
        source = error.source();
    }
    why
}

#[derive(Clone)]
struct Dialer {
    address: String,
    name: ServerName<'static>,
    tls: Tls,
}

impl Dialer {
    async fn connect(self) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let late = |what: &str| io::Error::new(io::ErrorKind::TimedOut, format!("{what} took more than 5 s"));
        // What is wrong with new files does not keep the old ones from work, and who listens says it.
        let _ = self.tls.reload_if_changed();
        let stream = timeout(CONNECT_PATIENCE, TcpStream::connect(&self.address)).await;
        let stream = stream.map_err(|_| late("the connection"))??;
        let _ = stream.set_nodelay(true);
        let proved = timeout(HANDSHAKE_PATIENCE, prove(&self.tls, self.name, stream)).await;
        Ok(TokioIo::new(proved.map_err(|_| late("the handshake"))??))
    }
}

/// In TLS 1.3 the handshake is over here before the other end has looked at our certificate. It says something first
/// over HTTP/2, or why it refuses, and that is waited for.
async fn prove(tls: &Tls, name: ServerName<'static>, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut stream = tls.connector().connect(name, stream).await?;
    let is_over = poll_fn(|cx| Pin::new(&mut stream).poll_fill_buf(cx).map_ok(<[u8]>::is_empty)).await?;
    if is_over {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other end took no connection"));
    }
    Ok(stream)
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

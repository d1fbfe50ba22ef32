//! Who both ends of a connection are: mutual TLS 1.3 (RFC 8446) by certificates in files, which may be replaced while
//! they are in use.
//!
//! One handle serves those who listen and those who dial. Both ends show a certificate that the other one's CA signed;
//! older versions, connections without a certificate and resumed sessions are refused, so each connection is proved
//! anew. It knows nothing of what is said over a connection.

mod dial;
mod files;
mod listen;
mod refusal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certs::CertFiles;
use crate::error::Result;
use crate::locks::lock;
pub(crate) use dial::{dial, grpcs, reason};
use files::{Contents, Loaded};
pub(crate) use files::{certificates, read as read_file};
pub(crate) use listen::Listener;
pub(crate) use refusal::Refusal;

/// How often files are looked at for a change.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a handshake may take.
pub(crate) const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);

/// A node's certificate, its key, and the CA that both ends trust. Cheap to clone: clones share it.
///
/// The files are PEM: the CA's certificates (several while one takes another's place), the own certificate with what
/// leads to the CA behind it, and its key in PKCS #8, PKCS #1 or SEC1. A certificate that shall serve both ends needs
/// the purposes of a server and of a client, and names every host that it is dialled by. Whoever has a certificate that
/// the CA signed may do everything.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: CertFiles,
    state: Mutex<State>,
}

struct State {
    loaded: Arc<Loaded>,
    /// When the files are looked at next.
    due: Instant,
    /// Why what is in the files now is not at work.
    fault: Option<String>,
}

impl Tls {
    /// Reads the certificate of the CA, the own certificate and its key.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] and [`crate::ErrorKind::Io`] when a file can't be read,
    /// [`crate::ErrorKind::Invalid`] when it is not what it should be; each names the file.
    pub fn load(files: &CertFiles) -> Result<Tls> {
        let loaded = Arc::new(Contents::read(files)?.load(files)?);
        let state = State { loaded, due: Instant::now() + LOOK_EVERY, fault: None };
        Ok(Tls(Arc::new(Inner { files: files.clone(), state: Mutex::new(state) })))
    }

    /// Reads the files again; connections that begin from now on are proved by them, and those that stand go on.
    ///
    /// # Errors
    /// As [`Tls::load`]; what was at work stays at work.
    pub fn reload(&self) -> Result<()> {
        let loaded = Contents::read(&self.0.files).and_then(|contents| contents.load(&self.0.files));
        self.put(loaded)
    }

    /// As [`Tls::reload`] if the files have changed, looking at most once a second: whether they had. What is wrong
    /// with them is said once.
    pub(crate) fn reload_if_changed(&self) -> Result<bool> {
        let (digest, fault) = {
            let mut state = self.state();
            let now = Instant::now();
            if now < state.due {
                return Ok(false);
            }
            state.due = now + LOOK_EVERY;
            (state.loaded.digest, state.fault.clone())
        };
        let loaded = match Contents::read(&self.0.files) {
            Ok(contents) if contents.digest() == digest => {
                self.state().fault = None;
                return Ok(false);
            }
            contents => contents.and_then(|contents| contents.load(&self.0.files)),
        };
        match self.put(loaded) {
            Err(error) if fault.as_deref() == Some(error.message()) => Ok(false),
            put => put.map(|()| true),
        }
    }

    fn put(&self, loaded: Result<Loaded>) -> Result<()> {
        let mut state = self.state();
        match loaded {
            Ok(loaded) => {
                state.loaded = Arc::new(loaded);
                state.fault = None;
                Ok(())
            }
            Err(error) => {
                state.fault = Some(error.message().to_owned());
                Err(error)
            }
        }
    }

    /// What proves a connection that comes in: the other end has to show a certificate of the CA.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.state().loaded.server))
    }

    /// What proves a connection that goes out: the other end has to show a certificate of the CA for its name.
    pub(crate) fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.state().loaded.client))
    }

    /// Proves a connection that came in, within 5 s.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::result::Result<TlsStream<TcpStream>, Refusal> {
        match timeout(HANDSHAKE_PATIENCE, self.acceptor().accept(stream)).await {
            Ok(accepted) => accepted.map_err(|error| Refusal::of(&error)),
            Err(_) => Err(Refusal::Late),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole at any time, so it is sound after a panic elsewhere too.
        lock(&self.0.state)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.files).finish()
    }
}

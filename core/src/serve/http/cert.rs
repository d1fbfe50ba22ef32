//! The certificate that the door shows: TLS 1.3 (RFC 8446), by two PEM files that may be replaced while they are in
//! use. Who comes needs none, and says by a token who it is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::error::{Error, Result};
use crate::locks::lock;
use crate::tls::{certificates, read_file};

/// How often files are looked at for a change.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is spoken over a connection.
const ALPN: &[u8] = b"http/1.1";

/// The two files and what they make.
pub(super) struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    digest: [u8; 32],
    /// When the files are looked at next.
    due: Instant,
    /// What was said of files that are not at work.
    fault: Option<String>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// As [`crate::Tls::load`].
    pub(super) fn load(files: &(PathBuf, PathBuf)) -> Result<Certificate> {
        let (cert, key) = files.clone();
        let (contents, digest) = read(files)?;
        let config = config(files, &contents)?;
        let state = State { config, digest, due: Instant::now() + LOOK_EVERY, fault: None };
        Ok(Certificate { cert, key, state: Mutex::new(state) })
    }

    /// What proves connections from now on.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&lock(&self.state).config))
    }

    /// Takes files that were replaced, looking at most once a second; what there is to say of that, by level.
    pub(super) fn renew(&self) -> Option<(&'static str, String)> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if now < state.due {
            return None;
        }
        state.due = now + LOOK_EVERY;
        let files = (self.cert.clone(), self.key.clone());
        let read = read(&files);
        if read.as_ref().is_ok_and(|(_, digest)| *digest == state.digest) {
            state.fault = None;
            return None;
        }
        match read.and_then(|(contents, digest)| Ok((config(&files, &contents)?, digest))) {
            Ok((config, digest)) => {
                (state.config, state.digest, state.fault) = (config, digest, None);
                Some(("info", format!("the certificate was replaced: {}", self.cert.display())))
            }
            Err(error) if state.fault.as_deref() == Some(error.message()) => None,
            Err(error) => {
                state.fault = Some(error.message().to_owned());
                Some(("warn", format!("the new certificate is not used, the old one stays: {error}")))
            }
        }
    }
}

type Contents = (Vec<u8>, Vec<u8>);

fn read((cert, key): &(PathBuf, PathBuf)) -> Result<(Contents, [u8; 32])> {
    let contents = (read_file(cert)?, read_file(key)?);
    let mut digest = Sha256::new();
    for part in [&contents.0, &contents.1] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    Ok((contents, digest.finalize().into()))
}

fn config((cert, key): &(PathBuf, PathBuf), (chain, secret): &Contents) -> Result<Arc<ServerConfig>> {
    let bad = |what: String| Error::invalid(format!("{}: {what}", key.display()));
    let chain = certificates(cert, chain)?;
    let secret = PrivateKeyDer::from_pem_slice(secret);
    let secret = secret.map_err(|e| bad(format!("it has no PEM private key: {e}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
    let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret));
    let mut config = config.map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => bad(format!("it is not the key of {}", cert.display())),
        other => bad(other.to_string()),
    })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

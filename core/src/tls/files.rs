//! Three PEM files and the two configurations that they make. What is wrong is blamed on its file.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::certs::CertFiles;
use crate::disk::{Disk, OpenMode, OsDisk, read_full};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What is spoken over a connection: HTTP/2.
const ALPN: &[u8] = b"h2";

/// What is in them.
pub(super) struct Contents {
    ca: Vec<u8>,
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// What they make.
pub(super) struct Loaded {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
    /// Of what was in the files.
    pub(super) digest: [u8; 32],
}

/// What is in a file of keys or certificates.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("read {}", path.display());
    let file = OsDisk.open(path, OpenMode::Read).map_err(|e| Error::io(doing(), &e))?;
    let bytes = file.len().map_err(|e| Error::io(doing(), &e))?;
    if bytes > FILE_BYTES_MAX {
        let message = format!("{}: it has {bytes} bytes, the most is {FILE_BYTES_MAX}", path.display());
        return Err(Error::new(ErrorKind::Limit, message));
    }
    let mut contents = vec![0; bytes as usize];
    let got = read_full(&*file, &mut contents, 0).map_err(|e| Error::io(doing(), &e))?;
    contents.truncate(got);
    Ok(contents)
}

fn bad(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{}: {what}", path.display()))
}

/// The certificates in a file, one at the least.
pub(crate) fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|e| bad(path, format!("it is no PEM file of certificates: {e}")))?;
    if all.is_empty() {
        return Err(bad(path, "it has no PEM certificate"));
    }
    Ok(all)
}

impl Contents {
    pub(super) fn read(files: &CertFiles) -> Result<Contents> {
        Ok(Contents { ca: read(&files.ca)?, cert: read(&files.cert)?, key: read(&files.key)? })
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.ca, &self.cert, &self.key] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    pub(super) fn load(&self, files: &CertFiles) -> Result<Loaded> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.ca, &self.ca)? {
            roots.add(certificate).map_err(|e| bad(&files.ca, e))?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(&files.cert, &self.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|e| bad(&files.key, format!("it has no PEM private key: {e}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let own = |e: rustls::Error| match e {
            rustls::Error::InvalidCertificate(why) => bad(&files.cert, why),
            rustls::Error::InconsistentKeys(_) => {
                bad(&files.key, format!("it is not the key of {}", files.cert.display()))
            }
            other => bad(&files.key, other),
        };
        let server = server(&provider, &roots, chain.clone(), key.clone_key()).map_err(own)?;
        let client = client(provider, roots, chain, key).map_err(own)?;
        Ok(Loaded { server: Arc::new(server), client: Arc::new(client), digest: self.digest() })
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> std::result::Result<ServerConfig, rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider)).build();
    let verifier = verifier.map_err(|e| rustls::Error::General(e.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would not look at the client's certificate again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> std::result::Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

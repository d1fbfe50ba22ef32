//! Where the certificates of a node or a client lie. What they prove is the business of those who read them.

use std::path::{Path, PathBuf};

/// The PEM files that prove who a node and those who reach it are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertFiles {
    /// The certificate of the CA that both ends trust.
    pub ca: PathBuf,
    /// The own certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl CertFiles {
    /// The same files, where relative paths are relative to a directory.
    pub fn beside(&self, dir: impl AsRef<Path>) -> CertFiles {
        let dir = dir.as_ref();
        CertFiles { ca: dir.join(&self.ca), cert: dir.join(&self.cert), key: dir.join(&self.key) }
    }
}

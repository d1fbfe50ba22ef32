//! `[grpc]`: where programs in any language reach the node.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::file::Section;
use crate::certs::CertFiles;
use crate::error::{Error, Result};

/// The gRPC door of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcConfig {
    /// Where it listens; port 0 is a free one.
    pub bind: SocketAddr,
    /// Its certificates.
    pub certs: CertFiles,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GrpcTable {
    bind: Option<SocketAddr>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl GrpcTable {
    fn config(&self, shared: Option<&CertFiles>) -> Result<GrpcConfig> {
        // Whatever is missing is said in one way, so that the section is blamed and none of its keys.
        let needs = if shared.is_some() { "bind" } else { "bind, ca, cert and key" };
        let missing = || Error::invalid(format!("it needs {needs}"));
        let file = |own: &Option<PathBuf>, shared: Option<&PathBuf>| own.as_ref().or(shared).cloned();
        Ok(GrpcConfig {
            bind: self.bind.ok_or_else(missing)?,
            certs: CertFiles {
                ca: file(&self.ca, shared.map(|files| &files.ca)).ok_or_else(missing)?,
                cert: file(&self.cert, shared.map(|files| &files.cert)).ok_or_else(missing)?,
                key: file(&self.key, shared.map(|files| &files.key)).ok_or_else(missing)?,
            },
        })
    }
}

/// Reads the section; what it does not say of certificates is as in `shared`.
pub(super) fn read(section: Section<'_>, shared: Option<&CertFiles>) -> Result<GrpcConfig> {
    section.fill(|table: &GrpcTable| table.config(shared).map(|_| ()))?.config(shared)
}

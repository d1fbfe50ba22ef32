//! `[http]`: where programs that speak HTTP, and people with a browser, reach the node.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::Section;
use crate::error::{Error, Result};

/// The most connections that may be allowed.
const CONNECTIONS_LIMIT: usize = 65_536;
/// The most origins in the list.
const ORIGINS_MAX: usize = 64;

/// The HTTP door of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where it listens; port 0 is a free one. Who opens it chooses where the file says nothing.
    pub bind: Option<SocketAddr>,
    /// The certificate, with what leads to its CA behind it, and its key: PEM files, both or none. With them the door
    /// speaks TLS 1.3 alone.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Origins whose pages may call it, such as `https://example.org`; `*` is any. None is the default.
    pub cors_origins: Vec<String>,
    /// Requests a second of one address, and of one token; 0 is no bound. 10,000.
    pub rate: u32,
    /// Requests that may come at once after a pause; 20,000.
    pub burst: u32,
    /// Connections at once; 1,024.
    pub connections_max: usize,
    /// Of them those that follow users; 512.
    pub watchers_max: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            bind: None,
            certificate: None,
            cors_origins: Vec::new(),
            rate: 10_000,
            burst: 20_000,
            connections_max: 1_024,
            watchers_max: 512,
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HttpTable {
    /// It was `listen` before.
    #[serde(alias = "listen")]
    bind: Option<SocketAddr>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    cors_origins: Vec<String>,
    rate: u32,
    burst: u32,
    connections_max: usize,
    watchers_max: usize,
}

impl Default for HttpTable {
    fn default() -> Self {
        let config = HttpConfig::default();
        HttpTable {
            bind: config.bind,
            cert: None,
            key: None,
            cors_origins: config.cors_origins,
            rate: config.rate,
            burst: config.burst,
            connections_max: config.connections_max,
            watchers_max: config.watchers_max,
        }
    }
}

impl HttpTable {
    fn check(&self) -> Result<()> {
        if self.rate > 0 && self.burst == 0 {
            return Err(Error::invalid("burst is 1 at the least where there is a rate"));
        }
        if !(1..=CONNECTIONS_LIMIT).contains(&self.connections_max) {
            return Err(Error::invalid(format!("connections_max is 1 to {CONNECTIONS_LIMIT}")));
        }
        if self.cors_origins.len() > ORIGINS_MAX {
            return Err(Error::invalid(format!("there are {ORIGINS_MAX} origins at the most")));
        }
        match self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(Error::invalid(format!(
                "'{}' is no origin: write one as https://example.org, without a path, or *",
                origin.escape_debug()
            ))),
            None => Ok(()),
        }
    }
}

/// A scheme and a host, as browsers send it.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_host = |host: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | ':' | '[' | ']');
        !host.is_empty() && host.chars().all(plain)
    };
    text == "*" || host.is_some_and(is_host)
}

/// Reads the section.
pub(super) fn read(section: Section<'_>) -> Result<HttpConfig> {
    let whole = section.place_of("");
    let table = section.fill(HttpTable::check)?;
    let certificate = match (table.cert, table.key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => return Err(whole.error("cert and key go together")),
    };
    Ok(HttpConfig {
        bind: table.bind,
        certificate,
        cors_origins: table.cors_origins,
        rate: table.rate,
        burst: table.burst,
        connections_max: table.connections_max,
        watchers_max: table.watchers_max,
    })
}

impl HttpConfig {
    /// The same, where relative paths are relative to a directory.
    pub(super) fn beside(mut self, dir: &Path) -> Self {
        self.certificate = self.certificate.map(|(cert, key)| (dir.join(cert), dir.join(key)));
        self
    }
}

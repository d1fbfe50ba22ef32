//! How places outside are reached where snapshots may be kept: S3, WebDAV and SFTP. What is secret is in a type that
//! shows nothing, and is not written into the directory of the engine.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A password or key: nothing shows it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Whether it is not set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself.
    #[cfg(feature = "replica-stores")]
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(not set)" } else { "***" })
    }
}

/// A bucket of S3, or of what speaks as it does. The bucket has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// `https://host:port`; without a scheme `use_ssl` says which.
    pub endpoint: String,
    /// Whether an endpoint without a scheme is reached by TLS.
    pub use_ssl: bool,
    /// The bucket.
    pub bucket: String,
    /// What keys begin with, before the name of the database.
    pub path: String,
    /// Where requests are signed for; `us-east-1` when empty.
    pub region: String,
    /// Whether the bucket is in the path of an address, as most servers have it, and not in its host.
    pub path_style: bool,
    /// Who asks; requests are not signed when it is empty.
    pub access_key: String,
    /// The secret of `access_key`.
    pub secret: Secret,
    /// The token that goes with keys that last for a while.
    pub session_token: Secret,
    /// Certificates of the authorities that the server's is checked against, in PEM; those of the system when empty.
    pub ca_file: PathBuf,
}

impl Default for S3Config {
    fn default() -> Self {
        S3Config {
            endpoint: String::new(),
            use_ssl: true,
            bucket: String::new(),
            path: String::new(),
            region: String::new(),
            path_style: true,
            access_key: String::new(),
            secret: Secret::default(),
            session_token: Secret::default(),
            ca_file: PathBuf::new(),
        }
    }
}

/// A collection of a WebDAV server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebDavConfig {
    /// The collection, in which each database gets one of its own: `https://host:port/path`.
    pub url: String,
    /// Who asks, by Basic authentication; nobody says who when it is empty.
    pub login: String,
    /// The password of `login`.
    pub secret: Secret,
    /// Certificates of the authorities that the server's is checked against, in PEM; those of the system when empty.
    pub ca_file: PathBuf,
}

/// A directory of an SFTP server. One of `host_key` and `known_hosts` has to say which host it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SftpConfig {
    /// `sftp://user@host:port/path`. The path is from the root; `/./path` is from where the server puts the user.
    pub url: String,
    /// The password of the user.
    pub password: Secret,
    /// A private key of the user, Ed25519 or ECDSA, as OpenSSH or PKCS #8 write it.
    pub key_file: PathBuf,
    /// What `key_file` is locked with.
    pub key_passphrase: Secret,
    /// The host's public key: `ssh-ed25519 AAAA…`, or its fingerprint `SHA256:…`.
    pub host_key: String,
    /// A file of OpenSSH's form that has the host's public key.
    pub known_hosts: PathBuf,
}

impl S3Config {
    pub(super) fn check(&self) -> Result<()> {
        needed("s3", &[("endpoint", &self.endpoint), ("bucket", &self.bucket)])
    }

    /// The endpoint with its scheme.
    #[cfg(feature = "replica-stores")]
    pub(super) fn address(&self) -> String {
        let scheme = if self.use_ssl { "https" } else { "http" };
        if self.endpoint.contains("://") { self.endpoint.clone() } else { format!("{scheme}://{}", self.endpoint) }
    }
}

impl WebDavConfig {
    pub(super) fn check(&self) -> Result<()> {
        needed("webdav", &[("url", &self.url)])?;
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return Err(Error::invalid("webdav url must begin with https:// or http://"));
        }
        without_secret("webdav", &self.url, "login and secret", false)
    }
}

impl SftpConfig {
    pub(super) fn check(&self) -> Result<()> {
        needed("sftp", &[("url", &self.url)])?;
        self.address()?;
        if self.host_key.is_empty() && self.known_hosts.as_os_str().is_empty() {
            return Err(Error::invalid("sftp has no host_key and no known_hosts: one of them says which host it is"));
        }
        Ok(())
    }

    /// The parts of its address: user, host, port and path.
    pub(super) fn address(&self) -> Result<(&str, &str, u16, &str)> {
        without_secret("sftp", &self.url, "password", true)?;
        let bad = || Error::invalid("sftp url must be sftp://user@host:port/path");
        let rest = self.url.strip_prefix("sftp://").ok_or_else(bad)?;
        let (place, path) = rest.split_once('/').ok_or_else(bad)?;
        let (user, place) = place.split_once('@').ok_or_else(bad)?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
            _ => (place, 22),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if user.is_empty() || host.is_empty() {
            return Err(bad());
        }
        Ok((user, host, port, path))
    }
}

fn needed(store: &str, keys: &[(&str, &String)]) -> Result<()> {
    match keys.iter().find(|(_, value)| value.is_empty()) {
        Some((key, _)) => Err(Error::invalid(format!("the store is {store}, and {store} has no {key}"))),
        None => Ok(()),
    }
}

/// Refuses an address with a password in it, as addresses are shown.
fn without_secret(store: &str, url: &str, instead: &str, may_have_user: bool) -> Result<()> {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    match place.rsplit_once('@') {
        Some((user, _)) if !may_have_user || user.contains(':') => {
            Err(Error::invalid(format!("{store} url says who asks: give {instead}, as addresses are shown")))
        }
        _ => Ok(()),
    }
}

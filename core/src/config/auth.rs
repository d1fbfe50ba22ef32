//! `[auth]`: whose tokens the HTTP door takes.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::Section;
use crate::error::{Error, Result};

/// Who may read over HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// Everybody.
    #[default]
    Public,
    /// Whoever has a token.
    Token,
}

/// By which keys tokens are signed, and what they have to say. There is one key at the least.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AuthConfig {
    /// The secret of tokens that are signed by HS256.
    pub jwt_secret: Option<String>,
    /// A PEM file with the public key of tokens that are signed by RS256 or ES256, as the key is.
    pub jwt_public_key: Option<PathBuf>,
    /// A file with a JSON Web Key Set (RFC 7517).
    pub jwks: Option<PathBuf>,
    /// Who has to have issued a token.
    pub issuer: Option<String>,
    /// For whom a token has to be. Where it is not said, a token that names an audience is refused.
    pub audience: Option<String>,
    /// Who may read.
    pub reads: Reads,
}

/// Without the secret.
impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("jwt_public_key", &self.jwt_public_key)
            .field("jwks", &self.jwks)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AuthTable {
    jwt_secret: Option<String>,
    jwt_public_key: Option<PathBuf>,
    jwks: Option<PathBuf>,
    issuer: Option<String>,
    audience: Option<String>,
    reads: Reads,
}

impl AuthTable {
    fn check(&self) -> Result<()> {
        let texts = [("jwt_secret", &self.jwt_secret), ("issuer", &self.issuer), ("audience", &self.audience)];
        match texts.iter().find(|(_, text)| text.as_deref() == Some("")) {
            Some((name, _)) => Err(Error::invalid(format!("{name} is empty"))),
            None => Ok(()),
        }
    }
}

/// Reads the section.
pub(super) fn read(section: Section<'_>) -> Result<AuthConfig> {
    let whole = section.place_of("");
    let table = section.fill(AuthTable::check)?;
    if table.jwt_secret.is_none() && table.jwt_public_key.is_none() && table.jwks.is_none() {
        return Err(whole.error("it needs a key: jwt_secret, jwt_public_key or jwks"));
    }
    Ok(AuthConfig {
        jwt_secret: table.jwt_secret,
        jwt_public_key: table.jwt_public_key,
        jwks: table.jwks,
        issuer: table.issuer,
        audience: table.audience,
        reads: table.reads,
    })
}

impl AuthConfig {
    /// The same, where relative paths are relative to a directory.
    pub(super) fn beside(mut self, dir: &Path) -> Self {
        self.jwt_public_key = self.jwt_public_key.map(|file| dir.join(file));
        self.jwks = self.jwks.map(|file| dir.join(file));
        self
    }
}

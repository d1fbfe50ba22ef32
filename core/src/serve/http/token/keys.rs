//! The keys that tokens are signed by, out of the configuration and its files.

use std::path::Path;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest, Sha256};

use crate::config::AuthConfig;
use crate::error::{Error, Result};
use crate::tls::read_file;

/// The most keys of a set.
const KEYS_MAX: usize = 64;
/// The bytes of a point of P-256, uncompressed.
const P256_BYTES: usize = 65;

/// A key, and the one algorithm that it is used by.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    /// What checks signatures.
    pub(super) check: DecodingKey,
}

/// What is in the files.
pub(super) struct Files {
    public_key: Option<Vec<u8>>,
    jwks: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn read(config: &AuthConfig) -> Result<Files> {
        let of = |path: &Option<std::path::PathBuf>| path.as_deref().map(read_file).transpose();
        Ok(Files { public_key: of(&config.jwt_public_key)?, jwks: of(&config.jwks)? })
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.public_key, &self.jwks].into_iter().flatten() {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    /// All keys, one at the least.
    pub(super) fn keys(&self, config: &AuthConfig) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        if let Some(secret) = &config.jwt_secret {
            keys.push(Key::new(None, Algorithm::HS256, DecodingKey::from_secret(secret.as_bytes())));
        }
        if let (Some(path), Some(pem)) = (&config.jwt_public_key, &self.public_key) {
            keys.push(of_pem(path, pem)?);
        }
        if let (Some(path), Some(json)) = (&config.jwks, &self.jwks) {
            keys.extend(of_set(path, json)?);
        }
        Ok(keys)
    }
}

impl Key {
    fn new(id: Option<String>, algorithm: Algorithm, check: DecodingKey) -> Key {
        Key { id, algorithm, check }
    }

    /// Whether a token that says so may be signed by it.
    pub(super) fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let is_named = match (&self.id, id) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        };
        self.algorithm == algorithm && is_named
    }
}

fn bad(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{}: {what}", path.display()))
}

fn of_pem(path: &Path, pem: &[u8]) -> Result<Key> {
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        return Ok(Key::new(None, Algorithm::RS256, key));
    }
    let key = DecodingKey::from_ec_pem(pem).ok();
    let key = key.filter(|key| key.try_get_as_bytes().is_ok_and(|point| point.len() == P256_BYTES));
    let key = key.ok_or_else(|| bad(path, "it has no PEM public key of RSA or of the curve P-256"))?;
    Ok(Key::new(None, Algorithm::ES256, key))
}

fn of_set(path: &Path, json: &[u8]) -> Result<Vec<Key>> {
    let set: JwkSet = serde_json::from_slice(json).map_err(|e| bad(path, format!("it is no JSON Web Key Set: {e}")))?;
    if set.keys.len() > KEYS_MAX {
        return Err(bad(path, format!("it has {} keys, and {KEYS_MAX} is the most", set.keys.len())));
    }
    let usable = set.keys.iter().filter_map(|jwk| Some((jwk, algorithm_of(jwk)?)));
    let keys = usable.map(|(jwk, algorithm)| {
        let key = DecodingKey::from_jwk(jwk).map_err(|e| bad(path, e))?;
        Ok(Key::new(jwk.common.key_id.clone(), algorithm, key))
    });
    let keys = keys.collect::<Result<Vec<Key>>>()?;
    if keys.is_empty() {
        return Err(bad(path, "it has no key for HS256, RS256 or ES256 signatures"));
    }
    Ok(keys)
}

/// What a key of a set is used by here; none where it is for something else.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    if jwk.common.public_key_use.as_ref().is_some_and(|it| *it != PublicKeyUse::Signature) {
        return None;
    }
    let (algorithm, said) = match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => (Algorithm::HS256, KeyAlgorithm::HS256),
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(params) if params.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|it| it == said).then_some(algorithm)
}

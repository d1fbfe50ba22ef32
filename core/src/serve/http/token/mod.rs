//! Who asks: JSON Web Tokens (RFC 7519) that one of the configured keys signed, by the algorithm of that key and no
//! other. A token needs a subject and an end, and the issuer and audience that the configuration says.
//!
//! It decides who somebody is and what that may; it knows nothing of requests.

mod keys;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind as Fault;
use jsonwebtoken::{EncodingKey, Header, Validation, decode, decode_header, encode, get_current_timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::config::{AuthConfig, Reads};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use keys::{Files, Key};

/// The scope that may do everything.
pub(super) const ADMIN: &str = "presence:admin";
/// By how many seconds clocks may differ.
const LEEWAY_SECS: u64 = 30;
/// The last end of a token that is told apart, seconds since the epoch: in the year 9999.
const ENDS_MAX_SECS: f64 = 253_402_300_799.0;
/// The most bytes of a token.
const TOKEN_BYTES_MAX: usize = 8 << 10;
/// How often files are looked at for a change.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Somebody whose token was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) subject: Arc<str>,
    pub(super) is_admin: bool,
    /// When the token is over, seconds since the epoch.
    ends_secs: u64,
}

impl Caller {
    /// Whether it may act for a user, and know all of it.
    pub(super) fn is_for(&self, user: &str) -> bool {
        self.is_admin || *self.subject == *user
    }

    /// How long the token is good, by the clock that checked it.
    pub(super) fn left(&self) -> Duration {
        Duration::from_secs((self.ends_secs + LEEWAY_SECS).saturating_sub(get_current_timestamp()))
    }
}

/// What checks tokens.
pub(super) struct Verifier {
    config: AuthConfig,
    state: Mutex<State>,
}

struct State {
    keys: Arc<Vec<Key>>,
    digest: [u8; 32],
    /// When the files are looked at next.
    due: Instant,
    /// What was said of files that are not at work.
    fault: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    /// It may have a fraction.
    exp: Option<f64>,
    /// Words with spaces between (RFC 8693), or an array of them.
    #[serde(default)]
    scope: Value,
}

impl Verifier {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Io`] when a file can't be read, [`ErrorKind::Invalid`] when it has no
    /// key.
    pub(super) fn new(config: &AuthConfig) -> Result<Verifier> {
        ring::install();
        let files = Files::read(config)?;
        let keys = Arc::new(files.keys(config)?);
        let state = State { keys, digest: files.digest(), due: Instant::now() + LOOK_EVERY, fault: None };
        Ok(Verifier { config: config.clone(), state: Mutex::new(state) })
    }

    /// Whether who reads needs a token.
    pub(super) fn guards_reads(&self) -> bool {
        self.config.reads == Reads::Token
    }

    /// Takes files that were replaced, looking at most once a second; what there is to say of that, by level.
    pub(super) fn renew(&self) -> Option<(&'static str, String)> {
        if self.config.jwt_public_key.is_none() && self.config.jwks.is_none() {
            return None;
        }
        let now = Instant::now();
        let mut state = lock(&self.state);
        if now < state.due {
            return None;
        }
        state.due = now + LOOK_EVERY;
        let read = Files::read(&self.config);
        if read.as_ref().is_ok_and(|files| files.digest() == state.digest) {
            state.fault = None;
            return None;
        }
        match read.and_then(|files| Ok((files.digest(), files.keys(&self.config)?))) {
            Ok((digest, keys)) => {
                (state.keys, state.digest, state.fault) = (Arc::new(keys), digest, None);
                Some(("info", "the keys of tokens were replaced".to_owned()))
            }
            Err(error) if state.fault.as_deref() == Some(error.message()) => None,
            Err(error) => {
                state.fault = Some(error.message().to_owned());
                Some(("warn", format!("new keys of tokens are not used, the old ones stay: {error}")))
            }
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(super) fn verify(&self, token: &str) -> std::result::Result<Caller, String> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(format!("a token has {TOKEN_BYTES_MAX} bytes at the most, and this one has {}", token.len()));
        }
        let header = decode_header(token).map_err(|_| "this is no signed JSON Web Token".to_owned())?;
        if header.crit.is_some() {
            return Err("the token needs extensions that are not known here".to_owned());
        }
        let keys = Arc::clone(&lock(&self.state).keys);
        let mut said = "the token is signed by no key of this node".to_owned();
        for key in keys.iter().filter(|key| key.fits(header.alg, header.kid.as_deref())) {
            match decode::<Claims>(token, &key.check, &self.validation(key)) {
                Ok(token) => return Ok(caller(token.claims)),
                Err(error) => {
                    if let Some(what) = self.fault(error.kind()) {
                        said = what;
                    }
                }
            }
        }
        Err(said)
    }

    fn validation(&self, key: &Key) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY_SECS;
        validation.validate_nbf = true;
        let mut needed = vec!["exp", "sub"];
        if let Some(issuer) = &self.config.issuer {
            validation.set_issuer(&[issuer]);
            needed.push("iss");
        }
        if let Some(audience) = &self.config.audience {
            validation.set_audience(&[audience]);
            needed.push("aud");
        }
        validation.set_required_spec_claims(&needed);
        validation
    }

    /// What is wrong with a token whose signature is good; `None` where that is another one's.
    fn fault(&self, fault: &Fault) -> Option<String> {
        Some(match fault {
            Fault::InvalidSignature => return None,
            Fault::ExpiredSignature => "the token is over".to_owned(),
            Fault::ImmatureSignature => "the token is not valid yet".to_owned(),
            Fault::InvalidIssuer => "the token is of another issuer".to_owned(),
            Fault::InvalidAudience if self.config.audience.is_none() => {
                "the token names an audience, and [auth] audience is not set here".to_owned()
            }
            Fault::InvalidAudience => "the token is for another audience".to_owned(),
            Fault::MissingRequiredClaim(claim) => format!("the token does not say '{claim}'"),
            _ => "the token can't be read".to_owned(),
        })
    }
}

fn caller(claims: Claims) -> Caller {
    let is_admin = match &claims.scope {
        Value::String(words) => words.split(' ').any(|word| word == ADMIN),
        Value::Array(words) => words.iter().any(|word| word == ADMIN),
        _ => false,
    };
    let ends_secs = claims.exp.unwrap_or_default().clamp(0.0, ENDS_MAX_SECS) as u64;
    Caller { subject: claims.sub.unwrap_or_default().into(), is_admin, ends_secs }
}

/// A token to be made, for the HTTP door of a node that knows the secret.
///
/// ```
/// use std::time::Duration; let token = headwater::AccessToken { subject: "alice".into(), ttl:
/// Duration::from_secs(3600), ..Default::default() }; assert_eq!(token.sign("a secret of 32 bytes or more
/// ...")?.split('.').count(), 3);
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessToken {
    /// The user, who may set and end sessions of its own.
    pub subject: String,
    /// `presence:admin` may do so for everybody.
    pub scope: Option<String>,
    /// Who makes it.
    pub issuer: Option<String>,
    /// For whom it is.
    pub audience: Option<String>,
    /// How long it is good from now on.
    pub ttl: Duration,
}

#[derive(Serialize)]
struct Made<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: u64,
    exp: u64,
}

impl AccessToken {
    /// The token, signed by HS256.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] without a subject, a secret or a time.
    pub fn sign(&self, secret: &str) -> Result<String> {
        ring::install();
        if self.subject.is_empty() || secret.is_empty() || self.ttl.as_secs() == 0 {
            return Err(Error::invalid("a token has a subject, a secret, and a second at the least"));
        }
        let now = get_current_timestamp();
        let made = Made {
            sub: &self.subject,
            scope: self.scope.as_deref(),
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
            iat: now,
            exp: now.saturating_add(self.ttl.as_secs()),
        };
        let signed = encode(&Header::default(), &made, &EncodingKey::from_secret(secret.as_bytes()));
        signed.map_err(|e| Error::new(ErrorKind::Internal, format!("sign a token: {e}")))
    }
}

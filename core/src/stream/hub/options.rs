//! How a hub is reached: addresses, who we are, TLS, and the bounds on waiting.
//!
//! Everything is checked before anything is tried, and what is secret is never shown.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::stream::hub_config::REPLICAS_MAX;

/// How long an answer of a hub may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest and the longest wait between two attempts to reconnect.
const RECONNECT_DELAY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Appends that may be on their way at once.
const WINDOW: usize = 4096;
/// The most that may be asked for: the acknowledgements of all have to fit into one queue of the client.
const WINDOW_MAX: usize = 32_768;

/// How to reach a hub: any NATS server or cluster with JetStream.
///
/// ```
/// use headwater::HubOptions;
/// let options = HubOptions { token: Some("secret".into()), ..HubOptions::new("nats://127.0.0.1:4222") };
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct HubOptions {
    /// Servers: `nats://host:port` or `tls://host:port`. One is enough where the others are announced. `user:password@`
    /// or `token@` may stand before a host, percent-encoded; it stands for `user` and `password` or `token`.
    pub urls: Vec<String>,
    /// What the connection is called in the server's monitoring.
    pub name: String,
    /// A token.
    pub token: Option<String>,
    /// A user, with `password`.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<String>,
    /// The seed of an nkey, `SU…`.
    pub nkey_seed: Option<String>,
    /// A file with a user's JWT and seed, as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
    /// Certificates of the authorities that the server's is checked against, in PEM; those of the system when not set.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, in PEM, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The key of `cert_file`, in PEM.
    pub key_file: Option<PathBuf>,
    /// Refuses a server that does not speak TLS.
    pub require_tls: bool,
    /// Begins with TLS, before the server says anything; the server has to be set so.
    pub tls_first: bool,
    /// The JetStream domain; not together with `api_prefix`.
    pub domain: Option<String>,
    /// Where JetStream's API is, instead of `$JS.API`.
    pub api_prefix: Option<String>,
    /// How long an answer may take, 10 ms to 10 minutes: then `Timeout`.
    pub request_timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// Goes on trying when no server answers, lets us in, or is able to do what it must: connecting returns at once
    /// then, the state says `connecting` and why, and operations wait for `request_timeout` before they answer `Io`.
    pub retry_on_initial_connect: bool,
    /// The shortest wait between two attempts to reconnect.
    pub reconnect_delay_min: Duration,
    /// The longest; the waits double up to it, and each is cut short by up to half at random.
    pub reconnect_delay_max: Duration,
    /// Appends that may be on their way at once, 1 to 32,768; more wait for room.
    pub window: usize,
    /// On how many servers a stream is kept that is made over this connection and says nothing of a hub, such as those
    /// of buckets, event stores and entities: 1 to 5. One that is there stays as it is.
    pub replicas: u32,
    /// Serves the connection on the tokio runtime that connecting begins in, instead of on a thread of its own. An
    /// append from a task of that runtime then crosses no thread. Its threads must not be blocked, by `.wait()` say,
    /// while they are needed here; and when it ends, the connection does.
    pub on_this_runtime: bool,
    /// Where random bits come from, for the waits and for names.
    pub clock: Arc<dyn Clock>,
}

impl HubOptions {
    /// A hub at this address, everything else by default.
    pub fn new(url: impl Into<String>) -> Self {
        HubOptions { urls: vec![url.into()], ..HubOptions::default() }
    }

    /// Refuses what cannot be.
    pub(crate) fn checked(mut self) -> Result<Self> {
        if self.urls.is_empty() {
            return Err(Error::invalid("hub: no url is given"));
        }
        self.take_user_from_urls()?;
        let ways = [
            ("token", self.token.is_some()),
            ("user", self.user.is_some()),
            ("nkey_seed", self.nkey_seed.is_some()),
            ("credentials_file", self.credentials_file.is_some()),
        ];
        let given: Vec<&str> = ways.iter().filter(|w| w.1).map(|w| w.0).collect();
        if given.len() > 1 {
            return Err(Error::invalid(format!("hub: {} are given, one of them is enough", given.join(" and "))));
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(Error::invalid("hub: user and password go together"));
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err(Error::invalid("hub: cert_file and key_file go together"));
        }
        if self.domain.is_some() && self.api_prefix.is_some() {
            return Err(Error::invalid("hub: domain and api_prefix are given, one of them is enough"));
        }
        for (what, text) in [("domain", &self.domain), ("api_prefix", &self.api_prefix)] {
            if let Some(text) = text {
                crate::subject::check_subject(text).map_err(|e| e.context(format_args!("hub: {what}")))?;
            }
        }
        let longest = Duration::from_secs(600);
        for (what, value) in [("request_timeout", self.request_timeout), ("connect_timeout", self.connect_timeout)] {
            if !(Duration::from_millis(10)..=longest).contains(&value) {
                return Err(Error::invalid(format!("hub: {what} is {value:?}, must be 10 ms to 600 s")));
            }
        }
        if self.reconnect_delay_min.is_zero() || self.reconnect_delay_min > self.reconnect_delay_max {
            return Err(Error::invalid("hub: reconnect_delay_min must be more than zero, and not over the max"));
        }
        if !(1..=WINDOW_MAX).contains(&self.window) {
            return Err(Error::invalid(format!("hub: window is {}, must be 1 to {WINDOW_MAX} appends", self.window)));
        }
        if !(1..=REPLICAS_MAX).contains(&self.replicas) {
            return Err(Error::invalid(format!("hub: replicas is {}, must be 1 to {REPLICAS_MAX}", self.replicas)));
        }
        Ok(self)
    }

    /// Checks the addresses. Whoever stands in one of them is who we are; in two of them it must be the same.
    fn take_user_from_urls(&mut self) -> Result<()> {
        let mut found: Option<(String, Option<String>)> = None;
        for url in &self.urls {
            let bad = |what: &str| Error::invalid(format!("hub: url '{}' {what}", without_secret(url)));
            let address = url.parse::<async_nats::ServerAddr>().map_err(|e| bad(&format!("cannot be read: {e}")))?;
            if !matches!(address.scheme(), "nats" | "tls") {
                return Err(bad("must begin with nats:// or tls://"));
            }
            if address.host().is_empty() {
                return Err(bad("has no host"));
            }
            let Some(user) = address.username() else { continue };
            let decode = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
            let both = (decode(user), address.password().map(decode).transpose());
            let (Ok(user), Ok(password)) = both else { return Err(bad("has a user that is not UTF-8")) };
            let who = (user, password);
            if found.as_ref().is_some_and(|other| *other != who) {
                return Err(bad("has another user than the one before it"));
            }
            found = Some(who);
        }
        let given = self.token.is_some() || self.user.is_some() || self.password.is_some();
        match found {
            None => {}
            Some(_) if given => {
                return Err(Error::invalid("hub: a url has a user or token, and it is given besides: once is enough"));
            }
            Some((user, Some(password))) => (self.user, self.password) = (Some(user), Some(password)),
            Some((token, None)) => self.token = Some(token),
        }
        Ok(())
    }

    /// Where the hub is, as messages say it: without who connects.
    pub(crate) fn places(&self) -> String {
        self.urls.iter().map(|url| without_secret(url)).collect::<Vec<_>>().join(", ")
    }

    /// What JetStream's subjects begin with.
    pub(crate) fn prefix(&self) -> String {
        match (&self.api_prefix, &self.domain) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(domain)) => format!("$JS.{domain}.API"),
            (None, None) => "$JS.API".to_owned(),
        }
    }

    /// How long to wait before the `attempt`th attempt in a row, with `random` bits against everybody at once.
    pub(crate) fn delay(&self, attempt: usize, random: u64) -> Duration {
        if attempt <= 1 {
            return Duration::ZERO;
        }
        let doubled = self.reconnect_delay_min.saturating_mul(1 << (attempt - 2).min(16));
        let full = doubled.min(self.reconnect_delay_max);
        full.mul_f64(0.5 + (random >> 11) as f64 / (1u64 << 54) as f64)
    }
}

/// An address without user, password or token.
pub(crate) fn without_secret(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        _ => url.to_owned(),
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        HubOptions {
            urls: Vec::new(),
            name: "headwater".to_owned(),
            token: None,
            user: None,
            password: None,
            nkey_seed: None,
            credentials_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            require_tls: false,
            tls_first: false,
            domain: None,
            api_prefix: None,
            request_timeout: REQUEST_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            retry_on_initial_connect: false,
            reconnect_delay_min: RECONNECT_DELAY.0,
            reconnect_delay_max: RECONNECT_DELAY.1,
            window: WINDOW,
            replicas: 1,
            on_this_runtime: false,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.urls.iter().map(|u| without_secret(u)).collect();
        f.debug_struct("HubOptions")
            .field("urls", &urls)
            .field("name", &self.name)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("nkey_seed", &self.nkey_seed.as_ref().map(|_| "***"))
            .field("credentials_file", &self.credentials_file)
            .field("ca_file", &self.ca_file)
            .field("cert_file", &self.cert_file)
            .field("key_file", &self.key_file)
            .field("require_tls", &self.require_tls)
            .field("domain", &self.domain)
            .field("api_prefix", &self.api_prefix)
            .field("request_timeout", &self.request_timeout)
            .field("retry_on_initial_connect", &self.retry_on_initial_connect)
            .field("window", &self.window)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

//! What all requests at a door share: the engine, the store, and the rules, which may be changed while it is open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use tokio::sync::{Semaphore, watch};

use super::rates::{Rate, Rates};
use super::token::Verifier;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::Result;
use crate::locks::{read, write};
use crate::metric::{Meter, Metric};
use crate::presence::Presence;

/// A door and what is behind it.
pub(super) struct Door {
    pub(super) engine: Engine,
    pub(super) presence: Option<Presence>,
    /// Who this node is in the store.
    pub(super) node: String,
    rules: RwLock<Arc<Rules>>,
    pub(super) rates: Rates,
    /// Places of those who follow.
    pub(super) watchers: Arc<Semaphore>,
    watchers_max: usize,
    /// Places of connections.
    pub(super) places: Arc<Semaphore>,
    pub(super) connections_max: usize,
    /// True when the door closes.
    pub(super) closing: watch::Receiver<bool>,
    pub(super) counts: Counts,
}

/// What may be asked, and by whom.
pub(super) struct Rules {
    pub(super) verifier: Option<Verifier>,
    pub(super) origins: Vec<String>,
    pub(super) rate: Rate,
}

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// There were as many connections as may be.
    TooMany,
    /// Its handshake failed.
    NoTls,
    /// It asked too often.
    Rate,
    /// Its token was not good.
    Token,
    /// There were as many who follow as may be.
    Watchers,
}

/// What happened at the door.
#[derive(Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    turned: [AtomicU64; Turned::ALL.len()],
}

impl Turned {
    const ALL: [Turned; 5] = [Turned::TooMany, Turned::NoTls, Turned::Rate, Turned::Token, Turned::Watchers];

    fn name(self) -> &'static str {
        match self {
            Turned::TooMany => "too_many",
            Turned::NoTls => "not_tls",
            Turned::Rate => "rate",
            Turned::Token => "token",
            Turned::Watchers => "watchers",
        }
    }
}

impl Counts {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turned(&self, why: Turned) {
        self.turned[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Rules {
    fn of(config: &Config) -> Result<Rules> {
        let verifier = config.auth.as_ref().map(Verifier::new).transpose()?;
        let rate = Rate { rate: config.http.rate, burst: config.http.burst };
        Ok(Rules { verifier, origins: config.http.cors_origins.clone(), rate })
    }
}

impl Door {
    pub(super) fn new(engine: &Engine, config: &Config, closing: watch::Receiver<bool>) -> Result<Door> {
        let presence = config.presence.as_ref().map(|presence| engine.presence(presence.clone())).transpose()?;
        let node = match &presence {
            Some(presence) => presence.status().wait()?.node,
            None => String::new(),
        };
        let http = &config.http;
        Ok(Door {
            engine: engine.clone(),
            presence,
            node,
            rules: RwLock::new(Arc::new(Rules::of(config)?)),
            rates: Rates::new(),
            watchers: Arc::new(Semaphore::new(http.watchers_max)),
            watchers_max: http.watchers_max,
            places: Arc::new(Semaphore::new(http.connections_max)),
            connections_max: http.connections_max,
            closing,
            counts: Counts::default(),
        })
    }

    /// Takes other rules: keys, who may read, origins and rates.
    pub(super) fn reload(&self, config: &Config) -> Result<()> {
        let rules = Arc::new(Rules::of(config)?);
        *write(&self.rules) = rules;
        Ok(())
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&read(&self.rules))
    }

    /// Whether there are keys of tokens.
    pub(super) fn takes_tokens(&self) -> bool {
        self.rules().verifier.is_some()
    }
}

impl Meter for Door {
    fn metrics(&self) -> Vec<Metric> {
        let of = |name, value| Metric::of(name, &[], value);
        let mut metrics = vec![
            of("headwater_http_connections", (self.connections_max - self.places.available_permits()) as u64),
            of("headwater_http_watchers", (self.watchers_max - self.watchers.available_permits()) as u64),
            of("headwater_http_requests_total", self.counts.requests.load(Ordering::Relaxed)),
        ];
        metrics.extend(Turned::ALL.map(|why| {
            let count = self.counts.turned[why as usize].load(Ordering::Relaxed);
            Metric::of("headwater_http_refused_total", &[("reason", why.name())], count)
        }));
        metrics
    }
}

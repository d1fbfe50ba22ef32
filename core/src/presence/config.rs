//! What a presence store is told, and what follows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::core::SHARDS;
use super::limits::{check_ttl, idle_ms};
use crate::error::{Error, Result};
use crate::record::Durability;
use crate::subject::is_name;

/// What a presence store is told. Zero, where it is not said to mean something, is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceConfig {
    /// Its name: letters, digits, `-` and `_`. Its stream is `PRESENCE_<name>`.
    pub name: String,
    /// Who this node is among those that share the store: letters, digits, `-` and `_`. Empty is the engine's id.
    pub node: String,
    /// What an acknowledgement promises; the default is [`Durability::Interval`], as who is there says so again.
    pub durability: Durability,
    /// How long a leased session lives after a sign of life, unless it says otherwise; 75 s outlives a browser's hidden
    /// tab, which is woken once a minute.
    pub ttl: Duration,
    /// How often clients are told to give a sign of life; 25 s.
    pub heartbeat: Duration,
    /// How long a session whose deadline passed, or whose node is gone, may come back before it is over; 15 s.
    pub grace: Duration,
    /// After how long without activity who is online is away, unless the session says otherwise; 5 min.
    pub idle: Duration,
    /// How long it is known when a user was last there; 90 days, and zero is for ever.
    pub keep: Duration,
    /// How often this node says that it is at work while it answers for sessions; 10 s.
    pub beat: Duration,
    /// After how long without a word another node's sessions are unknown; 30 s.
    pub silence: Duration,
    /// How many users who are not there are kept in memory; others are read from the log. 100,000.
    pub cold_users: usize,
    /// How many changes are kept for watchers that come back; 8,192.
    pub history: usize,
    /// Above how many users those who follow a whole space are told counts and not changes; 0 is never.
    pub announce_max: u64,
    /// How often they are told counts; 10 s.
    pub counts_every: Duration,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        PresenceConfig {
            name: "presence".to_owned(),
            node: String::new(),
            durability: Durability::Interval,
            ttl: Duration::from_secs(75),
            heartbeat: Duration::from_secs(25),
            grace: Duration::from_secs(15),
            idle: Duration::from_secs(300),
            keep: Duration::from_secs(90 * 24 * 3600),
            beat: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            cold_users: 100_000,
            history: 8_192,
            announce_max: 0,
            counts_every: Duration::from_secs(10),
        }
    }
}

/// A configuration in the store's own terms.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) ttl_ms: u32,
    pub(crate) grace_ms: u64,
    pub(crate) idle_ms: u32,
    pub(crate) keep: Duration,
    pub(crate) beat_ms: u64,
    pub(crate) silence_ms: u64,
    /// How many of a shard are kept who are not there: one at the least, whom somebody asks about.
    pub(crate) cold_each: usize,
    pub(crate) history: usize,
    pub(crate) announce_max: u64,
    pub(crate) counts_ms: u64,
}

impl PresenceConfig {
    /// What it comes to for the node of this name, unless it says another one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for what can't be.
    pub(crate) fn settings(&self, engine: &str) -> Result<Settings> {
        let node = if self.node.is_empty() { engine } else { &self.node };
        check_name("presence store", &self.name)?;
        check_name("node", node)?;
        if self.silence <= self.beat {
            return Err(Error::invalid(format!(
                "a node is silent after {} s, which is not longer than the {} s between two words of it",
                self.silence.as_secs_f64(),
                self.beat.as_secs_f64()
            )));
        }
        if self.beat.is_zero() || self.counts_every.is_zero() {
            return Err(Error::invalid("the time between two words of a node, or two counts, is not zero"));
        }
        let ms = |time: Duration| time.as_millis() as u64;
        Ok(Settings {
            name: self.name.clone(),
            node: node.to_owned(),
            ttl_ms: check_ttl(self.ttl)?,
            grace_ms: ms(self.grace),
            idle_ms: idle_ms(self.idle),
            keep: self.keep,
            beat_ms: ms(self.beat),
            silence_ms: ms(self.silence),
            cold_each: (self.cold_users / SHARDS).max(1),
            history: self.history,
            announce_max: self.announce_max,
            counts_ms: ms(self.counts_every),
        })
    }
}

/// Refuses what can't be a part of the name of a stream, or one token of a subject.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.len() > 64 || !is_name(name) {
        let name: String = name.chars().take(64).collect();
        return Err(Error::invalid(format!(
            "'{}' is no name of a {what}: 1 to 64 letters, digits, '-' and '_'",
            name.escape_debug()
        )));
    }
    Ok(())
}

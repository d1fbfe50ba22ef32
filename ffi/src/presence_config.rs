//! What a presence store is told.

use headwater::Result;
use headwater::presence::PresenceConfig;

use crate::bytes::hw_str;
use crate::raw::versioned;
use crate::stream_config::{durability, duration_or};

/// A presence store. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_presence_config {
    /// sizeof(hw_presence_config)
    pub struct_size: usize,
    /// Its name: letters, digits, `-` and `_`; `presence` when empty. Its stream is `PRESENCE_<name>`.
    pub name: hw_str,
    /// Who this node is among those that share the store: letters, digits, `-` and `_`; the id of the engine when
    /// empty. On a hub it must be set.
    pub node: hw_str,
    /// How long a leased session lives after a sign of life, unless it says otherwise: 1 s to 24 h; 75 s when 0.
    pub ttl_ns: u64,
    /// How often clients are told to give a sign of life; 25 s when 0.
    pub heartbeat_ns: u64,
    /// How long a session whose deadline passed, or whose node is gone, may come back before it is over; 15 s when 0,
    /// HW_DURATION_NONE not at all.
    pub grace_ns: u64,
    /// After how long without activity who is online is away, unless the session says otherwise; 5 min when 0,
    /// HW_DURATION_NONE never.
    pub idle_ns: u64,
    /// How long it is known when a user was last there; 90 days when 0, HW_DURATION_NONE for ever.
    pub keep_ns: u64,
    /// How often this node says that it is at work while it answers for sessions; 10 s when 0.
    pub beat_ns: u64,
    /// After how long without a word another node's sessions are unknown, longer than `beat_ns`; 30 s when 0.
    pub silence_ns: u64,
    /// How many users who are not there are kept in memory, others are read from the log; 100,000 when 0.
    pub cold_users: usize,
    /// How many changes are kept for watchers that come back; 8,192 when 0.
    pub history: usize,
    /// Above how many users those who follow a whole space are told counts and not changes; never when 0.
    pub announce_max: u64,
    /// How often they are told counts; 10 s when 0.
    pub counts_every_ns: u64,
    /// With `has_durability`: an hw_durability, what an acknowledgement promises.
    pub durability: i32,
    /// Not 0: `durability` is set. It is HW_DURABILITY_INTERVAL when 0, as who is there says so again.
    pub has_durability: u8,
}

versioned!(hw_presence_config);

impl hw_presence_config {
    pub(crate) fn config(&self) -> Result<PresenceConfig> {
        let default = PresenceConfig::default();
        let count_or = |count: usize, default| if count == 0 { default } else { count };
        Ok(PresenceConfig {
            name: self.name.some("name")?.map_or(default.name, str::to_owned),
            node: self.node.owned("node")?,
            durability: if self.has_durability == 0 { default.durability } else { durability(self.durability)? },
            ttl: duration_or(self.ttl_ns, default.ttl),
            heartbeat: duration_or(self.heartbeat_ns, default.heartbeat),
            grace: duration_or(self.grace_ns, default.grace),
            idle: duration_or(self.idle_ns, default.idle),
            keep: duration_or(self.keep_ns, default.keep),
            beat: duration_or(self.beat_ns, default.beat),
            silence: duration_or(self.silence_ns, default.silence),
            cold_users: count_or(self.cold_users, default.cold_users),
            history: count_or(self.history, default.history),
            announce_max: self.announce_max,
            counts_every: duration_or(self.counts_every_ns, default.counts_every),
        })
    }
}

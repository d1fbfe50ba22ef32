//! What presence stores and sessions are told.

use std::str::FromStr;

use headwater::presence::{PresenceConfig, SessionSet, Status};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_durability, set_millis, set_u64};
use crate::error::{Result, fault};
use crate::values::millis;

/// A presence store.
#[napi(object, object_to_js = false)]
pub struct PresenceOptions {
    pub name: Option<String>,
    pub node: Option<String>,
    pub durability: Option<String>,
    pub ttl_ms: Option<f64>,
    pub heartbeat_ms: Option<f64>,
    pub grace_ms: Option<f64>,
    pub idle_ms: Option<f64>,
    pub keep_ms: Option<f64>,
    pub beat_ms: Option<f64>,
    pub silence_ms: Option<f64>,
    pub cold_users: Option<u32>,
    pub history: Option<u32>,
    pub announce_max: Option<BigInt>,
    pub counts_every_ms: Option<f64>,
}

impl PresenceOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<PresenceConfig> {
        let mut c = PresenceConfig::default();
        set(&mut c.name, self.name);
        set(&mut c.node, self.node);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set_millis(&mut c.ttl, "ttlMs", self.ttl_ms)?;
        set_millis(&mut c.heartbeat, "heartbeatMs", self.heartbeat_ms)?;
        set_millis(&mut c.grace, "graceMs", self.grace_ms)?;
        set_millis(&mut c.idle, "idleMs", self.idle_ms)?;
        set_millis(&mut c.keep, "keepMs", self.keep_ms)?;
        set_millis(&mut c.beat, "beatMs", self.beat_ms)?;
        set_millis(&mut c.silence, "silenceMs", self.silence_ms)?;
        set(&mut c.cold_users, self.cold_users.map(|n| n as usize));
        set(&mut c.history, self.history.map(|n| n as usize));
        set_u64(&mut c.announce_max, "announceMax", self.announce_max.as_ref())?;
        set_millis(&mut c.counts_every, "countsEveryMs", self.counts_every_ms)?;
        Ok(c)
    }
}

/// What is said of a session; the rest is as it was.
#[napi(object, object_to_js = false)]
pub struct SessionOptions {
    pub session: Option<String>,
    pub status: Option<String>,
    pub message: Option<String>,
    pub device: Option<String>,
    pub meta: Option<String>,
    pub ttl_ms: Option<f64>,
    pub idle_ms: Option<f64>,
}

/// The status of this name.
pub(crate) fn status_of(name: &str) -> Result<Status> {
    Status::from_str(name).map_err(fault)
}

impl SessionOptions {
    /// A session that is this.
    pub(crate) fn into_core(self) -> Result<SessionSet> {
        let mut set = SessionSet::default();
        self.change()?(&mut set);
        Ok(set)
    }

    /// What changes a session as this says; an empty message or device is none.
    pub(crate) fn change(self) -> Result<impl FnOnce(&mut SessionSet) + Send + 'static> {
        let status = self.status.as_deref().map(status_of).transpose()?;
        let ttl = self.ttl_ms.map(|ms| millis("ttlMs", ms)).transpose()?;
        let idle = self.idle_ms.map(|ms| millis("idleMs", ms)).transpose()?;
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(move |to: &mut SessionSet| {
            set(&mut to.session, self.session);
            set(&mut to.status, status);
            set(&mut to.message, self.message.map(some));
            set(&mut to.device, self.device.map(some));
            to.meta = self.meta.or_else(|| to.meta.take());
            to.ttl = ttl.or(to.ttl);
            to.idle = idle.or(to.idle);
        })
    }
}

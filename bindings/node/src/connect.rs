//! Hubs: connecting to one, where that stands, and links between it and a directory. `lib/hub.js` is the other side.

use headwater::{
    CatchUp, Direction, Engine, HubOptions, HubState, HubWatcher, LinkConfig, LinkStatus, OnReset, SubjectMap,
};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{StreamOptions, choice, name_of, set, set_millis};
use crate::engine::perform;
use crate::error::{Result, fault, invalid};
use crate::handles::Held;
use crate::hub::hub;

const DIRECTIONS: [(&str, Direction); 3] =
    [("both", Direction::Both), ("push", Direction::Push), ("pull", Direction::Pull)];
const CATCH_UPS: [(&str, CatchUp); 2] = [("history", CatchUp::History), ("latest", CatchUp::Latest)];
const ON_RESETS: [(&str, OnReset); 3] =
    [("resend", OnReset::Resend), ("continue", OnReset::Continue), ("stop", OnReset::Stop)];

/// How a hub is reached.
#[napi(object, object_to_js = false)]
pub struct HubRequest {
    pub urls: Option<Vec<String>>,
    pub name: Option<String>,
    pub token: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub nkey_seed: Option<String>,
    pub credentials_file: Option<String>,
    pub ca_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    pub require_tls: Option<bool>,
    pub tls_first: Option<bool>,
    pub domain: Option<String>,
    pub api_prefix: Option<String>,
    pub request_timeout_ms: Option<f64>,
    pub connect_timeout_ms: Option<f64>,
    pub reconnect_delay_min_ms: Option<f64>,
    pub reconnect_delay_max_ms: Option<f64>,
    pub window: Option<u32>,
    pub replicas: Option<u32>,
    pub retry_on_initial_connect: Option<bool>,
}

impl HubRequest {
    fn into_core(self) -> Result<HubOptions> {
        let mut options = HubOptions {
            urls: self.urls.unwrap_or_default(),
            token: self.token,
            user: self.user,
            password: self.password,
            nkey_seed: self.nkey_seed,
            credentials_file: self.credentials_file.map(Into::into),
            ca_file: self.ca_file.map(Into::into),
            cert_file: self.cert_file.map(Into::into),
            key_file: self.key_file.map(Into::into),
            domain: self.domain,
            api_prefix: self.api_prefix,
            ..HubOptions::default()
        };
        set(&mut options.name, self.name);
        set(&mut options.require_tls, self.require_tls);
        set(&mut options.tls_first, self.tls_first);
        set_millis(&mut options.request_timeout, "requestTimeoutMs", self.request_timeout_ms)?;
        set_millis(&mut options.connect_timeout, "connectTimeoutMs", self.connect_timeout_ms)?;
        set_millis(&mut options.reconnect_delay_min, "reconnectDelayMinMs", self.reconnect_delay_min_ms)?;
        set_millis(&mut options.reconnect_delay_max, "reconnectDelayMaxMs", self.reconnect_delay_max_ms)?;
        set(&mut options.window, self.window.map(|window| window as usize));
        set(&mut options.replicas, self.replicas);
        set(&mut options.retry_on_initial_connect, self.retry_on_initial_connect);
        Ok(options)
    }
}

/// Connects to a hub.
#[napi(catch_unwind)]
pub fn engine_connect(env: Env, hub_number: u32, request: HubRequest) -> Result<Raw> {
    let options = request.into_core()?;
    hub(hub_number)?.settle(env, Engine::connect(options).map(Answer::handle))
}

/// Where a connection stands.
#[napi(object, object_from_js = false)]
pub struct HubStateDescription {
    pub phase: String,
    pub server_name: String,
    pub server_version: String,
    pub api_level: u32,
    pub last_error: String,
    pub reconnects: u64,
    pub lag_records: u64,
}

impl From<HubState> for HubStateDescription {
    fn from(state: HubState) -> Self {
        HubStateDescription {
            phase: state.phase.name().to_owned(),
            server_name: state.server_name,
            server_version: state.server_version,
            api_level: state.api_level,
            last_error: state.last_error,
            reconnects: state.reconnects,
            lag_records: state.lag_records,
        }
    }
}

/// Where the connection of an engine stands now.
#[napi(catch_unwind)]
pub fn engine_hub_state(engine: u32) -> Result<HubStateDescription> {
    Engine::with(engine, |engine, _| engine.hub_state().map(Into::into).map_err(fault))
}

/// The state now, then whenever it changes.
#[napi(catch_unwind)]
pub fn engine_watch_hub(engine: u32) -> Result<u32> {
    Engine::with(engine, |engine, hub| Ok(engine.watch_hub().map_err(fault)?.hold(hub)))
}

fn states(states: Vec<HubState>) -> Answer {
    Answer::value(states.into_iter().map(HubStateDescription::from).collect::<Vec<_>>())
}

/// Waits for the next state.
#[napi(catch_unwind)]
pub fn hub_watcher_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    HubWatcher::with(watcher, |watcher, hub| hub.settle(env, watcher.next(max as usize).map(states)))
}

/// The state, if it changed.
#[napi(catch_unwind)]
pub fn hub_watcher_try_next(env: Env, watcher: u32, max: u32) -> Result<Raw> {
    HubWatcher::with(watcher, |watcher, hub| states(watcher.try_next(max as usize).map_err(fault)?).into_js(env, hub))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn hub_watcher_close(watcher: u32) -> Result<()> {
    HubWatcher::with(watcher, |watcher, _| {
        watcher.close();
        Ok(())
    })
}

/// What a link is told to do; `map` holds pairs of prefixes, here and there.
#[napi(object, object_to_js = false)]
pub struct LinkRequest {
    pub name: Option<String>,
    pub stream: Option<String>,
    pub remote: Option<String>,
    pub direction: Option<String>,
    pub filters: Option<Vec<String>>,
    pub map: Option<Vec<Vec<String>>>,
    pub catch_up: Option<String>,
    pub on_reset: Option<String>,
    pub exclusive: Option<bool>,
    pub create: Option<StreamOptions>,
}

impl LinkRequest {
    fn into_core(self) -> Result<LinkConfig> {
        let mut config = LinkConfig {
            name: self.name.unwrap_or_default(),
            stream: self.stream.unwrap_or_default(),
            remote: self.remote.unwrap_or_default(),
            filters: self.filters.unwrap_or_default(),
            exclusive: self.exclusive.unwrap_or_default(),
            create: self.create.map(StreamOptions::into_core).transpose()?.map(Box::new),
            ..LinkConfig::default()
        };
        if let Some(name) = self.direction {
            config.direction = choice("direction", &DIRECTIONS, &name)?;
        }
        if let Some(name) = self.catch_up {
            config.catch_up = choice("catchUp", &CATCH_UPS, &name)?;
        }
        if let Some(name) = self.on_reset {
            config.on_reset = choice("onReset", &ON_RESETS, &name)?;
        }
        for pair in self.map.unwrap_or_default() {
            let [local, remote] = <[String; 2]>::try_from(pair).map_err(|_| invalid("map: a pair has two prefixes"))?;
            config.map.push(SubjectMap { local, remote });
        }
        Ok(config)
    }
}

/// Joins a stream of `engine` to one of `other`.
#[napi(catch_unwind)]
pub fn engine_add_link(env: Env, engine: u32, other: u32, request: LinkRequest) -> Result<Raw> {
    let config = request.into_core()?;
    let other = Engine::with(other, |other, _| Ok(other.clone()))?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.add_link(config, &other).map(|()| Answer::Done))
    })
}

/// Ends a link.
#[napi(catch_unwind)]
pub fn engine_remove_link(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| {
            headwater::Pending::ready(engine.remove_link(&name).map(|()| Answer::Done))
        })
    })
}

/// Where a link stands.
#[napi(object, object_from_js = false)]
pub struct LinkDescription {
    pub name: String,
    pub stream: String,
    pub remote: String,
    pub direction: String,
    pub state: String,
    pub pushed: u64,
    pub pulled: u64,
    pub known: u64,
    pub missed: u64,
    pub skipped: u64,
    pub lag_push: u64,
    pub lag_pull: u64,
    pub resets: u64,
    pub failures: u64,
    pub last_error: Option<String>,
}

impl From<LinkStatus> for LinkDescription {
    fn from(link: LinkStatus) -> Self {
        LinkDescription {
            direction: name_of(&DIRECTIONS, &link.direction),
            state: link.state.name().to_owned(),
            name: link.name,
            stream: link.stream,
            remote: link.remote,
            pushed: link.pushed,
            pulled: link.pulled,
            known: link.known,
            missed: link.missed,
            skipped: link.skipped,
            lag_push: link.lag_push,
            lag_pull: link.lag_pull,
            resets: link.resets,
            failures: link.failures,
            last_error: link.last_error,
        }
    }
}

/// Where each link stands.
#[napi(catch_unwind)]
pub fn engine_links(engine: u32) -> Result<Vec<LinkDescription>> {
    Engine::with(engine, |engine, _| {
        Ok(engine.links().map_err(fault)?.into_iter().map(LinkDescription::from).collect())
    })
}

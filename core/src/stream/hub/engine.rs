//! A hub as an engine: connecting, what the server is able to do, and streams by name.
//!
//! One runtime with one worker thread serves a hub; it ends with the last handle. A hub that may be reached later has
//! no session until then, and whoever needs it waits.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::Poll;

use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use super::connect::{open, place};
use super::convert::{self, HUB_KEYS};
use super::create::{create, find};
use super::options::HubOptions;
use super::seat::Seats;
use super::session::Session;
use super::state::{HubPhase, StateCell};
use super::stream::HubStream;
use super::task::{closed, run};
use super::wire::HubWire;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::stream::config::{StreamConfig, check_name};
use crate::stream::contract::{EngineOps, StreamOps, WireOps};
use crate::stream::info::StreamInfo;

/// A connection to a hub. Everything opened from it keeps it open; the last one to go closes it.
pub(crate) struct Hub {
    pub(super) options: HubOptions,
    handle: Handle,
    state: Arc<StateCell>,
    /// There once the hub was reached.
    session: OnceLock<Arc<Session>>,
    /// What the handles of each consumer share.
    pub(super) seats: Seats,
    runtime: Mutex<Option<Runtime>>,
}

/// An engine over a connection.
#[derive(Clone)]
pub(crate) struct HubEngine(Arc<Hub>);

impl HubEngine {
    /// Connects, and finds out what the hub is able to do; now, or in the background when the options say so.
    pub(crate) fn connect(options: HubOptions) -> Pending<HubEngine> {
        let state = Arc::new(StateCell::default());
        let started = options.checked().and_then(|options| {
            let (handle, runtime) = place(&options)?;
            Ok((options, handle, runtime))
        });
        let (options, handle, runtime) = match started {
            Ok(started) => started,
            Err(error) => return Pending::ready(Err(error)),
        };
        let (session, seats, runtime) = (OnceLock::new(), Seats::default(), Mutex::new(runtime));
        let hub = Arc::new(Hub { options, handle, state, session, seats, runtime });
        if hub.options.retry_on_initial_connect {
            hub.handle.spawn(keep_trying(Arc::downgrade(&hub), hub.options.clone(), Arc::clone(&hub.state)));
            return Pending::ready(Ok(HubEngine(hub)));
        }
        let handle = hub.handle.clone();
        run(&handle, async move {
            match open(hub.options.clone(), Arc::clone(&hub.state)).await {
                Ok(session) => hub.arrive(session),
                Err(error) => {
                    hub.state.change(|s| {
                        s.last_error = error.to_string();
                        s.phase = HubPhase::Closed;
                    });
                    return Err(error);
                }
            }
            Ok(HubEngine(hub))
        })
    }

    /// What says where the connection stands, and lets that be watched.
    pub(crate) fn state_cell(&self) -> &Arc<StateCell> {
        &self.0.state
    }
}

impl Hub {
    /// The session of a hub that something was opened from.
    pub(super) fn session(&self) -> &Arc<Session> {
        self.session.get().expect("what is opened from a hub was opened in its session")
    }

    /// Where its work is done.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    fn arrive(&self, session: Arc<Session>) {
        let _ = self.session.set(session);
        self.state.change(|s| {
            s.phase = HubPhase::Connected;
            s.last_error.clear();
        });
    }

    /// The session; a hub that was not reached yet is waited for as long as a request may take.
    pub(super) async fn reached(&self) -> Result<&Arc<Session>> {
        let mut seen = 0;
        let arrival = poll_fn(|cx| {
            while self.session.get().is_none() && self.state.phase() != HubPhase::Closed {
                match self.state.poll_change(cx, seen) {
                    Poll::Ready((number, _)) => seen = number,
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(())
        });
        let _ = tokio::time::timeout(self.options.request_timeout, arrival).await;
        let state = self.state.of_connection();
        match self.session.get() {
            Some(session) if state.phase != HubPhase::Closed => Ok(session),
            None if state.phase != HubPhase::Closed => {
                let why = if state.last_error.is_empty() { "no server answered" } else { &state.last_error };
                Err(Error::new(ErrorKind::Io, format!("the hub was not reached yet: {why}; nothing was done")))
            }
            _ => Err(closed()),
        }
    }

    fn close(&self) {
        self.state.change(|s| s.phase = HubPhase::Closed);
        if let Some(session) = self.session.get() {
            session.outbox.close();
        }
        if let Some(runtime) = lock(&self.runtime).take() {
            // In the background, because whoever lets go of the last handle may be a task of some runtime.
            runtime.shutdown_background();
        } else if let Some(session) = self.session.get().filter(|_| self.options.on_this_runtime) {
            // Those who wait see the state; what is left to send is sent.
            let client = session.client.clone();
            self.handle.spawn(async move { client.drain().await });
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

/// Tries until the hub was reached or nobody wants it any more.
async fn keep_trying(hub: Weak<Hub>, options: HubOptions, state: Arc<StateCell>) {
    for attempt in 1.. {
        tokio::time::sleep(options.delay(attempt, options.clock.random())).await;
        if state.phase() == HubPhase::Closed {
            return;
        }
        match open(options.clone(), Arc::clone(&state)).await {
            Ok(session) => {
                if let Some(hub) = hub.upgrade() {
                    hub.arrive(session);
                }
                return;
            }
            Err(error) => state.change(|s| s.last_error = error.to_string()),
        }
    }
}

impl EngineOps for HubEngine {
    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.handle, async move { create(hub, config).await.map(|s| s as Arc<dyn StreamOps>) })
    }

    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.handle, async move {
            let mut config = config.checked()?;
            let place = format!("stream '{}'", config.name);
            let session = hub.reached().await?;
            let before = session.call(&place, &format!("STREAM.INFO.{}", config.name), &Value::Null).await?;
            let says_hub = config.hub.is_some();
            if !says_hub {
                config.hub = convert::info(&before).config.hub;
            }
            let mut asked = convert::to_json(&config, session.state.api_level())?;
            // What is not ours to say stays as it is, and so does what only a hub has where nothing is said of it.
            let mut whole = before["config"].clone();
            if let Some(map) = whole.as_object_mut() {
                map.retain(|key, _| key != "subjects" && !(says_hub && HUB_KEYS.contains(&key.as_str())));
            }
            asked.retain(|key, _| says_hub || !HUB_KEYS.contains(&key.as_str()));
            for (key, value) in &asked {
                whole[key.as_str()] = value.clone();
            }
            let answer = session.call(&place, &format!("STREAM.UPDATE.{}", config.name), &whole).await?;
            convert::check_echo(&place, &asked, &answer["config"])?;
            Ok(HubStream::new(Arc::clone(&hub), &answer) as Arc<dyn StreamOps>)
        })
    }

    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        let (hub, name) = (Arc::clone(&self.0), name.to_owned());
        run(&self.0.handle, async move {
            check_name("stream", &name)?;
            find(hub, &name).await.map(|s| s as Arc<dyn StreamOps>)
        })
    }

    fn delete_stream(&self, name: &str) -> Pending<()> {
        let (hub, name) = (Arc::clone(&self.0), name.to_owned());
        run(&self.0.handle, async move {
            check_name("stream", &name)?;
            let place = format!("stream '{name}'");
            hub.reached().await?.call(&place, &format!("STREAM.DELETE.{name}"), &Value::Null).await?;
            hub.seats.forget(&name, None);
            Ok(())
        })
    }

    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.handle, async move {
            let session = hub.reached().await?;
            let mut infos: Vec<StreamInfo> = Vec::new();
            loop {
                let page = session.call("streams", "STREAM.LIST", &json!({ "offset": infos.len() })).await?;
                let streams = page["streams"].as_array().map_or(&[][..], Vec::as_slice);
                infos.extend(streams.iter().map(convert::info));
                if streams.is_empty() || infos.len() as u64 >= page["total"].as_u64().unwrap_or(0) {
                    break;
                }
            }
            infos.sort_by(|a, b| a.config.name.cmp(&b.config.name));
            Ok(infos)
        })
    }

    fn close(&self) -> Result<()> {
        self.0.close();
        Ok(())
    }

    fn wire(&self) -> Option<Arc<dyn WireOps>> {
        Some(Arc::new(HubWire(Arc::clone(&self.0))))
    }
}

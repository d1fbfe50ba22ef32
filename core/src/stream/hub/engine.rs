//! A hub as an engine: connecting, what the server is able to do, and streams by name.
//!
//! One runtime with one worker thread serves a hub; it ends with the last handle.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_nats::{ClientError, ConnectErrorKind, ConnectOptions, Event};
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use super::fault::STREAM_NOT_FOUND;
use super::link::Link;
use super::options::HubOptions;
use super::outbox::Outbox;
use super::state::{HubPhase, HubState, StateCell};
use super::stream::HubStream;
use super::task::{closed, run};
use super::{convert, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::stream::config::{StreamConfig, check_name};
use crate::stream::contract::{EngineOps, StreamOps};
use crate::stream::info::StreamInfo;

/// Commands that find room in the client's queue besides the appends of a window.
const COMMANDS_BESIDE: usize = 4096;
/// Messages that one subscription of the client holds: more than a window of answers, and than any pull asks for.
const ARRIVING_MAX: usize = 65_536;
/// The lowest version that has what the contract needs: names of consumers, several filters, metadata.
const OLDEST: (u32, u32) = (2, 10);

/// A connection to a hub. Everything opened from it keeps it open; the last one to go closes it.
pub(crate) struct Hub {
    link: Arc<Link>,
    runtime: Mutex<Option<Runtime>>,
}

/// An engine over a connection.
#[derive(Clone)]
pub(crate) struct HubEngine(Arc<Hub>);

impl HubEngine {
    /// Connects, and finds out what the hub is able to do.
    pub(crate) fn connect(options: HubOptions) -> Pending<HubEngine> {
        Self::connect_with(options, Arc::new(StateCell::default()))
    }

    /// As [`HubEngine::connect`], with a state that can be watched from the beginning.
    pub(crate) fn connect_with(options: HubOptions, state: Arc<StateCell>) -> Pending<HubEngine> {
        let started = options.checked().and_then(|options| {
            let (handle, runtime) = place(&options)?;
            Ok((options, handle, runtime))
        });
        let (options, handle, runtime) = match started {
            Ok(started) => started,
            Err(error) => return Pending::ready(Err(error)),
        };
        let kept = Starting(runtime);
        let watched = Arc::clone(&state);
        run(&handle, async move {
            let link = open(options, state).await.inspect_err(|error| {
                watched.change(|s| {
                    s.last_error = error.to_string();
                    s.phase = HubPhase::Closed;
                });
            })?;
            let mut kept = kept;
            Ok(HubEngine(Arc::new(Hub { link, runtime: Mutex::new(kept.0.take()) })))
        })
    }

    /// Where the connection stands.
    pub(crate) fn state(&self) -> HubState {
        self.0.link.state.get()
    }

    /// Ready with the number of the change and the state when that is another than `seen`; else wakes `cx` then.
    pub(crate) fn poll_state(&self, cx: &mut Context<'_>, seen: u64) -> Poll<(u64, HubState)> {
        self.0.link.state.poll_change(cx, seen)
    }
}

impl Hub {
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn close(&self) {
        self.link.state.change(|s| s.phase = HubPhase::Closed);
        self.link.outbox.close();
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // In the background, because whoever lets go of the last handle may be a task of some runtime.
            runtime.shutdown_background();
        } else if self.link.options.on_this_runtime {
            // Those who wait see the state; what is left to send is sent.
            let client = self.link.client.clone();
            self.link.handle.spawn(async move { client.drain().await });
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.close();
    }
}

/// A runtime that nobody has yet; it ends without anybody waiting for it.
struct Starting(Option<Runtime>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where the connection is served: here, or by a thread of its own.
fn place(options: &HubOptions) -> Result<(Handle, Option<Runtime>)> {
    if options.on_this_runtime {
        let here = Handle::try_current();
        return here.map(|h| (h, None)).map_err(|_| Error::invalid("hub: on_this_runtime is set outside of a runtime"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("headwater-hub")
        .enable_io()
        .enable_time()
        .build()
        .map_err(|e| Error::io("start the thread of a hub", &e))?;
    Ok((runtime.handle().clone(), Some(runtime)))
}

/// Connects, and starts what serves the connection.
async fn open(options: HubOptions, state: Arc<StateCell>) -> Result<Arc<Link>> {
    let client = connect_options(&options, &state).await?.connect(options.urls.as_slice()).await.map_err(|e| {
        let kind = match e.kind() {
            ConnectErrorKind::TimedOut => ErrorKind::Timeout,
            ConnectErrorKind::ServerParse | ConnectErrorKind::Authentication => ErrorKind::Invalid,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("connect to the hub: {e}"))
    })?;
    let server = client.server_info();
    state.change(|s| {
        s.server_name.clone_from(&server.server_name);
        s.server_version.clone_from(&server.version);
    });
    if version(&server.version).is_some_and(|v| v < OLDEST) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the hub is NATS {}, the oldest that will do is {}.{}", server.version, OLDEST.0, OLDEST.1),
        ));
    }
    let prefix = options.prefix();
    let reply_prefix = format!("{}.", client.new_inbox());
    let answers = client.subscribe(format!("{reply_prefix}*")).await.map_err(|_| closed())?;
    let outbox = Arc::new(Outbox::new(client.clone(), options.window, options.request_timeout, reply_prefix));
    let handle = Handle::current();
    let link =
        Arc::new(Link { options, prefix, handle, client, state: Arc::clone(&state), outbox: Arc::clone(&outbox) });
    let account = match link.api("JetStream", "INFO", &Value::Null).await {
        Ok(answer) => answer.map_err(|e| e.into_error("the hub's JetStream"))?,
        Err(error) if error.kind() == ErrorKind::Io => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the server '{}' has no JetStream at '{}' for this account", server.server_name, link.prefix),
            ));
        }
        Err(error) => return Err(error),
    };
    let level = account["api"]["level"].as_u64().unwrap_or(0) as u32;
    state.change(|s| {
        s.api_level = level;
        s.phase = HubPhase::Connected;
    });
    tokio::spawn(Arc::clone(&outbox).take_answers(answers));
    tokio::spawn(Arc::clone(&outbox).send_on());
    tokio::spawn(outbox.sweep());
    Ok(link)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

async fn connect_options(options: &HubOptions, state: &Arc<StateCell>) -> Result<ConnectOptions> {
    let (delays, events) = (options.clone(), Arc::clone(state));
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(options.connect_timeout)
        .request_timeout(Some(options.request_timeout))
        .client_capacity(options.window + COMMANDS_BESIDE)
        .subscription_capacity(ARRIVING_MAX)
        .reconnect_delay_callback(move |attempt| delays.delay(attempt, delays.clock.random()))
        .event_callback(move |event| {
            note(&events, &event);
            std::future::ready(())
        })
        .require_tls(options.require_tls);
    if options.tls_first {
        connect = connect.tls_first();
    }
    if let Some(token) = &options.token {
        connect = connect.token(token.clone());
    }
    if let (Some(user), Some(password)) = (&options.user, &options.password) {
        connect = connect.user_and_password(user.clone(), password.clone());
    }
    if let Some(seed) = &options.nkey_seed {
        connect = connect.nkey(seed.clone());
    }
    if let Some(path) = &options.credentials_file {
        let at = |e| Error::io(format_args!("hub: credentials_file {}", path.display()), &e);
        connect = connect.credentials_file(path).await.map_err(at)?;
    }
    if let Some(path) = &options.ca_file {
        connect = connect.add_root_certificates(path.clone());
    }
    if let (Some(cert), Some(key)) = (&options.cert_file, &options.key_file) {
        connect = connect.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(connect)
}

/// Takes in what the client says of the connection.
fn note(state: &StateCell, event: &Event) {
    state.change(|s| match event {
        Event::Connected if s.phase == HubPhase::Reconnecting => {
            s.phase = HubPhase::Connected;
            s.reconnects += 1;
        }
        Event::Disconnected if s.phase == HubPhase::Connected => {
            s.phase = HubPhase::Reconnecting;
            "the connection was lost".clone_into(&mut s.last_error);
        }
        Event::Closed => s.phase = HubPhase::Closed,
        Event::ServerError(error) => s.last_error = error.to_string(),
        Event::ClientError(ClientError::Other(error)) => s.last_error.clone_from(error),
        Event::ClientError(error) => s.last_error = error.to_string(),
        Event::SlowConsumer(_) => "a subscription of the client overflowed".clone_into(&mut s.last_error),
        _ => {}
    });
}

impl EngineOps for HubEngine {
    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.link.handle, async move { create(hub, config).await.map(|s| s as Arc<dyn StreamOps>) })
    }

    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.link.handle, async move {
            let config = config.checked()?;
            let place = format!("stream '{}'", config.name);
            let asked = convert::to_json(&config, hub.link.state.api_level())?;
            let before = hub.link.call(&place, &format!("STREAM.INFO.{}", config.name), &Value::Null).await?;
            // What is not ours to say stays as it is.
            let mut whole = before["config"].clone();
            for key in ["mirror", "sources", "placement", "subject_transform", "subjects"] {
                if let Some(map) = whole.as_object_mut() {
                    map.remove(key);
                }
            }
            for (key, value) in &asked {
                whole[key.as_str()] = value.clone();
            }
            let answer = hub.link.call(&place, &format!("STREAM.UPDATE.{}", config.name), &whole).await?;
            convert::check_echo(&place, &asked, &answer["config"])?;
            Ok(HubStream::new(hub, &answer) as Arc<dyn StreamOps>)
        })
    }

    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        let (hub, name) = (Arc::clone(&self.0), name.to_owned());
        run(&self.0.link.handle, async move {
            check_name("stream", &name)?;
            find(hub, &name).await.map(|s| s as Arc<dyn StreamOps>)
        })
    }

    fn delete_stream(&self, name: &str) -> Pending<()> {
        let (hub, name) = (Arc::clone(&self.0), name.to_owned());
        run(&self.0.link.handle, async move {
            check_name("stream", &name)?;
            let place = format!("stream '{name}'");
            hub.link.call(&place, &format!("STREAM.DELETE.{name}"), &Value::Null).await.map(|_| ())
        })
    }

    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        let hub = Arc::clone(&self.0);
        run(&self.0.link.handle, async move {
            let mut infos: Vec<StreamInfo> = Vec::new();
            loop {
                let page = hub.link.call("streams", "STREAM.LIST", &json!({ "offset": infos.len() })).await?;
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
}

/// Makes a stream; the same configuration again finds the one there.
pub(super) async fn create(hub: Arc<Hub>, config: StreamConfig) -> Result<Arc<HubStream>> {
    let copies = config.hub.as_ref().is_some_and(|h| h.mirror.is_some());
    if copies && !config.subjects.is_empty() {
        return Err(Error::invalid(format!("stream '{}' is a mirror, so it takes no subjects", config.name)));
    }
    let config = config.checked()?;
    let place = format!("stream '{}'", config.name);
    let asked = convert::to_json(&config, hub.link.state.api_level())?;
    let suffix = format!("STREAM.CREATE.{}", config.name);
    let answer = match hub.link.api(&place, &suffix, &Value::Object(asked.clone())).await? {
        Ok(answer) => answer,
        Err(error) if error.err_code == 10058 => {
            let message = format!("stream '{}' is there with another configuration", config.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Err(error) => return Err(error.into_error(&place)),
    };
    if let Err(error) = convert::check_echo(&place, &asked, &answer["config"]) {
        if answer["did_create"] == true {
            // It is not what was asked for, so it is not left behind; when that fails too, the first error says more.
            let _ = hub.link.api(&place, &format!("STREAM.DELETE.{}", config.name), &Value::Null).await;
        }
        return Err(error);
    }
    Ok(HubStream::new(hub, &answer))
}

/// The stream of this name.
pub(super) async fn find(hub: Arc<Hub>, name: &str) -> Result<Arc<HubStream>> {
    let place = format!("stream '{name}'");
    match hub.link.api(&place, &format!("STREAM.INFO.{name}"), &Value::Null).await? {
        Ok(answer) => Ok(HubStream::new(hub, &answer)),
        Err(error) if error.err_code == STREAM_NOT_FOUND => {
            Err(Error::not_found(format!("there is no stream '{name}'")))
        }
        Err(error) => Err(fault::ApiError::into_error(error, &place)),
    }
}

//! Connecting to a hub: who we are, what the server is able to do, and the tasks that serve the connection.
//!
//! What the client says of the connection later goes into the state; what it says while it comes about is in the error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{ClientError, ConnectErrorKind, ConnectOptions, Event};
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};

use super::options::HubOptions;
use super::outbox::Outbox;
use super::session::Session;
use super::state::{HubPhase, StateCell};
use super::task::closed;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::runtime;

/// Commands that find room in the client's queue besides the appends of a window.
const COMMANDS_BESIDE: usize = 4096;
/// Messages that one subscription of the client holds: more than a window of answers, and than any pull asks for.
const ARRIVING_MAX: usize = 65_536;
/// The lowest version that has what the contract needs: names of consumers, several filters, metadata.
const OLDEST: (u32, u32) = (2, 10);

/// Where the connection is served: here, or by a thread of its own.
pub(super) fn place(options: &HubOptions) -> Result<(Handle, Option<Runtime>)> {
    if options.on_this_runtime {
        let here = Handle::try_current();
        return here.map(|h| (h, None)).map_err(|_| Error::invalid("hub: on_this_runtime is set outside of a runtime"));
    }
    let runtime = runtime("headwater-hub")?;
    Ok((runtime.handle().clone(), Some(runtime)))
}

/// Connects, and starts what serves the connection.
pub(super) async fn open(options: HubOptions, state: Arc<StateCell>) -> Result<Arc<Session>> {
    let is_up = Arc::new(AtomicBool::new(false));
    let client =
        connect_options(&options, &state, &is_up).await?.connect(options.urls.as_slice()).await.map_err(|e| {
            let kind = match e.kind() {
                ConnectErrorKind::TimedOut => ErrorKind::Timeout,
                ConnectErrorKind::ServerParse | ConnectErrorKind::Authentication => ErrorKind::Invalid,
                _ => ErrorKind::Io,
            };
            Error::new(kind, format!("connect to the hub at {}: {e}", options.places()))
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
    let answers = client.subscribe(format!("{reply_prefix}>")).await.map_err(|_| closed())?;
    let outbox = Arc::new(Outbox::new(client.clone(), options.window, options.request_timeout, reply_prefix));
    let handle = Handle::current();
    let session =
        Arc::new(Session { options, prefix, handle, client, state: Arc::clone(&state), outbox: Arc::clone(&outbox) });
    let account = match session.api("JetStream", "INFO", &Value::Null).await {
        Ok(answer) => answer.map_err(|e| e.into_error("the hub's JetStream"))?,
        Err(error) if error.kind() == ErrorKind::Io => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the server '{}' has no JetStream at '{}' for this account",
                    server.server_name, session.prefix
                ),
            ));
        }
        Err(error) => return Err(error),
    };
    let level = account["api"]["level"].as_u64().unwrap_or(0) as u32;
    state.change(|s| s.api_level = level);
    is_up.store(true, Ordering::Release);
    tokio::spawn(Arc::clone(&outbox).take_answers(answers));
    tokio::spawn(Arc::clone(&outbox).send_on());
    tokio::spawn(outbox.sweep());
    Ok(session)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// How the client is told to connect. Until `is_up` it changes no state: an attempt that was given up has nothing to
/// say about the one after it.
async fn connect_options(
    options: &HubOptions,
    state: &Arc<StateCell>,
    is_up: &Arc<AtomicBool>,
) -> Result<ConnectOptions> {
    let (delays, events, is_up) = (options.clone(), Arc::clone(state), Arc::clone(is_up));
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(options.connect_timeout)
        .request_timeout(Some(options.request_timeout))
        .client_capacity(options.window + COMMANDS_BESIDE)
        .subscription_capacity(ARRIVING_MAX)
        .reconnect_delay_callback(move |attempt| delays.delay(attempt, delays.clock.random()))
        .event_callback(move |event| {
            if is_up.load(Ordering::Acquire) {
                note(&events, &event);
            }
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
    for (what, path) in [
        ("credentials_file", &options.credentials_file),
        ("ca_file", &options.ca_file),
        ("cert_file", &options.cert_file),
        ("key_file", &options.key_file),
    ] {
        // The client names no file in its errors, so each is opened first.
        if let Some(path) = path {
            let at = |e| Error::io(format_args!("hub: {what} {}", path.display()), &e);
            std::fs::File::open(path).map_err(at)?;
        }
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
            s.last_error.clear();
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

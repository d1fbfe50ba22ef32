//! Calls from node to node: one question, one answer, over the certificates of the mesh. There is one channel to each
//! node that was called, which connects when it is needed.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Status};

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::PAYLOAD_BYTES_MAX;
use crate::stream::contract::{Listener, WireOps};
use crate::tls::{Tls, dial, reason};

use super::ears::Ears;
use super::lane::PACKET_BYTES_MAX;
use super::proto::mesh_client::MeshClient;
use super::proto::{CallReply, CallRequest};
use super::roster::Roster;

/// The longest subject of a call, in bytes.
pub(super) const SUBJECT_BYTES_MAX: usize = 1_024;
/// Calls of others that are answered at once. One more is `busy`.
const CALLS_AT_ONCE: usize = 4_096;
/// Nodes to which there is a channel. That of the one that was called longest ago goes first.
const CHANNELS_MAX: usize = 1_024;
/// The longest that a call is waited for.
const CALL_PATIENCE_MAX: Duration = Duration::from_secs(86_400);

/// Calls of a node: those to others, and those of others.
pub(super) struct Calls {
    pub(super) own: u64,
    pub(super) ears: Arc<Ears>,
    pub(super) roster: Arc<Roster>,
    pub(super) handle: Handle,
    pub(super) tls: Tls,
    /// The name on certificates; that of the host that is called when empty.
    pub(super) server_name: String,
    pub(super) channels: Mutex<Channels>,
    pub(super) answering: Semaphore,
}

/// Channels to nodes, by their engines.
#[derive(Default)]
pub(super) struct Channels {
    calls: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    address: String,
    client: MeshClient<Channel>,
    /// The number of the last call over it.
    used: u64,
}

/// How many calls of others are answered at once.
pub(super) fn answering() -> Semaphore {
    Semaphore::new(CALLS_AT_ONCE)
}

impl Calls {
    /// The channel to a node, made if there is none.
    fn channel(&self, engine: u64) -> Result<MeshClient<Channel>> {
        let mut channels = lock(&self.channels);
        let place = self.roster.place(engine).filter(|place| !place.is_gone());
        let Some(place) = place else {
            channels.open.remove(&engine);
            return Err(Error::not_found(format!("node {engine:016x} is not in the mesh now")));
        };
        channels.calls += 1;
        let used = channels.calls;
        if let Some(open) = channels.open.get_mut(&engine).filter(|open| open.address == place.address) {
            open.used = used;
            return Ok(open.client.clone());
        }
        channels.open.retain(|engine, _| self.roster.place(*engine).is_some_and(|place| !place.is_gone()));
        if channels.open.len() >= CHANNELS_MAX {
            let oldest = channels.open.iter().min_by_key(|(_, open)| open.used).map(|(&engine, _)| engine);
            oldest.and_then(|engine| channels.open.remove(&engine));
        }
        let _here = self.handle.enter();
        let name = server_name(&place.address, &self.server_name);
        let client = client(&place.address, name, &self.tls)?;
        channels.open.insert(engine, Open { address: place.address, client: client.clone(), used });
        Ok(client)
    }

    /// Answers the call of another node.
    pub(super) async fn answer(&self, request: CallRequest) -> std::result::Result<CallReply, Status> {
        let CallRequest { subject, payload, timeout_ms } = request;
        if subject.len() > SUBJECT_BYTES_MAX || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "a call has a subject of {SUBJECT_BYTES_MAX} bytes and a payload of {PAYLOAD_BYTES_MAX} at the most"
            )));
        }
        let busy = || Status::resource_exhausted(format!("{CALLS_AT_ONCE} calls are on their way at this node"));
        let _one = self.answering.try_acquire().map_err(|_| busy())?;
        let patience = Duration::from_millis(timeout_ms).min(CALL_PATIENCE_MAX);
        let answered = match self.ears.call(&subject, payload) {
            None => return Ok(CallReply { found: false, payload: Vec::new() }),
            Some(answered) => timeout(patience, answered).await,
        };
        let answer = answered.map_err(|_| Status::deadline_exceeded("no answer in time"))?;
        let payload = answer.map_err(|_| Status::aborted("whoever listened went away: it may be done, or not"))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let message = format!("an answer of {} bytes: {PAYLOAD_BYTES_MAX} at the most are carried", payload.len());
            return Err(Status::out_of_range(message));
        }
        Ok(CallReply { found: true, payload })
    }
}

impl WireOps for Arc<Calls> {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        self.request_at(self.own, subject, payload, timeout)
    }

    fn request_at(&self, engine: u64, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        if let Err(error) = check(subject, &payload) {
            return Pending::ready(Err(error));
        }
        let (calls, request) = (Arc::clone(self), request(subject, payload, timeout));
        if engine == 0 || engine == self.own {
            return spawn(&self.handle, async move {
                let subject = request.subject.clone();
                let reply = calls.answer(request).await;
                taken(reply.map_err(|status| error(&status)), &subject)
            });
        }
        Pending::after(self.channel(engine), |client| spawn(&self.handle, call(client, request, timeout)))
    }

    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        Pending::ready(check(subject, &[]).map(|()| Box::new(self.ears.listen(subject, take)) as Box<dyn Send + Sync>))
    }

    fn heard(&self, prefix: &str) -> Vec<String> {
        self.ears.heard(prefix)
    }
}

/// Does a call on the runtime of the mesh.
pub(super) fn spawn(handle: &Handle, work: impl Future<Output = Result<Vec<u8>>> + Send + 'static) -> Pending<Vec<u8>> {
    let done = handle.spawn(work);
    let ended = |_| Error::new(ErrorKind::Closed, "calls over the mesh are closed here");
    Pending::of(async move { done.await.map_err(ended)? })
}

/// Refuses what no node takes.
pub(super) fn check(subject: &str, payload: &[u8]) -> Result<()> {
    for (what, bytes, max) in
        [("subject", subject.len(), SUBJECT_BYTES_MAX), ("payload", payload.len(), PAYLOAD_BYTES_MAX)]
    {
        if bytes > max {
            let message = format!("a call with a {what} of {bytes} bytes: the most is {max}");
            return Err(Error::new(ErrorKind::Limit, message));
        }
    }
    Ok(())
}

pub(super) fn request(subject: &str, payload: Vec<u8>, timeout: Duration) -> CallRequest {
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    CallRequest { subject: subject.to_owned(), payload, timeout_ms }
}

/// The name that the certificate of a node at an address has to have.
pub(super) fn server_name<'a>(address: &'a str, told: &'a str) -> &'a str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    if told.is_empty() { host.trim_start_matches('[').trim_end_matches(']') } else { told }
}

/// A channel for calls, which connects at the first one.
pub(super) fn client(address: &str, name: &str, tls: &Tls) -> Result<MeshClient<Channel>> {
    Ok(MeshClient::new(dial(address, name, tls)?).max_decoding_message_size(PACKET_BYTES_MAX))
}

/// Calls another node, and waits for the answer.
pub(super) async fn call(mut client: MeshClient<Channel>, request: CallRequest, patience: Duration) -> Result<Vec<u8>> {
    let subject = request.subject.clone();
    let answered = timeout(patience.min(CALL_PATIENCE_MAX), client.call(request)).await;
    let late = |_| Error::new(ErrorKind::Timeout, format!("no answer came on '{subject}' in time"));
    let reply = answered.map_err(late)?.map_err(|status| error(&status).context(format_args!("'{subject}'")));
    taken(reply.map(tonic::Response::into_inner), &subject)
}

fn taken(reply: Result<CallReply>, subject: &str) -> Result<Vec<u8>> {
    let reply = reply?;
    if reply.found { Ok(reply.payload) } else { Err(Error::not_found(format!("nobody listens on '{subject}'"))) }
}

/// What a call failed with: `not_found` where no connection came about, as nothing was asked then.
fn error(status: &Status) -> Error {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return Error::not_found(format!("nobody is there: {}", reason(status)));
        }
        source = error.source();
    }
    let kind = match status.code() {
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::InvalidArgument => ErrorKind::Invalid,
        Code::OutOfRange => ErrorKind::Limit,
        Code::ResourceExhausted => ErrorKind::Busy,
        Code::Unimplemented => ErrorKind::Unsupported,
        _ => ErrorKind::Io,
    };
    Error::new(kind, reason(status))
}

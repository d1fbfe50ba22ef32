//! A connection between two nodes: one gRPC stream, whoever called. First each says who it is, then packets go both
//! ways.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::poll_fn;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::error::{Error, ErrorKind, Result};
use crate::tls::{Tls, dial, reason};

use super::calls::Calls;
use super::driver::Input;
use super::proto::mesh_client::MeshClient;
use super::proto::mesh_server::Mesh;
use super::proto::packet::Body;
use super::proto::{CallReply, CallRequest, Hello, Packet};

/// Packets that wait to be sent to one node. One for which there is no room ends the connection.
const PACKETS_WAITING: usize = 4_096;
/// Bytes of one packet: a record of the largest size, and what is around it.
pub(super) const PACKET_BYTES_MAX: usize = 16 << 20;
/// How long a node has to say who it is.
const HELLO_PATIENCE: Duration = Duration::from_secs(5);
/// How long a call may take until it is answered.
const CALL_PATIENCE: Duration = Duration::from_secs(12);

/// What comes in over a stream; the other way is this as well.
type Packets = Pin<Box<dyn Stream<Item = std::result::Result<Packet, Status>> + Send>>;

/// Somebody at the other end said who he is.
pub(super) struct Met {
    pub(super) hello: Hello,
    /// Where packets for him go.
    pub(super) sender: mpsc::Sender<Packet>,
    /// Where this node called him, if it did.
    pub(super) called: Option<String>,
    /// The id of the node and the number of the connection, once it is taken.
    pub(super) answer: oneshot::Sender<Result<(u64, u64)>>,
}

/// The door of a node for others.
pub(super) struct Door {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) calls: Arc<Calls>,
}

#[tonic::async_trait]
impl Mesh for Door {
    type PeerStream = Packets;

    async fn call(&self, request: Request<CallRequest>) -> std::result::Result<Response<CallReply>, Status> {
        self.calls.answer(request.into_inner()).await.map(Response::new)
    }

    async fn peer(&self, request: Request<Streaming<Packet>>) -> std::result::Result<Response<Packets>, Status> {
        let mut incoming = request.into_inner();
        let (sender, waiting) = mpsc::channel(PACKETS_WAITING);
        let inputs = self.inputs.clone();
        let (engine, lane) = match meet(&mut incoming, sender, None, &inputs).await {
            Ok(met) => met,
            Err(error) => {
                let status = Status::failed_precondition(error.to_string());
                blame(error.context("a node that called"), &inputs).await;
                return Err(status);
            }
        };
        tokio::spawn(carry(incoming, engine, lane, inputs));
        let outgoing = packets(waiting);
        Ok(Response::new(Box::pin(futures_util::StreamExt::map(outgoing, Ok))))
    }
}

/// Calls a node, and carries what it says until the connection ends.
pub(super) async fn call(address: String, name: String, tls: Tls, hello: Packet, inputs: mpsc::Sender<Input>) {
    let outcome = try_call(&address, &name, &tls, hello, &inputs).await;
    let error = outcome.err().map(|e| e.context(format!("call {address}")));
    // Who listens to it may be gone.
    let _ = inputs.send(Input::Called(address, error)).await;
}

async fn try_call(address: &str, name: &str, tls: &Tls, hello: Packet, inputs: &mpsc::Sender<Input>) -> Result<()> {
    let mut client = MeshClient::new(dial(address, name, tls)?).max_decoding_message_size(PACKET_BYTES_MAX);
    let (sender, waiting) = mpsc::channel(PACKETS_WAITING);
    // There is room for the first one.
    let _ = sender.try_send(hello);
    let answered = timeout(CALL_PATIENCE, client.peer(packets(waiting))).await;
    let answered = answered.map_err(|_| late("no answer"))?;
    let mut incoming = answered.map_err(|status| refused(&status))?.into_inner();
    let (engine, lane) = meet(&mut incoming, sender, Some(address.to_owned()), inputs).await?;
    tokio::spawn(carry(incoming, engine, lane, inputs.clone()));
    Ok(())
}

/// Waits for who is at the other end, and has this node take him in.
async fn meet(
    incoming: &mut Streaming<Packet>,
    sender: mpsc::Sender<Packet>,
    called: Option<String>,
    inputs: &mpsc::Sender<Input>,
) -> Result<(u64, u64)> {
    let first = timeout(HELLO_PATIENCE, incoming.message()).await.map_err(|_| late("no hello"))?;
    let first = first.map_err(|status| refused(&status))?;
    let Some(Packet { body: Some(Body::Hello(hello)) }) = first else {
        return Err(Error::invalid("the first packet of a node is no hello"));
    };
    let (answer, answered) = oneshot::channel();
    let gone = || Error::new(ErrorKind::Closed, "the node is about to end");
    inputs.send(Input::Met(Met { hello, sender, called, answer })).await.map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}

/// Hands on what a node says, until it says no more.
async fn carry(mut incoming: Streaming<Packet>, engine: u64, lane: u64, inputs: mpsc::Sender<Input>) {
    loop {
        match incoming.message().await {
            Ok(Some(packet)) => {
                if inputs.send(Input::Packet(engine, lane, packet)).await.is_err() {
                    return;
                }
            }
            Ok(None) => break,
            Err(status) => {
                let error = refused(&status).context(format!("node {engine:016x}"));
                blame(error, &inputs).await;
                break;
            }
        }
    }
    let _ = inputs.send(Input::Gone(engine, lane)).await;
}

/// Has what a node did wrong counted; that it is gone, or is called already, is nothing wrong.
async fn blame(error: Error, inputs: &mpsc::Sender<Input>) {
    if !matches!(error.kind(), ErrorKind::Io | ErrorKind::Busy | ErrorKind::Closed) {
        let _ = inputs.send(Input::Fault(error)).await;
    }
}

fn packets(mut waiting: mpsc::Receiver<Packet>) -> impl Stream<Item = Packet> + Send + 'static {
    poll_fn(move |cx| waiting.poll_recv(cx))
}

fn late(what: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} in time"))
}

fn refused(status: &Status) -> Error {
    let kind = match status.code() {
        Code::OutOfRange => ErrorKind::Limit,
        Code::Internal => ErrorKind::Invalid,
        _ => ErrorKind::Io,
    };
    Error::new(kind, reason(status))
}

//! Requests from node to node through a hub: NATS request and reply, without a stream.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Request, RequestErrorKind};
use futures_util::StreamExt as _;
use tokio::task::AbortHandle;

use super::engine::Hub;
use super::fault;
use super::task::{closed, run};
use crate::error::{Error, ErrorKind};
use crate::pending::Pending;
use crate::stream::contract::{Listener, WireCall, WireOps};

/// A hub, for requests.
pub(super) struct HubWire(pub(super) Arc<Hub>);

/// One who listens, until it is dropped.
struct Ear(AbortHandle);

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl WireOps for HubWire {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        let (hub, subject) = (Arc::clone(&self.0), subject.to_owned());
        run(self.0.handle(), async move {
            let session = hub.reached().await?;
            session.check_open()?;
            let request = Request::new().payload(payload.into()).timeout(Some(timeout));
            match session.client.send_request(subject.clone(), request).await {
                Ok(answer) => Ok(answer.payload.to_vec()),
                Err(error) => Err(match error.kind() {
                    RequestErrorKind::TimedOut => fault::late(&subject, timeout),
                    RequestErrorKind::NoResponders => Error::not_found(format!("nobody listens on '{subject}'")),
                    RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
                        Error::invalid(format!("{subject}: {error}"))
                    }
                    RequestErrorKind::Other => Error::new(ErrorKind::Io, format!("{subject}: {error}")),
                }),
            }
        })
    }

    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        let (hub, subject) = (Arc::clone(&self.0), subject.to_owned());
        run(self.0.handle(), async move {
            let session = Arc::clone(hub.reached().await?);
            let mut calls = session.client.subscribe(subject).await.map_err(|_| closed())?;
            // The server knows of it when this is answered, so that no call is missed from then on.
            session.client.flush().await.map_err(|_| closed())?;
            let (handle, of_calls) = (hub.handle().clone(), session.handle.clone());
            let listening = handle.spawn(async move {
                while let Some(call) = calls.next().await {
                    let Some(to) = call.reply else { continue };
                    let (client, handle) = (session.client.clone(), of_calls.clone());
                    let reply = move |answer: Vec<u8>| {
                        // Whoever asked may be gone.
                        handle.spawn(async move { client.publish(to, answer.into()).await });
                    };
                    take(WireCall { payload: call.payload.to_vec(), reply: Box::new(reply) });
                }
            });
            Ok(Box::new(Ear(listening.abort_handle())) as Box<dyn Send + Sync>)
        })
    }
}

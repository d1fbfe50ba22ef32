//! An engine whose streams are on a hub: any NATS JetStream server or cluster.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Engine, Kind, Other};
use crate::disk::MemDisk;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::shared::Shared;
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::{HubOptions, HubState};

impl Engine {
    /// Connects to a hub and finds out what it is able to do. Every operation of streams, consumers and buckets works
    /// there as in a directory; what the server is too old for is refused by name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for options that cannot be; [`ErrorKind::Io`] when no server answers or it does not let
    /// us in; [`ErrorKind::Unsupported`] when it has no JetStream.
    pub fn connect(options: HubOptions) -> Pending<Engine> {
        let clock = Arc::clone(&options.clock);
        HubEngine::connect(options).map(move |hub| {
            let id = clock.random();
            let shared = Arc::new(Shared::new(clock, Arc::new(MemDisk::default()), 0, id));
            Engine(Kind::Other(Other { ops: Arc::new(hub.clone()), shared, id, dir: None, hub: Some(hub) }))
        })
    }

    fn hub(&self) -> Result<&HubEngine> {
        let hub = match &self.0 {
            Kind::Other(other) => other.hub.as_ref(),
            Kind::Local(inner) => inner.hub.get().and_then(|hub| hub.hub().ok()),
        };
        hub.ok_or_else(|| Error::new(ErrorKind::Unsupported, "this engine is not connected to a hub"))
    }

    /// Where the connection to the hub stands; a directory has one when it was opened with a configuration that names it.
    pub fn hub_state(&self) -> Result<HubState> {
        Ok(self.hub()?.state())
    }

    /// Ready with the number of the last change and the state, once that number is another than `seen`; else wakes `cx`
    /// then. Begin with 0.
    pub fn poll_hub_state(&self, cx: &mut Context<'_>, seen: u64) -> Poll<Result<(u64, HubState)>> {
        match self.hub() {
            Ok(hub) => hub.poll_state(cx, seen).map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

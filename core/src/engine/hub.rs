//! An engine whose streams are on a hub: any NATS JetStream server or cluster.
//!
//! What asks about a hub is in every build, and refused by name where there is none.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::hub_state::{HubState, StateCell};
use crate::stream::hub_watch::HubWatcher;

#[cfg(feature = "hub")]
impl Engine {
    /// Connects to a hub and finds out what it is able to do. Every operation of streams, consumers and buckets works
    /// there as in a directory; what the server is too old for is refused by name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for options that cannot be; [`ErrorKind::Io`] when no server answers or it does not let
    /// us in; [`ErrorKind::Unsupported`] when it has no JetStream.
    pub fn connect(options: crate::HubOptions) -> crate::Pending<Engine> {
        use crate::disk::MemDisk;
        use crate::shared::Shared;
        use crate::stream::hub::engine::HubEngine;

        let clock = Arc::clone(&options.clock);
        HubEngine::connect(options).map(move |hub| {
            let id = clock.random();
            let shared = Arc::new(Shared::new(clock, Arc::new(MemDisk::default()), 0, id));
            let state = Some(Arc::clone(hub.state_cell()));
            Engine(Kind::Other(super::Other { ops: Arc::new(hub), shared, id, hub: state }))
        })
    }
}

impl Engine {
    fn hub(&self) -> Result<&Arc<StateCell>> {
        let hub = match &self.0 {
            Kind::Other(other) => other.hub.as_ref(),
            Kind::Local(_) => None,
        };
        hub.ok_or_else(|| Error::new(ErrorKind::Unsupported, "this engine is not connected to a hub"))
    }

    /// Where the connection to the hub stands.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this engine is not on a hub.
    pub fn hub_state(&self) -> Result<HubState> {
        Ok(self.hub()?.get())
    }

    /// Follows where the connection to the hub stands: the state now, then whenever it changes.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this engine is not on a hub.
    pub fn watch_hub(&self) -> Result<HubWatcher> {
        Ok(HubWatcher::new(Arc::clone(self.hub()?)))
    }

    /// Ready with the number of the last change and the state, once that number is another than `seen`; else wakes `cx`
    /// then. Begin with 0.
    pub fn poll_hub_state(&self, cx: &mut Context<'_>, seen: u64) -> Poll<Result<(u64, HubState)>> {
        match self.hub() {
            Ok(hub) => hub.poll_change(cx, seen).map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

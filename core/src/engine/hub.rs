//! An engine whose streams are on a hub: any NATS JetStream server or cluster.
//!
//! What asks about a hub is in every build, and refused by name where there is none.

use std::sync::Arc;

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
            let (ops, presences) = (Arc::new(hub), Arc::default());
            shared.timers.keep_time_alone();
            Engine(Kind::Other(super::Other { ops, shared, id, dir: None, is_stepped: false, hub: state, presences }))
        })
    }

    /// The hub of a directory, of which there is one; made now, and not waited for.
    pub(super) fn provide_hub(&self, options: crate::HubOptions) -> Result<Engine> {
        use crate::stream::hub::options::without_secret;

        let inner = self.local("a hub of its own")?;
        let urls = options.urls.clone();
        let (theirs, hub) = if let Some(there) = inner.hub.get() {
            there
        } else {
            let options = crate::HubOptions { retry_on_initial_connect: true, ..options };
            let made = Engine::connect(options).wait()?;
            // One that came meanwhile stays, and the new one ends here.
            inner.hub.get_or_init(|| (urls.clone(), made))
        };
        if let Some(other) = urls.iter().find(|url| !theirs.contains(url)) {
            let (here, other) = (theirs.first().map(|u| without_secret(u)), without_secret(other));
            let message = format!("the hub here is {}, not {other}: a node has one hub", here.unwrap_or_default());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(hub.clone())
    }

    /// Begins a link to the hub at `url`. A directory has one hub: that of its configuration, or the first that a link
    /// names. Through a node, the node begins it.
    ///
    /// # Errors
    /// Those of [`Engine::add_link`]; [`ErrorKind::Conflict`] when the directory's hub is another one.
    pub fn add_hub_link(&self, config: crate::LinkConfig, url: &str) -> crate::Pending<()> {
        match &self.0 {
            Kind::Local(_) => match self.provide_hub(crate::HubOptions::new(url)) {
                Ok(hub) => self.add_link(config, &hub),
                Err(error) => crate::Pending::ready(Err(error)),
            },
            Kind::Other(other) => other.ops.add_hub_link(config, url),
        }
    }
}

impl Engine {
    pub(super) fn hub(&self) -> Result<&Arc<StateCell>> {
        let hub = match &self.0 {
            Kind::Other(other) => other.hub.as_ref(),
            Kind::Local(inner) => inner.hub.get().and_then(|(_, hub)| hub.hub().ok()),
        };
        hub.ok_or_else(|| Error::new(ErrorKind::Unsupported, "this engine is not connected to a hub"))
    }

    /// Where the connection to the hub stands; a directory has one when a configuration or a link named it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this engine is not on a hub, and has none.
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
}

//! An engine whose streams are on a hub: any NATS JetStream server or cluster.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Engine, Kind, Other};
use crate::disk::MemDisk;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::shared::Shared;
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::options::without_secret;
use crate::stream::hub::{HubOptions, HubState};
use crate::stream::link::LinkConfig;

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

    /// The hub of a directory, of which there is one; made now, and not waited for.
    pub(super) fn provide_hub(&self, options: HubOptions) -> Result<Engine> {
        let inner = self.local("a hub of its own")?;
        let urls = options.urls.clone();
        let options = HubOptions { retry_on_initial_connect: true, ..options };
        let made = Engine::connect(options).wait()?;
        // The one that is there stays, and the new one ends here.
        let hub = inner.hub.get_or_init(|| made).clone();
        let theirs = hub.hub()?.urls();
        if let Some(other) = urls.iter().find(|url| !theirs.contains(url)) {
            let (here, other) = (theirs.first().map(|u| without_secret(u)), without_secret(other));
            let message = format!("the hub here is {}, not {other}: a node has one hub", here.unwrap_or_default());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(hub)
    }

    /// Begins a link to the hub at `url`. A directory has one hub: that of its configuration, or the first that a link
    /// names. Through a node, the node begins it.
    ///
    /// # Errors
    /// Those of [`Engine::add_link`]; [`ErrorKind::Conflict`] when the directory's hub is another one.
    pub fn add_hub_link(&self, config: LinkConfig, url: &str) -> Pending<()> {
        match &self.0 {
            Kind::Local(_) => match self.provide_hub(HubOptions::new(url)) {
                Ok(hub) => self.add_link(config, &hub),
                Err(error) => Pending::ready(Err(error)),
            },
            Kind::Other(other) => other.ops.add_hub_link(config, url),
        }
    }

    fn hub(&self) -> Result<&HubEngine> {
        let hub = match &self.0 {
            Kind::Other(other) => other.hub.as_ref(),
            Kind::Local(inner) => inner.hub.get().and_then(|hub| hub.hub().ok()),
        };
        hub.ok_or_else(|| Error::new(ErrorKind::Unsupported, "this engine is not connected to a hub"))
    }

    /// Where the connection to the hub stands; a directory has one when a configuration or a link named it.
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

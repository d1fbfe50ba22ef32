//! The presence stores of an engine: one for each name, for all handles in this process, and for the clients of a node.

use std::sync::{Arc, Mutex, Weak};

use super::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::presence::store::call::{PresenceAnswer, PresenceCall, PresenceQuestion};
use crate::presence::store::remote::{There, unreadable};
use crate::presence::store::worker::{Opened, Worker, of_stream};
use crate::presence::{Presence, PresenceConfig};
use crate::stream::Stream;
use crate::stream::hub_state::HubPhase;

/// Stores that somebody has a handle of.
#[derive(Default)]
pub(crate) struct Presences {
    open: Mutex<Vec<Weak<Opened>>>,
    /// Those that clients of this node asked for, which stay.
    kept: Mutex<Vec<Presence>>,
    /// Who opens one is alone in that, so that no two go by one stream.
    opening: Mutex<()>,
}

impl Presences {
    fn find(&self, name: &str) -> Option<Arc<Opened>> {
        let mut open = lock(&self.open);
        open.retain(|worker| worker.strong_count() > 0);
        open.iter()
            .filter_map(Weak::upgrade)
            .find(|worker| worker.config.name == name && worker.core.check_open().is_ok())
    }

    /// Does what is due in all of them, where no thread does.
    pub(super) fn step(&self) {
        let open: Vec<_> = lock(&self.open).iter().filter_map(Weak::upgrade).collect();
        for worker in open {
            worker.round();
        }
    }

    /// Ends all of them in good order.
    pub(super) fn close(&self) {
        let open: Vec<_> = lock(&self.open).drain(..).collect();
        open.iter().filter_map(Weak::upgrade).for_each(|worker| worker.close());
        lock(&self.kept).clear();
    }
}

impl Engine {
    /// Opens a presence store, and makes its stream if it is not there; all handles of a process share one. It reads
    /// the newest record of each user, and blocks until it has.
    ///
    /// Nodes share a store by a link of its stream to the same stream on a hub, in both directions, or by opening it on
    /// the hub.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a configuration that can't be, and on a hub without a name of this node;
    /// [`ErrorKind::Conflict`] when the store is open with another configuration.
    pub fn presence(&self, config: PresenceConfig) -> Result<Presence> {
        let presences = match &self.0 {
            Kind::Other(other) if other.hub.is_none() => {
                let there = There::new(Arc::clone(&other.ops), config);
                there.ask(PresenceCall::Open).wait()?;
                return Ok(Presence::there(there));
            }
            Kind::Other(_) if config.node.is_empty() => {
                return Err(Error::invalid("a presence store on a hub needs the name of this node: set 'node'"));
            }
            Kind::Other(other) => &*other.presences,
            Kind::Local(inner) => {
                inner.writable()?;
                &inner.presences
            }
        };
        let _alone = lock(&presences.opening);
        if let Some(worker) = presences.find(&config.name) {
            if worker.config == config {
                return Ok(Presence::here(worker));
            }
            let message = format!("presence store '{}' is open with another configuration", config.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let id = format!("{:016x}", self.id());
        config.settings(&id)?;
        let stream = self.presence_stream(&config)?;
        let worker = Worker::open(config, &id, &self.shared().clock, &stream, self.hears(stream.name()))?;
        if self.shared().has_worker() || matches!(self.0, Kind::Other(_)) {
            worker.start()?;
        }
        // Its handles end it, and this is none.
        let meter: Weak<Worker> = Arc::downgrade(&**worker);
        self.add_meter(meter);
        lock(&presences.open).push(Arc::downgrade(&worker));
        Ok(Presence::here(worker))
    }

    /// Whether records of others come into a stream: unless a link of it, or the hub that it is on, does not work.
    fn hears(&self, stream: &str) -> Box<dyn Fn() -> bool + Send + Sync> {
        match &self.0 {
            Kind::Other(other) => {
                let hub = other.hub.clone();
                Box::new(move || hub.as_ref().is_none_or(|hub| hub.phase() == HubPhase::Connected))
            }
            Kind::Local(inner) => {
                let (inner, stream) = (Arc::downgrade(inner), stream.to_owned());
                Box::new(move || inner.upgrade().is_some_and(|inner| inner.links.hears(&stream)))
            }
        }
    }

    fn presence_stream(&self, config: &PresenceConfig) -> Result<Stream> {
        let wanted = config.stream();
        match self.stream(&wanted.name).wait() {
            Ok(stream) => Ok(stream),
            Err(error) if error.kind() == ErrorKind::NotFound => self.create_stream(wanted).wait(),
            Err(error) => Err(error),
        }
    }

    /// All presence stores, by name.
    pub fn presences(&self) -> Pending<Vec<String>> {
        self.stream_names().map(|names| names.iter().filter_map(|n| of_stream(n).map(str::to_owned)).collect())
    }

    /// Answers what a client of this node asks, in JSON.
    pub(crate) fn call_presence_text(&self, question: &str) -> Pending<String> {
        let question: PresenceQuestion = match serde_json::from_str(question) {
            Ok(question) => question,
            Err(error) => return Pending::ready(Err(unreadable(&error))),
        };
        let presence = match self.presence_for(question.config) {
            Ok(presence) => presence,
            Err(error) => return Pending::ready(Err(error)),
        };
        answer(&presence, question.call)
            .and_then(|answer| Pending::ready(serde_json::to_string(&answer).map_err(|error| unreadable(&error))))
    }

    /// The store of this name, as it is open or as it is asked for.
    fn presence_for(&self, config: PresenceConfig) -> Result<Presence> {
        let Kind::Local(inner) = &self.0 else { return self.presence(config) };
        if let Some(worker) = inner.presences.find(&config.name) {
            return Ok(Presence::here(worker));
        }
        self.keep_presence(config)
    }

    /// Opens a store that stays open as long as this.
    pub(crate) fn keep_presence(&self, config: PresenceConfig) -> Result<Presence> {
        let presence = self.presence(config)?;
        if let Kind::Local(inner) = &self.0 {
            lock(&inner.presences.kept).push(presence.clone());
        }
        Ok(presence)
    }
}

fn answer(presence: &Presence, call: PresenceCall) -> Pending<PresenceAnswer> {
    match call {
        PresenceCall::Open => Pending::ready(Ok(PresenceAnswer::Done)),
        PresenceCall::Set { space, user, set } => presence.set(&space, &user, set).map(PresenceAnswer::User),
        PresenceCall::Heartbeat { space, user, session, active } => {
            presence.heartbeat(&space, &user, &session, active).map(PresenceAnswer::Lease)
        }
        PresenceCall::Leave { space, user, session } => {
            presence.leave(&space, &user, &session).map(PresenceAnswer::User)
        }
        PresenceCall::Choose { space, user, status, how_long } => {
            presence.choose(&space, &user, status, how_long).map(PresenceAnswer::User)
        }
        PresenceCall::Hide { space, user, on } => presence.hide(&space, &user, on).map(PresenceAnswer::User),
        PresenceCall::Get { space, users } => {
            let users: Vec<_> = users.iter().map(String::as_str).collect();
            presence.get_many(&space, &users).map(PresenceAnswer::Reading)
        }
        PresenceCall::List { space } => presence.list(&space).map(PresenceAnswer::Reading),
        PresenceCall::Counts { space } => presence.counts(&space).map(PresenceAnswer::Counts),
        PresenceCall::Spaces => presence.spaces().map(PresenceAnswer::Spaces),
        PresenceCall::Purge(purge) => presence.purge(purge).map(PresenceAnswer::Count),
        PresenceCall::Status => presence.status().map(|status| PresenceAnswer::Status(Box::new(status))),
        PresenceCall::Watch { options, max } => match presence.watch(options) {
            Ok(watcher) => watcher.next(max).map(PresenceAnswer::Events),
            Err(error) => Pending::ready(Err(error)),
        },
    }
}

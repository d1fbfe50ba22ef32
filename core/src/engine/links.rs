//! The links of an engine, and the one thread that works for all of them. Without a worker, [`super::Engine::step`]
//! does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::thread::JoinHandle;

use super::{Engine, Inner, Kind, Other};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::stream::hub_state::HubPhase;
use crate::stream::link::{self, Away, Find, Link, LinkConfig, LinkState, LinkStatus, Work};

/// Where links keep how far they are, in the directory.
pub(super) const LINKS: &str = "links";

/// All links at work.
#[derive(Default)]
pub(crate) struct Links {
    inside: Arc<Inside>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inside {
    running: Mutex<Vec<Running>>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    now: bool,
    stop: bool,
}

/// A link, and its work in each of its directions.
type Running = (Arc<Link>, Vec<Arc<Task>>);

/// One direction of one link.
struct Task {
    work: Mutex<Option<Work>>,
    woken: AtomicBool,
    inside: Arc<Inside>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.inside.ring();
    }
}

impl Inside {
    fn ring(&self) {
        lock(&self.bell).now = true;
        self.rung.notify_one();
    }

    /// Works for every link that was woken; true when there was one.
    fn work(&self) -> bool {
        let tasks: Vec<Arc<Task>> = lock(&self.running).iter().flat_map(|(_, tasks)| tasks).map(Arc::clone).collect();
        let mut any = false;
        for task in tasks {
            if !task.woken.swap(false, Ordering::AcqRel) {
                continue;
            }
            any = true;
            let waker = Waker::from(Arc::clone(&task));
            let mut slot = lock(&task.work);
            if let Some(work) = slot.as_mut()
                && work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            {
                *slot = None;
            }
        }
        any
    }

    /// Sleeps until a link is woken; false when the thread shall end.
    fn wait(&self) -> bool {
        let mut bell = lock(&self.bell);
        while !bell.now && !bell.stop {
            bell = self.rung.wait(bell).unwrap_or_else(PoisonError::into_inner);
        }
        bell.now = false;
        !bell.stop
    }
}

impl Links {
    /// Works for every link that was woken, as long as there is one.
    pub(super) fn step(&self) {
        while self.inside.work() {}
    }

    fn add(&self, link: Arc<Link>) -> Result<()> {
        let mut running = lock(&self.inside.running);
        if running.iter().any(|(other, _)| other.config.name == link.config.name) {
            let message = format!("there is a link '{}' already", link.config.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let task = |work| {
            let (work, inside) = (Mutex::new(Some(work)), Arc::clone(&self.inside));
            Arc::new(Task { work, woken: AtomicBool::new(true), inside })
        };
        let tasks = link.work().into_iter().map(task).collect();
        running.push((link, tasks));
        drop(running);
        self.inside.ring();
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut running = lock(&self.inside.running);
        let gone = || Error::not_found(format!("there is no link '{name}'"));
        let at = running.iter().position(|(link, _)| link.config.name == name).ok_or_else(gone)?;
        let (link, tasks) = running.remove(at);
        drop(running);
        link.stop();
        for task in tasks {
            *lock(&task.work) = None;
        }
        Ok(())
    }

    /// The name of a link that a local stream has.
    pub(super) fn of_stream(&self, name: &str) -> Option<String> {
        let running = lock(&self.inside.running);
        running.iter().find(|(link, _)| link.config.stream == name).map(|(link, _)| link.config.name.clone())
    }

    /// What each was told to do.
    #[cfg(feature = "config")]
    pub(super) fn configs(&self) -> Vec<LinkConfig> {
        lock(&self.inside.running).iter().map(|(link, _)| link.config.clone()).collect()
    }

    /// Stores where each goes on.
    pub(super) fn save(&self) {
        let links: Vec<_> = lock(&self.inside.running).iter().map(|(link, _)| Arc::clone(link)).collect();
        for link in links {
            link.save();
        }
    }

    /// Where each stands, by name.
    pub(super) fn status(&self) -> Vec<LinkStatus> {
        let mut all: Vec<_> = lock(&self.inside.running).iter().map(|(link, _)| link.status()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Whether records of others come into a stream: unless it has links, and none of them works.
    pub(super) fn hears(&self, stream: &str) -> bool {
        let running = lock(&self.inside.running);
        let mut states = running.iter().filter(|(link, _)| link.config.stream == stream).map(|(link, _)| link.state());
        states.next().is_none_or(|first| first == LinkState::Running || states.any(|s| s == LinkState::Running))
    }

    /// Ends all of them.
    pub(super) fn close(&self) {
        let all: Vec<String> = lock(&self.inside.running).iter().map(|(link, _)| link.config.name.clone()).collect();
        lock(&self.inside.bell).stop = true;
        self.inside.rung.notify_one();
        if let Some(thread) = lock(&self.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        for name in all {
            let _ = self.remove(&name);
        }
    }

    #[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: this one when it has a link")]
    fn start_thread(&self) -> Result<()> {
        let mut thread = lock(&self.thread);
        if thread.is_some() {
            return Ok(());
        }
        let inside = Arc::clone(&self.inside);
        let work = move || {
            while inside.wait() {
                inside.work();
            }
        };
        let started = std::thread::Builder::new().name("headwater-links".to_owned()).spawn(work);
        *thread = Some(started.map_err(|e| Error::io("start the thread of the links", &e))?);
        Ok(())
    }
}

impl Inner {
    fn link(self: &Arc<Self>, config: LinkConfig, other: (Find, Away)) -> Result<Arc<Link>> {
        self.writable()?;
        let local = Arc::clone(&self.open_stream(&config.stream)?.local);
        let link = Arc::new(Link::new(config, local, other, self.root.join(LINKS))?);
        if self.shared.has_worker() {
            self.links.start_thread()?;
        }
        self.links.add(Arc::clone(&link))?;
        Ok(link)
    }
}

/// The stream on the other side, which is made if it is not there and `made` says what it shall be.
async fn find(other: Engine, name: String, made: Option<StreamConfig>) -> Result<Stream> {
    match (other.stream(&name).await, made) {
        (Err(error), Some(made)) if error.kind() == ErrorKind::NotFound => other.create_stream(made).await,
        (found, _) => found,
    }
}

impl Engine {
    /// Joins a local stream to one of `other`, which is usually a hub, and works on it until the engine is closed or
    /// the link removed. What it carried so far is remembered under its name.
    ///
    /// What is wrong is said here where the other side can be asked. A hub that is not connected now is not waited
    /// for: the link begins, and its status says what it waits for and why.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what a link cannot be told; [`ErrorKind::NotFound`] when the local stream is not
    /// there, or the other one and [`LinkConfig::create`] is not set; [`ErrorKind::Unsupported`] when that stream or
    /// its server cannot be pushed to by many; [`ErrorKind::Conflict`] when a link has the name.
    pub fn add_link(&self, config: LinkConfig, other: &Engine) -> Pending<()> {
        let begun = self.local("a link").and_then(|inner| {
            config.check()?;
            let subjects = inner.open_stream(&config.stream)?.local.lock().config.subjects.clone();
            Ok((Arc::clone(inner), config.to_create(&subjects)))
        });
        let (inner, made) = match begun {
            Ok(begun) => begun,
            Err(error) => return Pending::ready(Err(error)),
        };
        let (other, name) = (other.clone(), config.remote.clone());
        Pending::of(async move {
            let (is_reached, asked) = (other.away().is_none(), other.clone());
            let find = move || find(other.clone(), name.clone(), made.clone());
            if is_reached {
                let stream = find().await?;
                config.check_remote(&stream.config())?;
                if config.needs_positions() {
                    stream.check_batches()?;
                }
            }
            let hub = asked.hub().map(Arc::clone);
            let link = inner.link(config, (Box::new(move || Pending::of(find())), Box::new(move || asked.away())))?;
            if let Ok(hub) = hub {
                let link = Arc::downgrade(&link);
                hub.count(link);
            }
            Ok(())
        })
    }

    /// Why it cannot be asked now; all but a hub that is not connected can.
    fn away(&self) -> Option<String> {
        let Kind::Other(Other { hub: Some(state), .. }) = &self.0 else { return None };
        let state = state.of_connection();
        let why = if state.last_error.is_empty() { "no server answered" } else { &state.last_error };
        (state.phase != HubPhase::Connected).then(|| format!("the hub is {}: {why}", state.phase.name()))
    }

    /// As [`Engine::add_link`], to a stream that is kept by what was written elsewhere.
    #[doc(hidden)]
    pub fn add_link_to(&self, config: LinkConfig, remote: Stream) -> Result<()> {
        let other: (Find, Away) = (Box::new(move || Pending::ready(Ok(remote.clone()))), Box::new(|| None));
        self.local("a link")?.link(config, other).map(drop)
    }

    /// Ends a link; what was carried stays, and where it stood is kept for the next one of its name.
    pub fn remove_link(&self, name: &str) -> Result<()> {
        match &self.0 {
            Kind::Local(inner) => inner.links.remove(name),
            Kind::Other(other) => other.ops.remove_link(name).wait(),
        }
    }

    /// Where each link stands, by name; through a node, each of the node's.
    pub fn links(&self) -> Result<Vec<LinkStatus>> {
        match &self.0 {
            Kind::Local(inner) => Ok(inner.links.status()),
            Kind::Other(other) => other.ops.links().wait(),
        }
    }

    /// Where a link stands that is not at work now: at what was stored when it was.
    pub fn link_at_rest(&self, config: &LinkConfig) -> Result<LinkStatus> {
        let inner = self.local("a link")?;
        link::at_rest(config, &inner.open_stream(&config.stream)?.local, &inner.root.join(LINKS))
    }
}

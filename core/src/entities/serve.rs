//! Handlers in Rust: what they are told, and what drives them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hashbrown::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};

use super::background::{Background, Origin};
use super::entity::{EntityId, Name};
use super::reply::Answer;
use super::request::RequestOptions;
use super::runtime::Entities;
use super::turn::{Item, Turn, What};

/// A message to an entity.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What is asked or told.
    pub name: &'a str,
    /// In the encoding of whoever sent it.
    pub payload: &'a [u8],
    /// Whether somebody waits for the answer.
    pub wants_reply: bool,
    /// How often it was handed out, from 1 on.
    pub attempt: u32,
}

/// A handler: what is alive of an entity while it is wanted. One at a time is told something of it.
///
/// What a method answers as an error goes to whoever asked. One that panics breaks the handler, which is begun anew.
pub trait Entity: Sized + Send + 'static {
    /// The name of its kind, which stays whatever becomes of the program.
    const KIND: &'static str;

    /// Makes the handler, say of its events.
    fn start(context: &Context) -> impl Future<Output = Result<Self>> + Send;

    /// Handles a message; the answer goes to whoever asked.
    fn handle(&mut self, message: Message<'_>, context: &Context) -> impl Future<Output = Answer> + Send;

    /// A time has come that was set with [`Context::set_timer`].
    fn timer(&mut self, name: &str, context: &Context) -> impl Future<Output = Result<()>> + Send {
        let _ = (name, context);
        async { Ok(()) }
    }

    /// It is not wanted any more.
    fn stop(self, context: &Context) -> impl Future<Output = ()> + Send {
        let _ = context;
        async {}
    }
}

/// What a handler knows while it handles something.
pub struct Context {
    served: Arc<Served>,
    name: Arc<Name>,
    activation: u64,
    token: u64,
    item: u32,
}

impl Context {
    /// Which entity it is.
    pub fn id(&self) -> EntityId<'_> {
        self.name.id()
    }

    /// Which one it is of its kind.
    pub fn key(&self) -> &str {
        &self.name.key
    }

    /// All entities.
    pub fn entities(&self) -> &Entities {
        &self.served.entities
    }

    /// Asks another entity. One that would come back to this one is refused, as it would wait for itself.
    ///
    /// # Errors
    /// As [`Entities::request`].
    pub fn request(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Pending<Vec<u8>> {
        self.request_for(Duration::ZERO, to, name, payload)
    }

    /// As [`Context::request`], with how long the answer is waited for; 30 s when zero.
    ///
    /// # Errors
    /// As there.
    pub fn request_for(&self, timeout: Duration, to: EntityId<'_>, name: &str, payload: &[u8]) -> Pending<Vec<u8>> {
        let within = Some((self.token, self.item));
        self.entities().request(to, name, payload, RequestOptions { timeout, within })
    }

    /// Tells an entity something, which may be this one.
    ///
    /// # Errors
    /// As [`Entities::notify`].
    pub fn notify(&self, to: EntityId<'_>, name: &str, payload: &[u8]) -> Pending<()> {
        self.entities().notify(to, name, payload)
    }

    /// As [`Entities::set_timer`].
    ///
    /// # Errors
    /// As there.
    pub fn set_timer(&self, name: &str, after: Duration, every: Duration) -> Result<()> {
        self.entities().set_timer(self.token, name, after, every)
    }

    /// As [`Entities::cancel_timer`].
    ///
    /// # Errors
    /// As there.
    pub fn cancel_timer(&self, name: &str) -> Result<bool> {
        self.entities().cancel_timer(self.token, name)
    }

    /// As [`Entities::holds`].
    ///
    /// # Errors
    /// As there.
    pub fn holds(&self, bytes: u64) -> Result<()> {
        self.entities().holds(self.token, bytes)
    }

    /// Does something in the background, while the handler takes messages: what it comes to arrives as a message of
    /// this name, which nobody waits for. It keeps the handler alive, and is let go when that ends. One that panics is
    /// logged, and no message comes.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when as many are under way as may be.
    pub fn spawn(&self, name: &str, work: impl Future<Output = Vec<u8>> + Send + 'static) -> Result<()> {
        let origin = Origin {
            task: self.entities().begin_task(self.token)?,
            entities: self.entities().clone(),
            of: Arc::clone(&self.name),
            activation: self.activation,
            name: name.into(),
        };
        self.served.background.begin(origin, work);
        Ok(())
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Starter = Box<dyn for<'a> Fn(&'a Context) -> Boxed<'a, Result<Box<dyn Handler>>> + Send + Sync>;

/// An entity of any kind.
trait Handler: Send {
    fn handle<'a>(&'a mut self, message: Message<'a>, context: &'a Context) -> Boxed<'a, Answer>;
    fn timer<'a>(&'a mut self, name: &'a str, context: &'a Context) -> Boxed<'a, Result<()>>;
    fn stop(self: Box<Self>, context: &Context) -> Boxed<'_, ()>;
}

impl<E: Entity> Handler for E {
    fn handle<'a>(&'a mut self, message: Message<'a>, context: &'a Context) -> Boxed<'a, Answer> {
        Box::pin(Entity::handle(self, message, context))
    }

    fn timer<'a>(&'a mut self, name: &'a str, context: &'a Context) -> Boxed<'a, Result<()>> {
        Box::pin(Entity::timer(self, name, context))
    }

    fn stop(self: Box<Self>, context: &Context) -> Boxed<'_, ()> {
        Box::pin(Entity::stop(*self, context))
    }
}

/// A handler, while it is alive.
type Living = Option<Box<dyn Handler>>;

/// The kinds of entities that a program handles.
#[derive(Default)]
pub struct EntityTypes(HashMap<&'static str, Starter, foldhash::fast::FixedState>);

impl EntityTypes {
    /// None yet.
    pub fn new() -> Self {
        EntityTypes::default()
    }

    /// Adds a kind.
    #[must_use]
    pub fn with<E: Entity>(mut self) -> Self {
        let start: Starter =
            Box::new(|context| Box::pin(async move { Ok(Box::new(E::start(context).await?) as Box<dyn Handler>) }));
        self.0.insert(E::KIND, start);
        self
    }
}

/// Who serves: the kinds, and the handlers that are alive and have no turn.
struct Served {
    entities: Entities,
    types: EntityTypes,
    handlers: Mutex<HashMap<u64, Box<dyn Handler>, foldhash::fast::FixedState>>,
    background: Arc<Background>,
}

impl Entities {
    /// Handles entities of these kinds until it is closed. Poll it from one task, and it handles many entities at once
    /// there; give clones of it to several for several processors.
    ///
    /// # Errors
    /// None but those of the engine.
    pub fn serve(&self, types: EntityTypes) -> Server {
        let served = Served { entities: self.clone(), types, handlers: Mutex::default(), background: Arc::default() };
        Server(Arc::new(served))
    }
}

/// Who handles entities.
#[derive(Clone)]
pub struct Server(Arc<Served>);

impl Server {
    /// Handles entities until they are closed.
    ///
    /// # Errors
    /// None but those of the engine.
    pub fn run(&self) -> Pending<()> {
        let served = Arc::clone(&self.0);
        Pending::of(async move { served.run().await })
    }
}

impl Served {
    async fn run(self: Arc<Self>) -> Result<()> {
        let (mut turns, mut tasks) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut taking = self.entities.taking();
        // The room of a turn that is over, for the next one.
        let mut room = None;
        loop {
            let taken = std::future::poll_fn(|cx| {
                while let Poll::Ready(Some(())) = turns.poll_next_unpin(cx) {}
                tasks.extend(self.background.take_new());
                while let Poll::Ready(Some(())) = tasks.poll_next_unpin(cx) {}
                taking.poll(cx)
            });
            match taken.await {
                Ok(turn) => {
                    let handled = Arc::clone(&self).handle(turn);
                    let mut turn = match room.take() {
                        None => Box::pin(handled),
                        Some(mut room) => {
                            Pin::set(&mut room, handled);
                            room
                        }
                    };
                    // Most turns are over at once, and need no place of their own.
                    match (&mut turn).now_or_never() {
                        Some(()) => room = Some(turn),
                        None => turns.push(turn),
                    }
                }
                Err(error) if error.kind() == ErrorKind::Closed => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn handle(self: Arc<Self>, turn: Turn) {
        let (served, activation) = (Arc::clone(&self), turn.activation);
        let mut context = Context { served, name: Arc::clone(&turn.name), activation, token: turn.token, item: 0 };
        let mut handler = lock(&self.handlers).remove(&turn.activation);
        let answers = self.items(&turn, &mut context, &mut handler).await;
        let is_over = answers.is_none();
        if let Some(handler) = handler.filter(|_| !is_over) {
            lock(&self.handlers).insert(turn.activation, handler);
        }
        if answers.is_none_or(|answers| self.entities.complete(turn.token, answers).is_err()) {
            lock(&self.handlers).remove(&turn.activation);
            self.background.end_life(activation);
        }
    }

    /// Handles the items of a turn in order, and answers what was not told yet; `None` when the turn, and with it the
    /// handler, is over before its end.
    async fn items(&self, turn: &Turn, context: &mut Context, handler: &mut Living) -> Option<Vec<(u32, Answer)>> {
        let mut answers = Vec::with_capacity(turn.items.len());
        for (item, what) in (0..).zip(&turn.items) {
            context.item = item;
            if handler.is_none() && matches!(what.what, What::Message { .. } | What::Timer { .. }) {
                // Whoever had it serves no more: it is begun anew.
                self.entities.complete(turn.token, answers).ok()?;
                self.entities.crash(turn.token, item, &gone(context)).ok()?;
                return None;
            }
            let done = {
                let work = self.item(what, context, handler);
                let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
                match (&mut work).now_or_never() {
                    Some(done) => done,
                    None => {
                        // What was answered is said before anything is waited for.
                        if !answers.is_empty() {
                            self.entities.complete(turn.token, answers.drain(..)).ok()?;
                        }
                        match select(work, pin!(self.entities.lease_end())).await {
                            Either::Left((done, _)) => done,
                            // What it does is void, and would never end, maybe.
                            Either::Right(_) => return None,
                        }
                    }
                }
            };
            match done {
                Ok(Err(error)) if what.what == What::Start => {
                    // What is behind it is settled there.
                    self.entities.complete(turn.token, [(item, Err(error))]).ok()?;
                    return None;
                }
                Ok(answer) => answers.push((item, answer)),
                Err(panic) => {
                    let error = panicked(context, &*panic);
                    // A turn whose lease was over is another's.
                    self.entities.complete(turn.token, answers).ok()?;
                    self.entities.crash(turn.token, item, &error).ok()?;
                    return None;
                }
            }
        }
        Some(answers)
    }

    async fn item(&self, item: &Item, context: &Context, handler: &mut Living) -> Answer {
        match &item.what {
            What::Start => {
                *handler = Some(self.start(context).await?);
                Ok(Vec::new())
            }
            What::Message { name, payload, wants_reply } => {
                let message = Message { name, payload, wants_reply: *wants_reply, attempt: item.attempt };
                handler.as_mut().ok_or_else(|| gone(context))?.handle(message, context).await
            }
            What::Timer { name } => {
                let handler = handler.as_mut().ok_or_else(|| gone(context))?;
                handler.timer(name, context).await.map(|()| Vec::new())
            }
            What::Stop => {
                self.background.end_life(context.activation);
                if let Some(handler) = handler.take() {
                    handler.stop(context).await;
                }
                Ok(Vec::new())
            }
        }
    }

    async fn start(&self, context: &Context) -> Result<Box<dyn Handler>> {
        match self.types.0.get(context.id().kind) {
            Some(start) => start(context).await,
            None => {
                let kind = context.id().kind.escape_debug();
                Err(Error::new(ErrorKind::Unsupported, format!("no entity of kind '{kind}' is handled here")))
            }
        }
    }
}

fn gone(context: &Context) -> Error {
    Error::new(ErrorKind::Internal, format!("the handler of {} is gone", context.id()))
}

fn panicked(context: &Context, panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic_text(panic);
    Error::new(ErrorKind::Internal, format!("the handler of {} panicked: {text}", context.id()))
}

/// What a panic says.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something that is no text")
}

//! Background tasks of handlers in Rust: begun by a handler, polled by whoever serves, and let go when their handler
//! ends. `tasks.rs` counts them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Abortable};
use hashbrown::HashMap;

use crate::locks::lock;

use super::entity::Name;
use super::runtime::Entities;
use super::serve::panic_text;

/// A task as it is polled.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks of the handlers of one who serves.
#[derive(Default)]
pub(super) struct Background(Mutex<State>);

#[derive(Default)]
struct State {
    /// Those that nobody polls yet.
    new: Vec<Task>,
    /// How each is let go, by the life of its handler.
    aborts: HashMap<u64, Vec<(u64, AbortHandle)>, foldhash::fast::FixedState>,
}

/// Whose a task is, and what its message is called.
pub(super) struct Origin {
    pub(super) entities: Entities,
    pub(super) of: Arc<Name>,
    pub(super) activation: u64,
    pub(super) task: u64,
    pub(super) name: Arc<str>,
}

impl Background {
    /// Begins a task. What it comes to goes to its handler.
    pub(super) fn begin(self: &Arc<Self>, origin: Origin, work: impl Future<Output = Vec<u8>> + Send + 'static) {
        let (abort, registration) = AbortHandle::new_pair();
        let work = Abortable::new(AssertUnwindSafe(work).catch_unwind(), registration);
        let (activation, task, background) = (origin.activation, origin.task, Arc::downgrade(self));
        let done = async move {
            let outcome = work.await;
            if let Some(background) = background.upgrade() {
                background.is_over(activation, task);
            }
            let Origin { entities, of, name, .. } = origin;
            // One whose handler ended meanwhile has nobody to come to.
            let _ = match outcome {
                Ok(Ok(payload)) => entities.end_task(task, Some((&name, &payload))),
                Ok(Err(panic)) => {
                    let said = panic_text(&*panic);
                    entities.engine().log("error", format!("a background task of {} panicked: {said}", of.id()));
                    entities.end_task(task, None)
                }
                Err(_) => Ok(()),
            };
        };
        let mut state = lock(&self.0);
        state.new.push(Box::pin(done));
        state.aborts.entry(activation).or_default().push((task, abort));
    }

    /// Those that nobody polls yet.
    pub(super) fn take_new(&self) -> Vec<Task> {
        std::mem::take(&mut lock(&self.0).new)
    }

    /// Lets go of the tasks of a handler that ended.
    pub(super) fn end_life(&self, activation: u64) {
        for (_, abort) in lock(&self.0).aborts.remove(&activation).unwrap_or_default() {
            abort.abort();
        }
    }

    fn is_over(&self, activation: u64, task: u64) {
        let mut state = lock(&self.0);
        let Some(of_life) = state.aborts.get_mut(&activation) else { return };
        of_life.retain(|(known, _)| *known != task);
        if of_life.is_empty() {
            state.aborts.remove(&activation);
        }
    }
}

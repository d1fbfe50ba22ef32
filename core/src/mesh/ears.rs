//! Who listens at a node for calls of others, by subject.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::locks::lock;
use crate::stream::contract::{Listener, WireCall};

type Listeners = BTreeMap<String, Vec<(u64, Listener)>>;

/// Listeners by their subjects. Of several on one subject the newest hears.
#[derive(Default)]
pub(super) struct Ears(Mutex<(u64, Listeners)>);

/// One who listens, until it is dropped.
pub(super) struct Ear {
    ears: Arc<Ears>,
    subject: String,
    number: u64,
}

impl Drop for Ear {
    fn drop(&mut self) {
        let (_, listeners) = &mut *lock(&self.ears.0);
        if let Some(all) = listeners.get_mut(&self.subject) {
            all.retain(|(number, _)| *number != self.number);
            if all.is_empty() {
                listeners.remove(&self.subject);
            }
        }
    }
}

impl Ears {
    pub(super) fn listen(self: &Arc<Self>, subject: &str, take: Listener) -> Ear {
        let (number, listeners) = &mut *lock(&self.0);
        *number += 1;
        listeners.entry(subject.to_owned()).or_default().push((*number, take));
        Ear { ears: Arc::clone(self), subject: subject.to_owned(), number: *number }
    }

    /// The subjects with a prefix on which somebody listens.
    pub(super) fn heard(&self, prefix: &str) -> Vec<String> {
        let (_, listeners) = &*lock(&self.0);
        listeners.keys().filter(|subject| subject.starts_with(prefix)).cloned().collect()
    }

    /// Calls whoever listens on a subject; `None` when nobody does. The answer never comes when he lets go of it.
    pub(super) fn call(&self, subject: &str, payload: Vec<u8>) -> Option<oneshot::Receiver<Vec<u8>>> {
        let listener = lock(&self.0).1.get(subject).and_then(|all| all.last()).map(|(_, take)| Arc::clone(take))?;
        let (answer, answered) = oneshot::channel();
        let reply = move |payload| {
            // Whoever asked may be gone.
            let _ = answer.send(payload);
        };
        listener(WireCall { payload, reply: Box::new(reply) });
        Some(answered)
    }
}

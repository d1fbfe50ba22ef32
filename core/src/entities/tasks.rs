//! Background tasks: work of a handler that goes on while it takes messages, and comes to it as one when it is done.
//! They are few at once, keep their handler alive, and end with it.

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};

use super::dispatch::Dispatch;
use super::entity::Letter;
use super::turn::What;

impl Dispatch {
    /// Counts a task of the entity whose turn it is, and names it.
    pub(super) fn begin_task(&mut self, token: u64) -> Result<u64> {
        let at = self.turn_of(token)?;
        let most = self.limits.tasks;
        let Some(entry) = &mut self.entries[at as usize] else { return Err(over()) };
        if entry.tasks >= most {
            let message = format!("{} has {most} background tasks, and that is the limit", entry.name.id());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        entry.tasks += 1;
        self.tasks_begun += 1;
        self.tasks.insert(self.tasks_begun, (at, entry.activation));
        Ok(self.tasks_begun)
    }

    /// A task is done; what it leaves goes to its handler as a message, also beyond the limit of its mailbox.
    pub(super) fn end_task(&mut self, task: u64, message: Option<What>, now: Nanos) -> Result<()> {
        let (at, activation) = self.tasks.remove(&task).ok_or_else(over)?;
        let Some(entry) = self.entries[at as usize].as_mut().filter(|entry| entry.activation == activation) else {
            return Err(over());
        };
        entry.tasks -= 1;
        match message {
            Some(what) => self.put(at, Letter::of_ours(what), now),
            None => self.look_at(at, now),
        }
        Ok(())
    }
}

fn over() -> Error {
    Error::new(ErrorKind::Misuse, "this background task is over: it was ended, or its handler was")
}

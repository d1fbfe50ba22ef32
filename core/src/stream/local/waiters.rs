//! Who waits for what: wakers of subscribers by filter, and of writers by position. Wakes are handed out, not called
//! under the lock.

use std::task::Waker;

use crate::journal::Pos;
use crate::subject::Filters;

struct Reader {
    id: u64,
    filters: Filters,
    waker: Waker,
}

struct Writer {
    id: u64,
    pos: Pos,
    waker: Waker,
}

/// Everyone who waits on one stream.
#[derive(Default)]
pub(crate) struct Waiters {
    readers: Vec<Reader>,
    writers: Vec<Writer>,
}

impl Waiters {
    /// Wakes `waker` once when a record that `filters` take is committed; one wait for each id.
    pub(crate) fn wait_for_record(&mut self, id: u64, filters: &Filters, waker: &Waker) {
        match self.readers.iter_mut().find(|r| r.id == id) {
            Some(reader) => reader.waker.clone_from(waker),
            None => self.readers.push(Reader { id, filters: filters.clone(), waker: waker.clone() }),
        }
    }

    /// Wakes `waker` once when everything up to `pos` is committed, or shall be committed by whoever is woken.
    pub(crate) fn wait_for_commit(&mut self, id: u64, pos: Pos, waker: &Waker) {
        match self.writers.iter_mut().find(|w| w.id == id) {
            Some(writer) => writer.waker.clone_from(waker),
            None => self.writers.push(Writer { id, pos, waker: waker.clone() }),
        }
    }

    pub(crate) fn forget(&mut self, id: u64) {
        self.readers.retain(|r| r.id != id);
        self.writers.retain(|w| w.id != id);
    }

    pub(crate) fn has_writers(&self) -> bool {
        !self.writers.is_empty()
    }

    pub(crate) fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    /// The readers of a subject that was just committed.
    pub(crate) fn take_readers(&mut self, subject: &str, woken: &mut Vec<Waker>) {
        woken.extend(self.readers.extract_if(.., |r| r.filters.matches(subject)).map(|r| r.waker));
    }

    /// The writers whose records are committed, and one more to commit the rest.
    pub(crate) fn take_writers(&mut self, committed: Pos, woken: &mut Vec<Waker>) {
        woken.extend(self.writers.extract_if(.., |w| w.pos <= committed).map(|w| w.waker));
        if let Some(next) = self.writers.first() {
            woken.push(next.waker.clone());
        }
    }

    /// The one with this id, because its time has come.
    pub(crate) fn take_id(&mut self, id: u64, woken: &mut Vec<Waker>) {
        woken.extend(self.readers.extract_if(.., |r| r.id == id).map(|r| r.waker));
    }

    /// Every reader.
    pub(crate) fn take_all_readers(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.readers.drain(..).map(|r| r.waker));
    }

    /// Everyone.
    pub(crate) fn take_all(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.readers.drain(..).map(|r| r.waker));
        woken.extend(self.writers.drain(..).map(|w| w.waker));
    }
}

/// Wakes everyone in the list.
pub(crate) fn wake(woken: Vec<Waker>) {
    for waker in woken {
        waker.wake();
    }
}

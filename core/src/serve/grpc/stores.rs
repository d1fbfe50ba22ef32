//! The stores that are open for clients: one handle of each, the latest used last, so many at the most.

use std::sync::{Mutex, MutexGuard};

use crate::crdt::{CrdtConfig, CrdtStore};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::locks::lock;

/// The most stores that are open at once. What an open store keeps in memory grows with its keys.
const STORES_MAX: usize = 64;

pub(super) struct Stores {
    engine: Engine,
    open: Mutex<Vec<CrdtStore>>,
}

impl Stores {
    pub(super) fn new(engine: &Engine) -> Self {
        Stores { engine: engine.clone(), open: Mutex::default() }
    }

    /// Does `work` on a store that is there.
    pub(super) fn with<T>(&self, name: &str, work: impl FnOnce(&CrdtStore) -> Result<T>) -> Result<T> {
        self.on(self.get(name, false)?, work)
    }

    /// Does `work` on a store, which is made if it is not there.
    pub(super) fn make<T>(&self, name: &str, work: impl FnOnce(&CrdtStore) -> Result<T>) -> Result<T> {
        self.on(self.get(name, true)?, work)
    }

    fn on<T>(&self, store: CrdtStore, work: impl FnOnce(&CrdtStore) -> Result<T>) -> Result<T> {
        work(&store).inspect_err(|_| self.look_after(&store))
    }

    fn get(&self, name: &str, make: bool) -> Result<CrdtStore> {
        if let Some(store) = find(&mut self.open(), name) {
            return Ok(store);
        }
        // Opening reads the log, so nobody else waits for it.
        let opened = match self.engine.open_crdt(name) {
            Err(error) if make && error.kind() == ErrorKind::NotFound => {
                self.engine.crdt(CrdtConfig { name: name.to_owned(), ..CrdtConfig::default() })?
            }
            opened => opened?,
        };
        let mut open = self.open();
        if let Some(store) = find(&mut open, name) {
            return Ok(store);
        }
        if open.len() == STORES_MAX {
            // Whoever works with it goes on.
            open.remove(0);
        }
        open.push(opened.clone());
        Ok(opened)
    }

    /// Lets go of a handle that can't go on, so that the next call opens a new one.
    fn look_after(&self, store: &CrdtStore) {
        if store.status().is_err() {
            self.open().retain(|each| each.actor() != store.actor());
        }
    }

    /// Closes all of them.
    pub(super) fn close(&self) {
        let open = std::mem::take(&mut *self.open());
        open.iter().for_each(CrdtStore::close);
    }

    fn open(&self) -> MutexGuard<'_, Vec<CrdtStore>> {
        // It is whole at any time, so it is sound after a panic elsewhere too.
        lock(&self.open)
    }
}

fn find(open: &mut Vec<CrdtStore>, name: &str) -> Option<CrdtStore> {
    let at = open.iter().position(|store| store.name() == name)?;
    let store = open.remove(at);
    open.push(store.clone());
    Some(store)
}

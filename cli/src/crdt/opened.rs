//! A store that was opened, here or on a node: the same questions with the same answers.

use std::time::Duration;

use headwater::crdt::{CrdtConfig, CrdtStatus, CrdtStore, CrdtWatcher, Dumped, Kind, Op, Written};
use headwater::{Engine, ErrorKind, GrpcClient, GrpcWatcher, Pending};

use super::{At, Store};
use crate::failure::Done;

/// How many changes a watch takes at once.
const PAGE_CHANGES: u64 = 1_000;

/// A store.
pub(super) enum Opened<'a> {
    Here(CrdtStore),
    There(&'a GrpcClient, &'a str),
}

/// The changes of a store.
pub(super) enum Watching {
    Here(CrdtStore, CrdtWatcher),
    There(GrpcWatcher),
}

impl At<'_> {
    /// Does `work` on a store, which is made where there is none, and the directory too.
    pub(super) fn change<T>(&self, store: &Store, work: impl FnOnce(&Opened<'_>) -> Done<T>) -> Done<T> {
        if let Some(node) = &self.node {
            return work(&Opened::There(node, &store.store));
        }
        self.place.make(|engine| {
            let opened = open_or_make(engine, &store.store)?;
            let done = work(&Opened::Here(opened.clone()))?;
            opened.close();
            Ok(done)
        })
    }

    /// Does `work` on a store that is there, beside whoever writes it.
    pub(super) fn read<T>(&self, store: &Store, work: impl FnOnce(&Opened<'_>) -> Done<T>) -> Done<T> {
        if let Some(node) = &self.node {
            return work(&Opened::There(node, &store.store));
        }
        let engine = self.place.reader()?;
        let done = work(&Opened::Here(engine.open_crdt(&store.store)?))?;
        self.place.warn(&engine);
        Ok(done)
    }
}

pub(super) fn open_or_make(engine: &Engine, name: &str) -> Done<CrdtStore> {
    match engine.open_crdt(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(engine.crdt(CrdtConfig { name: name.to_owned(), ..CrdtConfig::default() })?)
        }
        opened => Ok(opened?),
    }
}

impl Opened<'_> {
    pub(super) fn write(&self, key: &str, kind: Kind, op: &Op<'_>) -> Done<Written> {
        Ok(match self {
            Opened::Here(store) => store.write(key, kind, op).wait()?,
            Opened::There(node, store) => node.write(store, key, kind, op).wait()?,
        })
    }

    pub(super) fn kinds(&self, key: &str) -> Done<Vec<Kind>> {
        Ok(match self {
            Opened::Here(store) => store.kinds(key)?,
            Opened::There(node, store) => node.kinds(store, key).wait()?,
        })
    }

    pub(super) fn status(&self) -> Done<CrdtStatus> {
        Ok(match self {
            Opened::Here(store) => store.status()?,
            Opened::There(node, store) => node.status(store).wait()?,
        })
    }

    /// A key with what is in it, once for each of its kinds.
    pub(super) fn get(&self, key: &str) -> Done<Vec<Dumped>> {
        Ok(match self {
            Opened::Here(store) => {
                let one = |kind| Ok(Dumped { key: key.to_owned(), kind, json: store.json(key, kind)? });
                store.kinds(key)?.into_iter().map(one).collect::<headwater::Result<_>>()?
            }
            Opened::There(node, store) => node.get(store, key).wait()?,
        })
    }

    pub(super) fn dump(&self, prefix: &str) -> Done<Vec<Dumped>> {
        Ok(match self {
            Opened::Here(store) => store.dump(prefix)?,
            Opened::There(node, store) => node.dump(store, prefix).wait()?,
        })
    }

    pub(super) fn keys(&self, prefix: &str) -> Done<Vec<(String, Kind)>> {
        Ok(match self {
            Opened::Here(store) => store.keys(prefix)?,
            Opened::There(node, store) => node.keys(store, prefix).wait()?,
        })
    }

    pub(super) fn watch(&self, prefix: &str) -> Done<Watching> {
        Ok(match self {
            Opened::Here(store) => Watching::Here(store.clone(), store.watch(prefix)?),
            Opened::There(node, store) => Watching::There(node.watch(store, prefix).wait()?),
        })
    }
}

impl Watching {
    /// Waits for changes and takes at most so many; none when nothing changed for so long.
    pub(super) fn next(&mut self, max: u64, timeout: Option<Duration>) -> Done<Option<Vec<Dumped>>> {
        match self {
            Watching::Here(store, watcher) => {
                let Some(changes) = within(watcher.next(max.min(PAGE_CHANGES) as usize), timeout)? else {
                    return Ok(None);
                };
                let now = |change: headwater::crdt::Changed| {
                    let json = store.json(&change.key, change.kind)?;
                    Ok(Dumped { key: change.key, kind: change.kind, json })
                };
                Ok(Some(changes.into_iter().map(now).collect::<headwater::Result<_>>()?))
            }
            Watching::There(watcher) => {
                let mut changes = within(watcher.next(), timeout)?;
                if let Some(changes) = &mut changes {
                    changes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
                }
                Ok(changes)
            }
        }
    }
}

/// What a wait comes to; nothing when that took too long.
fn within<T>(mut pending: Pending<T>, timeout: Option<Duration>) -> Done<Option<T>> {
    let Some(timeout) = timeout else { return Ok(Some(pending.wait()?)) };
    match pending.wait_timeout(timeout) {
        Err(_) if !pending.is_taken() => Ok(None),
        done => Ok(Some(done?)),
    }
}

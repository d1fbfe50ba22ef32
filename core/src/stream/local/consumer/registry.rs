//! The consumers of one stream: made, found, deleted, each in a directory of its own below the stream's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::progress::{Change, Progress};
use super::{Core, LocalConsumer, dead_letter};
use crate::disk::{Disk, sweep, take_dir};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::stream::config::ConsumerConfig;
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::StreamOps;
use crate::stream::dead_letter::check_takes;
use crate::stream::ledger::Ledger;
use crate::stream::local::stream::LocalStream;
use crate::stream::local::subscription::begin;
use crate::subject::Filters;

/// All consumers of one stream.
pub(crate) struct Registry {
    cores: Mutex<BTreeMap<String, Found>>,
}

/// A consumer, or why it cannot be opened. A damaged one is in nobody's way, and can be deleted.
type Found = Result<Arc<Core>>;

fn dir_of(stream: &LocalStream) -> PathBuf {
    stream.local.dir.join("consumers")
}

impl Registry {
    /// Opens what is there.
    pub(crate) fn open(stream: &LocalStream) -> Result<Self> {
        let disk = stream.local.disk();
        let dir = dir_of(stream);
        let mut cores = BTreeMap::new();
        if disk.exists(&dir) {
            let at = |e| Error::io(format_args!("list {}", dir.display()), &e);
            if !stream.local.read_only {
                sweep(&**disk, &dir).map_err(at)?;
            }
            for name in disk.list(&dir).map_err(at)?.into_iter().filter(|n| !n.contains('.')) {
                let found = load(stream, &dir.join(&name)).map_err(|e| e.context(format_args!("consumer '{name}'")));
                if let Err(error) = &found
                    && error.kind() != ErrorKind::Corrupt
                {
                    return Err(error.clone());
                }
                cores.insert(name, found.map(Arc::new));
            }
        }
        Ok(Registry { cores: Mutex::new(cores) })
    }

    fn cores(&self) -> MutexGuard<'_, BTreeMap<String, Found>> {
        lock(&self.cores)
    }

    pub(crate) fn len(&self) -> usize {
        self.cores().len()
    }

    pub(crate) fn create(&self, stream: &LocalStream, config: ConsumerConfig) -> Result<LocalConsumer> {
        stream.local.refuse_if_read_only()?;
        let filters = Filters::new(&config.filter_subjects)?;
        let mut cores = self.cores();
        if let Some(found) = cores.get(&config.name) {
            let core = found.as_ref().map_err(Error::clone)?;
            if core.config() == config {
                return Ok(LocalConsumer::new(Arc::clone(core), stream.clone()));
            }
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("consumer '{}' is there with another configuration", config.name),
            ));
        }
        if config.max_deliver > 0 {
            let dead = dead_letter::open(stream, &config)?;
            check_takes(&dead.config(), stream.name(), &config)?;
        }
        let (next_seq, min_time, newest) = begin(&stream.local, &filters, config.deliver_policy)?;
        let progress = Progress::new(config, next_seq, min_time, newest);
        let dir = dir_of(stream).join(&progress.config.name);
        let state = serde_json::to_vec(&progress).unwrap_or_default();
        let ledger = Ledger::create(stream.local.disk(), &dir, &state)?;
        let core = Arc::new(Core::new(progress, ledger, &stream.local.shared)?);
        cores.insert(core.name.clone(), Ok(Arc::clone(&core)));
        Ok(LocalConsumer::new(core, stream.clone()))
    }

    pub(crate) fn get(&self, stream: &LocalStream, name: &str) -> Result<LocalConsumer> {
        let found = self.cores().get(name).cloned().ok_or_else(|| missing(stream, name))?;
        Ok(LocalConsumer::new(found?, stream.clone()))
    }

    pub(crate) fn delete(&self, stream: &LocalStream, name: &str) -> Result<()> {
        stream.local.refuse_if_read_only()?;
        let found = self.cores().remove(name).ok_or_else(|| missing(stream, name))?;
        if let Ok(core) = found {
            core.retire();
        }
        let dir = dir_of(stream).join(name);
        take_dir(&**stream.local.disk(), &dir).map_err(|e| Error::io(format_args!("remove {}", dir.display()), &e))
    }

    /// All that can be opened; the log names the damaged ones.
    pub(crate) fn infos(&self, stream: &LocalStream) -> Result<Vec<ConsumerInfo>> {
        let found: Vec<Found> = self.cores().values().cloned().collect();
        let mut infos = Vec::with_capacity(found.len());
        for found in found {
            match found {
                Ok(core) => infos.push(LocalConsumer::new(core, stream.clone()).standing()?),
                Err(error) => stream.local.shared.log("error", error.to_string()),
            }
        }
        Ok(infos)
    }

    /// Stores where everyone stands.
    pub(crate) fn store(&self) {
        for core in self.cores().values().flatten() {
            core.store();
        }
    }

    /// Wakes everyone, because it is over.
    pub(crate) fn retire(&self) {
        for core in self.cores().values().flatten() {
            core.retire();
        }
    }
}

fn missing(stream: &LocalStream, name: &str) -> Error {
    Error::not_found(format!("stream '{}' has no consumer '{name}'", stream.name()))
}

fn load(stream: &LocalStream, dir: &Path) -> Result<Core> {
    let (ledger, mut progress) = read(stream.local.disk(), dir, !stream.local.read_only)?;
    progress.rebuild();
    Core::new(progress, ledger, &stream.local.shared)
}

/// What a consumer's directory says of it.
pub(crate) fn read(disk: &Arc<dyn Disk>, dir: &Path, writable: bool) -> Result<(Ledger, Progress)> {
    let bad = |e: serde_json::Error| Error::corrupt(format!("{}: {e}", dir.display()));
    Ledger::open(
        disk,
        dir,
        writable,
        |state| serde_json::from_slice::<Progress>(state).map_err(bad),
        |progress, entry| {
            let change: Change = serde_json::from_slice(entry).map_err(bad)?;
            progress.apply(&change);
            Ok(())
        },
    )
}

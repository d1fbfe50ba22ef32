//! The consumers of one stream: made, found, deleted, each in a directory of its own below the stream's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::progress::{Change, Progress};
use super::{Consumer, ConsumerInfo, Core, dead_letter};
use crate::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::Stream;
use crate::stream::config::{ConsumerConfig, check_name};
use crate::stream::ledger::Ledger;
use crate::stream::subscription::begin;
use crate::subject::Filters;

/// All consumers of one stream.
pub(crate) struct Registry {
    cores: Mutex<BTreeMap<String, Arc<Core>>>,
}

fn dir_of(stream: &Stream) -> PathBuf {
    stream.local.dir.join("consumers")
}

impl Registry {
    /// Opens what is there.
    pub(crate) fn open(stream: &Stream) -> Result<Self> {
        let disk = stream.local.disk();
        let dir = dir_of(stream);
        let mut cores = BTreeMap::new();
        if disk.exists(&dir) {
            let names = disk.list(&dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
            for name in names {
                let core = load(stream, &dir.join(&name)).map_err(|e| e.context(format_args!("consumer '{name}'")))?;
                cores.insert(name, Arc::new(core));
            }
        }
        Ok(Registry { cores: Mutex::new(cores) })
    }

    fn cores(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Core>>> {
        self.cores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.cores().len()
    }

    pub(crate) fn create(&self, stream: &Stream, config: ConsumerConfig) -> Result<Consumer> {
        stream.local.refuse_if_read_only()?;
        check_name("consumer", &config.name)?;
        if config.ack_wait.is_zero() || config.backoff.iter().any(std::time::Duration::is_zero) {
            return Err(Error::invalid("ack_wait and backoff must be more than zero"));
        }
        let filters = Filters::new(&config.filter_subjects)?;
        let mut cores = self.cores();
        if let Some(core) = cores.get(&config.name) {
            if core.config() == config {
                return Ok(Consumer::new(Arc::clone(core), stream.clone()));
            }
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("consumer '{}' is there with another configuration", config.name),
            ));
        }
        if config.max_deliver > 0 {
            let engine = Engine::from_inner(Arc::clone(&stream.engine));
            let dead = dead_letter::open(&engine, stream.name(), &config)?;
            let probe = format!("$DLQ.{}.{}.{}", dead.name(), stream.name(), config.name);
            if !dead.takes(&probe)? {
                return Err(Error::invalid(format!(
                    "dead-letter stream '{}' does not take '$DLQ.{}.>'",
                    dead.name(),
                    dead.name()
                )));
            }
        }
        let (next_seq, min_time, newest) = begin(&stream.local, &filters, config.deliver_policy)?;
        let progress = Progress::new(config, next_seq, min_time, newest);
        let dir = dir_of(stream).join(&progress.config.name);
        let state = serde_json::to_vec(&progress).unwrap_or_default();
        let ledger = Ledger::create(stream.local.disk(), &dir, &state)?;
        let core = Arc::new(Core::new(progress, ledger)?);
        cores.insert(core.name.clone(), Arc::clone(&core));
        Ok(Consumer::new(core, stream.clone()))
    }

    pub(crate) fn get(&self, stream: &Stream, name: &str) -> Result<Consumer> {
        let core = self.cores().get(name).map(Arc::clone);
        let core =
            core.ok_or_else(|| Error::not_found(format!("stream '{}' has no consumer '{name}'", stream.name())))?;
        Ok(Consumer::new(core, stream.clone()))
    }

    pub(crate) fn delete(&self, stream: &Stream, name: &str) -> Result<()> {
        stream.local.refuse_if_read_only()?;
        let core = self.cores().remove(name);
        let core =
            core.ok_or_else(|| Error::not_found(format!("stream '{}' has no consumer '{name}'", stream.name())))?;
        core.retire();
        let dir = dir_of(stream).join(name);
        stream.local.disk().remove_dir(&dir).map_err(|e| Error::io(format_args!("remove {}", dir.display()), &e))
    }

    pub(crate) fn infos(&self, stream: &Stream) -> Result<Vec<ConsumerInfo>> {
        let cores: Vec<Arc<Core>> = self.cores().values().map(Arc::clone).collect();
        cores.into_iter().map(|core| Consumer::new(core, stream.clone()).info()).collect()
    }

    /// Wakes everyone, because the engine closes.
    pub(crate) fn retire(&self) {
        for core in self.cores().values() {
            core.retire();
        }
    }
}

fn load(stream: &Stream, dir: &Path) -> Result<Core> {
    let bad = |e: serde_json::Error| Error::corrupt(format!("{}: {e}", dir.display()));
    let (ledger, mut progress) = Ledger::open(
        stream.local.disk(),
        dir,
        !stream.local.read_only,
        |state| serde_json::from_slice::<Progress>(state).map_err(bad),
        |progress, entry| {
            let change: Change = serde_json::from_slice(entry).map_err(bad)?;
            progress.apply(&change);
            Ok(())
        },
    )?;
    progress.rebuild();
    Core::new(progress, ledger)
}

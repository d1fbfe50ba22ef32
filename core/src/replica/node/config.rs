//! What a replicated SQLite file is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::places::{S3Config, Secret, SftpConfig, WebDavConfig};
use crate::error::{Error, Result};
use crate::record::Durability;
use crate::replica::Options;
use crate::replica::shard::SHARDS_MAX;
use crate::stream::config::{StreamConfig, nanos};
use crate::subject::is_name;

/// How often a file is looked at for what other programs committed, unless it is told otherwise.
pub const POLLING_INTERVAL: Duration = Duration::from_millis(5);

/// How often a sweep over all rows begins, unless it is told otherwise.
pub const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);

/// How long a store outside may take for one part, unless it is told otherwise.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a replicated SQLite file is told. A number that is 0 is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The SQLite file, which is there.
    pub path: PathBuf,
    /// What the nodes call it, the same at all of them: letters, digits, `-` and `_`. The file's name up to its first
    /// dot when empty.
    pub name: String,
    /// What people call this node; the id of its engine when empty.
    pub node_id: String,
    /// Whether what is written here goes to others.
    pub publish: bool,
    /// Whether what others write comes here.
    pub replicate: bool,
    /// Tables to replicate, without regard to case; all when empty.
    pub include: Vec<String>,
    /// Tables to leave out, without regard to case.
    pub exclude: Vec<String>,
    /// Tables whose rows are written whole: of two writes of one row that had not seen each other, one wins in all its
    /// columns.
    pub per_row: Vec<String>,
    /// Columns to leave out, as `table.column` without regard to case, where `*` stands for any characters: what is in
    /// them stays here and is never written by others, and a row made elsewhere has the column's default. A key is
    /// never left out, and a table whose column must have a value and has no default does not replicate.
    pub exclude_columns: Vec<String>,
    /// The most rows that one unit takes in of what was written; what was committed between two looks is not split
    /// otherwise. 4,096 when 0.
    pub scan_max_changes: usize,
    /// How often the file is looked at; [`POLLING_INTERVAL`] when 0.
    #[serde(with = "nanos")]
    pub polling_interval: Duration,
    /// How often a sweep over the clocks of all rows begins, which finds what no trigger told and forgets what is too
    /// old; [`CLEANUP_INTERVAL`] when 0.
    #[serde(with = "nanos")]
    pub cleanup_interval: Duration,
    /// `headwater serve` makes a snapshot, where [`SnapshotConfig::store`] says where to, and ends when nothing was
    /// sent and nothing joined for so long; it does not when 0.
    #[serde(with = "nanos")]
    pub sleep_timeout: Duration,
    /// The log.
    pub log: LogConfig,
    /// Snapshots.
    pub snapshot: SnapshotConfig,
}

/// What snapshots of a replicated file are told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotConfig {
    /// Where they are kept: a directory that all nodes have; `nats` for the object store `REPLICA_<name>_SNAPSHOTS` of
    /// the hub, without a hub of the engine; `s3`, `webdav` or `sftp`, in builds that have them. None are made by
    /// themselves, nor fetched, when it is empty.
    pub store: String,
    /// How often one is made, by one node of all; none by time when 0.
    #[serde(with = "nanos")]
    pub interval: Duration,
    /// One is made when the log grew by so many records since the last; none by growth when 0.
    pub log_entries: u64,
    /// How many are kept; 3 when 0.
    pub keep: usize,
    /// How long a store outside may take for one part of 4 MiB; [`STORE_TIMEOUT`] when 0.
    #[serde(with = "nanos")]
    pub timeout: Duration,
    /// Where `s3` is.
    pub s3: S3Config,
    /// Where `webdav` is.
    pub webdav: WebDavConfig,
    /// Where `sftp` is.
    pub sftp: SftpConfig,
}

/// What the log of a replicated file is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The most records that it keeps, and those before them go; 0 keeps all. A node that was away for longer than the
    /// log reaches back needs a snapshot.
    pub max_entries: u64,
    /// What an acknowledgement of the log promises.
    pub durability: Durability,
    /// How many streams it is, at most 64; 1 when 0. The first is `REPLICA_<name>`, the others `REPLICA_<name>:2` and
    /// so on. Each has the changes of its share of the rows, by table and key: with more than one, what was written
    /// together comes apart. All nodes need the same number.
    pub shards: usize,
    /// Whether units are compressed (zstd), where that makes them smaller. Whoever reads takes both.
    pub compress: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { max_entries: 0, durability: Durability::default(), shards: 0, compress: true }
    }
}

impl SnapshotConfig {
    /// Refuses what can't be.
    pub(super) fn check(&self) -> Result<()> {
        match self.store.as_str() {
            "s3" => self.s3.check(),
            "webdav" => self.webdav.check(),
            "sftp" => self.sftp.check(),
            _ => Ok(()),
        }
    }

    /// Changes the paths of this machine that there are: the directory of the store, and files.
    pub(crate) fn each_path(&mut self, change: impl Fn(&Path) -> Result<PathBuf>) -> Result<()> {
        if !matches!(self.store.as_str(), "" | "nats" | "s3" | "webdav" | "sftp") && !self.store.contains("://") {
            self.store = change(Path::new(&self.store))?.to_string_lossy().into_owned();
        }
        let outside = [&mut self.s3.ca_file, &mut self.webdav.ca_file, &mut self.sftp.key_file];
        for file in outside.into_iter().chain([&mut self.sftp.known_hosts]) {
            if !file.as_os_str().is_empty() {
                *file = change(file)?;
            }
        }
        Ok(())
    }

    #[cfg(feature = "replica-stores")]
    pub(super) fn timeout(&self) -> Duration {
        if self.timeout.is_zero() { STORE_TIMEOUT } else { self.timeout }
    }

    /// The same without what is secret.
    fn without_secrets(&self) -> SnapshotConfig {
        let mut open = self.clone();
        let sftp = &mut open.sftp;
        let secrets = [&mut open.s3.secret, &mut open.s3.session_token, &mut open.webdav.secret];
        for secret in secrets.into_iter().chain([&mut sftp.password, &mut sftp.key_passphrase]) {
            *secret = Secret::default();
        }
        open
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        DatabaseConfig {
            path: PathBuf::new(),
            name: String::new(),
            node_id: String::new(),
            publish: true,
            replicate: true,
            include: Vec::new(),
            exclude: Vec::new(),
            per_row: Vec::new(),
            exclude_columns: Vec::new(),
            scan_max_changes: 0,
            polling_interval: Duration::ZERO,
            cleanup_interval: Duration::ZERO,
            sleep_timeout: Duration::ZERO,
            log: LogConfig::default(),
            snapshot: SnapshotConfig::default(),
        }
    }
}

impl DatabaseConfig {
    /// A file, everything else by default.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        DatabaseConfig { path: path.into(), ..DatabaseConfig::default() }
    }

    /// What the nodes call it.
    pub fn database_name(&self) -> Result<String> {
        let name = if self.name.is_empty() {
            let file = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            file.split('.').next().unwrap_or_default()
        } else {
            &self.name
        };
        if !is_name(name) {
            let message = format!(
                "database name '{}' must be letters, digits, '-' and '_': give one with name",
                name.escape_debug()
            );
            return Err(Error::invalid(message));
        }
        Ok(name.to_owned())
    }

    /// What people call this node, of an engine with this id.
    pub(super) fn node_name(&self, engine: u64) -> String {
        if self.node_id.is_empty() { format!("{engine:016x}") } else { self.node_id.clone() }
    }

    /// The streams that are its log, one for each shard.
    pub fn stream_names(&self) -> Result<Vec<String>> {
        Ok(super::log::stream_names(&self.database_name()?, self.shards()))
    }

    /// How many streams its log is.
    pub(crate) fn shards(&self) -> usize {
        self.log.shards.max(1)
    }

    /// With whole paths, which mean the same in every process.
    pub(crate) fn resolved(mut self) -> Result<Self> {
        let whole = |path: &Path| {
            std::path::absolute(path).map_err(|error| Error::io(format_args!("look for {}", path.display()), &error))
        };
        if !self.path.as_os_str().is_empty() {
            self.path = whole(&self.path)?;
        }
        self.snapshot.each_path(whole)?;
        Ok(self)
    }

    /// Refuses what can't be.
    pub fn check(&self) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            return Err(Error::invalid("path is empty: name the SQLite file"));
        }
        if self.log.shards > SHARDS_MAX {
            let message = format!("{} shards of a log, and the most is {SHARDS_MAX}", self.log.shards);
            return Err(Error::invalid(message));
        }
        self.exclude_columns.iter().try_for_each(|pattern| crate::replica::pattern::check(pattern))?;
        self.snapshot.check()?;
        self.database_name().map(drop)
    }

    /// The settings, but for those of snapshots, that say another thing than these.
    pub(crate) fn differences(&self, other: &DatabaseConfig) -> Vec<String> {
        let settings = |of: &DatabaseConfig| {
            let plain = DatabaseConfig { snapshot: SnapshotConfig::default(), ..of.clone() };
            serde_json::to_value(plain).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default()
        };
        let theirs = settings(other);
        settings(self)
            .into_iter()
            .filter(|(name, value)| theirs.get(name) != Some(value))
            .map(|(name, _)| name)
            .collect()
    }

    /// The same without what is secret, as the directory of an engine keeps it.
    pub(crate) fn without_secrets(&self) -> DatabaseConfig {
        DatabaseConfig { snapshot: self.snapshot.without_secrets(), ..self.clone() }
    }

    pub(super) fn options(&self) -> Options {
        let mut options = Options {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            per_row: self.per_row.clone(),
            exclude_columns: self.exclude_columns.clone(),
            shards: self.shards(),
            compress: self.log.compress,
            publish: self.publish,
            ..Options::default()
        };
        if self.scan_max_changes > 0 {
            options.unit_changes_max = self.scan_max_changes;
        }
        options
    }

    pub(super) fn stream(&self, name: &str) -> StreamConfig {
        StreamConfig {
            durability: self.log.durability,
            max_msgs: self.log.max_entries,
            ..StreamConfig::new(super::log::stream_name(name), [super::log::filter(name)])
        }
    }

    pub(super) fn pause_between_sweeps(&self) -> Duration {
        if self.cleanup_interval.is_zero() { CLEANUP_INTERVAL } else { self.cleanup_interval }
    }

    pub(super) fn pause_between_looks(&self) -> Duration {
        if self.polling_interval.is_zero() { POLLING_INTERVAL } else { self.polling_interval }
    }
}

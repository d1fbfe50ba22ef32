//! A key-value view of a stream in JetStream's own layout, so that any NATS tool reads it: stream `KV_<bucket>`,
//! subjects
//! `$KV.<bucket>.<key>`, deletes marked by the header `KV-Operation`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::Stream;
use super::config::{DeliverPolicy, Discard, StreamConfig};
use super::options::ReadOptions;
use super::subscription::{SubscribeOptions, Subscription};
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Append, Batch, Durability, RecordView, Rollup};

/// The most values of one key that are kept.
const HISTORY_MAX: u32 = 64;
const HEADER_OPERATION: &str = "KV-Operation";

/// What a bucket keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketConfig {
    /// Its name: letters, digits, `-` and `_`.
    pub bucket: String,
    /// For people.
    pub description: String,
    /// How many values of a key are kept, 1 to 64; 0 is 1.
    pub history: u32,
    /// Values older than this go; zero is never.
    pub ttl: Duration,
    /// The most bytes; 0 is no limit.
    pub max_bytes: u64,
    /// The largest value, in bytes; 0 is 8 MiB.
    pub max_value_size: u32,
    /// What an acknowledgement promises.
    pub durability: Durability,
}

impl BucketConfig {
    /// A bucket of this name, everything else by default.
    pub fn new(bucket: impl Into<String>) -> Self {
        BucketConfig { bucket: bucket.into(), ..BucketConfig::default() }
    }

    fn stream_config(&self) -> Result<StreamConfig> {
        check_bucket(&self.bucket)?;
        if self.history > HISTORY_MAX {
            return Err(Error::invalid(format!("history is {}, the most is {HISTORY_MAX}", self.history)));
        }
        let window = Duration::from_secs(120);
        Ok(StreamConfig {
            description: self.description.clone(),
            durability: self.durability,
            max_age: self.ttl,
            max_bytes: self.max_bytes,
            max_msgs_per_subject: u64::from(self.history.max(1)),
            max_msg_size: self.max_value_size,
            discard: Discard::New,
            duplicate_window: if self.ttl.is_zero() { window } else { window.min(self.ttl) },
            allow_rollup: true,
            deny_delete: true,
            ..StreamConfig::new(format!("KV_{}", self.bucket), [format!("$KV.{}.>", self.bucket)])
        })
    }
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It got a value.
    Put,
    /// It was deleted; its history stays.
    Delete,
    /// It was deleted with its history.
    Purge,
}

impl Operation {
    /// `PUT`, `DEL` or `PURGE`, as JetStream writes it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Put => "PUT",
            Operation::Delete => "DEL",
            Operation::Purge => "PURGE",
        }
    }

    fn of(record: &RecordView<'_>) -> Self {
        match record.header(HEADER_OPERATION) {
            Some("DEL") => Operation::Delete,
            Some("PURGE") => Operation::Purge,
            _ => Operation::Put,
        }
    }
}

/// One revision of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value; empty when deleted.
    pub value: Vec<u8>,
    /// The stream's sequence.
    pub revision: u64,
    /// When, in nanoseconds since the epoch.
    pub time: Nanos,
    /// What happened.
    pub operation: Operation,
}

/// What a bucket holds.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketStatus {
    /// Its configuration.
    pub config: BucketConfig,
    /// Revisions kept, delete markers included.
    pub values: u64,
    /// Bytes kept, as stored.
    pub bytes: u64,
}

/// What a watcher sees.
#[derive(Debug, Clone, Default)]
pub struct WatchOptions {
    /// Key filters with `*` and `>`; all keys when empty.
    pub filters: Vec<String>,
    /// Every kept revision first, not only the newest.
    pub include_history: bool,
    /// Only what changes from now on.
    pub updates_only: bool,
    /// Leave deletes out.
    pub ignore_deletes: bool,
}

/// A key-value view of a stream. Cheap to clone: clones share it.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    prefix: String,
    stream: Stream,
}

fn check_bucket(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(good) {
        return Err(Error::invalid(format!(
            "bucket name '{}' must be letters, digits, '-' and '_'",
            name.escape_debug()
        )));
    }
    Ok(())
}

fn check_key(key: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | '=' | '.');
    if key.is_empty() || !key.chars().all(good) || key.starts_with('.') || key.ends_with('.') || key.contains("..") {
        return Err(Error::invalid(format!(
            "key '{}' must be letters, digits and '-/_=.', with no '.' at an end or next to another; encode other keys",
            key.escape_debug()
        )));
    }
    Ok(())
}

pub(crate) fn create(engine: &Engine, config: &BucketConfig) -> Result<Bucket> {
    let stream_config = config.stream_config()?;
    let name = stream_config.name.clone();
    let stream = engine.create_stream(stream_config).map_err(|error| match engine.stream(&name) {
        Ok(_) if error.kind() == ErrorKind::Conflict => {
            let message = format!("bucket '{}' is there with another configuration", config.bucket);
            Error::new(ErrorKind::Conflict, message)
        }
        _ => error,
    })?;
    Ok(Bucket::over(&config.bucket, stream))
}

pub(crate) fn open(engine: &Engine, name: &str) -> Result<Bucket> {
    check_bucket(name)?;
    let stream = engine.stream(&format!("KV_{name}")).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no bucket '{name}'")),
        _ => e,
    })?;
    Ok(Bucket::over(name, stream))
}

impl Bucket {
    fn over(name: &str, stream: Stream) -> Self {
        Bucket { name: name.to_owned(), prefix: format!("$KV.{name}."), stream }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stream that it is a view of.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What it holds.
    pub fn status(&self) -> Result<BucketStatus> {
        let info = self.stream.info()?;
        let config = BucketConfig {
            bucket: self.name.clone(),
            description: info.config.description.clone(),
            history: info.config.max_msgs_per_subject as u32,
            ttl: info.config.max_age,
            max_bytes: info.config.max_bytes,
            max_value_size: info.config.max_msg_size,
            durability: info.config.durability,
        };
        Ok(BucketStatus { config, values: info.records, bytes: info.bytes })
    }

    fn subject(&self, key: &str) -> Result<String> {
        check_key(key)?;
        Ok(format!("{}{key}", self.prefix))
    }

    /// Appends what `build` makes of the key's new value; a conflict speaks of the key.
    fn write(&self, key: &str, value: &[u8], build: impl FnOnce(Append<'_>) -> Append<'_>) -> Pending<u64> {
        match self.subject(key) {
            Ok(subject) => self
                .stream
                .append(&build(Append::new(&subject, value)))
                .map_refusal(|error| match (error.expected(), error.actual()) {
                    (Some(expected), Some(actual)) => self.conflict(key, expected, actual),
                    _ => error,
                })
                .map(|ack| ack.seq),
            Err(error) => Pending::ready(Err(error)),
        }
    }

    fn conflict(&self, key: &str, expected: u64, actual: u64) -> Error {
        Error::wrong_sequence(&format!("key '{key}' of bucket '{}'", self.name), expected, actual)
    }

    /// Sets a key; returns the revision.
    pub fn put(&self, key: &str, value: &[u8]) -> Pending<u64> {
        self.write(key, value, |append| append)
    }

    /// Sets a key that has no value, for `ttl` when given; a conflict when it has one.
    pub fn create(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Pending<u64> {
        let expected = match self.newest(key) {
            Err(error) => return Pending::ready(Err(error)),
            Ok(Some(entry)) if entry.operation == Operation::Put => {
                return Pending::ready(Err(self.conflict(key, 0, entry.revision)));
            }
            Ok(Some(entry)) => entry.revision,
            Ok(None) => 0,
        };
        self.conditional(key, value, expected, ttl)
    }

    /// Sets a key whose last revision is this one; a conflict when it is not.
    pub fn update(&self, key: &str, value: &[u8], revision: u64) -> Pending<u64> {
        self.conditional(key, value, revision, None)
    }

    fn conditional(&self, key: &str, value: &[u8], revision: u64, ttl: Option<Duration>) -> Pending<u64> {
        self.write(key, value, |append| Append { ttl, ..append.expect_subject_last_seq(revision) })
    }

    /// Deletes a key and keeps its history, if its last revision is this one (when given).
    pub fn delete(&self, key: &str, revision: Option<u64>) -> Pending<u64> {
        self.write(key, &[], |mut append| {
            append.expect_subject_last_seq = revision;
            append.header(HEADER_OPERATION, "DEL")
        })
    }

    /// Deletes a key with its history, if its last revision is this one (when given).
    pub fn purge(&self, key: &str, revision: Option<u64>) -> Pending<u64> {
        self.write(key, &[], |mut append| {
            append.expect_subject_last_seq = revision;
            append.header(HEADER_OPERATION, "PURGE").rollup(Rollup::Subject)
        })
    }

    fn newest(&self, key: &str) -> Result<Option<Entry>> {
        let subject = self.subject(key)?;
        let batch = self.stream.last_many(&[&subject], 0, 1)?;
        Ok(batch.get(0).map(|r| self.entry(&r)))
    }

    fn entry(&self, record: &RecordView<'_>) -> Entry {
        Entry {
            key: record.subject.strip_prefix(&self.prefix).unwrap_or(record.subject).to_owned(),
            value: record.payload.to_vec(),
            revision: record.seq,
            time: record.time,
            operation: Operation::of(record),
        }
    }

    /// The newest revision of a key that has a value.
    pub fn get(&self, key: &str) -> Result<Option<Entry>> {
        Ok(self.newest(key)?.filter(|e| e.operation == Operation::Put))
    }

    /// That revision of a key, deletes included.
    pub fn get_revision(&self, key: &str, revision: u64) -> Result<Option<Entry>> {
        let subject = self.subject(key)?;
        if revision == 0 {
            return Ok(None);
        }
        let options = ReadOptions::default().filter(subject).from_seq(revision).max_records(1);
        let batch = self.stream.read(&options)?;
        Ok(batch.get(0).filter(|r| r.seq == revision).map(|r| self.entry(&r)))
    }

    /// The kept revisions of a key, oldest first, deletes included.
    pub fn history(&self, key: &str) -> Result<Vec<Entry>> {
        let options =
            ReadOptions { filters: vec![self.subject(key)?], max_bytes: usize::MAX, ..ReadOptions::default() };
        Ok(self.entries(&self.stream.read(&options)?, false))
    }

    fn entries(&self, batch: &Batch, ignore_deletes: bool) -> Vec<Entry> {
        let all = batch.iter().map(|r| self.entry(&r));
        all.filter(|e| !ignore_deletes || e.operation == Operation::Put).collect()
    }

    /// The keys that have a value, in order, that `filter` (`>` for all) takes.
    pub fn keys(&self, filter: &str) -> Result<Vec<String>> {
        let filter = format!("{}{filter}", self.prefix);
        let mut keys = Vec::new();
        let mut after = 0;
        loop {
            let batch = self.stream.last_many(&[&filter], after, KEYS_AT_ONCE)?;
            let Some(last) = batch.seq(batch.len().wrapping_sub(1)) else { break };
            after = last;
            let live = batch.iter().filter(|r| Operation::of(r) == Operation::Put);
            keys.extend(live.map(|r| r.subject[self.prefix.len()..].to_owned()));
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// What is there, then what changes.
    pub fn watch(&self, options: WatchOptions) -> Result<Watcher> {
        if options.include_history && options.updates_only {
            return Err(Error::invalid("a watch takes include_history or updates_only, not both"));
        }
        let deliver_policy = match (options.updates_only, options.include_history) {
            (true, _) => DeliverPolicy::New,
            (_, true) => DeliverPolicy::All,
            _ => DeliverPolicy::LastPerSubject,
        };
        let filters = if options.filters.is_empty() { vec![">".to_owned()] } else { options.filters };
        let filters = filters.iter().map(|f| format!("{}{f}", self.prefix)).collect();
        let until = self.stream.local.ready()?.last_seq;
        let subscription = self.stream.subscribe(SubscribeOptions { filters, deliver_policy })?;
        let caught_up = AtomicBool::new(options.updates_only);
        Ok(Watcher { bucket: self.clone(), subscription, until, caught_up, ignore_deletes: options.ignore_deletes })
    }
}

/// Newest revisions that are read at a time while listing keys.
const KEYS_AT_ONCE: usize = 100_000;

/// Follows the changes of a bucket. Safe to share; each entry goes to one taker.
pub struct Watcher {
    bucket: Bucket,
    subscription: Subscription,
    until: u64,
    caught_up: AtomicBool,
    ignore_deletes: bool,
}

impl Watcher {
    /// Waits until there is at least one entry, then takes up to `max`. Where deletes are left out, it may be none.
    pub fn next(&self, max: usize) -> Pending<Vec<Entry>> {
        let (bucket, ignore) = (self.bucket.clone(), self.ignore_deletes);
        self.subscription.next(max).map(move |batch| bucket.entries(&batch, ignore))
    }

    /// Takes up to `max` entries that are there.
    pub fn try_next(&self, max: usize) -> Result<Vec<Entry>> {
        Ok(self.bucket.entries(&self.subscription.try_next(max)?, self.ignore_deletes))
    }

    /// Ready when [`Watcher::try_next`] has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.subscription.poll_ready(cx)
    }

    /// Whether everything that was there when the watch began has been taken.
    pub fn caught_up(&self) -> bool {
        if !self.caught_up.load(Ordering::Relaxed) && self.subscription.is_past(self.until) {
            self.caught_up.store(true, Ordering::Relaxed);
        }
        self.caught_up.load(Ordering::Relaxed)
    }

    /// How many revisions limits removed before this watcher came to read them, as [`Subscription::missed`] says.
    pub fn missed(&self) -> u64 {
        self.subscription.missed()
    }

    /// Ends it: waits return `Closed`.
    pub fn close(&self) {
        self.subscription.close();
    }
}

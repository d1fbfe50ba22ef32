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
use crate::subject::is_name;

/// The most values of one key that are kept.
const HISTORY_MAX: u32 = 64;
const HEADER_OPERATION: &str = "KV-Operation";
/// What the names of all buckets' streams begin with.
const STREAM_PREFIX: &str = "KV_";

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
            ..StreamConfig::new(stream_name(&self.bucket), [format!("$KV.{}.>", self.bucket)])
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

impl Entry {
    /// What a record says, whose key begins at `prefix_bytes` of its subject.
    fn of(record: &RecordView<'_>, prefix_bytes: usize) -> Self {
        Entry {
            key: record.subject.get(prefix_bytes..).unwrap_or(record.subject).to_owned(),
            value: record.payload.to_vec(),
            revision: record.seq,
            time: record.time,
            operation: Operation::of(record),
        }
    }

    pub(crate) fn is_put(&self) -> bool {
        self.operation == Operation::Put
    }
}

fn entries(batch: &Batch, prefix_bytes: usize, ignore_deletes: bool) -> Vec<Entry> {
    batch.iter().map(|r| Entry::of(&r, prefix_bytes)).filter(|e| !ignore_deletes || e.is_put()).collect()
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

/// Refuses a name of a bucket, of keys or of objects, that no engine takes.
pub(super) fn check_bucket(name: &str) -> Result<()> {
    if !is_name(name) {
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

pub(crate) fn create(engine: &Engine, config: &BucketConfig) -> Pending<Bucket> {
    let (engine, bucket, stream_config) = (engine.clone(), config.bucket.clone(), config.stream_config());
    Pending::of(async move {
        let stream_config = stream_config?;
        let name = stream_config.name.clone();
        match engine.create_stream(stream_config).await {
            Ok(stream) => Ok(Bucket::over(&bucket, stream)),
            Err(error) if error.kind() == ErrorKind::Conflict && engine.stream(&name).await.is_ok() => {
                let message = format!("bucket '{bucket}' is there with another configuration");
                Err(Error::new(ErrorKind::Conflict, message))
            }
            Err(error) => Err(error),
        }
    })
}

/// As [`create`], a bucket whose values can be erased.
pub(crate) fn create_erasable(engine: &Engine, config: &BucketConfig) -> Pending<Bucket> {
    let bucket = config.bucket.clone();
    let erasable = |config: StreamConfig| StreamConfig {
        deny_delete: false,
        // An erased value takes the segment that has it through memory.
        segment_bytes: 1 << 20,
        ..config
    };
    Pending::after(config.stream_config().map(erasable), |config| engine.create_stream(config))
        .map(move |stream| Bucket::over(&bucket, stream))
}

pub(crate) fn open(engine: &Engine, name: &str) -> Pending<Bucket> {
    let (bucket, wanted) = (name.to_owned(), name.to_owned());
    let missing = move |error: Error| match error.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no bucket '{wanted}'")),
        _ => error,
    };
    let stream = Pending::after(check_bucket(name), |()| engine.stream(&stream_name(name)));
    stream.map_err(missing).map(move |stream| Bucket::over(&bucket, stream))
}

/// The stream of a bucket.
pub(crate) fn stream_name(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// The bucket whose stream has this name.
pub(crate) fn of_stream(name: &str) -> Option<&str> {
    name.strip_prefix(STREAM_PREFIX)
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
    pub fn status(&self) -> Pending<BucketStatus> {
        let bucket = self.name.clone();
        self.stream.info().map(move |info| BucketStatus {
            config: BucketConfig {
                bucket,
                description: info.config.description,
                history: info.config.max_msgs_per_subject as u32,
                ttl: info.config.max_age,
                max_bytes: info.config.max_bytes,
                max_value_size: info.config.max_msg_size,
                durability: info.config.durability,
            },
            values: info.records,
            bytes: info.bytes,
        })
    }

    fn subject(&self, key: &str) -> Result<String> {
        check_key(key)?;
        Ok(format!("{}{key}", self.prefix))
    }

    /// Appends what `build` makes of the key's new value; a conflict speaks of the key.
    fn write(&self, key: &str, value: &[u8], build: impl FnOnce(Append<'_>) -> Append<'_>) -> Pending<u64> {
        Pending::after(self.subject(key), |subject| {
            let pending = self.stream.append(&build(Append::new(&subject, value)));
            let of_key = move |error: Error| match (error.expected(), error.actual()) {
                (Some(expected), Some(actual)) => wrong_revision(&subject, expected, actual),
                _ => error,
            };
            pending.map_err(of_key).map(|ack| ack.seq)
        })
    }

    /// Sets a key; returns the revision.
    pub fn put(&self, key: &str, value: &[u8]) -> Pending<u64> {
        self.write(key, value, |append| append)
    }

    /// Sets a key that has no value, for `ttl` when given; a conflict when it has one.
    pub fn create(&self, key: &str, value: &[u8], ttl: Option<Duration>) -> Pending<u64> {
        match self.newest(key).into_ready() {
            Ok(Ok(newest)) => self.create_after(newest, key, value, ttl),
            Ok(Err(error)) => Pending::ready(Err(error)),
            Err(later) => {
                let (bucket, key, value) = (self.clone(), key.to_owned(), value.to_owned());
                later.and_then(move |newest| bucket.create_after(newest, &key, &value, ttl))
            }
        }
    }

    fn create_after(&self, newest: Option<Entry>, key: &str, value: &[u8], ttl: Option<Duration>) -> Pending<u64> {
        match newest {
            Some(entry) if entry.is_put() => Pending::after(self.subject(key), |subject| {
                Pending::ready(Err(wrong_revision(&subject, 0, entry.revision)))
            }),
            newest => self.conditional(key, value, newest.map_or(0, |e| e.revision), ttl),
        }
    }

    /// Sets a key whose last revision is this one; a conflict when it is not.
    pub fn update(&self, key: &str, value: &[u8], revision: u64) -> Pending<u64> {
        self.conditional(key, value, revision, None)
    }

    /// As [`Bucket::update`], for `ttl` when given.
    pub(crate) fn conditional(&self, key: &str, value: &[u8], revision: u64, ttl: Option<Duration>) -> Pending<u64> {
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

    /// Takes the value of a key away, and its bytes from where they are kept; false when it has none. A bucket of
    /// [`create_erasable`] alone allows it.
    pub(crate) fn erase(&self, key: &str) -> Pending<bool> {
        let (bucket, key) = (self.clone(), key.to_owned());
        Pending::of(async move {
            let Some(entry) = bucket.get(&key).await? else { return bucket.stream.erase(0).await };
            let is_gone = bucket.stream.erase(entry.revision).await?;
            // What copies the bucket hears of it by this mark; a value that was set meanwhile says it as well.
            match bucket.purge(&key, Some(0)).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => drop(done?),
            }
            Ok(is_gone)
        })
    }

    /// The values that some keys have.
    pub(crate) async fn get_many(&self, keys: &[String]) -> Result<Vec<Entry>> {
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(GET_MANY_KEYS) {
            let subjects: Vec<String> = some.iter().map(|key| self.subject(key)).collect::<Result<_>>()?;
            let filters: Vec<&str> = subjects.iter().map(String::as_str).collect();
            let mut after = 0;
            loop {
                let batch = self.stream.last_many(&filters, after, some.len()).await?;
                let Some(last) = batch.last_seq() else { break };
                after = last;
                found.extend(entries(&batch, self.prefix.len(), true));
            }
        }
        Ok(found)
    }

    /// The newest revision of a key, one that takes its value away included.
    pub(crate) fn newest(&self, key: &str) -> Pending<Option<Entry>> {
        let prefix_bytes = self.prefix.len();
        Pending::after(self.subject(key), |subject| {
            let batch = self.stream.last_many(&[&subject], 0, 1);
            batch.map(move |batch| batch.get(0).map(|r| Entry::of(&r, prefix_bytes)))
        })
    }

    /// The newest revision of a key that has a value.
    pub fn get(&self, key: &str) -> Pending<Option<Entry>> {
        self.newest(key).map(|newest| newest.filter(Entry::is_put))
    }

    /// That revision of a key, deletes included.
    pub fn get_revision(&self, key: &str, revision: u64) -> Pending<Option<Entry>> {
        let prefix_bytes = self.prefix.len();
        Pending::after(self.subject(key), |subject| {
            if revision == 0 {
                return Pending::ready(Ok(None));
            }
            let options = ReadOptions::default().filter(subject).from_seq(revision).max_records(1);
            let that =
                move |batch: Batch| batch.get(0).filter(|r| r.seq == revision).map(|r| Entry::of(&r, prefix_bytes));
            self.stream.read(&options).map(that)
        })
    }

    /// The kept revisions of a key, oldest first, deletes included.
    pub fn history(&self, key: &str) -> Pending<Vec<Entry>> {
        let prefix_bytes = self.prefix.len();
        Pending::after(self.subject(key), |subject| {
            let options = ReadOptions { filters: vec![subject], max_bytes: usize::MAX, ..ReadOptions::default() };
            self.stream.read(&options).map(move |batch| entries(&batch, prefix_bytes, false))
        })
    }

    /// The keys that have a value, in order, that `filter` (`>` for all) takes.
    pub fn keys(&self, filter: &str) -> Pending<Vec<String>> {
        let (stream, prefix_bytes) = (self.stream.clone(), self.prefix.len());
        let filter = format!("{}{filter}", self.prefix);
        Pending::of(async move {
            let mut keys = Vec::new();
            let mut after = 0;
            loop {
                let batch = stream.last_many(&[&filter], after, KEYS_AT_ONCE).await?;
                let Some(last) = batch.last_seq() else { break };
                after = last;
                let live = batch.iter().filter(|r| Operation::of(r) == Operation::Put);
                keys.extend(live.map(|r| r.subject[prefix_bytes..].to_owned()));
            }
            keys.sort_unstable();
            Ok(keys)
        })
    }

    /// What is there, then what changes.
    pub fn watch(&self, options: WatchOptions) -> Pending<Watcher> {
        if options.include_history && options.updates_only {
            let both = Error::invalid("a watch takes include_history or updates_only, not both");
            return Pending::ready(Err(both));
        }
        let deliver_policy = match (options.updates_only, options.include_history) {
            (true, _) => DeliverPolicy::New,
            (_, true) => DeliverPolicy::All,
            _ => DeliverPolicy::LastPerSubject,
        };
        let filters = if options.filters.is_empty() { vec![">".to_owned()] } else { options.filters };
        let filters = filters.iter().map(|f| format!("{}{f}", self.prefix)).collect();
        let bucket = self.clone();
        self.stream.last_seq(">").and_then(move |until| {
            let subscription = bucket.stream.subscribe(SubscribeOptions { filters, deliver_policy });
            subscription.map(move |subscription| {
                let caught_up = AtomicBool::new(options.updates_only);
                Watcher { bucket, subscription, until, caught_up, ignore_deletes: options.ignore_deletes }
            })
        })
    }
}

/// The conflict of a write, in terms of the key that is the end of its subject, `$KV.<bucket>.<key>`.
fn wrong_revision(subject: &str, expected: u64, actual: u64) -> Error {
    let (bucket, key) = subject.strip_prefix("$KV.").and_then(|s| s.split_once('.')).unwrap_or_default();
    Error::wrong_sequence(&format!("key '{key}' of bucket '{bucket}'"), expected, actual)
}

/// Keys that are asked for at once.
const GET_MANY_KEYS: usize = 500;

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
        let (prefix_bytes, ignore_deletes) = (self.bucket.prefix.len(), self.ignore_deletes);
        self.subscription.next(max).map(move |batch| entries(&batch, prefix_bytes, ignore_deletes))
    }

    /// Takes up to `max` entries that are there.
    pub fn try_next(&self, max: usize) -> Result<Vec<Entry>> {
        Ok(entries(&self.subscription.try_next(max)?, self.bucket.prefix.len(), self.ignore_deletes))
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
